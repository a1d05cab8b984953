"""A loopback web server with bad manners: every fault of an upstream that the session must live through.

Belongs here: what goes wrong on the wire, one function per path, and a record of who asked for what.
Not here: assertions.
"""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

BODY = b'{"answer": 42}'
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>"
BOMB_BYTES = 200 * 1024 * 1024
TOGETHER = 4
"""`/together` answers only when so many ask at once."""


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class FaultServer:
    """Serves on 127.0.0.1 from `with` to the end of it. `seen` lists the requests in the order they came."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.stopping = threading.Event()
        self.meeting = threading.Barrier(TOGETHER, timeout=5)
        self.redirect_to = ""
        self.retry_after = ""
        self._lock = threading.Lock()
        self._server = _QuietServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"house": self}))

    def __enter__(self) -> FaultServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return self._server.server_port

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def count(self, path: str) -> int:
        return sum(seen.path == path for seen in self.seen)

    def note(self, seen: Seen) -> int:
        """Takes the request down; which one of its path it is, from 1."""
        with self._lock:
            self.seen.append(seen)
            return self.count(seen.path)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up on a fault are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    house: FaultServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        nth = self.house.note(
            Seen(self.command, parts.path, parts.query, {k.lower(): v for k, v in self.headers.items()}, body)
        )
        FAULTS.get(parts.path, not_found)(self, nth)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def answer(self, body: bytes, status: int = 200, length: int | None = None, **headers: str) -> None:
        """One whole answer, or one that promises another length. Header names with `_` for `-`."""
        self.send_response(status)
        given = {
            "content_type": "application/json",
            "content_length": str(len(body) if length is None else length),
        }
        for name, value in (given | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def ok(handler: _Handler, _: int) -> None:
    handler.answer(BODY, etag='"v1"', x_secret="not kept")


def html(handler: _Handler, _: int) -> None:
    handler.answer(b"<html><table></table></html>", content_type="text/html; charset=ISO-8859-1")


def empty(handler: _Handler, _: int) -> None:
    handler.answer(b"")


def together(handler: _Handler, _: int) -> None:
    handler.house.meeting.wait()
    handler.answer(BODY)


def zipped(handler: _Handler, _: int) -> None:
    handler.answer(gzip.compress(BODY), content_encoding="gzip")


def deflated(handler: _Handler, nth: int) -> None:
    """The first time with the header of RFC 1950, then without, as servers do."""
    handler.answer(zlib.compress(BODY) if nth == 1 else zlib.compress(BODY)[2:-4], content_encoding="deflate")


def gzip_cut(handler: _Handler, _: int) -> None:
    """The length is right, the gzip stream is not whole."""
    handler.answer(gzip.compress(BODY * 1000)[:-20], content_encoding="gzip")


def gzip_bomb(handler: _Handler, _: int) -> None:
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(BOMB_BYTES // 1024 // 1024))
    handler.answer(packed + packer.flush(), content_encoding="gzip")


def announces_500_mb(handler: _Handler, _: int) -> None:
    handler.answer(BODY, length=500 * 1024 * 1024)
    handler.house.stopping.wait(10)


def endless(handler: _Handler, _: int) -> None:
    """No length, and it does not stop."""
    handler.send_response(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    while not handler.house.stopping.is_set():
        handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def slow_drip(handler: _Handler, _: int) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000000")
    handler.end_headers()
    while not handler.house.stopping.wait(0.01):
        handler.wfile.write(b"[")


def hang(handler: _Handler, _: int) -> None:
    handler.house.stopping.wait(10)


def truncated(handler: _Handler, _: int) -> None:
    handler.answer(BODY, length=len(BODY) + 100)
    handler.close_connection = True


def reset(handler: _Handler, _: int) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    handler.connection.close()
    handler.close_connection = True


def limited_once(handler: _Handler, nth: int) -> None:
    """429 the first time, with the Retry-After that the test chose or with none, then well."""
    told = {"retry_after": handler.house.retry_after} if handler.house.retry_after else {}
    handler.answer(b"{}", 429, **told) if nth == 1 else handler.answer(BODY)


def limited(handler: _Handler, _: int) -> None:
    handler.answer(b"{}", 429, retry_after=handler.house.retry_after)


def down_twice(handler: _Handler, nth: int) -> None:
    handler.answer(b"down", 503) if nth <= 2 else handler.answer(BODY)


def challenge(handler: _Handler, _: int) -> None:
    handler.answer(CHALLENGE, 403, content_type="text/html", server="cloudflare", cf_ray="8a1")


def challenge_200(handler: _Handler, _: int) -> None:
    handler.answer(CHALLENGE, content_type="text/html")


def redirect(handler: _Handler, _: int) -> None:
    handler.answer(b"", 302, location=handler.house.redirect_to)


def redirect_same_method(handler: _Handler, _: int) -> None:
    handler.answer(b"", 307, location=handler.house.redirect_to)


def not_found(handler: _Handler, _: int) -> None:
    handler.answer(b'{"error": "no such page"}', 404)


def proxied(handler: _Handler, _: int) -> None:
    """What a proxy is asked: a whole address where others send a path."""
    handler.answer(BODY)


FAULTS: dict[str, Callable[[_Handler, int], None]] = {
    "/ok": ok,
    "/html": html,
    "/empty": empty,
    "/together": together,
    "/gzip": zipped,
    "/deflate": deflated,
    "/gzip-cut": gzip_cut,
    "/gzip-bomb": gzip_bomb,
    "/announces-500-mb": announces_500_mb,
    "/endless": endless,
    "/slow-drip": slow_drip,
    "/hang": hang,
    "/truncated": truncated,
    "/reset": reset,
    "/limited-once": limited_once,
    "/limited": limited,
    "/down-twice": down_twice,
    "/challenge": challenge,
    "/challenge-200": challenge_200,
    "/redirect": redirect,
    "/redirect-307": redirect_same_method,
    "/proxied": proxied,
}
