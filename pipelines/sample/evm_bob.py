"""The bridges of BOB in the simulated world: the gateway of bitcoin swaps and the canonical bridge to Ethereum.

Belongs here: their transfers, and other transfers of the tokens that the gateway pays.
Not here: which of them a warehouse counts.
Events: the standard ERC-20 `Transfer`, and L2StandardBridge of the OP Stack, which writes each transfer twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_abi import Log, Transaction, encode, number_of, topic
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.evm_draws import COIN_SATS, WEI_PER_SAT, Draws

STANDARD_BRIDGE = "0x4200000000000000000000000000000000000010"
ETHER_ON_L1, ETHER_ON_L2 = 0, number_of("0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000")
WBTC, TBTC = "0x03c7054bcb39f7b2e5b2c7acb37583e32d70cfa3", "0xbba2ef945d523c4e2608c9e1214c2cc64d4fc2e2"
ON_L1 = {WBTC: "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", TBTC: "0x18084fba666a33d37592fa2633fd49a74dd93a88"}
UNIBTC, SOLVBTC = "0x236f8c0a61da474db21b693fb2ea7aab0c803894", "0x541fd749419ca806a8bc7da8ac23d346f2df8b77"
UNITS_PER_SAT = {WBTC: 1, TBTC: WEI_PER_SAT, UNIBTC: 1, SOLVBTC: WEI_PER_SAT}
GATEWAYS_V1 = (
    "0x587e6e2b280c70ec811a371671d3cbe9d7b9f691",
    "0xa1884124a52331bc2fa66e2b0efa15856c6830c6",
    "0x2e0a1fa2f61985c475b869559cf2cf733d4db282",
    "0xca94d277d04e8e6ce960f7492b2df62e2215d562",
    "0x9bbbc8f4e4258cc9ec79164ddb7ef72954f381e2",
    "0x47340424457463fa77b59fdadea31ca886a241fd",
)
GATEWAYS_V2 = ("0x1578c26085b45a559d6b4d4ccfc1dd9e5c66f7b6", "0x2a7b7db980b2228d5ffc47711d09d13f8f90961e")

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
DEPOSIT_FINALIZED = "0xb0444523268717a02698be47d0803aa7468c00acbed2f8bd93a0459cde61dd89"
WITHDRAWAL_INITIATED = "0x73d170910aba9e6d50b102db522b1dbcd796216f5128b445aa2135272886497e"
ETH_BRIDGE_INITIATED = "0x2849b43074093a05396b6f2a937dee8565b15a48a7b3d4bffb732a5017380af5"
ETH_BRIDGE_FINALIZED = "0x31b2166ff604fc5672ea5df08a78081d2bc6d746cadce880747f3643d819e83d"
ERC20_BRIDGE_INITIATED = "0x7ff126db8024424bbfd9826e8ab82ff59136289ea440b04b39a0df1b03b9cabf"
ERC20_BRIDGE_FINALIZED = "0xd59c65b35445225835c83f50b6ede06a7be047d22e357073e250d9af537518cd"

LEAST_SATS, MOST_SATS = 2_000, COIN_SATS // 4
ALTERNATIVE_SHARE = 0.3
"""Of the tokens that users and the bridge move, so many are tBTC (assumed)."""
SATS_OF_A_BRIDGED_TOKEN = (10_000, 20 * COIN_SATS)


class BobBridges:
    """All that happens at them. `transactions` are in no order."""

    def __init__(self, chain: EvmChain, anchors: Anchors, seed: str) -> None:
        self._draws = partial(Draws, chain, anchors, seed)
        self.transactions = [
            *self._gateway("bob_gateway_v1", GATEWAYS_V1, (WBTC, TBTC)),
            *self._gateway("bob_gateway_v2", GATEWAYS_V2, (WBTC, SOLVBTC, UNIBTC)),
            *self._among_users(),
            *self._ether("deposits", DEPOSIT_FINALIZED, ETH_BRIDGE_FINALIZED),
            *self._ether("withdrawals", WITHDRAWAL_INITIATED, ETH_BRIDGE_INITIATED),
            *self._tokens("deposits", DEPOSIT_FINALIZED, ERC20_BRIDGE_FINALIZED),
            *self._tokens("withdrawals", WITHDRAWAL_INITIATED, ERC20_BRIDGE_INITIATED),
        ]

    def _gateway(self, bridge_id: str, instances: tuple[str, ...], tokens: tuple[str, ...]) -> Iterator[Transaction]:
        """An instance pays out a swap in one of its tokens, mostly the first."""
        draws = self._draws(f"{bridge_id}.swaps", accounts=9_000)
        for height in draws.heights():
            instance = number_of(draws.dice.choice(instances))
            token = tokens[int(len(tokens) * draws.dice.random() ** 2)]
            units = draws.sats(LEAST_SATS, MOST_SATS) * UNITS_PER_SAT[token]
            yield Transaction(height, (_transfer(token, instance, draws.account(), units),))

    def _among_users(self) -> Iterator[Transaction]:
        """Transfers that no instance made; now and then one gives an instance what it pays out later."""
        draws = self._draws("bob_tokens.transfers", accounts=2_000)
        for height in draws.heights():
            token = TBTC if draws.dice.random() < ALTERNATIVE_SHARE else WBTC
            units = draws.sats(LEAST_SATS, 4 * MOST_SATS) * UNITS_PER_SAT[token]
            is_refill = draws.dice.random() < 0.02
            to = number_of(draws.dice.choice(GATEWAYS_V1)) if is_refill else draws.account()
            yield Transaction(height, (_transfer(token, draws.account(), to, units),))

    def _ether(self, kind: str, legacy: str, event: str) -> Iterator[Transaction]:
        draws = self._draws(f"bob_canonical_bridge.eth_{kind}", accounts=3_000)
        for height in draws.heights():
            account = draws.account()
            wei = max(int(draws.amount() * 10**9), 1) * 10**9
            data = encode(account, wei, b"")
            pair = (
                Log(STANDARD_BRIDGE, (legacy, topic(ETHER_ON_L1), topic(ETHER_ON_L2), topic(account)), data),
                Log(STANDARD_BRIDGE, (event, topic(account), topic(account)), encode(wei, b"")),
            )
            yield Transaction(height, pair)

    def _tokens(self, kind: str, legacy: str, event: str) -> Iterator[Transaction]:
        """What arrives is minted, what leaves is burnt: the token's contract writes a transfer from or to nobody."""
        draws = self._draws(f"bob_canonical_bridge.btc_{kind}", accounts=800)
        is_deposit = legacy == DEPOSIT_FINALIZED
        for height in draws.heights():
            token = TBTC if draws.dice.random() < ALTERNATIVE_SHARE else WBTC
            account, on_l1, on_l2 = draws.account(), number_of(ON_L1[token]), number_of(token)
            units = draws.sats(*SATS_OF_A_BRIDGED_TOKEN) * UNITS_PER_SAT[token]
            moved = _transfer(token, 0, account, units) if is_deposit else _transfer(token, account, 0, units)
            data = encode(account, units, b"")
            first = Log(STANDARD_BRIDGE, (legacy, topic(on_l1), topic(on_l2), topic(account)), data)
            second = Log(STANDARD_BRIDGE, (event, topic(on_l2), topic(on_l1), topic(account)), data)
            yield Transaction(height, (moved, first, second))


def _transfer(token: str, sender: int, to: int, units: int) -> Log:
    return Log(token, (TRANSFER, topic(sender), topic(to)), encode(units))
