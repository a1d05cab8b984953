"""The conversation about whole blocks of one chain: days, then missing blocks, their receipts, and codes.

Belongs here: what is missing, in which order it is asked for, and that blocks hang together by their hashes.
Not here: batches and fail-over (pieces.py), what the ledger holds (block_record.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipelines.evm.asking import Asking, Talk
from pipelines.evm.block_judging import Bill, BlockJudge, BlocksReading
from pipelines.evm.block_record import BlockRecord
from pipelines.evm.calls import Header, headers
from pipelines.evm.days import midnights
from pipelines.evm.endpoints import MOST_TRIES, Roster, node_of
from pipelines.evm.full_blocks import block_call, block_receipts_call, code_call, receipt_call
from pipelines.evm.pieces import Piece, Pieces
from pipelines.evm.progress import Progress
from pipelines.evm.ranges import Blocks, united, within, without
from pipelines.evm.search import DaySearch
from pipelines.registry import Registry, Source
from pipelines.wire import Window

log = logging.getLogger("outcrop.evm")

BODIES_AT_ONCE = 16
"""Answers with whole blocks are some megabytes each: two for every thread."""
MOST_SEARCHES = 5
"""A midnight that is not found by then, each with its calls, would bring blocks of other years along."""


class BlockConversation:
    """What is asked of the nodes of one chain for a window. `is_known`: all its days were answered before."""

    def __init__(
        self,
        registry: Registry,
        chain_id: str,
        record: BlockRecord,
        judge: BlockJudge,
        manners: Source,
        *,
        is_known: bool,
    ) -> None:
        self._chain_id, self._record, self._judge, self._manners = chain_id, record, judge, manners
        self._is_known = is_known
        chain = registry.evm_chains[chain_id]
        self._number = chain.evm_chain_id
        ends = (end for end in registry.endpoints(manners.source_id, chain_id) if end.style == "rpc")
        nodes = [node_of(end, record.headers.sizer(end.url, end.max_block_range), None) for end in ends]
        self._progress = Progress(chain_id)
        self._asking = Asking(chain, Roster(nodes), record.headers, judge, self._progress)
        self._index = record.headers.day_index(0)
        self._search = DaySearch(self._asking, self._index)
        self._pieces = Pieces(self._asking)
        self._covered = list(record.covered)
        self._links: dict[int, tuple[int, str]] = {}
        self._torn: dict[int, int] = {}
        self._has_block_receipts: bool | None = None
        self._codes = set(record.codes)

    def about(self, window: Window) -> Talk:
        """All questions about a window; none where nothing is missing."""
        instants = midnights(window.first, window.last)
        debts = debts_of(self._record, self._judge)
        is_young = self._is_known and any(self._young(end) for _, end in self._covered)
        if not (is_young or any(debts) or self._has_gap(instants)):
            return
        if (head := (yield from self._search.open(instants[-1]))) is None:
            return
        yield from self._recheck()
        yield from self._follow_up(*debts, need=head)
        ends = [instants[0], instants[-1]]
        for _ in range(MOST_SEARCHES):
            yield from self._search.run(instants, head)
            if all(self._index.is_settled(instant) for instant in ends):
                break
        else:
            log.warning("%s: the blocks around %s were not found, none is asked for", self._chain_id, window)
            return
        before, after = self._around(instants)
        last = head if after is None else min(head, after)
        yield from self._blocks(list(without([(before or 0, last)], self._covered)))
        self._progress.tell(is_end=True)

    def _has_gap(self, instants: list[int]) -> bool:
        before, after = self._around(instants)
        return before is None or after is None or any(without([(before, after)], self._covered))

    def _around(self, instants: list[int]) -> tuple[int | None, int | None]:
        """The last block before the first instant (or the first of all), and the first one at or after the last."""
        before, after = self._index.bracket(instants[0])[0], self._index.bracket(instants[-1])[1]
        return None if before is None else max(0, before), after

    def _young(self, height: int) -> tuple[Blocks, Header] | None:
        """The answer with a block, and its last header, where a reorganisation could still reach it at that time."""
        row = self._record.row_of(height)
        answer = self._record.answer(row) if row else None
        if row is None or answer is None:
            return None
        known = max(headers(answer.body), key=lambda header: header.number)
        made_at = datetime.fromtimestamp(known.at_sec, UTC).replace(tzinfo=None)
        is_young = answer.fetched_at - made_at < timedelta(days=self._manners.revision_window_days)
        return ((row["first"], row["last"]), known) if is_young else None

    def _recheck(self) -> Talk:
        """Ends of ranges that a reorganisation could still reach are looked at again, from the newest back.

        Blocks hang together, so that the last one vouches for all below it; where it has another hash by now, its
        answer is missing again, and the one before it is looked at.
        """
        for _, end in list(self._covered):
            last = end
            while young := self._young(last):
                blocks, known = young
                self._asking.doubt(known.number)
                yield from self._asking.headers([known.number])
                header = self._asking.header(known.number)
                if header is None or header.block_hash == known.block_hash:
                    break
                log.warning("%s: block %d was reorganised, its range is read again", self._chain_id, known.number)
                self._covered = list(without(self._covered, [blocks]))
                last = blocks[0] - 1

    def _blocks(self, missing: list[Blocks]) -> Talk:
        """The missing blocks wave by wave; after each wave what it leaves to be asked."""
        pieces = [_of_blocks((first, last)) for first, last in missing]
        self._progress.all_blocks += sum(len(piece.keys) for piece in pieces)
        lost = 0
        while pieces:
            wave = yield from self._pieces.wave(pieces, BODIES_AT_ONCE)
            pieces = wave.waiting
            lost += sum(len(piece.keys) for piece in wave.lost)
            readings = [self._judge.blocks_reading(answer.request, answer.body) for _, answer in wave.answered]
            wave.answered.clear()
            torn = [blocks for reading in sorted(readings, key=lambda one: one.first) for blocks in self._tie(reading)]
            pieces += [_of_blocks(blocks) for blocks in united(torn)]
            self._progress.blocks += sum(reading.last - reading.first + 1 for reading in readings)
            yield from self._follow_up(
                [bill for reading in readings for bill in reading.bills],
                [],
                {address for reading in readings for address in reading.recipients},
                need=max((reading.last for reading in readings), default=0),
            )
        if lost:
            log.warning("%s: %d blocks were not answered by any endpoint", self._chain_id, lost)

    def _tie(self, reading: BlocksReading) -> list[Blocks]:
        """What has to be asked again because the answer does not hang together with its neighbours."""
        self._links = {end: link for end, link in self._links.items() if not reading.first <= end <= reading.last}
        self._links[reading.last] = reading.first, reading.block_hash
        self._covered = united([*self._covered, (reading.first, reading.last)])
        torn = []
        before = self._link(reading.first - 1)
        if before and before[1] != reading.parent_hash:
            torn.append((before[0], reading.last))
        after = self._first_after(reading.last)
        if after and after[1] != reading.block_hash:
            torn.append((reading.first, after[0]))
        often = [self._torn.get(first, 0) for first, _ in torn]
        self._torn |= {first: self._torn.get(first, 0) + 1 for first, _ in torn}
        return [blocks for blocks, times in zip(torn, often, strict=True) if times < MOST_TRIES]

    def _link(self, height: int) -> tuple[int, str] | None:
        """The first block of the answer that ends at a height, and the hash at its end."""
        if height in self._links:
            return self._links[height]
        reading = self._old(height) if within(self._record.covered, height, height) else None
        return (reading.first, reading.block_hash) if reading and reading.last == height else None

    def _first_after(self, height: int) -> tuple[int, str] | None:
        """The last block of the older answer that begins after a height, and the hash that it builds on."""
        is_old = within(self._record.covered, height + 1, height + 1) and not any(
            first <= height + 1 <= end for end, (first, _) in self._links.items()
        )
        reading = self._old(height + 1) if is_old else None
        return (reading.last, reading.parent_hash) if reading and reading.first == height + 1 else None

    def _old(self, height: int) -> BlocksReading | None:
        """What an answer of an earlier run says of a block."""
        row = self._record.row_of(height)
        answer = self._record.answer(row) if row else None
        return self._judge.blocks_reading(answer.request, answer.body) if answer else None

    def _follow_up(self, bills: list[Bill], hashes: list[str], recipients: Iterable[str], *, need: int) -> Talk:
        """Receipts of the blocks that do not say their fees, and codes of the recipients that are new."""
        yield from self._receipts(bills, need)
        yield from self._ask_all([Piece(hashes, receipt_call, need)])
        new = sorted(set(recipients) - self._codes)
        self._codes.update(new)
        yield from self._ask_all([Piece(new, code_call, need)])

    def _receipts(self, bills: list[Bill], need: int) -> Talk:
        """Block by block where a node can, else transaction by transaction."""
        self._judge.bills |= {(self._number, bill.height): bill for bill in bills}
        left = {bill.height: bill for bill in bills}
        pieces = (
            [Piece(sorted(left), block_receipts_call, need)] if left and self._has_block_receipts is not False else []
        )
        while pieces and self._has_block_receipts is not False:
            wave = yield from self._pieces.wave(pieces, BODIES_AT_ONCE if self._has_block_receipts else 1)
            pieces = wave.waiting
            for piece, _ in wave.answered:
                self._has_block_receipts = True
                left = {height: bill for height, bill in left.items() if height not in set(piece.keys)}
            if wave.lost and self._has_block_receipts is None:
                self._has_block_receipts = False
        hashes = [tx_hash for bill in left.values() for tx_hash in bill.tx_hashes]
        yield from self._ask_all([Piece(hashes, receipt_call, need)])
        self._judge.bills.clear()

    def _ask_all(self, pieces: list[Piece]) -> Talk:
        pieces = [piece for piece in pieces if piece.keys]
        while pieces:
            pieces = (yield from self._pieces.wave(pieces)).waiting


def debts_of(record: BlockRecord, judge: BlockJudge) -> tuple[list[Bill], list[str], set[str]]:
    """What earlier runs left unasked or asked in vain: blocks without receipts, transactions, recipients without code.

    Receipts and codes are asked right behind their blocks, so that only the last answers need to be read again.
    """
    answers = {answer.fetch_id: answer for answer in record.last_answers}
    for height in sorted(record.lost_blocks_of_receipts):
        row = record.row_of(height)
        if row and row["fetch_id"] not in answers and (answer := record.answer(row)):
            answers[answer.fetch_id] = answer
    readings = [judge.blocks_reading(answer.request, answer.body) for answer in answers.values()]
    blocks, hashes = record.billed
    bills = [bill for reading in readings for bill in reading.bills if bill.height not in blocks]
    open_bills = [replace(bill, tx_hashes=rest) for bill in bills if (rest := tuple(set(bill.tx_hashes) - hashes))]
    recipients = {address for reading in readings for address in reading.recipients} | record.lost_codes
    of_bills = {tx_hash for bill in open_bills for tx_hash in bill.tx_hashes}
    return open_bills, sorted(record.lost_receipts - of_bills), recipients - record.codes


def _of_blocks(blocks: Blocks) -> Piece:
    return Piece(range(blocks[0], blocks[1] + 1), block_call, blocks[1])
