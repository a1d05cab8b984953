"""Celenium: series of the network, the list of rollups, and the series of those under study."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import polars as pl
import pytest
from market_pages import answered, converse, failed, read, refusal, sec
from pages import CHALLENGE, SEEDS

from pipelines.chains import Rollup
from pipelines.feeds.base import Past
from pipelines.feeds.celenium import NETWORK, CeleniumDaDaily
from pipelines.feeds.celenium_rollups import LIST, MEASURES, CeleniumDaNamespaces
from pipelines.registry import Registry
from pipelines.transport.ledger import SCHEMA
from pipelines.wire import Answer, Failure, Outcome, Request, Window

AT = datetime.fromisoformat("2024-07-03T09:30")
BYTES, FEE = (next(url for url, measure in NETWORK.items() if measure == one) for one in ("blob_bytes", "fee"))
FIRST, END = (datetime.fromisoformat(day) for day in ("2024-07-01", "2024-07-03"))
JULY = Window(date(2024, 7, 1), date(2024, 7, 2))
NAMESPACE = "00" * 18 + "ca" * 10


class SomeRollups(Registry):
    """The seeds with two rollups that Celenium knows."""

    rollups: ClassVar[dict[str, Rollup]] = {
        "eai": Rollup("eai", "Eternal AI", "eai", "", "eternal-ai", NAMESPACE),
        "other": Rollup("other", "Other", "", "", "other-one", ""),
        "silent": Rollup("silent", "Silent", "", "", "", ""),
    }


DAILY, ROLLUPS = CeleniumDaDaily(SEEDS), CeleniumDaNamespaces(SomeRollups(SEEDS.seeds))


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def points(values: Mapping[str, Any]) -> bytes:
    return body([{"time": f"{day}T00:00:00Z", "value": value} for day, value in values.items()])


def rollup(slug: Any, number: Any = 7) -> dict[str, Any]:
    return {"id": number, "name": slug, "slug": slug, "size": 1000, "fee": "123", "blobs_count": 2}


def asking(name: str = "size", slug: str = "eternal-ai", first: str = "2024-07-01", end: str = "2024-07-03") -> Request:
    bounds = {"from": str(sec(first)), "to": str(sec(end)), "rollup": slug}
    return Request.get(f"{LIST}/7/stats/{name}/day", {name: value for name, value in bounds.items() if value})


# --- the network --------------------------------------------------------------------------------------------


def test_five_series_are_asked_for_whole():
    [asked] = converse(DAILY, JULY, lambda request: answered(request, points({"2024-07-01": "1"}), AT))
    assert {request.full_url for request in asked} == set(NETWORK) == set(DAILY.known_urls)
    assert all(DAILY.owns(request.target) for request in asked)


@pytest.mark.parametrize("value", ["1048576", 1048576, "1048576.000", "1.048576e6"])
def test_a_figure_is_read_whether_it_is_printed_as_text_or_as_number(value):
    [row] = read(DAILY, Request.get(BYTES), points({"2024-07-01": value}), AT).rows.iter_rows(named=True)
    expected = ("celestia", date(2024, 7, 1), "blob_bytes", Decimal(1_048_576), "bytes", "/0")
    assert tuple(row[name] for name in ("da_layer_id", "date_day", "measure", "value", "unit", "locator")) == expected


def test_fees_are_utia_and_the_gas_price_has_places():
    price = next(url for url, measure in NETWORK.items() if measure == "gas_price")
    [fee] = read(DAILY, Request.get(FEE), points({"2024-07-01": "17956"}), AT).rows.iter_rows(named=True)
    [gas] = read(DAILY, Request.get(price), points({"2024-07-01": "0.0021"}), AT).rows.iter_rows(named=True)
    assert (fee["value"], fee["unit"]) == (17956, "utia")
    assert (gas["value"], gas["unit"]) == (Decimal("0.0021"), "utia_per_gas")


def test_the_day_that_is_not_over_has_no_row_and_a_coming_one_is_set_aside():
    checked = read(DAILY, Request.get(BYTES), points({"2024-07-02": "1", "2024-07-03": "2", "2024-07-04": "3"}), AT)
    assert checked.rows["date_day"].to_list() == [date(2024, 7, 2)]
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


@pytest.mark.parametrize(
    ("value", "rule"), [("-5", "value|min"), (None, "readable"), ("NaN", "readable"), ("", "readable")]
)
def test_a_fee_that_is_none_is_set_aside_and_is_no_zero(value, rule):
    checked = read(DAILY, Request.get(FEE), points({"2024-07-01": "7", "2024-07-02": value}), AT)
    assert checked.rows["date_day"].to_list() == [date(2024, 7, 1)]
    assert checked.rejected.select("rule", "locator").rows() == [(rule, "/1")]


def test_parts_of_a_byte_are_set_aside():
    checked = read(DAILY, Request.get(BYTES), points({"2024-07-01": "7", "2024-07-02": "7.5"}), AT)
    assert checked.rejected["rule"].to_list() == ["counts_bytes_and_fees_are_whole"]


def test_a_point_inside_a_day_is_none_of_a_day():
    given = [{"time": "2024-07-01T00:00:00Z", "value": "1"}, {"time": "2024-07-01T13:00:00Z", "value": "1"}]
    assert read(DAILY, Request.get(BYTES), body(given), AT).rejected["locator"].to_list() == ["/1"]


BAD_SERIES = {
    "an HTML page": (CHALLENGE, Outcome.CHALLENGE),
    "another page": (b"<html><body>down</body></html>", Outcome.WRONG_TYPE),
    "nothing": (b"  ", Outcome.EMPTY_BODY),
    "no point": (b"[]", Outcome.EMPTY_BODY),
    "an error": (b'{"message": "invalid timeframe"}', Outcome.LAYOUT_CHANGED),
    "a half": (b'[{"time": "2024-07-0', Outcome.TRUNCATED),
    "other things": (b"[1, 2]", Outcome.LAYOUT_CHANGED),
    "other names": (b'[{"at": "2024-07-01T00:00:00Z", "bytes": 5}]', Outcome.LAYOUT_CHANGED),
    "the open day alone": (points({"2024-07-03": "1"}), Outcome.EMPTY_BODY),
    "negative fees alone": (points({"2024-07-01": "-1"}), Outcome.TOO_MANY_FAULTS),
    "a day twice": (
        body([{"time": "2024-07-01T00:00:00Z", "value": value} for value in ("1", "2")]),
        Outcome.CONFLICTING_ROWS,
    ),
}


@pytest.mark.parametrize("bad", BAD_SERIES)
def test_a_body_that_is_no_series_is_refused_by_name(bad):
    given, outcome = BAD_SERIES[bad]
    assert refusal(DAILY, Request.get(FEE), given, AT) is outcome


# --- rollups: what is asked ---------------------------------------------------------------------------------


def upstream(*pages: list[Any]) -> Callable[[Request], Answer | Failure]:
    def reply(request: Request) -> Answer | Failure:
        if request.url != LIST:
            return answered(request, points({"2024-07-01": "1"}), AT)
        number = int(dict(request.params)["offset"]) // 100
        return answered(request, body(pages[number]), AT) if number < len(pages) else failed(request)

    return reply


def test_only_rollups_under_study_are_asked_for_by_the_number_of_the_list():
    listed = [rollup("unknown", 1), rollup("eternal-ai", 42)]
    [_], asked = converse(ROLLUPS, JULY, upstream(listed))
    assert {request.url for request in asked} == {f"{LIST}/42/stats/{name}/day" for name in MEASURES}
    assert {request.params for request in asked} == {asking().params}
    assert all(ROLLUPS.owns(request.target) for request in asked)


def test_the_list_is_read_page_by_page_and_ends_with_one_that_brings_nothing_new():
    full = [rollup(f"slug-{number}", number) for number in range(100)]
    assert len(converse(ROLLUPS, JULY, upstream(full, [rollup("other-one", 200)]))) == 3
    assert len(converse(ROLLUPS, JULY, upstream(full, full))) == 2


def test_where_none_is_listed_nothing_more_is_asked():
    assert len(converse(ROLLUPS, JULY, upstream([rollup("unknown")]))) == 1
    assert len(converse(CeleniumDaNamespaces(SEEDS), JULY, upstream([rollup("unknown")]))) == 1
    assert len(converse(ROLLUPS, JULY, failed)) == 1


def test_a_year_comes_in_parts_that_are_not_cut():
    year = Window(date(2024, 1, 1), date(2024, 12, 31))
    _, asked = converse(ROLLUPS, year, upstream([rollup("eternal-ai")]))
    of_size = [ROLLUPS.days_of(request) for request in asked if "/size/" in request.url]
    assert [day for part in of_size for day in part] == year.days()
    assert max(len(part) for part in of_size) < 100


def ledger(*attempts: tuple[Request, datetime, str]) -> tuple[pl.DataFrame, dict[str, Request]]:
    rows = [
        dict.fromkeys(SCHEMA)
        | {
            "url": request.url,
            "params": json.dumps(request.params),
            "fetched_at": at,
            "outcome": outcome,
            "fetch_id": f"f{n}",
        }
        for n, (request, at, outcome) in enumerate(attempts)
    ]
    return pl.DataFrame(rows, schema=SCHEMA), {
        row["fetch_id"]: attempt[0] for row, attempt in zip(rows, attempts, strict=True)
    }


def answered_days(listed: list[Any], *attempts: tuple[Request, datetime, str]) -> dict[date, datetime]:
    frame, _ = ledger(*attempts)
    past = Past(frame, lambda row: answered(Request(row["url"]), body(listed), row["fetched_at"]))
    return ROLLUPS.answered(past, JULY.days())


def test_a_day_is_answered_by_the_list_and_every_series_of_a_listed_rollup():
    page = (Request.get(LIST, {"limit": "100", "offset": "0"}), AT, "ok")
    series = [(asking(name), AT + timedelta(minutes=1), "ok") for name in MEASURES]
    listed = [rollup("eternal-ai"), rollup("unknown")]
    assert answered_days(listed, page, *series) == dict.fromkeys(JULY.days(), AT)
    assert answered_days(listed, page, *series[:2]) == {}
    assert answered_days(listed, page, *series[:2], (*series[2][:2], "timeout")) == {}
    assert answered_days(listed, *series) == {}
    assert answered_days([rollup("unknown")], page) == dict.fromkeys(JULY.days(), AT)


# --- rollups: what is read ----------------------------------------------------------------------------------


def test_a_series_says_its_rollup_without_the_list():
    [row] = read(ROLLUPS, asking("fee"), points({"2024-07-01": "950"}), AT).rows.iter_rows(named=True)
    named = ("da_layer_id", "rollup_id", "rollup_slug", "namespace_id", "measure", "value", "unit")
    assert tuple(row[name] for name in named) == ("celestia", "eai", "eternal-ai", NAMESPACE, "fee", 950, "utia")


def test_a_day_without_blobs_is_covered_and_has_no_row():
    request = asking()
    for given in (b"[]", points({"2024-07-01": "5"})):
        answer = answered(request, given, AT)
        rows = read(ROLLUPS, request, given, AT).rows
        covered = ROLLUPS.covers(request, answer, rows).select("entity_id", "from_at", "to_at").rows()
        assert covered == [("eai", FIRST, END)]
    assert read(ROLLUPS, request, b"[]", AT).rows.height == 0


def test_only_days_that_are_over_are_covered():
    request = asking(end="2024-07-09")
    answer = answered(request, b"[]", AT)
    [(_, _, until, *_)] = ROLLUPS.covers(request, answer, pl.DataFrame()).rows()
    assert until == END


def test_rollups_that_the_seeds_do_not_know_are_set_aside_by_name():
    listed = body([rollup("eternal-ai", 1), rollup("unknown", 2), rollup("strange", 3)])
    checked = read(ROLLUPS, Request.get(LIST), listed, AT)
    assert checked.unknown.rows() == [("rollup", "strange", 1), ("rollup", "unknown", 1)]
    assert (checked.rows.height, checked.rejected.height) == (0, 0)


def test_a_series_of_a_rollup_that_the_seeds_do_not_know_is_set_aside():
    checked = read(ROLLUPS, asking(slug="unknown"), points({"2024-07-01": "5"}), AT)
    assert (checked.rows.height, checked.unknown.rows()) == (0, [("rollup", "unknown", 1)])


def test_a_rollup_listed_twice_is_one_where_the_list_agrees_with_itself():
    listed = body([rollup("unknown", 2), rollup("unknown", 2)])
    assert read(ROLLUPS, Request.get(LIST), listed, AT).unknown.rows() == [("rollup", "unknown", 1)]


BAD_LISTS = {
    "one slug for two rollups": (body([rollup("eternal-ai", 1), rollup("eternal-ai", 2)]), Outcome.CONFLICTING_ROWS),
    "a rollup without a slug": (body([rollup(None)]), Outcome.LAYOUT_CHANGED),
    "a rollup without a number": (body([rollup("eternal-ai", None)]), Outcome.LAYOUT_CHANGED),
    "an error": (b'{"message": "no"}', Outcome.LAYOUT_CHANGED),
    "null members": (b"[null]", Outcome.LAYOUT_CHANGED),
    "a half": (b'[{"slug"', Outcome.TRUNCATED),
}


@pytest.mark.parametrize("bad", BAD_LISTS)
def test_a_body_that_is_no_list_of_rollups_is_refused_at_arrival_and_when_it_is_read(bad):
    given, outcome = BAD_LISTS[bad]
    arrived = ROLLUPS.refusal(Request.get(LIST), given)
    assert arrived is not None
    assert arrived.outcome is outcome
    assert refusal(ROLLUPS, Request.get(LIST), given, AT) is outcome


def test_a_series_that_was_cut_is_refused():
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(100)]
    assert refusal(ROLLUPS, asking(), points({str(day): "1" for day in days}), AT) is Outcome.TRUNCATED


def test_a_series_that_names_no_rollup_is_refused():
    assert refusal(ROLLUPS, replace(asking(), params=()), points({"2024-07-01": "1"}), AT) is Outcome.LAYOUT_CHANGED
