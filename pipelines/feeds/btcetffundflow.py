"""btcetffundflow.com: bitcoin held and assets under management of the US spot Bitcoin ETFs, whole history.

Belongs here: what to ask and how to read the page. `chart1` is AUM in US dollars, `chart3` bitcoin held;
`chart2`, `chart4`, `flows` and `flows2` are first differences of these and are not read: a change of AUM has
the price in it and is no flow.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://btcetffundflow.com/us (`__NEXT_DATA__`), and its JSON twin `/_next/data/<buildId>/us.json`
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import amount
from pipelines.feeds.base import Feed
from pipelines.feeds.pages import next_data
from pipelines.tables.etf import BTC, USD, EtfHolding
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

PAGE_URL = "https://btcetffundflow.com/us"
JSON_PATH = re.compile(r"/_next/data/[^/]+/us\.json")
QUERY_KEY = ["data", "us"]
HOLDINGS, AUM = "chart3", "chart1"
TOTAL = "TOTAL"
LABEL = re.compile(r"(\S+)(?: \(.+\))?")
"""A provider's label: ticker and issuer, such as `IBIT (BlackRock)`; its number is a key of this page only."""
CELL = {
    "row": pl.Int64,
    "provider": pl.String,
    "trade_date": pl.Date,
    "text": pl.String,
    "locator": pl.String,
}


class BtcEtfFundFlowHoldings(Feed):
    """Holdings after each session, dated as the site dates them."""

    source = "btcetffundflow"
    entity = "etf_holdings"
    subject = "etf"
    delivers = EtfHolding
    trades_on = "XNYS"
    media = frozenset({"html", "json"})

    @property
    def known_urls(self) -> list[str]:
        return [PAGE_URL, "https://btcetffundflow.com/_next/data/<buildId>/us.json"]

    def owns(self, url: SplitResult) -> bool:
        is_page = url.path.rstrip("/") == "/us" or JSON_PATH.fullmatch(url.path) is not None
        return (url.hostname or "").removeprefix("www.") == "btcetffundflow.com" and is_page

    def requests(self, window: Window) -> Requests:
        yield [Request.get(PAGE_URL)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfHolding`. Zeros before a fund's first holding mean that it is not listed: no row."""
        pointer, data = _data(next_data(answer.text()))
        held = _cells(data, HOLDINGS, pointer)
        aum = _cells(data, AUM, pointer).select("provider", "trade_date", aum="text", at="locator")
        cells = (
            held.join(aum, on=["provider", "trade_date"], how="left", maintain_order="left_right")
            .join(self._funds(data["providers"], held), on="provider", how="left", maintain_order="left")
            .join(self.registry.listings(), on="fund_id", how="left", maintain_order="left")
            .with_columns(btc_held=amount("text", BTC), aum_usd=amount("aum", USD))
            .filter(_is_listed(), _has_begun())
        )
        unreadable = pl.col("btc_held").is_null() | (pl.col("aum").is_not_null() & pl.col("aum_usd").is_null())
        values = cells.select(
            "fund_id",
            "trade_date",
            "btc_held",
            "aum_usd",
            is_estimated=pl.lit(value=False),
            source_name="source_name",
            raw=pl.concat_str("text", "aum", separator=" | ", ignore_nulls=True),
            locator=pl.concat_str("locator", "at", separator=" ", ignore_nulls=True),
            fault=pl.when(unreadable & pl.col("source_name").is_null()).then(
                pl.format("{} of {} is not a number", "fund_id", "trade_date")
            ),
        )
        return self._off_calendar(values, held, answer.fetched_at.date())

    def _funds(self, providers: dict[str, str], held: pl.DataFrame) -> pl.DataFrame:
        """provider -> fund_id, or source_name (its label) where the seeds do not know the ticker."""
        aliases = self.registry.fund_aliases(self.source)
        labels = {number: f"provider {number}" for number in held["provider"].unique().sort()} | providers
        rows = []
        for provider, label in labels.items():
            named = LABEL.fullmatch(label.strip())
            ticker = named[1].upper() if named else ""
            if ticker != TOTAL:
                fund_id = aliases.get(ticker)
                rows.append((provider, fund_id, None if fund_id else label))
        if not any(fund_id for _, fund_id, _ in rows):
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no provider is a fund of the seeds: {sorted(labels.values())}")
        schema = {"provider": pl.String, "fund_id": pl.String, "source_name": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _off_calendar(self, values: pl.DataFrame, held: pl.DataFrame, today: date) -> pl.DataFrame:
        """One fault for each row of the chart that is no session, in place of its cells."""
        days = held["trade_date"].unique().to_list()
        closed = [day for day in days if day is not None and day <= today and not self.registry.is_session(day)]
        is_closed = pl.col("trade_date").is_in(closed) | pl.col("trade_date").is_null()
        says_something = pl.col("text").str.contains(r"[1-9]|[^0-9.]")
        rows = held.filter(is_closed, says_something).unique("row", keep="first", maintain_order=True)
        faults = rows.select(
            "trade_date",
            raw="text",
            locator=pl.col("locator").str.replace(r"/[^/]+$", ""),
            fault=pl.format("{} is no trading session of XNYS", pl.col("trade_date").cast(pl.String).fill_null("?")),
        )
        return pl.concat([values.filter(~is_closed), faults], how="diagonal")


def _data(page: Any) -> tuple[str, dict[str, Any]]:
    """The data block with its JSON pointer. Raises `BodyRefused` where the page is built otherwise."""
    root = "/props/pageProps" if isinstance(page, dict) and "props" in page else "/pageProps"
    try:
        node = page["props"]["pageProps"] if "props" in page else page["pageProps"]
        queries = node["dehydratedState"]["queries"]
        position = next(n for n, query in enumerate(queries) if query.get("queryKey") == QUERY_KEY)
        data = queries[position]["state"]["data"]["data"]
        is_labelled = {type(label) for label in data["providers"].values()} == {str}
        is_filled = all(data[chart] and {type(point) for point in data[chart]} == {dict} for chart in (HOLDINGS, AUM))
    except (LookupError, TypeError, AttributeError, StopIteration) as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no query {QUERY_KEY} with its series: {error!r}") from error
    if not (is_labelled and is_filled):
        reason = f"providers without labels, or an empty or different {HOLDINGS} or {AUM}"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, reason)
    return f"{root}/dehydratedState/queries/{position}/state/data/data", data


def _cells(data: dict[str, Any], chart: str, pointer: str) -> pl.DataFrame:
    """A chart as one row for each provider and day that has a value, columns `CELL`."""

    def cells() -> Iterator[tuple[int, str, date | None, str, str]]:
        for row, point in enumerate(data[chart]):
            day = _day(point.get("ts"))
            for provider, value in point.items():
                if provider.isdecimal() and value is not None:
                    yield row, provider, day, str(value), f"{pointer}/{chart}/{row}/{provider}"

    return pl.DataFrame(list(cells()), schema=CELL, orient="row")


def _day(seconds: Any) -> date | None:
    """The UTC day of an epoch in seconds; None where it is none (milliseconds are far in the future)."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC).date()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _is_listed() -> pl.Expr:
    is_known = pl.col("fund_id").is_not_null()
    day = pl.col("trade_date")
    is_open = (day >= pl.col("listed_on")) & (pl.col("delisted_on").is_null() | (day <= pl.col("delisted_on")))
    return (is_known & is_open) | pl.col("source_name").is_not_null()


def _has_begun() -> pl.Expr:
    """From the first holding on that is not zero; a fund that the seeds do not know counts only where it holds."""
    is_zero = (pl.col("btc_held") == 0).fill_null(value=False)
    first = pl.col("trade_date").filter(~is_zero).min().over("provider")
    return pl.when(pl.col("fund_id").is_null()).then(~is_zero).otherwise(pl.col("trade_date") >= first)
