"""PowPeg, Rootstock's own bridge, in the simulated world: peg-ins, peg-outs and the coins that are out of it.

Belongs here: its transfers and the balance of its account, which agree to the last wei.
Not here: the other bridges of the chain (`evm_rootstock`).
Events: abis/bridge.json of rsksmart/rsk-precompiled-abis. Amounts are satoshis in every block of this world.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_abi import Log, Transaction, encode, topic
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.evm_draws import COIN_SATS, WEI_PER_SAT, Draws, bitcoin_address
from pipelines.sample.times import midnight

BRIDGE = "0x0000000000000000000000000000000001000006"
GENESIS_WEI = 21_000_000 * 10**18
FIRST_PEGIN_HEIGHT = 3_614_800
"""Block from which a peg-in writes `pegin_btc` (rsksmart/rskj:main.conf, iris300)."""
EARLIER_PEGINS = 60
"""The years before the world begins, in brief: so many peg-ins brought what is out by then."""
LEAST_PEGIN_SATS, LEAST_PEGOUT_SATS, MOST_SATS = 500_000, 400_000, 60 * COIN_SATS
BATCH_AFTER_BLOCKS = (20, 360)

PEGIN_BTC = "0x44cdc782a38244afd68336ab92a0b39f864d6c0b2a50fa1da58cafc93cd2ae5a"
RELEASE_REQUEST_RECEIVED = "0x1a4457a4460d48b40c5280955faf8e4685fa73f0866f7d8f573bdd8e64aca5b1"
RELEASE_REQUEST_REJECTED = "0xb607c3e1fbe6b38cd145b15b837f7b722b199caa60e3057b36c141adee3b75e7"
RELEASE_REQUESTED = "0x7a7c29481528ac8c2b2e93aee658fddd4dc15304fa723a5c2b88514557bcc790"
BATCH_PEGOUT_CREATED = "0x483d0191cc4e784b04a41f6c4801a0766b43b1fdd0b9e3e6bfdca74e5b05c2eb"
UPDATE_COLLECTIONS = "0x1069152f4f916cbf155ee32a695d92258481944edb5b6fd649718fc1b43e515e"


class PowPeg:
    """All that happens at the bridge. `transactions` are in no order."""

    def __init__(self, chain: EvmChain, anchors: Anchors, seed: str) -> None:
        self._chain, self._anchors, self._seed = chain, anchors, seed
        self._changes: list[tuple[int, int]] = []
        self.transactions = [*self._earlier(), *self._pegins(), *self._pegouts(), *self._refused(), *self._housework()]
        self._changes.sort()
        self._heights = [height for height, _ in self._changes]
        self._out_sats = list(accumulate((sats for _, sats in self._changes), initial=0))

    def balance_wei(self, height: int) -> int:
        """The bridge's own balance after a block: what genesis gave it, less peg-ins, with peg-outs back."""
        return GENESIS_WEI - self._out_sats[bisect_right(self._heights, height)] * WEI_PER_SAT

    def _earlier(self) -> Iterator[Transaction]:
        draws = self._draws("earlier")
        opening = self._anchors.only("rootstock_powpeg.opening")
        left_sats = int(opening.value * COIN_SATS)
        last = self._chain.height_at(midnight(opening.on))
        heights = sorted(draws.dice.randrange(FIRST_PEGIN_HEIGHT, last) for _ in range(EARLIER_PEGINS))
        for n, height in enumerate(heights):
            part = left_sats // (len(heights) - n)
            sats = part if n == len(heights) - 1 else draws.dice.randint(part // 2, part)
            left_sats -= sats
            yield self._pegin(height, sats, draws)

    def _pegins(self) -> Iterator[Transaction]:
        draws = self._draws("pegins")
        for height in draws.heights():
            yield self._pegin(height, draws.sats(LEAST_PEGIN_SATS, MOST_SATS), draws)

    def _pegin(self, height: int, sats: int, draws: Draws) -> Transaction:
        self._changes.append((height, sats))
        topics = (PEGIN_BTC, topic(draws.account()), topic(draws.word()))
        return Transaction(height, (Log(BRIDGE, topics, encode(sats, draws.dice.randint(0, 1))),))

    def _pegouts(self) -> Iterator[Transaction]:
        """A request, and some hours later the Bitcoin transaction that answers it."""
        draws = self._draws("pegouts")
        for height in draws.heights():
            account, request, payout = draws.account(), draws.word(), draws.word()
            sats = draws.sats(LEAST_PEGOUT_SATS, MOST_SATS)
            self._changes.append((height, -sats))
            data = encode(bitcoin_address(account), sats)
            yield Transaction(height, (Log(BRIDGE, (RELEASE_REQUEST_RECEIVED, topic(account)), data),))
            created = Log(BRIDGE, (BATCH_PEGOUT_CREATED, topic(payout)), encode(request.to_bytes(32, "big")))
            requested = Log(BRIDGE, (RELEASE_REQUESTED, topic(request), topic(payout)), encode(sats))
            yield Transaction(draws.later(height, *BATCH_AFTER_BLOCKS), (requested, created))

    def _refused(self) -> Iterator[Transaction]:
        """A request that is too small: the coins go back at once, nothing is pegged out."""
        draws = self._draws("rejected")
        for height in draws.heights():
            data = encode(draws.dice.randrange(1_000, LEAST_PEGOUT_SATS), draws.dice.randint(1, 3))
            yield Transaction(height, (Log(BRIDGE, (RELEASE_REQUEST_REJECTED, topic(draws.account())), data),))

    def _housework(self) -> Iterator[Transaction]:
        draws = self._draws("housework", accounts=9)
        for height in draws.heights():
            yield Transaction(height, (Log(BRIDGE, (UPDATE_COLLECTIONS,), encode(draws.account())),))

    def _draws(self, kind: str, accounts: int = 90) -> Draws:
        return Draws(self._chain, self._anchors, self._seed, f"rootstock_powpeg.{kind}", accounts)
