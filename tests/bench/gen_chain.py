"""A made EVM chain: the same logs for the same size, and the truth about them as Python integers.

Belongs here: what the chain holds. Files of a chain: `logs.json` (the JSON object of each log, each followed by a
comma, in order), `offsets.bin` (where each block's logs begin), `picks.bin` (contract and event of each log) and
`chain.json` (shape and truth). W1 is 5,000 blocks x 20 transactions x 2 logs, W4 four times that.
Not here: serving it (rpc_server.py).

    python tests/bench/gen_chain.py --blocks 5000 --out FOLDER
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

EVM_CHAIN_ID = 987_654
FIRST_BLOCK = 100
"""The first block with logs; it begins the day FIRST_AT."""
FIRST_AT = 1_709_251_200
"""2024-03-01 00:00:00 UTC."""
BLOCK_SECONDS = 12
BLOCKS_PER_DAY = 86_400 // BLOCK_SECONDS
TRANSACTIONS_PER_BLOCK = 20
LOGS_PER_TRANSACTION = 2
LOGS_PER_BLOCK = TRANSACTIONS_PER_BLOCK * LOGS_PER_TRANSACTION
SIZES = {"smoke": 200, "w1": 5_000, "w4": 20_000}
FORMAT = 3
"""Raised when the same size means other bytes: standing files are then made anew."""

WORD = 1 << 256
UNLIMITED = WORD - 1
USERS = 4_000
BIG_BITS = (140, 256)
BIG_SHARE = 0.02


@dataclass(frozen=True)
class Event:
    """One kind of log: its declaration, the hash of its signature, who writes it, and its share of all logs."""

    declaration: str
    topic0: str
    writers: str
    share_pct: int

    @property
    def name(self) -> str:
        return self.declaration.partition("(")[0]


EVENTS = {
    "transfer": Event(
        "Transfer(address indexed from, address indexed to, uint256 value)",
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        "token",
        60,
    ),
    "approval": Event(
        "Approval(address indexed owner, address indexed spender, uint256 value)",
        "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
        "token",
        10,
    ),
    "swap": Event(
        "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1,"
        " uint160 sqrtPriceX96, uint128 liquidity, int24 tick)",
        "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67",
        "pool",
        12,
    ),
    "sync": Event(
        "Sync(uint112 reserve0, uint112 reserve1)",
        "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1",
        "pair",
        8,
    ),
    "bridge_finalized": Event(
        "ERC20BridgeFinalized(address indexed localToken, address indexed remoteToken, address indexed from,"
        " address to, uint256 amount, bytes extraData)",
        "0xd59c65b35445225835c83f50b6ede06a7be047d22e357073e250d9af537518cd",
        "bridge",
        5,
    ),
    "erc721_transfer": Event(
        "Transfer(address indexed from, address indexed to, uint256 indexed tokenId)",
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        "collection",
        5,
    ),
}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def block_hash(number: int) -> str:
    return "0x" + _hash(f"block {number}")


def tx_hash(number: int, index: int) -> str:
    return "0x" + _hash(f"transaction {number} {index}")


def block_at(number: int) -> int:
    """Seconds since 1970."""
    return FIRST_AT + (number - FIRST_BLOCK) * BLOCK_SECONDS


CONTRACTS = {
    kind: ["0x" + _hash(f"{kind} {n}")[:40] for n in range(count)]
    for kind, count in (("token", 24), ("pool", 4), ("pair", 4), ("bridge", 1), ("collection", 3))
}
PAIRS = [(address, name) for name, event in EVENTS.items() for address in CONTRACTS[event.writers]]
"""Every contract with every event that it writes; `picks.bin` holds places in this list."""


@dataclass
class Truth:
    """What a column of one event comes to, in exact integers."""

    rows: int = 0
    total: int = 0
    least: int | None = None
    most: int | None = None
    above_128_bits: int = 0
    unlimited: int = 0
    negative: int = 0

    def add(self, value: int) -> None:
        self.rows += 1
        self.total += value
        self.least = value if self.least is None else min(self.least, value)
        self.most = value if self.most is None else max(self.most, value)
        self.above_128_bits += value >> 128 > 0
        self.unlimited += value == UNLIMITED
        self.negative += value < 0

    def told(self) -> dict[str, int | str]:
        """The totals as text: JSON readers cut large numbers."""
        texts = {"total": str(self.total), "least": str(self.least), "most": str(self.most)}
        return {**vars(self), **texts}


@dataclass
class Maker:
    """Draws logs one after the other and keeps count of what it drew."""

    draw: random.Random
    truth: dict[str, Truth] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.users = [_hash(f"user {n}")[:40] for n in range(USERS)]
        self._make: dict[str, Callable[[], tuple[list[str], str]]] = {
            "transfer": lambda: self._two_accounts("transfer.value", self._amount()),
            "approval": self._approval,
            "swap": self._swap,
            "sync": self._sync,
            "bridge_finalized": self._bridge_finalized,
            "erc721_transfer": self._erc721,
        }

    def logs(self) -> Iterator[tuple[int, str, list[str], str]]:
        """Place in PAIRS, address, topics and data of one log after another, without end."""
        names = list(EVENTS)
        shares = [event.share_pct for event in EVENTS.values()]
        places = {name: [n for n, pair in enumerate(PAIRS) if pair[1] == name] for name in names}
        while True:
            for name in self.draw.choices(names, shares, k=1_000):
                pick = self.draw.choice(places[name])
                topics, data = self._make[name]()
                yield pick, PAIRS[pick][0], [EVENTS[name].topic0, *topics], data

    def _count(self, column: str, value: int) -> int:
        self.truth.setdefault(column, Truth()).add(value)
        return value

    def _user(self) -> str:
        return "0x" + "0" * 24 + self.draw.choice(self.users)

    def _amount(self) -> int:
        is_big = self.draw.random() < BIG_SHARE
        return self.draw.getrandbits(self.draw.choice(BIG_BITS) if is_big else self.draw.randint(24, 88))

    def _two_accounts(self, column: str, value: int) -> tuple[list[str], str]:
        return [self._user(), self._user()], f"0x{self._count(column, value):064x}"

    def _approval(self) -> tuple[list[str], str]:
        return self._two_accounts("approval.value", UNLIMITED if self.draw.random() < 0.5 else self._amount())

    def _swap(self) -> tuple[list[str], str]:
        amount = self._amount() >> 1
        values = {
            "swap.amount0": amount if self.draw.random() < 0.5 else -amount,
            "swap.amount1": -(self._amount() >> 1),
            "swap.sqrtPriceX96": self.draw.getrandbits(130),
            "swap.liquidity": self.draw.getrandbits(80),
            "swap.tick": self.draw.randint(-887_272, 887_272),
        }
        words = (self._count(column, value) % WORD for column, value in values.items())
        return [self._user(), self._user()], "0x" + "".join(f"{word:064x}" for word in words)

    def _sync(self) -> tuple[list[str], str]:
        reserves = [self._count(f"sync.reserve{n}", self.draw.getrandbits(100)) for n in (0, 1)]
        return [], "0x" + "".join(f"{reserve:064x}" for reserve in reserves)

    def _bridge_finalized(self) -> tuple[list[str], str]:
        tokens = ["0x" + "0" * 24 + self.draw.choice(CONTRACTS["token"])[2:] for _ in range(2)]
        length = self._count("bridge_finalized.extraData", self.draw.choice((0, 0, 1, 31, 32, 33, 96)))
        extra = self.draw.randbytes(length).hex().ljust(-(-length // 32) * 64, "0")
        amount = self._count("bridge_finalized.amount", self._amount())
        return [*tokens, self._user()], f"{self._user()}{amount:064x}{96:064x}{length:064x}{extra}"

    def _erc721(self) -> tuple[list[str], str]:
        token_id = self._count("erc721_transfer.tokenId", self.draw.getrandbits(self.draw.choice((16, 256))))
        return [self._user(), self._user(), f"0x{token_id:064x}"], "0x"


def _block(number: int, logs: Iterator[tuple[int, str, list[str], str]], picks: array) -> str:
    hashed, made_at, parts = block_hash(number), hex(block_at(number)), []
    for index in range(LOGS_PER_BLOCK):
        pick, address, topics, data = next(logs)
        picks.append(pick)
        listed = '","'.join(topics)
        transaction = index // LOGS_PER_TRANSACTION
        parts.append(
            f'{{"address":"{address}","topics":["{listed}"],"data":"{data}","blockNumber":"{number:#x}",'
            f'"transactionHash":"{tx_hash(number, transaction)}","transactionIndex":"{transaction:#x}",'
            f'"blockHash":"{hashed}","blockTimestamp":"{made_at}","logIndex":"{index:#x}","removed":false}},'
        )
    return "".join(parts)


def make(folder: Path, blocks: int) -> dict:
    """Write the chain, unless it stands; returns what chain.json holds."""
    told = folder / "chain.json"
    if told.exists() and (standing := json.loads(told.read_text(encoding="utf-8")))["format"] == FORMAT:
        return standing
    folder.mkdir(parents=True, exist_ok=True)
    maker = Maker(random.Random(20_240_301))
    logs, offsets, picks, digest = maker.logs(), array("Q", [0]), array("H"), hashlib.sha256()
    with (folder / "logs.json").open("wb") as file:
        for number in range(FIRST_BLOCK, FIRST_BLOCK + blocks):
            content = _block(number, logs, picks).encode()
            digest.update(content)
            file.write(content)
            offsets.append(file.tell())
    (folder / "offsets.bin").write_bytes(offsets.tobytes())
    (folder / "picks.bin").write_bytes(picks.tobytes())
    chain = {
        "format": FORMAT,
        "blocks": blocks,
        "first_block": FIRST_BLOCK,
        "last_block": FIRST_BLOCK + blocks - 1,
        "logs": len(picks),
        "bytes": offsets[-1],
        "sha256": digest.hexdigest(),
        "columns": {column: maker.truth[column].told() for column in sorted(maker.truth)},
    }
    told.write_text(json.dumps(chain, indent=1) + "\n", encoding="utf-8")
    return chain


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=SIZES["w1"])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    print(json.dumps(make(options.out, options.blocks), indent=1))
