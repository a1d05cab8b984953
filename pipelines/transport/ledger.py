"""The fetch ledger: one line for every attempt to ask an upstream, append-only.

Belongs here: what a ledger row is, its id, the files that rows live in, and their compaction by month.
Not here: bodies (archive.py) and anything that asks (session.py).
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.transport.durable import ArchiveDamaged, append_line, write_whole
from pipelines.wire import Outcome

SCHEMA = {
    "fetch_id": pl.String,
    "feed": pl.String,
    "method": pl.String,
    "url": pl.String,
    "params": pl.String,
    "request_body": pl.String,
    "fetched_at": pl.Datetime("us"),
    "status": pl.Int64,
    "content_type": pl.String,
    "charset": pl.String,
    "headers": pl.String,
    "bytes": pl.Int64,
    "sha256": pl.String,
    "outcome": pl.String,
    "error": pl.String,
}
"""Columns of the ledger as a frame. `params` (list of pairs) and `headers` (object) are JSON text."""

ORDER = list(dict.fromkeys(["fetched_at", "sha256", "fetch_id", *SCHEMA]))
"""A total order: of two rows with one id the same one comes first, wherever they were written."""


BY_HAND = {"via": "archive import"}
"""The headers of an answer that a person filed: nobody was asked, so it spends no budget."""


@dataclass(frozen=True)
class LedgerRow:
    """One attempt: what was asked, when, and what came back. Holds no secrets; `fetched_at` is naive UTC.

    `bytes` is the length of the decoded body, `sha256` its name in the archive, None where no body was kept.
    """

    fetch_id: str
    feed: str
    method: str
    url: str
    params: tuple[tuple[str, str], ...]
    request_body: str | None
    fetched_at: datetime
    status: int | None
    content_type: str
    charset: str
    headers: dict[str, str]
    bytes: int
    sha256: str | None
    outcome: Outcome
    error: str | None = None

    @classmethod
    def of(cls, **values: Any) -> LedgerRow:
        """The row with these values and the id that follows from them."""
        row = cls(fetch_id="", **values)
        return cls(fetch_id=fetch_id_of(row), **values)

    def line(self) -> bytes:
        """The row as it stands on disk."""
        values = vars(self) | {"fetched_at": _text(self.fetched_at)}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> LedgerRow | None:
        """The row of a line, None where a killed writer tore it."""
        try:
            values = json.loads(line)
            return cls._of_parts({name: values[name] for name in SCHEMA}, datetime.fromisoformat)
        except (ValueError, KeyError, TypeError):
            return None

    def cells(self) -> dict[str, Any]:
        """The row as the frame has it."""
        return vars(self) | {"params": json.dumps(self.params), "headers": json.dumps(self.headers)}

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> LedgerRow:
        """The row behind one row of the frame, which may have further columns."""
        texts = {"params": json.loads(cells["params"]), "headers": json.loads(cells["headers"])}
        return cls._of_parts({name: cells[name] for name in SCHEMA} | texts, lambda moment: moment)

    @classmethod
    def _of_parts(cls, values: dict[str, Any], moment_of: Any) -> LedgerRow:
        values["params"] = tuple((name, value) for name, value in values["params"])
        values["fetched_at"] = moment_of(values["fetched_at"]).replace(tzinfo=None)
        values["outcome"] = Outcome(values["outcome"])
        return cls(**values)


def fetch_id_of(row: LedgerRow) -> str:
    """The id of an attempt: what was asked, when, and what came back. Derived, never random."""
    told = [row.feed, row.method, row.url, row.params, row.request_body, _text(row.fetched_at)]
    text = json.dumps([*told, row.sha256 or row.outcome])
    return "f_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds") + "Z"


class Ledger:
    """The ledger files of one archive: `<month>/<stamp>.ndjson` per run, `<month>.parquet` once compacted."""

    def __init__(self, folder: Path, *, survives_power_cut: bool = True) -> None:
        self._folder = folder
        self._survives_power_cut = survives_power_cut
        self._lock = threading.Lock()
        self._file_of_month: dict[str, Path] = {}

    def append(self, row: LedgerRow) -> None:
        """The row, on disk when this returns. A run has one file per month, named after its first row."""
        month = f"{row.fetched_at:%Y-%m}"
        name = f"{row.fetched_at:%Y%m%dT%H%M%S%fZ}.ndjson"
        with self._lock:
            path = self._file_of_month.setdefault(month, self._folder / month / name)
            append_line(path, row.line(), survives_power_cut=self._survives_power_cut)

    def frame(self, since: datetime | None = None) -> pl.DataFrame:
        """The rows in (fetched_at, sha256, fetch_id) order, each once; with `since` those after it."""
        rows = _in_order(self.written(first_month=f"{since:%Y-%m}" if since else ""))
        return rows.filter(pl.col("fetched_at") > since) if since else rows

    def written(self, first_month: str = "") -> pl.DataFrame:
        """Every row on disk in no order, more than once where it is written more than once."""
        lines = [file for file in self._line_files() if file.parent.name >= first_month]
        rows = [row.cells() for file in lines for row in _rows(file)]
        # Lines are read before the compacted months: a compaction that ends in between hides no row.
        months = [file for file in sorted(self._folder.glob("*.parquet")) if file.stem >= first_month]
        return pl.concat([pl.DataFrame(rows, schema=SCHEMA), *(_compacted(file) for file in months)])

    def torn_lines(self) -> dict[Path, int]:
        """The files in which a killed writer left lines that cannot be read, and how many."""
        torn = {file: _lines(file).count(None) for file in self._line_files()}
        return {file: count for file, count in torn.items() if count}

    def compact(self, now: datetime) -> None:
        """One Parquet file for each month before this one. A kill at any point leaves every row readable."""
        with self._lock:
            for folder in sorted(self._folder.glob("*-*/")):
                if folder.name < f"{now:%Y-%m}":
                    self._file_of_month.pop(folder.name, None)
                    self._compact_month(folder)

    def _compact_month(self, folder: Path) -> None:
        """A file with a torn line stays beside the Parquet file: what cannot be read is not thrown away."""
        files = [file for file in sorted(folder.glob("*.ndjson")) if None not in _lines(file)]
        if not files:
            return
        target = self._folder / f"{folder.name}.parquet"
        rows = pl.DataFrame([row.cells() for file in files for row in _rows(file)], schema=SCHEMA)
        content = io.BytesIO()
        _in_order(pl.concat([rows, *([_compacted(target)] if target.exists() else [])])).write_parquet(content)
        write_whole(target, content.getvalue())
        for file in files:
            file.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    def _line_files(self) -> list[Path]:
        return sorted(self._folder.glob("*/*.ndjson"))


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort(ORDER).unique("fetch_id", keep="first", maintain_order=True)


def _lines(file: Path) -> list[LedgerRow | None]:
    """The rows of one file, None for each torn line; no rows where the file was just compacted away."""
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [LedgerRow.from_line(line) for line in lines if line]


def _rows(file: Path) -> list[LedgerRow]:
    return [row for row in _lines(file) if row]


def _compacted(file: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(file).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    except pl.exceptions.PolarsError as error:
        raise ArchiveDamaged(f"{file} cannot be read ({error}). Put it back from a copy of the archive.") from error
