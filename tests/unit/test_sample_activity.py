"""What happens on the simulated layers fits together, and the simulated explorers show it with their known faults."""

import csv
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
from pipelines.sample.activity import LAST_DAY, Activity
from pipelines.sample.evm_chains import EvmChain
from pipelines.sample.world import SEED, World

WORLD = World(SEEDS)
ACTIVITY = Activity(WORLD.anchors, SEED)
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
CHAINS = ["bob", "rootstock", "merlin", "bitlayer", "stacks", "naka", "eai"]
OLDER = "https://explorer-bob-mainnet-0.t.conduit.xyz/api/v1/lines"
HOSTS = {
    "bob": OLDER,
    "rootstock": "https://rootstock.blockscout.com/stats-service/api/v1/lines",
    "naka": "https://explorer.nakachain.xyz/stats-service/api/v1/lines",
    "eai": "https://explorer.eternalai.org/stats-service/api/v1/lines",
}
PRO = "https://api.blockscout.com/60808/stats-service/api/v1/lines"
TRPC = "https://scan.merlinchain.io/api/trpc/stat."
FILE = "https://api.btrscan.com/scan/v1/chain/txForDefillama"
FLAGS = {"excludeTotalDataChart": "false", "excludeTotalDataChartBreakdown": "true"}
DAY = timedelta(days=1)


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + n * DAY for n in range((end - start).days + 1)]


def line(chain_id: str, name: str, pull: datetime, **params: str) -> list[dict[str, Any]]:
    answer = session_at(pull).get(f"{HOSTS[chain_id]}/{name}", params=params)
    assert answer.status_code == 200
    return answer.json()["chart"]


def values(points: list[dict[str, Any]]) -> dict[date, Decimal]:
    return {date.fromisoformat(point["date"]): Decimal(point["value"]) for point in points}


def second(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


# --- what is true -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain_id", CHAINS)
def test_every_day_of_a_chain_is_there_from_its_first_to_the_last_of_the_world(chain_id: str):
    known = list(ACTIVITY.days(chain_id))
    assert known == [known[0] + n * DAY for n in range(len(known))]
    assert known[-1] == LAST_DAY == PULLS[-1].date()


@pytest.mark.parametrize("chain_id", CHAINS)
def test_totals_are_sums_of_their_days(chain_id: str):
    for before, after in pairwise(ACTIVITY.days(chain_id).values()):
        assert after.all_senders - before.all_senders == after.new_senders
        assert after.all_contracts - before.all_contracts == after.new_contracts
        assert after.all_gas >= before.all_gas


@pytest.mark.parametrize("chain_id", CHAINS)
def test_senders_were_there_before_or_are_new_and_each_sent_something(chain_id: str):
    for day in ACTIVITY.days(chain_id).values():
        assert 0 < day.senders <= day.transactions
        assert 0 <= day.new_senders <= day.senders <= day.all_senders
        assert day.own < day.transactions


@pytest.mark.parametrize("chain_id", CHAINS)
def test_a_week_has_more_senders_than_its_best_day_and_fewer_than_its_days_together(chain_id: str):
    known = ACTIVITY.days(chain_id)
    mondays = [day for day in known if day.weekday() == 0 and day + 6 * DAY in known]
    assert len(mondays) > 30
    for monday in mondays:
        week = [known[monday + n * DAY] for n in range(7)]
        distinct = ACTIVITY.senders_of_week(chain_id, monday, monday + 6 * DAY)
        assert max(day.senders for day in week) <= distinct <= sum(day.senders for day in week)
        assert sum(day.new_senders for day in week) <= distinct <= week[-1].all_senders


def test_a_week_grows_from_day_to_day():
    monday = date(2024, 7, 1)
    grown = [ACTIVITY.senders_of_week("bob", monday, monday + n * DAY) for n in range(7)]
    assert grown == sorted(grown)
    assert grown[0] == ACTIVITY.day("bob", monday).senders


@pytest.mark.parametrize("chain_id", CHAINS)
def test_a_transaction_costs_between_a_tenth_of_a_cent_and_a_few_dollars(chain_id: str):
    coin = SEEDS.chains[chain_id].gas_asset_id
    if coin not in WORLD.assets.asset_ids:
        assert chain_id == "eai"
        return
    for day, facts in ACTIVITY.days(chain_id).items():
        price_usd = WORLD.assets.price_usd(coin, datetime.combine(day, time()))
        assert Decimal("0.001") < facts.fees * price_usd / (facts.transactions - facts.own) < 3, day


@pytest.mark.parametrize("chain_id", ["bob", "rootstock"])
def test_each_block_has_a_transaction_that_the_chain_writes_itself(chain_id: str):
    blocks = EvmChain(chain_id, SEED)
    for day in days("2024-05-01", "2024-05-05"):
        before, after = (
            blocks.height_at(datetime.combine(day + n * DAY, time()) - timedelta(seconds=1)) for n in (0, 1)
        )
        assert abs(after - before - ACTIVITY.day(chain_id, day).own) <= 1


@pytest.mark.parametrize("on", [date(2024, 8, 7), date(2024, 12, 31)])
def test_the_world_does_not_answer_the_claims_about_bob(on: date):
    known = ACTIVITY.days("bob")
    assert abs(known[on].all_senders / 133_000 - 1) > 0.05
    fees = sum(known[on - n * DAY].fees for n in range(30))
    assert abs(fees / Decimal("6.4") - 1) > Decimal("0.05")
    mondays = [day for day in known if day.weekday() == 0 and day + 6 * DAY <= on]
    assert max(ACTIVITY.senders_of_week("bob", monday, monday + 6 * DAY) for monday in mondays) < 30_000 * 0.95


def test_two_worlds_are_equal_and_another_seed_is_another_history():
    assert Activity(WORLD.anchors, SEED).days("merlin") == ACTIVITY.days("merlin")
    assert Activity(WORLD.anchors, "other").days("merlin") != ACTIVITY.days("merlin")


# --- Blockscout ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", [SPIN_OFF, LAST])
@pytest.mark.parametrize("chain_id", sorted(HOSTS))
def test_a_line_shows_each_day_up_to_the_day_of_asking(chain_id: str, pull: datetime):
    known = {day: facts.senders for day, facts in ACTIVITY.days(chain_id).items() if day < pull.date()}
    shown = values(line(chain_id, "activeAccounts", pull))
    assert list(shown) == [*known, pull.date()]
    assert {day: shown[day] for day in known} == known


def test_the_day_of_asking_is_approximate_and_grows():
    at = datetime.combine(date(2024, 7, 3), time())
    for name in ("newTxns", "accountsGrowth", "txnsFee"):
        morning, evening = (line("rootstock", name, at.replace(hour=hour))[-1] for hour in (9, 22))
        assert morning["is_approximate"] is evening["is_approximate"] is True
        assert (
            Decimal(morning["value"])
            < Decimal(evening["value"])
            < values(line("rootstock", name, JUNE + 9 * DAY))[at.date()]
        )


def test_the_day_before_is_approximate_until_it_was_counted():
    early, late = (line("rootstock", "newTxns", datetime.combine(date(2024, 7, 3), time(hour))) for hour in (5, 9))
    assert [point["is_approximate"] for point in early[-3:]] == [False, True, True]
    assert [point["is_approximate"] for point in late[-3:]] == [False, False, True]


def test_from_and_to_are_both_included():
    asked = {"from": "2024-06-01", "to": "2024-06-20", "resolution": "DAY"}
    assert list(values(line("bob", "newTxns", JUNE, **asked))) == days("2024-06-01", "2024-06-20")


def test_an_older_host_says_neither_where_a_point_ends_nor_what_the_line_is():
    older, newer = (session_at(JUNE).get(f"{HOSTS[chain_id]}/txnsFee").json() for chain_id in ("bob", "rootstock"))
    assert (set(older), set(newer)) == ({"chart"}, {"chart", "info"})
    assert set(older["chart"][0]) == {"date", "value", "is_approximate"}
    assert newer["chart"][0]["date_to"] == newer["chart"][0]["date"]
    assert (newer["info"]["id"], newer["info"]["units"]) == ("txnsFee", "RBTC")


def test_weeks_start_on_monday_and_the_one_that_is_not_over_is_approximate():
    points = line("rootstock", "activeAccounts", JUNE, resolution="WEEK", **{"from": "2024-05-01", "to": "2024-06-28"})
    assert [date.fromisoformat(point["date"]).weekday() for point in points] == [0] * 9
    assert (points[0]["date"], points[0]["date_to"]) == ("2024-04-29", "2024-05-05")
    assert [point["is_approximate"] for point in points] == [False] * 8 + [True]


def test_days_in_the_hole_of_a_line_are_in_no_pull_and_in_the_other_lines():
    hole = set(days("2024-09-14", "2024-09-16"))
    for pull in (OCTOBER, LAST):
        shown = values(line("bob", "txnsFee", pull))
        assert set(ACTIVITY.days("bob")) - set(shown) - set(days(f"{pull:%Y-%m-%d}", "2025-01-31")) == hole
        assert hole < set(values(line("bob", "newTxns", pull)))


def test_days_whose_blocks_were_missed_are_counted_again_between_two_pulls():
    before, after = (values(line("rootstock", "newTxns", pull)) for pull in (SPIN_OFF, OCTOBER))
    changed = [day for day in before if before[day] != after[day] and day < SPIN_OFF.date()]
    assert changed == days("2024-05-13", "2024-05-19")
    assert all(before[day] < after[day] == ACTIVITY.day("rootstock", day).transactions for day in changed)


@pytest.mark.parametrize("chain_id", sorted(HOSTS))
def test_operational_transactions_are_switched_off_but_at_eternal_ai(chain_id: str):
    answer = session_at(JUNE).get(f"{HOSTS[chain_id]}/opStackNewOperationalTxns")
    assert answer.status_code == (200 if chain_id == "eai" else 404)


@pytest.mark.parametrize(
    ("name", "params", "status"),
    [
        ("averageGasPrice", {}, 404),
        ("newTxns", {"from": "yesterday"}, 400),
        ("newTxns", {"resolution": "WEEK"}, 400),
        ("activeAccounts", {"resolution": "MONTH"}, 400),
    ],
)
def test_what_a_host_does_not_have_is_refused_in_its_words(name: str, params: dict[str, str], status: int):
    answer = session_at(JUNE).get(f"{HOSTS['rootstock']}/{name}", params=params)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "details"}


def test_the_pro_api_wants_a_key_and_says_the_same_as_the_chains_own_host():
    session = session_at(JUNE)
    assert session.get(f"{PRO}/newTxns").status_code == 401
    keyed = session.get(f"{PRO}/newTxns", headers={"Authorization": "Bearer any"})
    assert values(keyed.json()["chart"]) == values(line("bob", "newTxns", JUNE))


def test_a_chain_that_has_not_begun_has_no_explorer_and_that_of_runechain_is_gone():
    assert session_at(GOOD_FRIDAY).get(f"{HOSTS['bob']}/newTxns").status_code == 404
    for pull in PULLS:
        gone = session_at(pull).get("https://explorer.runechain.com/stats-service/api/v1/lines/newTxns")
        assert gone.status_code == 404


# --- Merlin, Bitlayer, DefiLlama ----------------------------------------------------------------------------


def merlin(name: str, pull: datetime, first: date, last: date) -> dict[date, Decimal]:
    span = {"timeStart": second(first), "timeEnd": second(last + DAY) - 1}
    answer = session_at(pull).get(f"{TRPC}{name}", params={"input": json.dumps({"json": span})})
    points = answer.json()["result"]["data"]["json"]
    return {date.fromisoformat(point["date"][:10]): Decimal(str(point["count"])) for point in points}


def test_merlins_explorer_shows_recipients_as_unique_addresses():
    first, last = date(2024, 5, 1), date(2024, 5, 31)
    known = {day: facts for day, facts in ACTIVITY.days("merlin").items() if first <= day <= last}
    shown = merlin("getUniqueAddressesCount", JUNE, first, last)
    assert shown == {day: facts.recipients for day, facts in known.items()}
    assert all(shown[day] < facts.senders for day, facts in known.items())
    assert merlin("getDailyTxCount", JUNE, first, last) == {day: facts.transactions for day, facts in known.items()}


def test_its_fees_are_in_bitcoin_and_the_day_of_asking_is_there_in_part():
    shown = merlin("getDailyTxFee", JUNE, date(2024, 2, 9), JUNE.date())
    assert min(shown) == date(2024, 2, 9)
    assert 0 < shown[JUNE.date()] < ACTIVITY.day("merlin", JUNE.date()).fees
    before = JUNE.date() - DAY
    assert float(shown[before]) == float(ACTIVITY.day("merlin", before).fees)


@pytest.mark.parametrize(("name", "asked", "status"), [("getDailyTxCount", "{}", 400), ("getNothing", "{}", 404)])
def test_merlins_explorer_answers_no_other_question(name: str, asked: str, status: int):
    answer = session_at(JUNE).get(f"{TRPC}{name}", params={"input": asked})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def bitlayer(pull: datetime, **headers: str) -> Response:
    return session_at(pull).post(FILE, data="{}", headers=headers)


def test_bitlayers_file_has_wei_of_every_day_since_it_began():
    lines = list(csv.reader(bitlayer(LAST, Origin=FILE).text.splitlines()))[1:]
    known = ACTIVITY.days("bitlayer")
    assert [int(stamp) for _, stamp, _ in lines] == [second(day) for day in known]
    wei = {day: int(value) for day, (_, _, value) in zip(known, lines, strict=True)}
    assert all(wei[day] == known[day].fees * 10**18 for day in list(known)[:-1])
    assert 0 < wei[LAST_DAY] < known[LAST_DAY].fees * 10**18


def test_bitlayers_file_is_for_browsers_and_a_heading_alone_before_the_chain():
    assert bitlayer(LAST).status_code == 403
    assert len(bitlayer(GOOD_FRIDAY, Origin=FILE).text.splitlines()) == 1


@cache
def llama_usd(name: str, pull: datetime) -> dict[date, int]:
    answer = session_at(pull).get(f"https://api.llama.fi/overview/fees/{name}", params=FLAGS)
    chart = answer.json()["totalDataChart"]
    return {datetime.fromtimestamp(stamp, UTC).date(): usd for stamp, usd in chart}


def off_by(chain_id: str, day: date, usd: int) -> float:
    """How far a figure is from the day's fees at the mean price of its hours."""
    coin, midnight = SEEDS.chains[chain_id].gas_asset_id, datetime.combine(day, time())
    prices = [WORLD.assets.price_usd(coin, midnight + timedelta(hours=hour)) for hour in range(24)]
    return float(usd / (ACTIVITY.day(chain_id, day).fees * sum(prices) / 24)) - 1


@pytest.mark.parametrize("chain_id", ["bob", "merlin", "bitlayer", "stacks"])
def test_fees_in_dollars_agree_with_those_of_the_chain_within_a_few_per_cent(chain_id: str):
    shown = llama_usd(SEEDS.asked_chains("defillama")[chain_id], LAST)
    assert list(shown) == [day for day in ACTIVITY.days(chain_id) if day < LAST.date()]
    large = {day: usd for day, usd in shown.items() if usd >= 50}
    assert len(large) > 200
    assert max(abs(off_by(chain_id, day, usd)) for day, usd in large.items()) < 0.05


def test_fees_of_rootstock_are_far_too_low_for_three_days_and_agree_on_the_others():
    shown = llama_usd("Rootstock", LAST)
    far = [day for day, usd in shown.items() if abs(off_by("rootstock", day, usd)) > 0.05]
    assert far == days("2024-09-17", "2024-09-19")
    assert all(off_by("rootstock", day, shown[day]) < -0.4 for day in far)


def test_a_chain_without_protocols_of_fees_has_no_chart_and_an_unknown_one_no_page():
    assert llama_usd("Naka", LAST) == {}
    assert session_at(LAST).get("https://api.llama.fi/overview/fees/Nowhere", params=FLAGS).status_code == 404


def test_both_flags_are_required_and_leave_out_what_they_say():
    url = "https://api.llama.fi/overview/fees/Merlin"
    assert session_at(JUNE).get(url).status_code == 400
    without = session_at(JUNE).get(url, params=FLAGS | {"excludeTotalDataChart": "true"}).json()
    assert without["totalDataChart"] == without["totalDataChartBreakdown"] == []
    parts = session_at(JUNE).get(url, params=FLAGS | {"excludeTotalDataChartBreakdown": "false"}).json()
    assert [[at, *by.values()] for at, by in parts["totalDataChartBreakdown"]] == parts["totalDataChart"]
