"""The Stacks node behind Hiro's host in the simulated world: its constants and read-only calls as JSON, as bytes.

Belongs here: `/v2` and the Clarity values in it. A state that is not known is answered by the present, without a
word; what was not there in a state, and any other function, is said not to be okay with status 200.
Not here: what is true (`pox`, `stacks`), Hiro's own API (`hiro`), and reading such an answer (`pipelines.feeds`).
Layout: the examples of the node's documentation; SIP-005 for values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipelines.sample.blocks import Blocks
from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.pox import CYCLE_BLOCKS, PAYING_BLOCKS, PREPARE_BLOCKS, SLOTS, Pox, cycle_of
from pipelines.sample.stacks import FIRST_BLOCK, STX, Stacks

INFO = "GET api.hiro.so/v2/pox"
CALL = re.compile(r"POST api\.hiro\.so/v2/contracts/call-read/(\w+)/([\w-]+)/([\w-]+)")
BOOT, STACKING_DAO = "SP000000000000000000002Q6VF78", "SP4SZE494VC2YC5JYG7AYFQ44F5Q4PYV7DVMDPBG"
POX_CONTRACTS = [f"{BOOT}.{name}" for name in ("pox", "pox-2", "pox-3", "pox-4")]
OK, UINT, TUPLE = b"\x07", b"\x01", b"\x0c"


class StacksNode:
    """The node. Of Stacking DAO's contracts it knows the reserve."""

    def __init__(self, blocks: Blocks, stacks: Stacks, pox: Pox) -> None:
        self._blocks, self._stacks, self._pox = blocks, stacks, pox
        self._amounts: dict[str, Callable[[datetime], int | None]] = {
            "get-total-stx": stacks.reserve_ustx,
            "get-stx-for-withdrawals": stacks.promised_ustx,
        }

    def answer(self, asked: Asked) -> Page | None:
        if asked.line == INFO:
            return as_json(self._info(asked.at))
        if found := CALL.fullmatch(asked.line):
            return as_json(self._called(f"{found[1]}.{found[2]}", found[3], asked.query.get("tip", ""), asked.at))
        return None

    def _info(self, at: datetime) -> dict[str, Any]:
        tip = self._blocks.newest(at)
        cycle, passed = divmod(tip - FIRST_BLOCK, CYCLE_BLOCKS)
        current, following = (
            {"id": c, "min_threshold_ustx": self._pox.min_slot_ustx(c), "stacked_ustx": self._pox.stacked_ustx(c)}
            for c in (cycle, cycle + 1 if self._pox.signed_at(cycle + 1) <= at else cycle)
        )
        return {
            "contract_id": POX_CONTRACTS[-1],
            "first_burnchain_block_height": FIRST_BLOCK,
            "current_burnchain_block_height": tip,
            "prepare_phase_block_length": PREPARE_BLOCKS,
            "reward_phase_block_length": PAYING_BLOCKS,
            "reward_slots": SLOTS,
            "total_liquid_supply_ustx": int(self._stacks.movable_stx(at) * STX),
            "current_cycle": {**current, "is_pox_active": True},
            "next_cycle": {**following, "id": cycle + 1, "blocks_until_reward_phase": CYCLE_BLOCKS - passed},
            "reward_cycle_id": cycle,
            "reward_cycle_length": CYCLE_BLOCKS,
            "next_reward_cycle_in": CYCLE_BLOCKS - passed,
        }

    def _called(self, contract: str, function: str, tip: str, at: datetime) -> dict[str, Any]:
        """A read-only call at the state after a block, or at the present where the block is not known."""
        newest = self._stacks.height_at(at)
        height = self._stacks.height_of(tip) or newest
        state_at = self._stacks.block_at(min(height, newest))
        value = self._value(contract, function, state_at)
        if value is None:
            return {"okay": False, "cause": f"Unchecked(NoSuchContract({contract}::{function}))"}
        return {"okay": True, "result": f"0x{(OK + value).hex()}"}

    def _value(self, contract: str, function: str, at: datetime) -> bytes | None:
        """What a function tells of a state, as a Clarity value; None where it was not there."""
        if contract in POX_CONTRACTS and function == "get-pox-info":
            return _pox_tuple(cycle_of(self._blocks.newest(at)), self._stacks.movable_stx(at))
        if contract != f"{STACKING_DAO}.reserve-v1" or function not in self._amounts:
            return None
        amount = self._amounts[function](at)
        return None if amount is None else _uint(amount)


def _uint(value: int) -> bytes:
    return UINT + value.to_bytes(16, "big")


def _pox_tuple(cycle: int, movable_stx: Decimal) -> bytes:
    """What a contract of Proof of Transfer tells of itself: its fields in the order of their names."""
    fields = {
        "first-burnchain-block-height": FIRST_BLOCK,
        "prepare-cycle-length": PREPARE_BLOCKS,
        "reward-cycle-id": cycle,
        "reward-cycle-length": CYCLE_BLOCKS,
        "total-liquid-supply-ustx": int(movable_stx * STX),
    }
    named = b"".join(bytes([len(name)]) + name.encode() + _uint(value) for name, value in sorted(fields.items()))
    return TUPLE + len(fields).to_bytes(4, "big") + named
