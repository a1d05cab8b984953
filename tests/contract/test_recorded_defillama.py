"""DefiLlama's own description of its API against what the feeds ask and read.

Belongs here: the published OpenAPI file and the compiled list of chains, read where they lie.
Not here: hand-written answers (unit tests). No real answer for chains of Bitcoin is at hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from llama_pages import CHAINS, HISTORY, OPEN_DAY, PROTOCOL, PROTOCOLS, body, read
from pages import SEEDS, seconds

from pipelines.feeds.base import Feed
from pipelines.feeds.defillama_protocols import DefiLlamaProtocolsNow, DefiLlamaProtocolTvl
from pipelines.feeds.defillama_tvl import DefiLlamaChainsNow, DefiLlamaChainTvl
from pipelines.wire import Window

FEEDS = [DefiLlamaChainTvl, DefiLlamaChainsNow, DefiLlamaProtocolsNow, DefiLlamaProtocolTvl]
WINDOW = Window(OPEN_DAY, OPEN_DAY)
SLUG = next(item.slug for item in SEEDS.protocols.values() if item.role == "vault" and item.slug)
DAY = 86_400


@pytest.fixture(scope="module")
def api(recording: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads(recording("defillama/openapi_free.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def chains(recording: Callable[[str], Path]) -> dict[str, Any]:
    return json.loads(recording("defillama/chains_bitcoin_sidechains.json").read_text(encoding="utf-8"))


def schema(api: dict[str, Any], path: str) -> dict[str, Any]:
    return api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def example(schema: dict[str, Any], name: str = "") -> Any:
    """A value of the described form: the examples of the description, and a past midnight for each date."""
    if schema["type"] == "array":
        return schema.get("example") or [example(schema["items"])]
    if schema["type"] == "object":
        fields = schema.get("properties", {})
        return schema.get("example") or {
            field: example(part, field) for field, part in fields.items() if "example" in part or "type" in part
        } | ({"Bitcoin": example(schema["additionalProperties"])} if "additionalProperties" in schema else {})
    return seconds(OPEN_DAY) - 2 * DAY if name == "date" else schema["example"]


def with_open_day(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*points, points[-1] | {"date": points[-1]["date"] + DAY}]


@pytest.mark.parametrize("feed", FEEDS)
def test_every_address_that_is_asked_is_described(api, feed: type[Feed]):
    [server] = api["servers"]
    described = [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(server["url"] + path)) for path in api["paths"]]
    for question in next(feed(SEEDS).requests(WINDOW)):
        assert any(re.fullmatch(path, question.url) for path in described), question
        assert question.params == ()


@pytest.mark.parametrize(("path", "url"), [("", HISTORY), ("/{chain}", f"{HISTORY}/Merlin")])
def test_a_history_as_described_is_read(api, path, url):
    described = example(schema(api, f"/v2/historicalChainTvl{path}"))
    rows = read(DefiLlamaChainTvl(SEEDS), url, body(with_open_day(described))).rows
    assert rows["tvl_usd"].to_list() == [described[0]["tvl"]]


def test_a_list_of_chains_as_described_is_read(api):
    [described] = example(schema(api, "/v2/chains"))
    [row] = read(DefiLlamaChainsNow(SEEDS), CHAINS, body([described])).rows.to_dicts()
    assert (row["source_name"], row["evm_chain_id"], row["token_symbol"]) == (
        described["name"],
        described["chainId"],
        described["tokenSymbol"],
    )
    assert float(row["tvl_usd"]) == pytest.approx(described["tvl"], abs=0.005)
    assert row["chain_id"] == "ethereum"


def test_a_list_of_protocols_as_described_is_read(api):
    [described] = example(schema(api, "/protocols"))
    rows = read(DefiLlamaProtocolsNow(SEEDS), PROTOCOLS, body([described])).rows
    found = {(row["protocol_name"], row["category"], row["chain_name"]): row["tvl_usd"] for row in rows.to_dicts()}
    assert found == {(described["name"], described["category"], "Ethereum"): described["chainTvls"]["Ethereum"]}


def test_a_protocol_as_described_is_read(api):
    described = example(schema(api, "/protocol/{protocol}"))
    [series] = described["chainTvls"].values()
    for kind in ("tvl", "tokens"):
        series[kind] = with_open_day(series[kind])
    rows = read(DefiLlamaProtocolTvl(SEEDS), f"{PROTOCOL}/{SLUG}", body(described)).rows
    amounts = {row["token_symbol"]: row["token_amount"] for row in rows.to_dicts()}
    assert amounts == {"*": None} | series["tokens"][0]["tokens"]
    assert rows.filter(token_symbol="*")["tvl_usd"].to_list() == [series["tvl"][0]["totalLiquidityUSD"]]


def test_every_name_of_a_sidechain_is_a_chain_of_the_seeds(chains):
    aliases = SEEDS.chain_aliases("defillama")
    of_key = {chain["key"]: aliases.get(chain["name"]) for chain in chains["chains"]}
    assert len(of_key) > 20
    assert None not in of_key.values()
    assert {label: aliases.get(label) for label in chains["old_labels"].values()} == {
        label: of_key[key] for key, label in chains["old_labels"].items()
    }


def test_every_sidechain_is_asked_by_the_name_that_its_history_goes_by(chains):
    [questions] = DefiLlamaChainTvl(SEEDS).requests(WINDOW)
    asked = {unquote(question.url.removeprefix(f"{HISTORY}/")) for question in questions}
    assert {chain["name"] for chain in chains["chains"]} - asked == set()
