"""What the simulated price services, mempool.space and their blocks say, beside what is true in the world."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from requests import Response
from simulated import SEEDS, session_at

from pipelines.sample import PULLS
from pipelines.sample.anchors import Anchors
from pipelines.sample.world import World

WORLD = World(SEEDS)
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CENT = Decimal("0.01")
CHART = "https://coins.llama.fi/chart/"
METRICS = "https://community-api.coinmetrics.io/v4/timeseries/asset-metrics"
RANGE = "https://api.coingecko.com/api/v3/coins/{}/market_chart/range"
MEMPOOL = "https://mempool.space/api"
COINS = SEEDS.asset_aliases("defillama")


def stamp(instant: datetime) -> int:
    return int(instant.replace(tzinfo=UTC).timestamp())


def instant_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def read(answer: Response) -> Any:
    assert answer.status_code == 200
    return json.loads(answer.text, parse_float=Decimal)


# --- coins.llama.fi -----------------------------------------------------------------------------------------


def chart(coins: str, pull: datetime, start: datetime, span: int, period: str = "1h") -> dict[str, Any]:
    params = {"start": str(stamp(start)), "span": str(span), "period": period}
    return read(session_at(pull).get(CHART + coins, params=params))["coins"]


def test_a_price_is_the_worlds_at_a_record_a_few_minutes_from_the_slot():
    start = datetime.fromisoformat("2024-03-09 00:00")
    coins = chart(",".join(COINS), GOOD_FRIDAY, start, 481)
    assert coins.keys() == COINS.keys()
    for name, series in coins.items():
        assert series["symbol"] == SEEDS.assets[COINS[name]].symbol
        assert series["confidence"] == Decimal("0.99")
        found = [instant_of(point["timestamp"]) for point in series["prices"]]
        distances = [abs(at - (start + n * HOUR)) for n, at in enumerate(found)]
        assert max(distances) <= timedelta(minutes=5)
        assert min(distances) < timedelta(minutes=1) < sorted(distances)[240]
        for point, at in zip(series["prices"], found, strict=True):
            assert point["price"] == WORLD.assets.price_usd(COINS[name], at)


def test_the_price_of_bitcoin_is_near_the_one_at_which_the_funds_strike():
    for session in WORLD.sessions[5::25]:
        strike_at = SEEDS.strike_at(session)
        [point] = chart("coingecko:bitcoin", LAST, strike_at, 1)["coingecko:bitcoin"]["prices"]
        assert abs(point["price"] / WORLD.strike_usd[session] - 1) < Decimal("0.003")


def test_daily_slots_are_midnights_and_end_with_the_last_record_there_is():
    start = midnight(LAST.date()) - 300 * DAY
    prices = chart("coingecko:ethereum", LAST, start, 303, "1D")["coingecko:ethereum"]["prices"]
    assert len(prices) == 301
    assert abs(instant_of(prices[-1]["timestamp"]) - midnight(LAST.date())) < timedelta(minutes=5)


@pytest.mark.parametrize("pull", PULLS)
def test_no_record_is_later_than_the_answer(pull: datetime):
    for series in chart(",".join(COINS), pull, pull.replace(minute=0) - 3 * HOUR, 10).values():
        found = [instant_of(point["timestamp"]) for point in series["prices"]]
        assert pull - 2 * HOUR < found[-1] <= pull


def test_a_coin_without_a_record_is_absent():
    assert chart("coingecko:bitcoin,coingecko:nothing", LAST, JUNE, 3).keys() == {"coingecko:bitcoin"}
    assert chart("coingecko:bitcoin", JUNE, LAST, 3) == {}
    assert read(session_at(LAST).get(f"{CHART}coingecko:bitcoin", params={"start": stamp(JUNE)})) == {"coins": {}}


@pytest.mark.parametrize("params", [{"span": "3"}, {"start": "x", "span": "3"}, {"start": "1710000000", "span": "501"}])
def test_a_chart_of_no_time_or_of_too_many_points_is_an_error(params: dict[str, str]):
    assert session_at(LAST).get(f"{CHART}coingecko:bitcoin", params=params).status_code == 502


def test_prices_pass_through_their_anchors():
    for asset_id in ("btc", "eth", "stx", "tia", "core"):
        for point in Anchors().points(f"{asset_id}.price"):
            price_usd = WORLD.assets.price_usd(asset_id, midnight(point.on))
            assert abs(price_usd - point.value) < CENT
    assert {row.source == "assumed" for row in Anchors().points("eth.price")} == {True, False}


def test_bitcoin_on_rootstock_follows_bitcoin():
    for pull in PULLS:
        ratio = WORLD.assets.price_usd("rbtc", pull) / WORLD.assets.price_usd("btc", pull)
        assert 0 < abs(ratio - 1) < Decimal("0.002")


# --- Coin Metrics -------------------------------------------------------------------------------------------


def ask_metrics(pull: datetime, **params: str) -> Response:
    wanted = {"assets": "btc,eth", "metrics": "PriceUSD,CapMrktCurUSD,SplyCur", "frequency": "1d"}
    return session_at(pull).get(METRICS, params=wanted | params)


@cache
def closes(pull: datetime) -> dict[tuple[str, date], dict[str, str]]:
    """All rows of all assets by asset and day."""
    page = read(ask_metrics(pull, start_time="2023-12-31", page_size="10000", paging_from="start"))
    assert page.keys() == {"data"}
    keys = [(row["asset"], row["time"]) for row in page["data"]]
    assert keys == sorted(set(keys))
    return {
        (asset, date.fromisoformat(at.removesuffix("T00:00:00.000000000Z"))): row
        for (asset, at), row in zip(keys, page["data"], strict=True)
    }


@pytest.mark.parametrize("pull", PULLS)
def test_a_day_is_its_close_and_there_is_one_for_each_closed_day(pull: datetime):
    days = (pull.date() - date(2023, 12, 31)).days
    assert closes(pull).keys() == {(a, date(2023, 12, 31) + n * DAY) for a in ("btc", "eth") for n in range(days)}
    apart = {0: Decimal(0), 1: Decimal(0)}
    for (asset, day), row in closes(pull).items():
        for n in apart:
            apart[n] += abs(Decimal(row["PriceUSD"]) / WORLD.assets.price_usd(asset, midnight(day) + n * DAY) - 1)
    assert apart[1] / len(closes(pull)) < Decimal("0.001") < Decimal("0.01") < apart[0] / len(closes(pull))


@pytest.mark.parametrize("pull", PULLS)
def test_a_market_cap_is_price_times_supply_to_the_cent(pull: datetime):
    for row in closes(pull).values():
        assert {type(value) for value in row.values()} == {str}
        assert abs(Decimal(row["CapMrktCurUSD"]) - Decimal(row["PriceUSD"]) * Decimal(row["SplyCur"])) <= CENT / 2


def test_the_supply_of_bitcoin_is_a_little_below_the_subsidy_rule():
    for (asset, day), row in closes(LAST).items():
        supply = Decimal(row["SplyCur"])
        if asset == "btc":
            issued = WORLD.blocks.issued_btc(WORLD.blocks.newest(midnight(day) + DAY))
            assert 0 < (issued - supply) / issued < Decimal("0.00002")
        else:
            assert 119_000_000 < supply < 121_000_000


def test_the_last_close_is_flash_and_reviewed_at_the_next_pull():
    for before, after in pairwise(PULLS):
        yesterday = before.date() - DAY
        for metric in ("SplyCur", "CapMrktCurUSD"):
            assert closes(before)["btc", yesterday][f"{metric}-status"] == "flash"
            assert closes(before)["btc", yesterday - DAY][f"{metric}-status"] == "reviewed"
            assert closes(after)["btc", yesterday][f"{metric}-status"] == "reviewed"
            assert closes(after)["btc", yesterday][metric] == closes(before)["btc", yesterday][metric]
        assert closes(before)["btc", yesterday]["SplyCur-status-time"] <= before.isoformat()


def test_pages_from_the_start_follow_each_other_to_the_last_row():
    whole = read(ask_metrics(LAST, page_size="10000", paging_from="start"))["data"]
    page, rows, pages = read(ask_metrics(LAST, page_size="150", paging_from="start")), [], 0
    while True:
        rows, pages = rows + page["data"], pages + 1
        if "next_page_url" not in page:
            break
        assert page["next_page_token"] in page["next_page_url"]
        page = read(session_at(LAST).get(page["next_page_url"]))
    assert rows == whole
    assert pages == -(-len(whole) // 150)


def test_a_naive_question_gets_the_last_hundred_rows_and_is_led_backwards():
    whole = read(ask_metrics(LAST, page_size="10000"))["data"]
    page = read(ask_metrics(LAST))
    assert page["data"] == whole[-100:]
    assert read(session_at(LAST).get(page["next_page_url"]))["data"] == whole[-200:-100]


def test_days_and_assets_are_those_that_were_asked_for():
    page = read(ask_metrics(LAST, assets="eth", start_time="2024-02-28", end_time="2024-03-01"))
    assert [(row["asset"], row["time"][:10]) for row in page["data"]] == [
        ("eth", "2024-02-28"),
        ("eth", "2024-02-29"),
        ("eth", "2024-03-01"),
    ]


def test_a_metric_outside_the_community_tier_is_refused_unless_that_is_to_be_ignored():
    refused = ask_metrics(LAST, metrics="PriceUSD,CapRealUSD")
    assert refused.status_code == 403
    assert refused.json()["error"]["type"] == "forbidden"
    assert "'CapRealUSD'" in refused.json()["error"]["message"]
    [row] = read(ask_metrics(LAST, metrics="PriceUSD,CapRealUSD", ignore_forbidden_errors="true", page_size="1"))[
        "data"
    ]
    assert row.keys() == {"asset", "time", "PriceUSD"}


@pytest.mark.parametrize(
    "params",
    [{"assets": "btc,nothing"}, {"page_size": "0"}, {"page_size": "10001"}, {"start_time": "x"}, {"frequency": "1b"}],
)
def test_a_parameter_that_is_not_known_is_named(params: dict[str, str]):
    answer = ask_metrics(LAST, **params)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "bad_parameter"
    assert f"'{next(iter(params))}'" in answer.json()["error"]["message"]


def test_errors_and_pages_have_the_described_shape(recording: Any):
    described = json.loads(recording("coinmetrics/openapi_asset_metrics_trimmed.json").read_text())["components"]
    example = described["responses"]["Forbidden"]["content"]["application/json"]["example"]
    assert ask_metrics(LAST, metrics="NVTAdj").json().keys() == example.keys()
    assert ask_metrics(LAST, metrics="NVTAdj").json()["error"].keys() == example["error"].keys()
    examples = described["responses"]["AssetMetrics"]["content"]["application/json"]["examples"]
    page = examples["daily_metrics"]["value"]
    assert read(ask_metrics(LAST)).keys() == page.keys()
    renamed = {key.replace("SplyBMXNtv", "SplyCur") for key in page["data"][0]}
    assert read(ask_metrics(LAST, metrics="PriceUSD,SplyCur"))["data"][0].keys() == renamed


# --- CoinGecko ----------------------------------------------------------------------------------------------


def ask_range(coin: str, pull: datetime, first: datetime, last: datetime, key: str = "any") -> Response:
    params = {"vs_currency": "usd", "from": str(stamp(first)), "to": str(stamp(last)), "precision": "full"}
    headers = {"X-CG-Demo-Api-Key": key} if key else {}
    return session_at(pull).get(RANGE.format(coin), params=params, headers=headers)


@pytest.mark.parametrize("days", [60, 300])
def test_points_are_at_midnight_or_soon_after_the_hour_and_the_last_one_is_now(days: int):
    document = read(ask_range("ethereum", LAST, LAST - days * DAY, LAST + HOUR))
    assert document.keys() == {"prices", "market_caps", "total_volumes"}
    instants = [instant_of(at // 1000) for at, _ in document["prices"]]
    assert instants[-1] == LAST
    step = DAY if days > 90 else HOUR
    assert {round((after - before) / step, 3) for before, after in pairwise(instants[:-1])} == {1}
    late = [at - at.replace(minute=0, second=0) for at in instants[:-1]]
    assert max(late) == timedelta() if days > 90 else timedelta() < min(late) <= max(late) < timedelta(minutes=2)
    for (at, price), (_, cap) in zip(document["prices"], document["market_caps"], strict=True):
        assert at % 1000 == 0
        assert price == WORLD.assets.price_usd("eth", instant_of(at // 1000))
        assert abs(cap / price / WORLD.assets.supply("eth", instant_of(at // 1000)) - 1) < Decimal("0.000001")


def test_coingecko_wants_a_key_and_sees_a_year_back():
    for answer in (
        ask_range("bitcoin", LAST, LAST - 30 * DAY, LAST, key=""),
        ask_range("bitcoin", LAST, LAST - 366 * DAY, LAST),
    ):
        assert answer.status_code == 401
        assert answer.json()["error"]["status"]["error_message"]
        assert "prices" not in answer.text
    assert ask_range("bitcoin", LAST, LAST - 364 * DAY, LAST).status_code == 200
    assert ask_range("nothing", LAST, LAST - 30 * DAY, LAST).status_code == 404


def test_a_range_begins_with_the_world():
    document = read(ask_range("bitcoin", GOOD_FRIDAY, GOOD_FRIDAY - 300 * DAY, GOOD_FRIDAY))
    assert instant_of(document["prices"][0][0] // 1000) == midnight(Anchors().points("btc.price")[0].on)


def test_a_range_in_milliseconds_is_refused():
    params = {"vs_currency": "usd", "from": "1711000000000", "to": "1711400000000"}
    answer = session_at(LAST).get(RANGE.format("bitcoin"), params=params, headers={"x-cg-demo-api-key": "any"})
    assert answer.status_code == 400


# --- mempool.space ------------------------------------------------------------------------------------------


def block(at: datetime, pull: datetime = LAST) -> tuple[int, str, datetime]:
    document = read(session_at(pull).get(f"{MEMPOOL}/v1/mining/blocks/timestamp/{stamp(at)}"))
    assert document.keys() == {"height", "hash", "timestamp"}
    header_at = datetime.strptime(document["timestamp"], "%Y-%m-%dT%H:%M:%S.000Z")  # noqa: DTZ007
    return document["height"], document["hash"], header_at


def test_the_block_of_the_halving_is_found_at_its_second_and_not_before():
    at = datetime.fromisoformat("2024-04-20 00:09:27")
    assert block(at)[0] == 840_000
    assert block(at)[2] == at
    assert block(at - timedelta(seconds=1))[0] == 839_999


def test_heights_grow_by_about_144_a_day_and_headers_lie_before_the_instant():
    ends = [midnight(date(2024, 1, 1) + n * DAY) for n in range(366)]
    blocks = [block(at) for at in ends]
    assert all(at - HOUR < header_at <= at for at, (_, _, header_at) in zip(ends, blocks, strict=True))
    grown = [after[0] - before[0] for before, after in pairwise(blocks)]
    assert {143, 144, 145} >= set(grown)
    assert len({block_hash for _, block_hash, _ in blocks}) == len(blocks)
    assert all(len(block_hash) == 64 and int(block_hash, 16) for _, block_hash, _ in blocks)


def test_no_block_lies_between_the_newest_one_and_the_instant():
    for n in range(0, 300, 7):
        height, block_hash, header_at = block(OCTOBER - n * HOUR)
        assert WORLD.blocks.header_at(height) == header_at
        assert WORLD.blocks.header_at(height + 1) > OCTOBER - n * HOUR
        assert WORLD.blocks.block_hash(height) == block_hash
    assert all(WORLD.blocks.header_at(h) < WORLD.blocks.header_at(h + 1) for h in range(839_000, 841_000))


@pytest.mark.parametrize("pull", PULLS)
def test_the_tip_is_the_newest_block_and_nothing_is_known_of_later_ones(pull: datetime):
    tip = session_at(pull).get(f"{MEMPOOL}/blocks/tip/height")
    assert int(tip.text) == block(pull, pull)[0] == block(pull + 30 * DAY, pull)[0]
    assert tip.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["abc", "1711000000000", "-5"])
def test_a_time_that_is_none_is_refused(path: str):
    assert session_at(LAST).get(f"{MEMPOOL}/v1/mining/blocks/timestamp/{path}").status_code == 400


@pytest.mark.parametrize(
    ("height", "issued"),
    [(0, "50"), (209_999, "10500000"), (839_999, "19687500"), (840_000, "19687503.125"), (877_258, "19803934.375")],
)
def test_the_subsidy_rule_issues_what_is_known(height: int, issued: str):
    assert WORLD.blocks.issued_btc(height) == Decimal(issued)


def test_the_supply_of_the_world_agrees_with_its_anchors():
    halving = Anchors().only("btc.issued")
    assert WORLD.blocks.issued_btc(839_999) == halving.value
    a_day = Anchors().only("btc.issued_a_day_after").value
    grown = WORLD.assets.supply("btc", LAST) - WORLD.assets.supply("btc", LAST - 100 * DAY)
    assert abs(grown / 100 - a_day) < Decimal("0.1")


@cache
def address(name: str, pull: datetime) -> dict[str, Any]:
    document = read(session_at(pull).get(f"{MEMPOOL}/address/{name}"))
    assert document.keys() == {"address", "chain_stats", "mempool_stats"}
    assert document["address"] == name
    return document


@pytest.mark.parametrize("name", sorted(SEEDS.vault_addresses))
def test_what_an_address_received_and_spent_grows_and_is_never_overspent(name: str):
    stats = [address(name, pull)["chain_stats"] for pull in PULLS]
    for key in ("funded_txo_sum", "spent_txo_sum", "funded_txo_count", "spent_txo_count", "tx_count"):
        values = [one[key] for one in stats]
        assert values == sorted(values)
        assert {type(value) for value in values} == {int}
    for pull, one in zip(PULLS, stats, strict=True):
        true = WORLD.vaults.sums(name, pull)
        assert (one["funded_txo_sum"], one["spent_txo_sum"]) == (true.received, true.spent)
        assert one["funded_txo_sum"] >= one["spent_txo_sum"]
    assert stats[-1]["funded_txo_sum"] > stats[-1]["spent_txo_sum"] > 0


def test_an_address_before_its_bridge_has_received_nothing():
    names = [name for name, owner in SEEDS.vault_addresses.items() if owner == "bitlayer_bridge"]
    assert {address(name, GOOD_FRIDAY)["chain_stats"]["tx_count"] for name in names} == {0}


def test_what_is_on_its_way_is_told_apart():
    pending = {address(name, LAST)["mempool_stats"]["funded_txo_sum"] for name in SEEDS.vault_addresses}
    assert len(pending) == 2
    assert 0 in pending


def test_an_address_that_is_not_in_the_seeds_is_not_found():
    assert session_at(LAST).get(f"{MEMPOOL}/address/1wiz18xYmhRX6xStj2b9t1rwWX4GKUgpv").status_code == 404


def test_answers_have_the_keys_of_the_documented_samples(recording: Any):
    samples = json.loads(recording("mempool/rest_samples.json").read_text())["samples"]
    sample = samples["/address/:address"]["response"]
    shown = address(next(iter(SEEDS.vault_addresses)), LAST)
    assert {key: set(value) for key, value in shown.items() if key != "address"} == {
        key: set(value) for key, value in sample.items() if key != "address"
    }
    found = read(session_at(LAST).get(f"{MEMPOOL}/v1/mining/blocks/timestamp/{stamp(LAST)}"))
    assert found.keys() == samples["/v1/mining/blocks/timestamp/:timestamp"]["response"].keys()
