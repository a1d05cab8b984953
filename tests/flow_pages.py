"""Small answers of Bitbo, SoSoValue, CoinGlass and EDGAR, written by hand.

Belongs here: builders of the bodies that these feeds read.
Not here: assertions, and any reading of a body (`pages` has the shortest ways to that).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from html import escape
from typing import Any

# --- Bitbo --------------------------------------------------------------------------------------------------


def bitbo(
    rows: Iterable[Sequence[str]],
    funds: Sequence[str] = ("IBIT", "FBTC", "GBTC"),
    above: Iterable[Sequence[str]] = (),
) -> bytes:
    """Bitbo's table: one heading, dated rows, four footers that begin with a heading cell.

    A row is its date, a cell for each fund, and the total; `above` stands over the heading.
    """
    heading = [*above, ["Date", *funds, "Totals"]]
    footers = [[name, *("7,654.3" for _ in funds), "-9,876.5"] for name in ("Total", "Average", "Maximum", "Minimum")]
    lines = [_line(row, "th") for row in heading] + [_line(row, "td") for row in rows]
    lines += [_line(row[:1], "th", end="") + _line(row[1:], "td", start="") for row in footers]
    return f'<html><body><table class="stats-table"><tbody>{"".join(lines)}</tbody></table></body></html>'.encode()


def _line(cells: Sequence[str], tag: str, start: str = "<tr>\n", end: str = "</tr>\n") -> str:
    inside = "".join(f'<{tag} class="cell">\n <span>{escape(cell)}</span>\n</{tag}>\n' for cell in cells)
    return f"{start}{inside}{end}"


# --- SoSoValue ----------------------------------------------------------------------------------------------


def figure(value: Any, day: date | str, status: Any = "1") -> dict[str, Any]:
    return {"value": value, "lastUpdateDate": str(day), "status": status}


def sosovalue(funds: Mapping[str, Any], total: Any, **envelope: Any) -> bytes:
    """`funds`: the daily net inflow of each ticker. Other figures of the answer hold what no flow may be."""
    noise = figure("77777", "2024-11-04")
    listed = [
        {"id": str(n), "ticker": ticker, "institute": "-", "netAssets": noise, "dailyNetInflow": flow, "fee": noise}
        for n, (ticker, flow) in enumerate(funds.items(), start=1)
    ]
    data = {"totalNetAssets": noise, "dailyNetInflow": total, "cumNetInflow": noise, "list": listed}
    return json.dumps({"code": 0, "msg": None, "data": data} | envelope).encode()


# --- CoinGlass ----------------------------------------------------------------------------------------------


def milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def point(stamp: date | Any, flows: Mapping[str, Any], total: Any = None) -> dict[str, Any]:
    """A point of the history; a fund whose flow is Ellipsis lacks its key."""
    listed = [{"etf_ticker": ticker} | ({} if flow is ... else {"flow_usd": flow}) for ticker, flow in flows.items()]
    stamp = milliseconds(stamp) if isinstance(stamp, date) else stamp
    return {"timestamp": stamp, "flow_usd": total, "price_usd": 77777.0, "etf_flows": listed}


def coinglass(points: Any, **envelope: Any) -> bytes:
    return json.dumps({"code": "0", "msg": "success", "data": points} | envelope).encode()


# --- EDGAR --------------------------------------------------------------------------------------------------


def fact(end: date | str, value: Any, accession: str, form: str = "10-Q", filed: date | str = "2024-11-08") -> dict:
    """One entry of a unit's list."""
    names = {"accn": accession, "fy": 2024, "fp": "Q3", "form": form, "filed": str(filed)}
    return {"end": str(end), "val": value} | names


def company(cik: int | str, tags: Mapping[str, Mapping[str, list[dict]]]) -> bytes:
    """The facts of a company; `tags`: taxonomy:name -> unit -> entries."""
    cover = {"units": {"shares": [fact("2024-10-31", 77777, "0000000000-24-000001")]}}
    facts: dict[str, Any] = {"dei": {"EntityCommonStockSharesOutstanding": cover}}
    for name, units in tags.items():
        taxonomy, _, tag = name.partition(":")
        facts.setdefault(taxonomy, {})[tag] = {"label": tag, "description": "-", "units": units}
    return json.dumps({"cik": cik, "entityName": "A Trust", "facts": facts}).encode()
