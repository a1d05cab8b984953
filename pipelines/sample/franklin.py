"""franklintempleton.com in the simulated world: the GraphQL answer about the holdings of EZBC, as bytes.

Belongs here: the layout of the answer, and the door: it opens to a POST that comes from the site's own pages.
Not here: what is true (`issuers`), and reading such an answer (`pipelines.feeds.franklin`).
Layout: keys and number styles as two public readers of the service have them; no copy is recorded.
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.sample.exchange import Asked, Page, as_json, text
from pipelines.sample.issuers import Books, Issuers

SERVICE = "POST www.franklintempleton.com/api/pds/price-and-performance"
SITE = "https://www.franklintempleton.com/"
OPERATION = "Holdings"
PRODUCT_ID = "39639"


class Franklin:
    """The service: it knows one operation and one product."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    def answer(self, asked: Asked) -> Page | None:
        books = self._issuers.latest("ezbc", asked.at)
        if not books or asked.line != SERVICE:
            return None
        if asked.query.get("op") != OPERATION or not asked.headers.get("referer", "").startswith(SITE):
            return text("Forbidden\n", 403)
        question = _question(asked.body)
        if question.get("operationName") != OPERATION or not question.get("query"):
            return as_json({"errors": [{"message": "Unknown operation"}]}, 400)
        is_known = question.get("variables", {}).get("productId") == PRODUCT_ID
        return as_json({"data": {"Portfolio": _portfolio(books) if is_known else None}})


def _question(body: str) -> dict[str, Any]:
    try:
        question = json.loads(body)
    except ValueError:
        return {}
    return question if isinstance(question, dict) else {}


def _portfolio(books: Books) -> dict[str, Any]:
    holding = {
        "asofdate": f"{books.session:%m/%d/%Y}",
        "asofdatestd": books.session.isoformat(),
        "secname": "BITCOIN",
        "cusipnbr": None,
        "quantityshrpar": f"{books.btc:,.4f}",
        "mktvalue": str(books.value_usd),
        "pctofnetassets": "100.00",
    }
    return {"fundname": "Franklin Bitcoin ETF", "portfolio": {"dailyholdings": [holding]}}
