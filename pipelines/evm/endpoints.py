"""The endpoints of one chain: who can be asked, for what, and who is out.

Belongs here: fail-over by rank. Nothing is asked here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.bridges import Endpoint
from pipelines.evm.calls import CALLS_PER_REQUEST
from pipelines.evm.limits import limit_in
from pipelines.evm.ranges import Sizer, Stretch
from pipelines.wire import Failure, Outcome

log = logging.getLogger("outcrop.evm")

MOST_STRIKES = 4
"""So many waves without one good answer, and an endpoint is out."""
MOST_TRIES = 3
"""A range is given up after so many tries at each endpoint."""
OUT_AT_ONCE = frozenset({Outcome.WRONG_CHAIN, Outcome.BUDGET_SPENT, Outcome.CHALLENGE, Outcome.REDIRECT_REFUSED})
TOO_MUCH = frozenset({Outcome.TOO_LARGE, Outcome.TIMEOUT, Outcome.TRUNCATED})
TOO_MUCH_STATUSES = frozenset({400, 413})
"""How some providers refuse a range: with a status instead of an error object."""


@dataclass
class Node:
    """One endpoint in a conversation. `head`: its last final block; None until it was introduced."""

    endpoint: Endpoint
    sizer: Sizer
    most_logs: int | None
    most_calls: int
    head: int | None = None
    out: str = ""
    strikes: int = 0

    @property
    def url(self) -> str:
        return self.endpoint.url

    def takes(self, stretch: Stretch) -> bool:
        """Whether it can be asked for the beginning of a stretch."""
        is_one_call = self.endpoint.style != "eth_rpc" or len(stretch.asked.addresses) == 1
        fits = is_one_call or len(stretch.asked.addresses) <= self.most_calls
        return fits and not self.out and (self.head is None or self.head >= stretch.first)

    def leave(self, reason: str) -> None:
        self.out = reason
        log.warning("%s: %s is not asked any more in this run: %s", self.endpoint.chain_id, self.url, reason)

    def hear(self, good: int, failures: Iterable[Failure]) -> None:
        """What one wave came to for it."""
        failures = [failure for failure in failures if failure.outcome is not Outcome.RANGE_TOO_LARGE]
        if fatal := next((one for one in failures if one.outcome in OUT_AT_ONCE), None):
            self.leave(f"{fatal.outcome} ({fatal.reason})")
        self.strikes = 0 if good else self.strikes + bool(failures)
        if self.strikes >= MOST_STRIKES and not self.out:
            self.leave(f"{failures[0].outcome} ({failures[0].reason})")


def node_of(endpoint: Endpoint, sizer: Sizer, named_most_logs: int | None) -> Node:
    limits = [most for most in (endpoint.max_logs and endpoint.max_logs - 1, named_most_logs) if most]
    return Node(endpoint, sizer, min(limits, default=None), min(endpoint.max_batch_calls, CALLS_PER_REQUEST))


class Roster:
    """The endpoints of one chain by rank."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    @property
    def usable(self) -> list[Node]:
        return [node for node in self.nodes if not node.out]

    def pick(self, avoid: frozenset[str], need: int | None = None) -> Node | None:
        """The first that is not avoided and has the block, else the first that has it."""
        able = [node for node in self.usable if need is None or node.head is None or node.head >= need]
        return next((node for node in able if node.url not in avoid), able[0] if able else None)

    def pick_for(self, stretch: Stretch) -> Node | None:
        """Who is asked for the beginning of a stretch; None where nobody can be, or all were tried often enough."""
        able = [node for node in self.nodes if node.takes(stretch)]
        if stretch.tries >= MOST_TRIES * max(1, len(able)):
            return None
        return next((node for node in able if node.url not in stretch.avoid), able[0] if able else None)


def is_too_much(failure: Failure) -> bool:
    """Whether a smaller question may be answered."""
    if failure.outcome is Outcome.RANGE_TOO_LARGE:
        limit = limit_in(failure.reason)
        return limit is None or limit.kind != "blocks"
    return failure.outcome in TOO_MUCH or (
        failure.outcome is Outcome.HTTP_ERROR and failure.status in TOO_MUCH_STATUSES
    )
