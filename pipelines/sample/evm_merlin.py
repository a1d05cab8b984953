"""The bridge of Merlin in the simulated world. Its contract was replaced twice, so withdrawals have three events.

Belongs here: its transfers.
Not here: what lies on Merlin's addresses on Bitcoin (`vaults`).
Events: MerlinLayer2/BTCLayer2BridgeContract:contracts/BTCLayer2Bridge.sol; nothing in them is indexed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_abi import Log, Transaction, encode, number_of
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.evm_draws import COIN_SATS, WEI_PER_SAT, Draws, bitcoin_address

BRIDGE = "0x28ad6b7dfd79153659cb44c2155cf7c0e1ceeccc"
SECOND_FROM, THIRD_FROM = datetime.fromisoformat("2024-03-05 09:00"), datetime.fromisoformat("2024-06-18 09:00")
"""When the contract was replaced (assumed)."""
UNLOCK_NATIVE_TOKEN = "0x7c963f3b8032cd1f2cb0ba310c76bf77f262512a1aef97fa29c97bd8b87da3b2"
LOCK_NATIVE_TOKEN_FIRST = "0x7596116432ffa61b34243bf8a0fcb9b88cfb9cd87187987a192237f56db08013"
LOCK_NATIVE_TOKEN_SECOND = "0x3075dbaf269457ef80284b631124a3985026c11ccfc895cd3d2ca77d647953f2"
LOCK_NATIVE_TOKEN_WITH_FEE = "0x887cf3d7cfeaabb80a7bacd0ba564b5800af0e2535b09b5a13105198c6662b61"
MINT_ERC20_TOKEN = "0xb6d8d6a2fe0e5715015b873f030c1fc1cd4e90a8614c7fb56f80af4c5d6dfc08"
LEAST_SATS, MOST_SATS = 10_000, 200 * COIN_SATS
FEE_WEI = 10_000 * WEI_PER_SAT
INSCRIBED_TOKEN = number_of("0x0726523eba12edad467c55a962842ef358865559")


class MerlinBridge:
    """All that happens at it. `transactions` are in no order."""

    def __init__(self, chain: EvmChain, anchors: Anchors, seed: str) -> None:
        self._second, self._third = (chain.height_at(instant) for instant in (SECOND_FROM, THIRD_FROM))
        self._draws = partial(Draws, chain, anchors, seed)
        self.transactions = [*self._deposits(), *self._withdrawals(), *self._inscriptions()]

    def _deposits(self) -> Iterator[Transaction]:
        draws = self._draws("merlin_bridge.deposits", accounts=2_500)
        for height in draws.heights():
            data = encode(draws.word(), draws.account(), draws.sats(LEAST_SATS, MOST_SATS) * WEI_PER_SAT)
            yield Transaction(height, (Log(BRIDGE, (UNLOCK_NATIVE_TOKEN,), data),))

    def _withdrawals(self) -> Iterator[Transaction]:
        draws = self._draws("merlin_bridge.withdrawals", accounts=2_500)
        for height in draws.heights():
            account, amount_wei = draws.account(), draws.sats(LEAST_SATS, MOST_SATS) * WEI_PER_SAT
            yield Transaction(height, (self._lock(height, account, amount_wei),))

    def _lock(self, height: int, account: int, amount_wei: int) -> Log:
        if height < self._second:
            return Log(BRIDGE, (LOCK_NATIVE_TOKEN_FIRST,), encode(account, amount_wei))
        address = bitcoin_address(account)
        if height < self._third:
            return Log(BRIDGE, (LOCK_NATIVE_TOKEN_SECOND,), encode(account, amount_wei, address))
        return Log(BRIDGE, (LOCK_NATIVE_TOKEN_WITH_FEE,), encode(account, amount_wei, address, FEE_WEI))

    def _inscriptions(self) -> Iterator[Transaction]:
        """BRC-20 tokens cross over the same contract; they are no bitcoin."""
        draws = self._draws("merlin_bridge.inscriptions", accounts=900)
        for height in draws.heights():
            units = max(int(draws.amount() * 100), 1) * 10**16
            data = encode(draws.word(), INSCRIBED_TOKEN, draws.account(), units)
            yield Transaction(height, (Log(BRIDGE, (MINT_ERC20_TOKEN,), data),))
