"""DefiLlama's protocols, one story each: who is where, what a vault holds by token, what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_pages import (
    FETCHED,
    PROTOCOL,
    PROTOCOLS,
    body,
    column,
    point,
    points,
    protocol,
    read,
    refusal,
    tokens,
)
from pages import SEEDS, Room, seconds

from pipelines.feeds.defillama_protocols import DefiLlamaProtocolsNow, DefiLlamaProtocolTvl
from pipelines.tables.base import Checked
from pipelines.wire import Outcome, Window

FEED, NOW = DefiLlamaProtocolTvl(SEEDS), DefiLlamaProtocolsNow(SEEDS)
SEAL = next(protocol for protocol in SEEDS.protocols.values() if protocol.role == "vault" and protocol.slug)
URL = f"{PROTOCOL}/{SEAL.slug}"
FIRST, SECOND, THIRD = date(2024, 6, 1), date(2024, 6, 2), date(2024, 6, 3)
EVE = FIRST - timedelta(days=1)
WINDOW = Window(date(2024, 1, 1), date(2024, 12, 31))
USD_FIELD = "totalLiquidityUSD"


def totals(levels: dict) -> list[dict]:
    return points(levels, USD_FIELD)


def held(content: bytes) -> Checked:
    return read(FEED, URL, content)


def figures(checked: Checked) -> dict[tuple, tuple[Decimal | None, Decimal | None]]:
    """(chain, component, token, day) -> (US dollars, tokens)."""
    key = ("chain_name", "tvl_component", "token_symbol", "date_day")
    usd, amounts = column(checked, "tvl_usd", key), column(checked, "token_amount", key)
    return {place: (value, amounts[place]) for place, value in usd.items()}


# --- what a vault holds -------------------------------------------------------------------------------------


def test_value_and_amount_of_a_token_are_one_row_beside_the_whole():
    content = protocol(
        {
            "Bitcoin": {
                "tvl": totals({FIRST: 1000.5, SECOND: 1100}),
                "tokens": tokens({FIRST: {"BTC": 0.01234567891, "ORDI": 7}, SECOND: {"BTC": 0.02}}),
                "tokensInUsd": tokens({FIRST: {"BTC": 900.255, "ORDI": 100.25}, SECOND: {"BTC": 1100}}),
            }
        }
    )
    checked = held(content)
    assert figures(checked) == {
        ("Bitcoin", "tvl", "*", EVE): (Decimal("1000.50"), None),
        ("Bitcoin", "tvl", "*", FIRST): (Decimal(1100), None),
        ("Bitcoin", "tvl", "BTC", EVE): (Decimal("900.26"), Decimal("0.01234568")),
        ("Bitcoin", "tvl", "ORDI", EVE): (Decimal("100.25"), Decimal(7)),
        ("Bitcoin", "tvl", "BTC", FIRST): (Decimal(1100), Decimal("0.02")),
    }
    assert set(checked.rows["protocol_id"]) == {SEAL.protocol_id}
    assert set(checked.rows["chain_id"]) == {"bitcoin"}
    places = column(checked, "locator", ("token_symbol", "date_day"))
    assert places[("*", EVE)] == "/chainTvls/Bitcoin/tvl/0"
    assert places[("ORDI", EVE)] == (
        "/chainTvls/Bitcoin/tokensInUsd/0/tokens/ORDI /chainTvls/Bitcoin/tokens/0/tokens/ORDI"
    )


def test_the_last_point_of_each_series_is_an_open_day():
    """The amounts of this answer end a day before the values."""
    content = protocol(
        {
            "Merlin": {
                "tvl": points({FIRST: 5}, USD_FIELD, last=SECOND),
                "tokens": tokens({}, last=FIRST),
                "tokensInUsd": tokens({FIRST: {"BTC": 5}}, last=SECOND),
            }
        }
    )
    assert figures(held(content)) == {
        ("Merlin", "tvl", "*", EVE): (Decimal(5), None),
        ("Merlin", "tvl", "BTC", EVE): (Decimal(5), None),
    }


def test_a_section_behind_a_chain_is_a_component_of_it():
    sections = {f"Merlin-{section}": {"tvl": totals({FIRST: n})} for n, section in enumerate(COUNTED, start=2)}
    content = protocol({"Merlin": {"tvl": totals({FIRST: 1})}, **sections})
    found = column(held(content), "tvl_usd", ("chain_name", "tvl_component"))
    assert found == {("Merlin", "tvl"): 1} | {("Merlin", section): n for n, section in enumerate(COUNTED, start=2)}


COUNTED = ("borrowed", "staking", "pool2", "vesting")


def test_sections_without_a_chain_and_second_countings_are_not_read():
    beside = ["staking", "borrowed", "pool2", "doublecounted", "liquidstaking"]
    beside += ["Merlin-doublecounted", "Merlin-liquidstaking", "Merlin-treasury", "doublecounted-staking"]
    content = protocol({name: {"tvl": totals({FIRST: 9})} for name in beside} | {"Merlin": {"tvl": totals({FIRST: 1})}})
    assert [*column(held(content), "tvl_usd").values()] == [1]


def test_a_dash_in_the_name_of_a_chain_is_part_of_it():
    content = protocol({"X-Layer": {"tvl": totals({FIRST: 3})}, "X-Layer-staking": {"tvl": totals({FIRST: 4})}})
    found = column(held(content), "chain_id", ("chain_name", "tvl_component"))
    assert found == {("X-Layer", "tvl"): None, ("X-Layer", "staking"): None}


def test_an_old_label_is_its_chain():
    assert held(protocol({"RSK": {"tvl": totals({FIRST: 3})}})).rows["chain_id"].to_list() == ["rootstock"]


def test_names_with_a_slash_are_steps_of_a_pointer():
    content = protocol({"A/B": {"tvl": totals({FIRST: 3}), "tokens": tokens({FIRST: {"LP~X/Y": 2}})}})
    assert set(held(content).rows["locator"]) == {
        "/chainTvls/A~1B/tvl/0",
        "/chainTvls/A~1B/tokens/0/tokens/LP~0X~1Y",
    }


def test_a_protocol_that_the_seeds_do_not_know_is_set_aside_and_named():
    checked = read(FEED, f"{PROTOCOL}/newcomer", protocol({"Bitcoin": {"tvl": totals({FIRST: 3, SECOND: 4})}}))
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("protocol", "newcomer", 2)]


@given(st.permutations(range(6)), st.permutations(range(6)))
@settings(deadline=None, max_examples=40)
def test_any_order_of_points_is_the_same_history(one, other):
    days = [FIRST + timedelta(days=n) for n in range(5)]
    amounts = tokens({day: {"BTC": n + 1, "STX": 7.5} for n, day in enumerate(days)})
    levels = totals({day: 10 * n + 1 for n, day in enumerate(days)})
    mixed = {"tvl": [levels[n] for n in one], "tokens": [amounts[n] for n in other]}
    straight = held(protocol({"Stacks": {"tvl": levels, "tokens": amounts}}))
    assert figures(held(protocol({"Stacks": mixed}))) == figures(straight)
    assert straight.rows.height == 15


# --- missing is never zero ----------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [0, -3, None, float("nan"), "NaN"])
def test_a_whole_that_is_none_is_set_aside_and_never_refuses_the_protocol(nothing):
    days = [FIRST + timedelta(days=n) for n in range(8)]
    levels = dict.fromkeys(days, nothing) | {days[3]: 7}
    checked = held(protocol({"Bitcoin": {"tvl": totals(levels)}}))
    assert checked.rows.height == 1
    assert checked.rejected.height == 7


def test_a_token_of_which_none_is_held_has_no_row():
    content = protocol(
        {
            "Bitcoin": {
                "tokens": tokens({FIRST: {"BTC": 1, "GONE": 0, "BARE": 0.0}}),
                "tokensInUsd": tokens({FIRST: {"BTC": 5, "GONE": 0}}),
            }
        }
    )
    checked = held(content)
    assert [*column(checked, "token_amount", ("token_symbol",))] == ["BTC"]
    assert checked.rejected.height == 0


def test_a_token_without_a_price_has_an_amount_and_no_value():
    content = protocol(
        {
            "Bitcoin": {
                "tokens": tokens({FIRST: {"ODD": 12, "NAN": 3}}),
                "tokensInUsd": tokens({FIRST: {"ODD": 0, "NAN": float("nan")}}),
            }
        }
    )
    found = {key[2]: value for key, value in figures(held(content)).items()}
    assert found == {"ODD": (None, 12), "NAN": (None, 3)}


@pytest.mark.parametrize("nothing", [-1, float("nan")])
def test_a_token_that_is_neither_held_nor_gone_is_set_aside(nothing):
    checked = held(protocol({"Bitcoin": {"tokens": tokens({FIRST: {"BTC": 1, "ODD": nothing}})}}))
    assert checked.rows["token_symbol"].to_list() == ["BTC"]
    assert checked.rejected.height == 1


# --- faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["n/a", True, [5]])
def test_a_figure_that_is_no_number_is_a_fault_of_its_row(cell):
    checked = held(protocol({"Bitcoin": {"tvl": totals({FIRST: cell, SECOND: 5})}}))
    assert checked.rows["date_day"].to_list() == [FIRST]
    assert checked.rejected["rule"].to_list() == ["readable"]
    held_badly = protocol({"Bitcoin": {"tokens": tokens({FIRST: {"BTC": cell, "ORDI": 5}})}})
    assert held(held_badly).rows["token_symbol"].to_list() == ["ORDI"]


def test_a_point_away_from_midnight_or_of_the_future_is_set_aside():
    later = FETCHED.date() + timedelta(days=5)
    content = protocol({"Bitcoin": {"tvl": totals({FIRST: 5, seconds(FIRST) + 60: 5, later: 5})}})
    checked = held(content)
    assert checked.rows.height == 1
    assert set(checked.rejected["rule"]) == {"at_midnight", "not_after_fetched_at"}


def test_numbers_as_text_are_read():
    series = [{"date": str(seconds(day)), USD_FIELD: "12.5"} for day in (FIRST, SECOND)]
    assert held(protocol({"Bitcoin": {"tvl": series}})).rows["tvl_usd"].to_list() == [Decimal("12.50")]


@pytest.mark.parametrize("kind", ["tvl", "tokens"])
def test_a_date_twice_with_different_figures_refuses_the_protocol(kind):
    twice = {
        "tvl": [point(FIRST, 5, USD_FIELD), *totals({FIRST: 6})],
        "tokens": [point(FIRST, {"BTC": 5}, "tokens"), *tokens({FIRST: {"BTC": 6}})],
    }
    assert refusal(FEED, URL, protocol({"Bitcoin": {kind: twice[kind]}})) is Outcome.CONFLICTING_ROWS


def test_a_date_twice_with_equal_figures_is_one_row():
    twice = [point(FIRST, {"BTC": 5}, "tokens"), *tokens({FIRST: {"BTC": 5.0}})]
    checked = held(protocol({"Bitcoin": {"tokens": twice, "tokensInUsd": twice}}))
    assert checked.rows.height == 1


MILLISECONDS = [{"date": seconds(day) * 1000, USD_FIELD: 5} for day in (FIRST, SECOND, THIRD)]


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (b"<!doctype html><html><body>down</body></html>", Outcome.WRONG_TYPE),
        (b'"Protocol not found"', Outcome.WRONG_TYPE),
        (b"[]", Outcome.LAYOUT_CHANGED),
        (b'{"statusCode": 400, "message": "Protocol not found"}', Outcome.LAYOUT_CHANGED),
        (b'{"chainTvls": []}', Outcome.LAYOUT_CHANGED),
        (protocol({}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": {"tvl": [], "tokens": []}}), Outcome.LAYOUT_CHANGED),
        (protocol({"staking": {"tvl": totals({FIRST: 5})}}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": [5]}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": {"tvl": {"2024-06-01": 5}}}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": {"tvl": points({FIRST: 5})}}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": {"tokens": [point(FIRST, ["BTC"], "tokens")]}}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": {"tvl": MILLISECONDS}}), Outcome.LAYOUT_CHANGED),
        (protocol({"Bitcoin": {"tvl": totals({FIRST: 5})}})[:-9], Outcome.TRUNCATED),
    ],
)
def test_a_body_that_is_no_protocol_is_refused_by_name(content, outcome):
    assert refusal(FEED, URL, content) is outcome


# --- what is asked ------------------------------------------------------------------------------------------


def test_vaults_and_liquid_staking_are_asked_for_once_each():
    [questions] = list(FEED.requests(WINDOW))
    wanted = {item.slug for item in SEEDS.protocols.values() if item.role in ("vault", "lst") and item.slug}
    assert {question.url for question in questions} == {f"{PROTOCOL}/{slug}" for slug in wanted}
    assert len(questions) == len(wanted) > 1
    assert [question.full_url for question in questions] == FEED.known_urls
    assert all(FEED.owns(question.target) for question in questions)


def test_the_list_is_one_question_and_no_day_of_it_settles():
    assert [[question.url for question in part] for part in NOW.requests(WINDOW)] == [[PROTOCOLS]]
    assert (NOW.manners.settle_lag_hours, NOW.manners.revision_window_days) == (0, 0)
    assert FEED.manners.settle_lag_hours == 26


@pytest.mark.parametrize(
    ("url", "is_protocol", "is_list"),
    [
        (PROTOCOLS, False, True),
        (f"{PROTOCOLS}/", False, True),
        (URL, True, False),
        (f"{PROTOCOL}/any", True, False),
        (PROTOCOL, False, False),
        ("https://api.llama.fi/v2/chains", False, False),
        ("https://coins.llama.fi/protocols", False, False),
    ],
)
def test_each_feed_owns_its_addresses(url, is_protocol, is_list):
    assert (FEED.owns(urlsplit(url)), NOW.owns(urlsplit(url))) == (is_protocol, is_list)


# --- who is where -------------------------------------------------------------------------------------------


def entry(slug: str, chains: list[str], **more: object) -> dict[str, object]:
    levels = {name: 10.0 * n for n, name in enumerate(chains, start=1)}
    return {"id": "1", "name": slug.title(), "slug": slug, "category": "Dexs", "chains": chains, "tvl": 5} | {
        "chainTvls": {**levels, f"{chains[0]}-staking": 3, "staking": 3} if chains else {},
        **more,
    }


def present(*entries: dict[str, object]) -> Checked:
    return read(NOW, PROTOCOLS, body(entries))


def test_protocols_on_chains_of_the_seeds_and_protocols_of_the_seeds_anywhere_are_kept():
    slug = next(item.slug for item in SEEDS.protocols.values() if item.slug)
    checked = present(
        entry("some-dex", ["Elsewhere", "RSK"]), entry(slug, ["Elsewhere"]), entry("other", ["Elsewhere"])
    )
    assert column(checked, "chain_id", ("protocol_slug", "chain_name")) == {
        ("some-dex", "RSK"): "rootstock",
        (slug, "Elsewhere"): None,
    }
    [row] = checked.rows.filter(protocol_slug="some-dex").to_dicts()
    assert (row["tvl_usd"], row["category"], row["parent_slug"]) == (Decimal(20), "Dexs", None)
    assert (row["snapshot_on"], row["locator"]) == (FETCHED.date(), "/0/chains/1")
    assert checked.unknown.height == 0


def test_a_version_of_a_protocol_of_the_seeds_is_kept_under_its_parent():
    slug = next(item.slug for item in SEEDS.protocols.values() if item.slug)
    checked = present(entry("version-9", ["Elsewhere"], parentProtocol=f"parent#{slug}"))
    assert checked.rows.select("protocol_slug", "parent_slug").rows() == [("version-9", slug)]


def test_an_entry_without_a_slug_is_known_by_its_name():
    listed = entry("x", ["BOB"], name="Trader Joe's DEX") | {"slug": None}
    assert present(listed).rows["protocol_slug"].to_list() == ["trader-joes-dex"]


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_presence_without_a_level_is_a_presence(nothing):
    checked = present(entry("dex", ["BOB"], chainTvls={"BOB": nothing}), entry("dax", ["BOB"], chainTvls={}))
    assert checked.rows["tvl_usd"].to_list() == [None, None]


def test_a_level_of_zero_is_printed_and_one_that_is_no_number_is_a_fault():
    checked = present(entry("dex", ["BOB"], chainTvls={"BOB": 0}), entry("dax", ["BOB"], chainTvls={"BOB": "x"}))
    assert checked.rows.select("protocol_slug", "tvl_usd").rows() == [("dex", Decimal(0))]
    assert checked.rejected.select("locator", "row_json").rows() == [("/1/chains/0", "dax | BOB | x")]


def test_an_entry_without_a_category_is_a_fault_of_its_rows():
    checked = present(entry("dex", ["BOB"]), entry("dax", ["BOB", "RSK"], category=None))
    assert checked.rows["protocol_slug"].to_list() == ["dex"]
    assert checked.rejected["rule"].to_list() == ["category|nullability"] * 2


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'{"protocols": []}',
        b'["dex"]',
        b'[{"name": "Dex"}]',
        b'[{"name": "Dex", "chains": "BOB"}]',
        b'[{"name": "Dex", "chains": [null]}]',
        b'[{"name": null, "chains": ["BOB"]}]',
        b'[{"name": "Dex", "chains": ["BOB"], "chainTvls": [5]}]',
    ],
)
def test_a_body_that_is_no_list_of_protocols_is_refused(content):
    assert refusal(NOW, PROTOCOLS, content) is Outcome.LAYOUT_CHANGED


def test_a_list_of_protocols_elsewhere_has_no_rows_and_is_good():
    assert present(entry("dex", ["Elsewhere"]), entry("dax", [])).rows.height == 0


# --- the whole way ------------------------------------------------------------------------------------------


def test_pulling_an_unchanged_protocol_again_adds_no_row_and_no_body(tmp_path):
    room = Room(tmp_path, FEED)
    content = protocol({"Bitcoin": {"tvl": totals({FIRST: 5, SECOND: 6}), "tokens": tokens({FIRST: {"BTC": 1}})}})
    for hours in (0, 24):
        room.put(content, FETCHED + timedelta(hours=hours), URL)
        room.load()
    assert room.rows("select count(*), max(run_number) from feeds.defillama__protocol_tvl") == [(3, 1)]
    assert len([*(room.archive.path / "bodies").rglob("*.zst")]) == 1


def test_a_list_covers_its_chains_whatever_is_on_them(tmp_path):
    room = Room(tmp_path, NOW)
    room.put(body([entry("dex", ["BOB", "RSK"]), entry("dax", ["BOB"])]), FETCHED, PROTOCOLS)
    room.load()
    start = datetime.combine(FETCHED.date(), datetime.min.time())
    assert room.rows("select entity_id, from_at from feeds.asked order by 1") == [("bob", start), ("rootstock", start)]
