"""dng-api.invesco.com in the simulated world: the holdings of BTCO as JSON, as bytes.

Belongs here: the layout: numbers are numbers here, coins with four decimals.
Not here: what is true (`issuers`), and reading such an answer (`pipelines.feeds.invesco`).
Layout: keys and number styles as a public reader of the service has them; no copy is recorded.
"""

from __future__ import annotations

from decimal import Decimal

from pipelines.sample.exchange import Asked, Page, as_json
from pipelines.sample.issuers import Books, Issuers

CUSIP = "46091J101"
SERVICE = f"GET dng-api.invesco.com/cache/v1/accounts/en_US/shareclasses/{CUSIP}/holdings/fund"
ASKED_FOR = {"idType": "cusip", "productType": "ETF"}


class Invesco:
    """The service: one share class, always of the last session that is out."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    def answer(self, asked: Asked) -> Page | None:
        books = self._issuers.latest("btco", asked.at)
        is_asked = asked.line == SERVICE and asked.query.items() >= ASKED_FOR.items()
        return as_json(_document(books)) if books and is_asked else None


def _document(books: Books) -> dict[str, object]:
    holding = {
        "issuerName": "Bitcoin",
        "units": books.btc.quantize(Decimal("0.0001")),
        "marketValueBase": books.value_usd,
        "percentageOfTotalNetAssets": 100.0,
    }
    day = books.session.isoformat()
    return {
        "effectiveDate": day,
        "effectiveBusinessDate": day,
        "cusip": CUSIP,
        "totalNumberOfHoldings": 1,
        "holdings": [holding],
    }
