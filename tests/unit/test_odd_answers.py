"""Answers with anything in place of a value: a cell is a fault or the body is refused, and nothing else escapes.

Belongs here: one walk over every value of every format that the ETF feeds read.
Not here: which odd value is which fault (the tests of each feed say that).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from flow_pages import bitbo, coinglass, company, fact, figure, point, sosovalue
from issuer_pages import DAY, FETCHED, ISSUERS, bitwise_page, vaneck_content
from pages import SEEDS, farside

from pipelines.feeds.base import Feed
from pipelines.feeds.bitbo import BitboEtfFlows
from pipelines.feeds.coinglass import CoinGlassEtfFlows
from pipelines.feeds.edgar import EdgarQuarterEnds
from pipelines.feeds.farside import FarsideEtfFlows
from pipelines.feeds.sosovalue import SoSoValueEtfFlows
from pipelines.tables.base import check
from pipelines.wire import Answer, BodyRefused, Request, parse_json

MONDAY, TUESDAY, JUNE = date(2024, 11, 18), date(2024, 11, 19), date(2024, 6, 30)
COINS, UNITS = "us-gaap:InvestmentOwnedBalanceContracts", "us-gaap:CryptoAssetNumberOfUnits"
FILED = {
    COINS: {"Number": [fact(JUNE, 5, "a")]},
    UNITS: {"pure": [fact(date(2024, 3, 31), 7, "a")]},
    "us-gaap:SharesOutstanding": {"shares": [fact(JUNE, 9000, "a")]},
}
DOCUMENTS = {
    "coinglass": (
        CoinGlassEtfFlows(SEEDS),
        coinglass([point(MONDAY, {"IBIT": 10**6, "FBTC": -(10**6)}, 0), point(TUESDAY, {"IBIT": 10**6}, 10**6)]),
        CoinGlassEtfFlows(SEEDS).known_urls[0],
    ),
    "sosovalue": (
        SoSoValueEtfFlows(SEEDS),
        sosovalue({"IBIT": figure("1000000", MONDAY), "FBTC": figure(None, MONDAY, "3")}, figure("5", MONDAY)),
        SoSoValueEtfFlows(SEEDS).known_urls[0],
    ),
    "edgar": (
        EdgarQuarterEnds(SEEDS),
        company(1588489, FILED),
        "https://data.sec.gov/api/xbrl/companyfacts/CIK0001588489.json",
    ),
    "vaneck content": (ISSUERS["vaneck"].feed, vaneck_content(f"{DAY:%m/%d/%Y}"), ISSUERS["vaneck"].url),
    **{name: (one.feed, one.body(), one.url) for name, one in ISSUERS.items() if "json" in one.feed.media},
}
LITERALS = [
    *["null", "true", "-1", "NaN", "1e99", "-1e999999999", "1e-999999999", "1" * 17, "9" * 400, "0." + "1" * 400],
    *['""', '"text"', '"-"', '"\\ud800"', '"\\u0000"', '"9999-12-31"', '"12/31/9999"', f'"{"9" * 5000}"'],
    *["[]", "{}", "[5]", "[[]]", "[null]", '[{"\\ud800": 5}]', '{"\\udfff": {"units": 5}}', '{"units": {"x": [5]}}'],
]
CELLS = [
    "9" * 17,
    "9" * 23,
    "9" * 5000,
    f"({'9' * 40}.5)",
    "0." + "1" * 5000,
    "1e999999999",
    "\ufffd",
    "&#xD800;",
    "\x00",
]


UNREAD = {"dei", "label", "description", "fy", "fp", "id", "fee", "netAssets", "totalNetAssets", "cumNetInflow"}


def places(node: Any, path: tuple = ()) -> Iterator[tuple]:
    """The way to every value that a feed looks at, names and positions."""
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in children:
        if step not in UNREAD:
            yield (*path, step)
            yield from places(child, (*path, step))


def with_literal(body: bytes, path: tuple, literal: str) -> bytes:
    """The JSON with a literal, however odd, in place of the value."""
    document = json.loads(body)
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = "HERE-IT-IS"
    return json.dumps(document).replace('"HERE-IT-IS"', literal).encode()


def take(feed: Feed, body: bytes, url: str, at: datetime = FETCHED) -> str | None:
    """The reason of a refusal, None where the body is read."""
    given = Answer(Request.of(url), "f1", at, 200, "", "utf-8", "0" * 64, body)
    try:
        check(feed.delivers, feed.parse(given.request, given), feed.source, given)
    except BodyRefused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_any_value_of_a_json_answer_may_be_anything(name):
    feed, body, url = DOCUMENTS[name]
    assert take(feed, body, url) is None
    refused = 0
    for path in places(json.loads(body)):
        for literal in LITERALS:
            refused += take(feed, with_literal(body, path, literal), url) is not None
    assert refused > 0


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_json_answer_may_be_any_literal(name):
    feed, _, url = DOCUMENTS[name]
    assert all(take(feed, literal.encode(), url) for literal in LITERALS)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("feed", "build", "style"), [(FarsideEtfFlows, farside, "%d %b %Y"), (BitboEtfFlows, bitbo, "%b %d, %Y")]
)
def test_any_cell_of_a_table_may_be_anything(cell, feed, build, style):
    rows = [[f"{day:{style}}", "1.0", "2.0", "-3.0", "0.0"] for day in (MONDAY, TUESDAY)]
    for position in range(5):
        odd = [[*rows[0][:position], "HERE-IT-IS", *rows[0][position + 1 :]], rows[1]]
        body = build(odd).replace(b"HERE-IT-IS", cell.encode())
        assert take(feed(SEEDS), body, feed(SEEDS).known_urls[0]) is None, "one row of two is no reason to refuse"


@pytest.mark.parametrize("cell", [*CELLS, '"', '""', "a\nb"])
@pytest.mark.parametrize("name", ["ishares", "ark"])
def test_any_cell_of_a_file_may_be_anything(cell, name):
    one = ISSUERS[name]
    for printed in (b"5,000.25", b"450,022,500.00", b"9,000,000.00", b"Bitcoin", b"BITCOIN", b"ARKB", b"Nov 21, 2024"):
        body = one.body().replace(printed, cell.encode())
        reason = take(one.feed, body, one.url)
        assert reason is None or "\n" not in reason, printed


def test_any_value_of_the_data_of_a_page_may_be_anything():
    one = ISSUERS["bitwise"]
    page = bitwise_page("2024-11-21").decode()
    for literal in LITERALS:
        body = page.replace('"5,000.25"', literal).encode()
        assert take(one.feed, body, one.url) is not None, literal


# --- the reading of JSON ------------------------------------------------------------------------------------


def test_half_a_pair_becomes_the_replacement_character_and_a_pair_stays():
    read = parse_json(r'{"a\ud800": ["\udc00b", "\ud83d\ude00", "\\ud800", 5]}')
    assert read == {"a\ufffd": ["\ufffdb", "\U0001f600", "\\ud800", 5]}


def test_an_exponent_of_three_digits_is_not_written_out():
    read = parse_json("[1e99, 1.5E+8, 1e100, -2.5E-999999999, 1e99999999999999999999]")
    assert [str(one) for one in read] == ["1E+99", "1.5E+8", "1e100", "-2.5E-999999999", "1e99999999999999999999"]


def test_nesting_without_an_end_is_refused():
    with pytest.raises(BodyRefused):
        parse_json("[" * 100_000)
    nested = '["\\ud800",' * 200 + "5" + "]" * 200
    assert json.dumps(parse_json(nested)).count("ufffd") == 200
