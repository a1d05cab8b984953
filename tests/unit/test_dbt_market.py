"""marts.asset_market_daily and tvl_mcap_scenarios against a second reading of their rules, in plain Python.

Four months of made-up feeds over a halving; also the checks of marts.reconciliation that prices and supply are in.

Days that a source leaves out, values seen only after the build, hours without a price, records hours off their slot, a
source without a supply, chains that are missing. Every column of every row is compared. Nothing here knows the models.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import random
import shutil
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_build import build, dbt, make_feeds, observed, receipt, rows_of, seed

Row = dict[str, Any]
Feeds = dict[str, list[Row]]
AS_OF = datetime(2024, 7, 15, 12)
LATER = AS_OF + timedelta(hours=1)
DAYS = [date(2024, 3, 1) + timedelta(n) for n in range(120)]
BTC, CENT = Decimal("1e-8"), Decimal("0.01")
RANKS = {row["source_id"]: int(row["rank_price"]) for row in seed("sources") if row["rank_price"]}
SET = "llama_bitcoin_sidechains"
MEMBERS = {row["chain_id"] for row in seed("chain_set_members") if row["chain_set_id"] == SET}
LAUNCHED = {row["chain_id"]: date.fromisoformat(row["launched_on"] or "2009-01-03") for row in seed("chains")}
FIRST_BLOCK = 832_600
HOLES = {9: (3, 4), 17: (5, 6, 7)}
CLOSED = {row["date"] for row in seed("market_exceptions") if row["kind"] == "closed"}


def end_of(on: date) -> datetime:
    return datetime.combine(on, time()) + timedelta(days=1)


def height_of(at: datetime) -> int:
    return FIRST_BLOCK + int((at - end_of(DAYS[0])) / timedelta(seconds=597))


def issued(height: int) -> Decimal:
    """Era by era: a halving each 210,000 blocks."""
    sats, left, subsidy = 0, height + 1, 50 * 10**8
    while left > 0:
        sats, left, subsidy = sats + min(left, 210_000) * subsidy, left - 210_000, subsidy // 2
    return Decimal(sats) / 10**8


# ---------------------------------------------------------------- the feeds


def made_up_feeds() -> Feeds:
    dice = random.Random(840_000)
    feeds: Feeds = defaultdict(list)
    level = {"btc": 62_000.0, "eth": 3_400.0, "stx": 2.9, "rbtc": 61_900.0}
    for on in DAYS:
        at = end_of(on)
        seen = at + timedelta(hours=10)
        for hour in range(24):
            slot = datetime.combine(on, time(hour))
            for asset in level:
                level[asset] *= 1 + dice.gauss(0, 0.004)
            for asset in ("btc", "eth"):
                if hour not in HOLES.get(on.day, ()) and dice.random() > 0.01:
                    usd = Decimal(level[asset]).quantize(BTC)
                    values = {"asset_id": asset, "slot_at": slot, "slot_sec": 3600, "priced_at": slot}
                    feeds["defillama__prices_hourly"] += runs("defillama", seen, "price_usd", usd, **values)
        for name, rows in of_a_day(dice, on, level).items():
            feeds[name] += rows
    return dict(feeds)


def runs(source: str, seen: datetime, changing: str, value: Decimal, **values: Any) -> Iterator[Row]:
    """What the source says, and what it will say once the build is over."""
    yield observed(source, seen, 1, **values, **{changing: value})
    yield observed(source, LATER, 2, **values, **{changing: value * 2})


def of_a_day(dice: random.Random, on: date, level: dict[str, float]) -> Feeds:
    at, seen = end_of(on), end_of(on) + timedelta(hours=10)
    day = {"date_day": on, "observed_at": at}
    feeds: Feeds = defaultdict(list)
    for asset, now in level.items():
        usd = Decimal(now * dice.choice([1, 1.001, 1.0101, 0.94])).quantize(BTC)
        supply = issued(height_of(at)) - dice.choice([217, 1900, 2100]) if asset == "btc" else Decimal("120072345.5")
        values = {"asset_id": asset, **day}
        if asset in ("btc", "eth") and dice.random() > 0.1:
            said = {"market_cap_usd": (usd * supply).quantize(CENT), "circulating_supply": supply}
            feeds["coinmetrics__asset_market"] += runs("coinmetrics", seen, "price_usd", usd, **values, **said)
        if asset != "rbtc" and on >= DAYS[60] and dice.random() > 0.1:
            cap = None if dice.random() < 0.1 else (usd * supply * Decimal(dice.choice(["1", "1.002"]))).quantize(CENT)
            said = {"market_cap_usd": cap, "volume_24h_usd": Decimal("25000000000.5")}
            other = (usd * Decimal("1.003")).quantize(BTC)
            feeds["coingecko__asset_market"] += runs("coingecko", seen, "price_usd", other, **values, **said)
        if dice.random() > 0.1:
            off = timedelta(minutes=dice.choice([-200, -60, -59, 0, 5]))
            slot = {"asset_id": asset, "slot_at": at, "slot_sec": 86_400, "priced_at": at + off}
            near = Decimal(now * dice.choice([1, 0.96])).quantize(BTC)
            feeds["defillama__prices_daily"] += runs("defillama", seen, "price_usd", near, **slot)
    strike = datetime.combine(on, time(20 if on >= date(2024, 3, 10) else 21))
    for instant in (strike, at):
        if dice.random() > 0.06:
            block = {"asset_id": "btc", "asked_at": instant, "block_hash": f"{0:064x}", "header_at": instant}
            lineage = LATER if on == DAYS[33] else seen
            feeds["mempool__block_heights"].append(observed("mempool", lineage, **block, height=height_of(instant)))
    sizes = {
        "bitcoin": 5,
        "ethereum": 60_000,
        "core": 300,
        "merlin": 500,
        "rootstock": 180,
        "bsquared": 4,
        "all_chains": 9e4,
    }
    for chain, millions in sizes.items():
        if dice.random() > 0.08 and not (chain == "merlin" and on == DAYS[0]):
            usd = Decimal(millions * dice.uniform(0.9, 1.1) * 1e6).quantize(CENT)
            values = {"chain_id": chain, "tvl_definition": "defi", **day, "source_name": chain}
            feeds["defillama__chain_tvl"] += runs("defillama", seen, "tvl_usd", usd, **values)
    for fund in ("ibit", "fbtc", "gbtc"):
        held = {"fund_id": fund, "trade_date": on, "btc_held": Decimal(1000), "is_estimated": False}
        aum = Decimal(level["btc"] * 1000 * dice.choice([1, 1, 1.004, 1.02])).quantize(CENT)
        if on.weekday() < 5:
            feeds["btcetffundflow__etf_holdings"].append(observed("btcetffundflow", seen, **held, aum_usd=aum))
    return feeds


# ---------------------------------------------------------------- the rules, once more


class Known:
    """The feeds as known at AS_OF, by what they are of."""

    def __init__(self, feeds: Feeds) -> None:
        rows = {name: [row for row in rows if row["fetched_at"] <= AS_OF] for name, rows in feeds.items()}
        self.hours = {(row["asset_id"], row["slot_at"]): row["price_usd"] for row in rows["defillama__prices_hourly"]}
        self.supply = {row["asked_at"]: issued(row["height"]) for row in rows["mempool__block_heights"]}
        self.tvl = {(row["chain_id"], row["date_day"]): row["tvl_usd"] for row in rows["defillama__chain_tvl"]}
        self.prices: dict[tuple[str, date], list[Row]] = defaultdict(list)
        for row in (
            rows["coinmetrics__asset_market"] + rows["coingecko__asset_market"] + rows["defillama__prices_daily"]
        ):
            on = row.get("date_day") or row["slot_at"].date() - timedelta(1)
            self.prices[row["asset_id"], on].append(row)
        for by_source in self.prices.values():
            by_source.sort(key=lambda row: RANKS[row["source_id"]])
        self.held = rows["btcetffundflow__etf_holdings"]

    def hour(self, asset: str, slot: datetime) -> Decimal | None:
        """The price of the hour, or of the hour or two before."""
        found = [self.hours[asset, at] for n in range(3) if (asset, at := slot - timedelta(hours=n)) in self.hours]
        return found[0] if found else None

    def market(self, asset: str, on: date) -> Row:
        """Price, market cap and supply; empty on a day without a price."""
        if (asset, on) not in self.prices:
            return {}
        best, at = self.prices[asset, on][0], end_of(on)
        row = {"price_usd": best["price_usd"], "source_id": best["source_id"]}
        cap, supply = best.get("market_cap_usd"), best.get("circulating_supply")
        row["issued_supply"] = self.supply.get(at) if asset == "btc" else None
        row["sources"] = {best["source_id"]} | ({"mempool"} if row["issued_supply"] is not None else set())
        if asset == "btc":
            supply, basis = row["issued_supply"], "height_formula"
            cap = None if supply is None else (row["price_usd"] * supply).quantize(BTC, ROUND_HALF_UP)
        elif supply is not None:
            basis = "source"
        else:
            supply, basis = cap and cap / row["price_usd"], "implied"
        row |= {"market_cap_usd": cap, "circulating_supply": supply, "supply_basis": basis if supply else None}
        return row

    def sidechains(self) -> dict[date, tuple[Decimal | None, str | None]]:
        """The set's TVL; NULL while a member that had more than 1 % of it when last seen is missing."""
        share, totals = {}, {}
        for on in DAYS:
            seen = {chain: self.tvl[chain, on] for chain in MEMBERS if (chain, on) in self.tvl}
            missing = [chain for chain in MEMBERS - seen.keys() if LAUNCHED[chain] <= on]
            is_void = any(share.get(chain, 0) > 1 for chain in missing)
            if seen:
                totals[on] = (None, "member_missing") if is_void else (sum(seen.values()), None)
            share |= {chain: usd / sum(seen.values()) * 100 for chain, usd in seen.items()}
        return totals


def expected_market(known: Known) -> Iterator[Row]:
    for (asset, on), by_source in known.prices.items():
        row = known.market(asset, on)
        sources = row.pop("sources")
        row |= {"asset_id": asset, "date_day": on, "observed_at": end_of(on), "n_sources": len(by_source)}
        row |= {"source_rank": RANKS[row["source_id"]], "volume_24h_usd": by_source[0].get("volume_24h_usd")}
        hours = [datetime.combine(on, time(hour)) for hour in range(24)]
        if None not in [known.hour(asset, slot) for slot in hours]:
            own = [known.hours[asset, slot] for slot in hours if (asset, slot) in known.hours]
            row |= {"high_hourly_usd": max(own), "low_hourly_usd": min(own)}
            sources = sources | {"defillama"}
        if before := known.market(asset, on - timedelta(1)):
            row["price_change_1d_pct"] = float((row["price_usd"] / before["price_usd"] - 1) * 100)
        if len(by_source) > 1:
            row["disagreement_usd"] = row["price_usd"] - by_source[1]["price_usd"]
            row["disagreement_pct"] = float(row["disagreement_usd"] / row["price_usd"] * 100)
        yield row | {"source_ids": sorted(sources)}


def expected_scenarios(known: Known) -> Iterator[Row]:
    sidechains = known.sidechains()
    for on in DAYS:
        base, eth = known.market("btc", on), known.market("eth", on)
        if not base:
            continue
        cap, price, supply = (base[name] for name in ("market_cap_usd", "price_usd", "circulating_supply"))
        l1 = known.tvl.get(("bitcoin", on))
        total, void = sidechains.get(on, (None, None))
        of_l1, of_chains = {"defillama"} if l1 else set(), {"defillama"} if on in sidechains else set()
        both = None if l1 is None or total is None else l1 + total
        meanings = {
            "bitcoin_l1": (l1, None, of_l1),
            "sidechains": (total, void, of_chains),
            "sidechains_and_l1": (both, void, of_l1 | of_chains),
            "wrapped_btc": (None, "no_tvl_feed", set()),
        }
        for scenario in seed("scenarios"):
            ratio = Decimal(scenario["target_ratio_pct"])
            target = None if cap is None else (cap * ratio / 100).quantize(CENT, ROUND_HALF_UP)
            for meaning, (tvl, why, of_tvl) in meanings.items():
                row = {"scenario_id": scenario["scenario_id"], "btcfi_tvl_definition": meaning, "date_day": on}
                row |= {"base_asset_id": "btc", "price_usd": price, "market_cap_usd": cap, "circulating_supply": supply}
                row |= {"current_tvl_usd": tvl, "target_ratio_pct": ratio, "target_tvl_usd": target}
                reasons = ["no_market_cap"] if cap is None else []
                reasons += [why or "tvl_missing"] if tvl is None else []
                sources = base["sources"] | of_tvl
                if target is not None:
                    row["implied_btc_locked"] = (supply * ratio / 100).quantize(BTC, ROUND_HALF_UP)
                    row["implied_share_of_supply_pct"] = float(target / price / supply * 100)
                if target is not None and tvl is not None:
                    row |= {"current_ratio_pct": float(tvl / cap * 100), "multiple_ratio": float(target / tvl)}
                    row |= {"incremental_tvl_usd": target - tvl}
                row["reference_chain_id"] = reference = scenario["reference_chain_id"]
                if reference:
                    assert reference == "ethereum"
                    of_chain = known.tvl.get((reference, on))
                    if of_chain is not None and eth.get("market_cap_usd") is not None:
                        row |= {"reference_tvl_usd": of_chain, "reference_market_cap_usd": eth["market_cap_usd"]}
                        row["reference_ratio_pct"] = float(of_chain / eth["market_cap_usd"] * 100)
                        sources = sources | eth["sources"] | {"defillama"}
                    else:
                        reasons.append("reference_missing")
                yield row | {"reason": ", ".join(reasons) or None, "source_ids": sorted(sources)}


def expected_pairs(known: Known) -> Iterator[tuple]:
    """check, entity, day, the two sources, their values and the reason."""
    for (asset, on), by_source in known.prices.items():
        for a, b in combinations(by_source, 2):
            off = [abs(row.get("priced_at", end_of(on)) - end_of(on)) for row in (a, b)]
            reason = "priced_at_another_hour" if max(off) >= timedelta(hours=1) else None
            sources = a["source_id"], b["source_id"]
            yield "asset_price_sources", asset, on, *sources, a["price_usd"], b["price_usd"], reason
        for row in by_source:
            if asset == "btc" and end_of(on) in known.supply and row.get("market_cap_usd"):
                said = row.get("circulating_supply")
                value = said or (row["market_cap_usd"] / row["price_usd"]).quantize(BTC)
                sources = "subsidy_rule", row["source_id"]
                yield (
                    "btc_supply",
                    "btc",
                    on,
                    *sources,
                    known.supply[end_of(on)],
                    value,
                    None if said else "implied_supply",
                )
    for on in {row["trade_date"] for row in known.held}:
        price = known.hour("btc", datetime.combine(on, time(20 if on >= date(2024, 3, 10) else 21)))
        per_btc = [float(row["aum_usd"]) / float(row["btc_held"]) for row in known.held if row["trade_date"] == on]
        implied = Decimal(statistics.median(per_btc)).quantize(BTC)
        if price is not None and on.isoformat() not in CLOSED:
            yield "strike_price", "btc", on, "price_feed", "aum_implied", price, implied, None


PLACES = {"_pct": 2e-6, "_ratio": 2e-8, "circulating_supply": 1e-6}


def same(name: str, got: object, want: object) -> bool:
    places = next((size for ending, size in PLACES.items() if name.endswith(ending)), None)
    if got is None or want is None or places is None:
        return got == want
    return abs(float(got) - float(want)) <= places * max(1, abs(float(want)) if name == "multiple_ratio" else 1)


def assert_same(got: list[Row], want: list[Row], key: tuple[str, ...]) -> None:
    """Every column; one that the rules leave out is NULL."""
    rows = {tuple(row[name] for name in key): row for row in want}
    shown = {tuple(row[name] for name in key): row for row in got}
    assert shown.keys() == rows.keys()
    differences = [
        (at, name, value, rows[at].get(name))
        for at, row in shown.items()
        for name, value in row.items()
        if not same(name, value, rows[at].get(name))
    ]
    assert not differences, differences[:20]


# ---------------------------------------------------------------- the tests

MARTS = {
    "asset_market_daily": (("asset_id", "date_day"), expected_market),
    "tvl_mcap_scenarios": (("scenario_id", "btcfi_tvl_definition", "date_day"), expected_scenarios),
}
PAIR = ("check_id", "entity_id", "observed_on", "source_a", "source_b")
CHECKS = {
    "asset_price_sources": "price_sources_agree_with_each_other",
    "btc_supply": "the_subsidy_rule_agrees_with_the_supply_of_the_sources",
    "strike_price": "the_strike_price_agrees_with_what_the_aum_implies",
}


@pytest.fixture(scope="module")
def feeds() -> Feeds:
    return made_up_feeds()


@pytest.fixture(scope="module")
def known(feeds) -> Known:
    return Known(feeds)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """One path for all builds: dbt parses the project once."""
    return tmp_path_factory.mktemp("market") / "outcrop.duckdb"


@pytest.fixture(scope="module")
def built(file, feeds, tmp_path_factory) -> Path:
    make_feeds(file, feeds)
    build(file, *(f"+{mart}" for mart in (*MARTS, "reconciliation")), as_of=AS_OF)
    home = tmp_path_factory.mktemp("built")
    shutil.copy(file.parent / "target" / "manifest.json", home)
    return Path(shutil.copy(file, home))


@pytest.mark.parametrize("mart", MARTS)
def test_every_figure_is_what_the_rules_say(built, known, mart):
    key, rules = MARTS[mart]
    got = rows_of(built, f"marts.{mart}")
    assert_same(got, list(rules(known)), key)
    assert {name for row in got for name, value in row.items() if value is not None} == set(got[0])


def test_the_months_have_the_cases_that_the_rules_are_about(built):
    market, scenarios = (rows_of(built, f"marts.{mart}") for mart in MARTS)
    assert {row["supply_basis"] for row in market} == {None, "height_formula", "source", "implied"}
    assert {row["source_id"] for row in market} == set(RANKS)
    hours = [row for row in market if row["asset_id"] == "btc"]
    assert {row["high_hourly_usd"] is None for row in hours} == {True, False}
    said = {reason for row in scenarios for reason in (row["reason"] or "").split(", ")}
    assert said >= {"", "no_market_cap", "no_tvl_feed", "tvl_missing", "member_missing", "reference_missing"}


def test_the_supply_passes_the_halving_as_the_chain_did(built):
    """6.25 bitcoin a block before height 840,000, 3.125 from it on; 19,687,500 were there before it."""
    rows = rows_of(built, "intermediate.int_btc_supply")
    supply = {row["height"]: row["issued_btc"] for row in rows}
    assert min(supply) < 840_000 < max(supply)
    for height, btc in supply.items():
        before, after = min(height, 839_999) - 839_999, max(height, 839_999) - 839_999
        assert btc == 19_687_500 + before * Decimal("6.25") + after * Decimal("3.125")


def test_the_pairs_of_prices_and_supplies_are_what_the_rules_say(built, known):
    got = {tuple(row[name] for name in PAIR): row for row in rows_of(built, "marts.reconciliation")}
    got = {key: row for key, row in got.items() if key[0] in CHECKS}
    want = {row[:5]: row[5:] for row in expected_pairs(known)}
    assert got.keys() == want.keys()
    tolerances = {(row["check_id"], row["reason"]): row for row in seed("reconciliation_tolerances")}
    answers = set()
    for key, (value_a, value_b, reason) in want.items():
        row, allowed = got[key], tolerances.get((key[0], reason)) or tolerances[key[0], "*"]
        assert (row["value_a"], row["reason"]) == (value_a, reason)
        assert abs(row["value_b"] - value_b) < Decimal("1e-6")
        percent = Decimal(allowed["tolerance_pct"])
        assert row["within"] == (abs(value_a - row["value_b"]) <= percent * abs(value_a) / 100)
        assert row["subject"] == ("etf" if key[0] == "strike_price" else "market")
        answers.add((key[0], row["within"]))
    assert answers == {(check, within) for check in CHECKS for within in (True, False)}


def test_what_is_outside_its_tolerance_warns(built, file):
    shutil.copy(built, file)
    results = dbt(file, "test", "--select", *CHECKS.values(), as_of=AS_OF)
    pairs = rows_of(built, "marts.reconciliation")
    for check, name in CHECKS.items():
        outside = [row for row in pairs if row["check_id"] == check and not row["within"]]
        assert (results[name]["status"], results[name]["failures"]) == ("warn", len(outside))


def test_the_window_slices_and_changes_no_figure(built, file):
    shutil.copy(built, file)
    first, last = date(2024, 4, 1), date(2024, 4, 30)
    build(file, *MARTS, as_of=AS_OF, window=(first, last))
    for mart, (key, _) in MARTS.items():
        whole = [row for row in rows_of(built, f"marts.{mart}") if first <= row["date_day"] <= last]
        assert_same(rows_of(file, f"marts.{mart}"), whole, key)
        assert whole


@pytest.mark.parametrize("kept", ["coinmetrics__asset_market", "defillama__prices_hourly", "mempool__block_heights"])
def test_it_builds_with_one_feed(file, feeds, kept):
    """Without heights bitcoin has a price and no market cap; without daily prices there is no day."""
    make_feeds(file, {kept: feeds[kept]})
    dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    market = rows_of(file, "marts.asset_market_daily")
    assert bool(market) == (kept == "coinmetrics__asset_market")
    assert {row["market_cap_usd"] for row in market if row["asset_id"] == "btc"} <= {None}
    reasons = {row["reason"] for row in rows_of(file, "marts.tvl_mcap_scenarios") if row["scenario_id"] == "grid_1"}
    assert reasons == ({"no_market_cap, tvl_missing", "no_market_cap, no_tvl_feed"} if market else set())


def test_a_market_cap_that_is_not_price_times_supply_blocks(built, file):
    shutil.copy(built, file)
    name = "market_cap_of_bitcoin_is_its_price_times_the_issued_supply"
    assert dbt(file, "test", "--select", name, as_of=AS_OF)[name]["status"] == "pass"
    with duckdb.connect(str(file)) as connection:
        connection.execute("update marts.asset_market_daily set market_cap_usd = market_cap_usd + 0.01")
    assert dbt(file, "test", "--select", name, as_of=AS_OF, exit_status=1)[name]["status"] == "fail"


def test_every_figure_has_a_receipt_down_to_the_feeds(built, known):
    manifest = built.with_name("manifest.json")
    on = next(
        on
        for on in DAYS[70:]
        if len(known.prices["btc", on]) == 3
        and known.market("btc", on)["market_cap_usd"]
        and known.market("eth", on).get("market_cap_usd")
        and known.sidechains().get(on, (None,))[0]
        and ("bitcoin", on) in known.tvl
        and ("ethereum", on) in known.tvl
    )

    def tables(mart: str, key: Row, column: str) -> set[str]:
        rows = receipt(built, manifest, f"marts.{mart}", key, column)
        return {row["table"].removeprefix("feeds.") for row in rows}

    btc = {"asset_id": "btc", "date_day": on}
    assert tables("asset_market_daily", btc, "price_usd") == {"coinmetrics__asset_market"}
    cap = {"coinmetrics__asset_market", "mempool__block_heights"}
    assert tables("asset_market_daily", btc, "market_cap_usd") == cap
    assert tables("asset_market_daily", btc, "issued_supply") == {"mempool__block_heights"}
    pair = {"coinmetrics__asset_market", "coingecko__asset_market"}
    assert tables("asset_market_daily", btc, "disagreement_usd") == pair
    parity = {"scenario_id": "eth_parity_17", "btcfi_tvl_definition": "sidechains_and_l1", "date_day": on}
    assert tables("tvl_mcap_scenarios", parity, "target_tvl_usd") == cap
    assert tables("tvl_mcap_scenarios", parity, "current_tvl_usd") == {"defillama__chain_tvl"}
    ratio = {"coinmetrics__asset_market", "defillama__chain_tvl"}
    assert tables("tvl_mcap_scenarios", parity, "reference_ratio_pct") == ratio
    hours = receipt(built, manifest, "marts.asset_market_daily", btc, "high_hourly_usd")
    assert {row["table"] for row in hours} <= {"feeds.defillama__prices_hourly"}
