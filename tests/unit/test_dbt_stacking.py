"""The marts of stacking against a second reading of their rules, in plain Python, on months of made-up answers.

Cycles of a tenth of the real length, so that more than 26 of them fit; orphans, burns, blocks that pay nobody, pages
that overlap and leave holes, days without heights, missing prices. Every column of every row of the marts is computed
again from the rows of the feeds. Nothing here knows the models.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import duckdb
import pytest
from dbt_build import dbt, make_feeds, observed, receipt, rows_of, seed

Row = dict[str, Any]
ONE_DAY = timedelta(days=1)
FIRST, LAST = date(2024, 3, 1), date(2024, 4, 17)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
AS_OF = datetime(2024, 4, 18, 12)
ASKED_AT, LATER = AS_OF - timedelta(hours=3), AS_OF + timedelta(hours=1)
WINDOW = (date(2024, 3, 6), date(2024, 4, 17))
LENGTH, PAYING = 210, 200
FIRST_HEIGHT = 832_000
START = FIRST_HEIGHT - 118 * LENGTH - 57
"""The block that cycles are counted from: the history begins in cycle 118."""
NAMELESS_FROM = 141
UNTIMED_DAYS = {date(2024, 3, 20), date(2024, 4, 8)}
"""Days whose end was not answered: of them and of the days after them no block's time is known."""
UNPRICED_DAYS = {date(2024, 3, 14)}
BURN = "1111111111111111111114oLvT2"
EVERY_DAY = {"source_id": "hiro", "fetch_id": "h", "locator": "/0", "fetched_at": ASKED_AT}


def midnight(on: date) -> datetime:
    return datetime.combine(on, time())


def cycle_of(height: int) -> int:
    return (height - START) // LENGTH


def is_paying(height: int) -> bool:
    return 1 <= (height - START) % LENGTH <= PAYING


# ---------------------------------------------------------------- what the sources said


def made_up_feeds(dice: random.Random) -> dict[str, list[Row]]:
    feeds: dict[str, list[Row]] = defaultdict(list)
    made = [midnight(FIRST) - timedelta(minutes=4)]
    while made[-1] < midnight(LAST) + timedelta(days=1, hours=1):
        made.append(made[-1] + timedelta(seconds=1 + round(dice.expovariate(1 / 600))))
    for at in [midnight(on) for on in (*DAYS, LAST + ONE_DAY)] + [midnight(on) + timedelta(hours=20) for on in DAYS]:
        newest = max(n for n, header_at in enumerate(made) if header_at <= at)
        if (at - ONE_DAY).date() not in UNTIMED_DAYS or at.hour:
            row = {"asset_id": "btc", "asked_at": at, "height": FIRST_HEIGHT + newest, "block_hash": "0" * 64}
            feeds["mempool__block_heights"].append(
                EVERY_DAY | row | {"source_id": "mempool", "header_at": made[newest]}
            )
    tip = FIRST_HEIGHT + len(made) - 1
    feeds["hiro__burnchain_rewards"] = list(made_up_rewards(dice, tip))
    for table, row in [*made_up_answers(tip), *made_up_prices(dice), *made_up_levels(dice, tip)]:
        feeds[table].append(row)
    return feeds


def made_up_rewards(dice: random.Random, tip: int) -> Iterator[Row]:
    for height in range(FIRST_HEIGHT, tip):
        count = dice.choice([0, 1, 2, 2, 2, 2, 2, 3]) if is_paying(height) or dice.random() < 0.1 else 0
        count = 0 if cycle_of(height) == 121 else count
        about = EVERY_DAY | {"chain_id": "stacks", "burn_block_height": height, "is_canonical": True}
        burn_sats = dice.randint(0, 9_000)
        for n in range(count):
            row = about | {"burn_block_hash": f"{height:064x}", "reward_index": n, "burn_sats": burn_sats}
            row["reward_recipient"] = dice.choice([BURN, *(f"bc1q{k}" for k in range(60))])
            yield row | {"reward_sats": dice.randint(0, 2_500_000)}
        if dice.random() < 0.02:
            orphan = {"burn_block_hash": "f" * 40 + f"{height:024x}", "reward_index": 0, "is_canonical": False}
            yield about | orphan | {"reward_recipient": "bc1q", "reward_sats": 10**9, "burn_sats": 10**9}


def made_up_answers(tip: int) -> Iterator[tuple[str, Row]]:
    """Pages that overlap from the middle of cycle 118 on, with a hole in 146 and one that came too late."""
    hole, head = START + 146 * LENGTH + 50, tip - 40
    pages = [(first, first + 60, "ok", ASKED_AT) for first in range(FIRST_HEIGHT + 30, hole - 60, 55)]
    pages += [(pages[-1][1] - 5, hole, "ok", ASKED_AT), (hole + 1, hole + 3, "too_many_faults", ASKED_AT)]
    pages += [(hole + 4, head, "ok", ASKED_AT), (head + 1, tip, "ok", LATER), (hole - 9, hole + 9, "ok", LATER)]
    for n, (first, last, outcome, at) in enumerate(pages):
        about = {"fetch_id": f"a{n}", "source_id": "hiro"}
        yield "ledger", about | {"entity": "burnchain_rewards", "method": "GET", "url": "", "outcome": "ok"} | {
            "fetched_at": at, "table_names": "[]"
        }  # fmt: skip
        row = {"table_name": "hiro__burnchain_rewards", "entity_id": "stacks", "outcome": outcome}
        yield "asked", about | row | {"from_block": first, "to_block": last}


def made_up_prices(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for n in range(24 * len(DAYS) + 12):
        at = midnight(FIRST) + timedelta(hours=n)
        if at.date() not in UNPRICED_DAYS and dice.random() > 0.1:
            price = (60_000 * Decimal(dice.uniform(0.9, 1.1))).quantize(Decimal("0.00000001"))
            row = observed("defillama", ASKED_AT, asset_id="btc", slot_at=at, slot_sec=3600, price_usd=price)
            yield "defillama__prices_hourly", row | {"priced_at": at}
    for on in DAYS:
        if on != date(2024, 4, 2):
            price = Decimal(dice.randint(200, 350)) / 100
            row = observed("coinmetrics", ASKED_AT, asset_id="stx", date_day=on, observed_at=midnight(on + ONE_DAY))
            yield "coinmetrics__asset_market", row | {"price_usd": price}


def made_up_levels(dice: random.Random, tip: int) -> Iterator[tuple[str, Row]]:
    constants = {"first_burnchain_block_height": START, "reward_cycle_length": LENGTH, "pox_version": "pox-4"}
    constants |= {"prepare_phase_block_length": LENGTH - PAYING, "stacked_ustx": 1, "chain_id": "stacks"}
    older = constants | {"first_burnchain_block_height": 7, "reward_cycle_length": 2100}
    for on, at, row in (
        (LAST, ASKED_AT - ONE_DAY, older),
        (LAST + ONE_DAY, ASKED_AT, constants),
        (LAST + 2 * ONE_DAY, LATER, older),
    ):
        current = cycle_of(tip) - 3
        yield "hiro__pox_info", observed("hiro", at, **row, snapshot_on=on, current_cycle=current)
    for cycle in range(116, cycle_of(tip) + 3):
        key = {"chain_id": "stacks", "cycle_number": cycle}
        told = {"anchor_stacks_height": 1, "total_weight": 4, "total_signers": dice.randint(2, 9)}
        total = dice.randint(4 * 10**14, 6 * 10**14)
        if cycle != 125:
            yield "hiro__pox_cycles", observed("hiro", ASKED_AT, **key, **told, total_stacked_ustx=total)
        if cycle == 126:
            yield "hiro__pox_cycles", observed("hiro", ASKED_AT, 2, **key, **told, total_stacked_ustx=total + 5)
        for n in range(3):
            row = {"signing_key": f"{n:066x}", "signer_address": f"SP{n}", "weight": n, "stacked_ustx": total // 3}
            yield "hiro__pox_signers", observed("hiro", ASKED_AT, **key, **row, solo_count=n, pooled_count=None)
    for n, on in enumerate(DAYS):
        n = n - 1 if on == date(2024, 3, 12) else n  # noqa: PLW2901 (Stacks stood still for a day)
        block = {"chain_id": "stacks", "asked_at": midnight(on + ONE_DAY), "stacks_height": 150_000 + n}
        block |= {"index_block_hash": f"{n:064x}", "block_at": midnight(on), "burn_block_height": 1}
        yield "hiro__stacks_blocks", EVERY_DAY | block
        if block["block_at"] == midnight(date(2024, 3, 12)):
            continue
        total = dice.randint(55, 60) * 10**12 + n
        for measure, share, chance in (("total", 100, 0.1), ("withdrawal", 3, 0.1)):
            if dice.random() > chance:
                row = {"protocol_id": "stacking_dao", "index_block_hash": f"{n:064x}", "measure": measure}
                yield "hiro__lst_reserves", observed("hiro", ASKED_AT, **row, amount_ustx=total * share // 100)
        supply = {"asset_id": "stx", "block_height": 150_000 + n, "circulating_supply": Decimal("1470000000.5") + n}
        if on.day != 9:
            yield "hiro__stx_supply", EVERY_DAY | supply | {"total_supply": 1_818_000_000}
        for row in tvl_rows(on, Decimal(total) / 10**6):
            where = {"protocol_id": "stacking_dao", "date_day": on, "observed_at": midnight(on + ONE_DAY)}
            yield "defillama__protocol_tvl", observed("defillama", ASKED_AT, **where, **row)


def tvl_rows(on: date, stx: Decimal) -> Iterator[Row]:
    """What DefiLlama says of one day: all of it in dollars, and the tokens on even days; none on the 5th."""
    here = {"chain_name": "Stacks", "chain_id": "stacks", "tvl_component": "tvl"}
    if on.day != 5:
        yield here | {"token_symbol": "*", "tvl_usd": 150_000_000 + on.day}
        if on.day % 2 == 0:
            yield here | {"token_symbol": "STX", "tvl_usd": 140_000_000, "token_amount": stx * Decimal("1.004")}
    yield here | {"tvl_component": "staking", "token_symbol": "*", "tvl_usd": 9}
    yield {"chain_name": "Other", "tvl_component": "tvl", "token_symbol": "*", "tvl_usd": 9}


# ---------------------------------------------------------------- the rules, once more


def rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def ratio(part: Any, whole: Any) -> float | None:
    return None if None in (part, whole) else float(part) / float(whole)


def percent(part: Any, whole: Any) -> float | None:
    share = ratio(part, whole)
    return None if share is None else 100 * share


class Rules:
    """What is known at as_of, and the marts made of it."""

    def __init__(self, feeds: dict[str, list[Row]]) -> None:
        self.feeds = feeds
        self.heights = {row["asked_at"]: (row["height"], row["header_at"]) for row in feeds["mempool__block_heights"]}
        self.btc = {row["slot_at"]: row["price_usd"] for row in feeds["defillama__prices_hourly"]}
        self.stx = {row["date_day"]: row["price_usd"] for row in feeds["coinmetrics__asset_market"]}
        self.stacked = {row["cycle_number"]: row for row in feeds["hiro__pox_cycles"]}
        late = {row["fetch_id"] for row in feeds["ledger"] if row["fetched_at"] > AS_OF}
        self.covered = {
            height
            for row in feeds["asked"]
            if row["outcome"] == "ok" and row["fetch_id"] not in late
            for height in range(row["from_block"], row["to_block"] + 1)
            if is_paying(height)
        }
        self.tip = max(*self.covered, *(height for height, _ in self.heights.values()))
        self.paid = defaultdict(list)
        for row in feeds["hiro__burnchain_rewards"]:
            if row["is_canonical"]:
                self.paid[row["burn_block_height"]].append(row)

    @cached_property
    def blocks(self) -> dict[int, tuple[date, datetime]]:
        """Day and time of each block of the days whose two ends have a height."""
        found = {}
        for on in DAYS:
            start, end = midnight(on), midnight(on + ONE_DAY)
            if start not in self.heights or end not in self.heights:
                continue
            known = [self.heights[at] for at in sorted(self.heights) if start <= at <= end]
            for (low, low_at), (high, high_at) in pairwise(known):
                for height in range(low + 1, high + 1):
                    seconds = int((high_at - low_at).total_seconds()) * (height - low) // (high - low)
                    at = min(max(low_at + timedelta(seconds=seconds), start), end - timedelta(seconds=1))
                    found[height] = (on, at)
        return found

    def price(self, at: datetime | None) -> Decimal | None:
        hours = [] if at is None else [at.replace(minute=0, second=0) - timedelta(hours=n) for n in range(3)]
        return next((self.btc[hour] for hour in hours if hour in self.btc), None)

    def day(self, height: int) -> date | None:
        return self.blocks.get(height, (None, None))[0]

    def at(self, height: int) -> datetime | None:
        return self.blocks.get(height, (None, None))[1]

    def sats(self, height: int) -> int:
        return sum(row["reward_sats"] for row in self.paid[height] if row["reward_recipient"] != BURN)

    def usd(self, heights: list[int]) -> Decimal | None:
        total = Decimal(0)
        for height in heights:
            told = [row for row in self.paid[height] if row["reward_recipient"] != BURN]
            price = self.price(self.at(height))
            if told and price is None:
                return None
            total += sum((row["reward_sats"] * price / 10**8 for row in told), Decimal(0))
        return rounded(total, 2)

    def price_sources(self, heights: list[int]) -> set[str]:
        told = [h for h in heights if any(row["reward_recipient"] != BURN for row in self.paid[h])]
        return {"defillama" for height in told if self.price(self.at(height)) is not None}

    def lst(self, on: date | None) -> tuple[Decimal | None, Decimal | None]:
        blocks = {row["asked_at"]: row["index_block_hash"] for row in self.feeds["hiro__stacks_blocks"]}
        block = None if on is None else blocks[midnight(on + ONE_DAY)]
        told = {
            row["measure"]: Decimal(row["amount_ustx"]).scaleb(-6)
            for row in self.feeds["hiro__lst_reserves"]
            if row["index_block_hash"] == block
        }
        total, promised = told.get("total"), told.get("withdrawal")
        return total, None if None in (total, promised) else total - promised

    def supply(self, on: date | None) -> Decimal | None:
        heights = {row["asked_at"]: row["stacks_height"] for row in self.feeds["hiro__stacks_blocks"]}
        known = {row["block_height"]: row["circulating_supply"] for row in self.feeds["hiro__stx_supply"]}
        return None if on is None else known.get(heights[midnight(on + ONE_DAY)])

    def reward(self, cycle: int) -> Decimal | None:
        heights = self.paying(cycle)
        is_known = self.covered.issuperset(heights)
        return Decimal(sum(self.sats(h) for h in heights)).scaleb(-8) if is_known else None

    def paying(self, cycle: int) -> list[int]:
        first = START + cycle * LENGTH + 1
        return list(range(first, first + PAYING))

    @property
    def cycles(self) -> list[int]:
        known = set(self.stacked) | {cycle_of(height) for height in self.covered}
        return sorted(cycle for cycle in known if START + cycle * LENGTH < self.tip)

    def is_shown(self, cycle: int) -> bool:
        first = START + cycle * LENGTH + 1
        days = {self.day(height) for height in range(first, first + LENGTH)} - {None}
        return bool(days) and max(days) >= WINDOW[0] and min(days) <= WINDOW[1]

    def stacking_rewards(self) -> Iterator[Row]:
        for cycle in filter(self.is_shown, self.cycles):
            yield self.cycle(cycle)

    def cycle(self, cycle: int) -> Row:
        heights = self.paying(cycle)
        first, last = heights[0], heights[0] + LENGTH - 1
        start_at, end_at, is_over = self.at(first), self.at(last + 1), self.tip >= last
        row: Row = {"cycle_number": cycle, "start_height": first, "end_height": last, "paying_blocks": PAYING}
        row |= {"pox_version": "pox-5" if cycle >= NAMELESS_FROM else "pox-4", "start_at": start_at, "end_at": end_at}
        days = (end_at - start_at).total_seconds() / 86400 if start_at and end_at else None
        covered = [height for height in heights if height in self.covered]
        row |= {"duration_days": days, "blocks_covered": len(covered)}
        sources = {"hiro", "mempool"} | self.price_sources(covered)
        reward, end_price = self.reward(cycle), self.price(end_at)
        sources |= {"defillama"} if end_price else set()
        is_timed = all(self.at(height) for height in heights)
        if reward is not None:
            named = {r["reward_recipient"] for h in heights for r in self.paid[h]} - {BURN}
            row["reward_btc"] = reward
            row["reward_usd_at_payout"] = self.usd(heights) if is_timed or not reward else None
            row["reward_usd_at_cycle_end"] = rounded(reward * end_price, 2) if end_price else None
            row["burn_btc"] = Decimal(sum(max(r["burn_sats"] for r in self.paid[h]) for h in heights if self.paid[h]))
            row["burn_btc"] = row["burn_btc"].scaleb(-8)
            row["mean_sats_per_block"] = float(reward) * 1e8 / PAYING
            row["distinct_recipients"] = len(named) if cycle < NAMELESS_FROM else None
            row["has_zero_reward"] = reward == 0
            rewards = [self.reward(c) for c in range(cycle - 25, cycle + 1) if c in self.cycles]
            if len(rewards) == 26 and None not in rewards:
                row["reward_cv_26c"] = float(stdev(rewards) / mean(rewards))
        row["is_complete"] = is_over and reward is not None
        level = self.levels(cycle, first, last, sources)
        usd, value = row.get("reward_usd_at_payout"), level.pop("value")
        if None not in (usd, value, days):
            row["btc_yield_annualised_pct"] = float(usd) / value * 100 * 365 / days
        has_no_price = reward is not None and (
            (is_timed and usd is None) or (end_at and row["reward_usd_at_cycle_end"] is None)
        )
        reasons = {
            "cycle_in_progress": not is_over,
            "blocks_not_covered": is_over and reward is None,
            "block_time_missing": not start_at or (is_over and not end_at) or (reward is not None and not is_timed),
            "btc_price_missing": has_no_price,
            "recipients_not_named": cycle >= NAMELESS_FROM,
            "stacked_not_known": level["total_stacked_stx"] is None,
            "supply_missing": self.day(last) and self.supply(self.day(last)) is None,
            "stx_price_missing": level.pop("is_unpriced"),
            "lst_missing": self.day(last) and None in (level["lst_total_stx"], level["lst_net_stx"]),
        }  # fmt: skip
        row["reason"] = ", ".join(name for name, holds in reasons.items() if holds) or None
        return row | level | {"source_ids": sorted(sources)}

    def levels(self, cycle: int, first: int, last: int, sources: set[str]) -> Row:
        told, supply, (total, net) = self.stacked.get(cycle), self.supply(self.day(last)), self.lst(self.day(last))
        stacked = Decimal(told["total_stacked_ustx"]).scaleb(-6) if told else None
        row: Row = {"total_stacked_stx": stacked, "signers": told["total_signers"] if told else None}
        row |= {"stacking_ratio_pct": percent(stacked, supply), "lst_total_stx": total, "lst_net_stx": net}
        row |= {"lst_share_of_stacked_pct": percent(total, stacked), "lst_share_of_supply_pct": percent(total, supply)}
        row |= {"value": None, "is_unpriced": False}
        if (begin := self.day(first)) and (end := self.day(last)):
            days = [begin + timedelta(n) for n in range((end - begin).days + 1)]
            prices = [self.stx[on] for on in days if on in self.stx]
            sources |= {"coinmetrics"} if prices else set()
            row["is_unpriced"] = len(prices) < len(days)
            if len(prices) == len(days) and stacked is not None:
                row["value"] = float(stacked * rounded(mean(prices), 8))
        return row

    def stacking_rewards_daily(self) -> Iterator[Row]:
        by_day = defaultdict(list)
        for height, (on, _) in self.blocks.items():
            by_day[on].append(height)
        told = [on for on, heights in by_day.items() if self.covered.intersection(heights)]
        for on, heights in by_day.items():
            if not (max(min(told), WINDOW[0]) <= on <= min(max(told), WINDOW[1])):
                continue
            paying = [height for height in heights if is_paying(height)]
            row: Row = {"date_day": on, "cycle_number": cycle_of(max(heights)), "paying_blocks": len(paying)}
            row["is_complete"] = self.covered.issuperset(paying)
            if row["is_complete"]:
                sats = sum(self.sats(height) for height in paying)
                row |= {"reward_btc": Decimal(sats).scaleb(-8), "reward_usd_at_payout": self.usd(paying)}
                row["mean_sats_per_block"] = sats / len(paying)
            sources = self.price_sources([height for height in paying if height in self.covered])
            yield row | {"source_ids": sorted({"hiro", "mempool"} | sources)}

    def stacking_signers(self) -> Iterator[Row]:
        for told in self.feeds["hiro__pox_signers"]:
            if told["cycle_number"] in self.cycles and self.is_shown(told["cycle_number"]):
                names = ("cycle_number", "signing_key", "signer_address", "weight", "solo_count", "pooled_count")
                stacked, total = Decimal(told["stacked_ustx"]), self.stacked.get(told["cycle_number"])
                row = {name: told[name] for name in names} | {"stacked_stx": stacked.scaleb(-6)}
                share = percent(stacked, total["total_stacked_ustx"]) if total else None
                yield row | {"share_of_stacked_pct": share, "source_ids": ["hiro"]}

    def reconciliation(self) -> Iterator[Row]:
        for cycle in self.cycles:
            on = self.day(START + (cycle + 1) * LENGTH)
            if self.reward(cycle) is not None and on and WINDOW[0] <= on <= WINDOW[1]:
                paid = sum(any(r["reward_recipient"] != BURN for r in self.paid[h]) for h in self.paying(cycle))
                row = {"check_id": "rewards_vs_paying_blocks", "entity_id": "stacks", "observed_on": on}
                yield row | {"value_a": PAYING, "value_b": paid, "reason": None, "within": paid >= 0.95 * PAYING}
        for on in DAYS:
            total, told = self.lst(on)[0], self.tvl(on)
            if total is not None and told is not None and WINDOW[0] <= on <= WINDOW[1]:
                value, reason = told
                row = {"check_id": "lst_reserve_vs_protocol_tvl", "entity_id": "stacking_dao", "observed_on": on}
                is_within = abs(total - value) <= total * (5 if reason else 1) / 100
                yield row | {"value_a": total, "value_b": value, "reason": reason, "within": is_within}

    def tvl(self, on: date) -> tuple[Decimal, str | None] | None:
        told = [
            row
            for row in self.feeds["defillama__protocol_tvl"]
            if (row["date_day"], row.get("chain_id"), row["tvl_component"]) == (on, "stacks", "tvl")
        ]
        amounts = {row["token_symbol"]: row for row in told}
        if "STX" in amounts:
            return rounded(amounts["STX"]["token_amount"], 8), None
        if "*" in amounts and on in self.stx:
            return rounded(amounts["*"]["tvl_usd"] / self.stx[on], 8), "tvl_over_price"
        return None


# ---------------------------------------------------------------- the tests


KEYS = {
    "stacking_rewards": ("cycle_number",),
    "stacking_rewards_daily": ("date_day",),
    "stacking_signers": ("cycle_number", "signing_key"),
}


def read(file: Path, mart: str) -> dict[tuple, Row]:
    return {tuple(row[name] for name in KEYS[mart]): row for row in rows_of(file, f"marts.{mart}")}


def key_of(row: tuple) -> tuple:
    return row[:3]


def same(name: str, got: Any, want: Any) -> bool:
    is_ratio = name.endswith("_pct") or name in ("duration_days", "mean_sats_per_block", "reward_cv_26c")
    return got == want if not is_ratio or None in (got, want) else abs(got - want) <= 2e-6


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Rules]:
    file, feeds = tmp_path_factory.mktemp("dbt") / "outcrop.duckdb", made_up_feeds(random.Random(84))
    make_feeds(file, {name: rows for name, rows in feeds.items() if name not in ("asked", "ledger")})
    with duckdb.connect(str(file)) as connection:
        for name in ("asked", "ledger"):
            columns = list(feeds[name][0])
            connection.executemany(
                f"insert into feeds.{name} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})",
                [[row[column] for column in columns] for row in feeds[name]],
            )
    marts = (f"+{mart}" for mart in (*KEYS, "reconciliation"))
    tests = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
    built = dbt(file, "build", *tests, "--select", *marts, as_of=AS_OF, window=WINDOW)
    warned = {name for name, result in built.items() if result["status"] == "warn"}
    assert warned >= {"most_paying_blocks_pay", "reserves_of_liquid_stacking_agree_with_their_tvl"}
    return file, Rules(feeds)


@pytest.mark.parametrize("mart", KEYS)
def test_every_figure_is_what_the_rules_say_and_the_window_changes_none(world, mart):
    file, rules = world
    got = read(file, mart)
    want = {tuple(row[name] for name in KEYS[mart]): row for row in getattr(rules, mart)()}
    assert got.keys() == want.keys()
    differences = [
        (key, name, value, want[key].get(name))
        for key, row in got.items()
        for name, value in row.items()
        if not same(name, value, want[key].get(name))
    ]
    assert not differences, differences[:20]
    shown = {name for row in got.values() for name, value in row.items() if value is not None}
    assert shown == set(next(iter(got.values()))) - ({"pooled_count"} if mart == "stacking_signers" else set())


def test_a_window_shows_the_days_and_the_cycles_that_lie_in_it(world, tmp_path):
    file, rules = world
    sliced, days = Path(shutil.copy(file, tmp_path / "outcrop.duckdb")), (date(2024, 3, 21), date(2024, 3, 25))
    dbt(sliced, "run", "--select", *KEYS, as_of=AS_OF, window=days)
    cycles = {cycle_of(height - 1) for height, (on, _) in rules.blocks.items() if days[0] <= on <= days[1]}
    for mart in KEYS:
        whole = read(file, mart)
        shown = {key for key in whole if (days[0] <= key[0] <= days[1] if mart.endswith("daily") else key[0] in cycles)}
        assert read(sliced, mart) == {key: whole[key] for key in shown}
        assert shown


def test_the_cycles_have_the_cases_that_the_rules_are_about(world):
    cycles = read(world[0], "stacking_rewards").values()
    reasons = {reason for row in cycles for reason in (row["reason"] or "").split(", ")}
    assert reasons == {
        "",
        "cycle_in_progress",
        "blocks_not_covered",
        "block_time_missing",
        "btc_price_missing",
        "recipients_not_named",
        "stacked_not_known",
        "supply_missing",
        "stx_price_missing",
        "lst_missing",
    }
    assert {row["has_zero_reward"] for row in cycles} == {True, False, None}
    assert sum(row["reward_cv_26c"] is not None for row in cycles) > 1
    days = read(world[0], "stacking_rewards_daily").values()
    assert {row["is_complete"] for row in days} == {True, False}
    assert any(row["reward_btc"] is not None and row["reward_usd_at_payout"] is None for row in days)


def test_reserves_and_payments_are_held_against_a_second_reading(world):
    file, rules = world
    names = ("check_id", "entity_id", "observed_on", "value_a", "value_b", "reason", "within")
    rows = [row for row in rows_of(file, "marts.reconciliation") if row["subject"] == "stacking"]
    got = [tuple(rounded(row[n], 6) if n == "value_b" else row[n] for n in names) for row in rows]
    want = [
        tuple(rounded(Decimal(row[n]), 6) if n == "value_b" else row[n] for n in names)
        for row in rules.reconciliation()
    ]
    assert sorted(got, key=key_of) == sorted(want, key=key_of)
    assert {row[-2:] for row in got} >= {(None, True), ("tvl_over_price", False)}


def test_a_day_of_rewards_has_a_receipt_down_to_each_payment_and_its_price(world):
    file, rules = world
    key = {"date_day": date(2024, 3, 8)}
    bottom = receipt(
        file, file.parent / "target" / "manifest.json", "marts.stacking_rewards_daily", key, "reward_usd_at_payout"
    )
    paid = {(row["burn_block_height"], row["reward_index"]) for row in bottom if "reward_index" in row}
    heights = [height for height, (on, _) in rules.blocks.items() if on == key["date_day"] and is_paying(height)]
    assert paid == {(row["burn_block_height"], row["reward_index"]) for height in heights for row in rules.paid[height]}
    assert {row["table"] for row in bottom} == {
        "feeds.hiro__burnchain_rewards", "feeds.mempool__block_heights", "feeds.defillama__prices_hourly"
    }  # fmt: skip


def test_the_bitcoin_of_a_cycle_has_a_receipt_down_to_each_payment(world):
    file, rules = world
    manifest, cycle = file.parent / "target" / "manifest.json", 128
    bottom = receipt(file, manifest, "marts.stacking_rewards", {"cycle_number": cycle}, "reward_btc")
    sats = sum(row["reward_sats"] for row in bottom if row["reward_recipient"] != BURN)
    assert Decimal(sats).scaleb(-8) == rules.reward(cycle)


def test_the_contracts_of_the_seed_follow_each_other():
    assert [(row["pox_version"], row["first_cycle"], row["names_recipients"]) for row in seed("pox_versions")] == [
        ("pox-3", "60", "true"),
        ("pox-4", "84", "true"),
        ("pox-5", str(NAMELESS_FROM), "false"),
    ]
