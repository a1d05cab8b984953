"""CoinShares: what BRRR holds, in two steps: the fund's page, and the widget service that fills it.

Belongs here: what to ask and how to read the widget. The page shows the key that the service wants of every
visitor; it is read from the page each time and kept nowhere else.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://coinshares.com/us/etf/brrr/ and https://www-api.coinshares.com/api/v2/Widgets
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import SplitResult, unquote

import polars as pl

from pipelines.feeds.amounts import printed
from pipelines.feeds.pages import objects
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

PAGE_URL = "https://coinshares.com/us/etf/brrr/"
WIDGETS_URL = "https://www-api.coinshares.com/api/v2/Widgets"
WIDGET = "VALKYRIE_HOLDINGS_BRRR"
KEY = re.compile(
    r"""\bapi_?key [\s"'\\]* [=:] [\s"'\\]* ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b""",
    re.IGNORECASE | re.VERBOSE,
)
"""`ApiKey=GUID` of an address, or `"apiKey":"GUID"` of JSON, however it is quoted."""
SERVICE = re.compile(r"/v2\\*/widgets", re.IGNORECASE)
HELD, QUANTITY, VALUE, DATE = "securityname", "shares", "marketvalue", "date"
DAY = "%m/%d/%Y"


class CoinSharesHoldings(IssuerHoldings):
    """BRRR. Only the widget's answer holds data, the page leads to it."""

    source = "coinshares"
    media = frozenset({"html", "json"})

    @property
    def known_urls(self) -> list[str]:
        return [Request.get(WIDGETS_URL, {"names": WIDGET}).full_url]

    def owns(self, url: SplitResult) -> bool:
        return _is_widget(url) or _is_page(url)

    def speaks(self, request: Request) -> bool:
        return _is_widget(request.target)

    def requests(self, window: Window) -> Requests:
        [page] = yield [Request.get(PAGE_URL)]
        key = _widget_key(page.text()) if isinstance(page, Answer) else None
        if key:
            yield [Request.get(WIDGETS_URL, {"ApiKey": key, "names": WIDGET})]

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """As the other issuers'; no row of the page. Raises `BodyRefused` for a page without a key."""
        if self.speaks(request):
            return super().parse(request, answer)
        if _widget_key(answer.text()) is None:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, "the page shows no ApiKey of the widget service")
        return self.holdings([])

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        found = {f"/{n}": widget for n, widget in enumerate(objects(answer.json(), "", ("name", "sections")))}
        place = next((place for place, widget in found.items() if widget["name"] == WIDGET), None)
        if place is None:
            named = ", ".join(str(widget["name"]) for widget in found.values()) or "none"
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no widget {WIDGET} among those sent: {named}")
        sections = objects(found[place], "/sections", ("meta",))
        cells = [_cells(section, f"{place}/sections/{n}") for n, section in enumerate(sections)]
        return [
            Line(
                fund=WIDGET,
                trade_date=day_of(line[DATE], DAY),
                held=line[HELD] or "",
                quantity=line[QUANTITY],
                locator=f"{place}/sections/{number}",
                value=line.get(VALUE),
            )
            for number, line in enumerate(cells)
        ]


def _is_page(url: SplitResult) -> bool:
    return (url.hostname or "").removeprefix("www.") == "coinshares.com" and url.path.rstrip("/") == "/us/etf/brrr"


def _is_widget(url: SplitResult) -> bool:
    return url.hostname == "www-api.coinshares.com" and url.path.rstrip("/").lower() == "/api/v2/widgets"


def _widget_key(page: str) -> str | None:
    """The first key that follows an address of the service; where none does, the first of the page."""
    text = unquote(unescape(page))
    service = SERVICE.search(text)
    found = KEY.search(text, service.end() if service else 0) or KEY.search(text)
    return found[1] if found else None


def _cells(section: dict[str, Any], place: str) -> dict[str, str | None]:
    """A section's meta list as name -> text. Raises `BodyRefused` where it is no line of holdings."""
    meta = objects(section, "/meta", ("key", "value"))
    cells = {str(cell["key"]).lower(): printed(cell["value"]) for cell in meta}
    if missing := [name for name in (DATE, HELD, QUANTITY) if name not in cells]:
        given = ", ".join(cells) or "nothing"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no {', '.join(missing)} at {place}, which has {given}")
    return cells
