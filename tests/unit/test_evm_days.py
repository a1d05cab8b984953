"""The search for midnights between headers."""

from __future__ import annotations

import random
from bisect import bisect_left
from datetime import date
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.evm.days import MOST_CALLS, DayIndex, midnight_sec, midnights

DAY_SEC = 86_400
START_SEC = midnight_sec(date(2024, 1, 1))


def search(times: list[int], instants: list[int]) -> tuple[DayIndex, int]:
    """The index after the search, and how many headers were asked for."""
    index, asked = DayIndex([], lambda _: None, floor=0), 0
    for height in (0, len(times) - 1):
        index.add(height, times[height])
    for step in range(MOST_CALLS):
        probes = {probe for instant in instants if (probe := index.probe(instant, step)) is not None}
        asked += len(probes)
        for height in probes:
            index.add(height, times[height])
    return index, asked


@pytest.mark.parametrize("block_sec", [1, 2, 3, 12, 27])
def test_on_a_regular_chain_midnights_are_exact_after_two_calls(block_sec):
    times = list(range(START_SEC + 7, START_SEC + 20 * DAY_SEC, block_sec))
    instants = [START_SEC + day * DAY_SEC for day in range(1, 19)]
    index, asked = search(times, instants)
    assert [index.bracket(instant)[1] for instant in instants] == [bisect_left(times, instant) for instant in instants]
    assert asked <= 2 * len(instants)


def test_on_an_uneven_chain_nearly_all_midnights_are_close():
    random_times = random.Random(1)
    times = list(accumulate((round(random_times.expovariate(1 / 25)) for _ in range(3456 * 100)), initial=START_SEC))
    instants = [START_SEC + day * DAY_SEC for day in range(1, 95)]
    index, asked = search(times, instants)
    assert asked <= MOST_CALLS * len(instants)
    assert sum(index.is_settled(instant) for instant in instants) >= 0.95 * len(instants)


@settings(max_examples=60, deadline=None)
@given(gaps=st.lists(st.integers(0, 4000), min_size=60, max_size=300), where=st.floats(0, 1))
def test_the_blocks_around_an_instant_always_lie_around_it(gaps, where):
    times = list(accumulate(gaps, initial=START_SEC))
    instant = int(START_SEC + where * (times[-1] - START_SEC))
    index, asked = search(times, [instant])
    before, after = index.bracket(instant)
    assert asked <= MOST_CALLS
    assert before is None or times[before] < instant or before < 0
    assert after is None or times[after] >= instant


def test_before_the_first_block_of_interest_nothing_needs_to_be_known():
    index = DayIndex([], lambda _: None, floor=500)
    index.add(500, START_SEC + 10)
    assert index.bracket(START_SEC) == (499, 500)
    assert index.bracket(START_SEC + 20) == (500, None)


def test_known_headers_are_read_again_only_where_they_are_needed():
    read: list[int] = []

    def time_of(height: int) -> int:
        read.append(height)
        return START_SEC + 2 * height

    index = DayIndex(range(0, 100_000, 10), time_of, floor=0)
    assert index.bracket(START_SEC + 2 * 50_005) == (50_000, 50_010)
    assert len(read) <= 16


def test_a_window_has_one_midnight_more_than_days():
    instants = midnights(date(2024, 1, 1), date(2024, 1, 2))
    assert instants == [START_SEC, START_SEC + DAY_SEC, START_SEC + 2 * DAY_SEC]
