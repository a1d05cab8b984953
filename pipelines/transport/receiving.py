"""Reading the body of one response: bounded in bytes and in time, and complete or refused.

Belongs here: the cap on decoded bytes, the deadline, Content-Encoding and Content-Length.
Not here: sending (courier.py) and what the body means (screening.py).
"""

from __future__ import annotations

import time
import zlib

import requests
from urllib3.exceptions import HTTPError, TimeoutError

from pipelines.wire import Outcome

CHUNK_BYTES = 64 * 1024
GZIP_MEMBERS = 100
"""More parts than this in one gzip body is an attack on our time, not a file."""


class Cut(Exception):
    """A body that was not received whole."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


def receive(response: requests.Response, cap_bytes: int, deadline_seconds: float) -> bytes:
    """The decoded body. Raises `Cut` (too_large, timeout, truncated, wrong_type).

    `response.raw` gives what was on the wire: bytes as encoded, chunks already taken out.
    """
    try:
        on_wire = _on_wire(response, cap_bytes, time.monotonic() + deadline_seconds)
    except TimeoutError as error:
        raise Cut(Outcome.TIMEOUT, f"the body stopped coming: {error}") from error
    except (HTTPError, OSError) as error:
        raise Cut(Outcome.TRUNCATED, f"the body broke off: {error}") from error
    encoding = response.headers.get("content-encoding", "").strip().lower()
    try:
        return _decoded(on_wire, encoding, cap_bytes)
    except zlib.error as error:
        raise Cut(Outcome.TRUNCATED, f"the body is not the {encoding} that its header says: {error}") from error


def _on_wire(response: requests.Response, cap_bytes: int, deadline: float) -> bytes:
    announced = _announced_bytes(response)
    if announced is not None and announced > cap_bytes:
        raise Cut(Outcome.TOO_LARGE, f"{announced} bytes announced, {cap_bytes} allowed")
    received = bytearray()
    # read1 returns with what is there: a server that sends a byte now and then meets the deadline.
    while chunk := response.raw.read1(CHUNK_BYTES):
        received += chunk
        if len(received) > cap_bytes:
            raise Cut(Outcome.TOO_LARGE, f"more than the {cap_bytes} bytes allowed")
        if time.monotonic() > deadline:
            raise Cut(Outcome.TIMEOUT, f"only {len(received)} bytes came before the deadline of the whole body")
    if announced is not None and len(received) != announced:
        raise Cut(Outcome.TRUNCATED, f"{len(received)} bytes came of {announced} announced")
    return bytes(received)


def _announced_bytes(response: requests.Response) -> int | None:
    length = response.headers.get("content-length", "")
    chunked = "transfer-encoding" in response.headers
    return int(length) if length.isascii() and length.isdigit() and not chunked else None


def _decoded(data: bytes, encoding: str, cap_bytes: int) -> bytes:
    """The bytes without their Content-Encoding, of which never more than the cap and one are made."""
    if encoding in ("", "identity") or not data:
        return data
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Cut(Outcome.WRONG_TYPE, f"encoded as {encoding}, which was not asked for")
    decoded = bytearray()
    for _ in range(GZIP_MEMBERS):
        stream = zlib.decompressobj(_window_bits(data, encoding))
        decoded += stream.decompress(data, cap_bytes + 1 - len(decoded))
        if len(decoded) > cap_bytes:
            raise Cut(Outcome.TOO_LARGE, f"more than the {cap_bytes} bytes allowed, once unpacked")
        if not stream.eof:
            raise Cut(Outcome.TRUNCATED, f"the {encoding} stream ends early")
        data = stream.unused_data.lstrip(b"\0")
        if not data:
            return bytes(decoded)
    raise Cut(Outcome.TOO_LARGE, f"more than {GZIP_MEMBERS} {encoding} streams in one body")


def _window_bits(data: bytes, encoding: str) -> int:
    """What zlib calls the format. Servers send 'deflate' with and without the header of RFC 1950."""
    if encoding != "deflate":
        return 16 + zlib.MAX_WBITS
    has_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
