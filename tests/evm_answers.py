"""Answers of nodes as tests write them: logs of the seeds' events, the questions for them, and what feeds read.

Belongs here: what tests of decoding share. Not here: a node that is talked to (evm_node.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eth_abi.abi import encode
from pages import SEEDS

from pipelines.evm.signatures import Event
from pipelines.feeds.base import Feed
from pipelines.tables.base import Checked, check
from pipelines.wire import Answer, Request

HASH = "0x" + "ab" * 32
TX = "0x" + "17" * 32
FETCHED_AT = datetime.fromisoformat("2026-11-02")


def log(address: str, name: str, *values: Any, block: int = 6_000_000, index: int = 0) -> dict[str, Any]:
    """A log of the event with that name, or that signature, that the seeds have of the contract."""
    declared = {one.declaration for one in SEEDS.bridge_contracts if one.address == address}
    [event] = [one for one in map(Event.parse, declared) if name in (one.name, one.signature)]
    pairs = list(zip(event.arguments, values, strict=True))
    topics = [encode([argument.type], [value]).hex() for argument, value in pairs if argument.is_indexed]
    inner = [(argument.type, value) for argument, value in pairs if not argument.is_indexed]
    return {
        "address": address,
        "topics": [event.topic0, *(f"0x{topic}" for topic in topics)],
        "data": "0x" + encode([kind for kind, _ in inner], [value for _, value in inner]).hex(),
        "blockNumber": hex(block),
        "blockHash": HASH,
        "transactionHash": TX,
        "transactionIndex": "0x0",
        "logIndex": hex(index),
        "removed": False,
    }


def calls(evm_chain_id: int, *asked: tuple[str, list[Any]]) -> Request:
    told = [
        {"jsonrpc": "2.0", "id": evm_chain_id * 100 + place, "method": method, "params": params}
        for place, (method, params) in enumerate(asked)
    ]
    return Request("https://node.test", "POST", body=json.dumps(told if len(told) > 1 else told[0]))


def logs_of(evm_chain_id: int, bridges: Sequence[str], first: int = 5_900_000, last: int = 6_100_000) -> Request:
    """A question for all logs of these bridges."""
    rows = [row for row in SEEDS.bridge_contracts if row.bridge_id in bridges]
    roles = {role for row in rows for role in SEEDS.bridge_addresses(row.bridge_id, row.topic1_role or "")}
    topics = [sorted({row.topic0 for row in rows})]
    asked = {
        "fromBlock": hex(first),
        "toBlock": hex(last),
        "address": sorted({row.address for row in rows}),
        "topics": [*topics, sorted(f"0x{role[2:]:0>64}" for role in roles)] if roles else topics,
    }
    return calls(evm_chain_id, ("eth_getLogs", [asked]))


def answer(request: Request, results: list[Any]) -> Answer:
    told = json.loads(request.body or "")
    if isinstance(told, dict):
        document: Any = {"jsonrpc": "2.0", "id": told["id"], "result": results[0]}
    else:
        document = [{"jsonrpc": "2.0", "id": one["id"], "result": r} for one, r in zip(told, results, strict=True)]
    body = json.dumps(document).encode()
    return Answer(request, "f1", FETCHED_AT, 200, "application/json", "utf-8", "0" * 64, body)


def read(kind: type[Feed], request: Request, *results: Any) -> Checked:
    """What a feed makes of an answer, held against its contract."""
    feed, given = kind(SEEDS), answer(request, list(results))
    return check(feed.delivers, feed.parse(request, given), feed.source, given)
