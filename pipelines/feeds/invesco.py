"""Invesco: what BTCO holds, as the list of its share class says.

Belongs here: what to ask and how to read the JSON.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://www.invesco.com/us/financial-products/etfs/product-detail?productId=BTCO
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from pipelines.feeds.amounts import printed
from pipelines.feeds.pages import objects, text_at
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, Request, Requests, Window

CUSIP = "46091J101"
URL = f"https://dng-api.invesco.com/cache/v1/accounts/en_US/shareclasses/{CUSIP}/holdings/fund"
PARAMS = {"idType": "cusip", "productType": "ETF"}
COLUMNS = ("issuerName", "units", "marketValueBase")
DAY = "%Y-%m-%d"


class InvescoHoldings(IssuerHoldings):
    """BTCO, named by its CUSIP; a list of another one is set aside by that name."""

    source = "invesco"
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        return [Request.get(URL, PARAMS).full_url]

    def owns(self, url: SplitResult) -> bool:
        return (url.hostname, url.path) == (urlsplit(URL).hostname, urlsplit(URL).path)

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL, PARAMS)]

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        body = answer.json()
        holdings = objects(body, "/holdings", COLUMNS)
        return [
            Line(
                fund=text_at(body, "/cusip") or CUSIP,
                trade_date=day_of(text_at(body, "/effectiveBusinessDate"), DAY),
                held=str(one["issuerName"]),
                quantity=printed(one["units"]),
                locator=f"/holdings/{number}",
                value=printed(one["marketValueBase"]),
            )
            for number, one in enumerate(holdings)
        ]
