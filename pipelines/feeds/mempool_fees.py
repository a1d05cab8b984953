"""mempool.space: what transactions paid for block space on Bitcoin, day by day.

Belongs here: the whole history of block fee rates. Only under the interval `all` is a point a UTC day; shorter ones
come in parts of a day, some of them across midnight.
Not here: what a megabyte of witness costs (SQL), heights and balances (mempool.py).
Source: https://mempool.space/docs/api/rest#get-block-feerates, and mempool/mempool:backend/src/repositories/
BlocksRepository.ts (blocks are grouped by their time divided by the length; each percentile is a mean over blocks)
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import amount, printed, shown
from pipelines.feeds.base import Feed
from pipelines.feeds.mempool import HOST
from pipelines.feeds.points import instant
from pipelines.registry import Source
from pipelines.tables.da import FEERATE, BtcFeeRate
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = f"https://{HOST}/api/v1/mining/blocks/fee-rates/all"
CHAIN_ID = "bitcoin"
FIELDS = ("timestamp", "avgHeight", "avgFee_50")


class MempoolFeeRates(Feed):
    """The median fee rate of blocks, whole history in one answer."""

    source = "mempool"
    entity = "fee_rates"
    subject = "da"
    delivers = BtcFeeRate
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=2, revision_window_days=1)

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" == URL

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BtcFeeRate`, from the first day of the source on: blocks of old have no rates here.

        A day that is not over when the answer comes has no row. Raises `BodyRefused`.
        """
        points = _points(answer.json())
        at, fetched_at = pl.col("at"), answer.fetched_at
        dated = points.with_columns(at=instant("timestamp", "s")).with_columns(date_day=at.dt.date())
        is_open = (at <= fetched_at) & (at.dt.truncate("1d").dt.offset_by("1d") > fetched_at)
        is_wanted = pl.col("date_day") >= self.manners.history_from
        return dated.filter((is_wanted & ~is_open).fill_null(value=True)).select(
            "date_day",
            "locator",
            chain_id=pl.lit(CHAIN_ID),
            median_feerate_sat_vb=amount("avgFee_50", FEERATE),
            mean_height=pl.col("avgHeight").cast(pl.Int64, strict=False),
            raw=pl.concat_str(*FIELDS, separator=" | ", ignore_nulls=True),
            fault=pl.coalesce(
                _unread("timestamp", at),
                _unread("avgHeight", pl.col("avgHeight").cast(pl.Int64, strict=False)),
                _unread("avgFee_50", amount("avgFee_50", FEERATE)),
            ),
        )


def _points(document: object) -> pl.DataFrame:
    """The fields of each point as texts. Raises `BodyRefused`."""
    if not isinstance(document, list) or not all(isinstance(point, dict) for point in document):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no list of points in the answer, which says {str(document)[:120]}")
    if not document:
        raise BodyRefused(Outcome.EMPTY_BODY, "no point in the answer")
    if not any(set(FIELDS) <= point.keys() for point in document):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no point has {', '.join(FIELDS)}: {str(document[0])[:120]}")
    columns: dict[str, list[str | None]] = {name: [printed(point.get(name)) for point in document] for name in FIELDS}
    columns["locator"] = [f"/{number}" for number in range(len(document))]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _unread(text: str, read: pl.Expr) -> pl.Expr:
    reason = pl.format("{} '{}' cannot be read", pl.lit(text), shown(text))
    return pl.when(read.is_null()).then(reason)
