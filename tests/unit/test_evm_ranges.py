"""How many blocks to ask for at once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evm.calls import LogFilter
from pipelines.evm.ranges import Density, Sizer, Stretch, joined, united, within, without

FILTER = LogFilter(("0xa",), ("0x1",))
RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda one: (one[0], sum(one))), max_size=8)


def blocks(ranges: list[tuple[int, int]]) -> set[int]:
    return {block for first, last in ranges for block in range(first, last + 1)}


@given(whole=RANGES, taken=RANGES)
def test_what_is_left_is_what_was_not_taken(whole, taken):
    assert blocks(list(without(united(whole), taken))) == blocks(whole) - blocks(taken)


@given(ranges=RANGES, first=st.integers(0, 80), size=st.integers(0, 80))
def test_united_ranges_hold_the_same_blocks_without_touching(ranges, first, size):
    whole = united(ranges)
    assert blocks(whole) == blocks(ranges)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(whole))
    assert blocks(within(whole, first, first + size)) == blocks(ranges) & set(range(first, first + size + 1))


@given(cap=st.integers(1, 30_000), ceiling=st.integers(1, 200_000))
def test_a_cap_without_a_number_is_found_in_few_refusals(cap, ceiling):
    sizer, refusals, left = Sizer(ceiling), 0, 300 * min(cap, ceiling)
    while left > 0:
        size = min(left, sizer.probe(left))
        if size > cap:
            refusals += 1
            sizer.refuse(size)
        else:
            sizer.answer(size)
            left -= size
    assert refusals <= 30
    assert sizer.answered >= 0.95 * min(cap, ceiling) or sizer.answered >= min(cap, ceiling) - 2


def test_a_named_cap_is_used_at_once_and_only_lowers():
    sizer = Sizer(100_000)
    sizer.refuse(100_000, 5000)
    assert sizer.probe(10**6) == 5000
    sizer.answer(5000)
    sizer.refuse(5000, 2000)
    assert sizer.probe(10**6) == 2000


def test_after_an_answer_that_was_too_slow_sizes_grow_in_steps():
    sizer = Sizer(10_000)
    sizer.answer(10_000)
    sizer.shrink(10_000)
    assert sizer.probe(10**6) == 5000
    sizer.answer(5000)
    assert sizer.probe(10**6) == 5000
    sizer.turn()
    sizer.turn()
    assert sizer.probe(10**6) == 7500


def test_sizes_follow_the_densest_of_usual_answers():
    density = Density()
    assert density.most_blocks(1000) is None
    density.seen += [(100, 1000), (200, 1000), (50, 10)]
    assert density.most_blocks(1000) == 5000
    assert density.most_blocks(None) is None


def test_too_many_logs_are_only_a_suspicion_until_an_answer_counts_them():
    density = Density()
    density.suspected.append((1001, 2000))
    assert not density.is_sure
    density.seen.append((900, 1000))
    assert density.is_sure


@pytest.mark.parametrize("size", [1, 3, 10, 99])
def test_a_stretch_is_cut_without_loss(size):
    left, pieces = Stretch(FILTER, 5, 14), []
    while left:
        piece, left = left.cut(size)
        pieces.append((piece.first, piece.last))
    assert blocks(pieces) == set(range(5, 15))
    assert sum(last - first + 1 for first, last in pieces) == 10


def test_neighbours_of_one_kind_are_joined():
    one, two, other = Stretch(FILTER, 1, 4), Stretch(FILTER, 5, 9), Stretch(FILTER, 10, 12, tries=1)
    assert joined([other, two, one]) == [Stretch(FILTER, 1, 9), other]
    assert Stretch(FILTER, 1, 9).halved().most == 5
