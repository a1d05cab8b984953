"""What a live run says before it asks: requests by source, and the time at their budgets."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from day_feed import SOURCE, DayFeed, SeriesFeed
from pages import SEEDS

from pipelines.cli.plan import Share, plan_of
from pipelines.feeds.base import Feed
from pipelines.feeds.ishares import ISharesHoldings
from pipelines.registry import Source
from pipelines.runtime import Runtime
from pipelines.settings import FixedClock, Mode, Settings
from pipelines.transport.session import Transport
from pipelines.wanted import windows
from pipelines.wire import Window

THURSDAY = datetime.fromisoformat("2026-11-19T15:00")


def runtime(home, *feeds: Feed, **settings) -> Runtime:
    given = Settings(feeds=Mode.LIVE, home=home, **settings)
    return Runtime(given, Transport(clock=FixedClock(THURSDAY)), list(feeds))


def test_an_empty_home_asks_for_every_session_since_the_launch_once(tmp_path):
    rooms = runtime(tmp_path, *(feed for feed in Runtime(Settings()).feeds if feed.subject == "etf"))
    requests = {share.source.source_id: share.requests for share in plan_of(rooms)}
    sessions = SEEDS.sessions(date(2024, 1, 11), date(2026, 11, 18))
    assert requests["ishares"] == len(sessions)
    assert requests["farside"] == requests["ark"] == 1
    assert not requests.keys() & {"sosovalue", "coinglass", "edgar"}, "they are off without a key or a contact"


def test_a_contact_turns_the_filings_on(tmp_path):
    rooms = runtime(tmp_path, contact="data@example.org", sources=("edgar",))
    rooms.feeds = Runtime(Settings()).feeds
    assert [share.requests for share in plan_of(rooms)] == [len(SEEDS.fund_aliases("edgar"))]


@pytest.mark.parametrize(
    ("requests", "today", "minutes"), [(0, 0, 0), (30, 30, 1), (45, 45, 1.5), (390, 390, 13), (697, 400, 40 / 3)]
)
def test_a_share_is_cut_at_the_day_and_paced_by_the_minute(requests, today, minutes):
    source = Source("s", "S", ("s.test",), 30, 400, 14, 35, date(2024, 1, 11))
    share = Share(source, requests)
    assert (share.today, share.minutes) == (today, minutes)


def test_days_without_a_session_between_them_are_one_stretch():
    feed = ISharesHoldings(SEEDS)
    friday, monday, wednesday = date(2024, 11, 15), date(2024, 11, 18), date(2024, 11, 20)
    assert windows(feed, [friday, monday, wednesday]) == [Window(friday, monday), Window(wednesday, wednesday)]


def test_a_gap_parts_two_stretches_and_a_whole_history_is_asked_as_one():
    days = [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 5)]
    assert windows(DayFeed(SEEDS), days) == [Window(days[0], days[1]), Window(days[2], days[2])]
    assert windows(SeriesFeed(SEEDS), days) == [Window(days[0], days[2])]
    assert SOURCE.source_id == "days"
