"""Nothing but the installation needs a network: runs in sample and archive mode open no internet socket.

Every Python process of the runs of this folder is watched by guard/sitecustomize.py, and where the machine
allows it they run in an empty network namespace.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from house import GUARD, Built, without_network

OPENS_ONE = "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()"
LOOKS_UP = "import socket; socket.getaddrinfo('localhost', 80)"
PROBES = "import urllib3.util.connection as c; c._has_ipv6('::1')"


@pytest.mark.parametrize(("code", "notes"), [(OPENS_ONE, 1), (LOOKS_UP, 1), (PROBES, 0)])
def test_the_guard_sees_internet_sockets_in_a_child(tmp_path: Path, code: str, notes: int) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
    env = os.environ | {"PYTHONPATH": os.fspath(GUARD), "OUTCROP_GUARD": os.fspath(tmp_path)}
    subprocess.run([sys.executable, "-c", child], env=env, check=True)
    assert len(list(tmp_path.glob("watched-*"))) == 2
    assert len([line for file in tmp_path.glob("*.txt") for line in file.read_text().splitlines()]) == notes


def test_a_sample_run_opens_no_internet_socket(sample: Built) -> None:
    assert sample.watched >= 2, "the run itself and dbt"
    assert sample.sockets == []


def test_an_archive_run_opens_no_internet_socket(archives: dict[str, Built]) -> None:
    for built in archives.values():
        assert built.watched >= 1
        assert built.sockets == []
    assert archives["both"].watched >= 2


@pytest.mark.skipif(not without_network(), reason="needs unshare -n (util-linux, and the right to use it)")
def test_both_modes_build_in_an_empty_network_namespace(sample: Built, archives: dict[str, Built]) -> None:
    """These runs were started by `unshare -n`: not even a loopback interface was up."""
    devices = subprocess.run(
        [*without_network(), "cat", "/proc/net/route"], capture_output=True, text=True, check=True
    ).stdout
    assert len(devices.splitlines()) <= 1, "the namespace has a route to somewhere"
    assert sample.ran.status == 0, sample.ran.text
    assert archives["both"].ran.status == 0, archives["both"].ran.text
