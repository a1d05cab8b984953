"""The file of IBIT, one story each: its key lines, its table, its notice, and how it is asked for."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from issuer_pages import DAY, FETCHED, HOLDS, ISHARES_COLUMNS, ISHARES_URL, ISSUERS, answer, asked, ishares, outcome
from issuer_pages import read as read_at
from issuer_pages import refusal as refusal_of
from issuer_pages import take as take_of
from pages import Room, values

from pipelines.feeds.pages import fragment
from pipelines.tables.base import Checked
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Window

IBIT = ISSUERS["ishares"]
FEED = IBIT.feed
PRINTED = "Nov 21, 2024"
TITLE = "iShares Bitcoin Trust ETF"
OF = f'Fund Holdings as of,"{PRINTED}"'
SHARES = 'Shares Outstanding,"9,000,000.00"'
NO_DATA = ishares("-", [], shares="-")
KEY = ("ibit", DAY)


def take(body: bytes) -> Checked:
    return take_of(IBIT, body)


def refused(body: bytes) -> BodyRefused:
    found = refusal_of(IBIT, body)
    assert found is not None, "the file is read"
    return found


# --- key lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "above",
    [
        [TITLE, OF, SHARES],
        [TITLE, SHARES, 'Cash,"-"', OF],
        [OF, SHARES, TITLE],
        [OF, SHARES],
        [TITLE, "", "A remark in one line", OF, 'NAV,"50.00","USD"', 'Stock,"-"', 'Bond,"-"', SHARES],
        ["iShares Bitcoin Trust", OF, SHARES],
        [f'"{TITLE}"', OF, SHARES, "", "\u00a0", ""],
    ],
)
def test_key_lines_are_read_by_their_keys_wherever_they_stand(above):
    checked = take(ishares("", above=above))
    assert values(checked, "btc_held") == {KEY: Decimal("5000.25")}
    assert values(checked, "shares_outstanding") == {KEY: 9_000_000}


@pytest.mark.parametrize("shares", [None, "-", ""])
def test_shares_that_are_not_printed_are_unknown(shares):
    checked = take(ishares(PRINTED, shares=shares))
    assert values(checked, "shares_outstanding") == {KEY: None}
    assert values(checked, "btc_held") == {KEY: Decimal("5000.25")}


def test_shares_that_are_no_number_refuse_the_file():
    assert "shares" in refused(ishares(PRINTED, shares="9.000,00")).reason


@pytest.mark.parametrize("title", ["iShares Ethereum Trust ETF", "iShares Bitcoin Premium Income ETF", "Sold out"])
def test_the_file_of_another_fund_is_refused_and_named(title):
    found = refused(ishares("", above=[title, OF, SHARES]))
    assert found.outcome is Outcome.LAYOUT_CHANGED
    assert title in found.reason


@pytest.mark.parametrize(
    "line",
    [
        "iShares Ethereum Trust ETF,,",
        'iShares Ethereum Trust ETF,"Nov 21, 2024"',
        'Fund Name,"iShares Ethereum Trust ETF"',
        "ISHARES BITCOIN PREMIUM INCOME ETF,BITA",
    ],
)
@pytest.mark.parametrize("above", [[], [TITLE]])
def test_the_title_of_another_product_is_seen_beside_other_cells(line, above):
    found = refused(ishares("", above=[*above, line, OF, SHARES]))
    assert found.outcome is Outcome.LAYOUT_CHANGED
    assert "ishares " in found.reason.lower()


@pytest.mark.parametrize("line", [f"{TITLE},,", f"{TITLE},IBIT", f"Fund Name,{TITLE}"])
def test_the_title_of_the_fund_may_stand_beside_other_cells(line):
    assert values(take(ishares("", above=[line, OF, SHARES])), "btc_held") == {KEY: Decimal("5000.25")}


def test_a_file_without_its_day_is_refused():
    found = refused(ishares("", above=[TITLE, SHARES]))
    assert found.outcome is Outcome.LAYOUT_CHANGED
    assert "Fund Holdings as of" in found.reason


# --- a day without data -------------------------------------------------------------------------------------


def test_a_dash_for_the_day_says_that_there_is_no_data():
    assert outcome(IBIT, NO_DATA) is Outcome.NO_DATA


def test_no_data_needs_no_table():
    assert outcome(IBIT, f'\ufeff{TITLE}\nFund Holdings as of,"-"\n'.encode()) is Outcome.NO_DATA


def test_a_day_without_data_is_no_trouble_and_no_row(tmp_path):
    room = Room(tmp_path, FEED)
    url = f"{ISHARES_URL}?asOfDate="
    room.put(NO_DATA, FETCHED, f"{url}20241129")
    room.put(ishares(PRINTED), FETCHED, f"{url}20241121")
    loaded = room.load(every_attempt=True)
    assert loaded.incidents == []
    assert room.rows("select trade_date from feeds.ishares__etf_holdings") == [(DAY,)]
    assert room.rows("select outcome from feeds.ledger order by all") == [("no_data",), ("ok",)]


# --- the table and the notice -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        ISHARES_COLUMNS[::-1],
        ("Quantity", "Accrual Date", "Ticker", "Market Value"),
        ("Ticker", "ISIN", "Quantity", "Price", "Market Value", "Notional Value", "CUSIP", "Name"),
    ],
)
def test_columns_are_read_by_name_wherever_they_stand(columns):
    checked = take(ishares(PRINTED, columns=columns))
    assert values(checked, "btc_held") == {KEY: Decimal("5000.25")}
    assert values(checked, "aum_usd") == {KEY: Decimal("450022512.50")}


@pytest.mark.parametrize(
    ("column", "other"),
    [("Quantity", "Shares"), ("Market Value", "Market Value (000)"), ("Ticker", "Symbol"), ("Name", "Quantity")],
)
def test_a_column_that_is_missing_renamed_or_there_twice_is_named(column, other):
    columns = [other if name == column else name for name in ISHARES_COLUMNS]
    found = refused(ishares(PRINTED, columns=columns))
    assert found.outcome is Outcome.LAYOUT_CHANGED
    assert f"no {'Quantity' if other == 'Quantity' else column} in" in found.reason


def test_a_file_of_key_lines_alone_is_refused():
    found = refused("\n".join([TITLE, OF, SHARES]).encode())
    assert found.outcome is Outcome.LAYOUT_CHANGED
    assert "Quantity" in found.reason


@pytest.mark.parametrize(
    "notice",
    [
        "",
        '"one line"',
        '"The ""fund"", its\nsponsor, and\n\nothers: 1,5 and 2"\n',
        '"The "fund", a, b, c\n"and, "unclosed',
        "Not quoted, with commas, and more, and more, and more",
        "<p>markup</p>",
    ],
)
@pytest.mark.parametrize("separator", ["\u00a0\n", "\n", ""])
def test_whatever_stands_below_the_table_is_not_read(notice, separator):
    file = ishares(PRINTED).decode()
    body = f"{file[: file.rindex(chr(0xA0))]}{separator}{notice}".encode()
    if separator == "" and notice == "<p>markup</p>":
        assert outcome(IBIT, body) is Outcome.TRUNCATED, "one word in place of a row"
    else:
        assert values(take(body), "aum_usd") == {KEY: Decimal("450022512.50")}


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_lines_may_end_as_they_do_on_other_machines(ending):
    body = ishares(PRINTED).replace(b"\n", ending.encode())
    [row] = take(body).rows.to_dicts()
    assert row["btc_held"] == Decimal("5000.25")
    given = answer(body, FETCHED, ISHARES_URL)
    texts = [fragment(given, place) for place in row["locator"].split()]
    assert [text.split(",")[0] for text in texts] == ["BTC", "CAS", "Shares Outstanding"]


def test_a_row_cut_short_refuses_the_file():
    file = ishares(PRINTED)
    found = refused(file[: file.index(b"12.50") + 3])
    assert found.outcome is Outcome.TRUNCATED


def test_a_number_cut_inside_its_quotes_is_not_read():
    file = ishares(PRINTED, [HOLDS[0]], columns=("Ticker", "Market Value", "Quantity"))
    assert outcome(IBIT, file[: file.index(b"5,000") + 4]) is Outcome.TRUNCATED


@pytest.mark.parametrize("line", ["L0", "L999", "L", "l1", "L-1"])
def test_a_line_that_is_not_there_has_no_text(line):
    with pytest.raises(LookupError):
        fragment(answer(ishares(PRINTED), FETCHED, ISHARES_URL), line)


# --- asking -------------------------------------------------------------------------------------------------


def answers(requests: list[Request]) -> list[Answer | Failure]:
    return [Answer(one, "f", FETCHED, 200, "text/csv", "", "0" * 64, b"x") for one in requests]


def failures(requests: list[Request]) -> list[Answer | Failure]:
    return [Failure(one, "f", FETCHED, Outcome.HTTP_ERROR, "status 403") for one in requests]


def conversation(window: Window, *replies) -> list[list[date]]:
    """The days of each list of questions, every list replied to by the next of `replies`, then by the last."""
    talk = FEED.requests(window)
    lists, questions = [], next(talk)
    while questions:
        lists.append([day for question in questions for day in FEED.days_of(question)])
        reply = replies[min(len(lists), len(replies)) - 1]
        try:
            questions = talk.send(reply(questions))
        except StopIteration:
            questions = []
    return lists


def test_every_session_of_a_window_is_asked_for_newest_first():
    lists = conversation(Window(date(2024, 11, 25), date(2024, 12, 2)), answers)
    assert [f"{day:%d}" for days in lists for day in days] == ["02", "29", "27", "26", "25"]


def test_a_request_names_the_file_and_the_day():
    [request] = asked(FEED, Window(DAY, DAY))
    assert request.full_url == f"{ISHARES_URL}?dataType=fund&fileName=IBIT_holdings&fileType=csv&asOfDate=20241121"
    assert FEED.owns(request.target)


def test_a_window_without_a_session_asks_nothing():
    assert list(FEED.requests(Window(date(2024, 11, 23), date(2024, 11, 24)))) == []


def test_a_year_is_asked_for_in_parts():
    lists = conversation(Window(date(2024, 1, 11), date(2024, 12, 31)), answers)
    assert [len(days) for days in lists[:-1]] == [20] * (len(lists) - 1)
    assert sum(len(days) for days in lists) == 245


def test_a_wall_is_not_hit_again_and_again():
    year = Window(date(2024, 1, 11), date(2024, 12, 31))
    assert len(conversation(year, failures)) == 1
    assert len(conversation(year, answers, failures)) == 2
    some = len(conversation(year, lambda asked_for: [*failures(asked_for[1:]), *answers(asked_for[:1])]))
    assert some == len(conversation(year, answers))


@pytest.mark.parametrize(
    ("query", "days"),
    [("?asOfDate=20241121", [DAY]), ("", []), ("?asOfDate=", []), ("?asOfDate=2024-11-21", []), ("?asOfDate=-", [])],
)
def test_the_day_that_a_request_asks_for_is_in_it(query, days):
    assert FEED.days_of(Request.of(f"{ISHARES_URL}{query}")) == days


@pytest.mark.parametrize("asked_for", ["20241120", "20241122"])
def test_the_file_of_another_day_than_was_asked_for_is_refused(asked_for):
    with pytest.raises(BodyRefused, match="that of 2024-11-21 came") as caught:
        read_at(FEED, ishares(PRINTED), FETCHED, f"{ISHARES_URL}?asOfDate={asked_for}")
    assert caught.value.outcome is Outcome.LAYOUT_CHANGED


def test_the_file_of_an_old_day_that_was_asked_for_is_not_stale():
    late = FETCHED + timedelta(days=600)
    checked = read_at(FEED, ishares(PRINTED), late, f"{ISHARES_URL}?asOfDate=20241121")
    assert values(checked, "btc_held") == {KEY: Decimal("5000.25")}


def test_the_latest_file_is_read_by_the_day_it_prints():
    url = "https://www.ishares.com/us/products/333011/ishares-bitcoin-trust-etf/latest-holdings.csv"
    assert FEED.owns(Request.of(url).target)
    assert values(read_at(FEED, ishares(PRINTED), FETCHED, url), "btc_held") == {KEY: Decimal("5000.25")}


def test_a_day_read_again_with_another_figure_is_a_second_observation(tmp_path):
    room = Room(tmp_path, FEED)
    url = f"{ISHARES_URL}?asOfDate=20241121"
    again = [("Bitcoin", "5,000.50", "450,045,000.00"), HOLDS[1]]
    room.put(ishares(PRINTED), FETCHED, url)
    room.put(ishares(PRINTED, again), FETCHED + timedelta(days=1), url)
    room.load()
    query = "select btc_held, fetched_at from feeds.ishares__etf_holdings order by fetched_at"
    assert room.rows(query) == [
        (Decimal("5000.25"), FETCHED),
        (Decimal("5000.50"), datetime.fromisoformat("2024-11-23T15:00")),
    ]
