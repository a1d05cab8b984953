"""marts.da_cost_comparison and marts.raas_ecosystem against a second reading of their rules, in plain Python.

Eleven made-up days: figures that never came, came twice or came too late, a day without blobs, prices at their floor, a
stretch of blocks that is missing, a list of rollups on two days. Nothing here knows the models.
"""
# ruff: noqa: DTZ001 (instants in the warehouse are naive UTC)

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from dbt_build import dbt, make_feeds, observed, receipt, rows_of, seed

Row = dict[str, Any]
ONE_DAY = timedelta(days=1)
FIRST, LAST, BLOBS_FROM = date(2024, 7, 10), date(2024, 7, 20), date(2024, 7, 11)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
ASKED_AT, AS_OF = datetime(2024, 7, 21, 9), datetime(2024, 7, 21, 12)
EARLIER, LATER = ASKED_AT - ONE_DAY, AS_OF + ONE_DAY
WINDOW = (FIRST, date(2024, 7, 19))
NOTHING_POSTED, WITHOUT_FEE, WITHOUT_GAS_PRICE = (date(2024, 7, n) for n in (12, 13, 14))
RESTATED, WITHOUT_TIA = date(2024, 7, 15), date(2024, 7, 16)
ELEVEN_STRETCHES, AT_FLOOR = date(2024, 7, 17), date(2024, 7, 18)
ROUNDED_TO_ZERO, WITHOUT_FEERATE = date(2024, 7, 12), date(2024, 7, 14)
LISTED = {date(2024, 7, 15): datetime(2024, 7, 15, 14, 20), date(2024, 7, 16): datetime(2024, 7, 16, 8, 5)}
MEBIBYTE, BYTES_PER_BLOB, BLOB_GAS = 1_048_576, 126_976, 131_072
WEI, SATOSHI, UTIA = Decimal("1e-18"), Decimal("1e-8"), Decimal("1e-6")


# ---------------------------------------------------------------- the feeds


def celestia(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for on in DAYS:
        figures = {"blob_bytes": dice.randrange(10**9, 2 * 10**9), "fee": dice.randrange(10**7, 9 * 10**7)}
        figures["gas_price"] = Decimal("0.002") if on == WINDOW[1] else Decimal(dice.randrange(21, 90)).scaleb(-4)
        units = {"blob_bytes": "bytes", "fee": "utia", "gas_price": "utia_per_gas"}
        if on == NOTHING_POSTED:
            figures["blob_bytes"] = 0
        missing = {WITHOUT_FEE: "fee", WITHOUT_GAS_PRICE: "gas_price"}.get(on)
        for measure, value in figures.items():
            about = {"da_layer_id": "celestia", "date_day": on, "measure": measure, "unit": units[measure]}
            runs = {EARLIER: value * 3, ASKED_AT: value, LATER: value * 5} if on == RESTATED else {ASKED_AT: value}
            for number, (seen_at, told) in enumerate(runs.items(), start=1):
                if measure != missing:
                    yield "celenium__da_daily", observed("celenium", seen_at, number, value=told, **about)


def ethereum(dice: random.Random) -> Iterator[tuple[str, Row]]:
    """Headers on either side of each midnight, and stretches of three blocks in each twelfth of a day."""
    for n, on in enumerate(DAYS):
        first, last = 20_000_000 + 7200 * n, 20_000_000 + 7200 * (n + 1) - 1
        midnight = datetime(on.year, on.month, on.day)
        for number, at in ((first, midnight), (last, midnight + ONE_DAY - timedelta(seconds=12))):
            header = {"block_at": at, "block_hash": f"0x{number:x}", "parent_hash": f"0x{number - 1:x}"}
            yield (
                "ethereum_rpc__blocks",
                observed("ethereum_rpc", ASKED_AT, chain_id="ethereum", block_number=number, **header),
            )
        for part in range(11 if on == ELEVEN_STRETCHES else 12):
            for number in range(first + 600 * part + 300, first + 600 * part + 303):
                blob = 1 if on == AT_FLOOR else dice.choice([1, 1, dice.randrange(2, 10**10)])
                fees = {"base_fee_wei": dice.randrange(10**9, 9 * 10**10), "gas_used_ratio": 0.5}
                fees["blob_base_fee_wei"] = blob if on >= BLOBS_FROM else None
                yield (
                    "ethereum_rpc__fee_history",
                    observed("ethereum_rpc", ASKED_AT, chain_id="ethereum", block_number=number, **fees),
                )


def bitcoin(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for on in DAYS:
        rate = 0 if on == ROUNDED_TO_ZERO else dice.randrange(2, 40)
        if on != WITHOUT_FEERATE:
            about = {"chain_id": "bitcoin", "date_day": on, "median_feerate_sat_vb": rate, "mean_height": 850_000}
            yield "mempool__fee_rates", observed("mempool", ASKED_AT, **about)


def prices(dice: random.Random) -> Iterator[tuple[str, Row]]:
    for asset_id, usd in (("btc", 60_000), ("eth", 3_000), ("tia", 6)):
        for on in DAYS:
            if (asset_id, on) != ("tia", WITHOUT_TIA):
                about = {
                    "asset_id": asset_id,
                    "date_day": on,
                    "price_usd": Decimal(usd * dice.randrange(80, 120)) / 100,
                }
                at = datetime(on.year, on.month, on.day) + ONE_DAY
                yield "coinmetrics__asset_market", observed("coinmetrics", ASKED_AT, observed_at=at, **about)
    for on, at in LISTED.items():
        hour = {"slot_at": at.replace(minute=0), "slot_sec": 3600, "priced_at": at, "price_usd": 60_000 + on.day}
        yield "defillama__prices_hourly", observed("defillama", ASKED_AT, asset_id="btc", **hour)


LIST = (
    ("naka", "naka", "BVM", "Polygon", "12.5", timedelta(minutes=3)),
    ("eternalai", "eai", "BVM", "Celestia", "3.25", timedelta(days=3)),
    ("runechain", "runechain", "BVM", "Polygon", "0.5", None),
    ("not-under-study", None, "BVM", "Avail", "1", timedelta(hours=5)),
    ("kumano", None, "Conduit", "Polygon", "118.25", timedelta(0)),
)


def rollups() -> Iterator[tuple[str, Row]]:
    for on, at in LISTED.items():
        for slug, rollup_id, provider, da_name, tvl, age in LIST:
            is_told = (slug, on) != ("runechain", date(2024, 7, 16))
            about = {"rollup_slug": slug, "rollup_id": rollup_id, "rollup_name": slug.title(), "provider": provider}
            about |= {"snapshot_on": on, "da_name": da_name, "layer_level": "L2", "tvl_btc": tvl if is_told else None}
            about["last_block_at"] = at - age if age is not None else None
            yield "bvm__rollups", observed("bvm", at, **about)
    for on in DAYS:
        at = datetime(on.year, on.month, on.day) + ONE_DAY
        tvl = {"tvl_definition": "defi", "observed_at": at, "date_day": on, "tvl_usd": 1000 + on.day}
        if on != LAST:
            yield "defillama__chain_tvl", observed("defillama", ASKED_AT, chain_id="naka", source_name="Naka", **tvl)
        series = {"metric_id": "tx_count", "source_metric": "newTxns", "period": "day", "period_start": on}
        if on.day != 19:
            count = {"value": on.day, "unit": "count", "definition": "all"}
            yield "blockscout__chain_stats", observed("blockscout", ASKED_AT, chain_id="naka", **series, **count)
        fees = {"metric_id": "txn_fee_native", "source_metric": "txnsFee", "period": "day", "period_start": on}
        paid = {"value": Decimal(on.day).scaleb(-3), "unit": "btc", "definition": "l2_fee"}
        yield "blockscout__chain_stats", observed("blockscout", ASKED_AT, chain_id="naka", **fees, **paid)
        if on in POSTED:
            about = {"da_layer_id": "celestia", "rollup_id": "eai", "date_day": on, "rollup_slug": "eternal-ai"}
            for measure, unit, value in (("blob_bytes", "bytes", 5000 * on.day), ("fee", "utia", 10**8 * on.day)):
                told = {"measure": measure, "unit": unit, "value": value}
                yield "celenium__da_namespaces", observed("celenium", ASKED_AT, **about, **told)


POSTED = {date(2024, 7, n) for n in (12, 15, 16)}
SILENT = {date(2024, 7, n) for n in (13, 14)}
"""An answer was about these days and the posted ones; no figure came of them."""


def note_answers(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        for name in ("size", "fee"):
            url = f"https://api-mainnet.celenium.io/v1/rollup/7/stats/{name}/day"
            connection.execute(
                "insert into feeds.ledger (fetch_id, source_id, entity, table_names, method, url, fetched_at, outcome)"
                " values (?, 'celenium', 'da_namespaces', ['celenium__da_namespaces'], 'GET', ?, ?, 'ok')",
                [name, url, ASKED_AT],
            )
            connection.execute(
                "insert into feeds.asked (fetch_id, source_id, table_name, entity_id, from_at, to_at, outcome)"
                " values (?, 'celenium', 'celenium__da_namespaces', 'eai', '2024-07-12', '2024-07-17', 'ok')",
                [name],
            )


# ---------------------------------------------------------------- the rules, once more


class Cost(NamedTuple):
    """Coins for a mebibyte, coins without prices at the floor, whether it is at the floor, why it is not known."""

    coins: Decimal | None = None
    above: Decimal | None = None
    is_floor: bool | None = None
    reason: str | None = None


class Rules:
    """What the mart must say, from the rows of the feeds as they were known then."""

    def __init__(self, feeds: dict[str, list[Row]]) -> None:
        self.feeds = {name: [row for row in rows if row["fetched_at"] <= AS_OF] for name, rows in feeds.items()}
        self.usd = {
            (row["asset_id"], row["date_day"]): Decimal(row["price_usd"])
            for row in self.feeds["coinmetrics__asset_market"]
        }
        self.posted = {(row["date_day"], row["measure"]): row["value"] for row in self.feeds["celenium__da_daily"]}
        self.rates = {row["date_day"]: row["median_feerate_sat_vb"] for row in self.feeds["mempool__fee_rates"]}
        self.gas: dict[date, list[Row]] = defaultdict(list)
        for row in self.feeds["ethereum_rpc__fee_history"]:
            self.gas[FIRST + timedelta((row["block_number"] - 20_000_000) // 7200)].append(row)

    def mean(self, on: date, fee: str, above: int = 0) -> Decimal | None:
        told = [row[fee] for row in self.gas[on] if row[fee] is not None and row[fee] > above]
        return Decimal(sum(told)) / len(told) if told and on != ELEVEN_STRETCHES else None

    def coins(self, layer: str, basis: str, on: date) -> Cost:
        """What a mebibyte costs; it is known where there is no reason."""
        if layer in ("avail", "filecoin", "polygon"):
            return Cost(reason="no_free_source")
        if basis == "observed":
            return self.paid(on) if layer == "celestia" else Cost(reason="no_series_of_fees_and_bytes")
        if layer == "celestia":
            return Cost(Decimal("0.017955792"), is_floor=True)
        rules = {"ethereum_calldata": self.calldata, "ethereum_blob": self.blob, "bitcoin_witness": self.witness}
        cost = rules[layer](on)
        return cost._replace(is_floor=cost.above is None) if cost.coins else cost

    def paid(self, on: date) -> Cost:
        paid, posted = self.posted.get((on, "fee")), self.posted.get((on, "blob_bytes"))
        if posted == 0 or paid is None or posted is None:
            return Cost(reason="nothing_posted" if posted == 0 else "not_covered")
        price = self.posted.get((on, "gas_price"))
        is_floor = None if price is None else price <= Decimal("0.002")
        cost = Decimal(paid) * UTIA * MEBIBYTE / posted
        return Cost(cost, cost if is_floor is False else None, is_floor)

    def calldata(self, on: date) -> Cost:
        fee = self.mean(on, "base_fee_wei")
        cost = fee and 16 * MEBIBYTE * fee * WEI
        return Cost(cost, cost) if cost else Cost(reason="not_covered")

    def blob(self, on: date) -> Cost:
        fee, above = (self.mean(on, "blob_base_fee_wei", floor) for floor in (0, 1))
        gas = -(-MEBIBYTE // BYTES_PER_BLOB) * BLOB_GAS
        return Cost(gas * fee * WEI, above and gas * above * WEI) if fee else Cost(reason="not_covered")

    def witness(self, on: date) -> Cost:
        rate = self.rates.get(on)
        cost = MEBIBYTE * Decimal(rate) * SATOSHI / 4 if rate else None
        return Cost(cost, cost) if cost else Cost(reason="not_covered" if rate is None else "price_rounded_to_zero")

    def costs(self) -> dict[tuple[str, str, date], Row]:
        found: dict[tuple[str, str, date], Row] = {}
        for layer in seed("da_layers"):
            for basis in ("observed", "analytic"):
                for on in DAYS:
                    cost, above, is_floor, reason = self.coins(layer["da_layer_id"], basis, on)
                    usd = self.usd.get((layer["native_asset_id"], on))
                    found[layer["da_layer_id"], basis, on] = {
                        "native_per_mib": cost,
                        "asset_price_usd": usd,
                        "usd_per_mib": cost * usd if cost is not None and usd else None,
                        "usd_per_mib_excl_floor": above * usd if above is not None and usd else None,
                        "at_floor_price": is_floor,
                        "reason": reason or (None if usd else "no_price"),
                    }
        return found

    def compared(self) -> dict[tuple[str, str, date], Row]:
        costs = self.costs()
        for (layer, _, on), row in costs.items():
            own = row["usd_per_mib"]
            rivals = {other: costs[other, "analytic", on]["usd_per_mib"] for other, _, _ in costs}
            for name, other in BASELINES.items():
                base = rivals[other]
                known = own is not None and base is not None
                row[f"reduction_vs_{name}_pct"] = float(100 * (1 - own / base)) if known else None
            cheaper = [1 for other, usd in rivals.items() if other != layer and usd is not None and own and usd < own]
            row["cheapest_rank"] = 1 + len(cheaper) if own is not None else None
        return costs


NATIVE = "native_per_mib"
BASELINES = {"calldata": "ethereum_calldata", "blob": "ethereum_blob", "bitcoin_witness": "bitcoin_witness"}


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> tuple[Path, Rules]:
    """The two marts, and what they must say."""
    file, dice = tmp_path_factory.mktemp("dbt") / "outcrop.duckdb", random.Random(4844)
    feeds: dict[str, list[Row]] = defaultdict(list)
    for table, row in [*celestia(dice), *ethereum(dice), *bitcoin(dice), *prices(dice), *rollups()]:
        feeds[table].append(row)
    make_feeds(file, feeds)
    note_answers(file)
    dbt(
        file,
        "build",
        *("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious"),
        *("--select", "+da_cost_comparison", "+raas_ecosystem"),
        as_of=AS_OF,
        window=WINDOW,
    )
    return file, Rules(feeds)


def read(file: Path) -> dict[tuple[str, str, date], Row]:
    return {(r["da_layer_id"], r["basis"], r["date_day"]): r for r in rows_of(file, "marts.da_cost_comparison")}


def same(name: str, got: Any, want: Any) -> bool:
    """Whether they are alike up to the rounding of the column, and that of numbers that went through DOUBLE once."""
    if isinstance(got, bool | str) or None in (got, want):
        return got == want
    places = {NATIVE: 18, "usd_per_mib": 8, "usd_per_mib_excl_floor": 8}.get(name, 6 if name.endswith("_pct") else 9)
    return abs(float(got) - float(want)) <= 0.6 * 10**-places + 1e-13 * abs(float(want))


def test_every_cost_is_what_the_rules_say_and_the_window_changes_none(world):
    file, rules = world
    got, want = read(file), rules.compared()
    assert got.keys() == {key for key in want if WINDOW[0] <= key[2] <= WINDOW[1]}
    differences = [
        (key, name, row[name], value)
        for key, row in got.items()
        for name, value in want[key].items()
        if not same(name, row[name], value)
    ]
    assert not differences, differences[:20]


def test_a_mebibyte_of_celestia_by_its_rules_is_that_of_the_known_number(world):
    row = read(world[0])["celestia", "analytic", FIRST + ONE_DAY]
    assert round(row[NATIVE], 6) == Decimal("0.017956")
    assert row["parameter_version"].split(",")[0] == "first_share_bytes@2023-10-31"
    assert "min_gas_price_utia@2023-11-21" in row["parameter_version"]
    assert row["parameter_version"].split(",") == sorted(row["parameter_version"].split(","))


def test_at_the_blob_floor_celestia_is_dearer_than_blobs_and_the_sign_says_so(world):
    rows = read(world[0])
    blob, celestia_ = rows["ethereum_blob", "analytic", AT_FLOOR], rows["celestia", "observed", AT_FLOOR]
    assert (blob[NATIVE], blob["at_floor_price"], blob["usd_per_mib_excl_floor"]) == (9 * BLOB_GAS * WEI, True, None)
    assert (blob["usd_per_mib"], blob["cheapest_rank"]) == (0, 1)
    assert celestia_["reduction_vs_blob_pct"] < -1_000_000
    assert celestia_["reduction_vs_calldata_pct"] > 90


def test_each_missing_cost_has_a_reason_and_each_reason_is_seen(world):
    rows = read(world[0]).values()
    assert all((row["usd_per_mib"] is None) == (row["reason"] is not None) for row in rows)
    assert {row["reason"] for row in rows} - {None} == {
        "no_free_source", "no_series_of_fees_and_bytes", "nothing_posted", "not_covered", "price_rounded_to_zero",
        "no_price",
    }  # fmt: skip
    assert read(world[0])["celestia", "observed", WINDOW[1]]["at_floor_price"] is True
    tia = read(world[0])["celestia", "observed", WITHOUT_TIA]
    assert tia[NATIVE] is not None
    assert tia["reason"] == "no_price"


def test_a_cost_is_traced_to_the_blocks_the_run_and_the_price(world):
    file, _ = world
    manifest = file.parent / "target" / "manifest.json"
    key = {"da_layer_id": "ethereum_blob", "basis": "analytic", "date_day": AT_FLOOR}
    found = receipt(file, manifest, "marts.da_cost_comparison", key, "usd_per_mib")
    assert len([row for row in found if row["table"] == "feeds.ethereum_rpc__fee_history"]) == 36
    assert {row["table"] for row in found} >= {"feeds.coinmetrics__asset_market"}
    key = {"da_layer_id": "celestia", "basis": "observed", "date_day": RESTATED}
    found = receipt(file, manifest, "marts.da_cost_comparison", key, NATIVE)
    assert {(row["table"], row["run_number"]) for row in found} == {("feeds.celenium__da_daily", 2)}


def rollups_of(file: Path) -> dict[tuple[str, date], Row]:
    return {(row["rollup_id"], row["date_day"]): row for row in rows_of(file, "marts.raas_ecosystem")}


def test_every_rollup_has_a_row_a_day_and_a_reason_beside_what_is_missing(world):
    rows = rollups_of(world[0])
    ids = [row["rollup_id"] for row in seed("rollups")]
    assert rows.keys() == {(one, on) for one in ids for on in DAYS if WINDOW[0] <= on <= WINDOW[1]}
    for row in rows.values():
        for value, reason in (
            ("tvl_usd", "tvl_reason"), ("tx_count", "tx_count_reason"), ("fee_usd", "fee_reason"),
            ("plan_price_usd_month", "plan_price_reason"), ("provider_tvl_usd", "provider_reason"),
        ):  # fmt: skip
            assert (row[value] is None) == (row[reason] is not None)
        assert (None in (row["blob_bytes"], row["da_cost_usd"])) == (row["da_reason"] is not None)


def test_the_list_of_a_day_is_valued_at_its_hour_and_summed_over_the_provider(world):
    rows = rollups_of(world[0])
    naka, eai = (rows[one, date(2024, 7, 15)] for one in ("naka", "eai"))
    assert (naka["tvl_btc"], naka["tvl_usd"], naka["tvl_basis"]) == (Decimal("12.5"), Decimal("750187.50"), "listed")
    assert (naka["is_live"], eai["is_live"], naka["provider_live_rollups"]) == (True, False, 2)
    assert naka["provider_tvl_usd"] == Decimal("17.25") * 60_015
    assert (naka["provider_da_share_pct"], eai["provider_da_share_pct"]) == (50.0, 25.0)
    unlisted = rows["bittendo", date(2024, 7, 15)]
    assert (unlisted["listing_reason"], unlisted["tvl_reason"], unlisted["is_live"]) == (
        "not_listed",
        "not_listed",
        None,
    )
    assert unlisted["provider_tvl_usd"] == naka["provider_tvl_usd"]
    next_day = rows["runechain", date(2024, 7, 16)]
    assert (next_day["tvl_reason"], next_day["provider_reason"]) == ("not_told", "not_told")
    assert next_day["provider_tvl_usd"] is None


def test_without_a_list_the_value_of_a_rollup_is_that_of_its_chain(world):
    rows = rollups_of(world[0])
    naka, eai = (rows[one, date(2024, 7, 14)] for one in ("naka", "eai"))
    assert (naka["tvl_usd"], naka["tvl_basis"], naka["tvl_btc"]) == (Decimal(1014), "defi", None)
    assert (naka["listing_reason"], naka["provider_reason"]) == ("no_list_of_the_day", "no_list_of_the_day")
    assert (naka["is_live"], eai["is_live"]) == (True, None)
    assert (eai["tvl_usd"], eai["tvl_reason"]) == (None, "no_list_of_the_day")


def test_activity_is_that_of_the_chain(world):
    file, rules = world
    rows = rollups_of(file)
    on = date(2024, 7, 13)
    usd = round(Decimal("0.013") * rules.usd["btc", on], 2)
    assert (rows["naka", on]["tx_count"], rows["naka", on]["fee_usd"]) == (13, usd)
    assert rows["naka", date(2024, 7, 19)]["tx_count_reason"] == "not_covered"
    assert {rows[one, on]["tx_count_reason"] for one in ("eai", "nos", "runechain")} == {"no_series"}
    assert {rows[one, on]["fee_reason"] for one in ("trustless_computer", "bittendo")} == {"no_chain"}


def test_a_covered_day_without_a_blob_is_a_zero_and_any_other_is_not_known(world):
    file, rules = world
    rows = rollups_of(file)
    for on in (date(2024, 7, n) for n in range(11, 20)):
        row, posted = rows["eai", on], on in POSTED
        assert row["blob_bytes"] == (5000 * on.day if posted else 0 if on in SILENT else None)
        usd = rules.usd.get(("tia", on))
        cost = round(100 * on.day * usd, 2) if posted and usd else 0 if on in SILENT else None
        assert row["da_cost_usd"] == cost
        is_known = posted or on in SILENT
        assert row["da_reason"] == (None if cost is not None else "no_price" if is_known else "not_covered")
    assert rows["bittendo", FIRST + ONE_DAY]["da_reason"] == "no_namespace_known"
    assert rows["naka", FIRST + ONE_DAY]["da_reason"] == "no_series"


def test_a_plan_has_its_price_from_the_day_it_was_stated_on(world):
    prices_of = {on: row["plan_price_usd_month"] for (_, on), row in rollups_of(world[0]).items()}
    assert prices_of == {on: Decimal(99) if on >= date(2024, 7, 11) else None for on in DAYS if on <= WINDOW[1]}


def test_a_rollup_is_traced_to_the_list_and_the_blobs(world):
    file, _ = world
    manifest, key = file.parent / "target" / "manifest.json", {"rollup_id": "eai", "date_day": date(2024, 7, 15)}
    found = receipt(file, manifest, "marts.raas_ecosystem", key, "da_cost_usd")
    tables = {row["table"] for row in found}
    assert tables >= {"feeds.bvm__rollups", "feeds.celenium__da_namespaces", "feeds.coinmetrics__asset_market"}
    found = receipt(file, manifest, "marts.raas_ecosystem", key, "provider_tvl_usd")
    slugs = {row["rollup_slug"] for row in found if row["table"] == "feeds.bvm__rollups"}
    assert slugs == {"naka", "eternalai", "runechain", "not-under-study"}
