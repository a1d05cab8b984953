"""What holds for every issuer's own file: what is read, what is set aside, what is refused and why."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from issuer_pages import (
    BTC_NAME,
    DAY,
    FETCHED,
    HOLDS,
    ISSUERS,
    Issuer,
    answer,
    outcome,
    read,
    refusal,
    seeds_with,
    take,
)
from pages import CHALLENGE, Room, values

from pipelines.feeds.pages import fragment
from pipelines.tables.base import FUTURE
from pipelines.wire import BodyRefused, Outcome

SATURDAY, THANKSGIVING = date(2024, 11, 23), date(2024, 11, 28)
quick = settings(deadline=None, max_examples=40)
MINUS = "\u2212"


@pytest.fixture(params=sorted(ISSUERS))
def issuer(request: pytest.FixtureRequest) -> Issuer:
    return ISSUERS[request.param]


def held(issuer: Issuer, body: bytes, at: datetime = FETCHED) -> dict[tuple[str, date], Decimal]:
    return values(take(issuer, body, at), "btc_held")


# --- what is read -------------------------------------------------------------------------------------------


def test_bitcoin_is_held_and_all_lines_are_worth_the_assets(issuer):
    checked = take(issuer, issuer.body())
    key = (issuer.fund_id, DAY)
    assert values(checked, "btc_held") == {key: Decimal("5000.25")}
    assert values(checked, "aum_usd") == {key: Decimal("450022512.50")}
    assert values(checked, "nav_per_share_usd") == {key: None}
    assert values(checked, "is_estimated") == {key: False}
    assert (checked.rejected.height, checked.unknown.height) == (0, 0)


def test_shares_are_those_that_the_file_prints(issuer):
    printed = Decimal(9_000_000) if issuer.fund_id in ("ibit", "bitb") else None
    assert values(take(issuer, issuer.body()), "shares_outstanding") == {(issuer.fund_id, DAY): printed}


@pytest.mark.parametrize("quantity", ["5000.25", "5,000.25", "5,000.25000000"])
@pytest.mark.parametrize("value", ["450022500", "450,022,500.00", "$450,022,500.00"])
def test_a_number_is_read_with_and_without_commas_and_dollar_signs(issuer, quantity, value):
    body = issuer.body([(BTC_NAME, quantity, value)])
    assert held(issuer, body) == {(issuer.fund_id, DAY): Decimal("5000.25")}


@pytest.mark.parametrize("value", [f"{MINUS}12.50", "-12.50", "(12.50)", "($12.50)", "-$12.50", "$(12.50)"])
def test_what_the_fund_owes_counts_against_its_assets(issuer, value):
    known = Decimal("450022512.50" if issuer.fund_id == "bitb" else "450022487.50")  # BITB prints its net assets
    body = issuer.body([HOLDS[0], ("Fees", "1", value)])
    assert values(take(issuer, body), "aum_usd") == {(issuer.fund_id, DAY): known}


@pytest.mark.parametrize("value", [None, "-", ""])
def test_assets_are_unknown_where_a_line_prints_no_value(issuer, value):
    checked = take(issuer, issuer.body([HOLDS[0], ("Cash", "12.50", value)]))
    known = Decimal("450022512.50") if issuer.fund_id == "bitb" else None
    assert values(checked, "aum_usd") == {(issuer.fund_id, DAY): known}
    assert checked.rejected.height == 0


@quick
@given(st.integers(1, 21 * 10**14).map(lambda satoshi: Decimal(satoshi) / 10**8))
@example(Decimal("0.00000001"))
@example(Decimal("21000000.00000000"))
def test_a_holding_is_exact_to_the_satoshi(amount):
    for one in ISSUERS.values():
        body = one.body([(BTC_NAME, f"{amount:,.8f}", None)])
        assert held(one, body.replace(b"450022512.50", b"-")) == {(one.fund_id, DAY): amount}


@pytest.mark.parametrize("name", ["ishares", "bitwise"])
def test_a_split_changes_the_shares_and_never_the_bitcoin(name):
    one, later = ISSUERS[name], DAY + timedelta(days=1)
    before = take(one, one.body())
    after_split = one.body(day=later).replace(b"9,000,000.00", b"27,000,000.00").replace(b'"9000000"', b'"27000000"')
    after = take(one, after_split, FETCHED + timedelta(days=1))
    assert values(before, "shares_outstanding") == {(one.fund_id, DAY): 9_000_000}
    assert values(after, "shares_outstanding") == {(one.fund_id, later): 27_000_000}
    assert list(values(after, "btc_held").values()) == list(values(before, "btc_held").values())


def test_every_locator_leads_back_to_what_is_printed(issuer):
    body = issuer.body()
    [row] = take(issuer, body).rows.to_dicts()
    texts = [fragment(answer(body, FETCHED, issuer.url), place) for place in row["locator"].split()]
    assert "5,000.25" in texts[0]
    assert "bitcoin" in texts[0].lower()
    assert "12.50" in texts[1]
    assert all("9000000" in text.replace(",", "") for text in texts[3 if issuer.fund_id == "bitb" else 2 :])


# --- one line twice, no line at all -------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["5,000.25", "5,000.26", "n/a"])
def test_two_lines_of_bitcoin_refuse_the_file_whether_they_are_equal_or_not(issuer, quantity):
    """Two custodians may hold the same amount: which line is the holding cannot be told."""
    body = issuer.body([HOLDS[0], (BTC_NAME, quantity, "450,022,500.00"), HOLDS[1]])
    assert outcome(issuer, body) is Outcome.CONFLICTING_ROWS


def test_two_equal_lines_of_cash_are_twice_the_cash(issuer):
    checked = take(issuer, issuer.body([*HOLDS, HOLDS[1]]))
    known = Decimal("450022512.50" if issuer.fund_id == "bitb" else "450022525.00")  # BITB prints its net assets
    assert values(checked, "aum_usd") == {(issuer.fund_id, DAY): known}


@pytest.mark.parametrize("items", [[], [HOLDS[1]], [("Ether", "5,000.25", "15,000,000.00")]])
def test_a_file_without_bitcoin_is_refused(issuer, items):
    refused = refusal(issuer, issuer.body(items))
    assert refused.outcome is Outcome.LAYOUT_CHANGED
    assert "no line is bitcoin" in refused.reason


# --- numbers that are none ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quantity", ["1.234,56", "1 234.5", "500,025,000,000", "12,34.5", "5e3", "n/a", "-", "", None, "5,000.25 BTC"]
)
def test_a_quantity_that_is_no_number_refuses_the_file(issuer, quantity):
    refused = refusal(issuer, issuer.body([(BTC_NAME, quantity, "450,022,500.00"), HOLDS[1]]))
    assert refused.outcome is Outcome.TOO_MANY_FAULTS
    assert "quantity" in refused.reason
    assert "is not a number" in refused.reason


@pytest.mark.parametrize("value", ["450.022.500,00", "?", "450 million"])
@pytest.mark.parametrize("line", [0, 1])
def test_a_value_that_is_no_number_refuses_the_file(issuer, value, line):
    items = list(HOLDS)
    items[line] = (*items[line][:2], value)
    assert "value" in refusal(issuer, issuer.body(items)).reason


@pytest.mark.parametrize("quantity", ["0", "0.00", "-5,000.25", f"{MINUS}5,000.25", "(5,000.25)", f"{MINUS}5000.25"])
def test_a_fund_never_holds_nothing_or_less(issuer, quantity):
    body = issuer.body([(BTC_NAME, quantity, None)]).replace(b"450022512.50", b"-")
    assert outcome(issuer, body) is Outcome.TOO_MANY_FAULTS


@pytest.mark.parametrize(
    ("quantity", "value", "implied"),
    [
        ("5,000.25", "450,022.50", "90.0 US$ per BTC"),
        ("5,000.25", "450,022,500,000.00", "90000000.0 US$ per BTC"),
        ("5,000,250.00", "450,022,500.00", "90.0 US$ per BTC"),
        ("5,000.25", f"{MINUS}450,022,500.00", "-90000.0 US$ per BTC"),
    ],
)
def test_another_unit_shows_in_the_price_it_implies(issuer, quantity, value, implied):
    refused = refusal(issuer, issuer.body([(BTC_NAME, quantity, value)]))
    assert refused.outcome is Outcome.TOO_MANY_FAULTS
    assert implied in refused.reason


@pytest.mark.parametrize(
    ("price_usd", "is_read"), [(9_999, False), (10_000, True), (1_000_000, True), (10**6 + 1, False)]
)
def test_a_price_of_ten_thousand_to_a_million_is_one(issuer, price_usd, is_read):
    body = issuer.body([(BTC_NAME, "5000", str(5000 * price_usd))]).replace(b"450022512.50", b"-")
    assert (outcome(issuer, body) is None) is is_read


@pytest.mark.parametrize("name", ["ishares", "bitwise"])
@pytest.mark.parametrize(
    ("shares", "is_read"), [("45002", False), ("45003", True), ("450022512", True), ("450022513", False), ("9", False)]
)
def test_assets_per_share_tell_the_unit_of_the_shares(name, shares, is_read):
    """450,022,512.50 US$ are between one and ten thousand US$ a share."""
    one = ISSUERS[name]
    body = one.body().replace(b"9,000,000.00", shares.encode()).replace(b'"9000000"', f'"{shares}"'.encode())
    refused = refusal(one, body)
    assert (refused is None) is is_read
    assert refused is None or "shares: another unit" in refused.reason


def test_no_fund_holds_more_bitcoin_than_there_will_be(issuer):
    for quantity, expected in (("21,000,000", None), ("21,000,000.00000001", Outcome.TOO_MANY_FAULTS)):
        body = issuer.body([(BTC_NAME, quantity, None)]).replace(b"450022512.50", b"-")
        assert outcome(issuer, body) is expected


@quick
@given(st.text(st.sampled_from([*"0123456789.-+e ,$()", "\u0663", MINUS]), max_size=8))
@example("\u0663")
@example("5.")
@example("+5")
@example("1.234,56")
@example("5,00")
def test_garbage_never_becomes_a_holding(text):
    plain = text.strip().replace("$", "", 1)
    whole, _, fraction = plain.partition(".")
    grouped = whole.split(",")
    is_grouped = len(grouped) == 1 or (1 <= len(grouped[0]) <= 3 and all(len(part) == 3 for part in grouped[1:]))
    digits = "".join(grouped)
    is_number = set(digits + fraction) <= set("0123456789") and digits and is_grouped and not plain.endswith(".")
    for one in ISSUERS.values():
        body = one.body([(BTC_NAME, text, None)]).replace(b"450022512.50", b"-")
        refused = refusal(one, body)
        if not is_number:
            assert refused is not None, f"{one.feed.feed_id} reads {text!r}"
        elif refused is None:
            assert held(one, body) == {(one.fund_id, DAY): Decimal(digits + "." + (fraction or "0"))}


# --- days ---------------------------------------------------------------------------------------------------


def test_a_date_in_another_order_refuses_the_file(issuer):
    for style in issuer.other_styles:
        body = issuer.build(f"{DAY:{style}}", HOLDS)
        refused = refusal(issuer, body)
        assert refused.outcome is Outcome.LAYOUT_CHANGED, f"{DAY:{style}} is read"
        assert f"{DAY:{style}}" in refused.reason


@pytest.mark.parametrize("name", [name for name, one in ISSUERS.items() if one.style == "%m/%d/%Y"])
def test_a_day_and_month_that_could_be_swapped_are_stale(name):
    one = ISSUERS[name]
    refused = refusal(one, one.build("06/11/2024", HOLDS), datetime.fromisoformat("2024-11-07T15:00"))
    assert refused.outcome is Outcome.STALE
    assert "2024-06-11" in refused.reason
    assert "2024-11-07" in refused.reason


@pytest.mark.parametrize(("days", "expected"), [(1, None), (10, None), (11, Outcome.STALE), (400, Outcome.STALE)])
def test_a_file_stands_still_after_ten_days(issuer, days, expected):
    assert outcome(issuer, issuer.body(), datetime.fromisoformat("2024-11-21T23:00") + timedelta(days=days)) is expected


@pytest.mark.parametrize("day", [SATURDAY, THANKSGIVING])
def test_a_day_without_a_session_is_refused(issuer, day):
    refused = refusal(issuer, issuer.body(day=day), datetime.fromisoformat("2024-11-29T15:00"))
    assert refused.outcome is Outcome.TOO_MANY_FAULTS
    assert f"{day} is no trading session of XNYS" in refused.reason


@pytest.mark.parametrize("day", [DAY + timedelta(days=4), SATURDAY])
def test_a_file_of_a_day_to_come_is_set_aside(issuer, day):
    checked = take(issuer, issuer.body(day=day))
    assert checked.rows.height == 0
    assert checked.rejected["rule"].to_list() == [FUTURE]


def test_a_day_before_the_listing_is_no_row(issuer):
    eve = date(2024, 1, 10)
    checked = take(issuer, issuer.body(day=eve), datetime.fromisoformat("2024-01-12T15:00"))
    assert (checked.rows.height, checked.rejected.height) == (0, 0)


@pytest.mark.parametrize(("last_day", "rows"), [("2024-11-21", 1), ("2024-11-20", 0)])
def test_a_fund_that_is_no_longer_listed_has_no_row(issuer, tmp_path, last_day, rows):
    feed = type(issuer.feed)(seeds_with(tmp_path, issuer.fund_id, delisted_on=last_day))
    checked = read(feed, issuer.body(), FETCHED, issuer.url)
    assert (checked.rows.height, checked.rejected.height) == (rows, 0)


# --- bodies that are not the file ---------------------------------------------------------------------------


def test_a_bot_wall_is_no_file(issuer):
    assert outcome(issuer, CHALLENGE) is Outcome.CHALLENGE


def test_a_page_of_another_kind_is_no_file(issuer):
    page = b"<!DOCTYPE html><html><head><title>Sorry</title></head><body>Be right back</body></html>"
    assert outcome(issuer, page) in (Outcome.WRONG_TYPE, Outcome.TRUNCATED, Outcome.LAYOUT_CHANGED)
    assert outcome(issuer, b"  ") is Outcome.EMPTY_BODY


def test_a_renamed_column_refuses_the_file_and_is_named(issuer):
    for column in issuer.columns:
        is_json = "json" in issuer.feed.media
        old, new = (f'"{column}"', '"other"') if is_json else (column, f"{column} (000)")
        body = issuer.body().replace(old.encode(), new.encode(), -1 if is_json else 1)
        refused = refusal(issuer, body)
        assert refused.outcome is Outcome.LAYOUT_CHANGED, f"{column} is not missed"
        assert column in refused.reason


@pytest.mark.parametrize("name", [name for name, one in ISSUERS.items() if "json" in one.feed.media])
@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"data": null}', b'{"errors": [{"message": "no"}]}', b"[null]"])
def test_json_of_another_shape_is_refused(name, body):
    assert outcome(ISSUERS[name], body) is Outcome.LAYOUT_CHANGED


@pytest.mark.parametrize("name", [name for name, one in ISSUERS.items() if "json" in one.feed.media])
def test_every_json_value_may_be_something_else_and_never_breaks_the_reading(name):
    one = ISSUERS[name]
    document = json.loads(one.body())

    def places(node, path=()):
        yield path
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for step, child in children:
            yield from places(child, (*path, step))

    for path in [path for path in places(document) if path]:
        for other in (None, 5, "text", [], {}, [5], True):
            changed = json.loads(one.body())
            node = changed
            for step in path[:-1]:
                node = node[step]
            node[path[-1]] = other
            given_ = answer(json.dumps(changed).encode(), FETCHED, one.url)
            try:
                rows = one.feed.parse(given_.request, given_)
            except BodyRefused as refused:
                assert "\n" not in refused.reason
            else:
                assert rows["btc_held"].to_list() in ([Decimal("5000.25")], [None], [Decimal(5)], [Decimal(5000)])


def test_a_file_cut_anywhere_is_refused_or_says_the_same_of_the_bitcoin(issuer):
    body = issuer.body()
    whole, refused = held(issuer, body), 0
    for end in range(1, len(body)):
        given_ = answer(body[:end], FETCHED, issuer.url)
        try:
            rows = issuer.feed.parse(given_.request, given_)
        except BodyRefused:
            refused += 1
        else:
            assert rows["btc_held"].to_list() == list(whole.values()), f"cut after {end} bytes"
    assert refused > body.index(b"5,000.25")


# --- the door -----------------------------------------------------------------------------------------------


def test_a_feed_owns_its_own_address_and_no_other(issuer):
    owners = [name for name, one in ISSUERS.items() if one.feed.owns(urlsplit(issuer.url.partition("?")[0]))]
    assert [ISSUERS[name] for name in owners] == [issuer]
    assert not issuer.feed.owns(urlsplit("https://other.test/"))
    assert not issuer.feed.owns(urlsplit(issuer.url.replace("/us/", "/uk/").replace(".com", ".com.test")))


def test_the_addresses_that_a_person_is_told_are_owned(issuer):
    for url in issuer.feed.known_urls:
        address = url.replace("<buildId>", "b7").replace("YYYYMMDD", "20241121")
        assert issuer.feed.owns(urlsplit(address.partition("?")[0]))


def test_a_file_stands_in_the_warehouse_with_its_receipt(issuer, tmp_path):
    room = Room(tmp_path, issuer.feed)
    room.put(issuer.body(), FETCHED, issuer.url)
    loaded = room.load(every_attempt=True)
    [row] = room.rows(f"select fund_id, trade_date, btc_held, aum_usd, source_id from feeds.{issuer.feed.table_name}")
    assert row == (issuer.fund_id, DAY, Decimal("5000.25"), Decimal("450022512.50"), issuer.feed.source)
    assert loaded.incidents == []
