"""Published interface files of Blockscout, DefiLlama and Hiro against what the activity feeds ask and read.

Belongs here: specifications and recorded answers, read where they lie. Not here: hand-written answers (unit tests).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from activity_pages import BOB, talk
from market_pages import answered, read, refusal
from pages import SEEDS

from pipelines.feeds.blockscout import LINES, BlockscoutChainStats
from pipelines.feeds.defillama_fees import DefiLlamaChainFees
from pipelines.feeds.hiro_transactions import KINDS, HiroActiveAddresses
from pipelines.wire import Outcome, Request, Window

WINDOW = Window(date(2023, 12, 23), date(2024, 1, 2))
FETCHED = datetime.fromisoformat("2024-06-10T12:00")
LINE_PATH = "/api/v1/lines/{name}"
Find = Callable[[str], Path]


def document(find: Find, name: str) -> Any:
    return json.loads(find(name).read_text(encoding="utf-8"), parse_float=Decimal)


def asked(feed: Any) -> list[Request]:
    """Everything that is asked of hosts that answer."""
    asked = talk(feed, WINDOW, lambda request: answered(request, b"{}"))
    return [request for requests in asked for request in requests]


# --- Blockscout ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swagger(recording: Find) -> Any:
    return yaml.safe_load(recording("blockscout/stats.swagger.yaml").read_text(encoding="utf-8"))


def test_every_parameter_that_a_line_is_asked_with_is_documented(swagger):
    known = {one["name"]: one for one in swagger["paths"][LINE_PATH]["get"]["parameters"] if one["in"] == "query"}
    for request in asked(BlockscoutChainStats(SEEDS)):
        params = dict(request.params)
        assert params.keys() == known.keys()
        assert params["resolution"] in known["resolution"]["enum"]
        assert date.fromisoformat(params["from"]) <= date.fromisoformat(params["to"])


def test_every_address_of_a_line_ends_in_the_documented_path(recording):
    rules = yaml.safe_load(recording("blockscout/stats.api_config_http.yaml").read_text(encoding="utf-8"))
    [mapped] = [one["get"] for one in rules["http"]["rules"] if one["selector"].endswith(".GetLineChart")]
    assert mapped == LINE_PATH
    for request in asked(BlockscoutChainStats(SEEDS)):
        assert request.url.endswith(LINE_PATH.format(name=request.url.rpartition("/")[2]))


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def test_every_line_is_one_of_the_service_and_counts_have_no_unit(recording):
    charts = {
        camel(name): chart for name, chart in document(recording, "blockscout/stats.charts.json")["line_charts"].items()
    }
    assert LINES.keys() <= charts.keys()
    assert {line for line in LINES if "units" in charts[line]} == {"txnsFee"}
    switched_off = {line for line in LINES if charts[line].get("enabled") is False}
    assert switched_off == {"opStackNewOperationalTxns"}, "which may be missing; the others are there by default"


def test_a_line_in_the_documented_form_is_read(swagger):
    """A point has the documented fields and no others; numbers are texts."""
    fields, types = swagger["definitions"]["v1Point"]["properties"], {"string": "2024-01-01", "boolean": False}
    point = {name: types[field["type"]] for name, field in fields.items()} | {"value": "12"}
    info = {
        name: [] if field["type"] == "array" else "" for name, field in _properties(swagger, "v1LineChartInfo").items()
    }
    parts = {"chart": [point], "info": info | {"id": "newTxns"}}
    assert parts.keys() == _properties(swagger, "v1LineChart").keys()
    request = Request.get(f"{BOB}/newTxns", {"resolution": "DAY"})
    [row] = read(BlockscoutChainStats(SEEDS), request, json.dumps(parts).encode(), FETCHED).rows.to_dicts()
    assert (row["period_start"], row["value"]) == (date(2024, 1, 1), 12)


def _properties(swagger: Any, name: str) -> dict[str, Any]:
    return swagger["definitions"][name]["properties"]


def test_the_documented_error_is_no_line(swagger):
    error = dict.fromkeys(_properties(swagger, "rpcStatus"), "not found") | {"code": 5}
    body, request = json.dumps(error).encode(), Request.get(f"{BOB}/newTxns")
    assert refusal(BlockscoutChainStats(SEEDS), request, body, FETCHED) is Outcome.LAYOUT_CHANGED


def test_the_recorded_line_of_an_older_host_is_read_point_by_point(recording):
    """It has neither `date_to` nor `info`; fees are read from it, as the recorded line has fractions."""
    file = recording("blockscout/samples/stats_lines_averageGasPrice.json")
    request = Request.get(f"{BOB}/txnsFee", {"resolution": "DAY"})
    rows = read(BlockscoutChainStats(SEEDS), request, file.read_bytes(), FETCHED).rows
    points = json.loads(file.read_text(encoding="utf-8"))["chart"]
    assert dict(rows.select("period_start", "value").rows()) == {
        date.fromisoformat(point["date"]): Decimal(point["value"]) for point in points
    }


def test_hosts_of_the_seeds_are_those_that_the_registry_of_explorers_names(recording):
    known = document(recording, "blockscout/chainscout_subset.json")
    listed = {explorer["url"].rstrip("/") for chain in known.values() for explorer in chain["explorers"]}
    hosts = BlockscoutChainStats(SEEDS).hosts
    assert {end.url for ends in hosts.values() for end in ends if end.style == "instance_v2"} <= listed


# --- DefiLlama's fees ---------------------------------------------------------------------------------------


def test_fees_are_asked_with_every_parameter_that_is_required(recording):
    given = document(recording, "defillama/openapi_free.json")["paths"]["/overview/fees/{chain}"]["get"]["parameters"]
    known = {one["name"]: one for one in given if one["in"] == "query"}
    for request in asked(DefiLlamaChainFees(SEEDS)):
        params = dict(request.params)
        assert {name for name, one in known.items() if one["required"]} <= params.keys() <= known.keys()
        assert params["dataType"] in known["dataType"]["schema"]["enum"]


def test_the_documented_chart_of_fees_is_read(recording):
    path = document(recording, "defillama/openapi_free.json")["paths"]["/overview/fees/{chain}"]["get"]
    fields = path["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    seconds, usd = fields["totalDataChart"]["items"]["example"]
    body = json.dumps({"protocols": [], "totalDataChart": [[seconds, usd]]}).encode()
    request = Request.get("https://api.llama.fi/overview/fees/Merlin")
    [row] = read(DefiLlamaChainFees(SEEDS), request, body, FETCHED).rows.to_dicts()
    assert (row["period_start"], row["value"]) == (date(2022, 1, 1), usd)


# --- Hiro ---------------------------------------------------------------------------------------------------

PAGES, BOUND = "/extended/v3/transactions", "/extended/v2/blocks/by-block-time/{timestamp}"


@pytest.fixture(scope="module")
def hiro(recording: Find) -> Any:
    return document(recording, "hiro/openapi_v9.0.2_trimmed.json")


def schema(hiro: Any, path: str) -> Any:
    return hiro["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def test_pages_are_asked_as_documented(hiro):
    known = {one["name"]: one["schema"] for one in hiro["paths"][PAGES]["get"]["parameters"]}
    body = json.dumps({"height": 100}).encode()
    bound, page = [
        requests[0]
        for requests in talk(
            HiroActiveAddresses(SEEDS), Window(WINDOW.last, WINDOW.last), lambda one: answered(one, body)
        )
    ]
    params = dict(page.params)
    assert page.url.endswith(PAGES)
    assert params.keys() == known.keys()
    assert int(params["limit"]) == known["limit"]["maximum"]
    assert re.fullmatch(known["cursor"]["pattern"], params["cursor"])
    assert bound.url.rpartition("/")[0].endswith(BOUND.rpartition("/")[0])
    assert "height" in schema(hiro, BOUND)["required"]


def test_every_kind_of_transaction_has_the_fields_that_are_read(hiro):
    kinds = {}
    for kind in schema(hiro, PAGES)["properties"]["results"]["items"]["anyOf"]:
        fields = kind["properties"]
        kinds[fields["type"]["enum"][0]] = fields
        assert {"tx_id", "sender", "fee_rate", "block", "status", "type"} <= set(kind["required"])
        assert {"height", "time"} <= set(fields["block"]["required"])
        assert "address" in fields["sender"]["required"]
    assert set(KINDS) == kinds.keys() - {"coinbase", "tenure_change", "poison_microblock"}
