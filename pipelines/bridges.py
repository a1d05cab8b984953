"""What a bridge, its contracts, an EVM chain and a node's endpoint are: one typed row of their seeds each.

Belongs here: the rows and how a line of a seed becomes one.
Not here: questions about many rows (registry.py), facts (they live in the seeds), and decoding of events (evm).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit


@dataclass(frozen=True)
class EvmChain:
    """One row of `seeds.evm_chains`: which of its blocks are final, and a block that names the chain.

    `evm_chain_id`: EIP-155, from `seeds.chains`. `finality_tag`: finalized, safe, or empty where the last final block
    is the head less `finality_lag_blocks`. The anchor (height 0 is one) is for nodes that cannot be asked for their
    chain id. `first_block_on`: the day of the first block, or one before it.
    """

    chain_id: str
    evm_chain_id: int
    finality_tag: str
    finality_lag_blocks: int
    anchor_block_number: int | None
    anchor_block_hash: str | None
    first_block_on: date

    @classmethod
    def read(cls, row: Mapping[str, str], evm_chain_ids: Mapping[str, int]) -> EvmChain:
        return cls(
            row["chain_id"],
            evm_chain_id=evm_chain_ids[row["chain_id"]],
            finality_tag=row["finality_tag"],
            finality_lag_blocks=int(row["finality_lag_blocks"]),
            anchor_block_number=_number(row["anchor_block_number"]),
            anchor_block_hash=row["anchor_block_hash"] or None,
            first_block_on=date.fromisoformat(row["first_block_on"]),
        )


@dataclass(frozen=True)
class Endpoint:
    """One row of `seeds.source_endpoints`, or a node of one's own (`is_own`, rank 0).

    `style`: rpc, or eth_rpc: Blockscout's, which has no eth_chainId, takes one address as text in a filter (topics may
    be lists), answers an error as `{"error": "text", "id": …}`, and takes balances at the latest block only
    (blockscout/blockscout:apps/explorer/lib/explorer/eth_rpc.ex).
    `secret_path`: the part of the address that is sent and never written. `max_batch_calls` 1: no batches. `max_logs`:
    longer answers are cut; None where they are not, or nothing is known.
    """

    chain_id: str
    rank: int
    url: str
    style: str
    max_batch_calls: int
    max_block_range: int
    max_logs: int | None
    rate_limit_per_min: int
    requests_per_day: int
    secret_path: str = ""
    is_own: bool = False

    @classmethod
    def read(cls, row: Mapping[str, str]) -> Endpoint:
        return cls(
            row["chain_id"],
            rank=int(row["rank"]),
            url=row["base_url"],
            style=row["style"],
            max_batch_calls=int(row["max_batch_calls"]),
            max_block_range=int(row["max_block_range"]),
            max_logs=_number(row["max_logs"]),
            rate_limit_per_min=int(row["rate_limit_per_min"]),
            requests_per_day=int(row["requests_per_day"]),
        )

    @classmethod
    def own(cls, chain_id: str, url: str) -> Endpoint:
        """A node that a user named; its address may hold a key after the host."""
        place = urlsplit(url)
        return cls(
            chain_id,
            rank=0,
            url=f"{place.scheme}://{place.netloc}",
            style="rpc",
            max_batch_calls=100,
            max_block_range=10_000,
            max_logs=None,
            rate_limit_per_min=6000,
            requests_per_day=10_000_000,
            secret_path=f"{place.path}?{place.query}" if place.query else place.path,
            is_own=True,
        )

    @property
    def hosts(self) -> tuple[str]:
        return (urlsplit(self.url).hostname or "",)


@dataclass(frozen=True)
class Bridge:
    """One row of `seeds.bridges`. `asset_id`: what amounts without a token count; None where each token says it."""

    bridge_id: str
    name: str
    chain_id: str
    asset_id: str | None
    is_native: bool
    has_feed: bool
    launched_on: date | None

    @classmethod
    def read(cls, row: Mapping[str, str]) -> Bridge:
        return cls(
            row["bridge_id"],
            name=row["name"],
            chain_id=row["chain_id"],
            asset_id=row["asset_id"] or None,
            is_native=row["is_native"] == "true",
            has_feed=row["has_feed"] == "true",
            launched_on=date.fromisoformat(row["launched_on"]) if row["launched_on"] else None,
        )


@dataclass(frozen=True)
class BridgeContract:
    """One row of `seeds.bridge_contracts`: one event of one contract over one range of blocks (both ends included).

    `kind`: deposit, withdrawal (of an amount) or status (of a transfer, said by `status`, or by the number in
    `status_field`). A `_field` names an argument of `declaration`; `id_field` may be `tx_hash`. `raw_decimals` is None
    for a status, and where the decimals are those of the token in `token_field` (`seeds.bridge_tokens`).
    """

    bridge_id: str
    chain_id: str
    address: str
    declaration: str
    topic0: str
    from_block: int
    to_block: int | None
    kind: str
    amount_field: str | None
    fee_field: str | None
    id_field: str | None
    account_field: str | None
    btc_account_field: str | None
    btc_txid_field: str | None
    btc_vout_field: str | None
    token_field: str | None
    token_address: str | None
    status: str | None
    status_field: str | None
    condition_field: str | None
    condition_value: str | None
    topic1_role: str | None
    raw_unit: str | None
    raw_decimals: int | None

    @classmethod
    def read(cls, row: Mapping[str, str]) -> BridgeContract:
        required = ("bridge_id", "chain_id", "address", "declaration", "topic0", "kind")
        numbers = ("from_block", "to_block", "raw_decimals")
        texts = [name for name in cls.__dataclass_fields__ if name not in (*required, *numbers)]
        return cls(
            **{name: row[name] for name in required},
            from_block=int(row["from_block"]),
            to_block=_number(row["to_block"]),
            raw_decimals=_number(row["raw_decimals"]),
            **{name: row[name] or None for name in texts},
        )


@dataclass(frozen=True)
class SystemTransaction:
    """One row of `seeds.system_transactions`: a field (from, to, selector, type) of what a chain writes itself."""

    chain_id: str
    rule: str
    field: str
    value: str

    @classmethod
    def read(cls, row: Mapping[str, str]) -> SystemTransaction:
        return cls(*(row[name] for name in cls.__dataclass_fields__))


def _number(text: str) -> int | None:
    return int(text) if text else None
