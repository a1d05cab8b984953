"""Asking the nodes of one chain: who they are, how far they are, and what headers say.

Belongs here: the parts of the conversation that everything else leans on, with fail-over between nodes.
Not here: logs and days (conversation.py), the choice of a node (endpoints.py).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pipelines.bridges import EvmChain
from pipelines.evm import calls as rpc
from pipelines.evm.calls import Call, Header
from pipelines.evm.endpoints import MOST_TRIES, OUT_AT_ONCE, Node, Roster
from pipelines.evm.judging import Judge
from pipelines.evm.progress import Progress
from pipelines.evm.record import Record
from pipelines.wire import Answer, Failure, Request

WAVE = 16
"""Requests that are yielded at once: enough for all threads, and all that a kill can waste."""

REFUSES_BATCHES = frozenset({200, 400, 413, 500})
"""With these statuses a node may only mean that it takes one call at a time."""

Replies = list[Answer | Failure]
Talk = Generator[list[Request], Replies, Any]


@dataclass(frozen=True)
class Group:
    """Heights whose headers are asked for together."""

    heights: tuple[int, ...]
    avoid: frozenset[str] = frozenset()
    tries: int = 0

    def parts(self, size: int) -> list[Group]:
        return [
            replace(self, heights=self.heights[start : start + size]) for start in range(0, len(self.heights), size)
        ]


class Asking:
    """Questions to the nodes of one chain. `now`: when the last answer came."""

    def __init__(self, chain: EvmChain, roster: Roster, record: Record, judge: Judge, progress: Progress) -> None:
        self.chain = chain
        self.roster = roster
        self.progress = progress
        self.now: datetime | None = None
        self._record = record
        self._judge = judge
        self._headers: dict[int, Header] = {}
        self._doubted: set[int] = set()

    def request(self, node: Node, calls: list[Call]) -> Request:
        return rpc.request(node.endpoint, self.chain.evm_chain_id, calls)

    def ask(self, requests: list[Request]) -> Talk:
        """The replies of one wave."""
        replies = yield requests
        self.progress.requests += len(requests)
        self.progress.tell()
        self.now = max([reply.fetched_at for reply in replies] + ([self.now] if self.now else []))
        return replies

    def header(self, height: int) -> Header | None:
        """What is known of a block, unless it is doubted."""
        if height in self._headers:
            return self._headers[height]
        return None if height in self._doubted else self._record.header(height)

    def doubt(self, height: int) -> None:
        """The header of a block is to be asked for again."""
        self._headers.pop(height, None)
        self._doubted.add(height)

    def expect(self, height: int) -> None:
        """Logs of this block must have the hash of its header."""
        if header := self.header(height):
            self._judge.hashes[self.chain.evm_chain_id, height] = header.block_hash

    def headers(self, heights: Iterable[int]) -> Talk:
        """Makes the headers of these blocks known, as far as any node has them. Each block is asked for once."""
        wanted = sorted({height for height in heights if self.header(height) is None})
        groups = [Group(tuple(wanted))] if wanted else []
        while groups:
            wave: list[tuple[Node, Group]] = []
            waiting: list[Group] = []
            for group in groups:
                node = yield from self.introduced(group.avoid, group.heights[-1])
                parts = group.parts(node.most_calls) if node else []
                room = max(0, WAVE - len(wave))
                wave += [(node, part) for part in parts[:room] if node]
                waiting += parts[room:]
            groups = waiting
            if wave:
                groups = (yield from self._ask_headers(wave)) + waiting

    def _ask_headers(self, wave: list[tuple[Node, Group]]) -> Talk:
        """The groups that have to be asked for again."""
        requests = [self.request(node, [rpc.header_call(height) for height in group.heights]) for node, group in wave]
        replies = yield from self.ask(requests)
        again: list[Group] = []
        for (node, group), reply in zip(wave, replies, strict=True):
            if isinstance(reply, Answer):
                self._headers |= {header.number: header for header in rpc.headers(reply.body)}
            else:
                again += self._again(node, group)
        hear(wave, replies)
        return again

    def _again(self, node: Node, group: Group) -> list[Group]:
        """A group that failed goes to another node; where all failed on it, in halves; a single block not for ever."""
        avoid = group.avoid | {node.url}
        other = self.roster.pick(avoid, group.heights[-1])
        if other and other.url not in avoid:
            return [replace(group, avoid=avoid)]
        if len(group.heights) > 1:
            node.most_calls = max(1, min(node.most_calls, -(-len(group.heights) // 2)))
            return replace(group, avoid=frozenset()).parts(-(-len(group.heights) // 2))
        return [replace(group, avoid=frozenset(), tries=group.tries + 1)] if group.tries + 1 < MOST_TRIES else []

    def introduced(self, avoid: frozenset[str] = frozenset(), need: int | None = None) -> Talk:
        """The node to ask, known by its chain and its head; None where there is none left."""
        while (node := self.roster.pick(avoid, need)) and node.head is None:
            yield from self.introduce(node)
        return node

    def introduce(self, node: Node) -> Talk:
        """Asks a node for its chain and its last final block; one that does not answer is out."""
        opening = self._opening(node)
        tries = MOST_TRIES if len(self.roster.usable) == 1 else 1
        while node.head is None and not node.out:
            is_batch = len(opening) <= node.most_calls
            requests = [self.request(node, part) for part in ([opening] if is_batch else [[call] for call in opening])]
            replies = yield from self.ask(requests)
            failure = next((reply for reply in replies if isinstance(reply, Failure)), None)
            if failure is None:
                self._meet(node, [result for reply in replies for result in rpc.results(reply.body)])
            elif is_batch and failure.status in REFUSES_BATCHES and failure.outcome not in OUT_AT_ONCE:
                node.most_calls = 1
            elif failure.outcome in OUT_AT_ONCE or (tries := tries - 1) < 1:
                node.leave(f"{failure.outcome} ({failure.reason})")

    def _opening(self, node: Node) -> list[Call]:
        """The calls that tell a node's chain and its head."""
        anchor = self.chain.anchor_block_number
        if node.endpoint.style == "rpc":
            identity = Call(rpc.CHAIN_ID)
        elif anchor is not None:
            identity = rpc.header_call(anchor)
        else:
            node.leave("it cannot be asked for its chain, and seeds.evm_chains has no anchor block")
            return []
        return [identity, rpc.header_call(tag) if (tag := self._tag(node)) else Call(rpc.BLOCK_NUMBER)]

    def _tag(self, node: Node) -> str:
        """The name of the last final block; Blockscout knows none."""
        is_by_lag = node.endpoint.style == "eth_rpc" and self.chain.finality_lag_blocks > 0
        return "" if is_by_lag else self.chain.finality_tag

    def _meet(self, node: Node, results: list[Any]) -> None:
        head = results[-1]
        if isinstance(head, dict):
            header = rpc.header(head)
            self._headers[header.number] = header
            node.head = header.number
        else:
            node.head = max(0, rpc.quantity(head) - self.chain.finality_lag_blocks)


def hear(wave: list[tuple[Node, Any]], replies: Replies) -> None:
    """Tells each node of a wave what it came to."""
    for node in {node.url: node for node, _ in wave}.values():
        of_node = [reply for (asked, _), reply in zip(wave, replies, strict=True) if asked is node]
        failures = [reply for reply in of_node if isinstance(reply, Failure)]
        node.hear(len(of_node) - len(failures), failures)
