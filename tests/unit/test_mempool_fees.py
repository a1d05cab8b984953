"""mempool.space: fee rates of Bitcoin's blocks, one point a day, whole history."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from market_pages import converse, failed, read, refusal, sec
from pages import CHALLENGE, SEEDS

from pipelines.feeds.mempool import MempoolBlockHeights
from pipelines.feeds.mempool_fees import URL, MempoolFeeRates
from pipelines.wire import Outcome, Request, Window

FEED, ASKED = MempoolFeeRates(SEEDS), Request.get(URL)
AT = datetime.fromisoformat("2024-07-03T09:30")


def point(at: str | None, median: Any = 7, height: Any = 850_000) -> dict[str, Any]:
    fees = {f"avgFee_{percent}": 1000 + percent for percent in (0, 10, 25, 75, 90, 100)}
    return {"avgHeight": height, "timestamp": at and sec(at), "avgFee_50": median, **fees}


def body(*points: Any) -> bytes:
    return json.dumps(points).encode()


def test_one_request_brings_the_whole_history():
    year = Window(date(2024, 1, 1), date(2024, 12, 31))
    assert converse(FEED, year, failed) == [[ASKED]]
    assert FEED.owns(ASKED.target)
    assert not MempoolBlockHeights(SEEDS).owns(ASKED.target)
    assert not FEED.owns(Request.get(URL.replace("/all", "/3y")).target)


@pytest.mark.parametrize(("median", "rate"), [(7, "7"), ("7", "7"), (0, "0"), (1.25, "1.25")])
def test_a_day_has_the_median_of_its_blocks(median, rate):
    [row] = read(FEED, ASKED, body(point("2024-07-01T11:53", median)), AT).rows.iter_rows(named=True)
    expected = ("bitcoin", date(2024, 7, 1), Decimal(rate), 850_000, "/0")
    names = ("chain_id", "date_day", "median_feerate_sat_vb", "mean_height", "locator")
    assert tuple(row[name] for name in names) == expected


def test_the_day_that_goes_on_and_days_before_the_history_have_no_row():
    given = body(point("2012-01-01T12:00", None), point("2024-07-02T12:00"), point("2024-07-03T04:00"))
    checked = read(FEED, ASKED, given, AT)
    assert checked.rows["date_day"].to_list() == [date(2024, 7, 2)]
    assert checked.rejected.height == 0


@pytest.mark.parametrize("bad", [
    point("2024-07-02T12:00", -3), point("2024-07-02T12:00", None), point("2024-07-02T12:00", "high"), point(None),
    point("2024-07-02T12:00", height=None), point("2024-07-02T12:00") | {"timestamp": sec("2024-07-02") * 1000},
])  # fmt: skip
def test_a_point_that_cannot_be_read_is_set_aside(bad):
    checked = read(FEED, ASKED, body(point("2024-07-01T12:00"), bad), AT)
    assert checked.rows["date_day"].to_list() == [date(2024, 7, 1)]
    assert checked.rejected["locator"].to_list() == ["/1"]


BAD = {
    "two points a day": (body(point("2024-07-01T06:00", 5), point("2024-07-01T18:00", 9)), Outcome.CONFLICTING_ROWS),
    "no point": (b"[]", Outcome.EMPTY_BODY),
    "a bot wall": (CHALLENGE, Outcome.CHALLENGE),
    "an HTML page": (b"<html><body>down</body></html>", Outcome.WRONG_TYPE),
    "an error": (b'{"error": "no"}', Outcome.LAYOUT_CHANGED),
    "null members": (b"[null]", Outcome.LAYOUT_CHANGED),
    "other names": (b'[{"avg_fee_50": 5, "timestamp": 1719800000}]', Outcome.LAYOUT_CHANGED),
    "a half": (b'[{"avgHeight": 8', Outcome.TRUNCATED),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_body_that_is_no_history_is_refused_by_name(bad):
    given, outcome = BAD[bad]
    assert refusal(FEED, ASKED, given, AT) is outcome
