"""BlackRock iShares: what IBIT holds, a file for each session since its listing.

Belongs here: what to ask and how to read the CSV: key lines, a table, a notice. Net assets are not printed; the
values of all lines (bitcoin and cash) add up to them.
Not here: HTTP, files, DuckDB, Dagster.
Source: https://www.ishares.com/us/products/333011/ (holdings download, `asOfDate` for earlier sessions)
"""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import SplitResult

from pipelines.feeds import amounts
from pipelines.feeds.pages import Record, heading_at, records, table
from pipelines.feeds.snapshots import IssuerHoldings, Line, day_of
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

PRODUCT = "https://www.ishares.com/us/products/333011"
FILE_URL = f"{PRODUCT}/fund/1467271812596.ajax"
FILE_PARAMS = {"dataType": "fund", "fileName": "IBIT_holdings", "fileType": "csv"}
PATH = re.compile(r"/us/products/333011/(?:fund/\d+\.ajax|[^/]+/latest-holdings\.csv)")
SESSIONS_AT_ONCE = 20
"""A month's; where none of them is answered, the rest is left for another day."""

TICKER = "IBIT"
BRAND = "ishares"
"""How the title of every product of the house begins, in small letters."""
TITLE = re.compile(r"iShares Bitcoin Trust(?: ETF)?")
DAY_KEY, SHARES_KEY = "Fund Holdings as of", "Shares Outstanding"
COLUMNS = ("Ticker", "Market Value", "Quantity")
PRINTED_DAY, ASKED_DAY = "%b %d, %Y", "%Y%m%d"
NO_DAY = "-"


class ISharesHoldings(IssuerHoldings):
    """IBIT after each session, asked for session by session."""

    source = "ishares"
    media = frozenset({"csv"})
    by_day = True

    @property
    def known_urls(self) -> list[str]:
        return [
            f"{PRODUCT}/ishares-bitcoin-trust-etf/latest-holdings.csv",
            Request.get(FILE_URL, FILE_PARAMS | {"asOfDate": "YYYYMMDD"}).full_url,
        ]

    def owns(self, url: SplitResult) -> bool:
        is_file = PATH.fullmatch(url.path) is not None
        return (url.hostname or "").removeprefix("www.") == "ishares.com" and is_file

    def request_count(self, window: Window) -> int:
        return len(self.days(window))

    def requests(self, window: Window) -> Requests:
        """Newest session first."""
        sessions = self.days(window)[::-1]
        for first in range(0, len(sessions), SESSIONS_AT_ONCE):
            asked = sessions[first : first + SESSIONS_AT_ONCE]
            answers = yield [Request.get(FILE_URL, FILE_PARAMS | {"asOfDate": f"{day:{ASKED_DAY}}"}) for day in asked]
            if all(isinstance(answer, Failure) for answer in answers):
                return

    def days_of(self, request: Request) -> list[date]:
        """The day of `asOfDate`; none where the request leaves it to the issuer."""
        asked = amounts.day(dict(request.params).get("asOfDate"), ASKED_DAY)
        return [asked] if asked else []

    def lines(self, request: Request, answer: Answer) -> list[Line]:
        found = records(answer.text())
        above = [record for record in found[: heading_at(found, COLUMNS)] if any(record.cells)]
        _refuse_other_products(above)
        keys = {record.cells[0]: record for record in reversed(above) if len(record.cells) > 1}
        if DAY_KEY not in keys:
            raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no line {DAY_KEY!r} above the table")
        if keys[DAY_KEY].cells[1] == NO_DAY:
            raise BodyRefused(Outcome.NO_DATA, f"{DAY_KEY} {NO_DAY!r}: there is no file for that day")
        day, shares = day_of(keys[DAY_KEY].cells[1], PRINTED_DAY), keys.get(SHARES_KEY)
        return [
            Line(
                fund=TICKER,
                trade_date=day,
                held=row["Ticker"],
                quantity=row["Quantity"],
                locator=f"L{number}",
                value=row["Market Value"],
                shares=shares.cells[1] if shares else None,
                places=f"L{shares.line}" if shares else None,
            )
            for number, row in table(found, COLUMNS)
        ]


def _refuse_other_products(above: list[Record]) -> None:
    """Raises `BodyRefused` where a line above the table is the title of another product, or none of ours is there."""
    alone = [record.cells[0] for record in above if not any(record.cells[1:])]
    named = [cell for record in above for cell in record.cells if cell.lower().startswith(BRAND)]
    others = [title for title in named if not TITLE.fullmatch(title)]
    if others or (alone and not named):
        title = (others or alone)[0]
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"the file is of {title!r}, not of the fund {TICKER}")
