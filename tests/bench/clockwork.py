"""Where the seconds of our side go: a clock around each thing that a fetch and a load are made of.

Belongs here: measuring from outside; the house knows nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pipelines import reading
from pipelines.feeds.evm_bridges import EvmBridgeEvents
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.transport import courier
from pipelines.transport.archive import Archive
from pipelines.warehouse.writer import Warehouse


class Clockwork:
    """Where the seconds of a profiled run go; of a run that is timed it measures nothing."""

    def __init__(self, *, is_on: bool) -> None:
        self.is_on = is_on
        self.seconds: dict[str, float] = {"import (CPU)": time.process_time()}

    def measured(self, name: str) -> Stretch:
        return Stretch(self, name)

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0) + seconds

    def wind(self) -> None:
        """Put a clock around what a fetch and a load are made of."""
        if not self.is_on:
            return
        places: list[tuple[Any, str, str]] = [
            (courier.Courier, "_send", "send and wait"),
            (courier, "receive", "receive"),
            (Archive, "store", "archive: store"),
            (Archive, "append", "archive: ledger"),
            (Archive, "read", "archive: read"),
            (EvmLogs, "refusal", "judge"),
            (EvmLogs, "parse", "parse logs"),
            (EvmBridgeEvents, "parse", "parse and decode events"),
            (reading, "check", "contract"),
            (Warehouse, "load", "insert"),
            (Warehouse, "note", "notes"),
        ]
        for owner, name, label in places:
            setattr(owner, name, self._around(getattr(owner, name), label))

    def _around(self, function: Callable, label: str) -> Callable:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.measured(f"  {label}"):
                return function(*args, **kwargs)

        return timed

    def tell(self) -> None:
        if self.is_on:
            print("wall seconds; indented: parts of these, summed over their threads")
            for name, seconds in sorted(self.seconds.items(), key=lambda one: one[0].startswith(" ")):
                print(f"{seconds:7.2f} s {name}")


class Stretch:
    """One measured stretch of a run."""

    def __init__(self, clockwork: Clockwork, name: str) -> None:
        self._clockwork, self._name = clockwork, name

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._clockwork.add(self._name, time.perf_counter() - self._started)
