"""A real EVM node for the tests: anvil on loopback, driven block by block, and a contract that writes any log.

Belongs here: starting and driving the node. Not here: what is read from it.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
BINARY = ROOT / ".tools/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
STARTS_WITHIN_SECONDS = 20
CALLS_AT_ONCE = 500


def _emitter() -> str:
    """Bytecode that writes one log as its calldata says: a byte with the number of topics, the topics, the data.

    Every size is fixed by hand: dispatch on the number of topics, push the topics last to first, LOGn, STOP.
    """
    head = bytes.fromhex("5f3560f81c8060051b600101803603808260003791")  # n, offset, size; copy the data; size offset n
    sections, table_size = [], 5 * 8
    at = len(head) + table_size
    table = b""
    for count in range(5):
        topics = b"".join(bytes([0x60, 1 + 32 * n, 0x35]) for n in reversed(range(count)))
        section = b"\x5b" + topics + bytes([0x80 + 2 + count, 0x5F, 0xA0 + count, 0x00])
        table += bytes([0x80, 0x60, count, 0x14, 0x61]) + at.to_bytes(2, "big") + b"\x57"
        sections.append(section)
        at += len(section)
    return "0x" + (head + table + b"".join(sections)).hex()


EMITTER = _emitter()


@dataclass(frozen=True)
class Emitted:
    """One log to be written by the contract at an address; topics and data as 0x hex."""

    address: str
    topics: Sequence[str]
    data: str = "0x"

    @property
    def calldata(self) -> str:
        topics = "".join(topic.removeprefix("0x") for topic in self.topics)
        return f"0x{len(self.topics):02x}{topics}{self.data.removeprefix('0x')}"


class Anvil:
    """The node from `with` to the end of it; it mines only when told."""

    def __init__(self, chain_id: int, started_at: int, *arguments: str) -> None:
        binary = BINARY if BINARY.exists() else shutil.which("anvil")
        if binary is None:
            pytest.skip("needs a real EVM node: `make anvil` installs it from npm")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._command = [
            *(str(binary), "--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(chain_id)),
            *("--timestamp", str(started_at), "--no-mining", "--silent", "--order", "fifo", "--accounts", "1"),
            *("--gas-limit", "3000000000", "--base-fee", "0", "--gas-price", "0", *arguments),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Anvil:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        give_up_at = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            try:
                [self._sender] = self.call("eth_accounts")
            except OSError:
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    self._process.kill()
                    raise
                time.sleep(0.02)
            else:
                self._nonce = int(self.call("eth_getTransactionCount", self._sender, "latest"), 16)
                return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def call(self, method: str, *params: Any) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, calls: Iterable[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results of many calls in their order. Raises where one of them is refused."""
        questions = [
            {"jsonrpc": "2.0", "id": n, "method": method, "params": params} for n, (method, params) in enumerate(calls)
        ]
        results: list[Any] = []
        for first in range(0, len(questions), CALLS_AT_ONCE):
            body = json.dumps(questions[first : first + CALLS_AT_ONCE]).encode()
            request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as response:
                answers = sorted(json.loads(response.read()), key=lambda answer: answer["id"])
            for answer in answers:
                assert "error" not in answer, answer
                results.append(answer["result"])
        return results

    def put_contracts(self, addresses: Iterable[str]) -> None:
        """Let the contract that writes any log stand at these addresses."""
        self.batch([("anvil_setCode", (address, EMITTER)) for address in addresses])

    def mine(self, blocks: Iterable[tuple[int, Sequence[Emitted]]]) -> list[int]:
        """Blocks at these instants (seconds) with these logs, a transaction each; their numbers.

        Raises where a log is missing from its block.
        """
        head = int(self.call("eth_blockNumber"), 16)
        expected = []
        for at, logs in blocks:
            self.batch([("eth_sendTransaction", (self._transaction(log),)) for log in logs])
            self.call("evm_mine", at)
            expected.append(len(logs))
        numbers = [head + 1 + n for n in range(len(expected))]
        counts = self.batch([("eth_getBlockTransactionCountByNumber", (hex(number),)) for number in numbers])
        assert [int(count, 16) for count in counts] == expected
        return numbers

    def _transaction(self, log: Emitted) -> dict[str, str]:
        nonce, self._nonce = self._nonce, self._nonce + 1
        sent = {"from": self._sender, "to": log.address, "data": log.calldata, "nonce": hex(nonce)}
        return sent | {"gas": hex(2_000_000), "gasPrice": "0x0"}

    def reorganise(self, depth: int, blocks: Iterable[tuple[int, Sequence[Emitted]]]) -> list[int]:
        """Take the last blocks back and mine others in their place; the numbers of the new ones."""
        self.call("anvil_rollback", depth)
        self._nonce = int(self.call("eth_getTransactionCount", self._sender, "latest"), 16)
        return self.mine(blocks)
