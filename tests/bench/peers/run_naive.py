"""What a notebook does: requests, a loop over dictionaries, eth-abi for each row, pandas, DuckDB.

Amounts are Python integers until pandas; DuckDB is given them as text, because no number of its own holds 256 bits.
"""

from __future__ import annotations

import sys

import duckdb
import pandas as pd
import requests
from eth_abi import decode

BLOCKS_PER_REQUEST = 500
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def asked(session: requests.Session, url: str, first: int, last: int) -> list[dict]:
    terms = {"fromBlock": hex(first), "toBlock": hex(last)}
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [terms]}
    return session.post(url, json=call, timeout=60).json()["result"]


def main(url: str, first: str, last: str, out: str) -> None:
    logs, transfers = [], []
    with requests.Session() as session:
        for start in range(int(first), int(last) + 1, BLOCKS_PER_REQUEST):
            for log in asked(session, url, start, min(start + BLOCKS_PER_REQUEST - 1, int(last))):
                topics = log["topics"]
                place = {"block_number": int(log["blockNumber"], 16), "log_index": int(log["logIndex"], 16)}
                row = {
                    **place,
                    "tx_hash": log["transactionHash"],
                    "tx_index": int(log["transactionIndex"], 16),
                    "block_hash": log["blockHash"],
                    "address": log["address"],
                    **{f"topic{n}": topics[n] if n < len(topics) else None for n in range(4)},
                    "data": log["data"],
                }
                logs.append(row)
                if topics and topics[0] == TRANSFER and len(topics) == 3:
                    (value,) = decode(["uint256"], bytes.fromhex(log["data"][2:]))
                    (sender,) = decode(["address"], bytes.fromhex(topics[1][2:]))
                    (receiver,) = decode(["address"], bytes.fromhex(topics[2][2:]))
                    transfers.append(
                        {**place, "address": log["address"], "from": sender, "to": receiver, "value": str(value)}
                    )
    log_frame, transfer_frame = pd.DataFrame(logs), pd.DataFrame(transfers)
    with duckdb.connect(out, config={"threads": 2}) as connection:
        connection.register("log_frame", log_frame)
        connection.register("transfer_frame", transfer_frame)
        connection.execute("create table logs as from log_frame")
        connection.execute("create table transfers as from transfer_frame")


if __name__ == "__main__":
    main(*sys.argv[1:])
