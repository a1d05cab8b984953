"""Hiro's API of the Stacks chain: what its feeds share about addresses, pages and printed numbers.

Belongs here: the host, a page of results as texts, whole numbers and hashes as Hiro writes them.
Not here: any one table (hiro_rewards, hiro_pox, hiro_stx), HTTP; the key, which is the transport's and optional.
Source: https://docs.hiro.so/stacks/api (version 9)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds.amounts import printed, shown
from pipelines.feeds.base import Feed
from pipelines.feeds.points import refuse_without
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window, parse_json

HOST = "api.hiro.so"
BASE = f"https://{HOST}"
WHOLE = pl.Decimal(38, 0)
WHOLE_NUMBER = r"^-?\d{1,38}$"


class HiroFeed(Feed):
    """A feed of the stacking subject."""

    source = "hiro"
    subject = "stacking"
    media = frozenset({"json"})


class HiroReader(HiroFeed):
    """A table that is filled by answers to another feed's questions (`reads`)."""

    @property
    def known_urls(self) -> list[str]:
        return []

    def owns(self, url: SplitResult) -> bool:
        return False

    def requests(self, window: Window) -> Requests:
        """Nothing: the other feed asks."""
        yield from ()  # ty: ignore[invalid-yield]


@dataclass(frozen=True)
class Page:
    """A page of a list: its items as texts with `locator`, and how many come before it.

    `total`: how many there are on all pages, where the page says it.
    """

    items: pl.DataFrame
    offset: int
    total: int | None


def page_of(request: Request, answer: Answer, fields: tuple[str, ...]) -> Page:
    """The page of an answer. Raises `BodyRefused`: layout_changed, or wrong_answer for another page than was asked."""
    document = document_of(answer.body)
    results = refuse_without("results", list, document)
    if strange := [item for item in results if not isinstance(item, dict)]:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"/results has {str(strange[0])[:120]} in it, no object")
    offset, asked = whole_of(document, "offset"), dict(request.params).get("offset", "0")
    if str(offset) != asked:
        raise BodyRefused(Outcome.WRONG_ANSWER, f"the page from {asked} was asked for and the one from {offset} came")
    columns = {name: [printed(item.get(name)) for item in results] for name in fields}
    columns["locator"] = [f"/results/{number}" for number in range(len(results))]
    items = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return Page(items, offset, whole_of(document, "total") if "total" in document else None)


def document_of(body: bytes) -> Any:
    """A body of JSON. Raises `BodyRefused` where it ends early."""
    return parse_json(body.decode("utf-8-sig", errors="replace"))


def whole_of(document: dict[str, Any], name: str) -> int:
    """A whole number of an object, printed as a number or as a text. Raises `BodyRefused` where it is none."""
    text = printed(document.get(name)) or ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 38):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{name} is '{text[:60]}', no whole number")
    return int(text)


def whole(text: str, kind: pl.DataType = WHOLE) -> pl.Expr:
    """A printed whole number; null where it is none or does not fit."""
    is_whole = pl.col(text).str.contains(WHOLE_NUMBER)
    return pl.when(is_whole).then(pl.col(text)).cast(kind, strict=False)


def bare_hex(text: str) -> pl.Expr:
    """Lower-case hex without 0x."""
    return pl.col(text).str.to_lowercase().str.strip_prefix("0x")


def unreadable(*texts: str) -> pl.Expr:
    """What to say of the first of these texts that is no whole number of zero or more; null where all are."""
    return pl.coalesce(
        pl.when(whole(text).is_null() | (whole(text) < 0)).then(
            pl.format("{} '{}' is no whole number from 0 up", pl.lit(text), shown(text))
        )
        for text in texts
    )


def raw(*texts: str) -> pl.Expr:
    """The texts of a row as they came."""
    return pl.concat_str(*texts, separator=" | ", ignore_nulls=True)
