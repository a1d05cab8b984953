"""What nodes are asked: JSON-RPC calls, the requests that carry them, and the small results that come back.

Belongs here: the wire form of a question, and reading headers and quantities for the conversation.
Not here: whether an answer is one to its question (judging.py), logs as frames (logs.py).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.bridges import Endpoint
from pipelines.wire import BodyRefused, Outcome, Request

CALLS_PER_REQUEST = 100
"""The id of a call is the chain's number times this and the place of the call in its request."""
CHAIN_ID, BLOCK_NUMBER, HEADER = "eth_chainId", "eth_blockNumber", "eth_getBlockByNumber"
LOGS, BALANCE = "eth_getLogs", "eth_getBalance"
HEX = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(frozen=True)
class Call:
    """One question to a node."""

    method: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, order=True)
class LogFilter:
    """Which logs are asked for: of any of the addresses with any of the first topics, and of the second where given.

    All in lower case and sorted.
    """

    addresses: tuple[str, ...]
    topic0s: tuple[str, ...]
    topic1s: tuple[str, ...] = ()

    @property
    def topics(self) -> list[list[str]]:
        return [list(self.topic0s), list(self.topic1s)] if self.topic1s else [list(self.topic0s)]


@dataclass(frozen=True)
class Header:
    """What a header says of its block: its time in seconds since 1970 UTC, and its hash."""

    number: int
    at_sec: int
    block_hash: str


def header_call(block: int | str) -> Call:
    """The header of a height or of a tag (finalized, safe)."""
    return Call(HEADER, (block if isinstance(block, str) else hex(block), False))


def balance_call(account: str, block: int) -> Call:
    return Call(BALANCE, (account, hex(block)))


def log_calls(asked: LogFilter, first: int, last: int, style: str) -> list[Call]:
    """The logs of a range of blocks; Blockscout's own door takes one address in a call."""
    blocks = {"fromBlock": hex(first), "toBlock": hex(last)}
    addresses: Iterable[Any] = asked.addresses if style == "eth_rpc" else [list(asked.addresses)]
    return [Call(LOGS, ({**blocks, "address": address, "topics": asked.topics},)) for address in addresses]


def request(endpoint: Endpoint, evm_chain_id: int, calls: Sequence[Call]) -> Request:
    """The calls in one HTTP request: as one object, or several as an array."""
    told = [
        {
            "jsonrpc": "2.0",
            "id": evm_chain_id * CALLS_PER_REQUEST + place,
            "method": call.method,
            "params": list(call.params),
        }
        for place, call in enumerate(calls)
    ]
    return Request(
        endpoint.url,
        method="POST",
        body=json.dumps(told if len(told) > 1 else told[0], separators=(",", ":")),
        secret_path=endpoint.secret_path,
        divisible=all(call.method == LOGS for call in calls),
    )


def calls_of(asked: Request) -> tuple[int, list[Call]]:
    """The number of the chain that a request asks, and its calls. Zero and none where it is not one of ours."""
    try:
        told = json.loads(asked.body or "")
        members = told if isinstance(told, list) else [told]
        calls = [Call(member["method"], tuple(member.get("params") or ())) for member in members]
        return int(members[0]["id"]) // CALLS_PER_REQUEST, calls
    except (ValueError, KeyError, TypeError, IndexError):
        return 0, []


def numbered_calls(asked: str) -> dict[int, Call]:
    """The calls of a request that is one of ours, by their ids. Raises `KeyError`, `ValueError`."""
    told = json.loads(asked)
    members = told if isinstance(told, list) else [told]
    return {member["id"]: Call(member["method"], tuple(member["params"])) for member in members}


def log_filters(calls: Iterable[Call]) -> list[LogFilter]:
    """The filters of the eth_getLogs calls, whatever form their addresses have."""
    filters = []
    for call in calls:
        if call.method == LOGS:
            told = call.params[0]
            addresses = told["address"] if isinstance(told["address"], list) else [told["address"]]
            filters.append(LogFilter(tuple(addresses), *(tuple(topic) for topic in told["topics"])))
    return filters


def quantity(value: Any) -> int:
    """A number as nodes print it, leading zeros or not. Raises `BodyRefused` (wrong_answer)."""
    if isinstance(value, str) and HEX.fullmatch(value):
        return int(value, 16)
    raise BodyRefused(Outcome.WRONG_ANSWER, f"{str(value)[:40]!r} is no hex quantity")


def header(result: Any) -> Header:
    """The header in a result. Raises `BodyRefused` (wrong_answer)."""
    block_hash = result.get("hash") if isinstance(result, dict) else None
    if not isinstance(block_hash, str) or len(block_hash) != 66:
        raise BodyRefused(Outcome.WRONG_ANSWER, f"no header of a block: {str(result)[:60]}")
    return Header(quantity(result.get("number")), quantity(result.get("timestamp")), block_hash.lower())


def results(body: bytes) -> list[Any]:
    """The results of a body that was found good, by the ids of their calls."""
    told = json.loads(body)
    members = told if isinstance(told, list) else [told]
    return [member["result"] for member in sorted(members, key=lambda member: member["id"])]


def headers(body: bytes) -> list[Header]:
    """All headers in a body that was found good."""
    return [header(result) for result in results(body) if isinstance(result, dict) and "timestamp" in result]
