"""A build of an earlier moment: what was answered later changes nothing of it."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import polars as pl
from house import Outcrop, digest, rows

from pipelines.transport.archive import Archive
from pipelines.transport.ledger import LedgerRow

MOMENT = datetime.fromisoformat("2024-07-31T14:00")
"""The third pull of the simulated world: two more come after it."""


def cut(archive: Path, moment: datetime, target: Path) -> int:
    """An archive of what was answered until a moment; returns how many attempts are left out."""
    whole, early = Archive(archive, read_only=True), Archive.create(target, "sample")
    ledger = whole.ledger()
    kept = ledger.filter(pl.col("fetched_at") <= moment)
    for row in kept.iter_rows(named=True):
        if row["sha256"]:
            early.store(whole.read(row["sha256"]))
        early.append(LedgerRow.from_cells(row))
    return ledger.height - kept.height


def test_a_build_as_of_an_earlier_moment_is_the_build_that_was_made_then(
    outcrop: Outcrop, copy_of_small: Path, tmp_path: Path
) -> None:
    now = digest(copy_of_small)
    looked_back = outcrop("load", "--home", copy_of_small, OUTCROP_AS_OF=MOMENT.isoformat())
    assert looked_back.status == 0, looked_back.text

    then = tmp_path / "then"
    shutil.copytree(copy_of_small, then)
    shutil.rmtree(then / "build")
    shutil.rmtree(then / "archive")
    assert cut(copy_of_small / "archive", MOMENT, then / "archive") == 4
    made_then = outcrop("load", "--home", then, OUTCROP_AS_OF=MOMENT.isoformat())
    assert made_then.status == 0, made_then.text

    assert digest(then) == digest(copy_of_small) != now
    assert rows(then, "select max(trade_date)::varchar from marts.etf_flows") == [("2024-07-30",)]
    assert rows(then, "select as_of from meta.build") == [(MOMENT,)]
