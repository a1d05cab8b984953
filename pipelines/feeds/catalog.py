"""The list of feeds. A new upstream is one module in this folder and one line here."""

from __future__ import annotations

from pipelines.feeds.base import Feed
from pipelines.feeds.btcetffundflow import BtcEtfFundFlowHoldings
from pipelines.feeds.farside import FarsideEtfFlows
from pipelines.registry import Registry

FEEDS: tuple[type[Feed], ...] = (BtcEtfFundFlowHoldings, FarsideEtfFlows)


def all_feeds(registry: Registry) -> list[Feed]:
    """Every registered feed, in the order of their ids."""
    return sorted((feed(registry) for feed in FEEDS), key=lambda feed: feed.feed_id)
