"""eth-abi on the logs of one event, row by row: every topic and the data. With `cut`, addresses are cut out of their
topics instead, unchecked.

Reads Parquet with topic0 to topic3 and data as hex text, decodes once to warm up and once timed, writes every value
as text, and prints the CPU and wall seconds.
"""

from __future__ import annotations

import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
from eth_abi import decode


def decoded(logs: list[dict], arguments: list[dict], *, cuts: bool) -> list[tuple]:
    indexed = [argument for argument in arguments if argument["indexed"]]
    types = [argument["type"] for argument in arguments if not argument["indexed"]]
    rows = []
    for log in logs:
        values = []
        for place, argument in enumerate(indexed, start=1):
            topic = log[f"topic{place}"]
            is_cut = cuts and argument["type"] == "address"
            values.append("0x" + topic[26:] if is_cut else decode([argument["type"]], bytes.fromhex(topic[2:]))[0])
        rows.append((*values, *decode(types, bytes.fromhex(log["data"][2:]))))
    return rows


def main(given: str, out: str, declared: str, how: str = "") -> None:
    arguments = json.loads(declared)
    logs = pq.read_table(given).to_pylist()
    decoded(logs[:1000], arguments, cuts=how == "cut")
    cpu, wall = time.process_time(), time.perf_counter()
    rows = decoded(logs, arguments, cuts=how == "cut")
    took = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    names = [a["name"] for a in arguments if a["indexed"]] + [a["name"] for a in arguments if not a["indexed"]]
    texts = [["0x" + v.hex() if isinstance(v, bytes) else str(v) for v in column] for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(dict(zip(names, texts, strict=True))), out)
    print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
