"""A second reading of the upstreams' pages, made of other means than the feeds: html.parser, json and Decimal.

Belongs here: what the recorded pages say, by the rules of the contracts. Imports nothing of pipelines.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

Cells = dict[tuple[str, date], Decimal]
"""(fund_id, session) -> value."""
BAND = Decimal("0.05")
CENT = Decimal("0.01")


class _Page(HTMLParser):
    """The cell texts of every table row, and the texts of scripts by id."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self._is_in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._is_in_cell = True
            self.rows[-1].append("")
        elif tag == "script":
            self._script = dict(attrs).get("id")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._is_in_cell = False
        elif tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._is_in_cell:
            self.rows[-1][-1] += data
        elif self._script:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


def _page(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    page.close()
    return page


def cell(body: bytes, row: int, column: int) -> str:
    """The text of one cell, where the body has one table."""
    page = _Page()
    page.feed(body.decode())
    return " ".join(page.rows[row][column].split())


def _seed(seeds: Path, name: str) -> list[dict[str, str]]:
    with (seeds / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fund_of_ticker(seeds: Path) -> dict[str, str]:
    return {row["ticker"]: row["fund_id"] for row in _seed(seeds, "funds")}


def _is_session(seeds: Path, day: date) -> bool:
    closed = {row["date"] for row in _seed(seeds, "market_exceptions") if row["kind"] == "closed"}
    return day.weekday() < 5 and day.isoformat() not in closed


def farside_flows(file: Path, seeds: Path) -> Cells:
    """US dollars of every fund cell of a session row."""
    funds = _fund_of_ticker(seeds)
    table = _page(file).rows
    heading = next(row for row in table if "IBIT" in (text.strip() for text in row))
    fund_at = {n: funds[text.strip()] for n, text in enumerate(heading) if text.strip() in funds}
    flows: Cells = {}
    for row in table:
        texts = [text.strip() for text in row]
        try:
            day = datetime.strptime(texts[0], "%d %b %Y").date()  # noqa: DTZ007 (a day, not an instant)
        except (ValueError, IndexError):
            continue
        for column, fund_id in fund_at.items():
            text = texts[column].replace(",", "")
            if text != "-" and _is_session(seeds, day):
                sign = -1 if text.startswith("(") else 1
                flows[fund_id, day] = sign * Decimal(text.strip("()")) * 1_000_000
    return flows


def holdings(file: Path, seeds: Path) -> tuple[Cells, Cells]:
    """Bitcoin held (chart3) and US dollars under management (chart1) of every listed fund."""
    text = file.read_text(encoding="utf-8")
    data = json.loads(text if text.lstrip().startswith("{") else _page(file).scripts["__NEXT_DATA__"])
    queries = data.get("props", data)["pageProps"]["dehydratedState"]["queries"]
    [series] = [query["state"]["data"]["data"] for query in queries if query["queryKey"] == ["data", "us"]]
    funds = _fund_of_ticker(seeds)
    tickers = {number: label.split(" ")[0] for number, label in series["providers"].items()}
    fund_of = {number: funds[ticker] for number, ticker in tickers.items() if ticker in funds}

    def chart(name: str) -> Cells:
        return {
            (fund_of[number], datetime.fromtimestamp(point["ts"], UTC).date()): Decimal(value)
            for point in series[name]
            for number, value in point.items()
            if number in fund_of and Decimal(value) != 0
        }

    return chart("chart3"), chart("chart1")


def in_band(held: Cells, aum: Cells) -> set[tuple[str, date]]:
    """The cells whose AUM per bitcoin is within 5 % of the median over the funds of that session."""
    price = {key: aum[key] / held[key] for key in held if key in aum}
    days = {day for _, day in price}
    middle = {day: median(value for (_, other), value in price.items() if other == day) for day in days}
    return {key for key, value in price.items() if abs(value - middle[key[1]]) <= BAND * middle[key[1]]}
