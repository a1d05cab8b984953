"""bitbo.io in the simulated world: its page of ETF flows at an instant, as bytes.

Belongs here: the layout, and where its figures come from: it multiplies the coins that came in by the price of
that day's 00:00 UTC instead of the strike's, so most cells are a few percent off the flow. A fund that only paid
its fee reads -0.0, one that is not listed yet 0.0.
Not here: what is true (`world`), and reading such a page (`pipelines.feeds.bitbo`).
Layout: the table of https://bitbo.io/treasuries/etf-flows/ as recorded in December 2025; how it prints a fund
before its listing is assumed.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from pipelines.sample.exchange import Asked, Page, html
from pipelines.sample.world import World, draw

PAGE = "GET bitbo.io/treasuries/etf-flows"
COLUMNS = (
    "ibit",
    "fbtc",
    "gbtc",
    "btc_grayscale_mini",
    "bitb",
    "arkb",
    "hodl",
    "btco",
    "ezbc",
    "brrr",
    "btcw",
    "defi",
)
ROWS = 8


class Bitbo:
    """The site: the last sessions, newest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._published_after = timedelta(hours=world.anchors.number("bitbo.published_after"))
        self._fee_share = world.anchors.only("bitbo.fee_sessions").value
        self._fee_usd_m = world.anchors.only("bitbo.fee_payment").value

    def answer(self, asked: Asked) -> Page | None:
        return html(self._page(asked.at)) if asked.line == PAGE else None

    def _page(self, at: datetime) -> str:
        """The table with four footers over the rows above them."""
        shown = self._world.published(at, self._published_after)[-ROWS:][::-1]
        columns = [f for f in COLUMNS if shown and self._world.funds[f].listed_on <= shown[0]]
        grid = [self._cells(session, columns) for session in shown]
        series = list(zip(*grid, strict=True))
        footers = {
            "Total": [sum(cells, Decimal(0)) for cells in series],
            "Average": [sum(cells, Decimal(0)) / len(cells) for cells in series],
            "Maximum": [max(cells) for cells in series],
            "Minimum": [min(cells) for cells in series],
        }
        names = ["Date", *(self._world.funds[f].ticker for f in columns), "Totals"]
        rows = [_row("".join(f"<th>{_span(name)}</th>\n" for name in names))]
        for session, cells in zip(shown, grid, strict=True):
            label = f'<td class="cell right-align">{_span(f"{session:%b %d, %Y}")}</td>\n'
            rows.append(_row(label + "".join(map(_cell, cells))))
        rows += [_row(f"<th >{_span(label)}</th>\n" + "".join(map(_cell, cells))) for label, cells in footers.items()]
        return _document("".join(rows))

    def _cells(self, session: date, columns: list[str]) -> list[Decimal]:
        """US$ millions of each fund, and their sum before rounding."""
        cells = [self._flow_usd_m(fund_id, session) for fund_id in columns]
        return [*cells, sum(cells, Decimal(0))]

    def _flow_usd_m(self, fund_id: str, session: date) -> Decimal:
        flow_usd_m = self._world.flows_usd_m[fund_id].get(session)
        if flow_usd_m is None:
            return Decimal(0)
        if flow_usd_m == 0:
            paid = (draw("bitbo", fund_id, session) + 1) / 2 < self._fee_share
            return -self._fee_usd_m if paid else Decimal(0)
        midnight_usd = self._world.price.at(datetime.combine(session, time()))
        return flow_usd_m * midnight_usd / self._world.strike_usd[session]


def _cell(value_usd_m: Decimal) -> str:
    """One decimal and a plain minus, which a small payment keeps: -0.0."""
    colour = " green" if value_usd_m > 0 else " red" if value_usd_m < 0 else ""
    return f'<td class="cell right-align{colour}">{_span(f"{value_usd_m:.1f}")}</td>\n'


def _span(text: str) -> str:
    return f"\n    <span>{text}</span>\n"


def _row(cells: str) -> str:
    return f"<tr>\n{cells}</tr>\n"


def _document(rows: str) -> str:
    table = f'<table class="stats-table larger-table">\n<tbody>\n{rows}</tbody>\n</table>'
    head = '<head><meta charset="utf-8"><title>US Bitcoin ETF Flows</title></head>'
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n<h1>ETF Flows (US$m)</h1>\n{table}\n</body>\n</html>\n'
