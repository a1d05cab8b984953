"""Typed settings from the environment, the three modes, the paths of a home, and the one clock.

Belongs here: everything a user may set, and what is derived from it alone.
Not here: anything that opens a file or a connection.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
FILE_NAME = "outcrop.duckdb"
"""The stem is the catalog name inside DuckDB, so every copy of the file keeps it."""


class Mode(StrEnum):
    """Where answers come from. Rows of two modes never meet."""

    SAMPLE = "sample"
    LIVE = "live"
    ARCHIVE = "archive"


@dataclass(frozen=True)
class Home:
    """The paths of one home. Nothing here touches the disk."""

    path: Path

    @property
    def marker(self) -> Path:
        return self.path / "home.json"

    @property
    def lock(self) -> Path:
        return self.path / "run.lock"

    @property
    def archive(self) -> Path:
        return self.path / "archive"

    @property
    def build(self) -> Path:
        return self.path / "build" / FILE_NAME

    @property
    def dbt_target(self) -> Path:
        return self.path / "build" / "dbt"

    @property
    def published(self) -> Path:
        return self.path / FILE_NAME

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def dagster(self) -> Path:
        return self.path / "dagster"


class Settings(BaseSettings):
    """What a user may set, each by an environment variable `OUTCROP_<NAME>` or a command line option."""

    model_config = SettingsConfigDict(
        env_prefix="OUTCROP_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    feeds: Mode = Mode.SAMPLE
    home: Path | None = None
    archive: Path | None = None
    first_day: date | None = None
    last_day: date | None = None
    as_of: datetime | None = None
    subjects: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    seeds: Path = ROOT / "dbt_project" / "seeds"
    contact: str = ""
    keys: dict[str, SecretStr] = {}
    """Keys of sources that want one, by source_id: `OUTCROP_KEYS__SOSOVALUE`."""
    endpoints: dict[str, str] = {}
    """The user's own EVM nodes by chain_id, asked before the public ones: `OUTCROP_ENDPOINTS__ROOTSTOCK`.

    One address, or several with spaces between. A key in its path or query is sent and written nowhere.
    """
    lock_wait_seconds: float = 600
    request_timeout_seconds: float = 30
    max_body_bytes: int = 64 * 1024 * 1024

    @field_validator("as_of")
    @classmethod
    def naive_utc(cls, value: datetime | None) -> datetime | None:
        return utc(value) if value else None

    @field_validator("contact")
    @classmethod
    def fits_a_header(cls, value: str) -> str:
        if not value.isprintable() or not value.isascii():
            raise ValueError("write it in one line of ASCII, such as data@example.org: it is sent as a header")
        return value

    @field_validator("keys")
    @classmethod
    def fit_a_header(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for source_id, key in keys.items():
            cls.fits_a_header(key.get_secret_value())
            if not key.get_secret_value().strip():
                raise ValueError(f"the key of {source_id} is empty; leave the variable out")
        return {source_id.lower(): key for source_id, key in keys.items()}

    @field_validator("endpoints")
    @classmethod
    def are_addresses(cls, endpoints: dict[str, str]) -> dict[str, str]:
        for chain_id, urls in endpoints.items():
            for url in urls.split() or [""]:
                place = urlsplit(url)
                if place.scheme not in ("http", "https") or not place.hostname:
                    raise ValueError(f"a node of {chain_id} is an address such as http://10.0.0.5:8545")
                if place.username is not None:
                    raise ValueError(f"a node of {chain_id} has a user in its address; only keys in its path are kept")
        return {chain_id.lower(): urls for chain_id, urls in endpoints.items()}

    @property
    def at(self) -> Home:
        """The home of this run: the one given, or `warehouse/<mode>` of the checkout."""
        return Home((self.home or ROOT / "warehouse" / self.feeds).absolute())

    @property
    def archive_dir(self) -> Path:
        return (self.archive or self.at.archive).absolute()


def utc(moment: datetime) -> datetime:
    """The instant as naive UTC; a value without a zone is taken to be UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


class Clock:
    """The wall clock of mode live, and the only place that reads it. Instants are naive UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)

    def pulls(self) -> Iterator[datetime]:
        """The instants at which a run asks the upstreams: once, now."""
        yield self.now()


@dataclass(frozen=True)
class FixedClock(Clock):
    """A clock that stands: mode archive (the newest `fetched_at`) and builds with `as_of`."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


@dataclass
class SimulatedClock(Clock):
    """The clock of the simulated world: it stands at the last pull, and visits each pull while a run asks."""

    schedule: tuple[datetime, ...]
    _current: list[datetime] = field(default_factory=list)

    def now(self) -> datetime:
        return self._current[-1] if self._current else self.schedule[-1]

    def pulls(self) -> Iterator[datetime]:
        for instant in self.schedule:
            with self._standing_at(instant):
                yield instant

    @contextmanager
    def _standing_at(self, instant: datetime) -> Generator[None, None, None]:
        self._current.append(instant)
        try:
            yield
        finally:
            self._current.pop()
