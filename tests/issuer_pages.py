"""Holdings files of the issuers, written by hand, and the shortest ways to read them.

Belongs here: one builder for each issuer, all of the same list of lines, and what several test files do with it.
Not here: assertions, and any reading of a file: builders are never made from the code they test.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from pages import SEEDS

from pipelines.feeds.ark import ArkHoldings
from pipelines.feeds.base import Feed
from pipelines.feeds.bitwise import BitwiseHoldings
from pipelines.feeds.coinshares import CoinSharesHoldings
from pipelines.feeds.franklin import FranklinHoldings
from pipelines.feeds.invesco import InvescoHoldings
from pipelines.feeds.ishares import ISharesHoldings
from pipelines.feeds.vaneck import VanEckHoldings
from pipelines.registry import Registry
from pipelines.settings import Settings
from pipelines.tables.base import Checked, check
from pipelines.transport.screening import screen
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Window

DAY = date(2024, 11, 21)
FETCHED = datetime.fromisoformat("2024-11-22T15:00")
BTC_NAME = "Bitcoin"
KEY = "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9"
WIDGETS_URL = "https://www-api.coinshares.com/api/v2/Widgets"
COINSHARES_PAGE_URL = "https://coinshares.com/us/etf/brrr/"
ISHARES_URL = "https://www.ishares.com/us/products/333011/fund/1467271812596.ajax"
Item = tuple[str, Any, Any]
"""Name, quantity, value in US dollars: texts as they are to stand, None where nothing is to stand."""
HOLDS: Sequence[Item] = [(BTC_NAME, "5,000.25", "450,022,500.00"), ("Cash", "12.50", "12.50")]


def _csv(rows: Sequence[Sequence[Any]]) -> str:
    file = StringIO()
    csv.writer(file, lineterminator="\n").writerows([["-" if cell is None else cell for cell in row] for row in rows])
    return file.getvalue()


# --- one builder for each issuer ----------------------------------------------------------------------------

ISHARES_COLUMNS = ("Ticker", "Name", "Market Value", "Weight (%)", "Quantity", "Market Currency")
NOTICE = 'No offer.\nSay ""nothing"", sell nothing,\n\nand keep it, 100%.'


def ishares(
    day: str,
    items: Sequence[Item] = HOLDS,
    shares: str | None = "9,000,000.00",
    columns: Sequence[str] = ISHARES_COLUMNS,
    above: Sequence[str] | None = None,
) -> bytes:
    """`above` replaces the key lines. A column is filled by its name; one of an unknown name holds dashes."""
    key_lines = ["iShares Bitcoin Trust ETF", f'Fund Holdings as of,"{day}"', 'Inception Date,"Jan 05, 2024"']
    if shares is not None:
        key_lines.append(f'Shares Outstanding,"{shares}"')
    named = [("BTC" if name == BTC_NAME else name[:3].upper(), name, quantity, usd) for name, quantity, usd in items]
    cells = [
        {"Ticker": ticker, "Name": name, "Market Value": usd, "Quantity": quantity}
        for ticker, name, quantity, usd in named
    ]
    rows = _csv([columns, *([row.get(column, "-") for column in columns] for row in cells)])
    top = "\n".join([*(key_lines if above is None else above), "\u00a0", ""])
    return f'\ufeff{top}{rows}\u00a0\n"{NOTICE}"\n'.encode()


def ark(day: str, items: Sequence[Item] = HOLDS, fund: str = "ARKB", notice: str = '"No offer, of any kind."') -> bytes:
    heading = ["date", "fund", "company", "ticker", "cusip", "shares", "market value ($)", "weight (%)"]
    rows = [[day, fund, name.upper(), "-", "-", quantity, usd, "50.00"] for name, quantity, usd in items]
    return f"{_csv([heading, *rows])}{notice}\n".encode()


def bitwise_props(day: str, items: Sequence[Item] = HOLDS, details: dict[str, Any] | None = None) -> dict[str, Any]:
    basket = [{"companyName": name, "shares": quantity, "marketValue": usd} for name, quantity, usd in items]
    fund = {"asOfDate": day, "netAssets": "450022512.50", "sharesOutstanding": "9000000"}
    data = {
        "fundDetails": fund if details is None else details,
        "holdings": {"asOfDate": day, "basket": basket},
        "wallets": {"walletBalances": [{"active": True, "balance": "7777.0"}]},
    }
    return {"fundData": {"data": data}, "proofOfReservesSnapshotData": {"totalReserve": "7777"}}


def bitwise(day: str, items: Sequence[Item] = HOLDS, details: dict[str, Any] | None = None) -> bytes:
    return json.dumps({"pageProps": bitwise_props(day, items, details), "__N_SSG": True}).encode()


def bitwise_page(day: str, items: Sequence[Item] = HOLDS) -> bytes:
    script = json.dumps({"props": {"pageProps": bitwise_props(day, items)}, "buildId": "b7"})
    return f'<!DOCTYPE html><html><script id="__NEXT_DATA__" type="application/json">{script}</script></html>'.encode()


def vaneck(day: str, items: Sequence[Item] = HOLDS) -> bytes:
    lines = [{"HoldingName": name, "Shares": quantity, "MV": usd, "CUSIP": None} for name, quantity, usd in items]
    return json.dumps({"AsOfDate": day, "Holdings": lines}).encode()


def vaneck_content(day: str, items: Sequence[Item] = HOLDS) -> bytes:
    lines = [{"HoldingName": name, "Shares": quantity} for name, quantity, _ in items]
    return json.dumps({"data": {"AsOfDate": day, "Holdings": lines}}).encode()


def franklin_line(day: str, item: Item) -> dict[str, Any]:
    name, quantity, usd = item
    return {"asofdate": "n/a", "asofdatestd": day, "secname": name, "quantityshrpar": quantity, "mktvalue": usd}


def franklin(day: str, items: Sequence[Item] = HOLDS, name: str | None = "Franklin Bitcoin ETF") -> bytes:
    return franklin_list([franklin_line(day, item) for item in items], name)


def franklin_list(lines: list[dict[str, Any]], name: str | None = "Franklin Bitcoin ETF") -> bytes:
    return json.dumps({"data": {"Portfolio": {"fundname": name, "portfolio": {"dailyholdings": lines}}}}).encode()


def invesco(day: str, items: Sequence[Item] = HOLDS, cusip: str = "46091J101") -> bytes:
    lines = [{"issuerName": name, "units": quantity, "marketValueBase": usd} for name, quantity, usd in items]
    return json.dumps(
        {"effectiveDate": "2024-01-01", "effectiveBusinessDate": day, "cusip": cusip, "holdings": lines}
    ).encode()


def coinshares(day: str, items: Sequence[Item] = HOLDS, widget: str = "VALKYRIE_HOLDINGS_BRRR") -> bytes:
    lines = [
        {"date": day, "securityname": name.upper(), "shares": quantity, "marketvalue": usd}
        for name, quantity, usd in items
    ]
    sections = [{"meta": [{"key": key, "value": value} for key, value in line.items()]} for line in lines]
    others = {"name": "VALKYRIE_NAV_BRRR", "sections": []}
    return json.dumps([others, {"name": widget, "sections": sections}]).encode()


# --- all issuers under one roof -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Issuer:
    """What tests want to know of one issuer. `columns`: the names that its lines cannot do without."""

    feed: Feed
    fund_id: str
    build: Callable[..., bytes]
    style: str
    other_styles: tuple[str, ...]
    url: str
    columns: tuple[str, ...]

    def body(self, items: Sequence[Item] = HOLDS, day: date = DAY) -> bytes:
        return self.build(f"{day:{self.style}}", items)


ISSUERS = {
    "ishares": Issuer(
        ISharesHoldings(SEEDS),
        "ibit",
        ishares,
        "%b %d, %Y",
        ("%d %b %Y", "%m/%d/%Y", "%Y-%m-%d"),
        ISHARES_URL,
        ("Ticker", "Market Value", "Quantity"),
    ),
    "ark": Issuer(
        ArkHoldings(SEEDS),
        "arkb",
        ark,
        "%m/%d/%Y",
        ("%d/%m/%Y", "%Y-%m-%d"),
        "https://assets.ark-funds.com/fund-documents/funds-etf-csv/ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS.csv",
        ("date", "fund", "company", "shares", "market value ($)"),
    ),
    "bitwise": Issuer(
        BitwiseHoldings(SEEDS),
        "bitb",
        bitwise,
        "%Y-%m-%d",
        ("%m/%d/%Y", "%Y-%d-%m"),
        "https://bitbetf.com/_next/data/aB3-x/index.json",
        ("companyName", "shares", "marketValue"),
    ),
    "vaneck": Issuer(
        VanEckHoldings(SEEDS),
        "hodl",
        vaneck,
        "%m/%d/%Y",
        ("%d/%m/%Y", "%Y-%m-%d"),
        "https://www.vaneck.com/Main/HoldingsBlock/GetDataset/?blockId=348327&pageId=243755&ticker=HODL",
        ("HoldingName", "Shares", "MV"),
    ),
    "franklin": Issuer(
        FranklinHoldings(SEEDS),
        "ezbc",
        franklin,
        "%Y-%m-%d",
        ("%m/%d/%Y", "%Y-%d-%m"),
        "https://www.franklintempleton.com/api/pds/price-and-performance?op=Holdings",
        ("asofdatestd", "secname", "quantityshrpar", "mktvalue"),
    ),
    "invesco": Issuer(
        InvescoHoldings(SEEDS),
        "btco",
        invesco,
        "%Y-%m-%d",
        ("%m/%d/%Y", "%Y-%d-%m"),
        "https://dng-api.invesco.com/cache/v1/accounts/en_US/shareclasses/46091J101/holdings/fund"
        "?idType=cusip&productType=ETF",
        ("issuerName", "units", "marketValueBase"),
    ),
    "coinshares": Issuer(
        CoinSharesHoldings(SEEDS),
        "brrr",
        coinshares,
        "%m/%d/%Y",
        ("%d/%m/%Y", "%Y-%m-%d"),
        f"{WIDGETS_URL}?ApiKey=REDACTED&names=VALKYRIE_HOLDINGS_BRRR",
        ("date", "securityname", "shares"),
    ),
}


# --- reading without a warehouse ----------------------------------------------------------------------------


def answer(body: bytes, at: datetime, url: str) -> Answer:
    return Answer(Request.of(url), "f1", at, 200, "", "utf-8", "0" * 64, body)


def read(feed: Feed, body: bytes, at: datetime, url: str) -> Checked:
    """What a body comes to, from its bytes to the door of its table. Raises `BodyRefused`."""
    screen(feed.media, "", body)
    given = answer(body, at, url)
    return check(feed.delivers, feed.parse(given.request, given), feed.source, given)


def take(issuer: Issuer, body: bytes, at: datetime = FETCHED) -> Checked:
    return read(issuer.feed, body, at, issuer.url)


def refusal(issuer: Issuer, body: bytes, at: datetime = FETCHED) -> BodyRefused | None:
    """The refusal of a body, None where it is read."""
    try:
        take(issuer, body, at)
    except BodyRefused as refused:
        return refused
    return None


def outcome(issuer: Issuer, body: bytes, at: datetime = FETCHED) -> Outcome | None:
    refused = refusal(issuer, body, at)
    return refused.outcome if refused else None


def asked(feed: Feed, window: Window) -> list[Request]:
    """The first list of questions."""
    return next(feed.requests(window))


def seeds_with(folder: Path, fund_id: str, **changes: str) -> Registry:
    """The seeds with other facts about one fund."""
    seeds = shutil.copytree(Settings().seeds, folder / "seeds")
    file = seeds / "funds.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        row.update(changes if row["fund_id"] == fund_id else {})
    file.write_text(_csv([list(rows[0]), *(["" if v == "-" else v for v in row.values()] for row in rows)]))
    return Registry(seeds)
