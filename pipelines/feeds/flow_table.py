"""HTML tables of flows: a row for each session, a column for each fund, and one for the total.

Belongs here: finding such a table by its heading, and the cells of its rows. Columns are known by their ticker and
rows by their date, so that neither an inserted fund nor a footer moves anything.
Not here: what a cell comes to (`flows`), and what one upstream prints (a module beside this one for each).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import polars as pl

from pipelines.feeds.amounts import day
from pipelines.feeds.flows import Cell, FlowFeed, Record, Row
from pipelines.feeds.pages import Grid, tables
from pipelines.wire import Answer, BodyRefused, Outcome, Request

HEADING = {"", "date", "fee"}
"""How heading rows begin; a row below them is one of data, whatever it begins with."""
NO_SESSION_ROWS = {"fee", "total", "average", "maximum", "minimum"}


@dataclass(frozen=True)
class Layout:
    """Where things stand in one table: the fund columns by index, the total's column, the first row below."""

    table: int
    tickers: dict[int, str]
    total: int
    first_row: int
    width: int


class FlowTable(FlowFeed):
    """A page with one table of flows in US$ millions."""

    media = frozenset({"html"})
    usd_per_printed_unit = 1_000_000
    day_style: ClassVar[str]
    """How the page prints a day, in the style of `strptime`."""
    total_heading: ClassVar[str]
    """What stands above the total, in small letters."""

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfFlow`; a dash or a blank is no row, a zero is a zero. Raises `BodyRefused`."""
        grids = tables(answer.text())
        layout = self._layout(grids)
        today = answer.fetched_at.date()
        return self.flows(self._records(grids[layout.table], layout, today), answer.fetched_at)

    def _records(self, grid: Grid, layout: Layout, today: date) -> Iterator[Record]:
        for number, row in enumerate(grid[layout.first_row :], start=layout.first_row):
            if not any(row) or row[0].lower() in NO_SESSION_ROWS:
                continue
            raw, locator = " | ".join(row), f"t{layout.table}/r{number}"
            on = day(row[0], self.day_style)
            if on is None or len(row) != layout.width:
                fault = f"neither a session nor a holiday: {row[0]!r}, {len(row)} cells"
                yield {"raw": raw, "locator": locator, "fault": fault}
            else:
                cells = [Cell(ticker, row[n], f"{locator}/c{n}") for n, ticker in layout.tickers.items()]
                total = Cell(self.total_heading, row[layout.total], f"{locator}/c{layout.total}")
                yield from self.row(Row(on, cells, total, raw, locator), today)

    def _layout(self, grids: list[Grid]) -> Layout:
        """The first table whose heading has a total and names funds that we know. Raises `BodyRefused`."""
        for table, grid in enumerate(grids):
            dated = next((n for n, row in enumerate(grid) if row and day(row[0], self.day_style)), None)
            heading = [row for row in grid[:dated] if any(row)]
            totals = {n for row in heading for n, text in enumerate(row) if text.lower() == self.total_heading}
            if dated is None or len(totals) != 1:
                continue
            total = totals.pop()
            named = max(heading, key=lambda row: sum(text.upper() in self.funds for text in row))
            tickers = {n: text.upper() for n, text in enumerate(named) if n not in (0, total)}
            known = sum(ticker in self.funds for ticker in tickers.values())
            if known * 2 >= len(tickers) > 0:
                first_row = self._first_row(grid, heading, named)
                return Layout(table, tickers, total, first_row, width=max(len(named), total + 1))
        raise BodyRefused(
            Outcome.LAYOUT_CHANGED,
            f"none of the page's {len(grids)} tables has dated rows below a heading with known funds and one"
            f" {self.total_heading.capitalize()}",
        )

    def _first_row(self, grid: Grid, heading: list[list[str]], named: list[str]) -> int:
        """The row below the last one of the heading; what stands between it and the first date is data."""

        def is_heading(row: list[str]) -> bool:
            return row is named or self.total_heading in map(str.lower, row) or row[0].lower() in HEADING

        last = next(row for row in reversed(heading) if is_heading(row))
        return next(n for n, row in enumerate(grid) if row is last) + 1
