"""What nodes say when they do not answer: too many blocks, too many logs, too fast, or a plain no.

Belongs here: the words and codes of providers, each read into an outcome.
Not here: what follows from a limit (ranges.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.wire import Outcome

RATE_CODES = frozenset({429, -32005, -32007, -32029, -32090, -32097})
"""-32005: Infura and geth say `limit exceeded` with it, of rates and of sizes; -32007: QuickNode; -32029, -32090: Ankr
and BlastAPI. The words decide first."""

RATE = re.compile(
    r"rate.?limit|too many (requests|calls|connections)|requests? (count|limit)|per.?second|compute units|throughput"
    r"|quota|capacity|slow down|throttl|credits|try again later",
    re.IGNORECASE,
)
LOGS = re.compile(
    r"more than [\d,.]+k? (results|logs|events|records)|too many (results|logs|events)|max(imum)? (results|logs)"
    r"|log response size|logs? (limit|count)|results? limit|number of (logs|results)|max logs|result set",
    re.IGNORECASE,
)
SIZE = re.compile(
    r"response (body )?(size|is too|too)|too big|too large a response|message size|payload|larger than [\d.]+ ?[mk]i?b"
    r"|time.?out|timed out|deadline|took too long|aborted|cancell?ed",
    re.IGNORECASE,
)
BLOCKS = re.compile(
    r"block range|range|too many blocks|more than [\d,.]+k? blocks|blocks? (limit|distance)|limited to"
    r"|query is too (large|wide)|maximum .{0,20}blocks",
    re.IGNORECASE,
)
BEHIND = re.compile(
    r"beyond (the )?(current )?head|invalid block range|after last accepted|unknown block", re.IGNORECASE
)
ASIDE = re.compile(
    r"0x[0-9a-f]+|\[[^\]]*\]|from \d+ to \d+|range \d+ ?- ?\d+|(?<![\d.])0 ?- ?(?=\d)|-?32\d{3}\b", re.IGNORECASE
)
NUMBER = re.compile(r"(?<![\w.])(\d[\d,]*)(k?)\b", re.IGNORECASE)
SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Limit:
    """What was too much: `blocks` of a range, `logs` of an answer, or its `size` (bytes, seconds).

    `numbers`: those in the words, one of which may be the limit.
    """

    kind: str
    numbers: tuple[int, ...] = ()

    def below(self, asked: int) -> int | None:
        """The largest number named that is smaller than what was asked for."""
        return max((number for number in self.numbers if 0 < number < asked), default=None)


def limit_in(words: str) -> Limit | None:
    """The limit that the words of a node speak of; None where they speak of none."""
    if BEHIND.search(words):
        return None
    for kind, pattern in (("logs", LOGS), ("size", SIZE), ("blocks", BLOCKS)):
        if pattern.search(words):
            return Limit(kind, _numbers(words))
    return None


def outcome_of(code: int | None, words: str, *, of_logs: bool) -> Outcome:
    """What an error object comes to. A range is too large only where logs were asked for."""
    if RATE.search(words):
        return Outcome.RATE_LIMITED
    if of_logs and limit_in(words):
        return Outcome.RANGE_TOO_LARGE
    return Outcome.RATE_LIMITED if code in RATE_CODES else Outcome.RPC_ERROR


def shown(code: int | None, words: str) -> str:
    """An error as it is written down; with what it ends in it is as telling as what it begins with."""
    return f"error {code}: {words[:SHOWN_CHARACTERS]}" if code is not None else words[:SHOWN_CHARACTERS]


def _numbers(words: str) -> tuple[int, ...]:
    told = NUMBER.findall(ASIDE.sub(" ", words))
    return tuple(int(digits.replace(",", "")) * (1000 if thousand else 1) for digits, thousand in told)
