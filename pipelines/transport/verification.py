"""Whether an archive is whole: bodies and ledger held against each other, every byte hashed again.

Belongs here: finding what is wrong, and counting what was looked at.
Not here: repairing, and any reading that trusts what it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from pipelines.transport.bodies import Bodies
from pipelines.transport.durable import ArchiveError
from pipelines.transport.ledger import Ledger, LedgerRow, fetch_id_of


class Fault(StrEnum):
    """What can be wrong with an archive. A kill leaves the last two behind; they take nothing away."""

    MISSING_BODY = "missing body"
    WRONG_HASH = "wrong hash"
    WRONG_ID = "wrong id"
    DUPLICATE_ID = "duplicate id"
    TORN_LINE = "torn line"
    UNNEEDED_BODY = "unneeded body"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: with which body, row or file, and what exactly."""

    fault: Fault
    subject: str
    detail: str


@dataclass(frozen=True)
class Verification:
    """What is wrong with an archive, and how much was looked at."""

    problems: list[Problem]
    rows: int
    bodies: int
    bytes_on_disk: int
    bytes_decoded: int


def verify(bodies: Bodies, ledger: Ledger) -> Verification:
    """Reads everything, trusts nothing."""
    written = ledger.written().unique()
    kept = {file.stem: file.stat().st_size for file in bodies.files()}
    lengths, problems = _read_all(bodies, list(kept))
    problems += _unmatched(bodies, set(kept), written)
    problems += _wrong_ids(written)
    problems += _duplicate_ids(written)
    problems += [
        Problem(Fault.TORN_LINE, str(file), f"{count} of its lines cannot be read")
        for file, count in ledger.torn_lines().items()
    ]
    rows = written["fetch_id"].n_unique()
    return Verification(problems, rows, len(kept), sum(kept.values()), sum(lengths))


def _read_all(bodies: Bodies, names: list[str]) -> tuple[list[int], list[Problem]]:
    lengths, problems = [], []
    for sha256 in names:
        try:
            lengths.append(len(bodies.read(sha256)))
        except ArchiveError as error:
            problems.append(Problem(Fault.WRONG_HASH, sha256, str(error)))
    return lengths, problems


def _unmatched(bodies: Bodies, kept: set[str], written: pl.DataFrame) -> Iterator[Problem]:
    """Bodies that a row needs and the archive lacks, and bodies that it keeps for no row."""
    needing = written.drop_nulls("sha256").group_by("sha256").agg(pl.col("fetch_id").min())
    fetch_of_body = dict(needing.rows())
    for sha256 in sorted(fetch_of_body.keys() - kept):
        yield Problem(Fault.MISSING_BODY, sha256, f"{bodies.file(sha256)}, body of {fetch_of_body[sha256]}")
    for sha256 in sorted(kept - fetch_of_body.keys()):
        yield Problem(Fault.UNNEEDED_BODY, sha256, f"{bodies.file(sha256)} is the body of no row")


def _wrong_ids(written: pl.DataFrame) -> Iterator[Problem]:
    """Rows whose id does not follow from them: they were changed after they were written."""
    for cells in written.sort("fetch_id").iter_rows(named=True):
        derived = fetch_id_of(LedgerRow.from_cells(cells))
        if derived != cells["fetch_id"]:
            yield Problem(Fault.WRONG_ID, cells["fetch_id"], f"the row of {cells['url']} gives {derived}")


def _duplicate_ids(written: pl.DataFrame) -> Iterator[Problem]:
    """Ids that stand for different rows. One row written twice is no fault: readers take it once."""
    counts = written.group_by("fetch_id").len().filter(pl.col("len") > 1).sort("fetch_id")
    for fetch_id, count in counts.rows():
        yield Problem(Fault.DUPLICATE_ID, fetch_id, f"{count} different rows have this id")
