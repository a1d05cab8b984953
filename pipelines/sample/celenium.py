"""Celenium in the simulated world: series of Celestia and of its rollups, as JSON bytes.

Belongs here: the list of rollups and the layout of series. A series of the network has every day, one of a rollup the
newest hundred of those that are asked for; the newest first, and the day of asking as far as it has come.
Not here: what is true (`da`), and reading such an answer (`pipelines.feeds.celenium`).
Layout: the swagger file of celenium-io/celestia-indexer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.sample.da import Celestia, DaDay, days_until, part_of_day
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.times import instant_of, midnight

PLACE = "GET api-mainnet.celenium.io/v1"
SERIES = re.compile(rf"{PLACE}/stats/series/(\w+)/day")
OF_ROLLUP = re.compile(rf"{PLACE}/rollup/(\d+)/stats/(\w+)/day")
FIRST_ID = 21
MOST_POINTS, PER_PAGE, MOST_PER_PAGE = 100, 10, 100
COUNTS: dict[str, Callable[[DaDay], int]] = {
    "blobs_size": lambda day: day.blob_bytes,
    "blobs_count": lambda day: day.blobs,
    "fee": lambda day: day.fee,
    "tx_count": lambda day: day.transactions,
}
COUNTS_OF_ROLLUP = {"size": COUNTS["blobs_size"], "blobs_count": COUNTS["blobs_count"], "fee": COUNTS["fee"]}
WIDEST = Decimal("0.3")
"""The least and the greatest price of a day are so far from its mean."""


class Celenium:
    """The API. Rollups have numbers that only the list explains."""

    def __init__(self, celestia: Celestia) -> None:
        self._celestia = celestia
        self._rollups = {str(FIRST_ID + n): rollup for n, rollup in enumerate(celestia.rollups)}

    def answer(self, asked: Asked) -> Page | None:
        if asked.line == f"{PLACE}/rollup":
            return self._list(asked)
        if found := SERIES.fullmatch(asked.line):
            return self._network(found[1], asked.at)
        if (found := OF_ROLLUP.fullmatch(asked.line)) and found[1] in self._rollups:
            return self._of_rollup(self._rollups[found[1]], found[2], asked)
        return None

    def _list(self, asked: Asked) -> Page:
        limit = min(int(asked.query.get("limit", PER_PAGE)), MOST_PER_PAGE)
        offset = int(asked.query.get("offset", 0))
        known = [
            (number, rollup)
            for number, rollup in self._rollups.items()
            if self._celestia.first_blob_on(rollup) < asked.at.date()
        ]
        return as_json([self._item(number, rollup, asked.at) for number, rollup in known[offset : offset + limit]])

    def _item(self, number: str, rollup: str, at: datetime) -> dict[str, Any]:
        first = self._celestia.first_blob_on(rollup)
        days = [self._celestia.of_rollup(rollup, day) for day in days_until(first, at)[:-1]]
        return {
            "id": int(number),
            "name": rollup,
            "description": f"{rollup} posts its data to Celestia.",
            "slug": rollup.lower().replace(" ", "-"),
            "type": "settled",
            "stack": "OP Stack",
            "settled_on": "Ethereum",
            "blobs_count": sum(day.blobs for day in days),
            "size": sum(day.blob_bytes for day in days),
            "fee": str(sum(day.fee for day in days)),
            "first_message_time": f"{first}T06:12:44Z",
            "last_message_time": f"{at:%Y-%m-%d}T00:03:10Z",
        }

    def _network(self, name: str, at: datetime) -> Page | None:
        days = reversed(days_until(self._celestia.first_on, at))
        if name == "gas_price":
            return as_json([_price(day, self._celestia.gas_price(day)) for day in days])
        if name not in COUNTS:
            return as_json({"message": f"unknown series {name}"}, 400)
        return as_json([_point(day, COUNTS[name](self._celestia.network(day)), at) for day in days])

    def _of_rollup(self, rollup: str, name: str, asked: Asked) -> Page:
        if name not in COUNTS_OF_ROLLUP:
            return as_json({"message": f"unknown series {name}"}, 400)
        first, end = (instant_of(asked.query.get(bound, "")) for bound in ("from", "to"))
        days: Iterable[date] = reversed(days_until(self._celestia.first_blob_on(rollup), asked.at))
        posted = [
            _point(day, COUNTS_OF_ROLLUP[name](facts), asked.at)
            for day in days
            if (not first or midnight(day) >= first) and (not end or midnight(day) < end)
            if (facts := self._celestia.of_rollup(rollup, day)).blobs
        ]
        return as_json(posted[:MOST_POINTS])


def _point(day: date, value: int, at: datetime) -> dict[str, str]:
    return {"time": f"{day}T00:00:00Z", "value": str(int(value * part_of_day(day, at)))}


def _price(day: date, mean: Decimal) -> dict[str, str]:
    least, most = (mean * (1 + sign * WIDEST) for sign in (-1, 1))
    return {"time": f"{day}T00:00:00Z", "value": f"{mean:f}", "min": f"{least:f}", "max": f"{most:f}"}
