"""What the simulated issuers print of their funds at each pull, beside what is true in the world."""

import csv
import io
import json
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from requests import Response
from simulated import SEEDS, session_at

from pipelines.sample import PULLS
from pipelines.sample.world import World

WORLD = World(SEEDS)
GOOD_FRIDAY, JUNE, SPIN_OFF, OCTOBER, LAST = PULLS
OUT = {
    GOOD_FRIDAY: date(2024, 3, 28),
    JUNE: date(2024, 6, 27),
    SPIN_OFF: date(2024, 7, 30),
    OCTOBER: date(2024, 9, 30),
    LAST: date(2025, 1, 30),
}
"""The last session that the issuers have published at each pull."""
ISHARES = "https://www.ishares.com/us/products/333011"
ISHARES_LATEST = f"{ISHARES}/ishares-bitcoin-trust-etf/latest-holdings.csv"
ARK = "https://assets.ark-funds.com/fund-documents/funds-etf-csv/ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS.csv"
BITWISE = "https://bitbetf.com/"
VANECK = "https://www.vaneck.com/Main/HoldingsBlock"
VANECK_BLOCK = "?blockId=348327&pageId=243755&ticker=HODL"
FRANKLIN = "https://www.franklintempleton.com/api/pds/price-and-performance"
FRANKLIN_PAGE = (
    "https://www.franklintempleton.com/investments/options/exchange-traded-funds/products/39639"
    "/SINGLCLASS/franklin-bitcoin-etf/EZBC"
)
INVESCO = (
    "https://dng-api.invesco.com/cache/v1/accounts/en_US/shareclasses/46091J101/holdings/fund"
    "?idType=cusip&productType=ETF"
)
COINSHARES = "https://coinshares.com/us/etf/brrr/"
WIDGETS = "https://www-api.coinshares.com/api/v2/Widgets"
NO_DATA = 'Fund Holdings as of,"-"'
SHORT, CORRECTED_ON = date(2024, 6, 26), date(2024, 7, 9)
CENT = Decimal("0.01")


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("$", ""))


def is_worth(btc: Decimal, value_usd: Decimal, session: date) -> bool:
    """Whether the dollars are the coins at the strike of the session, give or take the fund's reference rate."""
    return abs(value_usd / btc / WORLD.strike_usd[session] - 1) < Decimal("0.0005")


def ishares_url(day: str | None) -> str:
    asked = {"dataType": "fund", "fileName": "IBIT_holdings", "fileType": "csv"}
    return f"{ISHARES}/fund/1467271812596.ajax?{urlencode(asked | ({'asOfDate': day} if day else {}))}"


@cache
def ishares(day: date | None, instant: datetime) -> str:
    answer = session_at(instant).get(ishares_url(f"{day:%Y%m%d}" if day else None))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    return answer.content.decode("utf-8")


def holdings(text: str) -> dict[str, dict[str, str]]:
    """The rows between the two lines of a no-break space, by ticker."""
    _, table, _ = text.split("\n\u00a0\n")
    return {row["Ticker"]: row for row in csv.DictReader(io.StringIO(table))}


def preamble(text: str) -> dict[str, str]:
    lines = text.split("\n\u00a0\n", maxsplit=1)[0].splitlines()[1:]
    return dict(next(csv.reader([line])) for line in lines)


def coins(text: str) -> Decimal:
    return number(holdings(text)["BTC"]["Quantity"])


def styles(text: str) -> str:
    """The file down to its notice with numbers and days blotted out: what is left is layout."""
    table, _, _ = text.rpartition("\n\u00a0\n")
    return re.sub(r"\d[\d,]*", "0", re.sub(r"[A-Z][a-z]{2} \d\d, \d{4}", "DAY", table))


def shape(document: Any) -> Any:
    """Keys and kinds of a JSON document; of a list its first member."""
    if isinstance(document, dict):
        return {key: shape(value) for key, value in document.items()}
    if isinstance(document, list):
        return [shape(member) for member in document[:1]]
    return type(document).__name__


# --- iShares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", PULLS)
def test_ishares_has_a_file_for_each_session_that_is_out(pull: datetime):
    for session in [*SEEDS.sessions(date(2024, 1, 11), OUT[pull])[::7], OUT[pull]]:
        text = ishares(session, pull)
        [btc, usd] = holdings(text).values()
        assert preamble(text)["Fund Holdings as of"] == f"{session:%b %d, %Y}"
        assert number(btc["Quantity"]) == WORLD.held_btc("ibit", session).quantize(Decimal("0.00001"))
        assert is_worth(number(btc["Quantity"]), number(btc["Market Value"]), session)
        assert btc["Notional Value"] == btc["Market Value"]
        assert number(preamble(text)["Shares Outstanding"]) == WORLD.shares_outstanding("ibit", session)
        assert usd["Market Value"] == usd["Quantity"].removesuffix("000")


@pytest.mark.parametrize(
    ("day", "pull"),
    [
        (date(2024, 3, 29), GOOD_FRIDAY),  # a closed day
        (date(2024, 3, 30), JUNE),  # a Saturday
        (date(2024, 6, 28), JUNE),  # a session that has not begun
        (date(2024, 7, 15), JUNE),  # a day to come
        (date(2025, 1, 31), LAST),  # a session that is over, not yet published
        (date(2024, 1, 10), LAST),  # the day before the first session
    ],
)
def test_ishares_says_so_where_it_has_no_data(day: date, pull: datetime):
    text = ishares(day, pull)
    assert NO_DATA in text.splitlines()
    assert preamble(text)["Shares Outstanding"] == "-"
    assert holdings(text) == {}


@given(st.text("0123456789-x", max_size=10))
def test_ishares_has_no_data_for_what_is_no_published_day(day: str):
    published = {f"{session:%Y%m%d}" for session in WORLD.sessions if session <= OUT[GOOD_FRIDAY]}
    answer = session_at(GOOD_FRIDAY).get(ishares_url(day))
    assert (NO_DATA in answer.text) is (day != "" and day not in published)


def test_ishares_publishes_a_session_in_the_early_afternoon_of_the_next_day():
    friday = date(2024, 6, 21)
    assert NO_DATA in ishares(friday, datetime.fromisoformat("2024-06-22 12:59"))
    assert NO_DATA not in ishares(friday, datetime.fromisoformat("2024-06-22 13:00"))


def test_ishares_corrects_one_session_inside_the_window_in_which_it_is_asked_again():
    before, after = (datetime.combine(CORRECTED_ON + timedelta(days=n), datetime.min.time()) for n in (-1, 0))
    assert timedelta(days=35) > CORRECTED_ON - SHORT
    assert JUNE < after < SPIN_OFF
    assert coins(ishares(SHORT, after)) - coins(ishares(SHORT, before)) == Decimal("42.5")
    assert is_worth(
        coins(ishares(SHORT, before)), number(holdings(ishares(SHORT, before))["BTC"]["Market Value"]), SHORT
    )
    revised = [
        (pull, session)
        for pull, later in pairwise(PULLS)
        for session in SEEDS.sessions(OUT[pull] - timedelta(days=40), OUT[pull])
        if ishares(session, pull) != ishares(session, later)
    ]
    assert revised == [(JUNE, SHORT)]


def test_ishares_shows_the_last_session_where_no_day_is_asked_for():
    for pull in PULLS:
        latest = session_at(pull).get(ISHARES_LATEST).content.decode()
        assert latest == ishares(None, pull) == ishares(OUT[pull], pull)


def test_ishares_file_begins_with_a_byte_order_mark_and_ends_with_a_notice_of_several_lines():
    text = ishares(OUT[LAST], LAST)
    assert text.startswith("\ufeffiShares Bitcoin Trust ETF\n")
    *_, notice = csv.reader(io.StringIO(text))
    assert len(notice) == 1
    assert notice[0].count("\n") >= 2
    assert len(text.split("\n\u00a0\n")[0].splitlines()) == 8


@pytest.mark.parametrize(
    ("name", "day"),
    [("IBIT_holdings_2026-05-06.csv", OUT[LAST]), ("IBIT_holdings_no_data_SYNTHETIC.csv", date(2024, 3, 30))],
)
def test_ishares_file_is_laid_out_like_the_recorded_one(recording: Any, name: str, day: date):
    recorded = f"{recording(f'ishares/{name}').read_bytes().decode('utf-8')}\n"
    assert "Quantity" in styles(recorded)
    assert styles(ishares(day, LAST)) == styles(recorded)


def test_ishares_knows_the_file_only_as_it_is_asked_for():
    for url in (f"{ISHARES}/fund/1467271812596.ajax", ishares_url(None).replace("IBIT", "ETHA"), f"{ISHARES}/other"):
        assert session_at(LAST).get(url).status_code == 404


# --- ARK ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", PULLS)
def test_ark_prints_whole_coins_of_the_last_session(pull: datetime):
    answer = session_at(pull).get(ARK)
    header, row, notice = csv.reader(io.StringIO(answer.text))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert row[:5] == [f"{OUT[pull]:%m/%d/%Y}", "ARKB", "BITCOIN", "BTC", "-"]
    assert number(row[5]) == round(WORLD.held_btc("arkb", OUT[pull]))
    assert is_worth(number(row[5]), number(row[6]), OUT[pull])
    assert len(notice) == 1
    assert len(header) == len(row)


def test_ark_file_is_laid_out_like_the_described_one(recording: Any):
    described = recording("issuers/ARK_21SHARES_BITCOIN_ETF_ARKB_HOLDINGS_SHAPE.csv").read_text().splitlines()
    printed = session_at(LAST).get(ARK).text.splitlines()
    blot = [[re.sub(r"\d+(,\d+)*", "0", line) for line in lines[:2]] for lines in (printed, described)]
    assert blot[0] == blot[1]
    assert re.search(r'"\d+,\d{3}\.0{8}","\$[\d,]+\.\d\d",100\.00$', printed[1])


# --- Bitwise ------------------------------------------------------------------------------------------------


@cache
def bitwise(pull: datetime) -> dict[str, Any]:
    [script] = html.fromstring(session_at(pull).get(BITWISE).content).xpath("//script[@id='__NEXT_DATA__']/text()")
    return json.loads(script)


@pytest.mark.parametrize("pull", PULLS)
def test_bitwise_prints_satoshis_and_shares_of_the_last_session(pull: datetime):
    data = bitwise(pull)["props"]["pageProps"]["fundData"]["data"]
    [basket] = data["holdings"]["basket"]
    details = data["fundDetails"]
    assert details["asOfDate"] == data["holdings"]["asOfDate"] == OUT[pull].isoformat()
    assert data["updatedAt"] == f"{OUT[pull] + timedelta(days=1)}T13:00:00Z"
    assert Decimal(basket["shares"]) == WORLD.held_btc("bitb", OUT[pull])
    assert len(basket["shares"].split(".")[1]) == 8
    assert is_worth(Decimal(basket["shares"]), Decimal(basket["marketValue"]), OUT[pull])
    assert Decimal(details["sharesOutstanding"]) == WORLD.shares_outstanding("bitb", OUT[pull])
    wallets = sum(Decimal(wallet["balance"]) for wallet in data["wallets"]["walletBalances"] if wallet["active"])
    assert abs(wallets - Decimal(basket["shares"])) < Decimal("0.000001")


def test_bitwise_json_is_there_under_the_build_id_of_the_day_alone():
    for pull in (JUNE, LAST):
        build_id = bitwise(pull)["buildId"]
        answer = session_at(pull).get(f"{BITWISE}_next/data/{build_id}/index.json")
        assert answer.json()["pageProps"] == bitwise(pull)["props"]["pageProps"]
    old = f"{BITWISE}_next/data/{bitwise(JUNE)['buildId']}/index.json"
    assert session_at(JUNE).get(old).status_code == 200
    assert session_at(LAST).get(old).status_code == 404


def test_bitwise_props_have_the_described_keys_and_kinds(recording: Any):
    described = json.loads(recording("issuers/bitwise_BITB_next_data_SHAPE.json").read_text())
    assert shape(bitwise(LAST)["props"]["pageProps"]) == shape(described["pageProps"])


# --- VanEck, Franklin, Invesco ------------------------------------------------------------------------------


@pytest.mark.parametrize("pull", PULLS)
def test_vaneck_prints_whole_coins_of_the_last_session(pull: datetime):
    block = session_at(pull).get(f"{VANECK}/GetDataset/{VANECK_BLOCK}").json()
    [row] = block["Holdings"]
    assert block["AsOfDate"] == f"{OUT[pull]:%m/%d/%Y}"
    assert number(row["Shares"]) == round(WORLD.held_btc("hodl", OUT[pull]))
    assert row["Shares"].endswith(".0000")
    assert is_worth(number(row["Shares"]), number(row["MV"]), OUT[pull])
    content = session_at(pull).get(f"{VANECK}/GetContent/{VANECK_BLOCK}").json()["data"]
    assert content == {
        "AsOfDate": block["AsOfDate"],
        "Holdings": [{key: row[key] for key in ("HoldingName", "Shares")}],
    }


def ask_franklin(pull: datetime, op: str = "Holdings", referer: str = FRANKLIN_PAGE, **question: Any) -> Response:
    query = "query Holdings($productId: String!) {Portfolio(fundid: $productId) {fundname}}"
    asked = {"operationName": "Holdings", "variables": {"productId": "39639"}, "query": query} | question
    return session_at(pull).post(f"{FRANKLIN}?op={op}", json=asked, headers={"Referer": referer})


@pytest.mark.parametrize("pull", PULLS)
def test_franklin_prints_four_decimals_of_the_last_session(pull: datetime):
    [row] = ask_franklin(pull).json()["data"]["Portfolio"]["portfolio"]["dailyholdings"]
    assert row["asofdatestd"] == OUT[pull].isoformat()
    assert row["asofdate"] == f"{OUT[pull]:%m/%d/%Y}"
    assert number(row["quantityshrpar"]) == WORLD.held_btc("ezbc", OUT[pull]).quantize(Decimal("0.0001"))
    assert "," in row["quantityshrpar"]
    assert "," not in row["mktvalue"]
    assert is_worth(number(row["quantityshrpar"]), number(row["mktvalue"]), OUT[pull])


def test_franklin_opens_to_its_own_pages_and_one_operation():
    assert ask_franklin(LAST, referer="").status_code == 403
    assert ask_franklin(LAST, referer="https://example.org/").status_code == 403
    assert ask_franklin(LAST, op="Prices").status_code == 403
    assert ask_franklin(LAST, operationName="Prices").status_code == 400
    assert ask_franklin(LAST, variables={"productId": "1"}).json() == {"data": {"Portfolio": None}}
    get = session_at(LAST).get(f"{FRANKLIN}?op=Holdings", headers={"Referer": FRANKLIN_PAGE})
    assert get.status_code == 404


@pytest.mark.parametrize("pull", PULLS)
def test_invesco_prints_numbers_of_the_last_session(pull: datetime):
    document = json.loads(session_at(pull).get(INVESCO).text, parse_float=Decimal)
    [row] = document["holdings"]
    assert document["effectiveBusinessDate"] == document["effectiveDate"] == OUT[pull].isoformat()
    assert row["units"] == WORLD.held_btc("btco", OUT[pull]).quantize(Decimal("0.0001"))
    assert is_worth(row["units"], row["marketValueBase"], OUT[pull])


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("vaneck_HODL_GetDataset_SHAPE.json", f"{VANECK}/GetDataset/{VANECK_BLOCK}"),
        ("vaneck_HODL_GetContent_SHAPE.json", f"{VANECK}/GetContent/{VANECK_BLOCK}"),
        ("invesco_BTCO_holdings_SHAPE.json", INVESCO),
    ],
)
def test_json_of_issuers_has_the_described_keys_and_kinds(recording: Any, name: str, url: str):
    described = json.loads(recording(f"issuers/{name}").read_text())
    assert shape(session_at(LAST).get(url).json()) == shape(described)


def test_franklin_has_the_described_keys_and_kinds(recording: Any):
    described = json.loads(recording("issuers/franklin_EZBC_Holdings_SHAPE.json").read_text())
    assert shape(ask_franklin(LAST).json()) == shape(described)


# --- CoinShares ---------------------------------------------------------------------------------------------


def key_of_the_page(pull: datetime) -> str:
    [key] = set(re.findall(r"ApiKey=([0-9A-Fa-f-]{36})\b", session_at(pull).get(COINSHARES).text))
    return key


def ask_coinshares(pull: datetime, key: str, name: str = "VALKYRIE_HOLDINGS_BRRR") -> Response:
    return session_at(pull).get(WIDGETS, params={"ApiKey": key, "names": name})


@pytest.mark.parametrize("pull", PULLS)
def test_coinshares_prints_the_last_session_to_who_brings_the_key_of_its_page(pull: datetime):
    [widget] = ask_coinshares(pull, key_of_the_page(pull)).json()
    [section] = widget["sections"]
    cells = {cell["key"]: cell["value"] for cell in section["meta"]}
    assert widget["name"] == "VALKYRIE_HOLDINGS_BRRR"
    assert cells["date"] == f"{OUT[pull]:%m/%d/%Y}"
    assert cells["securityname"] == "BITCOIN"
    assert number(cells["shares"]) == WORLD.held_btc("brrr", OUT[pull]).quantize(Decimal("0.0001"))
    assert is_worth(number(cells["shares"]), number(cells["marketvalue"]), OUT[pull])


def test_coinshares_refuses_every_other_key():
    assert key_of_the_page(JUNE) != key_of_the_page(LAST)
    for key in ("", "none", key_of_the_page(JUNE)):
        answer = ask_coinshares(LAST, key)
        assert answer.status_code == 401
        assert b"VALKYRIE" not in answer.content
    assert ask_coinshares(LAST, key_of_the_page(LAST), "OTHER").json() == []


# --- all of them --------------------------------------------------------------------------------------------


def test_before_the_first_session_is_out_there_is_nothing_to_print():
    early = datetime.fromisoformat("2024-01-12 12:59")
    assert NO_DATA in ishares(None, early)
    for url in (ARK, BITWISE, f"{VANECK}/GetDataset/{VANECK_BLOCK}", INVESCO):
        assert session_at(early).get(url).status_code == 404
        assert session_at(early + timedelta(minutes=1)).get(url).status_code == 200


def test_a_fund_that_prints_dollars_strikes_near_the_price_of_all():
    """Reference rates differ a little from fund to fund, so that the median of the funds is worth taking."""
    session = OUT[LAST]
    implied = {fund_id: WORLD.reference_usd(fund_id, session) for fund_id in WORLD.funds}
    assert len({price.quantize(CENT) for price in implied.values()}) > 6
    assert all(abs(price / WORLD.strike_usd[session] - 1) <= Decimal("0.0003") for price in implied.values())
