"""Our encoder beside `SentenceTransformer.encode`: texts a second, ratio, deviation from fp32.

It needs torch, transformers, sentence-transformers and numpy, and runs as it is on a bare machine
with a GPU (``python benchmarks/embeddings.py --model FOLDER``). Times are medians of interleaved
repeats and hold for this machine only; on a CPU they are CPU seconds, which neighbours disturb
less than wall seconds do. On a GPU it also prints what the card's matrix multiplication and the
tokenizer alone would allow.
"""

import argparse
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).parents[1]
if find_spec("judge") is None:  # not installed, and the rest of it needs more than is there
    package = types.ModuleType("judge")
    package.__path__ = [str(ROOT / "judge")]
    sys.modules["judge"] = package

from judge.models.encoder import (  # noqa: E402 - after the package is made
    EncoderEmbedder,
    LinearPath,
    Precision,
    encoder_device,
    find_model,
)

WORDS = (
    *("the", "of", "and", "invoice", "payment", "was", "due", "in", "March", "but", "nobody"),
    *("signed", "it", "before", "report", "reached", "office", "a", "year", "later", "people"),
    *("asked", "why", "no", "answer", "came", "from", "those", "who", "had", "promised", "one"),
)
MEAN_WORDS = 48
"""60 tokens a text with signs and numbers, as answers and summaries have on average."""
SPREAD = 0.8
"""Of the logarithm of the length: most are short, a few are at the model's limit."""
MOST_WORDS = 300

Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to embed the texts."""

    name: str
    embed: Callable[[list[str]], Vectors]


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--texts", type=int, default=0, help="0: 256 on a CPU, 100,000 on a GPU")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 0 leaves them alone")
    parser.add_argument("--bf16", action="store_true", help="on a CPU too")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    gpu = torch.cuda.is_available()
    texts = made_up(asked.texts or (100_000 if gpu else 256))
    tokens = EncoderEmbedder(asked.model).token_counts(texts)
    print(
        f"{encoder_device()}; {torch.backends.cpu.get_cpu_capability()}; {len(texts):,} texts, "
        f"{tokens.mean():.0f} tokens on average, {np.percentile(tokens, 95):.0f} at 95 %"
    )
    measure(_variants(asked.model, gpu=gpu, bf16=asked.bf16), texts, repeats=asked.repeats, gpu=gpu)
    if gpu:
        ceilings(asked.model, texts)
    stream(asked.model, texts)


def made_up(n: int) -> list[str]:
    """Return texts of a spread of lengths, all of them different."""
    rng = np.random.default_rng(7)
    lengths = np.exp(rng.normal(np.log(MEAN_WORDS) - SPREAD**2 / 2, SPREAD, n)).astype(int)
    return [
        f"{place}: " + " ".join(rng.choice(WORDS, max(1, min(MOST_WORDS, length)))) + "."
        for place, length in enumerate(lengths)
    ]


def _variants(model: str, *, gpu: bool, bf16: bool) -> list[Variant]:
    reference = SentenceTransformer(str(find_model(model).path))

    def encode(batch_size: int) -> Callable[[list[str]], Vectors]:
        return lambda texts: np.asarray(
            reference.encode(texts, batch_size=batch_size, normalize_embeddings=True)
        )

    def ours(embedder: EncoderEmbedder) -> Callable[[list[str]], Vectors]:
        return embedder.embed

    found = [
        Variant(name="encode, default", embed=encode(32)),
        Variant(name=f"encode, batches of {512 if gpu else 8}", embed=encode(512 if gpu else 8)),
        Variant(name="ours, float32", embed=ours(EncoderEmbedder(model))),
    ]
    if not gpu:
        onednn = EncoderEmbedder(model, linear=LinearPath.ONEDNN)
        plain = EncoderEmbedder(model, linear=LinearPath.PLAIN)
        found.append(Variant(name="ours, float32, oneDNN", embed=ours(onednn)))
        found.append(Variant(name="ours, float32, as torch has it", embed=ours(plain)))
    for precision in (Precision.FLOAT16, Precision.BFLOAT16) if gpu else ():
        half = EncoderEmbedder(model, precision=precision)
        found.append(Variant(name=f"ours, {precision}", embed=ours(half)))
    if bf16 and not gpu:
        half = EncoderEmbedder(model, precision=Precision.BFLOAT16)
        found.append(Variant(name="ours, bfloat16", embed=ours(half)))
    return found


def measure(variants: list[Variant], texts: list[str], *, repeats: int, gpu: bool) -> None:
    """Print a line for each variant."""
    for variant in variants:
        variant.embed(texts[:64])  # loaded and warm
    exact = variants[0].embed(texts).astype(np.float64)
    ranks = np.argsort(exact @ exact[0])[-100:]
    times: dict[str, list[float]] = {variant.name: [] for variant in variants}
    vectors: dict[str, Vectors] = {}
    for _ in range(repeats):
        for variant in variants:
            seconds, vectors[variant.name] = _timed(variant.embed, texts, gpu=gpu)
            times[variant.name].append(seconds)
    base = median(times[variants[0].name])
    unit = "texts/s" if gpu else "texts/CPU s"
    print(f"\n{'variant':34}{unit:>12}{'ratio':>8}{'1 - cos, mean':>16}{'largest':>10}  same order")
    for variant in variants:
        found = vectors[variant.name].astype(np.float64)
        distance = 1 - (found * exact).sum(axis=1) / np.linalg.norm(found, axis=1)
        same = np.array_equal(np.argsort(found @ found[0])[-100:], ranks)
        seconds = median(times[variant.name])
        mean, most = max(0.0, float(distance.mean())), max(0.0, float(distance.max()))
        print(
            f"{variant.name:34}{len(texts) / seconds:12,.0f}{base / seconds:7.2f}x"
            f"{mean:16.1e}{most:10.1e}  {same}"
        )


def _timed(
    embed: Callable[[list[str]], Vectors], texts: list[str], *, gpu: bool
) -> tuple[float, Vectors]:
    clock = time.perf_counter if gpu else time.process_time
    started = clock()
    vectors = embed(texts)
    return clock() - started, vectors


def ceilings(model: str, texts: list[str]) -> None:
    """Print what the card and the tokenizer would allow."""
    size = 8_192
    left, right = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        left @ right
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(20):
        left @ right
    torch.cuda.synchronize()
    rate = 20 * 2 * size**3 / (time.perf_counter() - started)
    embedder = EncoderEmbedder(model)
    started = time.perf_counter()
    tokens = embedder.token_counts(texts)
    tokenised = len(texts) / (time.perf_counter() - started)
    encoder = SentenceTransformer(str(find_model(model).path))[0]
    layers = [one for one in encoder.modules() if isinstance(one, torch.nn.Linear)]
    per_token = 2 * sum(layer.weight.numel() for layer in layers)
    per_text = per_token * float(np.minimum(tokens, embedder.token_limit).mean())
    print(
        f"\nbfloat16 matmul: {rate / 1e12:.0f} TFLOP/s, which is {rate / per_text:,.0f} texts/s "
        f"of {per_text / 1e9:.2f} GFLOP in linear layers; 40 % of it {0.4 * rate / per_text:,.0f}"
        f"\ntokenizer alone: {tokenised:,.0f} texts/s"
    )


def stream(model: str, texts: list[str]) -> None:
    """Print how fast pairs are compared without keeping their vectors."""
    embedder = EncoderEmbedder(model)
    embedder.embed(texts[:1])
    started = time.perf_counter()
    compared = sum(len(block) for block in embedder.cosines(pairwise(texts)))
    print(
        f"\n{compared:,} pairs of neighbours: {compared / (time.perf_counter() - started):,.0f}/s"
    )


if __name__ == "__main__":
    main()
