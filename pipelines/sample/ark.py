"""assets.ark-funds.com in the simulated world: the holdings file of ARKB, as bytes.

Belongs here: the layout of the file, and its rounding: coins are printed whole, with eight zeros behind.
Not here: what is true (`issuers`), and reading such a file (`pipelines.feeds.ark`).
Layout: header and row as two public readers of the file describe them; no copy is recorded.
"""

from __future__ import annotations

from pipelines.sample.exchange import Asked, Page, csv, whole
from pipelines.sample.issuers import Books, Issuers

FILE = "GET assets.ark-funds.com/fund-documents/funds-etf-csv/ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS.csv"
HEADER = "date,fund,company,ticker,cusip,shares,market value ($),weight (%)"
NOTICE = '"Simulated holdings, no offer of anything."'


class Ark:
    """The site: one file, always of the last session that is out."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    def answer(self, asked: Asked) -> Page | None:
        books = self._issuers.latest("arkb", asked.at)
        return csv(_file(books)) if books and asked.line == FILE else None


def _file(books: Books) -> str:
    coins, value = f"{whole(books.btc):,}.00000000", f"${books.value_usd:,}"
    row = f'{books.session:%m/%d/%Y},ARKB,BITCOIN,BTC,-,"{coins}","{value}",100.00'
    return "\n".join([HEADER, row, NOTICE, ""])
