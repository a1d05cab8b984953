"""Observe and replace: what a table holds is a function of the set of bodies, whatever way they came."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import polars as pl
from day_feed import URL, DayFeed, Row, Seen, SeriesFeed, body, url_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages import SEEDS, Room, holdings_data, holdings_page

from pipelines.feeds.btcetffundflow import BtcEtfFundFlowHoldings
from pipelines.tables.market import AssetMarket
from pipelines.warehouse.runs import merge_runs

START = datetime.fromisoformat("2026-03-10T12:00")
DAYS = (date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3))
TRUNCATED = b'{"rows": [["here", "2026-03-'
slow = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""Where it exists, a folder that needs no disk: durable writes are not what is tested here."""


@dataclass(frozen=True)
class Told:
    """One body as it was answered. Two of one moment are ordered by their bytes, and then by their id."""

    body: bytes
    at: datetime
    url: str
    rows: tuple[Row, ...] | None
    """None: the body is refused."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


def tellings(rows: st.SearchStrategy[tuple[Row, ...]], urls: list[str]) -> st.SearchStrategy[list[Told]]:
    """Up to six bodies, of which some have the same moment, some are refused, and some are the same."""

    def told(rows: tuple[Row, ...] | None, minute: int, url: str) -> Told:
        content = TRUNCATED if rows is None else body(rows)
        is_good = [row[3] != "?" for row in rows or () if row[0].islower()]
        is_refused = rows is None or (len(is_good) > 0 and not any(is_good))
        return Told(content, START + timedelta(minutes=minute), url, None if is_refused else rows)

    one = st.builds(told, st.one_of(rows, rows, rows, st.none()), st.integers(0, 2), st.sampled_from(urls))
    return st.lists(one, min_size=1, max_size=6)


def observed_rows() -> st.SearchStrategy[tuple[Row, ...]]:
    """One to three keys, few values: many bodies agree, many differ. `?` is a fault, `NOWHERE` is unknown."""
    keys = st.sampled_from([("here", "2026-03-01"), ("here", "2026-03-02"), ("there", "2026-03-01")])
    amounts = st.sampled_from(["0", "1", "2.50", "?"])
    series = st.dictionaries(keys, amounts, max_size=3)
    unknown = st.sampled_from([(), (("NOWHERE", "2026-03-01", 1, "5"),)])
    return st.builds(
        lambda known, more: tuple((*key, 1, amount) for key, amount in known.items()) + more, series, unknown
    )


def in_order(tellings: dict[str, Told]) -> list[tuple[str, Told]]:
    return sorted(tellings.items(), key=lambda item: (item[1].at, item[1].sha256, item[0]))


def runs_of(tellings: dict[str, Told]) -> list[tuple]:
    """The reference: what is known of each key, told one by one in the order seen, equal neighbours as one run."""
    seen: dict[tuple, list[tuple]] = {}
    for fetch_id, told in in_order(tellings):
        for number, (place, day, slot, amount) in enumerate(told.rows or ()):
            if amount != "?" and place.islower():
                key = (place, date.fromisoformat(day), slot)
                observation = (Decimal(amount), fetch_id, f"/rows/{number}", told.at)
                seen.setdefault(key, []).append(observation)
    runs = []
    for key, observations in seen.items():
        for number, (_, group) in enumerate(groupby(observations, key=lambda each: each[0]), start=1):
            run = list(group)
            amount, fetch_id, locator, at = run[0]
            runs.append((*key, amount, fetch_id, locator, at, number, run[-1][3], run[-1][1]))
    return sorted(runs)


RUNS = """
select place_id, date_day, slot, amount, fetch_id, locator, fetched_at, run_number, last_seen_at, last_fetch_id
from feeds.days__series order by all
"""
SET_ASIDE = {
    "rejected": "select fetch_id, locator from meta.rejected_rows order by all",
    "unknown": "select fetch_id, source_name, rows from meta.unknown_names order by all",
    "good": "select fetch_id from feeds.ledger where outcome = 'ok' order by all",
}


@slow
@given(tellings(observed_rows(), [URL, f"{URL}?page=2"]), st.data())
def test_the_runs_of_a_key_do_not_depend_on_the_way_the_bodies_came(told, data):
    order = data.draw(st.permutations(told), label="order")
    loads_after = data.draw(st.sets(st.integers(0, len(told) - 1), max_size=2), label="loads after body")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        room = Room(Path(folder), SeriesFeed(SEEDS))
        filed = {}
        for n, each in enumerate(order):
            filed[room.put(each.body, each.at, each.url)] = each
            if n in loads_after:
                room.load()
                assert room.rows(RUNS) == runs_of(filed)
        room.load()
        stands = room.stands()
        assert room.rows(RUNS) == runs_of(filed)
        assert {name: room.rows(query) for name, query in SET_ASIDE.items()} == set_aside(filed)
        assert len(stands["feeds.ledger"]) == len(filed)
        assert room.load().bodies == 0, "a second load has nothing to read"
        assert room.stands() == stands
        room.warehouse.file.unlink()
        room.load()
        assert room.stands() == stands


def set_aside(tellings: dict[str, Told]) -> dict[str, list[tuple]]:
    """The reference: the faults of every body that is not refused, and the unknown name with who said it first."""
    good = {fetch_id: told.rows for fetch_id, told in in_order(tellings) if told.rows is not None}
    cells = [(fetch_id, number, row) for fetch_id, rows in good.items() for number, row in enumerate(rows)]
    unknown = [fetch_id for fetch_id, _, row in cells if row[0] == "NOWHERE"]
    return {
        "rejected": sorted((fetch_id, f"/rows/{number}") for fetch_id, number, row in cells if row[3] == "?"),
        "unknown": [(unknown[0], "NOWHERE", len(unknown))] if unknown else [],
        "good": sorted((fetch_id,) for fetch_id in good),
    }


def day_rows() -> st.SearchStrategy[tuple[Row, ...]]:
    slots = st.dictionaries(st.integers(1, 3), st.sampled_from(["1", "2", "?"]), max_size=3)
    return slots.map(lambda each: tuple(("here", "day", slot, amount) for slot, amount in each.items()))


@slow
@given(tellings(day_rows(), [str(day) for day in DAYS[:2]]), st.data())
def test_the_newest_answer_of_a_day_stands_whatever_the_order(told, data):
    """Its rows, all of its rows, and no row of an older answer; a refused answer is none."""
    order = data.draw(st.permutations(told), label="order")
    loads_after = data.draw(st.sets(st.integers(0, len(told) - 1), max_size=2), label="loads after body")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        room = Room(Path(folder), DayFeed(SEEDS))
        filed = {}
        for n, each in enumerate(order):
            content = each.body.replace(b'"day"', f'"{each.url}"'.encode())
            fetch_id = room.put(content, each.at, url_of(date.fromisoformat(each.url)))
            filed[fetch_id] = Told(content, each.at, each.url, each.rows)
            if n in loads_after:
                room.load()
        room.load()
        stands = room.stands()
        counted = room.rows(
            "select cast(date_day as varchar), slot, amount, fetch_id from feeds.days__counts order by all"
        )
        assert counted == newest_of_each_day(filed)
        room.load()
        assert room.stands() == stands
        room.warehouse.file.unlink()
        room.load()
        assert room.stands() == stands


def newest_of_each_day(tellings: dict[str, Told]) -> list[tuple]:
    """The reference: later answers overwrite earlier ones, day by day."""
    days: dict[str, list[tuple]] = {}
    for fetch_id, told in in_order(tellings):
        if told.rows is not None:
            days[told.url] = [
                (told.url, slot, Decimal(amount), fetch_id) for _, _, slot, amount in told.rows if amount != "?"
            ]
    return sorted(row for rows in days.values() for row in rows)


# --- stories ------------------------------------------------------------------------------------------------


def test_a_row_that_vanished_from_its_day_is_gone_and_other_days_are_untouched(tmp_path):
    room = Room(tmp_path, DayFeed(SEEDS))
    first, second, third = DAYS
    for day in DAYS:
        room.put(body([("here", str(day), 1, "1"), ("here", str(day), 2, "2")]), START, url_of(day))
    room.load()
    room.put(body([("here", str(second), 1, "9")]), START + timedelta(hours=1), url_of(second))
    room.load()
    assert room.rows("select date_day, slot, amount from feeds.days__counts order by all") == [
        (first, 1, 1),
        (first, 2, 2),
        (second, 1, 9),
        (third, 1, 1),
        (third, 2, 2),
    ]


def test_a_day_that_is_answered_empty_has_no_rows_and_was_asked(tmp_path):
    room = Room(tmp_path, DayFeed(SEEDS))
    room.put(body([("here", str(DAYS[0]), 1, "1")]), START, url_of(DAYS[0]))
    empty = room.put(body([]), START + timedelta(hours=1), url_of(DAYS[0]))
    room.load()
    assert room.rows("select * from feeds.days__counts") == []
    [asked] = room.rows(f"select entity_id, from_at, to_at, outcome from feeds.asked where fetch_id = '{empty}'")
    first, second = (datetime.fromisoformat(str(day)) for day in DAYS[:2])
    assert asked == ("here", first, second, "ok")


def test_an_older_answer_that_is_found_later_changes_no_newer_day(tmp_path):
    room = Room(tmp_path, DayFeed(SEEDS))
    room.put(body([("here", str(DAYS[0]), 1, "9")]), START, url_of(DAYS[0]))
    room.load()
    room.put(body([("here", str(DAYS[0]), 2, "1")]), START - timedelta(days=1), url_of(DAYS[0]))
    room.put(body([("here", str(DAYS[1]), 1, "4")]), START - timedelta(days=1), url_of(DAYS[1]))
    room.load()
    assert room.rows("select date_day, slot, amount from feeds.days__counts order by all") == [
        (DAYS[0], 1, 9),
        (DAYS[1], 1, 4),
    ]


def test_an_older_body_that_is_found_later_starts_the_history_of_its_key(tmp_path):
    room = Room(tmp_path, SeriesFeed(SEEDS))
    new = room.put(body([("here", "2026-03-01", 1, "2")]), START)
    room.load()
    old = room.put(body([("here", "2026-03-01", 1, "1")]), START - timedelta(days=1))
    room.load()
    runs = room.rows("select run_number, amount, fetch_id from feeds.days__series order by all")
    assert runs == [(1, 1, old), (2, 2, new)]


def test_a_value_that_comes_back_is_a_run_of_its_own(tmp_path):
    room = Room(tmp_path, SeriesFeed(SEEDS))
    for hour, amount in enumerate(["1", "1", "2", "1"]):
        room.put(body([("here", "2026-03-01", 1, amount)]), START + timedelta(hours=hour))
        room.load()
    runs = room.rows("select run_number, amount, fetched_at, last_seen_at from feeds.days__series order by all")
    hours = [START + timedelta(hours=hour) for hour in range(4)]
    assert runs == [(1, 1, hours[0], hours[1]), (2, 2, hours[2], hours[2]), (3, 1, hours[3], hours[3])]


def test_a_key_that_is_no_longer_sent_keeps_its_last_value(tmp_path):
    room = Room(tmp_path, SeriesFeed(SEEDS))
    room.put(body([("here", "2026-03-01", 1, "1"), ("here", "2026-03-02", 1, "2")]), START)
    room.put(body([("here", "2026-03-02", 1, "2")]), START + timedelta(days=1))
    room.load()
    assert room.rows("select date_day, amount, last_seen_at from feeds.days__series order by all") == [
        (DAYS[0], 1, START),
        (DAYS[1], 2, START + timedelta(days=1)),
    ]


def test_a_value_that_appears_or_disappears_starts_a_run_and_its_absence_is_one_value(tmp_path):
    """AUM is missing twice, there, and missing again: three runs, and a missing one equals a missing one."""
    room = Room(tmp_path, BtcEtfFundFlowHoldings(SEEDS))
    day = date(2024, 11, 4)
    for hour, aum in enumerate([None, None, "9.00", None]):
        page = holdings_page(holdings_data({day: {"3": "5"}}, {day: {"3": aum}}))
        room.put(page, START + timedelta(hours=hour))
        room.load()
    runs = room.rows("select run_number, aum_usd from feeds.btcetffundflow__etf_holdings order by run_number")
    assert runs == [(1, None), (2, 9), (3, None)]


NEW_RUN = {"run_number": pl.Int32, "last_seen_at": pl.Datetime("us"), "last_fetch_id": pl.String}


def observations(*amounts: str) -> pl.DataFrame:
    """Of one key, each from an answer of its own."""
    cells = {"source_id": "days", "place_id": "here", "date_day": DAYS[0], "slot": 1}
    rows = [
        cells
        | {"amount": Decimal(amount), "fetch_id": f"f{n}", "locator": f"/rows/{n}", "fetched_at": START, "position": n}
        for n, amount in enumerate(amounts)
    ]
    return pl.DataFrame(rows, schema_overrides={"amount": pl.Decimal(18, 2), "position": pl.Int32})


def nothing_stored(observed: pl.DataFrame) -> pl.DataFrame:
    return observed.clear().with_columns(pl.lit(None, kind).alias(name) for name, kind in NEW_RUN.items())


def test_lineage_alone_starts_no_run():
    """Another answer, another place in it, another moment: the same observation."""
    observed = observations("1", "1", "1")
    [run] = merge_runs(Seen, nothing_stored(observed), observed).to_dicts()
    assert (run["run_number"], run["fetch_id"], run["last_fetch_id"]) == (1, "f0", "f2")


def test_runs_follow_the_order_of_the_answers_and_not_of_the_rows():
    observed = observations("1", "2", "2", "1")
    runs = merge_runs(Seen, nothing_stored(observed), observed.reverse())
    assert runs.select("run_number", "amount", "fetch_id").rows() == [(1, 1, "f0"), (2, 2, "f1"), (3, 1, "f3")]


def test_where_null_is_silence_a_part_answer_takes_nothing_back():
    def said(position: int, price: str, supply: str | None) -> dict:
        at = START + timedelta(days=position)
        return {
            "asset_id": "btc",
            "observed_at": START,
            "date_day": START.date(),
            "price_usd": Decimal(price),
            "market_cap_usd": None,
            "circulating_supply": Decimal(supply) if supply else None,
            "volume_24h_usd": None,
            "source_status": None,
            "source_id": "s",
            "fetch_id": f"f{position}",
            "locator": "/",
            "fetched_at": at,
            "position": position,
        }

    columns = {name: column.dtype for name, column in AssetMarket.columns().items()}
    stored = {"run_number": pl.Int32, "last_seen_at": pl.Datetime("us"), "last_fetch_id": pl.String}
    nothing = pl.DataFrame(schema={**columns, **stored})
    answers = [said(0, "5", "19"), said(1, "5", None), said(2, "6", None), said(3, "6", "20")]
    observed = pl.DataFrame(answers, schema={**columns, "position": pl.Int32})
    runs = merge_runs(AssetMarket, nothing, observed)
    assert runs.select("price_usd", "circulating_supply", "last_fetch_id").rows() == [
        (Decimal(5), Decimal(19), "f1"),
        (Decimal(6), Decimal(19), "f2"),
        (Decimal(6), Decimal(20), "f3"),
    ]
