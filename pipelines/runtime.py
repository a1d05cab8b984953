"""Everything that a run works with, put together once from settings.

Belongs here: the choice that a mode makes (clock, adapter, archive) and the objects that rooms share.
Not here: what is done with them (ingest, assets, cli).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

from pipelines.feeds.base import Feed
from pipelines.feeds.catalog import all_feeds
from pipelines.registry import Registry
from pipelines.sample import PULLS, WorldAdapter
from pipelines.settings import Clock, FixedClock, Home, Mode, Settings, SimulatedClock
from pipelines.transport.archive import Archive
from pipelines.transport.session import Session, Transport
from pipelines.warehouse.errors import NothingToBuild
from pipelines.warehouse.home import check_mode, claim, held
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Window

SAMPLE_WINDOW = Window(date(2024, 1, 1), date(2024, 12, 31))
READING_CODE = (
    "address_sets.py",
    "bridges.py",
    "chain_periods.py",
    "chains.py",
    "evm",
    "feeds",
    "gathering.py",
    "tables",
    "ingest.py",
    "reading.py",
    "registry.py",
    "transport/screening.py",
    "warehouse/runs.py",
    "warehouse/writer.py",
    "wire.py",
)
"""What decides how a body reads; with the seeds it makes the fingerprint that a loaded table remembers."""


READS = {
    "activity": ("market",),
    "bridges": ("market",),
    "da": ("market",),
    "etf": ("market",),
    "market": ("tvl",),
    "raas": ("activity", "da", "market", "tvl"),
    "stacking": ("market", "tvl"),
    "tvl": ("market",),
}
"""The marts of a subject read feeds of others too: a run that is given the subject brings them along."""


class BadUsage(Exception):
    """The options do not fit together, or name something that is not there."""


class Runtime:
    """One home, one mode, and the rooms set up for them. `transport` and `feeds` are given by tests."""

    def __init__(self, settings: Settings, transport: Transport | None = None, feeds: list[Feed] | None = None) -> None:
        self.settings = settings
        own_endpoints = {chain_id: urls.split() for chain_id, urls in settings.endpoints.items()}
        self.registry = Registry(settings.seeds, own_endpoints, frozenset(settings.chains))
        self.feeds = feeds if feeds is not None else all_feeds(self.registry)
        self._transport = transport

    @property
    def mode(self) -> Mode:
        return self.settings.feeds

    @property
    def home(self) -> Home:
        return self.settings.at

    @cached_property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.home.build, {feed.table_name: feed.delivers for feed in self.feeds})

    @cached_property
    def archive(self) -> Archive:
        """The archive of this run: that of the home, or in mode archive the one given, opened read-only."""
        if self.mode is Mode.ARCHIVE:
            return Archive(self.settings.archive_dir, read_only=True)
        return Archive.create(self.settings.archive_dir, "sample" if self.mode is Mode.SAMPLE else "public")

    @cached_property
    def clock(self) -> Clock:
        """The one clock: now in live, the newest answer in archive, the world's own in sample."""
        if self._transport:
            return self._transport.clock
        if self.mode is Mode.LIVE:
            return Clock()
        if self.mode is Mode.SAMPLE:
            return SimulatedClock(PULLS)
        newest = self.archive.newest()
        if newest is None:
            raise NothingToBuild(f"The archive {self.archive.path} holds no answer.\nFile one: outcrop archive import")
        return FixedClock(newest)

    def as_of(self) -> datetime:
        """The instant that a build speaks for: nothing fetched after it is seen."""
        return self.settings.as_of or self.clock.now()

    @contextmanager
    def session(self) -> Generator[Session, None, None]:
        """Somebody to ask: the network in live, the simulated world in sample. Raises `BadUsage` in archive."""
        if self.mode is Mode.ARCHIVE:
            raise BadUsage("Mode archive never asks an upstream; `outcrop load --feeds archive` reads what is there.")
        transport = self._transport
        if transport is None:
            is_sample = self.mode is Mode.SAMPLE
            adapter = WorldAdapter(self.registry, self.clock) if is_sample else None
            transport = Transport(clock=self.clock, adapter=adapter, paced=not is_sample)
        sources, endpoints = self.registry.sources.values(), self.registry.all_endpoints
        with Session(self.archive, sources, transport, self.settings, endpoints) as session:
            yield session

    @property
    def selected(self) -> list[Feed]:
        """The feeds that this run asks and loads; a source that is named is not joined by any other."""
        feeds = self.of_subjects(self.settings.subjects) if self.settings.subjects else self.feeds
        sources = self.settings.sources
        return [feed for feed in feeds if not sources or feed.source in sources]

    def of_subjects(self, subjects: Iterable[str]) -> list[Feed]:
        """The feeds of some subjects and those that their marts read beside."""
        wanted = {read for subject in subjects for read in (subject, *READS.get(subject, ()))}
        return [feed for feed in self.feeds if feed.subject in wanted]

    def why_off(self, feed: Feed) -> str | None:
        """Why the feed is not asked, and what turns it on; None where it is. Archived answers load in any case."""
        source = feed.manners
        if source.access == "key" and (self.mode is Mode.SAMPLE or source.source_id not in self.settings.keys):
            variable = f"OUTCROP_KEYS__{source.source_id.upper()}"
            return f"{source.name} wants a key and is asked in mode live only: set {variable}"
        if source.access == "contact" and self.mode is Mode.LIVE and not self.settings.contact:
            return f"{source.name} wants to know who asks: set OUTCROP_CONTACT to your name and address"
        is_chosen = self.mode is Mode.LIVE and self.settings.chains and feed.source in self.settings.sources
        if feed.by_choice and not is_chosen:
            choice = f"--select {feed.subject} --chain ID --source {feed.source} --from DAY --to DAY"
            return f"{feed.raw_ids[0]} is asked by choice and in mode live only: outcrop run --feeds live {choice}"
        return None

    def window_to_ask(self, feed: Feed) -> Window:
        """The days that may be asked for: those given in live, else all of history.

        The simulated world is always asked for all of it, so that its archive does not depend on who asked first.
        """
        first, last = feed.manners.history_from, self.clock.now().date()
        if self.mode is Mode.LIVE:
            return Window(self.settings.first_day or first, self.settings.last_day or last)
        return Window(first, last)

    @property
    def window_to_show(self) -> tuple[date | None, date | None]:
        """The days that the marts show. It slices them and changes no figure; a live home shows all it has."""
        if self.mode is Mode.LIVE:
            return None, None
        default = (SAMPLE_WINDOW.first, SAMPLE_WINDOW.last) if self.mode is Mode.SAMPLE else (None, None)
        return self.settings.first_day or default[0], self.settings.last_day or default[1]

    @cached_property
    def reader(self) -> str:
        """Fingerprint of the reading code and the seeds: when it changes, tables are filled anew."""
        package = Path(__file__).parent
        places = [package / name for name in READING_CODE]
        code = [file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))]
        digest = hashlib.sha256()
        for file in sorted(code, key=lambda file: str(file.relative_to(package))):
            digest.update(file.read_bytes())
        for file in sorted(self.settings.seeds.glob("*.csv")):
            digest.update(file.name.encode() + file.read_bytes())
        return digest.hexdigest()[:16]

    @contextmanager
    def hold(self, say: Callable[[str], None]) -> Generator[Runtime, None, None]:
        """Hold the home for one run. Raises `WrongHome`, `LockNotHad`."""
        check_mode(self.home, self.mode)
        with held(self.home, self.settings.lock_wait_seconds, say):
            claim(self.home, self.mode, self.settings.archive_dir)
            yield self
