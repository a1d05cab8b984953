"""Franklin Templeton: what EZBC holds, as its product page is served.

Belongs here: what to ask (a GraphQL question, under the page's name as Referer) and how to read the list.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://www.franklintempleton.com/investments/options/exchange-traded-funds/products/39639/
"""

from __future__ import annotations

import json
from urllib.parse import SplitResult

from pipelines.feeds.amounts import printed
from pipelines.feeds.pages import objects, text_at
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, Request, Requests, Window

HOST = "www.franklintempleton.com"
PATH = "/api/pds/price-and-performance"
PRODUCT_ID, FUND_NAME = "39639", "Franklin Bitcoin ETF"
PAGE_URL = f"https://{HOST}/investments/options/exchange-traded-funds/products/{PRODUCT_ID}/SINGLCLASS/franklin-bitcoin-etf/EZBC"
QUERY = (
    "query Holdings($productId: String!, $countryCode: String!, $languageCode: String!) {"
    "Portfolio(fundid: $productId, countrycode: $countryCode, languagecode: $languageCode) {"
    "fundname portfolio {dailyholdings {"
    "asofdate asofdatestd secname cusipnbr quantityshrpar mktvalue pctofnetassets}}}}"
)
QUESTION = {
    "operationName": "Holdings",
    "variables": {"countryCode": "US", "languageCode": "en_US", "productId": PRODUCT_ID},
    "query": QUERY,
}
ROOT = "/data/Portfolio"
COLUMNS = ("asofdatestd", "secname", "quantityshrpar", "mktvalue")
DAY = "%Y-%m-%d"


class FranklinHoldings(IssuerHoldings):
    """EZBC; the list may be of several days. A fund of another name is set aside by that name."""

    source = "franklin"
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        return [f"https://{HOST}{PATH}?op=Holdings"]

    def owns(self, url: SplitResult) -> bool:
        return (url.hostname, url.path) == (HOST, PATH)

    def requests(self, window: Window) -> Requests:
        yield [
            Request(
                url=f"https://{HOST}{PATH}",
                method="POST",
                params=(("op", "Holdings"),),
                body=json.dumps(QUESTION),
                headers=(("Referer", PAGE_URL),),
            )
        ]

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        body = answer.json()
        listed = objects(body, f"{ROOT}/portfolio/dailyholdings", COLUMNS)
        name = text_at(body, f"{ROOT}/fundname") or FUND_NAME
        return [
            Line(
                fund=PRODUCT_ID if name == FUND_NAME else name,
                trade_date=day_of(printed(one["asofdatestd"]), DAY),
                held=str(one["secname"]),
                quantity=printed(one["quantityshrpar"]),
                locator=f"{ROOT}/portfolio/dailyholdings/{number}",
                value=printed(one["mktvalue"]),
            )
            for number, one in enumerate(listed)
        ]
