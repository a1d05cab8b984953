"""Farside Investors: net flows of the US spot Bitcoin ETFs, US$ millions per fund and session.

Belongs here: what to ask Farside and how to read its tables. There are two pages, the last sessions (`/btc/`)
and the whole history; which one an answer is shows in the table itself, and the same rules read both.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://farside.co.uk/btc/ and https://farside.co.uk/bitcoin-etf-flow-all-data/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.base import Feed
from pipelines.feeds.pages import Grid, tables
from pipelines.tables.etf import USD, EtfFlow
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

HISTORY_URL = "https://farside.co.uk/bitcoin-etf-flow-all-data/"
RECENT_URL = "https://farside.co.uk/btc/"

USD_PER_PRINTED_UNIT = 1_000_000
DATE = re.compile(r"\d{1,2} [A-Za-z]{3} \d{4}")
MINUS = "[-\u2212\u2013\u2014]"
"""Farside prints a hyphen; the minus sign and the two dashes are read alike."""
MISSING = re.compile(rf"{MINUS}?")
DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
NUMBER = rf"^(?:\({DIGITS}\)|{MINUS}?{DIGITS})$"
HEADING = {"", "date", "fee"}
"""How heading rows begin; a row below them is one of data, whatever it begins with."""
NO_SESSION_ROWS = {"fee", "total", "average", "maximum", "minimum"}
READING = {
    "fund_id": pl.String,
    "trade_date": pl.Date,
    "source_name": pl.String,
    "text": pl.String,
    "total_text": pl.String,
    "has_silent_fund": pl.Boolean,
    "fault": pl.String,
    "raw": pl.String,
    "locator": pl.String,
}


@dataclass(frozen=True)
class Layout:
    """Where things stand in one table: the fund columns by index, the Total column, the first row below."""

    table: int
    tickers: dict[int, str]
    total: int
    first_row: int
    width: int


class FarsideEtfFlows(Feed):
    """Daily net flows as printed; `-` is no row, `0.0` is a zero."""

    source = "farside"
    entity = "etf_flows"
    subject = "etf"
    delivers = EtfFlow
    trades_on = "XNYS"
    media = frozenset({"html"})

    @property
    def known_urls(self) -> list[str]:
        return [HISTORY_URL, RECENT_URL]

    def owns(self, url: SplitResult) -> bool:
        return (url.hostname or "").removeprefix("www.") == "farside.co.uk" and url.path.strip("/") in {
            "btc",
            "bitcoin-etf-flow-all-data",
        }

    def requests(self, window: Window) -> Requests:
        yield [Request.get(HISTORY_URL)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfFlow`; printed US$ millions become US dollars."""
        funds = self.registry.fund_aliases(self.source)
        grids = tables(answer.text())
        layout = _layout(grids, funds)
        cells = pl.DataFrame(
            list(self._cells(grids[layout.table], layout, funds, answer.fetched_at.date())), schema=READING
        )
        settled_at = pl.col("trade_date").cast(pl.Datetime("us")).dt.offset_by("1d") + timedelta(
            hours=self.manners.settle_lag_hours
        )
        return cells.with_columns(
            net_flow_usd=_usd("text"),
            flow_basis=pl.lit("reported"),
            printed_total_usd=_usd("total_text"),
            is_provisional=(pl.lit(answer.fetched_at) < settled_at) | pl.col("has_silent_fund"),
        ).drop("text", "total_text", "has_silent_fund")

    def _cells(self, grid: Grid, layout: Layout, funds: dict[str, str], today: date) -> Iterator[dict[str, Any]]:
        """One record for each cell that says something, one for each row that cannot be read as a session."""
        for number, row in enumerate(grid[layout.first_row :], start=layout.first_row):
            if not any(row) or row[0].lower() in NO_SESSION_ROWS:
                continue
            whole = {"raw": " | ".join(row), "locator": f"t{layout.table}/r{number}"}
            day = _day(row[0])
            if day is None or len(row) != layout.width:
                yield whole | {"fault": f"neither a session nor a holiday: {row[0]!r}, {len(row)} cells"}
            elif day <= today and not self.registry.is_session(day):
                if not all(_says_nothing(cell) for cell in row[1:]):
                    yield whole | {"trade_date": day, "fault": f"{day} is no trading session of XNYS"}
            elif all(MISSING.fullmatch(row[column]) for column in layout.tickers):
                if not _says_nothing(row[layout.total]):
                    yield whole | {"trade_date": day, "fault": f"{day} has a Total and no fund"}
            elif day > today:
                yield whole | {"trade_date": day}
            else:
                yield from self._session(row, day, layout, funds, whole["locator"])

    def _session(
        self, row: list[str], day: date, layout: Layout, funds: dict[str, str], locator: str
    ) -> Iterator[dict[str, Any]]:
        listed = {fund.fund_id for fund in self.registry.funds.values() if fund.is_listed(day)}
        silent = any(
            funds.get(ticker) in listed and MISSING.fullmatch(row[column]) for column, ticker in layout.tickers.items()
        )
        total = row[layout.total]
        if not (MISSING.fullmatch(total) or re.match(NUMBER, total)):
            place = f"{locator}/c{layout.total}"
            yield {"trade_date": day, "raw": total, "locator": place, "fault": f"the Total of {day} is not a number"}
        for column, ticker in layout.tickers.items():
            text = row[column]
            fund_id = funds.get(ticker)
            cell = {"trade_date": day, "raw": text, "locator": f"{locator}/c{column}"}
            if fund_id is None:
                yield cell | {"source_name": ticker}
            elif fund_id in listed and not MISSING.fullmatch(text):
                is_number = re.match(NUMBER, text)
                yield cell | {
                    "fund_id": fund_id,
                    "text": text,
                    "total_text": total,
                    "has_silent_fund": silent,
                    "fault": None if is_number else f"{ticker} of {day} is not a number: {text!r}",
                }


def _layout(grids: list[Grid], funds: dict[str, str]) -> Layout:
    """The first table whose heading has a Total and names funds that we know. Raises `BodyRefused`."""
    for table, grid in enumerate(grids):
        dated = next((n for n, row in enumerate(grid) if row and DATE.fullmatch(row[0])), None)
        heading = [row for row in grid[:dated] if any(row)]
        totals = {n for row in heading for n, text in enumerate(row) if text.lower() == "total"}
        if dated is None or len(totals) != 1:
            continue
        total = totals.pop()
        named = max(heading, key=lambda row: sum(text.upper() in funds for text in row))
        tickers = {n: text.upper() for n, text in enumerate(named) if n not in (0, total)}
        is_heading = [row is named or "total" in map(str.lower, row) or row[0].lower() in HEADING for row in heading]
        last = next(row for row, is_one in zip(reversed(heading), reversed(is_heading), strict=True) if is_one)
        first_row = next(n for n, row in enumerate(grid) if row is last) + 1
        known = sum(ticker in funds for ticker in tickers.values())
        if known * 2 >= len(tickers) > 0:
            return Layout(table, tickers, total, first_row, width=max(len(named), total + 1))
    raise BodyRefused(
        Outcome.LAYOUT_CHANGED,
        f"none of the page's {len(grids)} tables has dated rows below a heading with known funds and one Total",
    )


def _day(text: str) -> date | None:
    if not DATE.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%d %b %Y").date()  # noqa: DTZ007 (a day, not an instant)
    except ValueError:
        return None


def _says_nothing(text: str) -> bool:
    return bool(MISSING.fullmatch(text)) or re.fullmatch(r"0+(\.0+)?", text) is not None


def _usd(column: str) -> pl.Expr:
    """A printed number (US$ millions, negatives in parentheses) in US dollars; null where it is none."""
    text = pl.col(column)
    number = pl.when(text.str.contains(NUMBER)).then(text)
    size = number.str.replace_all(rf"{MINUS}|[(),]", "").cast(pl.Decimal(24, 8), strict=False)
    usd = size * USD_PER_PRINTED_UNIT
    is_negative = number.str.contains(rf"^(?:\(|{MINUS})")
    return pl.when(is_negative).then(-usd).otherwise(usd).cast(USD, strict=False)
