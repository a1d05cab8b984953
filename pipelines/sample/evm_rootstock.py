"""The other bridges of Rootstock in the simulated world: FastBTC, Flyover and the token bridge.

Belongs here: their transfers and what becomes of them.
Not here: PowPeg (`evm_powpeg`).
Events: FastBTCBridge.json and ManagedWallet.json of DistributedCollective/sovryn-bridge-monitor, the adapters
rootstock-flyover and rootstock-token-bridge of DefiLlama/bridges-server.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipelines.sample.anchors import Anchors
from pipelines.sample.evm_abi import Log, Transaction, encode, number_of, topic
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.evm_draws import COIN_SATS, WEI_PER_SAT, Draws, bitcoin_address

FASTBTC_OUT = "0x1a8e78b41bc5ab9ebb6996136622b9b41a601b5c"
FASTBTC_IN = "0xe43cafbdd6674df708ce9dff8762af356c2b454d"
FLYOVER = "0xaa9caf1e3967600578727f975f283446a3da6612"
TOKEN_BRIDGE = "0x9d11937e2179dc5270aa86a3f8143232d6da0e69"

NEW_BITCOIN_TRANSFER = "0xac0c761341f07a946b460e21f7f198c8f37ad0a5492c8b4aed422ef62d719b9a"
BATCH_SENDING = "0x7331a19030f2d79f5e400d014c21b9d18bda20e5cc61ce0365d538a41e8fdb42"
STATUS_UPDATED = "0xced1c918ef904e606283eaf6a2c279a4c822a98af7b0d7d606b5475797945b1a"
NEW_BITCOIN_TRANSFER_INCOMING = "0x20ef15fb02bd69f212d7a84358d8a7c05b65d25bbb920b11c4d32f837118e441"
CALL_FOR_USER = "0xbfc7404e6fe464f0646fe2c6ab942b92d56be722bb39f8c6bc4830d2d32fb80d"
PEG_IN_REGISTERED = "0x0629ae9d1dc61501b0ca90670a9a9b88daaf7504b54537b53e1219de794c63d2"
PEG_OUT_DEPOSIT = "0xb1bc7bfc0dab19777eb03aa0a5643378fc9f186c8fc5a36620d21136fbea570f"
PEG_OUT_REFUNDED = "0xb781856ec73fd0dc39351043d1634ea22cd3277b0866ab93e7ec1801766bb384"
PEG_OUT_USER_REFUNDED = "0x9ccbeffc442024e2a6ade18ff0978af9a4c4d6562ae38adb51ccf8256cf42b41"
CROSS = "0x1e90de9ae4d02420648a650f45f089a1be18fbca324092544ea626f9833212b0"
CLAIMED = "0x42b1cb6263e8da47edf0583516eda1de16f729d26282f5791dc5b7af1010e925"

SENDING, MINED, REFUNDED, RECLAIMED = 2, 3, 4, 5
BASE_FEE_SATS, FEE_PER_10_000 = 5_000, 20
LEAST_SATS, MOST_SATS = 20_000, 2 * COIN_SATS
LEAST_PEGIN_SATS, LEAST_PEGOUT_SATS, MOST_FLYOVER_SATS = 500_000, 330_000, 10 * COIN_SATS
REFUNDED_SHARE, RECLAIMED_SHARE, FAILED_CALL_SHARE, RETURNED_SHARE = 0.012, 0.006, 0.03, 0.02
"""Of all transfers: FastBTC's that go back, Flyover's calls that fail, and its peg-outs that go back (assumed)."""
HOUR_BLOCKS, DAY_BLOCKS = 133, 3_200
GAS_OF_A_TRANSFER = 21_000
TOKENS = (("0x2acc95758f8b5f583470ba265eb685a8f45fc9d5", 18), ("0xdac17f958d2ee523a2206206994597c13d831ec7", 6))
"""RIF and USDT, as the chain of their origin calls them, and their decimals there; a side token has 18."""


class RootstockBridges:
    """All that happens at them. `transactions` are in no order."""

    def __init__(self, chain: EvmChain, anchors: Anchors, seed: str) -> None:
        self._chain = chain
        self._draws = partial(Draws, chain, anchors, seed)
        self.transactions = [
            *self._fastbtc_out(),
            *self._fastbtc_in(),
            *self._flyover_in(),
            *self._flyover_out(),
            *self._tokens_out(),
            *self._tokens_in(),
        ]

    def _fastbtc_out(self) -> Iterator[Transaction]:
        draws = self._draws("sovryn_fastbtc.out")
        for nonce, height in enumerate(draws.heights()):
            account, transfer = draws.account(), topic(draws.word())
            sats = draws.sats(LEAST_SATS, MOST_SATS)
            fee_sats = BASE_FEE_SATS + sats * FEE_PER_10_000 // 10_000
            data = encode(bitcoin_address(account), nonce, sats - fee_sats, fee_sats)
            yield Transaction(height, (Log(FASTBTC_OUT, (NEW_BITCOIN_TRANSFER, transfer, topic(account)), data),))
            yield from self._fastbtc_fate(height, transfer, draws)

    def _fastbtc_fate(self, height: int, transfer: str, draws: Draws) -> Iterator[Transaction]:
        """A transfer is sent and mined within hours, or goes back after days."""
        fate = draws.dice.random()
        if fate < REFUNDED_SHARE:
            yield _status(draws.later(height, DAY_BLOCKS, 3 * DAY_BLOCKS), transfer, REFUNDED)
        elif fate < REFUNDED_SHARE + RECLAIMED_SHARE:
            yield _status(draws.later(height, 5 * DAY_BLOCKS, 12 * DAY_BLOCKS), transfer, RECLAIMED)
        else:
            sent = draws.later(height, 10, HOUR_BLOCKS)
            batch = Log(FASTBTC_OUT, (BATCH_SENDING,), encode(draws.word(), 1))
            yield Transaction(sent, (batch, *_status(sent, transfer, SENDING).logs))
            yield _status(draws.later(sent, 20, 3 * HOUR_BLOCKS), transfer, MINED)

    def _fastbtc_in(self) -> Iterator[Transaction]:
        draws = self._draws("sovryn_fastbtc.in")
        for height in draws.heights():
            sats = draws.sats(LEAST_SATS, MOST_SATS)
            fee_sats = BASE_FEE_SATS + sats * FEE_PER_10_000 // 10_000
            amount_wei, fee_wei = (sats - fee_sats) * WEI_PER_SAT, fee_sats * WEI_PER_SAT
            data = encode(amount_wei, fee_wei, draws.word(), draws.dice.randint(0, 3))
            topics = (NEW_BITCOIN_TRANSFER_INCOMING, topic(draws.account()))
            yield Transaction(height, (Log(FASTBTC_IN, topics, data),))

    def _flyover_in(self) -> Iterator[Transaction]:
        """A provider pays out at once and is paid back when the peg-in is known to the bridge."""
        draws = self._draws("rootstock_flyover.in", accounts=120)
        provider = draws.account()
        for height in draws.heights():
            account, quote = draws.account(), draws.word()
            amount_wei = draws.sats(LEAST_PEGIN_SATS, MOST_FLYOVER_SATS) * WEI_PER_SAT
            is_done = draws.dice.random() >= FAILED_CALL_SHARE
            data = encode(GAS_OF_A_TRANSFER, amount_wei, b"", is_done, quote)
            yield Transaction(height, (Log(FLYOVER, (CALL_FOR_USER, topic(provider), topic(account)), data),))
            registered = Log(FLYOVER, (PEG_IN_REGISTERED, topic(quote)), encode(amount_wei))
            yield Transaction(draws.later(height, 400, 2 * DAY_BLOCKS), (registered,))

    def _flyover_out(self) -> Iterator[Transaction]:
        """A deposit, and later the provider takes it, having paid on Bitcoin, or the user has it back."""
        draws = self._draws("rootstock_flyover.out", accounts=160)
        for height in draws.heights():
            account, quote = draws.account(), topic(draws.word())
            amount_wei = draws.sats(LEAST_PEGOUT_SATS, MOST_FLYOVER_SATS) * WEI_PER_SAT
            topics = (PEG_OUT_DEPOSIT, quote, topic(account))
            yield Transaction(height, (Log(FLYOVER, topics, encode(amount_wei, self._chain.unix_time(height))),))
            if draws.dice.random() < RETURNED_SHARE:
                returned = Log(FLYOVER, (PEG_OUT_USER_REFUNDED, quote), encode(amount_wei, account))
                yield Transaction(draws.later(height, DAY_BLOCKS, 4 * DAY_BLOCKS), (returned,))
            else:
                yield Transaction(draws.later(height, 60, DAY_BLOCKS), (Log(FLYOVER, (PEG_OUT_REFUNDED, quote), "0x"),))

    def _tokens_out(self) -> Iterator[Transaction]:
        draws = self._draws("rootstock_token_bridge.out", accounts=60)
        for height in draws.heights():
            token, _ = draws.dice.choice(TOKENS)
            account = topic(draws.account())
            topics = (CROSS, topic(number_of(token)), account, account)
            yield Transaction(height, (Log(TOKEN_BRIDGE, topics, encode(_cents(draws) * 10**16, b"")),))

    def _tokens_in(self) -> Iterator[Transaction]:
        draws = self._draws("rootstock_token_bridge.in", accounts=60)
        for height in draws.heights():
            token, decimals = draws.dice.choice(TOKENS)
            account = draws.account()
            topics = (CLAIMED, topic(draws.word()), topic(number_of(token)), topic(account))
            amount, log_index = _cents(draws) * 10 ** (decimals - 2), draws.dice.randint(0, 90)
            data = encode(account, amount, draws.word(), log_index, account, account, 0)
            yield Transaction(height, (Log(TOKEN_BRIDGE, topics, data),))


def _status(height: int, transfer: str, status: int) -> Transaction:
    return Transaction(height, (Log(FASTBTC_OUT, (STATUS_UPDATED, transfer), encode(status)),))


def _cents(draws: Draws) -> int:
    """Hundredths of a token."""
    return max(int(draws.amount() * 100), 1)
