"""The archive keeps what it was given, in any order, through kills, and says so when it does not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.transport.archive import Archive, ArchiveError
from pipelines.transport.ledger import SCHEMA, LedgerRow, fetch_id_of
from pipelines.transport.verification import Fault
from pipelines.wire import Outcome, Request

NOON = datetime.fromisoformat("2026-11-20T12:00:00")
FEED = "farside/etf_flows"


def row_of(**changes) -> LedgerRow:
    values = {
        "feed": FEED,
        "method": "GET",
        "url": "https://farside.co.uk/btc/",
        "params": (("page", "1"), ("page", "2")),
        "request_body": None,
        "fetched_at": NOON,
        "status": 200,
        "content_type": "text/html",
        "charset": "utf-8",
        "headers": {"date": "Fri, 20 Nov 2026 12:00:00 GMT", "server": "cloudflare"},
        "bytes": 5,
        "sha256": None,
        "outcome": Outcome.OK,
    }
    return LedgerRow.of(**values | changes)


def ledger_files(archive: Archive) -> list[str]:
    folder = archive.path / "ledger"
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def faults(archive: Archive) -> list[Fault]:
    return [problem.fault for problem in archive.verify().problems]


@pytest.fixture
def archive(tmp_path) -> Archive:
    return Archive.create(tmp_path / "archive", "public")


def body_file(archive: Archive, sha256: str) -> Path:
    return archive.path / "bodies" / sha256[:2] / f"{sha256}.zst"


# Bodies


@pytest.mark.parametrize("body", [b"", b"<html>", bytes(3_000_000), os.urandom(1000)])
def test_a_body_comes_back_byte_for_byte(archive, body):
    sha256 = archive.store(body)
    assert sha256 == hashlib.sha256(body).hexdigest()
    assert archive.read(sha256) == body


def test_a_body_is_stored_once(archive):
    sha256 = archive.store(b"page")
    before = body_file(archive, sha256).stat()
    assert archive.store(b"page") == sha256
    assert body_file(archive, sha256).stat() == before


def test_two_threads_that_store_the_same_body_leave_one_whole_file(archive):
    body = os.urandom(200_000)
    with ThreadPoolExecutor(8) as threads:
        names = set(threads.map(lambda _: archive.store(body), range(32)))
    assert [archive.read(name) for name in names] == [body]
    assert len(list((archive.path / "bodies").rglob("*.*"))) == 1


def test_a_body_with_other_bytes_than_its_name_is_never_given_out(archive):
    sha256, other = archive.store(b"the truth"), archive.store(b"a lie")
    shutil.copy(body_file(archive, other), body_file(archive, sha256))
    with pytest.raises(ArchiveError, match=f"{sha256}.zst holds other bytes"):
        archive.read(sha256)


def test_a_damaged_and_a_missing_body_are_named(archive):
    sha256 = archive.store(b"x" * 1000)
    body_file(archive, sha256).write_bytes(b"not zstd")
    with pytest.raises(ArchiveError, match=f"{sha256}.zst cannot be unpacked"):
        archive.read(sha256)
    body_file(archive, sha256).unlink()
    with pytest.raises(ArchiveError, match=f"{sha256}.zst is missing"):
        archive.read(sha256)


def test_a_writer_killed_in_mid_body_leaves_nothing_that_counts(archive):
    sha256 = hashlib.sha256(b"page").hexdigest()
    unfinished = body_file(archive, sha256).parent / f".{sha256}.zst.4711.1.tmp"
    unfinished.parent.mkdir(parents=True)
    unfinished.write_bytes(b"half")
    assert not archive.has(sha256)
    assert archive.store(b"page") == sha256
    assert archive.read(sha256) == b"page"
    assert archive.verify().bodies == 1


# Identity


def test_an_archive_remembers_its_origin_and_refuses_another(archive):
    assert Archive.create(archive.path, "public").origin == "public"
    with pytest.raises(ArchiveError, match="never kept together"):
        Archive.create(archive.path, "sample")


def test_a_folder_that_is_no_archive_is_refused_with_the_next_step(tmp_path):
    with pytest.raises(ArchiveError, match="outcrop archive import"):
        Archive(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "letter.txt").write_text("private")
    with pytest.raises(ArchiveError, match="holds other files"):
        Archive.create(tmp_path, "public")


@pytest.mark.parametrize("marker", ['{"format": 2, "origin": "public"}', "{", "[]", "{}"])
def test_an_archive_of_another_format_is_refused(archive, marker):
    (archive.path / "archive.json").write_text(marker)
    with pytest.raises(ArchiveError, match=r"archive of format 2|cannot be read"):
        Archive(archive.path)


def test_a_read_only_archive_reads_and_never_writes(archive):
    archive.append(row_of(sha256=archive.store(b"page")))
    reader = Archive(archive.path, read_only=True)
    before = {file: file.stat().st_mtime_ns for file in archive.path.rglob("*")}
    for deed in (lambda: reader.store(b"x"), lambda: reader.append(row_of()), lambda: reader.compact(NOON)):
        with pytest.raises(ArchiveError, match="reading only"):
            deed()
    assert (len(reader.ledger()), reader.verify().problems) == (1, [])
    assert {file: file.stat().st_mtime_ns for file in archive.path.rglob("*")} == before


# Ids


def test_the_id_of_a_fetch_follows_from_what_was_asked_when_and_what_came_back():
    assert row_of().fetch_id == "f_9a75cb9d92b08b44c4dcea7f"
    changes = [
        {"feed": "btcetffundflow/etf_holdings"},
        {"method": "POST"},
        {"url": "https://farside.co.uk/all/"},
        {"params": (("page", "2"), ("page", "1"))},
        {"request_body": "{}"},
        {"fetched_at": NOON + timedelta(microseconds=1)},
        {"sha256": "ab"},
        {"outcome": Outcome.TIMEOUT},
    ]
    assert len({row_of(**change).fetch_id for change in [{}, *changes]}) == len(changes) + 1


def test_the_id_of_an_answer_is_its_bytes_not_its_outcome():
    """A body that is screened more strictly one day keeps its name."""
    assert row_of(sha256="ab").fetch_id == row_of(sha256="ab", outcome=Outcome.CHALLENGE).fetch_id


# The ledger


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SEPTEMBER = datetime.fromisoformat("2026-09-01T00:00:00")
moments = st.datetimes(SEPTEMBER - timedelta(days=2), NOON) | st.sampled_from(
    [SEPTEMBER - timedelta(microseconds=1), SEPTEMBER, NOON]
)
ledger_rows = st.builds(
    row_of,
    feed=st.sampled_from([FEED, "btcetffundflow/etf_holdings"]),
    url=texts,
    params=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    request_body=st.none() | texts,
    fetched_at=moments,
    status=st.none() | st.integers(100, 599),
    charset=texts,
    headers=st.dictionaries(texts, texts, max_size=3),
    bytes=st.integers(0, 2**40),
    sha256=st.none() | st.sampled_from(["0" * 64, "f" * 64]),
    outcome=st.sampled_from(list(Outcome)),
    error=st.none() | texts,
)
runs = st.lists(st.lists(ledger_rows, max_size=5), max_size=4)


@settings(deadline=None, max_examples=60)
@given(runs=runs, compacted_after=st.sets(st.integers(0, 3)), data=st.data())
def test_the_ledger_reads_back_as_written_in_whatever_order_and_files(runs, compacted_after, data):
    rows = {row.fetch_id: row for run in runs for row in run}
    in_order = sorted(rows.values(), key=lambda row: (row.fetched_at, row.sha256 or "", row.fetch_id))
    again = data.draw(st.permutations(list(rows.values()))) if rows and data.draw(st.booleans()) else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive"
        Archive.create(path, "public")
        for number, run in enumerate([*runs, again]):
            archive = Archive(path)
            for row in run:
                archive.append(rows[row.fetch_id])
            if number in compacted_after:
                archive.compact(SEPTEMBER + timedelta(days=45))
        frame = archive.ledger()
        assert frame.schema == SCHEMA
        assert [LedgerRow.from_cells(cells) for cells in frame.iter_rows(named=True)] == in_order
        assert archive.newest() == (in_order[-1].fetched_at if in_order else None)
        assert archive.verify().rows == len(in_order)


def test_equal_archives_have_equal_digests_in_whatever_order_they_were_filed(tmp_path):
    rows = [row_of(url=f"https://farside.co.uk/{number}") for number in range(5)]
    digests = set()
    for number, order in enumerate([rows, rows[::-1], rows + rows]):
        archive = Archive.create(tmp_path / str(number), "public")
        for row in order:
            archive.append(row)
        digests.add(archive.digest())
    assert len(digests) == 1
    archive.append(row_of(url="https://farside.co.uk/more"))
    assert archive.digest() not in digests


def test_two_rows_with_one_id_read_the_same_whichever_was_written_first(tmp_path):
    first, second = row_of(charset="a"), row_of(charset="b")
    charsets = []
    for number, order in enumerate([(first, second), (second, first)]):
        archive = Archive.create(tmp_path / str(number), "public")
        for row in order:
            archive.append(row)
        charsets += archive.ledger()["charset"].to_list()
    assert charsets == ["a", "a"]


def test_a_run_writes_one_file_per_month_named_after_its_first_row(archive):
    for moment in (NOON, NOON + timedelta(hours=1), NOON + timedelta(days=30)):
        archive.append(row_of(fetched_at=moment))
    assert ledger_files(archive) == [
        "2026-11/20261120T120000000000Z.ndjson",
        "2026-12/20261220T120000000000Z.ndjson",
    ]
    [line, _] = (archive.path / "ledger" / ledger_files(archive)[0]).read_text().splitlines()
    assert json.loads(line)["fetched_at"] == "2026-11-20T12:00:00.000000Z"
    assert json.loads(line)["params"] == [["page", "1"], ["page", "2"]]


def test_rows_of_one_feed_and_rows_since_a_moment(archive):
    other = "btcetffundflow/etf_holdings"
    for moment, feed in ((NOON - timedelta(days=60), FEED), (NOON, FEED), (NOON, other)):
        archive.append(row_of(fetched_at=moment, feed=feed))
    archive.compact(NOON)
    assert archive.ledger(FEED)["fetched_at"].to_list() == [NOON - timedelta(days=60), NOON]
    assert archive.ledger(since=NOON - timedelta(days=1))["feed"].sort().to_list() == [other, FEED]
    assert archive.ledger(since=NOON).is_empty()


def test_threads_that_append_at_once_lose_nothing(archive):
    rows = [row_of(url=f"https://farside.co.uk/{number}") for number in range(100)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(archive.append, rows))
    assert set(archive.ledger()["fetch_id"]) == {row.fetch_id for row in rows}
    assert (len(ledger_files(archive)), archive.torn_lines()) == (1, 0)


def test_an_answer_comes_back_with_the_request_it_answers(archive):
    sha256 = archive.store("überall".encode("latin-1"))
    archive.append(row_of(sha256=sha256, charset="latin-1", method="POST", request_body='{"id": 1}'))
    archive.append(row_of(outcome=Outcome.TIMEOUT, status=None))
    failed, answered = archive.ledger().iter_rows(named=True)
    answer = archive.answer(answered)
    assert answer.text() == "überall"
    assert (answer.fetch_id, answer.fetched_at) == (answered["fetch_id"], NOON)
    assert answer.request == Request("https://farside.co.uk/btc/", "POST", (("page", "1"), ("page", "2")), '{"id": 1}')
    with pytest.raises(ArchiveError, match="brought no body"):
        archive.answer(failed)


# Kills


def test_a_torn_line_is_passed_over_and_the_next_row_starts_on_its_own_line(archive):
    for number in range(2):
        archive.append(row_of(url=f"https://farside.co.uk/{number}"))
    [name] = ledger_files(archive)
    file = archive.path / "ledger" / name
    file.write_bytes(file.read_bytes()[:-40])
    assert archive.ledger()["url"].to_list() == ["https://farside.co.uk/0"]
    later = Archive(archive.path)
    later.append(row_of(url="https://farside.co.uk/2"))
    assert set(later.ledger()["url"]) == {"https://farside.co.uk/0", "https://farside.co.uk/2"}
    assert later.torn_lines() == 1
    assert faults(later) == [Fault.TORN_LINE]


def test_a_row_that_lacks_only_its_line_end_is_a_row(archive):
    archive.append(row_of())
    file = archive.path / "ledger" / ledger_files(archive)[0]
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    Archive(archive.path).append(row_of(url="https://farside.co.uk/2"))
    assert (len(archive.ledger()), archive.torn_lines()) == (2, 0)


def test_closed_months_become_parquet_and_the_open_month_stays(archive):
    for days_ago in (0, 1, 31, 32, 62):
        archive.append(row_of(fetched_at=NOON - timedelta(days=days_ago)))
    before = archive.ledger()
    archive.compact(NOON)
    assert ledger_files(archive) == [
        "2026-09.parquet",
        "2026-10.parquet",
        "2026-11/20261120T120000000000Z.ndjson",
    ]
    assert archive.ledger().equals(before)
    late = row_of(fetched_at=NOON - timedelta(days=33))
    archive.append(late)
    archive.compact(NOON)
    assert "2026-10.parquet" in ledger_files(archive)
    assert len(ledger_files(archive)) == 3
    assert set(archive.ledger()["fetch_id"]) == {*before["fetch_id"], late.fetch_id}


def test_a_kill_between_the_compacted_month_and_the_removal_of_its_files_doubles_nothing(archive):
    archive.append(row_of(sha256=archive.store(b"page")))
    before = archive.ledger()
    shutil.copytree(archive.path / "ledger" / "2026-11", archive.path / "kept")
    archive.compact(NOON + timedelta(days=30))
    shutil.move(archive.path / "kept", archive.path / "ledger" / "2026-11")
    assert len(ledger_files(archive)) == 2
    assert archive.ledger().equals(before)
    assert archive.verify().problems == []
    archive.compact(NOON + timedelta(days=30))
    assert ledger_files(archive) == ["2026-11.parquet"]
    assert archive.ledger().equals(before)


def test_a_kill_before_the_compacted_month_is_whole_changes_nothing(archive):
    archive.append(row_of())
    before = archive.ledger()
    (archive.path / "ledger" / ".2026-11.parquet.4711.1.tmp").write_bytes(b"PAR1 half")
    assert archive.ledger().equals(before)
    archive.compact(NOON + timedelta(days=30))
    assert archive.ledger().equals(before)


def test_compaction_throws_away_nothing_that_it_cannot_read(archive):
    archive.append(row_of())
    file = archive.path / "ledger" / ledger_files(archive)[0]
    with file.open("ab") as ledger:
        ledger.write(b'{"fetch_id": "f_torn')
    archive.compact(NOON + timedelta(days=30))
    assert (len(archive.ledger()), archive.torn_lines()) == (1, 1)
    assert file.exists()


def test_a_killed_run_loses_no_row_that_it_was_told_is_on_disk(archive):
    """The writer says each id after `append` returned, and is killed while it goes on."""
    script = (
        "import sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from test_archive import row_of\n"
        "from pipelines.transport.archive import Archive\n"
        "archive = Archive(Path(sys.argv[1]))\n"
        "for number in range(1_000_000):\n"
        "    row = row_of(url=f'https://{number}.test/', sha256=archive.store(str(number).encode()))\n"
        "    archive.append(row)\n"
        "    print(row.fetch_id, flush=True)\n"
    )
    command = [sys.executable, "-c", script, str(archive.path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        told = [writer.stdout.readline().strip() for _ in range(50)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.read().splitlines()[:-1]
    assert set(told) <= set(archive.ledger()["fetch_id"])
    assert set(faults(archive)) <= {Fault.TORN_LINE, Fault.UNNEEDED_BODY}


# Whether all is whole


def test_a_whole_archive_verifies_with_its_totals(archive):
    for body in (b"a" * 1000, b"b" * 500):
        archive.append(row_of(sha256=archive.store(body)))
    found = archive.verify()
    on_disk = sum(file.stat().st_size for file in archive.path.rglob("*.zst"))
    assert (found.problems, found.rows, found.bodies) == ([], 2, 2)
    assert (found.bytes_decoded, found.bytes_on_disk) == (1500, on_disk)


def test_verify_names_every_fault(archive):
    missing, wrong, unneeded = (archive.store(body) for body in (b"missing", b"wrong", b"unneeded"))
    for sha256 in (missing, wrong):
        archive.append(row_of(sha256=sha256))
    body_file(archive, missing).unlink()
    shutil.copy(body_file(archive, unneeded), body_file(archive, wrong))
    archive.append(replace(row_of(url="https://farside.co.uk/changed"), fetch_id=row_of().fetch_id))
    archive.append(row_of(charset="a"))
    subjects = {problem.fault: problem.subject for problem in archive.verify().problems}
    assert subjects == {
        Fault.MISSING_BODY: missing,
        Fault.WRONG_HASH: wrong,
        Fault.UNNEEDED_BODY: unneeded,
        Fault.WRONG_ID: row_of().fetch_id,
        Fault.DUPLICATE_ID: row_of().fetch_id,
    }


def test_a_row_changed_by_hand_is_found(archive):
    archive.append(row_of(sha256=archive.store(b"page")))
    file = archive.path / "ledger" / ledger_files(archive)[0]
    file.write_bytes(file.read_bytes().replace(b"2026-11-20T12", b"2026-11-20T11"))
    assert faults(archive) == [Fault.WRONG_ID]
    [cells] = archive.ledger().iter_rows(named=True)
    assert fetch_id_of(LedgerRow.from_cells(cells)) != cells["fetch_id"]
