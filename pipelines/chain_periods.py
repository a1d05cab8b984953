"""What days, weeks and months of a chain come to, where all their blocks are there: counts, fees, who was active.

Belongs here: from the sets of a chain to rows of `BlockChainStat`. Distinct counts are made of the sets of a period,
never of those of its parts.
Not here: the files of the sets (address_sets.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.address_sets import AddressSets
from pipelines.evm.block_sets import joined_runs
from pipelines.tables.activity import COUNT, VALUE

INSTANT = pl.Datetime("us")
UNITS = {"day": "1d", "week": "1w", "month": "1mo"}
ONE_WEI = Decimal("1e-18")
FIRST_DAYS = {"first_day": pl.Date, "senders": pl.Int64}
CONTRACTS = {"period": pl.String, "period_start": pl.Date, "contracts": pl.Int64, "codes_place": pl.Int64}
ADDED = ("tx_count", "operational_tx_count", "gas_used", "new_contracts", "fees_wei", "l1_fees_wei")
"""What of a period is the sum of its parts."""
SPAN = {"period": pl.String, "period_start": pl.Date, "period_end": pl.Date, "is_from_launch": pl.Boolean}


@dataclass(frozen=True)
class Measure:
    """One line of figures: its metric (seeds.metrics), what it is called here, its definition, its unit."""

    column: str
    metric_id: str
    source_metric: str
    definition: str
    is_fee: bool = False


MEASURES = (
    Measure("tx_count", "tx_count", "transactions", "all"),
    Measure("operational_tx_count", "operational_tx_count", "operational_transactions", "operational"),
    Measure("gas_used", "gas_used", "gas_used", "all"),
    Measure("new_contracts", "new_contracts", "creations", "created_by_transactions"),
    Measure("fees_wei", "txn_fee_native", "fee", "l2_fee", is_fee=True),
    Measure("all_fees_wei", "txn_fee_native", "fee_with_l1", "l2_and_l1_fee", is_fee=True),
    Measure("senders", "active_addresses", "senders", "sender"),
    Measure("new_senders", "new_addresses", "new_senders", "sender"),
    Measure("senders_so_far", "cumulative_addresses", "senders_so_far", "sender"),
    Measure("contracts", "active_contracts", "recipients_with_code", "recipient"),
)


def stats_of(sets: AddressSets, answers: pl.DataFrame, chain_id: str, coin: str) -> pl.DataFrame:
    """Rows of `BlockChainStat` without what is known from the answer; `fetch_id` is the last answer of the period.

    `answers`: fetch_id and `place`, in their order. `coin`: what gas is paid in. Sorted by its key.
    """
    runs, days = _runs(sets), _days(sets, answers)
    periods = _periods(runs, days)
    if periods.is_empty():
        return pl.DataFrame()
    key = ["period", "period_start"]
    spans = periods.join(_sums(periods, days), on=key).sort(key)
    counted = (
        spans.with_columns(senders=_distinct(sets, spans), all_fees_wei=pl.col("fees_wei") + pl.col("l1_fees_wei"))
        .join(_first_senders(sets, spans), on=key, how="left")
        .join(_contracts(sets, spans, answers), on=key, how="left")
    )
    return (
        pl.concat([_rows(counted, measure, coin) for measure in MEASURES])
        .select(
            pl.all().exclude("place", "first_block", "last_block"),
            chain_id=pl.lit(chain_id),
            locator=pl.format("blocks {}..{}", "first_block", "last_block"),
            fetch_id=pl.col("place").replace_strict(answers["place"], answers["fetch_id"], return_dtype=pl.String),
        )
        .sort("metric_id", "source_metric", "period", "period_start")
    )


def _rows(counted: pl.DataFrame, measure: Measure, coin: str) -> pl.DataFrame:
    figure = pl.col(measure.column)
    exact = figure.cast(pl.Decimal(38, 0)) * pl.lit(ONE_WEI, VALUE) if measure.is_fee else figure.cast(VALUE)
    place = pl.max_horizontal("place", "codes_place") if measure.column == "contracts" else pl.col("place")
    return counted.filter(figure.is_not_null()).select(
        "period",
        "period_start",
        "first_block",
        "last_block",
        metric_id=pl.lit(measure.metric_id),
        source_metric=pl.lit(measure.source_metric),
        definition=pl.lit(measure.definition),
        unit=pl.lit(coin if measure.is_fee else COUNT),
        value=exact.cast(VALUE),
        place=place,
    )


def _read(files: list[Path]) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(file) for file in files]) if files else pl.DataFrame()


def _runs(sets: AddressSets) -> pl.DataFrame:
    runs = _read(sets.files("runs"))
    return joined_runs(runs) if runs.height else runs


def _days(sets: AddressSets, answers: pl.DataFrame) -> pl.DataFrame:
    """One row per day with any block: the sums of its parts, null where a part's is.

    A chain of which no receipt names a fee for data on the chain below has no such fee, not one of zero.
    """
    parts = _read(sets.files("totals"))
    if parts.is_empty():
        return parts
    l1_fees = pl.when(pl.col("has_l1_fees").any()).then("l1_fees_wei")
    return (
        parts.join(answers, on="fetch_id", how="left")
        .with_columns(l1_fees_wei=l1_fees)
        .group_by("date_day")
        .agg(
            *(_whole_sum(name) for name in ADDED),
            pl.col("first_block").min(),
            pl.col("last_block").max(),
            pl.col("place").max(),
        )
        .sort("date_day")
    )


def _whole_sum(name: str) -> pl.Expr:
    """A sum, null where one of its values is."""
    return pl.when(pl.col(name).is_null().any()).then(None).otherwise(pl.col(name).sum()).alias(name)


def _periods(runs: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """The periods with all their blocks: in one run from a block before them, or the first of all, to one after.

    Columns: period, period_start, period_end (first day after), is_from_launch.
    """
    if days.is_empty():
        return pl.DataFrame(schema=SPAN)
    found = []
    for period, length in UNITS.items():
        start = pl.col("date_day").dt.truncate(length)
        spans = days.select(
            pl.lit(period).alias("period"), period_start=start, period_end=start.dt.offset_by(length)
        ).unique()
        begins = (pl.col("first_at") < pl.col("period_start").cast(INSTANT)) | (pl.col("first_block") == 0)
        whole = spans.join(runs, how="cross").filter(
            begins & (pl.col("last_at") >= pl.col("period_end").cast(INSTANT)),
        )
        found.append(whole.select("period", "period_start", "period_end", is_from_launch=pl.col("first_block") == 0))
    return pl.concat(found).unique(["period", "period_start"]).sort("period", "period_start")


def _sums(periods: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """What adds up: the sums of the days of each period."""
    in_period = days.join_where(
        periods,
        pl.col("date_day") >= pl.col("period_start"),
        pl.col("date_day") < pl.col("period_end"),
    )
    return in_period.group_by("period", "period_start").agg(
        *(_whole_sum(name) for name in ADDED),
        pl.col("first_block").min(),
        pl.col("last_block").max(),
        pl.col("place").max(),
    )


def _ids(sets: AddressSets, kind: str, span: Mapping[str, Any]) -> pl.LazyFrame:
    """The addresses of one kind in a period, once for each day."""
    files = sets.files(kind, span["first_block"], span["last_block"])
    last = span["period_end"] - timedelta(days=1)
    return pl.scan_parquet(files).filter(pl.col("date_day").is_between(span["period_start"], last)).select("id")


def _distinct(sets: AddressSets, spans: pl.DataFrame) -> pl.Series:
    """How many senders each period has."""
    counts = [
        _ids(sets, "senders", span).select(pl.col("id").n_unique()).collect().item()
        for span in spans.iter_rows(named=True)
    ]
    return pl.Series(counts, dtype=pl.Int64)


def _first_senders(sets: AddressSets, spans: pl.DataFrame) -> pl.DataFrame:
    """How many senders were new in each period, and how many there were at its end; only where all is known since
    the first block."""
    known = spans.filter("is_from_launch")
    first_days = _first_days(sets.files("senders"), sets.addresses) if known.height else pl.DataFrame(schema=FIRST_DAYS)
    return (
        known.join(first_days, how="cross")
        .group_by("period", "period_start")
        .agg(
            new_senders=_sum_where(pl.col("first_day") >= pl.col("period_start")),
            senders_so_far=_sum_where(pl.lit(value=True)),
        )
    )


def _sum_where(condition: pl.Expr) -> pl.Expr:
    is_before_end = pl.col("first_day") < pl.col("period_end")
    return pl.col("senders").filter(condition & is_before_end).sum().cast(pl.Int64)


def _first_days(files: list[Path], addresses: int) -> pl.DataFrame:
    """How many addresses sent for the first time on each day: first_day, senders. The files are in that order.

    `addresses`: how many have an id.
    """
    seen = pl.repeat(value=False, n=addresses, dtype=pl.Boolean, eager=True)
    told = []
    for file in files:
        for (day,), senders in pl.read_parquet(file).sort("date_day").group_by("date_day", maintain_order=True):
            new = senders["id"].filter(~seen.gather(senders["id"]))
            seen.scatter(new, values=True)
            told.append((day, new.len()))
    counts = pl.DataFrame(told, schema=FIRST_DAYS, orient="row")
    return counts.group_by("first_day").agg(pl.col("senders").sum()).sort("first_day")


def _contracts(sets: AddressSets, spans: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """How many recipients of each week have code; none where the code of one of them is not known."""
    codes = (
        sets.codes()
        .join(answers, on="fetch_id")
        .sort("place")
        .unique("id", keep="last")
        .select("id", "has_code", codes_place="place")
    )
    counts = [
        _ids(sets, "recipients", span)
        .unique()
        .join(codes.lazy(), on="id", how="left")
        .select(
            contracts=pl.when(pl.col("has_code").is_null().any()).then(None).otherwise(pl.col("has_code").sum()),
            codes_place=pl.col("codes_place").max(),
        )
        .with_columns(pl.lit(span["period"]).alias("period"), pl.lit(span["period_start"]).alias("period_start"))
        .collect()
        for span in spans.filter(pl.col("period") == "week").iter_rows(named=True)
    ]
    return pl.concat([pl.DataFrame(schema=CONTRACTS), *(one.select(*CONTRACTS).cast(CONTRACTS) for one in counts)])  # ty: ignore
