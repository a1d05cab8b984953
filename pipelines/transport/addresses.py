"""Which addresses are asked: those of registered hosts, over https, and nothing inside anybody's network.

Belongs here: names of hosts and the rule for first requests and redirects. Pure.
Not here: the list of hosts (seeds/sources.csv) and sending (courier.py).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


class AddressRefused(Exception):
    """An address that is not asked, and why. Names the host only: the rest may hold secrets."""


def registered_name(host: str | None) -> str:
    """The name by which a host is known here: a host and its www. twin are one."""
    return (host or "").removeprefix("www.")


def host_of(url: str) -> str:
    """The registered name of the host of a prepared address."""
    return registered_name(urlsplit(url).hostname)


def check(url: str, hosts: frozenset[str], came_from: str | None = None, *, is_own: bool = False) -> None:
    """Raises `AddressRefused` where a prepared address is not to be asked.

    Prepared by requests, so that the host read here is the host that is dialled. `came_from` is the address
    that redirected here. `is_own`: a node that the user named, which may speak plain http in a network of theirs.
    """
    target = urlsplit(url)
    host = target.hostname or ""
    place = f"{target.scheme}://{host}"
    if registered_name(host) not in hosts:
        raise AddressRefused(f"{place} is not a registered host; only the hosts of seeds/sources.csv are asked")
    if came_from and _is_private(host):
        raise AddressRefused(f"a redirect to the private address {place}")
    if target.scheme != "https" and not (target.scheme == "http" and (is_own or _is_loopback(host))):
        raise AddressRefused(f"{place} is not https")
    if came_from and urlsplit(came_from).scheme != target.scheme:
        raise AddressRefused(f"a redirect from {urlsplit(came_from).scheme} to {place}")


def _is_loopback(host: str) -> bool:
    address = _ip_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_private(host: str) -> bool:
    """An address inside somebody's network; loopback is asked only where it is registered, so it may pass."""
    address = _ip_address(host)
    return address is not None and not address.is_global and not address.is_loopback


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
