"""ishares.com in the simulated world: the holdings file of IBIT for a day, as bytes.

Belongs here: the layout of the file, its answer for a day without data, and one correction: a session's file
is published short of some coins and reads right from a later day on (`anchors.csv`, both inside the 35 days
in which a session is asked for again).
Not here: what is true (`world`, `issuers`), and reading such a file (`pipelines.feeds.ishares`).
Layout: the file of 2026-05-06 as recorded; of the answer without data only the first lines are known.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from pipelines.sample.exchange import Asked, Page, csv
from pipelines.sample.issuers import CENT, Books, Issuers
from pipelines.sample.world import World, draw

PRODUCT = "GET www.ishares.com/us/products/333011"
LATEST = f"{PRODUCT}/ishares-bitcoin-trust-etf/latest-holdings.csv"
BY_DAY = f"{PRODUCT}/fund/1467271812596.ajax"
FILE = {"dataType": "fund", "fileName": "IBIT_holdings", "fileType": "csv"}
SEPARATOR = "\u00a0"
"""A line that holds a no-break space and nothing else stands before the header and before the notice."""
COLUMNS = "Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Quantity,Market Currency,Accrual Date"
NOTICE = (
    '"This file is simulated.\nIts fund, its coins and its dollars are those of no market,\nand nobody sells them."'
)


class IShares:
    """The site. Without `asOfDate` it shows the last session that is out."""

    def __init__(self, world: World, issuers: Issuers) -> None:
        self._issuers = issuers
        self._short = world.anchors.only("ishares.first_print_short")
        self._corrected_after = timedelta(days=world.anchors.number("ishares.corrected_after"))

    def answer(self, asked: Asked) -> Page | None:
        if asked.line == LATEST:
            return csv(self._file(self._issuers.latest("ibit", asked.at), asked.at))
        if asked.line == BY_DAY and asked.query.items() >= FILE.items():
            return csv(self._file(self._books(asked), asked.at))
        return None

    def _books(self, asked: Asked) -> Books | None:
        if "asOfDate" not in asked.query:
            return self._issuers.latest("ibit", asked.at)
        session = _day(asked.query["asOfDate"])
        is_out = session is not None and self._issuers.is_out(session, asked.at)
        return self._issuers.books("ibit", session) if session and is_out else None

    def _file(self, books: Books | None, at: datetime) -> str:
        """The file; a dash stands for what a day without data lacks."""
        rows: list[str] = []
        as_of = shares = "-"
        if books:
            books = self._as_printed(books, at)
            as_of, shares = f"{books.session:%b %d, %Y}", f"{books.shares:,.2f}"
            rows = _rows(books)
        preamble = [
            "\ufeffiShares Bitcoin Trust ETF",
            f'Fund Holdings as of,"{as_of}"',
            'Inception Date,"Jan 05, 2024"',
            f'Shares Outstanding,"{shares}"',
            *(f'{kind},"-"' for kind in ("Stock", "Bond", "Cash", "Other")),
        ]
        return "\n".join([*preamble, SEPARATOR, COLUMNS, *rows, SEPARATOR, NOTICE, ""])

    def _as_printed(self, books: Books, at: datetime) -> Books:
        corrected_on = self._short.on + self._corrected_after
        is_short = books.session == self._short.on and at.date() < corrected_on
        return replace(books, btc=books.btc - self._short.value) if is_short else books


def _rows(books: Books) -> list[str]:
    """Bitcoin, and the cash that waits for the sponsor's fee."""
    cash_usd = (Decimal(4000) * (1 + draw("cash", books.session) / 2)).quantize(CENT)
    coins, cash = f"{books.value_usd:,}", f"{cash_usd:,}"
    return [
        _row("BTC", "BITCOIN", "-", "Alternative", coins, "100.00", coins, f"{books.btc:,.5f}", "BTC", "-"),
        _row("USD", "USD CASH", "-", "Cash", cash, "0.00", cash, f"{cash_usd:,.5f}", "USD", "-"),
    ]


def _row(*cells: str) -> str:
    return ",".join(f'"{cell}"' for cell in cells)


def _day(printed: str) -> date | None:
    """A day as asked for, `20240111`; None for any other text."""
    if not re.fullmatch(r"\d{8}", printed):
        return None
    try:
        return date(int(printed[:4]), int(printed[4:6]), int(printed[6:]))
    except ValueError:
        return None
