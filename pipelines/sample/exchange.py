"""What the door and the simulated upstreams hand to each other: one question, one page.

Belongs here: the two values, and the usual kinds of pages.
Not here: which upstream answers (`adapter`), and what it says (one module each beside this one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol


@dataclass(frozen=True)
class Asked:
    """One question at an instant. The names of `headers` are in lower case; `path` has no slash at its end."""

    at: datetime
    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str

    @property
    def line(self) -> str:
        """What an upstream tells its addresses apart by: `GET farside.co.uk/btc`."""
        return f"{self.method} {self.host}{self.path}"


@dataclass(frozen=True)
class Page:
    """One answer."""

    body: bytes
    content_type: str
    status: int = 200


class Upstream(Protocol):
    """A site of the simulated world: its pages are functions of the question and its instant."""

    def answer(self, asked: Asked) -> Page | None:
        """The page at that address, None where the site has none."""


def html(body: bytes | str) -> Page:
    return Page(_bytes(body), "text/html; charset=utf-8")


def csv(body: str) -> Page:
    return Page(_bytes(body), "text/csv; charset=utf-8")


def text(body: str, status: int) -> Page:
    return Page(_bytes(body), "text/plain; charset=utf-8", status)


def as_json(document: Any, status: int = 200) -> Page:
    """The document on one line; a `Decimal` becomes a number with its point."""
    line = json.dumps(document, separators=(",", ":"), default=float)
    return Page(_bytes(line), "application/json; charset=utf-8", status)


def whole(value: Decimal) -> int:
    """To the nearest whole number, half to even."""
    return int(value.to_integral_value())


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
