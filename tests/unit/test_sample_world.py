"""The simulated world: sourced anchors, no figure of the claims, facts that fit each other, a closed room."""

import ast
import math
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

import pipelines.sample
from pipelines.registry import Registry
from pipelines.sample.anchors import Anchors
from pipelines.sample.prices import strike_at
from pipelines.sample.world import World
from pipelines.settings import Settings

ROOM = Path(pipelines.sample.__file__).parent
SPIN_OFF_BTC = Decimal("26935.83753443")
CLAIMED_USD = [73_000, 54_286, 55_000, 53_640, 53_600, 118_300, 2_422, 734_000, 15_500, 2_200_000]
"""Prices and amounts that the claims under test state or imply."""
CLAIMED_USD_LARGE = [10_000_000_000, 180_000_000_000, 916_000_000]
CLAIMED_OTHER = [4.5, 635.1, 0.45, 0.04461, 13.521, 8_712, 133_000, 134_000, 60_000_000, 7_743, 1_300]
"""Shares, growth rates, a fee, a price ratio and counts of the claims under test."""
IN_USD = {"USD": 1, "USD m": 1_000_000, "USD m per session": 1_000_000}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(Settings().seeds)


@pytest.fixture(scope="module")
def world(registry: Registry) -> World:
    return World(registry)


def test_every_anchor_names_its_source_or_says_that_it_is_assumed():
    rows = Anchors().rows
    assert len(rows) > 50
    assert [row.series for row in rows if not row.source.strip() or not row.unit.strip()] == []
    published = {row.series for row in rows if row.source != "assumed"}
    assert {"btc.price", "gbtc.held", "gbtc.spin_off", "btc_grayscale_mini.spin_off"} <= published


def test_behaviour_and_sizes_without_a_publication_are_labelled_assumed():
    guesses = re.compile(
        r"^(demand|market|nav|issuers|ishares|bitbo|sosovalue|coinglass|edgar|coinmetrics|coingecko|vaults)\.|"
        r"\.(first_flow|mean_flow|quiet_share|seed_\w+|outflow_\w+|\w+_volatility|btc_per_share|filed_\w+)$|"
        r"\.(supply|premium|tvl_share|ratio|double_counted|[A-Z]+)$"
    )
    dressed_up = {row.series for row in Anchors().rows if guesses.search(row.series) and row.source != "assumed"}
    assert dressed_up == set()


def test_no_anchor_is_a_figure_of_the_claims():
    for row in Anchors().rows:
        value = abs(float(row.value))
        if row.unit in IN_USD:
            usd = value * IN_USD[row.unit]
            near = [claimed for claimed in CLAIMED_USD + CLAIMED_USD_LARGE if abs(usd / claimed - 1) < 0.001]
        else:
            near = [claimed for claimed in CLAIMED_OTHER if math.isclose(value, claimed, rel_tol=1e-6)]
        assert near == [], f"{row.series} on {row.on}: {row.value} {row.unit}"


def test_the_world_does_not_answer_the_claims(world: World):
    """Nobody tuned it: the three figures of the ETF claims are outside their tolerances here."""

    def held_btc(day: date) -> float:
        return float(sum(world.held_btc(fund_id, day) or 0 for fund_id in world.funds))

    def ibit_flow(quarter: int) -> float:
        flows = world.flows_usd_m["ibit"].items()
        return float(sum(flow for day, flow in flows if (day.year, (day.month + 2) // 3) == (2024, quarter)))

    for day in (date(2024, 8, 7), date(2024, 12, 31)):
        supply_btc = 19_687_500 + 450 * (day - date(2024, 4, 20)).days
        assert abs(100 * held_btc(day) / supply_btc - 4.5) > 0.1
    growth_pct = [100 * (ibit_flow(quarter + 1) / ibit_flow(quarter) - 1) for quarter in (1, 2, 3)]
    assert all(abs(growth - 635.1) > 5 for growth in growth_pct)
    august = [day for day in world.sessions if (day.year, day.month) == (2024, 8)]
    aum_usd = [held_btc(day) * float(world.strike_usd[day]) for day in august]
    assert not 9e9 <= aum_usd[0] - min(aum_usd) <= 11e9


def test_the_price_passes_through_its_anchors_and_moves_in_between(world: World):
    points = Anchors().points("btc.price")
    assert all(
        abs(world.price.at(datetime.combine(point.on, datetime.min.time())) - point.value) < Decimal("0.01")
        for point in points
    )
    strikes = list(world.strike_usd.values())
    moves = [abs(float(after / before) - 1) for before, after in pairwise(strikes)]
    assert 0.005 < sum(moves) / len(moves) < 0.04
    assert max(moves) < 0.15


def test_the_strike_is_four_in_the_afternoon_in_new_york():
    assert strike_at(date(2024, 3, 8)) == datetime.fromisoformat("2024-03-08 21:00")
    assert strike_at(date(2024, 3, 11)) == datetime.fromisoformat("2024-03-11 20:00")


def test_outside_its_time_the_world_has_no_price(world: World):
    with pytest.raises(ValueError, match="outside the simulated world"):
        world.price.at(datetime.fromisoformat("2025-02-02 00:00"))


def test_holdings_follow_from_flows_and_the_spin_off_alone(world: World):
    for fund_id, flows in world.flows_usd_m.items():
        days = list(flows)
        for before, day in pairwise(days):
            change_btc = world.held_btc(fund_id, day) - world.held_btc(fund_id, before)
            bought_btc = flows[day] * 1_000_000 / world.strike_usd[day]
            booked_btc = -SPIN_OFF_BTC if (fund_id, day) == ("gbtc", date(2024, 7, 30)) else 0
            assert abs(change_btc - bought_btc - booked_btc) <= Decimal("0.00000001"), (fund_id, day)


def test_no_fund_is_ever_empty_after_its_listing_or_filled_before(world: World):
    for fund_id, fund in world.funds.items():
        for session in world.sessions:
            held_btc = world.held_btc(fund_id, session)
            if session < fund.listed_on:
                assert held_btc is None
            else:
                assert held_btc > 0, (fund_id, session)


def test_the_spin_off_is_a_tenth_of_the_trust_and_no_flow(world: World):
    before_btc = world.held_btc("gbtc", date(2024, 7, 29))
    assert abs(before_btc - 10 * SPIN_OFF_BTC) < Decimal("0.0001")
    transfer_usd_m = SPIN_OFF_BTC * world.strike_usd[date(2024, 7, 30)] / 1_000_000
    for fund_id in ("gbtc", "btc_grayscale_mini"):
        around = [world.flows_usd_m[fund_id].get(date(2024, 7, day), 0) for day in (29, 30, 31)]
        assert max(abs(flow) for flow in around) < transfer_usd_m / 10


def test_a_share_stands_for_less_bitcoin_each_day_by_the_fee_of_its_fund(world: World):
    for fund_id in world.funds:
        start, end = date(2024, 8, 1), date(2024, 11, 1)
        ratio = world.shares.btc_per_share(fund_id, end) / world.shares.btc_per_share(fund_id, start)
        fee_pct = (1 - float(ratio)) * 100 * 365 / (end - start).days
        assert fee_pct == pytest.approx(float(Anchors().only(f"{fund_id}.fee").value), rel=0.01)


def test_shares_are_whole_and_stand_for_the_coins(world: World):
    for fund_id, fund in world.funds.items():
        for session in world.sessions[::20]:
            shares = world.shares_outstanding(fund_id, session)
            if session < fund.listed_on:
                assert shares is None
                continue
            assert shares == int(shares) > 0
            held_btc = shares * world.shares.btc_per_share(fund_id, session)
            assert abs(held_btc / world.held_btc(fund_id, session) - 1) < Decimal("0.0001")


def test_the_reverse_split_leaves_a_fifth_of_the_shares_and_all_coins(world: World):
    before, day = date(2024, 11, 18), date(2024, 11, 19)
    fifth = world.shares_outstanding("btc_grayscale_mini", before, counted_on=day)
    assert abs(world.shares_outstanding("btc_grayscale_mini", before) / fifth - 5) < Decimal("0.00001")
    assert world.shares_outstanding("btc_grayscale_mini", day) / fifth < Decimal("1.1")
    assert world.shares_outstanding("gbtc", before, counted_on=day) == world.shares_outstanding("gbtc", before)


def test_the_spin_off_takes_a_tenth_from_each_share_of_the_trust_and_no_share(world: World):
    before, booked = date(2024, 7, 29), date(2024, 7, 30)
    ratio = world.shares.btc_per_share("gbtc", booked) / world.shares.btc_per_share("gbtc", before)
    assert abs(ratio - Decimal("0.9")) < Decimal("0.0001")
    shares = [world.shares_outstanding("gbtc", day) for day in (before, booked)]
    assert abs(shares[1] / shares[0] - 1) < Decimal("0.01")
    given = world.shares.btc_per_share("btc_grayscale_mini", date(2024, 7, 31))
    assert abs(given / world.shares.btc_per_share("gbtc", before) - Decimal("0.1")) < Decimal("0.001")


def test_the_trust_bleeds_ever_more_slowly_and_ibit_takes_in_most(world: World):
    def flow(fund_id: str, first: date, last: date) -> Decimal:
        return sum(flow for day, flow in world.flows_usd_m[fund_id].items() if first <= day <= last)

    year = (date(2024, 1, 1), date(2024, 12, 31))
    assert max(world.funds, key=lambda fund_id: flow(fund_id, *year)) == "ibit"
    quarters = [flow("gbtc", date(2024, month, 1), date(2024, month + 2, 28)) for month in (1, 4, 7, 10)]
    assert quarters == sorted(quarters)
    assert quarters[-1] < 0


def test_small_funds_have_sessions_without_creation_or_redemption(world: World):
    for fund_id in ("btco", "ezbc", "brrr", "btcw", "defi"):
        flows = list(world.flows_usd_m[fund_id].values())
        assert 0.3 < flows.count(Decimal("0.0")) / len(flows) < 1, fund_id


def test_the_world_has_a_session_for_each_trading_day(world: World, registry: Registry):
    assert world.sessions[0] == date(2024, 1, 11)
    assert world.sessions[-1] == date(2025, 1, 31)
    assert len([day for day in world.sessions if day.year == 2024]) == 245
    assert set(world.funds) == set(registry.funds) - {"msbt"}
    assert date(2025, 1, 9) not in world.sessions


def test_the_room_borrows_nothing_from_the_rooms_it_tests():
    allowed = {"pipelines.sample", "pipelines.registry", "pipelines.settings", "pipelines.wire"}
    allowed_outside = {"requests", "urllib3"}  # urllib3: the raw response inside a requests response
    imported = {
        module
        for file in ROOM.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [n.name for n in node.names])
    }
    ours = {module for module in imported if module.startswith("pipelines")}
    assert {module for module in ours if not any(module.startswith(room) for room in allowed)} == set()
    outside = {"polars", "duckdb", "dagster", "dataframely", "numpy", "lxml", "requests", "urllib3"}
    assert {module.split(".")[0] for module in imported} & outside == allowed_outside


def test_nothing_in_the_room_reads_the_wall_clock_or_unseeded_dice():
    clockwork = re.compile(
        r"\b(datetime\.now|datetime\.utcnow|date\.today|time\.time|random\.(random|gauss|choice)|hash)\("
    )
    found = [(file.name, m[0]) for file in ROOM.glob("*.py") for m in clockwork.finditer(file.read_text())]
    assert found == []


def test_two_worlds_are_equal(world: World, registry: Registry):
    other = World(registry)
    assert other.flows_usd_m == world.flows_usd_m
    assert other.strike_usd == world.strike_usd
    last = world.sessions[-1] - timedelta(days=1)
    assert [other.held_btc(f, last) for f in other.funds] == [world.held_btc(f, last) for f in world.funds]
