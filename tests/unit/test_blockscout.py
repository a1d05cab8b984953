"""Blockscout's lines: which hosts are asked for what, what a chart means, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from activity_pages import BOB, FETCHED, ROOTSTOCK, attempt, chart, lines, past, point, talk, told, values
from hypothesis import given, settings
from hypothesis import strategies as st
from market_pages import ERROR_BODIES, answered, failed, read, refusal
from pages import CHALLENGE, SEEDS, Room

from pipelines.feeds.blockscout import LINES, BlockscoutChainStats
from pipelines.registry import Registry
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Window

FEED = BlockscoutChainStats(SEEDS)
WINDOW = Window(date(2024, 6, 5), date(2024, 6, 29))
TWIN = "https://explorer.gobob.xyz/stats-service/api/v1/lines"
PRO = "https://api.blockscout.com/60808/stats-service/api/v1/lines"
GOOD = chart(point("2024-06-05", "7"))
PER_CHAIN = len(LINES) + 1
"""Every line by day, and active accounts by week too."""
CHAINS = len(FEED.hosts)


def asking(line: str = "newTxns", base: str = BOB, resolution: str = "DAY") -> Request:
    return Request.get(f"{base}/{line}", {"from": "2024-06-03", "to": "2024-06-29", "resolution": resolution})


def days(*points: Any, line: str = "newTxns", base: str = BOB, **more: Any) -> Any:
    return read(FEED, asking(line, base), chart(*points, **more), FETCHED)


def weeks(*points: Any, **more: Any) -> Any:
    return read(FEED, asking("activeAccounts", resolution="WEEK"), chart(*points, **more), FETCHED)


def reason(request: Request, body: bytes) -> str:
    with pytest.raises(BodyRefused) as refused:
        read(FEED, request, body, FETCHED)
    return f"{refused.value.outcome}: {refused.value.reason}"


def ok(request: Request) -> Answer:
    return answered(request, GOOD)


# --- what is asked ------------------------------------------------------------------------------------------


def test_a_line_is_asked_once_for_the_whole_range():
    ahead, rest = talk(FEED, WINDOW, ok)
    assert {request.url for request in ahead} > {f"{BOB}/newTxns", f"{ROOTSTOCK}/newTxns"}
    assert lines(ahead) == ["newTxns"] * CHAINS
    assert len({(request.url, request.params) for request in [*ahead, *rest]}) == CHAINS * PER_CHAIN
    assert dict(ahead[0].params) == {"from": "2024-06-05", "to": "2024-06-29", "resolution": "DAY"}
    assert FEED.request_count(WINDOW) == len([*ahead, *rest])


def test_weeks_are_asked_for_from_their_monday_on_and_of_active_accounts_alone():
    weekly, *_ = [one for one in talk(FEED, WINDOW, ok)[1] if dict(one.params)["resolution"] == "WEEK"]
    assert lines([weekly]) == ["activeAccounts"]
    assert dict(weekly.params)["from"] == "2024-06-03"


def test_the_next_host_is_asked_for_what_the_one_before_did_not_answer():
    def reply(request: Request) -> Answer | Failure:
        return failed(request, 503) if request.url == f"{BOB}/txnsFee" else answered(request, GOOD)

    *_, last = talk(FEED, WINDOW, reply)
    assert [request.url for request in last] == [f"{TWIN}/txnsFee"]


@pytest.mark.parametrize("status", [None, 404, 429, 500])
def test_a_host_that_is_gone_is_asked_one_line_and_the_next_one_all(status):
    asked = talk(FEED, WINDOW, lambda one: failed(one, status) if one.url.startswith(BOB) else answered(one, GOOD))
    by_host = [request.url.rpartition("/")[0] for requests in asked for request in requests]
    assert (by_host.count(BOB), by_host.count(TWIN), by_host.count(PRO)) == (1, PER_CHAIN, 0)


def test_the_pro_api_is_asked_last():
    asked = talk(FEED, WINDOW, lambda request: failed(request, 401))
    hosts = [request.url.rpartition("/")[0] for requests in asked for request in requests if "bob" in request.url]
    assert hosts == [BOB, TWIN]
    assert [request.url for request in asked[-1]] == [f"{PRO}/newTxns"]


def test_a_line_that_a_host_does_not_have_is_not_asked_of_the_next_one():
    def reply(request: Request) -> Answer | Failure:
        return failed(request, 404) if "opStack" in request.url else answered(request, GOOD)

    assert len(talk(FEED, WINDOW, reply)) == 2


def test_own_nodes_of_a_chain_are_no_explorers():
    registry = Registry(SEEDS.seeds, own_endpoints={"bob": ["https://node.test/key"]})
    assert all("node.test" not in url for url in BlockscoutChainStats(registry).known_urls)


def test_it_owns_its_lines_on_every_host_and_nothing_else():
    assert all(FEED.owns(urlsplit(url)) for url in FEED.known_urls)
    for url in (f"{BOB}/averageGasPrice", BOB, f"{BOB}/newTxns/x", "https://eth.blockscout.com/api/v1/lines/newTxns"):
        assert not FEED.owns(urlsplit(url))


def test_a_day_settles_after_nine_hours_and_is_looked_at_for_a_week():
    assert (FEED.manners.settle_lag_hours, FEED.manners.revision_window_days) == (9, 7)


# --- what was asked before ----------------------------------------------------------------------------------

SPAN = {"from": "2024-06-05", "to": "2024-06-29"}


def all_told(at: str, **changes: Any) -> list[dict[str, Any]]:
    """Every series of every chain, told at once."""
    older, newer = "/api/v1/lines", "/stats-service/api/v1/lines"
    asked = [
        (f"{host.url}{older if host.style == 'instance_v1' else newer}/{one.line}", one.resolution)
        for one in FEED.questions
        for host in FEED.hosts[one.chain_id][:1]
    ]
    return [attempt(url, at, **changes, **SPAN, resolution=resolution) for url, resolution in asked]


def test_a_day_is_answered_when_its_last_series_was_told():
    before = all_told("2024-06-30T10:00")
    before[3]["fetched_at"] = datetime.fromisoformat("2024-06-30T11:00")
    answered_at = FEED.answered(past(*before), WINDOW.days())
    assert set(answered_at) == set(WINDOW.days())
    assert set(answered_at.values()) == {datetime.fromisoformat("2024-06-30T10:00")}


def test_a_day_that_one_series_was_never_told_is_not_answered():
    assert FEED.answered(past(*all_told("2024-06-30T10:00")[1:]), WINDOW.days()) == {}
    assert FEED.answered(past(), WINDOW.days()) == {}


def test_an_answer_speaks_of_no_day_outside_of_what_it_was_asked_for():
    later = date(2024, 6, 30)
    assert later not in FEED.answered(past(*all_told("2024-07-02T10:00")), [*WINDOW.days(), later])


def test_after_a_host_stopped_only_the_rest_is_asked_and_the_line_that_shows_the_host():
    before = all_told("2024-06-30T10:00")
    gone = [row for row in before if not row["url"].endswith(("/txnsFee", "/newContracts"))]
    asked = [request.url for requests in talk(FEED, WINDOW, ok, past(*gone)) for request in requests]
    assert sorted(url for url in asked if url.startswith(BOB)) == [
        f"{BOB}/newContracts",
        f"{BOB}/newTxns",
        f"{BOB}/txnsFee",
    ]


def test_where_all_is_told_all_is_asked_again():
    asked = talk(FEED, WINDOW, ok, past(*all_told("2024-06-30T10:00")))
    assert sum(map(len, asked)) == CHAINS * PER_CHAIN


def test_a_missing_line_of_a_host_that_is_there_is_told_and_no_incident():
    before = all_told("2024-06-30T10:00")
    for row in before:
        if "opStack" in row["url"]:
            row |= {"status": 404, "outcome": str(Outcome.HTTP_ERROR)}
    assert len(FEED.answered(past(*before), WINDOW.days())) == len(WINDOW.days())
    assert FEED.unhealed(told(before)).height == 0


def test_a_host_where_nothing_is_found_is_an_incident():
    before = [attempt(f"{BOB}/newTxns", "2024-06-30T10:00", Outcome.HTTP_ERROR, 404, resolution="DAY")]
    assert FEED.unhealed(told(before)).height == 1
    assert FEED.answered(past(*before), WINDOW.days()) == {}


def test_the_line_that_no_host_is_without_is_never_told_by_its_absence():
    before = all_told("2024-06-30T10:00")
    [lost] = [row for row in before if row["url"] == f"{BOB}/newTxns"]
    lost |= {"status": 404, "outcome": str(Outcome.HTTP_ERROR)}
    assert FEED.unhealed(told(before))["url"].str.contains("newTxns").to_list() == [True]


def test_what_another_host_told_later_heals_a_failure():
    bad = attempt(f"{BOB}/newTxns", "2024-06-30T10:00", Outcome.HTTP_ERROR, 503, resolution="DAY")
    good = attempt(f"{TWIN}/newTxns", "2024-06-30T10:01", resolution="DAY")
    weekly = attempt(f"{TWIN}/activeAccounts", "2024-06-30T10:01", resolution="WEEK")
    assert FEED.unhealed(told([bad, good])).height == 0
    assert FEED.unhealed(told([good | {"fetched_at": datetime.fromisoformat("2024-06-30T09:00")}, bad])).height == 1
    assert FEED.unhealed(told([bad, weekly])).height == 1


# --- hosts that nobody has seen answer ----------------------------------------------------------------------

UNSEEN = "https://explorer.nakachain.xyz/stats-service/api/v1/lines"
UNSEEN_CHAINS = {"naka", "eai", "runechain"}


def without_unseen() -> list[dict[str, Any]]:
    return [row for row in all_told("2024-06-30T10:00") if "blockscout" in row["url"] or "conduit" in row["url"]]


def test_the_days_of_the_other_chains_do_not_wait_for_an_unseen_host():
    assert {one.chain_id for one in FEED.questions if one.chain_id in FEED.unconfirmed} == UNSEEN_CHAINS
    assert len(FEED.answered(past(*without_unseen()), WINDOW.days())) == len(WINDOW.days())


def test_its_silence_is_no_incident_and_a_bad_answer_to_another_line_is_one():
    silence = [
        attempt(f"{UNSEEN}/newTxns", "2024-06-30T10:00", Outcome.HTTP_ERROR, 404, resolution="DAY"),
        attempt(f"{UNSEEN}/newTxns", "2024-06-30T11:00", Outcome.CONNECTION_ERROR, None, resolution="DAY"),
    ]
    assert FEED.unhealed(told(silence)).height == 0
    speaks = attempt(f"{UNSEEN}/newTxns", "2024-06-30T12:00", resolution="DAY")
    refused = attempt(f"{UNSEEN}/txnsFee", "2024-06-30T12:00", Outcome.LAYOUT_CHANGED, resolution="DAY")
    assert FEED.unhealed(told([*silence, speaks, refused]))["url"].str.contains("txnsFee").to_list() == [True]


def test_once_it_has_told_one_line_its_days_wait_for_the_others():
    first = attempt(f"{UNSEEN}/newTxns", "2024-06-30T10:00", **SPAN, resolution="DAY")
    assert FEED.answered(past(*without_unseen(), first), WINDOW.days()) == {}


def test_a_run_asks_it_one_line_and_the_told_chains_all_once_more():
    asked = talk(FEED, WINDOW, lambda one: failed(one, 404) if UNSEEN in one.url else ok(one), past(*without_unseen()))
    urls = [request.url for requests in asked for request in requests]
    assert [url for url in urls if url.startswith(UNSEEN)] == [f"{UNSEEN}/newTxns"]
    assert sum(url.startswith(ROOTSTOCK) for url in urls) == PER_CHAIN


# --- what a chart means -------------------------------------------------------------------------------------


def test_a_point_is_what_happened_on_its_day():
    [row] = days(point("2024-06-05", "1234", "2024-06-05")).rows.to_dicts()
    assert (row["chain_id"], row["metric_id"], row["source_metric"]) == ("bob", "tx_count", "newTxns")
    assert (row["period"], row["period_start"], row["value"]) == ("day", date(2024, 6, 5), 1234)
    assert (row["unit"], row["definition"], row["locator"]) == ("count", "all", "/chart/0")


@pytest.mark.parametrize("base", [BOB, TWIN, PRO])
def test_every_style_of_host_speaks_of_the_same_chain(base):
    assert days(point("2024-06-05", "1"), base=base).rows["chain_id"].to_list() == ["bob"]


@pytest.mark.parametrize("line", LINES)
def test_every_line_has_a_metric_of_the_seeds(line):
    metrics = (SEEDS.seeds / "metrics.csv").read_text(encoding="utf-8")
    [metric_id] = days(point("2024-06-05", "1"), line=line).rows["metric_id"]
    assert f"\n{metric_id}," in metrics


@pytest.mark.parametrize(("base", "unit"), [(BOB, "eth"), (ROOTSTOCK, "rbtc")])
def test_fees_are_in_the_coin_that_gas_is_paid_in_and_exact(base, unit):
    value = "0.123456789012345678"
    [row] = days(point("2024-06-05", value), line="txnsFee", base=base).rows.to_dicts()
    assert (row["value"], row["unit"], row["definition"]) == (Decimal(value), unit, "l2_fee")


@pytest.mark.parametrize("printed", ["1234", "1234.0", 1234, 1234.0, "1.234e3", 1.234e3])
def test_a_count_may_be_printed_in_any_way_that_is_whole(printed):
    assert values(days(point("2024-06-05", printed)).rows) == {date(2024, 6, 5): 1234}


@pytest.mark.parametrize("printed", ["12.5", "-1", "", "n/a", None, "NaN", "1,234", True, [5], "1e99"])
def test_what_is_no_count_is_set_aside(printed):
    good = [point(f"2024-06-{day:02}", "1") for day in range(10, 20)]
    checked = days(*good, point("2024-06-05", printed))
    assert (checked.rows.height, checked.rejected.height) == (10, 1)
    assert checked.rejected["locator"].to_list() == ["/chart/10"]


@given(st.integers(0, 10**19))
@settings(max_examples=50, deadline=None)
def test_every_count_is_read_exactly(count):
    assert values(days(point("2024-06-05", str(count))).rows) == {date(2024, 6, 5): count}


def test_a_hole_in_a_chart_is_no_row():
    checked = days(point("2024-06-05", "5"), point("2024-06-08", "0"))
    assert values(checked.rows) == {date(2024, 6, 5): 5, date(2024, 6, 8): 0}


def test_approximate_points_and_days_that_are_not_over_are_not_read():
    checked = days(
        point("2024-06-29", "5"),
        point("2024-06-30", "6", is_approximate=True),
        point("2024-07-01", "7"),
    )
    assert list(values(checked.rows)) == [date(2024, 6, 29)]
    assert checked.rejected.height == 0


def test_a_day_to_come_is_set_aside_by_name():
    checked = days(point("2024-06-29", "5"), point("2024-07-05", "7"))
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


def test_a_week_is_its_own_row_and_a_week_that_is_not_over_is_not_read():
    checked = weeks(point("2024-06-17", "30", "2024-06-23"), point("2024-06-24", "31"), point("2024-07-01", "3"))
    assert checked.rows["period"].to_list() == ["week", "week"]
    assert values(checked.rows) == {date(2024, 6, 17): 30, date(2024, 6, 24): 31}


def test_coverage_reaches_to_the_end_of_the_last_week():
    request, body = asking("activeAccounts", resolution="WEEK"), chart(point("2024-06-17", "3"))
    rows = read(FEED, request, body, FETCHED).rows
    [span] = FEED.covers(request, answered(request, body, FETCHED), rows).to_dicts()
    assert (span["from_at"], span["to_at"]) == tuple(map(datetime.fromisoformat, ("2024-06-17", "2024-06-24")))


def test_the_same_day_twice_is_one_row_and_with_two_values_is_refused():
    assert days(point("2024-06-05", "5"), point("2024-06-05", "5.0")).rows.height == 1
    assert reason(asking(), chart(point("2024-06-05", "5"), point("2024-06-05", "6"))).startswith("conflicting_rows")


def test_a_total_that_goes_back_is_kept_as_it_was_said():
    checked = days(point("2024-06-05", "500"), point("2024-06-06", "499"), line="accountsGrowth")
    assert [*values(checked.rows).values()] == [500, 499]


def test_a_byte_order_mark_is_no_part_of_the_answer():
    assert read(FEED, asking(), b"\xef\xbb\xbf" + GOOD, FETCHED).rows.height == 1


# --- what is refused ----------------------------------------------------------------------------------------


def test_weeks_that_start_on_a_sunday_are_refused_by_name():
    said = reason(asking("activeAccounts", resolution="WEEK"), chart(point("2024-06-16", "30", "2024-06-22")))
    assert said == ("layout_changed: a point from Sunday 2024-06-16 to 2024-06-22 is no WEEK (of 1 points)")


def test_days_in_the_place_of_weeks_are_refused_even_where_one_is_a_monday():
    body = chart(point("2024-06-17", "30", "2024-06-17"))
    assert "is no WEEK" in reason(asking("activeAccounts", resolution="WEEK"), body)


def test_weeks_in_the_place_of_days_are_refused():
    assert "is no DAY" in reason(asking(), chart(point("2024-06-17", "30", "2024-06-23")))


def test_an_answer_of_another_line_is_refused():
    said = reason(asking(), chart(point("2024-06-05", "5"), info={"id": "txnsGrowth"}))
    assert said == "layout_changed: newTxns was asked for and txnsGrowth came"


def test_fees_in_another_unit_are_refused():
    body = chart(point("2024-06-05", "5"), info={"id": "txnsFee", "units": "Gwei"})
    assert reason(asking("txnsFee"), body) == "layout_changed: txnsFee of bob in Gwei, not in ETH"
    assert "another unit" in reason(asking("txnsFee"), chart(point("2024-06-05", "5000000000000000000")))


def test_fees_in_the_coin_of_the_chain_are_read_whatever_the_case():
    assert days(point("2024-06-05", "5"), line="txnsFee", info={"id": "txnsFee", "units": "eth"}).rows.height == 1


def test_an_empty_chart_is_no_zero():
    assert reason(asking(), chart()) == "empty_body: no point in /chart"


@pytest.mark.parametrize("body", [*ERROR_BODIES.values(), chart(5), chart({"x": 1}), chart(point("2024-06-05", "x"))])
def test_what_is_no_chart_is_refused(body):
    assert refusal(FEED, asking(), body, FETCHED) in (Outcome.LAYOUT_CHANGED, Outcome.TOO_MANY_FAULTS)


def test_a_page_in_the_place_of_data_is_refused():
    assert refusal(FEED, asking(), CHALLENGE) is Outcome.CHALLENGE
    assert refusal(FEED, asking(), b"<html><body>Blockscout</body></html>") is Outcome.WRONG_TYPE


def test_an_unknown_line_is_refused_by_name():
    assert "asks for no line of ours" in reason(asking("averageGasPrice"), GOOD)


# --- in the warehouse ---------------------------------------------------------------------------------------


def test_a_restated_day_is_a_new_run_and_a_refused_body_takes_nothing_away(tmp_path):
    room, url = Room(tmp_path, FEED), asking().full_url
    room.put(chart(point("2024-06-05", "5"), point("2024-06-06", "6")), FETCHED, url)
    room.put(chart(point("2024-06-05", "5"), point("2024-06-06", "9")), FETCHED + timedelta(days=1), url)
    room.put(chart(), FETCHED + timedelta(days=2), url)
    room.load()
    assert room.rows("select period_start, value::int from feeds.blockscout__chain_stats order by all") == [
        (date(2024, 6, 5), 5),
        (date(2024, 6, 6), 6),
        (date(2024, 6, 6), 9),
    ]
