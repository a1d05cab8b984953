"""Mode archive over the recorded pages: every printed figure is in the mart, and nothing else is.

The expectation is read from the same files by other means (readings.py).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from house import Built, contents, digest, rows
from readings import CENT, Cells, farside_flows, holdings, in_band

from pipelines.settings import Settings

SEEDS = Settings().seeds
FARSIDE = "farside/btc_2026-07-23.html"
HOLDINGS = "btcetffundflow/us_page_2025-11_2025-12.html"
HOLDINGS_JSON = "btcetffundflow/us_next_data_2025-11_2025-12.json"


def cells(home: Path, column: str) -> Cells:
    found = rows(home, f"select fund_id, trade_date, {column} from marts.etf_flows where {column} is not null")
    return {(fund_id, day): value for fund_id, day, value in found}


def test_the_recorded_pages_build_and_publish_as_public_figures(archives: dict[str, Built]) -> None:
    built = archives["both"]
    assert built.ran.status == 0, built.ran.text
    assert "simulated" not in built.ran.text
    assert rows(built.home, "select mode, is_simulated from meta.build") == [("archive", False)]
    assert rows(built.home, "select count(*) from meta.rejected_rows") == [(0,)]


def test_every_fund_cell_of_a_session_row_is_a_flow(
    archives: dict[str, Built], recording: Callable[[str], Path]
) -> None:
    printed = farside_flows(recording(FARSIDE), SEEDS)
    assert len(printed) > 100
    assert cells(archives["both"].home, "net_flow_usd") == printed


def test_every_chart3_value_is_a_holding(archives: dict[str, Built], recording: Callable[[str], Path]) -> None:
    held, _ = holdings(recording(HOLDINGS), SEEDS)
    assert len(held) > 300
    assert cells(archives["both"].home, "btc_held") == held
    assert holdings(recording(HOLDINGS_JSON), SEEDS)[0] == held, "the page and its JSON twin"


def test_aum_is_reported_inside_the_band_and_derived_outside(
    archives: dict[str, Built], recording: Callable[[str], Path]
) -> None:
    home = archives["both"].home
    held, printed = holdings(recording(HOLDINGS), SEEDS)
    good = in_band(held, printed)
    assert 0 < len(held.keys() - good) < 10, "the recording has cells of both kinds"
    basis, aum = cells(home, "aum_basis"), cells(home, "aum_usd")
    assert {key for key, word in basis.items() if word == "reported"} == good
    assert {key: aum[key] for key in good} == {key: printed[key].quantize(CENT, ROUND_HALF_UP) for key in good}
    strike = cells(home, "strike_price_usd")
    for key in held.keys() - good:
        assert basis[key] == "derived"
        assert abs(aum[key] - held[key] * strike[key]) <= CENT
        its_row = f"fund_id = '{key[0]}' and trade_date = '{key[1]}'"
        kept = f"select aum_usd from feeds.btcetffundflow__etf_holdings where {its_row}"
        assert rows(home, kept) == [(printed[key].quantize(CENT, ROUND_HALF_UP),)]


def test_what_was_not_observed_is_null_with_its_reason(archives: dict[str, Built]) -> None:
    """The two recordings cover different months: no session has both a flow and a holding."""
    home = archives["both"].home
    crossed = "net_flow_usd is not null and btc_held is not null"
    assert rows(home, f"select count(*) from marts.etf_flows where {crossed}") == [(0,)]
    unexplained = (
        "select count(*) from marts.etf_flows where (cumulative_net_flow_usd is null and net_flow_usd is not null"
        " and cumulative_reason is null) or (share_of_supply_pct is null and supply_reason is null)"
        " or (aum_change_usd is null and split_reason is null)"
    )
    assert rows(home, unexplained) == [(0,)]
    assert cells(home, "cumulative_net_flow_usd") == {}


def test_the_order_of_importing_does_not_matter(archives: dict[str, Built]) -> None:
    assert archives["other order"].ran.status == 0, archives["other order"].ran.text
    assert digest(archives["other order"].home) == digest(archives["both"].home)


def test_an_archive_of_one_feed_builds_and_publishes(
    archives: dict[str, Built], recording: Callable[[str], Path]
) -> None:
    built = archives["holdings only"]
    assert built.ran.status == 0, built.ran.text
    held, _ = holdings(recording(HOLDINGS), SEEDS)
    assert cells(built.home, "btc_held") == held
    assert rows(built.home, "select count(*) from feeds.farside__etf_flows") == [(0,)]
    [(aum,)] = rows(built.home, "select max(aum_usd) from marts.etf_flows")
    assert aum > Decimal(10_000_000_000)


def test_an_archive_of_two_other_sources_builds_and_publishes(archives: dict[str, Built]) -> None:
    built = archives["other sources"]
    assert built.ran.status == 0, built.ran.text
    held = "select fund_id, trade_date::varchar, btc_held, aum_usd, shares_outstanding, holdings_source_id"
    assert rows(built.home, f"{held} from marts.etf_flows where btc_held is not null") == [
        (
            "ibit",
            "2026-05-06",
            Decimal("822736.64900000"),
            Decimal("67212461916.98"),
            Decimal("1448920000"),
            "ishares",
        )
    ]
    flows = "select source_id, flow_basis, count(*), count(distinct trade_date) from marts.etf_flows"
    counted = rows(built.home, f"{flows} where net_flow_usd is not null group by all")
    assert counted == [("bitbo", "holdings_derived", 84, 7)], "8 sessions, one of which it shows without any change"
    assert rows(built.home, "select count(*) from feeds.bitbo__etf_flows") == [(96,)]
    row = "fund_id = 'ibit' and trade_date = '2025-12-17'"
    assert rows(built.home, f"select net_flow_usd from marts.etf_flows where {row}") == [(Decimal("114600000.00"),)]


@pytest.mark.parametrize("name", ["both", "holdings only", "wall", "nothing good"])
def test_a_run_writes_nothing_into_the_archive_that_it_loads(archives: dict[str, Built], name: str) -> None:
    built = archives[name]
    assert len(built.archive_before) >= 3
    assert contents(built.archive) == built.archive_before
