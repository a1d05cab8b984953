"""What bridges keep for the chains of the simulated world, and what a liquid-staking protocol has staked.

Belongs here: tokens of each protocol by the chain where they lie, the bitcoin of its addresses, and token prices.
Not here: how DefiLlama and an explorer print it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from pipelines.sample.anchors import Anchors
from pipelines.sample.assets import Assets
from pipelines.sample.paths import DAY, DailyPath

PLACES: dict[str, dict[str, tuple[str, ...]]] = {
    "merlins_seal": {"Bitcoin": ("BTC",), "Ethereum": ("ETH", "STONE", "USDC", "USDT")},
    "bitlayer_bridge": {"Bitcoin": ("BTC",), "Ethereum": ("ETH", "USDT", "WSTETH")},
    "bsquared_buzz": {"Bitcoin": ("BTC",)},
    "sovryn_fastbtc": {"Bitcoin": ("BTC",)},
    "stacking_dao": {"Stacks": ("STX",)},
}
"""Protocol -> where its tokens lie -> which. What lies on Bitcoin is on the protocol's addresses."""
LIKE = {"BTC": "btc", "ETH": "eth", "STONE": "eth", "WSTETH": "eth", "STX": "stx"}
"""The asset whose price a token follows; a token that is not named is worth a dollar."""
CENT = Decimal("0.01")
SATS = Decimal(10) ** 8


@dataclass(frozen=True)
class Sums:
    """Satoshis ever received and ever spent."""

    received: int
    spent: int


class Vaults:
    """Amounts in whole tokens; an address holds a fixed part of its owner's coins."""

    def __init__(self, anchors: Anchors, assets: Assets, owners: Mapping[str, str], seed: str) -> None:
        self._anchors = anchors
        self._assets = assets
        self._owners = owners
        volatility, turnover = anchors.number("vaults.volatility"), anchors.only("vaults.turnover").value
        self._paths = {
            (name, token): DailyPath(
                anchors.points(f"{name}.{token}"), volatility, 8, random.Random(f"{seed}/{name}/{token}")
            )
            for name, chains in PLACES.items()
            for tokens in chains.values()
            for token in tokens
        }
        self._sums = {
            name: _sums(self._paths[name, "BTC"], turnover) for name in PLACES if (name, "BTC") in self._paths
        }
        self._weights = {address: random.Random(f"{seed}/{address}").randint(1, 1000) for address in owners}

    def held(self, protocol_id: str, token: str, instant: datetime) -> Decimal | None:
        """Tokens at an instant, None before the protocol had any."""
        return self._paths[protocol_id, token].at(instant)

    def first_at(self, protocol_id: str) -> datetime:
        """The first 00:00 at which a protocol holds something."""
        return min(path.first_at for (name, _), path in self._paths.items() if name == protocol_id)

    def price_usd(self, token: str, instant: datetime) -> Decimal:
        """US dollars per token: that of the asset it follows, times what has been earned on it."""
        ratio = next((point.value for point in self._anchors.points(f"{token}.ratio")), Decimal(1))
        return self._assets.price_usd(LIKE[token], instant) * ratio if token in LIKE else Decimal(1)

    def value_usd(self, protocol_id: str, token: str, instant: datetime) -> Decimal | None:
        """The tokens in US dollars and cents, None before the protocol had any."""
        held = self.held(protocol_id, token, instant)
        return None if held is None else (held * self.price_usd(token, instant)).quantize(CENT)

    def sums(self, address: str, instant: datetime) -> Sums | None:
        """What an address had received and spent by an instant; None for an address that the seeds do not name."""
        if address not in self._owners:
            return None
        owner = self._owners[address]
        if owner not in self._sums:
            return Sums(0, 0)
        all_weights = sum(self._weights[other] for other, name in self._owners.items() if name == owner)
        days, rest = divmod(instant - self._paths[owner, "BTC"].first_at, DAY)
        if days < 0:
            return Sums(0, 0)
        part = self._weights[address]
        before, after = self._sums[owner][days], self._sums[owner][days + bool(rest)]
        received, spent = (_between(*pair, rest) for pair in zip(before, after, strict=True))
        return Sums(received * part // all_weights, spent * part // all_weights)


def _sums(path: DailyPath, turnover: Decimal) -> list[tuple[int, int]]:
    """Satoshis received and spent up to each 00:00: the changes of the level, and coins that come and go each day."""
    sats = [int(level * SATS) for level in path.daily]
    sums = [(sats[0], 0)]
    for before, after in pairwise(sats):
        through = int(before * turnover)
        received, spent = sums[-1]
        change = after - before
        sums.append((received + max(change, 0) + through, spent + max(-change, 0) + through))
    return sums


def _between(before: int, after: int, rest: timedelta) -> int:
    return before + int((after - before) * Decimal(rest / DAY))
