"""SIGKILL at the worst moments: the published file is never broken, and the next run ends as if nothing had been."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from house import SMALL, Outcrop, Reader, digest, kill_when, sha256

PHASES: dict[str, Callable[[Path], bool]] = {
    "asking": lambda home: any(home.glob("archive/bodies/*/*.zst")),
    "loading": lambda home: any(home.glob("build/outcrop.duckdb*")),
    "building": lambda home: any(home.glob("build/dbt/run/**/int_*.sql")),
    "publishing": lambda home: (home / "build/publishing/outcrop.duckdb").exists(),
}
"""In the order of a run: what shows in the home that the phase has begun."""


@pytest.mark.timeout(300)
def test_a_killed_run_leaves_the_file_whole_and_the_next_one_recovers(
    small: Path, outcrop: Outcrop, copy_of_small: Path
) -> None:
    """One home, killed once in each phase: every run has to get past the wreck of the one before."""
    home, undisturbed = copy_of_small, digest(small)
    shutil.rmtree(home / "build")
    shutil.rmtree(home / "archive")
    published = sha256(home / "outcrop.duckdb")
    with Reader(home) as reader:
        for phase, has_begun in PHASES.items():
            process = outcrop.start("run", "--home", home, *SMALL)
            assert kill_when(process, lambda has_begun=has_begun: has_begun(home)), f"{phase}: never seen"
            assert process.returncode == -9, f"{phase}: the run had ended before it was killed"
            assert digest(home) == undisturbed, phase
        assert sha256(home / "outcrop.duckdb") == published, "killed before the rename: still the old file"
        ran = outcrop("run", "--home", home, *SMALL)
    assert ran.status == 0, ran.text
    assert digest(home) == undisturbed
    assert reader.failures == []
    assert len(reader.builds) == 2
    assert not (home / "build" / "publishing").exists()
    [verified] = outcrop.several(("archive", "verify", "--archive", home / "archive"))
    assert verified.status == 0, verified.text
