"""marts.l2_activity against a second reading of its rules, in plain Python, on half a year of made-up series.

Explorers with holes, restated days, totals that fall, two sources of one chain that count the same or other addresses,
periods told before they were over, pages of transactions that never came. Every column of every row is computed again
from the rows of the feeds and the seeds. Nothing here knows the models.
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
from typing import Any, NamedTuple

import duckdb
import pytest
from dbt_build import dbt, make_feeds, observed, receipt, rows_of, seed

Row = dict[str, Any]
Key = tuple[str, str, date]
ONE_DAY = timedelta(days=1)
FIRST, LAST = date(2024, 1, 29), date(2024, 7, 18)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
EARLIER, ASKED_AT, AS_OF = datetime(2024, 7, 19), datetime(2024, 7, 19, 9), datetime(2024, 7, 19, 12)
LATER = AS_OF + ONE_DAY
WINDOW = (date(2024, 2, 3), date(2024, 7, 10))
LAUNCHES = {"bob": "2024-02-14", "rootstock": "2018-01-02", "naka": None, "bitlayer": "2024-04-14"}
TABLES = {
    "blockscout": "blockscout__chain_stats",
    "merlin_scan": "merlin_scan__chain_stats",
    "btrscan": "btrscan__chain_fees",
    "defillama": "defillama__chain_fees",
}
RANKS = {row["source_id"]: int(row["rank_activity"]) for row in seed("sources") if row["rank_activity"]}
ADDITIVE = {row["metric_id"] for row in seed("metrics") if row["is_additive_time"] == "true"} | {"txn_fee_usd"}
TOTALS = {"cumulative_gas_used": "gas_used", "cumulative_contracts": "new_contracts"}
WITHOUT_HOURS = {date(2024, 3, 10), date(2024, 6, 2)}
NOT_CLOSED, REFUSED, TRIED_TWICE = date(2024, 5, 7), date(2024, 5, 9), date(2024, 4, 20)
STACKS_DAYS = [date(2024, 4, 1) + timedelta(n) for n in range(42)]


class Line(NamedTuple):
    """A series: who says it of which chain, what it is, how large, since when, and how often a day is left out."""

    source_id: str
    chain_id: str
    metric_id: str
    source_metric: str
    unit: str
    definition: str
    size: int
    first: date = FIRST
    holes: float = 0.0


BOB, NAKA, MERLIN = date(2024, 2, 12), date(2024, 2, 1), date(2024, 2, 9)
LINES = (
    Line("blockscout", "bob", "tx_count", "newTxns", "count", "all", 30_000, BOB),
    Line("blockscout", "bob", "operational_tx_count", "opStackNewOperationalTxns", "count", "operational", 9_000, BOB),
    Line("blockscout", "bob", "active_addresses", "activeAccounts", "count", "sender", 4_000, BOB),
    Line("blockscout", "bob", "new_addresses", "newAccounts", "count", "sender", 700, BOB, 0.01),
    Line("blockscout", "bob", "cumulative_addresses", "accountsGrowth", "count", "sender", 700, BOB),
    Line("blockscout", "bob", "txn_fee_native", "txnsFee", "eth", "l2_fee", 2, BOB),
    Line("blockscout", "bob", "new_contracts", "newContracts", "count", "created", 90, BOB, 0.1),
    Line("blockscout", "bob", "cumulative_contracts", "contractsGrowth", "count", "created", 90, BOB),
    Line("blockscout", "bob", "cumulative_gas_used", "gasUsedGrowth", "count", "all", 10**11, BOB, 0.03),
    Line("defillama", "bob", "fees_usd", "dailyFees", "usd", "all_protocols", 7_000, BOB),
    Line("blockscout", "rootstock", "tx_count", "newTxns", "count", "all", 8_000, FIRST, 0.02),
    Line("blockscout", "rootstock", "active_addresses", "activeAccounts", "count", "sender", 900, FIRST, 0.02),
    Line("blockscout", "rootstock", "cumulative_addresses", "accountsGrowth", "count", "sender", 900),
    Line("blockscout", "rootstock", "txn_fee_native", "txnsFee", "rbtc", "l2_fee", 1, FIRST, 0.01),
    Line("blockscout", "rootstock", "cumulative_gas_used", "gasUsedGrowth", "count", "all", 10**10),
    Line("merlin_scan", "merlin", "tx_count", "getDailyTxCount", "count", "all", 400_000, MERLIN),
    Line("merlin_scan", "merlin", "active_addresses", "getUniqueAddressesCount", "count", "recipient", 9_000, MERLIN),
    Line("merlin_scan", "merlin", "txn_fee_native", "getDailyTxFee", "btc", "l2_fee", 1, MERLIN),
    Line("blockscout", "merlin", "tx_count", "newTxns", "count", "all", 400_000, date(2024, 5, 1), 0.3),
    Line("blockscout", "merlin", "active_addresses", "activeAccounts", "count", "sender", 5_000, date(2024, 5, 1), 0.3),
    Line("blockscout", "merlin", "new_addresses", "newAccounts", "count", "sender", 500, MERLIN),
    Line("blockscout", "merlin", "cumulative_addresses", "accountsGrowth", "count", "sender", 500, MERLIN),
    Line("btrscan", "bitlayer", "txn_fee_native", "txForDefillama", "btc", "l2_fee", 3, date(2024, 4, 14)),
    Line("defillama", "bitlayer", "fees_usd", "dailyFees", "usd", "all_protocols", 40_000, date(2024, 4, 14)),
    Line("blockscout", "naka", "tx_count", "newTxns", "count", "all", 60, NAKA),
    Line("blockscout", "naka", "cumulative_addresses", "accountsGrowth", "count", "sender", 5, NAKA),
    Line("blockscout", "naka", "participating_addresses", "participants", "count", "participant", 50, NAKA),
    Line("blockscout", "naka", "active_contracts", "contracts", "count", "all", 9, NAKA),
    Line("blockscout", "eai", "txn_fee_native", "txnsFee", "eai", "l2_fee", 40, date(2024, 6, 1)),
    Line("blockscout", "runechain", "txn_fee_native", "txnsFee", "eth", "l2_fee", 40, date(2024, 6, 1)),
    Line("defillama", "stacks", "fees_usd", "dailyFees", "usd", "all_protocols", 10_000, FIRST, 0.02),
)
"""RuneChain's fee is in a coin that it does not take gas in."""


def coins(value: float, places: int) -> Decimal:
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def figures_of(line: Line, dice: random.Random) -> dict[date, Decimal]:
    days = [on for on in DAYS if on >= line.first]
    if line.unit == "count":
        told = {on: Decimal(int(line.size * dice.uniform(0.7, 1.3))) for on in days}
    else:
        told = {on: coins(line.size * dice.uniform(0.7, 1.3), 2 if line.unit == "usd" else 18) for on in days}
    if line.metric_id.startswith("cumulative"):
        total = Decimal(0)
        for on in days:
            total += told[on]
            told[on] = total
        told[days[60]] -= 2 * line.size
    if line.chain_id == "naka" and line.metric_id == "tx_count":
        told |= {on: Decimal(line.size) for on in days[-60:-20]}
    return told


def made_up_series(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for line in LINES:
        for on, value in figures_of(line, dice).items():
            if dice.random() >= line.holes:
                yield from told_of(dice, line, "day", on, value)
    yield from told_of(dice, LINES[0], "instant", date(2024, 5, 1), Decimal(5))
    early = datetime(2024, 7, 18, 15)
    for on in (LAST, LAST + ONE_DAY):
        yield from run(LINES[0], "day", on, Decimal(1), early, 9)
    yield from run(LINES[2], "week", date(2024, 7, 15), Decimal(77), early, 1)


def told_of(dice: random.Random, line: Line, period: str, start: date, value: Decimal) -> Iterator[tuple[str, Row]]:
    """What was said of it first, if otherwise, what is said now, and what will be said after as_of."""
    number = 1
    if dice.random() < 0.1:
        yield from run(line, period, start, value + 1, EARLIER, number)
        number += 1
    yield from run(line, period, start, value, ASKED_AT, number)
    if dice.random() < 0.1:
        yield from run(line, period, start, value + 2, LATER, number + 1)


def run(
    line: Line, period: str, start: date, value: Decimal, seen_at: datetime, number: int
) -> Iterator[tuple[str, Row]]:
    series = {name: getattr(line, name) for name in ("chain_id", "metric_id", "source_metric", "unit", "definition")}
    about = series | {"period": period, "period_start": start, "value": value}
    yield TABLES[line.source_id], observed(line.source_id, seen_at, number, **about)


def made_up_weeks(dice: random.Random, days: dict[tuple, Decimal]) -> Iterator[tuple[str, Row]]:
    """Senders of BOB's weeks and Rootstock's months, between the most of a day and the sum; one week breaks that."""
    for line in LINES:
        if line.metric_id != "active_addresses" or line.source_id != "blockscout":
            continue
        period = "month" if line.chain_id == "rootstock" else "week"
        for start in sorted({start_of(period, on) for on in DAYS if on >= line.first}):
            if end_of(period, start) > LAST + ONE_DAY:
                continue
            told = [v for (chain, on), v in days.items() if chain == line.chain_id and start_of(period, on) == start]
            value = Decimal(max(told) + int(dice.random() * float(sum(told) - max(told))))
            value += 10**7 if (line.chain_id, start) == ("bob", date(2024, 4, 8)) else 0
            yield from told_of(dice, line, period, start, value)


def made_up_transactions(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for number, on in enumerate(STACKS_DAYS):
        start, asked_at = datetime(on.year, on.month, on.day), datetime(2024, 7, 1) + timedelta(minutes=number)
        for n in range(dice.randint(1, 12)):
            row = {"chain_id": "stacks", "tx_id": f"0x{number:060x}{n:04x}", "block_number": number * 100 + n}
            row |= {"block_at": start + timedelta(hours=n), "date_day": on, "address": f"SP{dice.randint(1, 20)}"}
            row |= {"tx_kind": "contract_call", "status": "success", "fee_ustx": dice.randint(0, 900_000)}
            yield "hiro__active_addresses", observed("hiro", asked_at, **row)
        opening, closing = (int((start - datetime(1970, 1, 1)).total_seconds()) + s for s in (86_399, 0))
        told = [(f"/extended/v2/blocks/by-block-time/{opening}", "ok"), (f"/pages?cursor={number}", "ok")]
        if on == TRIED_TWICE:
            told.insert(1, (f"/pages?cursor={number}", "rate_limited"))
        if on == REFUSED:
            told[1] = (f"/pages?cursor={number}", "too_many_faults")
        if on != NOT_CLOSED:
            told.append((f"/extended/v2/blocks/by-block-time/{closing}", "ok"))
        for place, (path, outcome) in enumerate(told):
            about = {"fetch_id": f"h{number}-{place}", "source_id": "hiro", "entity": "active_addresses"}
            about |= {"method": "GET", "url": f"https://api.hiro.so{path}", "outcome": outcome, "table_names": "[]"}
            yield "ledger", about | {"fetched_at": asked_at + timedelta(seconds=place)}


def made_up_prices(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for asset_id, usd in (("btc", 60_000), ("eth", 3_000)):
        for n in range(24 * (len(DAYS) + 1)):
            at = datetime(FIRST.year, FIRST.month, FIRST.day) + timedelta(hours=n)
            if dice.random() < 0.02 or (at.date() in WITHOUT_HOURS and at.hour in (5, 6, 7)):
                continue
            price = {"slot_sec": 3600, "priced_at": at, "price_usd": coins(usd * dice.uniform(0.9, 1.1), 8)}
            yield "defillama__prices_hourly", observed("defillama", ASKED_AT, asset_id=asset_id, slot_at=at, **price)
    for asset_id, usd in (("btc", 60_000), ("stx", 2)):
        for on in DAYS:
            if on == date(2024, 6, 2) or (asset_id == "stx" and on.day == 13 and on.month == 4):
                continue
            about = {"asset_id": asset_id, "date_day": on, "price_usd": coins(usd * dice.uniform(0.9, 1.1), 8)}
            at = datetime(on.year, on.month, on.day) + ONE_DAY
            yield "coinmetrics__asset_market", observed("coinmetrics", ASKED_AT, observed_at=at, **about)


# ---------------------------------------------------------------- the rules, once more


def start_of(period: str, on: date) -> date:
    return {"day": on, "week": on - timedelta(on.weekday()), "month": on.replace(day=1)}[period]


def end_of(period: str, start: date) -> date:
    return start + timedelta({"day": 1, "week": 7, "month": monthrange(start.year, start.month)[1]}[period])


def days_of(period: str, start: date) -> list[date]:
    return [start + timedelta(n) for n in range((end_of(period, start) - start).days)]


class Told(NamedTuple):
    """A figure, what it counts, and its sources."""

    value: Decimal
    definition: str
    sources: frozenset[str]


class Rules:
    """What is known at as_of, and the mart made of it."""

    def __init__(self, feeds: dict[str, list[Row]], seeds: dict[str, list[Row]]) -> None:
        self.feeds = feeds
        self.chains = {row["chain_id"]: row for row in seeds["chains"]}
        self.pegs = {row["asset_id"]: row["peg_asset_id"] for row in seeds["assets"]}
        self.hours = {(r["asset_id"], r["slot_at"]): r["price_usd"] for r in feeds["defillama__prices_hourly"]}
        self.closes = {(r["asset_id"], r["date_day"]): r["price_usd"] for r in feeds["coinmetrics__asset_market"]}

    @cached_property
    def said(self) -> dict[tuple, Told]:
        """(source, chain, measure, period, start) -> what the source says of it, or what is made of that."""
        newest: dict[tuple, Row] = {}
        for table in TABLES.values():
            known = [row for row in self.feeds[table] if row["fetched_at"] <= AS_OF]
            for row in sorted(known, key=lambda row: row["run_number"]):
                key = ("source_id", "chain_id", "metric_id", "period", "period_start")
                newest[tuple(row[name] for name in key)] = row
        found = {}
        for (source_id, chain_id, metric_id, period, start), row in newest.items():
            if period != "instant":
                end = end_of(period, start)
                in_unit = row["unit"] in ("count", "usd", self.chains[chain_id]["gas_asset_id"])
                if in_unit and row["last_seen_at"] >= datetime(end.year, end.month, end.day):
                    key = source_id, chain_id, metric_id, period, start
                    found[key] = Told(row["value"], row["definition"], frozenset([source_id]))
        found |= self.senders()
        return self.changes(found) | found | self.usd(found)

    def senders(self) -> dict[tuple, Told]:
        covered, found = set(STACKS_DAYS) - {NOT_CLOSED, REFUSED}, {}
        for period in ("day", "week", "month"):
            for start in {start_of(period, on) for on in STACKS_DAYS}:
                if covered.issuperset(days := days_of(period, start)):
                    sent = [row for row in self.feeds["hiro__active_addresses"] if row["date_day"] in days]
                    fees = Decimal(sum(row["fee_ustx"] for row in sent)).scaleb(-6)
                    told = {
                        "operational_tx_count": (Decimal(len(sent)), "operational"),
                        "txn_fee_native": (fees, "l2_fee"),
                    }
                    told["active_addresses"] = Decimal(len({row["address"] for row in sent})), "sender"
                    for metric_id, (value, definition) in told.items():
                        key = "hiro", "stacks", metric_id, period, start
                        found[key] = Told(value, definition, frozenset(["hiro"]))
        return found

    def changes(self, found: dict[tuple, Told]) -> dict[tuple, Told]:
        made = {}
        for (source_id, chain_id, metric_id, period, start), told in found.items():
            before = found.get((source_id, chain_id, metric_id, period, start - ONE_DAY))
            if metric_id in TOTALS and before and told.value >= before.value:
                key = source_id, chain_id, TOTALS[metric_id], period, start
                made[key] = told._replace(value=told.value - before.value)
        return made

    def usd(self, found: dict[tuple, Told]) -> dict[tuple, Told]:
        made = {}
        for (source_id, chain_id, metric_id, period, start), told in found.items():
            asset_id = self.chains[chain_id]["gas_asset_id"]
            price, price_source = self.price(self.pegs[asset_id] or asset_id, start)
            if metric_id == "txn_fee_native" and period == "day" and price is not None:
                key = source_id, chain_id, "txn_fee_usd", period, start
                usd = (told.value * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
                made[key] = Told(usd, told.definition, told.sources | {price_source})
        return made

    def price(self, asset_id: str, on: date) -> tuple[Decimal | None, str]:
        at = datetime(on.year, on.month, on.day)
        hours = [self.hour(asset_id, at + timedelta(hours=n)) for n in range(24)]
        if None not in hours:
            return coins(float(sum(hours)) / 24, 8), "defillama"
        return self.closes.get((asset_id, on)), "coinmetrics"

    def hour(self, asset_id: str, at: datetime) -> Decimal | None:
        hours = (self.hours.get((asset_id, at - timedelta(hours=n))) for n in range(3))
        return next((price for price in hours if price is not None), None)

    @cached_property
    def chosen(self) -> dict[tuple, Told]:
        """(chain, measure, period, start) -> what the best-ranked source says."""
        by_rank = sorted(self.said, key=lambda key: -RANKS[key[0]])
        return {key[1:]: self.said[key] for key in by_rank}

    def launch(self, chain_id: str) -> date | None:
        return self.chains[chain_id]["launched_on"]

    def wanted(self, chain_id: str, metric_id: str, days: list[date]) -> list[date]:
        launch = self.launch(chain_id)
        return [on for on in days if not launch or on >= launch or (chain_id, metric_id, "day", on) in self.chosen]

    def value(self, metric_id: str, chain_id: str, period: str, start: date) -> Told | None:
        if period == "day" or metric_id not in ADDITIVE:
            return self.chosen.get((chain_id, metric_id, period, start))
        days = [self.chosen.get((chain_id, metric_id, "day", on))
                for on in self.wanted(chain_id, metric_id, days_of(period, start))]  # fmt: skip
        if not days or None in days or len({told.definition for told in days}) > 1:
            return None
        return Told(sum(t.value for t in days), days[0].definition, frozenset().union(*(t.sources for t in days)))

    def sources(self, chain_id: str, period: str, start: date) -> set[str]:
        found = set()
        for (chain, metric_id, told_period, told_start), told in self.chosen.items():
            is_own = told_period == period and (period == "day" or metric_id not in ADDITIVE)
            is_part = told_period == "day" and metric_id in ADDITIVE and start_of(period, told_start) == start
            if chain == chain_id and ((is_own and told_start == start) or is_part):
                found |= told.sources
        return found

    def coverage(self, chain_id: str, period: str, start: date) -> float:
        measures = [m for m in ("tx_count", "txn_fee_native") if any(k[:2] == (chain_id, m) for k in self.chosen)]
        days = days_of(period, start)
        wanted = [(m, on) for m in measures or ["fees_usd"] for on in self.wanted(chain_id, m, days)]
        return 100 * sum((chain_id, m, "day", on) in self.chosen for m, on in wanted) / len(wanted)

    def total(self, chain_id: str, on: date) -> tuple[Told | None, str | None]:
        lines = [key[:2] for key in self.said if key[1:4] == (chain_id, "cumulative_addresses", "day")]
        launch = self.launch(chain_id)
        if not lines or not launch:
            return None, "launch_not_known" if lines else "no_series"
        since = [launch + timedelta(n) for n in range((on - launch).days + 1)] or [on]
        for source_id in sorted({source_id for source_id, _ in lines}, key=RANKS.__getitem__):
            told = [self.said.get((source_id, chain_id, "cumulative_addresses", "day", day)) for day in [*since, on]]
            if None not in told:
                return told[-1], None
        return None, "not_covered_from_launch"

    def last_days(self, chain_id: str, metric_id: str, on: date, count: int) -> list[Decimal] | None:
        days = [self.chosen.get((chain_id, metric_id, "day", on - timedelta(n))) for n in reversed(range(count))]
        return None if None in days else [told.value for told in days]

    def addresses(self, key: Key, told: dict[str, Told | None]) -> Row:
        chain_id, period, start = key
        total, reason = self.total(chain_id, end_of(period, start) - ONE_DAY)
        named = [one for one in (told["active_addresses"], told["new_addresses"], total) if one]
        definition = named[0].definition if named else None
        row: Row = {"address_definition": definition, "cumulative_reason": reason}
        if told["new_addresses"] and told["new_addresses"].definition != definition:
            row["new_addresses"] = None
        if total and total.definition != definition:
            row["cumulative_reason"] = "other_definition"
        elif total:
            row["cumulative_addresses"] = total.value
            row["total_sources"] = total.sources
        if active := told["active_addresses"]:
            alike = {
                other[3]: one.value
                for other, one in self.chosen.items()
                if other[:3] == (chain_id, "active_addresses", period) and one.definition == active.definition
            }
            row["active_addresses_peak"] = peak = max(value for on, value in alike.items() if on <= start)
            row["active_addresses_peak_on"] = min(on for on, value in alike.items() if value == peak)
        return row

    def trends(self, chain_id: str, on: date) -> Row:
        row: Row = {}
        for unit in ("native", "usd"):
            fees = self.last_days(chain_id, f"txn_fee_{unit}", on, 30)
            row[f"txn_fee_30d_{unit}"] = sum(fees) if fees else None
        for count in (30, 90):
            if counts := self.last_days(chain_id, "tx_count", on, count):
                x, y = [Decimal(n) for n in range(count)], counts
                xy, xx, yy = (
                    sum(a * b for a, b in zip(p, q, strict=True)) - sum(p) * sum(q) / count
                    for p, q in ((x, y), (x, x), (y, y))
                )
                row[f"tx_slope_{count}d"] = float(xy / xx)
                if count == 30 and yy:
                    row["tx_slope_r2_30d"] = float(xy * xy / (xx * yy))
        return row

    def row(self, key: Key) -> Row:
        chain_id, period, start = key
        told = {name: self.value(name, *key) for name in (*COUNTS, "txn_fee_native", "txn_fee_usd", "fees_usd")}
        chain = self.chains[chain_id]
        row: Row = {"chain_id": chain_id, "period": period, "period_start": start, "period_end": end_of(period, start)}
        row |= {"chain_name": chain["name"], "layer_class": chain["layer_class"], "gas_asset_id": chain["gas_asset_id"]}
        row |= {name: one.value if one else None for name, one in told.items()}
        row |= self.addresses(key, told) | (self.trends(chain_id, start) if period == "day" else {})
        sent, usd, active = row["tx_count"], row["txn_fee_usd"], row["active_addresses"]
        if sent is not None:
            seconds = 86_400 * len(self.wanted(chain_id, "tx_count", days_of(period, start)))
            row["tx_per_sec"] = float(sent / seconds)
            row["fee_per_tx_usd"] = usd / sent if usd is not None else None
            row["tx_per_active_address"] = float(sent / active) if active and period == "day" else None
        row["coverage_pct"] = self.coverage(*key)
        row["is_complete_period"] = row["coverage_pct"] == 100
        return row | {"source_ids": sorted(self.sources(*key) | row.pop("total_sources", frozenset()))}

    def shown(self) -> set[Key]:
        """Periods that a source has, and weeks and months of days with something that adds up."""
        found = {
            (chain, period, start) for chain, m, period, start in self.chosen if m not in ADDITIVE or period == "day"
        }
        days = {(chain, start) for chain, m, period, start in self.chosen if period == "day" and m in ADDITIVE}
        return found | {(chain, p, start_of(p, on)) for chain, on in days for p in ("week", "month")}


COUNTS = (
    *("tx_count", "operational_tx_count", "active_addresses", "new_addresses", "participating_addresses"),
    *("active_contracts", "new_contracts", "gas_used"),
)


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Rules]:
    """The seeds, with launches that lie within the made-up months, and the mart on them."""
    file = tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"
    dice = random.Random(20240514)
    feeds: dict[str, list[Row]] = defaultdict(list)
    for table, row in [*made_up_series(dice), *made_up_transactions(dice), *made_up_prices(dice)]:
        feeds[table].append(row)
    days = {
        (row["chain_id"], row["period_start"]): row["value"]
        for row in feeds["blockscout__chain_stats"]
        if row["metric_id"] == "active_addresses" and row["period"] == "day" and row["fetched_at"] <= AS_OF
    }
    for table, row in made_up_weeks(dice, days):
        feeds[table].append(row)
    ledger = feeds.pop("ledger")
    make_feeds(file, feeds)
    dbt(file, "seed", as_of=AS_OF, window=WINDOW)
    with duckdb.connect(str(file)) as connection:
        for chain_id, day in LAUNCHES.items():
            connection.execute("update seeds.chains set launched_on = ? where chain_id = ?", [day, chain_id])
        columns = list(ledger[0])
        connection.executemany(
            f"insert into feeds.ledger ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
            [list(row.values()) for row in ledger],
        )
    untested = ("--exclude-resource-type", "unit_test", "seed", "--indirect-selection", "cautious")
    built = dbt(
        file,
        "build",
        *untested,
        "--select",
        "+l2_activity",
        "+int_reconciliation_chain_stats",
        as_of=AS_OF,
        window=WINDOW,
    )
    warned = {name for name, result in built.items() if result["status"] == "warn"}
    assert warned == {"addresses_of_a_period_lie_between_its_days_and_their_sum"}
    return file, Rules(feeds, {name: rows_of(file, f"seeds.{name}") for name in ("chains", "assets")})


def read(file: Path) -> dict[Key, Row]:
    return {(r["chain_id"], r["period"], r["period_start"]): r for r in rows_of(file, "marts.l2_activity")}


def same(name: str, got: Any, want: Any) -> bool:
    tolerance = 6e-7 if name.endswith("_pct") else 6e-9 if isinstance(got, float) or name == "fee_per_tx_usd" else 0
    return got == want if not tolerance or None in (got, want) else abs(float(got) - float(want)) <= tolerance


def test_every_figure_is_what_the_rules_say_and_the_window_changes_none(world):
    file, rules = world
    got = read(file)
    want = {key: rules.row(key) for key in rules.shown() if WINDOW[0] <= key[2] <= WINDOW[1]}
    assert got.keys() == want.keys()
    differences = [
        (key, name, value, want[key].get(name))
        for key, row in got.items()
        for name, value in row.items()
        if not same(name, value, want[key].get(name))
    ]
    assert not differences, differences[:20]
    shown = {name for row in got.values() for name, value in row.items() if value is not None}
    assert shown == set(next(iter(got.values()))) - {"l1_data_fee_native"}


def test_the_months_have_the_cases_that_the_rules_are_about(world):
    rows = read(world[0])
    reasons = {row["cumulative_reason"] for row in rows.values()}
    assert reasons == {None, "no_series", "launch_not_known", "not_covered_from_launch", "other_definition"}
    assert {row["address_definition"] for key, row in rows.items() if key[:2] == ("merlin", "day")} == {
        "sender",
        "recipient",
    }
    assert rows["bob", "month", date(2024, 3, 1)]["tx_count"] > 0
    assert [key for key, row in rows.items() if row["tx_count"] and row["gas_used"] is None]
    assert [key for key, row in rows.items() if row["txn_fee_native"] and row["txn_fee_usd"] is None]
    assert {row["tx_slope_r2_30d"] for row in rows.values() if row["tx_slope_30d"] == 0} == {None}
    assert {key[0] for key in rows} == {"bob", "rootstock", "merlin", "bitlayer", "stacks", "naka", "eai"}


def test_a_week_with_a_hole_has_no_sum_and_says_how_much_is_known(world):
    file, rules = world
    rows = read(file)
    holes = [on for on in DAYS if ("rootstock", "tx_count", "day", on) not in rules.chosen]
    [*weeks] = {start_of("week", on) for on in holes if WINDOW[0] <= start_of("week", on) <= WINDOW[1]}
    assert weeks
    for start in weeks:
        row = rows["rootstock", "week", start]
        assert (row["tx_count"], row["is_complete_period"]) == (None, False)
        assert row["coverage_pct"] < 100
        assert not {row["tx_per_sec"], row["fee_per_tx_usd"]} - {None}


def test_a_month_starts_with_the_launch_of_the_chain(world):
    """BOB starts on the 14th here; what its explorer has of the two days before is counted too."""
    rows = read(world[0])
    days = [row["tx_count"] for key, row in rows.items() if key[:2] == ("bob", "day") and key[2].month == 3]
    march = rows["bob", "month", date(2024, 3, 1)]
    assert (march["tx_count"], march["coverage_pct"]) == (sum(days), 100)
    week = rows["bob", "week", date(2024, 2, 12)]
    days = [rows["bob", "day", date(2024, 2, 12) + timedelta(n)]["tx_count"] for n in range(7)]
    assert (week["tx_count"], week["is_complete_period"]) == (sum(days), True)


def test_what_was_told_before_a_period_was_over_is_not_used(world):
    rows = rows_of(world[0], "intermediate.int_chain_stats_united")
    told = {(row["chain_id"], row["metric_id"], row["period"], row["period_start"]) for row in rows}
    assert ("bob", "tx_count", "day", LAST) not in told
    assert ("bob", "active_addresses", "week", date(2024, 7, 15)) not in told
    assert ("bob", "tx_count", "day", LAST - ONE_DAY) in told
    assert {row["period"] for row in rows} == {"day", "week", "month"}


def test_addresses_of_a_week_lie_between_the_most_of_a_day_and_the_sum_but_for_one(world):
    rows = read(world[0])
    strange, compared = [], 0
    for key, row in rows.items():
        days = [rows.get((key[0], "day", on)) for on in days_of(key[1], key[2])]
        counts = [
            day["active_addresses"]
            for day in days
            if day and day["active_addresses"] is not None and day["address_definition"] == row["address_definition"]
        ]
        if key[1] == "day" or row["active_addresses"] is None or not counts:
            continue
        compared += 1
        is_over = len(counts) == len(days) and row["active_addresses"] > sum(counts)
        strange += [key] if is_over or row["active_addresses"] < max(counts) else []
    assert strange == [("bob", "week", date(2024, 4, 8))]
    assert compared > 30


def test_two_sources_are_compared_where_they_count_the_same(world):
    file, rules = world
    rows = rows_of(file, "intermediate.int_reconciliation_chain_stats")
    pairs = {(row["entity_id"], row["source_a"], row["source_b"], row["reason"]) for row in rows}
    assert pairs == {
        ("merlin", "blockscout_tx_count", "merlin_scan_tx_count", None),
        ("bob", "blockscout_txn_fee_usd", "defillama_fees_usd", "all_protocols"),
        ("bitlayer", "btrscan_txn_fee_usd", "defillama_fees_usd", "all_protocols"),
        ("stacks", "hiro_txn_fee_usd", "defillama_fees_usd", "all_protocols"),
    }
    for row in rows:
        for side in ("a", "b"):
            key = row[f"source_{side}_id"], row["entity_id"], row[f"metric_{side}_id"], "day", row["observed_on"]
            assert row[f"value_{side}"] == rules.said[key].value
    assert {row["metric_id"] for row in rows} == {"tx_count", "txn_fee_usd"}


def test_a_figure_is_traced_to_its_days_and_prices(world):
    file, _ = world
    [key, *_] = [
        {"chain_id": "bob", "period": "week", "period_start": start}
        for (chain_id, period, start), row in sorted(read(file).items())
        if (chain_id, period) == ("bob", "week") and start > BOB and None not in (row["gas_used"], row["txn_fee_usd"])
    ]
    days = set(days_of("week", key["period_start"]))
    with_the_day_before = days | {key["period_start"] - ONE_DAY}
    stats, fees, hours = "blockscout__chain_stats", "defillama__chain_fees", "defillama__prices_hourly"
    for column, metrics, tables, told_on in (
        (None, None, {stats, fees, hours}, with_the_day_before),
        ("tx_count", {"tx_count"}, {stats}, days),
        ("txn_fee_usd", {"txn_fee_native"}, {stats, hours}, days),
        ("gas_used", {"cumulative_gas_used"}, {stats}, with_the_day_before),
        ("cumulative_addresses", {"cumulative_addresses"}, {stats}, {max(days)}),
    ):
        found = receipt(file, file.parent / "target" / "manifest.json", "marts.l2_activity", key, column)
        assert {row["table"] for row in found} == {f"feeds.{name}" for name in tables}
        said = [row for row in found if "metric_id" in row]
        assert metrics is None or {row["metric_id"] for row in said} == metrics
        assert {row["period_start"] for row in said} == told_on
