"""Format adherence: our scorer beside a loop over cached `jsonschema` validators.

The loop parses with `json` and lists every error; ours also refuses duplicate keys, reads leniently
what is no strict JSON, classifies every error and makes an outcome of each output. Beside both
stand the libraries alone: msgspec reads, jsonschema-rs lists errors with kind, place and message,
and what is no JSON is passed over; no program on these two is faster on one core. Times are of the
processor, since neighbours disturb the wall clock; repeats are interleaved and the best is taken;
absolute times hold for this machine only.
"""

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Callable, Sequence
from functools import partial

import jsonschema_rs
import msgspec
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from rich.console import Console
from rich.table import Table

from benchmarks.adherence_documents import SCHEMAS, outputs
from judge.records.record import Record
from judge.scorers.adherence import AdherenceScorer

BATCH = 512
BROKEN = 0.3
LOOPED = 1_000
"""Outputs the loop really checks."""
REPEATS = 7


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outputs", type=int, default=20_000)
    n = parser.parse_args().outputs
    schemas = [json.dumps(schema) for schema in SCHEMAS]
    scorer = AdherenceScorer(schemas)
    cached = [validator_for(schema)(schema) for schema in SCHEMAS]
    table = Table("outputs", "characters", "broken", "ours, /s", "jsonschema loop, /s", "ratio")
    table.add_column("libraries alone, /s")
    bare = [jsonschema_rs.validator_for(schema) for schema in SCHEMAS]
    for broken in (BROKEN, 0.0):
        made = outputs(n, broken=broken)
        records = [_record(text, schemas[place]) for place, text in made]
        loop, ours, alone = _rates(
            partial(_loop, made[:LOOPED], cached),
            partial(_score, records, scorer),
            partial(_alone, made, bare),
            sizes=(min(n, LOOPED), n, n),
        )
        characters = sum(len(text) for _, text in made) / n
        table.add_row(
            f"{n:,}",
            f"{characters:,.0f} each",
            f"{broken:.0%}",
            f"{ours:,.0f}",
            f"{loop:,.0f}",
            f"{ours / loop:,.0f} x",
            f"{alone:,.0f} ({alone / loop:,.0f} x)",
        )
    Console().print(table)


def _rates(*works: Callable[[], None], sizes: Sequence[int]) -> list[float]:
    best = [float("inf")] * len(works)
    gc.freeze()  # the outputs are no garbage
    for _ in range(REPEATS):
        for k, work in enumerate(works):
            started = time.process_time()
            work()
            best[k] = min(best[k], time.process_time() - started)
    return [size / seconds for size, seconds in zip(sizes, best, strict=True)]


def _loop(made: Sequence[tuple[int, str]], cached: Sequence[Validator]) -> None:
    for place, text in made:
        try:
            document = json.loads(text)
        except ValueError:
            continue
        for error in cached[place].iter_errors(document):
            _ = (error.validator, list(error.absolute_path), error.message)


def _alone(made: Sequence[tuple[int, str]], bare: Sequence[jsonschema_rs.Validator]) -> None:
    decoder = msgspec.json.Decoder()
    for place, text in made:
        try:
            document = decoder.decode(text)
        except msgspec.DecodeError:
            continue
        if not bare[place].is_valid(document):
            for error in bare[place].iter_errors(document):
                _ = (error.kind, error.instance_path, error.message)


def _score(records: Sequence[Record], scorer: AdherenceScorer) -> None:
    async def score() -> None:
        for start in range(0, len(records), BATCH):
            await scorer.score(records[start : start + BATCH])

    asyncio.run(score())


def _record(output: str, schema: str) -> Record:
    return Record(
        item_id="i",
        system="s",
        input="",
        output=output,
        references=(),
        teacher_output=None,
        schema=schema,
        slices={},
        cluster="i",
    )


if __name__ == "__main__":
    main()
