"""Request, Answer, Failure, Window and the names of outcomes: what rooms hand to one another.

Belongs here: values that travel between feeds, transport and ingest.
Not here: anything that acts (no HTTP, no files, no clock).
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

SECRET_NAME = re.compile(r"(api[-_]?key|apikey|token|secret|password|signature|(^|[-_])key$)", re.IGNORECASE)
USERINFO = re.compile(r"(?<=//)[^/\s?#]*@")
QUERY_VALUE = re.compile(r"(?<=[?&#])([^=&\s?#]+)=[^&\s#]*")
REDACTED = "REDACTED"
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
LONG_EXPONENT = re.compile(r"[eE][-+]?[0-9]{3}")
MOST_EXPONENT = 99


class Outcome(StrEnum):
    """How one attempt ended. `ok` is the only good one; `no_data` is a good answer to a day without any."""

    OK = "ok"
    # what the transport saw
    CONNECTION_ERROR = "connection_error"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    HTTP_ERROR = "http_error"
    REDIRECT_REFUSED = "redirect_refused"
    TOO_LARGE = "too_large"
    BUDGET_SPENT = "budget_spent"
    # what the body turned out to be
    EMPTY_BODY = "empty_body"
    TRUNCATED = "truncated"
    CHALLENGE = "challenge"
    WRONG_TYPE = "wrong_type"
    LAYOUT_CHANGED = "layout_changed"
    TOO_MANY_FAULTS = "too_many_faults"
    CONFLICTING_ROWS = "conflicting_rows"
    STALE = "stale"
    NO_DATA = "no_data"
    # what a node says of a question over JSON-RPC
    RANGE_TOO_LARGE = "range_too_large"
    RPC_ERROR = "rpc_error"
    NULL_RESULT = "null_result"
    WRONG_CHAIN = "wrong_chain"
    WRONG_ANSWER = "wrong_answer"


class BodyRefused(Exception):
    """A body that is not what it should be: nothing of it is loaded."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        self.outcome = outcome
        self.reason = " ".join(reason.split())
        super().__init__(f"{outcome}: {self.reason}")


@dataclass(frozen=True)
class Request:
    """One question to an upstream. `params` are the query, `body` the JSON text of a POST.

    `headers` are sent beside our own and never written down, and `secret_path` is sent behind the address in the same
    way. `divisible`: after a timeout or a body cut short the asker asks for less, so that nobody repeats it as it is.
    """

    url: str
    method: str = "GET"
    params: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    secret_path: str = ""
    divisible: bool = False

    @classmethod
    def get(cls, url: str, params: dict[str, str] | None = None) -> Request:
        return cls(url=url, params=tuple((params or {}).items()))

    @classmethod
    def of(cls, full_url: str, method: str = "GET", body: str | None = None) -> Request:
        """The request behind a full URL, its query taken apart."""
        parts = urlsplit(full_url)
        bare = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        return cls(
            url=bare, method=method.upper(), params=tuple(parse_qsl(parts.query, keep_blank_values=True)), body=body
        )

    @property
    def full_url(self) -> str:
        return f"{self.url}?{urlencode(self.params)}" if self.params else self.url

    @property
    def target(self) -> SplitResult:
        return urlsplit(self.url)

    def without_secrets(self) -> Request:
        """The same question as it may be written down. An address that cannot be taken apart is cleaned too."""
        params = tuple(
            (cleaned(name), REDACTED if SECRET_NAME.search(name) else cleaned(value)) for name, value in self.params
        )
        body = None if self.body is None else _cleaned_json(self.body)
        return Request(cleaned(self.url), self.method, params, body)

    def __str__(self) -> str:
        return f"{self.method} {self.without_secrets().full_url}"


@dataclass(frozen=True)
class Answer:
    """An archived body together with the request it answers. `fetched_at` is naive UTC."""

    request: Request
    fetch_id: str
    fetched_at: datetime
    status: int
    content_type: str
    charset: str
    sha256: str
    body: bytes = field(repr=False)

    def text(self) -> str:
        """The body as text; bytes that do not fit the charset become U+FFFD, so that a cell can be rejected."""
        text = self.body.decode(self.charset or "utf-8", errors="replace")
        return text.removeprefix("\ufeff")

    def json(self) -> Any:
        """The body as JSON, numbers with a fraction as `Decimal`. Raises `BodyRefused` (truncated)."""
        return parse_json(self.text())


@dataclass(frozen=True)
class Failure:
    """A request that brought no usable body, and why."""

    request: Request
    fetch_id: str
    fetched_at: datetime
    outcome: Outcome
    reason: str
    status: int | None = None


@dataclass(frozen=True)
class Window:
    """The days asked for, both included."""

    first: date
    last: date

    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


Requests = Generator[list[Request], list[Answer | Failure], None]
"""What `Feed.requests` returns: it yields independent requests and is given one answer or failure for each."""


def parse_json(text: str) -> Any:
    """JSON text with exact numbers. Raises `BodyRefused` where the text ends early or is not JSON.

    A number with an exponent of more than two digits stays the text that it is. Half of a surrogate pair, which no
    file can hold, becomes U+FFFD.
    """
    try:
        value = json.loads(text, parse_float=_exact if LONG_EXPONENT.search(text) else Decimal)
        return _encodable(value) if SURROGATE.search(text) else value
    except (ValueError, RecursionError) as error:  # a JSONDecodeError is a ValueError, as is a number too long
        raise BodyRefused(Outcome.TRUNCATED, f"not complete JSON: {error}") from error


def _exact(number: str) -> Decimal | str:
    exponent = number.lower().partition("e")[2]
    return number if exponent and abs(int(exponent)) > MOST_EXPONENT else Decimal(number)


def _encodable(value: Any) -> Any:
    """The JSON value with names and texts that UTF-8 can hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {_encodable(name): _encodable(one) for name, one in value.items()}
    return value


def cleaned(text: str) -> str:
    """The text without the credentials of any address in it, fit for UTF-8."""

    def without_value(match: re.Match[str]) -> str:
        return f"{match[1]}={REDACTED}" if SECRET_NAME.search(unquote(match[1])) else match[0]

    encodable = text.encode(errors="replace").decode()
    return QUERY_VALUE.sub(without_value, USERINFO.sub("", encodable))


def _cleaned_json(text: str) -> str:
    """A JSON text without the values of secret names; other text as `cleaned` leaves it."""

    def without_secrets(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {name: REDACTED if SECRET_NAME.search(name) else value for name, value in pairs}

    try:
        value = json.loads(text, object_pairs_hook=without_secrets)
    except (ValueError, RecursionError):
        return cleaned(text)
    return cleaned(text if value == json.loads(text) else json.dumps(value))
