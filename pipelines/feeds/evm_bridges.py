"""What else the answers of the nodes hold: headers, transfers of bridges, their states, and balances.

Belongs here: the tables that are filled from the archived answers of `evm_logs`.
Not here: asking (evm_logs.py), the JSON-RPC results and the events in them (evm).
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import SplitResult

import polars as pl

from pipelines.bridges import BridgeContract
from pipelines.evm import calls as rpc
from pipelines.evm.bridge_logs import states, transfers
from pipelines.evm.coverage import blocks_of, bridges_asked
from pipelines.evm.logs import read_balances, read_headers, read_logs
from pipelines.feeds.base import ASKED, Feed
from pipelines.tables.evm import AccountBalance, BridgeEvent, BridgeStatus, EvmBlock
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window


class _OfNodes(Feed):
    """A table filled by the answers to one method of `evm_rpc/logs`."""

    source = "evm_rpc"
    subject = "bridges"
    reads = ("logs",)
    media = frozenset({"json"})
    by_day = True
    method: ClassVar[str]

    @property
    def known_urls(self) -> list[str]:
        return []

    def owns(self, url: SplitResult) -> bool:
        return False

    def requests(self, window: Window) -> Requests:
        """Nothing: the logs feed asks."""
        yield from ()  # ty: ignore[invalid-yield]

    def is_read(self, request: Request) -> bool:
        return any(call.method == self.method for call in rpc.calls_of(request)[1])

    def chain_of(self, request: Request) -> str:
        """The chain whose nodes were asked. Raises `BodyRefused`."""
        evm_chain_id, _ = rpc.calls_of(request)
        chain_id = self.registry.chain_of_evm_id.get(evm_chain_id)
        if chain_id is None:
            raise BodyRefused(Outcome.WRONG_CHAIN, f"no chain of seeds.evm_chains has the number {evm_chain_id}")
        return chain_id


class EvmBlocks(_OfNodes):
    """Headers: when a block was made."""

    entity = "blocks"
    delivers = EvmBlock
    method = rpc.HEADER

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EvmBlock`. Raises `BodyRefused`."""
        return read_headers(answer.body).with_columns(chain_id=pl.lit(self.chain_of(request)))

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks that came: a header is asked for by number or by tag, and either says which it is."""
        return _blocks(rows, "chain_id")


class EvmBalances(_OfNodes):
    """Balances of the accounts that hold what a chain's peg has not given out."""

    entity = "balances"
    delivers = AccountBalance
    method = rpc.BALANCE

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `AccountBalance`. Raises `BodyRefused`."""
        evm_chain_id, calls = rpc.calls_of(request)
        first_id = evm_chain_id * rpc.CALLS_PER_REQUEST
        asked = [
            (first_id + place, call.params[0], int(call.params[1], 16))
            for place, call in enumerate(calls)
            if call.method == self.method
        ]
        schema = {"call_id": pl.Int64, "account": pl.String, "block_number": pl.Int64}
        accounts = pl.DataFrame(asked, schema=schema, orient="row")
        times = read_headers(answer.body).select("block_number", "block_at").unique()
        return (
            read_balances(answer.body)
            .join(accounts, on="call_id", how="inner", maintain_order="left")
            .join(times, on="block_number", how="left", maintain_order="left")
            .with_columns(chain_id=pl.lit(self.chain_of(request)))
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks after which a balance came."""
        return _blocks(rows, "account")


class _OfBridges(_OfNodes):
    """A table of the events of bridges, filled by their logs."""

    method = rpc.LOGS

    def contracts(self, request: Request) -> list[BridgeContract]:
        """The contract rows of the bridges that were asked for in full."""
        asked = bridges_asked(request, self.registry)
        return [contract for contract in self.registry.bridge_contracts if contract.bridge_id in asked]

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks of the request, for each bridge that was asked for in full."""
        first, last = blocks_of(request)
        asked = [(bridge_id, None, None, first, last) for bridge_id in bridges_asked(request, self.registry)]
        return pl.DataFrame(asked, schema=ASKED, orient="row")


class EvmBridgeEvents(_OfBridges):
    """Transfers that bridges announced on their chains; amounts net of the fee, as the events have them."""

    entity = "bridge_events"
    delivers = BridgeEvent

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BridgeEvent`. Raises `BodyRefused`."""
        return transfers(read_logs(answer.body), self.contracts(request), self.registry)


class EvmBridgeStatus(_OfBridges):
    """What became of transfers, as later events of the bridges say."""

    entity = "bridge_status"
    delivers = BridgeStatus

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BridgeStatus`. Raises `BodyRefused`."""
        return states(read_logs(answer.body), self.contracts(request), self.registry)


def _blocks(rows: pl.DataFrame, entity: str) -> pl.DataFrame:
    """Each block of each entity by itself, columns `ASKED`."""
    none = pl.lit(None, pl.Datetime("us"))
    return rows.select(
        entity_id=entity, from_at=none, to_at=none, from_block="block_number", to_block="block_number"
    ).unique(maintain_order=True)
