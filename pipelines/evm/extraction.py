"""Asking for the logs of missing blocks, in waves of ranges that endpoints allow.

Belongs here: the pieces of a wave, and what becomes of each reply.
Not here: which blocks are missing (conversation.py), how large a piece may be (ranges.py).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace

from pipelines.evm import calls as rpc
from pipelines.evm.asking import WAVE, Asking, Talk, hear
from pipelines.evm.calls import LogFilter
from pipelines.evm.endpoints import Node, is_too_much
from pipelines.evm.judging import Judge
from pipelines.evm.limits import limit_in
from pipelines.evm.progress import Progress
from pipelines.evm.ranges import Density, Stretch, joined
from pipelines.wire import Answer, Failure, Outcome

log = logging.getLogger("outcrop.evm")


class Extraction:
    """The logs of one chain."""

    def __init__(self, asking: Asking, judge: Judge, progress: Progress) -> None:
        self._asking, self._judge, self._progress = asking, judge, progress
        self._densities: dict[LogFilter, Density] = defaultdict(Density)
        self._lost = 0

    def run(self, missing: list[Stretch]) -> Talk:
        """All logs of the missing blocks, wave by wave; after each wave the times of its blocks."""
        self._progress.all_blocks += sum(stretch.blocks for stretch in missing)
        while missing:
            wave, missing = yield from self._plan(joined(missing))
            yield from self._asking.headers([piece.last for _, piece in wave])
            requests = []
            for node, piece in wave:
                self._asking.expect(piece.last)
                calls = rpc.log_calls(piece.asked, piece.first, piece.last, node.endpoint.style)
                requests.append(self._asking.request(node, calls))
            replies = (yield from self._asking.ask(requests)) if requests else []
            untimed: set[int] = set()
            told = sorted(zip(wave, replies, strict=True), key=lambda one: isinstance(one[1], Answer))
            for (node, piece), reply in told:
                if isinstance(reply, Answer):
                    untimed.update(self._note(node, piece, reply))
                else:
                    missing.append(self._after(node, piece, reply))
            hear(wave, replies)
            for node in {node.url: node for node, _ in wave}.values():
                node.sizer.turn()
            self._judge.hashes.clear()
            yield from self._asking.headers(untimed)
        if self._lost:
            log.warning("%s: %d blocks were not answered by any endpoint", self._asking.chain.chain_id, self._lost)

    def _plan(self, missing: list[Stretch]) -> Talk:
        """The pieces of the next wave with their nodes, and what is left. A size not yet proven goes alone."""
        wave: list[tuple[Node, Stretch]] = []
        rest: list[Stretch] = []
        probing: set[str] = set()
        remaining = sum(stretch.blocks for stretch in missing)
        for stretch in missing:
            left: Stretch | None = stretch
            while left is not None and len(wave) < WAVE:
                node = yield from self._node_for(left)
                if node is None:
                    self._lost += left.blocks
                    left = None
                    break
                proven, probe = self._sizes(node, left, remaining)
                may_probe = all(one is not node for one, _ in wave)
                if node.url in probing or not (may_probe or proven):
                    break
                if may_probe and probe > proven:
                    probing.add(node.url)
                piece, left = left.cut(probe if may_probe else proven)
                wave.append((node, piece))
            rest += [left] if left else []
        return wave, rest

    def _node_for(self, stretch: Stretch) -> Talk:
        while (node := self._asking.roster.pick_for(stretch)) and node.head is None:
            yield from self._asking.introduce(node)
        return node

    def _sizes(self, node: Node, stretch: Stretch, remaining: int) -> tuple[int, int]:
        """How many blocks are sure to be answered (zero where nothing is), and how many are worth a try."""
        density = self._densities[stretch.asked]
        limits = (stretch.blocks, stretch.most, density.most_blocks(node.most_logs))
        most = min(limit for limit in (*limits, (node.head or 0) - stretch.first + 1) if limit is not None)
        return min(most, node.sizer.answered if density.is_sure else 0), min(most, node.sizer.probe(remaining))

    def _note(self, node: Node, piece: Stretch, answer: Answer) -> tuple[int, ...]:
        """A piece is done. Gives the blocks in it that have no time yet."""
        reading = self._judge.reading(answer.request, answer.body)
        node.sizer.answer(piece.blocks)
        self._densities[piece.asked].seen.append((reading.logs, piece.blocks))
        self._progress.blocks += piece.blocks
        self._progress.logs += reading.logs
        return reading.untimed

    def _after(self, node: Node, piece: Stretch, failure: Failure) -> Stretch:
        """How a piece that failed is asked for again."""
        if failure.outcome is Outcome.WRONG_ANSWER:
            self._asking.doubt(piece.last)
        limit = limit_in(failure.reason) if failure.outcome is Outcome.RANGE_TOO_LARGE else None
        if limit and limit.kind == "blocks" and piece.blocks > 1:
            node.sizer.refuse(piece.blocks, limit.below(piece.blocks))
            return piece
        if is_too_much(failure) and piece.blocks > 1:
            if limit and limit.kind == "logs" and limit.numbers:
                node.most_logs = min(node.most_logs or max(limit.numbers), max(limit.numbers))
                self._densities[piece.asked].suspected.append((node.most_logs + 1, piece.blocks))
                node.sizer.answer(piece.blocks)
            else:
                node.sizer.shrink(piece.blocks)
            return piece.halved()
        return replace(piece, tries=piece.tries + 1, avoid=piece.avoid | {node.url})
