"""What one chain was asked before, from the ledger: ranges, headers, balances, and what its endpoints allow.

Belongs here: reading the ledger's rows of `evm_rpc/logs`; bodies are read only where a hash or a time is needed.
Not here: what is still missing (coverage.py), the search for midnights (days.py).
"""

from __future__ import annotations

import logging
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from itertools import accumulate
from typing import Any

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm import coverage
from pipelines.evm.calls import Header
from pipelines.evm.days import DayIndex
from pipelines.evm.limits import limit_in
from pipelines.evm.logs import read_logs
from pipelines.evm.ranges import Blocks, Sizer, united, within, without
from pipelines.evm.turns import Asked, Turns, turned_at
from pipelines.registry import Registry
from pipelines.wire import Answer, BodyRefused, Outcome, Request

log = logging.getLogger("outcrop.evm")

LAST_RANGES = 64
"""A kill leaves so many ranges at most whose blocks were not asked for their time."""
TIME_IN_LOG = b'"blockTimestamp"'
HEIGHT = r'"eth_getBlockByNumber","params":\["(0x[0-9a-fA-F]+)"'

AnswerOf = Callable[[Mapping[str, Any]], Answer]


class Record:
    """The past of one chain."""

    def __init__(self, attempts: pl.DataFrame, answer: AnswerOf, registry: Registry, chain_id: str) -> None:
        self._registry = registry
        self._chain_id = chain_id
        self._answer = answer
        evm_chain_id = registry.evm_chains[chain_id].evm_chain_id
        body = pl.col("request_body")
        number = body.str.extract(r'"id":(\d+)').cast(pl.Int64, strict=False) // rpc.CALLS_PER_REQUEST
        mine = attempts.filter(number == evm_chain_id).with_columns(
            is_good=pl.col("outcome") == Outcome.OK, is_logs=body.str.contains(f'"{rpc.LOGS}"', literal=True)
        )
        self.logs = mine.filter("is_logs").with_columns(
            first=_height(body.str.extract(r'"fromBlock":"(0x[0-9a-fA-F]+)"')),
            last=_height(body.str.extract(r'"toBlock":"(0x[0-9a-fA-F]+)"')),
            shape=body.str.replace_all(r'"id":\d+|"(from|to)Block":"0x[0-9a-fA-F]+"', ""),
        )
        self._others = mine.filter(~pl.col("is_logs"))
        self._headers_of_body: dict[str, dict[int, Header]] = {}

    @cached_property
    def _asked_headers(self) -> pl.DataFrame:
        """One row per header asked for by its height: height, row (place in `_others`), is_good, fetched_at."""
        told = self._others.with_row_index("row").select(
            "row", "is_good", "fetched_at", height=pl.col("request_body").str.extract_all(HEIGHT)
        )
        one = told.explode("height", empty_as_null=False).with_columns(pl.col("height").str.extract(r'(0x[^"]+)'))
        return one.with_columns(_height(pl.col("height"))).drop_nulls("height")

    @cached_property
    def _rows_of_height(self) -> dict[int, list[int]]:
        """Height -> the good answers with its header, oldest first."""
        good = self._asked_headers.filter("is_good").sort("fetched_at", "row")
        return dict(good.group_by("height", maintain_order=True).agg("row").rows())

    def knows(self, height: int) -> bool:
        """Whether the header of a block was had, and the block not made anew since."""
        return height in self._rows_of_height and (not self._turns or self._stands(height, self.when(height)))

    def header(self, height: int) -> Header | None:
        """The newest header of a height; None where it was never had, or cannot be read any more, or was taken back."""
        return self._header_in(self._rows_of_height[height][-1], height) if self.knows(height) else None

    def heights(self, first: int = 0) -> list[int]:
        """The heights from one on whose headers were had, whether these stand or not."""
        return sorted(height for height in self._rows_of_height if height >= first)

    @property
    def stale(self) -> list[int]:
        """The heights whose headers were taken back by a reorganisation."""
        return [height for height in self.heights() if not self.knows(height)] if self._turns else []

    def _header_in(self, row: int, height: int) -> Header | None:
        cells = self._others.row(row, named=True)
        if cells["fetch_id"] not in self._headers_of_body:
            try:
                found = rpc.headers(self._answer(cells).body)
            except (BodyRefused, OSError, ValueError, KeyError, TypeError) as error:
                log.debug("%s cannot be read again (%s)", cells["fetch_id"], error)
                found = []
            self._headers_of_body[cells["fetch_id"]] = {header.number: header for header in found}
        return self._headers_of_body[cells["fetch_id"]].get(height)

    def day_index(self, floor: int) -> DayIndex:
        """The known heights, for the search of midnights."""
        return DayIndex(filter(self.knows, self._rows_of_height), self._time_of, floor)

    def _time_of(self, height: int) -> int | None:
        header = self.header(height)
        return header.at_sec if header else None

    def when(self, height: int) -> datetime:
        """When the newest header of a known height was had."""
        return self._others["fetched_at"][self._rows_of_height[height][-1]]

    @cached_property
    def answered(self) -> dict[str, list[Asked]]:
        """Bridge -> the ranges that were answered well and still stand, in the order of their blocks."""
        return {name: [one for one in told if self._stands(one.last, one.at)] for name, told in self._told.items()}

    @cached_property
    def _told(self) -> dict[str, list[Asked]]:
        """Bridge -> the ranges that were answered well, in the order of their blocks."""
        found: dict[str, list[Asked]] = {}
        good = self.logs.filter("is_good").drop_nulls(["first", "last"])
        for ranges in good.partition_by("shape", maintain_order=True):
            request = Request("", body=ranges["request_body"][0])
            filters = rpc.log_filters(rpc.calls_of(request)[1])
            for bridge_id, left_out in coverage.unasked(self._registry, self._chain_id, filters).items():
                whole = [~_overlap(row.from_block, row.to_block) for row in left_out]
                of_bridge = ranges.filter(whole) if whole else ranges
                told = of_bridge.select("first", "last", "fetched_at", "fetch_id").rows()
                found.setdefault(bridge_id, []).extend(self._asked(*row) for row in told)
        return {name: sorted(ranges, key=lambda one: (one.first, one.at)) for name, ranges in found.items()}

    def _asked(self, first: int, last: int, at: datetime, fetch_id: str) -> Asked:
        """The range with what later headers of its last block say."""
        rows = self._rows_of_height.get(last, [])
        if not rows or self._others["fetched_at"][rows[-1]] <= at:
            return Asked(first, last, at, at, fetch_id)
        times = [self._others["fetched_at"][row] for row in rows]
        known = max((place for place, time in enumerate(times) if time <= at), default=0)
        headers = [(times[place], self._header_in(rows[place], last)) for place in range(known, len(rows))]
        hashes = [(time, header.block_hash) for time, header in headers if header]
        return Asked(first, last, at, times[-1], fetch_id, turned_at(hashes))

    @cached_property
    def _turns(self) -> Turns:
        return Turns(asked for told in self._told.values() for asked in told)

    def _stands(self, height: int, at: datetime) -> bool:
        return self._turns.leave(height, at)

    def taken_back(self, bridge_id: str) -> list[Blocks]:
        """The blocks that were covered before a reorganisation, and not since."""
        told = ((asked.first, asked.last) for asked in self._told.get(bridge_id, []))
        return list(without(united(told), self.covered(bridge_id))) if self._turns else []

    def covered(self, bridge_id: str) -> list[Blocks]:
        return [(asked.first, asked.last) for asked in self.answered.get(bridge_id, [])]

    @cached_property
    def _by_block(self) -> dict[str, tuple[list[Blocks], list[int], list[int]]]:
        """Bridge -> its blocks as few ranges; the first blocks of its ranges; the farthest end of those up to each."""
        return {
            name: (
                united(self.covered(name)),
                [asked.first for asked in ranges],
                list(accumulate((asked.last for asked in ranges), max)),
            )
            for name, ranges in self.answered.items()
        }

    def around(self, bridge_id: str, first: int, last: int) -> tuple[list[Blocks], list[Asked]]:
        """The covered blocks between two, and the ranges that cover any of them."""
        whole, firsts, ends = self._by_block.get(bridge_id, ([], [], []))
        ranges = self.answered.get(bridge_id, [])[bisect_left(ends, first) : bisect_right(firsts, last)]
        return within(whole, first, last), [asked for asked in ranges if asked.last >= first]

    @cached_property
    def untimed(self) -> list[int]:
        """Blocks with logs whose time was asked for in vain, or not any more before the run ended."""
        failed = self.asked_in_vain()
        in_logs = {height for row in self._last_ranges() for height in self._untimed_in(row)}
        wanted = (failed & self.heights_with_logs(failed)) | in_logs
        return sorted(height for height in wanted if not self.knows(height))

    def asked_in_vain(self) -> set[int]:
        return set(self._asked_headers.filter(~pl.col("is_good"))["height"].to_list())

    def heights_with_logs(self, heights: Iterable[int]) -> set[int]:
        """Those of the heights that lie in an answered range."""
        ranges = [(one.first, one.last) for asked in self.answered.values() for one in asked]
        return {height for height in heights if any(first <= height <= last for first, last in ranges)}

    def _last_ranges(self) -> list[dict[str, Any]]:
        """The ranges answered last: after the other questions of the chain, or in the same wave as the last of them."""
        good = self.logs.filter("is_good").sort("fetched_at").tail(LAST_RANGES)
        return good.rows(named=True)

    def _untimed_in(self, row: Mapping[str, Any]) -> list[int]:
        try:
            body = self._answer(row).body
            if TIME_IN_LOG in body:
                return []
            return read_logs(body)["block_number"].drop_nulls().unique().to_list()
        except (BodyRefused, OSError, ValueError, KeyError) as error:
            log.debug("%s cannot be read again (%s)", row["fetch_id"], error)
            return []

    def balances(self) -> tuple[set[int], set[int], set[tuple[str, int]]]:
        """Heights whose balance is known, or was taken back, and (address, height) where a node did not have it."""
        asked = self._others.filter(pl.col("request_body").str.contains(rpc.BALANCE, literal=True)).select(
            "url",
            "outcome",
            "fetched_at",
            height=_height(pl.col("request_body").str.extract(r'"0x[0-9a-f]{40}","(0x[0-9a-fA-F]+)"')),
        )
        told = asked.filter(pl.col("outcome") == Outcome.OK).select("height", "fetched_at").drop_nulls().rows()
        known = {height for height, at in told if self._stands(height, at)}
        refused = asked.filter(pl.col("outcome") == Outcome.RPC_ERROR)
        return known, {height for height, _ in told} - known, set(refused.select("url", "height").rows())

    def sizer(self, url: str, ceiling: int) -> Sizer:
        """What an endpoint allows, as far as it was tried."""
        sizer = Sizer(ceiling)
        blocks = (pl.col("last") - pl.col("first") + 1).alias("blocks")
        told = self.logs.filter(pl.col("url") == url).select(blocks, "outcome", "error").drop_nulls("blocks")
        for size, outcome, words in told.rows():
            limit = limit_in(words or "") if outcome == Outcome.RANGE_TOO_LARGE else None
            if outcome == Outcome.OK:
                sizer.answer(size)
            elif limit and limit.kind == "blocks":
                sizer.refuse(size, limit.below(size))
        return sizer

    def most_logs(self, url: str) -> int | None:
        """The most logs of an answer that an endpoint named."""
        words = self.logs.filter(pl.col("url") == url, pl.col("outcome") == Outcome.RANGE_TOO_LARGE)["error"]
        limits = [limit for text in words.drop_nulls().unique() if (limit := limit_in(text)) and limit.kind == "logs"]
        return min((max(limit.numbers) for limit in limits if limit.numbers), default=None)


def _height(text: pl.Expr) -> pl.Expr:
    return text.str.strip_prefix("0x").str.to_integer(base=16, dtype=pl.Int64, strict=False)


def _overlap(from_block: int, to_block: int | None) -> pl.Expr:
    starts = pl.col("last") >= from_block
    return starts if to_block is None else starts & (pl.col("first") <= to_block)
