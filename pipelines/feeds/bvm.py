"""BVM's list of rollups on Bitcoin: who runs them, their stack, where data goes and settles, and their TVL.

Belongs here: what to ask and how to read the list. It has the rollups of other providers too, and no history.
Not here: which of them are under study (seeds.rollups), sums in dollars (SQL), HTTP, files, DuckDB, Dagster.
Source: https://github.com/TrustlessComputer/bvm-website (src/services/api/dapp: dapp.client.ts has the host as it is
written here and the two names of the list, rollupl2/ the fields). The API is not documented.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import amount, is_given, printed, shown
from pipelines.feeds.base import Feed
from pipelines.feeds.points import SHOWN_CHARACTERS, instant
from pipelines.registry import Source
from pipelines.tables.da import BTC, RATE, RaasRollup
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

URL = "https://generral.appstore.bvm.network/api/rollup/list"
LISTS = ("data", "result")
FIELDS = (
    "name",
    "provider",
    "stack",
    "da",
    "settlement",
    "level",
    "tvl_btc",
    "tps",
    "block_number",
    "block_time",
    "chain_id",
)
ISO_TIMES = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M:%S")


class BvmRollups(Feed):
    """The list as it is on the day of asking."""

    source = "bvm"
    entity = "rollups"
    subject = "raas"
    delivers = RaasRollup
    media = frozenset({"json"})

    @property
    def manners(self) -> Source:
        return replace(super().manners, settle_lag_hours=0, revision_window_days=0)

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return f"https://{url.hostname}{url.path.rstrip('/')}" == URL

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL)]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `RaasRollup`. A rollup of the seeds is known by its chain id or name. Raises `BodyRefused`."""
        return _rollups(answer.json()).select(
            rollup_slug=pl.col("name").str.to_lowercase().str.replace_all("[^a-z0-9]+", "-").str.strip_chars("-"),
            snapshot_on=pl.lit(answer.fetched_at.date()),
            rollup_id=pl.coalesce(self._known("chain_id"), self._known("name")),
            rollup_name="name",
            evm_chain_id=_whole("chain_id"),
            provider=_said("provider"),
            stack=_said("stack"),
            da_name=_said("da"),
            settlement_name=_said("settlement"),
            layer_level=_said("level"),
            tvl_btc=amount("tvl_btc", BTC),
            tps=amount("tps", RATE),
            block_number=_whole("block_number"),
            last_block_at=_time("block_time"),
            locator="locator",
            raw=pl.concat_str(*FIELDS, separator=" | ", ignore_nulls=True),
            fault=pl.coalesce(
                pl.when(pl.col("name").fill_null("") == "").then(pl.lit("a rollup without a name")),
                _unread("tvl_btc", amount("tvl_btc", BTC)),
                _unread("tps", amount("tps", RATE)),
                _unread("block_number", _whole("block_number")),
                _unread("block_time", _time("block_time")),
            ),
        )

    def _known(self, name: str) -> pl.Expr:
        """The rollup of the seeds that the list calls so."""
        numbers = self.registry.evm_chain_ids
        rollups = self.registry.rollups.values()
        by_name = {one.bvm_name.lower(): one.rollup_id for one in rollups if one.bvm_name}
        by_number = {str(numbers[one.chain_id]): one.rollup_id for one in rollups if one.chain_id in numbers}
        ids = by_number if name == "chain_id" else by_name
        key = pl.col(name).str.to_lowercase()
        return key.replace_strict(list(ids), list(ids.values()), default=None, return_dtype=pl.String)


def _rollups(document: Any) -> pl.DataFrame:
    """The fields of each rollup as texts, with `locator`. Raises `BodyRefused`: empty_body where there are none."""
    given = document if isinstance(document, dict) else {}
    where, items = next(((name, given[name]) for name in LISTS if isinstance(given.get(name), list)), ("", None))
    if items is None or not all(isinstance(one, dict) for one in items):
        said = str(document)[:SHOWN_CHARACTERS]
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no list of rollups in the answer, which says {said}")
    if not items:
        raise BodyRefused(Outcome.EMPTY_BODY, "no rollup in the list")
    columns: dict[str, list[str | None]] = {name: [printed(item.get(name)) for item in items] for name in FIELDS}
    columns["locator"] = [f"/{where}/{number}" for number in range(len(items))]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _said(text: str) -> pl.Expr:
    """A text; null where it is blank or a dash."""
    return pl.when(is_given(text)).then(pl.col(text))


def _whole(text: str) -> pl.Expr:
    """A whole number above 0; null for 0, which stands for none here."""
    number = pl.col(text).cast(pl.Int64, strict=False)
    return pl.when(number != 0).then(number)


def _time(text: str) -> pl.Expr:
    """The UTC instant of an ISO time or of seconds."""
    isos = [pl.col(text).str.to_datetime(style, time_unit="us", strict=False, time_zone="UTC") for style in ISO_TIMES]
    return pl.coalesce(instant(text, "s"), *(iso.dt.replace_time_zone(None) for iso in isos))


def _unread(text: str, read: pl.Expr) -> pl.Expr:
    """What to say of a text that is given, is not 0 and cannot be read; null where it can."""
    is_zero = pl.col(text).str.contains(r"^0+(\.0+)?$").fill_null(value=False)
    reason = pl.format("{} '{}' cannot be read", pl.lit(text), shown(text))
    return pl.when(is_given(text) & ~is_zero & read.is_null()).then(reason)
