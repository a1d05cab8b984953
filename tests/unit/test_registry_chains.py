"""Chains, assets, protocols and vaults as the code sees them, and the rules that their seeds keep."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from datetime import date
from itertools import pairwise

import pytest
from pages import SEEDS

from pipelines.chains import Asset, Chain, Protocol
from pipelines.registry import Registry, SeedError

SEED_FILES = {
    "chains": "chain_id,name,layer_class,launched_on\nold,Old Chain,sidechain,2018-01-02\nnew,New Chain,alt_l1,\n",
    "chain_aliases": "source_id,source_name,chain_id,is_asked\n"
    "one,Old Chain,old,true\none,OLD,old,false\none,New,new,false\ntwo,OLD,new,true\n",
    "assets": "asset_id,symbol,kind,decimals\nbtc,BTC,native,8\n",
    "asset_aliases": "source_id,source_name,asset_id\none,coin:bitcoin,btc\ntwo,btc,btc\n",
    "protocols": "protocol_id,name,role,defillama_slug\nseal,The Seal,vault,the-seal\nquiet,Quiet,raas,\n",
    "vault_addresses": "address,owner_id\nbc1qexample,seal\n",
}
FIRST_BLOCK_OF_BITCOIN = date(2009, 1, 3)
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@pytest.fixture
def seeds(tmp_path) -> Registry:
    for name, text in SEED_FILES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return Registry(tmp_path)


def rows(seed: str) -> list[dict[str, str]]:
    with (SEEDS.seeds / f"{seed}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- what the registry answers ------------------------------------------------------------------------------


def test_a_chain_without_a_known_launch_has_none(seeds):
    assert seeds.chains == {
        "old": Chain("old", "Old Chain", "sidechain", date(2018, 1, 2)),
        "new": Chain("new", "New Chain", "alt_l1", None),
    }


def test_every_spelling_of_one_source_leads_to_the_chain_and_none_of_another(seeds):
    assert seeds.chain_aliases("one") == {"Old Chain": "old", "OLD": "old", "New": "new"}
    assert seeds.chain_aliases("two") == {"OLD": "new"}
    assert seeds.chain_aliases("three") == {}


def test_only_the_marked_name_is_asked_for(seeds):
    assert seeds.asked_chains("one") == {"old": "Old Chain"}


def test_assets_and_their_names(seeds):
    assert seeds.assets == {"btc": Asset("btc", "BTC", "native", 8)}
    assert seeds.asset_aliases("one") == {"coin:bitcoin": "btc"}


def test_a_protocol_without_a_known_address_has_an_empty_slug(seeds):
    assert seeds.protocols == {
        "seal": Protocol("seal", "The Seal", "vault", "the-seal"),
        "quiet": Protocol("quiet", "Quiet", "raas", ""),
    }


def test_a_vault_address_leads_to_its_owner(seeds):
    assert seeds.vault_addresses == {"bc1qexample": "seal"}


def test_a_launch_that_is_no_date_names_the_file_and_the_line(seeds):
    (seeds.seeds / "chains.csv").write_text("chain_id,name,layer_class,launched_on\nold,Old,sidechain,2018\n")
    with pytest.raises(SeedError, match=r"chains\.csv, line 2"):
        _ = seeds.chains


@pytest.mark.parametrize(
    ("session", "utc"),
    [
        ("2024-01-11", "2024-01-11T21:00:00"),
        ("2024-03-08", "2024-03-08T21:00:00"),
        ("2024-03-11", "2024-03-11T20:00:00"),
        ("2024-11-01", "2024-11-01T20:00:00"),
        ("2024-11-04", "2024-11-04T21:00:00"),
        ("2024-11-29", "2024-11-29T21:00:00"),
    ],
)
def test_the_strike_is_four_in_the_afternoon_of_new_york_in_both_halves_of_the_year(session, utc):
    assert SEEDS.strike_at(date.fromisoformat(session)).isoformat() == utc


# --- the seeds of the project -------------------------------------------------------------------------------

KEYED = {
    "chains": ["chain_id"],
    "chain_aliases": ["source_id", "source_name"],
    "chain_sets": ["chain_set_id"],
    "chain_set_members": ["chain_set_id", "chain_id", "valid_from"],
    "tvl_definitions": ["tvl_definition"],
    "tvl_deduction_rules": ["rule_id", "valid_from"],
    "assets": ["asset_id"],
    "asset_aliases": ["source_id", "source_name"],
    "protocols": ["protocol_id"],
    "vault_addresses": ["address"],
    "scenarios": ["scenario_id"],
}


@pytest.mark.parametrize("seed", KEYED)
def test_a_key_occurs_once(seed):
    keys = Counter(tuple(row[column] for column in KEYED[seed]) for row in rows(seed))
    assert keys
    assert {key for key, count in keys.items() if count > 1} == set()


@pytest.mark.parametrize("seed", KEYED)
def test_ids_are_lower_case_words(seed):
    ids = {row[column] for row in rows(seed) for column in row if column.endswith("_id") and column != "evm_chain_id"}
    assert {known for known in ids if not re.fullmatch(r"[a-z0-9_\-]*|\*", known)} == set()


@pytest.mark.parametrize("seed", [name for name in KEYED if name not in ("chain_aliases", "asset_aliases")])
def test_every_fact_says_where_it_comes_from(seed):
    assert all(row["source_url"].strip() for row in rows(seed))


def test_every_source_of_a_name_is_registered():
    named = {row["source_id"] for seed in ("chain_aliases", "asset_aliases") for row in rows(seed)}
    assert {"defillama", "coinmetrics", "coingecko"} <= named <= set(SEEDS.sources)
    assert "mempool" in SEEDS.sources


def test_the_two_hosts_of_defillama_are_registered_and_coingecko_wants_a_key():
    assert SEEDS.sources["defillama"].hosts == ("api.llama.fi", "coins.llama.fi")
    assert (SEEDS.sources["coingecko"].access, SEEDS.sources["coingecko"].key_header) == ("key", "x-cg-demo-api-key")


def test_every_name_leads_to_a_chain_and_an_asset_that_exist():
    assert set(SEEDS.chain_aliases("defillama").values()) <= set(SEEDS.chains)
    for source in ("defillama", "coinmetrics", "coingecko"):
        assert set(SEEDS.asset_aliases(source).values()) <= set(SEEDS.assets)


def test_a_chain_is_asked_for_by_one_name_at_most_and_the_total_by_none():
    asked = Counter(row["chain_id"] for row in rows("chain_aliases") if row["is_asked"] == "true")
    assert set(asked.values()) == {1}
    assert SEEDS.asked_chains("defillama").keys() == asked.keys()
    assert "all_chains" in SEEDS.chains
    assert "all_chains" not in SEEDS.chain_aliases("defillama").values()
    assert {row["is_asked"] for row in rows("chain_aliases")} <= {"true", "false"}


def test_old_labels_and_keys_of_defillama_mean_the_chain_of_the_new_name():
    names = SEEDS.chain_aliases("defillama")
    assert {names["Rootstock"], names["RSK"], names["rsk"]} == {"rootstock"}
    assert {names["Bitlayer"], names["Btr"], names["btr"]} == {"bitlayer"}
    assert {names["CORE"], names["Core"], names["core"]} == {"core"}
    assert SEEDS.asked_chains("defillama")["rootstock"] == "Rootstock"


def test_every_chain_of_a_set_that_defillama_counts_is_asked_for():
    members = {
        row["chain_id"] for row in rows("chain_set_members") if row["chain_set_id"] == "llama_bitcoin_sidechains"
    }
    assert len(members) == 21
    assert members <= SEEDS.asked_chains("defillama").keys()


def test_members_are_chains_of_known_sets_and_their_times_do_not_overlap():
    sets = {row["chain_set_id"] for row in rows("chain_sets")}
    members = rows("chain_set_members")
    assert {row["chain_set_id"] for row in members} == sets
    assert {row["chain_id"] for row in members} <= set(SEEDS.chains) - {"all_chains"}
    for name in {(row["chain_set_id"], row["chain_id"]) for row in members}:
        times = sorted(
            (row["valid_from"], row["valid_to"] or "9999-12-31")
            for row in members
            if (row["chain_set_id"], row["chain_id"]) == name
        )
        assert all(first <= last for first, last in times)
        assert all(before[1] < after[0] for before, after in pairwise(times))


def test_sets_say_the_same_as_the_chains():
    members = {
        name: {row["chain_id"] for row in rows("chain_set_members") if row["chain_set_id"] == name}
        for name in ("seed_named", "seed_top3", "llama_bitcoin_sidechains", "btcfi_wide")
    }
    assert members["seed_named"] == {row["chain_id"] for row in rows("chains") if row["is_seed_subject"] == "true"}
    assert members["seed_top3"] < members["llama_bitcoin_sidechains"] < members["btcfi_wide"]
    assert "bitcoin" in members["btcfi_wide"]


def test_launches_lie_between_the_first_block_of_bitcoin_and_the_last_listing():
    launches = {chain.chain_id: chain.launched_on for chain in SEEDS.chains.values() if chain.launched_on}
    assert min(launches.values()) == launches["bitcoin"] == FIRST_BLOCK_OF_BITCOIN
    assert max(launches.values()) < date(2026, 1, 1)
    assert launches["rootstock"] < launches["stacks"] < launches["merlin"] < launches["bitlayer"] < launches["bob"]


def test_no_two_chains_share_an_evm_chain_id_and_only_evm_chains_have_one():
    numbered = [row for row in rows("chains") if row["evm_chain_id"]]
    assert len({int(row["evm_chain_id"]) for row in numbered}) == len(numbered)
    assert {row["execution"] for row in numbered} == {"evm"}


def test_what_a_chain_refers_to_exists():
    for row in rows("chains"):
        assert row["settlement_chain_id"] in {*SEEDS.chains, ""}
        assert {row["gas_asset_id"], row["native_asset_id"]} <= {*SEEDS.assets, ""}


def test_a_wrapped_coin_says_what_it_stands_for():
    pegs = {row["asset_id"]: (row["kind"], row["peg_asset_id"]) for row in rows("assets")}
    assert {peg for kind, peg in pegs.values() if kind == "wrapped_btc"} == {"btc"}
    assert {peg for kind, peg in pegs.values() if kind == "native"} == {""}
    assert {peg for _, peg in pegs.values()} <= {*SEEDS.assets, ""}


def test_slugs_are_those_of_addresses_and_differ():
    slugs = [protocol.slug for protocol in SEEDS.protocols.values() if protocol.slug]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z0-9\-]+", slug) for slug in slugs)


def test_the_vaults_of_merlin_and_bitlayer_can_be_asked_for():
    vaults = {row["chain_id"]: row["defillama_slug"] for row in rows("protocols") if row["role"] == "vault"}
    assert vaults["merlin"]
    assert vaults["bitlayer"]


def test_deductions_are_parts_of_what_exists():
    for row in rows("tvl_deduction_rules"):
        assert 0 < float(row["share_ratio"]) <= 1
        assert row["protocol_id"] in {*SEEDS.protocols, ""}
        assert row["token_symbol"] == row["token_symbol"].upper()
        assert {row["chain_id"], row["backing_chain_id"]} <= {*SEEDS.chains, ""}


def test_scenarios_hold_the_three_published_ratios_and_the_grid():
    ratios = {row["scenario_id"]: row["target_ratio_pct"] for row in rows("scenarios")}
    assert (ratios["eth_parity_17"], ratios["htx_1pct"], ratios["spartan_5_62"]) == ("17.0000", "1.0000", "5.6200")
    assert [float(value) for name, value in ratios.items() if name.startswith("grid")] == [0.1, 0.5, 1, 5, 10, 30]


def test_the_owner_of_every_vault_address_exists():
    known = {"protocol": set(SEEDS.protocols), "chain": set(SEEDS.chains)}
    assert all(row["owner_id"] in known[row["owner_kind"]] for row in rows("vault_addresses"))
    assert set(SEEDS.vault_addresses) == {row["address"] for row in rows("vault_addresses")}


@pytest.mark.parametrize("address", SEEDS.vault_addresses)
def test_the_checksum_of_a_vault_address_holds(address):
    assert _segwit_is_whole(address) if address.startswith("bc1") else _base58_is_whole(address)


def test_a_vault_address_with_a_wrong_letter_would_be_found():
    assert not _segwit_is_whole("bc1qtu66zfqxj6pam6e0zunwnggh87f5pjr7vdr5cq")
    assert not _base58_is_whole("15zVuow5e9Zwj4nTrxSH3Rvupk32wiKEss")


def _base58_is_whole(address: str) -> bool:
    """Base58Check: the last four bytes are the start of the double SHA-256 of the rest."""
    number = 0
    for letter in address:
        number = number * 58 + BASE58.index(letter)
    body = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(body[:-4]).digest()).digest()[:4] == body[-4:]


def _segwit_is_whole(address: str) -> bool:
    """BIP 173 for version 0 (bc1q), BIP 350 for later ones: the remainder is the constant of the version."""
    values = [3, 3, 0, 2, 3, *(BECH32.index(letter) for letter in address.removeprefix("bc1"))]
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            remainder ^= generator if top >> bit & 1 else 0
    return remainder == (1 if address.startswith("bc1q") else 0x2BC830A3)
