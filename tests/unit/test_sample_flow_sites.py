"""What the simulated Bitbo, SoSoValue and CoinGlass print at each pull, beside the flows of the world."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from statistics import median
from typing import Any

import pytest
from lxml import html
from requests import Response
from simulated import SEEDS, session_at

from pipelines.sample import PULLS
from pipelines.sample.world import World

WORLD = World(SEEDS)
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
BITBO = "https://bitbo.io/treasuries/etf-flows/"
SOSOVALUE = "https://api.sosovalue.xyz/openapi/v2/etf/currentEtfDataMetrics"
COINGLASS = "https://open-api-v4.coinglass.com/api/etf/bitcoin/flow-history"
FUNDS = {fund.ticker: fund_id for fund_id, fund in SEEDS.funds.items()}
FOOTERS = ["Total", "Average", "Maximum", "Minimum"]


def flow_usd_m(ticker: str, session: date) -> Decimal:
    """What is true, zero before the listing."""
    return WORLD.flows_usd_m[FUNDS[ticker]].get(session, Decimal(0))


def last_sessions(pull: datetime, count: int) -> list[date]:
    """The sessions before the day of a pull, newest first."""
    return [session for session in reversed(WORLD.sessions) if session < pull.date()][:count]


# --- Bitbo --------------------------------------------------------------------------------------------------


def rows_of(page: bytes) -> list[list[str]]:
    [table] = html.fromstring(page).xpath("//table[@class='stats-table larger-table']")
    return [["".join(cell.itertext()).strip() for cell in row.xpath("./td|./th")] for row in table.iter("tr")]


@cache
def bitbo(pull: datetime) -> list[list[str]]:
    return rows_of(session_at(pull).get(BITBO).content)


def sessions_of(rows: list[list[str]]) -> dict[date, dict[str, Decimal]]:
    """Session -> ticker (and Totals) -> US$ millions."""
    heading, *body = rows
    return {
        datetime.strptime(row[0], "%b %d, %Y").date(): dict(  # noqa: DTZ007
            zip(heading[1:], map(Decimal, row[1:]), strict=True)
        )
        for row in body
        if row[0] not in FOOTERS
    }


@pytest.mark.parametrize("pull", PULLS)
def test_bitbo_shows_eight_sessions_newest_first(pull: datetime):
    assert list(sessions_of(bitbo(pull))) == last_sessions(pull, 8)
    assert [row[0] for row in bitbo(pull)[-4:]] == FOOTERS


def test_bitbo_is_a_few_percent_off_the_flow_and_has_its_sign():
    apart = []
    for pull in PULLS:
        for session, row in sessions_of(bitbo(pull)).items():
            for ticker, printed in row.items():
                true = flow_usd_m(ticker, session) if ticker != "Totals" else Decimal(0)
                if abs(true) >= 10:
                    apart.append(abs(printed / true - 1))
                elif ticker != "Totals":
                    assert abs(printed - true) <= Decimal("0.9"), (session, ticker)
    assert len(apart) > 100
    assert Decimal("0.005") < median(apart) < Decimal("0.03")
    assert max(apart) < Decimal("0.09")


@pytest.mark.parametrize("pull", PULLS)
def test_bitbo_totals_and_footers_are_those_of_the_cells_before_rounding(pull: datetime):
    rows = sessions_of(bitbo(pull)).values()
    for row in rows:
        assert abs(row["Totals"] - sum(value for name, value in row.items() if name != "Totals")) <= Decimal("0.7")
    footers = {row[0]: list(map(Decimal, row[1:])) for row in bitbo(pull)[-4:]}
    for n, ticker in enumerate(bitbo(pull)[0][1:]):
        cells = [row[ticker] for row in rows]
        assert abs(footers["Total"][n] - sum(cells)) <= Decimal("0.5")
        assert abs(footers["Average"][n] - footers["Total"][n] / 8) <= Decimal("0.06")
        assert (footers["Maximum"][n], footers["Minimum"][n]) == (max(cells), min(cells))


def test_bitbo_prints_a_column_from_the_listing_on_and_zero_for_the_days_before():
    assert "BTC" not in bitbo(SPIN_OFF)[0]
    assert "BTC" in bitbo(OCTOBER)[0]
    before = {session: row for session, row in sessions_of(bitbo(GOOD_FRIDAY)).items() if session < date(2024, 3, 27)}
    assert len(before) == 6
    assert {str(row["DEFI"]) for row in before.values()} == {"0.0"}


def test_bitbo_keeps_the_minus_of_a_payment_too_small_to_print():
    page = html.fromstring(session_at(LAST).get(BITBO).content)
    colours = {
        (cell.xpath("string()").strip()[:1] == "-", cell.get("class").removeprefix("cell right-align").strip())
        for cell in page.xpath("//td[span]")
        if cell.xpath("string()").strip() not in {"0.0"} and not cell.xpath("string()").strip()[0].isalpha()
    }
    assert colours == {(True, "red"), (False, "green")}
    assert "-0.0" in {cell for row in bitbo(LAST) for cell in row}


def test_bitbo_page_is_laid_out_like_the_recorded_one(recording: Any):
    page = recording("bitbo/us_etf_flows_table_2025-12.html").read_bytes()
    recorded, printed = rows_of(page), bitbo(LAST)
    assert printed[0] == recorded[0]
    assert [len(row) for row in printed] == [len(row) for row in recorded]
    assert list(sessions_of(recorded)) == sorted(sessions_of(recorded), reverse=True)

    def kinds(body: bytes) -> set[str | None]:
        return set(html.fromstring(body).xpath("//td/@class"))

    assert kinds(session_at(LAST).get(BITBO).content) == kinds(page)


# --- SoSoValue ----------------------------------------------------------------------------------------------


def ask_sosovalue(pull: datetime, kind: str = "us-btc-spot", **headers: str) -> Response:
    return session_at(pull).post(SOSOVALUE, json={"type": kind}, headers=headers)


@cache
def sosovalue(pull: datetime) -> dict[str, Any]:
    document = ask_sosovalue(pull, **{"X-Soso-Api-Key": "any"}).json()
    assert (document["code"], document["msg"]) == (0, None)
    return document["data"]


def metrics(pull: datetime, name: str) -> dict[str, tuple[str | None, str, str]]:
    """Of each fund: value, day and status."""
    return {fund["ticker"]: tuple(fund[name].values()) for fund in sosovalue(pull)["list"]}


@pytest.mark.parametrize("pull", PULLS[:4])
def test_sosovalue_prints_the_flows_of_the_last_session(pull: datetime):
    [session] = last_sessions(pull, 1)
    printed = metrics(pull, "dailyNetInflow")
    assert {FUNDS[ticker] for ticker in printed} == {f for f, fund in WORLD.funds.items() if fund.is_listed(session)}
    assert printed == {
        ticker: (str(int(flow_usd_m(ticker, session) * 1_000_000)), session.isoformat(), "1") for ticker in printed
    }
    total = sosovalue(pull)["dailyNetInflow"]
    assert int(total["value"]) == sum(int(value) for value, _, _ in printed.values())
    assert (total["lastUpdateDate"], total["status"]) == (session.isoformat(), "1")


def test_sosovalue_has_all_but_the_last_fund_on_the_evening_of_a_session():
    printed = metrics(LAST, "dailyNetInflow")
    assert printed.pop("IBIT") == (None, "2025-01-30", "3")
    assert {(day, status) for _, day, status in printed.values()} == {("2025-01-31", "1")}
    total = sosovalue(LAST)["dailyNetInflow"]
    assert int(total["value"]) == sum(int(value) for value, _, _ in printed.values())
    assert total["status"] == "3"
    assert metrics(LAST, "cumNetInflow")["IBIT"][1] == "2025-01-30"


@pytest.mark.parametrize("pull", PULLS)
def test_sosovalue_adds_up_flows_and_assets_to_what_is_true(pull: datetime):
    for ticker, (value, day, _) in metrics(pull, "cumNetInflow").items():
        sessions = [session for session in WORLD.sessions if session <= date.fromisoformat(day)]
        assert Decimal(value) == sum(flow_usd_m(ticker, session) for session in sessions) * 1_000_000
    for ticker, (value, day, _) in metrics(pull, "netAssets").items():
        session = date.fromisoformat(day)
        assert abs(Decimal(value) - WORLD.held_btc(FUNDS[ticker], session) * WORLD.strike_usd[session]) <= 1


def test_sosovalue_wants_a_key_and_knows_one_type():
    assert ask_sosovalue(LAST).status_code == 401
    assert b"IBIT" not in ask_sosovalue(LAST).content
    assert ask_sosovalue(LAST, "us-eth-spot", **{"x-soso-api-key": "any"}).status_code == 400
    assert session_at(LAST).get(SOSOVALUE, headers={"x-soso-api-key": "any"}).status_code == 404


def test_sosovalue_has_the_described_keys_and_styles(recording: Any):
    described = json.loads(recording("sosovalue/v2_currentEtfDataMetrics_SYNTHETIC.json").read_text())["data"]

    def keys(data: dict[str, Any]) -> tuple[set[str], set[str], set[str]]:
        values = [*(value for name, value in data.items() if name != "list"), data["list"][0]["netAssets"]]
        return set(data), set(data["list"][0]), {key for value in values for key in value}

    assert keys(sosovalue(LAST)) == keys(described)
    values: Iterable[Any] = (metric["value"] for fund in sosovalue(LAST)["list"] for metric in list(fund.values())[3:])
    assert {type(value) for value in values} == {str, type(None)}


# --- CoinGlass ----------------------------------------------------------------------------------------------


@cache
def coinglass(pull: datetime) -> list[dict[str, Any]]:
    document = session_at(pull).get(COINGLASS, headers={"cg-api-key": "any"}).json()
    assert (document["code"], document["msg"]) == ("0", "success")
    return document["data"]


def day_of(row: dict[str, Any]) -> date:
    at = datetime.fromtimestamp(row["timestamp"] / 1000, UTC)
    assert at.time() == datetime.min.time()
    return at.date()


@pytest.mark.parametrize("pull", PULLS)
def test_coinglass_prints_every_flow_of_every_session(pull: datetime):
    reported = [row for row in coinglass(pull) if day_of(row) < pull.date()]
    assert [day_of(row) for row in reported] == last_sessions(pull, 500)[::-1]
    for row in reported:
        flows = {flow["etf_ticker"]: flow["flow_usd"] for flow in row["etf_flows"]}
        listed = {fund.ticker for fund in WORLD.funds.values() if fund.is_listed(day_of(row))}
        assert flows == {ticker: int(flow_usd_m(ticker, day_of(row)) * 1_000_000) for ticker in listed}
        assert row["flow_usd"] == sum(flows.values())


def test_coinglass_leaves_out_the_flows_of_a_session_that_just_closed():
    [*_, last] = coinglass(LAST)
    assert day_of(last) == LAST.date()
    assert last["flow_usd"] == 0
    assert {tuple(flow) for flow in last["etf_flows"]} == {("etf_ticker",)}
    assert "flow_usd" in coinglass(OCTOBER)[-1]["etf_flows"][0]


def test_coinglass_says_in_its_envelope_that_a_key_is_wanted():
    answer = session_at(LAST).get(COINGLASS)
    assert answer.status_code == 200
    assert answer.json()["code"] == "401"
    assert "data" not in answer.json()


def test_coinglass_has_the_described_keys_and_kinds(recording: Any):
    described = json.loads(recording("coinglass/etf_bitcoin_flow_history_SYNTHETIC.json").read_text())

    def kinds(row: dict[str, Any]) -> tuple[dict[str, type], dict[str, type]]:
        return (
            {key: type(value) for key, value in row.items()},
            {key: type(value) for key, value in row["etf_flows"][0].items()},
        )

    assert kinds(coinglass(OCTOBER)[-1]) == kinds(described["data"][0])
