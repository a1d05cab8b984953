"""Bitlayer's explorer: the fees of every day since the chain began, as a CSV file.

Belongs here: what to ask for and how to read the file: a label, the second at which the day starts, and wei of BTC.
Not here: the explorer's other endpoints, HTTP, files, DuckDB, Dagster.
Source: https://api.btrscan.com/scan/v1/chain/txForDefillama (as DefiLlama/dimension-adapters:fees/bitlayer.ts reads it)
"""

from __future__ import annotations

import csv
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.chain_stats import POINT, Stat, StatFeed, figure, stats
from pipelines.feeds.points import instant
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = "https://api.btrscan.com/scan/v1/chain/txForDefillama"
CHAIN_ID = "bitlayer"
FEES = Stat("txn_fee_native", "txForDefillama", "l2_fee", "btc")
COLUMNS = 3
WEI_PLACES = 18
WHOLE = r"^\d+(?:\.0+)?$"


class BtrScanChainFees(StatFeed):
    """Fees of Bitlayer, whole history."""

    source = "btrscan"
    entity = "chain_fees"
    media = frozenset({"csv"})

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" == URL

    def requests(self, window: Window) -> Requests:
        yield [Request(URL, method="POST", body="{}", headers=(("Origin", URL),))]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ChainStat`. Raises `BodyRefused`."""
        points = _lines(answer.text()).with_columns(at=instant("date", "s"), whole=pl.col("text").str.extract(WHOLE, 0))
        dated = points.with_columns(
            period_start=pl.when(pl.col("at") == pl.col("at").dt.truncate("1d")).then(pl.col("at").dt.date()),
            btc=_whole_coins(pl.col("whole").str.replace(r"\.0+$", "")),
        )
        return stats(dated.with_columns(value=figure("btc")), FEES, CHAIN_ID, answer.fetched_at)


def _lines(text: str) -> pl.DataFrame:
    """The second and third column of every line but a heading, columns of `POINT`.

    Raises `BodyRefused`, empty_body where there is a heading alone.
    """
    reader = csv.reader(text.splitlines())
    lines = [(reader.line_num, [cell.strip() for cell in line]) for line in reader if any(line)]
    if not any(len(cells) >= COLUMNS for _, cells in lines):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no line of {COLUMNS} columns but {text[:120]!r}")
    if not lines[0][1][1:2] or not lines[0][1][1].replace(".", "").isdecimal():
        lines = lines[1:]
    if not lines:
        raise BodyRefused(Outcome.EMPTY_BODY, "a heading and no day below it")
    return pl.DataFrame(
        [(*([*cells, None, None, None][1:COLUMNS]), f"L{number}") for number, cells in lines],
        schema=POINT,
        orient="row",
    )


def _whole_coins(wei: pl.Expr) -> pl.Expr:
    """Digits of wei as digits of coins: nothing is divided, so nothing is rounded."""
    padded = wei.str.zfill(WEI_PLACES + 1)
    return pl.concat_str(padded.str.head(-WEI_PLACES), pl.lit("."), padded.str.tail(WEI_PLACES))
