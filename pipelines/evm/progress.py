"""How far a chain is, told every few seconds.

Belongs here: counting and the line at the screen.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from time import monotonic

log = logging.getLogger("outcrop.evm")

TELL_AFTER_SEC = 5


@dataclass
class Progress:
    """What was done of one chain since the conversation began."""

    chain_id: str
    all_blocks: int = 0
    blocks: int = 0
    logs: int = 0
    requests: int = 0
    began_at: float = field(default_factory=monotonic)
    told_at: float = field(default_factory=monotonic)

    def tell(self, *, is_end: bool = False) -> None:
        """A line where the last one is old enough, and at the end."""
        now = monotonic()
        if not self.requests or (now - self.told_at < TELL_AFTER_SEC and not is_end):
            return
        self.told_at = now
        seconds = max(now - self.began_at, 1e-3)
        left = seconds * (self.all_blocks - self.blocks) / self.blocks if self.blocks else None
        log.info(
            "%s: %d of %d blocks, %d logs, %d requests, %.1f a second, %s",
            self.chain_id,
            self.blocks,
            self.all_blocks,
            self.logs,
            self.requests,
            self.requests / seconds,
            f"{seconds:.0f} s" if is_end else "time left unknown" if left is None else f"{left:.0f} s left",
        )
