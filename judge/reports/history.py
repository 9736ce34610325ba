"""A metric over many runs, and the places where two of them cannot be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from judge.reports.groups import OVERALL
from judge.reports.judge_change import served_by
from judge.reports.run_changes import identity_changes
from judge.reports.summary import SummaryRow, summarize
from judge.results.run import RunManifest
from judge.trust.admission import AdmittedResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Why the numbers before and after it are not comparable.

    Attributes:
        metric: whose; empty for all of them.
        words: what is another one.
    """

    metric: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One run.

    Attributes:
        rows: by metric and system, on the slice that is asked about.
        breaks: between the run before it and this one.
        n_changed: by system, whether its outputs are others than in the run before.
    """

    manifest: RunManifest
    rows: Mapping[tuple[str, str], SummaryRow]
    breaks: tuple[Break, ...]
    new_outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Runs in the order they began.

    Attributes:
        metrics: that any of them has, in order of appearance.
        systems: likewise.
    """

    slice: str
    metrics: tuple[str, ...]
    systems: tuple[str, ...]
    points: tuple[HistoryPoint, ...]


def history(
    runs: Sequence[AdmittedResults],
    *,
    slice_name: str = OVERALL,
    metrics: Sequence[str] = (),
    systems: Sequence[str] = (),
) -> History:
    """Return what runs say one after the other.

    Args:
        runs: oldest first.
        slice_name: ``overall`` or ``dimension=value``.
        metrics: those that are wanted; all where none is named.
        systems: likewise.
    """
    points: list[HistoryPoint] = []
    for place, run in enumerate(runs):
        earlier = runs[place - 1] if place else None
        rows = {
            (row.metric, row.system): row
            for row in summarize(run)
            if row.slice == slice_name
            and (not metrics or row.metric in metrics)
            and (not systems or row.system in systems)
        }
        points.append(
            HistoryPoint(
                manifest=run.manifest,
                rows=rows,
                breaks=tuple(_breaks(earlier, run)) if earlier else (),
                new_outputs=_new_outputs(earlier.manifest, run.manifest) if earlier else (),
            )
        )
    names = [name for point in points for name in point.rows]
    return History(
        slice=slice_name,
        metrics=tuple(dict.fromkeys(metric for metric, _ in names)),
        systems=tuple(dict.fromkeys(system for _, system in names)),
        points=tuple(points),
    )


def _breaks(before: AdmittedResults, after: AdmittedResults) -> Iterator[Break]:
    if before.manifest.dataset != after.manifest.dataset:
        yield Break(metric="", words="another evaluation set")
    earlier = {measure.measure.metric: measure for measure in before.measures}
    for new in after.measures:
        if (old := earlier.get(new.measure.metric)) is None:
            continue
        words = list(identity_changes(old.measure, new.measure))
        served = [served_by(one.facts.values()) for one in (old, new)]
        if not words and served[0] != served[1]:
            names = [", ".join(sorted(one)) or "nobody" for one in served]
            words.append(f"{names[0]} answered, now {names[1]}")
        if words:
            yield Break(metric=new.measure.metric, words="; ".join(words))


def _new_outputs(before: RunManifest, after: RunManifest) -> tuple[str, ...]:
    return tuple(
        name for name, found in after.outputs.items() if before.outputs.get(name, found) != found
    )
