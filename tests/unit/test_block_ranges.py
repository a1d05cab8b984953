"""Tables that are replaced by ranges of blocks, and tables that read what another feed was told."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import SplitResult

import dataframely as dy
import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pages import put, put_failure

from pipelines import reading
from pipelines.feeds.base import ASKED, Feed
from pipelines.ingest import Loaded, load
from pipelines.registry import Source
from pipelines.settings import FILE_NAME
from pipelines.tables.base import Replace, Table
from pipelines.transport.archive import Archive
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

START = datetime.fromisoformat("2026-03-01T12:00")
MINUTE = timedelta(minutes=1)
URL = "https://node.test/rpc"


class Mined(Table):
    """What was mined in a block."""

    load = Replace(by="block_number")
    entity = "mine"
    at = "mined_at"

    mine = dy.String(primary_key=True, description="Where")
    block_number = dy.Int64(primary_key=True, description="Height")
    ore = dy.String(description="What")
    mined_at = dy.Datetime(time_unit="us", nullable=True, description="When")


class Mines(Feed):
    """A node that is asked for ranges of blocks. A body is {"mine", "first", "last", "ores": {block: ore}}."""

    source = "node"
    entity = "mined"
    subject = "test"
    delivers = Mined
    media = frozenset({"json"})
    by_day = True

    @property
    def manners(self) -> Source:
        return Source("node", "Node", ("node.test",), 600, 10_000, 2, 1, START.date())

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == "node.test"

    def requests(self, window: Window) -> Requests:
        yield []

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        page = answer.json()
        if "ores" not in page:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, "no ores")
        rows = [(page["mine"], int(block), ore, f"/ores/{block}") for block, ore in page["ores"].items()]
        schema = {"mine": pl.String, "block_number": pl.Int64, "ore": pl.String, "locator": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        page = answer.json()
        return pl.DataFrame([(page["mine"], None, None, page["first"], page["last"])], schema=ASKED, orient="row")


class Gold(Mines):
    """Only the gold of the same answers; it never asks."""

    entity = "gold"
    reads: ClassVar[tuple[str, ...]] = ("mined",)

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        return super().parse(request, answer).filter(pl.col("ore") == "gold")

    def is_read(self, request: Request) -> bool:
        return not request.params


class Pit:
    """An archive and a warehouse for the feed that asks and the one that reads along."""

    def __init__(self, folder) -> None:
        self.mines, self.gold = Mines(None), Gold(None)  # ty: ignore[invalid-argument-type]
        self.archive = Archive.create(folder / "archive", "public")
        tables = {feed.table_name: feed.delivers for feed in (self.mines, self.gold)}
        self.warehouse = Warehouse(folder / FILE_NAME, tables)

    def put(self, page: Any, minute: int, url: str = URL) -> str:
        return put(self.archive, self.mines, url, json.dumps(page).encode(), START + minute * MINUTE)

    def load(self, *feeds: Feed, tables: tuple[str, ...] = ()) -> list[Loaded]:
        named = {"reader": "reader", "run_id": "run", "told": frozenset(), "tables": tables}
        return load(feeds or [self.mines], self.archive, self.warehouse, **named)

    def rows(self, query: str) -> list[tuple]:
        with duckdb.connect(self.warehouse.file, config={"threads": 2}) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def pit(tmp_path) -> Pit:
    return Pit(tmp_path)


def page(first: int, last: int, ores: dict[int, str], mine: str = "deep") -> dict[str, Any]:
    return {"mine": mine, "first": first, "last": last, "ores": ores}


MINED = "select mine, block_number, ore from feeds.node__mined order by all"


def test_a_row_that_vanished_from_a_range_that_was_read_again_is_gone_and_its_neighbours_stand(pit):
    pit.put(page(1, 10, {1: "iron", 5: "gold", 10: "tin"}), 0)
    pit.put(page(1, 10, {5: "lead"}, mine="high"), 1)
    pit.load()
    pit.put(page(5, 9, {7: "gold"}), 2)
    pit.load()
    assert pit.rows(MINED) == [("deep", 1, "iron"), ("deep", 7, "gold"), ("deep", 10, "tin"), ("high", 5, "lead")]


answers = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 8), st.dictionaries(st.integers(0, 28), st.sampled_from("abc"))),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=answers, data=st.data())
def test_the_newest_answer_about_a_block_stands_whatever_the_order_and_the_parts(told, data, tmp_path_factory):
    pit = Pit(tmp_path_factory.mktemp("pit"))
    pages = [page(first, first + more, {b: o for b, o in ores.items() if first <= b <= first + more})
             for first, more, ores in told]  # fmt: skip
    for n in data.draw(st.permutations(range(len(pages)))):
        pit.put(pages[n], n)
        if data.draw(st.booleans()):
            pit.load()
    pit.load()
    expected: dict[int, str] = {}
    for one in pages:
        expected = {b: o for b, o in expected.items() if not one["first"] <= b <= one["last"]} | one["ores"]
    assert pit.rows(MINED) == sorted(("deep", block, ore) for block, ore in expected.items())


def test_a_table_that_asks_nothing_itself_is_filled_by_the_answers_of_another(pit):
    pit.put(page(1, 10, {1: "iron", 5: "gold"}), 0)
    pit.put({"peak": 3}, 1, URL + "?of=another-kind")
    tables = ("node__gold", "node__mined")
    assert [loaded.bodies for loaded in pit.load(pit.mines, pit.gold, tables=tables)] == [2, 1]
    assert pit.rows("select block_number, ore from feeds.node__gold") == [(5, "gold")]
    ledger = pit.rows("select entity, table_names, outcome from feeds.ledger order by fetched_at")
    assert ledger == [("mined", list(tables), "ok"), ("mined", list(tables), "layout_changed")]
    assert [loaded.bodies for loaded in pit.load(pit.gold)] == [0]


def test_tables_that_share_their_answers_may_be_loaded_one_without_the_other(pit):
    pit.put(page(1, 10, {1: "iron", 5: "gold"}), 0)
    pit.load(pit.mines)
    pit.put(page(11, 20, {11: "gold"}), 1)
    assert [loaded.bodies for loaded in pit.load(pit.mines, pit.gold)] == [1, 2]
    assert pit.rows("select block_number from feeds.node__gold order by all") == [(5,), (11,)]
    assert pit.rows("select count(*) from feeds.node__mined") == [(3,)]


def test_a_feed_that_reads_along_tells_of_bodies_it_could_not_read_and_of_no_failed_attempt(pit):
    pit.put({"nothing": 1}, 0)
    put_failure(pit.archive, pit.mines, URL, START + MINUTE, Outcome.TIMEOUT)
    mines, gold = pit.load(pit.mines, pit.gold)
    assert sorted(one.outcome for one in mines.incidents) == ["layout_changed", "timeout"]
    assert [one.outcome for one in gold.incidents] == ["layout_changed"]


def test_a_long_load_is_written_in_parts_and_a_killed_one_leaves_what_stood(pit, monkeypatch):
    monkeypatch.setattr(reading, "ROWS_AT_ONCE", 2)
    pit.put(page(0, 9, {0: "iron"}), 0)
    pit.load()
    for n in range(1, 6):
        pit.put(page(n * 10, n * 10 + 9, {n * 10: "iron", n * 10 + 1: "tin"}), n)
    parts = []

    def killed_at_the_third(*given):
        parts.append(given)
        if len(parts) == 3:
            raise KeyboardInterrupt
        return whole(*given)

    whole = pit.warehouse._write
    with monkeypatch.context() as killing:
        killing.setattr(pit.warehouse, "_write", killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            pit.load()
    assert pit.rows(MINED) == [("deep", 0, "iron")]
    assert [loaded.bodies for loaded in pit.load()] == [5]
    assert pit.rows("select count(*), count(distinct block_number) from feeds.node__mined") == [(11, 11)]
    assert pit.rows("select count(*) from meta.loads") == [(6,)]
