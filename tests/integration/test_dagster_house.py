"""Dagster over the house: the graph has no gap, the schedules stand still, and missed days become one run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from day_feed import HOST, DayFeed, SeriesFeed, body
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines import definitions
from pipelines.assets.feeds import table_key
from pipelines.definitions import build_defs
from pipelines.feeds.catalog import all_feeds
from pipelines.registry import Registry
from pipelines.schedules import DAILY_REFRESH, ETF_REFRESH
from pipelines.settings import Clock, Mode, Settings
from pipelines.transport.session import Transport

MART, PUBLISHED = dg.AssetKey(["marts", "etf_flows"]), dg.AssetKey(["published", "outcrop"])
SEED_LINE = f"days,Days,https://{HOST},,free,,made up for the tests,600,10000,6,3,2026-03-01,,,\n"


# --- the graph and the schedules ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs(Settings())


def test_the_front_door_opens(defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What workspace.yaml names: the same definitions, over the environment's settings."""
    monkeypatch.setenv("OUTCROP_HOME", str(tmp_path / "home"))
    loaded = definitions.defs()
    assert isinstance(loaded, dg.Definitions)
    dg.Definitions.validate_loadable(loaded)
    assert set(loaded.resolve_all_asset_keys()) == set(defs.resolve_all_asset_keys())
    assert not (tmp_path / "home").exists(), "loading definitions touches no home"


def test_every_feed_reaches_the_published_file_without_a_gap(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for feed in all_feeds(Registry(Settings().seeds)):
        asked = {dg.AssetKey(["raw", *raw_id.split("/")]) for raw_id in feed.raw_ids}
        way, reached = list(asked), set(asked)
        while way:
            children = graph.get(way.pop()).child_keys - reached
            reached |= children
            way += children
        layers = {key.path[0] for key in reached}
        assert {"raw", "feeds", "staging", "intermediate", "marts", "published"} <= layers, feed.feed_id
        assert {table_key(feed), PUBLISHED} <= reached
        assert graph.get(table_key(feed)).parent_keys == asked
        staging = dg.AssetKey(["staging", f"stg_{feed.table_name}"])
        assert graph.get(staging).parent_keys == {table_key(feed)}
        assert graph.get(staging).child_keys
    assert graph.get(PUBLISHED).parent_keys >= {MART}


def test_no_asset_hangs_in_the_air(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    external = [key for key in graph.get_all_asset_keys() if not graph.get(key).is_materializable]
    written_by_every_load = {dg.AssetKey(["feeds", "asked"]), dg.AssetKey(["feeds", "ledger"])}
    assert set(external) == written_by_every_load, "a dbt source that no asset fills"
    ends = [key for key in graph.get_all_asset_keys() if not graph.get(key).child_keys]
    assert ends == [PUBLISHED]


def test_the_schedules_are_stopped_and_tick_in_utc(defs: dg.Definitions) -> None:
    schedules = {one.name: one for one in defs.schedules or []}
    assert {name: one.cron_schedule for name, one in schedules.items()} == {
        DAILY_REFRESH: "30 9 * * *",
        ETF_REFRESH: "0 14 * * 2-6",
    }
    for one in schedules.values():
        assert one.execution_timezone == "UTC"
        assert one.default_status is dg.DefaultScheduleStatus.STOPPED


# --- three missed days --------------------------------------------------------------------------------------


@dataclass
class TestClock(Clock):
    """A clock that a test puts forward."""

    __test__ = False
    instant: datetime

    def now(self) -> datetime:
        return self.instant


@dataclass
class Upstream(BaseAdapter):
    """Answers each day with two rows, except on days of trouble; the series is never there. Notes what was asked."""

    trouble: set[date] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def send(self, request: PreparedRequest, **_: object) -> Response:
        day = (request.url or "").partition("day=")[2]
        self.asked.append(day or "series")
        is_ill = not day or date.fromisoformat(day) in self.trouble
        content = b"out of order" if is_ill else body([("here", day, 1, "1.5"), ("here", day, 2, "2.5")])
        response = Response()
        response.status_code = 404 if is_ill else 200
        response.headers["Content-Type"] = "text/plain" if is_ill else "application/json"
        response.raw = HTTPResponse(BytesIO(content), headers=dict(response.headers), preload_content=False)
        response.url, response.request = request.url or "", request
        return response

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class House:
    """Two small feeds over a scripted upstream, and a Dagster instance that remembers."""

    defs: dg.Definitions
    clock: TestClock
    upstream: Upstream
    home: Path
    instance: dg.DagsterInstance

    def tick(self) -> dg.RunRequest:
        at = self.clock.instant.replace(tzinfo=UTC)
        context = dg.build_schedule_context(instance=self.instance, scheduled_execution_time=at)
        [request] = self.defs.resolve_schedule_def(DAILY_REFRESH).evaluate_tick(context).run_requests or []
        return request

    def execute(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """The part of the run that needs no dbt: nobody has models for feeds that live in the tests."""
        own = [key for key in request.asset_selection or [] if key.path[0] in ("raw", "feeds")]
        job = self.defs.resolve_job_def(DAILY_REFRESH)
        return job.execute_in_process(instance=self.instance, asset_selection=own, tags=request.tags)

    def rows(self, sql: str) -> list[tuple]:
        with duckdb.connect(self.home / "build" / "outcrop.duckdb", read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    seeds = tmp_path / "seeds"
    shutil.copytree(Settings().seeds, seeds)
    with (seeds / "sources.csv").open("a", encoding="utf-8") as sources:
        sources.write(SEED_LINE)
    settings = Settings(feeds=Mode.LIVE, home=tmp_path / "home", seeds=seeds)
    clock, upstream = TestClock(datetime.fromisoformat("2026-03-04T09:30")), Upstream()
    transport = Transport(clock=clock, adapter=upstream, paced=False)
    feeds = [kind(Registry(seeds)) for kind in (DayFeed, SeriesFeed)]
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield House(build_defs(settings, transport, feeds), clock, upstream, settings.at.path, instance)


def days_of(request: dg.RunRequest) -> tuple[str | None, str | None]:
    start, end = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
    return request.tags.get(start), request.tags.get(end)


def test_three_missed_days_are_one_run_and_days_in_it_that_need_nothing_are_skipped(house: House) -> None:
    """The first morning brings three days, one of them in trouble. Then nobody is there for three days."""
    house.upstream.trouble = {date(2026, 3, 2)}
    first = house.tick()
    assert days_of(first) == ("2026-03-01", "2026-03-03")
    assert house.execute(first).success
    assert sorted(set(house.upstream.asked)) == ["2026-03-01", "2026-03-02", "2026-03-03", "series"]
    assert house.rows("select distinct cast(date_day as varchar) from feeds.days__counts order by 1") == [
        ("2026-03-01",),
        ("2026-03-03",),
    ]

    house.upstream.trouble = set()
    house.upstream.asked.clear()
    house.clock.instant += timedelta(hours=2)
    assert days_of(house.tick()) == ("2026-03-02", "2026-03-02"), "only the day in trouble is still wanted"

    house.clock.instant = datetime.fromisoformat("2026-03-07T09:30")
    second = house.tick()
    assert days_of(second) == ("2026-03-02", "2026-03-06")
    result = house.execute(second)
    assert result.success
    asked_days = sorted(day for day in house.upstream.asked if day != "series")
    assert asked_days == ["2026-03-02", "2026-03-04", "2026-03-05", "2026-03-06"], "2026-03-03 is settled and known"
    kept = house.rows("select date_day, count(*), sum(amount) from feeds.days__counts group by 1 order by 1")
    assert [(day, count, float(total)) for day, count, total in kept] == [
        (date(2026, 3, 1) + timedelta(days=n), 2, 4.0) for n in range(6)
    ]


def test_an_upstream_in_trouble_warns_and_the_rest_goes_on(house: House) -> None:
    """The series answers 404: its assets are materialised all the same, and a check says what happened."""
    result = house.execute(house.tick())
    assert result.success
    materialized = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert materialized == {"counts", "series", "days__counts", "days__series"}
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert {check.severity for check in failed} == {dg.AssetCheckSeverity.WARN}
    answered = [check for check in failed if check.check_name == "every_request_was_answered"]
    assert [check.asset_key for check in answered] == [dg.AssetKey(["raw", "days", "series"])]
    assert "https://days.test/days" in (answered[0].description or "")
    assert house.rows("select count(*) from feeds.days__series") == [(0,)]
    raw = result.asset_materializations_for_node("raw__days__counts")
    assert [one.metadata["requests"].value for one in raw] == [3, 3, 3], "said of each day of the range"


def test_etf_refresh_leaves_other_subjects_alone(house: House) -> None:
    job = house.defs.resolve_job_def(ETF_REFRESH)
    layers = {key.path[0] for key in job.asset_layer.executable_asset_keys}
    assert layers.isdisjoint({"raw", "feeds"})
    assert {"marts", "published"} <= layers
