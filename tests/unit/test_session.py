"""The polite session against a server with bad manners: what is asked, kept, and never written."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
from fault_server import BODY, CHALLENGE, TOGETHER, FaultServer
from requests.adapters import HTTPAdapter

from pipelines.bridges import Endpoint
from pipelines.registry import Source
from pipelines.settings import Clock, FixedClock, Settings
from pipelines.transport.addresses import AddressRefused, check
from pipelines.transport.archive import Archive
from pipelines.transport.courier import plain
from pipelines.transport.session import Session, Transport
from pipelines.wire import REDACTED, Answer, BodyRefused, Failure, Outcome, Request, cleaned

FEED = "fault/answers"
JSON = frozenset({"json"})
NOON = datetime.fromisoformat("2026-11-20T12:00:00")
DAY = timedelta(days=1)


class Time(Clock):
    """A clock that only sleeping moves. `waits` are the seconds slept, in order.

    `last_told` is what this thread was told last: other threads' sleeping may have moved the clock since.
    """

    def __init__(self) -> None:
        self._told = threading.local()
        self.instant = NOON
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self._told.instant = self.instant
            return self.instant

    @property
    def last_told(self) -> datetime:
        return self._told.instant

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.instant += timedelta(seconds=seconds)


class NotingAdapter(HTTPAdapter):
    """The real network, and a note of when each request was sent."""

    def __init__(self, time: Time) -> None:
        super().__init__(pool_maxsize=8)
        self._time = time
        self.sent: list[datetime] = []

    def send(self, *given, **named):
        self.sent.append(self._time.last_told)
        return super().send(*given, **named)


class House:
    """An archive, a clock and a server, and sessions between them."""

    def __init__(self, path: Path, server: FaultServer) -> None:
        self.path = path
        self.server = server
        self.time = Time()
        self.adapter: HTTPAdapter | None = None
        self.archive = Archive.create(path, "public")

    def session(
        self, *, per_minute: int = 1000, per_day: int = 10_000, hosts=("127.0.0.1",), key_header="", **settings
    ) -> Session:
        manners = (per_minute, per_day, 14, 35, NOON.date(), "free", key_header)
        sources = [Source(host, host, (host,), *manners) for host in hosts]
        transport = Transport(self.time, self.adapter, self.time.sleep)
        given = {"request_timeout_seconds": 5, "max_body_bytes": 1024 * 1024} | settings
        return Session(self.archive, sources, transport, Settings(**given))

    def ask(self, *paths: str, media: frozenset[str] = JSON, **options) -> list[Answer | Failure]:
        requests = [Request.get(path if "//" in path else self.server.url(path)) for path in paths]
        with self.session(**options) as session:
            return session.ask(FEED, media, requests)

    def rows(self, *columns: str) -> list:
        frame = self.archive.ledger(FEED)
        return [row[0] if len(columns) == 1 else row for row in frame.select(columns).rows()]

    def bodies(self) -> int:
        return self.archive.verify().bodies


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def house(tmp_path, server) -> House:
    return House(tmp_path / "archive", server)


# Answers


def test_an_answer_is_on_disk_with_its_ledger_row_when_the_feed_gets_it(house):
    request = Request.get(house.server.url("/ok"), {"page": "1", "q": "a b&c"})
    with house.session() as session:
        [answer] = session.ask(FEED, JSON, [request])
    assert isinstance(answer, Answer)
    [row] = house.archive.ledger(FEED).iter_rows(named=True)
    assert house.archive.answer(row) == answer
    assert (answer.body, answer.fetched_at, answer.request) == (BODY, NOON, request)
    assert (row["bytes"], row["outcome"], row["error"], row["status"]) == (len(BODY), "ok", None, 200)
    assert '"etag": "\\"v1\\""' in row["headers"]
    assert "not kept" not in row["headers"]
    assert house.server.seen[0].query == "page=1&q=a+b%26c"


def test_we_say_who_we_are_and_what_we_want(house):
    house.ask("/ok", contact="ops@example.org")
    house.ask("/html", media=frozenset({"html"}))
    first, second = (seen.headers for seen in house.server.seen)
    assert first["user-agent"].startswith("Outcrop/")
    assert first["user-agent"].endswith("(+open warehouse of Bitcoin layers; contact: ops@example.org)")
    assert "contact: none given" in second["user-agent"]
    assert (first["accept"], second["accept"]) == ("application/json, */*;q=0.1", "text/html, */*;q=0.1")
    assert first["accept-encoding"] == "gzip, deflate"


def test_a_post_sends_its_body_as_json(house):
    with house.session() as session:
        session.ask(FEED, JSON, [Request(house.server.url("/ok"), "POST", body='{"id": "é"}')])
    [seen] = house.server.seen
    assert (seen.method, seen.body, seen.headers["content-type"]) == (
        "POST",
        '{"id": "é"}'.encode(),
        "application/json",
    )
    assert house.rows("method", "request_body") == [("POST", '{"id": "é"}')]


def test_answers_come_in_the_order_of_the_requests_which_are_asked_together(house):
    paths = ["/together"] * TOGETHER + ["/nowhere", "/ok"]
    results = house.ask(*paths)
    assert [type(result) for result in results] == [Answer] * TOGETHER + [Failure, Answer]
    assert [result.request.target.path for result in results] == paths


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/deflate"])
def test_the_archive_keeps_the_body_without_its_transfer_coding(house, path):
    for answer in [*house.ask(path), *house.ask(path)]:
        assert isinstance(answer, Answer)
        assert house.archive.read(answer.sha256) == BODY


def test_content_type_and_charset_are_taken_from_the_header(house):
    [answer] = house.ask("/html", media=frozenset({"html"}))
    assert (answer.content_type, answer.charset) == ("text/html", "iso-8859-1")


# Bodies that are not what they should be


def test_a_gzip_bomb_is_not_unpacked_beyond_the_cap(house):
    tracemalloc.start()
    [failure] = house.ask("/gzip-bomb")
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (failure.outcome, failure.status) == (Outcome.TOO_LARGE, 200)
    assert most_bytes < 20 * 1024 * 1024
    assert (house.server.count("/gzip-bomb"), house.bodies()) == (1, 0)


@pytest.mark.parametrize("path", ["/announces-500-mb", "/endless"])
def test_a_body_beyond_the_cap_is_dropped_and_not_asked_again(house, path):
    [failure] = house.ask(path)
    assert failure.outcome is Outcome.TOO_LARGE
    assert str(1024 * 1024) in failure.reason
    assert (house.server.count(path), house.bodies(), house.rows("sha256")) == (1, 0, [None])


@pytest.mark.parametrize("path", ["/truncated", "/gzip-cut"])
def test_a_truncated_body_is_asked_again_and_never_kept(house, path):
    [failure] = house.ask(path)
    assert failure.outcome is Outcome.TRUNCATED
    assert (house.server.count(path), house.time.waits, house.bodies()) == (3, [1, 4], 0)


@pytest.mark.parametrize("path", ["/slow-drip", "/hang"])
def test_a_slow_server_does_not_hang_a_run(house, path):
    started = time.monotonic()
    [failure] = house.ask(path, request_timeout_seconds=0.05)
    assert failure.outcome is Outcome.TIMEOUT
    assert time.monotonic() - started < 5
    assert house.rows("outcome", "sha256") == [("timeout", None)] * 3


def test_a_connection_reset_is_tried_three_times(house):
    [failure] = house.ask("/reset")
    assert (failure.outcome, failure.status) == (Outcome.CONNECTION_ERROR, None)
    assert (house.server.count("/reset"), house.time.waits) == (3, [1, 4])


@pytest.mark.parametrize(
    ("path", "outcome", "kept"),
    [
        ("/empty", Outcome.EMPTY_BODY, 0),
        ("/html", Outcome.WRONG_TYPE, 1),
        ("/challenge-200", Outcome.CHALLENGE, 1),
    ],
)
def test_a_refused_body_is_kept_as_evidence_and_not_asked_again(house, path, outcome, kept):
    [failure] = house.ask(path)
    assert (failure.outcome, failure.status) == (outcome, 200)
    assert (house.server.count(path), house.bodies()) == (1, kept)
    assert house.rows("outcome", "error") == [(outcome, failure.reason)]


# Retries


def test_a_server_that_is_down_twice_is_asked_three_times(house):
    [answer] = house.ask("/down-twice")
    assert isinstance(answer, Answer)
    assert house.time.waits == [1, 4]
    assert house.rows("outcome", "status") == [("http_error", 503), ("http_error", 503), ("ok", 200)]
    assert house.rows("fetched_at") == [NOON + timedelta(seconds=seconds) for seconds in (0, 1, 5)]


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        ("", [1]),
        ("7", [7]),
        ("0", [1]),
        (format_datetime(NOON + timedelta(seconds=90)), [90]),
        (format_datetime(NOON - DAY), [1]),
        ("soon", [1]),
        ("300", [300]),
    ],
)
def test_retry_after_is_waited_for(house, told, waits):
    house.server.retry_after = told
    [answer] = house.ask("/limited-once")
    assert isinstance(answer, Answer)
    assert house.time.waits == waits
    assert house.rows("outcome") == ["rate_limited", "ok"]


def test_a_long_retry_after_ends_the_matter_and_says_when_to_come_back(house):
    house.server.retry_after = "3600"
    first, second = house.ask("/limited"), house.ask("/limited")
    for [failure] in (first, second):
        assert failure.outcome is Outcome.RATE_LIMITED
        assert failure.reason == "status 429 Too Many Requests; come back at 2026-11-20T13:00:00Z"
    assert (house.server.count("/limited"), house.time.waits) == (2, [])


def test_what_a_host_asks_one_thread_to_wait_all_threads_wait(house):
    house.server.retry_after = "100"
    with house.session() as session:
        [failure] = session.ask(FEED, JSON, [Request.get(house.server.url("/limited"))])
        [answer] = session.ask(FEED, JSON, [Request.get(house.server.url("/ok"))])
        house.server.retry_after = "3600"
        session.ask(FEED, JSON, [Request.get(house.server.url("/limited"))])
        [unasked] = session.ask(FEED, JSON, [Request.get(house.server.url("/ok"))])
    assert failure.outcome is Outcome.RATE_LIMITED
    assert house.time.waits == [100, 100, 100]
    assert answer.fetched_at == NOON + timedelta(seconds=300)
    assert (unasked.outcome, house.server.count("/ok")) == (Outcome.BUDGET_SPENT, 1)
    assert "asked for a pause; come back at 2026-11-20T13:05:00Z" in unasked.reason


def test_a_page_that_is_not_there_is_asked_once_and_its_answer_kept(house):
    [failure] = house.ask("/nowhere")
    assert (failure.outcome, failure.status) == (Outcome.HTTP_ERROR, 404)
    assert failure.reason == "status 404 Not Found"
    [sha256] = house.rows("sha256")
    assert house.archive.read(sha256) == b'{"error": "no such page"}'
    assert house.time.waits == []


def test_a_bot_wall_is_named_kept_and_not_knocked_at_again(house):
    [failure] = house.ask("/challenge")
    assert (failure.outcome, failure.status) == (Outcome.CHALLENGE, 403)
    assert "just a moment" in failure.reason
    [(sha256, headers)] = house.rows("sha256", "headers")
    assert house.archive.read(sha256) == CHALLENGE
    assert '"cf-ray": "8a1"' in headers
    assert house.server.count("/challenge") == 1


def test_a_world_that_is_not_paced_is_never_waited_for(house):
    def never(_: float) -> None:
        raise AssertionError("slept")

    source = Source("s", "s", ("127.0.0.1",), 1, 1, 14, 35, history_from=NOON.date())
    transport = Transport(clock=FixedClock(NOON), sleep=never, paced=False)
    with Session(house.archive, [source], transport, Settings()) as session:
        results = session.ask(FEED, JSON, [Request.get(house.server.url("/ok"))] * 5)
        [recovered] = session.ask(FEED, JSON, [Request.get(house.server.url("/down-twice"))])
    assert all(isinstance(result, Answer) for result in [*results, recovered])


# Redirects and hosts


def test_a_redirect_within_the_registered_hosts_is_followed(house):
    house.server.redirect_to = "/ok?from=redirect"
    [answer] = house.ask("/redirect")
    assert (answer.body, answer.request.target.path) == (BODY, "/redirect")
    assert house.server.seen[-1].query == "from=redirect"
    assert house.rows("url") == [house.server.url("/redirect")]


def test_only_307_and_308_carry_a_post_on(house):
    house.server.redirect_to = "/ok"
    with house.session() as session:
        for path in ("/redirect", "/redirect-307"):
            session.ask(FEED, JSON, [Request(house.server.url(path), "POST", body="{}")])
    arrived = [(seen.method, seen.body) for seen in house.server.seen if seen.path == "/ok"]
    assert arrived == [("GET", b""), ("POST", b"{}")]


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("http://localhost:{port}/ok", "http://localhost is not a registered host"),
        ("http://127.0.0.1:{port}\\@localhost/ok", None),
        ("http://localhost:{port}\\@127.0.0.1/ok", "http://localhost is not a registered host"),
        ("http://127.0.0.1@localhost:{port}/ok", "http://localhost is not a registered host"),
        ("https://127.0.0.1:{port}/ok", "a redirect from http to https://127.0.0.1"),
        ("http://10.0.0.1:{port}/ok", "a redirect to the private address http://10.0.0.1"),
        ("http://169.254.169.254/latest/meta-data", "http://169.254.169.254 is not"),
        ("http://farside.test/btc/", "http://farside.test is not https"),
        ("file:///etc/passwd", "file:// is not a registered host"),
        ("http://[::1", "cannot be read"),
        ("/redirect", "more than 5 redirects"),
    ],
)
def test_a_redirect_to_anywhere_else_is_refused_and_named(house, target, named):
    house.server.redirect_to = target.format(port=house.server.port)
    [failure] = house.ask("/redirect", hosts=("127.0.0.1", "10.0.0.1", "farside.test"))
    assert (failure.outcome, failure.status) == (
        (Outcome.REDIRECT_REFUSED, 302) if named else (Outcome.HTTP_ERROR, 404)
    )
    assert (named or "404") in failure.reason
    assert house.server.count("/ok") == 0
    assert house.rows("outcome") == [failure.outcome]


def test_a_host_and_its_www_twin_are_one_host_with_one_budget(house):
    [answer] = house.ask(f"http://localhost:{house.server.port}/ok", hosts=("www.localhost",), per_day=1)
    [spent] = house.ask("https://www.localhost/never-dialled", hosts=("www.localhost",), per_day=1)
    assert isinstance(answer, Answer)
    assert spent.outcome is Outcome.BUDGET_SPENT


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:{port}/ok",
        "https://farside.test/btc/",
        "ftp://127.0.0.1/ok",
        "//127.0.0.1:{port}/ok",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://\ud800/",
    ],
)
def test_an_address_that_no_source_registers_is_never_asked(house, url):
    [failure] = house.ask(url.format(port=house.server.port))
    assert (failure.outcome, failure.status) == (Outcome.REDIRECT_REFUSED, None)
    assert house.rows("outcome", "error") == [("redirect_refused", failure.reason)]
    assert (house.server.seen, house.time.waits) == ([], [])


# Budgets


def test_the_minute_of_a_host_is_shared_by_all_threads(house):
    house.adapter = NotingAdapter(house.time)
    results = house.ask(*(f"/ok?page={page}" for page in range(20)), per_minute=3)
    house.adapter.close()
    assert all(isinstance(result, Answer) for result in results)
    sent = sorted(house.adapter.sent)
    assert len(sent) == 20
    assert all(later - earlier > timedelta(minutes=1) for earlier, later in zip(sent, sent[3:], strict=False))


def test_the_places_of_a_minute_are_given_second_by_second(house):
    house.adapter = NotingAdapter(house.time)
    house.ask(*(f"/ok?page={page}" for page in range(11)), per_minute=120)
    house.adapter.close()
    sent = sorted(house.adapter.sent)
    assert all(later - earlier > timedelta(seconds=1) for earlier, later in zip(sent, sent[2:], strict=False))
    assert sent[-1] - sent[0] < timedelta(seconds=6)


def test_what_the_ledger_says_was_just_sent_counts_in_the_next_session(house):
    house.ask("/ok?page=1", "/ok?page=2", per_minute=2)
    [answer] = house.ask("/ok", per_minute=2)
    assert answer.fetched_at > NOON + timedelta(minutes=1)


def test_the_day_of_a_host_ends_with_a_word_on_when_the_next_request_is_free(house):
    assert [type(result) for result in house.ask("/ok?page=1", "/ok?page=2", per_day=3)] == [Answer, Answer]
    house.time.instant += timedelta(hours=1)
    [last] = house.ask("/ok", per_day=3)
    [spent] = house.ask("/ok", per_day=3)
    assert isinstance(last, Answer)
    assert (spent.outcome, spent.status) == (Outcome.BUDGET_SPENT, None)
    assert spent.reason == (
        "the 3 requests that 127.0.0.1 is asked in 24 hours are spent; the next one is free at 2026-11-21T12:00:00Z"
    )
    assert sorted(house.rows("outcome")) == ["budget_spent", "ok", "ok", "ok"]


def test_the_next_day_is_free_again_and_refusals_of_our_own_took_no_place(house):
    house.ask("/ok", per_day=1)
    for _ in range(3):
        house.time.instant += timedelta(hours=1)
        house.ask("/ok", per_day=1)
    house.time.instant = NOON + DAY + timedelta(seconds=1)
    [answer] = house.ask("/ok", per_day=1)
    assert isinstance(answer, Answer)
    assert house.server.count("/ok") == 2


def test_retries_count_in_the_day(house):
    [failure] = house.ask("/down-twice", per_day=2)
    assert failure.outcome is Outcome.BUDGET_SPENT
    assert house.rows("outcome") == ["http_error", "http_error", "budget_spent"]
    assert house.server.count("/down-twice") == 2


def test_sources_that_share_a_host_share_the_smaller_budget(house):
    sources = [
        Source(name, name, ("127.0.0.1",), 1000, per_day, 14, 35, history_from=NOON.date())
        for name, per_day in (("prices", 3), ("treasuries", 1))
    ]
    with Session(house.archive, sources, Transport(house.time, sleep=house.time.sleep), Settings()) as session:
        results = session.ask(FEED, JSON, [Request.get(house.server.url("/ok"))] * 2)
    assert {type(result) for result in results} == {Answer, Failure}


# Secrets


def test_no_secret_reaches_the_disk(house):
    """In the address, in the query, in a parameter, in a redirect, and in the text of an exception."""
    secret = "hunter2-PASSWORD"
    house.server.redirect_to = f"http://user:{secret}@localhost/ok?api_key={secret}"
    with house.session() as session:
        with_user = house.server.url("/ok").replace("//", f"//user:{secret}@")
        closed = f"http://user:{secret}@127.0.0.1:1/ok?api_key={secret}"
        results = session.ask(
            FEED,
            JSON,
            [
                Request.get(with_user),
                Request.get(house.server.url(f"/ok?token={secret}&page=2")),
                Request.get(house.server.url("/ok"), {"x-api-key": secret, "page": "3"}),
                Request.get(closed, {"apikey": secret}),
                Request.get(house.server.url("/redirect")),
                Request.get(f"http://unregistered.test/?password={secret}"),
                Request(house.server.url("/ok"), "POST", body=f'{{"rpc": "https://me:{secret}@node.test/"}}'),
            ],
        )
    assert sum(isinstance(result, Answer) for result in results) == 4
    assert [seen.query for seen in house.server.seen if secret in seen.query]
    reasons = [result.reason for result in results if isinstance(result, Failure)]
    assert [reason for reason in reasons if "Connection refused" in reason]
    assert not [reason for reason in reasons if secret in reason]
    for file in house.path.rglob("*"):
        assert secret not in file.name
        assert not file.is_file() or secret.encode() not in file.read_bytes()
    assert f"token={REDACTED}&page=2" in "".join(house.rows("url"))
    assert f'[["x-api-key", "{REDACTED}"], ["page", "3"]]' in house.rows("params")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pa@ss@farside.co.uk/btc?a=1", "https://farside.co.uk/btc?a=1"),
        ("GET /x?api_key=S3)cret'&page=2 (Caused by", f"GET /x?api_key={REDACTED}&page=2 (Caused by"),
        (
            "/x?page=2&X-Api-Key=S&z=1#access_token=T",
            f"/x?page=2&X-Api-Key={REDACTED}&z=1#access_token={REDACTED}",
        ),
        ("/x?api%5Fkey=S", f"/x?api%5Fkey={REDACTED}"),
        ("mail me@example.org, or a=b", "mail me@example.org, or a=b"),
        ("half a pair \ud800", "half a pair ?"),
    ],
)
def test_credentials_are_taken_out_of_any_text(text, expected):
    assert cleaned(text) == expected


def test_the_written_form_of_a_request_has_no_credentials():
    request = Request.get("https://u:p@coins.test/v4", {"api_key": "S", "assets": "btc"})
    assert request.without_secrets() == Request.get("https://coins.test/v4", {"api_key": REDACTED, "assets": "btc"})


KEY = "kept-from-everybody-else"


def test_a_key_goes_with_each_question_to_its_source_and_is_written_nowhere(house):
    house.ask("/ok", "/missing", key_header="x-one-key", keys={"127.0.0.1": KEY})
    assert [seen.headers["x-one-key"] for seen in house.server.seen] == [KEY, KEY]
    written = [file.read_bytes() for file in house.path.rglob("*") if file.is_file()]
    assert written
    assert not any(KEY.encode() in content for content in written)


def test_a_key_does_not_follow_a_redirect_to_another_source(house):
    house.server.redirect_to = f"http://localhost:{house.server.port}/ok"
    house.ask("/redirect", hosts=("127.0.0.1", "localhost"), key_header="x-one-key", keys={"127.0.0.1": KEY})
    assert [seen.headers.get("x-one-key") for seen in house.server.seen] == [KEY, None]


def test_a_key_without_a_header_that_carries_it_is_not_sent(house):
    house.ask("/ok", keys={"127.0.0.1": KEY})
    assert KEY not in str(house.server.seen[0])


def test_headers_of_a_request_are_sent_and_not_written(house):
    request = Request(house.server.url("/ok"), headers=(("Referer", "https://issuer.test/fund"),))
    with house.session() as session:
        [answer] = session.ask(FEED, JSON, [request])
    assert isinstance(answer, Answer)
    assert house.server.seen[0].headers["referer"] == "https://issuer.test/fund"
    assert not any(b"issuer.test" in file.read_bytes() for file in house.path.rglob("*") if file.is_file())


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "k\u00e9y"])
def test_a_key_that_no_header_can_carry_is_refused_by_name(key):
    with pytest.raises(ValueError, match="keys"):
        Settings(keys={"one": key})


def test_a_key_is_read_from_the_environment_and_not_shown(monkeypatch):
    monkeypatch.setenv("OUTCROP_KEYS__ONE", KEY)
    settings = Settings()
    assert settings.keys["one"].get_secret_value() == KEY
    assert KEY not in f"{settings!r} {settings}"


def test_credentials_of_the_netrc_file_are_not_sent(house, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("default login me password hunter2")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    house.server.redirect_to = "/ok"
    house.ask("/redirect")
    assert [seen.path for seen in house.server.seen] == ["/redirect", "/ok"]
    assert all("authorization" not in seen.headers for seen in house.server.seen)


def test_the_proxy_of_the_environment_is_used(house, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{house.server.port}")
    [answer] = house.ask("http://127.0.0.1:9/proxied")
    assert isinstance(answer, Answer)
    assert house.server.count("/proxied") == 1


def test_a_connection_error_is_told_without_the_objects_of_the_libraries():
    with pytest.raises(requests.ConnectionError) as caught:
        requests.get("http://127.0.0.1:1/x?token=S", timeout=2)
    assert plain(caught.value) == "Failed to establish a new connection: [Errno 111] Connection refused"


# What the feed itself says of a body


def refuse_as(outcome: Outcome):
    return lambda _, body: BodyRefused(outcome, f"{len(body)} bytes say no")


def test_a_body_that_the_feed_refuses_is_kept_and_named_and_not_asked_again(house):
    with house.session() as session:
        [failure] = session.ask(FEED, JSON, [Request.get(house.server.url("/ok"))], refuse_as(Outcome.WRONG_CHAIN))
    assert isinstance(failure, Failure)
    assert house.rows("outcome", "error", "status") == [("wrong_chain", f"{len(BODY)} bytes say no", 200)]
    assert house.bodies() == 1
    assert house.time.waits == []


def test_a_rate_limit_told_in_a_body_is_waited_for_as_one_told_in_a_status(house):
    told = iter([BodyRefused(Outcome.RATE_LIMITED, "limit exceeded"), None])
    with house.session() as session:
        [answer] = session.ask(FEED, JSON, [Request.get(house.server.url("/ok"))], lambda *_: next(told))
    assert isinstance(answer, Answer)
    assert house.rows("outcome") == ["rate_limited", "ok"]
    assert house.time.waits == [1]


@pytest.mark.parametrize("path", ["/truncated", "/hang"])
def test_what_can_be_asked_for_in_smaller_parts_is_not_asked_for_whole_again(house, path):
    request = Request(house.server.url(path), divisible=True)
    with house.session(request_timeout_seconds=0.3) as session:
        [failure] = session.ask(FEED, JSON, [request])
    assert isinstance(failure, Failure)
    assert failure.outcome in (Outcome.TRUNCATED, Outcome.TIMEOUT)
    assert house.server.count(path) == 1


# Nodes of one's own


def test_the_path_of_an_own_node_is_sent_and_written_nowhere(house):
    node = Endpoint.own("rootstock", house.server.url("/ok") + "?token=hush&x=1")
    request = Request(node.url, "POST", body="{}", secret_path=node.secret_path)
    transport = Transport(house.time, None, house.time.sleep)
    with Session(house.archive, [], transport, Settings(), [node]) as session:
        [answer] = session.ask(FEED, JSON, [request])
    assert isinstance(answer, Answer)
    assert [(seen.path, seen.query) for seen in house.server.seen] == [("/ok", "token=hush&x=1")]
    assert house.rows("url", "params") == [(node.url, "[]")]
    assert not [file for file in house.path.rglob("*") if file.is_file() and b"hush" in file.read_bytes()]


@pytest.mark.parametrize("url", ["http://10.0.0.5:4444", "http://node.lan:8545/key", "https://192.168.1.7/rpc"])
def test_an_own_node_may_lie_in_a_private_network_and_speak_plain_http(url):
    host = Endpoint.own("rootstock", url).hosts[0]
    check(url, frozenset({host}), is_own=True)


@pytest.mark.parametrize("url", ["http://10.0.0.5:4444", "https://192.168.1.7/rpc"])
def test_nobody_is_redirected_into_a_private_network(url):
    host = Endpoint.own("rootstock", url).hosts[0]
    with pytest.raises(AddressRefused, match=r"a redirect to the private address"):
        check(url, frozenset({host}), came_from="https://example.org/")


def test_a_listed_host_is_asked_over_https_only():
    with pytest.raises(AddressRefused, match="is not https"):
        check("http://rpc.example.org", frozenset({"rpc.example.org"}))
