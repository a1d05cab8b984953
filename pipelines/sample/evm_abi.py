"""Logs as contracts write them: 32-byte words in hex.

Belongs here: the encoder of the simulated world and the two values that its bridges hand on.
Not here: which contract writes what (`evm_rootstock`, `evm_powpeg`, `evm_bob`, `evm_merlin`).
"""

from __future__ import annotations

from typing import NamedTuple

WORD_BYTES = 32
TWO_TO_256 = 1 << 256


class Log(NamedTuple):
    """What one event leaves behind. `topics`: its hash, then the indexed arguments; `data`: the others."""

    address: str
    topics: tuple[str, ...]
    data: str


class Transaction(NamedTuple):
    """The logs that one transaction of a block leaves behind, in their order."""

    height: int
    logs: tuple[Log, ...]


def topic(value: int) -> str:
    """An indexed argument: a number, an address, a hash or a truth value as one word."""
    return f"0x{value % TWO_TO_256:064x}"


def encode(*values: int | str | bytes) -> str:
    """Arguments that are not indexed. Numbers, addresses, hashes and truth values are words; text and bytes are
    pointed at from their place and follow behind, their length first.
    """
    heads, tails, offset = [], [], WORD_BYTES * len(values)
    for value in values:
        if isinstance(value, int):
            heads.append(f"{value % TWO_TO_256:064x}")
            continue
        raw = value.encode() if isinstance(value, str) else value
        words = -(-len(raw) // WORD_BYTES)
        heads.append(f"{offset:064x}")
        tails.append(f"{len(raw):064x}{raw.hex():0<{2 * WORD_BYTES * words}}")
        offset += WORD_BYTES * (1 + words)
    return "0x" + "".join(heads + tails)


def number_of(address: str) -> int:
    """The number that an address is."""
    return int(address, 16)
