"""The list of feeds. A new upstream is one module in this folder and one line here."""

from __future__ import annotations

from pipelines.feeds.ark import ArkHoldings
from pipelines.feeds.base import Feed
from pipelines.feeds.bitbo import BitboEtfFlows
from pipelines.feeds.bitwise import BitwiseHoldings
from pipelines.feeds.blockscout import BlockscoutChainStats
from pipelines.feeds.btcetffundflow import BtcEtfFundFlowHoldings
from pipelines.feeds.btrscan import BtrScanChainFees
from pipelines.feeds.bvm import BvmRollups
from pipelines.feeds.celenium import CeleniumDaDaily
from pipelines.feeds.celenium_rollups import CeleniumDaNamespaces
from pipelines.feeds.coingecko import CoinGeckoAssetMarket
from pipelines.feeds.coinglass import CoinGlassEtfFlows
from pipelines.feeds.coinmetrics import CoinMetricsAssetMarket
from pipelines.feeds.coinshares import CoinSharesHoldings
from pipelines.feeds.defillama_fees import DefiLlamaChainFees
from pipelines.feeds.defillama_prices import DefiLlamaPricesDaily, DefiLlamaPricesHourly
from pipelines.feeds.defillama_protocols import DefiLlamaProtocolsNow, DefiLlamaProtocolTvl
from pipelines.feeds.defillama_tvl import DefiLlamaChainsNow, DefiLlamaChainTvl
from pipelines.feeds.edgar import EdgarQuarterEnds
from pipelines.feeds.ethereum_fees import EthereumBlocks, EthereumFees
from pipelines.feeds.evm_activity import EvmChainStats, EvmFullBlocks
from pipelines.feeds.evm_bridges import EvmBalances, EvmBlocks, EvmBridgeEvents, EvmBridgeStatus
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.feeds.farside import FarsideEtfFlows
from pipelines.feeds.franklin import FranklinHoldings
from pipelines.feeds.hiro_pox import HiroPoxCycles, HiroPoxInfo, HiroPoxSigners
from pipelines.feeds.hiro_rewards import HiroBurnchainRewards
from pipelines.feeds.hiro_stx import HiroLstReserves, HiroStacksBlocks, HiroStxSupply
from pipelines.feeds.hiro_transactions import HiroActiveAddresses
from pipelines.feeds.invesco import InvescoHoldings
from pipelines.feeds.ishares import ISharesHoldings
from pipelines.feeds.mempool import MempoolAddressBalances, MempoolBlockHeights
from pipelines.feeds.mempool_fees import MempoolFeeRates
from pipelines.feeds.merlin_scan import MerlinScanChainStats
from pipelines.feeds.sosovalue import SoSoValueEtfFlows
from pipelines.feeds.vaneck import VanEckHoldings
from pipelines.registry import Registry

FEEDS: tuple[type[Feed], ...] = (
    ArkHoldings,
    BitboEtfFlows,
    BitwiseHoldings,
    BlockscoutChainStats,
    BtcEtfFundFlowHoldings,
    BtrScanChainFees,
    BvmRollups,
    CeleniumDaDaily,
    CeleniumDaNamespaces,
    CoinGeckoAssetMarket,
    CoinGlassEtfFlows,
    CoinMetricsAssetMarket,
    CoinSharesHoldings,
    DefiLlamaChainFees,
    DefiLlamaChainTvl,
    DefiLlamaChainsNow,
    DefiLlamaPricesDaily,
    DefiLlamaPricesHourly,
    DefiLlamaProtocolTvl,
    DefiLlamaProtocolsNow,
    EdgarQuarterEnds,
    EthereumBlocks,
    EthereumFees,
    EvmBalances,
    EvmBlocks,
    EvmBridgeEvents,
    EvmBridgeStatus,
    EvmChainStats,
    EvmFullBlocks,
    EvmLogs,
    FarsideEtfFlows,
    FranklinHoldings,
    HiroActiveAddresses,
    HiroBurnchainRewards,
    HiroLstReserves,
    HiroPoxCycles,
    HiroPoxInfo,
    HiroPoxSigners,
    HiroStacksBlocks,
    HiroStxSupply,
    ISharesHoldings,
    InvescoHoldings,
    MempoolAddressBalances,
    MempoolBlockHeights,
    MempoolFeeRates,
    MerlinScanChainStats,
    SoSoValueEtfFlows,
    VanEckHoldings,
)


def all_feeds(registry: Registry) -> list[Feed]:
    """Every registered feed, in the order of their ids."""
    return sorted((feed(registry) for feed in FEEDS), key=lambda feed: feed.feed_id)
