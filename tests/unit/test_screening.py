"""What a body is taken for, from its bytes alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.transport.screening import HEAD_BYTES, screen
from pipelines.wire import BodyRefused, Outcome

CONTRACTS = Path(__file__).resolve().parents[3] / "shared" / "contracts"
HTML, JSON, CSV = frozenset({"html"}), frozenset({"json"}), frozenset({"csv"})
PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"
TABLE = "<table class='etf'><tr><td>11 Jan 2024</td><td>111.7</td></tr></table>"


def refusal(media: frozenset[str], body: bytes, content_type: str = "") -> Outcome | None:
    try:
        screen(media, content_type, body)
    except BodyRefused as refused:
        return refused.outcome
    return None


def page(title: str = "Bitcoin ETF Flow", body: str = TABLE) -> bytes:
    return PAGE.format(title=title, body=body).encode()


@pytest.mark.parametrize("body", [b"", b" \n\t ", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"])
def test_nothing_is_an_empty_body(body):
    assert refusal(JSON, body) is Outcome.EMPTY_BODY


@pytest.mark.parametrize(
    "title",
    [
        "Just a moment...",
        "JUST A MOMENT",
        "Vercel Security Checkpoint",
        "Attention Required! | Cloudflare",
        "Attention&nbsp;Required! | Cloudflare",
        "Access Denied",
        "Pardon Our Interruption",
        "hCaptcha",
    ],
)
def test_a_page_with_the_title_of_a_bot_wall_is_a_challenge(title):
    assert refusal(HTML, page(title, "<p>Checking</p>")) is Outcome.CHALLENGE


@pytest.mark.parametrize(
    "body",
    [
        "<noscript>Enable JavaScript and cookies to continue</noscript>",
        "<div id='cf-challenge-running'></div>",
        "<script>window._cf_chl_opt={cvId: '3'}</script>",
        "<script src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=8a1'></script>",
    ],
)
def test_a_page_that_only_a_bot_wall_can_have_made_is_a_challenge(body):
    assert refusal(HTML, page("farside.co.uk", body)) is Outcome.CHALLENGE


def test_a_challenge_is_named_as_such_to_a_feed_of_json_too():
    assert refusal(JSON, page("Just a moment..."), "text/html") is Outcome.CHALLENGE


@pytest.mark.parametrize(
    "body",
    [
        TABLE + "<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>",
        TABLE + "<script src='https://challenges.cloudflare.com/turnstile/v0/api.js'></script>",
        TABLE + "<p>Just a moment of silence for the captcha. Access denied was the answer.</p>",
        TABLE + "x" * HEAD_BYTES + "<div id='cf-challenge'></div>",
    ],
)
def test_a_data_page_that_speaks_of_such_things_is_data(body):
    assert refusal(HTML, page(body=body)) is None


def test_json_that_quotes_a_bot_wall_is_json():
    assert refusal(JSON, b'{"title": "Just a moment", "html": "<title>Just a moment</title>"}') is None


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (JSON, b'{"a": 1}'),
        (JSON, b"\xef\xbb\xbf \n[1]"),
        (HTML, b"<!doctype html><html></html>"),
        (HTML, b"\n\n<table><tr></tr></table>"),
        (HTML, b"saved from a browser <html><body></body></html>"),
        (HTML, b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html></html>'),
        (CSV, b"date,fund,shares\n2024-01-11,ARKB,1\n"),
        (CSV, b'\xef\xbb\xbfiShares Bitcoin Trust ETF\nFund Holdings as of,"-"\n'),
        (HTML | JSON, b"[]"),
    ],
)
def test_the_announced_kind_passes_whatever_the_header_says(media, body):
    for content_type in ("text/plain", "application/octet-stream", "application/json", ""):
        assert refusal(media, body, content_type) is None


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (JSON, page()),
        (CSV, page()),
        (CSV, b'{"error": "rate limit"}'),
        (HTML, b'{"error": "rate limit"}'),
        (HTML, b"date,total\n"),
        (JSON, b"404 page not found"),
        (HTML, b"%PDF-1.7"),
        (CSV, b"\x89PNG\r\n\x1a\n"),
        (CSV, b"\x1f\x8b\x08\x00"),
        (CSV, b"PK\x03\x04"),
        (CSV, b"date,\x00total"),
        (HTML, b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'),
    ],
)
def test_another_kind_is_refused_whatever_the_header_says(media, body):
    for content_type in ("text/html", "application/json", "text/csv"):
        assert refusal(media, body, content_type) is Outcome.WRONG_TYPE


def test_a_refusal_says_what_came_and_what_was_announced():
    with pytest.raises(BodyRefused, match=r"the body is html, not json \(its header says 'application/json'\)"):
        screen(JSON, "application/json", page())


@pytest.mark.skipif(not CONTRACTS.is_dir(), reason="needs the recorded answers in ../shared/contracts")
@pytest.mark.parametrize("kind", ["html", "json", "csv"])
def test_every_recorded_answer_is_what_its_name_says(kind):
    recorded = sorted(CONTRACTS.rglob(f"*.{kind}"))
    assert recorded
    assert {file.name: refusal(frozenset({kind}), file.read_bytes()) for file in recorded} == {
        file.name: None for file in recorded
    }
