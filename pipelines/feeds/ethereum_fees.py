"""What gas and blob gas cost on Ethereum: some blocks of each day, asked of nodes over JSON-RPC.

Belongs here: which blocks of a day are asked for, and which days are closed by that.
Not here: the search for the blocks of a day and fail-over between nodes (evm), what data costs in dollars (SQL).
Source: https://ethereum.org/en/developers/docs/apis/json-rpc/ (eth_feeHistory, eth_getBlockByNumber)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cached_property
from urllib.parse import SplitResult, urlsplit

import polars as pl

from pipelines.bridges import Endpoint
from pipelines.evm import calls as rpc
from pipelines.evm.answered import unhealed
from pipelines.evm.asking import WAVE, Asking, Talk, hear
from pipelines.evm.calls import Call
from pipelines.evm.days import DayIndex, midnight_sec, midnights
from pipelines.evm.endpoints import MOST_TRIES, Node, Roster, node_of
from pipelines.evm.fees import FEES, fee_ranges, fees_call, read_fees, refuse_other_fees
from pipelines.evm.judging import Judge
from pipelines.evm.progress import Progress
from pipelines.evm.ranges import Blocks, Sizer
from pipelines.evm.record import Record
from pipelines.evm.search import DaySearch
from pipelines.feeds.base import ASKED, Feed, Past
from pipelines.feeds.evm_bridges import EvmBlocks
from pipelines.feeds.evm_logs import NOTHING
from pipelines.tables.da import EthFee
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

CHAIN_ID = "ethereum"
MERGE_BLOCK = 15_537_394
"""The first block of proof of stake (2022-09-15): blocks come every 12 s or are left out. Nothing before is asked."""
SAMPLES_A_DAY, SAMPLE_BLOCKS = 12, 32
"""Fees follow the hours of the day and stay alike for minutes: six minutes in every two hours stand for a day. A year
is 4,392 calls, in batches where an endpoint takes them; every block of it would be 2,600 calls of 1,024 and 2.6 million
rows."""


class EthereumFees(Feed):
    """Base fees of twelve stretches of each day, evenly spread."""

    source = "ethereum_rpc"
    entity = "fee_history"
    subject = "da"
    delivers = EthFee
    media = frozenset({"json"})
    by_day = True

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.registry, self.source)

    @property
    def _endpoints(self) -> tuple[Endpoint, ...]:
        return self.registry.endpoints(self.source, CHAIN_ID)

    @property
    def known_urls(self) -> list[str]:
        return sorted(end.url for end in self._endpoints)

    def owns(self, url: SplitResult) -> bool:
        places = {(urlsplit(one).netloc, urlsplit(one).path) for one in self.known_urls}
        return (url.netloc, url.path) in places

    def requests(self, window: Window) -> Requests:
        """What would be asked if nothing ever had been."""
        yield from self.conversation(window, Past(NOTHING, _none_kept))

    def conversation(self, window: Window, past: Past) -> Requests:
        """Who answers, the blocks around the midnights, and the samples of each day that were not answered."""
        record = self._record(past)
        index, instants = record.day_index(MERGE_BLOCK), midnights(window.first, window.last)
        nodes = [node_of(end, Sizer(end.max_block_range), None) for end in self._endpoints]
        progress = Progress(CHAIN_ID)
        asking = Asking(self.registry.evm_chains[CHAIN_ID], Roster(nodes), record, self._judge, progress)
        search = DaySearch(asking, index)
        if (head := (yield from search.open(instants[-1]))) is None:
            return
        yield from search.run(instants, head)
        told = {blocks for blocks, _ in _told(past.attempts)}
        days = [_blocks_of(index, day) for day in window.days()]
        wanted = [
            blocks for day in days if day for blocks in _samples(*day) if blocks not in told and blocks[1] <= head
        ]
        yield from _ask(asking, [fees_call(*blocks) for blocks in wanted])
        progress.tell(is_end=True)

    def _record(self, past: Past) -> Record:
        return Record(past.attempts, past.answer, self.registry, CHAIN_ID)

    def refusal(self, request: Request, body: bytes) -> BodyRefused | None:
        """Why a body is no answer to its question: an error, a null, another chain, fees of other or fewer blocks."""
        if refused := self._judge.refusal(request, body):
            return refused
        try:
            refuse_other_fees(rpc.calls_of(request)[1], body)
        except BodyRefused as other:
            return other
        return None

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        """When the samples of each day were last answered, all of them."""
        told = _told(past.attempts)
        index = self._record(past).day_index(MERGE_BLOCK)
        answered = {}
        for day in days if told else []:
            if blocks := _blocks_of(index, day):
                of_day = {one: at for one, at in told if blocks[0] <= one[0] and one[1] <= blocks[1]}
                if len(of_day) >= SAMPLES_A_DAY:
                    answered[day] = min(of_day.values())
        return answered

    def unhealed(self, attempts: pl.DataFrame) -> pl.DataFrame:
        return unhealed(self.registry, attempts, {})

    def is_read(self, request: Request) -> bool:
        return any(call.method == FEES for call in rpc.calls_of(request)[1])

    def request_count(self, window: Window) -> int:
        """An estimate: headers around a midnight, and the batches of a day."""
        most_calls = min((end.max_batch_calls for end in self._endpoints[:1]), default=1)
        return len(window.days()) * (2 + -(-SAMPLES_A_DAY // most_calls))

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `EthFee`. Raises `BodyRefused`."""
        evm_chain_id, _ = rpc.calls_of(request)
        if self.registry.chain_of_evm_id.get(evm_chain_id) != CHAIN_ID:
            raise BodyRefused(Outcome.WRONG_CHAIN, f"chain {evm_chain_id} was asked, not {CHAIN_ID}")
        if refused := self.refusal(request, answer.body):
            raise refused
        return read_fees(answer.body).with_columns(chain_id=pl.lit(CHAIN_ID))

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The blocks of the request."""
        asked = [(CHAIN_ID, None, None, *blocks) for blocks in fee_ranges(rpc.calls_of(request)[1])]
        return pl.DataFrame(asked, schema=ASKED, orient="row")


class EthereumBlocks(EvmBlocks):
    """The headers that say where days begin."""

    source = "ethereum_rpc"
    subject = "da"
    reads = ("fee_history",)


def _blocks_of(index: DayIndex, day: date) -> Blocks | None:
    """The first and the last block of a day; None where they are not known."""
    before = index.bracket(midnight_sec(day))[0]
    after = index.bracket(midnight_sec(day + timedelta(days=1)))[1]
    return None if before is None or after is None or after - before < 2 else (before + 1, after - 1)


def _samples(first: int, last: int) -> Iterator[Blocks]:
    """Stretches of blocks in the middle of each part of a day; of a day with few blocks all that there are."""
    blocks = last - first + 1
    for part in range(SAMPLES_A_DAY):
        middle = first + blocks * (2 * part + 1) // (2 * SAMPLES_A_DAY)
        start = max(first, min(middle - SAMPLE_BLOCKS // 2, last - SAMPLE_BLOCKS + 1))
        yield start, min(last, start + SAMPLE_BLOCKS - 1)


def _told(attempts: pl.DataFrame) -> list[tuple[Blocks, datetime]]:
    """The ranges whose fees were answered well, and when, oldest first."""
    good = attempts.filter(pl.col("outcome") == Outcome.OK, pl.col("request_body").str.contains(FEES, literal=True))
    asked = good.sort("fetched_at").select("request_body", "fetched_at").rows()
    return [(blocks, at) for body, at in asked for blocks in fee_ranges(rpc.calls_of(Request("", body=body))[1])]


def _ask(asking: Asking, wanted: list[Call]) -> Talk:
    """Asks one node after the other until all is answered or nobody is left; batches that fail come in halves."""
    avoid: frozenset[str] = frozenset()
    for _ in range(MOST_TRIES * len(asking.roster.nodes)):
        node = (yield from asking.introduced(avoid)) if wanted else None
        if node is None:
            return
        asked, wanted = wanted, []
        yield from _ask_node(asking, node, asked, wanted)
        if wanted:
            avoid |= {node.url}
            node.most_calls = max(1, node.most_calls // 2)


def _ask_node(asking: Asking, node: Node, asked: list[Call], failed: list[Call]) -> Talk:
    """Asks all of one node, wave by wave; what it does not answer is added to `failed`."""
    parts = [asked[start : start + node.most_calls] for start in range(0, len(asked), node.most_calls)]
    for start in range(0, len(parts), WAVE):
        wave = parts[start : start + WAVE]
        if node.out:
            failed += [call for part in wave for call in part]
            continue
        replies = yield from asking.ask([asking.request(node, part) for part in wave])
        failures = [part for part, reply in zip(wave, replies, strict=True) if isinstance(reply, Failure)]
        failed += [call for part in failures for call in part]
        hear([(node, part) for part in wave], replies)


def _none_kept(_: object) -> Answer:
    raise KeyError("no body is at hand")
