"""Whether an answer is one to its question: errors in good clothes, other blocks, other contracts, another chain.

Belongs here: the judgement of a body on arrival, in the thread that asked.
Not here: the words of providers (limits.py), and what the conversation does next (conversation.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.evm import calls as rpc
from pipelines.evm.calls import Call
from pipelines.evm.limits import outcome_of, shown
from pipelines.evm.logs import read_logs
from pipelines.registry import Registry
from pipelines.wire import BodyRefused, Outcome, Request

SMALL_BYTES = 64 * 1024
"""A body of logs up to this size is read as JSON at once; of a larger one only what is around its list."""


@dataclass(frozen=True)
class Reading:
    """What the conversation needs to know of an answer with logs: how many, and the blocks that have no time yet."""

    logs: int
    untimed: tuple[int, ...]


class Judge:
    """Judges bodies. `hashes`: what headers said, (number of the chain, height) -> hash; logs must agree with it."""

    def __init__(self, registry: Registry, source_id: str) -> None:
        self.hashes: dict[tuple[int, int], str] = {}
        self._readings: dict[Request, Reading] = {}
        self._chains = {chain.evm_chain_id: chain for chain in registry.evm_chains.values()}
        ends = (end for chain_id in registry.evm_chains for end in registry.endpoints(source_id, chain_id))
        self._most_logs = {end.url: end.max_logs for end in ends if end.max_logs}

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        """Why the body is no answer to the request; None where it is one."""
        try:
            evm_chain_id, calls = rpc.calls_of(request)
            for call, result in zip(calls, _results(body, request, calls), strict=True):
                self._check_small(evm_chain_id, call, result)
            if any(call.method == rpc.LOGS for call in calls):
                self._readings[request] = self._read(request, evm_chain_id, calls, body)
        except BodyRefused as refused:
            return refused
        return None

    def reading(self, request: Request, body: bytes) -> Reading:
        """What a good answer with logs holds; read at its arrival, or now."""
        return self._readings.pop(request, None) or self._read(request, *rpc.calls_of(request), body)

    def _check_small(self, evm_chain_id: int, call: Call, result: Any) -> None:
        """Raises `BodyRefused` where a result is not one to its call. Logs are looked at apart."""
        if call.method == rpc.CHAIN_ID and rpc.quantity(result) != evm_chain_id:
            raise BodyRefused(Outcome.WRONG_CHAIN, f"chain {rpc.quantity(result)}, not {evm_chain_id}")
        if call.method in (rpc.BLOCK_NUMBER, rpc.BALANCE):
            rpc.quantity(result)
        if call.method == rpc.HEADER:
            self._check_header(evm_chain_id, call.params[0], result)
        if call.method == rpc.LOGS and not isinstance(result, list):
            raise BodyRefused(Outcome.WRONG_ANSWER, f"no list of logs: {str(result)[:60]}")

    def _check_header(self, evm_chain_id: int, asked: str, result: Any) -> None:
        header = rpc.header(result)
        if not asked.startswith("0x"):
            return
        if header.number != int(asked, 16):
            raise BodyRefused(Outcome.WRONG_ANSWER, f"block {header.number}, not {int(asked, 16)}")
        chain = self._chains.get(evm_chain_id)
        if chain and header.number == chain.anchor_block_number and header.block_hash != chain.anchor_block_hash:
            raise BodyRefused(Outcome.WRONG_CHAIN, f"block {header.number} is {header.block_hash}: another chain")

    def _read(self, request: Request, evm_chain_id: int, calls: list[Call], body: bytes) -> Reading:
        """Raises `BodyRefused` where logs are cut short, or not all of them were asked for."""
        logs = read_logs(body)
        most = self._most_logs.get(request.url)
        if most and logs.height >= most and _most_of_a_call(logs) >= most:
            raise BodyRefused(Outcome.RANGE_TOO_LARGE, f"{most} logs, and the endpoint gives no more than {most} logs")
        first, last = blocks_of(calls)
        sound = logs.lazy().filter(pl.col("fault").is_null())
        told = sound.select(**_doubts(calls, first, last, self.hashes.get((evm_chain_id, last)))).collect().row(0)
        for doubtful, words in zip(told, _DOUBTS, strict=True):
            if doubtful:
                raise BodyRefused(Outcome.WRONG_ANSWER, f"{doubtful} of {logs.height} logs {words}")
        untimed = logs.filter(pl.col("block_at").is_null())["block_number"].drop_nulls().unique().sort()
        return Reading(logs.height, tuple(untimed.to_list()))


_DOUBTS = (
    "are of blocks that were not asked for",
    "are of contracts that were not asked for",
    "have topics that were not asked for",
    "are there twice",
    "have another hash than the header of their block: it was reorganised",
)


def _doubts(calls: list[Call], first: int, last: int, end_hash: str | None) -> dict[str, pl.Expr]:
    """How many logs are wrong in each way of `_DOUBTS`."""
    filters = rpc.log_filters(calls)
    block, topic0, topic1 = pl.col("block_number"), pl.col("topic0"), pl.col("topic1")
    addresses = sorted({address for one in filters for address in one.addresses})
    is_of_topics = topic0.is_in(list(filters[0].topic0s))
    if filters[0].topic1s:
        is_of_topics &= topic1.is_in(list(filters[0].topic1s))
    is_other_hash = (block == last) & (pl.col("block_hash") != (end_hash or ""))
    return {
        "blocks": (~block.is_between(first, last)).sum(),
        "contracts": (~pl.col("contract_address").is_in(addresses)).sum(),
        "topics": (~is_of_topics.fill_null(value=False)).sum(),
        "twice": pl.len() - pl.struct("block_number", "log_index").n_unique(),
        "hash": is_other_hash.sum() if end_hash else pl.lit(0),
    }


def blocks_of(calls: list[Call]) -> tuple[int, int]:
    """The first and the last block of a question for logs."""
    told = next(call.params[0] for call in calls if call.method == rpc.LOGS)
    return int(told["fromBlock"], 16), int(told["toBlock"], 16)


def _most_of_a_call(logs: pl.DataFrame) -> int:
    """The most logs that one call of the request was answered with."""
    return logs.group_by(pl.col("locator").str.extract(r"^(.*)/\d+$")).len()["len"].max()  # ty: ignore


def _results(body: bytes, request: Request, calls: list[Call]) -> list[Any]:
    """The result of each call, in their order. Raises `BodyRefused` for errors, nulls, and other ids."""
    told = _told(body, is_of_one=len(calls) == 1)
    members = told if isinstance(told, list) else [told]
    if not all(isinstance(member, dict) for member in members):
        raise BodyRefused(Outcome.WRONG_ANSWER, f"no JSON-RPC answer: {str(told)[:80]}")
    if errors := [member["error"] for member in members if member.get("error") is not None]:
        raise _refusal_of(errors, of_logs=any(call.method == rpc.LOGS for call in calls))
    asked_of = json.loads(request.body or "")
    ids = [one["id"] for one in (asked_of if isinstance(asked_of, list) else [asked_of])]
    results = {member.get("id"): member for member in members}
    if len(members) != len(ids) or set(results) != set(ids) or not all("result" in one for one in members):
        raise BodyRefused(Outcome.WRONG_ANSWER, f"{len(ids)} calls from id {ids[0]}, answered ids {list(results)[:5]}")
    for one, call in zip(ids, calls, strict=True):
        if results[one]["result"] is None:
            raise BodyRefused(Outcome.NULL_RESULT, f"null for {call.method} {json.dumps(call.params)[:100]}")
    return [results[one]["result"] for one in ids]


def _refusal_of(errors: list[Any], *, of_logs: bool) -> BodyRefused:
    told = [
        (error.get("code"), str(error.get("message") or error.get("data") or error))
        if isinstance(error, dict)
        else (None, str(error))
        for error in errors
    ]
    outcomes = [outcome_of(code, words, of_logs=of_logs) for code, words in told]
    worst = outcomes.index(Outcome.RATE_LIMITED) if Outcome.RATE_LIMITED in outcomes else 0
    return BodyRefused(outcomes[worst], shown(*told[worst]))


def _told(body: bytes, *, is_of_one: bool) -> Any:
    """The JSON value of a body; of a long list of logs only its envelope. Raises `BodyRefused` (truncated)."""
    if is_of_one and len(body) > SMALL_BYTES:
        start, end = body.find(b"["), body.rfind(b"]")
        if 0 < start < end:
            body = body[: start + 1] + body[end:]
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyRefused(Outcome.TRUNCATED, f"not complete JSON: {error}") from error
