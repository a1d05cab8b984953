"""Many calls of one kind, asked in batches that endpoints take, with fail-over and halving.

Belongs here: the waves of such batches. Not here: what is asked, and what the answers mean (block_conversation.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.evm.asking import REFUSES_BATCHES, WAVE, Asking, Talk, hear
from pipelines.evm.calls import Call
from pipelines.evm.endpoints import MOST_TRIES, Node, is_too_much
from pipelines.wire import Answer, Failure, Outcome

NO_METHOD = re.compile(r"-32601|method|not (supported|implemented|allowed|whitelisted)|unsupported", re.IGNORECASE)
"""How nodes say that they do not know a call."""


@dataclass(frozen=True)
class Piece:
    """Calls that are made of keys (heights, hashes, addresses). `need`: the highest block that a node must have."""

    keys: Sequence[Any]
    call_of: Callable[[Any], Call]
    need: int
    avoid: frozenset[str] = frozenset()
    tries: int = 0

    def cut(self, size: int) -> tuple[Piece, Piece | None]:
        """The first of its calls, and the rest."""
        if size >= len(self.keys):
            return self, None
        return replace(self, keys=self.keys[:size]), replace(self, keys=self.keys[size:])


@dataclass
class Wave:
    """What one wave came to, and what is still to be asked. `lost`: nobody answers it."""

    answered: list[tuple[Piece, Answer]] = field(default_factory=list)
    waiting: list[Piece] = field(default_factory=list)
    lost: list[Piece] = field(default_factory=list)


class Pieces:
    """Asks the nodes of one chain."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def wave(self, pieces: list[Piece], most: int = WAVE) -> Talk:
        """One wave of so many requests at most."""
        told = Wave()
        sent: list[tuple[Node, Piece]] = []
        for piece in pieces:
            left: Piece | None = piece
            while left is not None and len(sent) < most:
                node = yield from self._asking.introduced(left.avoid, left.need)
                if node is None:
                    told.lost.append(left)
                    left = None
                    break
                part, left = left.cut(node.most_calls)
                sent.append((node, part))
            if left is not None:
                told.waiting.append(left)
        requests = [self._asking.request(node, [piece.call_of(key) for key in piece.keys]) for node, piece in sent]
        replies = (yield from self._asking.ask(requests)) if requests else []
        for (node, piece), reply in zip(sent, replies, strict=True):
            if isinstance(reply, Answer):
                told.answered.append((piece, reply))
            elif again := self._after(node, piece, reply):
                told.waiting += again
            else:
                told.lost.append(piece)
        hear(sent, replies)
        told.waiting.sort(key=lambda piece: piece.need)
        return told

    def _after(self, node: Node, piece: Piece, failure: Failure) -> list[Piece]:
        """How a piece that failed is asked for again: elsewhere, in halves, or not at all."""
        avoid = piece.avoid | {node.url}
        half = -(-len(piece.keys) // 2)
        is_smaller_better = is_too_much(failure) or (failure.status in REFUSES_BATCHES and not _says_no_method(failure))
        if len(piece.keys) > 1 and (is_too_much(failure) or (is_smaller_better and self._is_last(avoid, piece))):
            node.most_calls = max(1, min(node.most_calls, half))
            return [part for part in replace(piece, avoid=frozenset()).cut(half) if part]
        if not self._is_last(avoid, piece):
            return [replace(piece, avoid=avoid)]
        if _says_no_method(failure) or piece.tries + 1 >= MOST_TRIES:
            return []
        return [replace(piece, avoid=frozenset(), tries=piece.tries + 1)]

    def _is_last(self, avoid: frozenset[str], piece: Piece) -> bool:
        """Whether no other node is left for it."""
        other = self._asking.roster.pick(avoid, piece.need)
        return other is None or other.url in avoid


def _says_no_method(failure: Failure) -> bool:
    return failure.outcome is Outcome.RPC_ERROR and bool(NO_METHOD.search(failure.reason))
