"""Logs to the arguments of their events: ours against eth-abi (goal P5), and beside it tiders-core and DuckDB's SQL.

Belongs here: the gate (every value of every event equal to eth-abi's, and the sums to the truth) and the rounds.
Measured is one decode in memory, hex text in, by the CPU seconds of all threads; starting and reading is left out.

    python tests/bench/bench_decode.py [--rounds 5] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gen_chain
import polars as pl
from harness import BENCH, Chain, GateShut, Verdict, fresh_folder, is_installed, peer_python, publish, timed

AT_LEAST = 25
TIMED = "transfer"


def logs_of(chain: Chain, name: str) -> pl.DataFrame:
    """topic0 to topic3 and data of all logs of one event."""
    event = gen_chain.EVENTS[name]
    text = (chain.folder / "logs.json").read_bytes().rstrip(b",")
    schema = {"address": pl.String, "topics": pl.List(pl.String), "data": pl.String}
    logs = pl.read_json(b"[" + text + b"]", schema=schema)
    writers = gen_chain.CONTRACTS[event.writers]
    chosen = logs.filter(pl.col("address").is_in(writers), pl.col("topics").list.first() == event.topic0)
    topics = {f"topic{n}": pl.col("topics").list.get(n, null_on_oob=True) for n in range(4)}
    return chosen.select(**topics, data="data")


def arguments_of(declaration: str) -> list[dict[str, Any]]:
    """Name, type and indexed of each argument."""
    words = [part.split() for part in declaration.partition("(")[2].rstrip(")").split(",")]
    return [{"name": word[-1], "type": word[0], "indexed": "indexed" in word} for word in words]


@dataclass(frozen=True)
class Decoder:
    """One candidate. `peer`: whose environment it runs in, empty for ours; `how`: a last argument of its script.

    `cut` is eth-abi spared the addresses: those are cut out of their topics, and nobody looks at their padding.
    """

    name: str
    script: str
    peer: str = ""
    how: str = ""
    is_for_all: bool = False

    @property
    def is_installed(self) -> bool:
        return not self.peer or is_installed(self.peer)

    def file(self, event: str, folder: Path) -> Path:
        """Where its values are left."""
        return folder / f"{event}.{self.name}.parquet"

    def run(self, event: str, folder: Path) -> dict[str, float]:
        """One decode of all logs of an event; its seconds."""
        declaration = gen_chain.EVENTS[event].declaration
        python = peer_python(self.peer) if self.peer else sys.executable
        declared = json.dumps(arguments_of(declaration)) if self.peer else declaration
        files = [str(folder / f"{event}.parquet"), str(self.file(event, folder))]
        return json.loads(timed([python, str(BENCH / self.script), *files, declared, *self.how.split()]).output)


DECODERS = (
    Decoder("ours", "decode_ours.py", is_for_all=True),
    Decoder("eth_abi", "peers/decode_eth_abi.py", "naive", is_for_all=True),
    Decoder("tiders", "peers/decode_tiders.py", "tiders"),
    Decoder("sql", "decode_ours.py", how="sql"),
    Decoder("cut", "peers/decode_eth_abi.py", "naive", how="cut"),
)


def gate(chain: Chain, event: str, folder: Path, decoders: list[Decoder]) -> None:
    """Every value of every candidate equal to that of the others, and the sums to the truth. Raises `GateShut`."""
    columns = [argument["name"] for argument in arguments_of(gen_chain.EVENTS[event].declaration)]
    read = [pl.read_parquet(decoder.file(event, folder)).select(columns).cast(pl.String) for decoder in decoders]
    for decoder, frame in zip(decoders, read, strict=True):
        differing = pl.sum_horizontal(pl.col(column).ne_missing(read[0][column]).sum() for column in columns)
        if frame.height != read[0].height or frame.select(differing).item():
            raise GateShut(f"{decoder.name}: values of {event} differ from those of {decoders[0].name}")
    for column in columns:
        told = chain.told["columns"].get(f"{event}.{column}")
        texts = read[0][column].drop_nulls().to_list()
        values = [int(text) if text[:2] != "0x" else len(text) // 2 - 1 for text in texts] if told else []
        if told and (len(values), str(sum(values))) != (told["rows"], told["total"]):
            raise GateShut(f"{event}.{column}: {len(values)} values, {sum(values)} in all, truth {told}")
    print(f"{event}: {read[0].height} rows, {len(decoders)} decoders, 0 values differ", flush=True)


def measure(chain: Chain, rounds: int, decoders: list[Decoder]) -> dict[str, list[dict[str, float]]]:
    """The gate over all events, then the rounds of the timed one; the first round is thrown away."""
    measured: dict[str, list[dict[str, float]]] = {}
    with fresh_folder() as folder:
        for event in gen_chain.EVENTS:
            logs_of(chain, event).write_parquet(folder / f"{event}.parquet")
            taking_part = [decoder for decoder in decoders if decoder.is_for_all or event == TIMED]
            for decoder in taking_part:
                decoder.run(event, folder)
            gate(chain, event, folder, taking_part)
        for number in range(rounds + 1 if rounds else 0):
            for decoder in decoders:
                took = decoder.run(TIMED, folder)
                print(f"round {number} {decoder.name}: {took}", flush=True)
                measured.setdefault(decoder.name, []).append(took)
    return {name: timings[1:] for name, timings in measured.items()}


def verdicts(chain: Chain, measured: dict[str, list[dict[str, float]]]) -> list[Verdict]:
    rows = chain.told["columns"]["transfer.value"]["rows"]
    speed = {
        candidate: rows / statistics.median(one["cpu_seconds"] for one in timings)
        for candidate, timings in measured.items()
    }
    for candidate, per_second in speed.items():
        print(f"{candidate}: {per_second:,.0f} rows per CPU second")

    def faster(goal: str, what: str, peer: str) -> Verdict:
        figures = (f"{speed[one]:,.0f}/s" for one in ("ours", peer))
        return Verdict(goal, what, *figures, speed["ours"] / speed[peer], at_least=AT_LEAST)

    what = "decoded Transfers per CPU second, every value of every event exact; peer: eth-abi"
    return [faster("P5", what, "eth_abi"), faster("P5 cut", "the same; peer: eth-abi for the amount only", "cut")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="the smallest chain and what is installed: the gate alone")
    options = parser.parse_args()
    chain = Chain.of("smoke" if options.smoke else "w1")
    try:
        standing = [decoder for decoder in DECODERS if decoder.is_installed or not options.smoke]
        measured = measure(chain, 0 if options.smoke else options.rounds, standing)
        if measured:
            publish(verdicts(chain, measured), options.rounds)
    except GateShut as shut:
        print(shut, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
