"""The issuers' recorded files: what the feeds deliver against a second reading of each.

Belongs here: the real file of IBIT cell by cell, as it is and rewritten in memory into what other days look like;
the other issuers' files of which only the shape is known, with their own figures.
Not here: hand-written files (unit tests). The second reading uses re, json and string methods alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from issuer_pages import ISHARES_URL, ISSUERS, answer, read
from pages import Room, values

from pipelines.feeds.pages import fragment
from pipelines.wire import BodyRefused, Outcome

IBIT = ISSUERS["ishares"].feed
REAL, EMPTY = "ishares/IBIT_holdings_2026-05-06.csv", "ishares/IBIT_holdings_no_data_SYNTHETIC.csv"
SESSION = date(2026, 5, 6)
FETCHED = datetime.fromisoformat("2026-05-07T14:00")
DAY_URL = f"{ISHARES_URL}?dataType=fund&fileName=IBIT_holdings&fileType=csv&asOfDate=20260506"
Recording = Callable[[str], Path]


# --- iShares, the real file ---------------------------------------------------------------------------------


def cells_of(text: str) -> dict[str, dict[str, str]]:
    """Ticker -> column -> printed cell, by splitting lines at the marks between quoted cells."""
    lines = text.lstrip("\ufeff").split("\n")
    [top] = [n for n, line in enumerate(lines) if line.startswith("Ticker,")]
    columns = lines[top].split(",")
    rows = [line[1:-1].split('","') for line in lines[top + 1 :] if line.count('","') == len(columns) - 1]
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


@pytest.fixture
def real(recording: Recording) -> bytes:
    return recording(REAL).read_bytes()


def test_every_cell_of_the_recorded_file_that_we_read_is_delivered(real):
    cells = cells_of(real.decode())
    [shares] = re.findall(r'^Shares Outstanding,"(.*)"$', real.decode(), re.MULTILINE)
    [row] = read(IBIT, real, FETCHED, DAY_URL).rows.to_dicts()
    assert sorted(cells) == ["BTC", "USD"]
    assert (row["fund_id"], row["trade_date"]) == ("ibit", SESSION)
    assert row["btc_held"] == number(cells["BTC"]["Quantity"]) == Decimal("822736.649")
    assert row["aum_usd"] == sum(number(line["Market Value"]) for line in cells.values())
    assert row["shares_outstanding"] == number(shares) == 1_448_920_000
    assert row["nav_per_share_usd"] is None
    assert row["is_estimated"] is False


def test_the_locators_of_the_recorded_file_lead_to_its_lines(real):
    [row] = read(IBIT, real, FETCHED, DAY_URL).rows.to_dicts()
    texts = [fragment(answer(real, FETCHED, DAY_URL), place) for place in row["locator"].split()]
    assert texts == [
        line for start in ('"BTC"', '"USD"', "Shares") for line in real.decode().split("\n") if line.startswith(start)
    ]


def test_the_recorded_file_stands_in_the_warehouse_as_printed(real, recording, tmp_path):
    room = Room(tmp_path, IBIT)
    room.put(real, FETCHED, DAY_URL)
    room.put(recording(EMPTY).read_bytes(), FETCHED, DAY_URL.replace("20260506", "20260502"))
    loaded = room.load(every_attempt=True)
    assert room.rows("select trade_date, btc_held, aum_usd from feeds.ishares__etf_holdings") == [
        (SESSION, Decimal("822736.64900000"), Decimal("67212461916.98"))
    ]
    assert loaded.incidents == []


def test_the_answer_for_a_closed_day_is_no_data(recording):
    with pytest.raises(BodyRefused) as caught:
        read(IBIT, recording(EMPTY).read_bytes(), FETCHED, DAY_URL)
    assert caught.value.outcome is Outcome.NO_DATA


def with_notice(text: str, notice: str) -> str:
    return text[: text.rindex("\u00a0")] + "\u00a0\n" + notice


def without_keys(text: str, *keys: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.split(",")[0] not in keys)


def columns_moved(text: str) -> str:
    cells = cells_of(text)
    columns = sorted(cells["BTC"])
    rows = ['"' + '","'.join(row[name] for name in columns) + '"' for row in cells.values()]
    head, tail = text[: text.index("Ticker,")], text[text.rindex("\u00a0") :]
    return "\n".join([head + ",".join(columns), *rows, tail])


REWRITINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "without a byte order mark": lambda text: text.lstrip("\ufeff"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n"),
    "a notice with quotes": lambda text: with_notice(text, '"This ""fund"",\n\n1,5; and\nthat"\n'),
    "a broken notice": lambda text: with_notice(text, '"This "fund", a, b\n and so on'),
    "no notice": lambda text: with_notice(text, ""),
    "fewer key lines": lambda text: without_keys(text, "Stock", "Bond", "Cash", "Other", "Inception Date"),
    "more key lines": lambda text: text.replace("Stock,", 'Fee,"0.25%"\nHoldings,"2"\nStock,'),
    "columns in another order": columns_moved,
    "cash first": lambda text: re.sub(r'("BTC".*\n)("USD".*\n)', r"\2\1", text),
}


@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_the_recorded_file_rewritten_says_the_same(real, rewriting):
    rewritten = REWRITINGS[rewriting](real.decode()).encode()
    assert rewriting == "as it is" or rewritten != real
    [row], [expected] = (read(IBIT, body, FETCHED, DAY_URL).rows.to_dicts() for body in (rewritten, real))
    assert {**row, "locator": ""} == {**expected, "locator": ""}


def test_the_recorded_file_cut_anywhere_never_says_another_number_of_bitcoin(real):
    refused = 0
    for end in range(1, len(real)):
        try:
            [held] = values(read(IBIT, real[:end], FETCHED, DAY_URL), "btc_held").values()
        except BodyRefused:
            refused += 1
        else:
            assert held == Decimal("822736.649"), f"cut after {end} bytes"
    assert refused > real.index(b"822,736.64900")


# --- the files of which only the shape is known -------------------------------------------------------------

SHAPES: dict[str, tuple[str, str, date, str, str | None]] = {
    "ark": ("ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS_SHAPE.csv", "35026", date(2026, 8, 21), "2542000000", None),
    "bitwise": (
        "bitwise_BITB_next_data_SHAPE.json",
        "37871.96676424",
        date(2026, 8, 21),
        "2920000000.25",
        "69780000",
    ),
    "vaneck": ("vaneck_HODL_GetDataset_SHAPE.json", "14726", date(2026, 9, 30), "1250000000", None),
    "franklin": ("franklin_EZBC_Holdings_SHAPE.json", "5603.61", date(2026, 9, 30), "475000000", None),
    "invesco": ("invesco_BTCO_holdings_SHAPE.json", "5102.3317", date(2026, 9, 30), "432000000", None),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_file_of_the_known_shape_is_read(recording, name):
    file, held, day, aum, shares = SHAPES[name]
    issuer = ISSUERS[name]
    body = recording(f"issuers/{file}").read_bytes()
    fetched = datetime.combine(day, time(23)) + timedelta(days=1)
    checked = read(issuer.feed, body, fetched, issuer.url)
    key = (issuer.fund_id, day)
    assert values(checked, "btc_held") == {key: Decimal(held)}
    assert values(checked, "aum_usd") == {key: Decimal(aum)}
    assert values(checked, "shares_outstanding") == {key: Decimal(shares) if shares else None}
    assert (checked.rejected.height, checked.unknown.height) == (0, 0)
    texts = [fragment(answer(body, fetched, issuer.url), place) for place in checked.rows["locator"][0].split()]
    assert Decimal(held) in set(numbers_in(texts[0]))


def numbers_in(text: str) -> list[Decimal]:
    return [number(found) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def test_the_content_block_of_vaneck_is_read_without_values(recording):
    body = recording("issuers/vaneck_HODL_GetContent_SHAPE.json").read_bytes()
    checked = read(
        ISSUERS["vaneck"].feed, body, datetime.fromisoformat("2026-10-01T14:00"), "https://www.vaneck.com/x?ticker=HODL"
    )
    assert values(checked, "btc_held") == {("hodl", date(2026, 9, 30)): Decimal(14726)}
    assert values(checked, "aum_usd") == {("hodl", date(2026, 9, 30)): None}


def test_no_wallet_and_no_reserve_of_bitwise_is_delivered(recording):
    body = recording("issuers/bitwise_BITB_next_data_SHAPE.json").read_bytes()
    props: dict[str, Any] = json.loads(body)["pageProps"]
    others = {Decimal(props["proofOfReservesSnapshotData"]["totalReserve"])}
    others |= {Decimal(one["balance"]) for one in props["fundData"]["data"]["wallets"]["walletBalances"]}
    issuer = ISSUERS["bitwise"]
    [row] = read(issuer.feed, body, datetime.fromisoformat("2026-08-22T14:00"), issuer.url).rows.to_dicts()
    assert len(others) == 2
    assert not others & {row["btc_held"], row["aum_usd"], row["shares_outstanding"]}
