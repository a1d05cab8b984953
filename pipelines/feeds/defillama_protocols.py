"""DefiLlama's protocols: which are on which chain, and the history of what a vault or a liquid stake holds.

Belongs here: what to ask about protocols and how to read it.
Not here: chains (defillama_tvl.py), prices (defillama_prices.py), HTTP, files, DuckDB, Dagster.
Source: https://github.com/DefiLlama/api-docs (defillama-openapi-free.json, `/protocols`, `/protocol/{protocol}`);
`slug`, `parentProtocol`, `tokensInUsd` and the sections behind a dash are not in that description.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds import llama
from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import Feed
from pipelines.tables.tvl import COINS, COMPONENTS, USD, ProtocolPresence, ProtocolTvl
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

PROTOCOLS, PROTOCOL = ("protocols",), ("protocol",)
ROLES_WITH_HISTORY = ("vault", "lst")
PARENT = "parent#"
ALL_TOKENS = "*"
TOTALS, AMOUNTS, VALUES = "tvl", "tokens", "tokensInUsd"
FIELDS = {TOTALS: "totalLiquidityUSD", AMOUNTS: "tokens", VALUES: "tokens"}
"""Kinds of series, and the field of a point that says something."""
SECTIONS = frozenset({*COMPONENTS, "treasury", "offers", "doublecounted", "liquidstaking", "dcAndLsOverlap"})
"""What the upstream writes in place of a chain or, behind a dash, after one."""
PRESENCE = {
    "protocol_slug": pl.String,
    "chain_name": pl.String,
    "protocol_name": pl.String,
    "category": pl.String,
    "parent_slug": pl.String,
    "text": pl.String,
    "locator": pl.String,
}
SERIES = ("chain_name", "tvl_component")
CELL = {"date": pl.String, "token_symbol": pl.String, "text": pl.String, "locator": pl.String}
KEY = (*SERIES, "token_symbol", "observed_at")


@dataclass(frozen=True)
class Series:
    """The points of one kind (`tvl`, `tokens`, `tokensInUsd`) of one chain and component, and where they stand."""

    chain_name: str
    tvl_component: str
    kind: str
    pointer: str
    points: list[dict[str, Any]]


class DefiLlamaProtocolsNow(llama.Snapshot):
    """Protocols on the chains of the seeds, and the protocols of the seeds wherever they are."""

    entity = "protocols_now"
    delivers = ProtocolPresence

    @property
    def known_urls(self) -> list[str]:
        return [llama.address(*PROTOCOLS)]

    def owns(self, url: SplitResult) -> bool:
        return llama.named(url, *PROTOCOLS) == ""

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ProtocolPresence`; a version of a protocol of the seeds is one of them too."""
        protocols = llama.listed(answer.json(), "protocols", "name", "chains")
        chains = self.registry.chain_aliases(self.source)
        known = {protocol.slug for protocol in self.registry.protocols.values() if protocol.slug}
        records = [row for n, item in enumerate(protocols) for row in _presences(n, item, chains, known)]
        return pl.DataFrame(records, schema=PRESENCE, orient="row").select(
            pl.exclude("text"),
            snapshot_on=pl.lit(answer.fetched_at.date()),
            chain_id=pl.col("chain_name").replace_strict(chains, default=None, return_dtype=pl.String),
            tvl_usd=amount("text", USD),
            raw=pl.concat_str("protocol_slug", "chain_name", "text", separator=" | ", ignore_nulls=True),
            fault=llama.figure_fault("text", USD),
        )


class DefiLlamaProtocolTvl(Feed):
    """Daily TVL of the vaults and liquid-staking protocols of the seeds, by chain and token.

    Chain TVL leaves both out, so this is where they are to be had.
    """

    source = "defillama"
    entity = "protocol_tvl"
    subject = "tvl"
    delivers = ProtocolTvl
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        protocols = self.registry.protocols.values()
        slugs = {protocol.slug for protocol in protocols if protocol.role in ROLES_WITH_HISTORY and protocol.slug}
        return [llama.address(*PROTOCOL, slug) for slug in sorted(slugs)]

    def owns(self, url: SplitResult) -> bool:
        return bool(llama.named(url, *PROTOCOL))

    def requests(self, window: Window) -> Requests:
        yield [Request.get(url) for url in self.known_urls]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `ProtocolTvl`.

        A token of which the protocol holds none has no row; one without a price has no value. Sections without
        a chain repeat those with one and are not read, nor is the total over all chains.
        """
        slug = llama.named(request.target, *PROTOCOL)
        ids = {protocol.slug: name for name, protocol in self.registry.protocols.items() if protocol.slug}
        cells = pl.concat([_cells(series) for series in _series(answer.json())])
        cells = llama.closed(llama.dated(cells), answer.fetched_at, series=(*SERIES, "kind"))
        return _merged(cells).select(
            *SERIES,
            "token_symbol",
            "observed_at",
            "tvl_usd",
            "token_amount",
            "raw",
            "locator",
            protocol_id=pl.lit(ids.get(slug or ""), pl.String),
            source_name=pl.lit(slug),
            date_day=llama.date_day(),
            chain_id=pl.col("chain_name").replace_strict(
                self.registry.chain_aliases(self.source), default=None, return_dtype=pl.String
            ),
            fault=pl.coalesce(
                llama.date_fault(), llama.figure_fault("value_text", USD), llama.figure_fault("amount_text", COINS)
            ),
        )


def _presences(number: int, item: dict[str, Any], chains: dict[str, str], known: set[str]) -> Iterator[tuple]:
    """A record of `PRESENCE` for each chain of a protocol that concerns us. Raises `BodyRefused`."""
    name, on, levels = item.get("name"), item.get("chains") or [], item.get("chainTvls") or {}
    if not (isinstance(name, str) and _are_names(on) and isinstance(levels, dict)):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"protocol {number} has no name or no names of chains: {item}"[:200])
    slug = printed(item.get("slug")) or name.lower().replace(" ", "-").replace("'", "")
    parent = str(item.get("parentProtocol") or "").removeprefix(PARENT) or None
    is_known = slug in known or parent in known
    for position, chain in enumerate(on):
        if is_known or chain in chains:
            category, level = printed(item.get("category")), printed(levels.get(chain))
            yield slug, chain, name, category, parent, level, f"/{number}/chains/{position}"


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _series(body: Any) -> Iterator[Series]:
    """Every series that is read. Raises `BodyRefused` where there is none."""
    by_chain = body.get("chainTvls") if isinstance(body, dict) else None
    if not isinstance(by_chain, dict):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no chainTvls but {str(body)[:120]}")
    is_empty = True
    for key, series in by_chain.items():
        chain, component = _place(key)
        if chain in SECTIONS or component not in COMPONENTS:
            continue
        if not isinstance(series, dict):
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no series of {key} but {str(series)[:120]}")
        for kind, field in FIELDS.items():
            if points := series.get(kind):
                is_empty = False
                points = llama.listed(points, f"{kind} of {key}", "date", field)
                yield Series(chain, component, kind, f"/chainTvls/{llama.pointed(key)}/{kind}", points)
    if is_empty:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no chain has a series, of {sorted(by_chain)}")


def _place(key: str) -> tuple[str, str]:
    """Chain and component of a key such as `Merlin`, `X-Layer` or `Merlin-staking`."""
    chain, _, section = key.rpartition("-")
    return (chain, section) if chain and section in SECTIONS else (key, TOTALS)


def _cells(series: Series) -> pl.DataFrame:
    """A row for each token of each point, or one for the whole of it. Raises `BodyRefused`."""

    def cells() -> Iterator[tuple[str | None, str, str | None, str]]:
        for n, point in enumerate(series.points):
            at, place = printed(point.get("date")), f"{series.pointer}/{n}"
            if series.kind == TOTALS:
                yield at, ALL_TOKENS, printed(point.get(FIELDS[TOTALS])), place
                continue
            tokens = point.get("tokens") or {}
            if not isinstance(tokens, dict):
                raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no tokens at {place} but {str(tokens)[:120]}")
            for symbol, value in tokens.items():
                yield at, symbol, printed(value), f"{place}/tokens/{llama.pointed(symbol)}"

    about = {"chain_name": series.chain_name, "tvl_component": series.tvl_component, "kind": series.kind}
    found = pl.DataFrame(list(cells()), schema=CELL, orient="row")
    return found.with_columns(**{name: pl.lit(value) for name, value in about.items()})


def _merged(cells: pl.DataFrame) -> pl.DataFrame:
    """Value and amount of a token in one row, both as text and as numbers; a zero of a token says that it is gone."""
    is_amount = pl.col("kind") == AMOUNTS
    values = cells.filter(~is_amount).select(*KEY, "date", value_text="text", locator="locator")
    amounts = cells.filter(is_amount).select(*KEY, "date", amount_text="text", locator="locator")
    rows = values.join(amounts, on=KEY, how="full", coalesce=True, maintain_order="left_right")
    is_token = pl.col("token_symbol") != ALL_TOKENS
    value, held = amount("value_text", USD), amount("amount_text", COINS)
    has_none = (pl.col("value_text").is_null() | (value == 0)) & (pl.col("amount_text").is_null() | (held == 0))
    return rows.filter(~(is_token & has_none.fill_null(value=False))).with_columns(
        date=pl.coalesce("date", "date_right"),
        locator=pl.concat_str("locator", "locator_right", separator=" ", ignore_nulls=True),
        raw=pl.concat_str("value_text", "amount_text", separator=" | ", ignore_nulls=True),
        tvl_usd=pl.when(~is_token | (value != 0)).then(value),
        token_amount=pl.when(held != 0).then(held),
    )
