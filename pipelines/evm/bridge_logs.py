"""Which logs are events of the registered bridges, and what each of them says of a transfer.

Belongs here: rows of `seeds.bridge_contracts` applied to logs, for transfers and for their states.
Not here: the encoding of events (decode.py), the answers that logs come in (logs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import polars as pl

from pipelines.bridges import BridgeContract
from pipelines.evm.answers import INSTANT, WEI, first_fault, with_raw
from pipelines.evm.decode import decode
from pipelines.evm.logs import TOPICS
from pipelines.evm.signatures import Argument, Event
from pipelines.registry import Registry

OF_LOG = {
    "chain_id": pl.String,
    "block_number": pl.Int64,
    "log_index": pl.Int32,
    "bridge_id": pl.String,
    "block_at": INSTANT,
    "locator": pl.String,
    "fault": pl.String,
    "raw": pl.String,
}
OF_TRANSFER = {
    "event_name": pl.String,
    "direction": pl.String,
    "transfer_id": pl.String,
    "amount_raw": WEI,
    "fee_raw": WEI,
    "raw_unit": pl.String,
    "raw_decimals": pl.Int32,
    "amount_text": pl.String,
    "is_overflow": pl.Boolean,
    "token_address": pl.String,
    "account_evm": pl.String,
    "account_btc": pl.String,
    "btc_txid": pl.String,
    "btc_vout": pl.Int32,
    "tx_hash": pl.String,
}
OF_STATE = {"transfer_id": pl.String, "status": pl.String}
STATUS = "status"
TX_HASH = "tx_hash"
"""In the place of an argument that names the transfer: the transaction of the log does."""
NO_ADDRESS = "0x" + "0" * 24
"""What stands before an address in a topic."""
NUMBER, TOKEN = "kind of contract", "token of contract"


def transfers(logs: pl.DataFrame, contracts: Iterable[BridgeContract], registry: Registry) -> pl.DataFrame:
    """The deposits and withdrawals among logs of one chain: columns of `BridgeEvent`, locator, fault, raw."""
    chosen = [contract for contract in contracts if contract.kind != STATUS]
    return _read(logs, chosen, registry, _transfer, pl.Schema(OF_LOG | OF_TRANSFER))


def states(logs: pl.DataFrame, contracts: Iterable[BridgeContract], registry: Registry) -> pl.DataFrame:
    """What logs of one chain say of transfers' states: columns of `BridgeStatus`, locator, fault, raw."""

    def state(contract: BridgeContract, event: Event) -> _Columns:
        return _state(contract, event, registry.bridge_status_codes(contract.bridge_id))

    chosen = [contract for contract in contracts if contract.kind == STATUS]
    return _read(logs, chosen, registry, state, pl.Schema(OF_LOG | OF_STATE))


_Columns = tuple[dict[str, pl.Expr], list[tuple[pl.Expr, str]]]
"""The columns of an event, and what makes a well-formed one unreadable."""


def _read(
    logs: pl.DataFrame,
    contracts: list[BridgeContract],
    registry: Registry,
    columns_of: Callable[[BridgeContract, Event], _Columns],
    schema: pl.Schema,
) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=schema)]
    for contract, event, rows in _decoded(logs, contracts, registry):
        columns, faults = columns_of(contract, event)
        columns |= {"chain_id": pl.lit(contract.chain_id), "bridge_id": pl.lit(contract.bridge_id)}
        told = rows.with_columns(fault=pl.coalesce("fault", first_fault(*faults)) if faults else pl.col("fault"))
        raw = with_raw(told, ["contract_address", *TOPICS, "data", "block_number", "log_index", "tx_hash"])
        frames.append(raw.with_columns(**columns).select(*schema).cast(schema))
    return pl.concat(frames)


def _decoded(
    logs: pl.DataFrame, contracts: list[BridgeContract], registry: Registry
) -> Iterator[tuple[BridgeContract, Event, pl.DataFrame]]:
    """The logs of each kind of contract row with the arguments of its event, each declaration decoded at once."""
    kinds = list(dict.fromkeys(_kind(contract) for contract in contracts))
    found = _found(logs, contracts, kinds, registry)
    for declaration in sorted({kinds[n].declaration for n in found[NUMBER].unique()}):
        event = Event.parse(declaration)
        numbers = [n for n, kind in enumerate(kinds) if kind.declaration == declaration]
        rows = found.filter(pl.col(NUMBER).is_in(numbers))
        arguments = decode(event, rows).rename(_argument)
        rows = rows.hstack(arguments).with_columns(fault=pl.coalesce("fault", _argument("fault")))
        for n in numbers:
            yield kinds[n], event, _counted(rows.filter(pl.col(NUMBER) == n), kinds[n], event)


def _kind(contract: BridgeContract) -> BridgeContract:
    """What rows have in common that are read in the same way, whatever their contract and token."""
    return replace(contract, address="", from_block=0, to_block=None, token_address=None)


def _found(
    logs: pl.DataFrame, contracts: list[BridgeContract], kinds: list[BridgeContract], registry: Registry
) -> pl.DataFrame:
    """Each log once for every contract row that it belongs to. A log without a readable height belongs to all."""
    schema = {
        NUMBER: pl.Int64,
        TOKEN: pl.String,
        "contract_address": pl.String,
        "topic0": pl.String,
        "from_block": pl.Int64,
        "to_block": pl.Int64,
        "only": pl.List(pl.String),
    }
    rows = [
        (kinds.index(_kind(one)), one.token_address, one.address, one.topic0, one.from_block, one.to_block, only)
        for one in contracts
        for only in [_only(one, registry)]
    ]
    wanted = pl.DataFrame(rows, schema=schema, orient="row")
    height = pl.col("block_number")
    is_in_range = (height >= pl.col("from_block")) & (height <= pl.col("to_block")).fill_null(value=True)
    is_asked = pl.col("only").is_null() | pl.col("topic1").is_in(pl.col("only"))
    joined = logs.join(wanted, on=["contract_address", "topic0"], how="inner", maintain_order="left")
    return joined.filter(is_in_range.fill_null(value=True) & is_asked.fill_null(value=False))


def _only(contract: BridgeContract, registry: Registry) -> list[str] | None:
    """The first topics that count; None where all do."""
    if contract.topic1_role is None:
        return None
    addresses = registry.bridge_addresses(contract.bridge_id, contract.topic1_role)
    return [NO_ADDRESS + address.removeprefix("0x") for address in addresses]


def _counted(rows: pl.DataFrame, contract: BridgeContract, event: Event) -> pl.DataFrame:
    """The logs that fulfil the condition of the contract row, and those that cannot be read."""
    if contract.condition_field is None:
        return rows
    is_met = _text(event, contract.condition_field) == pl.lit(contract.condition_value)
    return rows.filter(is_met | pl.col("fault").is_not_null())


def _transfer(contract: BridgeContract, event: Event) -> _Columns:
    amount, fee, vout = contract.amount_field, contract.fee_field, contract.btc_vout_field
    amount_text = _text(event, amount)
    btc_vout = _value(vout).cast(pl.Int32, strict=False)
    token = _value(contract.token_field) if contract.token_field else pl.col(TOKEN)
    columns = {
        "event_name": pl.lit(event.name),
        "direction": pl.lit(contract.kind),
        "transfer_id": _transfer_id(contract, event),
        "amount_raw": _value(amount),
        "fee_raw": _value(fee),
        "raw_unit": pl.lit(contract.raw_unit, pl.String),
        "raw_decimals": pl.lit(contract.raw_decimals, pl.Int32),
        "amount_text": amount_text,
        "is_overflow": _value(amount).is_null(),
        "token_address": token,
        "account_evm": _value(contract.account_field),
        "account_btc": _value(contract.btc_account_field),
        "btc_txid": _value(contract.btc_txid_field).cast(pl.String).str.strip_prefix("0x"),
        "btc_vout": btc_vout,
    }
    faults = [(amount_text.str.starts_with("-"), f"{amount} is negative")]
    faults += [(_value(fee).is_null(), f"{fee} has more than 38 digits")] if fee else []
    faults += [(btc_vout.is_null(), f"{vout} is no number of an output")] if vout else []
    return columns, faults


def _state(contract: BridgeContract, event: Event, codes: dict[int, str]) -> _Columns:
    """The state that every such event means, or the one of the number in it."""
    columns = {"transfer_id": _transfer_id(contract, event), "status": pl.lit(contract.status, pl.String)}
    if contract.status_field is None:
        return columns, []
    names = {str(code): status for code, status in codes.items()}
    status = _text(event, contract.status_field).replace_strict(names, default=None, return_dtype=pl.String)
    words = f"{contract.status_field} is a number without a status in seeds.bridge_status_codes"
    return columns | {"status": status}, [(status.is_null(), words)]


def _transfer_id(contract: BridgeContract, event: Event) -> pl.Expr:
    return pl.col(TX_HASH) if contract.id_field == TX_HASH else _text(event, contract.id_field)


def _argument(name: str) -> str:
    """The column of an argument beside those of its log."""
    return f"argument {name}"


def _value(name: str | None) -> pl.Expr:
    return pl.col(_argument(name)) if name else pl.lit(None)


def _text(event: Event, name: str | None) -> pl.Expr:
    """An argument as text: digits of a number, true or false, hex."""
    if name is None:
        return pl.lit(None, pl.String)
    argument: Argument = next(one for one in event.arguments if one.name == name)
    return pl.col(_argument(f"{name}_text")) if argument.is_number else _value(name).cast(pl.String)
