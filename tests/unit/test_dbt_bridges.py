"""The marts of the bridges against a second reading of their rules, in plain Python, on months of made-up answers.

Headers with gaps, answers that leave holes, refunds known early and late, tokens of every kind, missing prices. Every
column of every row of marts.bridge_throughput and bridge_native_vs_nonnative is computed again from the rows of the
feeds and the seeds. Nothing here knows the models.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import random
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_build import dbt, make_feeds, observed, receipt, rows_of

Row = dict[str, Any]
ONE_DAY = timedelta(days=1)
FIRST, LAST = date(2024, 1, 25), date(2024, 5, 12)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
TOLD = [date(2024, 1, 1) + timedelta(n) for n in range((LAST - date(2024, 1, 1)).days + 1)]
"""The same from the start of the month on."""
ASKED_AT, AS_OF = datetime(2024, 5, 14, 9), datetime(2024, 5, 14, 12)
LATER = AS_OF + ONE_DAY
BLOCKS_PER_DAY = 96
GENESIS = {
    "rootstock": (6_000_000, datetime(2024, 1, 25, 0, 7)),
    "bob": (0, datetime(2024, 3, 5, 15)),
    "merlin": (0, datetime(2024, 2, 9, 2)),
}
"""The first block of the made-up history of a chain, and its time; then one every quarter of an hour."""
FLYOVER_STARTS_AT = 6_000_000 + 20 * BLOCKS_PER_DAY + 33
NO_HEADERS = range(6_008_000, 6_008_700)
"""Blocks whose events have no header."""
LEAK_ON = date(2024, 3, 3)
"""A day on which 3 BTC leave the peg without an event."""
WINDOW = (date(2024, 2, 3), date(2024, 5, 6))
LAUNCHES = {"wormhole_rootstock": "2024-04-20", "bitvmx_union": "2025-09-30", "bitlayer_bridge": "2024-04-14"}
PEG = "0x0000000000000000000000000000000001000006"
WBTC, TBTC, RBTC = (
    "0x03c7054bcb39f7b2e5b2c7acb37583e32d70cfa3",
    "0xbba2ef945d523c4e2608c9e1214c2cc64d4fc2e2",
    "0x542fda317318ebf1d3deaf76e0b632741a7e677d",
)
UNKNOWN = "0x" + "77" * 20
RETURNED = {"refunded", "reclaimed", "rejected"}
TOO_MUCH = 10**37


def block_time(chain_id: str, number: int) -> datetime:
    first, at = GENESIS[chain_id]
    return at + timedelta(minutes=15 * (number - first))


def last_block(chain_id: str) -> int:
    first, at = GENESIS[chain_id]
    return first + (datetime(LAST.year, LAST.month, LAST.day, 6) - at) // timedelta(minutes=15)


# ---------------------------------------------------------------- what the nodes said


def amounts_of(bridge_id: str, dice: random.Random) -> Row:
    """An event of the bridge: direction, unit, amount and fee, token."""
    sats, direction = dice.randint(1_000, 200_000_000), dice.choice(["deposit", "withdrawal"])
    wei = sats * 10**10 + dice.choice([0, 0, 5 * 10**9, 4_999_999_999, 1])
    native = {"raw_unit": "wei", "raw_decimals": 18, "amount_raw": wei}
    in_sats = {"raw_unit": "sats", "raw_decimals": 8, "amount_raw": sats}
    row: Row = {"direction": direction}
    if bridge_id == "sovryn_fastbtc":
        row |= native if direction == "deposit" else in_sats
        return row | {"fee_raw": dice.randint(0, 5_000) * (10**10 if direction == "deposit" else 1)}
    if bridge_id == "merlin_bridge":
        return row | native | ({"fee_raw": 5 * 10**13} if direction == "withdrawal" and dice.random() < 0.9 else {})
    if bridge_id == "bob_gateway_v1":
        token = dice.choice([WBTC, TBTC])
        row |= {"raw_unit": "token", "raw_decimals": 8 if token == WBTC else 18, "direction": "deposit"}
        return row | {"token_address": token, "amount_raw": sats if token == WBTC else wei}
    if bridge_id in ("bob_canonical_bridge", "rootstock_token_bridge"):
        known = [WBTC, TBTC] if bridge_id == "bob_canonical_bridge" else [RBTC]
        token = dice.choice([*known, UNKNOWN, None])
        if token is None and bridge_id == "bob_canonical_bridge":
            return row | native | {"amount_raw": dice.choice([wei, wei, wei, TOO_MUCH])}
        decimals = 18 if bridge_id == "rootstock_token_bridge" else None
        row |= {"raw_unit": "token", "raw_decimals": decimals, "token_address": token or UNKNOWN}
        return row | {"amount_raw": dice.choice([wei, TOO_MUCH, None]) if token in (TBTC, RBTC) else sats}
    return row | (in_sats if bridge_id == "rootstock_powpeg" else native)


def made_up_events(dice: random.Random) -> Iterator[tuple[str, Row]]:
    """Rows of the events and of their states, by table."""
    rates = {"rootstock_powpeg": 0.004, "sovryn_fastbtc": 0.03, "rootstock_flyover": 0.008, "merlin_bridge": 0.03}
    rates |= {"rootstock_token_bridge": 0.004, "bob_gateway_v1": 0.02, "bob_canonical_bridge": 0.01}
    chain_of = {"merlin_bridge": "merlin"} | dict.fromkeys(["bob_gateway_v1", "bob_canonical_bridge"], "bob")
    for place, (bridge_id, rate) in enumerate(rates.items()):
        chain_id = chain_of.get(bridge_id, "rootstock")
        start = FLYOVER_STARTS_AT if bridge_id == "rootstock_flyover" else GENESIS[chain_id][0]
        start += 4 * BLOCKS_PER_DAY if bridge_id == "merlin_bridge" else 0
        for number in range(start, last_block(chain_id)):
            for n in range(dice.choice([1, 1, 1, 3]) if dice.random() < rate else 0):
                yield from one_transfer(dice, bridge_id, chain_id, number, place * 100 + n)


def one_transfer(
    dice: random.Random, bridge_id: str, chain_id: str, number: int, log_index: int
) -> Iterator[tuple[str, Row]]:
    told = amounts_of(bridge_id, dice)
    about = {"chain_id": chain_id, "bridge_id": bridge_id, "source_id": "evm_rpc", "locator": "/result/0"}
    place = {"block_number": number, "log_index": log_index, "fetch_id": f"{bridge_id}-{number}"}
    tx_hash = f"0x{number:060x}{log_index:04x}"
    transfer_id = None if bridge_id in ("bob_gateway_v1", "bob_canonical_bridge") else tx_hash
    raw = told["amount_raw"]
    event = {"event_name": "E", "tx_hash": tx_hash, "transfer_id": transfer_id, "is_overflow": raw is None}
    event |= {"amount_text": str(raw or 10**40), "fetched_at": LATER if dice.random() < 0.01 else ASKED_AT}
    event["account_evm"] = dice.choice([None, *(f"0x{n:040x}" for n in range(40))])
    event["account_btc"] = dice.choice([None, "bc1q"])
    event["block_at"] = block_time(chain_id, number) if chain_id == "merlin" or dice.random() < 0.5 else None
    yield "evm_rpc__bridge_events", about | place | event | told
    states = dice.choice([[], ["mined"], ["new", "sending", "mined"], ["sending", "refunded"], ["rejected", "mined"]])
    for n, status in enumerate(states if transfer_id else []):
        later = number + n * dice.choice([0, 0, 150])
        row = {"block_number": later, "log_index": log_index + 1_000 + 100 * n, "transfer_id": transfer_id}
        is_late = status == "refunded" and dice.random() < 0.3
        row |= {"status": status, "fetch_id": "s", "fetched_at": LATER if is_late else ASKED_AT}
        yield "evm_rpc__bridge_status", about | row


def made_up_headers(dice: random.Random, events: list[Row]) -> list[Row]:
    """Both sides of most midnights, some farther off, and the blocks of most events."""
    wanted: set[tuple[str, int]] = set()
    for chain_id, (first, at) in GENESIS.items():
        wanted |= {(chain_id, first), (chain_id, last_block(chain_id))}
        for on in DAYS[1:]:
            after = first + -((at - datetime(on.year, on.month, on.day)) // timedelta(minutes=15))
            is_sure = on - ONE_DAY in (LEAK_ON - ONE_DAY, LEAK_ON)
            if after <= first or (dice.random() < 0.03 and not is_sure):
                continue
            before, behind = (4, 2) if dice.random() < 0.1 and not is_sure else (1, 0)
            wanted |= {(chain_id, max(after - before, first)), (chain_id, after + behind)}
    timeless = [row for row in events if row["block_at"] is None or dice.random() < 0.5]
    wanted |= {(row["chain_id"], row["block_number"]) for row in timeless if row["block_number"] not in NO_HEADERS}
    about = {"source_id": "evm_rpc", "fetch_id": "headers", "locator": "/result"}
    return [
        about | {"chain_id": chain_id, "block_number": number, "block_at": block_time(chain_id, number)}
        | {"block_hash": f"0x{number:x}", "parent_hash": "0x", "fetched_at": ASKED_AT}
        for chain_id, number in sorted(wanted)
    ]  # fmt: skip


ASKED = (
    # bridge, first and last block, what became of the events, of the states, and when
    ("rootstock_powpeg", 0, 6_003_000, "ok", "ok", ASKED_AT),
    ("rootstock_powpeg", 6_003_001, 6_020_000, "ok", "ok", ASKED_AT),
    ("sovryn_fastbtc", 5_999_000, 6_001_500, "ok", "ok", ASKED_AT),
    ("sovryn_fastbtc", 6_001_000, 6_002_000, "ok", "ok", ASKED_AT),
    ("sovryn_fastbtc", 6_002_001, 6_002_400, "ok", "too_many_faults", ASKED_AT),
    ("sovryn_fastbtc", 6_002_401, 6_007_000, "ok", "ok", ASKED_AT),
    ("sovryn_fastbtc", 6_007_001, 6_007_200, "ok", "ok", LATER),
    ("sovryn_fastbtc", 6_007_201, 6_020_000, "ok", "ok", ASKED_AT),
    ("rootstock_flyover", FLYOVER_STARTS_AT, 6_020_000, "ok", "ok", ASKED_AT),
    ("rootstock_token_bridge", 0, 6_006_000, "ok", "ok", ASKED_AT),
    ("rootstock_token_bridge", 6_006_002, 6_020_000, "ok", "ok", ASKED_AT),
    ("bob_gateway_v1", 0, 20_000, "ok", "ok", ASKED_AT),
    ("bob_gateway_v2", 0, 20_000, "ok", "ok", ASKED_AT),
    ("bob_canonical_bridge", 0, 5_000, "ok", "ok", ASKED_AT),
    ("merlin_bridge", 0, 5_000, "ok", "ok", ASKED_AT),
    ("merlin_bridge", 5_001, 20_000, "ok", "ok", ASKED_AT),
)


def made_up_answers() -> Iterator[tuple[str, Row]]:
    for n, (bridge_id, first, last, events, states, at) in enumerate(ASKED):
        about = {"fetch_id": f"a{n}", "source_id": "evm_rpc"}
        yield "ledger", about | {"entity": "logs", "method": "POST", "url": "http://node/", "outcome": "ok"} | {
            "fetched_at": at, "table_names": "[]"
        }  # fmt: skip
        for table, outcome in (("logs", "ok"), ("bridge_events", events), ("bridge_status", states)):
            row = {"table_name": f"evm_rpc__{table}", "entity_id": bridge_id, "outcome": outcome}
            yield "asked", about | row | {"from_block": first, "to_block": last}


def made_up_prices(dice: random.Random) -> Iterator[Row]:
    for asset_id, usd in (("btc", 60_000), ("eth", 3_000)):
        for n in range(24 * len(DAYS)):
            at = datetime(FIRST.year, FIRST.month, FIRST.day) + timedelta(hours=n)
            if dice.random() < 0.1 or at.date() == date(2024, 2, 20) or (asset_id == "eth" and at.month == 4):
                continue
            price = (usd * Decimal(dice.uniform(0.9, 1.1))).quantize(Decimal("0.00000001"))
            yield observed(
                "defillama", ASKED_AT, asset_id=asset_id, slot_at=at, slot_sec=3600, priced_at=at, price_usd=price
            )


def made_up_balances(dice: random.Random, rules: Rules) -> list[Row]:
    """What the peg's account had after the block before most midnights, by the events and the leak."""
    balance, rows = Decimal(20_990_000 * 10**18), []
    moved = [row for row in rules.by_bridge["rootstock_powpeg"] if not row["is_returned"]]
    for on in DAYS:
        today = [row for row in moved if row["day"] == on]
        flow = sum(row["gross_btc"] if row["direction"] == "deposit" else -row["gross_btc"] for row in today)
        balance -= int(flow * 10**18) + (3 * 10**18 if on == LEAK_ON else 0)
        start = rules.starts["rootstock"].get(on + ONE_DAY)
        if start and (dice.random() > 0.1 or on in (LEAK_ON - ONE_DAY, LEAK_ON)):
            row = {"chain_id": "rootstock", "account": PEG, "block_number": start[0], "balance_wei": balance}
            rows.append(row | {"source_id": "evm_rpc", "fetch_id": "b", "locator": "/r", "fetched_at": ASKED_AT})
    return rows


# ---------------------------------------------------------------- the rules, once more


def satoshis(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.00000001"), ROUND_HALF_UP)


def pct(part: Decimal | None, whole: Decimal | None) -> float | None:
    return float(100 * part / whole) if part is not None and whole else None


def quantile(values: list[Decimal], per_cent: int) -> Decimal | None:
    """The smallest value such that so many per cent of them are no larger."""
    return next((v for n, v in enumerate(sorted(values), start=1) if n * 100 >= per_cent * len(values)), None)


class Rules:
    """What is known at as_of, and the two marts made of it."""

    def __init__(self, feeds: dict[str, list[Row]], seeds: dict[str, list[Row]]) -> None:
        self.feeds = feeds
        self.bridges = {row["bridge_id"]: row for row in seeds["bridges"]}
        self.assets = {row["asset_id"]: row for row in seeds["assets"]}
        self.tokens = {(row["chain_id"], row["token_address"]): row for row in seeds["bridge_tokens"]}
        self.first_block = {
            bridge_id: min(row["from_block"] for row in seeds["bridge_contracts"] if row["bridge_id"] == bridge_id)
            for bridge_id, bridge in self.bridges.items()
            if bridge["has_feed"]
        }
        self.times = {(row["chain_id"], row["block_number"]): row["block_at"] for row in feeds["evm_rpc__blocks"]}
        self.prices = {(row["asset_id"], row["slot_at"]): row["price_usd"] for row in feeds["defillama__prices_hourly"]}
        answered = {row["fetch_id"] for row in feeds["ledger"] if row["fetched_at"] <= AS_OF}
        self.covered_by = defaultdict(list)
        for bridge_id, first, last in (
            (row["entity_id"], row["from_block"], row["to_block"])
            for row in feeds["asked"]
            if row["fetch_id"] in answered and row["table_name"].endswith("bridge_status") and row["outcome"] == "ok"
        ):
            self.covered_by[bridge_id].append((first, last))
        self.starts = {chain_id: self.starts_of(chain_id) for chain_id in GENESIS}
        self.transfers = [self.transfer(row) for row in feeds["evm_rpc__bridge_events"] if row["fetched_at"] <= AS_OF]

    def starts_of(self, chain_id: str) -> dict[date, tuple[int | None, int]]:
        """Of each day, the last known block before its start and the first one after."""
        known = sorted(number for chain, number in self.times if chain == chain_id)
        found = {}
        for on in TOLD:
            after = [n for n in known if self.times[chain_id, n] >= datetime(on.year, on.month, on.day)]
            if after and (known[0] == 0 or on >= self.times[chain_id, known[0]].date()):
                found[on] = (max((n for n in known if n < after[0]), default=None), after[0])
        return found

    def covers(self, bridge_id: str, first: int, last: int) -> bool:
        while first <= last:
            reach = [to for start, to in self.covered_by[bridge_id] if start <= first <= to]
            if not reach:
                return False
            first = max(reach) + 1
        return True

    @cached_property
    def states(self) -> dict[tuple[str, str], str]:
        known = [row for row in self.feeds["evm_rpc__bridge_status"] if row["fetched_at"] <= AS_OF]
        known.sort(key=lambda row: (row["block_number"], row["log_index"]))
        return {(row["bridge_id"], row["transfer_id"]): row["status"] for row in known}

    def transfer(self, event: Row) -> Row:
        at = self.times.get((event["chain_id"], event["block_number"])) or event["block_at"]
        token = event.get("token_address")
        known = self.tokens.get((event["chain_id"], token), {}) if token else self.bridges[event["bridge_id"]]
        asset_id, decimals = known.get("asset_id"), event["raw_decimals"] or known.get("decimals")
        is_btc = asset_id is not None and "btc" in (asset_id, self.assets[asset_id]["peg_asset_id"])
        coins = [
            satoshis(Decimal(raw).scaleb(-decimals)) if None not in (raw, decimals) else None
            for raw in (event["amount_raw"], event.get("fee_raw"))
        ]
        gross = None if coins[0] is None or asset_id is None else coins[0] + (coins[1] or 0)
        price = self.price("btc" if is_btc else asset_id, at) if at else None
        usd = None
        if gross is not None and price is not None and gross < 10**12:
            usd = (gross * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
        row = {"bridge_id": event["bridge_id"], "direction": event["direction"], "block_number": event["block_number"]}
        row |= {"at": at, "day": at.date() if at else None, "is_btc": is_btc, "usd": usd}
        row["gross_btc"] = gross if is_btc and gross is not None and gross < 10**10 else None
        row["fee_btc"] = coins[1] if is_btc else None
        row["account"] = event["account_evm"] or event["account_btc"]
        row["is_returned"] = self.states.get((event["bridge_id"], event["transfer_id"])) in RETURNED
        return row

    def price(self, asset_id: str | None, at: datetime) -> Decimal | None:
        hour = at.replace(minute=0, second=0)
        hours = (self.prices.get((asset_id, hour - timedelta(hours=n))) for n in range(3))
        return next((price for price in hours if price is not None), None)

    def state(self, bridge_id: str, on: date) -> tuple[str, int, int] | None:
        """before_start, covered or missing, and the blocks that may be of the day; None where they are not known."""
        starts = self.starts[self.bridges[bridge_id]["chain_id"]]
        if on not in starts or on + ONE_DAY not in starts:
            return None
        before, last = starts[on][0], starts[on + ONE_DAY][1] - 1
        first = max(0 if before is None else before + 1, self.first_block[bridge_id])
        if last < self.first_block[bridge_id]:
            return "before_start", first, last
        undated = any(t["at"] is None and first <= t["block_number"] <= last for t in self.of(bridge_id))
        return ("covered" if self.covers(bridge_id, first, last) and not undated else "missing"), first, last

    def of(self, bridge_id: str) -> list[Row]:
        return self.by_bridge.get(bridge_id, [])

    @cached_property
    def by_bridge(self) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for transfer in self.transfers:
            found[transfer["bridge_id"]].append(transfer)
        return found

    @cached_property
    def day_states(self) -> dict[tuple[str, date], tuple[str, int, int] | None]:
        bridge_ids = [bridge_id for bridge_id in self.first_block if self.bridges[bridge_id]["chain_id"] in GENESIS]
        return {(bridge_id, on): self.state(bridge_id, on) for bridge_id in bridge_ids for on in TOLD}

    def is_state(self, bridge_id: str, on: date, *states: str) -> bool:
        found = self.day_states.get((bridge_id, on))
        return found is not None and found[0] in states

    def day(self, bridge_id: str, on: date) -> Row:
        told = [t for t in self.of(bridge_id) if t["day"] == on]
        moved = [t for t in told if not t["is_returned"]]
        row: Row = {"reclaimed_count": len(told) - len(moved)}
        sides = {side: [t for t in moved if t["direction"] == side] for side in ("deposit", "withdrawal")}
        for side, of_side in sides.items():
            row[f"{side}_count"] = len(of_side)
            row[f"{side}_btc"] = sum((t["gross_btc"] or Decimal(0) for t in of_side), Decimal(0))
        row["gross_volume_btc"] = row["deposit_btc"] + row["withdrawal_btc"]
        row["net_inflow_btc"] = row["deposit_btc"] - row["withdrawal_btc"]
        fees = [t["fee_btc"] for t in moved if t["is_btc"]]
        row["fee_btc"] = None if None in fees else sum(fees, Decimal(0))
        row["depositors"] = len({t["account"] for t in sides["deposit"]} - {None})
        priced = [t["usd"] for t in moved if t["usd"] is not None]
        row["gross_volume_usd"] = sum(priced, Decimal(0)) if priced or not moved else None
        row["unpriced_count"] = len(moved) - len(priced)
        deposits = [t["gross_btc"] for t in sides["deposit"] if t["gross_btc"] is not None]
        row["mean_deposit_btc"] = satoshis(sum(deposits) / len(deposits)) if deposits else None
        row |= {"median_deposit_btc": quantile(deposits, 50), "p90_deposit_btc": quantile(deposits, 90)}
        return row | {"source_ids": ["defillama", "evm_rpc"] if priced else ["evm_rpc"]}

    @cached_property
    def days(self) -> dict[tuple[str, date], Row]:
        covered = [key for key, state in self.day_states.items() if state and state[0] == "covered"]
        return {(bridge_id, on): self.day(bridge_id, on) for bridge_id, on in covered}

    def since_start(self, bridge_id: str, on: date, last: int) -> Row:
        if not self.covers(bridge_id, self.first_block[bridge_id], last):
            return {"cumulative_reason": "not_covered_from_start"}
        if any(t["at"] is None and t["block_number"] <= last for t in self.of(bridge_id)):
            return {"cumulative_reason": "block_time_missing"}
        moved = [t for t in self.of(bridge_id) if t["at"] and t["day"] <= on and not t["is_returned"]]
        total = {side: sum((t["gross_btc"] or Decimal(0) for t in moved if t["direction"] == side), Decimal(0))
                 for side in ("deposit", "withdrawal")}  # fmt: skip
        row: Row = {f"cumulative_{side}_btc": value for side, value in total.items()}
        row["cumulative_gross_btc"] = total["deposit"] + total["withdrawal"]
        row["cumulative_net_btc"] = total["deposit"] - total["withdrawal"]
        row["cumulative_users"] = len({t["account"] for t in moved} - {None})
        deposits = [t for t in moved if t["direction"] == "deposit"]
        before = {t["account"] for t in deposits if t["day"] < on}
        return row | {"new_depositors": len({t["account"] for t in deposits} - before - {None})}

    def volume_30d(self, bridge_id: str, on: date) -> Decimal | None:
        total = Decimal(0)
        for day in (on - timedelta(n) for n in range(30)):
            if self.is_state(bridge_id, day, "covered"):
                total += self.days[bridge_id, day]["gross_volume_btc"]
            elif not self.is_state(bridge_id, day, "before_start"):
                return None
        return total

    def silent(self, chain_id: str, by: date) -> dict[str, Row]:
        silent = {key: row for key, row in self.bridges.items() if row["chain_id"] == chain_id and not row["has_feed"]}
        return {key: row for key, row in silent.items() if not row["launched_on"] or row["launched_on"] <= by}

    def place(self, bridge_id: str, on: date) -> Row:
        bridge = self.bridges[bridge_id]
        members = {
            other: self.volume_30d(other, on)
            for other in self.first_block
            if self.bridges[other]["chain_id"] == bridge["chain_id"] and not self.is_state(other, on, "before_start")
        }
        silent = self.silent(bridge["chain_id"], on)
        own, is_known = members[bridge_id], None not in members.values()
        row: Row = {"volume_30d_btc": own}
        reasons = ["bridge_without_feed"] * bool(silent) + ["member_not_covered"] * (not is_known)
        if is_known and not silent:
            ranked = sorted(members, key=lambda other: (-members[other], other))
            row |= {"rank_30d": ranked.index(bridge_id) + 1}
            row["share_of_chain_volume_pct"] = pct(own, sum(members.values()))
        reasons += ["no_volume"] * (is_known and not sum(members.values()))
        others = [volume for other, volume in members.items() if not self.bridges[other]["is_native"]]
        if not bridge["is_native"] and None not in others and all(row["is_native"] for row in silent.values()):
            row["share_of_non_native_pct"] = pct(own, sum(others))
        return row | {"share_reason": ", ".join(reasons) or None}

    def bridge_throughput(self) -> Iterator[Row]:
        for (bridge_id, on), figures in self.days.items():
            bridge, (_, first, last) = self.bridges[bridge_id], self.day_states[bridge_id, on]
            row = {"bridge_id": bridge_id, "date_day": on, "bridge_name": bridge["name"], "from_block": first}
            row |= {name: bridge[name] for name in ("chain_id", "trust_model", "is_native")} | {"to_block": last}
            yield row | figures | self.since_start(bridge_id, on, last) | self.place(bridge_id, on)

    def month(self, bridge_id: str, days: list[date]) -> Row | None:
        """What a bridge with a feed did; None where all of it lies before its start."""
        if all(self.is_state(bridge_id, on, "before_start") for on in days):
            return None
        covered = [self.days[bridge_id, on] for on in days if self.is_state(bridge_id, on, "covered")]
        row: Row = {"is_native": self.bridges[bridge_id]["is_native"]}
        row["sources"] = {source for figures in covered for source in figures["source_ids"]}
        row["is_known"] = all(self.is_state(bridge_id, on, "covered", "before_start") for on in days)
        row["volume"] = sum((d["gross_volume_btc"] for d in covered), Decimal(0))
        return row | {"count": sum(d["deposit_count"] + d["withdrawal_count"] for d in covered)}

    def bridge_native_vs_nonnative(self) -> Iterator[Row]:
        for start in sorted({on.replace(day=1) for _, on in self.days}):
            days = [start + timedelta(n) for n in range(monthrange(start.year, start.month)[1])]
            for chain_id in sorted({row["chain_id"] for row in self.bridges.values()}):
                with_feed = [b for b in self.first_block if self.bridges[b]["chain_id"] == chain_id]
                told = [row for b in with_feed if (row := self.month(b, days))]
                silent = self.silent(chain_id, days[-1])
                if told or silent:
                    yield {"chain_id": chain_id, "month_start": start} | self.sides(with_feed, days, told, silent)

    def sides(self, with_feed: list[str], days: list[date], told: list[Row], silent: dict[str, Row]) -> Row:
        row: Row = {"bridges_with_feed": len(told), "bridges_without_feed": sorted(silent)}
        for kind, is_native in (("native", True), ("non_native", False)):
            of_kind = [t for t in told if t["is_native"] is is_native]
            is_known = all(t["is_known"] for t in of_kind)
            is_known &= all(bridge["is_native"] is not is_native for bridge in silent.values())
            row[f"{kind}_volume_btc"] = sum((t["volume"] for t in of_kind), Decimal(0)) if is_known else None
            row[f"{kind}_count"] = sum(t["count"] for t in of_kind) if is_known else None
        both = [row["native_volume_btc"], row["non_native_volume_btc"]]
        total = None if None in both else sum(both)
        reasons = ["bridge_without_feed"] * bool(silent) + ["days_missing"] * (not all(t["is_known"] for t in told))
        row["days_covered"] = sum(
            all(self.is_state(b, on, "covered", "before_start") for b in with_feed)
            and any(self.is_state(b, on, "covered") for b in with_feed)
            for on in days
        )
        row |= {"native_share_pct": pct(both[0], total), "is_complete": not reasons}
        row["reason"] = ", ".join(reasons + ["no_volume"] * (total == 0)) or None
        return row | {"source_ids": sorted({source for t in told for source in t["sources"]})}


# ---------------------------------------------------------------- the tests


KEYS = {"bridge_throughput": ("bridge_id", "date_day"), "bridge_native_vs_nonnative": ("chain_id", "month_start")}
SEEDS = ("assets", "bridges", "bridge_contracts", "bridge_tokens")


def read(file: Path, mart: str) -> dict[tuple, Row]:
    return {tuple(row[name] for name in KEYS[mart]): row for row in rows_of(file, f"marts.{mart}")}


def same(name: str, got: Any, want: Any) -> bool:
    tolerance = 2e-6 if name.endswith("_pct") else 1.5e-8 if name.startswith("mean_") else 0
    return got == want if not tolerance or None in (got, want) else abs(float(got) - float(want)) <= tolerance


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Rules]:
    """The seeds, with a few launches and a start that lie within the made-up months, and the marts on them."""
    file = tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"
    dice = random.Random(20240125)
    feeds: dict[str, list[Row]] = defaultdict(list)
    for table, row in [*made_up_events(dice), *made_up_answers()]:
        feeds[table].append(row)
    feeds["evm_rpc__blocks"] = made_up_headers(dice, feeds["evm_rpc__bridge_events"])
    feeds["defillama__prices_hourly"] = list(made_up_prices(dice))
    make_feeds(file, {})
    dbt(file, "seed", as_of=AS_OF, window=WINDOW)
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "update seeds.bridges set launched_on = '2025-01-01' where not has_feed and launched_on is null"
        )
        for bridge_id, day in LAUNCHES.items():
            connection.execute("update seeds.bridges set launched_on = ? where bridge_id = ?", [day, bridge_id])
        connection.execute(
            "update seeds.bridge_contracts set from_block = ? where bridge_id = 'rootstock_flyover'",
            [FLYOVER_STARTS_AT],
        )
    rules = Rules(feeds, {name: rows_of(file, f"seeds.{name}") for name in SEEDS})
    feeds["evm_rpc__balances"] = made_up_balances(dice, rules)
    fill(file, feeds)
    untested = ("--exclude-resource-type", "unit_test", "seed", "--indirect-selection", "cautious")
    marts = (f"+{mart}" for mart in (*KEYS, "int_reconciliation_peg_supply"))
    built = dbt(file, "build", *untested, "--select", *marts, as_of=AS_OF, window=WINDOW)
    warned = {name for name, result in built.items() if result["status"] == "warn"}
    assert warned == {"every_transfer_of_bitcoin_has_a_price"}
    return file, rules


def fill(file: Path, feeds: dict[str, list[Row]]) -> None:
    """The rows of the feeds and of the ledger, beside the seeds that stand."""
    tables = {name: rows for name, rows in feeds.items() if name not in ("asked", "ledger")}
    rows_file = file.with_name("rows.duckdb")
    make_feeds(rows_file, tables)
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"attach '{rows_file}' as filled (read_only)")
        for name in tables:
            connection.execute(f"insert into feeds.{name} by name select * from filled.feeds.{name}")
        for name in ("asked", "ledger"):
            columns = list(feeds[name][0])
            connection.executemany(
                f"insert into feeds.{name} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
                [[row[column] for column in columns] for row in feeds[name]],
            )


def is_shown(mart: str, row: Row, rules: Rules) -> bool:
    """Whether the window shows a row: a day in it, a month with a covered day in it."""
    if mart == "bridge_throughput":
        return WINDOW[0] <= row["date_day"] <= WINDOW[1]
    return row["month_start"] in {on.replace(day=1) for _, on in rules.days if WINDOW[0] <= on <= WINDOW[1]}


@pytest.mark.parametrize("mart", KEYS)
def test_every_figure_is_what_the_rules_say_and_the_window_changes_none(world, mart):
    file, rules = world
    got = read(file, mart)
    told = [row for row in getattr(rules, mart)() if is_shown(mart, row, rules)]
    want = {tuple(row[name] for name in KEYS[mart]): row for row in told}
    assert got.keys() == want.keys()
    differences = [
        (key, name, value, want[key].get(name))
        for key, row in got.items()
        for name, value in row.items()
        if not same(name, value, want[key].get(name))
    ]
    assert not differences, differences[:20]
    shown = {name for row in got.values() for name, value in row.items() if value is not None}
    assert shown == set(next(iter(got.values())))


def test_the_months_have_the_cases_that_the_rules_are_about(world):
    file, _ = world
    days = read(file, "bridge_throughput")
    assert {row["cumulative_reason"] for row in days.values()} == {None, "not_covered_from_start", "block_time_missing"}
    reasons = {reason for row in days.values() for reason in (row["share_reason"] or "").split(", ")}
    assert reasons == {"", "bridge_without_feed", "member_not_covered", "no_volume"}
    assert ("bob", date(2024, 2, 1)) not in read(file, "bridge_native_vs_nonnative")
    assert max(row["rank_30d"] or 0 for row in days.values()) == 4
    counts = ("deposit_count", "withdrawal_count", "reclaimed_count")
    empty = [row for row in days.values() if not any(row[name] for name in counts)]
    amounts = ("gross_volume_btc", "fee_btc", "gross_volume_usd", "depositors", "unpriced_count")
    assert {row[name] for row in empty for name in amounts} == {0}
    assert [row for row in days.values() if row["fee_btc"] is None]
    assert [row for row in days.values() if row["unpriced_count"] and row["gross_volume_usd"]]
    states = {row["day_state"] for row in rows_of(file, "intermediate.int_bridge_days")}
    assert states == {"before_start", "not_covered", "block_time_missing", "covered"}
    assert ("bob_gateway_v1", GENESIS["bob"][1].date()) in days
    months = read(file, "bridge_native_vs_nonnative")
    assert months["bitlayer", date(2024, 4, 1)]["bridges_without_feed"] == ["bitlayer_bridge"]
    assert ("bitlayer", date(2024, 3, 1)) not in months
    assert {row["is_complete"] for row in months.values()} == {True, False}


def test_a_day_that_is_not_covered_has_no_row_and_no_zero(world):
    file, _ = world
    days = read(file, "bridge_throughput")
    hole = {on for bridge_id, on in days if bridge_id == "sovryn_fastbtc"}
    blocks = {block_time("rootstock", number).date() for number in range(6_002_001, 6_002_401)}
    assert not hole & blocks
    assert {block_time("rootstock", 6_007_100).date()} - hole
    with_events = {row["date_day"] for row in rows_of(file, "intermediate.int_bridge_moves")
                   if row["bridge_id"] == "sovryn_fastbtc"}  # fmt: skip
    assert blocks & with_events


def test_a_refund_takes_the_transfer_out_of_its_day(world):
    """And one that is known only after as_of does not."""
    file, rules = world
    days = read(file, "bridge_throughput")
    late = {row["transfer_id"] for row in rules.feeds["evm_rpc__bridge_status"] if row["fetched_at"] > AS_OF}
    transfers = rows_of(file, "intermediate.int_bridge_transfers")
    assert {row["is_returned"] for row in transfers if row["transfer_id"] in late} == {False}
    returned = [row for row in transfers if row["is_returned"] and (row["bridge_id"], row["date_day"]) in days]
    assert sum(row["reclaimed_count"] for row in days.values()) == len(returned) > 50
    assert {row["status"] for row in returned} == {"refunded"}


def test_the_change_of_the_bridged_supply_is_held_against_the_peg(world):
    file, _ = world
    checks = rows_of(file, "intermediate.int_reconciliation_peg_supply")
    apart = {row["observed_on"]: row["value_a"] - row["value_b"] for row in checks if row["value_a"] != row["value_b"]}
    assert apart == {LEAK_ON: 3}
    assert len(checks) > 50
    assert {row["entity_id"] for row in checks} == {"rootstock_powpeg"}
    assert sum(row["value_b"] != 0 for row in checks) > 10


def test_a_day_is_traced_to_its_events_states_headers_and_prices(world):
    file, _ = world
    key = next(
        {"bridge_id": row["bridge_id"], "date_day": row["date_day"]}
        for row in rows_of(file, "marts.bridge_throughput")
        if row["reclaimed_count"] and row["gross_volume_usd"]
    )
    found = receipt(file, file.parent / "target" / "manifest.json", "marts.bridge_throughput", key, "deposit_btc")
    assert {row["table"] for row in found} == {
        *("feeds.evm_rpc__bridge_events", "feeds.evm_rpc__bridge_status", "feeds.evm_rpc__blocks"),
        "feeds.defillama__prices_hourly",
    }
    assert {row["bridge_id"] for row in found if row["table"].endswith("bridge_events")} == {key["bridge_id"]}
