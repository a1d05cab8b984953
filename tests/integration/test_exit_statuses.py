"""What ends how: the exit status, the words, and what stands afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from house import SMALL, Built, Outcrop, digest, rows, sha256, without_network

from pipelines.settings import Settings

FARSIDE_URL = "https://farside.co.uk/btc/"


@pytest.fixture(scope="module")
def refused(outcrop: Outcrop, sample: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple]:
    """Commands that cannot be done as they were given, each with its status and words."""
    new = tmp_path_factory.mktemp("refused")
    page = new / "page.html"
    page.write_text("<html><table><tr><td>1</td></tr></table></html>", encoding="utf-8")
    filing = ("archive", "import", "--file", page)
    at = ("--fetched-at", "2026-07-24T15:00Z")
    commands = {
        "subject": ("run", "--home", new / "a", "--select", "weather"),
        "source": ("run", "--home", new / "a", "--source", "nobody"),
        "source without key": ("run", "--home", new / "a", "--source", "sosovalue"),
        "another mode": ("run", "--home", sample.home, "--feeds", "archive", "--archive", new / "archive"),
        "archive in sample": ("run", "--home", new / "a", "--archive", sample.archive),
        "no archive": ("load", "--home", new / "a", "--feeds", "archive"),
        "days": ("run", "--home", new / "a", "--from", "2024-02-01", "--to", "2024-01-01"),
        "nobody's url": (*filing, *at, "--archive", new / "a", "--url", "https://example.org/btc/"),
        "sample archive": (*filing, *at, "--archive", sample.archive, "--url", FARSIDE_URL),
        "time": (*filing, "--fetched-at", "yesterday", "--archive", new / "a", "--url", FARSIDE_URL),
        "time to come": (*filing, "--fetched-at", "2162-01-01", "--archive", new / "a", "--url", FARSIDE_URL),
        "into a sample home": (*filing, *at, "--feeds", "sample", "--home", new / "a", "--url", FARSIDE_URL),
        "broken url": (*filing, *at, "--archive", new / "a", "--url", "https://[x/btc/"),
        "another mode read": ("digest", "--feeds", "live", "--home", sample.home),
        "copying": ("query", f"copy (select 1) to '{new}/leak.csv'", "--home", sample.home),
        "two statements": ("query", "select 1; select 2", "--home", sample.home),
        "unknown format": ("query", "select 1", "--out", new / "rows.xlsx", "--home", sample.home),
        "many rows": ("explain", "etf_flows", "fund_id=ibit", "--home", sample.home),
        "key": ("explain", "etf_flows", "fund_id=nobody", "trade_date=2024-03-12", "--home", sample.home),
        "key column": ("explain", "etf_flows", "colour=red", "--home", sample.home),
        "sql": ("query", "select nonsense from marts.etf_flows", "--home", sample.home),
        "writing": ("query", "delete from marts.etf_flows", "--home", sample.home),
    }
    ran = outcrop.several(*commands.values())
    left = sorted(entry.name for entry in new.iterdir())
    return {name: (done, left) for name, done in zip(commands, ran, strict=True)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("subject", ["weather", "etf"]),
        ("source", ["nobody", "farside"]),
        ("source without key", ["SoSoValue", "OUTCROP_KEYS__SOSOVALUE"]),
        ("another mode", ["sample", "--home"]),
        ("archive in sample", ["--feeds archive"]),
        ("no archive", ["--archive DIR"]),
        ("days", ["--from", "--to"]),
        ("nobody's url", ["example.org", FARSIDE_URL, "https://btcetffundflow.com/us"]),
        ("sample archive", ["sample", "public"]),
        ("time", ["yesterday", "2024-11-21T14:00Z"]),
        ("time to come", ["2162-01-01", "still to come"]),
        ("into a sample home", ["simulated world", "--archive DIR"]),
        ("broken url", ["https://[x/btc/"]),
        ("another mode read", ["sample", "--home"]),
        ("copying", ["read-only"]),
        ("two statements", ["one statement"]),
        ("unknown format", ["rows.xlsx", "parquet"]),
        ("many rows", ["245 rows"]),
        ("key", ["fund_id=nobody"]),
        ("key column", ["colour"]),
        ("sql", ["nonsense"]),
        ("writing", ["read-only"]),
    ],
)
def test_bad_usage_is_status_2_and_says_what_would_be_right(
    refused: dict[str, tuple], name: str, words: list[str]
) -> None:
    ran, left = refused[name]
    assert ran.status == 2, ran.text
    assert [word for word in words if word not in ran.err] == [], ran.err
    assert "Traceback" not in ran.text
    assert len(ran.text.splitlines()) < 25, "an error fits on one screen"
    assert left == ["page.html"], "a refused command leaves nothing behind"


def test_a_fetch_that_nobody_answers_is_status_3_and_names_every_feed(tmp_path: Path) -> None:
    """In an empty network namespace, so that nothing leaves the machine."""
    if not without_network():
        pytest.skip("needs unshare -n")
    ran = Outcrop(tmp_path, prefix=without_network())("fetch", "--feeds", "live", "--home", tmp_path / "home", *SMALL)
    assert ran.status == 3, ran.text
    for words in ("farside/etf_flows", "btcetffundflow/etf_holdings", "Failed to resolve", "outcrop load"):
        assert words in ran.err, ran.err
    assert "Traceback" not in ran.text


def test_an_archive_without_a_good_row_is_status_4_and_publishes_nothing(archives: dict[str, Built]) -> None:
    built = archives["nothing good"]
    assert built.ran.status == 4, built.ran.text
    assert not (built.home / "outcrop.duckdb").exists()
    assert "challenge" in built.ran.err
    assert "outcrop archive" in built.ran.err
    assert "Traceback" not in built.ran.text


def test_a_held_home_is_waited_for_and_then_status_4(outcrop: Outcrop, copy_of_sample: Path) -> None:
    before = digest(copy_of_sample)
    with FileLock(copy_of_sample / "run.lock"):
        ran = outcrop("run", "--home", copy_of_sample, OUTCROP_LOCK_WAIT_SECONDS="0.3")
        looked = outcrop("doctor", "--offline", "--home", copy_of_sample)
    assert ran.status == 4, ran.text
    assert "waiting" in ran.err
    assert "OUTCROP_LOCK_WAIT_SECONDS" in ran.err
    assert "a run is in progress" in looked.out
    assert digest(copy_of_sample) == before


def test_a_bot_wall_after_a_good_page_is_status_3_and_what_stood_stands(archives: dict[str, Built]) -> None:
    built = archives["wall"]
    assert built.ran.status == 3, built.ran.text
    told = built.ran.err
    assert "farside" in told
    assert f"GET {FARSIDE_URL}" in told
    assert "bot challenge" in told
    assert f"outcrop archive import --url {FARSIDE_URL}" in told
    assert "Traceback" not in built.ran.text
    flows = "select fund_id, trade_date, net_flow_usd from marts.etf_flows where net_flow_usd is not null order by all"
    assert rows(built.home, flows) == rows(archives["both"].home, flows)
    assert rows(built.home, "select table_name, outcome from meta.incidents") == [("farside__etf_flows", "challenge")]


def test_a_blocking_test_is_status_1_and_the_file_before_stays_byte_for_byte(
    outcrop: Outcrop, copy_of_small: Path, tmp_path: Path
) -> None:
    """Somebody mistypes one leg of the Grayscale transfer: what one fund books out, the other no longer books in."""
    seeds = tmp_path / "seeds"
    shutil.copytree(Settings().seeds, seeds)
    actions = seeds / "corporate_actions.csv"
    text = actions.read_text(encoding="utf-8")
    assert text.count(",26935.83753443,") == 1
    actions.write_text(text.replace(",26935.83753443,", ",26935.83753442,"), encoding="utf-8")
    before = sha256(copy_of_small / "outcrop.duckdb")

    ran = outcrop("run", "--home", copy_of_small, *SMALL, OUTCROP_SEEDS=seeds)

    assert ran.status == 1, ran.text
    assert "the_two_legs_of_a_transfer_cancel" in ran.err
    assert "Traceback" not in ran.text
    assert sha256(copy_of_small / "outcrop.duckdb") == before
    assert len(list((copy_of_small / "snapshots").iterdir())) == 1
    assert (seeds / "corporate_actions.csv").read_text(encoding="utf-8") != text, "dbt left the seeds alone"


def test_what_is_asked_before_the_first_run_says_how_to_build(outcrop: Outcrop, tmp_path: Path) -> None:
    home = ("--home", tmp_path / "new")
    for ran in outcrop.several(("query", "select 1", *home), ("digest", *home)):
        assert ran.status == 4, ran.text
        assert "outcrop run" in ran.err
    assert not (tmp_path / "new").exists()
