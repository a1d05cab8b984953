"""Celenium's rollups: bytes, blobs and fees that one rollup posts to Celestia a day, in all its namespaces.

Belongs here: the list of rollups, and the series of those that are under study (seeds.rollups, by their slug here).
Not here: the network as a whole, and how a series is read (celenium.py).
Source: https://github.com/celenium-io/celestia-indexer (cmd/api/handler/rollup.go: a series has its newest hundred
points, and a day without blobs has none; internal/storage/postgres/rollup.go)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult

import polars as pl

from pipelines.chains import Rollup
from pipelines.feeds.amounts import printed
from pipelines.feeds.base import ASKED, Past
from pipelines.feeds.celenium import BASE, HOST, LAYER, CeleniumFeed, series
from pipelines.feeds.explorers import Told, settled_at
from pipelines.feeds.points import asked_at
from pipelines.tables.da import DaNamespaceDaily
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window, parse_json

LIST = f"{BASE}/rollup"
SERIES_PATH = re.compile(r"/v1/rollup/\d+/stats/(size|blobs_count|fee)/day/?")
MEASURES = {"size": "blob_bytes", "blobs_count": "blob_count", "fee": "fee"}
PAGE, MOST_PAGES = 100, 20
MOST_DAYS = 92
"""Days of one question: a series is cut after a hundred points."""
ONE_DAY = timedelta(days=1)


class CeleniumDaNamespaces(CeleniumFeed):
    """The rollups of the seeds, found in the list by their slug.

    The address of a series has a number that only the list explains, so the slug goes along as a parameter, which the
    API overlooks: an archived answer says its rollup by itself.
    """

    entity = "da_namespaces"
    delivers = DaNamespaceDaily
    by_day = True

    @property
    def known_urls(self) -> list[str]:
        return [LIST]

    @cached_property
    def _by_slug(self) -> dict[str, Rollup]:
        return {one.celenium_slug: one for one in self.registry.rollups.values() if one.celenium_slug}

    def owns(self, url: SplitResult) -> bool:
        is_ours = url.path.rstrip("/") == "/v1/rollup" or SERIES_PATH.fullmatch(url.path) is not None
        return url.hostname == HOST and is_ours

    def requests(self, window: Window) -> Requests:
        """The list, page by page until one brings nothing new, and then the series of the rollups under study."""
        listed: dict[str, int] = {}
        for page in range(MOST_PAGES):
            [reply] = yield [Request.get(LIST, {"limit": str(PAGE), "offset": str(page * PAGE)})]
            if isinstance(reply, Failure):
                return
            on_page = _listed(reply.body)
            is_last = len(on_page) < PAGE or on_page.keys() <= listed.keys()
            listed |= on_page
            if is_last:
                break
        known = sorted(listed.keys() & self._by_slug.keys())
        questions = [request for slug in known for request in _series_of(listed[slug], slug, window)]
        if questions:
            yield questions

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        """Why a list is none, or gives one slug to two rollups."""
        try:
            if _is_list(request):
                _listed(body)
        except BodyRefused as refused:
            return refused
        return None

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        """When the list and the series of all its rollups under study were last told, each of them for the day."""
        good = past.attempts.filter(pl.col("outcome") == Outcome.OK).sort("fetched_at", descending=True)
        newest = good.filter(pl.col("url") == LIST).unique("params", keep="first", maintain_order=True)
        if newest.is_empty():
            return {}
        listed_at = min(newest["fetched_at"].to_list())
        slugs = {slug for row in newest.iter_rows(named=True) for slug in _listed(past.answer(row).body)}
        told: dict[tuple[str, str], list[Told]] = {
            (slug, name): [] for slug in slugs & self._by_slug.keys() for name in MEASURES
        }
        for url, params, at in good.filter(pl.col("url") != LIST).select("url", "params", "fetched_at").rows():
            request = Request(url, params=tuple((name, value) for name, value in parse_json(params)))
            question = _question(request)
            if question in told and (asked := self.days_of(request)):
                told[question].append(Told(asked[0], asked[-1], at))
        return settled_at([[Told(date.min, date.max, listed_at)], *told.values()], days)

    def days_of(self, request: Request) -> list[date]:
        """The days of a series; none for the list."""
        first, end = (asked_at(request.params, name) for name in ("from", "to"))
        return Window(first.date(), end.date() - ONE_DAY).days() if first and end else []

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `DaNamespaceDaily`; of the list only names that the seeds do not know. Raises `BodyRefused`."""
        if _is_list(request):
            slugs = [slug for slug in _listed(answer.body) if slug not in self._by_slug]
            return _rows(pl.DataFrame({"source_name": slugs}, schema={"source_name": pl.String}))
        slug, name = _question(request)
        rollup = self._by_slug.get(slug)
        days = series(answer, MEASURES[name])
        if days.height >= PAGE:
            raise BodyRefused(Outcome.TRUNCATED, f"{days.height} days in a series that is cut after {PAGE}")
        return days.with_columns(
            da_layer_id=pl.lit(LAYER),
            rollup_id=pl.lit(rollup and rollup.rollup_id, pl.String),
            rollup_slug=pl.lit(slug),
            namespace_id=pl.lit((rollup and rollup.celestia_namespace) or None, pl.String),
            source_name=pl.lit(slug),
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The days that were asked for and over: one without a row is one without blobs."""
        days = [] if _is_list(request) else self.days_of(request)
        rollup = self._by_slug.get(_question(request)[0]) if days else None
        over = [day for day in days if datetime.combine(day + ONE_DAY, time()) <= answer.fetched_at]
        span = [(rollup.rollup_id, _start(over[0]), _start(over[-1] + ONE_DAY), None, None)] if rollup and over else []
        return pl.DataFrame(span, schema=ASKED, orient="row")


def _is_list(request: Request) -> bool:
    return request.url.rstrip("/") == LIST


def _start(day: date) -> datetime:
    return datetime.combine(day, time())


def _question(request: Request) -> tuple[str, str]:
    """Slug and name of the series that a request asks for. Raises `BodyRefused` where it says no rollup."""
    found, slug = SERIES_PATH.fullmatch(request.target.path), dict(request.params).get("rollup")
    if not (found and slug):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"{request} names no rollup: give its slug as the parameter rollup")
    return slug, found[1]


def _series_of(number: int, slug: str, window: Window) -> Iterator[Request]:
    days = window.days()
    for name in MEASURES:
        for n in range(0, len(days), MOST_DAYS):
            part = days[n : n + MOST_DAYS]
            bounds = {"from": _stamp(part[0]), "to": _stamp(part[-1] + ONE_DAY), "rollup": slug}
            yield Request.get(f"{LIST}/{number}/stats/{name}/day", bounds)


def _stamp(day: date) -> str:
    return f"{datetime.combine(day, time(), UTC).timestamp():.0f}"


def _listed(body: bytes) -> dict[str, int]:
    """Slug -> number of each rollup in a list. Raises `BodyRefused`."""
    document = parse_json(body.decode("utf-8-sig", errors="replace"))
    if not isinstance(document, list):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no list of rollups in the answer, which says {str(document)[:120]}")
    listed: dict[str, int] = {}
    for item in document:
        slug, number = _named(item)
        if listed.setdefault(slug, number) != number:
            raise BodyRefused(Outcome.CONFLICTING_ROWS, f"{slug} is listed as {listed[slug]} and as {number}")
    return listed


def _named(item: Any) -> tuple[str, int]:
    slug = item.get("slug") if isinstance(item, dict) else None
    number = printed(item.get("id")) if isinstance(item, dict) else None
    if not (isinstance(slug, str) and slug and number and number.isdecimal()):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"a rollup without slug or number: {str(item)[:120]}")
    return slug, int(number)


def _rows(named: pl.DataFrame) -> pl.DataFrame:
    """Rows without a figure, for names that are set aside."""
    kinds = {name: column.dtype for name, column in DaNamespaceDaily.columns().items()}
    absent = {name: pl.lit(None, kinds[name]) for name in kinds if name not in ("source_id", "fetch_id", "fetched_at")}
    return named.with_row_index("place").with_columns(
        **absent | {"da_layer_id": pl.lit(LAYER), "locator": pl.format("/{}/slug", "place")}
    )
