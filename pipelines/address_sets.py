"""Who was active on which day, as Parquet beside the build: made of the archived blocks, bucket by bucket.

Belongs here: the files of the sets of one chain. A bucket is a stretch of blocks; its files are written anew from all
of its answers whenever their list changes, so that they are the same whatever order answers were archived in.
Addresses stand for themselves in a dictionary: the ids differ with the order, what is counted with them does not.
Not here: what a stretch comes to (evm/block_sets.py), what periods come to (chain_periods.py).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.bridges import SystemTransaction
from pipelines.evm import calls as rpc
from pipelines.evm.block_sets import StretchSets, sets_of
from pipelines.evm.full_blocks import (
    BLOCK_RECEIPTS,
    CODE,
    NOTHING,
    RECEIPT,
    is_of,
    is_of_blocks,
    read_codes,
    read_frames,
)
from pipelines.transport.durable import write_whole
from pipelines.wire import Answer, BodyRefused, Request

BUCKET_BLOCKS = 8_192
"""A busy chain makes so many in five hours."""
STRETCH_BLOCKS = 1_024
"""What is in memory at once: 20,000 transactions of a busy chain."""
READERS = 2
AT_ONCE = 4
"""Answers that are read before any of them is let go."""
ADDRESSES = {"address": pl.Binary, "id": pl.UInt32}
CODES = {"id": pl.UInt32, "has_code": pl.Boolean, "fetch_id": pl.String}
PLACES = {"fetch_id": pl.String, "bucket": pl.Int64}
KINDS = ("totals", "runs", "senders", "recipients")

Row = Mapping[str, Any]
AnswerOf = Callable[[Row], Answer]


class AddressSets:
    """The sets of one chain in a folder. `reader`: the fingerprint of the reading code; another one makes all anew."""

    def __init__(self, folder: Path, reader: str, rules: Iterable[SystemTransaction], answer_of: AnswerOf) -> None:
        self.folder = folder
        self._rules = list(rules)
        self._answer_of = answer_of
        self._list = folder / "answers.json"
        told: dict[str, Any] = json.loads(self._list.read_text(encoding="utf-8")) if self._list.exists() else {}
        if told.get("reader") != reader or self._read_addresses().height < told["addresses"]:
            shutil.rmtree(folder, ignore_errors=True)
            told = {"reader": reader, "buckets": {}}
        self._told: dict[str, Any] = told
        for kind in (*KINDS, "addresses"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        self._known = self._read_addresses()
        self.refused: dict[str, BodyRefused] = {}

    def update(self, rows: Sequence[Row]) -> None:
        """Bring the files to what these answers (rows of the ledger, oldest first) say."""
        of_bucket: dict[int, list[tuple[int, Row]]] = defaultdict(list)
        codes: list[Row] = []
        places = self._places([row for row in rows if _is_of(row, RECEIPT)])
        for place, row in enumerate(rows):
            if _is_of(row, CODE):
                codes.append(row)
            blocks = _blocks_of(row)
            named = range(blocks[0] // BUCKET_BLOCKS, blocks[1] // BUCKET_BLOCKS + 1) if blocks else []
            for bucket in places.get(row["fetch_id"], named):
                of_bucket[bucket].append((place, row))
        for gone in self._told["buckets"].keys() - {str(bucket) for bucket in of_bucket}:
            self._write_list({bucket: told for bucket, told in self._told["buckets"].items() if bucket != gone})
            for kind in KINDS:
                self._file(kind, int(gone)).unlink(missing_ok=True)
        for bucket, answers in sorted(of_bucket.items()):
            digest = _digest(row["fetch_id"] for _, row in answers)
            is_whole = all(self._file(kind, bucket).exists() for kind in KINDS)
            if self._told["buckets"].get(str(bucket)) != digest or not is_whole:
                self._write_bucket(bucket, answers)
                self._write_list(self._told["buckets"] | {str(bucket): digest})
        self._update_codes(codes)

    def files(self, kind: str, first_block: int = 0, last_block: int | None = None) -> list[Path]:
        """The files of a kind that speak of blocks between two."""
        buckets = sorted(int(bucket) for bucket in self._told["buckets"])
        top = last_block // BUCKET_BLOCKS if last_block is not None else None
        wanted = [one for one in buckets if one >= first_block // BUCKET_BLOCKS and (top is None or one <= top)]
        return [self._file(kind, bucket) for bucket in wanted]

    @property
    def addresses(self) -> int:
        """How many addresses have an id: they are counted from zero on."""
        return self._known.height

    def codes(self) -> pl.DataFrame:
        """What each answer said of the code of an address: id, has_code, fetch_id."""
        file = self.folder / "codes.parquet"
        return pl.read_parquet(file) if file.exists() else pl.DataFrame(schema=CODES)

    def _write_bucket(self, bucket: int, answers: list[tuple[int, Row]]) -> None:
        """The files of a bucket, made stretch by stretch: each reads only the answers that speak of it."""
        first = bucket * BUCKET_BLOCKS
        spans = [_blocks_of(row) or (first, first + BUCKET_BLOCKS - 1) for _, row in answers]
        parts: list[StretchSets] = []
        for start in range(first, first + BUCKET_BLOCKS, STRETCH_BLOCKS):
            end = start + STRETCH_BLOCKS - 1
            of_stretch = [one for one, span in zip(answers, spans, strict=True) if span[0] <= end and span[1] >= start]
            if of_stretch:
                parts.append(sets_of(*self._read(start, end, of_stretch), self._rules))
        places = {"place": [place for place, _ in answers], "fetch_id": [row["fetch_id"] for _, row in answers]}
        totals = pl.concat([part.totals for part in parts]).join(
            pl.DataFrame(places, schema={"place": pl.Int64, "fetch_id": pl.String}), on="place", how="left"
        )
        active = {
            kind: pl.concat([getattr(part, kind) for part in parts]).unique() for kind in ("senders", "recipients")
        }
        frames = {"totals": totals.drop("place"), "runs": pl.concat([part.runs for part in parts])}
        frames |= {kind: self._with_ids(frame).sort("date_day", "id") for kind, frame in active.items()}
        for kind, frame in frames.items():
            _write(frame, self._file(kind, bucket))

    def _read(self, start: int, end: int, answers: list[tuple[int, Row]]) -> list[pl.DataFrame]:
        """Headers, transactions and receipts of the blocks between two, each with the place of its answer."""
        in_stretch = pl.col("block_number").is_between(start, end)

        def read(place: int, row: Row) -> list[pl.DataFrame]:
            told = (frame.filter(in_stretch) for frame in self._read_answer(row))
            return [frame.with_columns(place=pl.lit(place, pl.Int64)) for frame in told]

        return [pl.concat(frames) for frames in zip(*_ahead(read, answers), strict=True)]

    def _read_answer(self, row: Row) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Headers, transactions, receipts of one answer; of one that cannot be read none, and its reason is kept."""
        try:
            return read_frames(self._answer_of(row).body, _calls(row))
        except BodyRefused as refused:
            self.refused[row["fetch_id"]] = refused
            return read_frames(NOTHING, [])

    def _places(self, rows: list[Row]) -> dict[str, list[int]]:
        """The buckets of answers with single receipts, whose requests do not say their blocks."""
        file = self.folder / "places.parquet"
        known = pl.read_parquet(file) if file.exists() else pl.DataFrame(schema=PLACES)
        new = [row for row in rows if row["fetch_id"] not in set(known["fetch_id"])]
        for row in new:
            buckets = (
                self._read_answer(row)[2].select(bucket=pl.col("block_number") // BUCKET_BLOCKS).unique().sort("bucket")
            )
            known = pl.concat([known, buckets.select(pl.lit(row["fetch_id"]).alias("fetch_id"), "bucket")])
        if new:
            _write(known, file)
        return dict(known.group_by("fetch_id").agg("bucket").rows())

    def _update_codes(self, rows: list[Row]) -> None:
        known = self.codes()
        kept = known.filter(pl.col("fetch_id").is_in([row["fetch_id"] for row in rows]))
        new = [row for row in rows if row["fetch_id"] not in set(kept["fetch_id"])]
        parts = [kept]
        for row in new:
            try:
                told = read_codes(self._answer_of(row).body, row["request_body"])
            except BodyRefused as refused:
                self.refused[row["fetch_id"]] = refused
                continue
            parts.append(self._with_ids(told).select("id", "has_code", fetch_id=pl.lit(row["fetch_id"])))
        if new or kept.height < known.height:
            _write(pl.concat(parts), self.folder / "codes.parquet")

    def _with_ids(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`address` replaced by its `id`; addresses that are new get the next ones, and are kept."""
        given = frame.with_columns(address=pl.col("address").str.strip_prefix("0x").str.decode("hex"))
        new = given.select("address").unique().join(self._known, on="address", how="anti").sort("address")
        if new.height:
            start = self._known.height
            fresh = new.with_columns(id=pl.int_range(start, start + new.height, dtype=pl.UInt32, eager=True))
            _write(fresh, self.folder / "addresses" / f"{start:010d}.parquet")
            self._known = pl.concat([self._known, fresh])
        return given.join(self._known, on="address", how="left", maintain_order="left").drop("address")

    def _read_addresses(self) -> pl.DataFrame:
        files = sorted((self.folder / "addresses").glob("*.parquet"))
        return pl.concat([pl.DataFrame(schema=ADDRESSES), *(pl.read_parquet(file) for file in files)])

    def _file(self, kind: str, bucket: int) -> Path:
        return self.folder / kind / f"{bucket:08d}.parquet"

    def _write_list(self, buckets: dict[str, str]) -> None:
        self._told |= {"buckets": buckets, "addresses": self._known.height}
        write_whole(self._list, json.dumps(self._told).encode())


def _ahead(
    read: Callable[[int, Row], list[pl.DataFrame]], answers: list[tuple[int, Row]]
) -> Iterable[list[pl.DataFrame]]:
    """Some answers at a time, in their order."""
    rest = iter(answers)
    with ThreadPoolExecutor(READERS) as threads:
        while some := list(islice(rest, AT_ONCE)):
            yield from threads.map(read, *zip(*some, strict=True))


def _write(frame: pl.DataFrame, file: Path) -> None:
    """Whole or not at all."""
    parquet = BytesIO()
    frame.write_parquet(parquet)
    write_whole(file, parquet.getvalue())


def _calls(row: Row) -> list[rpc.Call]:
    return rpc.calls_of(Request("", body=row["request_body"]))[1]


def _is_of(row: Row, method: str) -> bool:
    return f'"{method}"' in row["request_body"]


def _blocks_of(row: Row) -> tuple[int, int] | None:
    """The first and the last block that a request names; None where it names none."""
    calls = _calls(row)
    if not (is_of_blocks(calls) or is_of(calls, BLOCK_RECEIPTS)):
        return None
    heights = [int(call.params[0], 16) for call in calls]
    return min(heights), max(heights)


def _digest(fetch_ids: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(fetch_ids).encode()).hexdigest()[:16]
