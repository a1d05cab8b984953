"""Whether a body is what its feed announces, or a bot wall, or something else. Pure: bytes in, verdict out.

Belongs here: telling kinds of bodies apart by their first bytes, and the marks of challenge pages.
Not here: HTTP, and whether the content makes sense (that is for the feed's parser).
It runs when a body is fetched (its outcome goes to the ledger) and again when it is loaded.
"""

from __future__ import annotations

import re
from html import unescape

from pipelines.wire import BodyRefused, Outcome

HEAD_BYTES = 64 * 1024
"""A challenge page says what it is near its top, a data page may quote anything further down."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BINARY_STARTS = (b"%PDF", b"\x89PNG", b"\x1f\x8b", b"PK\x03\x04", b"GIF8", b"\xff\xd8\xff")
LEADING_TAG = re.compile(rb"<[a-z!?/]", re.IGNORECASE)
PAGE_TAG = re.compile(rb"<(!doctype html|html|head|body|table)\b", re.IGNORECASE)
PAGE_TAG_WITHIN_BYTES = 1024

TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
TITLE_MARKS = (
    "just a moment",  # Cloudflare
    "attention required! | cloudflare",
    "checking your browser",
    "ddos-guard",
    "security checkpoint",  # Vercel
    "access denied",  # Akamai
    "pardon our interruption",  # Imperva
    "human verification",  # AWS
    "are you a robot",
    "captcha",
)
STRONG_MARKS = (
    "enable javascript and cookies to continue",  # Cloudflare
    "_cf_chl_opt",
    "cf-challenge",
    "/orchestrate/chl_",
    "incapsula incident id",  # Imperva
    "px-captcha",  # HUMAN
    "captcha-delivery.com/captcha",  # DataDome
)
"""Only challenge pages hold these. `/cdn-cgi/challenge-platform/scripts/` is no mark, good pages have it."""


def screen(media: frozenset[str], content_type: str, body: bytes) -> None:
    """Raises `BodyRefused` for a body that is empty, a challenge page, or none of the announced kinds.

    The bytes decide, not the header: saved pages often carry text/plain.
    """
    if not body.removeprefix(BYTE_ORDER_MARK).strip():
        raise BodyRefused(Outcome.EMPTY_BODY, f"{len(body)} bytes, none of them content")
    if mark := challenge_mark(body):
        raise BodyRefused(Outcome.CHALLENGE, f'the page is a bot challenge ("{mark}"), not data')
    kind = kind_of(body)
    if kind not in media:
        announced = " or ".join(sorted(media))
        raise BodyRefused(Outcome.WRONG_TYPE, f"the body is {kind}, not {announced} (its header says '{content_type}')")


def kind_of(body: bytes) -> str:
    """html, json or csv, the three that feeds can announce; binary or xml, which none can."""
    head = body.removeprefix(BYTE_ORDER_MARK).lstrip()[:HEAD_BYTES]
    if head.startswith(BINARY_STARTS) or b"\0" in head:
        return "binary"
    if head.startswith((b"{", b"[")):
        return "json"
    if PAGE_TAG.search(head[:PAGE_TAG_WITHIN_BYTES]):
        return "html"
    if head.startswith(b"<?xml"):
        return "xml"
    return "html" if LEADING_TAG.match(head) else "csv"


def challenge_mark(body: bytes) -> str | None:
    """The words by which a page is known as a bot wall, None for every other body."""
    if kind_of(body) != "html":
        return None
    head = body[:HEAD_BYTES].decode("latin-1").lower()
    title = TITLE.search(head)
    heading = " ".join(unescape(title[1]).split()) if title else ""
    marks = [mark for mark in TITLE_MARKS if mark in heading] + [mark for mark in STRONG_MARKS if mark in head]
    return marks[0] if marks else None
