"""open-api-v4.coinglass.com in the simulated world: the flow history of all funds as JSON, as bytes.

Belongs here: the layout, and the envelope: without a key it says 401 inside an answer of status 200. A session
that just closed stands there with a total of 0 and funds without `flow_usd`.
Not here: what is true (`world`), and reading such an answer (`pipelines.feeds.coinglass`).
Layout: the vendor's documentation; how a fund without a report looks is assumed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from pipelines.sample.exchange import Asked, Page, as_json, whole
from pipelines.sample.flows import USD_PER_MILLION
from pipelines.sample.prices import strike_at
from pipelines.sample.world import World

HISTORY = "GET open-api-v4.coinglass.com/api/etf/bitcoin/flow-history"
KEY_HEADER = "cg-api-key"


class CoinGlass:
    """The service: any key opens it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._reported_after = timedelta(hours=world.anchors.number("coinglass.reported_after"))

    def answer(self, asked: Asked) -> Page | None:
        if asked.line != HISTORY:
            return None
        if not asked.headers.get(KEY_HEADER):
            return as_json({"code": "401", "msg": "API key missing."})
        closed = [session for session in self._world.sessions if strike_at(session) <= asked.at]
        reported = set(self._world.published(asked.at, self._reported_after))
        rows = [self._row(session, session in reported) for session in closed]
        return as_json({"code": "0", "msg": "success", "data": rows})

    def _row(self, session: date, is_reported: bool) -> dict[str, object]:
        midnight = datetime.combine(session, time())
        listed = [fund_id for fund_id, fund in self._world.funds.items() if fund.is_listed(session)]
        flows_usd = {f: whole(self._world.flows_usd_m[f][session] * USD_PER_MILLION) for f in listed if is_reported}
        etf_flows = [
            {"etf_ticker": self._world.funds[f].ticker} | ({"flow_usd": flows_usd[f]} if f in flows_usd else {})
            for f in listed
        ]
        return {
            "timestamp": int(midnight.replace(tzinfo=UTC).timestamp()) * 1000,
            "flow_usd": sum(flows_usd.values()),
            "price_usd": self._world.price.at(midnight),
            "etf_flows": etf_flows,
        }
