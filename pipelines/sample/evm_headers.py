"""Blocks and logs of the simulated EVM chains as their nodes print them, in JSON.

Belongs here: the layout of each chain's client. Layout: recorded answers of a Rootstock node, the execution API
specification for the others.
Not here: what is true (`evm_chains`, `evm_history`), and the answer around it (`evm_node`).
"""

from __future__ import annotations

import json
from typing import Any

from pipelines.sample.evm_history import History, Placed

NO_BLOOM = "0x" + "00" * 256
NO_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
NOBODY = "0x" + "00" * 20
NOTHING = "0x" + "00" * 32
MINIMUM_GAS_PRICE_WEI = 60_000_000
CDK_ERIGON = {
    "difficulty": "0x0",
    "totalDifficulty": "0x0",
    "gasLimit": "0xffffffff",
    "nonce": "0x0000000000000000",
    "mixHash": NOTHING,
}


def block_json(history: History, height: int) -> str:
    """A block with the hashes of its transactions."""
    chain = history.chain
    digest = chain.digest(height)
    gas_used = 21_000 * int.from_bytes(digest[6:8], "big") % 6_000_000 + 21_000
    shared = {
        "number": hex(height),
        "hash": chain.block_hash(height),
        "parentHash": chain.block_hash(height - 1) if height else NOTHING,
        "sha3Uncles": NO_UNCLES,
        "logsBloom": NO_BLOOM,
        "transactionsRoot": _hash(digest, 1),
        "stateRoot": _hash(digest, 2),
        "receiptsRoot": _hash(digest, 3),
        "miner": NOBODY if chain.chain_id == "merlin" else f"0x{digest[12:].hex()}",
        "extraData": "0x",
        "size": hex(1_500 + int.from_bytes(digest[8:10], "big") % 9_000),
        "gasUsed": hex(gas_used),
        "timestamp": hex(chain.unix_time(height)),
        "transactions": [chain.tx_hash(height, n) for n in range(history.transaction_count(height))],
        "uncles": [],
    }
    own = _of_its_client(chain.chain_id, height, digest, gas_used)
    return json.dumps(shared | own, separators=(",", ":"))


def _of_its_client(chain_id: str, height: int, digest: bytes, gas_used: int) -> dict[str, Any]:
    if chain_id == "rootstock":
        return _rskj(height, digest, gas_used)
    return _op_geth(digest) if chain_id == "bob" else CDK_ERIGON


def _rskj(height: int, digest: bytes, gas_used: int) -> dict[str, Any]:
    difficulty = 0x1BBCB439 + int.from_bytes(digest[8:12], "big")
    return {
        "difficulty": hex(difficulty),
        "totalDifficulty": hex(difficulty * height),
        "gasLimit": "0x67c280",
        "uncles": [_hash(digest, 4)] * (digest[10] % 3 == 0),
        "minimumGasPrice": hex(MINIMUM_GAS_PRICE_WEI),
        "bitcoinMergedMiningHeader": "0x" + "00" * 80,
        "bitcoinMergedMiningCoinbaseTransaction": "0x" + "00" * 86,
        "bitcoinMergedMiningMerkleProof": NOTHING,
        "hashForMergedMining": _hash(digest, 5),
        "paidFees": hex(gas_used * MINIMUM_GAS_PRICE_WEI),
        "cumulativeDifficulty": hex(difficulty),
        "rskPteEdges": None,
        "baseEvent": None,
    }


def _op_geth(digest: bytes) -> dict[str, Any]:
    return {
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "gasLimit": "0x1c9c380",
        "nonce": "0x0000000000000000",
        "mixHash": _hash(digest, 4),
        "baseFeePerGas": hex(1_000_000 + digest[10] * 1_000),
        "withdrawals": [],
        "withdrawalsRoot": _hash(digest, 5),
        "blobGasUsed": "0x0",
        "excessBlobGas": "0x0",
        "parentBeaconBlockRoot": _hash(digest, 6),
    }


def log_json(history: History, placed: Placed) -> str:
    """One log, as an answer to a filter has it. Written by hand: a run reads tens of thousands of them."""
    chain = history.chain
    height, tx_index, log_index, log = placed
    own = ""
    if chain.chain_id == "bob":
        own = f',"blockTimestamp":"{chain.unix_time(height):#x}","removed":false'
    elif chain.chain_id == "merlin":
        own = ',"removed":false'
    topics = '","'.join(log.topics)
    return (
        f'{{"logIndex":"{log_index:#x}","blockNumber":"{height:#x}","blockHash":"{chain.block_hash(height)}",'
        f'"transactionHash":"{chain.tx_hash(height, tx_index)}","transactionIndex":"{tx_index:#x}",'
        f'"address":"{log.address}","data":"{log.data}","topics":["{topics}"]{own}}}'
    )


def _hash(digest: bytes, n: int) -> str:
    """Another 32 bytes that belong to the block of a digest."""
    return f"0x{digest[n:].hex()}{digest[:n].hex()}"
