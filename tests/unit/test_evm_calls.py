"""Questions on the wire, the words of providers, and the judgement of answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from evm_node import DEPOSIT, EVM_CHAIN_ID, TOKEN, URL, VAULT, EvmNode, chain, endpoint, write_seeds

from pipelines.bridges import Endpoint
from pipelines.evm import calls as rpc
from pipelines.evm.calls import Call, LogFilter
from pipelines.evm.coverage import blocks_of, bridges_asked
from pipelines.evm.judging import SMALL_BYTES, Judge
from pipelines.evm.limits import limit_in, outcome_of
from pipelines.registry import Registry
from pipelines.wire import Outcome, Request

FILTER = LogFilter((VAULT,), (DEPOSIT,))
FIRST_ID = EVM_CHAIN_ID * 100


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    anchor = chain(anchor_block_number=9, anchor_block_hash=EvmNode().hash(9))
    return Registry(write_seeds(tmp_path, evm_chains=[anchor]))


@pytest.fixture
def place(registry: Registry) -> Endpoint:
    return registry.endpoints("evm_rpc", "toy")[0]


@pytest.fixture
def judge(registry: Registry) -> Judge:
    return Judge(registry, "evm_rpc")


def asked(place: Endpoint, *calls: Call) -> Request:
    return rpc.request(place, EVM_CHAIN_ID, calls)


def logs_asked(place: Endpoint, first: int = 10, last: int = 20) -> Request:
    return asked(place, *rpc.log_calls(FILTER, first, last, "rpc"))


def told(request: Request, *results: Any) -> bytes:
    members = [{"jsonrpc": "2.0", "id": FIRST_ID + n, "result": result} for n, result in enumerate(results)]
    return json.dumps(members if request.body and request.body.startswith("[") else members[0]).encode()


def log_at(block: int, index: int = 0, **values: Any) -> dict[str, Any]:
    return EvmNode().log(index, block, VAULT, [DEPOSIT]) | values


def test_a_call_says_its_chain_and_heights_are_minimal_hex(place):
    request = asked(place, rpc.header_call(255))
    assert json.loads(request.body or "") == {
        "jsonrpc": "2.0",
        "id": FIRST_ID,
        "method": "eth_getBlockByNumber",
        "params": ["0xff", False],
    }
    assert rpc.calls_of(request) == (EVM_CHAIN_ID, [rpc.header_call(255)])


def test_only_questions_that_can_be_halved_are_divisible(place):
    assert logs_asked(place).divisible
    assert not asked(place, rpc.header_call(1), rpc.header_call(2)).divisible


def test_a_secret_path_is_sent_and_not_written():
    own = Endpoint.own("toy", "https://node.example/v2/my-key")
    request = rpc.request(own, EVM_CHAIN_ID, [Call(rpc.CHAIN_ID)])
    assert (request.url, request.secret_path) == ("https://node.example", "/v2/my-key")


def test_a_request_says_its_blocks_and_bridges(place, registry):
    assert blocks_of(logs_asked(place)) == (10, 20)
    assert bridges_asked(logs_asked(place), registry) == ["vault"]
    assert bridges_asked(asked(place, rpc.header_call(1)), registry) == []
    assert bridges_asked(Request(URL, "POST", body="no json"), registry) == []


WORDS = [
    (-32012, "Cannot query more than 5000 blocks", "blocks", 5000),
    (-32012, "Filter returned more than 20000 logs", "logs", 20_000),
    (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0x2].", "logs", 10_000),
    (-32614, "eth_getLogs is limited to a 10,000 range", "blocks", 10_000),
    (-32602, "eth_getLogs is limited to 0 - 5 blocks range", "blocks", 5),
    (35, "ranges over 10000 blocks are not supported on freetier", "blocks", 10_000),
    (-32000, "query exceeds max results 20000, retry with the range 100-200", "logs", 20_000),
    (-32600, "block range is too wide", "blocks", None),
    (-32000, "exceed maximum block range: 50000", "blocks", 50_000),
    (-32000, "requested too many blocks from 1 to 30000, maximum is set to 2048", "blocks", 2048),
    (-32000, "query exceeds max block range 100000", "blocks", 100_000),
    (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range", "logs", 2000),
    (-32005, "Too many logs requested. Max logs per response is 20000.", "logs", 20_000),
    (-32000, "eth_getLogs is limited to 1024 block range. Please check the parameters", "blocks", 1024),
    (-32000, "logs are limited to a 10000 block range", "blocks", 10_000),
    (-32008, "Response size is larger than 150MB limit.", "size", None),
    (-32000, "query timeout exceeded", "size", None),
    (30, "Request timeout on the free tier, please upgrade your tier", "size", None),
]


@pytest.mark.parametrize(("code", "words", "kind", "named"), WORDS)
def test_the_words_of_providers_say_what_was_too_much(code, words, kind, named):
    assert outcome_of(code, words, of_logs=True) is Outcome.RANGE_TOO_LARGE
    limit = limit_in(words)
    assert limit
    assert limit.kind == kind
    assert limit.below(200_000) == named


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32005, "limit exceeded"),
        (429, "Too Many Requests"),
        (-32007, "50/second request limit reached - reduce calls per second"),
        (-32005, "daily request count exceeded, request rate limited"),
        (429, "Your app has exceeded its compute units per second capacity"),
    ],
)
def test_too_fast_is_told_from_too_much(code, words):
    assert outcome_of(code, words, of_logs=True) is Outcome.RATE_LIMITED


@pytest.mark.parametrize(
    "words", ["method not found", "block range extends beyond current head block", "header not found"]
)
def test_other_errors_are_the_nodes_own(words):
    assert outcome_of(-32000, words, of_logs=True) is Outcome.RPC_ERROR


def test_a_good_answer_is_not_refused_and_is_read_once(judge, place):
    request = logs_asked(place)
    body = told(request, [EvmNode(with_time=False).log(0, 10, VAULT, [DEPOSIT]), log_at(12, 1)])
    assert judge.refusal(request, body) is None
    reading = judge.reading(request, b"")
    assert (reading.logs, reading.untimed) == (2, (10,))


BAD_LOGS = {
    "outside the range": [log_at(21)],
    "another contract": [log_at(10, address=TOKEN)],
    "another event": [log_at(10, topics=["0x" + "9" * 64])],
    "missing topics": [log_at(10, topics=[])],
    "doubled": [log_at(10, 3), log_at(10, 3)],
    "no list": "0x1",
}


@pytest.mark.parametrize("logs", BAD_LOGS.values(), ids=BAD_LOGS)
def test_logs_that_were_not_asked_for_are_a_wrong_answer(judge, place, logs):
    request = logs_asked(place)
    refused = judge.refusal(request, told(request, logs))
    assert refused
    assert refused.outcome is Outcome.WRONG_ANSWER


def test_rows_that_cannot_be_read_are_left_to_the_loader(judge, place):
    request = logs_asked(place)
    odd, huge = log_at(11, 1, data="0xabc"), log_at(12, 2, data="0x" + "f" * 64)
    assert judge.refusal(request, told(request, [odd, huge])) is None
    assert judge.reading(request, b"").logs == 2


def test_a_log_of_the_last_block_must_have_the_hash_of_its_header(judge, place):
    request = logs_asked(place)
    body = told(request, [log_at(20)])
    judge.hashes[EVM_CHAIN_ID, 20] = EvmNode().hash(20)
    assert judge.refusal(request, body) is None
    judge.hashes[EVM_CHAIN_ID, 20] = "0x" + "0" * 64
    refused = judge.refusal(request, body)
    assert refused
    assert refused.outcome is Outcome.WRONG_ANSWER


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"jsonrpc":"2.0","id":700000,"error":{"code":-32601,"message":"no such method"}}', Outcome.RPC_ERROR),
        (b'{"id":700000,"error":"query returned more than 1000 logs"}', Outcome.RANGE_TOO_LARGE),
        (b'{"jsonrpc":"2.0","id":700000,"result":null}', Outcome.NULL_RESULT),
        (b'{"jsonrpc":"2.0","id":700001,"result":[]}', Outcome.WRONG_ANSWER),
        (b'{"jsonrpc":"2.0","id":700000}', Outcome.WRONG_ANSWER),
        (b'{"jsonrpc":"2.0","id":700000,"result":[{"addr', Outcome.TRUNCATED),
        (b'["no", "answer"]', Outcome.WRONG_ANSWER),
    ],
)
def test_a_body_that_is_no_answer_has_a_name(judge, place, body, outcome):
    refused = judge.refusal(logs_asked(place), body)
    assert refused
    assert refused.outcome is outcome


@pytest.mark.parametrize("spoil", ["cut", "other id", "error"])
def test_a_long_body_is_judged_by_what_is_around_its_list(judge, place, spoil):
    request = logs_asked(place)
    body = told(request, [log_at(10, n) for n in range(400)])
    assert len(body) > SMALL_BYTES
    assert judge.refusal(request, body) is None
    spoiled, outcome = {
        "cut": (body[:-30], Outcome.TRUNCATED),
        "other id": (body.replace(b"700000", b"700001"), Outcome.WRONG_ANSWER),
        "error": (body[:-1] + b',"error":{"code":1,"message":"half"}}', Outcome.RPC_ERROR),
    }[spoil]
    refused = judge.refusal(request, spoiled)
    assert refused
    assert refused.outcome is outcome


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (lambda one, _: [one], Outcome.WRONG_ANSWER),
        (lambda one, _: [one, one], Outcome.WRONG_ANSWER),
        (lambda one, two: [one, two | {"id": 5}], Outcome.WRONG_ANSWER),
        (lambda one, two: [one, two | {"result": one["result"]}], Outcome.WRONG_ANSWER),
        (lambda one, two: [one, two | {"result": None}], Outcome.NULL_RESULT),
        (lambda one, two: [one, {"id": two["id"], "error": {"code": 429, "message": "slow"}}], Outcome.RATE_LIMITED),
        (lambda one, two: [two, one], None),
    ],
)
def test_a_batch_must_have_one_result_for_each_call(judge, place, change, outcome):
    request = asked(place, rpc.header_call(1), rpc.header_call(2))
    members = json.loads(told(request, EvmNode().header(1), EvmNode().header(2)))
    refused = judge.refusal(request, json.dumps(change(*members)).encode())
    assert (refused and refused.outcome) == outcome


def test_another_chain_is_known_by_its_number_or_its_anchor(judge, place):
    by_number = asked(place, Call(rpc.CHAIN_ID))
    refused = judge.refusal(by_number, told(by_number, "0x1"))
    assert refused
    assert refused.outcome is Outcome.WRONG_CHAIN
    by_anchor = asked(place, rpc.header_call(9))
    assert judge.refusal(by_anchor, told(by_anchor, EvmNode().header(9))) is None
    refused = judge.refusal(by_anchor, told(by_anchor, EvmNode(salt=lambda _: "other").header(9)))
    assert refused
    assert refused.outcome is Outcome.WRONG_CHAIN


@pytest.mark.parametrize("value", ["0x", "abc", 12, "0x" + "f" * 65])
def test_a_balance_must_be_a_hex_quantity(judge, place, value):
    request = asked(place, rpc.balance_call(VAULT, 5))
    refused = judge.refusal(request, told(request, value))
    assert refused
    assert refused.outcome is Outcome.WRONG_ANSWER


def test_a_silent_cut_is_told_by_its_length(tmp_path):
    registry = Registry(write_seeds(tmp_path, source_endpoints=[endpoint(max_logs=3)]))
    place = registry.endpoints("evm_rpc", "toy")[0]
    request = logs_asked(place)
    judge = Judge(registry, "evm_rpc")
    logs = [log_at(10 + n, n) for n in range(3)]
    assert judge.refusal(request, told(request, logs[:2])) is None
    refused = judge.refusal(request, told(request, logs))
    assert refused
    assert refused.outcome is Outcome.RANGE_TOO_LARGE
