"""api.sosovalue.xyz in the simulated world: the figures of the last session as JSON, as bytes.

Belongs here: the layout, and how a session fills: from its close all funds but one are in; that one's figures are
of the day before, its flow has no value (status 3), and the totals are partial until it reports.
Not here: what is true (`world`), and reading such an answer (`pipelines.feeds.sosovalue`).
Layout: keys and number styles as public clients of the service have them; no answer is recorded.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

from pipelines.sample.exchange import Asked, Page, as_json, whole
from pipelines.sample.farside import COLUMNS as INSTITUTES
from pipelines.sample.flows import USD_PER_MILLION
from pipelines.sample.prices import strike_at
from pipelines.sample.world import World, draw

METRICS = "POST api.sosovalue.xyz/openapi/v2/etf/currentEtfDataMetrics"
KEY_HEADER = "x-soso-api-key"
US_SPOT = {"type": "us-btc-spot"}
LAST_TO_REPORT = "ibit"
REPORTED, PENDING = "1", "3"

Metric = dict[str, str | None]


class SoSoValue:
    """The service: any key opens it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._reported_after = timedelta(hours=world.anchors.number("sosovalue.reported_after"))
        self._turnover = world.anchors.only("market.turnover").value
        self._premium = world.anchors.only("market.premium_spread").value

    def answer(self, asked: Asked) -> Page | None:
        closed = [session for session in self._world.sessions if strike_at(session) <= asked.at]
        if asked.line != METRICS or len(closed) < 2:
            return None
        if not asked.headers.get(KEY_HEADER):
            return as_json({"code": 401, "msg": "Unauthorized", "data": None}, 401)
        if _question(asked.body) != US_SPOT:
            return as_json({"code": 400, "msg": "type is not known", "data": None}, 400)
        is_complete = closed[-1] in self._world.published(asked.at, self._reported_after)
        return as_json({"code": 0, "msg": None, "data": self._data(closed, is_complete)})

    def _data(self, closed: list[date], is_complete: bool) -> dict[str, object]:
        """Totals over what the funds have reported, and the metrics of each listed fund."""
        session, status = closed[-1], REPORTED if is_complete else PENDING
        listed = [fund_id for fund_id, fund in self._world.funds.items() if fund.is_listed(session)]
        told = {f: closed if is_complete or f != LAST_TO_REPORT else closed[:-1] for f in listed}
        held_btc = sum((self._held_btc(f, told[f][-1]) for f in listed), Decimal(0))
        assets_usd = sum((self._assets_usd(f, told[f][-1]) for f in listed), Decimal(0))
        flow_usd = sum((self._flow_usd(f, [session]) for f in listed if session in told[f]), Decimal(0))
        cumulative_usd = sum((self._flow_usd(f, told[f]) for f in listed), Decimal(0))
        return {
            "totalNetAssets": _metric(whole(assets_usd), session, status),
            "totalNetAssetsPercentage": _metric(self._of_all_bitcoin(held_btc, session), session, status),
            "totalTokenHoldings": _metric(whole(held_btc), session, status),
            "dailyNetInflow": _metric(whole(flow_usd), session, status),
            "cumNetInflow": _metric(whole(cumulative_usd), session, status),
            "dailyTotalValueTraded": _metric(whole(assets_usd * self._turnover), session, status),
            "list": [{"id": str(n)} | self._fund(f, session, told[f]) for n, f in enumerate(listed, start=1)],
        }

    def _fund(self, fund_id: str, session: date, told: list[date]) -> dict[str, object]:
        """A fund as of the last session it told; a flow that it did not tell yet has no value."""
        on, is_told = told[-1], told[-1] == session
        assets_usd = self._assets_usd(fund_id, on)
        flow = whole(self._flow_usd(fund_id, [on])) if is_told else None
        fee_ratio = self._world.anchors.only(f"{fund_id}.fee").value / 100
        return {
            "ticker": self._world.funds[fund_id].ticker,
            "institute": INSTITUTES[fund_id],
            "netAssets": _metric(whole(assets_usd), on),
            "netAssetsPercentage": _metric(self._of_all_bitcoin(self._held_btc(fund_id, on), on), on),
            "dailyNetInflow": _metric(flow, on, REPORTED if is_told else PENDING),
            "cumNetInflow": _metric(whole(self._flow_usd(fund_id, told)), on),
            "dailyValueTraded": _metric(whole(assets_usd * self._turnover), on),
            "discountPremiumRate": _metric(_ratio(self._premium * draw("premium", fund_id, on)), on),
            "fee": _metric(_ratio(fee_ratio), on),
        }

    def _held_btc(self, fund_id: str, session: date) -> Decimal:
        return self._world.held_btc(fund_id, session) or Decimal(0)

    def _assets_usd(self, fund_id: str, session: date) -> Decimal:
        return self._held_btc(fund_id, session) * self._world.strike_usd[session]

    def _flow_usd(self, fund_id: str, sessions: list[date]) -> Decimal:
        flows_usd_m = self._world.flows_usd_m[fund_id]
        return sum((flows_usd_m[s] for s in sessions if s in flows_usd_m), Decimal(0)) * USD_PER_MILLION

    def _of_all_bitcoin(self, held_btc: Decimal, session: date) -> str:
        """Coins as a share of those issued, which grow by a fixed number a day on either side of the halving."""
        halving = self._world.anchors.only("btc.issued")
        days = (session - halving.on).days
        a_day = self._world.anchors.only("btc.issued_a_day_before" if days < 0 else "btc.issued_a_day_after")
        return _ratio(held_btc / (halving.value + a_day.value * days))


def _metric(value: int | str | None, on: date, status: str = REPORTED) -> Metric:
    """Numbers are written as text."""
    return {"value": None if value is None else str(value), "lastUpdateDate": on.isoformat(), "status": status}


def _ratio(value: Decimal) -> str:
    return f"{value:.6f}"


def _question(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None
