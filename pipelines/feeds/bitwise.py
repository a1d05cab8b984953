"""Bitwise: what BITB holds, as the fund's own page says.

Belongs here: what to ask and how to read the data of the page. `proofOfReserves…` and `wallets` count coins on
the chain at another instant; they are no holdings of a session and are not read.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://bitbetf.com/ (`__NEXT_DATA__`), and its JSON twin `/_next/data/<buildId>/index.json`
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult

from pipelines.feeds.amounts import printed
from pipelines.feeds.pages import next_data, objects, text_at
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, Request, Requests, Window

PAGE_URL = "https://bitbetf.com/"
JSON_PATH = re.compile(r"/_next/data/[^/]+/index\.json")
TICKER = "BITB"
DAY = "%Y-%m-%d"


class BitwiseHoldings(IssuerHoldings):
    """BITB. Net assets and shares outstanding count where the page dates them on the day of the holdings."""

    source = "bitwise"
    media = frozenset({"html", "json"})

    @property
    def known_urls(self) -> list[str]:
        return [PAGE_URL, "https://bitbetf.com/_next/data/<buildId>/index.json"]

    def owns(self, url: SplitResult) -> bool:
        is_page = url.path in ("", "/") or JSON_PATH.fullmatch(url.path) is not None
        return (url.hostname or "").removeprefix("www.") == "bitbetf.com" and is_page

    def requests(self, window: Window) -> Requests:
        yield [Request.get(PAGE_URL)]

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        page = next_data(answer.text())
        props = "/props/pageProps" if isinstance(page, dict) and "props" in page else "/pageProps"
        root = f"{props}/fundData/data"
        details = f"{root}/fundDetails"
        dated = text_at(page, f"{root}/holdings/asOfDate") or text_at(page, f"{details}/asOfDate")
        places = [f"{details}/netAssets", f"{details}/sharesOutstanding"]
        is_of_the_day = text_at(page, f"{details}/asOfDate") == dated
        net_assets, shares = (text_at(page, place) if is_of_the_day else None for place in places)
        basket = objects(page, f"{root}/holdings/basket", ("companyName", "shares", "marketValue"))
        return [
            Line(
                fund=TICKER,
                trade_date=day_of(dated, DAY),
                held=str(one["companyName"]),
                quantity=printed(one["shares"]),
                locator=f"{root}/holdings/basket/{number}",
                value=printed(one["marketValue"]),
                net_assets=net_assets,
                shares=shares,
                places=" ".join(place for place in places if is_of_the_day and text_at(page, place) is not None),
            )
            for number, one in enumerate(basket)
        ]
