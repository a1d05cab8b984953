"""An EVM node on 127.0.0.1 that answers from the bytes of a made chain, as fast as they can be copied.

Belongs here: HTTP and latency. Not here: what is answered (rpc_node.py).

    python tests/bench/rpc_server.py --chain FOLDER [--port N]      prints its port, then serves

`POST /control` with a JSON object sets the limits anew and forgets the counts:
latency_ms, max_range (blocks of one eth_getLogs), max_logs (of one answer), rate_per_second and burst (a bucket of
places; 429 with Retry-After where it is empty), max_batch (calls in one request). `GET /stats` tells the counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rpc_node import Node

try:
    from uvloop import run
except ImportError:
    run = asyncio.run


class Connection(asyncio.Protocol):
    """One client: HTTP/1.1 with keep-alive, one request after the other."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            stop = end + 4 + int(headers.get("content-length", 0))
            if len(self._received) < stop:
                return
            body, self._received = self._received[end + 4 : stop], self._received[stop:]
            self._serve(first.split()[1], body)

    def _serve(self, path: str, body: bytes) -> None:
        node = self._node
        if path == "/stats":
            return self._send([json.dumps(asdict(node.stats) | {"head": node.head}).encode()])
        if path == "/control":
            node.control(json.loads(body))
            return self._send([b"{}"])
        node.stats.http_requests += 1
        if wait := node.seconds_to_wait():
            node.stats.refused_rate += 1
            parts, status, extra = [b"{}"], "429 Too Many Requests", f"Retry-After: {max(1, round(wait))}\r\n"
        else:
            parts, status, extra = node.answer(body), "200 OK", ""
        if node.limits.latency_ms:
            asyncio.get_running_loop().call_later(node.limits.latency_ms / 1000, self._send, parts, status, extra)
            return None
        return self._send(parts, status, extra)

    def _send(self, parts: list[Any], status: str = "200 OK", extra: str = "") -> None:
        length = sum(len(part) for part in parts)
        self._node.stats.bytes_sent += length
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{extra}Content-Length: {length}\r\n\r\n"
        self._transport.writelines([head.encode(), *parts])


async def serve(node: Node, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(node), "127.0.0.1", port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chain", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    run(serve(Node(options.chain), options.port))
