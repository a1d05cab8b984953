"""Small payloads written by hand, and the shortest ways to read, file and load them.

Belongs here: builders of the pages that feeds read, and what several test files do with them.
Not here: assertions, and any reading of a page: builders are never made from the code they test.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any

import duckdb

from pipelines.feeds.base import Feed
from pipelines.ingest import Loaded, load
from pipelines.registry import Registry
from pipelines.settings import FILE_NAME, Settings
from pipelines.tables.base import Checked, check
from pipelines.transport.archive import Archive
from pipelines.transport.ledger import LedgerRow
from pipelines.transport.screening import screen
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, BodyRefused, Outcome, Request

SEEDS = Registry(Settings().seeds)
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>wait</body></html>"
FOOTERS = ("Total", "Average", "Maximum", "Minimum")


# --- pages --------------------------------------------------------------------------------------------------


def farside(
    rows: Iterable[Sequence[str]], funds: Sequence[str] = ("IBIT", "FBTC", "GBTC"), layout: str = "recent"
) -> bytes:
    """A Farside page: `recent` has logos, padded tickers, fees and footers, `history` has one header row.

    A row is its date, a cell for each fund, and the Total.
    """
    if layout == "recent":
        heading = [
            ["", *("" for _ in funds), "  Total"],
            ["", *(f"   {fund} " for fund in funds), ""],
            ["Fee", *("0.25%" for _ in funds), ""],
        ]
        below = [[name, *("1,234.5" for _ in funds), "(9,876)"] for name in FOOTERS]
    else:
        heading, below = [["Date", *funds, "Total"], []], []
    lines = [_line("th", row) for row in heading] + [_line("td", row) for row in [*rows, *below]]
    return f'<html><body><table class="etf">{"".join(lines)}</table></body></html>'.encode()


def _line(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}><span>{escape(cell)}</span></{tag}>' for cell in cells)}</tr>\n"


LABELS = {"0": "TOTAL", "1": "GBTC (Grayscale)", "3": "IBIT (BlackRock)", "8": "FBTC (Fidelity)"}
NOISE = "7777.0"
"""What chart2, chart4, flows and price hold, so that a test sees where it lands."""


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def holdings_data(
    held: Mapping[Any, Mapping[str, Any]],
    aum: Mapping[Any, Mapping[str, Any]] | None = None,
    labels: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The data block of btcetffundflow. A key of `held` and `aum` is a day, or the `ts` as it is to stand."""

    def chart(values: Mapping[Any, Mapping[str, Any]]) -> list[dict[str, Any]]:
        stamps = {day: seconds(day) if isinstance(day, date) else day for day in values}
        return [{**row, "0": NOISE, "ts": stamps[day], "price": NOISE} for day, row in values.items()]

    noise = {day: dict.fromkeys(row, NOISE) for day, row in held.items()}
    flows = [{"provider": provider, "value": NOISE} for provider in labels or LABELS]
    return {
        "providers": dict(labels or LABELS),
        "chart1": chart(aum if aum is not None else held),
        "chart2": chart(noise),
        "chart3": chart(held),
        "chart4": chart(noise),
        "flows": flows,
        "flows2": flows,
    }


def holdings_json(data: Any) -> bytes:
    """The bare JSON of `/_next/data/<buildId>/us.json`, an advert's query before the one that counts."""
    queries = [
        {"queryKey": ["adverts", "us"], "state": {"data": {"data": {"text": "buy"}}}},
        {"queryKey": ["data", "us"], "state": {"data": {"data": data}}},
    ]
    return json.dumps({"pageProps": {"dehydratedState": {"queries": queries}}, "__N_SSP": True}).encode()


def holdings_page(data: Any) -> bytes:
    """The same inside the page."""
    props = json.dumps({"props": json.loads(holdings_json(data)), "page": "/us", "buildId": "b"})
    script = f'<script id="__NEXT_DATA__" type="application/json">{props}</script>'
    return f"<!DOCTYPE html><html><body><div id='__next'></div>{script}</body></html>".encode()


# --- reading without a warehouse ----------------------------------------------------------------------------


def answer(body: bytes, at: datetime, content_type: str = "text/html") -> Answer:
    return Answer(Request.get("https://host.test/page"), "f1", at, 200, content_type, "utf-8", "0" * 64, body)


def read(feed: Feed, body: bytes, at: datetime) -> Checked:
    """What a body comes to, from its bytes to the door of its table. Raises `BodyRefused`."""
    screen(feed.media, "text/html", body)
    given = answer(body, at)
    return check(feed.delivers, feed.parse(given.request, given), feed.source, given)


def refusal(feed: Feed, body: bytes, at: datetime) -> Outcome | None:
    """Why a body is refused; None where it is not."""
    try:
        read(feed, body, at)
    except BodyRefused as refused:
        return refused.outcome
    return None


def values(checked: Checked, column: str) -> dict[tuple[str, date], Any]:
    """(entity, day) -> value."""
    rows = checked.rows.iter_rows(named=True)
    return {(row["fund_id"], row["trade_date"]): row[column] for row in rows}


# --- the public way: archive, load, tables ------------------------------------------------------------------


def row_of(feed: Feed, url: str, body: bytes, at: datetime, **changes: Any) -> LedgerRow:
    """The ledger row of an attempt; a good answer where `changes` do not say otherwise."""
    request = Request.of(url)
    facts = {
        "feed": feed.feed_id,
        "method": request.method,
        "url": request.url,
        "params": request.params,
        "request_body": None,
        "fetched_at": at,
        "status": 200,
        "content_type": "text/html",
        "charset": "utf-8",
        "headers": {},
        "bytes": len(body),
        "sha256": None,
        "outcome": Outcome.OK,
    }
    return LedgerRow.of(**facts | changes)


def put(archive: Archive, feed: Feed, url: str, body: bytes, at: datetime) -> str:
    """File a body as that URL's answer; its fetch_id."""
    row = row_of(feed, url, body, at, sha256=archive.store(body))
    archive.append(row)
    return row.fetch_id


def put_failure(archive: Archive, feed: Feed, url: str, at: datetime, outcome: Outcome, **changes: Any) -> str:
    """File an attempt that brought no good answer; its fetch_id."""
    row = row_of(feed, url, b"", at, outcome=outcome, error=f"it was {outcome}", **{"status": None} | changes)
    archive.append(row)
    return row.fetch_id


class Room:
    """An archive and a warehouse in one folder, for one feed."""

    def __init__(self, folder: Path, feed: Feed) -> None:
        self.feed = feed
        self.archive = Archive.create(folder / "archive", "public")
        self.warehouse = Warehouse(folder / "build" / FILE_NAME, {feed.table_name: feed.delivers})

    def put(self, body: bytes, at: datetime, url: str | None = None) -> str:
        return put(self.archive, self.feed, url or self.feed.known_urls[0], body, at)

    def load(self, *, reader: str = "reader", every_attempt: bool = False) -> Loaded:
        """A load after which the file was published, so that the next one need not tell of the same again."""
        told = frozenset() if every_attempt or not self.warehouse.file.exists() else self._told()
        [loaded] = load([self.feed], self.archive, self.warehouse, reader=reader, run_id="run", told=told)
        return loaded

    def _told(self) -> frozenset[str]:
        return frozenset(fetch_id for (fetch_id,) in self.rows("select fetch_id from feeds.ledger"))

    def rows(self, query: str) -> list[tuple]:
        with duckdb.connect(self.warehouse.file, config={"threads": 2}) as connection:
            return connection.execute(query).fetchall()

    def stands(self) -> dict[str, list[tuple]]:
        """Everything that loading writes and that must not depend on the way to it."""
        relations = [
            f"feeds.{self.feed.table_name}",
            "feeds.ledger",
            "feeds.asked",
            "meta.rejected_rows",
            "meta.unknown_names",
        ]
        with duckdb.connect(self.warehouse.file, config={"threads": 2}) as connection:
            return {name: connection.execute(f"from {name} order by all").fetchall() for name in relations}
