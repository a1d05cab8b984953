"""What Stacks' miners paid to stackers in bitcoin, from Hiro's API: each reward of each Bitcoin block.

Belongs here: paging down the list of rewards, and reading a page.
Not here: which heights a page tells whole (reward_pages.py), sums by cycle and prices (SQL).
Source: https://docs.hiro.so/stacks/api/burn-blocks (GET /extended/v1/burnchain/rewards)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from urllib.parse import SplitResult

import polars as pl

from pipelines.evm.ranges import Blocks, without
from pipelines.feeds.base import ASKED, Past
from pipelines.feeds.hiro import BASE, HOST, HiroFeed, Page, bare_hex, page_of, raw, unreadable, whole
from pipelines.feeds.pox import MAINNET
from pipelines.feeds.reward_pages import MOST_SHIFTS, OVERLAP, PAGE, Known, Told, shifted, told
from pipelines.registry import Registry
from pipelines.tables.market import BLOCKS_PER_DAY, HALVING_2024_AT, HALVING_2024_HEIGHT
from pipelines.tables.stacking import HASH, STACKS, BurnchainReward
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Requests, Window

PATH = "/extended/v1/burnchain/rewards"
FIRST_CYCLE = 75
"""The cycle in which 2024 begins."""
RECHECKED_BLOCKS = 20
"""The newest blocks are asked for again: after a reorganisation their orphaned rewards have vanished."""
REWARDS_PER_BLOCK = 2
NUMBERS = ("burn_block_height", "reward_index", "reward_amount", "burn_amount")
FLAGS = {"True": True, "False": False}
FIELDS = ("canonical", "burn_block_hash", "reward_recipient", *NUMBERS)


class HiroBurnchainRewards(HiroFeed):
    """Every reward from cycle 75 on. It is one list, newest first, that cannot be entered at a day.

    The first pull comes down to where the window's first cycle begins; later ones to what is known already. A pull
    that stopped goes on where it was, since pages in the archive count, and gaps between them are asked for.
    """

    entity = "burnchain_rewards"
    delivers = BurnchainReward

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._told: dict[str, Told | None] = {}

    @property
    def known_urls(self) -> list[str]:
        return [BASE + PATH]

    def owns(self, url: SplitResult) -> bool:
        return url.hostname == HOST and url.path == PATH

    def requests(self, window: Window) -> Requests:
        """What would be asked if nothing ever had been."""
        yield from self._pull(window, Known())

    def conversation(self, window: Window, past: Past) -> Requests:
        """The head of the list, then every height above the floor that no page tells, from the top down."""
        known = self._known(past)
        known.forget(RECHECKED_BLOCKS)
        yield from self._pull(window, known)

    def _pull(self, window: Window, known: Known) -> Requests:
        offset, height, shifts = 0, None, 0
        while True:
            [reply] = yield [_asking(offset)]
            page = self._read(reply)
            if page is None or page.lowest is None:
                return
            known.add(page)
            gap = known.gap(_floor(window.first))
            if gap is None or shifts > MOST_SHIFTS:
                return
            is_missed = gap == height
            shifts = shifts + 1 if is_missed else 0
            offset, height = shifted(offset, page, gap) if is_missed else known.offset_of(gap), gap

    def _known(self, past: Past) -> Known:
        """What the good answers of the ledger tell, each body read once."""
        known = Known()
        for row in past.attempts.filter(pl.col("outcome") == Outcome.OK).iter_rows(named=True):
            if row["fetch_id"] not in self._told:
                self._told[row["fetch_id"]] = self._read(past.answer(row))
            if page := self._told[row["fetch_id"]]:
                known.add(page)
        return known

    def _read(self, reply: Answer | Failure) -> Told | None:
        """What a page tells; None where it tells nothing."""
        try:
            return told(*_page(reply.request, reply)) if isinstance(reply, Answer) else None
        except BodyRefused:
            return None

    def answered(self, past: Past, days: list[date]) -> dict[date, datetime]:
        """All days when the head of the list was last read, if no height below it is missing."""
        known = self._known(past)
        heads = past.attempts.filter(
            pl.col("fetch_id").is_in([one for one, page in self._told.items() if _leads(page)])
        )
        at = heads.filter(pl.col("outcome") == Outcome.OK)["fetched_at"].max()
        if not days or not isinstance(at, datetime) or known.gap(_floor(days[0])) is not None:
            return {}
        return dict.fromkeys(days, at)

    def unhealed(self, attempts: pl.DataFrame) -> pl.DataFrame:
        """Bodies that could not be read, and failures after which no page came: offsets are not asked for twice."""
        is_good = pl.col("outcome") == Outcome.OK
        good_at = attempts.filter(is_good)["fetched_at"].max()
        is_last = pl.lit(value=True) if good_at is None else pl.col("fetched_at") > good_at
        is_body = (pl.col("status") == 200).fill_null(value=False)
        return attempts.filter(~is_good, is_body | is_last)

    def request_count(self, window: Window) -> int:
        """An estimate for a first pull; later ones come down to what is known."""
        rows = len(window.days()) * BLOCKS_PER_DAY * REWARDS_PER_BLOCK
        return -(-rows // (PAGE - OVERLAP))

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        """Columns of `BurnchainReward`, for the blocks that the page has whole. Raises `BodyRefused`.

        A block of which one reward cannot be read has none: its sum would be too small.
        """
        page, heights = _page(request, answer)
        if page.offset == 0 and heights.is_empty():
            raise BodyRefused(Outcome.EMPTY_BODY, "the list of rewards is empty at its head")
        block = pl.col("burn_block_height")
        rows = page.items.select(
            "reward_recipient",
            "locator",
            burn_block_height=heights,
            burn_block_hash=bare_hex("burn_block_hash"),
            reward_index=whole("reward_index", pl.Int32()),
            chain_id=pl.lit(STACKS),
            reward_sats=whole("reward_amount"),
            burn_sats=whole("burn_amount"),
            is_canonical=pl.col("canonical").replace_strict(FLAGS, default=None, return_dtype=pl.Boolean),
            raw=raw(*FIELDS),
            fault=_fault(),
        ).filter(_in(told(page, heights).whole))
        _refuse_two_blocks_of_one_height(rows)
        return rows.with_columns(fault=pl.coalesce("fault", pl.col("fault").drop_nulls().first().over(block)))

    def covers(self, request: Request, answer: Answer, rows: pl.DataFrame) -> pl.DataFrame:
        """The heights that the page has whole, without those of which nothing could be read: what stood stands."""
        page = told(*_page(request, answer))
        lost = page.rows.keys() - set(rows["burn_block_height"])
        asked = [(STACKS, None, None, first, last) for first, last in _without([page.whole], lost)]
        return pl.DataFrame(asked, schema=ASKED, orient="row")


def _asking(offset: int) -> Request:
    return Request.get(BASE + PATH, {"limit": str(PAGE), "offset": str(offset)})


def _page(request: Request, answer: Answer) -> tuple[Page, pl.Series]:
    page = page_of(request, answer, FIELDS)
    return page, page.items.select(whole("burn_block_height", pl.Int64())).to_series()


def _leads(page: Told | None) -> bool:
    return page is not None and page.is_head and page.highest is not None


def _floor(first: date) -> int:
    """The height from which a window is asked for: the start of the cycle before the one that its first day is in.

    The day's height is reckoned from that of the halving of 2024; the cycle more is what the reckoning may be off.
    """
    days = (first - HALVING_2024_AT.date()).days
    cycle = MAINNET.cycle_of(HALVING_2024_HEIGHT + days * BLOCKS_PER_DAY)
    return MAINNET.first_reward_block(max(FIRST_CYCLE, cycle - 1))


def _in(whole_heights: Blocks | None) -> pl.Expr:
    if whole_heights is None:
        return pl.lit(value=False)
    return pl.col("burn_block_height").is_between(*whole_heights)


def _without(ranges: Iterable[Blocks | None], heights: Iterable[int]) -> Iterator[Blocks]:
    yield from without([one for one in ranges if one], [(height, height) for height in heights])


def _fault() -> pl.Expr:
    no_hash = pl.when(~bare_hex("burn_block_hash").str.contains(HASH).fill_null(value=False))
    no_flag = pl.when(~pl.col("canonical").is_in([*FLAGS]).fill_null(value=False))
    return pl.coalesce(
        unreadable(*NUMBERS),
        no_hash.then(pl.lit("burn_block_hash is no hash")),
        no_flag.then(pl.lit("canonical is neither true nor false")),
        pl.when(pl.col("reward_recipient").is_null()).then(pl.lit("nobody is paid")),
    )


def _refuse_two_blocks_of_one_height(rows: pl.DataFrame) -> None:
    canonical = rows.filter(pl.col("is_canonical"), pl.col("fault").is_null())
    hashes = canonical.group_by("burn_block_height").agg(pl.col("burn_block_hash").n_unique())
    twice = hashes.filter(pl.col("burn_block_hash") > 1)["burn_block_height"].sort()
    if twice.len():
        raise BodyRefused(Outcome.CONFLICTING_ROWS, f"two Bitcoin blocks of height {twice[0]} are both canonical")
