"""How long the HTML report of many records takes to write, and to open in headless Chromium.

    python benchmarks/report_html.py [--records N] [--keep FILE]

Three systems answer as many items; every record has a verdict, a similarity and a format score, and
texts of about 1,400 characters. Opened is: navigated to, the examples listed, the first one shown
and painted. The best of five is told beside the worst.
"""

import argparse
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
from playwright.sync_api import Page, sync_playwright

from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.render.json import report_json
from judge.render.report_html import report_html
from judge.reports.report import Report, report_on
from judge.results.outcome import Outcome, Score
from judge.results.run import Measure, Result, RunManifest
from judge.trust.admission import admit

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ROLES = {"teacher": Role.TEACHER, "sft": Role.SFT, "distilled": Role.DISTILLED}
SHARES = {"teacher": 0.9, "sft": 0.6, "distilled": 0.8}
SENTENCE = "the invoice of March was paid by the tenant before it was due and nobody had asked"
WORDS = SENTENCE.split()
TRIES = 5


def main() -> None:
    """Write the report, open it five times and print how long each took."""
    options = argparse.ArgumentParser()
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--keep", type=Path)
    asked = options.parse_args()
    report = made_report(asked.records)
    begun = perf_counter()
    body = report_html(report)
    written = perf_counter() - begun
    print(f"records {len(report.examples):,}; as JSON {len(report_json(report)) / 1e6:,.1f} MB")
    print(f"report.html {len(body) / 1e6:.2f} MB, written in {written:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        path.write_bytes(body)
        times = opening_times(path)
        if asked.keep:
            shutil.copy(path, asked.keep)
    print(f"opened in {min(times):.2f} s to {max(times):.2f} s ({TRIES} times)")


def opening_times(path: Path) -> list[float]:
    """Return how long a file takes to open, in seconds, each time in a new page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        times = [_opening_time(browser.new_page(), path) for _ in range(TRIES)]
        browser.close()
    return times


def _opening_time(page: Page, path: Path) -> float:
    begun = perf_counter()
    page.goto(path.as_uri(), wait_until="load")
    page.wait_for_selector(".example .said")
    page.screenshot()
    return perf_counter() - begun


def made_report(n_records: int) -> Report:
    """Return a report of made records."""
    manifest, dataset, results = made_run(n_records)
    return report_on(
        admit(manifest, dataset, results, certificates=[], left_open=frozenset(), now=NOW)
    )


def made_run(n_records: int) -> tuple[RunManifest, Dataset, list[Result]]:
    """Return a run of made records, with its results."""
    rng = np.random.default_rng(0)
    ids = [f"item-{place:06d}" for place in range(-(-n_records // len(ROLES)))]
    items = tuple(
        Item(
            item_id=item_id,
            cluster=item_id,
            input=_text(rng, 130),
            references=(_text(rng, 40),),
            slices={"kind": f"kind {place % 7}", "length": "long" if place % 3 else "short"},
        )
        for place, item_id in enumerate(ids)
    )
    dataset = Dataset(
        items=items,
        systems=tuple(System(name=name, role=role) for name, role in ROLES.items()),
        outputs={name: {item_id: _text(rng, 40) for item_id in ids} for name in ROLES},
    )
    measures = (
        _measure("equivalence", Target.REFERENCE, judged=True),
        _measure("similarity", Target.REFERENCE),
        _measure("adherence", Target.SCHEMA),
    )
    manifest = RunManifest(
        run_id="20260501-120000-abcdef",
        name="many records",
        purpose="score",
        started=NOW,
        dataset="d",
        population="p",
        outputs={name: f"outputs of {name}" for name in ROLES},
        n_items=len(ids),
        systems=dataset.systems,
        slices=dataset.slice_values,
        measures=measures,
        seed=0,
        rated=True,
        versions={},
        config="",
        config_path="c.yaml",
    )
    results = [
        Result(
            run_id=manifest.run_id,
            key=RecordKey(item_id=item_id, system=name),
            outcome=_outcome(rng, measure, SHARES[name]),
            content="x",
            duration_s=0.0,
        )
        for name in ROLES
        for item_id in ids
        for measure in measures
    ]
    return manifest, dataset, results


def _text(rng: np.random.Generator, n_words: int) -> str:
    return " ".join(WORDS[place] for place in rng.integers(0, len(WORDS), n_words))


def _measure(scorer: str, target: Target, *, judged: bool = False) -> Measure:
    return Measure(
        scorer=scorer,
        target=target,
        judged=judged,
        criterion=scorer,
        lower=-1.0 if scorer == "similarity" else 0.0,
        upper=1.0,
        categories=("different", "equivalent") if judged else (),
        identity={"model": "m"},
        empty_value=0.0,
    )


def _outcome(rng: np.random.Generator, measure: Measure, share: float) -> Outcome:
    value = float(rng.random() < share) if measure.scorer != "similarity" else float(rng.random())
    return Score(
        scorer=measure.scorer,
        target=measure.target,
        value=value,
        signature=measure.signature,
        label=measure.categories[int(value)] if measure.judged else "",
        rationale=_text(rng, 30) if measure.judged else "",
    )


if __name__ == "__main__":
    main()
