"""SEC EDGAR: bitcoin, shares and net assets of a fund at quarter ends, as its 10-Q and 10-K filings state them.

Belongs here: what to ask EDGAR and how to read the XBRL facts of a company. A filing states the quarter ends before it
too, and may restate their shares (a split), so a row holds figures of one filing only and each filing has its own.
Net assets are `AssetsNet`; the fair value of the investment is another thing and only tells whether dollars and
bitcoin are in the units they should be.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://www.sec.gov/search-filings/edgar-application-programming-interfaces (companyfacts)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import amount, day, printed
from pipelines.feeds.base import Feed
from pipelines.tables.etf import (
    BTC,
    LEAST_USD_PER_BTC,
    LEAST_USD_PER_SHARE,
    MOST_USD_PER_BTC,
    MOST_USD_PER_SHARE,
    USD,
    EtfQuarterEnd,
)
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = "https://data.sec.gov/api/xbrl/companyfacts/"
PATH = re.compile(r"/api/xbrl/companyfacts/CIK(\d{10})\.json")
FORMS = r"^10-[KQ]T?(?:/A)?$"
SHARES, NET_ASSETS, FAIR_VALUE = "SharesOutstanding", "AssetsNet", "InvestmentOwnedAtFairValue"
"""Tags of us-gaap, read beside the count of bitcoin."""
COUNT = pl.Decimal(38, 8)
LIKE_A_COUNT = re.compile(r"bitcoin|InvestmentOwnedBalance|NumberOfUnits|Quantity", re.IGNORECASE)
"""Where its unit is no dollars."""
ISO = "%Y-%m-%d"
OF_ONE_FILING = ["accession", "period_end"]
Tag = tuple[str, str]
"""Taxonomy and name of a fact."""
FACT = {
    "unit": pl.String,
    "period_end": pl.Date,
    "text": pl.String,
    "accession": pl.String,
    "form": pl.String,
    "filed_on": pl.Date,
    "locator": pl.String,
}
NO_FACTS = pl.DataFrame(schema=FACT | {"tag": pl.String})


class EdgarQuarterEnds(Feed):
    """What the filings of each fund say of each calendar quarter end since it was listed."""

    source = "edgar"
    entity = "etf_quarter_ends"
    subject = "etf"
    delivers = EtfQuarterEnd
    media = frozenset({"json"})

    @cached_property
    def ciks(self) -> dict[str, str]:
        """CIK of ten digits -> fund_id, of the funds whose bitcoin is counted by known tags."""
        aliases = self.registry.fund_aliases(self.source)
        return {cik: fund_id for cik, fund_id in aliases.items() if fund_id in self.registry.filing_tags}

    @property
    def known_urls(self) -> list[str]:
        return [f"{URL}CIK{cik}.json" for cik in self.ciks]

    def owns(self, url: SplitResult) -> bool:
        asked = PATH.fullmatch(url.path)
        return url.hostname == "data.sec.gov" and asked is not None and asked[1] in self.ciks

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EtfQuarterEnd`; the quarter ends that only other tags count are set aside by the names of these.

        Raises `BodyRefused`, with `no_data` before the first report of a quarter.
        """
        facts, cik = _company(answer.json(), request.target.path)
        if cik not in self.ciks:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"CIK {cik} is no fund of the seeds with a tag to count by")
        fund = self.registry.funds[self.ciks[cik]]
        tags = self.registry.filing_tags[fund.fund_id]
        ends = pl.col("period_end")
        is_quarter_end = (ends == ends.dt.month_end()) & (ends.dt.month() % 3 == 0)
        is_listed = ends.is_between(fund.listed_on, fund.delisted_on or date.max)
        is_read = pl.col("form").str.contains(FORMS) & (ends.is_null() | (is_quarter_end & is_listed))
        _refuse_without(tags, facts, is_read)
        counts = _counts(facts, tags).filter(is_read)
        read = (
            counts.join(_beside(facts, SHARES, "shares", COUNT), on=OF_ONE_FILING, how="left", maintain_order="left")
            .join(_beside(facts, NET_ASSETS, "USD", USD), on=OF_ONE_FILING, how="left", maintain_order="left")
            .join(_beside(facts, FAIR_VALUE, "USD", USD), on=OF_ONE_FILING, how="left", maintain_order="left")
        )
        rows = read.select(
            "period_end",
            "accession",
            "btc_held",
            "form",
            "filed_on",
            "tag",
            fund_id=pl.lit(fund.fund_id),
            shares_outstanding=SHARES,
            net_assets_usd=NET_ASSETS,
            raw="text",
            locator=pl.concat_str("locator", f"{SHARES}_at", f"{NET_ASSETS}_at", separator=" ", ignore_nulls=True),
            fault=_fault(),
        )
        return pl.concat([rows, _counted_by_others(facts, tags, is_read, counts)], how="diagonal")


def _company(body: Any, path: str) -> tuple[dict[str, Any], str]:
    """The facts of a company by taxonomy and tag, and its CIK. Raises `BodyRefused`."""
    try:
        facts = {taxonomy: dict(tags) for taxonomy, tags in body["facts"].items()}
        cik = f"{int(printed(body['cik']) or ''):010d}"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"not the facts of a company: {error!r}") from error
    if cik not in path:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"the facts are of CIK {cik}, and {path} was asked")
    return facts, cik


def _refuse_without(tags: Sequence[Tag], facts: dict[str, Any], is_read: pl.Expr) -> None:
    """Raises `BodyRefused` where none of the tags is there: no data of a fund that has not reported a quarter yet."""
    if any(tag in facts.get(taxonomy, {}) for taxonomy, tag in tags):
        return
    others = sorted((group, other) for group in facts for other in facts[group])
    if all(_facts(facts, other).filter(is_read).is_empty() for other in others):
        raise BodyRefused(Outcome.NO_DATA, "no report of a quarter since the listing")
    found = ", ".join(":".join(other) for other in others if LIKE_A_COUNT.search(other[1])) or "none"
    known = " or ".join(":".join(tag) for tag in tags)
    raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no {known}; tags like a count of bitcoin: {found}")


def _counts(facts: dict[str, Any], tags: Sequence[Tag]) -> pl.DataFrame:
    """The facts that count bitcoin, one for each value that a filing gives for a day, whatever it calls the unit.

    Where a filing counts a day by several tags, the first of them counts.
    """
    ranked = [_facts(facts, tag).with_columns(rank=n, tag=_called(tag)) for n, tag in enumerate(tags)]
    return (
        pl.concat(ranked)
        .sort("rank", "unit", maintain_order=True)
        .filter(pl.col("rank") == pl.col("rank").min().over(OF_ONE_FILING))
        .with_columns(btc_held=amount("text", BTC))
        .unique([*OF_ONE_FILING, "btc_held"], keep="first", maintain_order=True)
    )


def _counted_by_others(
    facts: dict[str, Any], tags: Sequence[Tag], is_read: pl.Expr, counts: pl.DataFrame
) -> pl.DataFrame:
    """The quarter ends that only tags unknown to us count: one fault for them all, so that the good rows load."""
    others = sorted({(group, tag) for group in facts for tag in facts[group] if LIKE_A_COUNT.search(tag)} - {*tags})
    found = (
        pl.concat([NO_FACTS, *(_facts(facts, tag).with_columns(tag=_called(tag)) for tag in others)])
        .filter(is_read, pl.col("period_end").is_not_null(), amount("text", BTC) > 0)
        .filter(~pl.col("unit").str.starts_with("USD"))
        .join(counts, on="period_end", how="anti")
        .sort("period_end", "tag", maintain_order=True)
    )
    ends, named = (found[name].cast(pl.String).unique(maintain_order=True) for name in ("period_end", "tag"))
    reason = f"no known tag counts the bitcoin of {', '.join(ends)}; other tags do: {', '.join(named)}"
    return found.select(
        raw=pl.format("{} {}", "period_end", "text").str.join("; "),
        locator=pl.col("locator").str.join(" "),
        fault=pl.lit(reason),
    ).head(min(found.height, 1))


def _called(name: Tag) -> pl.Expr:
    return pl.format("{}:{}[{}]", *map(pl.lit, name), "unit")


def _beside(facts: dict[str, Any], tag: str, unit: str, kind: pl.Decimal) -> pl.DataFrame:
    """Another figure of the same filings and days: its value, `<tag>_text` as it stands and `<tag>_at` where."""
    figure = (
        amount("text", kind).alias(tag),
        pl.col("text").alias(f"{tag}_text"),
        pl.col("locator").alias(f"{tag}_at"),
    )
    return (
        _facts(facts, ("us-gaap", tag))
        .filter(pl.col("unit") == unit)
        .select(*OF_ONE_FILING, *figure)
        .unique([*OF_ONE_FILING, tag], keep="first", maintain_order=True)
    )


def _facts(facts: dict[str, Any], name: Tag) -> pl.DataFrame:
    """Every fact of a tag, columns `FACT`; none where no filing has the tag. Raises `BodyRefused`."""
    taxonomy, tag = name

    def read() -> Iterator[dict[str, Any]]:
        for unit, entries in facts.get(taxonomy, {}).get(tag, {"units": {}})["units"].items():
            for number, fact in enumerate(entries):
                yield {
                    "unit": unit,
                    "period_end": day(fact["end"], ISO),
                    "text": printed(fact["val"]),
                    "accession": _word(fact["accn"]),
                    "form": _word(fact["form"]),
                    "filed_on": day(fact["filed"], ISO),
                    "locator": f"/facts/{taxonomy}/{tag}/units/{unit}/{number}",
                }

    try:
        return pl.DataFrame(list(read()), schema=FACT)
    except (LookupError, TypeError, AttributeError) as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{taxonomy}:{tag} is no list of facts: {error!r}") from error


def _word(value: Any) -> str | None:
    if not isinstance(value, str | None):
        raise TypeError(f"{value!r} is no text")
    return value


def _fault() -> pl.Expr:
    """What is wrong with the figures of a row, null where nothing is."""
    held = pl.col("btc_held")
    faults = [
        pl.when(pl.col("period_end").is_null()).then(pl.lit("the day of the fact is no day")),
        pl.when(held.is_null()).then(pl.lit("the count of bitcoin is not a number")),
    ]
    for tag in (SHARES, NET_ASSETS, FAIR_VALUE):
        is_unread = pl.col(tag).is_null() & pl.col(f"{tag}_text").is_not_null()
        faults.append(pl.when(is_unread).then(pl.lit(f"{tag} is not a number")))
    for tag in (NET_ASSETS, FAIR_VALUE):
        usd = pl.col(tag)
        is_odd = (usd < held * LEAST_USD_PER_BTC) | (usd > held * MOST_USD_PER_BTC)
        reason = f"{{}} US$ of {tag} for {{}} bitcoin: one of the two is in another unit"
        faults.append(pl.when(is_odd).then(pl.format(reason, usd, held)))
    usd, shares = pl.col(NET_ASSETS), pl.col(SHARES)
    is_odd = (usd < shares * LEAST_USD_PER_SHARE) | (usd > shares * MOST_USD_PER_SHARE)
    faults.append(pl.when(is_odd).then(pl.format("{} US$ for {} shares: another unit", usd, shares)))
    return pl.coalesce(faults)
