"""Headers, transactions and receipts of the made chain, as nodes give them.

Belongs here: what follows from a height alone, and from the logs of a block.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gen_chain as chain

GAS_USED = 12_000_000
ZERO = "0x" + "0" * 64


def block(number: int, *, has_logs: bool, with_transactions: bool) -> dict[str, Any]:
    """Columns of a header, and the transactions or their hashes."""
    count = chain.TRANSACTIONS_PER_BLOCK if has_logs else 0
    hashes = [chain.tx_hash(number, index) for index in range(count)]
    whole = [_transaction(number, index, hashed) for index, hashed in enumerate(hashes)]
    return {
        "number": hex(number),
        "hash": chain.block_hash(number),
        "parentHash": chain.block_hash(number - 1),
        "nonce": "0x0000000000000000",
        "sha3Uncles": ZERO,
        "logsBloom": "0x" + "0" * 512,
        "transactionsRoot": ZERO,
        "stateRoot": ZERO,
        "receiptsRoot": ZERO,
        "miner": "0x" + "0" * 40,
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": "0x",
        "size": hex(600 + 200 * count),
        "gasLimit": hex(30_000_000),
        "gasUsed": hex(GAS_USED if count else 0),
        "timestamp": hex(chain.block_at(number)),
        "baseFeePerGas": hex(10**9),
        "mixHash": ZERO,
        "transactions": whole if with_transactions else hashes,
        "uncles": [],
    }


def receipts(number: int, logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The receipts of a block, each with its own of the block's logs."""
    hashes = dict.fromkeys(log["transactionHash"] for log in logs)
    own = ([log for log in logs if log["transactionHash"] == hashed] for hashed in hashes)
    return [_receipt(number, index, of_one) for index, of_one in enumerate(own)]


@lru_cache(maxsize=1)
def places_of(first: int, last: int) -> dict[str, tuple[int, int]]:
    """Hash of each transaction -> its block and its place there."""
    places = ((n, index) for n in range(first, last + 1) for index in range(chain.TRANSACTIONS_PER_BLOCK))
    return {chain.tx_hash(*place): place for place in places}


def _transaction(number: int, index: int, hashed: str) -> dict[str, Any]:
    return {
        "blockHash": chain.block_hash(number),
        "blockNumber": hex(number),
        "from": chain.CONTRACTS["token"][0],
        "gas": hex(300_000),
        "gasPrice": hex(10**9),
        "hash": hashed,
        "input": "0x",
        "nonce": hex(index),
        "to": chain.CONTRACTS["token"][1],
        "transactionIndex": hex(index),
        "value": "0x0",
        "type": "0x0",
        "chainId": hex(chain.EVM_CHAIN_ID),
        "v": "0x25",
        "r": "0x1",
        "s": "0x1",
    }


def _receipt(number: int, index: int, logs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "blockHash": chain.block_hash(number),
        "blockNumber": hex(number),
        "contractAddress": None,
        "cumulativeGasUsed": hex(GAS_USED * (index + 1) // chain.TRANSACTIONS_PER_BLOCK),
        "effectiveGasPrice": hex(10**9),
        "from": chain.CONTRACTS["token"][0],
        "gasUsed": hex(GAS_USED // chain.TRANSACTIONS_PER_BLOCK),
        "logs": logs,
        "logsBloom": "0x" + "0" * 512,
        "status": "0x1",
        "to": chain.CONTRACTS["token"][1],
        "transactionHash": chain.tx_hash(number, index),
        "transactionIndex": hex(index),
        "type": "0x0",
    }
