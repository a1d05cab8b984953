"""Farside Investors in the simulated world: its two pages of ETF flows at an instant, as bytes.

Belongs here: the layout, the late, pending and revised cells, and the number format of that site.
Not here: what is true (`world`), and reading such a page (`pipelines.feeds.farside`).
Layout: https://farside.co.uk/btc/ as recorded on 2026-07-23; the history page as a public reader tests it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from pipelines.sample.exchange import Asked, Page, html
from pipelines.sample.flows import tenths
from pipelines.sample.prices import strike_at
from pipelines.sample.world import FIRST_SESSION, LAST_DAY, SEED, World

COLUMNS = {
    "ibit": "Blackrock",
    "fbtc": "Fidelity",
    "bitb": "Bitwise",
    "arkb": "Ark",
    "btco": "Invesco",
    "ezbc": "Franklin",
    "brrr": "Valkyrie",
    "hodl": "VanEck",
    "btcw": "WTree",
    "defi": "Hashdex",
    "gbtc": "Grayscale",
    "btc_grayscale_mini": "Grayscale",
}
"""Funds in the order of their columns, with the text of the logo above. The place of DEFI is assumed."""
RECENT_ROWS = 14
REPORTED_BY = time(6)
"""All funds have reported by this hour (UTC) of the next day; until then the row is pending (assumed)."""
REVISED_SESSIONS = 0.35
"""Share of sessions with one cell that is corrected later (a week apart, two exports differ on 11 days)."""
REVISION_DAYS = (5, 34)
HEAD = ' bgcolor="#eaeffa"'
FOOT = ' style="background-color: #eaeffa !important;"'
PENDING = ' style="background-color: #99ff99 !important;"'


@dataclass(frozen=True)
class Row:
    """One dated row: a cell for each column, None prints as `-`."""

    day: date
    cells: tuple[Decimal | None, ...]
    is_pending: bool = False

    @property
    def total(self) -> Decimal:
        return sum((cell for cell in self.cells if cell is not None), Decimal("0.0"))

    def html(self) -> str:
        cells = "".join(_cell(_one_decimal(cell)) for cell in (*self.cells, self.total))
        return _row(f"{self.day:%d %b %Y}", cells, PENDING if self.is_pending else " ")


class Farside:
    """The site: pages are functions of the instant."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._first_print = self._revisions()

    def answer(self, asked: Asked) -> Page | None:
        match asked.line:
            case "GET farside.co.uk/bitcoin-etf-flow-all-data":
                return html(self.history_page(asked.at))
            case "GET farside.co.uk/btc":
                return html(self.recent_page(asked.at))
        return None

    def history_page(self, at: datetime) -> bytes:
        """All sessions since launch: one header row, and a stray empty row before the first day."""
        columns = self._columns(at)
        names = ["Date", *(self._world.funds[fund_id].ticker for fund_id in columns), "Total"]
        heading = "".join(f'<th><span class="tabletext">{name}</span></th>' for name in names)
        rows = self._rows(columns, at)
        body = f"<tr>\n</tr>\n{''.join(row.html() for row in rows)}{_footers(rows, len(columns))}"
        return _document("Bitcoin ETF Flow (US$m)", f"<tr{HEAD}>{heading}</tr>\n", body)

    def recent_page(self, at: datetime) -> bytes:
        """The last sessions: logos, padded tickers and fees above them, footers since inception below."""
        columns = self._columns(at)
        tickers = [f"     {self._world.funds[fund_id].ticker}" for fund_id in columns]
        fees = [f"{self._world.anchors.only(f'{fund_id}.fee').value:.2f}%" for fund_id in columns]
        heading = (
            _heading(" " * 23, [_logo(COLUMNS[fund_id]) for fund_id in columns], "      Total")
            + _heading("", [_right(ticker) for ticker in tickers], "")
            + _heading("Fee", [_right(fee) for fee in fees], "")
        )
        rows = self._rows(columns, at)
        body = "".join(row.html() for row in rows[-RECENT_ROWS:]) + _footers(rows, len(columns))
        return _document("Bitcoin ETF Flow", heading, body)

    def _columns(self, at: datetime) -> list[str]:
        """A column appears on the day its fund is listed."""
        listed_on = {fund_id: self._world.funds[fund_id].listed_on for fund_id in COLUMNS}
        return [fund_id for fund_id in COLUMNS if listed_on[fund_id] <= at.date()]

    def _rows(self, columns: Sequence[str], at: datetime) -> list[Row]:
        """Dated rows at an instant. A session shows from its close, a closed weekday from its morning."""
        rows = []
        silent = (None,) * len(columns)
        for n in range((min(at.date(), LAST_DAY) - FIRST_SESSION).days + 1):
            day = FIRST_SESSION + timedelta(days=n)
            if day in self._world.closed_days:
                rows.append(Row(day, silent))
            elif day.weekday() < 5 and at >= strike_at(day):
                is_pending = at < datetime.combine(day + timedelta(days=1), REPORTED_BY)
                cells = silent if is_pending else tuple(self._printed(f, day, at) for f in columns)
                rows.append(Row(day, cells, is_pending))
        return rows

    def _printed(self, fund_id: str, session: date, at: datetime) -> Decimal | None:
        """A cell as it reads at an instant: the first print until it is corrected, then the true flow."""
        flow_usd_m = self._world.flows_usd_m[fund_id].get(session)
        first, corrected_on = self._first_print.get((fund_id, session), (flow_usd_m, session))
        return first if at.date() < corrected_on else flow_usd_m

    def _revisions(self) -> dict[tuple[str, date], tuple[Decimal, date]]:
        """Cells first printed a little wrong: (fund, session) -> (first print, day of correction)."""
        dice = random.Random(f"{SEED}/farside")
        revisions = {}
        for session in self._world.sessions:
            moved = [f for f in COLUMNS if abs(self._world.flows_usd_m[f].get(session, Decimal(0))) >= 1]
            if moved and dice.random() < REVISED_SESSIONS:
                fund_id = dice.choice(moved)
                error_usd_m = tenths(dice.choice((-1, 1)) * dice.randint(1, 6) / 10)
                corrected_on = session + timedelta(days=dice.randint(*REVISION_DAYS))
                first_usd_m = self._world.flows_usd_m[fund_id][session] + error_usd_m
                revisions[fund_id, session] = (first_usd_m, corrected_on)
        return revisions


def _footers(rows: Iterable[Row], columns: int) -> str:
    """Total, Average, Maximum and Minimum of all cells since inception, whatever rows the page shows."""
    reported = [(*row.cells, row.total) for row in rows if set(row.cells) != {None}]
    series = [[cell for row in reported if (cell := row[n]) is not None] for n in range(columns + 1)]
    sums = [sum(cells, Decimal(0)) for cells in series]
    averages = [total / max(len(cells), 1) for total, cells in zip(sums, series, strict=True)]
    footers = {
        "Total": [_signed(total, "1") for total in sums],
        "Average": [_one_decimal(average) for average in averages],
        "Maximum": [_one_decimal(max(cells, default=Decimal(0))) for cells in series],
        "Minimum": [_one_decimal(min(cells, default=Decimal(0))) for cells in series],
    }
    return "".join(_row(label, "".join(map(_cell, texts)), FOOT) for label, texts in footers.items())


def _one_decimal(value: Decimal | None) -> str:
    return "-" if value is None else _signed(value, "0.1")


def _signed(value: Decimal, unit: str) -> str:
    """Thousands commas; negatives in red parentheses."""
    rounded = value.quantize(Decimal(unit))
    return f'<span class="redFont">({-rounded:,})</span>' if rounded < 0 else f"{abs(rounded):,}"


def _cell(text: str) -> str:
    attribute = ' class="zero-flow"' if text in {"-", "0.0"} else ""
    return f"<td{attribute}>{_right(text)}</td>"


def _row(label: str, cells: str, attributes: str) -> str:
    return f'<tr{attributes}>\n<td><span class="tabletext">{label}</span></td>\n{cells}</tr>\n\n'


def _heading(first: str, cells: Iterable[str], last: str) -> str:
    between = "\n".join(f"<th>{cell}</th>" for cell in cells)
    label = f'<th><span class="tabletext">{first}</span></th>'
    return f"<tr{HEAD}>\n{label}\n{between}\n<th>{_right(last)}</th>\n</tr>\n"


def _right(text: str) -> str:
    return f'<div align="right"><span class="tabletext">{text}</span></div>'


def _logo(issuer: str) -> str:
    return f'<div align="center"><a href=""><img src="/images/{issuer.lower()}.jpg" alt="{issuer}"></a></div>'


def _document(title: str, heading: str, body: str) -> bytes:
    head = f'<head><meta charset="UTF-8"><title>{title}</title></head>'
    table = f'<table class="etf">\n<thead>\n{heading}</thead>\n<tbody>\n{body}</tbody>\n</table>'
    return f'<!DOCTYPE html>\n<html lang="en-GB">\n{head}\n<body>\n{table}\n</body>\n</html>\n'.encode()
