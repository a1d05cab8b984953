"""The door of every table: what passes, what is set aside, and when a body is refused whole."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import dataframely as dy
import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import answer

from pipelines.feeds.catalog import FEEDS
from pipelines.tables.base import LINEAGE, Checked, Observe, Replace, Table, check
from pipelines.tables.etf import EtfFlow, EtfHolding
from pipelines.tables.ledger import Asked, Ledger
from pipelines.warehouse.ddl import columns_of, create_all, create_table, duckdb_type, stands_as
from pipelines.wire import BodyRefused, Outcome

FETCHED = datetime.fromisoformat("2026-03-10T12:00")
DAY = date(2026, 3, 1)
SCHEMA = {
    "fund_id": pl.String,
    "trade_date": pl.Date,
    "btc_held": pl.Decimal(18, 8),
    "is_estimated": pl.Boolean,
    "locator": pl.String,
    "fault": pl.String,
    "source_name": pl.String,
}


class Instant(Table):
    """Something that holds at an instant."""

    load = Replace()
    entity = "chain_id"
    at = "observed_at"

    chain_id = dy.String(primary_key=True, description="Which chain")
    observed_at = dy.Datetime(time_unit="us", primary_key=True, description="UTC instant")
    height = dy.Int64(nullable=True, description="Blocks")


def row(number: int, **changes) -> dict:
    good = {
        "fund_id": "ibit",
        "trade_date": DAY - timedelta(days=number),
        "btc_held": Decimal("1.5"),
        "is_estimated": False,
        "locator": f"/rows/{number:04}",
    }
    return good | changes


def checked(*rows: dict) -> Checked:
    return check(EtfHolding, pl.DataFrame(rows, schema=SCHEMA), "somewhere", answer(b"", FETCHED))


def refused(*rows: dict) -> Outcome | None:
    try:
        checked(*rows)
    except BodyRefused as refusal:
        return refusal.outcome
    return None


# --- what passes --------------------------------------------------------------------------------------------


def test_a_good_row_has_all_columns_of_its_contract_and_its_lineage():
    rows = checked(row(1)).rows
    assert set(rows.columns) == set(EtfHolding.column_names())
    [stored] = rows.to_dicts()
    assert {name: stored[name] for name in LINEAGE} == {
        "source_id": "somewhere",
        "fetch_id": "f1",
        "locator": "/rows/0001",
        "fetched_at": FETCHED,
    }
    assert stored["aum_usd"] is None, "a column that may be absent is null, never zero"


def test_a_body_without_rows_is_an_answer_and_no_fault():
    empty = checked()
    assert (empty.rows.height, empty.rejected.height, empty.unknown.height) == (0, 0, 0)


# --- faults of a row ----------------------------------------------------------------------------------------


def test_a_row_that_breaks_a_rule_is_set_aside_with_the_rule_and_its_values():
    found = checked(row(1), row(2, btc_held=Decimal(-1)))
    assert found.rows["locator"].to_list() == ["/rows/0001"]
    [rejected] = found.rejected.to_dicts()
    assert rejected["rule"] == "btc_held|min_exclusive"
    assert rejected["locator"] == "/rows/0002"
    assert '"fund_id":"ibit"' in rejected["row_json"]


def test_a_row_that_breaks_two_rules_is_set_aside_once_with_both():
    found = checked(row(1), row(2, btc_held=Decimal(-1), is_estimated=None))
    assert found.rejected["rule"].to_list() == ["btc_held|min_exclusive, is_estimated|nullability"]


def test_a_row_without_its_key_is_set_aside():
    found = checked(row(1), row(2, fund_id=None), row(3, trade_date=None))
    assert found.rows.height == 1
    assert found.rejected["locator"].to_list() == ["/rows/0002", "/rows/0003"]


def test_a_row_that_could_not_be_read_is_set_aside_with_the_reason_of_its_feed():
    found = checked(row(1), row(2, btc_held=None, fault="'x' is not a number"))
    assert found.rejected.select("rule", "reason").rows() == [("readable", "'x' is not a number")]


@pytest.mark.parametrize("count", [1, 5])
def test_up_to_five_faults_load(count):
    faults = [row(n, fault="x") for n in range(1, count + 1)]
    assert checked(row(9), *faults).rejected.height == count


@pytest.mark.parametrize(
    ("good", "bad", "outcome"),
    [
        (0, 1, Outcome.TOO_MANY_FAULTS),
        (1, 5, None),
        (1, 6, Outcome.TOO_MANY_FAULTS),
        (593, 6, Outcome.TOO_MANY_FAULTS),
        (594, 6, None),
        (692, 7, Outcome.TOO_MANY_FAULTS),
        (693, 7, None),
        (2871, 29, None),
        (2870, 29, Outcome.TOO_MANY_FAULTS),
    ],
)
@pytest.mark.parametrize("fault", [{"fault": "x"}, {"btc_held": Decimal(-1)}])
def test_more_than_one_percent_and_more_than_five_faults_refuse_the_body(good, bad, outcome, fault):
    rows = [row(n) for n in range(good)] + [row(n, **fault) for n in range(good, good + bad)]
    assert refused(*rows) is outcome


class Level(Instant):
    """Something that has no zero, and an upstream that prints one."""

    uncounted = frozenset({"height|min"})

    height = dy.Int64(min=1, description="Blocks")
    source_name = dy.String(nullable=True, description="The chain as it was asked for")


def levels(*heights: int | None) -> pl.DataFrame:
    places = {"chain_id": "bob", "observed_at": FETCHED, "source_name": "BOB"}
    return pl.DataFrame(
        [places | {"chain_id": f"c{n}", "height": height, "locator": f"/{n}"} for n, height in enumerate(heights)],
        schema_overrides={"observed_at": pl.Datetime("us")},
    )


@pytest.mark.parametrize("good", [0, 1])
def test_a_rule_that_is_left_uncounted_sets_rows_aside_and_never_refuses_the_body(good):
    found = check(Level, levels(*[0] * 30, *[7] * good), "somewhere", answer(b"", FETCHED))
    assert found.rows.height == good
    assert found.rejected["rule"].to_list() == ["height|min"] * 30


@pytest.mark.parametrize(("counted", "outcome"), [(5, None), (6, Outcome.TOO_MANY_FAULTS)])
def test_the_other_rules_count_as_if_those_rows_were_not_there(counted, outcome):
    read = levels(*[0] * 2000, 7, *[None] * counted)
    try:
        found = check(Level, read, "somewhere", answer(b"", FETCHED))
    except BodyRefused as refusal:
        assert refusal.outcome is outcome
        assert refusal.reason.startswith("6 of 7 rows")
    else:
        assert outcome is None
        assert found.rejected.height == 2000 + counted


def test_a_row_that_breaks_a_counted_rule_too_counts():
    read = levels(*[0] * 6, 7).with_columns(
        observed_at=pl.when(pl.col("height") > 0).then("observed_at"),
    )
    with pytest.raises(BodyRefused, match="6 of 7 rows"):
        check(Level, read, "somewhere", answer(b"", FETCHED))


def test_a_contract_may_have_the_name_of_the_source_as_a_column():
    """The name is unknown to the seeds where the entity itself is null, and only there."""
    read = levels(7, 8).with_columns(chain_id=pl.when(pl.col("height") > 7).then("chain_id"))
    found = check(Level, read, "somewhere", answer(b"", FETCHED))
    assert found.rows.select("chain_id", "source_name").rows() == [("c1", "BOB")]
    assert found.unknown.rows() == [("", "BOB", 1)]


def test_rows_of_the_future_are_set_aside_and_do_not_count():
    future = [row(-n, btc_held=None if n % 2 else Decimal(0), fault="x" if n % 3 else None) for n in range(10, 60)]
    found = checked(row(1), *future)
    assert found.rows.height == 1
    assert set(found.rejected["rule"]) == {"not_after_fetched_at"}
    assert found.rejected.height == 50


def test_a_body_of_nothing_but_the_future_is_not_refused():
    assert checked(row(-20)).rejected.height == 1


def test_today_is_not_the_future():
    assert checked(row(-9)).rows["trade_date"].to_list() == [FETCHED.date()]
    assert checked(row(-10)).rows.height == 0


def test_an_instant_after_the_answer_is_the_future_even_on_the_same_day():
    instants = [FETCHED, FETCHED + timedelta(seconds=1)]
    read = pl.DataFrame(
        {"chain_id": "bob", "observed_at": instants, "locator": ["/0", "/1"]},
        schema_overrides={"observed_at": pl.Datetime("us")},
    )
    found = check(Instant, read, "somewhere", answer(b"", FETCHED))
    assert found.rows["observed_at"].to_list() == [FETCHED]
    assert found.rejected["rule"].to_list() == ["not_after_fetched_at"]


# --- names and keys -----------------------------------------------------------------------------------------


def test_unknown_names_are_counted_and_never_refuse_the_body():
    unknown = [row(n, fund_id=None, source_name="NEWB") for n in range(10, 60)]
    found = checked(row(1), *unknown, row(2, fund_id=None, source_name="ANEW"))
    assert found.rows.height == 1
    assert found.unknown.rows() == [("fund", "ANEW", 1), ("fund", "NEWB", 50)]
    assert found.rejected.height == 0


def test_a_key_twice_with_equal_values_is_one_row_and_the_first_place():
    found = checked(row(1), row(1, locator="/rows/0007"))
    assert found.rows["locator"].to_list() == ["/rows/0001"]


@pytest.mark.parametrize("other", [{"btc_held": Decimal(2)}, {"is_estimated": True}, {"btc_held": None}])
def test_a_key_twice_with_different_values_refuses_the_body(other):
    assert refused(row(1), row(1, locator="/rows/0007", **other)) is Outcome.CONFLICTING_ROWS


def test_a_row_that_could_not_be_read_is_no_second_value_of_its_key():
    found = checked(row(1), row(1, locator="/rows/0007", btc_held=None, fault="x"))
    assert (found.rows.height, found.rejected.height) == (1, 1)


KINDS = {
    "good": {},
    "fault": {"fault": "x"},
    "broken": {"btc_held": Decimal(0)},
    "unknown": {"fund_id": None, "source_name": "NEWB"},
    "future": {"trade_date": date(2027, 1, 1)},
}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([*KINDS, "good", "good"]), max_size=14))
def test_every_row_ends_in_one_place(kinds):
    """Good, set aside, or unknown: none is lost and none is told twice, or the whole body is refused."""
    rows = [row(n, fund_id=f"f{n}") | KINDS[kind] for n, kind in enumerate(kinds)]
    bad = kinds.count("fault") + kinds.count("broken")
    good = kinds.count("good")
    if bad > 5 or (bad and not good):
        assert refused(*rows) is Outcome.TOO_MANY_FAULTS
        return
    found = checked(*rows)
    assert found.rows.height == good
    assert found.rejected.height == bad + kinds.count("future")
    assert found.unknown["rows"].sum() == kinds.count("unknown")


# --- the other doors ----------------------------------------------------------------------------------------


def test_values_are_neither_key_nor_lineage():
    assert EtfFlow.values() == [
        "net_flow_usd",
        "net_flow_btc",
        "flow_basis",
        "printed_total_usd",
        "is_provisional",
    ]


@pytest.mark.parametrize("contract", [*dict.fromkeys(feed.delivers for feed in FEEDS), Ledger, Asked])
def test_every_column_is_described_and_has_a_stored_type(contract):
    for name, (kind, description, _) in columns_of(contract).items():
        assert description, name
        ratios = {"DOUBLE"} if name.endswith("_ratio") else set()
        assert kind.split("(")[0] in ratios | {
            "VARCHAR",
            "DATE",
            "TIMESTAMP",
            "BOOLEAN",
            "INTEGER",
            "BIGINT",
            "DECIMAL",
            "VARCHAR[]",
        }


@pytest.mark.parametrize("feed", FEEDS)
def test_a_contract_names_its_entity_its_time_and_a_key(feed):
    contract = feed.delivers
    assert {contract.entity, contract.at} <= set(contract.column_names())
    if isinstance(contract.load, Replace):
        assert (contract.load.by or contract.at) in contract.primary_key()
    else:
        assert contract.entity in contract.primary_key()
    assert contract.values()


def test_a_type_that_is_never_stored_is_refused():
    with pytest.raises(KeyError):
        duckdb_type(pl.Float32())


def test_only_an_observed_table_has_runs():
    assert isinstance(EtfFlow.load, Observe)
    assert "run_number" in columns_of(EtfFlow)
    assert "run_number" not in columns_of(Instant)


def test_a_table_stands_empty_with_its_comments_and_is_made_once():
    with duckdb.connect() as connection:
        create_all(connection, {"here__holdings": EtfHolding})
        connection.execute("insert into meta.loads (table_name) values ('here__holdings')")
        create_all(connection, {"here__holdings": EtfHolding})
        [(comment,)] = connection.execute(
            "select comment from duckdb_columns() where schema_name = 'feeds' and column_name = 'btc_held'"
        ).fetchall()
        assert connection.execute("select count(*) from meta.loads").fetchone() == (1,)
        assert connection.execute("select * from feeds.here__holdings").fetchall() == []
    assert comment == "Bitcoin owned by the trust"


def test_a_table_that_lost_a_column_does_not_stand_as_its_contract():
    with duckdb.connect() as connection:
        connection.execute("create schema feeds")
        create_table(connection, "feeds.here", Instant)
        assert stands_as(connection, "feeds.here", Instant)
        connection.execute("alter table feeds.here drop column height")
        assert not stands_as(connection, "feeds.here", Instant)
