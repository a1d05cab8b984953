"""vaneck.com in the simulated world: the holdings block of HODL, as bytes.

Belongs here: both addresses of the block, and its rounding: coins are printed whole, with four zeros behind.
Not here: what is true (`issuers`), and reading such a block (`pipelines.feeds.vaneck`).
Layout: keys and number styles as two public readers of the block have them; no copy is recorded.
"""

from __future__ import annotations

from pipelines.sample.exchange import Asked, Page, as_json, whole
from pipelines.sample.issuers import Books, Issuers

BLOCK = "GET www.vaneck.com/Main/HoldingsBlock"


class VanEck:
    """The site. `GetContent` wraps the block in `data` and leaves out what is in dollars."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    def answer(self, asked: Asked) -> Page | None:
        books = self._issuers.latest("hodl", asked.at)
        if not books or asked.query.get("ticker") != "HODL":
            return None
        as_of = f"{books.session:%m/%d/%Y}"
        if asked.line == f"{BLOCK}/GetDataset":
            return as_json({"AsOfDate": as_of, "Holdings": [_row(books) | _value(books)]})
        if asked.line == f"{BLOCK}/GetContent":
            return as_json({"data": {"AsOfDate": as_of, "Holdings": [_row(books)]}})
        return None


def _row(books: Books) -> dict[str, str]:
    return {"HoldingName": "Bitcoin", "Shares": f"{whole(books.btc):,}.0000"}


def _value(books: Books) -> dict[str, str | None]:
    return {"CUSIP": None, "MV": f"{books.value_usd:,}", "Weight": "100.00"}
