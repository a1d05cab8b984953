"""The recorded contracts of price, market, height and balance upstreams, against what the feeds ask and read.

Belongs here: published specifications, documented samples and real rows, read where they lie.
Not here: hand-written answers (unit tests). The second reading uses csv and json alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from market_pages import answered, asset_rows, converse, ranges, read, sec
from pages import SEEDS

from pipelines.feeds.coingecko import CoinGeckoAssetMarket
from pipelines.feeds.coinmetrics import CoinMetricsAssetMarket
from pipelines.feeds.defillama_prices import DefiLlamaPricesDaily, DefiLlamaPricesHourly
from pipelines.feeds.mempool import MempoolAddressBalances, MempoolBlockHeights
from pipelines.wire import Request, Window

WINDOW = Window(date(2024, 12, 1), date(2024, 12, 31))
METRICS = {"PriceUSD": "price_usd", "CapMrktCurUSD": "market_cap_usd", "SplyCur": "circulating_supply"}
EIGHT_PLACES = Decimal("1e-8")
Find = Callable[[str], Path]


def document(find: Find, name: str) -> Any:
    return json.loads(find(name).read_text(encoding="utf-8"), parse_float=Decimal)


def first_request(feed: Any) -> Request:
    return converse(feed, WINDOW, lambda request: answered(request, b"{}"))[0][0]


def parameters(spec: Any, path: str) -> dict[str, Any]:
    """Name -> schema of the query parameters of a path, references followed."""
    given = spec["paths"][path]["get"]["parameters"]
    found = [spec["components"]["parameters"][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one for one in given]
    return {one["name"]: one["schema"] for one in found if one["in"] == "query"}


# --- Coin Metrics -------------------------------------------------------------------------------------------


def test_every_parameter_that_coin_metrics_is_asked_with_is_documented(recording):
    spec = document(recording, "coinmetrics/openapi_asset_metrics_trimmed.json")
    known, asked = (
        parameters(spec, "/timeseries/asset-metrics"),
        dict(first_request(CoinMetricsAssetMarket(SEEDS)).params),
    )
    assert asked.keys() <= known.keys()
    assert int(asked["page_size"]) == known["page_size"]["maximum"]
    assert known["paging_from"]["default"] == "end", "so that the start must be asked for"
    assert asked["paging_from"] in known["paging_from"]["enum"]
    assert any(first_request(CoinMetricsAssetMarket(SEEDS)).url.startswith(one["url"]) for one in servers(spec))


def servers(spec: Any) -> list[Any]:
    return spec.get("servers") or spec["paths"]["/timeseries/asset-metrics"]["servers"]


def test_the_documented_answer_of_coin_metrics_is_read_and_its_next_page_is_asked_for(recording):
    spec = document(recording, "coinmetrics/openapi_asset_metrics_trimmed.json")
    response = spec["components"]["responses"]["AssetMetrics"]["content"]["application/json"]
    sample = response["examples"]["daily_metrics"]["value"]
    feed, body = CoinMetricsAssetMarket(SEEDS), json.dumps(sample).encode()
    rows = read(feed, Request.get(first_request(feed).url), body).rows
    assert dict(zip(rows["date_day"], rows["price_usd"], strict=True)) == {
        date.fromisoformat(row["time"][:10]): Decimal(row["PriceUSD"]).quantize(EIGHT_PLACES) for row in sample["data"]
    }
    _, [second] = converse(feed, WINDOW, lambda request: answered(request, body))[:2]
    assert dict(second.params)["next_page_token"] == sample["next_page_token"]
    assert second.url == first_request(feed).url


@pytest.mark.parametrize("asset", ["btc", "eth"])
def test_sixty_real_days_of_coin_metrics_are_read_cell_by_cell(recording, asset):
    with recording(f"coinmetrics/{asset}_community_csv_tail60.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = [
        {
            "asset": asset,
            "time": f"{line['date']}T00:00:00.000000000Z",
            **{name: line[name] or None for name in METRICS},
        }
        for line in lines
    ]
    feed = CoinMetricsAssetMarket(SEEDS)
    checked = read(feed, first_request(feed), asset_rows(*rows))
    assert (checked.rows.height, checked.rejected.height, checked.unknown.height) == (60, 0, 0)
    found = {row["date_day"]: row for row in checked.rows.iter_rows(named=True)}
    for line in lines:
        day = date.fromisoformat(line["date"])
        for name, column in METRICS.items():
            assert abs(found[day][column] - Decimal(line[name])) <= EIGHT_PLACES
        assert found[day]["observed_at"].date() == day + timedelta(days=1)
        assert abs(found[day]["price_usd"] * found[day]["circulating_supply"] - found[day]["market_cap_usd"]) < 1


# --- mempool.space ------------------------------------------------------------------------------------------


def test_the_documented_block_of_an_instant_is_read(recording):
    sample = document(recording, "mempool/rest_samples.json")["samples"]["/v1/mining/blocks/timestamp/:timestamp"]
    asked, block = sample["args"].strip("'"), sample["response"]
    feed, request = (
        MempoolBlockHeights(SEEDS),
        Request.get(f"https://mempool.space/api/v1/mining/blocks/timestamp/{asked}"),
    )
    [row] = read(feed, request, json.dumps(block).encode()).rows.iter_rows(named=True)
    assert row["asked_at"] == datetime.fromtimestamp(int(asked), UTC).replace(tzinfo=None)
    assert (row["height"], row["block_hash"]) == (block["height"], block["hash"])
    assert row["header_at"] == datetime.fromisoformat(block["timestamp"]).replace(tzinfo=None)
    assert feed.owns(request.target)
    assert feed.days_of(request) == [date(2022, 12, 31)]


def test_the_documented_address_is_read(recording):
    sample = document(recording, "mempool/rest_samples.json")["samples"]["/address/:address"]["response"]
    feed, request = MempoolAddressBalances(SEEDS), Request.get(f"https://mempool.space/api/address/{sample['address']}")
    [row] = feed.parse(request, answered(request, json.dumps(sample).encode())).iter_rows(named=True)
    assert row["funded_sats"] == sample["chain_stats"]["funded_txo_sum"]
    assert row["spent_sats"] == sample["chain_stats"]["spent_txo_sum"]
    assert row["fault"] is None
    assert feed.owns(request.target)


# --- CoinGecko ----------------------------------------------------------------------------------------------


def test_every_parameter_that_coingecko_is_asked_with_is_documented(recording):
    spec, request = (
        document(recording, "coingecko/openapi_demo_trimmed.json"),
        first_request(CoinGeckoAssetMarket(SEEDS)),
    )
    assert dict(request.params).keys() <= parameters(spec, "/coins/{id}/market_chart/range").keys()
    assert request.url.endswith("/coins/bitcoin/market_chart/range")


def test_the_documented_answer_of_coingecko_is_milliseconds_of_three_series(recording):
    spec = document(recording, "coingecko/openapi_demo_trimmed.json")
    response = spec["paths"]["/coins/{id}/market_chart/range"]["get"]["responses"]["200"]["content"]["application/json"]
    sample, feed = response["example"], CoinGeckoAssetMarket(SEEDS)
    at = datetime.fromisoformat("2026-06-01T00:00")
    request = Request.get(feed.known_urls[0])
    assert read(feed, request, json.dumps(sample, default=float).encode(), at).rows.height == 0, "none is at 00:00"
    [prices, caps, volumes] = (
        [(sec("2026-05-17T00:00") * 1000, float(sample[name][0][1])), (sec("2026-05-17T09:00") * 1000, 1)]
        for name in ("prices", "market_caps", "total_volumes")
    )
    [row] = read(feed, request, ranges(prices, caps, volumes), at).rows.iter_rows(named=True)
    figures = (row["price_usd"], row["market_cap_usd"], row["volume_24h_usd"])
    for figure, name in zip(figures, ("prices", "market_caps", "total_volumes"), strict=True):
        assert abs(figure - sample[name][0][1]) < Decimal("1e-3")


# --- DefiLlama ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feed", [DefiLlamaPricesHourly(SEEDS), DefiLlamaPricesDaily(SEEDS)])
def test_every_parameter_that_defillama_is_asked_with_is_documented(recording, feed):
    spec, request = document(recording, "defillama/openapi_free.json"), first_request(feed)
    endpoint = spec["paths"]["/chart/{coins}"]["get"]
    assert request.url.startswith(f"{endpoint['servers'][0]['url']}/chart/")
    assert dict(request.params).keys() <= parameters(spec, "/chart/{coins}").keys()


def test_the_fields_that_are_read_of_defillama_are_documented(recording):
    spec = document(recording, "defillama/openapi_free.json")
    answer = spec["paths"]["/chart/{coins}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    [coin] = answer["properties"]["coins"]["properties"].values()
    assert {"confidence", "prices"} <= set(coin["required"])
    assert {"timestamp", "price"} == coin["properties"]["prices"]["items"]["properties"].keys()
