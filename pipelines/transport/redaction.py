"""What may be written down: requests and error texts without their secrets.

Belongs here: the one function that takes credentials out of a text, and the written form of a request.
Not here: which parameter names are secret (wire.SECRET_NAME).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from pipelines.wire import REDACTED, SECRET_NAME, Request

USERINFO = re.compile(r"(?<=//)[^/\s?#]*@")
QUERY_VALUE = re.compile(r"(?<=[?&#])([^=&\s?#]+)=[^&\s#]*")


def clean(text: str) -> str:
    """The text without the credentials of any address in it, fit for UTF-8."""

    def without_value(match: re.Match[str]) -> str:
        return f"{match[1]}={REDACTED}" if SECRET_NAME.search(unquote(match[1])) else match[0]

    encodable = text.encode(errors="replace").decode()
    return QUERY_VALUE.sub(without_value, USERINFO.sub("", encodable))


def written(request: Request) -> Request:
    """The request as the ledger has it. Total: an address that cannot be taken apart is written down too."""
    return Request(
        url=clean(request.url),
        method=request.method,
        params=tuple(
            (clean(name), REDACTED if SECRET_NAME.search(name) else clean(value)) for name, value in request.params
        ),
        body=None if request.body is None else clean(request.body),
    )
