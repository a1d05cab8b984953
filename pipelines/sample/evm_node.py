"""Nodes of the simulated EVM chains: JSON-RPC over POST, one call or a batch, as bytes.

Belongs here: the endpoints, the calls that they know, and where they stop: ranges, rows, batches, and one that lags.
Not here: what is true (`evm_chains`, `evm_history`), how blocks and logs are printed (`evm_headers`), and asking.
Wording of refusals: dRPC, geth and Blockscout.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from pipelines.registry import Registry
from pipelines.sample.evm_chains import PACES, EvmChain
from pipelines.sample.evm_headers import block_json, log_json
from pipelines.sample.evm_history import History, Wanted
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.world import SEED, World

FIRST_RANK_BLOCKS, OTHER_BLOCKS = 50_000, 10_000
MOST_LOGS, MOST_LOGS_OF_AN_EXPLORER = 20_000, 1_000
MOST_CALLS = 1_000
LAGGING_CHAIN, LAGGING_RANK, LAG_BLOCKS = "bob", 2, 1_800
"""The second endpoint of BOB is an hour behind its peers."""
METHOD_NOT_FOUND, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR = -32601, -32602, -32600, -32700


class Refusal(Exception):
    """What a node answers in place of a result."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Node:
    """One endpoint: whom it answers for and where it stops. An explorer cuts its logs without a word."""

    chain_id: str
    is_explorer: bool
    most_blocks: int
    lag_blocks: int


class EvmNodes:
    """Every endpoint that the seeds name for a chain of this world; a chain's history is drawn when first asked."""

    def __init__(self, world: World, registry: Registry) -> None:
        self._world = world
        self._chains = {
            chain_id: EvmChain(chain_id, SEED, _pinned(registry, chain_id))
            for chain_id in PACES
            if chain_id in registry.evm_chains
        }
        self._nodes = {
            _line(endpoint.url): _node(endpoint.chain_id, endpoint.rank, endpoint.style, endpoint.max_block_range)
            for chain_id in self._chains
            for endpoint in registry.endpoints("evm_rpc", chain_id)
        }
        self._histories: dict[str, History] = {}
        self._drawing = Lock()

    def answer(self, asked: Asked) -> Page | None:
        """None for a chain that has no block yet: nobody is there."""
        node = self._nodes.get(asked.line)
        if node is None or asked.at < self._chains[node.chain_id].first_at:
            return None
        try:
            calls = json.loads(asked.body)
        except ValueError:
            return as_json(_error(None, Refusal(PARSE_ERROR, "parse error")))
        view = View(self._history(node.chain_id), node, asked.at)
        if not isinstance(calls, list):
            return _page(view.reply(calls))
        if not 0 < len(calls) <= MOST_CALLS:
            return as_json(_error(None, Refusal(INVALID_REQUEST, "invalid batch length")))
        return _page(f"[{','.join(view.reply(call) for call in calls)}]")

    def _history(self, chain_id: str) -> History:
        with self._drawing:
            if chain_id not in self._histories:
                self._histories[chain_id] = History(self._chains[chain_id], self._world.anchors, SEED)
            return self._histories[chain_id]


class View:
    """What one node says at one instant."""

    def __init__(self, history: History, node: Node, at: datetime) -> None:
        self._history, self._node = history, node
        self._head = max(history.chain.height_at(at) - node.lag_blocks, 0)
        self._calls = {
            "eth_chainId": self._chain_id,
            "eth_blockNumber": lambda: f'"{self._head:#x}"',
            "eth_getBlockByNumber": self._block,
            "eth_getLogs": self._logs,
            "eth_getBalance": self._balance,
        }

    def reply(self, call: Any) -> str:
        """The answer to one call, as JSON."""
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            return json.dumps(_error(None, Refusal(INVALID_REQUEST, "invalid request")))
        call_id = call.get("id")
        try:
            result = self._result(call["method"], call.get("params", []))
        except Refusal as refusal:
            return json.dumps(_error(call_id, refusal))
        return f'{{"jsonrpc":"2.0","id":{json.dumps(call_id)},"result":{result}}}'

    def _result(self, method: str, parameters: Any) -> str:
        if method not in self._calls or (method == "eth_chainId" and self._node.is_explorer):
            raise Refusal(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        try:
            return self._calls[method](*parameters)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise Refusal(INVALID_PARAMS, f"invalid argument: {error}") from error

    def _chain_id(self) -> str:
        return f'"{self._history.chain.pace.evm_chain_id:#x}"'

    def _height(self, tag: str) -> int:
        settled = max(self._head - self._history.chain.pace.settles_after, 0)
        tags = {"latest": self._head, "pending": self._head, "safe": settled, "finalized": settled, "earliest": 0}
        if tag in tags:
            return tags[tag]
        if not tag.startswith("0x"):
            raise ValueError(f"hex string without 0x prefix: {tag}")
        return int(tag, 16)

    def _block(self, tag: str, with_transactions: bool = False) -> str:
        if with_transactions:
            raise Refusal(INVALID_PARAMS, "transactions are given by their hashes only")
        height = self._height(tag)
        return block_json(self._history, height) if height <= self._head else "null"

    def _balance(self, account: str, tag: str) -> str:
        height = self._height(tag)
        if height > self._head:
            raise Refusal(-32000, "header not found")
        return f'"{self._history.balance_wei(account.lower(), height):#x}"'

    def _logs(self, wanted: dict[str, Any]) -> str:
        first, last = self._height(wanted["fromBlock"]), self._height(wanted["toBlock"])
        if first > last:
            raise Refusal(INVALID_PARAMS, "invalid block range params")
        if last - first + 1 > self._node.most_blocks:
            raise Refusal(35, f"ranges over {self._node.most_blocks} blocks are not supported on freetier")
        addresses = frozenset(map(str.lower, _several(wanted.get("address", []))))
        topics: Wanted = [_any_of(place) for place in wanted.get("topics", [])]
        found = self._history.logs(first, min(last, self._head), addresses, topics)
        most = MOST_LOGS_OF_AN_EXPLORER if self._node.is_explorer else MOST_LOGS
        logs = list(islice(found, most + 1))
        if len(logs) > most and not self._node.is_explorer:
            raise Refusal(-32005, f"query returned more than {most} results")
        return f"[{','.join(log_json(self._history, placed) for placed in logs[:most])}]"


def _node(chain_id: str, rank: int, style: str, max_block_range: int) -> Node:
    is_explorer = style == "eth_rpc"
    own_blocks = FIRST_RANK_BLOCKS if rank == 1 else OTHER_BLOCKS
    lag_blocks = LAG_BLOCKS if (chain_id, rank) == (LAGGING_CHAIN, LAGGING_RANK) else 0
    return Node(chain_id, is_explorer, max_block_range if is_explorer else own_blocks, lag_blocks)


def _pinned(registry: Registry, chain_id: str) -> dict[int, str]:
    """The block by which the chain is known where its id cannot be asked."""
    chain = registry.evm_chains[chain_id]
    if chain.anchor_block_number is None or chain.anchor_block_hash is None:
        return {}
    return {chain.anchor_block_number: chain.anchor_block_hash}


def _line(url: str) -> str:
    address = urlsplit(url)
    return f"POST {address.hostname}{address.path.rstrip('/')}"


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _any_of(place: str | list[str] | None) -> frozenset[str] | None:
    return None if not place else frozenset(map(str.lower, _several(place)))


def _error(call_id: Any, refusal: Refusal) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call_id, "error": {"code": refusal.code, "message": str(refusal)}}


def _page(body: str) -> Page:
    return Page(body.encode(), "application/json")
