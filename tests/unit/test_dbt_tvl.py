"""The TVL marts against a second reading of their rules, in plain Python, on a year of made-up feeds.

Every column of every row of marts.sidechain_market_share, sidechain_share_period and tvl_deductions is computed again
from the rows of the feeds and the seeds. Nothing here knows the models.
"""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_build import build, dbt, make_feeds, observed, receipt, rows_of, seed

Row = dict[str, Any]
ONE_DAY = timedelta(days=1)
FIRST, LAST = date(2023, 12, 20), date(2025, 1, 10)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
PULLED_AT, REVISED_AT, AS_OF = (
    datetime.fromisoformat(text) for text in ("2025-01-12T09:00", "2025-01-13T09:00", "2025-01-13T12:00")
)
KEYS = {
    "sidechain_market_share": ("chain_set_id", "tvl_definition", "chain_id", "date_day"),
    "sidechain_share_period": ("chain_set_id", "tvl_definition", "period", "period_start"),
    "tvl_deductions": ("chain_set_id", "tvl_definition", "date_day", "line_no"),
}
PLACES = {"_pct": 2e-6, "_ratio": 2e-8, "hhi": 2e-4, "tvl_btc": 1e-8}
ALL = "all_chains"
LEVELS = {
    ALL: 90_000_000_000,
    "ethereum": 50_000_000_000,
    "bitcoin": 400_000_000,
    "merlin": 120_000_000,
    "bitlayer": 90_000_000,
    "rootstock": 150_000_000,
    "stacks": 60_000_000,
    "core": 40_000_000,
    "bsquared": 3_000_000,
    "bob": 5_000_000,
    "naka": 150_000,
}
VAULTS = {
    ("merlins_seal", "Bitcoin"): {"BTC": 1_000_000_000},
    ("merlins_seal", "Ethereum"): {"ETH": 20_000_000, "usdt": 12_000_000, "STONE": 900_000},
    ("merlins_seal", "Arbitrum"): {"USDT": 4_000_000, "USDC": 2_000_000},
    ("bitlayer_bridge", "Bitcoin"): {"BTC": 400_000_000},
    ("bitlayer_bridge", "Ethereum"): {"ETH": 1_000_000, "wstETH": 9_000_000},
}


# ---------------------------------------------------------------- a year of feeds


def chain_level(chain_id: str, on: date, usd: Any, seen_at: datetime = PULLED_AT, run_number: int = 1) -> Row:
    row = {"chain_id": chain_id, "tvl_definition": "defi", "date_day": on, "source_name": chain_id}
    row |= {"observed_at": end_of(on), "tvl_usd": Decimal(usd)}
    return observed("defillama", seen_at, run_number, **row)


def vault_level(protocol_id: str, chain_name: str, token: str, on: date, usd: Any) -> Row:
    row = {"protocol_id": protocol_id, "chain_name": chain_name, "tvl_component": "tvl", "token_symbol": token}
    row |= {"observed_at": end_of(on), "date_day": on, "tvl_usd": Decimal(usd)}
    return observed("defillama", PULLED_AT, token_amount=None if token == "*" else Decimal(1), **row)


def end_of(on: date) -> datetime:
    return datetime.combine(on + ONE_DAY, time())


def made_up_year() -> dict[str, list[Row]]:
    """Levels that wander, with holes; some days were restated, once before as_of and once after it."""
    dice = random.Random(20241231)
    launched = {row["chain_id"]: row["launched_on"] for row in seed("chains")}
    feeds: dict[str, list[Row]] = defaultdict(list)
    for chain_id, start in LEVELS.items():
        level, launch = Decimal(start), date.fromisoformat(launched.get(chain_id) or "2024-03-01")
        for on in DAYS:
            level = (level * Decimal(dice.uniform(0.95, 1.055))).quantize(Decimal("0.01"))
            is_hole = dice.random() < 0.01 or (chain_id == "bsquared" and on.month == 6)
            is_hole |= chain_id == "core" and date(2024, 8, 28) <= on <= date(2024, 9, 3)
            is_hole |= chain_id == ALL and on == date(2024, 3, 31)
            if on < launch - timedelta(days=3) or (is_hole and on.month != 12):
                continue
            feeds["defillama__chain_tvl"].append(chain_level(chain_id, on, level))
            if dice.random() < 0.05:
                for seen_at in (REVISED_AT, AS_OF + ONE_DAY):
                    number = 2 if seen_at == REVISED_AT else 3
                    feeds["defillama__chain_tvl"].append(chain_level(chain_id, on, level * number, seen_at, number))
    for (protocol_id, place), tokens in VAULTS.items():
        for on in (day for day in DAYS if day >= date(2024, 2, 1)):
            values = {token: (Decimal(usd) * Decimal(dice.uniform(0.9, 1.1))).quantize(Decimal("0.01"))
                      for token, usd in tokens.items()}  # fmt: skip
            if dice.random() < 0.02:
                continue
            feeds["defillama__protocol_tvl"].append(vault_level(protocol_id, place, "*", on, sum(values.values())))
            feeds["defillama__protocol_tvl"] += [
                vault_level(protocol_id, place, token, on, usd)
                for token, usd in values.items()
                if dice.random() > 0.02 and not (token == "wstETH" and on.month == 7)
            ]
    for n, on in enumerate(DAYS):
        if dice.random() > 0.03:
            row = {"asset_id": "btc", "observed_at": end_of(on), "date_day": on, "price_usd": Decimal(42_000 + 100 * n)}
            feeds["coinmetrics__asset_market"].append(observed("coinmetrics", PULLED_AT, **row))
        if dice.random() > 0.03:
            row = {"asset_id": "btc", "asked_at": end_of(on), "height": 822_000 + 150 * n, "block_hash": f"{n:064x}"}
            row |= {"header_at": end_of(on), "source_id": "mempool", "fetch_id": f"m{n}", "locator": "/height"}
            feeds["mempool__block_heights"].append(row | {"fetched_at": PULLED_AT})
    return feeds


# ---------------------------------------------------------------- the rules, once more


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def pct(part: Any, whole: Any) -> float | None:
    return None if part is None or whole is None else float(100 * Fraction(part) / Fraction(whole))


class Rules:
    """What the feeds say at as_of, and the marts made of it."""

    def __init__(self, feeds: dict[str, list[Row]]) -> None:
        self.chains = {row["chain_id"]: row for row in seed("chains")}
        self.members = defaultdict(list)
        for row in seed("chain_set_members"):
            self.members[row["chain_set_id"]].append(row)
        self.vault_of = {row["protocol_id"]: row["chain_id"] for row in seed("protocols") if row["role"] == "vault"}
        self.level: dict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
        known = [row for row in feeds["defillama__chain_tvl"] if row["fetched_at"] <= AS_OF]
        for row in sorted(known, key=lambda row: row["run_number"]):
            self.level["defi", row["chain_id"]][row["date_day"]] = row["tvl_usd"]
        self.token: dict[tuple[str, str, str], dict[date, Decimal]] = defaultdict(dict)
        for row in feeds["defillama__protocol_tvl"]:
            key = (row["protocol_id"], row["chain_name"], row["token_symbol"].upper())
            self.token[key][row["date_day"]] = row["tvl_usd"]
        self.price = {row["date_day"]: row["price_usd"] for row in feeds["coinmetrics__asset_market"]}
        heights = {row["asked_at"].date() - ONE_DAY: row["height"] for row in feeds["mempool__block_heights"]}
        self.supply = {on: issued(height) for on, height in heights.items()}
        for chain_id in set(self.vault_of.values()):
            self.level["vault", chain_id] = dict(self.vault_levels(chain_id))
        self.sets = {
            (name, definition): dict(self.days_of(name, definition))
            for name in self.members
            for definition in ("defi", "vault")
        }

    def vault_levels(self, chain_id: str) -> Iterator[tuple[date, Decimal]]:
        parts = [key for key in self.token if self.vault_of[key[0]] == chain_id and key[2] == "*"]
        last: dict[tuple, Fraction] = {}
        for on in DAYS:
            seen = {key: self.token[key][on] for key in parts if on in self.token[key]}
            last |= {key: Fraction(usd) / Fraction(sum(seen.values())) for key, usd in seen.items()}
            if seen and not any(last[key] > Fraction(1, 100) for key in last if key not in seen):
                yield on, sum(seen.values())

    def days_of(self, name: str, definition: str) -> Iterator[tuple[date, Row]]:
        """The set on each day on which a member is seen."""
        last: dict[str, Fraction] = {}
        chain_ids = sorted({row["chain_id"] for row in self.members[name]})
        for on in DAYS:
            seen = {c: self.level[definition, c][on] for c in chain_ids if on in self.level[definition, c]}
            valid = {
                row["chain_id"]
                for row in self.members[name]
                if day(row["valid_from"]) <= on and (not row["valid_to"] or on <= day(row["valid_to"]))
            }
            present = {chain_id: usd for chain_id, usd in seen.items() if chain_id in valid}
            if not present:
                continue
            total = sum(present.values())
            last |= {chain_id: Fraction(usd) / Fraction(total) for chain_id, usd in seen.items()}
            absent = [c for c in sorted(valid - present.keys()) if self.is_launched(c, on)]
            is_void = any(last.get(chain_id, 0) > Fraction(1, 100) for chain_id in absent)
            ranked = sorted(present, key=lambda chain_id: (-present[chain_id], chain_id))
            row: Row = {"present": present, "ranked": ranked, "missing_members": absent, "is_void": is_void}
            row |= {"set_members": len(present) + len(absent), "set_members_present": len(present)}
            row |= {"share_reason": "member_missing" if is_void else None, "sources": {"defillama"}}
            all_usd = self.level["defi", ALL].get(on)
            row["all_chains_tvl_usd"] = all_usd
            if not is_void:
                shares = [100 * Fraction(usd) / Fraction(total) for usd in present.values()]
                row |= {"set_tvl_usd": total, "hhi": float(sum(share * share for share in shares))}
                row["cr3_pct"] = pct(sum(present[c] for c in ranked[:3]), total)
                row["top3_chain_ids"] = sorted(ranked[:3])
                row["set_share_of_all_chains_pct"] = pct(total, all_usd)
            yield on, row

    def is_launched(self, chain_id: str, on: date) -> bool:
        launched_on = day(self.chains[chain_id]["launched_on"])
        return launched_on is None or launched_on <= on

    def lines(self, name: str, definition: str, chain_id: str, on: date) -> list[Row]:
        """What the rules take from a member: amount None where it is not known, with whether that voids the level."""
        found, level = [], self.level[definition, chain_id][on]
        for rule in seed("tvl_deduction_rules"):
            is_in_force = day(rule["valid_from"]) <= on and (not rule["valid_to"] or on <= day(rule["valid_to"]))
            applies = rule["chain_id"] == chain_id and rule["chain_set_id"] in ("*", name) and definition == "vault"
            if not (is_in_force and applies):
                continue
            places = [key for key in self.token if key[0] == rule["protocol_id"] and key[2] == rule["token_symbol"]]
            places = [key for key in places if on in self.token[(*key[:2], "*")]]
            seen = [self.token[key][on] for key in places if on in self.token[key]]
            # a day of a token counts only where its place is seen on that day too
            lost = [
                [usd for d, usd in sorted(self.token[key].items()) if d < on and d in self.token[(*key[:2], "*")]]
                for key in places
                if on not in self.token[key]
            ]
            missing = [history[-1] for history in lost if history]
            if not seen and not missing:
                continue
            share = Decimal(rule["share_ratio"])
            voids = sum(missing) * share * 100 > level
            line = {"rule_id": rule["rule_id"], "line_kind": rule["kind"], "chain_id": chain_id, "voids": voids}
            line |= {"protocol_id": rule["protocol_id"], "token_symbol": rule["token_symbol"]}
            line["amount_usd"] = None if voids or not seen else -cents(sum(seen) * share)
            found.append(line | {"reason": "token_missing" if missing else None})
        return found

    def net(self, name: str, definition: str, chain_id: str, on: date) -> tuple[Decimal | None, Decimal | None]:
        """A member's level without what is counted twice, and without what is not native either."""
        lines, level = self.lines(name, definition, chain_id, on), self.level[definition, chain_id][on]

        def less(kinds: set[str]) -> Decimal | None:
            taken = [line for line in lines if line["line_kind"] in kinds]
            if any(line["voids"] for line in taken):
                return None
            return level + sum(line["amount_usd"] or 0 for line in taken)

        return less({"double_counted"}), less({"double_counted", "non_native"})

    def sidechain_market_share(self) -> Iterator[Row]:
        for (name, definition), days in self.sets.items():
            for on, of_set in days.items():
                nets = {c: self.net(name, definition, c, on) for c in of_set["present"]}
                for place, chain_id in enumerate(of_set["ranked"], start=1):
                    row = {"chain_set_id": name, "tvl_definition": definition, "chain_id": chain_id, "date_day": on}
                    yield row | self.share(definition, chain_id, on, of_set, nets, place)

    def share(self, definition: str, chain_id: str, on: date, of_set: Row, nets: dict, place: int) -> Row:
        history = self.level[definition, chain_id]
        usd, price, supply = history[on], self.price.get(on), self.supply.get(on)
        row = {column: of_set.get(column) for column in SET_COLUMNS} | {"tvl_usd": usd, "observed_at": end_of(on)}
        row |= {"chain_name": self.chains[chain_id]["name"], "layer_class": self.chains[chain_id]["layer_class"]}
        row["tvl_deduplicated_usd"], row["tvl_native_usd"] = nets[chain_id]
        week = [history.get(on - timedelta(n)) for n in range(7)]
        row["tvl_7d_mean_usd"] = None if None in week else cents(sum(week) / 7)
        for n in (1, 30):
            before = history.get(on - timedelta(n))
            row[f"tvl_change_{n}d_pct"] = None if before is None else pct(usd - before, before)
        if not of_set["is_void"]:
            row |= {"share_of_set_pct": pct(usd, of_set["set_tvl_usd"]), "rank_in_set": place}
            deduplicated = [net[0] for net in nets.values()]
            if None not in deduplicated:
                row["share_of_set_deduplicated_pct"] = pct(nets[chain_id][0], sum(deduplicated))
        row["share_of_all_chains_pct"] = pct(usd, of_set["all_chains_tvl_usd"])
        row["tvl_btc"] = None if price is None else float(Fraction(usd) / Fraction(price))
        cap = None if price is None or supply is None else Fraction(price) * supply
        row["tvl_over_btc_market_cap_pct"] = pct(usd, cap)
        ratio = pct(self.level["vault", chain_id].get(on), self.level["defi", chain_id].get(on))
        row["vault_over_defi_ratio"] = None if ratio is None else ratio / 100
        is_month_end = (on + ONE_DAY).day == 1
        row |= {"is_month_end": is_month_end, "is_quarter_end": is_month_end and on.month % 3 == 0}
        row["is_year_end"] = is_month_end and on.month == 12
        sources = of_set["sources"] | ({"coinmetrics"} if price else set())
        return row | {"source_ids": sorted(sources | ({"mempool"} if cap else set()))}

    def sidechain_share_period(self) -> Iterator[Row]:
        for (name, definition), days in self.sets.items():
            for period in ("month", "quarter", "year"):
                spans = defaultdict(list)
                for on in days:
                    spans[span_of(period, on)].append(on)
                for (start, end), seen in spans.items():
                    row = {"chain_set_id": name, "tvl_definition": definition, "period": period, "period_start": start}
                    yield row | {"period_end": end} | self.moved(days, start, end, seen)

    def moved(self, days: dict[date, Row], start: date, end: date, seen: list[date]) -> Row:
        share = {on: row.get("set_share_of_all_chains_pct") for on, row in days.items()}
        present = [on for on in seen if share[on] is not None]
        start_on, end_on = start - ONE_DAY, max(present, default=None)
        before, after = days.get(start_on, {}), days.get(end_on, {})
        row: Row = {"start_on": start_on, "end_on": end_on, "days_present": len(present), "source_ids": ["defillama"]}
        row |= {"start_share_pct": share.get(start_on), "end_share_pct": share.get(end_on)}
        row["mean_share_pct"] = sum(share[on] for on in present) / len(present) if present else None
        row |= {"start_tvl_usd": before.get("set_tvl_usd"), "end_tvl_usd": after.get("set_tvl_usd")}
        row |= {"cr3_end_pct": after.get("cr3_pct"), "top3_end_chain_ids": after.get("top3_chain_ids")}
        reasons = ["start_missing"] * (row["start_share_pct"] is None) + ["end_missing"] * (end_on != end)
        row["reason"] = ", ".join(reasons) or None
        row["is_complete"] = len(present) == (end - start).days + 1 and row["start_share_pct"] is not None
        if not reasons:
            row["multiple_ratio"] = row["end_share_pct"] / row["start_share_pct"]
            row["growth_pct"] = (row["multiple_ratio"] - 1) * 100
        return row

    def tvl_deductions(self) -> Iterator[Row]:
        for (name, definition), days in self.sets.items():
            for on, of_set in days.items():
                nets = [self.net(name, definition, c, on) for c in of_set["present"]]
                lines = [line for c in of_set["present"] for line in self.lines(name, definition, c, on)]
                lines.sort(key=lambda line: line["rule_id"])

                def level(kind: str, values: list, of_set: Row = of_set) -> Row:
                    is_known = None not in values and not of_set["is_void"]
                    reason = of_set["share_reason"] or (None if is_known else "token_missing")
                    return {"line_kind": kind, "amount_usd": sum(values) if is_known else None, "reason": reason}

                account = [
                    level("gross", list(of_set["present"].values())),
                    *(line for line in lines if line["line_kind"] == "double_counted"),
                    level("deduplicated", [net[0] for net in nets]),
                    *(line for line in lines if line["line_kind"] == "non_native"),
                    level("native", [net[1] for net in nets]),
                ]
                about = {"chain_set_id": name, "tvl_definition": definition, "date_day": on}
                for line_no, line in enumerate(account, start=1):
                    yield about | line | {"line_no": line_no, "source_ids": ["defillama"]}


SET_COLUMNS = (
    *("set_tvl_usd", "set_members", "set_members_present", "missing_members", "share_reason", "cr3_pct"),
    *("top3_chain_ids", "hhi", "all_chains_tvl_usd", "set_share_of_all_chains_pct"),
)


def issued(height: int) -> Fraction:
    """Bitcoin issued up to a block: the subsidy of every block, era by era."""
    sats, first, subsidy = 0, 0, 5_000_000_000
    while first <= height and subsidy:
        sats += min(height + 1 - first, 210_000) * subsidy
        first, subsidy = first + 210_000, subsidy // 2
    return Fraction(sats, 10**8)


def span_of(period: str, on: date) -> tuple[date, date]:
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    start = date(on.year, (on.month - 1) // months * months + 1, 1)
    after = start.month - 1 + months
    return start, date(start.year + after // 12, after % 12 + 1, 1) - ONE_DAY


def read(file: Path, mart: str) -> dict[tuple, Row]:
    return {tuple(row[name] for name in KEYS[mart]): row for row in rows_of(file, f"marts.{mart}")}


def same(name: str, got: Any, want: Any) -> bool:
    tolerance = next((places for ending, places in PLACES.items() if name.endswith(ending)), None)
    if got is None or want is None or tolerance is None:
        return got == want
    return abs(float(got) - float(want)) <= max(tolerance, abs(float(want)) * 1e-12)


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def feeds() -> dict[str, list[Row]]:
    return made_up_year()


@pytest.fixture(scope="module")
def rules(feeds) -> Rules:
    return Rules(feeds)


@pytest.fixture(scope="module")
def file(feeds, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"
    make_feeds(file, feeds)
    dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    return file


@pytest.mark.parametrize("mart", KEYS)
def test_every_figure_of_a_year_is_what_the_rules_say(file, rules, mart):
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
    assert shown == set(next(iter(got.values())))


def test_the_year_has_the_cases_that_the_rules_are_about(file):
    shares = read(file, "sidechain_market_share").values()
    named = [row for row in shares if row["chain_set_id"] == "llama_bitcoin_sidechains"]
    assert {row["share_reason"] for row in named} == {None, "member_missing"}
    assert [row for row in named if "bsquared" in row["missing_members"] and row["share_reason"] is None]
    assert {row["all_chains_tvl_usd"] is None for row in named} == {True, False}
    assert {row["tvl_native_usd"] is None for row in shares if row["tvl_definition"] == "vault"} == {True, False}
    periods = read(file, "sidechain_share_period").values()
    assert {row["reason"] for row in periods} >= {None, "start_missing", "end_missing"}
    reasons = {(row["line_kind"], row["amount_usd"] is None) for row in read(file, "tvl_deductions").values()}
    assert reasons >= {("non_native", True), ("non_native", False), ("native", True), ("gross", True)}


def test_a_chain_that_is_not_observed_has_no_row_and_no_zero(file):
    shares = read(file, "sidechain_market_share")
    absent = ("llama_bitcoin_sidechains", "defi", "core", date(2024, 9, 1))
    assert absent not in shares
    others = [row for key, row in shares.items() if (*key[:2], key[3]) == (*absent[:2], absent[3])]
    assert others
    assert {row["share_reason"] for row in others} == {"member_missing"}
    assert all("core" in row["missing_members"] and row["set_tvl_usd"] is None for row in others)
    assert min(row["tvl_usd"] for row in shares.values()) > 0


def test_the_window_slices_and_changes_no_figure(file, tmp_path):
    sliced = Path(shutil.copy(file, tmp_path / "outcrop.duckdb"))
    first, last = date(2024, 3, 10), date(2024, 9, 20)
    dbt(sliced, "run", "--select", *KEYS, as_of=AS_OF, window=(first, last))
    for mart in ("sidechain_market_share", "tvl_deductions"):
        whole = {key: row for key, row in read(file, mart).items() if first <= row["date_day"] <= last}
        assert read(sliced, mart) == whole
        assert whole
    periods = read(file, "sidechain_share_period")
    whole = {key: row for key, row in periods.items() if row["period_end"] >= first and row["period_start"] <= last}
    assert read(sliced, "sidechain_share_period") == whole
    assert ("seed_top3", "defi", "year", date(2024, 1, 1)) in whole


def test_the_order_of_the_rows_of_a_feed_does_not_matter(feeds, file, tmp_path):
    turned = tmp_path / "outcrop.duckdb"
    make_feeds(turned, {name: rows[::-1] for name, rows in feeds.items()})
    build(turned, *(f"+{mart}" for mart in KEYS), as_of=AS_OF)
    for mart in KEYS:
        assert read(turned, mart) == read(file, mart)


def test_a_share_has_a_receipt_down_to_every_member_and_the_total(file):
    manifest = file.parent / "target" / "manifest.json"
    on = date(2024, 12, 31)
    key = {"chain_set_id": "seed_top3", "tvl_definition": "defi", "chain_id": "merlin", "date_day": on}
    named = {
        row["chain_id"] for row in receipt(file, manifest, "marts.sidechain_market_share", key, "share_of_set_pct")
    }
    assert named == {"merlin", "bitlayer", "rootstock", ALL}
    rows = receipt(file, manifest, "marts.sidechain_market_share", key, "tvl_usd")
    [share] = [row for row in rows_of(file, "marts.sidechain_market_share") if key.items() <= row.items()]
    assert [row["tvl_usd"] for row in rows] == [share["tvl_usd"]]
    rows = receipt(file, manifest, "marts.sidechain_market_share", key, "tvl_over_btc_market_cap_pct")
    assert {row["table"] for row in rows} == {
        "feeds.defillama__chain_tvl",
        "feeds.coinmetrics__asset_market",
        "feeds.mempool__block_heights",
    }


def test_a_deduction_has_a_receipt_down_to_its_tokens(file):
    [line] = [
        row
        for row in read(file, "tvl_deductions").values()
        if (row["chain_set_id"], row["rule_id"], row["date_day"]) == ("seed_top3", "merlin_vault_usdt", LAST)
    ]
    key = {name: line[name] for name in KEYS["tvl_deductions"]}
    rows = receipt(file, file.parent / "target" / "manifest.json", "marts.tvl_deductions", key, "amount_usd")
    tokens = [row for row in rows if row["token_symbol"] not in ("*", None)]
    assert {row["token_symbol"].upper() for row in tokens} == {"USDT"}
    assert -sum(row["tvl_usd"] for row in tokens) == line["amount_usd"]


def test_a_shorter_history_is_a_warning_with_the_difference_and_changes_nothing(tmp_path):
    file, later = tmp_path / "outcrop.duckdb", PULLED_AT + ONE_DAY
    rows = [chain_level("merlin", on, 5) for on in DAYS[:10]]
    for row in rows[:7]:
        row["last_seen_at"] = later
    make_feeds(file, {"defillama__chain_tvl": rows})
    with duckdb.connect(str(file)) as connection:
        for fetch_id, fetched_at in (("whole", PULLED_AT), ("short", later)):
            connection.execute(
                "insert into feeds.ledger (fetch_id, source_id, entity, table_names, method, url, fetched_at, outcome)"
                " values (?, 'defillama', 'chain_tvl', ['defillama__chain_tvl'], 'GET', '', ?, 'ok')",
                [fetch_id, fetched_at],
            )
            connection.execute(
                "insert into feeds.asked (fetch_id, source_id, table_name, entity_id, from_at, to_at, outcome)"
                " values (?, 'defillama', 'defillama__chain_tvl', 'merlin', ?, ?, 'ok')",
                [fetch_id, end_of(DAYS[0]), end_of(DAYS[9 if fetch_id == "whole" else 6]) + ONE_DAY],
            )
    results = dbt(file, "build", "--exclude-resource-type", "unit_test", "--store-failures", as_of=AS_OF)
    assert results["a_history_is_not_shorter_than_what_stands"]["status"] == "warn"
    [told] = rows_of(file, results["a_history_is_not_shorter_than_what_stands"]["relation_name"].replace('"', ""))
    assert (told["series_id"], told["days_standing"], told["days_not_sent"]) == ("merlin", 10, 3)
    assert (told["first_not_sent"], told["last_not_sent"]) == (DAYS[7], DAYS[9])
    shares = rows_of(file, "marts.sidechain_market_share")
    assert {row["date_day"] for row in shares if row["chain_set_id"] == "seed_top3"} == set(DAYS[:10])


def test_a_list_of_chains_far_from_the_total_is_a_warning(tmp_path):
    file = tmp_path / "outcrop.duckdb"
    now = {"snapshot_on": LAST + ONE_DAY, "chain_id": None}
    chains = [
        observed("defillama", PULLED_AT, source_name=name, tvl_usd=Decimal(usd), **now)
        for name, usd in (("Ethereum", 60), ("Merlin", 20))
    ]
    make_feeds(file, {"defillama__chain_tvl": [chain_level(ALL, LAST, 100)], "defillama__chains_now": chains})
    results = dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    assert results["the_chains_of_a_list_sum_to_the_total_of_all_chains"]["status"] == "warn"
    [check] = rows_of(file, "intermediate.int_reconciliation_tvl_sum_of_members")
    assert (check["observed_on"], check["value_a"], check["value_b"]) == (LAST, 100, 80)
