"""What the node knows of a made chain, the limits that it puts on questions, and a count of what was asked.

Belongs here: JSON-RPC calls to answers. The logs of a filter are cut out of one piece of memory, without copying.
Not here: HTTP (rpc_server.py), what the chain holds (gen_chain.py).
"""

from __future__ import annotations

import json
import mmap
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import gen_chain as chain
import rpc_blocks

FINALITY_BLOCKS = 64
SPARE_DAYS = 3
"""The chain goes on this long behind its last log, so that every day with logs is over."""
LIMIT_EXCEEDED, INVALID_PARAMS, METHOD_NOT_FOUND = -32005, -32602, -32601


@dataclass
class Limits:
    """What the node allows; zero is no limit."""

    latency_ms: float = 0
    max_range: int = 0
    max_logs: int = 0
    max_batch: int = 0
    rate_per_second: float = 0
    burst: float = 1


@dataclass
class Stats:
    """What was asked since the limits were set. `asked_ranges`: first block, last block, logs or -1 where refused."""

    http_requests: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    refused_rate: int = 0
    refused_range: int = 0
    refused_logs: int = 0
    refused_batch: int = 0
    bytes_sent: int = 0
    asked_ranges: list[tuple[int, int, int]] = field(default_factory=list)
    served_at: list[float] = field(default_factory=list)


class RpcError(Exception):
    """An answer of the node that is an error object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Selection:
    """The logs of one filter, ready to send: block n's lie from offsets[n] to offsets[n + 1], commas included."""

    logs: Any
    offsets: array
    counts: array

    def between(self, first: int, last: int) -> tuple[int, memoryview]:
        """How many logs the blocks hold, both included, and their JSON without the last comma."""
        size = len(self.offsets) - 1
        first, end = (min(max(n - chain.FIRST_BLOCK, 0), size) for n in (first, last + 1))
        start, stop = self.offsets[first], self.offsets[end]
        return self.counts[end] - self.counts[first], memoryview(self.logs)[start : max(start, stop - 1)]


class Node:
    """The chain, and what is asked of it. `counts` of a selection are running totals."""

    def __init__(self, folder: Path) -> None:
        self.told = json.loads((folder / "chain.json").read_text(encoding="utf-8"))
        with (folder / "logs.json").open("rb") as file:
            logs = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self._picks = _numbers("H", folder / "picks.bin")
        counts = array("Q", range(0, len(self._picks) + 1, chain.LOGS_PER_BLOCK))
        self._all = Selection(logs, _numbers("Q", folder / "offsets.bin"), counts)
        days = -(-self.told["blocks"] // chain.BLOCKS_PER_DAY) + SPARE_DAYS
        self.head = chain.FIRST_BLOCK + days * chain.BLOCKS_PER_DAY
        self.limits, self.stats = Limits(), Stats()
        self._filters: dict[str, dict[str, Any]] = {}
        self._places, self._places_at = 0.0, 0.0
        self.select = lru_cache(maxsize=8)(self._select)

    def control(self, limits: dict[str, Any]) -> None:
        self.limits, self.stats = Limits(**limits), Stats()
        self._places, self._places_at = self.limits.burst, time.monotonic()

    def seconds_to_wait(self) -> float:
        """Takes a place of the bucket and gives zero, or says when the next one is free."""
        now, rate = time.monotonic(), self.limits.rate_per_second
        if rate:
            self._places = min(self.limits.burst, self._places + (now - self._places_at) * rate)
            self._places_at = now
            if self._places < 1:
                return (1 - self._places) / rate
            self._places -= 1
        self.stats.served_at.append(now)
        return 0

    def answer(self, body: bytes) -> list[Any]:
        """The parts of the answer to one HTTP request, a call or a batch of calls."""
        asked = json.loads(body)
        if not isinstance(asked, list):
            return self._call(asked)
        if self.limits.max_batch and len(asked) > self.limits.max_batch:
            self.stats.refused_batch += 1
            return [_error(None, RpcError(LIMIT_EXCEEDED, f"batch of more than {self.limits.max_batch} calls"))]
        parts = [part for call in asked for part in (b",", *self._call(call))]
        return [b"[", *parts[1:], b"]"]

    def _call(self, call: dict[str, Any]) -> list[Any]:
        method, params = call["method"], call.get("params") or []
        self.stats.calls[method] = self.stats.calls.get(method, 0) + 1
        try:
            result = self._result(method, params)
        except RpcError as error:
            return [_error(call.get("id"), error)]
        head = b'{"jsonrpc":"2.0","id":' + json.dumps(call.get("id")).encode() + b',"result":'
        return [head, *(result if isinstance(result, list) else [json.dumps(result).encode()]), b"}"]

    def _result(self, method: str, params: list[Any]) -> Any:
        """A JSON value, or as a list of bytes one that is JSON already."""
        ways: dict[str, Callable[..., Any]] = {
            "eth_getLogs": self._logs,
            "eth_getFilterLogs": lambda name: self._logs(self._filters[name]),
            "eth_newFilter": self._new_filter,
            "eth_uninstallFilter": lambda name: name in self._filters,
            "eth_chainId": lambda: hex(chain.EVM_CHAIN_ID),
            "net_version": lambda: str(chain.EVM_CHAIN_ID),
            "eth_blockNumber": lambda: hex(self.head),
            "eth_getBlockByNumber": self._block,
            "eth_getBlockReceipts": lambda tag: [json.dumps(self._receipts(self._number(tag))).encode()],
            "eth_getTransactionReceipt": self._receipt,
        }
        if method not in ways:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} does not exist/is not available")
        return ways[method](*params)

    def _new_filter(self, asked: dict[str, Any]) -> str:
        name = hex(len(self._filters) + 1)
        self._filters[name] = asked
        return name

    def _number(self, tag: str | int) -> int:
        """The height behind a tag, a hex quantity or a number."""
        tags = {"latest": self.head, "pending": self.head, "earliest": 0}
        final = self.head - FINALITY_BLOCKS
        tags |= {"finalized": final, "safe": final}
        return tags[tag] if tag in tags else int(str(tag), 0)

    def _logs(self, asked: dict[str, Any]) -> list[bytes | memoryview]:
        first, last = self._number(asked.get("fromBlock", "latest")), self._number(asked.get("toBlock", "latest"))
        found, text = self.select(*_terms(asked)).between(first, last)
        most_blocks, most_logs = self.limits.max_range, self.limits.max_logs
        if most_blocks and last - first >= most_blocks:
            self._refused(first, last)
            self.stats.refused_range += 1
            raise RpcError(LIMIT_EXCEEDED, f"block range too large: eth_getLogs is limited to a {most_blocks} range")
        if most_logs and found > most_logs:
            self._refused(first, last)
            self.stats.refused_logs += 1
            raise RpcError(LIMIT_EXCEEDED, f"query returned more than {most_logs} results")
        self.stats.asked_ranges.append((first, last, found))
        return [b"[", text, b"]"]

    def _refused(self, first: int, last: int) -> None:
        self.stats.asked_ranges.append((first, last, -1))

    def _select(self, addresses: frozenset[str], topics: frozenset[str]) -> Selection:
        wanted = {
            n
            for n, (address, name) in enumerate(chain.PAIRS)
            if (not addresses or address in addresses) and (not topics or chain.EVENTS[name].topic0 in topics)
        }
        if len(wanted) == len(chain.PAIRS):
            return self._all
        logs, offsets, counts = bytearray(), array("Q", [0]), array("Q", [0])
        whole = memoryview(self._all.logs)
        for block, (start, stop) in enumerate(pairwise(self._all.offsets)):
            picks = self._picks[block * chain.LOGS_PER_BLOCK : (block + 1) * chain.LOGS_PER_BLOCK]
            chosen = [log for pick, log in zip(picks, _split(whole[start:stop]), strict=True) if pick in wanted]
            logs += b"".join(chosen)
            offsets.append(len(logs))
            counts.append(counts[-1] + len(chosen))
        return Selection(bytes(logs), offsets, counts)

    def _block(self, tag: str | int, with_transactions: bool) -> dict[str, Any] | None:
        number = self._number(tag)
        has_logs = self.told["first_block"] <= number <= self.told["last_block"]
        if number > self.head:
            return None
        return rpc_blocks.block(number, has_logs=has_logs, with_transactions=with_transactions)

    def _receipts(self, number: int) -> list[dict[str, Any]]:
        _, text = self._all.between(number, number)
        return rpc_blocks.receipts(number, json.loads(b"[" + bytes(text) + b"]"))

    def _receipt(self, hashed: str) -> dict[str, Any] | None:
        place = rpc_blocks.places_of(self.told["first_block"], self.told["last_block"]).get(hashed)
        return self._receipts(place[0])[place[1]] if place else None


def _numbers(code: str, file: Path) -> array:
    numbers = array(code)
    numbers.frombytes(file.read_bytes())
    return numbers


def _split(text: memoryview) -> Iterator[bytes]:
    """The logs of a block, each with its comma: an object of a log ends in `false},`."""
    yield from (part + b"false}," for part in bytes(text).split(b"false},")[:-1])


def _terms(asked: dict[str, Any]) -> tuple[frozenset[str], frozenset[str]]:
    """Addresses and first topics of a filter, empty where it names none."""
    address, topics = asked.get("address") or [], asked.get("topics") or []
    if any(topics[1:]):
        raise RpcError(INVALID_PARAMS, "this node filters by address and first topic only")
    first = (topics[0] if topics else None) or []
    both = ([one] if isinstance(one, str) else one for one in (address, first))
    addresses, hashes = (frozenset(text.lower() for text in one) for one in both)
    return addresses, hashes


def _error(asked: Any, error: RpcError) -> bytes:
    told = {"jsonrpc": "2.0", "id": asked, "error": {"code": error.code, "message": str(error)}}
    return json.dumps(told).encode()
