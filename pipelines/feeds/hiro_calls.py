"""Read-only calls of Stacks contracts at a block: which are made, and how an answer is held to what was asked.

Belongs here: contracts and functions, the block that a state is named by, the outcome of a call.
Not here: which days are asked for and the tables (hiro_stx.py), the bytes of values (clarity.py).
Source: https://github.com/StackingDAO/contracts (reserve-v1), https://github.com/stacks-network/stacks-core (pox-3)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.feeds.clarity import ClarityError, Err, Ok, decode
from pipelines.feeds.hiro import BASE, document_of, whole_of
from pipelines.feeds.points import refuse_without
from pipelines.feeds.pox import MAINNET
from pipelines.tables.stacking import HASH, LONGEST_BLOCK_GAP_HOURS
from pipelines.wire import BodyRefused, Outcome, Request

BLOCK_BEFORE = "/extended/v2/blocks/by-block-time/"
BLOCK_PATH = re.compile(rf"{BLOCK_BEFORE}(\d{{9,10}})")
CALL_READ = "/v2/contracts/call-read/"
CALL_PATH = re.compile(rf"{CALL_READ}([0-9A-Z]+)/([a-zA-Z][\w-]*)/([a-zA-Z][\w!?<>=*/+-]*)")
SHOWN_CHARACTERS = 120


@dataclass(frozen=True)
class Call:
    """A read-only function without arguments."""

    address: str
    contract: str
    function: str

    def __str__(self) -> str:
        return f"{self.contract}.{self.function}"


@dataclass(frozen=True)
class Block:
    """The newest Stacks block that was not later than an instant. `index_block_hash` names the state after it."""

    asked_at: datetime
    stacks_height: int
    index_block_hash: str
    block_at: datetime
    burn_block_height: int


STACKING_DAO = "SP4SZE494VC2YC5JYG7AYFQ44F5Q4PYV7DVMDPBG"
RESERVES = {
    ("stacking_dao", "total"): Call(STACKING_DAO, "reserve-v1", "get-total-stx"),
    ("stacking_dao", "withdrawal"): Call(STACKING_DAO, "reserve-v1", "get-stx-for-withdrawals"),
}
"""(protocol_id, measure) -> the call that tells it, in millionths of STX."""
TRIAL = Call("SP000000000000000000002Q6VF78", "pox-3", "get-pox-info")
"""It tells the reward cycle of the state that it is read from."""


def asking(call: Call, block: Block) -> Request:
    """The call at the state after a block. Who seems to call makes no difference to these functions."""
    return Request(
        f"{BASE}{CALL_READ}{call.address}/{call.contract}/{call.function}",
        method="POST",
        params=(("tip", block.index_block_hash),),
        body=json.dumps({"sender": call.address, "arguments": []}),
    )


def call_in(path: str) -> Call | None:
    """The call that a path names; None for any other path."""
    found = CALL_PATH.fullmatch(path)
    return Call(*found.groups()) if found else None


def call_of(request: Request) -> Call | None:
    return call_in(request.target.path)


def tip_of(request: Request) -> str:
    """The state that is asked for. Raises `BodyRefused`: one that is not 64 hex digits is answered by the present."""
    tip = dict(request.params).get("tip", "")
    if not re.fullmatch(HASH, tip):
        raise BodyRefused(Outcome.WRONG_ANSWER, f"tip '{tip[:80]}' names no block, so the answer is of the present")
    return tip


def value_of(request: Request, body: bytes) -> Any:
    """What a call tells, a response taken apart. Raises `BodyRefused` with the outcome."""
    tip_of(request)
    document = document_of(body)
    if not refuse_without("okay", bool, document):
        cause = str(document.get("cause"))[:SHOWN_CHARACTERS]
        raise BodyRefused(Outcome.RPC_ERROR, f"{call_of(request)} was not called: {cause}")
    try:
        told = decode(refuse_without("result", str, document))
    except ClarityError as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{call_of(request)} answers no Clarity value: {error}") from error
    if isinstance(told, Err):
        raise BodyRefused(Outcome.RPC_ERROR, f"{call_of(request)} answers (err {told.value})")
    told = told.value if isinstance(told, Ok) else told
    if told is None:
        raise BodyRefused(Outcome.NULL_RESULT, f"{call_of(request)} answers none")
    return told


def amount_of(request: Request, body: bytes) -> int:
    """The amount that a call tells. Raises `BodyRefused`, for a negative one and any other value too."""
    told = value_of(request, body)
    if not isinstance(told, int) or isinstance(told, bool) or told < 0:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{str(told)[:SHOWN_CHARACTERS]} is no amount")
    return told


def refuse_another_state(request: Request, body: bytes, block: Block) -> None:
    """Raises `BodyRefused`, wrong_answer, where what the trial tells is not of the block's reward cycle.

    The height that a contract sees may be that of the Bitcoin block before or after.
    """
    told = value_of(request, body)
    cycle = told.get("reward-cycle-id") if isinstance(told, dict) else None
    if not isinstance(cycle, int):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{TRIAL} tells no reward-cycle-id")
    near = {MAINNET.cycle_of(block.burn_block_height + blocks) for blocks in (-1, 0, 1)}
    if cycle not in near:
        own = MAINNET.cycle_of(block.burn_block_height)
        reason = f"the state of block {block.stacks_height} is of cycle {own}, and the answer is of cycle {cycle}"
        raise BodyRefused(Outcome.WRONG_ANSWER, reason)


def block_of(request: Request, body: bytes) -> Block:
    """The block of an answer. Raises `BodyRefused`: wrong_answer where it cannot be the one that was asked for."""
    found = BLOCK_PATH.fullmatch(request.target.path)
    if not found:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{request} asks for no instant")
    document = document_of(body)
    told = refuse_without("index_block_hash", str, document).lower().removeprefix("0x")
    if not re.fullmatch(HASH, told):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"index_block_hash '{told[:80]}' is no hash")
    numbers = {name: whole_of(document, name) for name in ("height", "block_time", "burn_block_height")}
    asked_sec, block_sec = int(found[1]), numbers["block_time"]
    if not refuse_without("canonical", bool, document):
        raise BodyRefused(Outcome.WRONG_ANSWER, f"block {numbers['height']} is an orphan")
    if not asked_sec - LONGEST_BLOCK_GAP_HOURS * 3600 <= block_sec <= asked_sec:
        reason = f"{_instant(asked_sec)} was asked for, and block {numbers['height']} has the time {block_sec}"
        raise BodyRefused(Outcome.WRONG_ANSWER, reason)
    return Block(_instant(asked_sec), numbers["height"], told, _instant(block_sec), numbers["burn_block_height"])


def _instant(sec: int) -> datetime:
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=sec)).replace(tzinfo=None)
