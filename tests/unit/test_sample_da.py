"""What data costs on the simulated layers fits together, and its simulated upstreams show it as the real ones do."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import Response
from simulated import SEEDS, session_at

from pipelines.sample import PULLS
from pipelines.sample.anchors import Anchors
from pipelines.sample.da import CANCUN_BLOCK, BitcoinFees, Celestia, EthereumFees
from pipelines.sample.world import SEED

ANCHORS = Anchors()
CELESTIA = Celestia(ANCHORS, SEED)
ETHEREUM = EthereumFees(ANCHORS, SEED)
BITCOIN = BitcoinFees(ANCHORS, SEED)
GOOD_FRIDAY, _, _, _, LAST = PULLS
DAY = timedelta(days=1)
CELENIUM = "https://api-mainnet.celenium.io/v1"
FEE_RATES = "https://mempool.space/api/v1/mining/blocks/fee-rates/all"
ROLLUPS = "https://generral.appstore.bvm.network/api/rollup/list"
[NODE, *OTHER_NODES] = [end.url for end in SEEDS.endpoints("ethereum_rpc", "ethereum")]
CHEAPER_ON = date(2023, 11, 21)
"""From this day on Celestia's nodes ask for less (seeds.da_parameters)."""


def get(url: str, at: datetime = LAST, **params: Any) -> Any:
    answer = session_at(at).get(url, params=params)
    assert answer.status_code == 200
    return answer.json()


def day_of(point: dict[str, Any]) -> date:
    return datetime.fromisoformat(point["time"]).date()


def second(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def post(document: Any, at: datetime = LAST, url: str = NODE) -> Response:
    return session_at(at).post(url, data=json.dumps(document))


def ask(method: str, *parameters: Any, at: datetime = LAST) -> Any:
    answer = post({"jsonrpc": "2.0", "id": 100, "method": method, "params": list(parameters)}, at).json()
    assert answer["id"] == 100
    return answer["result"]


def refusal(method: str, *parameters: Any) -> int:
    return post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}).json()["error"]["code"]


# --- Celestia -----------------------------------------------------------------------------------------------


def test_the_network_posts_at_least_what_its_rollups_post_together():
    for day in (date(2023, 11, 1), date(2024, 3, 1), date(2024, 9, 9), date(2025, 1, 30)):
        network, listed = CELESTIA.network(day), [CELESTIA.of_rollup(name, day) for name in CELESTIA.rollups]
        assert network.blob_bytes > sum(one.blob_bytes for one in listed)
        assert network.blobs > sum(one.blobs for one in listed)
        assert network.fee > sum(one.fee for one in listed)
        assert network.transactions > network.blobs


def test_a_rollup_pays_at_least_for_the_gas_of_its_bytes():
    for name in CELESTIA.rollups:
        day = date(2024, 8, 20)
        posted, price = CELESTIA.of_rollup(name, day), CELESTIA.gas_price(day)
        assert posted.blobs > 0
        assert posted.fee > posted.blob_bytes * 8 * price
        assert posted.fee < (posted.blob_bytes * 8 * Decimal("1.2") + posted.blobs * 75_000) * price


def test_data_was_an_order_of_magnitude_dearer_before_nodes_asked_for_less():
    prices = {day_of(point): Decimal(point["value"]) for point in get(f"{CELENIUM}/stats/series/gas_price/day")}
    assert min(price for day, price in prices.items() if day < CHEAPER_ON) > Decimal("0.1")
    assert max(price for day, price in prices.items() if day >= CHEAPER_ON) < Decimal("0.02")
    assert min(prices.values()) > Decimal("0.002")


@pytest.mark.parametrize("name", ["blobs_size", "blobs_count", "fee", "tx_count", "gas_price"])
@pytest.mark.parametrize("pull", [GOOD_FRIDAY, LAST])
def test_a_series_has_every_day_from_the_first_to_the_one_that_is_not_over(name: str, pull: datetime):
    points = get(f"{CELENIUM}/stats/series/{name}/day", pull)
    days = [day_of(point) for point in points]
    assert days == [pull.date() - n * DAY for n in range(len(days))]
    assert days[-1] == date(2023, 10, 31)
    assert all(isinstance(point["value"], str) and Decimal(point["value"]) > 0 for point in points)


def test_the_day_of_asking_is_told_as_far_as_it_has_come():
    pull = GOOD_FRIDAY
    points = get(f"{CELENIUM}/stats/series/blobs_size/day", pull)
    assert int(points[0]["value"]) < CELESTIA.network(pull.date()).blob_bytes
    assert int(points[1]["value"]) == CELESTIA.network(pull.date() - DAY).blob_bytes


def test_rollups_are_listed_once_they_have_posted_and_their_sums_are_those_of_their_days():
    early, late = (
        [item["slug"] for item in get(f"{CELENIUM}/rollup", pull, limit=100)] for pull in (GOOD_FRIDAY, LAST)
    )
    assert set(early) < set(late)
    assert len(late) == len(set(late)) == len(CELESTIA.rollups)
    item = next(one for one in get(f"{CELENIUM}/rollup", GOOD_FRIDAY) if one["slug"] == "orderly")
    posted = [CELESTIA.of_rollup("Orderly", date(2024, 2, 5) + n * DAY) for n in range(53)]
    assert item["size"] == sum(day.blob_bytes for day in posted)
    assert item["fee"] == str(sum(day.fee for day in posted))


def test_a_rollup_that_the_seeds_do_not_know_is_listed():
    known = {rollup.celenium_slug for rollup in SEEDS.rollups.values()}
    assert {item["slug"] for item in get(f"{CELENIUM}/rollup")} - known


def test_a_series_of_a_rollup_is_cut_after_a_hundred_points_and_has_no_days_without_blobs():
    by_slug = {item["slug"]: item["id"] for item in get(f"{CELENIUM}/rollup")}
    small = f"{CELENIUM}/rollup/{by_slug['hokkaido-ledger']}/stats"
    assert [len(get(f"{small}/{name}/day")) for name in ("size", "blobs_count", "fee")] == [100] * 3
    first, end = date(2024, 6, 1), date(2024, 8, 30)
    days = [day_of(point) for point in get(f"{small}/size/day", **{"from": second(first), "to": second(end)})]
    assert days == sorted(days, reverse=True)
    assert first <= days[-1] < days[0] < end
    silent = [first + n * DAY for n in range(90) if not CELESTIA.of_rollup("Hokkaido Ledger", first + n * DAY).blobs]
    assert silent
    assert {first + n * DAY for n in range(90)} - set(days) == set(silent)


def test_what_is_no_series_is_refused():
    assert session_at(LAST).get(f"{CELENIUM}/stats/series/nothing/day").status_code == 400
    assert session_at(LAST).get(f"{CELENIUM}/rollup/999/stats/size/day").status_code == 404


# --- Ethereum -----------------------------------------------------------------------------------------------


@given(st.integers(18_900_000, 21_740_000))
def test_a_base_fee_moves_by_an_eighth_at_most_and_as_the_use_of_the_block_says(height: int):
    fee, following = ETHEREUM.base_fee_wei(height), ETHEREUM.base_fee_wei(height + 1)
    used = ETHEREUM.gas_used_ratio(fee, following)
    assert fee > 0
    assert 0 <= used <= 1
    assert abs(fee * (1 + (used - 0.5) / 4) - following) <= max(1, fee * 1e-9)


@given(st.integers(CANCUN_BLOCK, 21_740_000))
def test_blob_gas_is_never_free(height: int):
    fee, following = ETHEREUM.blob_base_fee_wei(height), ETHEREUM.blob_base_fee_wei(height + 1)
    assert fee >= 1
    assert 0 <= ETHEREUM.blob_gas_used_ratio(height, fee, following) <= 1


def test_blob_gas_costs_its_least_on_most_days_and_billions_on_some():
    fees = [ETHEREUM.blob_base_fee_wei(height) for height in range(CANCUN_BLOCK, 21_740_000, 7_200)]
    assert sum(fee < 100 for fee in fees) > len(fees) / 3
    assert max(fees) > 10**9


def test_before_there_were_blobs_their_fee_is_zero_in_a_history_and_no_header_names_them():
    told = ask("eth_feeHistory", "0x20", hex(CANCUN_BLOCK + 9), [])
    assert told["baseFeePerBlobGas"][:22] == ["0x0"] * 22
    assert all(int(fee, 16) >= 1 for fee in told["baseFeePerBlobGas"][22:])
    assert told["blobGasUsedRatio"][:22] == [0.0] * 22
    assert "blobGasUsed" not in ask("eth_getBlockByNumber", hex(CANCUN_BLOCK - 1), False)
    cancun = ask("eth_getBlockByNumber", hex(CANCUN_BLOCK), False)
    assert "blobGasUsed" in cancun
    assert datetime.fromtimestamp(int(cancun["timestamp"], 16), UTC).date() == date(2024, 3, 13)


def test_a_history_has_one_fee_more_than_blocks_and_agrees_with_headers_and_with_the_next_one():
    first, second_part = (ask("eth_feeHistory", "0x10", hex(newest), []) for newest in (20_000_015, 20_000_031))
    assert int(first["oldestBlock"], 16) == 20_000_000
    assert [
        len(first[name]) for name in ("baseFeePerGas", "gasUsedRatio", "baseFeePerBlobGas", "blobGasUsedRatio")
    ] == [
        17,
        16,
        17,
        16,
    ]
    assert first["baseFeePerGas"][-1] == second_part["baseFeePerGas"][0]
    header = ask("eth_getBlockByNumber", hex(20_000_016), False)
    assert header["baseFeePerGas"] == second_part["baseFeePerGas"][0]
    parent = ask("eth_getBlockByNumber", hex(20_000_015), False)
    assert header["parentHash"] == parent["hash"]
    assert int(header["timestamp"], 16) > int(parent["timestamp"], 16)


def test_a_longer_history_than_nodes_give_is_cut_and_one_beyond_the_head_is_refused():
    assert len(ask("eth_feeHistory", "0x800", "latest", [])["gasUsedRatio"]) == 1_024
    head = int(ask("eth_blockNumber"), 16)
    assert refusal("eth_feeHistory", "0x1", hex(head + 1), []) == -32_000
    assert ask("eth_getBlockByNumber", hex(head + 1), False) is None


def test_the_head_follows_the_clock_and_is_final_a_while_later():
    heads = [int(ask("eth_blockNumber", at=pull), 16) for pull in PULLS]
    assert all(before < after for before, after in pairwise(heads))
    final = ask("eth_getBlockByNumber", "finalized", False)
    assert heads[-1] - int(final["number"], 16) == 64
    assert ask("eth_chainId") == "0x1"


def test_a_node_refuses_what_it_does_not_know_and_batches_that_are_too_long():
    assert refusal("eth_getLogs", {}) == -32_601
    assert refusal("eth_feeHistory", "x", "latest") == -32_602
    calls = [{"jsonrpc": "2.0", "id": n, "method": "eth_blockNumber", "params": []} for n in range(100)]
    assert post(calls).json()["error"]["code"] == -32_600
    assert [reply["id"] for reply in post(calls[:3], url=OTHER_NODES[0]).json()] == [0, 1, 2]
    assert session_at(LAST).post(NODE, data="{").json()["error"]["code"] == -32_700


# --- Bitcoin and BVM ----------------------------------------------------------------------------------------


def test_fee_rates_have_a_point_a_day_with_percentiles_in_order():
    points = get(FEE_RATES)
    days = [datetime.fromtimestamp(point["timestamp"], UTC).date() for point in points]
    assert days == [date(2023, 12, 1) + n * DAY for n in range(len(points))]
    assert days[-1] == LAST.date()
    names = [f"avgFee_{percent}" for percent in (0, 10, 25, 50, 75, 90, 100)]
    assert all([point[name] for name in names] == sorted(point[name] for name in names) for point in points)
    assert all(before["avgHeight"] < after["avgHeight"] for before, after in pairwise(points))
    medians = dict(zip(days, (point["avgFee_50"] for point in points), strict=True))
    assert medians[date(2024, 4, 20)] == round(BITCOIN.median(date(2024, 4, 20))) == max(medians.values())


def test_the_list_of_rollups_grows_and_has_those_of_other_providers():
    early, late = ({item["name"]: item for item in get(ROLLUPS, pull)["data"]} for pull in (GOOD_FRIDAY, LAST))
    assert set(early) < set(late)
    assert {item["provider"] for item in late.values()} > {"BVM"}
    named = {rollup.bvm_name for rollup in SEEDS.rollups.values() if rollup.bvm_name and rollup.chain_id}
    assert named <= set(late)
    for name, item in early.items():
        assert Decimal(item["tvl_btc"]) > 0
        assert item["block_number"] < late[name]["block_number"]
        assert datetime.fromisoformat(item["block_time"]) <= GOOD_FRIDAY.replace(tzinfo=UTC)
