"""BVM's list of rollups: what of it is read, which rollups are under study, and what is no list."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from market_pages import converse, failed, read, refusal
from pages import CHALLENGE, SEEDS

from pipelines.feeds.bvm import URL, BvmRollups
from pipelines.wire import Outcome, Request, Window

FEED, ASKED = BvmRollups(SEEDS), Request.get(URL)
AT, SEEN = (datetime.fromisoformat(f"2024-08-07T09:{rest}") for rest in ("30", "29:58"))
NAKA = {
    "name": "Naka Chain",
    "block_number": 1_000,
    "block_time": "2024-08-07T09:29:58Z",
    "tps": 0.25,
    "stack": "OP Stack",
    "da": "Polygon",
    "settlement": "Bitcoin",
    "provider": "BVM",
    "tvl_btc": "12.3456789",
    "chain_id": 42225,
    "level": "L2",
}


def body(*rollups: Any, name: str = "data") -> bytes:
    return json.dumps({name: rollups}).encode()


def one(**values: Any) -> dict[str, Any]:
    [row] = read(FEED, ASKED, body(NAKA | values), AT).rows.iter_rows(named=True)
    return row


def test_the_list_is_asked_for_once():
    day = Window(date(2024, 8, 7), date(2024, 8, 7))
    assert converse(FEED, day, failed) == [[ASKED]]
    assert FEED.owns(ASKED.target)


@pytest.mark.parametrize("name", ["data", "result"])
def test_a_rollup_is_read_under_both_names_of_the_list(name):
    [row] = read(FEED, ASKED, body(NAKA, name=name), AT).rows.iter_rows(named=True)
    assert {key: row[key] for key in row.keys() - {"source_id", "fetch_id", "fetched_at"}} == {
        "rollup_slug": "naka-chain",
        "snapshot_on": date(2024, 8, 7),
        "rollup_id": "naka",
        "rollup_name": "Naka Chain",
        "evm_chain_id": 42225,
        "provider": "BVM",
        "stack": "OP Stack",
        "da_name": "Polygon",
        "settlement_name": "Bitcoin",
        "layer_level": "L2",
        "tvl_btc": Decimal("12.34567890"),
        "tps": Decimal("0.25"),
        "block_number": 1000,
        "last_block_at": SEEN,
        "locator": f"/{name}/0",
    }


@pytest.mark.parametrize(("values", "rollup_id"), [
    ({"name": "whatever"}, "naka"),
    ({"name": "ETERNALAI", "chain_id": None}, "eai"),
    ({"name": "Merlin", "chain_id": 4200}, None),
    ({"name": "Bitlayer", "chain_id": None}, None),
])  # fmt: skip
def test_a_rollup_is_known_by_its_chain_or_its_name_and_others_are_kept(values, rollup_id):
    row = one(**values)
    assert (row["rollup_id"], row["provider"]) == (rollup_id, "BVM")


@pytest.mark.parametrize("block_time", ["2024-08-07T09:29:58Z", "2024-08-07T11:29:58+02:00", 1723022998, "1723022998"])
def test_a_time_is_read_in_every_style(block_time):
    assert one(block_time=block_time)["last_block_at"] == SEEN


@pytest.mark.parametrize("nothing", [None, "", "-"])
def test_what_is_not_said_is_missing_and_not_zero(nothing):
    row = one(tvl_btc=nothing, tps=nothing, block_time=nothing, provider=nothing)
    assert (row["tvl_btc"], row["tps"], row["last_block_at"], row["provider"]) == (None, None, None, None)


@pytest.mark.parametrize("values", [
    {"tvl_btc": "-3"}, {"tvl_btc": "NaN"}, {"tvl_btc": "many"}, {"tps": "fast"}, {"tps": -1}, {"block_time": "now"},
    {"block_number": "tip"}, {"name": ""}, {"name": None}, {"name": "!!"},
])  # fmt: skip
def test_a_rollup_that_cannot_be_read_is_set_aside_and_the_others_are_not(values):
    checked = read(FEED, ASKED, body(NAKA, {"name": "Other", "chain_id": 1} | values), AT)
    assert checked.rows["rollup_slug"].to_list() == ["naka-chain"]
    assert checked.rejected["locator"].to_list() == ["/data/1"]


def test_a_rollup_listed_twice_is_one():
    assert read(FEED, ASKED, body(NAKA, NAKA), AT).rows.height == 1


BAD = {
    "two of one name": (body(NAKA, NAKA | {"tvl_btc": "99"}), Outcome.CONFLICTING_ROWS),
    "a bot wall": (CHALLENGE, Outcome.CHALLENGE),
    "an HTML page": (b"<html><body>404</body></html>", Outcome.WRONG_TYPE),
    "an error": (b'{"error": {"code": -1, "message": "no"}}', Outcome.LAYOUT_CHANGED),
    "null": (b'{"data": null}', Outcome.LAYOUT_CHANGED),
    "null members": (b'{"data": [null]}', Outcome.LAYOUT_CHANGED),
    "no rollup": (b'{"data": []}', Outcome.EMPTY_BODY),
    "a half": (b'{"data": [{"name": ', Outcome.TRUNCATED),
    "negative values alone": (body(NAKA | {"tvl_btc": "-1"}), Outcome.TOO_MANY_FAULTS),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_body_that_is_no_list_is_refused_by_name(bad):
    given, outcome = BAD[bad]
    assert refusal(FEED, ASKED, given, AT) is outcome
