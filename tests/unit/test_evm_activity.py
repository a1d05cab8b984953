"""What whole blocks come to: exact counts of days, weeks and months, and only where every block is there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import polars as pl
import pytest
from block_chain import (
    GAS_USED,
    L1_FEE,
    PRICE,
    SYSTEM,
    BlockHouse,
    BlockNode,
    Sent,
    account,
    figures,
    toy_seeds,
)
from evm_node import GENESIS_SEC
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.transport.archive import Archive
from pipelines.wire import Outcome

BLOCK_SEC = 3600
HEAD = 24 * 60
WEI = Decimal("1e-18")
SHOP, BANK, FRIEND = account(5), account(6), account(7)
DEPOSIT = "0x7e"


def draw(seed: int) -> Callable[[int], list[Sent]]:
    """Some transactions in each block, the same for the same seed."""

    def sent(block: int) -> list[Sent]:
        random = Random(seed * 100_003 + block)
        users = [account(100 + random.randrange(40)) for _ in range(random.randrange(4))]
        kinds: list[tuple[str | None, str]] = [(SHOP, "0x12345678"), (BANK, "0xaa"), (FRIEND, "0x"), (None, "0x60")]
        told = [Sent(user, *random.choice(kinds), is_failed=random.random() < 0.1) for user in users]
        return [*told, Sent(account(0), SYSTEM)]

    return sent


def node(**values: object) -> BlockNode:
    usual = {"head": HEAD, "block_sec": BLOCK_SEC, "sent": draw(1), "contracts": {SHOP, BANK}}
    return BlockNode(**usual | values)  # ty: ignore


def day_of(block: int) -> date:
    return datetime.fromtimestamp(GENESIS_SEC + block * BLOCK_SEC, UTC).date()


def period_of(day: date, period: str) -> date:
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[period]


def truth(sent: Callable[[int], list[Sent]], of: Callable[[Sent], str | None], period: str) -> dict[str, set[str]]:
    """First day of each period -> the distinct values of its transactions of users."""
    found: dict[str, set[str]] = defaultdict(set)
    for block in range(HEAD + 1):
        for one in sent(block):
            if one.to != SYSTEM and (value := of(one)):
                found[str(period_of(day_of(block), period))].add(value)
    return found


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> BlockHouse:
    """January 2024 of a chain, from its first block."""
    house = BlockHouse(toy_seeds(tmp_path_factory.mktemp("seeds")), node())
    house.talk("2023-12-31", "2024-01-31")
    return house


@pytest.fixture(scope="module")
def stats(spoken, tmp_path_factory) -> pl.DataFrame:
    return spoken.load(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_senders_are_distinct_in_their_period(stats, period):
    counted = figures(stats, "active_addresses", period)
    wanted = truth(draw(1), lambda one: one.sender, period)
    assert counted == {start: len(wanted[start]) for start in counted}
    assert len(counted) == {"day": 32, "week": 5, "month": 2}[period]


def test_transactions_of_the_chain_itself_are_no_operational_ones(stats):
    total, operational = figures(stats, "tx_count", "day"), figures(stats, "operational_tx_count", "day")
    assert {day: total[day] - operational[day] for day in total} == dict.fromkeys(total, 24)


def test_contracts_of_a_week_have_code_and_were_called_well_enough(stats):
    counted = figures(stats, "active_contracts", "week")
    wanted = truth(draw(1), lambda one: one.to if one.to in (SHOP, BANK) else None, "week")
    assert counted == {week: len(wanted[week]) for week in counted}
    assert len(counted) == 5


def test_fees_are_those_that_the_blocks_say(stats):
    fees = figures(stats, "txn_fee_native", "day")
    gas = figures(stats, "gas_used", "day")
    assert fees == {day: gas[day] * PRICE * WEI for day in gas}
    assert set(stats.filter(pl.col("metric_id") == "txn_fee_native")["unit"]) == {"eth"}
    assert set(stats["source_metric"]).isdisjoint({"fee_with_l1"})


def test_new_addresses_add_up_to_all_since_the_first_block(stats):
    new, total = figures(stats, "new_addresses", "day"), figures(stats, "cumulative_addresses", "day")
    assert [sum(list(new.values())[: n + 1]) for n in range(len(new))] == list(total.values())
    seen = truth(draw(1), lambda one: one.sender, "day")
    assert total["2024-01-31"] == len({one for day, of_day in seen.items() if day <= "2024-01-31" for one in of_day})


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_week_has_no_more_senders_than_its_days_together_and_no_fewer_than_the_busiest(tmp_path_factory, seed):
    house = BlockHouse(toy_seeds(tmp_path_factory.mktemp("seeds")), node(sent=draw(seed)))
    house.talk("2024-01-01", "2024-01-14")
    told = house.load(tmp_path_factory.mktemp("home"))
    days, weeks = figures(told, "active_addresses", "day"), figures(told, "active_addresses", "week")
    assert sorted(weeks) == ["2024-01-01", "2024-01-08"]
    for week, senders in weeks.items():
        start = date.fromisoformat(week)
        of_days = [days.get(str(start + timedelta(days=n)), Decimal(0)) for n in range(7)]
        assert max(of_days) <= senders <= sum(of_days)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_order_in_which_answers_are_loaded_changes_nothing(spoken, stats, tmp_path, seed):
    rows = list(spoken.rows)
    Random(seed).shuffle(rows)
    half = len(rows) // 2
    spoken.load(tmp_path, rows[:half])
    assert spoken.load(tmp_path, rows[half:]).equals(stats)


def test_sets_that_are_lost_are_made_again(spoken, stats, tmp_path):
    spoken.load(tmp_path, spoken.rows[:20])
    files = sorted((tmp_path / "build" / "sets" / "toy" / "senders").glob("*.parquet"))
    assert files
    for file in (tmp_path / "build" / "sets" / "toy").rglob("*"):
        if file.is_file():
            file.unlink()
    assert spoken.load(tmp_path, spoken.rows[20:]).equals(stats)


def test_a_second_load_reads_nothing(spoken, stats, tmp_path):
    spoken.load(tmp_path)
    assert spoken.read(tmp_path, Archive(tmp_path / "archive")).equals(stats)


def test_a_period_without_all_of_its_blocks_has_no_row(spoken, tmp_path):
    missing = next(row for row in reversed(spoken.rows) if '",true]' in row.request_body)
    told = spoken.load(tmp_path, [row for row in spoken.rows if row is not missing])
    heights = [int(call["params"][0], 16) for call in json.loads(missing.request_body)]
    gone = {str(day_of(height)) for height in heights}
    days = figures(told, "tx_count", "day")
    assert gone.isdisjoint(days)
    assert "2024-01-02" in days
    assert "2024-01-01" not in figures(told, "tx_count", "month")
    assert {str(period_of(date.fromisoformat(day), "week")) for day in gone}.isdisjoint(
        figures(told, "tx_count", "week")
    )


def test_addresses_are_new_only_where_all_is_known_since_the_first_block(tmp_path):
    house = BlockHouse(toy_seeds(tmp_path / "seeds"), node())
    house.talk("2024-01-08", "2024-01-14")
    told = house.load(tmp_path)
    assert figures(told, "new_addresses", "day") == figures(told, "cumulative_addresses", "day") == {}
    assert len(figures(told, "active_addresses", "day")) == 7


def test_a_week_with_a_recipient_of_unknown_code_has_no_count_of_contracts(spoken, tmp_path):
    told = spoken.load(tmp_path, [row for row in spoken.rows if "eth_getCode" not in row.request_body])
    assert figures(told, "active_contracts", "week") == {}
    assert len(figures(told, "active_addresses", "week")) == 5


@pytest.mark.parametrize("with_block_receipts", [True, False])
def test_fees_of_receipts_are_those_of_users_with_and_without_the_chain_below(tmp_path, with_block_receipts):
    def sent(block: int) -> list[Sent]:
        return [*draw(4)(block), Sent(account(30), SHOP, "0xbb", kind=DEPOSIT)]

    one = node(sent=sent, paid=False, with_l1_fee=True, with_block_receipts=with_block_receipts)
    house = BlockHouse(toy_seeds(tmp_path / "seeds"), one)
    house.talk("2024-01-02", "2024-01-03")
    told = house.load(tmp_path)
    users = [one for block in range(48, 72) for one in sent(block) if one.to != SYSTEM]
    paid = len(users) * GAS_USED * PRICE
    below = sum(one.kind != DEPOSIT for one in users) * L1_FEE
    assert figures(told, "txn_fee_native", "day", "fee")["2024-01-02"] == paid * WEI
    assert figures(told, "txn_fee_native", "day", "fee_with_l1")["2024-01-02"] == (paid + below) * WEI
    created = sum(one.to is None and not one.is_failed for one in users)
    assert figures(told, "new_contracts", "day")["2024-01-02"] == created


def test_fees_of_a_day_with_a_missing_receipt_are_not_known(tmp_path):
    house = BlockHouse(toy_seeds(tmp_path / "seeds"), node(paid=False))
    house.talk("2024-01-02", "2024-01-03")
    told = house.load(tmp_path, [row for row in house.rows if "eth_getBlockReceipts" not in row.request_body])
    assert figures(told, "txn_fee_native", "day") == {}
    assert len(figures(told, "tx_count", "day")) == 2


def test_of_a_block_that_was_answered_twice_the_last_answer_counts(tmp_path):
    fork = {"at": 10**9}
    one = node(
        sent=lambda block: [Sent(account(1 if block < fork["at"] else 2), SHOP, "0x11")],
        salt=lambda block: "x" if block >= fork["at"] else "",
        head=24 * 3 + 6,
    )
    house = BlockHouse(toy_seeds(tmp_path / "seeds"), one, now="2024-01-03 06:30:00")
    house.talk("2024-01-02")
    fork["at"] = 24 * 2 + 12
    house.talk("2024-01-02")
    told = house.load(tmp_path / "one")
    assert figures(told, "active_addresses", "day") == {"2024-01-02": 2}
    assert told.equals(house.load(tmp_path / "two", reversed(house.rows)))


def test_a_row_names_the_last_answer_of_its_period_and_its_blocks(spoken, stats):
    day = stats.filter(pl.col("period") == "day", pl.col("period_start") == date(2024, 1, 2))
    assert set(day["locator"]) == {"blocks 48..71"}
    [fetch_id] = set(day["fetch_id"])
    asked = next(row.request_body for row in spoken.rows if row.fetch_id == fetch_id and row.outcome is Outcome.OK)
    assert hex(71) in asked


def test_days_follow_each_other_without_a_gap(stats):
    days = [date.fromisoformat(day) for day in figures(stats, "tx_count", "day")]
    assert all(second - first == timedelta(days=1) for first, second in pairwise(days))
