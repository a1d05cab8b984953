"""EVM chains, endpoints and bridges as the code sees them, and the rules that their seeds keep."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from pages import SEEDS

from pipelines.bridges import BridgeContract, Endpoint, EvmChain
from pipelines.evm.signatures import Argument, Event
from pipelines.registry import Registry, SeedError
from pipelines.tables.evm import STATUSES, UNITS

CONTRACT = {
    "bridge_id": "ferry",
    "chain_id": "old",
    "address": "0xaa",
    "declaration": "Left(uint256 amount)",
    "topic0": "0x01",
    "from_block": "10",
    "kind": "withdrawal",
    "amount_field": "amount",
    "raw_unit": "wei",
    "raw_decimals": "18",
}
COLUMNS = list(BridgeContract.__dataclass_fields__)
SEED_FILES = {
    "chains": "chain_id,evm_chain_id\nold,30\nnew,31\nidle,32\nbitcoin,\n",
    "evm_chains": "chain_id,finality_tag,finality_lag_blocks,anchor_block_number,anchor_block_hash,"
    "first_block_on\nold,,100,0,0xgenesis,2018-01-02\nnew,finalized,900,,,2024-04-11\nidle,,20,,,2024-01-01\n",
    "source_endpoints": "source_id,chain_id,rank,base_url,style,max_batch_calls,max_block_range,max_logs,"
    "rate_limit_per_min,requests_per_day\n"
    "nodes,old,2,https://two.test/v1,rpc,100,5000,,60,500\n"
    "nodes,old,1,https://one.test/api/eth-rpc,eth_rpc,1,200000,1000,30,200\n"
    "nodes,new,1,https://three.test,rpc,1,100,,60,500\n"
    "others,old,1,https://four.test,rpc,1,100,,60,500\n",
    "bridges": "bridge_id,name,chain_id,asset_id,is_native,has_feed,launched_on\n"
    "ferry,Ferry,old,btc,true,true,2018-01-02\nraft,Raft,new,,false,true,\nwreck,Wreck,idle,,false,false,\n",
    "bridge_contracts": f"{','.join(COLUMNS)}\n{','.join(CONTRACT.get(name, '') for name in COLUMNS)}\n",
    "bridge_addresses": "bridge_id,role,address\nferry,gateway,0xbb\nferry,gateway,0xaa\nferry,owner,0xcc\n"
    "raft,gateway,0xdd\n",
    "bridge_status_codes": "bridge_id,code,status\nferry,3,mined\nferry,4,refunded\nraft,3,sending\n",
    "peg_accounts": "chain_id,account\nold,0x06\n",
}
LOVELL = 7_338_024
"""Rootstock's Lovell fork: peg-outs count wei from this block on."""


@pytest.fixture
def folder(tmp_path):
    for name, text in SEED_FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def seeds(folder) -> Registry:
    return Registry(folder)


def rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS.seeds / f"{seed}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def argument(contract: BridgeContract, name: str) -> Argument:
    return {one.name: one for one in Event.parse(contract.declaration).arguments}[name]


# --- what the registry answers ------------------------------------------------------------------------------


def test_a_chain_has_its_number_and_may_be_pinned_by_its_first_block(seeds):
    assert seeds.evm_chains["old"] == EvmChain("old", 30, "", 100, 0, "0xgenesis", date(2018, 1, 2))
    assert seeds.evm_chains["new"] == EvmChain("new", 31, "finalized", 900, None, None, date(2024, 4, 11))
    assert seeds.chain_of_evm_id == {30: "old", 31: "new", 32: "idle"}


def test_a_chain_without_a_number_names_the_file_and_the_line(seeds):
    with (seeds.seeds / "evm_chains.csv").open("a") as file:
        file.write("bitcoin,,6,,\n")
    with pytest.raises(SeedError, match=r"evm_chains\.csv, line 5"):
        _ = seeds.evm_chains


def test_endpoints_come_by_rank_and_only_those_of_the_source_and_the_chain(seeds):
    first, second = seeds.endpoints("nodes", "old")
    assert first == Endpoint("old", 1, "https://one.test/api/eth-rpc", "eth_rpc", 1, 200_000, 1000, 30, 200)
    assert (second.url, second.max_logs, second.hosts) == ("https://two.test/v1", None, ("two.test",))
    assert seeds.endpoints("nodes", "idle") == ()


def test_own_nodes_come_first_and_what_follows_their_host_is_secret(folder):
    own = {"old": ["https://mine.test:8545/v2/KEY?more=1", "http://127.0.0.1:8545"], "idle": ["https://idle.test/k"]}
    seeds = Registry(folder, own)
    keyed, plain, *listed = seeds.endpoints("nodes", "old")
    assert (keyed.url, keyed.secret_path) == ("https://mine.test:8545", "/v2/KEY?more=1")
    assert (plain.url, plain.secret_path) == ("http://127.0.0.1:8545", "")
    assert {(end.rank, end.style, end.is_own, end.max_batch_calls) for end in (keyed, plain)} == {(0, "rpc", True, 100)}
    assert [end.is_own for end in listed] == [False, False]
    assert [end.url for end in seeds.endpoints("nodes", "idle")] == ["https://idle.test"]
    assert "KEY" not in "".join(end.url for end in seeds.all_endpoints)
    assert {host for end in seeds.all_endpoints for host in end.hosts} == {
        *("mine.test", "127.0.0.1", "idle.test"),
        *("one.test", "two.test", "three.test", "four.test"),
    }


def test_a_chain_is_asked_where_a_bridge_of_it_can_be_read(folder):
    def asked(*chains: str) -> list[str]:
        return [chain.chain_id for chain in Registry(folder, chains=frozenset(chains)).asked_evm_chains]

    assert asked() == ["old", "new"]
    assert asked("new") == ["new"]
    assert asked("idle", "bitcoin") == []


def test_empty_cells_of_a_contract_are_nothing(seeds):
    [contract] = seeds.bridge_contracts
    assert (contract.from_block, contract.to_block, contract.raw_decimals) == (10, None, 18)
    assert (contract.amount_field, contract.fee_field, contract.topic1_role) == ("amount", None, None)


def test_addresses_are_of_one_bridge_and_role(seeds):
    assert seeds.bridge_addresses("ferry", "gateway") == ("0xaa", "0xbb")
    assert seeds.bridge_addresses("wreck", "gateway") == ()


def test_a_number_means_what_its_bridge_says(seeds):
    assert seeds.bridge_status_codes("ferry") == {3: "mined", 4: "refunded"}
    assert seeds.bridge_status_codes("raft") == {3: "sending"}
    assert seeds.peg_accounts == {"old": "0x06"}


def test_a_source_without_an_address_of_its_own_has_no_host():
    assert SEEDS.sources["evm_rpc"].hosts == ()


# --- the seeds of the project -------------------------------------------------------------------------------

KEYED = {
    "evm_chains": ["chain_id"],
    "source_endpoints": ["source_id", "chain_id", "rank"],
    "bridges": ["bridge_id"],
    "bridge_contracts": ["bridge_id", "address", "topic0", "from_block"],
    "bridge_status_codes": ["bridge_id", "code"],
    "bridge_addresses": ["bridge_id", "role", "address"],
    "bridge_tokens": ["chain_id", "token_address"],
    "peg_accounts": ["chain_id"],
}
CONTRACTS = SEEDS.bridge_contracts
TRANSFERS = [contract for contract in CONTRACTS if contract.kind != "status"]


@pytest.mark.parametrize("seed", KEYED)
def test_a_key_occurs_once_and_every_fact_says_where_it_comes_from(seed):
    keys = Counter(tuple(row[column] for column in KEYED[seed]) for row in rows(seed))
    assert keys
    assert set(keys.values()) == {1}
    assert all(row.get("source_url", "none kept").strip() for row in rows(seed))


def test_addresses_and_hashes_are_lower_case_and_of_full_length():
    columns = {
        ("bridge_contracts", "address"): 40,
        ("bridge_contracts", "topic0"): 64,
        ("bridge_contracts", "token_address"): 40,
        ("bridge_addresses", "address"): 40,
        ("bridge_tokens", "token_address"): 40,
        ("peg_accounts", "account"): 40,
        ("evm_chains", "anchor_block_hash"): 64,
    }
    for (seed, column), digits in columns.items():
        values = {row[column] for row in rows(seed)} - {""}
        assert values
        assert {value for value in values if not re.fullmatch(f"0x[0-9a-f]{{{digits}}}", value)} == set()


def test_the_topic_of_a_contract_is_what_its_declaration_computes():
    wrong = [
        contract.declaration for contract in CONTRACTS if Event.parse(contract.declaration).topic0 != contract.topic0
    ]
    assert wrong == []


def test_a_wrong_letter_in_a_declaration_would_be_found():
    contract = CONTRACTS[0]
    assert Event.parse(contract.declaration.replace("bytes32", "bytes31")).topic0 != contract.topic0


def test_no_block_of_an_event_is_read_in_two_ways():
    ranges = defaultdict(list)
    for contract in CONTRACTS:
        last = float("inf") if contract.to_block is None else contract.to_block
        assert 0 <= contract.from_block <= last
        ranges[contract.bridge_id, contract.address, contract.topic0].append((contract.from_block, last))
    for spans in ranges.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(spans)))


def test_every_bridge_with_a_feed_has_contracts_on_its_chain_and_nodes_to_ask():
    for bridge in SEEDS.bridges.values():
        chains = {contract.chain_id for contract in CONTRACTS if contract.bridge_id == bridge.bridge_id}
        assert chains == ({bridge.chain_id} if bridge.has_feed else set())
        if bridge.has_feed:
            assert bridge.chain_id in SEEDS.evm_chains
            assert SEEDS.endpoints("evm_rpc", bridge.chain_id)


def test_a_bridge_says_why_it_has_no_feed_and_only_then():
    for row in rows("bridges"):
        assert row["has_feed"] in ("true", "false")
        assert bool(row["no_feed_reason"]) == (row["has_feed"] == "false")
        assert row["definition"]


def test_what_a_bridge_a_token_and_a_peg_refer_to_exists():
    for row in rows("bridges"):
        assert row["chain_id"] in SEEDS.chains
        assert {row["asset_in"], row["asset_out"], row["asset_id"]} <= {*SEEDS.assets, ""}
    for row in [*rows("bridge_tokens"), *rows("peg_accounts")]:
        assert row["chain_id"] in SEEDS.evm_chains
        assert row["asset_id"] in {*SEEDS.assets, ""}
    for seed in ("bridge_contracts", "bridge_status_codes", "bridge_addresses"):
        assert {row["bridge_id"] for row in rows(seed)} <= SEEDS.bridges.keys()


def test_every_field_is_an_argument_of_the_declaration():
    for contract in CONTRACTS:
        fields = {getattr(contract, name) for name in COLUMNS if name.endswith("_field")} - {None, "tx_hash"}
        names = {one.name for one in Event.parse(contract.declaration).arguments}
        assert fields <= names, contract.declaration


def test_amounts_are_numbers_accounts_addresses_and_transactions_hashes():
    for contract in CONTRACTS:
        for name, kinds in {
            "amount_field": {"uint", "int"},
            "fee_field": {"uint", "int"},
            "btc_vout_field": {"uint"},
            "status_field": {"uint"},
            "account_field": {"address"},
            "token_field": {"address"},
            "btc_account_field": {"string"},
            "btc_txid_field": {"bytesN"},
        }.items():
            if field := getattr(contract, name):
                assert argument(contract, field).kind in kinds, (contract.declaration, field)


def test_a_transfer_has_an_amount_a_unit_a_user_and_its_places_or_a_token_that_has_them():
    for contract in TRANSFERS:
        assert contract.kind in ("deposit", "withdrawal")
        assert contract.raw_unit in UNITS
        assert contract.amount_field
        assert contract.account_field
        assert not contract.status
        assert not contract.status_field
        assert (contract.raw_decimals is None) <= (contract.token_field is not None)
        assert (contract.raw_unit == "token") == bool(contract.token_field or contract.token_address)
        assert {"sats": 8, "wei": 18}.get(contract.raw_unit, contract.raw_decimals) == contract.raw_decimals


def test_a_status_is_of_a_transfer_and_says_one_thing():
    for contract in CONTRACTS:
        if contract.kind == "status":
            assert contract.id_field
            assert (contract.status in STATUSES) != bool(contract.status_field)
            assert not contract.amount_field
            named = [one for one in TRANSFERS if one.bridge_id == contract.bridge_id and one.id_field]
            assert contract.id_field in {one.id_field for one in named}
            if contract.status_field:
                assert set(SEEDS.bridge_status_codes(contract.bridge_id).values()) <= set(STATUSES)
                assert SEEDS.bridge_status_codes(contract.bridge_id)


def test_a_condition_is_a_field_and_its_value():
    conditions = [contract for contract in CONTRACTS if contract.condition_field or contract.condition_value]
    assert [(contract.bridge_id, contract.condition_field, contract.condition_value) for contract in conditions] == [
        ("rootstock_flyover", "success", "true")
    ]


def test_a_role_picks_logs_by_an_address_that_is_indexed_first():
    roles = {(one.bridge_id, one.topic1_role) for one in CONTRACTS if one.topic1_role}
    assert roles == {(row["bridge_id"], row["role"]) for row in rows("bridge_addresses")}
    for contract in CONTRACTS:
        if contract.topic1_role:
            assert Event.parse(contract.declaration).indexed[0].type == "address"
    assert len(SEEDS.bridge_addresses("bob_gateway_v1", "gateway")) == 6


def test_a_token_has_the_same_places_wherever_it_stands():
    decimals = {(row["chain_id"], row["token_address"]): int(row["decimals"]) for row in rows("bridge_tokens")}
    fixed = [contract for contract in CONTRACTS if contract.token_address]
    assert fixed
    for contract in fixed:
        assert contract.address == contract.token_address
        assert decimals[contract.chain_id, contract.token_address] == contract.raw_decimals


@pytest.mark.parametrize(
    ("block", "units"),
    [
        (3_614_799, set()),
        (3_614_800, {("sats", 8, "bytes")}),
        (5_467_999, {("sats", 8, "bytes")}),
        (5_468_000, {("sats", 8, "string")}),
        (LOVELL - 1, {("sats", 8, "string")}),
        (LOVELL, {("wei", 18, "string")}),
        (9_000_000, {("wei", 18, "string")}),
    ],
)
def test_peg_outs_of_rootstock_change_their_form_and_their_unit_with_the_height(block, units):
    assert {
        (one.raw_unit, one.raw_decimals, argument(one, "btcDestinationAddress").type)
        for one in TRANSFERS
        if (one.bridge_id, one.kind) == ("rootstock_powpeg", "withdrawal")
        and one.from_block <= block <= (one.to_block or block)
    } == units


def test_endpoints_are_public_addresses_in_an_unbroken_order():
    ranks = defaultdict(list)
    for row in rows("source_endpoints"):
        assert row["source_id"] in SEEDS.sources
        assert row["chain_id"] in SEEDS.evm_chains
        assert urlsplit(row["base_url"]).scheme == "https"
        assert row["style"] in ("rpc", "eth_rpc", "instance_v1", "instance_v2", "instance_v2_unconfirmed", "pro")
        numbers = ("max_batch_calls", "max_block_range", "rate_limit_per_min", "requests_per_day")
        assert all(int(row[name]) > 0 for name in numbers)
        ranks[row["source_id"], row["chain_id"]].append(int(row["rank"]))
    assert all(sorted(given) == list(range(1, len(given) + 1)) for given in ranks.values())
    addresses = [row["base_url"] for row in rows("source_endpoints")]
    assert len(set(addresses)) == len(addresses)
    assert not any("public-node.rsk.co" in address for address in addresses)


def test_a_chain_that_is_asked_without_its_number_is_pinned_by_a_block():
    unnamed = {end.chain_id for end in SEEDS.all_endpoints if end.style == "eth_rpc"}
    assert unnamed
    assert all(SEEDS.evm_chains[chain_id].anchor_block_hash for chain_id in unnamed)


def test_the_last_final_block_is_below_the_head():
    assert all(chain.finality_lag_blocks > 0 for chain in SEEDS.evm_chains.values())
    assert {chain.finality_tag for chain in SEEDS.evm_chains.values()} <= {"", "safe", "finalized"}


def test_the_peg_of_rootstock_began_with_all_bitcoin_there_will_be():
    [row] = rows("peg_accounts")
    assert row["account"] == "0x0000000000000000000000000000000001000006"
    assert int(row["genesis_supply_wei"]) == 21_000_000 * 10**18
