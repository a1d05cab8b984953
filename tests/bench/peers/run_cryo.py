"""cryo: its freeze to Parquet, then DuckDB's SQL for the raw table and the decoded one. It keeps no raw answers."""

from __future__ import annotations

import sys
from pathlib import Path

import cryo
import duckdb

BLOCKS_PER_REQUEST = 500
TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
HALF = "{0}::ubigint::uhugeint * 18446744073709551616 + {1}::ubigint"


def limb(n: int) -> str:
    """Quarter n of the data as text; DuckDB 1.5 turns hex of up to 16 digits into an unsigned number."""
    return f"('0x' || substr(hex(data), {1 + 16 * n}, 16))"


def main(url: str, first: str, last: str, out: str) -> None:
    file = Path(out)
    folder = file.parent / "parquet"
    cryo.freeze(
        "logs",
        blocks=[f"{first}:{int(last) + 1}"],
        rpc=url,
        output_dir=str(folder),
        inner_request_size=BLOCKS_PER_REQUEST,
        no_report=True,
        verbose=False,
    )
    with duckdb.connect(file, config={"threads": 2}) as connection:
        connection.execute(f"create table logs as from read_parquet('{folder}/*.parquet')")
        connection.execute(
            "create table transfers as select block_number, log_index, transaction_hash, address,"
            " substr(hex(topic1), 25) as from_address, substr(hex(topic2), 25) as to_address,"
            f" {HALF.format(limb(0), limb(1))} as value_high, {HALF.format(limb(2), limb(3))} as value_low"
            f" from logs where topic0 = unhex('{TRANSFER}') and topic3 is null and octet_length(data) = 32"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
