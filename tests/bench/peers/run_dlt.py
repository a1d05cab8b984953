"""dlt: a resource that yields the dictionaries of the answers, another with the transfers, both appended to DuckDB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import requests

BLOCKS_PER_REQUEST = 500
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def asked(session: requests.Session, url: str, first: int, last: int) -> list[dict]:
    terms = {"fromBlock": hex(first), "toBlock": hex(last)}
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [terms]}
    return session.post(url, json=call, timeout=60).json()["result"]


@dlt.resource(name="logs", write_disposition="append", max_table_nesting=0)
def logs(url: str, first: int, last: int) -> Iterator[list[dict]]:
    with requests.Session() as session:
        for start in range(first, last + 1, BLOCKS_PER_REQUEST):
            yield asked(session, url, start, min(start + BLOCKS_PER_REQUEST - 1, last))


@dlt.transformer(data_from=logs, name="transfers", write_disposition="append")
def transfers(page: list[dict]) -> Iterator[list[dict]]:
    """Amounts as text: dlt has no whole number of 256 bits for DuckDB."""
    yield [
        {
            "block_number": int(log["blockNumber"], 16),
            "log_index": int(log["logIndex"], 16),
            "address": log["address"],
            "from_address": "0x" + log["topics"][1][26:],
            "to_address": "0x" + log["topics"][2][26:],
            "value": str(int(log["data"], 16)),
        }
        for log in page
        if len(log["topics"]) == 3 and log["topics"][0] == TRANSFER
    ]


def main(url: str, first: str, last: str, out: str) -> None:
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(Path(out).parent / "dlt"),
        destination=dlt.destinations.duckdb(out),
        dataset_name="bench",
    )
    source = logs(url, int(first), int(last))
    pipeline.run([source, source | transfers])


if __name__ == "__main__":
    main(*sys.argv[1:])
