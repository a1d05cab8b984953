"""The state of Stacks at the end of each UTC day, from Hiro's API: the block, liquid stacking reserves, supply of STX.

Belongs here: which state is asked for, how an answer is held to it, and how answers are read.
Not here: the values of contracts (clarity.py), the day of a block or amount in the marts (SQL, over `StacksBlock`).
Source: https://docs.hiro.so/stacks/api (/extended/v2/blocks/by-block-time, /extended/v1/stx_supply),
https://docs.stacks.co (POST /v2/contracts/call-read)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import SplitResult

import polars as pl

from pipelines.feeds import hiro_calls as calls
from pipelines.feeds.amounts import amount, printed
from pipelines.feeds.base import ASKED, Past
from pipelines.feeds.hiro import BASE, HOST, HiroFeed, HiroReader, document_of, whole_of
from pipelines.feeds.hiro_calls import Block
from pipelines.feeds.points import refuse_without
from pipelines.registry import Registry
from pipelines.tables.market import PRICE, AssetSupply
from pipelines.tables.stacking import STACKS, LstReserve, StacksBlock
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

SUPPLY = "/extended/v1/stx_supply/"
DAYS_AT_ONCE = 10
ONE_DAY = timedelta(days=1)


class HiroStacksBlocks(HiroFeed):
    """The newest block at the end of each day, and with it all that is asked of the state after that block.

    A node that does not know a `tip`, or cannot read it, may silently answer of the present. So a node is tried
    first: what it says of the oldest block of the window has to be of that block's cycle.
    """

    entity = "stacks_blocks"
    delivers = StacksBlock
    by_day = True

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._tried: dict[str, Block] = {}
        self._read: dict[str, Block | None] = {}

    @property
    def known_urls(self) -> list[str]:
        return [f"{BASE}{calls.BLOCK_BEFORE}<seconds>"]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and (
            calls.BLOCK_PATH.fullmatch(url.path) is not None
            or url.path == SUPPLY
            or calls.call_in(url.path) is not None
        )

    def requests(self, window: Window) -> Requests:
        """Some days at a time: their blocks, then the states after them; no more once a step failed altogether."""
        days, is_tried = window.days(), False
        for n in range(0, len(days), DAYS_AT_ONCE):
            replies = yield [_block_at_the_end_of(day) for day in days[n : n + DAYS_AT_ONCE]]
            blocks = [block for reply in replies if (block := _block_in(reply))]
            if not blocks:
                return
            if not is_tried:
                self._tried[blocks[0].index_block_hash] = blocks[0]
                [reply] = yield [calls.asking(calls.TRIAL, blocks[0])]
                if not isinstance(reply, Answer):
                    return
                is_tried = True
            yield [request for block in blocks for request in _states_after(block)]

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        """Why an answer is none, or is not of the instant or the state that was asked for."""
        try:
            self._judge(request, body)
        except BodyRefused as refused:
            return refused
        return None

    def _judge(self, request: Request, body: bytes) -> None:
        call = calls.call_of(request)
        if call == calls.TRIAL:
            calls.refuse_another_state(request, body, self._tried[calls.tip_of(request)])
        elif call is not None:
            calls.amount_of(request, body)
        elif request.target.path == SUPPLY:
            _supply_height(request, body)
        else:
            calls.block_of(request, body)

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        """When the block of a day was last read, if everything was answered that is asked of the state after it."""
        good = past.attempts.filter(pl.col("outcome") == Outcome.OK)
        asked = set(good.select(pl.concat_str("url", "params")).to_series())
        ends = {_block_at_the_end_of(day).url: day for day in days}
        answered: dict[date, datetime] = {}
        for row in good.filter(pl.col("url").is_in([*ends])).iter_rows(named=True):
            if row["fetch_id"] not in self._read:
                self._read[row["fetch_id"]] = _block_in(past.answer(row))
            block = self._read[row["fetch_id"]]
            if block and asked.issuperset(_told(request) for request in _states_after(block)):
                answered[ends[row["url"]]] = row["fetched_at"]
        return answered

    def request_count(self, window: Window) -> int:
        return len(window.days()) * (2 + len(calls.RESERVES))

    def is_read(self, request: Request) -> bool:
        return calls.BLOCK_PATH.fullmatch(request.target.path) is not None

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `StacksBlock`, one row. Raises `BodyRefused`."""
        block = calls.block_of(request, answer.body)
        return pl.DataFrame(
            {
                "chain_id": [STACKS],
                "asked_at": [block.asked_at],
                "stacks_height": [block.stacks_height],
                "index_block_hash": [block.index_block_hash],
                "block_at": [block.block_at],
                "burn_block_height": [block.burn_block_height],
                "locator": ["/height"],
            }
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        at = calls.block_of(request, answer.body).asked_at
        return pl.DataFrame([(STACKS, at, at + timedelta(microseconds=1), None, None)], schema=ASKED, orient="row")


class _OfStates(HiroReader):
    """A table filled by the answers of `hiro/stacks_blocks`."""

    reads = ("stacks_blocks",)
    by_day = True


class HiroLstReserves(_OfStates):
    """What the reserves of liquid stacking protocols hold after the last block of each day."""

    entity = "lst_reserves"
    delivers = LstReserve

    def is_read(self, request: Request) -> bool:
        return calls.call_of(request) in calls.RESERVES.values()

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `LstReserve`, one row: the amount of one call after the block of its tip. Raises `BodyRefused`."""
        asked = calls.call_of(request)
        [(protocol_id, measure)] = [name for name, call in calls.RESERVES.items() if call == asked]
        return pl.DataFrame(
            {
                "protocol_id": [protocol_id],
                "index_block_hash": [calls.tip_of(request)],
                "measure": [measure],
                "amount_ustx": [calls.amount_of(request, answer.body)],
                "locator": ["/result"],
                "raw": [answer.text()],
            },
            schema_overrides={"amount_ustx": pl.Decimal(38, 0)},
        )


class HiroStxSupply(_OfStates):
    """The supply of STX after the last block of each day."""

    entity = "stx_supply"
    delivers = AssetSupply

    def is_read(self, request: Request) -> bool:
        return request.target.path == SUPPLY

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `AssetSupply`, one row. Raises `BodyRefused`: wrong_answer where another block answers."""
        document = document_of(answer.body)
        texts = {name: [printed(document.get(name))] for name in ("unlocked_stx", "total_stx")}
        height = _supply_height(request, answer.body)
        read = {"circulating_supply": amount("unlocked_stx", PRICE), "total_supply": amount("total_stx", PRICE)}
        supply = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String)).with_columns(**read)
        is_unread = pl.any_horizontal(pl.col(name).is_null() for name in read)
        return supply.select(
            *read,
            asset_id=pl.lit("stx"),
            block_height=pl.lit(height, pl.Int64),
            locator=pl.lit("/"),
            raw=pl.concat_str(*texts, separator=" | ", ignore_nulls=True),
            fault=pl.when(is_unread).then(pl.lit("unlocked_stx and total_stx are not both numbers")),
        )

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        height = _supply_height(request, answer.body)
        return pl.DataFrame([("stx", None, None, height, height)], schema=ASKED, orient="row")


def _block_at_the_end_of(day: date) -> Request:
    end = datetime.combine(day, time(), UTC) + ONE_DAY
    return Request.get(f"{BASE}{calls.BLOCK_BEFORE}{int(end.timestamp())}")


def _states_after(block: Block) -> Iterator[Request]:
    """All that is asked of the state after one block."""
    for call in calls.RESERVES.values():
        yield calls.asking(call, block)
    yield Request.get(BASE + SUPPLY, {"height": str(block.stacks_height)})


def _told(request: Request) -> str:
    """Address and query as the ledger writes them."""
    return request.url + json.dumps(request.params)


def _block_in(reply: Answer | Failure) -> Block | None:
    try:
        return calls.block_of(reply.request, reply.body) if isinstance(reply, Answer) else None
    except BodyRefused:
        return None


def _supply_height(request: Request, body: bytes) -> int:
    """The block that an answer is of. Raises `BodyRefused` where it is not the one that was asked for."""
    document = document_of(body)
    refuse_without("total_stx", object, document)
    height, asked = whole_of(document, "block_height"), dict(request.params).get("height")
    if str(height) != asked:
        raise BodyRefused(Outcome.WRONG_ANSWER, f"block {asked} was asked for, and the answer is of block {height}")
    return height
