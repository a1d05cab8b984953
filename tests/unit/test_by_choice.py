"""Whole blocks are asked for only where a user names a chain and the nodes."""

from __future__ import annotations

from datetime import date

import pytest

from pipelines.feeds.base import Feed
from pipelines.runtime import Runtime
from pipelines.settings import Mode, Settings

NAMED = {"chains": ("rootstock",), "sources": ("evm_rpc",)}


def runtime(tmp_path, mode: Mode = Mode.LIVE, **values: object) -> Runtime:
    week = {"first_day": date(2024, 6, 1), "last_day": date(2024, 6, 7)}
    return Runtime(Settings(feeds=mode, home=tmp_path / "home", **week | values))  # ty: ignore


def whole_blocks(of: Runtime) -> Feed:
    return next(feed for feed in of.feeds if feed.feed_id == "evm_rpc/full_blocks")


@pytest.mark.parametrize("named", [{}, {"chains": ("rootstock",)}, {"sources": ("evm_rpc",)}])
def test_without_a_chain_and_the_source_they_are_off_and_the_command_is_told(tmp_path, named):
    live = runtime(tmp_path, **named)
    assert "outcrop run --feeds live --select activity --chain ID --source evm_rpc" in live.why_off(whole_blocks(live))


def test_with_both_they_are_asked_for_the_days_given(tmp_path):
    live = runtime(tmp_path, **NAMED)
    assert live.why_off(whole_blocks(live)) is None
    assert str(live.window_to_ask(whole_blocks(live))) == "2024-06-01..2024-06-07"
    assert [chain.chain_id for chain in live.registry.named_evm_chains] == ["rootstock"]


def test_the_simulated_world_is_never_asked_for_them(tmp_path):
    sample = runtime(tmp_path, Mode.SAMPLE, **NAMED)
    assert "mode live only" in sample.why_off(whole_blocks(sample))
