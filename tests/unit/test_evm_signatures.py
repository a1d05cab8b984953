"""Event declarations: canonical signatures, topics, and what is no declaration that is read."""

from __future__ import annotations

import pytest

from pipelines.evm.signatures import Event
from pipelines.registry import Registry
from pipelines.settings import ROOT

FIELDS = (
    "amount_field",
    "fee_field",
    "id_field",
    "account_field",
    "btc_account_field",
    "btc_txid_field",
    "btc_vout_field",
    "token_field",
    "status_field",
    "condition_field",
)


def test_the_topic_of_an_event_is_the_keccak_of_its_signature():
    event = Event.parse("Transfer(address indexed from, address indexed to, uint256 value)")
    assert event.signature == "Transfer(address,address,uint256)"
    assert event.topic0 == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def test_short_names_of_types_are_written_out_before_they_are_hashed():
    assert Event.parse("Moved(uint a, int b)").signature == "Moved(uint256,int256)"


def test_an_event_may_have_no_arguments():
    event = Event.parse("Paused()")
    assert (event.signature, event.arguments) == ("Paused()", ())


def test_arguments_keep_their_order_and_say_where_they_stand():
    event = Event.parse("Sent(bytes32 id, address indexed to,bytes data, string indexed note)")
    assert [argument.name for argument in event.indexed] == ["to", "note"]
    assert [argument.name for argument in event.in_data] == ["id", "data"]


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        ("no event", "is no event"),
        ("Transfer(address from, uint256)", "is no argument"),
        ("Batch(uint256[] amounts)", "is no argument"),
        ("Odd(uint7 a)", "uint7 is no type"),
        ("Wide(uint264 a)", "uint264 is no type"),
        ("Padded(uint08 a)", "uint08 is no type"),
        ("Long(bytes33 a)", "bytes33 is no type"),
        ("Own(Token token)", "Token is no type"),
        ("Clash(uint256 a, string a_text)", "names clash"),
        ("Clash(bool fault)", "names clash"),
        ("Crowd(bool indexed a, bool indexed b, bool indexed c, bool indexed d)", "more than 3 indexed"),
    ],
)
def test_what_cannot_be_read_is_no_event(declaration, said):
    with pytest.raises(ValueError, match=said):
        Event.parse(declaration)


def test_every_contract_of_the_seeds_has_the_topic_and_the_fields_of_its_declaration():
    contracts = Registry(ROOT / "dbt_project" / "seeds").bridge_contracts
    for contract in contracts:
        event = Event.parse(contract.declaration)
        names = {argument.name for argument in event.arguments} | {"tx_hash", None}
        assert (contract.declaration, event.topic0) == (contract.declaration, contract.topic0)
        assert {getattr(contract, field) for field in FIELDS} <= names, contract.declaration
