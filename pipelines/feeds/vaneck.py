"""VanEck: what HODL holds, as the holdings block of the fund's page is served.

Belongs here: what to ask and how to read the JSON. `GetDataset` prints values in dollars; `GetContent` wraps the
same list in `data`, without values.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://www.vaneck.com/us/en/investments/bitcoin-etf-hodl/holdings/
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult

from pipelines.feeds.amounts import printed
from pipelines.feeds.pages import objects, text_at
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, Request, Requests, Window

TICKER = "HODL"
REQUEST = Request.get(
    "https://www.vaneck.com/Main/HoldingsBlock/GetDataset/", {"blockId": "348327", "pageId": "243755", "ticker": TICKER}
)
PATH = re.compile(r"/main/holdingsblock/get(?:dataset|content)/?")
DAY = "%m/%d/%Y"


class VanEckHoldings(IssuerHoldings):
    """HODL; a block that was asked for by another ticker, or that names another one, is set aside by it."""

    source = "vaneck"
    media = frozenset({"json"})

    @property
    def known_urls(self) -> list[str]:
        return [REQUEST.full_url, REQUEST.full_url.replace("GetDataset", "GetContent")]

    def owns(self, url: SplitResult) -> bool:
        is_block = PATH.fullmatch(url.path.lower()) is not None
        return (url.hostname or "").removeprefix("www.") == "vaneck.com" and is_block

    def requests(self, window: Window) -> Requests:
        yield [REQUEST]

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        body = answer.json()
        root = "/data" if isinstance(body, dict) and "data" in body else ""
        tickers = (dict(request.params).get("ticker"), text_at(body, f"{root}/Ticker"))
        others = [ticker for ticker in tickers if ticker and ticker.upper() != TICKER]
        holdings = objects(body, f"{root}/Holdings", ("HoldingName", "Shares", *(() if root else ("MV",))))
        return [
            Line(
                fund=others[0] if others else TICKER,
                trade_date=day_of(text_at(body, f"{root}/AsOfDate"), DAY),
                held=str(one["HoldingName"]),
                quantity=printed(one["Shares"]),
                locator=f"{root}/Holdings/{number}",
                value=printed(one.get("MV")),
            )
            for number, one in enumerate(holdings)
        ]
