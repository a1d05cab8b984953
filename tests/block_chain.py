"""A small chain with transactions whose nodes answer whole blocks, receipts and codes in memory.

Belongs here: what the blocks hold, how nodes print them, and a house that counts them. Not here: assertions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from evm_node import EVM_CHAIN_ID, EvmNode, House, error, result, write_seeds

from pipelines.feeds.evm_activity import EvmChainStats, EvmFullBlocks
from pipelines.ingest import load
from pipelines.registry import Registry
from pipelines.settings import FILE_NAME
from pipelines.transport.archive import Archive
from pipelines.transport.ledger import LedgerRow
from pipelines.warehouse.writer import Warehouse

GAS_USED = 50_000
PRICE = 10**9
L1_FEE = 7
CODE = "0x6001"


def account(number: int) -> str:
    return f"0x{number:040x}"


@dataclass(frozen=True)
class Sent:
    """One transaction; without a recipient it creates a contract."""

    sender: str
    to: str | None = None
    data: str = "0x"
    is_failed: bool = False
    gas_used: int = GAS_USED
    kind: str = "0x0"


@dataclass
class BlockNode(EvmNode):
    """A node that also knows whole blocks. `sent`: the transactions of a block; `paid`: blocks say their fees."""

    sent: Callable[[int], list[Sent]] = lambda _: []
    paid: bool = True
    with_block_receipts: bool = True
    with_l1_fee: bool = False
    contracts: set[str] = field(default_factory=set)

    def member(self, call: dict[str, Any]) -> dict[str, Any]:
        params = call["params"]
        match call["method"]:
            case "eth_getBlockByNumber" if params[1]:
                number = int(params[0], 16)
                return result(call, self.block(number) if number <= self.head else None)
            case "eth_getBlockReceipts" if not self.with_block_receipts:
                return error(call, -32601, "the method eth_getBlockReceipts does not exist/is not available")
            case "eth_getBlockReceipts":
                number = int(params[0], 16)
                return result(call, [self.receipt(number, place) for place in range(len(self.sent(number)))])
            case "eth_getTransactionReceipt":
                number, place = int(params[0][2:42], 16), int(params[0][42:], 16)
                return result(call, self.receipt(number, place))
            case "eth_getCode":
                return result(call, CODE if params[0] in self.contracts else "0x")
        return super().member(call)

    def block(self, number: int) -> dict[str, Any]:
        sent = self.sent(number)
        told = self.header(number) | {
            "transactions": [self.transaction(number, place, one) for place, one in enumerate(sent)],
            "gasUsed": hex(sum(one.gas_used for one in sent)),
        }
        return told | ({"paidFees": hex(sum(one.gas_used for one in sent) * PRICE)} if self.paid else {})

    def transaction(self, number: int, place: int, one: Sent) -> dict[str, Any]:
        return {
            "hash": tx_hash(number, place),
            "blockNumber": hex(number),
            "transactionIndex": hex(place),
            "from": one.sender,
            "to": one.to,
            "input": one.data,
            "gas": hex(100_000),
            "gasPrice": hex(PRICE),
            "type": one.kind,
            "value": "0x0",
        }

    def receipt(self, number: int, place: int) -> dict[str, Any]:
        one = self.sent(number)[place]
        told = {
            "blockNumber": hex(number),
            "blockHash": self.hash(number),
            "transactionHash": tx_hash(number, place),
            "gasUsed": hex(one.gas_used),
            "effectiveGasPrice": hex(PRICE),
            "status": "0x0" if one.is_failed else "0x1",
            "logs": [],
        }
        return told | ({"l1Fee": hex(L1_FEE)} if self.with_l1_fee and one.kind != "0x7e" else {})


def tx_hash(number: int, place: int) -> str:
    return f"0x{number:040x}{place:024x}"


SYSTEM = account(8)


def toy_seeds(folder: Path, **more: list[dict[str, Any]]) -> Path:
    """Seeds of one chain that writes transactions to `SYSTEM` itself, and pays its gas in ether."""
    own = [{"chain_id": "toy", "rule": "own", "field": "to", "value": SYSTEM}]
    chains = [
        {"chain_id": "toy", "name": "Toy", "layer_class": "", "launched_on": "", "gas_asset_id": "eth"}
        | {"evm_chain_id": EVM_CHAIN_ID}
    ]
    return write_seeds(folder, **{"system_transactions": own, "chains": chains} | more)


class BlockHouse(House):
    """A feed of whole blocks with its nodes, its ledger, and the tables that it is loaded into."""

    kind = EvmFullBlocks

    def __init__(self, seeds: Path, nodes: dict[str, EvmNode] | EvmNode, now: str = "2024-03-01 00:00:00") -> None:
        super().__init__(seeds, nodes, now)
        self.registry = Registry(seeds, chains=frozenset({"toy"}))

    def load(self, folder: Path, rows: Iterable[LedgerRow] | None = None) -> pl.DataFrame:
        """What is counted from these ledger rows, or all, filed and loaded in this order: `BlockChainStat`."""
        archive = Archive.create(folder / "archive", "public")
        for row in self.rows if rows is None else rows:
            archive.store(self.bodies[row.sha256])
            archive.append(row)
        return self.read(folder, archive)

    def read(self, folder: Path, archive: Archive) -> pl.DataFrame:
        feeds = [EvmFullBlocks(self.registry), EvmChainStats(self.registry)]
        warehouse = Warehouse(folder / "build" / FILE_NAME, {feed.table_name: feed.delivers for feed in feeds})
        load(feeds, archive, warehouse, reader="1", run_id="run", told=frozenset())
        with duckdb.connect(warehouse.file, read_only=True) as connection:
            return connection.sql("select * from feeds.evm_rpc__chain_stats order by all").pl()


def figures(stats: pl.DataFrame, metric: str, period: str, source_metric: str | None = None) -> dict[str, Decimal]:
    """First day of each period -> what it comes to."""
    told = stats.filter(pl.col("metric_id") == metric, pl.col("period") == period).sort("period_start")
    if source_metric:
        told = told.filter(pl.col("source_metric") == source_metric)
    return {str(day): value for day, value in told.select("period_start", "value").rows()}
