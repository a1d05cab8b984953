"""tiders-core on the logs of one event, from hex text, numbers as 32 bytes: its other mode is not exact above 2^255."""

from __future__ import annotations

import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
from tiders_core import evm_decode_events, prefix_hex_decode_column

COLUMNS = ("topic0", "topic1", "topic2", "topic3", "data")


def decoded(logs: pa.RecordBatch, signature: str) -> pa.RecordBatch:
    columns = {name: prefix_hex_decode_column(logs.column(name)) for name in COLUMNS}
    return evm_decode_events(signature, pa.RecordBatch.from_pydict(columns), large_int_as_binary=True)


def main(given: str, out: str, declared: str) -> None:
    arguments = json.loads(declared)
    types = [f"{a['type']}{' indexed' if a['indexed'] else ''} {a['name']}" for a in arguments]
    signature = f"Transfer({', '.join(types)})"
    [logs] = pq.read_table(given).combine_chunks().to_batches()
    decoded(logs.slice(0, 1000), signature)
    cpu, wall = time.process_time(), time.perf_counter()
    read = decoded(logs, signature)
    took = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    texts = {}
    for argument in arguments:
        values = read.column(argument["name"]).to_pylist()
        is_number = argument["type"].startswith("uint")
        texts[argument["name"]] = [str(int.from_bytes(v)) if is_number else "0x" + v.hex() for v in values]
    pq.write_table(pa.table(texts), out)
    print(json.dumps(took))


if __name__ == "__main__":
    main(*sys.argv[1:])
