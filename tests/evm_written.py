"""Logs of bridges as their contracts declare them, drawn at random and encoded by eth-abi, and what they should be.

Belongs here: the encoding of events, and in plain Python the rows that a written log comes to.
Not here: the node that the logs are written on (anvil.py), assertions, and anything of the code under test.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from anvil import Emitted
from eth_abi import encode

DECLARED = re.compile(r"(\w+)\((.*)\)")
EVENT = ("bridge_id", "address", "declaration")
NUMBERS = [
    *(0, 1, 10**8, 2**53 + 1, 2**63, 2**64 - 1, 2**64, 21 * 10**24, 2**127, 10**38 - 1),
    *(10**38, 2**128 - 1, 2**128, 2**192 + 7, 2**255 - 1, 2**255, 2**256 - 1),
]
SIGNED = [*(number for number in NUMBERS if number < 2**255), -1, -(10**38), -(2**127) - 1, -(2**255)]
MOST_BYTES = 99
LETTERS = "bc1qz3K_é€\U0001f7e0 "

Seeds = dict[str, list[dict[str, str]]]
Row = dict[str, str]
Key = tuple[str, int, int]


def read_seeds(folder: Path, *names: str) -> Seeds:
    texts = {name: (folder / f"{name}.csv").read_text(encoding="utf-8") for name in names}
    return {name: list(csv.DictReader(text.splitlines())) for name, text in texts.items()}


@dataclass(frozen=True)
class Argument:
    name: str
    kind: str
    is_indexed: bool


def arguments_of(declaration: str) -> list[Argument]:
    found = DECLARED.fullmatch(declaration)
    assert found
    told = [one.split() for one in found[2].split(",")]
    return [Argument(words[-1], words[0], "indexed" in words) for words in told]


def encoded(address: str, declaration: str, topic0: str, values: Mapping[str, Any]) -> Emitted:
    """The log that the event of a declaration writes; text may be given as the bytes that stand for it."""
    arguments = arguments_of(declaration)
    topics = ["0x" + encode([one.kind], [values[one.name]]).hex() for one in arguments if one.is_indexed]
    data = [one for one in arguments if not one.is_indexed]
    given = [values[one.name] for one in data]
    kinds = [one.kind if isinstance(values[one.name], str) else one.kind.replace("string", "bytes") for one in data]
    return Emitted(address, [topic0, *topics], "0x" + encode(kinds, given).hex())


@dataclass(frozen=True)
class Written:
    """One log with the values in it; `values` None: it is no event, or a malformed one."""

    emitted: Emitted
    values: Mapping[str, Any] | None = None


class Draws:
    """Random logs of the bridges on one chain. `declared`: each event of each contract of a bridge, once."""

    def __init__(self, seeds: Seeds, chain_id: str, seed: int) -> None:
        self.random = Random(seed)
        self.rows = [row for row in seeds["bridge_contracts"] if row["chain_id"] == chain_id]
        self.declared = list({tuple(row[name] for name in EVENT): row for row in self.rows}.values())
        self.roles = {row["bridge_id"]: _of_role(seeds, row) for row in self.rows}
        self.addresses = sorted({row["address"] for row in self.rows})

    def event(self, row: Row, **given: Any) -> Written:
        """A log of the event in a row; `given` values stand as they are."""
        values = {one.name: self._value(row, one) for one in arguments_of(row["declaration"])} | given
        return Written(encoded(row["address"], row["declaration"], row["topic0"], values), values)

    def any_event(self) -> Written:
        return self.event(self.random.choice(self.declared))

    def noise(self) -> Written:
        """A log that nobody asks for: of a contract nearby, without topics, of another event, of another's event."""
        row = self.random.choice(self.declared)
        word, stranger = "0x" + self._bytes(32).hex(), "0x" + "f0" * 20
        asked = self.event(row).emitted
        kinds = [
            Emitted(row["address"], [], "0x" + self._bytes(33).hex()),
            Emitted(row["address"], [word, word, word, word]),
            Emitted(stranger, asked.topics, asked.data),
            Emitted(stranger, [asked.topics[0], word, word, word]),
        ]
        writers = {one["address"] for one in self.rows if one["topic0"] == row["topic0"]}
        others = [address for address in self.addresses if address not in writers]
        kinds += [Emitted(self.random.choice(others), asked.topics, asked.data)] if others else []
        return Written(self.random.choice(kinds))

    def _value(self, row: Row, argument: Argument) -> Any:
        """A value that the row can be read with: a vout that is one, a known state, no negative amount."""
        name = argument.name
        if name == row["btc_vout_field"]:
            return self.random.choice([0, 1, 7, 2**31 - 1])
        if name == row["fee_field"]:
            return self.random.choice([number for number in NUMBERS if number < 10**38])
        if name == row["status_field"]:
            return self.random.randint(1, 5)
        if name == "from" and row["topic1_role"] and self.random.random() < 0.7:
            return self.random.choice(self.roles[row["bridge_id"]])
        if name == row["amount_field"] and argument.kind == "int256":
            return self.random.choice([number for number in SIGNED if number >= 0])
        return self._of_kind(argument.kind)

    def _of_kind(self, kind: str) -> Any:
        draws = {
            "int256": lambda: self.random.choice(SIGNED),
            "uint256": lambda: self.random.choice(
                [*NUMBERS, self.random.getrandbits(100), self.random.getrandbits(256)]
            ),
            "address": lambda: "0x" + self._bytes(20).hex(),
            "bool": lambda: self.random.random() < 0.7,
            "string": lambda: "".join(self.random.choices(LETTERS, k=self.random.randint(0, MOST_BYTES))),
            "bytes": lambda: self._bytes(self.random.randint(0, MOST_BYTES)),
            "bytes32": lambda: self._bytes(32),
        }
        return draws[kind]()

    def _bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)


@dataclass(frozen=True)
class Mined:
    """A written log in its place."""

    chain_id: str
    block: int
    index: int
    at_sec: int
    block_hash: str
    tx_hash: str
    written: Written

    @property
    def key(self) -> Key:
        return self.chain_id, self.block, self.index

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.at_sec, UTC).replace(tzinfo=None)


def owners(seeds: Seeds, log: Mined) -> Iterator[Row]:
    """The rows of seeds.bridge_contracts that a log is an event of, whatever its height."""
    emitted = log.written.emitted
    event = [log.chain_id, emitted.address, *emitted.topics[:1]]
    for row in seeds["bridge_contracts"]:
        if [row["chain_id"], row["address"], row["topic0"]] == event:
            second = "0x" + emitted.topics[1][26:] if len(emitted.topics) > 1 else ""
            if not row["topic1_role"] or second in _of_role(seeds, row):
                yield row


def logs(seeds: Seeds, mined: Iterable[Mined]) -> dict[Key, tuple]:
    """Rows of `EvmLog` from log_set_id on: every log of a bridge from the first height of any of its events on."""
    rows = {}
    for log in mined:
        emitted = log.written.emitted
        topics = [*emitted.topics, None, None, None, None][:4]
        for row in owners(seeds, log):
            of_bridge = [one for one in seeds["bridge_contracts"] if one["bridge_id"] == row["bridge_id"]]
            if log.block >= min(int(one["from_block"]) for one in of_bridge):
                place = (row["bridge_id"], log.tx_hash, log.index, log.block_hash, emitted.address)
                rows[log.key] = (*place, *topics, emitted.data, log.at)
    return rows


def _in_force(seeds: Seeds, log: Mined) -> Iterator[Row]:
    """The row whose heights have the log, where its values are known."""
    for row in owners(seeds, log):
        if int(row["from_block"]) <= log.block <= int(row["to_block"] or 10**12) and log.written.values is not None:
            yield row


def events(seeds: Seeds, mined: Iterable[Mined]) -> dict[Key, tuple]:
    """Rows of `BridgeEvent` from bridge_id on."""
    rows = {}
    for log in mined:
        for row in _in_force(seeds, log):
            is_met = not row["condition_field"] or _told(log, row["condition_field"]) == row["condition_value"]
            if row["kind"] != "status" and is_met:
                rows[log.key] = _event(row, log)
    return rows


def _event(row: Row, log: Mined) -> tuple:
    amount, fee = _of(log, row["amount_field"]), _of(log, row["fee_field"])
    txid, vout = _told(log, row["btc_txid_field"]), _of(log, row["btc_vout_field"])
    return (
        *(row["bridge_id"], row["declaration"].partition("(")[0], row["kind"], _transfer_id(row, log)),
        *(
            amount if amount < 10**38 else None,
            fee,
            row["raw_unit"],
            int(row["raw_decimals"]) if row["raw_decimals"] else None,
        ),
        *(str(amount), amount >= 10**38, _told(log, row["token_field"]) or row["token_address"] or None),
        *(_told(log, row["account_field"]), _told(log, row["btc_account_field"]), txid and txid[2:], vout),
        *(log.tx_hash, log.at),
    )


def states(seeds: Seeds, mined: Iterable[Mined]) -> dict[Key, tuple]:
    """Rows of `BridgeStatus` from bridge_id on."""
    codes = {(row["bridge_id"], row["code"]): row["status"] for row in seeds["bridge_status_codes"]}
    return {
        log.key: (
            row["bridge_id"],
            _transfer_id(row, log),
            row["status"] or codes[row["bridge_id"], _told(log, row["status_field"])],
            log.at,
        )
        for log in mined
        for row in _in_force(seeds, log)
        if row["kind"] == "status"
    }


def _transfer_id(row: Row, log: Mined) -> str | None:
    return log.tx_hash if row["id_field"] == "tx_hash" else _told(log, row["id_field"])


def _of(log: Mined, name: str) -> Any:
    return (log.written.values or {})[name] if name else None


def _told(log: Mined, name: str) -> str | None:
    """A value as text."""
    value = _of(log, name)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _of_role(seeds: Seeds, row: Row) -> list[str]:
    wanted = (row["bridge_id"], row["topic1_role"])
    return [one["address"] for one in seeds["bridge_addresses"] if (one["bridge_id"], one["role"]) == wanted]
