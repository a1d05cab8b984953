"""The dbt sources, written from the contracts: what a feed delivers is defined once.

Belongs here: the text of `models/staging/_sources.yml`. It is committed, and written anew when a contract changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dataframely as dy

from pipelines.feeds.catalog import FEEDS
from pipelines.settings import ROOT
from pipelines.tables.ledger import Asked, Ledger
from pipelines.warehouse.ddl import columns_of

SOURCES_FILE = ROOT / "dbt_project" / "models" / "staging" / "_sources.yml"


def write_sources(file: Path = SOURCES_FILE) -> None:
    """Bring the file to what the contracts say; nothing is touched where it says so already."""
    text = sources_yaml()
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def sources_yaml() -> str:
    """The YAML of all tables of schema `feeds`, with the Dagster asset that fills each."""
    tables: dict[str, type[dy.Schema]] = {f"{feed.source}__{feed.entity}": feed.delivers for feed in FEEDS}
    lines = [
        "# Written from the contracts in pipelines/tables by pipelines/assets/sources.py; do not edit by hand.",
        "sources:",
        "  - name: feeds",
        "    schema: feeds",
        "    tables:",
    ]
    for name, contract in sorted((tables | {"ledger": Ledger, "asked": Asked}).items()):
        lines += _table(name, contract)
    return "\n".join(lines) + "\n"


def _table(name: str, contract: type[dy.Schema]) -> Iterator[str]:
    yield f"      - name: {name}"
    yield f"        description: {_quoted((contract.__doc__ or '').strip().splitlines()[0])}"
    yield f"        config: {{meta: {{dagster: {{asset_key: [feeds, {name}]}}}}}}"
    yield "        columns:"
    for column, (kind, description, _) in columns_of(contract).items():
        yield f"          - {{name: {column}, data_type: {_quoted(kind.lower())}, description: {_quoted(description)}}}"


def _quoted(text: str) -> str:
    """A JSON string is a YAML string."""
    return json.dumps(text, ensure_ascii=False)
