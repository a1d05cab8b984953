"""The arithmetic of data availability, as the marts have it: the macros, over the parameters of the seeds."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from jinja2 import Environment

from pipelines.settings import ROOT, Settings

MACROS = (
    Environment(autoescape=False)
    .from_string((ROOT / "dbt_project" / "macros" / "da.sql").read_text(encoding="utf-8"))
    .module
)
MEBIBYTE = 1_048_576


def of_celestia(day: str, *sums: str) -> tuple:
    """The sums over the parameters of Celestia in force on a day."""
    in_force = f"""
        create temp table parameters as
        pivot (
            select parameter, cast(value as decimal(38, 18)) as value
            from read_csv('{Settings().seeds / "da_parameters.csv"}', all_varchar = true)
            where da_layer_id = 'celestia' and valid_from <= '{day}' and coalesce(valid_to, '9999') >= '{day}'
        ) on parameter using first(value)
    """
    with duckdb.connect() as connection:
        connection.execute(in_force)
        row = connection.execute(f"select {', '.join(sums)} from parameters").fetchone()
    assert row is not None
    return row


def shares(blob_bytes: int) -> str:
    return MACROS.celestia_shares(blob_bytes, "parameters")


def gas(blob_bytes: int) -> str:
    return MACROS.celestia_gas(blob_bytes, "parameters")


def test_a_mebibyte_of_blob_is_2176_shares_and_8977896_gas():
    assert of_celestia("2024-07-01", shares(MEBIBYTE), gas(MEBIBYTE)) == (2_176, 8_977_896)


@pytest.mark.parametrize(("day", "tia"), [
    ("2023-11-01", "0.897790"), ("2024-01-01", "0.017956"), ("2024-12-31", "0.017956"), ("2026-01-01", "0.035912"),
])  # fmt: skip
def test_a_mebibyte_costs_the_default_gas_price_of_its_day(day, tia):
    (utia,) = of_celestia(day, f"{gas(MEBIBYTE)} * min_gas_price_utia")
    assert round(utia / 1_000_000, 6) == Decimal(tia)


@pytest.mark.parametrize(
    ("blob_bytes", "expected"), [(1, 1), (478, 1), (479, 2), (960, 2), (961, 3), (1_000_000, 2_075)]
)
def test_the_first_share_holds_478_bytes_and_each_other_482(blob_bytes, expected):
    assert of_celestia("2024-07-01", shares(blob_bytes)) == (expected,)


@pytest.mark.parametrize(("payload", "expected"), [(1, 1), (126_976, 1), (126_977, 2), (MEBIBYTE, 9)])
def test_a_blob_of_ethereum_is_paid_for_whole(payload, expected):
    with duckdb.connect() as connection:
        row = connection.execute(f"select {MACROS.ethereum_blobs(payload, 126_976)}").fetchone()
    assert row == (expected,)
