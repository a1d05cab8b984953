"""Small answers of Hiro's API and of a Stacks node, and an upstream whose list of rewards grows and loses rows.

Belongs here: builders of bodies, and the upstreams that tests talk to.
Not here: assertions, and any reading of an answer: builders are never made from the code they test.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from market_pages import answered, failed

from pipelines.wire import Answer, Failure, Request

BASE = "https://api.hiro.so"
REWARDS = f"{BASE}/extended/v1/burnchain/rewards"
CYCLES = f"{BASE}/extended/v2/pox/cycles"
BLOCKS = f"{BASE}/extended/v2/blocks/by-block-time/"
SUPPLY = f"{BASE}/extended/v1/stx_supply/"
FETCHED = datetime.fromisoformat("2024-01-05T09:30")
SIXTY_MILLION_STX = "0x0701000000000000000000003691d6afc000"
PAYEES = ("bc1qFirst", "1Second")
F, L, PREPARE = 666_050, 2_100, 100


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


# --- rewards ------------------------------------------------------------------------------------------------


def reward(height: int, index: int = 0, fork: int = 0, **changes: Any) -> dict[str, Any]:
    """One reward; its hash says its height and its fork."""
    return {
        "canonical": True,
        "burn_block_hash": f"0x{fork:032x}{height:032x}",
        "burn_block_height": height,
        "burn_amount": "0",
        "reward_recipient": PAYEES[index % 2],
        "reward_amount": str(height * 10 + index),
        "reward_index": index,
        **changes,
    }


def block_rewards(heights: Iterable[int], fork: int = 0) -> list[dict[str, Any]]:
    """Two rewards for each of these heights that pays any, newest first."""
    paying = [height for height in sorted(heights, reverse=True) if 1 <= (height - F) % L <= L - PREPARE]
    return [reward(height, index, fork) for height in paying for index in (1, 0)]


def page(rows: Iterable[Any], offset: int = 0, limit: int = 250, **more: Any) -> bytes:
    return json_bytes({"limit": limit, "offset": offset, "results": list(rows), **more})


def asking(offset: int = 0) -> Request:
    return Request.get(REWARDS, {"limit": "250", "offset": str(offset)})


class RewardList:
    """An upstream of rewards. `events`: what happens to its list before the n-th question, counted from one."""

    def __init__(self, rows: list[dict[str, Any]], at: datetime = FETCHED) -> None:
        self.rows = rows
        self.at = at
        self.events: dict[int, Any] = {}
        self.asked: list[int] = []

    def __call__(self, request: Request) -> Answer | Failure:
        query = dict(request.params)
        offset, limit = int(query["offset"]), int(query["limit"])
        self.asked.append(offset)
        event = self.events.get(len(self.asked))
        if isinstance(event, list):
            self.rows = event
        elif event:
            return failed(request, event, self.at)
        return answered(request, page(self.rows[offset : offset + limit], offset, limit), self.at)


# --- cycles -------------------------------------------------------------------------------------------------


def cycle(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "block_height": 100_000 + number * 1_000,
        "index_block_hash": f"0x{number:064x}",
        "cycle_number": number,
        "total_weight": 3_990,
        "total_stacked_amount": "509000000000000",
        "total_signers": 40,
        **changes,
    }


def signer(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "signing_key": f"0x02{number:064x}",
        "signer_address": f"SP{number}",
        "weight": 10,
        "stacked_amount": str(number * 10**12),
        "weight_percent": 1.5,
        "stacked_amount_percent": 1.5,
        "solo_stacker_count": 1,
        "pooled_stacker_count": number,
        **changes,
    }


# --- states at the end of a day -----------------------------------------------------------------------------


def tip(height: int) -> str:
    return f"{height:064x}"


def seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())


def block(height: int, at: str, burn: int = 823_600, **changes: Any) -> bytes:
    return json_bytes(
        {
            "canonical": True,
            "height": height,
            "hash": f"0x{height + 1:064x}",
            "block_time": seconds(at),
            "index_block_hash": f"0x{tip(height)}",
            "burn_block_height": burn,
            **changes,
        }
    )


def result(value: str) -> bytes:
    return json_bytes({"okay": True, "result": value})


def uint(value: int) -> str:
    return f"01{value:032x}"


def ok(value: str) -> str:
    return f"0x07{value}"


def pox_tuple(cycle_number: int) -> str:
    """What get-pox-info tells, two of its fields."""
    fields = {"reward-cycle-id": uint(cycle_number), "reward-cycle-length": uint(L)}
    return ok(f"0c{len(fields):08x}" + "".join(f"{len(n):02x}{n.encode().hex()}{v}" for n, v in fields.items()))


def supply(height: Any, unlocked: Any = "1427331422.593812", total: Any = "1427331422.593812") -> bytes:
    return json_bytes(
        {
            "unlocked_percent": "96.90",
            "total_stx": total,
            "total_stx_year_2050": "1818000000",
            "unlocked_stx": unlocked,
            "block_height": height,
        }
    )


class Node:
    """An upstream of states, with a block every ten minutes. `ignores_tip`: the trial always tells `now_cycle`."""

    def __init__(self, *, ignores_tip: bool = False, now_cycle: int = 152) -> None:
        self.ignores_tip = ignores_tip
        self.now_cycle = now_cycle
        self.asked: list[Request] = []
        self.broken: set[str] = set()

    def body(self, request: Request) -> bytes:
        self.asked.append(request)
        if request.url.startswith(BLOCKS):
            sec = int(request.url.removeprefix(BLOCKS))
            at = datetime.fromtimestamp(sec - 60, UTC).replace(tzinfo=None).isoformat()
            return block(sec // 600, at, burn=823_600 + (sec - seconds("2024-01-01")) // 600)
        if request.url == SUPPLY:
            return supply(int(dict(request.params)["height"]))
        if request.url.endswith("get-pox-info"):
            sec = int(dict(request.params)["tip"], 16) * 600
            own = (823_600 + (sec - seconds("2024-01-01")) // 600 - F) // L
            return result(pox_tuple(self.now_cycle if self.ignores_tip else own))
        return result(SIXTY_MILLION_STX)

    def __call__(self, request: Request) -> Answer | Failure:
        body = self.body(request)
        return failed(request, 500, FETCHED) if self._is_broken(request) else answered(request, body, FETCHED)

    def _is_broken(self, request: Request) -> bool:
        return any(name in request.url for name in self.broken)
