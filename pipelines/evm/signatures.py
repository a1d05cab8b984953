"""Event declarations as contracts state them: arguments, canonical signature, and the topic that names the event.

Belongs here: what can be said of an event from its declaration alone.
Not here: logs (decode.py), and which declarations are read (seeds.bridge_contracts).
Source: https://docs.soliditylang.org/en/latest/abi-spec.html (events, function selector).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from Crypto.Hash import keccak

DECLARATION = re.compile(r"\s*([A-Za-z_$][\w$]*)\s*\(([^()]*)\)\s*")
ARGUMENT = re.compile(r"\s*(\w+)\s+(?:(indexed)\s+)?([A-Za-z_$][\w$]*)\s*")
WIDTH = re.compile(r"(uint|int|bytes)([1-9]\d*)")
WHOLE = {"address", "bool", "bytes", "string"}
SHORT = {"uint": "uint256", "int": "int256"}
MOST_INDEXED = 3


@dataclass(frozen=True)
class Argument:
    """One argument of an event. `type` is canonical: uint256, not uint."""

    name: str
    type: str
    is_indexed: bool

    @property
    def kind(self) -> str:
        """The type without its width: uint, int, bytesN, or the type itself."""
        found = WIDTH.fullmatch(self.type)
        return self.type if not found else "bytesN" if found[1] == "bytes" else found[1]

    @property
    def is_number(self) -> bool:
        return self.kind in ("uint", "int")

    @property
    def is_dynamic(self) -> bool:
        """Whether the data holds an offset in its place."""
        return self.type in ("bytes", "string")

    @property
    def width(self) -> int:
        """Bits of a number, bytes of a `bytesN`."""
        return int(re.sub(r"\D", "", self.type))


@dataclass(frozen=True)
class Event:
    """One event as its contract declares it."""

    name: str
    arguments: tuple[Argument, ...]

    @classmethod
    def parse(cls, declaration: str) -> Event:
        """The event of a declaration such as `Transfer(address indexed from, address indexed to, uint256 value)`.

        Raises `ValueError` where it is none, has an argument without a name or of a type that is not read (arrays,
        tuples), or more than three indexed ones.
        """
        found = DECLARATION.fullmatch(declaration)
        if not found:
            raise ValueError(f"{declaration!r} is no event: name(type argument, …) is one")
        arguments = tuple(_argument(text) for text in found[2].split(",")) if found[2].strip() else ()
        columns = [column for argument in arguments for column in columns_of(argument)]
        if len({*columns, "fault"}) <= len(columns):
            raise ValueError(f"{declaration!r} has arguments whose names clash in a table")
        if sum(argument.is_indexed for argument in arguments) > MOST_INDEXED:
            raise ValueError(f"{declaration!r} has more than {MOST_INDEXED} indexed arguments")
        return cls(found[1], arguments)

    @property
    def indexed(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if argument.is_indexed)

    @property
    def in_data(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if not argument.is_indexed)

    @property
    def signature(self) -> str:
        """Name and canonical types, which is what the contract hashes."""
        return f"{self.name}({','.join(argument.type for argument in self.arguments)})"

    @cached_property
    def topic0(self) -> str:
        """Keccak-256 of the signature, lower-case hex with 0x."""
        return "0x" + keccak.new(digest_bits=256, data=self.signature.encode()).hexdigest()


def columns_of(argument: Argument) -> tuple[str, ...]:
    """The columns that an argument decodes to."""
    return (argument.name, f"{argument.name}_text") if argument.is_number else (argument.name,)


def _argument(text: str) -> Argument:
    found = ARGUMENT.fullmatch(text)
    if not found:
        raise ValueError(f"{text.strip()!r} is no argument: type and name are, with indexed between them where it is")
    kind = SHORT.get(found[1], found[1])
    if not _is_read(kind):
        raise ValueError(f"{kind} is no type that is read: address, bool, intN, uintN, bytesN, bytes and string are")
    return Argument(found[3], kind, is_indexed=found[2] is not None)


def _is_read(kind: str) -> bool:
    found = WIDTH.fullmatch(kind)
    if not found:
        return kind in WHOLE
    width = int(found[2])
    return 1 <= width <= 32 if found[1] == "bytes" else width % 8 == 0 and 8 <= width <= 256
