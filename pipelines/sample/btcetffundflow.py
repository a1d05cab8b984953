"""btcetffundflow.com in the simulated world: its US page at an instant, as bytes.

Belongs here: the page's JSON, how late each fund's coins appear in it, and its early mistakes.
Not here: what is true (`world`), and reading such a page (`pipelines.feeds.btcetffundflow`).
Layout: the recording of November and December 2025, provider 0 is the total.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Any

from pipelines.sample.exchange import Asked, Page, html
from pipelines.sample.world import SEED, World

TOTAL = "0"
PROVIDERS = {
    "1": ("gbtc", "GBTC (Grayscale)"),
    "2": ("bitb", "BITB (Bitwise)"),
    "3": ("ibit", "IBIT (BlackRock)"),
    "4": ("hodl", "HODL (VanEck)"),
    "5": ("ezbc", "EZBC (Franklin Templeton)"),
    "6": ("btco", "BTCO (Invesco Galaxy)"),
    "7": ("brrr", "BRRR (Valkyrie)"),
    "8": ("fbtc", "FBTC (Fidelity)"),
    "9": ("defi", "DEFI (Hashdex)"),
    "10": ("arkb", "ARKB (Ark 21Shares)"),
    "11": ("btcw", "BTCW (WisdomTree)"),
    "12": ("btc_grayscale_mini", "BTC (Grayscale Mini)"),
}
WITHOUT_SERIES = {"101": "ChinaAMC (9042)", "102": "HarvestGlobal (9439)", "103": "BoseraFunds (9008)"}
LATE_BY_ONE_SESSION = frozenset({"gbtc", "hodl", "btcw", "btc_grayscale_mini"})
"""A flow of these funds shows in the coins of the next session (seeds.fund_reporting_lags)."""
IN_SATOSHIS = frozenset({"gbtc", "btc_grayscale_mini"})
"""Printed with eight decimals, all others in whole coins; so the legs of the spin-off are exact (assumed)."""
ROUNDED_AUM_USD = {"ezbc": Decimal("1E4"), "btco": Decimal("1E4"), "defi": Decimal("1E4")}
"""These funds' assets are printed in steps of US$ 10,000, as in the recording; the others' in dollars."""
AUM_NOISE = 0.0004
"""Funds strike with reference rates of their own: spread around the common price (assumed)."""
PUBLISHED = timedelta(days=1, hours=9)
"""A session's row appears at 09:00 UTC of the next day (a client's note)."""

Row = dict[str, Decimal]


class BtcEtfFundFlow:
    """The site: the page is a function of the instant."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._btc = [self._btc_row(session) for session in world.sessions]
        dice = random.Random(f"{SEED}/btcetffundflow")
        self._aum_usd = [
            self._aum_row(session, row, dice) for session, row in zip(world.sessions, self._btc, strict=True)
        ]

    def answer(self, asked: Asked) -> Page | None:
        return html(self.us_page(asked.at)) if asked.line == "GET btcetffundflow.com/us" else None

    def us_page(self, at: datetime) -> bytes:
        """The page with its data in the script tag `__NEXT_DATA__`."""
        advert = {"position": "top", "items": []}
        queries = [_query(["data", "us"], self._data(at)), _query(["banner", "us"], advert)]
        state = {"mutations": [], "queries": queries}
        document = {
            "props": {"pageProps": {"dehydratedState": state, "slug": "us"}, "__N_SSP": True},
            "page": "/[slug]",
            "query": {"slug": "us"},
            "buildId": f"simulated-{at:%Y%m}",
            "isFallback": False,
            "gssp": True,
        }
        script = json.dumps(document, separators=(",", ":"))
        return (
            "<!DOCTYPE html><html><head><title>BTC ETF Fund Flow</title></head><body>"
            f'<div id="__next"></div><script id="__NEXT_DATA__" type="application/json">{script}</script>'
            "</body></html>"
        ).encode()

    def _data(self, at: datetime) -> dict[str, Any]:
        """chart1 assets in US dollars, chart3 coins; chart2 and chart4 are their day-to-day changes."""
        shown = self._world.published(at, PUBLISHED)
        aum_usd, btc = self._aum_usd[: len(shown)], self._btc[: len(shown)]
        aum_changes, btc_changes = _changes(aum_usd), _changes(btc)
        labels = {key: label for key, (_, label) in PROVIDERS.items()}
        return {
            "providers": {TOTAL: "TOTAL", **labels, **WITHOUT_SERIES},
            "chart1": self._chart(shown, aum_usd),
            "chart2": self._chart(shown[1:], aum_changes),
            "chart3": self._chart(shown, btc),
            "chart4": self._chart(shown[1:], btc_changes),
            "flows": _latest(aum_changes),
            "flows2": _latest(btc_changes),
        }

    def _chart(self, sessions: list[date], rows: list[Row]) -> list[dict[str, Any]]:
        """One object a session, with the spot price of that date's 00:00 UTC."""
        chart: list[dict[str, Any]] = []
        for session, row in zip(sessions, rows, strict=True):
            midnight = datetime.combine(session, time())
            values = {key: _text(value) for key, value in row.items()}
            ts = int(midnight.replace(tzinfo=UTC).timestamp())
            chart.append(values | {"ts": ts, "price": _text(self._world.price.at(midnight))})
        return chart

    def _btc_row(self, session: date) -> Row:
        """Coins of each fund as printed; 0 before its listing."""
        row: Row = {}
        for key, (fund_id, _) in PROVIDERS.items():
            lag_sessions = 1 if fund_id in LATE_BY_ONE_SESSION else 0
            held_btc = self._world.held_btc(fund_id, session, lag_sessions) or Decimal(0)
            row[key] = held_btc if fund_id in IN_SATOSHIS else _rounded(held_btc, Decimal(1))
        return _with_total(row)

    def _aum_row(self, session: date, btc: Row, dice: random.Random) -> Row:
        """Assets of each fund: its printed coins at the strike; ARKB stands at its seed at first."""
        seed, last_seed = self._world.anchors.points("arkb.seed_aum")
        row: Row = {}
        for key, (fund_id, _) in PROVIDERS.items():
            noise = Decimal(str(round(dice.uniform(-AUM_NOISE, AUM_NOISE), 6)))
            aum_usd = btc[key] * self._world.strike_usd[session] * (1 + noise)
            if fund_id == "arkb" and session <= last_seed.on:
                aum_usd = seed.value
            row[key] = _rounded(aum_usd, ROUNDED_AUM_USD.get(fund_id, Decimal(1)))
        return _with_total(row)


def _with_total(row: Row) -> Row:
    return {TOTAL: sum(row.values(), Decimal(0)), **row}


def _changes(rows: list[Row]) -> list[Row]:
    return [{key: after[key] - before[key] for key in after} for before, after in pairwise(rows)]


def _latest(changes: list[Row]) -> list[dict[str, str]]:
    return [{"provider": key, "value": _text(value)} for row in changes[-1:] for key, value in row.items()]


def _query(key: list[str], data: dict[str, Any]) -> dict[str, Any]:
    answer = {"code": "COM-000", "message": "OK", "data": data}
    name = json.dumps(key, separators=(",", ":"))
    return {"state": {"data": answer, "status": "success"}, "queryKey": key, "queryHash": name}


def _rounded(value: Decimal, step: Decimal) -> Decimal:
    """To the nearest multiple of a power of ten, without an exponent left."""
    return Decimal(int((value / step).quantize(Decimal(1), ROUND_HALF_EVEN) * step))


def _text(value: Decimal) -> str:
    return f"{value:.16f}"
