"""The gate of the benchmarks on the smallest chain: our side, and the peers installed, are exact. Nothing is timed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipelines.settings import ROOT

BENCH = ROOT / "tests" / "bench"


@pytest.mark.parametrize(
    ("script", "told"),
    [("bench_extract.py", "ours: exact"), ("bench_decode.py", "erc721_transfer: 403 rows")],
)
def test_our_side_of_a_benchmark_comes_to_the_truth(script: str, told: str):
    run = subprocess.run([sys.executable, BENCH / script, "--smoke"], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert told in run.stdout
