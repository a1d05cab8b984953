"""mempool.space in the simulated world: heights and addresses as JSON, as bytes.

Belongs here: the layout of its answers.
Not here: what is true (`blocks`, `vaults`), and reading such an answer (`pipelines.feeds.mempool`).
Layout: the samples of the project's own documentation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipelines.sample.exchange import Asked, Page, as_json, text
from pipelines.sample.times import instant_of
from pipelines.sample.vaults import Sums
from pipelines.sample.world import World, draw

TIP = "GET mempool.space/api/blocks/tip/height"
BLOCK = "GET mempool.space/api/v1/mining/blocks/timestamp/"
ADDRESS = "GET mempool.space/api/address/"
COIN_SATS = 175_000_000
"""What one output of a vault is worth (assumed)."""
PENDING = Sums(received=21_000_000, spent=0)
"""What is on its way to an address on some days; it is not confirmed and counts in no balance."""


class Mempool:
    """The service. Addresses that the seeds do not name are not found here."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, asked: Asked) -> Page | None:
        if asked.line == TIP:
            return text(str(self._world.blocks.newest(asked.at)), 200)
        if asked.line.startswith(BLOCK):
            instant = instant_of(asked.line.removeprefix(BLOCK))
            return self._block(min(instant, asked.at)) if instant else text("Invalid timestamp", 400)
        if asked.line.startswith(ADDRESS):
            return self._address(asked.line.removeprefix(ADDRESS), asked.at)
        return None

    def _block(self, instant: datetime) -> Page:
        """The newest block at an instant."""
        blocks = self._world.blocks
        height = blocks.newest(instant)
        header = f"{blocks.header_at(height):%Y-%m-%dT%H:%M:%S}.000Z"
        return as_json({"height": height, "hash": blocks.block_hash(height), "timestamp": header})

    def _address(self, address: str, at: datetime) -> Page | None:
        sums = self._world.vaults.sums(address, at)
        if sums is None:
            return None
        pending = PENDING if draw("pending", address, at.date()) > 0 else Sums(0, 0)
        return as_json({"address": address, "chain_stats": _stats(sums), "mempool_stats": _stats(pending)})


def _stats(sums: Sums) -> dict[str, Any]:
    received, spent = (-(-sats // COIN_SATS) for sats in (sums.received, sums.spent))
    return {
        "funded_txo_count": received,
        "funded_txo_sum": sums.received,
        "spent_txo_count": spent,
        "spent_txo_sum": sums.spent,
        "tx_count": received + spent,
    }
