"""Small answers of explorers, of DefiLlama's fees and of Hiro, and the shortest way to talk to such a feed.

Belongs here: builders of bodies, the ledger of what was asked before, and conversations that look back.
Not here: assertions, and any reading of an answer: builders are never made from the code they test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

import polars as pl
from market_pages import sec

from pipelines.feeds.base import Feed, Past
from pipelines.transport.ledger import SCHEMA
from pipelines.wire import Answer, Failure, Outcome, Request, Window

FETCHED = datetime.fromisoformat("2024-07-01T12:00")
BOB = "https://explorer-bob-mainnet-0.t.conduit.xyz/api/v1/lines"
ROOTSTOCK = "https://rootstock.blockscout.com/stats-service/api/v1/lines"
NAMES = ("token_transfer", "contract_call", "smart_contract")


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def chart(*points: Any, info: Any = None, **more: Any) -> bytes:
    """A line of Blockscout's statistics; without `info` as older hosts write it."""
    return json_bytes({"chart": points, **({"info": info} if info else {}), **more})


def point(day: Any, value: Any, until: Any = None, **more: Any) -> dict[str, Any]:
    """A point; `until` is the last day of its period, which older hosts leave out."""
    return {"date": day, **({"date_to": until} if until else {}), "value": value, "is_approximate": False, **more}


def trpc(*points: Any) -> bytes:
    return json_bytes({"result": {"data": {"json": points}}})


def csv_file(*lines: tuple[Any, ...]) -> bytes:
    return "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines).encode()


def fees(*points: Any) -> bytes:
    return json_bytes({"protocols": [{"name": "Swap", "total24h": 5}], "totalDataChart": points})


def transaction(number: int, at: str, sender: str = "SP1", kind: str = "token_transfer", **more: Any) -> dict[str, Any]:
    """A transaction of Stacks; its number is its id and its height."""
    stamp = sec(at)
    return {
        "tx_id": f"0x{number:064x}",
        "sender": {"address": sender, "nonce": 1},
        "sponsor": None,
        "fee_rate": "3000",
        "block": {"height": number, "hash": "0x00", "index_hash": "0x00", "time": stamp, "tx_index": 0},
        "bitcoin_block": {"height": 1, "time": stamp},
        "status": "success",
        "type": kind,
        **({kind: {}} if kind in NAMES else {}),
        **more,
    }


def transactions(*results: Any, following: Any = None) -> bytes:
    cursor = {"next": following, "previous": None, "current": None}
    return json_bytes({"total": 10**6, "limit": 50, "cursor": cursor, "results": results})


# --- talking ------------------------------------------------------------------------------------------------


def attempt(url: str, at: str, outcome: str = Outcome.OK, status: int | None = 200, **params: str) -> dict[str, Any]:
    """One row of the ledger."""
    return {
        "fetch_id": f"{url}{at}",
        "method": "GET",
        "url": url,
        "params": json.dumps(list(params.items())),
        "fetched_at": datetime.fromisoformat(at),
        "status": status,
        "outcome": str(outcome),
    }


def past(*attempts: Mapping[str, Any]) -> Past:
    def no_body(row: Mapping[str, Any]) -> Answer:
        raise AssertionError(f"nobody should read {row}")

    return Past(pl.DataFrame(list(attempts), schema=SCHEMA), no_body)


def told(attempts: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """The same attempts as `feeds.ledger` has them: the query in the address."""
    rows = [dict(row) for row in attempts]
    for row in rows:
        row["url"] = Request(row["url"], params=tuple(map(tuple, json.loads(row["params"])))).full_url
    return pl.DataFrame(rows, schema=SCHEMA)


def talk(
    feed: Feed, window: Window, reply: Callable[[Request], Answer | Failure], before: Past | None = None
) -> list[list[Request]]:
    """All that a feed asks of an upstream that replies so."""
    conversation, asked = feed.conversation(window, before or past()), []
    try:
        questions = next(conversation)
        while True:
            asked.append(questions)
            questions = conversation.send([reply(question) for question in questions])
    except StopIteration:
        return asked


def lines(requests: Iterable[Request]) -> list[str]:
    """The last step of each address."""
    return [request.url.rpartition("/")[2] for request in requests]


def values(rows: pl.DataFrame) -> dict[date, Any]:
    return dict(rows.select("period_start", "value").rows())
