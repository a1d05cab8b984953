"""Nodes of a small chain that answer in memory, and the loop that lets a feed ask them.

Belongs here: a scripted chain with caps and faults, seeds for it, and a ledger of what was asked.
Not here: assertions, HTTP.
"""

from __future__ import annotations

import csv
import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.feeds.base import Feed, Past
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.registry import Registry
from pipelines.transport.ledger import SCHEMA, LedgerRow
from pipelines.wire import Answer, Failure, Outcome, Request, Window

EVM_CHAIN_ID = 7000
URL = "http://127.0.0.1:8545"
OTHER_URL = "http://127.0.0.2:8545"
GENESIS_SEC = 1_704_067_200 - 86_400
"""2023-12-31 00:00 UTC: the first whole day of a test's chain is before 2024."""
VAULT, GATE, TOKEN = ("0x" + digit * 40 for digit in "abc")
ROLE = "0x" + "d" * 40
DEPOSIT, WITHDRAWAL, TRANSFER = ("0x" + digit * 64 for digit in "123")
PEG = "0x" + "e" * 40
TRIES = 3

Body = bytes | Outcome
Fault = Callable[["EvmNode", list[dict[str, Any]], int], Body | None]


def topic_of(address: str) -> str:
    return "0x" + "0" * 24 + address[2:]


@dataclass
class EvmNode:
    """One node. `logs`: (block, address, topics), by block; `fault` may answer in its place; `salt` names its fork."""

    logs: list[tuple[int, str, list[str]]] = field(default_factory=list, repr=False)
    head: int = 200_000
    block_sec: int = 2
    max_range: int | None = None
    max_logs: int | None = None
    cut_at: int | None = None
    max_calls: int = 100
    evm_chain_id: int = EVM_CHAIN_ID
    with_time: bool = True
    salt: Callable[[int], str] = lambda _: ""
    balances: Callable[[int], int | None] = lambda block: 10**18 * block
    fault: Fault = lambda *_: None
    words: str = "block range too large: limited to {} blocks"
    calls: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0

    def answer(self, request: Request) -> Body:
        told = json.loads(request.body or "")
        calls = told if isinstance(told, list) else [told]
        self.requests += 1
        self.calls += calls
        if (wrong := self.fault(self, calls, self.requests)) is not None:
            return wrong
        if len(calls) > self.max_calls:
            return json.dumps(error(None, -32600, "batch too large")).encode()
        members = [self.member(call) for call in calls]
        return json.dumps(members if isinstance(told, list) else members[0]).encode()

    def member(self, call: dict[str, Any]) -> dict[str, Any]:
        params = call["params"]
        match call["method"]:
            case "eth_chainId":
                return result(call, hex(self.evm_chain_id))
            case "eth_blockNumber":
                return result(call, hex(self.head))
            case "eth_getBlockByNumber":
                number = self.head if params[0] == "finalized" else int(params[0], 16)
                return result(call, self.header(number) if number <= self.head else None)
            case "eth_getBalance":
                balance = self.balances(int(params[1], 16))
                return error(call, -32000, "missing trie node") if balance is None else result(call, hex(balance))
        return self.logs_of(call, params[0])

    def logs_of(self, call: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        if self.max_range and last - first + 1 > self.max_range:
            return error(call, -32005, self.words.format(self.max_range))
        start = bisect_left(self.logs, first, key=lambda log: log[0])
        end = bisect_left(self.logs, last + 1, key=lambda log: log[0])
        found = [
            self.log(number, block, address, topics)
            for number, (block, address, topics) in enumerate(self.logs[start:end], start)
            if matches(asked, address, topics)
        ]
        if self.max_logs is not None and len(found) > self.max_logs:
            return error(call, -32005, f"query returned more than {self.max_logs} results")
        return result(call, found[: self.cut_at])

    def hash(self, block: int) -> str:
        return "0x" + hashlib.sha256(f"{block}/{self.salt(block)}".encode()).hexdigest()

    def at_sec(self, block: int) -> int:
        return GENESIS_SEC + block * self.block_sec

    def header(self, number: int) -> dict[str, Any]:
        return {
            "number": hex(number),
            "hash": self.hash(number),
            "parentHash": self.hash(number - 1),
            "timestamp": hex(self.at_sec(number)),
            "transactions": [],
            "gasUsed": "0x0",
        }

    def log(self, index: int, block: int, address: str, topics: list[str]) -> dict[str, Any]:
        told = {
            "address": address,
            "topics": topics,
            "data": "0x" + f"{index:064x}",
            "blockNumber": hex(block),
            "blockHash": self.hash(block),
            "transactionHash": "0x" + f"{index:064x}",
            "transactionIndex": "0x0",
            "logIndex": hex(index),
            "removed": False,
        }
        return told | ({"blockTimestamp": hex(self.at_sec(block))} if self.with_time else {})


def matches(asked: dict[str, Any], address: str, topics: list[str]) -> bool:
    addresses = asked["address"] if isinstance(asked["address"], list) else [asked["address"]]
    places = zip(asked["topics"], topics, strict=False)
    return address in addresses and len(topics) >= len(asked["topics"]) and all(one in some for some, one in places)


def result(call: dict[str, Any], value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "result": value}


def error(call: dict[str, Any] | None, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call and call["id"], "error": {"code": code, "message": message}}


def deposits(blocks: Iterable[int], address: str = VAULT, topic: str = DEPOSIT) -> list[tuple[int, str, list[str]]]:
    return [(block, address, [topic]) for block in blocks]


def write_seeds(folder: Path, **more: list[dict[str, Any]]) -> Path:
    """Seeds of one chain with one bridge and one endpoint; what is given replaces the rows of that seed."""
    rows = {
        "sources": [
            {
                "source_id": "evm_rpc", "name": "nodes", "base_url": "", "other_urls": "", "access": "free",
                "key_header": "", "rate_limit_per_min": 60, "requests_per_day": 1000, "settle_lag_hours": 2,
                "revision_window_days": 1, "history_from": "2024-01-01",
            }
        ],
        "chains": [{"chain_id": "toy", "evm_chain_id": EVM_CHAIN_ID}],
        "evm_chains": [chain()],
        "source_endpoints": [endpoint()],
        "bridges": [bridge("vault")],
        "bridge_contracts": [contract("vault", VAULT, DEPOSIT)],
        "bridge_addresses": [{"bridge_id": "gateway", "role": "gate", "address": ROLE}],
        "peg_accounts": [{"chain_id": "none", "account": PEG}],
    } | more  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in rows.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
    return folder


def chain(**values: Any) -> dict[str, Any]:
    usual = {"finality_tag": "finalized", "finality_lag_blocks": 0, "anchor_block_number": "", "anchor_block_hash": ""}
    return {"chain_id": "toy", "first_block_on": "2000-01-01"} | usual | values


def endpoint(**values: Any) -> dict[str, Any]:
    usual = {"source_id": "evm_rpc", "chain_id": "toy", "rank": 1, "base_url": URL, "style": "rpc"}
    limits = {"max_batch_calls": 100, "max_block_range": 100_000, "max_logs": ""}
    return usual | limits | {"rate_limit_per_min": 60, "requests_per_day": 1000} | values


def bridge(bridge_id: str, **values: Any) -> dict[str, Any]:
    usual = {"asset_id": "", "is_native": "true", "has_feed": "true", "launched_on": ""}
    return {"bridge_id": bridge_id, "name": bridge_id, "chain_id": "toy"} | usual | values


def contract(bridge_id: str, address: str, topic0: str, **values: Any) -> dict[str, Any]:
    texts = (
        "amount_field fee_field id_field account_field btc_account_field btc_txid_field btc_vout_field token_field"
        " token_address status status_field condition_field condition_value topic1_role raw_unit raw_decimals to_block"
    )
    usual = dict.fromkeys(texts.split(), "") | {"declaration": "event Moved()", "from_block": 0, "kind": "deposit"}
    return {"bridge_id": bridge_id, "chain_id": "toy", "address": address, "topic0": topic0} | usual | values


class House:
    """A feed, its nodes by address, and the ledger of what was asked. `now` goes on by a second with each request."""

    kind: type[Feed] = EvmLogs

    def __init__(self, seeds: Path, nodes: dict[str, EvmNode] | EvmNode, now: str = "2024-01-05 00:00:00") -> None:
        self.registry = Registry(seeds)
        self.nodes = nodes if isinstance(nodes, dict) else {URL: nodes}
        self.now = datetime.fromisoformat(now)
        self.rows: list[LedgerRow] = []
        self.bodies: dict[str, bytes] = {}
        self.waves: list[list[Request]] = []

    def talk(self, first: str = "2024-01-01", last: str | None = None, *, kill_after: int | None = None) -> int:
        """One conversation about the days, ended by a kill where one is wanted. Gives the number of requests."""
        feed = self.kind(self.registry)
        window = Window(datetime.fromisoformat(first).date(), datetime.fromisoformat(last or first).date())
        conversation = feed.conversation(window, self.past())
        before = len(self.rows)
        self.waves = []
        try:
            requests = next(conversation)
            while True:
                self.waves.append(requests)
                replies = []
                for request in requests:
                    if kill_after is not None and len(self.rows) - before >= kill_after:
                        return len(self.rows) - before
                    replies.append(self._ask(feed, request))
                requests = conversation.send(replies)
        except StopIteration:
            return len(self.rows) - before

    def past(self) -> Past:
        attempts = pl.DataFrame([row.cells() for row in self.rows], schema=SCHEMA)
        return Past(attempts.sort("fetched_at", maintain_order=True), self._answer_again)

    def answered(self, *days: str) -> list[str]:
        told = self.kind(self.registry).answered(self.past(), [datetime.fromisoformat(day).date() for day in days])
        return sorted(str(day) for day in told)

    def frame(self, outcome: Outcome | None = None) -> pl.DataFrame:
        frame = self.past().attempts
        return frame.filter(pl.col("outcome") == outcome) if outcome else frame

    def log_ranges(self, since: int = 0) -> list[tuple[int, int]]:
        """The ranges of logs that were answered well, in order."""
        good = [row for row in self.rows[since:] if row.outcome is Outcome.OK and "eth_getLogs" in row.request_body]
        told = [json.loads(row.request_body) for row in good]
        params = [(one[0] if isinstance(one, list) else one)["params"][0] for one in told]
        return sorted((int(one["fromBlock"], 16), int(one["toBlock"], 16)) for one in params)

    def loaded(self) -> pl.DataFrame:
        """All logs of the good answers, as the table has them."""
        feed = EvmLogs(self.registry)
        good = [row for row in self.rows if row.outcome is Outcome.OK and "eth_getLogs" in row.request_body]
        answers = [self._answer_again(row.cells()) for row in good]
        return pl.concat([feed.parse(answer.request, answer) for answer in answers])

    def _ask(self, feed: Feed, request: Request) -> Answer | Failure:
        for _ in range(TRIES):
            reply = self._attempt(feed, request)
            if not (isinstance(reply, Failure) and reply.outcome is Outcome.RATE_LIMITED):
                break
        return reply

    def _attempt(self, feed: Feed, request: Request) -> Answer | Failure:
        self.now += timedelta(seconds=1)
        told = self.nodes[request.url].answer(request)
        body = told if isinstance(told, bytes) else b""
        refused = feed.refusal(request, body) if isinstance(told, bytes) else None
        outcome = told if isinstance(told, Outcome) else refused.outcome if refused else Outcome.OK
        sha256 = hashlib.sha256(body).hexdigest()
        self.bodies[sha256] = body
        row = LedgerRow.of(
            feed=feed.feed_id, method="POST", url=request.url, params=(), request_body=request.body,
            fetched_at=self.now, status=200 if body else None, content_type="application/json", charset="", headers={},
            bytes=len(body), sha256=sha256, outcome=outcome, error=refused.reason if refused else None,
        )  # fmt: skip
        self.rows.append(row)
        if outcome is not Outcome.OK:
            return Failure(request, row.fetch_id, self.now, outcome, row.error or "", row.status)
        return Answer(request, row.fetch_id, self.now, 200, "application/json", "", sha256, body)

    def _answer_again(self, cells: Any) -> Answer:
        request = Request(cells["url"], "POST", body=cells["request_body"])
        sha256 = cells["sha256"]
        kind = cells["content_type"]
        return Answer(request, cells["fetch_id"], cells["fetched_at"], 200, kind, "", sha256, self.bodies[sha256])


def first_block(day: str, block_sec: int = 2) -> int:
    """The first block of a UTC day on a regular chain."""
    at_sec = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    return -(-(at_sec - GENESIS_SEC) // block_sec)
