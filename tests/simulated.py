"""Asking the simulated upstreams as a client would, for the tests of what they print.

Belongs here: a session at an instant, and one question for each upstream. What an answer should say is in the tests.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

from requests import Request, Session

from pipelines.registry import Registry
from pipelines.sample import WorldAdapter
from pipelines.settings import FixedClock, Settings

SEEDS = Registry(Settings().seeds)


def new_session(instant: datetime) -> Session:
    """A session to which a world of its own answers as it is at an instant."""
    session = Session()
    session.mount("https://", WorldAdapter(SEEDS, FixedClock(instant)))
    return session


session_at = cache(new_session)
"""The same, with one world for each instant."""

EVERY_UPSTREAM = [
    Request("GET", "https://farside.co.uk/bitcoin-etf-flow-all-data/"),
    Request("GET", "https://btcetffundflow.com/us"),
    Request("GET", "https://www.ishares.com/us/products/333011/ishares-bitcoin-trust-etf/latest-holdings.csv"),
    Request(
        "GET",
        "https://assets.ark-funds.com/fund-documents/funds-etf-csv/ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS.csv",
    ),
    Request("GET", "https://bitbetf.com/"),
    Request("GET", "https://www.vaneck.com/Main/HoldingsBlock/GetDataset/?blockId=348327&pageId=243755&ticker=HODL"),
    Request(
        "POST",
        "https://www.franklintempleton.com/api/pds/price-and-performance?op=Holdings",
        headers={"Referer": "https://www.franklintempleton.com/"},
        json={"operationName": "Holdings", "variables": {"productId": "39639"}, "query": "query Holdings"},
    ),
    Request(
        "GET",
        "https://dng-api.invesco.com/cache/v1/accounts/en_US/shareclasses/46091J101/holdings/fund"
        "?idType=cusip&productType=ETF",
    ),
    Request("GET", "https://coinshares.com/us/etf/brrr/"),
    Request("GET", "https://bitbo.io/treasuries/etf-flows/"),
    Request("GET", "https://data.sec.gov/api/xbrl/companyfacts/CIK0002015034.json"),
    Request(
        "POST",
        "https://api.sosovalue.xyz/openapi/v2/etf/currentEtfDataMetrics",
        headers={"x-soso-api-key": "any"},
        json={"type": "us-btc-spot"},
    ),
    Request(
        "GET",
        "https://open-api-v4.coinglass.com/api/etf/bitcoin/flow-history",
        headers={"CG-API-KEY": "any"},
    ),
    Request("GET", "https://rootstock.blockscout.com/stats-service/api/v1/lines/newTxns?resolution=DAY"),
    Request(
        "GET",
        "https://scan.merlinchain.io/api/trpc/stat.getDailyTxFee",
        params={"input": '{"json":{"timeStart":1707436800,"timeEnd":1735689599}}'},
    ),
    Request(
        "POST",
        "https://api.btrscan.com/scan/v1/chain/txForDefillama",
        headers={"Origin": "https://api.btrscan.com"},
    ),
    Request(
        "GET",
        "https://api.llama.fi/overview/fees/Rootstock"
        "?excludeTotalDataChart=false&excludeTotalDataChartBreakdown=true&dataType=dailyFees",
    ),
    Request("GET", "https://api.llama.fi/v2/chains"),
    Request("GET", "https://api.llama.fi/v2/historicalChainTvl"),
    Request("GET", "https://api.llama.fi/v2/historicalChainTvl/Merlin"),
    Request("GET", "https://api.llama.fi/protocols"),
    Request("GET", "https://api.llama.fi/protocol/merlins-seal"),
    Request(
        "GET",
        "https://coins.llama.fi/chart/coingecko:bitcoin,coingecko:ethereum,coingecko:blockstack"
        "?start=1709251200&span=25&period=1h",
    ),
    Request(
        "GET",
        "https://community-api.coinmetrics.io/v4/timeseries/asset-metrics"
        "?assets=btc,eth&metrics=PriceUSD,CapMrktCurUSD,SplyCur",
    ),
    Request(
        "GET",
        "https://api.coingecko.com/api/v3/coins/bitcoin/market_chart/range?vs_currency=usd&from=1711000000&to=1711400000",
        headers={"x-cg-demo-api-key": "any"},
    ),
    Request(
        "POST",
        "https://rootstock.blockscout.com/api/eth-rpc",
        json={"jsonrpc": "2.0", "id": 3000, "method": "eth_getBlockByNumber", "params": ["latest", False]},
    ),
    Request("GET", "https://api.hiro.so/extended/v1/burnchain/rewards?limit=250&offset=0"),
    Request(
        "POST",
        "https://api.hiro.so/v2/contracts/call-read/SP000000000000000000002Q6VF78/pox-3/get-pox-info",
        json={"sender": "SP000000000000000000002Q6VF78", "arguments": []},
    ),
    Request(
        "POST",
        "https://ethereum-rpc.publicnode.com",
        json={"jsonrpc": "2.0", "id": 100, "method": "eth_feeHistory", "params": ["0x20", "latest", []]},
    ),
    Request("GET", "https://api-mainnet.celenium.io/v1/stats/series/fee/day"),
    Request("GET", "https://mempool.space/api/v1/mining/blocks/fee-rates/all"),
    Request("GET", "https://generral.appstore.bvm.network/api/rollup/list"),
    Request("GET", "https://mempool.space/api/v1/mining/blocks/timestamp/1709251200"),
    Request("GET", "https://mempool.space/api/blocks/tip/height"),
    Request("GET", f"https://mempool.space/api/address/{next(iter(SEEDS.vault_addresses))}"),
]


def all_pages(instant: datetime) -> dict[str, bytes]:
    """What each upstream answers at an instant from a world of its own, by its address."""
    session = new_session(instant)
    answers = [session.send(session.prepare_request(request)) for request in EVERY_UPSTREAM]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.url: answer.content for answer in answers}
