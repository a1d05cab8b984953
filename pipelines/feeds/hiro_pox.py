"""Reward cycles of Proof of Transfer from Hiro's API: what is stacked in each, by whom, and the node's constants.

Belongs here: what to ask about cycles and signers, and how to read the answers; amounts are millionths of STX.
Not here: what stackers were paid (hiro_rewards.py), the bounds of cycles (SQL, from `PoxInfo`).
Source: https://docs.hiro.so/stacks/api/stacking-pool (/extended/v2/pox/cycles), https://docs.stacks.co (GET /v2/pox)
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.base import Past
from pipelines.feeds.hiro import BASE, HOST, HiroFeed, HiroReader, bare_hex, page_of, raw, unreadable, whole, whole_of
from pipelines.feeds.points import refuse_without
from pipelines.registry import Source
from pipelines.tables.stacking import STACKS, PoxCycle, PoxInfo, PoxSigner
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

CYCLES = "/extended/v2/pox/cycles"
SIGNERS = re.compile(rf"{CYCLES}/(\d{{1,6}})/signers")
INFO = "/v2/pox"
CYCLES_PER_PAGE, SIGNERS_PER_PAGE = 60, 250
RECHECKED_CYCLES = 2
"""The newest cycles are asked for again: the one that runs, and the one whose signers were fixed last."""
CYCLE_NUMBERS = ("block_height", "cycle_number", "total_weight", "total_stacked_amount", "total_signers")
SIGNER_NUMBERS = ("weight", "stacked_amount")
SIGNER_COUNTS = ("solo_stacker_count", "pooled_stacker_count")
SIGNER_FIELDS = ("signing_key", "signer_address", *SIGNER_NUMBERS, *SIGNER_COUNTS)


class HiroPoxCycles(HiroFeed):
    """All cycles that have signers, and the signers of those that were not read to their end before.

    The list of cycles says which there are, so that one conversation asks for both.
    """

    entity = "pox_cycles"
    delivers = PoxCycle

    @property
    def known_urls(self) -> list[str]:
        return [BASE + CYCLES]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and (url.path == CYCLES or SIGNERS.fullmatch(url.path) is not None)

    def requests(self, window: Window) -> Requests:
        """What would be asked if nothing ever had been."""
        yield from self._talk({})

    def conversation(self, window: Window, past: Past) -> Requests:
        yield from self._talk(_read_before(past))

    def _talk(self, read_before: dict[int, bool]) -> Requests:
        cycles: set[int] = set()
        for listed in (yield from _pages(BASE + CYCLES, CYCLES_PER_PAGE)):
            cycles.update(_cycles_on(listed))
        newest = sorted(cycles)[-RECHECKED_CYCLES:]
        wanted = sorted(cycle for cycle in cycles if cycle in newest or not read_before.get(cycle))
        for cycle in wanted:
            yield from _pages(f"{BASE}{CYCLES}/{cycle}/signers", SIGNERS_PER_PAGE)

    def speaks(self, request: Request) -> bool:
        return _cycle_of(request) is None

    def is_read(self, request: Request) -> bool:
        return _cycle_of(request) is None

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `PoxCycle`. Raises `BodyRefused`."""
        items = page_of(request, answer, CYCLE_NUMBERS).items
        if items.is_empty():
            raise BodyRefused(Outcome.EMPTY_BODY, "no cycle on the page")
        return items.select(
            "locator",
            chain_id=pl.lit(STACKS),
            cycle_number=whole("cycle_number", pl.Int32()),
            anchor_stacks_height=whole("block_height", pl.Int64()),
            total_stacked_ustx=whole("total_stacked_amount"),
            total_weight=whole("total_weight", pl.Int64()),
            total_signers=whole("total_signers", pl.Int32()),
            raw=raw(*CYCLE_NUMBERS),
            fault=unreadable(*CYCLE_NUMBERS),
        )


class HiroPoxSigners(HiroReader):
    """The signers of each cycle, from the answers of `hiro/pox_cycles`."""

    entity = "pox_signers"
    delivers = PoxSigner
    reads = ("pox_cycles",)

    def is_read(self, request: Request) -> bool:
        return _cycle_of(request) is not None

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `PoxSigner`; the cycle is that of the address. Raises `BodyRefused`."""
        items = page_of(request, answer, SIGNER_FIELDS).items
        if items.is_empty():
            raise BodyRefused(Outcome.EMPTY_BODY, "no signer on the page")
        return items.select(
            "signer_address",
            "locator",
            chain_id=pl.lit(STACKS),
            cycle_number=pl.lit(_cycle_of(request), pl.Int32),
            signing_key=bare_hex("signing_key"),
            weight=whole("weight", pl.Int64()),
            stacked_ustx=whole("stacked_amount"),
            solo_count=whole("solo_stacker_count", pl.Int32()),
            pooled_count=whole("pooled_stacker_count", pl.Int32()),
            raw=raw(*SIGNER_FIELDS),
            fault=unreadable(*SIGNER_NUMBERS),
        )


class HiroPoxInfo(HiroFeed):
    """The node's constants of Proof of Transfer, as of the moment of asking."""

    entity = "pox_info"
    delivers = PoxInfo

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=0, revision_window_days=0)

    @property
    def known_urls(self) -> list[str]:
        return [BASE + INFO]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and url.path == INFO

    def requests(self, window: Window) -> Requests:
        yield [Request.get(BASE + INFO)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `PoxInfo`, one row. Raises `BodyRefused`."""
        document = answer.json()
        current = refuse_without("current_cycle", dict, document)
        contract = refuse_without("contract_id", str, document)
        row: dict[str, Any] = {
            "chain_id": STACKS,
            "snapshot_on": answer.fetched_at.date(),
            "first_burnchain_block_height": whole_of(document, "first_burnchain_block_height"),
            "reward_cycle_length": whole_of(document, "reward_cycle_length"),
            "prepare_phase_block_length": whole_of(document, "prepare_phase_block_length"),
            "pox_version": contract.rpartition(".")[2],
            "current_cycle": whole_of(current, "id"),
            "stacked_ustx": whole_of(current, "stacked_ustx"),
            "locator": "/",
            "raw": json.dumps(current, default=str),
        }
        kinds = {name: column.dtype for name, column in PoxInfo.columns().items() if name in row}
        return pl.DataFrame([row], schema=kinds | {"raw": pl.String}, strict=False)


def _pages(url: str, limit: int) -> Generator[list[Request], list[Answer | Failure], list[Answer]]:
    """All pages of a list that says how many items it has; the answers that came, up to the first failure."""
    pages: list[Answer] = []
    offset, total = 0, 1
    while offset < total:
        request = Request.get(url, {"limit": str(limit), "offset": str(offset)})
        [reply] = yield [request]
        if isinstance(reply, Failure):
            break
        try:
            page = page_of(request, reply, ())
        except BodyRefused:
            break
        if page.items.is_empty():
            break
        pages.append(reply)
        offset, total = offset + page.items.height, page.total or 0
    return pages


def _cycle_of(request: Request) -> int | None:
    """The cycle whose signers are asked for; None for the list of cycles."""
    found = SIGNERS.fullmatch(request.target.path)
    return int(found[1]) if found else None


def _cycles_on(page: Answer) -> list[int]:
    cycles = page_of(page.request, page, ("cycle_number",)).items.select(whole("cycle_number", pl.Int32()))
    return cycles.to_series().drop_nulls().to_list()


def _read_before(past: Past) -> dict[int, bool]:
    """Cycle -> whether the last answer to every question for its signers was good."""
    last: dict[tuple[int, str], bool] = {}
    for url, params, outcome in past.attempts.select("url", "params", "outcome").iter_rows():
        cycle = _cycle_of(Request(url))
        if cycle is not None:
            last[cycle, params] = outcome == Outcome.OK
    cycles = {cycle for cycle, _ in last}
    return {cycle: all(good for (one, _), good in last.items() if one == cycle) for cycle in cycles}
