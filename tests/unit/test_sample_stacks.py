"""What simulated Stacks pays and stacks fits together, and the simulated Hiro shows it with its known faults."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import SEEDS, session_at

from pipelines.sample import PULLS
from pipelines.sample.pox import Pox
from pipelines.sample.stacks import Stacks
from pipelines.sample.world import SEED, World

WORLD = World(SEEDS)
STACKS = Stacks(WORLD.anchors, WORLD.assets, WORLD.blocks, WORLD.vaults, SEED)
POX = Pox(WORLD.anchors, WORLD.assets, WORLD.blocks, STACKS, SEED)
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
F, L, PREPARE = 666_050, 2_100, 100
CYCLES = range(75, 102)
FIRST_WANTED = 823_551
BASE = "https://api.hiro.so"
REWARDS, POX_CYCLES = f"{BASE}/extended/v1/burnchain/rewards", f"{BASE}/extended/v2/pox/cycles"
RESERVE = f"{BASE}/v2/contracts/call-read/SP4SZE494VC2YC5JYG7AYFQ44F5Q4PYV7DVMDPBG/reserve-v1"
POX_INFO = f"{BASE}/v2/contracts/call-read/SP000000000000000000002Q6VF78/pox-3/get-pox-info"
NAKAMOTO_AT = WORLD.blocks.header_at(867_867)
TEN_MINUTES = timedelta(minutes=10)


def get(url: str, at: datetime = LAST, **params: Any) -> Any:
    answer = session_at(at).get(url, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def call(url: str, at: datetime = LAST, **params: Any) -> Any:
    answer = session_at(at).post(url, params=params, json={"sender": "SP1", "arguments": []})
    assert answer.status_code == 200
    return answer.json()


def second(at: datetime) -> int:
    return int(at.replace(tzinfo=UTC).timestamp())


def uint(told: dict[str, Any]) -> int:
    """The number of an (ok uint)."""
    assert told["okay"] is True
    assert told["result"].startswith("0x0701")
    return int(told["result"].removeprefix("0x0701"), 16)


@cache
def all_rewards(at: datetime) -> list[dict[str, Any]]:
    """The whole list, page by page."""
    rows: list[dict[str, Any]] = []
    while page := get(REWARDS, at, limit=250, offset=len(rows))["results"]:
        rows += page
    return rows


def block_at(at: datetime, pull: datetime = LAST) -> dict[str, Any]:
    return get(f"{BASE}/extended/v2/blocks/by-block-time/{second(at)}", pull)


# --- what is true -------------------------------------------------------------------------------------------


def test_every_complete_cycle_pays_a_plausible_sum_in_its_paying_blocks_alone():
    for cycle in CYCLES:
        rewards = POX.rewards(cycle)
        assert Decimal(20) < Decimal(sum(reward.sats for reward in rewards)).scaleb(-8) < Decimal(75), cycle
        places = {(reward.height - F) % L for reward in rewards}
        assert min(places) >= 1
        assert max(places) <= L - PREPARE
        assert {(reward.height - F) // L for reward in rewards} == {cycle}


def test_stackers_are_paid_by_what_they_stacked_and_slots_that_nobody_holds_burn():
    cycle = 90
    signers, rewards = POX.signers(cycle), POX.rewards(cycle)
    slots = {signer.bitcoin_address: signer.slots for signer in signers}
    paid = Counter(reward.recipient for reward in rewards)
    assert paid.keys() <= slots.keys()
    assert all(times <= slots[address] for address, times in paid.items())
    assert sum(slots.values()) <= 4_000
    assert sum(paid.values()) > 0.95 * sum(slots.values())
    of_block = defaultdict(list)
    for reward in rewards:
        of_block[reward.height].append(reward)
    for block in of_block.values():
        assert [reward.index for reward in block] == list(range(len(block)))
        assert {reward.burn_sats for reward in block} == {block[0].sats * (2 - len(block))}
    assert {len(block) for block in of_block.values()} == {1, 2}


@pytest.mark.parametrize("cycle", [75, 88, 101])
def test_a_slot_costs_the_least_step_for_which_slots_suffice(cycle: int):
    price = POX.min_slot_ustx(cycle)
    assert price % 10_000_000_000 == 0
    total = POX.stacked_ustx(cycle)
    assert total / 4_000 <= price < total / 4_000 + 10_000_000_001
    assert all(signer.slots == signer.stacked_ustx // price for signer in POX.signers(cycle))


@given(st.integers(100_000, 845_000))
def test_a_stacks_block_is_found_by_its_time_and_by_its_hash(height: int):
    made_at = STACKS.block_at(height)
    assert STACKS.height_at(made_at) == height
    assert STACKS.height_at(STACKS.block_at(height + 1) - timedelta(seconds=1)) == height
    assert STACKS.height_of(STACKS.index_hash(height)) == height
    assert WORLD.blocks.header_at(STACKS.burn_height(height)) <= made_at


def test_before_nakamoto_blocks_wait_for_bitcoin_and_afterwards_come_every_few_seconds():
    for day, least, most in [("2024-06-01", 100, 145), ("2024-11-20", 5_000, 10_000)]:
        start = datetime.fromisoformat(day)
        assert least <= STACKS.height_at(start + timedelta(days=1)) - STACKS.height_at(start) <= most
    around = STACKS.height_at(NAKAMOTO_AT)
    times = [STACKS.block_at(height) for height in range(around - 20, around + 20)]
    assert all(before < after for before, after in pairwise(times))


def test_what_is_promised_is_a_small_part_of_the_reserve():
    for pull in PULLS:
        reserve, promised = STACKS.reserve_ustx(pull), STACKS.promised_ustx(pull)
        assert reserve is not None
        assert promised is not None
        assert 0 < promised < reserve // 4


# --- rewards ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", [GOOD_FRIDAY, JUNE, LAST])
def test_the_list_of_rewards_comes_down_from_the_newest_block_to_below_what_is_wanted(pull: datetime):
    rows = all_rewards(pull)
    places = [(row["burn_block_height"], row["reward_index"]) for row in rows]
    assert places == sorted(set(places), reverse=True)
    assert WORLD.blocks.newest(pull) - 61 < places[0][0] <= WORLD.blocks.newest(pull)
    assert places[-1][0] < FIRST_WANTED
    assert all(isinstance(row[name], str) for row in rows[:50] for name in ("reward_amount", "burn_amount"))
    assert all(row["canonical"] is True for row in rows)


def test_a_page_is_a_slice_of_the_list_wherever_it_begins():
    rows = all_rewards(LAST)
    for offset, limit in [(0, 96), (1_900, 250), (2_001, 7), (5_790, 250), (len(rows) - 3, 250), (len(rows), 10)]:
        page = get(REWARDS, limit=limit, offset=offset)
        assert page == {"limit": limit, "offset": offset, "results": rows[offset : offset + limit]}


def test_what_stands_on_a_page_stands_further_down_at_the_next_pull():
    newest = all_rewards(SPIN_OFF)[0]
    later = all_rewards(OCTOBER)
    assert later.index(newest) == len(later) - len(all_rewards(SPIN_OFF))


def test_a_reorganisation_takes_rewards_away_between_two_pulls():
    before, after = ({row["burn_block_hash"]: row for row in all_rewards(pull)} for pull in (JUNE, SPIN_OFF))
    gone = before.keys() - after.keys()
    heights = sorted({before[one]["burn_block_height"] for one in gone})
    assert heights[-1] == WORLD.blocks.newest(JUNE)
    assert 2 <= len(heights) < 20
    assert heights[0] not in {row["burn_block_height"] for row in after.values()}


def test_a_page_larger_than_the_interface_allows_is_refused():
    for url, most in [(REWARDS, 250), (POX_CYCLES, 60)]:
        assert session_at(LAST).get(url, params={"limit": most}).status_code == 200
        assert session_at(LAST).get(url, params={"limit": most + 1}).status_code == 400
    assert session_at(LAST).get(REWARDS, params={"offset": "-1"}).status_code == 400


# --- cycles -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", PULLS)
def test_cycles_are_listed_once_their_signers_are_fixed_and_their_signers_add_up(pull: datetime):
    cycles = get(POX_CYCLES, pull, limit=60)
    current = (WORLD.blocks.newest(pull) - F) // L
    assert [row["cycle_number"] for row in cycles["results"]] == list(range(current, 80, -1))
    assert cycles["total"] == len(cycles["results"])
    newest = cycles["results"][0]
    signers = get(f"{POX_CYCLES}/{current}/signers", pull, limit=250)
    assert signers["total"] == len(signers["results"]) == newest["total_signers"]
    assert sum(int(row["stacked_amount"]) for row in signers["results"]) == int(newest["total_stacked_amount"])
    assert sum(row["weight"] for row in signers["results"]) == newest["total_weight"]
    assert STACKS.block_at(newest["block_height"]) < WORLD.blocks.header_at(F + current * L + 1)
    assert session_at(pull).get(f"{POX_CYCLES}/{current + 1}/signers").status_code == 404


def test_a_cycle_is_listed_from_the_prepare_phase_before_it_on():
    fixed_at = POX.signed_at(95)
    for instant, newest in [(fixed_at - TEN_MINUTES, 94), (fixed_at, 95)]:
        [listed] = get(POX_CYCLES, instant, limit=1)["results"]
        assert listed["cycle_number"] == newest
    assert WORLD.blocks.newest(fixed_at) == F + 95 * L - PREPARE + 1


def test_the_node_tells_its_constants_and_where_it_stands():
    told = get(f"{BASE}/v2/pox", LAST)
    assert told["first_burnchain_block_height"] == F
    assert told["reward_cycle_length"] == L
    assert told["prepare_phase_block_length"] == PREPARE
    assert told["contract_id"].endswith(".pox-4")
    current = told["current_cycle"]
    assert current["id"] == (told["current_burnchain_block_height"] - F) // L
    [newest] = get(POX_CYCLES, limit=1)["results"]
    assert (current["id"], str(current["stacked_ustx"])) == (newest["cycle_number"], newest["total_stacked_amount"])


# --- states -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2024-01-01", "2024-10-31", "2025-01-31"])
def test_the_block_at_a_time_is_the_newest_that_is_not_later(day: str):
    at = datetime.fromisoformat(day)
    block = block_at(at)
    assert second(at) - 3_600 < block["block_time"] <= second(at)
    assert STACKS.height_at(at) == block["height"]
    assert block["burn_block_time"] <= block["block_time"]
    assert block["burn_block_hash"] == f"0x{WORLD.blocks.block_hash(block['burn_block_height'])}"
    assert block == block_at(datetime.fromtimestamp(block["block_time"], UTC).replace(tzinfo=None))


def test_nobody_knows_a_block_of_the_future():
    assert block_at(LAST + timedelta(days=3)) == block_at(LAST)


def test_reserves_are_those_of_the_block_that_is_named_and_agree_with_the_vault():
    for day in ("2024-02-01", "2024-08-07", "2024-12-31"):
        at = datetime.fromisoformat(day)
        block = block_at(at)
        tip = block["index_block_hash"].removeprefix("0x")
        total, promised = (
            uint(call(f"{RESERVE}/{name}", tip=tip)) for name in ("get-total-stx", "get-stx-for-withdrawals")
        )
        held = WORLD.vaults.held(
            "stacking_dao", "STX", datetime.fromtimestamp(block["block_time"], UTC).replace(tzinfo=None)
        )
        assert held is not None
        assert total == int(held * 10**6)
        assert 0 < promised < total


@pytest.mark.parametrize("tip", ["", "latest", "00" * 32, "zz" * 32])
def test_a_tip_that_names_no_block_is_silently_answered_by_the_present(tip: str):
    present = block_at(LAST)["index_block_hash"].removeprefix("0x")
    assert call(f"{RESERVE}/get-total-stx", tip=tip) == call(f"{RESERVE}/get-total-stx", tip=present)
    assert call(POX_INFO, tip=tip) == call(POX_INFO)


def test_the_tip_of_an_older_block_tells_its_own_cycle():
    for day in ("2024-01-15", "2024-09-20"):
        block = block_at(datetime.fromisoformat(day))
        told = call(POX_INFO, tip=block["index_block_hash"].removeprefix("0x"))["result"]
        cycle = (block["burn_block_height"] - F) // L
        assert f"{b'reward-cycle-id'.hex()}01{cycle:032x}" in told


@pytest.mark.parametrize(
    ("url", "day"),
    [
        (f"{RESERVE}/get-nothing", "2024-06-01"),
        (f"{RESERVE}-v9/get-total-stx", "2024-06-01"),
        (f"{RESERVE}/get-total-stx", "2023-12-05"),
    ],
)
def test_what_was_not_there_is_not_okay_with_status_200(url: str, day: str):
    tip = block_at(datetime.fromisoformat(day))["index_block_hash"].removeprefix("0x")
    told = call(url, tip=tip)
    assert told["okay"] is False
    assert "result" not in told
    assert "NoSuchContract" in told["cause"]


def test_the_supply_is_that_of_the_height_and_what_markets_count_of_it_can_move():
    block = block_at(datetime.fromisoformat("2024-07-01"))
    told = get(f"{BASE}/extended/v1/stx_supply/", height=block["height"])
    made_at = datetime.fromtimestamp(block["block_time"], UTC).replace(tzinfo=None)
    assert told["block_height"] == block["height"]
    assert Decimal(told["unlocked_stx"]) == WORLD.assets.supply("stx", made_at).quantize(Decimal("0.000001"))
    assert Decimal(told["unlocked_stx"]) < Decimal(told["total_stx"]) < Decimal(told["total_stx_year_2050"])
    newest = block_at(LAST)["height"]
    assert get(f"{BASE}/extended/v1/stx_supply")["block_height"] == newest
    assert session_at(LAST).get(f"{BASE}/extended/v1/stx_supply", params={"height": newest + 1}).status_code == 404
