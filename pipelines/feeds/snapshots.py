"""What the issuers' own files have in common: one fund on one day, line by line what it holds.

Belongs here: from printed lines to rows of `EtfHolding`, and the reasons to refuse a file or to set a row aside.
Not here: what one issuer calls its columns and where they stand (a module for each beside this one).
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.feeds import amounts
from pipelines.feeds.amounts import amount, is_given, shown
from pipelines.feeds.base import Feed
from pipelines.tables.etf import (
    BTC,
    LEAST_USD_PER_BTC,
    LEAST_USD_PER_SHARE,
    MOST_USD_PER_BTC,
    MOST_USD_PER_SHARE,
    USD,
    EtfHolding,
)
from pipelines.wire import Answer, BodyRefused, Outcome, Request

STALE_AFTER_DAYS = 10
"""The longest stretch without a session is 4 days; issuers are at most two sessions late."""
SHARES = pl.Decimal(38, 8)
BITCOIN = ("bitcoin", "btc")
FUND_AND_DAY = ("fund", "trade_date")
LINE = {
    "fund": pl.String,
    "trade_date": pl.Date,
    "held": pl.String,
    "quantity": pl.String,
    "locator": pl.String,
    "value": pl.String,
    "net_assets": pl.String,
    "shares": pl.String,
    "places": pl.String,
}


@dataclass(frozen=True)
class Line:
    """One line of what a fund holds, in the columns of `LINE`. Figures are texts as printed, None where none is.

    `fund`: the name that the source has for it (seeds.fund_aliases). `value`: US dollars of this line.
    `net_assets` (US dollars) and `shares` (outstanding): of the whole fund on that day, printed at `places`.
    """

    fund: str
    trade_date: date
    held: str
    quantity: str | None
    locator: str
    value: str | None = None
    net_assets: str | None = None
    shares: str | None = None
    places: str | None = None


class IssuerHoldings(Feed):
    """The file in which an issuer says what its own fund holds."""

    entity = "etf_holdings"
    subject = "etf"
    delivers = EtfHolding
    trades_on = "XNYS"

    @abstractmethod
    def lines(self, request: Request, answer: Answer) -> list[Line]:
        """Every line of the fund's holdings, bitcoin and other. Raises `BodyRefused`."""

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfHolding`, a row for each line of bitcoin.

        `aum_usd` are the net assets where the file prints them, else the values of all its lines added up
        (bitcoin and cash); null where a line has none. A day on which the fund is not listed has no row.
        Raises `BodyRefused` for a file without bitcoin or with two lines of it for one day (which of them is the
        whole holding cannot be told), of another day than was asked for, or long out of date.
        """
        lines = self.lines(request, answer)
        if not any(line.held.lower() in BITCOIN for line in lines):
            held = ", ".join(line.held for line in lines) or "nothing"
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no line is bitcoin; the file lists {held}")
        asked = self.days_of(request) if self.by_day else []
        _refuse_other_days([line.trade_date for line in lines], asked, answer.fetched_at.date())
        return self.holdings(lines)

    def holdings(self, lines: list[Line]) -> pl.DataFrame:
        """The lines of bitcoin as rows for `tables.base.check`."""
        held = (
            _read(lines)
            .with_columns(fund_id=self._fund_id())
            .join(self.registry.listings(), on="fund_id", how="left", maintain_order="left")
            .filter(_is_bitcoin(), _is_listed())
            .select(
                "fund_id",
                "trade_date",
                "btc_held",
                "aum_usd",
                "shares_outstanding",
                "raw",
                "locator",
                is_estimated=pl.lit(value=False),
                source_name=pl.when(pl.col("fund_id").is_null()).then("fund"),
                fault=pl.when(pl.col("fund_id").is_not_null()).then(
                    pl.coalesce(self._no_session(lines), "unreadable", "mispriced")
                ),
            )
        )
        _refuse_two_lines(held)
        return held

    def _fund_id(self) -> pl.Expr:
        aliases = self.registry.fund_aliases(self.source)
        return pl.col("fund").replace_strict(
            list(aliases), list(aliases.values()), default=None, return_dtype=pl.String
        )

    def _no_session(self, lines: list[Line]) -> pl.Expr:
        closed = [day for day in {line.trade_date for line in lines} if not self.registry.is_session(day)]
        return pl.when(pl.col("trade_date").is_in(closed)).then(
            pl.format("{} is no trading session of XNYS", "trade_date")
        )


def day_of(text: str | None, style: str) -> date:
    """The day that a file prints in its one style (of `strptime`). Raises `BodyRefused` for any other."""
    found = amounts.day(text, style)
    if found is None:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{text!r} is no date of the style {date(2024, 11, 21):{style}}")
    return found


def _refuse_other_days(printed: list[date], asked: list[date], fetched_on: date) -> None:
    newest = max(printed)
    if asked and set(printed) != set(asked):
        reason = f"the file of {asked[0]} was asked for and that of {newest} came: the address no longer serves days"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, reason)
    if not asked and (fetched_on - newest).days > STALE_AFTER_DAYS:
        reason = f"the file is of {newest} and was fetched on {fetched_on}, more than {STALE_AFTER_DAYS} days later"
        raise BodyRefused(Outcome.STALE, reason)


def _refuse_two_lines(held: pl.DataFrame) -> None:
    key = ["fund_id", "trade_date"]
    twice = held.filter(pl.col("fund_id").is_not_null(), pl.struct(key).is_duplicated())
    if twice.height:
        fund_id, day = twice.select(key).row(0)
        raise BodyRefused(Outcome.CONFLICTING_ROWS, f"{fund_id} has more than one line of bitcoin for {day}")


def _read(lines: list[Line]) -> pl.DataFrame:
    """The lines with their figures, and with what is true of the whole fund on that day."""
    return (
        pl.DataFrame(lines, schema=LINE)
        .with_columns(
            btc_held=amount("quantity", BTC),
            value_usd=amount("value", USD),
            net_assets_usd=amount("net_assets", USD),
            shares_outstanding=amount("shares", SHARES),
            others=pl.col("locator").filter(~_is_bitcoin()).str.join(" ").over(FUND_AND_DAY),
            raw=pl.concat_str("held", "quantity", "value", "net_assets", "shares", separator=" | ", ignore_nulls=True),
        )
        .with_columns(
            aum_usd=pl.coalesce("net_assets_usd", _sum_usd()).cast(USD, strict=False),
            unreadable=pl.coalesce(
                _no_number("quantity", "btc_held", is_due=pl.lit(value=True)),
                _no_number("value", "value_usd").drop_nulls().first().over(FUND_AND_DAY),
                _no_number("net_assets", "net_assets_usd"),
                _no_number("shares", "shares_outstanding"),
            ),
            locator=pl.concat_str("locator", "others", "places", separator=" ", ignore_nulls=True)
            .str.replace_all(" +", " ")
            .str.strip_chars(),
        )
        .with_columns(mispriced=pl.coalesce(_mispriced("value_usd"), _mispriced("aum_usd"), _misvalued()))
    )


def _sum_usd() -> pl.Expr:
    value = pl.col("value_usd")
    return pl.when(value.is_not_null().all()).then(value.sum()).over(FUND_AND_DAY)


def _no_number(text: str, read: str, is_due: pl.Expr | None = None) -> pl.Expr:
    """What to say of a text that cannot be read; null where it can, or where there is none and none is due."""
    given = is_given(text) if is_due is None else is_due
    name = pl.lit(text.replace("_", " "))
    return pl.when(given & pl.col(read).is_null()).then(
        pl.format("{} of {} is not a number that fits: '{}'", name, shown("held"), shown(text))
    )


def _mispriced(usd: str) -> pl.Expr:
    """What to say of dollars that are no price of that much bitcoin; null where they are, or are not printed."""
    value, btc = pl.col(usd), pl.col("btc_held")
    is_off = (value < btc * LEAST_USD_PER_BTC) | (value > btc * MOST_USD_PER_BTC)
    implied_usd = (value.cast(pl.Float64) / btc.cast(pl.Float64)).round(2)
    reason = pl.format("{} dollars imply {} US$ per BTC: another unit", value, implied_usd)
    return pl.when((btc > 0) & is_off).then(reason)


def _misvalued() -> pl.Expr:
    """What to say of a number of shares that the assets cannot be spread over; null where they can."""
    assets, shares = pl.col("aum_usd"), pl.col("shares_outstanding")
    is_off = (assets < shares * LEAST_USD_PER_SHARE) | (assets > shares * MOST_USD_PER_SHARE)
    return pl.when(is_off).then(pl.format("{} dollars for {} shares: another unit", assets, shares))


def _is_bitcoin() -> pl.Expr:
    return pl.col("held").str.to_lowercase().is_in(BITCOIN)


def _is_listed() -> pl.Expr:
    """Unknown funds pass: they are set aside by name."""
    day, last = pl.col("trade_date"), pl.col("delisted_on")
    return pl.col("fund_id").is_null() | ((day >= pl.col("listed_on")) & (last.is_null() | (day <= last)))
