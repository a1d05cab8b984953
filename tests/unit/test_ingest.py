"""Which days are asked for, what asking comes to, and what loading tells a person. Loopback is not needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any, ClassVar

import dataframely as dy
import polars as pl
import pytest
import requests
from day_feed import HOST, SOURCE, URL, DayFeed, Seen, SeriesFeed, body, url_of
from pages import CHALLENGE, SEEDS, Room, farside, put_failure
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines.feeds.farside import HISTORY_URL, FarsideEtfFlows
from pipelines.ingest import Fetched, fetch
from pipelines.settings import Clock, FixedClock, Settings, SimulatedClock
from pipelines.tables.base import Observe, Table
from pipelines.transport.session import Session, Transport
from pipelines.wanted import REPULL_AFTER, wanted_days
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Answer, BodyRefused, Outcome, Request, Requests, Window

DAYS = [date(2026, 3, day) for day in range(1, 11)]
WEEK = Window(DAYS[0], DAYS[6])
HOUR = timedelta(hours=1)
LATE = datetime.fromisoformat("2026-06-01T12:00")
"""Long after the revision window of every day of these tests."""


def closed(day: date) -> datetime:
    """The end of the day and the source's settle lag of six hours."""
    return datetime.combine(day, datetime.min.time()) + timedelta(days=1, hours=6)


def of(day: date, amount: str = "1") -> bytes:
    return body([("here", str(day), 1, amount)])


@pytest.fixture
def series(tmp_path) -> Room:
    return Room(tmp_path, SeriesFeed(SEEDS))


@pytest.fixture
def days(tmp_path) -> Room:
    return Room(tmp_path, DayFeed(SEEDS))


def wanted(room: Room, now: datetime, window: Window = WEEK) -> list[date]:
    return wanted_days(room.feed, room.archive, window, now)


# --- wanted days: by day ------------------------------------------------------------------------------------


def test_a_day_is_wanted_from_the_instant_it_closes(days):
    closes = closed(DAYS[2])
    assert wanted(days, closes - timedelta(microseconds=1)) == DAYS[:2]
    assert wanted(days, closes) == DAYS[:3]


def test_nothing_outside_the_window_is_wanted(days):
    assert wanted(days, LATE, Window(DAYS[2], DAYS[4])) == DAYS[2:5]
    assert wanted(days, closed(DAYS[0]), Window(DAYS[2], DAYS[4])) == []


def test_a_day_that_was_answered_after_it_closed_is_skipped(days):
    days.put(of(DAYS[1]), closed(DAYS[1]) + HOUR, url_of(DAYS[1]))
    assert wanted(days, LATE) == [DAYS[0], *DAYS[2:7]]


def test_an_answer_from_before_a_day_closed_does_not_count(days):
    days.put(of(DAYS[1]), closed(DAYS[1]) - timedelta(seconds=1), url_of(DAYS[1]))
    assert DAYS[1] in wanted(days, LATE)


def test_an_open_day_answered_early_is_not_asked_again_before_it_closes(days):
    days.put(of(DAYS[1]), closed(DAYS[1]) - HOUR, url_of(DAYS[1]))
    assert wanted(days, closed(DAYS[1]) - timedelta(minutes=1)) == [DAYS[0]]


@pytest.mark.parametrize("outcome", [Outcome.HTTP_ERROR, Outcome.TIMEOUT, Outcome.CHALLENGE, Outcome.BUDGET_SPENT])
def test_a_failure_is_no_answer(days, outcome):
    put_failure(days.archive, days.feed, url_of(DAYS[0]), closed(DAYS[0]) + HOUR, outcome)
    assert DAYS[0] in wanted(days, LATE)


def test_an_answer_that_could_not_be_read_is_no_answer(days):
    refused = days.put(of(DAYS[0]), closed(DAYS[0]) + HOUR, url_of(DAYS[0]))
    assert DAYS[0] not in wanted(days, LATE)
    assert wanted_days(days.feed, days.archive, WEEK, LATE, frozenset({refused}))[0] == DAYS[0]


def test_inside_the_revision_window_a_day_is_asked_again_after_twenty_hours(days):
    window, answered = Window(DAYS[0], DAYS[0]), closed(DAYS[0]) + HOUR
    days.put(of(DAYS[0]), answered, url_of(DAYS[0]))
    assert timedelta(hours=20) == REPULL_AFTER
    assert wanted(days, answered + timedelta(hours=19, minutes=59), window) == []
    assert wanted(days, answered + timedelta(hours=20), window) == [DAYS[0]]


def test_after_the_revision_window_a_day_is_settled(days):
    window, answered = Window(DAYS[0], DAYS[0]), closed(DAYS[0]) + HOUR
    days.put(of(DAYS[0]), answered, url_of(DAYS[0]))
    end = closed(DAYS[0]) + timedelta(days=SOURCE.revision_window_days)
    assert wanted(days, end, window) == [DAYS[0]]
    assert wanted(days, end + timedelta(microseconds=1), window) == []


def test_the_last_good_answer_of_a_day_counts_whatever_came_after(days):
    answered = closed(DAYS[0]) + HOUR
    days.put(of(DAYS[0]), answered - HOUR, url_of(DAYS[0]))
    days.put(of(DAYS[0], "2"), answered, url_of(DAYS[0]))
    put_failure(days.archive, days.feed, url_of(DAYS[0]), answered + HOUR, Outcome.TIMEOUT)
    assert wanted(days, answered + timedelta(hours=19), Window(DAYS[0], DAYS[0])) == []


def test_a_market_day_is_wanted_only_where_the_market_trades(tmp_path):
    """Thanksgiving 2024, the weekend after it, and nothing else."""
    room = Room(tmp_path, FarsideEtfFlows(SEEDS))
    wanted_ = wanted(room, LATE, Window(date(2024, 11, 27), date(2024, 12, 2)))
    assert wanted_ == [date(2024, 11, 27), date(2024, 11, 29), date(2024, 12, 2)]


# --- wanted days: whole history -----------------------------------------------------------------------------


def test_one_missing_day_of_a_whole_history_wants_all_closed_days(series):
    series.put(of(DAYS[0]), closed(DAYS[4]) + 10 * HOUR)
    assert wanted(series, closed(DAYS[5]) - HOUR) == []
    assert wanted(series, closed(DAYS[5])) == DAYS[:6]


def test_one_answer_speaks_for_all_days_that_were_closed(series):
    series.put(of(DAYS[0]), closed(DAYS[6]))
    assert wanted(series, closed(DAYS[6]) + timedelta(hours=19)) == []
    assert wanted(series, closed(DAYS[6]) + timedelta(hours=20)) == DAYS[:7]
    assert wanted(series, LATE) == []


def test_a_whole_history_that_only_failed_is_wanted(series):
    put_failure(series.archive, series.feed, URL, LATE, Outcome.HTTP_ERROR, status=503)
    assert wanted(series, LATE + HOUR) == DAYS[:7]


# --- fetch --------------------------------------------------------------------------------------------------

Script = Mapping[str, Sequence[tuple[int, bytes] | Exception]]


class ScriptedUpstream(BaseAdapter):
    """Answers each address with what its script says, the last line again and again; `asked` are the addresses."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = {url: list(lines) for url, lines in script.items()}
        self.asked: list[str] = []

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        url = request.url or ""
        self.asked.append(url)
        lines = self.script.get(url, [(404, b"nothing here")])
        line = lines.pop(0) if len(lines) > 1 else lines[0]
        if isinstance(line, Exception):
            raise line
        status, content = line
        response = Response()
        response.status_code, response.url, response.request = status, url, request
        response.headers["Content-Type"] = "application/json"
        response.raw = HTTPResponse(BytesIO(content), status=status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""


def ask(room: Room, upstream: ScriptedUpstream, clock: Clock, window: Window = WEEK) -> Fetched:
    transport = Transport(clock=clock, adapter=upstream, paced=False)
    with Session(room.archive, [SOURCE], transport, Settings()) as session:
        return fetch(room.feed, window, room.archive, session, clock)


def truth(days: Iterable[date]) -> Script:
    return {url_of(day): [(200, of(day))] for day in days}


def test_a_whole_history_is_asked_once_and_the_second_run_asks_nothing(series):
    upstream = ScriptedUpstream({URL: [(200, of(DAYS[0]))]})
    first, second = (ask(series, upstream, FixedClock(LATE)) for _ in range(2))
    assert upstream.asked == [URL]
    assert (first.requests, first.wanted_days, first.bytes) == (1, 7, len(of(DAYS[0])))
    assert (second.requests, second.wanted_days) == (0, 0)
    assert (len(first.answered), first.bytes) == (1, len(of(DAYS[0])))


def test_every_missing_day_is_asked_once_and_answered_days_are_skipped(days):
    days.put(of(DAYS[2]), closed(DAYS[2]) + HOUR, url_of(DAYS[2]))
    upstream = ScriptedUpstream(truth(DAYS))
    ask(days, upstream, FixedClock(LATE))
    assert sorted(upstream.asked) == [url_of(day) for day in DAYS[:7] if day != DAYS[2]]
    ask(days, upstream, FixedClock(LATE + HOUR))
    assert len(upstream.asked) == 6


def test_missed_days_heal_by_themselves(days):
    """The machine was off from the fourth to the sixth of March."""
    upstream = ScriptedUpstream(truth(DAYS))
    ask(days, upstream, FixedClock(closed(DAYS[2])))
    assert len(upstream.asked) == 3
    ask(days, upstream, FixedClock(closed(DAYS[6]) + timedelta(days=4)), Window(DAYS[0], DAYS[6]))
    assert sorted(upstream.asked[3:]) == [url_of(day) for day in DAYS[3:7]]


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ((403, CHALLENGE), Outcome.CHALLENGE),
        ((404, b"{}"), Outcome.HTTP_ERROR),
        ((200, b""), Outcome.EMPTY_BODY),
        ((200, b"<html><body>maintenance</body></html>"), Outcome.WRONG_TYPE),
    ],
)
def test_a_failed_answer_is_asked_again_by_the_next_run_only(series, line, outcome):
    upstream = ScriptedUpstream({URL: [line, (200, of(DAYS[0]))]})
    [failure] = ask(series, upstream, FixedClock(LATE)).failures
    assert failure.outcome is outcome
    assert upstream.asked == [URL]
    assert len(ask(series, upstream, FixedClock(LATE + HOUR)).answered) == 1
    assert ask(series, upstream, FixedClock(LATE + 2 * HOUR)).requests == 0


def test_a_connection_that_breaks_is_tried_three_times_and_every_attempt_is_on_record(series):
    upstream = ScriptedUpstream({URL: [requests.ConnectionError("reset"), requests.Timeout("slow"), (503, b"busy")]})
    report = ask(series, upstream, FixedClock(LATE))
    assert [failure.outcome for failure in report.failures] == [Outcome.HTTP_ERROR]
    outcomes = series.archive.ledger(series.feed.feed_id)["outcome"].to_list()
    assert sorted(outcomes) == ["connection_error", "http_error", "timeout"]


def test_one_failed_day_leaves_the_others_answered(days):
    script = {**truth(DAYS), url_of(DAYS[3]): [(404, b"{}"), (200, of(DAYS[3]))]}
    upstream = ScriptedUpstream(script)
    report = ask(days, upstream, FixedClock(LATE))
    assert (len(report.answered), len(report.failures)) == (6, 1)
    again = ask(days, upstream, FixedClock(LATE + HOUR))
    assert [request for request, _ in again.answered] == [Request.of(url_of(DAYS[3]))]


def test_a_simulated_clock_asks_at_each_of_its_pulls(series):
    pulls = (closed(DAYS[0]), closed(DAYS[2]), closed(DAYS[2]) + HOUR, closed(DAYS[6]))
    upstream = ScriptedUpstream({URL: [(200, of(day)) for day in DAYS]})
    report = ask(series, upstream, SimulatedClock(pulls))
    assert [fetched_at for _, fetched_at in report.answered] == [pulls[0], pulls[1], pulls[3]]
    assert ask(series, upstream, SimulatedClock(pulls)).requests == 0


def test_nothing_is_asked_before_a_day_has_closed(days):
    upstream = ScriptedUpstream(truth(DAYS))
    assert ask(days, upstream, FixedClock(closed(DAYS[0]) - HOUR)).requests == 0
    assert upstream.asked == []


class PagedFeed(SeriesFeed):
    """Asks page after page, until there is none: the questions depend on the answers."""

    entity = "pages"

    def requests(self, window: Window):
        page = 1
        [answer] = yield [Request.get(URL, {"page": "1"})]
        while isinstance(answer, Answer) and answer.json().get("more"):
            page += 1
            [answer] = yield [Request.get(URL, {"page": str(page)})]


def test_a_feed_asks_on_from_what_it_was_answered_and_stops_where_that_failed(tmp_path):
    more = b'{"rows": [], "more": true}'
    script = {f"{URL}?page={page}": [(200, more)] for page in (1, 2)} | {f"{URL}?page=3": [(404, b"{}")]}
    report = ask(Room(tmp_path, PagedFeed(SEEDS)), ScriptedUpstream(script), FixedClock(LATE))
    assert [dict(request.params)["page"] for request, _ in report.answered] == ["1", "2"]
    assert [dict(failure.request.params)["page"] for failure in report.failures] == ["3"]


def test_what_was_fetched_is_what_is_loaded(days):
    ask(days, ScriptedUpstream(truth(DAYS)), FixedClock(LATE))
    loaded = days.load()
    assert (loaded.bodies, loaded.written, loaded.incidents) == (7, 7, [])
    assert (loaded.standing.rows, loaded.standing.first_day, loaded.standing.last_day) == (7, DAYS[0], DAYS[6])


# --- load: what stands --------------------------------------------------------------------------------------


def test_a_refused_body_is_named_and_what_stood_stands(series):
    series.put(of(DAYS[0]), LATE)
    series.load()
    before = series.stands()
    bad = series.put(b'{"rows": [["here"', LATE + HOUR)
    loaded = series.load()
    after = series.stands()
    assert after["feeds.days__series"] == before["feeds.days__series"]
    assert after["feeds.asked"] == before["feeds.asked"]
    [incident] = loaded.incidents
    assert (incident.outcome, incident.fetch_id, incident.request) == ("truncated", bad, f"GET {URL}")
    assert "not complete JSON" in incident.reason
    assert incident.next_step


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b"", "empty_body"),
        (CHALLENGE, "challenge"),
        (b"<html><body>hello</body></html>", "wrong_type"),
        (b"\x1f\x8b\x08", "wrong_type"),
        (b'{"lines": []}', "layout_changed"),
        (body([("here", "2026-03-01", 1, "?")]), "too_many_faults"),
        (body([("here", "2026-03-01", 1, "1"), ("here", "2026-03-01", 1, "2")]), "conflicting_rows"),
    ],
)
def test_a_saved_body_that_is_not_data_is_refused_when_it_is_loaded(series, content, outcome):
    """A page filed by hand never went through the session: it is screened like any other."""
    series.put(of(DAYS[0]), LATE)
    series.put(content, LATE + HOUR)
    loaded = series.load(every_attempt=True)
    assert [incident.outcome for incident in loaded.incidents] == [outcome]
    assert loaded.standing.rows == 1
    outcomes = series.rows("select outcome, error is null from feeds.ledger order by fetched_at")
    assert outcomes == [("ok", True), (outcome, False)]


def test_a_challenge_tells_how_to_import_the_page(tmp_path):
    room = Room(tmp_path, FarsideEtfFlows(SEEDS))
    room.put(CHALLENGE, LATE, HISTORY_URL)
    [incident] = room.load().incidents
    assert "Just a moment" in incident.reason or "just a moment" in incident.reason
    assert f"outcrop archive import --url {HISTORY_URL}" in incident.next_step


def test_a_refused_page_of_farside_never_shortens_its_table(tmp_path):
    room = Room(tmp_path, FarsideEtfFlows(SEEDS))
    rows = [["04 Nov 2024", "1.0", "2.0", "3.0", "6.0"], ["05 Nov 2024", "1.0", "2.0", "3.0", "6.0"]]
    room.put(farside(rows), LATE, HISTORY_URL)
    room.put(farside(rows).replace(b"Total", b"Sum"), LATE + HOUR, HISTORY_URL)
    room.put(farside(rows)[:-200], LATE + 2 * HOUR, HISTORY_URL)
    assert [incident.outcome for incident in room.load().incidents] == ["layout_changed", "truncated"]
    assert room.rows("select count(*) from feeds.farside__etf_flows") == [(6,)]


def test_a_second_load_reads_nothing_and_writes_nothing(series):
    series.put(of(DAYS[0]), LATE)
    assert (series.load().bodies, series.load().bodies) == (1, 0)


def test_only_new_bodies_are_read(series):
    series.put(of(DAYS[0]), LATE)
    series.load()
    series.put(of(DAYS[0]), LATE + HOUR)
    assert series.load().bodies == 1


class Doubled(SeriesFeed):
    """The same feed after a change of its code: it reads twice as much."""

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        return super().parse(request, answer).with_columns(amount=(pl.col("amount") * 2).cast(pl.Decimal(18, 2)))


class Strict(SeriesFeed):
    """The same feed after a change that reads nothing any more."""

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        return super().parse(request, answer).with_columns(fault=pl.lit("no longer understood"))


def changed(room: Room, feed: SeriesFeed) -> Room:
    room.feed = feed
    return room


def test_a_change_of_the_reading_code_fills_the_table_anew(series):
    for n, day in enumerate(DAYS[:2]):
        series.put(of(day), LATE + n * HOUR)
    series.load(reader="old")
    loaded = changed(series, Doubled(SEEDS)).load(reader="new")
    assert loaded.bodies == 2
    assert series.rows("select run_number, amount from feeds.days__series order by all") == [(1, 2), (1, 2)]
    assert series.rows("select distinct reader from meta.loads") == [("new",)]


def test_without_a_change_of_the_reading_code_old_bodies_are_not_read_again(series):
    series.put(of(DAYS[0]), LATE)
    series.load(reader="old")
    assert changed(series, Doubled(SEEDS)).load(reader="old").bodies == 0
    assert series.rows("select amount from feeds.days__series") == [(1,)]


def test_a_body_that_a_change_of_code_no_longer_reads_is_an_incident_once(series):
    series.put(of(DAYS[0]), LATE)
    assert series.load(reader="old").incidents == []
    broken = changed(series, Strict(SEEDS))
    assert [incident.outcome for incident in broken.load(reader="new").incidents] == ["too_many_faults"]
    assert broken.load(reader="newer").incidents == []


def test_a_refused_body_that_a_change_of_code_reads_is_loaded_without_a_request(series):
    series.put(of(DAYS[0]), LATE)
    assert len(changed(series, Strict(SEEDS)).load(reader="old").incidents) == 1
    loaded = changed(series, SeriesFeed(SEEDS)).load(reader="new")
    assert (loaded.incidents, loaded.standing.rows) == ([], 1)


class SeenWithNote(Table):
    """The contract of the series after a column was added."""

    load = Observe()
    entity: ClassVar[str] = "place_id"
    at: ClassVar[str] = "date_day"
    named_by: ClassVar[str] = "place"

    place_id = dy.String(primary_key=True, description="Where")
    date_day = dy.Date(primary_key=True, description="When")
    slot = dy.Int64(primary_key=True, description="Which of the day")
    amount = dy.Decimal(18, 2, min=0, description="How much")
    note = dy.String(nullable=True, description="What else")


class Noted(SeriesFeed):
    delivers = SeenWithNote


def test_a_change_of_the_contract_makes_and_fills_the_table_anew(series):
    series.put(of(DAYS[0]), LATE)
    series.load()
    room = changed(series, Noted(SEEDS))
    room.warehouse = Warehouse(series.warehouse.file, {room.feed.table_name: SeenWithNote})
    assert room.load().bodies == 1
    assert room.rows("select amount, note from feeds.days__series") == [(1, None)]
    assert set(Seen.column_names()) < set(SeenWithNote.column_names())


def test_two_feeds_share_a_warehouse_and_leave_each_other_alone(series):
    other = DayFeed(SEEDS)
    tables = {feed.table_name: feed.delivers for feed in (series.feed, other)}
    series.warehouse = Warehouse(series.warehouse.file, tables)
    series.put(of(DAYS[0]), LATE)
    series.load()
    first = series.stands()
    changed(series, other)
    series.put(of(DAYS[1]), LATE + HOUR, url_of(DAYS[1]))
    series.put(b"{", LATE + 2 * HOUR, url_of(DAYS[2]))
    series.load(reader="a")
    series.load(reader="b")
    changed(series, SeriesFeed(SEEDS))
    again = series.stands()
    assert again["feeds.days__series"] == first["feeds.days__series"]
    assert first["feeds.ledger"] == [row for row in again["feeds.ledger"] if row[2] == "series"]
    assert len(again["feeds.ledger"]) == 3
    assert series.load().bodies == 0


# --- incidents ----------------------------------------------------------------------------------------------


def test_a_failed_transfer_that_was_answered_later_was_only_a_retry(series):
    put_failure(series.archive, series.feed, URL, LATE, Outcome.TIMEOUT)
    series.put(of(DAYS[0]), LATE + HOUR)
    assert series.load(every_attempt=True).incidents == []


def test_a_failed_transfer_that_nobody_answered_since_is_an_incident(series):
    series.put(of(DAYS[0]), LATE)
    failed = put_failure(series.archive, series.feed, URL, LATE + HOUR, Outcome.HTTP_ERROR, status=500)
    [incident] = series.load(every_attempt=True).incidents
    assert (incident.fetch_id, incident.outcome, incident.reason) == (failed, "http_error", "it was http_error")


def test_an_answer_to_another_question_heals_nothing(days):
    put_failure(days.archive, days.feed, url_of(DAYS[0]), LATE, Outcome.TIMEOUT)
    days.put(of(DAYS[1]), LATE + HOUR, url_of(DAYS[1]))
    [incident] = days.load(every_attempt=True).incidents
    assert incident.request == f"GET {url_of(DAYS[0])}"


def test_a_refused_body_is_an_incident_even_when_the_same_question_was_answered_later(series):
    series.put(CHALLENGE, LATE)
    series.put(of(DAYS[0]), LATE + HOUR)
    assert [incident.outcome for incident in series.load(every_attempt=True).incidents] == ["challenge"]


def test_a_refused_answer_heals_no_failed_transfer(series):
    put_failure(series.archive, series.feed, URL, LATE, Outcome.TIMEOUT)
    series.put(b'{"lines": []}', LATE + HOUR)
    outcomes = [incident.outcome for incident in series.load(every_attempt=True).incidents]
    assert outcomes == ["timeout", "layout_changed"]


def test_an_incident_is_told_by_the_run_that_saw_it_and_again_only_when_all_are_asked_for(series):
    series.put(CHALLENGE, LATE)
    assert len(series.load().incidents) == 1
    assert series.load().incidents == []
    assert len(series.load(every_attempt=True).incidents) == 1


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in (Outcome.OK, Outcome.NO_DATA)])
def test_every_outcome_has_a_next_step(series, outcome):
    put_failure(series.archive, series.feed, URL, LATE, outcome)
    [incident] = series.load().incidents
    assert incident.next_step
    assert "{" not in incident.next_step


class HeraldFeed(SeriesFeed):
    """Says where it stands on one page, and what it has on another; a day may have nothing."""

    def requests(self, window: Window) -> Requests:
        [page] = yield [Request.get(f"{URL}/page")]
        if isinstance(page, Answer):
            yield [Request.get(URL)]

    def speaks(self, request: Request) -> bool:
        return request.url == URL

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        if answer.body == NOTHING:
            raise BodyRefused(Outcome.NO_DATA, "the upstream says that it has nothing")
        return super().parse(request, answer)


NOTHING = b'{"rows": null}'


@pytest.fixture
def herald(tmp_path) -> Room:
    return Room(tmp_path, HeraldFeed(SEEDS))


def test_a_page_that_only_leads_to_the_data_answers_for_no_day(herald):
    herald.put(b"{}", LATE, f"{URL}/page")
    assert wanted(herald, LATE) == WEEK.days()
    herald.put(of(DAYS[0]), LATE, URL)
    assert wanted(herald, LATE) == []


class ThreePartFeed(SeriesFeed):
    """A history in three parts."""

    def requests(self, window: Window) -> Requests:
        yield [Request.get(f"{URL}/{part}") for part in "abc"]


def test_a_history_in_parts_is_answered_when_each_part_is(tmp_path):
    room = Room(tmp_path, ThreePartFeed(SEEDS))
    for part, hour in zip("ab", (1, 2), strict=True):
        room.put(of(DAYS[0]), closed(DAYS[6]) + hour * HOUR, f"{URL}/{part}")
    assert wanted(room, LATE) == WEEK.days()
    room.put(of(DAYS[0]), closed(DAYS[6]) + 3 * HOUR, f"{URL}/c")
    assert wanted(room, LATE) == []


def test_a_history_in_parts_is_as_old_as_its_oldest_part(tmp_path):
    room = Room(tmp_path, ThreePartFeed(SEEDS))
    for part in "abc":
        room.put(of(DAYS[0]), closed(DAYS[5]) + HOUR, f"{URL}/{part}")
    room.put(of(DAYS[0]), closed(DAYS[6]) + HOUR, f"{URL}/a")
    assert wanted(room, closed(DAYS[6]) + HOUR) == WEEK.days()


def test_an_answer_without_data_is_on_record_no_trouble_and_counts_as_an_answer(herald):
    fetch_id = herald.put(NOTHING, LATE, URL)
    loaded = herald.load()
    assert (loaded.incidents, loaded.standing.rows) == ([], 0)
    with herald.warehouse.writing() as connection:
        outcomes = connection.execute("select fetch_id, outcome, error from feeds.ledger").fetchall()
    assert outcomes == [(fetch_id, "no_data", "the upstream says that it has nothing")]
    assert wanted(herald, LATE) == []


def test_the_host_of_the_small_feeds_is_reserved_for_tests():
    assert HOST.endswith(".test")


class BrittleFeed(SeriesFeed):
    """Reading breaks on a body that nobody foresaw."""

    def parse(self, request: Request, answer: Answer) -> pl.DataFrame:
        if answer.body == NOTHING:
            raise ZeroDivisionError("by zero")
        return super().parse(request, answer)


def test_a_body_on_which_reading_breaks_is_refused_and_stops_no_other(tmp_path):
    room = Room(tmp_path, BrittleFeed(SEEDS))
    room.put(NOTHING, LATE)
    room.put(of(DAYS[0]), LATE + HOUR)
    loaded = room.load()
    assert [(one.outcome, one.reason) for one in loaded.incidents] == [
        ("layout_changed", "reading breaks with ZeroDivisionError: by zero")
    ]
    assert loaded.standing.rows == 1
