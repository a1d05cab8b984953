"""What feeds share about bodies: HTML tables as grids of text, the data of a Next.js page, and locators.

Belongs here: reading of formats that several upstreams use, and the way back from a locator to the text.
Not here: what the cells of one upstream mean.
"""

from __future__ import annotations

import json
import re
from typing import Any

from lxml import html
from lxml.etree import ParserError

from pipelines.wire import Answer, BodyRefused, Outcome, parse_json

Grid = list[list[str]]
CELL = re.compile(r"t(\d+)/r(\d+)(?:/c(\d+))?")
NO_MARKUP = re.compile(r"<!--.*?(?:-->|$)|<script\b.*?(?:</script|$)", re.DOTALL)
NEXT_DATA = re.compile(r'<script\b[^>]*\bid="__NEXT_DATA__"[^>]*>(.*?)(</script>|$)', re.DOTALL)


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
    """The data of a Next.js page, or of its bare JSON twin. Raises `BodyRefused`."""
    if text.lstrip().startswith("{"):
        return parse_json(text)
    found = NEXT_DATA.search(text)
    if not found:
        raise BodyRefused(Outcome.LAYOUT_CHANGED, "the page has no __NEXT_DATA__ script")
    return parse_json(found[1])


def fragment(answer: Answer, locator: str) -> str:
    """The text of the archived body that a locator names. Raises `LookupError` where there is none."""
    if cell := CELL.fullmatch(locator):
        table, row, column = (int(part) if part is not None else None for part in cell.groups())
        cells = tables(answer.text())[table or 0][row or 0]
        return cells[column] if column is not None else " | ".join(cells)
    if locator.startswith("/"):
        node = next_data(answer.text())
        for step in locator.split("/")[1:]:
            node = node[int(step)] if isinstance(node, list) else node[step]
        return node if isinstance(node, str) else json.dumps(node, default=str)
    raise LookupError(f"no fragment is known for locator {locator!r}")
