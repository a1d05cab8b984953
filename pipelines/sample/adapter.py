"""The door of the simulated world: a `requests` adapter that answers for the upstreams it simulates.

Belongs here: which address leads to which upstream, and making a response of its bytes.
Not here: what the bytes say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from io import BytesIO
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from pipelines.registry import Registry
from pipelines.sample.btcetffundflow import BtcEtfFundFlow
from pipelines.sample.farside import Farside
from pipelines.sample.world import World
from pipelines.settings import Clock

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
Page = Callable[[datetime], bytes]


class WorldAdapter(BaseAdapter):
    """Mount it for `https://` (and `http://`): every address it does not know is answered with 404."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        super().__init__()
        self._registry = registry
        self._clock = clock

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """What the upstream shows at the clock's instant."""
        url = urlsplit(request.url or "")
        page = self._pages.get((url.hostname or "", url.path.rstrip("/")))
        if page is None or request.method != "GET":
            body = f"The simulated world has nothing at {request.method} {url.hostname}{url.path}\n"
            return self._response(request, 404, TEXT, body.encode())
        return self._response(request, 200, HTML, page(self._clock.now()))

    def close(self) -> None:
        """Nothing is open."""

    @cached_property
    def _pages(self) -> dict[tuple[str, str], Page]:
        """Upstreams by host and path. The world is made when it is first asked, once for each adapter."""
        world = World(self._registry)
        farside, btcetffundflow = Farside(world), BtcEtfFundFlow(world)
        return {
            ("farside.co.uk", "/bitcoin-etf-flow-all-data"): farside.history_page,
            ("farside.co.uk", "/btc"): farside.recent_page,
            ("btcetffundflow.com", "/us"): btcetffundflow.us_page,
        }

    def _response(self, request: PreparedRequest, status: int, content_type: str, body: bytes) -> Response:
        headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
        reason = "OK" if status == 200 else "Not Found"
        response = Response()
        response.raw = HTTPResponse(BytesIO(body), headers=headers, status=status, reason=reason, preload_content=False)
        response.status_code = status
        response.reason = reason
        response.headers.update(headers)
        response.encoding = "utf-8"
        response.url = request.url or ""
        response.request = request
        return response
