"""Where Dagster keeps the events of a home's runs: its own SQLite log, with its connections kept open.

Belongs here: that one difference. Dagster opens and closes a database for each event, and a run that fills a year of
day partitions has thousands of them.
Not here: what the events are.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import SqliteStorageConfig
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.event import listen

BUSY_TIMEOUT_SECONDS = 30


class KeptEventLog(SqliteEventLogStorage):
    """`SqliteEventLogStorage` with one engine for each of its files. Named in the dagster.yaml of a home."""

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        return {}

    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection, None, None]:
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                options = {"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
                engine = create_engine(self.conn_string_for_shard(shard), connect_args=options)
                listen(engine, "connect", _without_waiting_for_the_disk)
                self._engines[shard] = engine
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: SqliteStorageConfig
    ) -> SqliteEventLogStorage:
        return cls(inst_data=inst_data, **config_value)

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        super().dispose()


def _without_waiting_for_the_disk(connection: Any, _: object) -> None:
    """Events of a killed run are kept; those of the last second before a power cut may be lost."""
    connection.execute("pragma synchronous = off")
