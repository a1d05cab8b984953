"""ethereum-etl: its export of token transfers to CSV, then the CSV into DuckDB. It keeps neither raw logs nor answers.

Amounts stay text. ERC-721 transfers are among its rows: it does not tell them apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from ethereumetl.cli import cli

BLOCKS_PER_REQUEST = 500
WORKERS = 5


def main(url: str, first: str, last: str, out: str) -> None:
    file = Path(out)
    csv = file.with_suffix(".csv")
    options = {
        "start-block": first,
        "end-block": last,
        "provider-uri": url,
        "batch-size": BLOCKS_PER_REQUEST,
        "max-workers": WORKERS,
        "output": csv,
    }
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    cli(["export_token_transfers", *given], standalone_mode=False)
    with duckdb.connect(str(file), config={"threads": 2}) as connection:
        connection.execute(
            f"create table transfers as from read_csv('{csv}', header = true, types = {{"
            "'token_address': 'varchar', 'from_address': 'varchar', 'to_address': 'varchar', 'value': 'varchar',"
            "'transaction_hash': 'varchar', 'log_index': 'integer', 'block_number': 'bigint'})"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
