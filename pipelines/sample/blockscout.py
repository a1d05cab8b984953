"""Blockscout's statistics in the simulated world: lines of BOB, Rootstock, Naka and Eternal AI as JSON, as bytes.

Belongs here: hosts of three kinds, and what a line shows: numbers as texts, points that are not final marked as
approximate, a hole of some days, and days that are counted again after blocks were missed. A line that is switched
off is not found. RuneChain's explorer is gone, and the PRO API wants a key.
Not here: what is true (`activity`), the explorers' RPC (`evm_node`), and reading such a line
(`pipelines.feeds.blockscout`).
Layout: the published interface files (stats service); an older host leaves out `date_to` and `info`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.registry import Registry
from pipelines.sample.activity import Activity, ChainDay
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight

SHOWN = frozenset({"bob", "rootstock", "naka", "eai"})
NEWER = "/stats-service/api/v1"
BASES = {"instance_v1": "/api/v1", "instance_v2": NEWER, "instance_v2_unconfirmed": NEWER, "pro": NEWER}
COUNTED_AFTER = timedelta(hours=8)
"""At this time of day the service has counted the day before."""
HOLE = ("bob", "txnsFee", date(2024, 9, 14), date(2024, 9, 16))
"""Days that a line of a chain never has."""
RECOUNTED = ("rootstock", "newTxns", date(2024, 5, 13), date(2024, 5, 19))
RECOUNTED_AT = datetime.fromisoformat("2024-09-02 08:00")
MISSED = 0.06
"""So many transactions of the recounted days were missed at first."""


@dataclass(frozen=True)
class Line:
    """What a line is called and what it takes of a day: the figure, or a total that the day adds to."""

    title: str
    value: Callable[[ChainDay], int | Decimal]
    is_total: bool = False
    on: frozenset[str] = SHOWN
    is_money: bool = False


LINES = {
    "newTxns": Line("New transactions", lambda day: day.transactions),
    "activeAccounts": Line("Active accounts", lambda day: day.senders),
    "newAccounts": Line("New accounts", lambda day: day.new_senders),
    "accountsGrowth": Line("Number of accounts", lambda day: day.all_senders, is_total=True),
    "txnsFee": Line("Transaction fees", lambda day: day.fees, is_money=True),
    "newContracts": Line("New contracts", lambda day: day.new_contracts),
    "contractsGrowth": Line("Number of contracts", lambda day: day.all_contracts, is_total=True),
    "gasUsedGrowth": Line("Gas used growth", lambda day: day.all_gas, is_total=True),
    "opStackNewOperationalTxns": Line(
        "Operational transactions", lambda day: day.transactions - day.own, on=frozenset({"eai"})
    ),
}
WEEKLY = "activeAccounts"


class Blockscout:
    """Every host that the seeds name for the statistics of a chain of this world."""

    def __init__(self, registry: Registry, activity: Activity) -> None:
        self._activity = activity
        self._symbols = {
            chain_id: registry.assets[chain.gas_asset_id].symbol
            for chain_id, chain in registry.chains.items()
            if chain_id in SHOWN and chain.gas_asset_id in registry.assets
        }
        self._hosts = {
            f"{end.url.removeprefix('https://')}{BASES[end.style]}/lines/": (chain_id, end)
            for chain_id in SHOWN
            for end in registry.endpoints("blockscout", chain_id)
            if end.style in BASES
        }

    def answer(self, asked: Asked) -> Page | None:
        """A chain that has not begun has no explorer."""
        place, _, line_id = f"{asked.host}{asked.path}".rpartition("/")
        chain_id, endpoint = self._hosts.get(f"{place}/", (None, None))
        if not chain_id or not endpoint or not self._activity.has_begun(chain_id, asked.at):
            return None
        if endpoint.style == "pro" and not asked.headers.get("authorization"):
            return as_json({"error": "API key is required"}, 401)
        line = LINES.get(line_id)
        if asked.method != "GET" or not line or chain_id not in line.on:
            return _status(5, "not found", 404)
        try:
            chart = self._chart(chain_id, line_id, asked)
        except ValueError as error:
            return _status(3, str(error), 400)
        if endpoint.style == "instance_v1":
            return as_json({"chart": [_of_older_host(point) for point in chart]})
        return as_json({"chart": chart, "info": self._info(chain_id, line_id)})

    def _chart(self, chain_id: str, line_id: str, asked: Asked) -> list[dict[str, Any]]:
        """The points that are asked for. Raises `ValueError` for what is no date or no resolution of the line."""
        first = date.fromisoformat(asked.query.get("from", "0001-01-01"))
        last = min(date.fromisoformat(asked.query.get("to", "9999-12-31")), asked.at.date())
        resolution = asked.query.get("resolution", "DAY")
        if resolution == "WEEK" and line_id == WEEKLY:
            return list(self._weeks(chain_id, first, last, asked.at))
        if resolution != "DAY":
            raise ValueError(f"resolution {resolution} is not supported for {line_id}")
        return list(self._days(chain_id, line_id, first, last, asked.at))

    def _days(self, chain_id: str, line_id: str, first: date, last: date, at: datetime) -> Iterator[dict[str, Any]]:
        line, days = LINES[line_id], self._activity.days(chain_id)
        for day, facts in days.items():
            if not first <= day <= last or _is_in(HOLE, chain_id, line_id, day):
                continue
            value = line.value(facts)
            if day == at.date():
                value = _so_far(line, days.get(day - DAY), facts, at)
            elif at < RECOUNTED_AT and _is_in(RECOUNTED, chain_id, line_id, day):
                value = int(value * Decimal(1 - MISSED))
            yield _point(day, day, value, at)

    def _weeks(self, chain_id: str, first: date, last: date, at: datetime) -> Iterator[dict[str, Any]]:
        start = max(first, self._activity.first_on(chain_id))
        monday = start - timedelta(days=start.weekday())
        while monday <= last:
            sunday = monday + 6 * DAY
            value = self._activity.senders_of_week(chain_id, monday, min(sunday, at.date()))
            yield _point(monday, sunday, value, at)
            monday += 7 * DAY

    def _info(self, chain_id: str, line_id: str) -> dict[str, Any]:
        line = LINES[line_id]
        resolutions = ["DAY", "WEEK"] if line_id == WEEKLY else ["DAY", "WEEK", "MONTH", "YEAR"]
        units = {"units": self._symbols[chain_id]} if line.is_money else {}
        return {"id": line_id, "title": line.title, "description": line.title, **units, "resolutions": resolutions}


def _point(start: date, end: date, value: int | Decimal, at: datetime) -> dict[str, Any]:
    """A point is final once its last day was counted."""
    return {
        "date": start.isoformat(),
        "date_to": end.isoformat(),
        "value": f"{value:f}" if isinstance(value, Decimal) else str(value),
        "is_approximate": at < midnight(end) + DAY + COUNTED_AFTER,
    }


def _of_older_host(point: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in point.items() if name != "date_to"}


def _so_far(line: Line, before: ChainDay | None, facts: ChainDay, at: datetime) -> int | Decimal:
    """What a day that is not over comes to: as much of it as is past."""
    base = line.value(before) if line.is_total and before else 0
    part = (line.value(facts) - base) * Decimal((at - midnight(at.date())) / DAY)
    return part.quantize(Decimal("1e-18")) if line.is_money else base + int(part)


def _is_in(days: tuple[str, str, date, date], chain_id: str, line_id: str, day: date) -> bool:
    return days[:2] == (chain_id, line_id) and days[2] <= day <= days[3]


def _status(code: int, message: str, status: int) -> Page:
    return as_json({"code": code, "message": message, "details": []}, status)
