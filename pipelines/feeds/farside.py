"""Farside Investors: net flows of the US spot Bitcoin ETFs, US$ millions per fund and session.

Belongs here: what to ask Farside and how it prints. There are two pages, the last sessions (`/btc/`) and the whole
history; which one an answer is shows in the table itself, and the same rules read both.
Not here: HTTP, files, DuckDB, Dagster, and what tables of flows share (`flow_table`).
Source: https://farside.co.uk/btc/ and https://farside.co.uk/bitcoin-etf-flow-all-data/
"""

from __future__ import annotations

from urllib.parse import SplitResult

from pipelines.feeds.flow_table import FlowTable
from pipelines.wire import Request, Requests, Window

HISTORY_URL = "https://farside.co.uk/bitcoin-etf-flow-all-data/"
RECENT_URL = "https://farside.co.uk/btc/"


class FarsideEtfFlows(FlowTable):
    """Daily net flows as the funds report them; negatives in parentheses."""

    source = "farside"
    day_style = "%d %b %Y"
    total_heading = "total"

    @property
    def known_urls(self) -> list[str]:
        return [HISTORY_URL, RECENT_URL]

    def owns(self, url: SplitResult) -> bool:
        return (url.hostname or "").removeprefix("www.") == "farside.co.uk" and url.path.strip("/") in {
            "btc",
            "bitcoin-etf-flow-all-data",
        }

    def requests(self, window: Window) -> Requests:
        yield [Request.get(HISTORY_URL)]
