"""The commands that read a home: query in every format, digest, explain down to the bytes, archive, doctor."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import zstandard
from house import Built, Outcrop, Ran, digest, rows
from readings import cell

SQL = "select fund_id, trade_date, net_flow_usd from marts.etf_flows where trade_date = '2024-03-12' order by fund_id"
CELL = re.compile(r"t0/r(\d+)/c(\d+)\s+(\S+)")


@pytest.fixture(scope="module")
def said(sample: Built, outcrop: Outcrop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    parquet = tmp_path_factory.mktemp("said") / "flows.parquet"
    key = ("fund_id=ibit", "trade_date=2024-03-12")
    commands = {
        "table": ("query", SQL),
        "csv": ("query", SQL, "--format", "csv"),
        "json": ("query", SQL, "--format", "json"),
        "parquet": ("query", SQL, "--format", "parquet", "--out", parquet),
        "digest": ("digest",),
        "explain": ("explain", "etf_flows", *key),
        "explain column": ("explain", "etf_flows", *key, "--column", "net_flow_usd"),
        "ls": ("archive", "ls"),
        "verify": ("archive", "verify"),
        "doctor": ("doctor", "--offline"),
    }
    ran = outcrop.several(*((*words, "--home", sample.home) for words in commands.values()))
    said = dict(zip(commands, ran, strict=True))
    said["parquet"] = Ran(said["parquet"].status, str(parquet), said["parquet"].err)
    return said


def test_every_command_ends_well_and_quietly(said: dict[str, Ran]) -> None:
    assert {name: ran.text for name, ran in said.items() if ran.status != 0} == {}
    assert {name: ran.err for name, ran in said.items() if ran.err} == {}


def test_a_query_says_the_same_in_every_format(sample: Built, said: dict[str, Ran]) -> None:
    expected = [(fund, str(day), str(usd)) for fund, day, usd in rows(sample.home, SQL)]
    assert len(expected) > 8
    header, *lines = csv.reader(io.StringIO(said["csv"].out))
    assert header == ["fund_id", "trade_date", "net_flow_usd"]
    assert [tuple(line) for line in lines] == expected
    told = [json.loads(line, parse_float=Decimal) for line in said["json"].out.splitlines()]
    assert [(row["fund_id"], row["trade_date"], Decimal(row["net_flow_usd"])) for row in told] == [
        (fund, day, Decimal(usd)) for fund, day, usd in expected
    ]
    frame = pl.read_parquet(said["parquet"].out)
    assert [(fund, str(day), str(usd)) for fund, day, usd in frame.iter_rows()] == expected
    assert [word for line in expected for word in line if word not in said["table"].out] == []


def test_digest_is_one_line_for_each_mart(sample: Built, said: dict[str, Ran]) -> None:
    assert said["digest"].out.splitlines() == [f"{name} {count} {sha}" for name, count, sha in digest(sample.home)]


def test_a_receipt_ends_at_the_archived_bytes(sample: Built, said: dict[str, Ran]) -> None:
    """From the mart to the cell of the page, and the page really is what the archive holds under that name."""
    receipt = said["explain column"].out
    [(row, column, text)] = CELL.findall(receipt)
    [sha] = re.findall(r"sha256 ([0-9a-f]{64})", receipt)
    [file] = sample.archive.glob(f"bodies/*/{sha}*")
    body = zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes())
    assert hashlib.sha256(body).hexdigest() == sha
    assert cell(body, int(row), int(column)) == text
    flow = "select net_flow_usd from marts.etf_flows where fund_id = 'ibit' and trade_date = '2024-03-12'"
    assert rows(sample.home, flow) == [(Decimal(text.replace(",", "")) * 1_000_000,)]


def test_a_whole_receipt_names_every_relation_and_source_on_the_way(said: dict[str, Ran]) -> None:
    receipt = said["explain"].out
    way = ("marts.etf_flows", "intermediate.int_etf_flows_ranked", "feeds.farside__etf_flows")
    assert [relation for relation in (*way, "feeds.btcetffundflow__etf_holdings") if relation not in receipt] == []
    assert "GET https://btcetffundflow.com/us" in receipt
    assert "chart3" in receipt


def test_the_archive_can_be_listed_and_verified(said: dict[str, Ran]) -> None:
    lines = [line for line in said["ls"].out.splitlines() if " farside/" in line or " btcetffundflow/" in line]
    assert len(lines) == 10, "five pulls of two feeds"
    asked_at = [line[:19] for line in lines]
    assert asked_at == sorted(asked_at)
    assert all(" ok " in line for line in lines)
    attempts = len(said["ls"].out.splitlines())
    assert f"{attempts} attempts" in said["verify"].out.replace(",", "")
    assert "Every body is what the ledger says." in said["verify"].out


def test_verify_names_a_body_that_is_not_what_was_filed(outcrop: Outcrop, copy_of_sample: Path) -> None:
    """In a home that was copied: it looks into its own archive, not into that of the home it was copied from."""
    victim = next(copy_of_sample.glob("archive/bodies/*/*.zst"))
    victim.write_bytes(zstandard.compress(b"forged"))
    ran = outcrop("archive", "verify", "--home", copy_of_sample)
    assert ran.status == 4
    assert victim.name.removesuffix(".zst") in ran.text


def test_doctor_finds_a_good_home_well(sample: Built, said: dict[str, Ran]) -> None:
    lines = said["doctor"].out.splitlines()
    assert len(lines) >= 8
    assert [line for line in lines if not line.strip().startswith("ok")] == []
    assert "farside/etf_flows" in said["doctor"].out
    assert sample.home.exists()
