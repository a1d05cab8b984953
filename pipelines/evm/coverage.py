"""Which blocks of which bridges were asked for, and what to ask for the others.

Belongs here: from filters to bridges and back.
Not here: what the ledger holds (record.py), arithmetic of ranges (ranges.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import groupby, pairwise

import polars as pl

from pipelines.bridges import BridgeContract
from pipelines.evm import calls as rpc
from pipelines.evm import judging
from pipelines.evm.calls import Call, LogFilter
from pipelines.evm.ranges import Blocks, Stretch, joined
from pipelines.registry import Registry
from pipelines.wire import Request


def bridges_asked(request: Request, registry: Registry) -> list[str]:
    """The bridges all of whose events in the request's blocks are asked for; none where it asks for no logs."""
    evm_chain_id, calls = rpc.calls_of(request)
    chain_id = registry.chain_of_evm_id.get(evm_chain_id)
    if chain_id is None or not is_of_logs(calls):
        return []
    first, last = judging.blocks_of(calls)
    missing = unasked(registry, chain_id, rpc.log_filters(calls))
    return [bridge_id for bridge_id, rows in missing.items() if not any(overlaps(row, first, last) for row in rows)]


def blocks_of(request: Request) -> Blocks:
    """The first and the last block that a request for logs asks for, both included."""
    return judging.blocks_of(rpc.calls_of(request)[1])


def is_of_logs(calls: Collection[Call]) -> bool:
    """Whether these calls ask for logs, and for nothing else."""
    return bool(calls) and all(call.method == rpc.LOGS for call in calls)


def overlaps(row: BridgeContract, first: int, last: int) -> bool:
    return row.from_block <= last and (row.to_block is None or row.to_block >= first)


def fed_contracts(registry: Registry, chain_id: str) -> dict[str, list[BridgeContract]]:
    """Bridge with a feed on the chain -> its events."""
    rows = sorted((row for row in registry.bridge_contracts if row.chain_id == chain_id), key=lambda row: row.bridge_id)
    of_bridge = {bridge_id: list(events) for bridge_id, events in groupby(rows, key=lambda row: row.bridge_id)}
    return {name: events for name, events in of_bridge.items() if registry.bridges[name].has_feed}


def life_of(events: Iterable[BridgeContract]) -> Blocks:
    """The blocks in which a bridge has events; one that has no end ends at no height."""
    events = list(events)
    ends = [row.to_block for row in events]
    return min(row.from_block for row in events), max(NO_END if end is None else end for end in ends)


NO_END = 2**62


def unasked(registry: Registry, chain_id: str, filters: list[LogFilter]) -> dict[str, list[BridgeContract]]:
    """For each bridge with a feed the events that these filters leave out; no key where they ask for none of it."""
    left_out = {}
    for bridge_id, events in fed_contracts(registry, chain_id).items():
        missing = [row for row in events if not any(_asks(one, row, registry) for one in filters)]
        if len(missing) < len(events):
            left_out[bridge_id] = missing
    return left_out


def _asks(one: LogFilter, row: BridgeContract, registry: Registry) -> bool:
    if row.address not in one.addresses or row.topic0 not in one.topic0s:
        return False
    return not one.topic1s or set(_topic1s(row, registry)) == set(one.topic1s)


def _topic1s(row: BridgeContract, registry: Registry) -> tuple[str, ...]:
    """The second topics of a role's addresses, as words of 32 bytes."""
    if row.topic1_role is None:
        return ()
    return tuple(f"0x{address[2:]:0>64}" for address in registry.bridge_addresses(row.bridge_id, row.topic1_role))


def owners(registry: Registry, chain_id: str, bridges: Collection[str]) -> pl.DataFrame:
    """Whose logs are whose: contract_address, topic0, topic1s (null where any counts), log_set_id, in its order."""
    contracts = fed_contracts(registry, chain_id)
    rows = {
        (row.address, row.topic0, _topic1s(row, registry) or None, bridge_id)
        for bridge_id in bridges
        for row in contracts.get(bridge_id, [])
    }
    schema = {
        "contract_address": pl.String,
        "topic0": pl.String,
        "topic1s": pl.List(pl.String),
        "log_set_id": pl.String,
    }
    return pl.DataFrame(sorted(rows, key=lambda row: row[-1]), schema=schema, orient="row")


def filters_of(registry: Registry, events: Iterable[BridgeContract]) -> list[LogFilter]:
    """As few filters as have all these events: one, and one more for each role that the second topic plays."""
    shapes: dict[tuple[str, ...], list[BridgeContract]] = {}
    for row in events:
        shapes.setdefault(_topic1s(row, registry), []).append(row)
    return [
        LogFilter(tuple(sorted({row.address for row in rows})), tuple(sorted({row.topic0 for row in rows})), topic1s)
        for topic1s, rows in sorted(shapes.items())
    ]


def stretches(registry: Registry, chain_id: str, gaps: Mapping[str, list[Blocks]]) -> list[Stretch]:
    """What to ask so that the gaps of all bridges close; bridges that miss the same blocks share a filter."""
    contracts = fed_contracts(registry, chain_id)
    edges = sorted({edge for ranges in gaps.values() for first, last in ranges for edge in (first, last + 1)})
    wanted = []
    for first, end in pairwise(edges):
        lacking = [name for name, ranges in gaps.items() if any(start <= first <= last for start, last in ranges)]
        plain = [name for name in lacking if not any(row.topic1_role for row in contracts[name])]
        groups = [plain, *([name] for name in lacking if name not in plain)]
        events = [[row for name in group for row in contracts[name]] for group in groups if group]
        wanted += [Stretch(one, first, end - 1) for rows in events for one in filters_of(registry, rows)]
    return joined(wanted)
