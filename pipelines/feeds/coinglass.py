"""CoinGlass API v4: net flows of the US spot Bitcoin ETFs, US dollars per fund and session, whole history.

Belongs here: what to ask CoinGlass and how to read its answer. A point has the total and a list of funds; a fund that
has not reported lacks its `flow_usd`. Stamps are milliseconds of the session's day in UTC.
Not here: HTTP, files, DuckDB, Dagster; the key is the transport's.
Source: https://docs.coinglass.com (ETF flows history)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import printed
from pipelines.feeds.flows import Cell, FlowFeed, Record, Row, enveloped
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = "https://open-api-v4.coinglass.com/api/etf/bitcoin/flow-history"
FIRST_MILLISECONDS = 10**11
"""A smaller stamp counts seconds: as milliseconds it would lie before 1974."""


class CoinGlassEtfFlows(FlowFeed):
    """Daily net flows as CoinGlass collects them."""

    source = "coinglass"
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" == URL

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfFlow`. Raises `BodyRefused`."""
        points = enveloped(answer)
        if not (isinstance(points, list) and any(_tickers(point) & set(self.funds) for point in points)):
            raise BodyRefused(Outcome.LAYOUT_CHANGED, "no point of `data` has a list `etf_flows` with a known fund")
        today = answer.fetched_at.date()
        records = (record for n, point in enumerate(points) for record in self._point(f"/data/{n}", point, today))
        return self.flows(records, answer.fetched_at)

    def _point(self, locator: str, point: Any, today: date) -> Iterator[Record]:
        raw = json.dumps(point, default=str)
        try:
            cells = [
                Cell(flow["etf_ticker"].upper(), _text(flow), f"{locator}/etf_flows/{n}/flow_usd")
                for n, flow in enumerate(point["etf_flows"])
            ]
            total, on = Cell("flow_usd", _text(point), f"{locator}/flow_usd"), _day(point["timestamp"])
        except (LookupError, TypeError, AttributeError) as error:
            yield {"raw": raw, "locator": locator, "fault": f"no point with a time and its funds: {error!r}"}
            return
        if on is None:
            fault = f"{point['timestamp']!r} is no time in milliseconds"
            yield {"raw": raw, "locator": f"{locator}/timestamp", "fault": fault}
        else:
            yield from self.row(Row(on, cells, total, raw, locator), today)


def _tickers(point: Any) -> set[str]:
    flows = point.get("etf_flows") if isinstance(point, dict) else None
    listed = flows if isinstance(flows, list) else []
    return {str(flow.get("etf_ticker")).upper() for flow in listed if isinstance(flow, dict)}


def _text(node: dict[str, Any]) -> str:
    return printed(node.get("flow_usd")) or ""


def _day(milliseconds: Any) -> date | None:
    """The UTC day of a stamp; None where it is none."""
    try:
        stamp = int((printed(milliseconds) or "").partition(".")[0])
        return datetime.fromtimestamp(stamp // 1000, UTC).date() if stamp >= FIRST_MILLISECONDS else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None
