"""Coin Metrics' daily closes: how they are asked for, page by page, what a row means, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_pages import ERROR_BODIES, FETCHED, answered, asset_rows, converse, failed, read, refusal
from pages import CHALLENGE, SEEDS, Room

from pipelines.feeds.coinmetrics import CoinMetricsAssetMarket
from pipelines.wire import Answer, Failure, Outcome, Request, Window

FEED = CoinMetricsAssetMarket(SEEDS)
URL = "https://community-api.coinmetrics.io/v4/timeseries/asset-metrics"
WINDOW = Window(date(2023, 12, 31), date(2024, 12, 31))
ALL = "PriceUSD,CapMrktCurUSD,SplyCur"


def row(day: str, price: Any = "93508.5", **more: Any) -> dict[str, Any]:
    figures = {"CapMrktCurUSD": "1852000000000.25", "SplyCur": "19803000.5"}
    return {"asset": "btc", "time": f"{day}T00:00:00.000000000Z", "PriceUSD": price, **figures, **more}


def days(count: int) -> list[dict[str, Any]]:
    return [row(f"{date(2024, 12, 1) + timedelta(days=n)}", f"{90000 + n}") for n in range(count)]


def asking(metrics: str = ALL) -> Request:
    return Request.get(URL, {"assets": "btc,eth", "metrics": metrics})


def one(**more: Any) -> dict[str, Any]:
    [found] = read(FEED, asking(), asset_rows(row("2024-12-31", **more))).rows.iter_rows(named=True)
    return found


# --- what is asked ------------------------------------------------------------------------------------------


def test_one_request_asks_for_all_assets_days_and_metrics_from_the_oldest_day_on():
    [[request]] = converse(FEED, WINDOW, lambda request: answered(request, asset_rows(row("2024-12-31"))))
    params = dict(request.params)
    assert request.url == URL
    assert params["assets"].split(",") == ["btc", "eth"]
    assert params["metrics"] == ALL
    assert (params["start_time"], params["end_time"]) == ("2023-12-31", "2024-12-31")
    assert (params["page_size"], params["paging_from"], params["frequency"]) == ("10000", "start", "1d")


def paged(request: Request) -> Answer | Failure:
    """Three pages; the tokens are in the addresses of the next ones."""
    number = int(dict(request.params).get("next_page_token", "0"))
    more = {"next_page_url": f"{request.url}?metrics={ALL}&next_page_token={number + 1}"} if number < 2 else {}
    return answered(request, asset_rows(row("2024-12-31"), **more))


def test_the_next_pages_are_asked_for_one_after_the_other():
    asked = converse(FEED, WINDOW, paged)
    assert [len(questions) for questions in asked] == [1, 1, 1]
    assert [dict(request.params).get("next_page_token") for [request] in asked] == [None, "1", "2"]


def test_a_next_page_on_another_host_is_asked_of_our_own():
    def reply(request: Request) -> Answer:
        is_first = "next_page_token" not in dict(request.params)
        more = {"next_page_url": "https://evil.test/v4/x?next_page_token=1"} if is_first else {}
        return answered(request, asset_rows(row("2024-12-31"), **more))

    asked = converse(FEED, WINDOW, reply)
    assert [request.url for [request] in asked] == [URL, URL]


def test_a_page_that_names_itself_as_the_next_one_ends_the_pages():
    again = {"next_page_url": f"{URL}?next_page_token=same"}
    assert len(converse(FEED, WINDOW, lambda request: answered(request, asset_rows(**again)))) == 2


@pytest.mark.parametrize("url", [None, 5, "", "https://[", "no address"])
def test_an_address_of_a_next_page_that_is_none_ends_the_pages(url):
    assert len(converse(FEED, WINDOW, lambda request: answered(request, asset_rows(next_page_url=url)))) == 1


def test_an_unreadable_page_ends_the_pages():
    assert len(converse(FEED, WINDOW, lambda request: answered(request, b'{"data": ['))) == 1


FORBIDDEN = {
    "SplyCur": ["PriceUSD,CapMrktCurUSD"],
    "CapMrktCurUSD": ["PriceUSD,CapMrktCurUSD", "PriceUSD,SplyCur"],
    "CapMrktCurUSD SplyCur": ["PriceUSD,CapMrktCurUSD", "PriceUSD,SplyCur", "PriceUSD"],
}


@pytest.mark.parametrize("names", FORBIDDEN)
def test_a_forbidden_metric_is_left_out_and_the_others_are_asked_for_together(names):
    """So that no two answers contradict each other about what is null."""

    def reply(request: Request) -> Answer | Failure:
        is_forbidden = set(names.split()) & set(dict(request.params)["metrics"].split(","))
        return failed(request, 403) if is_forbidden else answered(request, asset_rows(row("2024-12-31")))

    asked = converse(FEED, WINDOW, reply)
    assert [dict(request.params)["metrics"] for [request] in asked] == [ALL, *FORBIDDEN[names]]


@pytest.mark.parametrize("status", [None, 400, 404, 429, 500])
def test_no_other_failure_is_taken_for_a_forbidden_metric(status):
    assert len(converse(FEED, WINDOW, lambda request: failed(request, status))) == 1


def test_a_host_that_forbids_everything_is_asked_four_times_at_most():
    assert len(converse(FEED, WINDOW, lambda request: failed(request, 403))) == 4


def test_a_later_page_that_fails_does_not_start_the_pages_anew():
    def reply(request: Request) -> Answer | Failure:
        return failed(request, 403) if "next_page_token" in dict(request.params) else paged(request)

    assert len(converse(FEED, WINDOW, reply)) == 2


def test_it_owns_its_endpoint_alone():
    assert FEED.owns(urlsplit(URL))
    assert FEED.owns(asking().target)
    for url in (
        "https://api.coinmetrics.io/v4/timeseries/asset-metrics",
        URL + "x",
        "https://community-api.coinmetrics.io/",
    ):
        assert not FEED.owns(urlsplit(url))


def test_a_day_settles_after_nine_hours_and_is_looked_at_for_thirty_days():
    assert (FEED.manners.settle_lag_hours, FEED.manners.revision_window_days) == (9, 30)


# --- what a row means ---------------------------------------------------------------------------------------


def test_the_row_of_a_day_is_its_close():
    found = one()
    assert (found["asset_id"], found["date_day"]) == ("btc", date(2024, 12, 31))
    assert found["observed_at"] == datetime.fromisoformat("2025-01-01T00:00")
    assert found["price_usd"] == Decimal("93508.5")
    assert found["market_cap_usd"] == Decimal("1852000000000.25")
    assert found["circulating_supply"] == Decimal("19803000.5")
    assert (found["volume_24h_usd"], found["source_status"], found["locator"]) == (None, None, "/data/0")


@pytest.mark.parametrize("name", ["CapMrktCurUSD", "SplyCur"])
def test_a_null_beside_a_price_is_null(name):
    column = {"CapMrktCurUSD": "market_cap_usd", "SplyCur": "circulating_supply"}[name]
    assert one(**{name: None})[column] is None


@pytest.mark.parametrize("nothing", ["0", 0, "0.00"])
def test_a_market_cap_of_zero_is_none(nothing):
    assert one(CapMrktCurUSD=nothing)["market_cap_usd"] is None


def test_a_figure_of_more_places_is_rounded_and_not_cut():
    assert one(CapMrktCurUSD="181053252826.255824698675347")["market_cap_usd"] == Decimal("181053252826.25582470")
    assert one(price=10119.7145248393)["price_usd"] == Decimal("10119.71452484")


def test_the_statuses_of_the_metrics_are_kept():
    assert one(**{"SplyCur-status": "reviewed", "SplyCur-status-time": "x"})["source_status"] == "reviewed"
    several = {"SplyCur-status": "reviewed", "PriceUSD-status": "flash", "CapMrktCurUSD-status": "flash"}
    assert one(**several)["source_status"] == "flash,reviewed"


def test_a_day_without_a_price_has_no_row_and_is_no_fault():
    checked = read(FEED, asking(), asset_rows(*days(5), row("2024-12-20", None)))
    assert (checked.rows.height, checked.rejected.height) == (5, 0)


def test_an_asset_that_nobody_asked_for_is_set_aside_by_name():
    checked = read(FEED, asking(), asset_rows(*days(2), row("2024-12-31", asset="doge")))
    assert checked.rows.height == 2
    assert checked.unknown.rows() == [("asset", "doge", 1)]


def test_a_metric_that_no_row_names_is_told_once_and_the_others_load():
    rows = [{name: value for name, value in one.items() if name != "SplyCur"} for one in days(20)]
    checked = read(FEED, asking(), asset_rows(*rows))
    assert checked.rows.height == 20
    assert checked.rows["circulating_supply"].null_count() == 20
    [reason] = checked.rejected["reason"]
    assert reason.startswith("SplyCur was asked for")


def test_a_metric_that_was_not_asked_for_is_not_missed():
    rows = [{name: value for name, value in one.items() if name != "SplyCur"} for one in days(20)]
    assert read(FEED, asking("PriceUSD,CapMrktCurUSD"), asset_rows(*rows)).rejected.height == 0


@settings(deadline=None, max_examples=30)
@given(st.permutations(days(12)))
def test_the_order_of_the_rows_says_nothing(rows):
    found = read(FEED, asking(), asset_rows(*rows)).rows.sort("observed_at")
    assert found["price_usd"].to_list() == [90000 + n for n in range(12)]


# --- what is set aside, and what is refused -----------------------------------------------------------------


@pytest.mark.parametrize("price", ["NaN", float("nan"), "-1", 0, "0", "abc", "1e5", True, [1], ""])
def test_a_price_that_is_none_is_set_aside_and_the_others_load(price):
    checked = read(FEED, asking(), asset_rows(*days(5), row("2024-12-20", price)))
    assert (checked.rows.height, checked.rejected.height) == (5, 1)
    assert date(2024, 12, 20) not in checked.rows["date_day"].to_list()


@pytest.mark.parametrize("supply", ["NaN", "-5", "many"])
def test_a_supply_that_is_none_is_set_aside_and_never_null(supply):
    checked = read(FEED, asking(), asset_rows(*days(5), row("2024-12-20", SplyCur=supply)))
    assert (checked.rows.height, checked.rejected.height) == (5, 1)


@pytest.mark.parametrize(
    "time",
    [
        None,
        1735603200,
        "1735603200",
        "2024-12-20T01:00:00Z",
        "2024-13-01T00:00:00Z",
        "yesterday",
        "2024-12-20T00:00:00+01:00",
    ],
)
def test_a_time_that_is_no_start_of_a_day_is_set_aside(time):
    checked = read(FEED, asking(), asset_rows(*days(5), row("2024-12-20", time=time)))
    assert (checked.rows.height, checked.rejected.height) == (5, 1)
    assert "is not the start of a day" in checked.rejected["reason"][0]


@pytest.mark.parametrize("time", ["2024-12-20", "2024-12-20T00:00:00Z", "2024-12-20T00:00:00.000Z"])
def test_the_other_ways_to_write_a_day_are_read(time):
    [found] = read(FEED, asking(), asset_rows(row("2024-12-20", time=time))).rows["date_day"]
    assert found == date(2024, 12, 20)


def test_a_day_that_is_not_over_is_set_aside_by_name():
    checked = read(FEED, asking(), asset_rows(row("2025-01-01"), row("2025-01-02")))
    assert checked.rows["date_day"].to_list() == [date(2025, 1, 1)]
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


REFUSED = {
    "no row": (asset_rows(), Outcome.EMPTY_BODY),
    "rows that are lists": (b'{"data": [["btc", "2024-12-31"]]}', Outcome.LAYOUT_CHANGED),
    "no price anywhere": (asset_rows({"asset": "btc", "time": "2024-12-31", "SplyCur": "1"}), Outcome.LAYOUT_CHANGED),
    "numbers for times": (asset_rows(*(row("2024-12-20", time=n) for n in range(20))), Outcome.TOO_MANY_FAULTS),
    "one day, two prices": (asset_rows(*days(3), row("2024-12-02", "1")), Outcome.CONFLICTING_ROWS),
    "zeros": (asset_rows(*(one | {"PriceUSD": "0"} for one in days(9))), Outcome.TOO_MANY_FAULTS),
    "cut off": (asset_rows(*days(3))[:-9], Outcome.TRUNCATED),
    "a bot wall": (CHALLENGE, Outcome.CHALLENGE),
    "a page": (b"<html><body>maintenance</body></html>", Outcome.WRONG_TYPE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_no_answer_is_refused_by_name(name):
    body, outcome = REFUSED[name]
    assert refusal(FEED, asking(), body) is outcome


@pytest.mark.parametrize("name", ERROR_BODIES)
def test_an_error_with_status_200_is_refused(name):
    assert refusal(FEED, asking(), ERROR_BODIES[name]) is Outcome.LAYOUT_CHANGED


def test_a_day_given_twice_alike_counts_once():
    assert read(FEED, asking(), asset_rows(*days(3), days(3)[1])).rows.height == 3


def test_a_revision_is_a_second_run_and_the_same_answer_is_none(tmp_path):
    room = Room(tmp_path, FEED)
    for hours, body in enumerate(
        [asset_rows(*days(3)), asset_rows(*days(3)), asset_rows(*days(2), row("2024-12-03", "1"))]
    ):
        room.put(body, FETCHED + timedelta(hours=hours), asking().full_url)
    room.load()
    runs = "select date_day, run_number, price_usd from feeds.coinmetrics__asset_market order by all"
    assert room.rows(runs) == [
        (date(2024, 12, 1), 1, Decimal(90000)),
        (date(2024, 12, 2), 1, Decimal(90001)),
        (date(2024, 12, 3), 1, Decimal(90002)),
        (date(2024, 12, 3), 2, Decimal(1)),
    ]
