"""Bitbo: net flows of the US spot Bitcoin ETFs, computed from their holdings, US$ millions per fund and session.

Belongs here: what to ask Bitbo and how it prints. The page shows the last eight sessions or so, newest first; older
ones are only in pages that were kept.
Not here: HTTP, files, DuckDB, Dagster, and what tables of flows share (`flow_table`).
Source: https://bitbo.io/treasuries/etf-flows/
"""

from __future__ import annotations

from urllib.parse import SplitResult

from pipelines.feeds.flow_table import FlowTable
from pipelines.wire import Request, Requests, Window

URL = "https://bitbo.io/treasuries/etf-flows/"


class BitboEtfFlows(FlowTable):
    """Changes of holdings in US dollars. A fund that Bitbo saw no change of is printed as zero."""

    source = "bitbo"
    flow_basis = "holdings_derived"
    day_style = "%b %d, %Y"
    total_heading = "totals"

    @property
    def known_urls(self) -> list[str]:
        return [URL]

    def owns(self, url: SplitResult) -> bool:
        host = (url.hostname or "").removeprefix("www.")
        return host == "bitbo.io" and url.path.rstrip("/") == "/treasuries/etf-flows"

    def requests(self, window: Window) -> Requests:
        yield [Request.get(URL)]
