"""Rules of the house that are not in the code: what is written from what, what is documented, how long things are."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from pipelines.assets.sources import SOURCES_FILE, sources_yaml
from pipelines.settings import ROOT

MODULES = sorted((ROOT / "pipelines").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_dbt_sources_say_what_the_contracts_say():
    assert SOURCES_FILE.read_text(encoding="utf-8") == sources_yaml()


@pytest.mark.parametrize("group", ["runtime", "dev"])
def test_every_dependency_has_its_reason(group):
    wanted = PROJECT["dependencies"] if group == "runtime" else PROJECT["optional-dependencies"]["dev"]
    names = {re.split(r"[<>=]", dependency)[0] for dependency in wanted}
    rows = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines()
    reasoned = {name.strip() for row in rows if row.startswith("| ") for name in row.split("|")[1].split(",")}
    assert names - reasoned == set()


def test_the_lock_is_hashed_and_names_no_index():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9].*$", lock, flags=re.MULTILINE | re.IGNORECASE)
    assert len(pins) > 50
    assert all(re.match(r"[\w.\-\[\],]+==\S+( ; .+?)? \\$", pin) for pin in pins)
    assert "://" not in lock
    assert "--index" not in lock


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_module_says_what_belongs_in_it_and_is_short(module: Path):
    text = module.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "the first lines tell whether one is in the right room"
    assert text.count("\n") <= 250
