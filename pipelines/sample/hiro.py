"""Hiro's API of Stacks in the simulated world: JSON, as bytes.

Belongs here: pages of rewards, cycles and signers, a block by its time, and supply by height.
Not here: what is true (`pox`, `stacks`), the node behind the same host (`stacks_node`), transactions, and reading
such an answer (`pipelines.feeds.hiro`).
Layout: the published interface file of version 9.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from pipelines.sample.blocks import Blocks
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.pox import FIRST_CYCLE, Pox, Reward, cycle_of
from pipelines.sample.stacks import Stacks
from pipelines.sample.times import instant_of, seconds

HOST = "api.hiro.so"
FIRST_SIGNED_CYCLE = 81
"""The cycles before it have stackers and no signers: they are not listed."""
STX_OF_2050 = "1818000000"
BLOCK = re.compile(r"/extended/v2/blocks/by-block-time/(\d+)")
SIGNERS = re.compile(r"/extended/v2/pox/cycles/(\d{1,4})/signers")


class NotAllowed(Exception):
    """A query that is not of the interface."""


class Hiro:
    """The service."""

    def __init__(self, blocks: Blocks, stacks: Stacks, pox: Pox) -> None:
        self._blocks, self._stacks, self._pox = blocks, stacks, pox
        self._lines = cache(lambda cycle: _printed(pox.rewards(cycle)))
        self._fork_lines = cache(lambda: _printed(pox.fork()))
        self._pages = {
            "/extended/v1/burnchain/rewards": self._rewards,
            "/extended/v2/pox/cycles": self._cycles,
            "/extended/v1/stx_supply": self._supply,
        }

    def answer(self, asked: Asked) -> Page | None:
        if (asked.method, asked.host) != ("GET", HOST):
            return None
        try:
            if found := BLOCK.fullmatch(asked.path):
                return self._block(found[1], asked.at)
            if found := SIGNERS.fullmatch(asked.path):
                return self._signers(int(found[1]), asked)
            return self._pages[asked.path](asked) if asked.path in self._pages else None
        except NotAllowed as error:
            return as_json({"error": "Bad Request", "message": str(error)}, 400)

    # --- lists

    def _rewards(self, asked: Asked) -> Page:
        """The newest first; nobody says how many there are."""
        limit, offset = _slice(asked, 96, 250)
        lines: list[str] = []
        skipped = offset
        for heights, part in self._parts(asked.at):
            end = len(heights) - skipped
            if end > 0:
                lines += reversed(part[max(0, end - limit + len(lines)) : end])
            skipped = max(0, -end)
            if len(lines) == limit:
                break
        body = f'{{"limit":{limit},"offset":{offset},"results":[{",".join(lines)}]}}'
        return Page(body.encode(), "application/json; charset=utf-8")

    def _parts(self, at: datetime) -> Iterator[tuple[list[int], list[str]]]:
        """The rewards up to an instant in parts, the newest part first, each with the oldest reward first."""
        tip = self._blocks.newest(at)
        newest = cycle_of(tip)
        if self._pox.is_forked(at):
            yield _up_to(tip, *self._fork_lines())
            tip = self._pox.fork()[0].height - 1
        yield _up_to(tip, *self._lines(newest))
        for cycle in range(newest - 1, FIRST_CYCLE - 1, -1):
            yield self._lines(cycle)

    def _cycles(self, asked: Asked) -> Page:
        newest = cycle_of(self._blocks.newest(asked.at))
        known = [c for c in range(newest + 1, FIRST_SIGNED_CYCLE - 1, -1) if self._pox.signed_at(c) <= asked.at]
        return _listed(asked, known, self._cycle, 20, 60)

    def _cycle(self, cycle: int) -> dict[str, Any]:
        signers = self._pox.signers(cycle)
        height = self._stacks.height_at(self._pox.signed_at(cycle))
        return {
            "block_height": height,
            "index_block_hash": f"0x{self._stacks.index_hash(height)}",
            "cycle_number": cycle,
            "total_weight": sum(signer.slots for signer in signers),
            "total_stacked_amount": str(self._pox.stacked_ustx(cycle)),
            "total_signers": len(signers),
        }

    def _signers(self, cycle: int, asked: Asked) -> Page:
        newest = cycle_of(self._blocks.newest(asked.at)) + 1
        if not FIRST_SIGNED_CYCLE <= cycle <= newest or self._pox.signed_at(cycle) > asked.at:
            return as_json({"error": "Not Found", "message": "PoX cycle not found"}, 404)
        signers = self._pox.signers(cycle)
        slots, stacked = sum(signer.slots for signer in signers), self._pox.stacked_ustx(cycle)
        rows = [
            {
                "signing_key": f"0x{signer.key}",
                "signer_address": signer.stacks_address,
                "weight": signer.slots,
                "stacked_amount": str(signer.stacked_ustx),
                "weight_percent": 100 * signer.slots / slots,
                "stacked_amount_percent": 100 * signer.stacked_ustx / stacked,
                "solo_stacker_count": signer.solo,
                "pooled_stacker_count": signer.pooled,
            }
            for signer in sorted(signers, key=lambda signer: signer.stacked_ustx, reverse=True)
        ]
        return _listed(asked, rows, dict, 100, 250)

    # --- the chain

    def _block(self, stamp: str, at: datetime) -> Page:
        """The newest block at an instant."""
        instant = instant_of(stamp)
        if instant is None:
            raise NotAllowed("params/timestamp must be Unix seconds")
        height = self._stacks.height_at(min(instant, at))
        if height < 1:
            return as_json({"error": "Not Found", "message": "Block not found"}, 404)
        made_at, burn = self._stacks.block_at(height), self._stacks.burn_height(height)
        burn_at = self._blocks.header_at(burn)
        return as_json(
            {
                "canonical": True,
                "height": height,
                "hash": f"0x{self._stacks.digest(f'hash/{height}')}",
                "block_time": seconds(made_at),
                "block_time_iso": f"{made_at:%Y-%m-%dT%H:%M:%S}.000Z",
                "tenure_height": self._stacks.height_at(burn_at),
                "index_block_hash": f"0x{self._stacks.index_hash(height)}",
                "parent_index_block_hash": f"0x{self._stacks.index_hash(height - 1)}",
                "burn_block_time": seconds(burn_at),
                "burn_block_time_iso": f"{burn_at:%Y-%m-%dT%H:%M:%S}.000Z",
                "burn_block_hash": f"0x{self._blocks.block_hash(burn)}",
                "burn_block_height": burn,
            }
        )

    def _supply(self, asked: Asked) -> Page:
        newest = self._stacks.height_at(asked.at)
        height = _whole(asked, "height", newest)
        if not 0 < height <= newest:
            return as_json({"error": "Not Found", "message": f"block height {height} is not known"}, 404)
        made_at = self._stacks.block_at(height)
        movable, locked = self._stacks.movable_stx(made_at), self._stacks.locked_stx(made_at)
        return as_json(
            {
                "unlocked_percent": f"{100 * movable / (movable + locked):.2f}",
                "total_stx": f"{movable + locked:.6f}",
                "total_stx_year_2050": STX_OF_2050,
                "unlocked_stx": f"{movable:.6f}",
                "block_height": height,
            }
        )


def _printed(rewards: list[Reward]) -> tuple[list[int], list[str]]:
    """Heights and rows of some rewards."""
    lines = [
        f'{{"canonical":true,"burn_block_hash":"0x{one.block_hash}","burn_block_height":{one.height},'
        f'"burn_amount":"{one.burn_sats}","reward_recipient":"{one.recipient}","reward_amount":"{one.sats}",'
        f'"reward_index":{one.index}}}'
        for one in rewards
    ]
    return [one.height for one in rewards], lines


def _up_to(tip: int, heights: list[int], lines: list[str]) -> tuple[list[int], list[str]]:
    end = bisect_right(heights, tip)
    return heights[:end], lines[:end]


def _slice(asked: Asked, usual: int, most: int) -> tuple[int, int]:
    """Limit and offset. Raises `NotAllowed`."""
    limit, offset = _whole(asked, "limit", usual), _whole(asked, "offset", 0)
    if limit > most:
        raise NotAllowed(f"querystring/limit must be <= {most}")
    return limit, offset


def _whole(asked: Asked, name: str, usual: int) -> int:
    given = asked.query.get(name, str(usual))
    if not given.isdecimal():
        raise NotAllowed(f"querystring/{name} must be integer")
    return int(given)


def _listed(asked: Asked, items: list[Any], printed: Callable[[Any], dict[str, Any]], usual: int, most: int) -> Page:
    limit, offset = _slice(asked, usual, most)
    results = [printed(item) for item in items[offset : offset + limit]]
    return as_json({"limit": limit, "offset": offset, "total": len(items), "results": results})
