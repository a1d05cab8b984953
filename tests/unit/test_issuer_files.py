"""What is particular to one issuer's file, and how each is asked for. What holds for all is in test_issuer_holdings."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from issuer_pages import (
    COINSHARES_PAGE_URL,
    DAY,
    FETCHED,
    HOLDS,
    ISSUERS,
    KEY,
    WIDGETS_URL,
    answer,
    ark,
    asked,
    bitwise,
    bitwise_page,
    coinshares,
    franklin,
    franklin_line,
    franklin_list,
    invesco,
    outcome,
    read,
    refusal,
    take,
    vaneck,
    vaneck_content,
)
from pages import CHALLENGE, Room, values

from pipelines.feeds.pages import fragment
from pipelines.wire import Answer, BodyRefused, Failure, Outcome, Request, Window

ARK, BITWISE, VANECK = ISSUERS["ark"], ISSUERS["bitwise"], ISSUERS["vaneck"]
FRANKLIN, INVESCO, COINSHARES = ISSUERS["franklin"], ISSUERS["invesco"], ISSUERS["coinshares"]
WINDOW = Window(date(2024, 1, 11), DAY)
HELD = Decimal("5000.25")
AUM = Decimal("450022512.50")


# --- one question -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ark", "bitwise", "vaneck", "franklin", "invesco"])
def test_todays_file_is_asked_for_once_whatever_the_window(name):
    one = ISSUERS[name]
    conversation = one.feed.requests(WINDOW)
    [request] = next(conversation)
    assert one.feed.owns(request.target)
    assert one.feed.speaks(request)
    assert list(conversation) == []
    expected = "https://bitbetf.com/" if name == "bitwise" else one.url
    assert request.full_url == expected


def test_franklin_is_asked_by_a_post_from_its_own_page():
    [request] = asked(FRANKLIN.feed, WINDOW)
    question = json.loads(request.body)
    assert (request.method, question["operationName"]) == ("POST", "Holdings")
    assert question["variables"] == {"countryCode": "US", "languageCode": "en_US", "productId": "39639"}
    assert "dailyholdings" in question["query"]
    [(name, page)] = request.headers
    assert name == "Referer"
    assert page.startswith("https://www.franklintempleton.com/")
    assert page.endswith("/39639/SINGLCLASS/franklin-bitcoin-etf/EZBC")


# --- ARK ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "notice",
    [
        "",
        '"One line."',
        '"Two\nlines, with ""quotes"", and 1,5"',
        '"The "fund", and others, say nothing',
        "No, thanks you",
    ],
)
def test_the_notice_below_the_table_is_not_read(notice):
    body = ark("11/21/2024", notice=notice)
    is_one_word = notice.startswith("No,")
    assert outcome(ARK, body) is (Outcome.TRUNCATED if is_one_word else None)


def test_a_renamed_fund_is_set_aside_by_its_name():
    checked = take(ARK, ark("11/21/2024", fund="ARKX"))
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("fund", "ARKX", 1)]


def test_the_columns_of_ark_may_move():
    file = ark("11/21/2024", [("Bitcoin", "5000.25", "450022500")], notice="").decode()
    rows = [line.split(",") for line in file.splitlines() if line]
    moved = "\n".join(",".join(row[::-1]) for row in rows).encode()
    assert values(take(ARK, moved), "btc_held") == {("arkb", DAY): HELD}


# --- Bitwise ------------------------------------------------------------------------------------------------


def test_the_page_and_its_json_say_the_same_at_another_place():
    html, twin = (take(BITWISE, body) for body in (bitwise_page("2024-11-21"), bitwise("2024-11-21")))
    assert twin.rows.drop("locator").equals(html.rows.drop("locator"))
    assert html.rows["locator"][0].startswith("/props/pageProps/fundData/")
    assert twin.rows["locator"][0].startswith("/pageProps/fundData/")
    [first, *_] = html.rows["locator"][0].split()
    assert "5,000.25" in fragment(answer(bitwise_page("2024-11-21"), FETCHED, BITWISE.url), first)


@pytest.mark.parametrize("build_id", ["b7", "aB3-x_9", "2024.11.21"])
def test_the_json_is_owned_under_any_build(build_id):
    address = f"https://bitbetf.com/_next/data/{build_id}/index.json"
    assert BITWISE.feed.owns(urlsplit(address))
    assert values(read(BITWISE.feed, bitwise("2024-11-21"), FETCHED, address), "btc_held") == {("bitb", DAY): HELD}


@pytest.mark.parametrize("path", ["/_next/data/b7/welcome.json", "/_next/data/a/b/index.json", "/faq"])
def test_other_pages_of_the_site_are_not_owned(path):
    assert not BITWISE.feed.owns(urlsplit(f"https://bitbetf.com{path}"))


def test_reserves_and_wallets_are_no_holdings():
    body = bitwise("2024-11-21")
    assert b"7777" in body
    [row] = take(BITWISE, body).rows.to_dicts()
    assert not {"7777"} & {str(value).split(".")[0] for value in row.values()}


def test_assets_and_shares_of_another_day_are_not_of_this_one():
    body = bitwise("2024-11-21", details={"asOfDate": "2024-11-20", "netAssets": "1", "sharesOutstanding": "2"})
    checked = take(BITWISE, body)
    assert values(checked, "btc_held") == {("bitb", DAY): HELD}
    assert values(checked, "shares_outstanding") == {("bitb", DAY): None}
    assert values(checked, "aum_usd") == {("bitb", DAY): AUM}, "the values of the lines are of the day"
    assert "fundDetails" not in checked.rows["locator"][0]


def test_net_assets_of_another_unit_refuse_the_page():
    details = {"asOfDate": "2024-11-21", "netAssets": "450022.51", "sharesOutstanding": "9000"}
    assert "US$ per BTC" in refusal(BITWISE, bitwise("2024-11-21", details=details)).reason


# --- VanEck -------------------------------------------------------------------------------------------------


def test_the_content_block_is_the_dataset_without_values():
    url = VANECK.url.replace("GetDataset", "GetContent")
    assert VANECK.feed.owns(urlsplit(url.partition("?")[0]))
    checked = read(VANECK.feed, vaneck_content("11/21/2024"), FETCHED, url)
    assert values(checked, "btc_held") == {("hodl", DAY): HELD}
    assert values(checked, "aum_usd") == {("hodl", DAY): None}
    assert checked.rows["locator"][0].split()[0] == "/data/Holdings/0"


def test_the_block_of_another_ticker_is_set_aside_by_it():
    checked = read(VANECK.feed, vaneck("11/21/2024"), FETCHED, VANECK.url.replace("HODL", "HODX"))
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("fund", "HODX", 1)]


@pytest.mark.parametrize("ticker", ["HODL", "hodl", None, ""])
def test_the_block_that_names_its_own_ticker_or_none_is_read(ticker):
    body = json.dumps(json.loads(vaneck("11/21/2024")) | {"Ticker": ticker}).encode()
    assert values(take(VANECK, body), "btc_held") == {("hodl", DAY): HELD}


@pytest.mark.parametrize("block", [vaneck, vaneck_content])
def test_the_block_that_names_another_ticker_is_set_aside_by_it(block):
    body = block("11/21/2024").replace(b'"AsOfDate"', b'"Ticker": "ETHV", "AsOfDate"')
    checked = take(VANECK, body)
    assert checked.rows.height == 0
    assert checked.unknown.rows() == [("fund", "ETHV", 1)]


# --- Franklin -----------------------------------------------------------------------------------------------


def test_a_list_of_several_days_is_a_row_for_each():
    eve = date(2024, 11, 20)
    lines = [
        franklin_line("2024-11-21", HOLDS[0]),
        franklin_line("2024-11-20", ("Bitcoin", "4,990", "449,000,000.00")),
        franklin_line("2024-11-21", HOLDS[1]),
        franklin_line("2024-11-20", ("Cash", "7", "7.00")),
    ]
    checked = take(FRANKLIN, franklin_list(lines))
    assert values(checked, "btc_held") == {("ezbc", DAY): HELD, ("ezbc", eve): 4990}
    assert values(checked, "aum_usd") == {("ezbc", DAY): AUM, ("ezbc", eve): Decimal("449000007.00")}
    root = "/data/Portfolio/portfolio/dailyholdings"
    assert values(checked, "locator")[("ezbc", eve)] == f"{root}/1 {root}/3"


def test_old_days_beside_a_new_one_are_not_stale():
    old = franklin_line("2024-09-20", ("Bitcoin", "4,000", "250,000,000.00"))
    days = values(take(FRANKLIN, franklin_list([old, franklin_line("2024-11-21", HOLDS[0])])), "btc_held")
    assert set(days) == {("ezbc", DAY), ("ezbc", date(2024, 9, 20))}
    assert outcome(FRANKLIN, franklin_list([old])) is Outcome.STALE


@pytest.mark.parametrize("name", ["Franklin Bitcoin Trust", "Franklin Ethereum ETF"])
def test_a_fund_of_another_name_is_set_aside_by_it(name):
    checked = take(FRANKLIN, franklin("2024-11-21", name=name))
    assert checked.rows.height == 0
    assert checked.unknown["source_name"].to_list() == [name]


def test_a_list_that_names_no_fund_is_of_the_one_asked_for():
    assert values(take(FRANKLIN, franklin("2024-11-21", name=None)), "btc_held") == {("ezbc", DAY): HELD}


# --- Invesco ------------------------------------------------------------------------------------------------


def test_numbers_of_json_are_read_as_they_are_printed():
    body = invesco("2024-11-21", [("Bitcoin", 1, 2)]).replace(b'"units": 1', b'"units": 5102.33170001')
    body = body.replace(b'"marketValueBase": 2', b'"marketValueBase": 4.320000001E8')
    checked = take(INVESCO, body)
    assert values(checked, "btc_held") == {("btco", DAY): Decimal("5102.33170001")}
    assert values(checked, "aum_usd") == {("btco", DAY): Decimal("432000000.10")}


def test_the_list_of_another_share_class_is_set_aside_by_its_cusip():
    assert take(INVESCO, invesco("2024-11-21", cusip="46091J200")).unknown["source_name"].to_list() == ["46091J200"]


# --- CoinShares ---------------------------------------------------------------------------------------------

ADDRESS = f"{WIDGETS_URL}?ApiKey={KEY}&amp;names=VALKYRIE_NAV_BRRR"
DECOY = '{"analytics": {"apiKey": "11111111-2222-3333-4444-555555555555"}}'
PAGES = {
    "an address in a script": f"<script>fetch('{ADDRESS.replace('&amp;', '&')}')</script>",
    "an address in an attribute": f'<div data-url="{ADDRESS}"></div>',
    "JSON": f'<script>var w = {{"url": "{WIDGETS_URL}", "apiKey":"{KEY}"}}</script>',
    "JSON in an attribute": f'<div data-w="{{&quot;apiKey&quot;: &quot;{KEY}&quot;}}"></div>',
    "JSON in JSON": '<script>"{\\"url\\":\\"https:\\/\\/www-api.coinshares.com\\/api\\/v2\\/Widgets\\",'
    f'\\"apiKey\\":\\"{KEY}\\"}}"</script>',
    "an encoded address": f'<a href="/go?u={WIDGETS_URL}%3FApiKey%3D{KEY}">x</a>',
    "behind the key of another service": f"<script>{DECOY}</script><script>fetch('{ADDRESS}')</script>",
}
NO_KEYS = ["", "ApiKey=", "ApiKey=none", f"key={KEY}", f'"id": "{KEY}"', f"ApiKey={KEY[:-1]}"]


def page(inner: str) -> bytes:
    return f"<!DOCTYPE html><html><head><title>BRRR</title></head><body>{inner}</body></html>".encode()


def second_step(first: Answer | Failure) -> list[Request]:
    """What is asked once the page is there."""
    conversation = COINSHARES.feed.requests(WINDOW)
    [request] = next(conversation)
    assert request.full_url == COINSHARES_PAGE_URL
    try:
        return conversation.send([first])
    except StopIteration:
        return []


@pytest.mark.parametrize("place", PAGES)
def test_the_widget_is_asked_for_with_the_key_of_the_page(place):
    [request] = second_step(answer(page(PAGES[place]), FETCHED, COINSHARES_PAGE_URL))
    assert request.full_url == f"{WIDGETS_URL}?ApiKey={KEY}&names=VALKYRIE_HOLDINGS_BRRR"
    assert COINSHARES.feed.owns(request.target)
    assert KEY not in str(request), "what is written down holds no key"


@pytest.mark.parametrize("inner", NO_KEYS)
def test_a_page_without_a_key_ends_the_asking_and_is_refused(inner):
    assert second_step(answer(page(inner), FETCHED, COINSHARES_PAGE_URL)) == []
    with pytest.raises(BodyRefused, match="no ApiKey") as caught:
        read(COINSHARES.feed, page(inner), FETCHED, COINSHARES_PAGE_URL)
    assert caught.value.outcome is Outcome.LAYOUT_CHANGED


def test_a_page_that_did_not_come_ends_the_asking():
    request = Request.get(COINSHARES_PAGE_URL)
    assert second_step(Failure(request, "f", FETCHED, Outcome.HTTP_ERROR, "status 403", 403)) == []


def test_the_page_leads_to_data_and_holds_none():
    feed = COINSHARES.feed
    assert not feed.speaks(Request.get(COINSHARES_PAGE_URL))
    assert feed.speaks(Request.of(COINSHARES.url))
    checked = read(feed, page(PAGES["JSON"]), FETCHED, COINSHARES_PAGE_URL)
    assert (checked.rows.height, checked.rejected.height, checked.unknown.height) == (0, 0, 0)


def test_a_page_in_place_of_the_widget_is_refused():
    assert outcome(COINSHARES, page(PAGES["JSON"])) is Outcome.TRUNCATED
    assert outcome(COINSHARES, CHALLENGE) is Outcome.CHALLENGE


def test_the_widget_is_found_by_its_name():
    refused = refusal(COINSHARES, coinshares("11/21/2024", widget="VALKYRIE_HOLDINGS_BTF"))
    assert refused.outcome is Outcome.LAYOUT_CHANGED
    assert "VALKYRIE_NAV_BRRR, VALKYRIE_HOLDINGS_BTF" in refused.reason


def test_a_widget_without_values_has_no_assets():
    body = coinshares("11/21/2024").replace(b'"marketvalue"', b'"price"')
    checked = take(COINSHARES, body)
    assert values(checked, "btc_held") == {("brrr", DAY): HELD}
    assert values(checked, "aum_usd") == {("brrr", DAY): None}


def test_page_and_widget_load_into_one_row_without_incidents(tmp_path):
    room = Room(tmp_path, COINSHARES.feed)
    room.put(page(PAGES["JSON"]), FETCHED, COINSHARES_PAGE_URL)
    room.put(coinshares("11/21/2024"), FETCHED + timedelta(seconds=1), COINSHARES.url)
    loaded = room.load(every_attempt=True)
    assert room.rows("select btc_held, fetched_at from feeds.coinshares__etf_holdings") == [
        (HELD, datetime.fromisoformat("2024-11-22T15:00:01"))
    ]
    assert loaded.incidents == []
