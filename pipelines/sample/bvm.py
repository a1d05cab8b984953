"""BVM's list of rollups on Bitcoin in the simulated world, as JSON bytes.

Belongs here: what the list says of each rollup that has begun, those of other providers too. It has no history.
Not here: what is true of their blocks (`activity`), and reading such an answer (`pipelines.feeds.bvm`).
Layout: the fields that BVM's own website reads.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pipelines.sample.activity import Activity
from pipelines.sample.anchors import Anchors
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.paths import DAY
from pipelines.sample.times import midnight
from pipelines.sample.world import LAST_DAY, draw

LIST = "GET generral.appstore.bvm.network/api/rollup/list"
BLOCK = timedelta(seconds=2)
PLACES = Decimal("0.0001")
OWN = "bvm_rollup."
"""The rows of `anchors.csv` that have BVM's rollups: when each began, and about how much is locked in it."""


@dataclass(frozen=True)
class Listed:
    """What the list says of a rollup without ever changing it; `chain_id` where its transactions are known."""

    provider: str
    stack: str
    da: str
    settlement: str
    chain_id: str | None = None


ROLLUPS = {
    "Naka": Listed("BVM", "OP Stack", "Polygon", "Bitcoin", "naka"),
    "EternalAI": Listed("BVM", "ZK Stack", "Celestia", "Bitcoin", "eai"),
    "RuneChain": Listed("BVM", "OP Stack", "Polygon", "Bitcoin"),
    "NOS": Listed("BVM", "OP Stack", "Polygon", "Bitcoin"),
    "Trustless Computer": Listed("BVM", "OP Stack", "Bitcoin", "Bitcoin"),
    "Kumano Chain": Listed("Conduit", "OP Stack", "Ethereum", "Ethereum"),
}
OTHERS_BTC = Decimal("118.25")
"""Value locked of the one rollup that is not BVM's (assumed)."""


class Bvm:
    """The list on the day of asking."""

    def __init__(self, anchors: Anchors, activity: Activity) -> None:
        self._activity = activity
        self._began = {row.series.removeprefix(OWN): row for row in anchors.rows if row.series.startswith(OWN)}
        self._spread = anchors.only("bvm.volatility").value

    def answer(self, asked: Asked) -> Page | None:
        if asked.line != LIST:
            return None
        begun = [name for name in ROLLUPS if name not in self._began or self._began[name].on <= asked.at.date()]
        items = [self._item(n, name, asked.at) for n, name in enumerate(begun)]
        return as_json({"status": True, "data": items})

    def _item(self, index: int, name: str, at: datetime) -> dict[str, Any]:
        listed, began = ROLLUPS[name], self._began.get(name)
        first_at = midnight(began.on) if began else midnight(LAST_DAY - 500 * DAY)
        blocks = (at - first_at) // BLOCK
        locked = (began.value if began else OTHERS_BTC) * (1 + 10 * self._spread * draw("bvm", name, at.date()))
        transactions = self._transactions(listed.chain_id, at) or random.Random(name).randint(400, 9_000)
        return {
            "index": index,
            "name": name,
            "block_number": blocks,
            "block_time": f"{first_at + blocks * BLOCK:%Y-%m-%dT%H:%M:%S}Z",
            "tps": round(transactions / DAY.total_seconds(), 4),
            "mgas": round(transactions * 0.00009, 4),
            "kbs": round(transactions * 0.0021, 4),
            "fdv_usd": 0,
            "stack": listed.stack,
            "da": listed.da,
            "settlement": listed.settlement,
            "provider": listed.provider,
            "tvl_btc": str(locked.quantize(PLACES)),
        }

    def _transactions(self, chain_id: str | None, at: datetime) -> int:
        """Of the day before, where they are known."""
        days = self._activity.days(chain_id) if chain_id else {}
        return days[at.date() - DAY].transactions if at.date() - DAY in days else 0
