"""What feeds share about bodies: HTML tables, the data of a Next.js page, JSON, CSV, and locators.

Belongs here: reading of formats that several upstreams use, and the way back from a locator to the text.
Not here: what the cells of one upstream mean.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from typing import Any

from lxml import html
from lxml.etree import ParserError

from pipelines.feeds.amounts import printed
from pipelines.wire import Answer, BodyRefused, Outcome, parse_json

Grid = list[list[str]]
CELL = re.compile(r"t(\d+)/r(\d+)(?:/c(\d+))?")
LINE = re.compile(r"L([1-9]\d*)")
NO_MARKUP = re.compile(r"<!--.*?(?:-->|$)|<script\b.*?(?:</script|$)", re.DOTALL)
NEXT_DATA = re.compile(r'<script\b[^>]*\bid="__NEXT_DATA__"[^>]*>(.*?)(</script>|$)', re.DOTALL)


# --- HTML and JSON ------------------------------------------------------------------------------------------


def tables(text: str) -> list[Grid]:
    """Every table of an HTML page as rows of cell texts, blanks squeezed. Raises `BodyRefused`."""
    if not text.strip():
        raise BodyRefused(Outcome.EMPTY_BODY, "the page is empty")
    lowered = NO_MARKUP.sub("", text.lower())
    if lowered.count("<table") > lowered.count("</table"):
        raise BodyRefused(Outcome.TRUNCATED, "the page ends inside a table")
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        page = html.document_fromstring(text.encode(), parser=parser)
    except ParserError as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"not an HTML page: {error}") from error
    if fatal := parser.error_log.filter_from_fatals():  # the rest of the page is not in the tree
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"the page cannot be read to its end: {fatal[0].message}")
    return [
        [[" ".join(cell.text_content().split()) for cell in row.xpath("./td|./th")] for row in table.iter("tr")]
        for table in page.iter("table")
    ]


def next_data(text: str) -> Any:
    """The data of a Next.js page, or of a body that is bare JSON. Raises `BodyRefused`."""
    if text.lstrip().startswith(("{", "[")):
        return parse_json(text)
    found = NEXT_DATA.search(text)
    if not found:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "the page has no __NEXT_DATA__ script")
    return parse_json(found[1])


def at(document: Any, pointer: str) -> Any:
    """The value that a JSON pointer names. Raises `LookupError` where there is none."""
    node = document
    for step in pointer.split("/")[1:]:
        try:
            node = node[int(step)] if isinstance(node, list) else node[step]
        except (LookupError, TypeError, ValueError) as error:
            raise LookupError(f"there is nothing at {pointer}") from error
    return node


def text_at(document: Any, pointer: str) -> str | None:
    """The value at a JSON pointer as text; None where there is none."""
    try:
        return printed(at(document, pointer))
    except LookupError:
        return None


def objects(document: Any, pointer: str, names: Collection[str]) -> list[dict[str, Any]]:
    """The objects of the JSON list at a pointer, each with all these names. Raises `BodyRefused`."""
    try:
        found = at(document, pointer)
    except LookupError as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no list at {pointer}") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no list of objects at {pointer}")
    for number, one in enumerate(found):
        _refuse_without(names, one, f"{pointer}/{number}")
    return found


# --- CSV ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    """One record of a CSV text: the number of its first physical line from 1 on, and its cells without blanks."""

    line: int
    cells: list[str]
    ends_in_quotes: bool
    """The text ended before the quotes of its last cell were closed."""


def records(text: str) -> list[Record]:
    """A CSV text with whatever stands above and below its table. Raises `BodyRefused`."""
    lines = _physical_lines(text)
    reader = csv.reader(lines)
    found, first = [], 0
    try:
        for cells in reader:
            is_open = "".join(lines[first : reader.line_num]).count('"') % 2 == 1
            found.append(Record(first + 1, [cell.strip() for cell in cells], is_open))
            first = reader.line_num
    except csv.Error as error:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no CSV from line {first + 1} on: {error}") from error
    return found


def heading_at(found: list[Record], columns: Collection[str]) -> int:
    """The position of the first record that names any of the columns; behind the last one where none does."""
    return next((n for n, record in enumerate(found) if set(columns) & set(record.cells)), len(found))


def table(found: list[Record], columns: Collection[str]) -> list[tuple[int, dict[str, str]]]:
    """The lines of the table, each with its number, cells by the names in the heading.

    The table ends at a blank line, or at a notice: a record of another width that begins with a sentence.
    Raises `BodyRefused` where a column is missing or a line is cut.
    """
    position = heading_at(found, columns)
    heading = found[position].cells if position < len(found) else []
    _refuse_without(columns, heading, "the heading of the table")
    rows = []
    for record in found[position + 1 :]:
        is_blank = not any(record.cells)
        if is_blank or (len(record.cells) != len(heading) and " " in record.cells[0]):
            break
        if len(record.cells) != len(heading) or record.ends_in_quotes:
            reason = f"line {record.line} has {len(record.cells)} cells, the heading {len(heading)}"
            raise BodyRefused(Outcome.TRUNCATED, reason)
        rows.append((record.line, dict(zip(heading, record.cells, strict=True))))
    return rows


def _refuse_without(names: Collection[str], among: Collection[str], where: str) -> None:
    if missing := [name for name in names if list(among).count(name) != 1]:
        given = ", ".join(among) or "nothing"
        raise BodyRefused(Outcome.LAYOUT_CHANGED, f"no {', '.join(missing)} in {where}, which has {given}")


def _physical_lines(text: str) -> list[str]:
    return list(StringIO(text, newline=""))


# --- locators -----------------------------------------------------------------------------------------------


def fragment(answer: Answer, locator: str) -> str:
    """The text of the archived body that a locator names. Raises `LookupError` where there is none."""
    if cell := CELL.fullmatch(locator):
        number, row, column = (int(part) if part is not None else None for part in cell.groups())
        cells = _tables(answer.text())[number or 0][row or 0]
        return cells[column] if column is not None else " | ".join(cells)
    if line := LINE.fullmatch(locator):
        return _physical_lines(answer.text())[int(line[1]) - 1].rstrip("\r\n")
    if locator.startswith("/"):
        node = at(_next_data(answer.text()), locator)
        return node if isinstance(node, str) else json.dumps(node, default=str)
    raise LookupError(f"no fragment is known for locator {locator!r}")


_tables, _next_data = lru_cache(maxsize=2)(tables), lru_cache(maxsize=2)(next_data)
"""A receipt cites many places of one body, one after the other: it is read once for them."""
