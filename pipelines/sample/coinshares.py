"""coinshares.com in the simulated world: the page of BRRR with its key, and the widget service behind it, as bytes.

Belongs here: the layout of both, and the door: the service opens to the key that the page shows now.
Not here: what is true (`issuers`), and reading such answers (`pipelines.feeds.coinshares`).
Layout: widget name, keys and the style of the day as a public client has them; nothing is recorded.
"""

from __future__ import annotations

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from pipelines.sample.exchange import Asked, Page, as_json, html
from pipelines.sample.issuers import Books, Issuers
from pipelines.sample.world import SEED

PAGE = "GET coinshares.com/us/etf/brrr"
SERVICE = "www-api.coinshares.com/api/v2/Widgets"
WIDGET = "VALKYRIE_HOLDINGS_BRRR"


class CoinShares:
    """Both hosts. The key of the page changes every month."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    def answer(self, asked: Asked) -> Page | None:
        key = _key(asked.at)
        if asked.line == PAGE:
            return html(_page(key))
        if asked.line == f"GET {SERVICE}" and asked.query.get("ApiKey") != key:
            return as_json({"message": "The key is not known."}, 401)
        if asked.line == f"GET {SERVICE}":
            books = self._issuers.latest("brrr", asked.at)
            is_asked = asked.query.get("names") == WIDGET
            return as_json([_widget(books)] if books and is_asked else [])
        return None


def _key(at: datetime) -> str:
    return str(uuid5(NAMESPACE_URL, f"{SEED}/coinshares/{at:%Y-%m}")).upper()


def _page(key: str) -> str:
    address = f"https://{SERVICE}?ApiKey={key}&names="
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>BRRR</title></head>\n<body>\n'
        f'<div id="holdings"></div>\n<script>window.widgets = {{"address": "{address}"}};</script>\n'
        "</body>\n</html>\n"
    )


def _widget(books: Books) -> dict[str, object]:
    cells = {
        "date": f"{books.session:%m/%d/%Y}",
        "securityname": "BITCOIN",
        "ticker": "BTC",
        "shares": f"{books.btc:,.4f}",
        "marketvalue": f"{books.value_usd:,}",
        "weightings": "100.00",
    }
    return {"name": WIDGET, "sections": [{"meta": [{"key": key, "value": value} for key, value in cells.items()]}]}
