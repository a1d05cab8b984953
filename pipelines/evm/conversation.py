"""The conversation about one chain: days, then missing blocks, then times and balances.

Belongs here: what is missing, and in which order it is asked for.
Not here: the asking itself (asking.py, search.py, extraction.py, balances.py), what the ledger holds (record.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pipelines.evm import coverage
from pipelines.evm.asking import Asking, Talk
from pipelines.evm.balances import Balances
from pipelines.evm.days import midnights
from pipelines.evm.endpoints import Roster, node_of
from pipelines.evm.extraction import Extraction
from pipelines.evm.judging import Judge
from pipelines.evm.progress import Progress
from pipelines.evm.ranges import Blocks, Stretch, united, within, without
from pipelines.evm.record import Record
from pipelines.evm.search import DaySearch
from pipelines.registry import Registry, Source
from pipelines.wire import Window

log = logging.getLogger("outcrop.evm")


class Conversation:
    """What is asked of the nodes of one chain for a window. `is_known`: all its days were answered before."""

    def __init__(
        self, registry: Registry, chain_id: str, record: Record, judge: Judge, manners: Source, *, is_known: bool
    ) -> None:
        self._registry, self._record, self._judge, self._manners = registry, record, judge, manners
        self._is_known = is_known
        self._chain_id = chain_id
        nodes = [
            node_of(endpoint, record.sizer(endpoint.url, endpoint.max_block_range), record.most_logs(endpoint.url))
            for endpoint in registry.endpoints(manners.source_id, chain_id)
        ]
        self._progress = Progress(chain_id)
        self._asking = Asking(registry.evm_chains[chain_id], Roster(nodes), record, judge, self._progress)
        self._contracts = coverage.fed_contracts(registry, chain_id)
        self._lives = {name: coverage.life_of(events) for name, events in self._contracts.items()}
        self._covered = {name: record.covered(name) for name in self._contracts}
        self._taken_back = {name: record.taken_back(name) for name in self._contracts}
        self._floor = min((first for first, _ in self._lives.values()), default=0)
        self._index = record.day_index(self._floor)
        self._search = DaySearch(self._asking, self._index)
        self._extraction = Extraction(self._asking, judge, self._progress)
        self._balances = Balances(self._asking, record, registry.peg_accounts.get(chain_id))

    def about(self, window: Window) -> Talk:
        """All questions about a window; none where nothing is missing."""
        instants = midnights(window.first, window.last)
        if not self._contracts or not self._has_work(instants):
            return
        if (head := (yield from self._search.open(instants[-1]))) is not None:
            yield from self._recheck(head)
            yield from self._search.learn([height for height in self._record.stale if height <= head])
            yield from self._asking.headers(self._record.untimed)
            lost = yield from self._search.run(instants, head)
            if lost.isdisjoint({instants[0], instants[-1]}):
                first, last = self._span(instants, head)
                yield from self._extraction.run(list(self._missing(first, last, head)))
                in_vain = self._record.asked_in_vain()
                yield from self._asking.headers(height for height in in_vain if first <= height <= last)
                yield from self._weigh(instants)
            else:
                log.warning("%s: no node tells where %s begins or ends, its logs are not asked", self._chain_id, window)
        self._progress.tell(is_end=True)

    def _has_work(self, instants: list[int]) -> bool:
        before, after = self._index.bracket(instants[0])[0], self._index.bracket(instants[-1])[1]
        if before is None or after is None or self._record.untimed:
            return True
        is_missing = any(self._missing(before + 1, after - 1, after))
        return is_missing or bool(self._unweighed(instants)) or (self._is_known and bool(self._young(None)))

    def _young(self, now: datetime | None) -> list[int]:
        """Ends of ranges that were last looked at while a reorganisation could still reach them, newest first.

        With `now` without those looked at within the settle lag: they are of a run that goes on.
        """
        revision = timedelta(days=self._manners.revision_window_days)
        lag = timedelta(hours=self._manners.settle_lag_hours)
        sure_at: dict[int, datetime] = {}
        for ranges in self._record.answered.values():
            for asked in ranges:
                sure_at[asked.last] = max(asked.sure_at, sure_at.get(asked.last, asked.sure_at))
        young = []
        for last in sorted(sure_at, reverse=True):
            header = self._record.header(last)
            if header is None:
                continue
            made_at = datetime.fromtimestamp(header.at_sec, UTC).replace(tzinfo=None)
            if sure_at[last] - made_at >= revision:
                break
            if now is None or now - sure_at[last] >= lag:
                young.append(last)
        return young

    def _recheck(self, head: int) -> Talk:
        """Ranges are missing again from the first on whose last block has another hash by now."""
        young = self._young(None if self._is_known else self._asking.now)
        heights = [height for height in young if height <= head]
        hashes = {height: header.block_hash for height in heights if (header := self._record.header(height))}
        for height in heights:
            self._asking.doubt(height)
        yield from self._asking.headers(heights)
        headers = {height: self._asking.header(height) for height in hashes}
        turned = {height for height, header in headers.items() if header and header.block_hash != hashes[height]}
        firsts = [first for ranges in self._covered.values() for first, last in ranges if last in turned]
        if firsts:
            yield from self._turn(min(firsts), head)

    def _turn(self, first: int, head: int) -> Talk:
        """Blocks from one on were made anew: what was told of them is asked for again."""
        log.warning("%s: blocks were reorganised, they are read again from %d on", self._chain_id, first)
        for name, ranges in self._covered.items():
            self._covered[name] = [blocks for blocks in ranges if blocks[1] < first]
            lost = united([*self._taken_back[name], *ranges])
            self._taken_back[name] = list(without(lost, self._covered[name]))
        self._balances.doubt(first)
        self._index.forget(first)
        heights = sorted({*self._record.heights(first), head})
        for height in heights:
            self._asking.doubt(height)
        yield from self._search.learn([height for height in heights if height <= head])

    def _span(self, instants: list[int], head: int) -> Blocks:
        before, after = self._index.bracket(instants[0])[0], self._index.bracket(instants[-1])[1]
        return (self._floor if before is None else before + 1), (head if after is None else min(head, after - 1))

    def _missing(self, first: int, last: int, head: int) -> Iterator[Stretch]:
        """What has to be asked so that every bridge is covered between two blocks, and where it was covered before."""
        wanted = {
            name: united([*within([life], first, last), *within(self._taken_back[name], 0, head)])
            for name, life in self._lives.items()
        }
        gaps = {name: list(without(blocks, self._covered[name])) for name, blocks in wanted.items()}
        yield from coverage.stretches(self._registry, self._chain_id, gaps)

    def _unweighed(self, instants: list[int]) -> list[int]:
        """The last blocks of the days whose balance was neither told nor refused by all who could know it."""
        return self._balances.lacking(self._index, instants[1:])

    def _weigh(self, instants: list[int]) -> Talk:
        """The peg's balance at the end of each day; there the last blocks around midnight are worth asking for."""
        yield from self._search.learn(self._balances.between(self._index, instants[1:]))
        yield from self._balances.run(self._unweighed(instants))
