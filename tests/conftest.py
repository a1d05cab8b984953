"""What every test folder shares: this folder on the import path, and the recorded answers of real upstreams.

Belongs here: fixtures for all tests. Those of whole runs are in integration/conftest.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

CONTRACTS = Path(__file__).resolve().parents[2] / "shared" / "contracts"
"""Recorded answers, read in place; the folder is no part of the repository."""


NO_RECORDING = "needs the recorded answers"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Where skips are forbidden (.ci/run), a skipped test has failed; only recordings cannot be installed."""
    report = yield
    if os.environ.get("OUTCROP_FORBID_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(call.excinfo.value) if call.excinfo else ""
        if NO_RECORDING not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, and skips are forbidden here: {reason}"
    return report


SMALL_HOUSES = ("test_as_of", "test_dagster_house", "test_kill_and_recover", "test_live_path")
"""Files of whole houses that need none of the large ones: they go beside them."""


class ByHouse(LoadScopeScheduling):
    """Which tests share a process where several run them: those of whole houses one, each other file one of its own."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if "/integration/" not in file:
            return file
        return "small houses" if Path(file).stem in SMALL_HOUSES else "houses"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByHouse(config, log)


@pytest.fixture(scope="session")
def recording() -> Callable[[str], Path]:
    """The path of a recorded answer; the test is skipped where the recordings are not at hand."""

    def find(name: str) -> Path:
        file = CONTRACTS / name
        if not file.exists():
            pytest.skip(f"{NO_RECORDING}: {file}")
        return file

    return find


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_shell() -> Iterator[None]:
    """Tests choose their own settings: what the shell says of outcrop and Dagster is put aside."""
    names = [name for name in os.environ if name.startswith("OUTCROP_") or name == "DAGSTER_HOME"]
    kept = {name: os.environ.pop(name) for name in names if name != "OUTCROP_FORBID_SKIPS"}
    yield
    os.environ.update(kept)
