"""Training overlap: our exact search beside MinHash with locality-sensitive hashing.

Evaluation texts of a made-up language are looked for in training rows of it, some of which repeat
them: character for character, with other case and punctuation, with a few words changed, or inside
a longer row. The peer is `datasketch`: 128 permutations, a threshold of .8 on three-word shingles,
what it proposes compared in full. Each search is a process of its own with one thread, so that its
memory and its seconds of the processor are its own; these hold for this machine only.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from datasketch import MinHash, MinHashLSH
from rich.console import Console
from rich.table import Table

from judge.records.overlap import EvaluationText, find_overlap

WORDS = 40_000
LENGTHS = (15, 120)
LEAKS_OF_A_KIND = 100
NEAR, SHINGLE = 0.8, 3
Found: TypeAlias = tuple[float, float, set[str]]
Search: TypeAlias = Callable[[Mapping[str, str], Path], set[str]]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=200_000)
    options = parser.parse_args()
    rng = np.random.default_rng(11)
    items = {f"i{place}": text for place, text in enumerate(_texts(rng, options.items))}
    planted = _planted(rng, items)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.jsonl"
        _write(file, rng, options.rows, [row for rows in planted.values() for _, row in rows])
        ours, theirs = _measured(_search, items, file), _measured(_minhash, items, file)
    table = Table("search", "CPU s", "MiB", *planted, "found beside")
    for name, (seconds, memory, found) in (("ours", ours), ("MinHash LSH", theirs)):
        known = {item for rows in planted.values() for item, _ in rows}
        told = [
            f"{sum(item in found for item, _ in rows)} of {len(rows)}" for rows in planted.values()
        ]
        table.add_row(name, f"{seconds:,.1f}", f"{memory:,.0f}", *told, str(len(found - known)))
    console = Console()
    console.print(table)
    console.print(f"{options.items:,} items in {options.rows:,} rows: {theirs[0] / ours[0]:.1f} x")


def _search(items: Mapping[str, str], file: Path) -> set[str]:
    texts = (
        EvaluationText(item_id=name, part="input", text=text, cluster=name)
        for name, text in items.items()
    )
    return set(find_overlap(texts, [file]).leaked_items)


def _minhash(items: Mapping[str, str], file: Path) -> set[str]:
    index = MinHashLSH(threshold=NEAR, num_perm=128)
    shingles = {name: _shingles(text) for name, text in items.items()}
    for name, own in shingles.items():
        index.insert(name, _hashed(own))
    found: set[str] = set()
    with file.open() as lines:
        for line in lines:
            there = _shingles(json.loads(line)["text"])
            for name in index.query(_hashed(there)):
                both = len(shingles[name] & there)
                if both >= NEAR * (len(shingles[name]) + len(there) - both):
                    found.add(name)
    return found


def _hashed(shingles: set[str]) -> MinHash:
    made = MinHash(num_perm=128)
    made.update_batch([shingle.encode() for shingle in shingles])
    return made


def _shingles(text: str) -> set[str]:
    words = "".join(mark if mark.isalnum() else " " for mark in text.lower()).split()
    return {" ".join(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1)}


def _measured(search: Search, items: Mapping[str, str], file: Path) -> Found:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_in_child, args=(search, items, file, theirs.send))
    child.start()
    found: Found = ours.recv()
    child.join()
    return found


def _in_child(
    search: Search, items: Mapping[str, str], file: Path, tell: Callable[[Found], None]
) -> None:
    before = _peak_mib()
    started = time.process_time()
    found = search(items, file)
    tell((time.process_time() - started, _peak_mib() - before, found))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _texts(rng: np.random.Generator, n: int) -> Iterator[str]:
    """Yield texts whose words are as unevenly frequent as those of a language."""
    up_to = np.cumsum(1 / np.arange(1, WORDS + 1))
    for length in rng.integers(*LENGTHS, size=n):
        drawn = np.searchsorted(up_to, rng.random(length) * up_to[-1])
        yield " ".join(f"w{word}" for word in drawn.tolist())


def _planted(
    rng: np.random.Generator, items: Mapping[str, str]
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return rows that repeat an item, by the way they do, each with the item."""
    long = [name for name, text in items.items() if text.count(" ") > 2 * LENGTHS[0]]
    chosen = iter(rng.permutation(long)[: 4 * LEAKS_OF_A_KIND].tolist())
    some = [[next(chosen) for _ in range(LEAKS_OF_A_KIND)] for _ in range(4)]
    beside = list(_texts(rng, 2 * LEAKS_OF_A_KIND))
    return {
        "exact": [(name, items[name]) for name in some[0]],
        "spelt otherwise": [(name, items[name].upper().replace(" ", ",  ")) for name in some[1]],
        "near": [(name, _barely_alike(items[name], rng)) for name in some[2]],
        "inside": [
            (name, f"{beside[2 * k]} {items[name]} {beside[2 * k + 1]}")
            for k, name in enumerate(some[3])
        ],
    }


def _barely_alike(text: str, rng: np.random.Generator) -> str:
    """Change words one by one, as long as the Jaccard index of the shingles reaches .8."""
    words, own = text.split(), _shingles(text)
    for place in rng.permutation(len(words)):
        changed = [*words[:place], "changed", *words[place + 1 :]]
        there = _shingles(" ".join(changed))
        if len(own & there) < NEAR * len(own | there):
            return " ".join(words)
        words = changed
    return " ".join(words)


def _write(file: Path, rng: np.random.Generator, n: int, planted: Sequence[str]) -> None:
    places = set(rng.choice(n, size=len(planted), replace=False).tolist())
    waiting = iter(planted)
    with file.open("w") as rows:
        for place, text in enumerate(_texts(rng, n)):
            rows.write(json.dumps({"text": next(waiting) if place in places else text}) + "\n")


if __name__ == "__main__":
    main()
