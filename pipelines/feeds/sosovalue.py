"""SoSoValue API v2: net flows of the US spot Bitcoin ETFs, US dollars, of the newest session of each fund.

Belongs here: what to ask SoSoValue and how to read its answer. Every figure is `{value, lastUpdateDate, status}` and
counts only once its status says that it was reported. The service's history (`historicalInflowChart`) has totals and
no funds, and is not asked.
Not here: HTTP, files, DuckDB, Dagster; the key is the transport's.
Source: https://api.sosovalue.xyz/openapi/v2/etf/currentEtfDataMetrics (fields and statuses as public clients use them)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import day, printed
from pipelines.feeds.flows import Cell, FlowFeed, Record, enveloped
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = "https://api.sosovalue.xyz/openapi/v2/etf/currentEtfDataMetrics"
QUESTION = json.dumps({"type": "us-btc-spot"})
REPORTED, PENDING = "1", "3"


class Figure(NamedTuple):
    """What is said of one fund, or of all: `text` is None until it is reported."""

    name: str
    text: str | None
    day: date | None
    status: str | None
    locator: str

    @classmethod
    def of(cls, name: str, node: Any, locator: str) -> Figure:
        """Raises `LookupError`, `TypeError` or `AttributeError` where the node is no figure."""
        value, status = printed(node["value"]), printed(node["status"])
        on = day(node["lastUpdateDate"], "%Y-%m-%d")
        return cls(name, None if status == PENDING else value, on, status, f"{locator}/value")

    @property
    def is_reported(self) -> bool:
        return self.text is not None and self.day is not None and self.status == REPORTED


class SoSoValueEtfFlows(FlowFeed):
    """Net flows as the funds report them, fund by fund."""

    source = "sosovalue"
    media = frozenset({"json"})
    fewest_flows = 3  # an answer is one session, and most funds have no flow in it

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" == URL

    def requests(self, window: Window) -> Requests:
        yield [Request(URL, method="POST", body=QUESTION)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfFlow`; a fund that has not reported is no row. Raises `BodyRefused`."""
        data = enveloped(answer)
        figures, faults = _figures(data)
        if not any(figure.name in self.funds for figure in figures):
            names = ", ".join(figure.name for figure in figures)
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no fund of the seeds has a net inflow in the list: {names}")
        total = _total(data)
        if faults or not all(total and figure.is_reported and figure.day == total.day for figure in figures):
            total = None
        records = self._records(figures, total, answer.fetched_at.date())
        return self.flows([*faults, *records], answer.fetched_at)

    def _records(self, figures: list[Figure], total: Figure | None, today: date) -> Iterator[Record]:
        """A record for each fund that says something; the total belongs to them where all speak of its day."""
        if total and total.day:
            fault = self.total_fault(Cell("total", total.text or "", total.locator), total.day)
            yield from [fault] if fault else []
        for figure in figures:
            about = {"trade_date": figure.day, "raw": figure.text, "locator": figure.locator}
            if figure.text is None:
                continue
            if figure.name not in self.funds:
                yield about | {"source_name": figure.name}
            elif figure.day is None or not figure.is_reported:
                yield about | {"fault": f"{figure.name}: status {figure.status!r}, day {figure.day}"}
            elif self.is_closed(figure.day, today):
                yield about | {"fault": f"{figure.day} is no trading session of XNYS"}
            elif self.is_known_on(figure.name, figure.day):
                yield about | {
                    "fund_id": self.funds[figure.name],
                    "text": figure.text,
                    "total_text": total.text if total else None,
                    "has_silent_fund": self._has_silent_fund(figures, figure.day),
                }

    def _has_silent_fund(self, figures: list[Figure], on: date) -> bool:
        """Whether a fund that is listed on the day has not come to it yet."""
        has_come = {figure.name for figure in figures if figure.is_reported and figure.day and figure.day >= on}
        return any(self.is_known_on(figure.name, on) and figure.name not in has_come for figure in figures)


def _figures(data: Any) -> tuple[list[Figure], list[Record]]:
    """The net inflow of every fund of the list, and what cannot be read as one. Raises `BodyRefused`."""
    funds = data.get("list") if isinstance(data, dict) else None
    if not (isinstance(funds, list) and funds):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "`data` has no `list` of funds")
    figures, faults = [], []
    for number, fund in enumerate(funds):
        locator = f"/data/list/{number}"
        try:
            figures.append(Figure.of(fund["ticker"].upper(), fund["dailyNetInflow"], f"{locator}/dailyNetInflow"))
        except (LookupError, TypeError, AttributeError) as error:
            fault = f"no fund with a daily net inflow: {error!r}"
            faults.append({"raw": json.dumps(fund, default=str), "locator": locator, "fault": fault})
    return figures, faults


def _total(data: dict[str, Any]) -> Figure | None:
    """The net inflow of all funds; None until it is reported."""
    try:
        figure = Figure.of("total", data.get("dailyNetInflow"), "/data/dailyNetInflow")
    except (LookupError, TypeError, AttributeError):
        return None
    return figure if figure.is_reported else None
