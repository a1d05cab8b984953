"""Facts of filings, one story each: what belongs to one filing, what is set aside, and when a body is refused."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
from flow_pages import company, fact
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import CHALLENGE, SEEDS, Room

from pipelines.feeds.edgar import EdgarQuarterEnds
from pipelines.feeds.pages import fragment
from pipelines.registry import Registry
from pipelines.tables.base import Checked, check
from pipelines.transport.screening import screen
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Window

FEED = EdgarQuarterEnds(SEEDS)
FETCHED = datetime.fromisoformat("2025-12-20T15:00")
GBTC, ARKB = "0001588489", "0001869699"
URL = "https://data.sec.gov/api/xbrl/companyfacts/CIK{}.json"
HELD, SHARES, ASSETS, VALUE = (
    "us-gaap:InvestmentOwnedBalanceContracts",
    "us-gaap:SharesOutstanding",
    "us-gaap:AssetsNet",
    "us-gaap:InvestmentOwnedAtFairValue",
)
JUNE, SEPTEMBER = date(2024, 6, 30), date(2024, 9, 30)
FIRST, LATER = "0001193125-24-000001", "0001193125-24-000002"


def answer(body: bytes, cik: str = GBTC) -> Answer:
    return Answer(Request.get(URL.format(cik)), "f1", FETCHED, 200, "application/json", "utf-8", "0" * 64, body)


def read(body: bytes, cik: str = GBTC, feed: EdgarQuarterEnds = FEED) -> Checked:
    screen(feed.media, "application/json", body)
    given_ = answer(body, cik)
    return check(feed.delivers, feed.parse(given_.request, given_), feed.source, given_)


def filed(held: Any, cik: str = GBTC, **tags: Any) -> Checked:
    """What a company with these facts comes to: lists of entries, or units with lists."""
    units = {SHARES: "shares", ASSETS: "USD", VALUE: "USD"}
    named = {"shares": SHARES, "assets": ASSETS, "value": VALUE}
    beside = {named[name]: {units[named[name]]: entries} for name, entries in tags.items()}
    return read(company(int(cik), {HELD: held if isinstance(held, dict) else {"Number": held}} | beside), cik)


def refusal(body: bytes, cik: str = GBTC) -> Outcome | None:
    try:
        read(body, cik)
    except BodyRefused as refused:
        return refused.outcome
    return None


def column(checked: Checked, name: str) -> dict[tuple[date, str], Any]:
    """(period_end, accession) -> value."""
    return {(row["period_end"], row["accession"]): row[name] for row in checked.rows.iter_rows(named=True)}


# --- what a row is ------------------------------------------------------------------------------------------


def test_a_row_is_the_count_the_shares_and_the_net_assets_of_one_filing():
    checked = filed(
        [fact(SEPTEMBER, 220114.1234, FIRST, filed=date(2024, 11, 1))],
        shares=[fact(SEPTEMBER, 276570100, FIRST)],
        assets=[fact(SEPTEMBER, 14000000000, FIRST)],
        value=[fact(SEPTEMBER, 14000000777, FIRST)],
    )
    [row] = checked.rows.select(pl.exclude("source_id", "fetch_id", "fetched_at", "locator")).to_dicts()
    assert row == {
        "fund_id": "gbtc",
        "period_end": SEPTEMBER,
        "accession": FIRST,
        "btc_held": Decimal("220114.12340000"),
        "shares_outstanding": Decimal(276570100),
        "net_assets_usd": Decimal("14000000000.00"),
        "form": "10-Q",
        "tag": "us-gaap:InvestmentOwnedBalanceContracts[Number]",
        "filed_on": date(2024, 11, 1),
    }


def test_figures_that_a_filing_does_not_state_are_null_and_never_those_of_another():
    checked = filed(
        [fact(SEPTEMBER, 220000, FIRST)],
        shares=[fact(SEPTEMBER, 5, LATER), fact(JUNE, 6, FIRST)],
        assets=[fact(SEPTEMBER, 14000000000, LATER)],
        value=[fact(SEPTEMBER, 14000000000, FIRST)],
    )
    assert column(checked, "shares_outstanding") == {(SEPTEMBER, FIRST): None}
    assert column(checked, "net_assets_usd") == {(SEPTEMBER, FIRST): None}, "the fair value is no net assets"


def test_figures_in_another_unit_than_shares_and_dollars_are_not_read():
    tags = {HELD: {"pure": [fact(SEPTEMBER, 5, FIRST)]}, SHARES: {"pure": [fact(SEPTEMBER, 7, FIRST)]}}
    checked = read(company(int(GBTC), tags | {ASSETS: {"EUR": [fact(SEPTEMBER, 7, FIRST)]}}))
    assert checked.rows.select("shares_outstanding", "net_assets_usd").rows() == [(None, None)]


def test_two_filings_of_one_quarter_are_two_rows_and_a_split_moves_only_the_later_one():
    """A fund that splits three for one states the old quarter again with three times the shares."""
    checked = filed(
        [fact(JUNE, 46000.5, FIRST), fact(JUNE, 46000.5, LATER), fact(SEPTEMBER, 45000, LATER)],
        cik=ARKB,
        shares=[fact(JUNE, 50_000_000, FIRST), fact(JUNE, 150_000_000, LATER), fact(SEPTEMBER, 147_000_000, LATER)],
    )
    assert column(checked, "shares_outstanding") == {
        (JUNE, FIRST): 50_000_000,
        (JUNE, LATER): 150_000_000,
        (SEPTEMBER, LATER): 147_000_000,
    }
    assert set(column(checked, "fund_id").values()) == {"arkb"}


def test_a_later_answer_with_restated_shares_leaves_the_old_filing_as_it_was(tmp_path):
    def body(*more: tuple[date, int, str]) -> bytes:
        stated = [(JUNE, 50_000_000, FIRST), *more]
        held = {"pure": [fact(end, 46000, accession) for end, _, accession in stated]}
        return company(int(ARKB), {HELD: held, SHARES: {"shares": [fact(*entry) for entry in stated]}})

    room, url = Room(tmp_path, FEED), URL.format(ARKB)
    room.put(body(), FETCHED.replace(month=8), url)
    room.put(body((JUNE, 150_000_000, LATER)), FETCHED, url)
    room.load()
    rows = room.rows(
        "select accession, shares_outstanding::int, run_number from feeds.edgar__etf_quarter_ends order by 1"
    )
    assert rows == [(FIRST, 50_000_000, 1), (LATER, 150_000_000, 1)]


def test_an_amendment_is_a_row_of_its_own():
    checked = filed([fact(SEPTEMBER, 5, FIRST), fact(SEPTEMBER, 6, LATER, form="10-Q/A")])
    assert column(checked, "btc_held") == {(SEPTEMBER, FIRST): 5, (SEPTEMBER, LATER): 6}
    assert column(checked, "form") == {(SEPTEMBER, FIRST): "10-Q", (SEPTEMBER, LATER): "10-Q/A"}


@pytest.mark.parametrize(
    ("form", "is_read"),
    [
        *((form, True) for form in ("10-Q", "10-K", "10-K/A", "10-KT", "10-QT", "10-KT/A")),
        *((form, False) for form in ("8-K", "S-1", "S-1/A", "424B3", "10-D", "NT 10-Q", "")),
    ],
)
def test_only_quarterly_and_annual_reports_are_read(form, is_read):
    checked = filed([fact(SEPTEMBER, 5, FIRST, form=form)])
    assert (checked.rows.height, checked.rejected.height) == (int(is_read), 0)


@pytest.mark.parametrize(
    ("end", "is_read"),
    [
        (date(2024, 3, 31), True),
        (date(2024, 12, 31), True),
        (date(2023, 12, 31), False),
        (date(2024, 8, 31), False),
        (date(2024, 9, 29), False),
        (date(2024, 10, 31), False),
    ],
)
def test_only_calendar_quarter_ends_since_the_listing_are_read(end, is_read):
    checked = filed([fact(end, 5, FIRST)])
    assert (checked.rows.height, checked.rejected.height) == (int(is_read), 0)


def test_the_same_count_in_several_units_and_entries_is_one_row():
    entries = [fact(SEPTEMBER, 220000.5, FIRST), fact(SEPTEMBER, 220000.50, FIRST) | {"frame": "CY2024Q3I"}]
    checked = filed({"Number": entries, "Bitcoin": entries[:1], "NUMBER": entries[:1]})
    assert column(checked, "tag") == {(SEPTEMBER, FIRST): "us-gaap:InvestmentOwnedBalanceContracts[Bitcoin]"}


def test_two_counts_of_one_filing_and_day_refuse_the_body():
    held = {"Number": [fact(SEPTEMBER, 220000, FIRST)], "Bitcoin": [fact(SEPTEMBER, 220001, FIRST)]}
    assert refusal(company(int(GBTC), {HELD: held})) is Outcome.CONFLICTING_ROWS


def test_two_counts_of_shares_of_one_filing_and_day_refuse_the_body():
    tags = {
        HELD: {"Number": [fact(SEPTEMBER, 220000, FIRST)]},
        SHARES: {"shares": [fact(SEPTEMBER, 5, FIRST), fact(SEPTEMBER, 6, FIRST)]},
    }
    assert refusal(company(int(GBTC), tags)) is Outcome.CONFLICTING_ROWS


def test_the_locators_lead_to_the_facts_of_the_filing():
    tags = {
        HELD: {"Number": [fact(JUNE, 5, FIRST), fact(SEPTEMBER, 220000.5, LATER)]},
        SHARES: {"shares": [fact(SEPTEMBER, 276570100, LATER)]},
        ASSETS: {"USD": [fact(SEPTEMBER, 14000000000, FIRST), fact(SEPTEMBER, 14000000001, LATER)]},
    }
    body = company(int(GBTC), tags)
    places = column(read(body), "locator")[(SEPTEMBER, LATER)].split()
    texts = [fragment(answer(body), place) for place in places]
    assert len(texts) == 3
    assert all(LATER in text for text in texts)
    assert [value in text for value, text in zip(["220000.5", "276570100", "14000000001"], texts, strict=True)] == [
        True,
        True,
        True,
    ]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 10**14 - 1).map(lambda satoshi: Decimal(satoshi) / 10**8))
def test_a_count_is_exact_to_the_satoshi(held):
    body = company(int(GBTC), {HELD: {"Number": [fact(SEPTEMBER, 7654321, FIRST)]}})
    checked = read(body.replace(b"7654321", f"{held:f}".encode()))
    assert column(checked, "btc_held") == {(SEPTEMBER, FIRST): held}


def test_a_custom_tag_of_a_fund_is_found_in_its_own_taxonomy():
    tags = {"bitb:InvestmentOwnedBalanceContractsQuantityOfBitcoin": {"bitcoin": [fact(SEPTEMBER, 38000, FIRST)]}}
    checked = read(company(1763415, tags), "0001763415")
    assert column(checked, "fund_id") == {(SEPTEMBER, FIRST): "bitb"}


def test_a_fund_without_a_quarter_yet_has_no_row_and_no_fault():
    checked = filed([fact(date(2023, 12, 31), 619000, FIRST, form="10-K")])
    assert (checked.rows.height, checked.rejected.height) == (0, 0)


# --- faults of a row ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["assets", "value"])
@pytest.mark.parametrize(("usd", "is_read"), [(13_000_000_000, True), (13_000_000, False), (13 * 10**14, False)])
def test_dollars_in_thousands_set_the_row_aside(tag, usd, is_read):
    """220,000 bitcoin for thirteen million dollars: the filing states its dollars in thousands."""
    checked = filed([fact(JUNE, 5, FIRST), fact(SEPTEMBER, 220000, FIRST)], **{tag: [fact(SEPTEMBER, usd, FIRST)]})
    assert ((SEPTEMBER, FIRST) in column(checked, "btc_held")) is is_read
    assert (JUNE, FIRST) in column(checked, "btc_held")
    assert checked.rejected.height == (0 if is_read else 1)


def test_a_count_in_thousands_sets_the_row_aside():
    checked = filed([fact(JUNE, 5, FIRST), fact(SEPTEMBER, 0.22, FIRST)], value=[fact(SEPTEMBER, 13 * 10**9, FIRST)])
    assert set(column(checked, "btc_held")) == {(JUNE, FIRST)}
    assert "in another unit" in checked.rejected["reason"][0]


@pytest.mark.parametrize(
    "bad",
    [
        fact(SEPTEMBER, "many", FIRST),
        fact(SEPTEMBER, None, FIRST),
        fact(SEPTEMBER, 0, FIRST),
        fact(SEPTEMBER, -5, FIRST),
        fact("30.09.2024", 5, FIRST),
        fact(SEPTEMBER, 5, FIRST, filed="soon"),
        fact(SEPTEMBER, 5, FIRST) | {"accn": None},
    ],
)
def test_a_fact_that_cannot_be_read_is_set_aside_and_the_rest_loads(bad):
    checked = filed([fact(JUNE, 5, FIRST), bad])
    assert set(column(checked, "btc_held")) == {(JUNE, FIRST)}
    assert checked.rejected.height == 1


@pytest.mark.parametrize("tag", ["shares", "assets", "value"])
def test_a_figure_beside_the_count_that_is_no_number_sets_the_row_aside(tag):
    checked = filed([fact(JUNE, 5, FIRST), fact(SEPTEMBER, 5, FIRST)], **{tag: [fact(SEPTEMBER, "?", FIRST)]})
    assert set(column(checked, "btc_held")) == {(JUNE, FIRST)}


def test_a_quarter_end_that_is_still_to_come_is_set_aside():
    checked = filed([fact(JUNE, 5, FIRST), fact(date(2025, 12, 31), 5, FIRST)])
    assert set(column(checked, "btc_held")) == {(JUNE, FIRST)}
    assert checked.rejected["rule"].to_list() == ["not_after_fetched_at"]


def test_no_fund_holds_more_bitcoin_than_there_will_be():
    checked = filed([fact(JUNE, 21_000_000, FIRST), fact(SEPTEMBER, 21_000_001, FIRST)])
    assert set(column(checked, "btc_held")) == {(JUNE, FIRST)}
    assert checked.rejected["rule"].to_list() == ["btc_held|max"]


@pytest.mark.parametrize(("shares", "is_read"), [(276_570_100, True), (276_570, False), (276_570_100_000, False)])
def test_shares_in_another_unit_than_shares_set_the_row_aside(shares, is_read):
    assets = [fact(SEPTEMBER, 14_000_000_000, FIRST)]
    held = [fact(JUNE, 5, FIRST), fact(SEPTEMBER, 220_000, FIRST)]
    checked = filed(held, shares=[fact(SEPTEMBER, shares, FIRST)], assets=assets)
    assert ((SEPTEMBER, FIRST) in column(checked, "btc_held")) is is_read
    assert checked.rejected.height == (0 if is_read else 1)


# --- several tags -------------------------------------------------------------------------------------------

OTHER = "us-gaap:CryptoAssetNumberOfUnits"


def ranked(folder: Path) -> EdgarQuarterEnds:
    """The feed where the trust's bitcoin is counted by two tags."""
    seeds = shutil.copytree(SEEDS.seeds, folder / "seeds")
    with (seeds / "filing_tags.csv").open("a", encoding="utf-8") as file:
        file.write("gbtc,us-gaap,CryptoAssetNumberOfUnits,2,-\n")
    return EdgarQuarterEnds(Registry(seeds))


def both(held: list[dict], other: list[dict], **tags: Any) -> bytes:
    return company(int(GBTC), {HELD: {"Number": held}, OTHER: {"pure": other}} | tags)


def test_quarters_that_are_counted_by_different_tags_are_all_read(tmp_path):
    body = both([fact(SEPTEMBER, 220_000, LATER)], [fact(JUNE, 230_000, FIRST)])
    checked = read(body, feed=ranked(tmp_path))
    assert column(checked, "btc_held") == {(JUNE, FIRST): 230_000, (SEPTEMBER, LATER): 220_000}
    assert column(checked, "tag") == {(JUNE, FIRST): f"{OTHER}[pure]", (SEPTEMBER, LATER): f"{HELD}[Number]"}
    assert checked.rejected.is_empty()


@pytest.mark.parametrize("rounded", [220_000, 220_001])
def test_the_tag_of_the_lower_rank_counts_where_a_filing_has_both(tmp_path, rounded):
    body = both([fact(SEPTEMBER, 220_000.5, FIRST)], [fact(SEPTEMBER, rounded, FIRST), fact(SEPTEMBER, 7, LATER)])
    checked = read(body, feed=ranked(tmp_path))
    assert column(checked, "btc_held") == {(SEPTEMBER, FIRST): Decimal("220000.5"), (SEPTEMBER, LATER): 7}


def test_a_body_with_the_tag_of_a_higher_rank_alone_is_read(tmp_path):
    body = company(int(GBTC), {OTHER: {"pure": [fact(SEPTEMBER, 220_000, FIRST)]}})
    assert column(read(body, feed=ranked(tmp_path)), "btc_held") == {(SEPTEMBER, FIRST): 220_000}
    with pytest.raises(BodyRefused, match=f"no {HELD} or {OTHER}; tags like a count of bitcoin: none"):
        read(company(int(GBTC), {SHARES: {"shares": [fact(SEPTEMBER, 5, FIRST)]}}), feed=ranked(tmp_path / "again"))


def test_quarters_that_only_an_unknown_tag_counts_are_set_aside_by_its_name_and_the_others_load():
    """However many they are: the years of one tag do not refuse those of another."""
    ends = [date(2024 + n // 4, 3 * (n % 4) + 3, [31, 30, 30, 31][n % 4]) for n in range(7)]
    body = both([fact(ends[-1], 220_000, LATER)], [fact(end, 230_000, FIRST) for end in ends])
    checked = read(body)
    assert column(checked, "btc_held") == {(ends[-1], LATER): 220_000}
    [rejected] = checked.rejected.to_dicts()
    assert rejected["reason"] == (
        "no known tag counts the bitcoin of 2024-03-31, 2024-06-30, 2024-09-30, 2024-12-31, 2025-03-31, 2025-06-30;"
        f" other tags do: {OTHER}[pure]"
    )
    places = rejected["locator"].split()
    assert [str(end) in fragment(answer(body), place) for end, place in zip(ends, places, strict=False)] == [True] * 6


@pytest.mark.parametrize(
    "tags",
    [
        {OTHER: {"pure": [fact(date(2023, 12, 31), 5, FIRST, form="10-K")]}},
        {OTHER: {"pure": [fact(JUNE, 5, FIRST, form="8-K")]}},
        {OTHER: {"pure": [fact(date(2024, 8, 31), 5, FIRST)]}},
        {OTHER: {"pure": [fact(SEPTEMBER, 5, LATER)]}},
        {OTHER: {"pure": [fact(JUNE, 0, FIRST)]}},
        {OTHER: {"pure": [fact("?", 5, FIRST)]}},
        {"gbtc:ValueOfBitcoin": {"USD": [fact(JUNE, 5, FIRST)], "USD/shares": [fact(JUNE, 5, FIRST)]}},
        {SHARES: {"shares": [fact(JUNE, 5, FIRST)]}},
    ],
)
def test_what_is_no_count_of_a_quarter_without_one_is_not_set_aside(tags):
    checked = read(company(int(GBTC), {HELD: {"Number": [fact(SEPTEMBER, 220_000, FIRST)]}} | tags))
    assert (checked.rows.height, checked.rejected.height) == (1, 0)


# --- faults of a body ---------------------------------------------------------------------------------------

GOOD = company(int(GBTC), {HELD: {"Number": [fact(SEPTEMBER, 5, FIRST)]}})


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", Outcome.EMPTY_BODY),
        (CHALLENGE, Outcome.CHALLENGE),
        (b"<html><head><title>Request Rate Threshold Exceeded</title></head></html>", Outcome.WRONG_TYPE),
        (GOOD[:-30], Outcome.TRUNCATED),
        (b"[]", Outcome.LAYOUT_CHANGED),
        (b'{"message": "not found"}', Outcome.LAYOUT_CHANGED),
        (b'{"cik": 1588489, "facts": []}', Outcome.LAYOUT_CHANGED),
        (b'{"cik": 1588489, "facts": {"us-gaap": null}}', Outcome.LAYOUT_CHANGED),
        (b'{"cik": "GBTC", "facts": {}}', Outcome.LAYOUT_CHANGED),
        (b'{"cik": 1e999999999, "facts": {}}', Outcome.LAYOUT_CHANGED),
        (company(int(GBTC), {SHARES: {"shares": [fact(SEPTEMBER, 5, FIRST)]}}), Outcome.LAYOUT_CHANGED),
        (company(int(GBTC), {HELD: {"Number": [{"end": "2024-09-30", "val": 5}]}}), Outcome.LAYOUT_CHANGED),
        (GOOD.replace(b'"units"', b'"measures"'), Outcome.LAYOUT_CHANGED),
    ],
)
def test_a_body_that_is_not_the_facts_of_the_fund_is_refused_and_named(body, outcome):
    assert refusal(body) is outcome


def test_the_facts_of_another_fund_are_refused():
    body = company(int(ARKB), {HELD: {"Number": [fact(SEPTEMBER, 5, FIRST)]}})
    assert refusal(body, ARKB) is None
    assert refusal(body, GBTC) is Outcome.LAYOUT_CHANGED


def test_the_cik_of_a_body_may_be_text_with_zeros():
    assert refusal(company(GBTC, {HELD: {"Number": [fact(SEPTEMBER, 5, FIRST)]}})) is None


@pytest.mark.parametrize(
    "entry",
    [
        fact(date(2023, 12, 31), 5, FIRST, form="10-K"),
        fact(SEPTEMBER, 5, FIRST, form="S-1"),
        fact(date(2024, 10, 31), 5, FIRST),
    ],
)
def test_a_fund_that_has_not_reported_a_quarter_has_no_data_and_is_no_trouble(entry, tmp_path):
    body = company(int(GBTC), {SHARES: {"shares": [entry]}})
    assert refusal(body) is Outcome.NO_DATA
    room = Room(tmp_path, FEED)
    room.put(body, FETCHED, URL.format(GBTC))
    assert room.load(every_attempt=True).incidents == []


def test_facts_without_the_tag_are_refused_and_tags_like_it_are_named():
    unit = {"pure": [fact(SEPTEMBER, 5, FIRST)]}
    tags = {"us-gaap:CryptoAssetNumberOfUnits": unit, "gbtc:QuantityOfBitcoin": unit, SHARES: unit}
    with pytest.raises(BodyRefused) as refused:
        read(company(int(GBTC), tags))
    assert refused.value.outcome is Outcome.LAYOUT_CHANGED
    assert refused.value.reason == (
        f"no {HELD}; tags like a count of bitcoin: gbtc:QuantityOfBitcoin, us-gaap:CryptoAssetNumberOfUnits"
    )


def test_the_facts_of_a_company_that_the_seeds_no_longer_know_are_refused():
    assert refusal(company(42, {HELD: {"Number": [fact(SEPTEMBER, 5, FIRST)]}}), "0000000042") is Outcome.LAYOUT_CHANGED


# --- the door -----------------------------------------------------------------------------------------------


def test_every_fund_with_a_known_tag_is_asked_for_at_once():
    [asked] = FEED.requests(Window(JUNE, SEPTEMBER))
    assert asked == [Request.get(url) for url in FEED.known_urls]
    assert Request.get(URL.format(GBTC)) in asked
    assert len(asked) == len(SEEDS.filing_tags)


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (URL.format(GBTC), True),
        (URL.format("0000320193"), False),
        ("https://data.sec.gov/submissions/CIK0001588489.json", False),
        ("https://data.sec.gov/api/xbrl/companyfacts/CIK1588489.json", False),
        ("https://evil.test/api/xbrl/companyfacts/CIK0001588489.json", False),
    ],
)
def test_a_feed_owns_the_facts_of_its_funds_only(url, is_ours):
    assert FEED.owns(urlsplit(url)) is is_ours


def test_every_fund_that_edgar_knows_has_a_tag_and_its_own_cik():
    names = SEEDS.fund_aliases("edgar")
    assert set(names.values()) == set(SEEDS.filing_tags) <= set(SEEDS.funds)
    assert all(len(cik) == 10 and cik.isdigit() for cik in names)


def test_a_fund_is_counted_by_the_tags_of_its_taxonomies_in_the_order_of_their_rank(tmp_path):
    (tmp_path / "filing_tags.csv").write_text(
        "fund_id,taxonomy,tag,rank,source_url\none,us-gaap,Other,2,-\ntwo,own,Coins,1,-\none,us-gaap,Count,1,-\n",
        encoding="utf-8",
    )
    assert Registry(tmp_path).filing_tags == {
        "one": (("us-gaap", "Count"), ("us-gaap", "Other")),
        "two": (("own", "Coins"),),
    }
