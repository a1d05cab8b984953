"""The expensive things, made once: sample homes and archive homes that several stories look at.

Belongs here: session fixtures that run the command. A test that changes a home copies it first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from house import SMALL, Again, Built, Outcrop, Reader, contents, digest, sha256, together, without_network

FARSIDE = "farside/btc_2026-07-23.html"
HOLDINGS = "btcetffundflow/us_page_2025-11_2025-12.html"
HOLDINGS_JSON = "btcetffundflow/us_next_data_2025-11_2025-12.json"
FARSIDE_URL = "https://farside.co.uk/btc/"
HOLDINGS_URL = "https://btcetffundflow.com/us"
IBIT_FILE = "ishares/IBIT_holdings_2026-05-06.csv"
IBIT_URL = (
    "https://www.ishares.com/us/products/333011/fund/1467271812596.ajax"
    "?dataType=fund&fileName=IBIT_holdings&fileType=csv&asOfDate=20260506"
)
BITBO = "bitbo/us_etf_flows_table_2025-12.html"
BITBO_URL = "https://bitbo.io/treasuries/etf-flows/"
CHALLENGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>wait</body></html>"


@pytest.fixture(scope="session")
def outcrop(tmp_path_factory: pytest.TempPathFactory) -> Outcrop:
    return Outcrop(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="session")
def watched_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Built]:
    """A run with the socket guard in every Python process, and without a network where the machine allows it."""

    def run(home: Path, archive: Path, *words: object) -> Built:
        guard = tmp_path_factory.mktemp("guard")
        before = contents(archive)
        ran = Outcrop(home.parent, guard, without_network())("run", "--home", home, *words)
        notes = [line for file in sorted(guard.glob("*.txt")) for line in file.read_text().splitlines()]
        return Built(home, ran, archive, notes, len(list(guard.glob("watched-*"))), before)

    return run


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, watched_run: Callable[..., Built]) -> Built:
    """A fresh home, built in sample mode."""
    home = tmp_path_factory.mktemp("sample") / "home"
    built = watched_run(home, home / "archive")
    assert built.ran.status == 0, built.ran.text
    return built


@pytest.fixture(scope="session")
def small(outcrop: Outcrop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of the simulated world with two sources in it."""
    home = tmp_path_factory.mktemp("small") / "home"
    ran = outcrop("run", "--home", home, *SMALL)
    assert ran.status == 0, ran.text
    return home


@pytest.fixture
def copy_of_small(small: Path, tmp_path: Path) -> Path:
    """A small home that a test may change."""
    return Path(shutil.copytree(small, tmp_path / "home"))


@pytest.fixture(scope="session")
def again(small: Path, outcrop: Outcrop, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """A copy of the small home, run once more; then without its build, loaded from its archive."""
    home = tmp_path_factory.mktemp("again") / "home"
    shutil.copytree(small, home)
    before, first = contents(home / "archive"), digest(home)
    with Reader(home) as reader:
        second = outcrop("run", "--home", home, *SMALL)
    assert second.status == 0, second.text
    after, second_digest = contents(home / "archive"), digest(home)
    shutil.rmtree(home / "build")
    reloaded = outcrop("load", "--home", home)
    return Again(home, second, (before, after), (first, second_digest, digest(home)), reader, reloaded)


@pytest.fixture(scope="session")
def archives(
    outcrop: Outcrop,
    recording: Callable[[str], Path],
    watched_run: Callable[..., Built],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Built]:
    """Homes over archives of recorded pages: both in two orders, holdings alone, flows with a bot wall after."""
    folder = tmp_path_factory.mktemp("archives")
    flows, held = recording(FARSIDE), recording(HOLDINGS)
    wall = folder / "wall.html"
    wall.write_text(CHALLENGE, encoding="utf-8")
    flows_in = (FARSIDE_URL, flows, "2026-07-24T15:00Z")
    held_in = (HOLDINGS_URL, held, "2025-12-31T15:00Z")
    wall_in = (FARSIDE_URL, wall, "2026-07-25T15:00Z")
    kinds = {
        "both": (flows_in, held_in),
        "other order": (held_in, flows_in),
        "holdings only": (held_in,),
        "other sources": (
            (IBIT_URL, recording(IBIT_FILE), "2026-05-07T15:00Z"),
            (BITBO_URL, recording(BITBO), "2025-12-18T15:00Z"),
        ),
        "wall": (flows_in, wall_in),
        "nothing good": (wall_in,),
    }

    places = {name: folder / name.replace(" ", "_") for name in kinds}
    filings = [
        ("archive", "import", "--archive", places[name] / "archive", "--url", url, "--file", file, "--fetched-at", at)
        for name, answers in kinds.items()
        for url, file, at in answers
    ]
    assert [ran.text for ran in outcrop.several(*filings) if ran.status != 0] == []

    def build(place: Path) -> Built:
        archive = place / "archive"
        return watched_run(place / "home", archive, "--feeds", "archive", "--archive", archive)

    homes = together(*(lambda place=place: build(place) for place in places.values()))
    return dict(zip(kinds, homes, strict=True))


@pytest.fixture
def copy_of_sample(sample: Built, tmp_path: Path) -> Path:
    """A sample home that a test may change."""
    home = tmp_path / "home"
    shutil.copytree(sample.home, home)
    assert sha256(home / "outcrop.duckdb") == sha256(sample.home / "outcrop.duckdb")
    return home
