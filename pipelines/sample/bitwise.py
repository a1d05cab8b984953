"""bitbetf.com in the simulated world: the page of BITB and the JSON behind it, as bytes.

Belongs here: the layout, and the build id that changes with every deployment; the JSON of another one is gone.
Not here: what is true (`issuers`), and reading such a page (`pipelines.feeds.bitwise`).
Layout: keys and number styles as a public reader of the page has them; no copy is recorded.
"""

from __future__ import annotations

import json
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from pipelines.sample.exchange import Asked, Page, as_json, html, whole
from pipelines.sample.issuers import Books, Issuers

SITE = "GET bitbetf.com"
WALLETS = (Decimal("0.5"), Decimal("0.3"), Decimal("0.2"))
"""How the coins are spread over the wallets in use (assumed)."""
SATOSHI = Decimal("0.00000001")


class Bitwise:
    """The site. It is deployed anew every month."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers

    def answer(self, asked: Asked) -> Page | None:
        books = self._issuers.latest("bitb", asked.at)
        build_id = f"bitb-{asked.at:%Y%m}"
        if not books:
            return None
        props = self._props(books)
        if asked.line == SITE:
            return html(_document(props, build_id))
        if asked.line == f"{SITE}/_next/data/{build_id}/index.json":
            return as_json({"pageProps": props, "__N_SSG": True})
        return None

    def _props(self, books: Books) -> dict[str, Any]:
        published_at = datetime.combine(books.session, time()) + self._issuers.published_after
        updated_at = f"{published_at:%Y-%m-%dT%H:%M:%SZ}"
        balances = [(books.btc * share).quantize(SATOSHI) for share in WALLETS]
        wallets = [{"active": True, "balance": str(balance)} for balance in balances]
        basket = {"companyName": "BITCOIN", "shares": f"{books.btc:.8f}", "marketValue": str(books.value_usd)}
        data = {
            "updatedAt": updated_at,
            "fundDetails": {
                "asOfDate": books.session.isoformat(),
                "netAssets": str(books.value_usd),
                "sharesOutstanding": str(books.shares),
                "numHoldings": "1",
            },
            "holdings": {"asOfDate": books.session.isoformat(), "basket": [basket]},
            "wallets": {"walletBalances": [*wallets, {"active": False, "balance": "0.0"}]},
        }
        proof = {"totalReserve": str(whole(books.btc)), "timestamp": updated_at}
        return {"fundData": {"data": data}, "proofOfReservesSnapshotData": proof}


def _document(props: dict[str, Any], build_id: str) -> str:
    document = {"props": {"pageProps": props, "__N_SSG": True}, "page": "/", "query": {}, "buildId": build_id}
    script = json.dumps(document, separators=(",", ":"))
    return (
        '<!DOCTYPE html><html lang="en"><head><title>BITB</title></head><body><div id="__next"><h1>BITB</h1></div>'
        f'<script id="__NEXT_DATA__" type="application/json">{script}</script></body></html>'
    )
