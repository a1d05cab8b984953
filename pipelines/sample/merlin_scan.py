"""scan.merlinchain.io in the simulated world: three daily series over tRPC, as bytes.

Belongs here: which days a question takes, and how they are printed: newest first, counts as texts, fees as numbers.
Its unique addresses are those that transactions go to. The day of asking is shown as far as it has come.
Not here: what is true (`activity`), and reading such an answer (`pipelines.feeds.merlin_scan`).
Layout: the explorer's own pages, as DefiLlama/dimension-adapters:fees/merlin.ts reads them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.sample.activity import Activity, ChainDay
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight, seconds

CHAIN_ID = "merlin"
PROCEDURE = "GET scan.merlinchain.io/api/trpc/stat."
SERIES: dict[str, Callable[[ChainDay, Decimal], Any]] = {
    "getDailyTxCount": lambda day, part: str(int(day.transactions * part)),
    "getUniqueAddressesCount": lambda day, part: str(int(day.recipients * part)),
    "getDailyTxFee": lambda day, part: float(day.fees * part),
}


class MerlinScan:
    """The explorer."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    def answer(self, asked: Asked) -> Page | None:
        if not asked.line.startswith(PROCEDURE) or not self._activity.has_begun(CHAIN_ID, asked.at):
            return None
        name = asked.line.removeprefix(PROCEDURE)
        if name not in SERIES:
            return _error(f'No "query"-procedure on path "stat.{name}"', -32004, 404)
        try:
            span = json.loads(asked.query["input"])["json"]
            start, end = int(span["timeStart"]), int(span["timeEnd"])
        except (KeyError, TypeError, ValueError):
            return _error("invalid input", -32600, 400)
        days = reversed(self._activity.days(CHAIN_ID).items())
        points = [
            {"date": f"{day}T00:00:00.000Z", "count": SERIES[name](facts, _past(day, asked.at))}
            for day, facts in days
            if start <= seconds(midnight(day)) <= end and day <= asked.at.date()
        ]
        return as_json({"result": {"data": {"json": points}}})


def _past(day: date, at: datetime) -> Decimal:
    """How much of a day is over."""
    return Decimal(min((at - midnight(day)) / DAY, 1))


def _error(message: str, code: int, status: int) -> Page:
    return as_json({"error": {"json": {"message": message, "code": code, "data": {"httpStatus": status}}}}, status)
