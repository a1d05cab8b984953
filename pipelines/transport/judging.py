"""What an attempt amounts to: its outcome, whether asking again can help, and how long to wait first.

Belongs here: status codes, Retry-After, Content-Type; pure functions over one `Attempt`.
Not here: asking and waiting (session.py), the marks of bad bodies (screening.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from pipelines.settings import utc
from pipelines.transport.courier import Attempt
from pipelines.transport.pace import LONGEST_HOLD
from pipelines.transport.screening import challenge_mark, screen
from pipelines.wire import BodyRefused, Outcome

HEALING_OUTCOMES = frozenset({Outcome.CONNECTION_ERROR, Outcome.TIMEOUT, Outcome.TRUNCATED})
TOO_MUCH = frozenset({Outcome.TIMEOUT, Outcome.TRUNCATED})
SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended, and why where it did not end well."""

    outcome: Outcome
    reason: str | None = None


def judge(attempt: Attempt, media: frozenset[str]) -> Verdict:
    """The outcome of an attempt for a feed that is announced these media."""
    if attempt.outcome is not Outcome.OK or attempt.status is None:
        return Verdict(attempt.outcome, attempt.reason)
    if not 200 <= attempt.status < 300:
        return _judge_error(attempt, attempt.status)
    try:
        screen(media, attempt.headers.get("content-type", ""), attempt.body)
    except BodyRefused as refused:
        return Verdict(refused.outcome, refused.reason)
    return Verdict(Outcome.OK)


def _judge_error(attempt: Attempt, status: int) -> Verdict:
    named = f"status {status} {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else f"status {status}"
    if mark := challenge_mark(attempt.body):
        return Verdict(Outcome.CHALLENGE, f'{named}, and the page is a bot challenge ("{mark}")')
    back_at = come_back_at(attempt)
    told = f"{named}; come back at {back_at:%Y-%m-%dT%H:%M:%SZ}" if back_at else named
    limited = status == HTTPStatus.TOO_MANY_REQUESTS or _is_far(attempt, back_at)
    return Verdict(Outcome.RATE_LIMITED if limited else Outcome.HTTP_ERROR, told)


def can_heal(attempt: Attempt, verdict: Verdict, *, divisible: bool = False) -> bool:
    """Whether the same request may bring data a moment later. A bot wall opens to nobody who knocks again.

    What was too much in one piece is not asked again in one: `divisible`.
    """
    if verdict.outcome in HEALING_OUTCOMES:
        return not (divisible and verdict.outcome in TOO_MUCH)
    if verdict.outcome is Outcome.RATE_LIMITED and attempt.status == HTTPStatus.OK:
        return True
    answered_badly = verdict.outcome in (Outcome.HTTP_ERROR, Outcome.RATE_LIMITED)
    return answered_badly and _is_passing(attempt) and not _is_far(attempt, come_back_at(attempt))


def come_back_at(attempt: Attempt) -> datetime | None:
    """The moment that Retry-After names, in seconds or as an HTTP date; None where it cannot be read."""
    told = attempt.headers.get("retry-after", "").strip()
    if not _is_passing(attempt) or not told:
        return None
    if SECONDS.fullmatch(told):
        return attempt.ended_at + timedelta(seconds=int(told))
    try:
        return max(attempt.ended_at, utc(parsedate_to_datetime(told)))
    except (ValueError, OverflowError):
        return None


def media_type(attempt: Attempt) -> tuple[str, str]:
    """Content type and charset of the header. A charset that Python cannot read text with is left out."""
    header = Message()
    header["content-type"] = attempt.headers.get("content-type", "")
    told = attempt.headers.get("content-type", "").partition(";")[0].strip().lower()
    charset = header.get_content_charset("")
    try:
        b"".decode(charset or "utf-8")
    except (LookupError, ValueError):
        return told, ""
    return told, charset


def _is_far(attempt: Attempt, back_at: datetime | None) -> bool:
    return back_at is not None and back_at - attempt.ended_at > LONGEST_HOLD


def _is_passing(attempt: Attempt) -> bool:
    """A status that says nothing about the request itself: too many of them, or trouble on the other side."""
    return attempt.status is not None and (attempt.status == 429 or attempt.status >= 500)
