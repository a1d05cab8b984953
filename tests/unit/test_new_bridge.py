"""A bridge of a known kind is rows of the seeds and no code: it is asked for, decoded, and in the mart."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb

from pipelines.settings import Settings

OUTCROP = Path(sys.executable).with_name("outcrop")
LEGACY = {
    "deposit": (
        "DepositFinalized(address indexed l1Token, address indexed l2Token, address indexed from, address to,"
        " uint256 amount, bytes extraData)",
        "0xb0444523268717a02698be47d0803aa7468c00acbed2f8bd93a0459cde61dd89",
    ),
    "withdrawal": (
        "WithdrawalInitiated(address indexed l1Token, address indexed l2Token, address indexed from, address to,"
        " uint256 amount, bytes extraData)",
        "0x73d170910aba9e6d50b102db522b1dbcd796216f5128b445aa2135272886497e",
    ),
}
"""The other family of events of BOB's standard bridge: it tells of the same transfers."""


def add(seed: Path, **cells: str) -> None:
    with seed.open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    with seed.open("a", encoding="utf-8", newline="") as file:
        csv.DictWriter(file, columns, restval="", lineterminator="\n").writerow(cells)


def run(home: Path, seeds: Path, *words: str) -> None:
    environment: Mapping[str, str] = os.environ | {"OUTCROP_SEEDS": str(seeds)}
    command = [str(OUTCROP), "run", "--home", str(home), "--source", "evm_rpc", "--chain", "bob", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_rows_of_the_seeds_are_a_new_bridge_in_the_mart(tmp_path: Path) -> None:
    seeds, home = tmp_path / "seeds", tmp_path / "home"
    shutil.copytree(Settings().seeds, seeds)
    add(seeds / "bridges.csv", bridge_id="bob_legacy_events", name="The same, told in the old way",
        bridge_group="bob_legacy_events", operator="BOB", chain_id="bob", trust_model="challenge", is_native="true",
        has_feed="true", launched_on="2024-04-11", definition="For a test.", source_url="none")  # fmt: skip
    for kind, (declaration, topic0) in LEGACY.items():
        add(seeds / "bridge_contracts.csv", bridge_id="bob_legacy_events", chain_id="bob", kind=kind,
            address="0x4200000000000000000000000000000000000010", declaration=declaration, topic0=topic0,
            from_block="0", amount_field="amount", account_field="from", token_field="l2Token", raw_unit="token",
            source_url="none")  # fmt: skip
    run(home, seeds)
    told = "select date_day, deposit_btc, withdrawal_btc from marts.bridge_throughput where bridge_id = ? order by 1"
    with duckdb.connect(home / "outcrop.duckdb", read_only=True) as connection:
        new, known = (
            connection.execute(told, [name]).fetchall() for name in ("bob_legacy_events", "bob_canonical_bridge")
        )
    assert len(new) > 200
    assert sum(deposit for _, deposit, _ in new) > 0
    assert new == known
