"""The seeds as the code sees them: sources, funds and their listings, names, and trading sessions."""

from __future__ import annotations

import csv
from datetime import date, timedelta

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import SEEDS

from pipelines.feeds.catalog import all_feeds
from pipelines.registry import Fund, Registry

SEED_FILES = {
    "sources": "source_id,name,base_url,other_urls,access,key_header,rate_limit_per_min,requests_per_day,"
    "settle_lag_hours,revision_window_days,history_from\n"
    "one,One,https://api.one.test/v1/x,https://two.one.test https://three.one.test,key,x-key,6,4,14,35,2024-01-11\n",
    "funds": "fund_id,ticker,listed_on,delisted_on\nold,OLD,2024-01-11,2024-06-30\nnew,NEW,2024-07-31,\n",
    "fund_aliases": "source_id,source_name,fund_id\none,O L D,old\ntwo,OLD,new\n",
    "market_exceptions": "market,date,kind\nXNYS,2024-12-25,closed\nXNYS,2024-11-29,early_close\n"
    "XHKG,2024-12-26,closed\n",
}


@pytest.fixture
def seeds(tmp_path) -> Registry:
    for name, text in SEED_FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return Registry(tmp_path)


def test_a_source_is_known_by_its_hosts_and_its_numbers(seeds):
    source = seeds.sources["one"]
    assert source.hosts == ("api.one.test", "two.one.test", "three.one.test")
    assert (source.access, source.key_header) == ("key", "x-key")
    assert (source.rate_limit_per_min, source.revision_window_days) == (6, 35)
    assert source.history_from == date(2024, 1, 11)


def test_a_fund_is_listed_from_its_first_to_its_last_day(seeds):
    fund: Fund = seeds.funds["old"]
    first, last = date(2024, 1, 11), date(2024, 6, 30)
    around = [first - timedelta(days=1), first, last, last + timedelta(days=1)]
    assert [fund.is_listed(day) for day in around] == [False, True, True, False]


def test_a_fund_without_a_last_day_is_listed_for_good(seeds):
    assert seeds.funds["new"].is_listed(date(2099, 1, 1))


def test_listings_are_a_frame_with_open_ends(seeds):
    assert seeds.listings().rows() == [
        ("old", date(2024, 1, 11), date(2024, 6, 30)),
        ("new", date(2024, 7, 31), None),
    ]


def test_one_name_means_another_fund_at_another_source(seeds):
    assert seeds.fund_aliases("one") == {"O L D": "old"}
    assert seeds.fund_aliases("two") == {"OLD": "new"}
    assert seeds.fund_aliases("three") == {}


def test_only_closures_of_new_york_close_new_york(seeds):
    christmas, boxing_day, half_day = date(2024, 12, 25), date(2024, 12, 26), date(2024, 11, 29)
    assert [seeds.is_session(day) for day in (christmas, boxing_day, half_day)] == [False, True, True]


@given(st.dates(date(2024, 1, 1), date(2027, 12, 1)), st.integers(0, 40))
def test_sessions_are_the_weekdays_that_are_not_closed_in_order(first, length):
    last = first + timedelta(days=length)
    sessions = SEEDS.sessions(first, last)
    days = [first + timedelta(days=n) for n in range(length + 1)]
    assert sessions == [day for day in days if day.weekday() < 5 and day not in SEEDS.closed_days]


def test_a_range_that_ends_before_it_begins_has_no_session():
    assert SEEDS.sessions(date(2024, 11, 5), date(2024, 11, 4)) == []


def test_the_year_2024_had_252_sessions_and_2025_lost_one_to_mourning():
    assert len(SEEDS.sessions(date(2024, 1, 1), date(2024, 12, 31))) == 252
    assert not SEEDS.is_session(date(2025, 1, 9))


# --- the seeds of the project -------------------------------------------------------------------------------


def test_every_registered_feed_has_its_source_and_its_host():
    feeds = all_feeds(SEEDS)
    assert [feed.feed_id for feed in feeds] == sorted(feed.feed_id for feed in feeds)
    for feed in feeds:
        ends = (end for chain_id in SEEDS.chains for end in SEEDS.endpoints(feed.source, chain_id))
        hosts = {*SEEDS.sources[feed.source].hosts, *(host for end in ends for host in end.hosts)}
        assert hosts
        assert all(any(host in url for host in hosts) for url in feed.known_urls)


def test_every_alias_names_a_fund_and_every_fund_is_known_to_farside():
    for source in ("farside", "btcetffundflow"):
        assert set(SEEDS.fund_aliases(source).values()) <= set(SEEDS.funds)
    assert set(SEEDS.fund_aliases("farside").values()) == set(SEEDS.funds)


def test_every_alias_is_written_as_the_feeds_look_it_up():
    """The feeds compare in capitals: an alias in other letters would never be found."""
    for source in ("farside", "btcetffundflow"):
        assert all(name == name.upper() for name in SEEDS.fund_aliases(source))


@pytest.mark.filterwarnings("ignore")
def test_the_sessions_of_the_seed_are_those_of_the_exchange_calendar():
    """A second opinion, as far as it reaches."""
    calendar = exchange_calendars.get_calendar("XNYS", start="2024-01-01")
    last = min(calendar.last_session.date(), date(2027, 12, 31))
    theirs = [session.date() for session in calendar.sessions if session.date() <= last]
    assert len(theirs) > 700
    assert SEEDS.sessions(date(2024, 1, 1), last) == theirs


@pytest.mark.filterwarnings("ignore")
def test_the_early_closes_of_the_seed_are_those_of_the_exchange_calendar():
    calendar = exchange_calendars.get_calendar("XNYS", start="2024-01-01")
    last = calendar.last_session.date()
    with (SEEDS.seeds / "market_exceptions.csv").open(newline="") as file:
        ours = {row["date"] for row in csv.DictReader(file) if row["kind"] == "early_close"}
    theirs = {str(session.date()) for session in calendar.early_closes}
    assert theirs == {day for day in ours if day <= str(last)}
