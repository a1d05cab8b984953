"""Notes every internet socket that a Python process opens, in the folder `OUTCROP_GUARD` names.

Put this folder on PYTHONPATH and every child of the process is watched too: a file for each process that
opened one, a line for each deed, with the place in the code that did it. The one thing let pass is what
urllib3 does when it is imported: it opens an IPv6 socket on a loopback address to see whether there is IPv6.
"""

import os
import socket
import sys
import traceback
from pathlib import Path

DEEDS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
INTERNET = (socket.AF_INET, socket.AF_INET6)
PROBE = "_has_ipv6"
"""The function of `urllib3.util.connection` that asks whether there is IPv6."""


def _watch(event: str, args: tuple) -> None:
    if not event.startswith("socket."):
        return
    is_opened = event == "socket.__new__" and args[1] in INTERNET
    is_used = event in DEEDS and not (hasattr(args[0], "family") and args[0].family not in INTERNET)
    if is_opened or is_used:
        frames = traceback.extract_stack()[:-1]
        if any(frame.name == PROBE for frame in frames):
            return
        places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))
        with (Path(os.environ["OUTCROP_GUARD"]) / f"{os.getpid()}.txt").open("a", encoding="utf-8") as notes:
            notes.write(f"{event} {args[1:]} by {sys.argv}: {places}\n")


if "OUTCROP_GUARD" in os.environ:
    (Path(os.environ["OUTCROP_GUARD"]) / f"watched-{os.getpid()}").touch()
    sys.addaudithook(_watch)
