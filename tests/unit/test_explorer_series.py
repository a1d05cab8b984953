"""Merlin's explorer, Bitlayer's CSV and DefiLlama's fees: what is asked, what a point means, what is refused."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from activity_pages import FETCHED, csv_file, fees, json_bytes, talk, trpc, values
from hypothesis import given, settings
from hypothesis import strategies as st
from market_pages import ERROR_BODIES, answered, read, refusal, sec
from pages import CHALLENGE, SEEDS, Room, answer

from pipelines.feeds.base import Feed
from pipelines.feeds.btrscan import BtrScanChainFees
from pipelines.feeds.defillama_fees import DefiLlamaChainFees
from pipelines.feeds.merlin_scan import MerlinScanChainStats
from pipelines.tables.base import Checked, check
from pipelines.wire import Outcome, Request, Window

MERLIN, BITLAYER, LLAMA = MerlinScanChainStats(SEEDS), BtrScanChainFees(SEEDS), DefiLlamaChainFees(SEEDS)
SCAN = "https://scan.merlinchain.io/api/trpc/"
BTRSCAN = "https://api.btrscan.com/scan/v1/chain/txForDefillama"
FEES = "https://api.llama.fi/overview/fees/"
WINDOW = Window(date(2024, 6, 1), date(2024, 6, 29))
HEADING = ("Date(UTC)", "UnixTimeStamp", "Value")


def merlin(*points: Any, procedure: str = "stat.getDailyTxCount") -> Checked:
    return read(MERLIN, Request.get(SCAN + procedure), trpc(*points), FETCHED)


def bitlayer(body: bytes, at: datetime = FETCHED) -> Checked:
    given_answer = answer(body, at, "text/csv")
    return check(BITLAYER.delivers, BITLAYER.parse(given_answer.request, given_answer), BITLAYER.source, given_answer)


def llama(*points: Any, name: str = "Merlin") -> Checked:
    return read(LLAMA, Request.get(FEES + name), fees(*points), FETCHED)


def line(day: str, wei: Any) -> tuple[Any, ...]:
    return (day, sec(day), wei)


# --- Merlin -------------------------------------------------------------------------------------------------


def test_merlin_is_asked_three_series_of_all_days_at_once():
    [requests] = talk(MERLIN, WINDOW, lambda request: answered(request, trpc()))
    assert [request.url for request in requests] == [
        f"{SCAN}stat.{name}" for name in ("getDailyTxCount", "getUniqueAddressesCount", "getDailyTxFee")
    ]
    asked = json.loads(dict(requests[0].params)["input"])["json"]
    assert asked == {"timeStart": sec("2024-02-09"), "timeEnd": sec("2024-06-30") - 1}
    assert all(MERLIN.owns(request.target) for request in requests)
    assert not MERLIN.owns(urlsplit(f"{SCAN}stat.getDailyGasUsed"))


def test_unique_addresses_of_merlin_are_recipients():
    [row] = merlin({"date": "2024-06-05", "count": 7}, procedure="stat.getUniqueAddressesCount").rows.to_dicts()
    assert (row["metric_id"], row["definition"], row["value"]) == ("active_addresses", "recipient", 7)
    assert (row["chain_id"], row["locator"]) == ("merlin", "/result/data/json/0")


@pytest.mark.parametrize("name", ["count", "total_fee"])
def test_fees_of_merlin_are_whole_bitcoin(name):
    [row] = merlin({"date": "2024-06-05", name: "0.512345678901234567"}, procedure="stat.getDailyTxFee").rows.to_dicts()
    assert (row["value"], row["unit"]) == (Decimal("0.512345678901234567"), "btc")


@pytest.mark.parametrize("printed", ["512345678901234567", 51234567])
def test_fees_of_merlin_in_wei_or_satoshi_are_refused(printed):
    body = trpc({"date": "2024-06-05", "count": printed})
    assert refusal(MERLIN, Request.get(SCAN + "stat.getDailyTxFee"), body, FETCHED) is Outcome.TOO_MANY_FAULTS


@pytest.mark.parametrize("printed", ["2024-06-05", "2024-06-05T00:00:00.000Z", "2024-06-05 00:00:00+00:00"])
def test_a_day_may_be_printed_as_its_first_instant(printed):
    assert values(merlin({"date": printed, "count": "12"}).rows) == {date(2024, 6, 5): 12}


@pytest.mark.parametrize("printed", ["2024-06-05T16:00:00.000Z", "2024-06-05T00:00:00+08:00", "05/06/2024", None, 5])
def test_a_day_of_another_time_zone_or_style_is_not_guessed(printed):
    body = trpc({"date": printed, "count": 12})
    assert refusal(MERLIN, Request.get(SCAN + "stat.getDailyTxCount"), body, FETCHED) is Outcome.TOO_MANY_FAULTS


def test_the_day_that_is_not_over_is_not_read():
    points = [{"date": "2024-06-30", "count": 5}, {"date": "2024-07-01", "count": 2}]
    assert list(values(merlin(*points).rows)) == [date(2024, 6, 30)]


def test_the_same_day_twice_is_one_row_or_a_contradiction():
    request, first = Request.get(SCAN + "stat.getDailyTxCount"), {"date": "2024-06-05", "count": 5}
    assert read(MERLIN, request, trpc(first, first), FETCHED).rows.height == 1
    assert refusal(MERLIN, request, trpc(first, first | {"count": 6}), FETCHED) is Outcome.CONFLICTING_ROWS


def test_an_empty_list_of_merlin_is_no_zero():
    assert refusal(MERLIN, Request.get(SCAN + "stat.getDailyTxCount"), trpc(), FETCHED) is Outcome.EMPTY_BODY


TRPC_ERROR = json_bytes({"error": {"json": {"message": "No such procedure", "code": -32004}}})


@pytest.mark.parametrize("body", [*ERROR_BODIES.values(), TRPC_ERROR, trpc(5), trpc({"x": 1})])
def test_what_is_no_series_of_merlin_is_refused(body):
    request = Request.get(SCAN + "stat.getDailyTxCount")
    assert refusal(MERLIN, request, body, FETCHED) is Outcome.LAYOUT_CHANGED
    assert refusal(MERLIN, Request.get(SCAN + "stat.other"), trpc(), FETCHED) is Outcome.LAYOUT_CHANGED


# --- Bitlayer -----------------------------------------------------------------------------------------------


def test_bitlayer_is_asked_for_its_whole_history_in_one_post():
    [[request]] = talk(BITLAYER, WINDOW, lambda request: answered(request, b"x"))
    assert (request.method, request.url, request.body) == ("POST", BTRSCAN, "{}")
    assert BITLAYER.owns(urlsplit(BTRSCAN))


@pytest.mark.parametrize("heading", [[HEADING], []])
def test_wei_of_bitlayer_become_whole_bitcoin_exactly(heading):
    rows = bitlayer(csv_file(*heading, line("2024-06-05", "1234567890123456789"), line("2024-06-06", 7))).rows
    assert values(rows) == {
        date(2024, 6, 5): Decimal("1.234567890123456789"),
        date(2024, 6, 6): Decimal("0.000000000000000007"),
    }
    assert rows["unit"].unique().to_list() == ["btc"]
    assert rows["locator"].to_list() == [f"L{len(heading) + n}" for n in (1, 2)]


@given(st.integers(0, 10**22))
@settings(max_examples=50, deadline=None)
def test_no_wei_is_lost(wei):
    assert values(bitlayer(csv_file(line("2024-06-05", wei))).rows)[date(2024, 6, 5)] * 10**18 == wei


def test_a_byte_order_mark_and_blank_lines_are_no_part_of_the_file():
    body = b"\xef\xbb\xbf" + csv_file(HEADING, line("2024-06-05", 10**18)) + b"\r\n\r\n"
    assert values(bitlayer(body).rows) == {date(2024, 6, 5): 1}


@pytest.mark.parametrize(
    "bad",
    [
        ("2024-06-06", sec("2024-06-05T16:00"), 5),
        ("2024-06-06", "soon", 5),
        ("2024-06-06", sec("2024-06-06") * 1000, 5),
        line("2024-06-06", "1.5e18"),
        line("2024-06-06", "0.5"),
        line("2024-06-06", "-5"),
        line("2024-06-06", ""),
        ("2024-06-06",),
    ],
)
def test_a_line_that_cannot_be_read_is_set_aside_and_the_others_load(bad):
    good = [line(str(date(2024, 6, 10) + timedelta(days=n)), 10**18) for n in range(10)]
    checked = bitlayer(csv_file(HEADING, *good, bad))
    assert (checked.rows.height, checked.rejected["locator"].to_list()) == (10, ["L12"])


def test_the_file_of_another_thing_is_refused():
    for body, outcome in ((b"internal error", "layout_changed"), (csv_file(HEADING), "empty_body")):
        with pytest.raises(Exception, match=outcome):
            bitlayer(body)
    assert refusal(BITLAYER, Request.get(BTRSCAN), CHALLENGE) is Outcome.CHALLENGE
    assert refusal(BITLAYER, Request.get(BTRSCAN), b'{"code": 500}') is Outcome.WRONG_TYPE


# --- DefiLlama's fees ---------------------------------------------------------------------------------------


def test_fees_are_asked_of_the_chains_under_study_with_a_total_chart_alone():
    [requests] = talk(LLAMA, WINDOW, lambda request: answered(request, fees()))
    names = {request.url.removeprefix(FEES) for request in requests}
    assert {"Merlin", "Bitlayer", "Rootstock", "BOB", "Stacks"} <= names
    assert "Ethereum" not in names
    assert dict(requests[0].params) == {
        "excludeTotalDataChart": "false",
        "excludeTotalDataChartBreakdown": "true",
        "dataType": "dailyFees",
    }
    assert all(LLAMA.owns(request.target) for request in requests)
    assert not LLAMA.owns(urlsplit(FEES.rstrip("/")))


def test_a_point_of_fees_is_the_flow_of_the_day_it_is_dated():
    [row] = llama([sec("2024-06-05"), 1234.56], [sec("2024-07-01"), 9]).rows.to_dicts()
    assert (row["period_start"], row["value"], row["unit"]) == (date(2024, 6, 5), Decimal("1234.56"), "usd")
    assert (row["metric_id"], row["definition"], row["chain_id"]) == ("fees_usd", "all_protocols", "merlin")
    assert row["locator"] == "/totalDataChart/0"


def test_an_older_name_of_a_chain_leads_to_it_and_an_unknown_one_is_named():
    assert llama([sec("2024-06-05"), 5], name="RSK").rows["chain_id"].to_list() == ["rootstock"]
    assert llama([sec("2024-06-05"), 5], name="Other").unknown["source_name"].to_list() == ["Other"]


def test_a_chain_without_fees_is_no_trouble_and_no_zero():
    assert refusal(LLAMA, Request.get(FEES + "Naka"), fees(), FETCHED) is Outcome.NO_DATA


@pytest.mark.parametrize("bad", [[sec("2024-06-05T12:00"), 5], ["x", 5], [sec("2024-06-05"), None], 5, [1, 2, 3], []])
def test_a_point_of_fees_that_cannot_be_read_is_set_aside(bad):
    good = [[sec(str(date(2024, 6, 10) + timedelta(days=n))), n] for n in range(10)]
    checked = llama(*good, bad)
    assert (checked.rows.height, checked.rejected["locator"].to_list()) == (10, ["/totalDataChart/10"])


@pytest.mark.parametrize("body", [*ERROR_BODIES.values(), b'{"totalDataChart": null}'])
def test_what_are_no_fees_is_refused(body):
    assert refusal(LLAMA, Request.get(FEES + "Merlin"), body, FETCHED) is Outcome.LAYOUT_CHANGED


# --- all of them --------------------------------------------------------------------------------------------

BODIES: dict[Feed, tuple[str, bytes]] = {
    MERLIN: (f"{SCAN}stat.getDailyTxCount", trpc({"date": "2024-06-05", "count": 5})),
    BITLAYER: (BTRSCAN, csv_file(line("2024-06-05", 5 * 10**18))),
    LLAMA: (f"{FEES}Merlin", fees([sec("2024-06-05"), 5])),
}


@pytest.mark.parametrize("feed", BODIES, ids=lambda feed: feed.feed_id)
def test_a_series_comes_through_the_archive_into_its_table(feed, tmp_path):
    room, (url, body) = Room(tmp_path, feed), BODIES[feed]
    room.put(body, FETCHED, url)
    room.load()
    [(chain_id, day, value)] = room.rows(f"select chain_id, period_start, value from feeds.{feed.table_name}")
    assert (day, value) == (date(2024, 6, 5), 5)
    [span] = room.rows("select entity_id, from_at, to_at from feeds.asked")
    assert span == (chain_id, datetime.fromisoformat("2024-06-05"), datetime.fromisoformat("2024-06-06"))
