"""Ethereum's public nodes in the simulated world: headers and fee histories over JSON-RPC, as bytes.

Belongs here: the calls that they know and where they stop. Before there were blobs their fee is 0.
Not here: what is true (`da`), the nodes of the layers (`evm_node`), and asking.
Layout: the execution API specification.
"""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from pipelines.registry import Registry
from pipelines.sample.da import EthereumFees
from pipelines.sample.evm_headers import NO_BLOOM, NO_UNCLES, NOTHING
from pipelines.sample.evm_node import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, Refusal
from pipelines.sample.exchange import Asked, Page, as_json

MOST_BLOCKS = 1_024
"""A longer history is cut to its newest blocks."""
GAS_LIMIT, BLOB_GAS_LIMIT = 30_000_000, 786_432
BEYOND_HEAD = -32_000


class EthereumNodes:
    """Every endpoint that the seeds name; all have the same head."""

    def __init__(self, fees: EthereumFees, registry: Registry) -> None:
        self._fees, self._chain = fees, fees.chain
        ends = registry.endpoints("ethereum_rpc", "ethereum")
        self._batches = {f"POST {urlsplit(end.url).netloc}{urlsplit(end.url).path.rstrip('/')}": end for end in ends}

    def answer(self, asked: Asked) -> Page | None:
        endpoint = self._batches.get(asked.line)
        if endpoint is None:
            return None
        try:
            calls = json.loads(asked.body)
        except ValueError:
            return as_json(_error(None, Refusal(PARSE_ERROR, "parse error")))
        if not isinstance(calls, list):
            return as_json(self._reply(calls, asked.at))
        if not 0 < len(calls) <= endpoint.max_batch_calls:
            return as_json(_error(None, Refusal(INVALID_REQUEST, "invalid batch length")))
        return as_json([self._reply(call, asked.at) for call in calls])

    def _reply(self, call: Any, at: datetime) -> dict[str, Any]:
        if not isinstance(call, dict):
            return _error(None, Refusal(INVALID_REQUEST, "invalid request"))
        try:
            return {"jsonrpc": "2.0", "id": call.get("id"), "result": self._result(call, self._chain.height_at(at))}
        except Refusal as refusal:
            return _error(call.get("id"), refusal)
        except (LookupError, TypeError, ValueError) as error:
            return _error(call.get("id"), Refusal(INVALID_PARAMS, f"invalid argument: {error}"))

    def _result(self, call: dict[str, Any], head: int) -> Any:
        method, given = call.get("method"), call.get("params", [])
        if method == "eth_chainId":
            return hex(self._chain.pace.evm_chain_id)
        if method == "eth_blockNumber":
            return hex(head)
        if method == "eth_getBlockByNumber":
            height = self._height(given[0], head)
            return self._header(height) if height <= head else None
        if method == "eth_feeHistory":
            return self._history(int(given[0], 16), self._height(given[1], head), head)
        raise Refusal(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")

    def _height(self, tag: str, head: int) -> int:
        settled = head - self._chain.pace.settles_after
        tags = {"latest": head, "pending": head, "safe": settled, "finalized": settled, "earliest": 0}
        return tags[tag] if tag in tags else int(tag, 16)

    def _history(self, count: int, newest: int, head: int) -> dict[str, Any]:
        if newest > head:
            raise Refusal(BEYOND_HEAD, f"request beyond head block: requested {newest}, head {head}")
        oldest = newest - min(count, MOST_BLOCKS) + 1
        heights = range(oldest, newest + 2)
        base = [self._fees.base_fee_wei(height) for height in heights]
        blob = [self._fees.blob_base_fee_wei(height) for height in heights]
        blob_uses = zip(heights, pairwise(blob), strict=False)
        return {
            "oldestBlock": hex(oldest),
            "baseFeePerGas": [*map(hex, base)],
            "gasUsedRatio": [self._fees.gas_used_ratio(*fees) for fees in pairwise(base)],
            "baseFeePerBlobGas": [*map(hex, blob)],
            "blobGasUsedRatio": [self._fees.blob_gas_used_ratio(height, *fees) for height, fees in blob_uses],
        }

    def _header(self, height: int) -> dict[str, Any]:
        digest, fees = self._chain.digest(height).hex(), self._fees
        base, following = (fees.base_fee_wei(height + n) for n in (0, 1))
        header = {
            "number": hex(height),
            "hash": self._chain.block_hash(height),
            "parentHash": self._chain.block_hash(height - 1) if height else NOTHING,
            "sha3Uncles": NO_UNCLES,
            "logsBloom": NO_BLOOM,
            "transactionsRoot": f"0x{digest[::-1]}",
            "stateRoot": f"0x{digest[32:]}{digest[:32]}",
            "receiptsRoot": f"0x{digest[16:]}{digest[:16]}",
            "miner": f"0x{digest[24:]}",
            "difficulty": "0x0",
            "extraData": "0x",
            "size": hex(40_000 + int(digest[:4], 16)),
            "gasLimit": hex(GAS_LIMIT),
            "gasUsed": hex(int(GAS_LIMIT * fees.gas_used_ratio(base, following))),
            "timestamp": hex(self._chain.unix_time(height)),
            "baseFeePerGas": hex(base),
            "transactions": [self._chain.tx_hash(height, n) for n in range(self._chain.other_transactions(height))],
            "uncles": [],
        }
        if not fees.has_blobs(height):
            return header
        used = fees.blob_gas_used_ratio(height, *(fees.blob_base_fee_wei(height + n) for n in (0, 1)))
        return header | {"blobGasUsed": hex(int(BLOB_GAS_LIMIT * used)), "excessBlobGas": "0x0"}


def _error(call_id: Any, refusal: Refusal) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": refusal.code, "message": str(refusal)}}
