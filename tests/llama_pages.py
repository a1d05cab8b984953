"""Small answers of DefiLlama's TVL endpoints, written by hand, and the way from their bytes to rows.

Belongs here: builders of bodies, and what several test files do with them.
Not here: assertions, and any reading of a body.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pages import seconds

from pipelines.feeds.base import Feed
from pipelines.tables.base import Checked, check
from pipelines.transport.screening import screen
from pipelines.wire import Answer, BodyRefused, Outcome, Request

HISTORY = "https://api.llama.fi/v2/historicalChainTvl"
CHAINS = "https://api.llama.fi/v2/chains"
PROTOCOLS = "https://api.llama.fi/protocols"
PROTOCOL = "https://api.llama.fi/protocol"
FETCHED = datetime.fromisoformat("2024-06-10T09:30")
OPEN_DAY = FETCHED.date()
"""The date of the point that the upstream takes anew every hour."""


def body(value: Any) -> bytes:
    """JSON as the upstream writes it, with NaN where a number is none."""
    return json.dumps(value, default=float).encode()


def point(day: date | Any, value: Any, field: str = "tvl") -> dict[str, Any]:
    """A point dated at the start of a day, or with the date as it is to stand."""
    return {"date": seconds(day) if isinstance(day, date) else day, field: value}


def points(levels: Mapping[Any, Any], field: str = "tvl", last: Any = OPEN_DAY) -> list[dict[str, Any]]:
    """A series and, unless `last` is None, the point of the moment behind it."""
    series = [point(day, value, field) for day, value in levels.items()]
    return series if last is None else [*series, point(last, 987654321.0, field)]


def tokens(holdings: Mapping[Any, Any], last: Any = OPEN_DAY) -> list[dict[str, Any]]:
    """A series of tokens and what is held of each."""
    series = [point(day, held, "tokens") for day, held in holdings.items()]
    return series if last is None else [*series, point(last, {"BTC": 987654321.0}, "tokens")]


def protocol(chains: Mapping[str, Any]) -> bytes:
    """`/protocol/{slug}` with the series of each chain, and everything beside them that is not read."""
    noise = points({date(2024, 6, 1): 5})
    return body({"id": "1", "name": "P", "chains": [*chains], "tvl": noise, "chainTvls": dict(chains)})


def answer(url: str, content: bytes, at: datetime = FETCHED) -> Answer:
    return Answer(Request.of(url), "f1", at, 200, "application/json", "utf-8", "0" * 64, content)


def read(feed: Feed, url: str, content: bytes, at: datetime = FETCHED) -> Checked:
    """What a body comes to, from its bytes to the door of its table. Raises `BodyRefused`."""
    given = answer(url, content, at)
    screen(feed.media, given.content_type, content)
    return check(feed.delivers, feed.parse(given.request, given), feed.source, given)


def refusal(feed: Feed, url: str, content: bytes, at: datetime = FETCHED) -> Outcome | None:
    """Why a body is refused; None where it is not."""
    try:
        read(feed, url, content, at)
    except BodyRefused as refused:
        return refused.outcome
    return None


def column(checked: Checked, name: str, key: Sequence[str] = ("date_day",)) -> dict[Any, Any]:
    """key -> value of one column; a key of one column stands alone."""
    rows = checked.rows.iter_rows(named=True)
    found = [(tuple(row[part] for part in key), row[name]) for row in rows]
    return {key[0] if len(key) == 1 else key: value for key, value in found}
