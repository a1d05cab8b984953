"""The list of feeds. A new upstream is one module in this folder and one line here."""

from __future__ import annotations

from pipelines.feeds.ark import ArkHoldings
from pipelines.feeds.base import Feed
from pipelines.feeds.bitbo import BitboEtfFlows
from pipelines.feeds.bitwise import BitwiseHoldings
from pipelines.feeds.btcetffundflow import BtcEtfFundFlowHoldings
from pipelines.feeds.coingecko import CoinGeckoAssetMarket
from pipelines.feeds.coinglass import CoinGlassEtfFlows
from pipelines.feeds.coinmetrics import CoinMetricsAssetMarket
from pipelines.feeds.coinshares import CoinSharesHoldings
from pipelines.feeds.defillama_prices import DefiLlamaPricesDaily, DefiLlamaPricesHourly
from pipelines.feeds.defillama_protocols import DefiLlamaProtocolsNow, DefiLlamaProtocolTvl
from pipelines.feeds.defillama_tvl import DefiLlamaChainsNow, DefiLlamaChainTvl
from pipelines.feeds.edgar import EdgarQuarterEnds
from pipelines.feeds.farside import FarsideEtfFlows
from pipelines.feeds.franklin import FranklinHoldings
from pipelines.feeds.invesco import InvescoHoldings
from pipelines.feeds.ishares import ISharesHoldings
from pipelines.feeds.mempool import MempoolAddressBalances, MempoolBlockHeights
from pipelines.feeds.sosovalue import SoSoValueEtfFlows
from pipelines.feeds.vaneck import VanEckHoldings
from pipelines.registry import Registry

FEEDS: tuple[type[Feed], ...] = (
    ArkHoldings,
    BitboEtfFlows,
    BitwiseHoldings,
    BtcEtfFundFlowHoldings,
    CoinGeckoAssetMarket,
    CoinGlassEtfFlows,
    CoinMetricsAssetMarket,
    CoinSharesHoldings,
    DefiLlamaChainTvl,
    DefiLlamaChainsNow,
    DefiLlamaPricesDaily,
    DefiLlamaPricesHourly,
    DefiLlamaProtocolTvl,
    DefiLlamaProtocolsNow,
    EdgarQuarterEnds,
    FarsideEtfFlows,
    FranklinHoldings,
    ISharesHoldings,
    InvescoHoldings,
    MempoolAddressBalances,
    MempoolBlockHeights,
    SoSoValueEtfFlows,
    VanEckHoldings,
)


def all_feeds(registry: Registry) -> list[Feed]:
    """Every registered feed, in the order of their ids."""
    return sorted((feed(registry) for feed in FEEDS), key=lambda feed: feed.feed_id)
