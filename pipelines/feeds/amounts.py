"""How printed numbers and dates are read, exactly, whatever style an upstream prints them in.

Belongs here: text to decimals and days. Where a text can be read in two ways it is not read at all.
Not here: where the text stands in a body, and what it means.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

MINUS = "[-\u2212\u2013\u2014]"
"""A hyphen, the minus sign, and the two dashes that stand in for it."""
DIGITS = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
NUMBER = rf"^(?:{MINUS}?\$?{DIGITS}|\$?{MINUS}{DIGITS}|\(\$?{DIGITS}\)|\$\({DIGITS}\))$"
"""Commas by thousands, a point before decimals, a dollar sign or none; negatives with a minus or in parentheses."""
NOTHING = rf"^{MINUS}{{0,2}}$"
"""A blank cell or a dash: nothing is printed there."""
EXACT = pl.Decimal(38, 16)
MOST_UNITS = 10**21
"""Larger numbers fit no column, and `EXACT` has no room to multiply and round them."""
MOST_DIGITS = 60
"""More than any number has that is meant: an exponent beyond is not written out."""


def amount(text: str | pl.Expr, kind: pl.Decimal, units: int = 1) -> pl.Expr:
    """A printed number times `units`, rounded half away from zero to the scale of `kind`; null where it is none."""
    text = pl.col(text) if isinstance(text, str) else text
    number = pl.when(text.str.contains(NUMBER)).then(text)
    bare = number.str.replace_all(rf"{MINUS}|[(),$]", "").cast(EXACT, strict=False)
    size = pl.when(bare < Decimal(MOST_UNITS // units)).then(bare) * units
    signed = pl.when(number.str.contains(rf"\(|{MINUS}")).then(-size).otherwise(size)
    return signed.round(kind.scale, mode="half_away_from_zero").cast(kind, strict=False)


def is_given(text: str) -> pl.Expr:
    """Whether a column prints something: neither null, nor blank, nor a dash alone."""
    return pl.col(text).is_not_null() & ~pl.col(text).str.contains(NOTHING)


def shown(text: str) -> pl.Expr:
    """A text as a message may quote it: one short line; blank where there is none."""
    return pl.col(text).fill_null("").str.replace_all(r"\s+", " ").str.slice(0, 60)


def printed(value: Any) -> str | None:
    """A JSON value as the text that `amount` reads: a number without an exponent, null as None.

    A number whose exponent stands for more than `MOST_DIGITS` keeps it, and `amount` reads none there.
    """
    if value is None:
        return None
    is_short = isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < MOST_DIGITS
    return f"{value:f}" if is_short else str(value).strip()


def day(text: str | None, style: str) -> date | None:
    """A printed day in the one style (of `strptime`) that an upstream writes; None where it is not in it."""
    try:
        return datetime.strptime((text or "").strip(), style).date()  # noqa: DTZ007 (a day, not an instant)
    except ValueError:
        return None
