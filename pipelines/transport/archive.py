"""The archive: every body that was answered, and the ledger of how each was got.

Belongs here: the identity of an archive folder, and the one door to its bodies and its ledger.
Not here: the files themselves (bodies.py, ledger.py) and the search for faults (verification.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from pipelines.transport.bodies import Bodies
from pipelines.transport.durable import LEFTOVER, ArchiveError, write_whole
from pipelines.transport.ledger import Ledger, LedgerRow
from pipelines.transport.verification import Verification, verify
from pipelines.wire import Answer, Request

FORMAT = 1

Origin = Literal["sample", "public"]
"""Whether the answers are the simulated world's or the public feeds'."""


class Archive:
    """One archive folder: `archive.json`, `bodies/ab/<sha256>.zst`, `ledger/`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.origin: Origin = _origin(path)
        # What the simulated world says can be had again: it need not survive a power cut, only a kill.
        is_precious = self.origin != "sample"
        self._bodies = Bodies(path / "bodies", survives_power_cut=is_precious)
        self._ledger = Ledger(path / "ledger", survives_power_cut=is_precious)

    @classmethod
    def create(cls, path: Path, origin: Origin) -> Archive:
        """The archive of that folder, made where there is none. Answers of two origins never share one."""
        if not (path / "archive.json").exists():
            if path.exists() and not all(entry.name.endswith(LEFTOVER) for entry in path.iterdir()):
                raise ArchiveError(f"{path} holds other files and is no archive. Name a new or an empty folder.")
            write_whole(path / "archive.json", json.dumps({"format": FORMAT, "origin": origin}).encode() + b"\n")
        archive = cls(path)
        if archive.origin != origin:
            raise ArchiveError(
                f"{path} holds answers of origin '{archive.origin}'; these are '{origin}'.\n"
                "Simulated and public answers are never kept together. Name another folder."
            )
        return archive

    def store(self, body: bytes) -> str:
        """The name (sha256) of the body, which is on disk when this returns."""
        self._refuse_writing("store a body")
        return self._bodies.store(body)

    def read(self, sha256: str) -> bytes:
        """The body of that name, hashed again. Raises `ArchiveError` where it is missing or another."""
        return self._bodies.read(sha256)

    def has(self, sha256: str) -> bool:
        return self._bodies.has(sha256)

    def append(self, row: LedgerRow) -> None:
        """The row, on disk when this returns. Safe to call from several threads."""
        self._refuse_writing("add a ledger row")
        self._ledger.append(row)

    def ledger(self, *feeds: str, since: datetime | None = None) -> pl.DataFrame:
        """The rows (`ledger.SCHEMA`) of some feeds, or of all, in (fetched_at, sha256, fetch_id) order, each once.

        With `since`: those fetched after it, for which older months are not read.
        """
        rows = self._ledger.frame(since)
        return rows.filter(pl.col("feed").is_in(feeds)) if feeds else rows

    def torn_lines(self) -> int:
        """How many ledger lines a killed writer left unreadable."""
        return sum(self._ledger.torn_lines().values())

    def compact(self, now: datetime) -> None:
        """Months before this one become one Parquet file each."""
        self._refuse_writing("compact the ledger")
        self._ledger.compact(now)

    def newest(self) -> datetime | None:
        """The newest `fetched_at`, None where nothing was ever asked."""
        fetched_at = self.ledger()["fetched_at"]
        return fetched_at[-1] if len(fetched_at) else None

    def digest(self) -> str:
        """One hash for everything that was ever asked and answered, in whatever order it was filed."""
        return hashlib.sha256("\n".join(self.ledger()["fetch_id"].sort()).encode()).hexdigest()

    def request(self, row: Mapping[str, Any]) -> Request:
        """The question behind a row of `ledger()`, without its secrets."""
        asked = LedgerRow.from_cells(row)
        return Request(url=asked.url, method=asked.method, params=asked.params, body=asked.request_body)

    def answer(self, row: Mapping[str, Any]) -> Answer:
        """The answer behind a row of `ledger()`, its body read back; `ArchiveError` where it has none."""
        if row["sha256"] is None:
            raise ArchiveError(f"{row['fetch_id']} ({row['outcome']}) brought no body: there is nothing to load.")
        return Answer(
            request=self.request(row),
            fetch_id=row["fetch_id"],
            fetched_at=row["fetched_at"],
            status=row["status"],
            content_type=row["content_type"],
            charset=row["charset"],
            sha256=row["sha256"],
            body=self.read(row["sha256"]),
        )

    def verify(self) -> Verification:
        """Every body hashed again, and held against the ledger."""
        return verify(self._bodies, self._ledger)

    def _refuse_writing(self, deed: str) -> None:
        if self.read_only:
            raise ArchiveError(f"Cannot {deed}: {self.path} is open for reading only. Name an archive of your own.")


def _origin(path: Path) -> Origin:
    """What the marker of an archive says. Raises `ArchiveError` where the folder is none that we can read."""
    marker = path / "archive.json"
    try:
        told = json.loads(marker.read_bytes())
        found, origin = told["format"], told["origin"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArchiveError(
            f"{path} is no archive: it has no archive.json.\n"
            "Name the folder that holds it, or file a first answer there with `outcrop archive import`."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{marker} cannot be read. Put it back from a copy of the archive.") from error
    if found != FORMAT or origin not in ("sample", "public"):
        raise ArchiveError(
            f"{path} is an archive of format {found}, origin '{origin}'.\n"
            f"This version reads format {FORMAT}. Use the version of outcrop that wrote it."
        )
    return origin
