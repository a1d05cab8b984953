"""marts.revisions against a second reading of its rule, in plain Python, from the answers themselves.

Nothing here knows the models: a list of made-up answers is brought to the form of a feed, and what they took back is
computed again from the answers one after the other.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_build import Row, build, dbt, feed_tables, make_feeds, observed, receipt, rows_of

from pipelines.tables.base import Observe

FIRST_AT, DAYS = datetime.fromisoformat("2024-02-01T09:30"), 40
AS_OF = FIRST_AT + timedelta(days=DAYS)
OBSERVED = {name: table for name, table in feed_tables().items() if isinstance(table.load, Observe)}
TABLE = "defillama__chain_tvl"
Answer = dict[date, dict[str, Any]]


def at(number: int) -> datetime:
    """When the answer with this number came."""
    return FIRST_AT + timedelta(days=number)


def end_of(on: date) -> datetime:
    return datetime.combine(on + timedelta(days=1), time())


def made_up_answers() -> dict[str, list[Answer]]:
    """For two chains, histories of some days that are told anew each day: restated, taken back, left out, shortened."""
    dice, days = random.Random(7), [date(2024, 1, 20) + timedelta(n) for n in range(10)]
    answers: dict[str, list[Answer]] = {"merlin": [], "core": []}
    for chain_id, told in answers.items():
        names = {"merlin": ["Merlin"], "core": ["CORE", "Core"]}[chain_id]
        for _ in range(DAYS):
            shown = days[: dice.choice([10, 10, 10, 8])]
            told.append(
                {
                    on: {"tvl_usd": Decimal(dice.choice([5, 5, 5, 6, 7])), "source_name": dice.choice(names)}
                    for on in shown
                    if dice.random() > 0.1
                }
            )
    return answers


def runs_of(chain_id: str, told: list[Answer]) -> Iterator[Row]:
    """The run-length form of what was told of each day."""
    for on in sorted({on for answer in told for on in answer}):
        run: Row = {}
        for number, answer in enumerate(told):
            said = answer.get(on)
            if said is not None and any(run.get(name) != value for name, value in said.items()):
                if run:
                    yield run
                key = {"chain_id": chain_id, "tvl_definition": "defi", "observed_at": end_of(on), "date_day": on}
                run = observed("defillama", at(number), run.get("run_number", 0) + 1, **key, **said)
                run["fetch_id"] = f"{chain_id}{number}"
            if said is not None:
                run |= {"last_seen_at": at(number), "last_fetch_id": f"{chain_id}{number}"}
        yield run


def note(file: Path, answers: dict[str, list[Answer]]) -> None:
    """The ledger of the answers, and the days from the first to the last of each."""
    with duckdb.connect(str(file)) as connection:
        for chain_id, told in answers.items():
            for number, answer in enumerate(told):
                fetch_id = f"{chain_id}{number}"
                connection.execute(
                    "insert into feeds.ledger (fetch_id, source_id, entity, table_names, method, url, fetched_at,"
                    " outcome) values (?, 'defillama', 'chain_tvl', ?, 'GET', '', ?, 'ok')",
                    [fetch_id, [TABLE], at(number)],
                )
                connection.execute(
                    "insert into feeds.asked (fetch_id, source_id, table_name, entity_id, from_at, to_at, outcome)"
                    " values (?, 'defillama', ?, ?, ?, ?, 'ok')",
                    [fetch_id, TABLE, chain_id, end_of(min(answer)), end_of(max(answer)) + timedelta(days=1)],
                )


# ---------------------------------------------------------------- the rule, once more


def expected(answers: dict[str, list[Answer]], until: datetime) -> Iterator[tuple]:
    """Every revision that the answers up to an instant tell of: day, column, kind, values and the two answers."""
    for chain_id, told in answers.items():
        known = [(number, answer) for number, answer in enumerate(told) if at(number) <= until]
        for on in sorted({on for _, answer in known for on in answer}):
            said = [(number, answer[on]) for number, answer in known if on in answer]
            yield from changes(chain_id, on, said)
            after = [(n, a) for n, a in known if n > said[-1][0] and min(a) <= on <= max(a)]
            later = [answer[on] for number, answer in enumerate(told) if at(number) > until and on in answer]
            # a feed keeps runs of equal observations: one that goes on later hides that an answer lacked it
            if after and later[:1] != [said[-1][1]]:
                brought_by = next(n for n, values in reversed(said) if is_start(n, values, said))
                fetches = f"{chain_id}{brought_by}", f"{chain_id}{after[0][0]}"
                whole = {"date_day": on.isoformat(), **said[-1][1]}
                yield chain_id, on, "*", at(after[0][0]), "no_longer_sent", whole, None, *fetches


def is_start(number: int, values: Row, said: list[tuple[int, Row]]) -> bool:
    """Whether a run of equal observations begins with this answer."""
    before = [earlier for n, earlier in said if n < number]
    return not before or before[-1] != values


def changes(chain_id: str, on: date, said: list[tuple[int, Row]]) -> Iterator[tuple]:
    starts = [(n, values) for n, values in said if is_start(n, values, said)]
    for column in ("tvl_usd", "source_name"):
        stood: list[Any] = []
        for (old_n, old), (new_n, new) in pairwise(starts):
            if old[column] != new[column]:
                kind = "reverted" if new[column] in stood else "changed"
                fetches = f"{chain_id}{old_n}", f"{chain_id}{new_n}"
                yield chain_id, on, column, at(new_n), kind, old[column], new[column], *fetches
                stood.append(old[column])


def shown(file: Path) -> Iterable[tuple]:
    """The rows of the mart in the same form."""
    for row in rows_of(file, "marts.revisions"):
        old, new = row["old_value"], row["new_value"]
        if row["column_name"] == "*":
            old = json.loads(old, parse_float=Decimal)
        elif row["column_name"] == "tvl_usd":
            old, new = Decimal(old), Decimal(new)
        names = ("entity_id", "observed_on", "column_name", "seen_at", "change_kind")
        yield *(row[name] for name in names), old, new, row["old_fetch_id"], row["fetch_id"]


# ---------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def answers() -> dict[str, list[Answer]]:
    return made_up_answers()


@pytest.fixture(scope="module")
def file(answers, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("dbt") / "outcrop.duckdb"
    rows = [run for chain_id, told in answers.items() for run in runs_of(chain_id, told)]
    make_feeds(file, {TABLE: rows})
    note(file, answers)
    dbt(file, "build", "--exclude-resource-type", "unit_test", as_of=AS_OF)
    return file


def test_revisions_are_what_the_answers_say_one_after_the_other(answers, file):
    got, want = list(shown(file)), list(expected(answers, AS_OF))
    assert sorted(got, key=str) == sorted(want, key=str)
    assert {row[4] for row in want} == {"changed", "reverted", "no_longer_sent"}


def test_an_earlier_as_of_knows_the_answers_until_then(answers, file, tmp_path):
    earlier = Path(shutil.copy(file, tmp_path / "outcrop.duckdb"))
    as_of = at(17)
    build(earlier, "+revisions", as_of=as_of)
    assert sorted(shown(earlier), key=str) == sorted(expected(answers, as_of), key=str)


def test_the_window_slices_by_the_day_that_a_row_is_about(file, tmp_path):
    sliced = Path(shutil.copy(file, tmp_path / "outcrop.duckdb"))
    first, last = date(2024, 1, 22), date(2024, 1, 25)
    dbt(sliced, "run", "--select", "revisions", as_of=AS_OF, window=(first, last))
    whole = [row for row in rows_of(file, "marts.revisions") if first <= row["observed_on"] <= last]
    assert sorted(rows_of(sliced, "marts.revisions"), key=str) == sorted(whole, key=str)
    assert whole


def test_a_revision_has_a_receipt_down_to_both_observations(file):
    manifest = file.parent / "target" / "manifest.json"
    revision = next(row for row in rows_of(file, "marts.revisions") if row["change_kind"] == "reverted")
    key = {name: revision[name] for name in ("table_name", "key_json", "column_name", "seen_at")}
    rows = receipt(file, manifest, "marts.revisions", key)
    values = {row["fetch_id"]: str(row[revision["column_name"]]) for row in rows}
    assert values == {
        revision["old_fetch_id"]: revision["old_value"],
        revision["fetch_id"]: revision["new_value"],
    }


def value_of(kind: pl.DataType, number: int) -> Any:
    """A value of a column's type, another one for another number."""
    if isinstance(kind, pl.Date):
        return date(2024, 3, number)
    if isinstance(kind, pl.Datetime):
        return datetime.combine(date(2024, 3, number), time())
    if isinstance(kind, pl.Boolean):
        return number % 2 == 0
    return f"text{number}" if isinstance(kind, pl.String) else number


def test_every_value_of_every_observed_feed_is_followed(tmp_path):
    """Each feed has one key, seen three times: all values change, and then all change back."""
    file, feeds = tmp_path / "outcrop.duckdb", {}
    for name, table in OBSERVED.items():
        kinds = {column: definition.dtype for column, definition in table.columns().items()}
        key = {column: value_of(kinds[column], 1) for column in table.primary_key()}
        feeds[name] = [
            observed(
                name.split("__")[0],
                at(number),
                number,
                **key,
                **{column: value_of(kinds[column], 1 + number % 2) for column in table.values()},
            )
            for number in (1, 2, 3)
        ]
    make_feeds(file, feeds)
    build(file, "+revisions", as_of=AS_OF)
    got = {
        (row["table_name"], tuple(json.loads(row["key_json"])), row["column_name"], row["seen_at"], row["change_kind"])
        for row in rows_of(file, "marts.revisions")
    }
    assert got == {
        (name, tuple(sorted(table.primary_key())), column, at(number), kind)
        for name, table in OBSERVED.items()
        for column in table.values()
        for number, kind in ((2, "changed"), (3, "reverted"))
    }
    numbers = {
        (name, column)
        for name, table in OBSERVED.items()
        for column in table.values()
        if table.columns()[column].dtype.is_numeric() and not column.endswith("_id")
    }
    rows = rows_of(file, "marts.revisions")
    assert {(row["table_name"], row["column_name"]) for row in rows if row["change_abs"] is not None} == numbers
