"""What the simulated upstreams show at each pull, read from the bytes with a small reading of its own."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import requests
import simulated
from lxml import html
from requests import Session
from simulated import EVERY_UPSTREAM, SEEDS, all_pages, session_at

from pipelines.sample import PULLS, WorldAdapter
from pipelines.sample.world import World
from pipelines.settings import SimulatedClock

HISTORY = "https://farside.co.uk/bitcoin-etf-flow-all-data/"
RECENT = "https://farside.co.uk/btc/"
HOLDINGS = "https://btcetffundflow.com/us"
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
SPIN_OFF_BTC = Decimal("26935.83753443")
LATE = {"GBTC", "HODL", "BTCW", "BTC"}


@cache
def body(url: str, instant: datetime) -> bytes:
    answer = session_at(instant).get(url)
    assert answer.status_code == 200
    return answer.content


def table(url: str, instant: datetime) -> list[list[str]]:
    """The cells of the page's one table, blanks kept."""
    [etf] = html.fromstring(body(url, instant)).xpath("//table[@class='etf']")
    return [["".join(cell.itertext()).strip("\n") for cell in row.xpath("./td|./th")] for row in etf.iter("tr")]


def number(text: str) -> Decimal | None:
    if text == "-":
        return None
    return Decimal(text.strip("()").replace(",", "")) * (-1 if text.startswith("(") else 1)


@cache
def flows(url: str, instant: datetime) -> dict[date, dict[str, Decimal | None]]:
    """Dated rows of a page: day -> ticker (and Total) -> US$ millions."""
    rows = table(url, instant)
    [heading] = [row for row in rows if any(cell.strip() == "IBIT" for cell in row)]
    names = [*(name.strip() for name in heading[1:-1]), "Total"]
    dated = [row for row in rows if row and row[0][:1].isdigit()]
    return {
        datetime.strptime(row[0], "%d %b %Y").date(): dict(zip(names, map(number, row[1:]), strict=True))  # noqa: DTZ007
        for row in dated
    }


@cache
def queries(instant: datetime) -> list[dict[str, Any]]:
    [script] = html.fromstring(body(HOLDINGS, instant)).xpath("//script[@id='__NEXT_DATA__']/text()")
    document = json.loads(script)
    assert document["buildId"]
    return document["props"]["pageProps"]["dehydratedState"]["queries"]


@cache
def chart(name: str, instant: datetime) -> dict[date, dict[str, Decimal]]:
    """One chart by session and ticker; the total is called TOTAL."""
    [data] = [q["state"]["data"]["data"] for q in queries(instant) if q["queryKey"] == ["data", "us"]]
    tickers = {key: label.split(" ")[0] for key, label in data["providers"].items()}
    return {
        datetime.fromtimestamp(row["ts"], UTC).date(): {
            tickers[key]: Decimal(value) for key, value in row.items() if key in tickers
        }
        for row in data[name]
    }


def listed_on() -> dict[str, date]:
    return {fund.ticker: fund.listed_on for fund in SEEDS.funds.values() if fund.ticker != "MSBT"}


def weekdays(first: date, last: date) -> list[date]:
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]


# --- the door -----------------------------------------------------------------------------------------------


def test_two_worlds_answer_with_the_same_bytes():
    for pull in (GOOD_FRIDAY, LAST):
        assert all_pages(pull) == all_pages(pull)


def test_another_process_with_other_hashes_prints_the_same_bytes():
    program = (
        "import hashlib, simulated; from pipelines.sample import PULLS; "
        "print(hashlib.sha256(b''.join(simulated.all_pages(PULLS[-1]).values())).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(simulated.__file__).parent)}
    command = [sys.executable, "-c", program]
    root = Path(simulated.__file__).parents[1]
    printed = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True)
    here = hashlib.sha256(b"".join(all_pages(LAST).values())).hexdigest()
    assert printed.stdout.decode().strip() == here


def test_a_path_answers_to_its_own_method_alone():
    session = session_at(LAST)
    for request in EVERY_UPSTREAM:
        prepared = session.prepare_request(request)
        prepared.method = "GET" if prepared.method == "POST" else "POST"
        assert session.send(prepared).status_code == 404, prepared.url


def test_a_simulated_run_sees_each_pull_in_turn():
    clock = SimulatedClock(PULLS)
    session = Session()
    session.mount("https://", WorldAdapter(SEEDS, clock))
    seen = [session.get(HISTORY).content for _ in clock.pulls()]
    assert seen == [body(HISTORY, pull) for pull in PULLS]
    assert len(set(seen)) == len(PULLS)


def test_answers_are_real_responses_that_stream():
    answer = session_at(LAST).get(HISTORY, stream=True)
    assert isinstance(answer, requests.Response)
    assert answer.raw.read(1000, decode_content=True) == body(HISTORY, LAST)[:1000]
    assert b"".join(answer.iter_content(4096)) == body(HISTORY, LAST)[1000:]
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.ok
    assert answer.url == HISTORY


@pytest.mark.parametrize(
    "url",
    [
        "https://farside.co.uk/eth/",
        "https://farside.co.uk/",
        "https://btcetffundflow.com/hk",
        "https://example.org/btc/",
    ],
)
def test_other_addresses_are_not_found(url: str):
    answer = session_at(LAST).get(url)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 0 < len(answer.text) < 200


def test_no_network_socket_is_opened(monkeypatch: pytest.MonkeyPatch):
    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"a socket was opened: {arguments}")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert session_at(LAST).get(HOLDINGS).status_code == 200


def test_pages_before_the_first_session_are_whole_and_empty():
    early = datetime.fromisoformat("2023-12-15 14:00")
    assert [row[0] for row in table(RECENT, early)[3:]] == ["Total", "Average", "Maximum", "Minimum"]
    assert chart("chart3", early) == {}


# --- Farside ------------------------------------------------------------------------------------------------


def test_the_history_page_has_one_header_row_and_a_stray_empty_one():
    rows = table(HISTORY, LAST)
    assert (rows[0][0], rows[0][-1]) == ("Date", "Total")
    assert rows[1] == []
    assert rows[2][0] == "11 Jan 2024"


def test_the_recent_page_has_logos_padded_tickers_and_fees_above():
    logos, tickers, fees, first, *_ = table(RECENT, LAST)
    assert logos[-1].strip() == "Total"
    assert tickers[-1] == fees[-1] == ""
    assert tickers[1] != tickers[1].strip() == "IBIT"
    assert fees[0] == "Fee"
    assert fees[tickers.index("     BTC")] == "0.15%"
    assert len({len(logos), len(tickers), len(fees), len(first)}) == 1
    alts = html.fromstring(body(RECENT, LAST)).xpath("//th//img/@alt")
    assert len(alts) == len(tickers) - 2


def test_the_recent_page_is_the_end_of_the_history():
    recent, history = flows(RECENT, OCTOBER), flows(HISTORY, OCTOBER)
    assert list(recent) == list(history)[-len(recent) :]
    assert all(recent[day] == history[day] for day in recent)
    assert 10 <= len(recent) <= 15


@pytest.mark.parametrize("pull", PULLS)
@pytest.mark.parametrize("url", [HISTORY, RECENT])
def test_the_printed_total_is_the_sum_of_the_printed_cells(url: str, pull: datetime):
    for day, row in flows(url, pull).items():
        cells = [value for name, value in row.items() if name != "Total" and value is not None]
        assert row["Total"] == sum(cells), day


def test_footers_hold_the_history_since_inception():
    for url in (HISTORY, RECENT):
        footers = {row[0]: row[1:] for row in table(url, LAST)[-4:]}
        assert list(footers) == ["Total", "Average", "Maximum", "Minimum"]
        total = sum(row["Total"] for row in flows(HISTORY, LAST).values())
        assert number(footers["Total"][-1]) == round(total)
        assert "," in footers["Total"][0]
        assert "." not in footers["Total"][0]
        assert number(footers["Minimum"][0]) < 0 < number(footers["Average"][0]) < number(footers["Maximum"][0])


def test_every_weekday_has_a_row_up_to_the_last_close():
    """At 14:00 UTC New York has not closed; at 22:30 UTC it has."""
    assert list(flows(HISTORY, JUNE)) == weekdays(date(2024, 1, 11), date(2024, 6, 27))
    assert list(flows(HISTORY, LAST)) == weekdays(date(2024, 1, 11), date(2025, 1, 31))


def test_holidays_are_rows_that_say_nothing():
    rows = flows(HISTORY, LAST)
    silent = [day for day, row in rows.items() if all(v is None for name, v in row.items() if name != "Total")]
    assert silent[:-1] == [day for day in rows if not SEEDS.is_session(day)]
    assert len([day for day in silent if day.year == 2024]) == 9
    assert date(2025, 1, 9) in silent
    assert {rows[day]["Total"] for day in silent} == {Decimal("0.0")}
    assert list(flows(HISTORY, GOOD_FRIDAY))[-1] == date(2024, 3, 29)


def test_the_session_that_just_closed_is_pending_and_green():
    rows = html.fromstring(body(RECENT, LAST)).xpath("//tr[contains(@style, '#99ff99')]")
    assert [["".join(cell.itertext()) for cell in row.xpath("./td")] for row in rows] == [
        ["31 Jan 2025", *["-"] * 12, "0.0"]
    ]
    assert b"#99ff99" not in body(RECENT, OCTOBER)


def test_cells_carry_the_classes_of_the_site():
    page = html.fromstring(body(HISTORY, LAST))
    classed = page.xpath("//td[@class='zero-flow']")
    assert {"".join(cell.itertext()) for cell in classed} == {"-", "0.0"}
    red = ["".join(span.itertext()) for span in page.xpath("//span[@class='redFont']")]
    assert red
    assert all(text.startswith("(") and text.endswith(")") for text in red)
    assert any("," in cell for row in table(HISTORY, LAST)[2:-4] for cell in row[1:])


def test_columns_appear_with_their_funds():
    def tickers(instant: datetime) -> set[str]:
        return set(next(iter(flows(HISTORY, instant).values())))

    day_before = datetime.fromisoformat("2024-03-26 14:00")
    assert "DEFI" not in tickers(day_before)
    assert "DEFI" in tickers(GOOD_FRIDAY)
    assert "BTC" not in tickers(JUNE)
    assert "BTC" in tickers(SPIN_OFF)


def test_cells_before_a_listing_say_nothing_and_after_it_always_something():
    listings = listed_on()
    for day, row in flows(HISTORY, LAST).items():
        if SEEDS.is_session(day) and day < LAST.date():
            assert {name for name in listings if row[name] is None} == {
                name for name in listings if day < listings[name]
            }


def test_a_few_young_cells_are_revised_a_little_between_pulls():
    for before, after in pairwise(PULLS):
        old, new = flows(HISTORY, before), flows(HISTORY, after)
        revised = {
            (day, name): abs(value - new[day][name])
            for day, row in old.items()
            for name, value in row.items()
            if name != "Total" and value is not None and value != new[day][name]
        }
        assert 1 <= len(revised) <= 12
        assert max(revised.values()) <= Decimal("0.6")
        assert all(before.date() - day < timedelta(days=35) for day, _ in revised)


# --- btcetffundflow -----------------------------------------------------------------------------------------


def test_the_page_carries_a_second_query_and_the_providers_of_the_site():
    assert [query["queryKey"] for query in queries(LAST)] == [["data", "us"], ["banner", "us"]]
    providers = queries(LAST)[0]["state"]["data"]["data"]["providers"]
    assert providers["0"] == "TOTAL"
    assert providers["3"] == "IBIT (BlackRock)"
    assert set(providers) == {*(str(n) for n in range(13)), "101", "102", "103"}


def test_values_are_strings_with_sixteen_decimals():
    data = queries(LAST)[0]["state"]["data"]["data"]
    row = data["chart3"][-1]
    texts = [value for key, value in row.items() if key != "ts"]
    assert isinstance(row["ts"], int)
    assert set(row) == {*(str(n) for n in range(13)), "ts", "price"}
    assert all(len(text.split(".")[1]) == 16 for text in texts)
    fractional = {key for key, value in row.items() if key not in {"ts", "price"} and Decimal(value) % 1}
    assert fractional == {"0", "1", "12"}


@pytest.mark.parametrize(
    ("pull", "last_row"),
    [(GOOD_FRIDAY, "2024-03-28"), (SPIN_OFF, "2024-07-30"), (LAST, "2025-01-30")],
)
def test_rows_are_sessions_up_to_the_one_before_the_pull(pull: datetime, last_row: str):
    expected = SEEDS.sessions(date(2024, 1, 11), date.fromisoformat(last_row))
    assert list(chart("chart1", pull)) == list(chart("chart3", pull)) == expected
    morning = datetime.fromisoformat("2024-06-22 08:59")
    assert max(chart("chart3", morning)) == date(2024, 6, 20)


def test_charts_two_and_four_are_changes_not_flows():
    for level, change in (("chart1", "chart2"), ("chart3", "chart4")):
        levels, changes = chart(level, LAST), chart(change, LAST)
        assert list(changes) == list(levels)[1:]
        for before, day in pairwise(levels):
            assert changes[day] == {name: levels[day][name] - levels[before][name] for name in levels[day]}
    data = queries(LAST)[0]["state"]["data"]["data"]
    last = data["chart2"][-1]
    assert [(flow["provider"], flow["value"]) for flow in data["flows"]] == [
        (key, value) for key, value in last.items() if key not in {"ts", "price"}
    ]


def test_the_total_is_the_sum_of_the_funds():
    for name in ("chart1", "chart3"):
        for row in chart(name, LAST).values():
            assert row["TOTAL"] == sum(value for ticker, value in row.items() if ticker != "TOTAL")


def test_a_fund_is_zero_before_its_listing_and_never_after():
    listings = listed_on()
    for name in ("chart1", "chart3"):
        for day, row in chart(name, LAST).items():
            assert {ticker for ticker, value in row.items() if value == 0} == {
                ticker for ticker in listings if day < listings[ticker]
            }
            assert min(row.values()) >= 0


def test_assets_are_coins_at_the_strike_but_arkb_repeats_its_seed_at_first():
    world = World(SEEDS)
    outside: dict[str, list[date]] = {}
    for day, assets in chart("chart1", LAST).items():
        coins = chart("chart3", LAST)[day]
        implied = {t: assets[t] / coins[t] for t in coins if coins[t] and t != "TOTAL"}
        middle = median(implied.values())
        assert abs(middle / world.strike_usd[day] - 1) < Decimal("0.001")
        for ticker, price in implied.items():
            if abs(price / middle - 1) > Decimal("0.05"):
                outside.setdefault(ticker, []).append(day)
            elif ticker != "ARKB":
                assert abs(price / world.strike_usd[day] - 1) < Decimal("0.002")
    assert set(outside) == {"ARKB"}
    assert outside["ARKB"] == SEEDS.sessions(date(2024, 1, 11), date(2024, 2, 9))
    assert len({chart("chart1", LAST)[day]["ARKB"] for day in outside["ARKB"]}) == 1


def test_the_printed_price_belongs_to_midnight_not_to_the_strike():
    world = World(SEEDS)
    rows = queries(LAST)[0]["state"]["data"]["data"]["chart1"]
    days = [datetime.fromtimestamp(row["ts"], UTC).replace(tzinfo=None) for row in rows]
    assert all(Decimal(row["price"]) == world.price.at(day) for row, day in zip(rows, days, strict=True))
    apart = [abs(world.price.at(day) / world.strike_usd[day.date()] - 1) for day in days]
    assert max(apart) > Decimal("0.05")


# --- the two together ---------------------------------------------------------------------------------------


def agreement(lag_sessions: dict[str, int]) -> dict[tuple[str, date], bool]:
    """Per fund and session: whether the printed flow is the lagged change in printed coins at the strike."""
    world = World(SEEDS)
    coins, printed = chart("chart3", LAST), flows(HISTORY, LAST)
    legs = {("GBTC", date(2024, 7, 30)): -SPIN_OFF_BTC, ("BTC", date(2024, 7, 31)): SPIN_OFF_BTC}
    agrees = {}
    for ticker, listing in listed_on().items():
        days = [day for day in coins if day >= listing]
        lag = lag_sessions[ticker]
        for day, before, after in zip(days[1:], days[lag:], days[1 + lag :], strict=False):
            change_btc = coins[after][ticker] - coins[before][ticker] - legs.get((ticker, after), 0)
            change_usd_m = change_btc * world.strike_usd[day] / 1_000_000
            flow_usd_m = printed[day][ticker]
            limit = max(Decimal(1), abs(flow_usd_m) * Decimal("0.03"))
            agrees[ticker, day] = abs(change_usd_m - flow_usd_m) <= limit
    return agrees


def test_flows_and_coins_agree_once_the_lag_is_taken_out():
    agrees = agreement({ticker: int(ticker in LATE) for ticker in listed_on()})
    assert len(agrees) > 2900
    assert [key for key, value in agrees.items() if not value] == []


def test_without_the_lag_the_late_funds_disagree_and_with_it_the_others():
    agrees = agreement({ticker: int(ticker not in LATE) for ticker in listed_on()})
    for ticker in ("GBTC", "HODL", "BTC", "IBIT", "FBTC", "BITB", "ARKB"):
        days = [value for (name, _), value in agrees.items() if name == ticker]
        assert days.count(False) > len(days) / 4, ticker


def test_the_spin_off_leaves_one_day_with_a_hole_and_is_no_flow():
    coins, printed = chart("chart3", LAST), flows(HISTORY, LAST)
    before, out, arrived = date(2024, 7, 29), date(2024, 7, 30), date(2024, 7, 31)
    assert abs(coins[out]["GBTC"] - coins[before]["GBTC"] + SPIN_OFF_BTC) < 3000
    assert coins[out]["BTC"] == 0
    assert coins[arrived]["BTC"] == SPIN_OFF_BTC
    assert chart("chart3", SPIN_OFF)[out]["BTC"] == 0
    for day in (out, arrived, date(2024, 8, 1)):
        assert all(abs(printed[day][ticker] or 0) < 200 for ticker in ("GBTC", "BTC"))
