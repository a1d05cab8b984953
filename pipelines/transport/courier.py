"""Carrying one request to a registered host and bringing back what it answers.

Belongs here: sending, following redirects, and naming what went wrong on the way.
Not here: which addresses may be asked (addresses.py), retries and the ledger (session.py), budgets (pace.py),
what the answer amounts to (judging.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.exceptions import HTTPError

from pipelines import __version__
from pipelines.settings import Clock, Settings
from pipelines.transport.addresses import AddressRefused, check, host_of
from pipelines.transport.receiving import Cut, receive
from pipelines.wire import Outcome, Request

THREADS = 8
CONNECT_TIMEOUT_SECONDS = 10
BODY_DEADLINE_IN_READ_TIMEOUTS = 10
EVIDENCE_BYTES = 1024 * 1024
"""The body of an error answer is kept up to this size."""
MOST_REDIRECTS = 5
REDIRECTS_WITH_THE_SAME_METHOD = (307, 308)
POOL = re.compile(r"^<?\w*Connection(Pool)?\(.*?\)>?: ")
"""How urllib3 begins its messages: with the object that could not connect."""
REDIRECTS = (301, 302, 303, *REDIRECTS_WITH_THE_SAME_METHOD)
ACCEPT = {"html": "text/html", "json": "application/json", "csv": "text/csv"}


@dataclass(frozen=True)
class Attempt:
    """What one attempt brought back. `outcome` is ok where an answer came, whatever its status.

    `host` is the one that answered; names of `headers` are in small letters.
    """

    ended_at: datetime
    outcome: Outcome
    reason: str = ""
    host: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Hop:
    """One sending: what is asked, as requests prepared it, and the address that will be dialled."""

    asked: Request
    prepared: requests.PreparedRequest

    @property
    def url(self) -> str:
        return self.prepared.url or ""


class Courier:
    """Sends requests. `take_place(host)` is called before every sending, redirects too, and may wait.

    `own_hosts` are those of the user's own nodes, which may lie in a private network.
    `keys`: the header, name and value, that goes to a host and to no other.
    """

    def __init__(
        self,
        *,
        hosts: frozenset[str],
        own_hosts: frozenset[str],
        take_place: Callable[[str], None],
        adapter: BaseAdapter | None,
        clock: Clock,
        settings: Settings,
        keys: Mapping[str, tuple[str, str]],
    ) -> None:
        self._hosts = hosts
        self._own_hosts = own_hosts
        self._keys = keys
        self._take_place = take_place
        self._is_own_adapter = adapter is None
        self._adapter = adapter or HTTPAdapter(pool_maxsize=THREADS)
        self._clock = clock
        self._settings = settings
        # Knows proxies and certificates from the environment, and is asked for no more: sending through it
        # would read ~/.netrc, keep cookies, and read the bodies of redirects without a bound.
        self._environment = requests.Session()

    def close(self) -> None:
        if self._is_own_adapter:
            self._adapter.close()

    def carry(self, request: Request, media: frozenset[str]) -> Attempt:
        """One attempt with its redirects. Raises `pace.Spent`; all else that can go wrong is an outcome."""
        status = None
        try:
            hop = self._hop(request, media)
            check(hop.url, self._hosts | self._own_hosts, is_own=host_of(hop.url) in self._own_hosts)
            for _ in range(MOST_REDIRECTS + 1):
                with self._send(hop) as response:
                    status = response.status_code
                    if status not in REDIRECTS or "location" not in response.headers:
                        return self._receive(hop, response)
                    hop = self._following(hop, response, media)
        except AddressRefused as refused:
            return self._failed(Outcome.REDIRECT_REFUSED, str(refused), status)
        except requests.Timeout as error:
            return self._failed(Outcome.TIMEOUT, plain(error))
        except (OSError, HTTPError, ValueError) as error:
            # requests' own errors are OSErrors; a ValueError is a header that cannot be sent.
            return self._failed(Outcome.CONNECTION_ERROR, plain(error))
        return self._failed(Outcome.REDIRECT_REFUSED, f"more than {MOST_REDIRECTS} redirects", status)

    def _hop(self, request: Request, media: frozenset[str]) -> Hop:
        """What is sent for a request. Raises `AddressRefused` where requests cannot read its address."""
        contact = self._settings.contact or "none given"
        headers = {
            "User-Agent": f"Outcrop/{__version__} (+open warehouse of Bitcoin layers; contact: {contact})",
            "Accept": ", ".join([*(ACCEPT[kind] for kind in sorted(media)), "*/*;q=0.1"]),
            "Accept-Encoding": "gzip, deflate",
        }
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        headers |= dict(request.headers)
        try:
            body = None if request.body is None else request.body.encode()
            params = list(request.params)
            # Prepared without a session, so that neither ~/.netrc nor a cookie of another answer goes with it.
            url = request.url + request.secret_path
            prepared = requests.Request(request.method, url, headers, params=params, data=body).prepare()
            prepared.headers.update([self._keys[host]] if (host := host_of(prepared.url or "")) in self._keys else [])
            return Hop(request, prepared)
        except (ValueError, requests.RequestException) as error:
            raise AddressRefused(f"an address that cannot be read: {error}") from error

    def _send(self, hop: Hop) -> requests.Response:
        self._take_place(host_of(hop.url))
        environment = self._environment.merge_environment_settings(hop.url, {}, True, None, None)
        timeout = (CONNECT_TIMEOUT_SECONDS, self._settings.request_timeout_seconds)
        return self._adapter.send(hop.prepared, timeout=timeout, **environment)

    def _receive(self, hop: Hop, response: requests.Response) -> Attempt:
        """The whole body, or why there is none. Of an error answer the status says enough."""
        is_error = not 200 <= response.status_code < 300
        most_bytes = self._settings.max_body_bytes
        deadline_seconds = BODY_DEADLINE_IN_READ_TIMEOUTS * self._settings.request_timeout_seconds
        outcome, reason, body = Outcome.OK, "", b""
        try:
            body = receive(response, min(most_bytes, EVIDENCE_BYTES) if is_error else most_bytes, deadline_seconds)
        except Cut as cut:
            if not is_error:
                outcome, reason = cut.outcome, cut.reason
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Attempt(self._clock.now(), outcome, reason, host_of(hop.url), response.status_code, headers, body)

    def _following(self, hop: Hop, response: requests.Response, media: frozenset[str]) -> Hop:
        """Where a redirect leads. Raises `AddressRefused`."""
        asked = hop.asked if response.status_code in REDIRECTS_WITH_THE_SAME_METHOD else Request(hop.url)
        try:
            target = urljoin(hop.url, response.headers["location"])
        except ValueError as error:
            raise AddressRefused(f"a redirect to an address that cannot be read: {error}") from error
        following = self._hop(Request(target, asked.method, body=asked.body), media)
        check(following.url, self._hosts, came_from=hop.url)
        return following

    def _failed(self, outcome: Outcome, reason: str, status: int | None = None) -> Attempt:
        return Attempt(self._clock.now(), outcome, reason, status=status)


def plain(error: BaseException) -> str:
    """What lies at the bottom of an error of the HTTP libraries, without the objects that they wrap it in."""
    while isinstance(inner := getattr(error, "reason", None) or next(iter(error.args), None), BaseException):
        error = inner
    return POOL.sub("", str(error)) or type(error).__name__
