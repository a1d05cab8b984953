"""Small answers of price, market, height and balance feeds, and the shortest way to read one.

Belongs here: builders of JSON answers, and what the tests of these feeds do with them.
Not here: assertions, and any reading of an answer: builders are never made from the code they test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipelines.feeds.base import Feed
from pipelines.tables.base import Checked, check
from pipelines.transport.screening import screen
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Window

FETCHED = datetime.fromisoformat("2025-01-02T09:30")
HASH = "00000000000000000001" + "ab" * 22
ERROR_BODIES = {
    "an envelope of the API": b'{"error": {"type": "bad_parameter", "message": "no"}}',
    "a message": b'{"message": "Internal error"}',
    "a list": b"[]",
    "null values": b'{"data": null, "coins": null, "prices": null, "hash": null, "chain_stats": null}',
    "a number": b'{"data": 5, "coins": 5, "prices": 5, "hash": 5, "chain_stats": 5}',
}


def sec(instant: str) -> int:
    """Seconds of a UTC instant."""
    return int(datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp())


def ms(instant: str) -> int:
    return sec(instant) * 1000


def chart(coins: Mapping[str, Sequence[tuple[Any, Any]]], confidence: Any = 0.99) -> bytes:
    """An answer of coins.llama.fi/chart; a point is its stamp and its price as they are to stand."""
    series = {
        coin: {
            "symbol": coin[-3:].upper(),
            "confidence": confidence,
            "prices": [{"timestamp": stamp, "price": price} for stamp, price in points],
        }
        for coin, points in coins.items()
    }
    return json.dumps({"coins": series}).encode()


def asset_rows(*rows: Mapping[str, Any], **more: Any) -> bytes:
    """An answer of Coin Metrics' asset-metrics."""
    return json.dumps({"data": rows, **more}).encode()


def ranges(prices: Iterable[Any], caps: Iterable[Any] = (), volumes: Iterable[Any] = ()) -> bytes:
    """An answer of CoinGecko's market_chart/range."""
    return json.dumps({"prices": list(prices), "market_caps": list(caps), "total_volumes": list(volumes)}).encode()


def block(height: Any, header: Any, block_hash: Any = HASH) -> bytes:
    return json.dumps({"height": height, "hash": block_hash, "timestamp": header}).encode()


def address(name: str, funded: Any, spent: Any, unconfirmed: int = 0) -> bytes:
    def stats(funded_txo_sum: Any, spent_txo_sum: Any) -> dict[str, Any]:
        return {
            "funded_txo_count": 2,
            "funded_txo_sum": funded_txo_sum,
            "spent_txo_count": 1,
            "spent_txo_sum": spent_txo_sum,
            "tx_count": 3,
        }

    return json.dumps(
        {"address": name, "chain_stats": stats(funded, spent), "mempool_stats": stats(unconfirmed, 0)}
    ).encode()


def answered(request: Request, body: bytes, at: datetime = FETCHED) -> Answer:
    return Answer(request, "f1", at, 200, "application/json", "utf-8", "0" * 64, body)


def failed(request: Request, status: int | None = None, at: datetime = FETCHED) -> Failure:
    return Failure(request, "f2", at, Outcome.HTTP_ERROR, f"status {status}", status)


def read(feed: Feed, request: Request, body: bytes, at: datetime = FETCHED) -> Checked:
    """What an answer to this request comes to, from its bytes to the door of its table. Raises `BodyRefused`."""
    screen(feed.media, "application/json", body)
    return check(
        feed.delivers, feed.parse(request, answered(request, body, at)), feed.source, answered(request, body, at)
    )


def refusal(feed: Feed, request: Request, body: bytes, at: datetime = FETCHED) -> Outcome | None:
    """Why an answer is refused; None where it is not."""
    try:
        read(feed, request, body, at)
    except BodyRefused as refused:
        return refused.outcome
    return None


def converse(feed: Feed, window: Window, reply: Callable[[Request], Answer | Failure]) -> list[list[Request]]:
    """All that a feed asks of an upstream that replies so."""
    conversation, asked = feed.requests(window), []
    try:
        questions = next(conversation)
        while True:
            asked.append(questions)
            questions = conversation.send([reply(question) for question in questions])
    except StopIteration:
        return asked
