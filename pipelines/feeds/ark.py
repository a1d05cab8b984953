"""ARK Invest: what ARKB holds, the file of the last session.

Belongs here: what to ask and how to read the CSV: a table with a notice below it.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://assets.ark-funds.com/fund-documents/funds-etf-csv/
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from pipelines.feeds.pages import records, table
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, Request, Requests, Window

URL = "https://assets.ark-funds.com/fund-documents/funds-etf-csv/ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS.csv"
COLUMNS = ("date", "fund", "company", "shares", "market value ($)")
DAY = "%m/%d/%Y"


class ArkHoldings(IssuerHoldings):
    """ARKB; a line names its fund, and one of another fund is set aside by that name."""

    source = "ark"
    media = frozenset({"csv"})

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        return (url.hostname, url.path) == (urlsplit(URL).hostname, urlsplit(URL).path)

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL)]

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        return [
            Line(
                fund=row["fund"],
                trade_date=day_of(row["date"], DAY),
                held=row["company"],
                quantity=row["shares"],
                locator=f"L{number}",
                value=row["market value ($)"],
            )
            for number, row in table(records(answer.text()), COLUMNS)
        ]
