"""Printed numbers and days: every style that is read, and what is left alone because it could mean two things."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.feeds.amounts import amount, day, is_given, printed

BTC, USD = pl.Decimal(18, 8), pl.Decimal(18, 2)
MINUS, EN_DASH, EM_DASH = "\u2212", "\u2013", "\u2014"
quick = settings(deadline=None, max_examples=200)


def read(text: str | None, kind: pl.Decimal = BTC, units: int = 1) -> Decimal | None:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    return frame.select(amount("text", kind, units)).item()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("12", "12"),
        ("1234.5", "1234.5"),
        ("1,234.5", "1234.5"),
        ("1,234,567", "1234567"),
        ("0012", "12"),
        ("$5", "5"),
        ("$1,234.50", "1234.5"),
        ("-5", "-5"),
        (f"{MINUS}5", "-5"),
        (f"{EN_DASH}5", "-5"),
        (f"{EM_DASH}1,234.5", "-1234.5"),
        ("(5)", "-5"),
        ("(1,234.5)", "-1234.5"),
        ("($5)", "-5"),
        ("$(5)", "-5"),
        ("-$5", "-5"),
        (f"${MINUS}5", "-5"),
        ("-0.0", "0"),
    ],
)
def test_a_number_is_read_in_every_style(text, value):
    assert read(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "-", "--", EM_DASH, "n/a", "NaN", "inf", "True", "None"],
        *["1.234,56", "1,23", "12,34,567", "1,2345", ",5", ".5", "5.", "1.2.3", "1 234", "1\u00a0234", "1'234"],
        *["+5", "--5", "-(5)", "(-5)", "(5", "5)", "$$5", "5$", "5%", "1e5", "5 ", " 5", "\u0663", "5\n", "\u20ac5"],
        *["9" * 30, "99999999999", "9" * 23, "9" * 5000, f"({'9' * 22}.{'9' * 20})"],
        None,
    ],
)
def test_what_is_no_number_or_does_not_fit_is_null(text):
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0.123456785", BTC, "0.12345679"),
        ("0.123456784", BTC, "0.12345678"),
        ("(0.123456785)", BTC, "-0.12345679"),
        ("0.005", USD, "0.01"),
        ("-0.005", USD, "-0.01"),
        ("0.0049", USD, "0"),
    ],
)
def test_more_places_are_rounded_half_away_from_zero(text, kind, value):
    assert read(text, kind) == Decimal(value)


@pytest.mark.parametrize(("text", "value"), [("1.5", "1500000"), ("(0.0000005)", "-0.5"), ("1,000", "1000000000")])
def test_millions_are_multiplied_before_they_are_rounded(text, value):
    assert read(text, USD, 1_000_000) == Decimal(value)


@pytest.mark.parametrize("text", ["9" * count for count in (16, 17, 22, 23, 38, 39)])
@pytest.mark.parametrize("kind", [USD, BTC, pl.Decimal(38, 8)])
def test_millions_that_do_not_fit_are_null(text, kind):
    assert read(text, kind, 1_000_000) is None


@quick
@given(st.integers(-(10**17) + 1, 10**17 - 1).map(lambda satoshi: Decimal(satoshi) / 10**8), st.booleans())
@example(Decimal("-0.00000001"), True)
@example(Decimal("999999999.99999999"), True)
def test_a_number_is_exact_however_it_is_signed_and_grouped(value, is_in_parentheses):
    size = f"{abs(value):,.8f}"
    negative = f"({size})" if is_in_parentheses else f"{MINUS}{size}"
    assert read(negative if value < 0 else size) == value


@pytest.mark.parametrize(("text", "expected"), [("0", True), ("n/a", True), ("-5", True), ("-", False), ("", False)])
def test_a_dash_alone_is_nothing(text, expected):
    frame = pl.DataFrame({"text": [text, None]}, schema={"text": pl.String})
    assert frame.select(is_given("text")).to_series().to_list() == [expected, False]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (Decimal("5102.3317"), "5102.3317"),
        (Decimal("4.32E+8"), "432000000"),
        (Decimal("1E-8"), "0.00000001"),
        (5, "5"),
        (" 5,000 ", "5,000"),
        (True, "True"),
    ],
)
def test_a_json_value_is_text_without_an_exponent(value, text):
    assert printed(value) == text


@pytest.mark.parametrize("value", ["1E+60", "1E-61", "5E+999999999", "-5E-999999999", "NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_too_long_to_write_out_is_given_and_is_none(value):
    text = printed(Decimal(value))
    assert text == value
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "style", "expected"),
    [
        ("May 06, 2026", "%b %d, %Y", date(2026, 5, 6)),
        (" 05/06/2026 ", "%m/%d/%Y", date(2026, 5, 6)),
        ("2026-05-06", "%Y-%m-%d", date(2026, 5, 6)),
        ("06 May 2026", "%b %d, %Y", None),
        ("21/08/2026", "%m/%d/%Y", None),
        ("2026-05-06T00:00:00Z", "%Y-%m-%d", None),
        ("2026-02-30", "%Y-%m-%d", None),
        ("-", "%Y-%m-%d", None),
        ("", "%Y-%m-%d", None),
        (None, "%Y-%m-%d", None),
    ],
)
def test_a_day_is_read_in_its_one_style(text, style, expected):
    assert day(text, style) == expected
