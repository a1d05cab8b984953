"""A real EVM node with known transactions: what is counted from its whole blocks is what was sent."""

from __future__ import annotations

import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
import pytest
from anvil import Anvil
from block_chain import BlockHouse, account, figures, toy_seeds
from evm_node import URL, chain, endpoint

from pipelines.wire import Request

EVM_CHAIN_ID = 7000
STARTED = datetime(2024, 6, 2, 12, tzinfo=UTC)
"""A Sunday: the first block is made then."""
MONDAY, NEXT_MONDAY = date(2024, 6, 3), date(2024, 6, 10)
DAYS = 14
BLOCKS_A_DAY = 4
GAS_PRICE = 3_000_000_007
TRANSFER_GAS = 21_000
WEI = Decimal("1e-18")
SENDERS = [account(0xA000 + number) for number in range(9)]
CONTRACTS = [account(0xC000 + number) for number in range(4)]
FRIEND = account(0xF000)
CREATION = "0x600060005360016000f3"
"""Makes a contract whose code is one byte, STOP."""


@dataclass(frozen=True)
class Sending:
    """One transaction that was mined on a day, and what the node charged for it."""

    day: date
    sender: str
    to: str | None
    fee_wei: int


class Wire:
    """A node at an address, asked as the house asks."""

    def __init__(self, url: str) -> None:
        self._url = url

    def answer(self, request: Request) -> bytes:
        body = (request.body or "").encode()
        asked = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as response:
            return response.read()


def send(node: Anvil, sender: str, to: str | None) -> str:
    data = {"data": CREATION} if to is None else {"data": "0x00"} if to in CONTRACTS else {"value": "0x1"}
    target = {"to": to} if to else {}
    [tx_hash] = node.batch(
        [("eth_sendTransaction", [{"from": sender, "gas": hex(200_000), "gasPrice": hex(GAS_PRICE)} | target | data])]
    )
    return tx_hash


def mine(node: Anvil, random: Random) -> list[Sending]:
    """Two weeks of blocks, and one behind them."""
    told = []
    for number in range(DAYS * BLOCKS_A_DAY + 1):
        at = datetime.combine(MONDAY, datetime.min.time(), UTC) + timedelta(hours=24 / BLOCKS_A_DAY * number)
        users = random.sample(SENDERS, random.randrange(4))
        hashes = [send(node, user, random.choice([*CONTRACTS, FRIEND, None])) for user in users]
        node.call("evm_mine", int(at.timestamp()))
        for user, tx_hash in zip(users, hashes, strict=True):
            receipt = node.call("eth_getTransactionReceipt", tx_hash)
            fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
            told.append(Sending(at.date(), user, receipt["to"], fee))
    return told


@pytest.fixture(scope="module")
def sent_and_counted(tmp_path_factory) -> Iterator[tuple[list[Sending], pl.DataFrame]]:
    with Anvil(EVM_CHAIN_ID, int(STARTED.timestamp())) as node:
        node.put_contracts(CONTRACTS)
        for sender in SENDERS:
            node.batch([("anvil_impersonateAccount", [sender]), ("anvil_setBalance", [sender, hex(10**20)])])
        sent = mine(node, Random(20_240_603))
        folder: Path = tmp_path_factory.mktemp("home")
        plain = {"evm_chains": [chain(finality_tag="", finality_lag_blocks=0)]}
        seeds = toy_seeds(folder / "seeds", **plain, source_endpoints=[endpoint(max_batch_calls=20)])
        house = BlockHouse(seeds, {URL: Wire(node.url)}, now="2024-07-01 00:00:00")  # ty: ignore
        house.talk("2024-06-02", "2024-06-16")
        yield sent, house.load(folder)


def periods(sent: list[Sending], length_days: int) -> dict[str, list[Sending]]:
    """First day of each period -> what was sent in it; every period of the two weeks is there."""
    found: dict[str, list[Sending]] = defaultdict(list)
    for number in range(0, DAYS, length_days):
        found[str(MONDAY + timedelta(days=number))] = []
    for one in sent:
        offset = (one.day - MONDAY).days
        if offset < DAYS:
            found[str(MONDAY + timedelta(days=offset - offset % length_days))].append(one)
    return found


@pytest.mark.parametrize(("period", "length_days"), [("day", 1), ("week", 7)])
def test_senders_fees_and_creations_are_those_of_the_node(sent_and_counted, period, length_days):
    sent, counted = sent_and_counted
    truth = periods(sent, length_days)

    def told(metric: str) -> dict[str, Decimal]:
        found = figures(counted, metric, period)
        return {day: value for day, value in found.items() if day >= str(MONDAY)}

    assert told("active_addresses") == {day: len({one.sender for one in some}) for day, some in truth.items()}
    assert told("tx_count") == {day: len(some) for day, some in truth.items()}
    assert told("txn_fee_native") == {day: sum(one.fee_wei for one in some) * WEI for day, some in truth.items()}
    assert told("new_contracts") == {day: sum(one.to is None for one in some) for day, some in truth.items()}


def test_contracts_of_a_week_are_those_with_code_on_the_node(sent_and_counted):
    sent, counted = sent_and_counted
    truth = periods(sent, 7)
    called = {week: {one.to for one in some if one.to in CONTRACTS} for week, some in truth.items()}
    assert figures(counted, "active_contracts", "week") | {} == {
        "2024-05-27": 0,
        **{week: len(some) for week, some in called.items()},
    }
    assert len(called[str(MONDAY)]) > 1


def test_addresses_since_the_first_block_are_all_that_ever_sent(sent_and_counted):
    sent, counted = sent_and_counted
    last = str(MONDAY + timedelta(days=DAYS - 1))
    everyone = {one.sender for one in sent if str(one.day) <= last}
    assert figures(counted, "cumulative_addresses", "day")[last] == len(everyone)
    assert sum(figures(counted, "new_addresses", "week").values()) == len(everyone)
    assert str(NEXT_MONDAY) in figures(counted, "new_addresses", "week")
