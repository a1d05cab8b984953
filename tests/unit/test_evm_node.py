"""A real EVM node, asked over HTTP and read into a warehouse: what is loaded is what was written on its chain."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from anvil import Anvil, Emitted
from evm_written import Draws, Mined, Seeds, Written, events, logs, read_seeds, states
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from pipelines.evm.asking import WAVE
from pipelines.feeds.evm_bridges import EvmBalances, EvmBlocks, EvmBridgeEvents, EvmBridgeStatus
from pipelines.feeds.evm_logs import EvmLogs
from pipelines.ingest import fetch, load
from pipelines.registry import Registry
from pipelines.settings import FILE_NAME, Clock, Settings
from pipelines.transport.archive import Archive
from pipelines.transport.courier import THREADS
from pipelines.transport.session import Session, Transport
from pipelines.wanted import past_of
from pipelines.warehouse.batch import Incident
from pipelines.warehouse.writer import Warehouse
from pipelines.wire import Outcome, Window

FEEDS = (EvmLogs, EvmBlocks, EvmBridgeEvents, EvmBridgeStatus, EvmBalances)
GENESIS = datetime.fromisoformat("2024-06-01 12:00")
DAYS = [date(2024, 6, 2), date(2024, 6, 3), date(2024, 6, 4)]
FIRST, LAST = DAYS[0], DAYS[-1]
LATER = datetime.fromisoformat("2024-06-20 00:00")
"""When all days are settled."""
PEG = "0x0000000000000000000000000000000001000006"
EVM_CHAIN_IDS = {"rootstock": 30, "bob": 60808, "merlin": 4200}
HEIGHTS = {
    "2392700": "80", "3614799": "149", "3614800": "150", "5467999": "249", "5468000": "250", "7338023": "349",
    "7338024": "350", "4029878": "90", "5074757": "100",
}  # fmt: skip
"""The heights of seeds.bridge_contracts on a chain of some hundred blocks."""
FLIP = 350
"""From here on the PowPeg's events count in wei."""
BLOCK_TIME = re.compile(rb'"blockTimestamp":"0x[0-9a-f]+",')


# --- a house with a line to the nodes -----------------------------------------------------------------------


class Time(Clock):
    """Goes on by a millisecond with each look."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            self.instant += timedelta(milliseconds=1)
            return self.instant


class Line(HTTPAdapter):
    """Carries requests and takes them down.

    `before` is called with the first method of each before it is sent. After `breaks_after` requests the answers are
    lost, and the run ends.
    `timeless`: nodes whose logs do not say when their block was made, as those of Rootstock.
    """

    def __init__(self, timeless: Iterable[str] = ()) -> None:
        super().__init__(pool_maxsize=THREADS)
        self.sent: list[tuple[str, list[dict[str, Any]]]] = []
        self.before: Callable[[str], None] = lambda _: None
        self.breaks_after: int | None = None
        self._timeless = tuple(timeless)
        self._lock = threading.Lock()

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        told = json.loads(request.body or b"")
        with self._lock:
            calls = told if isinstance(told, list) else [told]
            self.before(calls[0]["method"])
            self.sent.append((request.url or "", calls))
            is_lost = self.breaks_after is not None and len(self.sent) > self.breaks_after
        response = super().send(request, *args, **options)
        if is_lost:
            raise KeyboardInterrupt
        if (request.url or "").startswith(self._timeless):
            body = BLOCK_TIME.sub(b"", response.content)
            response.raw = HTTPResponse(BytesIO(body), status=200, preload_content=False)
            response._content_consumed = False
            del response.headers["Content-Length"]
        return response

    def params_of(self, method: str, url: str = "") -> list[Any]:
        """The params of all calls of a method."""
        calls = [call for to, told in self.sent for call in told if to.startswith(url)]
        return [call["params"] for call in calls if call["method"] == method]

    def log_ranges(self, url: str = "") -> list[tuple[int, int]]:
        """First and last block of every question for logs."""
        asked = [asked for [asked] in self.params_of("eth_getLogs", url)]
        return sorted((int(one["fromBlock"], 16), int(one["toBlock"], 16)) for one in asked)

    def questions(self) -> list[str]:
        return [json.dumps(told) for _, told in self.sent]


class House:
    """An archive and a warehouse, the five feeds, and nodes to ask."""

    def __init__(self, folder: Path, registry: Registry, now: datetime = LATER, timeless: Iterable[str] = ()) -> None:
        self.registry = registry
        self.feeds = [kind(self.registry) for kind in FEEDS]
        self.archive = Archive.create(folder / "archive", "public")
        tables = {feed.table_name: feed.delivers for feed in self.feeds}
        self.warehouse = Warehouse(folder / "build" / FILE_NAME, tables)
        self.time, self.line = Time(now), Line(timeless)

    def fetch(self, first: date = FIRST, last: date = LAST) -> int:
        """The number of requests that were sent."""
        before = len(self.line.sent)
        transport = Transport(self.time, adapter=self.line, paced=False)
        sources, ends = self.registry.sources.values(), self.registry.all_endpoints
        with Session(self.archive, sources, transport, Settings(), ends) as session:
            fetch(self.feeds[0], Window(first, last), self.archive, session, self.time)
        return len(self.line.sent) - before

    def load(self) -> list[Incident]:
        is_first = not self.warehouse.file.exists()
        told = frozenset() if is_first else frozenset(one for (one,) in self.rows("select fetch_id from feeds.ledger"))
        reports = load(self.feeds, self.archive, self.warehouse, reader="reader", run_id="run", told=told)
        return [incident for report in reports for incident in report.incidents]

    def rows(self, query: str) -> list[tuple]:
        with duckdb.connect(self.warehouse.file, config={"threads": 2}) as connection:
            return connection.execute(query).fetchall()

    def table(self, name: str, columns: str, key: str = "chain_id, block_number, log_index") -> dict[tuple, tuple]:
        """Key -> the other columns, amounts as whole numbers. A key that is there twice is an error."""
        width = len(key.split(","))
        rows = self.rows(f"select {key}, {columns} from feeds.evm_rpc__{name}")
        found = {
            row[:width]: tuple(int(one) if isinstance(one, Decimal) else one for one in row[width:]) for row in rows
        }
        assert len(found) == len(rows)
        return found

    def logs(self) -> dict[tuple, tuple]:
        return self.table(
            "logs",
            "log_set_id, tx_hash, tx_index, block_hash, contract_address, topic0, topic1, topic2, topic3, data,"
            " block_at",
        )

    def events(self) -> dict[tuple, tuple]:
        return self.table(
            "bridge_events",
            "bridge_id, event_name, direction, transfer_id, amount_raw, fee_raw, raw_unit, raw_decimals, amount_text,"
            " is_overflow, token_address, account_evm, account_btc, btc_txid, btc_vout, tx_hash, block_at",
        )

    def states(self) -> dict[tuple, tuple]:
        return self.table("bridge_status", "bridge_id, transfer_id, status, block_at")

    def headers(self) -> dict[tuple, tuple]:
        told = "block_at, block_hash, parent_hash, tx_count, gas_used, base_fee_wei, paid_fees_wei"
        return self.table("blocks", told, key="chain_id, block_number")

    def rejected(self, name: str) -> list[str]:
        rows = self.rows(f"select reason from meta.rejected_rows where table_name = 'evm_rpc__{name}' order by 1")
        return [reason for (reason,) in rows]

    def answered(self, *days: date) -> list[date]:
        return sorted(self.feeds[0].answered(past_of(self.feeds[0], self.archive), list(days)))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def write_seeds(folder: Path, **changes: Callable[[dict[str, str]], dict[str, str] | None]) -> Path:
    """The seeds with other heights and without public nodes; `changes`: seed -> what becomes of each of its rows."""
    usual = {
        "bridge_contracts": lambda row: {name: HEIGHTS.get(cell, cell) for name, cell in row.items()},
        "source_endpoints": lambda _: None,
        "evm_chains": lambda row: row | {"anchor_block_number": "", "anchor_block_hash": ""},
    }
    folder.mkdir()
    for file in Settings().seeds.glob("*.csv"):
        change = (usual | changes).get(file.stem, lambda row: row)
        with file.open(encoding="utf-8") as lines, (folder / file.name).open("w", newline="", encoding="utf-8") as copy:
            reader = csv.DictReader(lines)
            writer = csv.DictWriter(copy, reader.fieldnames or [])
            writer.writeheader()
            writer.writerows(changed for row in reader if (changed := change(row)))
    return folder


# --- chains -------------------------------------------------------------------------------------------------

Block = tuple[datetime, list[Written]]


class Chain:
    """A node of one chain and what was written on it."""

    def __init__(self, chain_id: str, seeds: Path) -> None:
        self.chain_id = chain_id
        self.seeds: Seeds = read_seeds(seeds, "bridge_contracts", "bridge_addresses", "bridge_status_codes")
        self.draws = Draws(self.seeds, chain_id, seed=EVM_CHAIN_IDS[chain_id])
        self.node = Anvil(EVM_CHAIN_IDS[chain_id], seconds(GENESIS))
        self.mined: dict[int, list[Written]] = {0: []}

    def __enter__(self) -> Chain:
        self.node.__enter__()
        self.node.put_contracts([*self.draws.addresses, "0x" + "f0" * 20])
        return self

    def __exit__(self, *_: object) -> None:
        self.node.__exit__()

    def mine(self, blocks: Iterable[Block], instead_of: int = 0) -> list[int]:
        """Blocks with these logs, where wanted in the place of the last ones."""
        told = list(blocks)
        emitted = [(seconds(at), [one.emitted for one in written]) for at, written in told]
        numbers = self.node.reorganise(instead_of, emitted) if instead_of else self.node.mine(emitted)
        self.mined = {height: logs for height, logs in self.mined.items() if height < numbers[0]}
        self.mined |= dict(zip(numbers, (written for _, written in told), strict=True))
        return numbers

    def headers(self) -> dict[int, dict[str, Any]]:
        return dict(enumerate(self.node.batch([("eth_getBlockByNumber", (hex(n), False)) for n in self.mined])))

    def logs(self, first: int = 0, last: int = 10**9) -> list[Mined]:
        """All logs between two heights, as the node has them in its blocks."""
        return [
            Mined(self.chain_id, height, n, header["at_sec"], header["hash"], header["transactions"][n], written)
            for height, header in (
                (n, told | {"at_sec": int(told["timestamp"], 16)}) for n, told in self.headers().items()
            )
            if first <= height <= last
            for n, written in enumerate(self.mined[height])
        ]

    def heights(self, first: date = FIRST, last: date = LAST) -> tuple[int, int]:
        """The first and the last block of some days."""
        begin, end = seconds(midnight(first)), seconds(midnight(last + timedelta(days=1)))
        inside = [n for n, header in self.headers().items() if begin <= int(header["timestamp"], 16) < end]
        return inside[0], inside[-1]


def seconds(at: datetime) -> int:
    return int(at.replace(tzinfo=UTC).timestamp())


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time())


def times(random: Random, mean_minutes: float, until: datetime, tail: int) -> list[datetime]:
    """Instants of blocks, some just at and before a midnight, and a tail of blocks that are not final."""
    told, at = [], GENESIS
    while at < until:
        at += timedelta(seconds=1 + int(random.expovariate(1 / (60 * mean_minutes))))
        told.append(at)
    edges = [midnight(FIRST), midnight(LAST), midnight(LAST) - timedelta(seconds=1)]
    told = sorted({*told, *edges})
    return [*told, *(told[-1] + timedelta(seconds=10 * (n + 1)) for n in range(tail))]


# --- three chains, read whole -------------------------------------------------------------------------------


BALANCES = {90: 5 * 10**18, 290: 21_000_000 * 10**18 - 7, 430: 3}
"""What the PowPeg holds from a block on."""


def declared(chain: Chain, name: str, address: str = "") -> dict[str, str]:
    rows = (row for row in chain.draws.declared if row["address"].startswith(address))
    return next(row for row in rows if row["declaration"].startswith(f"{name}("))


def malformed(chain: Chain) -> list[Written]:
    """Logs that are asked for and cannot be read."""
    draws, word, cut = chain.draws, "0x" + "7" * 64, 2 + 64
    if chain.chain_id == "rootstock":
        status = draws.event(declared(chain, "BitcoinTransferStatusUpdated")).emitted
        told = [
            draws.event(declared(chain, "lock_btc"), amount=-5).emitted,
            draws.event(declared(chain, "NewBitcoinTransferIncoming"), feeWei=10**38).emitted,
            draws.event(declared(chain, "NewBitcoinTransferIncoming"), btcTxVout=2**31).emitted,
            draws.event(declared(chain, "NewBitcoinTransfer"), btcAddress=b"bc1\xff\xfe").emitted,
            draws.event(declared(chain, "BitcoinTransferStatusUpdated"), newStatus=9).emitted,
            Emitted(status.address, status.topics, status.data[: cut - 2]),
        ]
    elif chain.chain_id == "bob":
        row = declared(chain, "Transfer")
        gate = "0x" + "0" * 24 + draws.roles[row["bridge_id"]][0][2:]
        told = [Emitted(row["address"], [row["topic0"], gate, word, word])]
    else:
        event = draws.event(next(row for row in draws.declared if "destBtcAddr" in row["declaration"])).emitted
        told = [Emitted(event.address, event.topics, event.data[: cut + 64] + "f" * 64 + event.data[cut + 128 :])]
    return [Written(emitted) for emitted in told]


def written_in(chain: Chain, height: int) -> list[Written]:
    """Some logs for a block; the PowPeg's in all their forms where the forms change."""
    draws = chain.draws
    told = [draws.any_event() for _ in range(draws.random.choice([0, 3, 7, 12]))]
    told += [draws.noise() for _ in range(draws.random.randint(0, 3))]
    if chain.chain_id == "rootstock" and any(height in (int(flip), int(flip) - 1) for flip in HEIGHTS.values()):
        told += [draws.event(row) for row in draws.declared if row["address"] == PEG]
    return [*told, *(malformed(chain) if height == 120 else [])]


MINUTES = {"rootstock": (10, 110), "bob": (13, 70), "merlin": (17, 25)}
"""Between blocks, and the blocks after the window: more than the last ones that are not final."""


def grown(chain: Chain) -> Chain:
    minutes, tail = MINUTES[chain.chain_id]
    instants = times(chain.draws.random, minutes, midnight(LAST + timedelta(days=1)) + timedelta(hours=1), tail)
    blocks = [(at, written_in(chain, height)) for height, at in enumerate(instants, start=1)]
    balances = BALANCES if chain.chain_id == "rootstock" else {}
    for start, end in pairwise([1, *balances, len(blocks) + 1]):
        if start in balances:
            chain.node.call("anvil_setBalance", PEG, hex(balances[start]))
        chain.mine(blocks[start - 1 : end - 1])
    return chain


class World:
    """Three chains, and a house that has read them."""

    def __init__(self, folder: Path, chains: dict[str, Chain], seeds: Path) -> None:
        self.chains = chains
        self.seeds = next(iter(chains.values())).seeds
        nodes = {name: [chain.node.url] for name, chain in chains.items()}
        registry = Registry(seeds, own_endpoints=nodes)
        self.house = House(folder, registry, timeless=nodes["rootstock"])
        self.house.fetch()
        self.incidents = self.house.load()

    def asked(self, name: str) -> tuple[int, int]:
        """The blocks whose logs were asked for: those of the window, and no more than midnight's neighbours."""
        ranges = self.house.line.log_ranges(self.chains[name].node.url)
        return ranges[0][0], max(last for _, last in ranges)

    def logs(self) -> list[Mined]:
        """What was written in the blocks that were asked for."""
        return [log for name, chain in self.chains.items() for log in chain.logs(*self.asked(name))]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    seeds = write_seeds(folder / "seeds")
    with ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "*")
        chains = {name: grown(stack.enter_context(Chain(name, seeds))) for name in EVM_CHAIN_IDS}
        yield World(folder, chains, seeds)


def timeless(rows: dict[tuple, tuple]) -> dict[tuple, tuple]:
    """Rows of Rootstock as they are without the time of their block."""
    return {key: (*row[:-1], None) if key[0] == "rootstock" else row for key, row in rows.items()}


def test_the_blocks_of_the_days_are_asked_for_and_hardly_more(world):
    for name, chain in world.chains.items():
        first, last = chain.heights()
        asked_first, asked_last = world.asked(name)
        assert first - 2 <= asked_first <= first
        assert last <= asked_last <= last + 2
    assert world.house.answered(*DAYS) == DAYS


def test_every_log_of_the_bridges_is_loaded_to_the_last_byte(world):
    expected = timeless(logs(world.seeds, world.logs()))
    assert len(expected) > 3000
    assert world.house.logs() == expected
    assert world.incidents == []


def test_every_transfer_is_loaded_to_the_last_unit(world):
    found = world.house.events()
    assert found == timeless(events(world.seeds, world.logs()))
    assert {row[0] for row in found.values()} == {row["bridge_id"] for row in world.seeds["bridge_contracts"]}
    assert {len(row[12].encode()) % 32 for row in found.values() if row[12] is not None} == set(range(32))
    assert {0, 10**38 - 1, None} < {row[4] for row in found.values()}
    assert {"0", str(2**255 - 1), str(2**255), str(2**256 - 1)} < {row[8] for row in found.values()}


def test_the_unit_of_the_peg_flips_between_two_blocks(world):
    out = {key[1]: row[6:8] for key, row in world.house.events().items() if row[1] == "release_request_received"}
    assert out[FLIP - 1] == ("sats", 8)
    assert out[FLIP] == ("wei", 18)


def test_every_state_of_a_transfer_is_loaded(world):
    found = world.house.states()
    assert found == timeless(states(world.seeds, world.logs()))
    assert {row[2] for row in found.values()} == {"new", "sending", "mined", "refunded", "reclaimed", "rejected"}


def test_malformed_logs_are_set_aside_with_a_reason_each(world):
    assert world.house.rejected("logs") == []
    assert world.house.rejected("bridge_events") == [
        "amount is negative",
        "btcAddress does not lie within the data as UTF-8",
        "btcTxVout is no number of an output",
        "destBtcAddr does not lie within the data as UTF-8",
        "feeWei has more than 38 digits",
        "not 3 topics of 32 bytes",
    ]
    assert world.house.rejected("bridge_status") == [
        "data is shorter than 1 words",
        "newStatus is a number without a status in seeds.bridge_status_codes",
    ]


def test_headers_are_loaded_as_the_node_has_them_and_tell_the_time_of_every_log_without_one(world):
    found = world.house.headers()
    assert found == {
        (name, height): header_row(header, len(chain.mined[height]))
        for name, chain in world.chains.items()
        for height, header in chain.headers().items()
        if (name, height) in found
    }
    assert {key[:2] for key in world.house.logs() if key[0] == "rootstock"} <= found.keys()
    assert len(found) < len(world.chains["rootstock"].mined)


def header_row(header: dict[str, Any], tx_count: int) -> tuple:
    at = datetime.fromtimestamp(int(header["timestamp"], 16), UTC).replace(tzinfo=None)
    return at, header["hash"], header["parentHash"], tx_count, int(header["gasUsed"], 16), 0, None


def test_the_balance_of_the_peg_is_loaded_for_the_end_of_each_day(world):
    ends = [world.chains["rootstock"].heights(day, day)[1] for day in DAYS]
    held = [max((height, wei) for height, wei in BALANCES.items() if height <= end)[1] for end in ends]
    assert len(set(held)) == len(DAYS)
    found = world.house.table("balances", "balance_wei", key="chain_id, account, block_number")
    assert found == {("rootstock", PEG, end): (wei,) for end, wei in zip(ends, held, strict=True)}


def test_a_finished_window_is_asked_for_no_more(world):
    assert world.house.fetch() == 0


# --- nodes that cannot be trusted, and runs that end early --------------------------------------------------


def one_node(folder: Path, chain: Chain, most_range: int, **of_chain: str) -> Registry:
    """A registry of one chain, whose node is listed with a limit of the range."""

    def end(row: dict[str, str]) -> dict[str, str] | None:
        is_first = (row["source_id"], row["chain_id"], row["rank"]) == ("evm_rpc", chain.chain_id, "1")
        limits = {"style": "rpc", "max_batch_calls": "100", "max_block_range": str(most_range), "max_logs": ""}
        return row | {"base_url": chain.node.url} | limits if is_first else None

    no_anchor = {"anchor_block_number": "", "anchor_block_hash": ""}
    seeds = write_seeds(folder, source_endpoints=end, evm_chains=lambda row: row | no_anchor | of_chain)
    return Registry(seeds, chains=frozenset([chain.chain_id]))


def is_as_written(house: House, chain: Chain, first: int, last: int) -> bool:
    """Whether what is loaded between two blocks is what was written, and nothing else."""
    written = chain.logs(first, last)
    tables = [(house.logs(), logs), (house.events(), events), (house.states(), states)]
    return all(
        {key: row[:-1] for key, row in found.items() if first <= key[1] <= last}
        == {key: row[:-1] for key, row in expected(chain.seeds, written).items()}
        for found, expected in tables
    )


def test_a_node_of_another_chain_is_not_believed_and_the_next_one_serves(world, tmp_path):
    chain = world.chains["rootstock"]
    with Anvil(31, seconds(GENESIS)) as liar:
        liar.mine([(seconds(LATER - timedelta(days=1)), [])])
        nodes = [liar.url, chain.node.url]
        registry = Registry(world.house.registry.seeds, {"rootstock": nodes}, frozenset(["rootstock"]))
        house = House(tmp_path, registry)
        house.fetch()
        assert house.line.log_ranges(liar.url) == []
    [incident] = house.load()
    assert (incident.outcome, incident.request) == (Outcome.WRONG_CHAIN, f"POST {liar.url}")
    assert "chain 31, not 30" in incident.reason
    assert house.answered(*DAYS) == DAYS
    assert is_as_written(house, chain, *chain.heights())


@pytest.mark.parametrize("requests", [0, 25])
def test_after_a_kill_only_what_was_in_flight_is_asked_again(world, tmp_path, requests):
    chain = world.chains["rootstock"]
    house = House(tmp_path, one_node(tmp_path / "seeds", chain, most_range=16))
    house.line.breaks_after = requests
    with pytest.raises(KeyboardInterrupt):
        house.fetch()
    house.load()
    lost = len(house.line.sent) - house.archive.ledger("evm_rpc/logs").height
    house.line.breaks_after = None
    house.fetch()
    questions = house.line.questions()
    again = len(questions) - len(set(questions))
    assert 0 < lost <= WAVE
    assert again <= lost + 1, "what was lost, and who the node is"
    assert house.fetch() == 0
    house.load()
    assert is_as_written(house, chain, *chain.heights())


# --- chains that turn out otherwise -------------------------------------------------------------------------


def growth(chain: Chain, seed: int, minutes: float, start: datetime, until: datetime) -> Iterator[Block]:
    """Blocks about so many minutes apart."""
    random, at = Random(seed), start
    while (at := at + timedelta(seconds=1 + int(random.expovariate(1 / (60 * minutes))))) < until:
        yield at, [chain.draws.any_event() for _ in range(random.randint(0, 6))]


REORGANISED_FROM = 150
PACE = {"midnight where it was": (10, True), "at a greater height": (6, False), "at a smaller height": (16, False)}
"""Minutes between the new blocks, and whether logs say when their block was made."""


@pytest.mark.parametrize(("minutes", "has_times"), PACE.values(), ids=PACE)
def test_what_a_reorganisation_took_away_is_gone_after_the_next_run(world, tmp_path, minutes, has_times):
    """The last hours of a day, and the first of the next one, are made anew while the day is read."""
    now = midnight(FIRST) + timedelta(days=1, hours=3)
    with Chain("rootstock", world.house.registry.seeds) as chain:
        chain.mine(growth(chain, 1, 10, GENESIS, now))
        registry = one_node(tmp_path / "seeds", chain, 7, finality_tag="", finality_lag_blocks="0")
        house = House(tmp_path, registry, now + timedelta(minutes=5), [] if has_times else [chain.node.url])
        gone = {log.tx_hash for log in chain.logs(REORGANISED_FROM)}

        def reorganise(method: str) -> None:
            """Between two waves of ranges, when some of the blocks were read."""
            far = max((last for _, last in house.line.log_ranges()), default=0)
            if method == "eth_getBlockByNumber" and far > REORGANISED_FROM + 20:
                house.line.before = lambda _: None
                parent = chain.headers()[REORGANISED_FROM - 1]
                start = datetime.fromtimestamp(int(parent["timestamp"], 16), UTC).replace(tzinfo=None)
                first, *others = growth(chain, 2, minutes, start, now)
                chain.mine([first], instead_of=len(chain.mined) - REORGANISED_FROM)
                chain.node.call("anvil_setBalance", PEG, hex(7))
                chain.mine(others)

        house.line.before = reorganise
        house.fetch(FIRST, FIRST)
        house.load()
        assert gone & {row[1] for row in house.logs().values()}, "some was read before it was taken back"
        house.time.instant = now + timedelta(hours=21)
        house.line.breaks_after = len(house.line.sent) + 3
        with pytest.raises(KeyboardInterrupt):
            house.fetch(FIRST, FIRST)
        assert house.answered(FIRST) == []
        house.line.breaks_after = None
        house.fetch(FIRST, FIRST)
        house.load()
        assert is_of_the_chain(house, chain, gone, [FIRST])
        loaded = {key[:2] for key in house.logs() if key[1] in chain.mined}
        assert has_times or loaded <= house.headers().keys()
        held = house.table("balances", "balance_wei", key="chain_id, account, block_number")
        assert held["rootstock", PEG, chain.heights(FIRST, FIRST)[1]] == (7,)
        assert house.fetch(FIRST, FIRST) == 0

        chain.mine(growth(chain, 3, 10, now, now + timedelta(days=1)))
        house.time.instant = now + timedelta(days=1, hours=1)
        house.fetch(DAYS[1], DAYS[1])
        house.load()
        assert is_of_the_chain(house, chain, gone, DAYS[:2])


def is_of_the_chain(house: House, chain: Chain, gone: set[str], days: list[date]) -> bool:
    """Whether days are complete, and nothing is left in the blocks of the chain that is not of it."""
    hashes = {height: header["hash"] for height, header in chain.headers().items()}
    is_left = any(row[1] in gone for key, row in house.logs().items() if key[1] in hashes)
    is_stale = any(row[1] != hashes[key[1]] for key, row in house.headers().items() if key[1] in hashes)
    is_whole = house.answered(*days) == days and is_as_written(house, chain, *chain.heights(days[0], days[-1]))
    return is_whole and not is_left and not is_stale


def test_a_midnight_costs_six_headers_and_a_day_is_complete_when_all_its_blocks_are(world, tmp_path):
    """The chain changes its pace, and stands still in the middle of the last day until somebody goes on."""
    with Chain("merlin", world.house.registry.seeds) as chain:
        start = GENESIS
        for seed, (hours, minutes) in enumerate([(30, 5), (24, 20), (20, 8)]):
            until = start + timedelta(hours=hours)
            chain.mine(growth(chain, seed, minutes, start, until))
            start = until
        registry = Registry(world.house.registry.seeds, {"merlin": [chain.node.url]}, frozenset(["merlin"]))
        house = House(tmp_path, registry)
        house.fetch()
        final = len(chain.mined) - 1 - registry.evm_chains["merlin"].finality_lag_blocks
        headers = [int(height, 16) for height, _ in house.line.params_of("eth_getBlockByNumber")]
        head_and_floor = 2
        assert len(headers) <= 6 * len(DAYS) + head_and_floor
        assert len(set(headers)) == len(headers)
        assert house.line.log_ranges()[-1][1] == final
        assert house.answered(*DAYS) == DAYS[:-1]

        known = len(house.line.sent)
        chain.mine(growth(chain, 9, 10, start, midnight(LAST) + timedelta(days=1, hours=5)))
        house.fetch()
        del house.line.sent[:known]
        last = chain.heights()[1]
        assert house.answered(*DAYS) == DAYS
        [(first_asked, last_asked)] = house.line.log_ranges()
        assert first_asked == final + 1
        assert last <= last_asked <= last + 2
        house.load()
        assert is_as_written(house, chain, *chain.heights())
        assert house.fetch() == 0
