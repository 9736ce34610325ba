"""What differs between two runs besides their numbers: outputs, instruments, config, versions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff

from judge.records.record import Record
from judge.results.run import Measure, RunManifest
from judge.trust.admission import AdmittedResults

_ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChange:
    """How the outputs of one system differ, as ids of items.

    Attributes:
        n_items: of the set.
        added: answered in the second run only.
        removed: answered in the first run only.
    """

    system: str
    n_items: int
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def n_changed(self) -> int:
        """Items with another output, or with one in a single run."""
        return len(self.changed) + len(self.added) + len(self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChanges:
    """What differs between two runs on the same set.

    Attributes:
        outputs: of each system that both runs have, also where nothing differs.
        systems: names that one run has only, with which one, in words.
        metrics: likewise.
        instruments: metric to what differs in what was measured with, in words; those that are
            the same are absent.
        config: lines of the config that differ, each with ``-`` or ``+`` before it.
        versions: of this package and what its numbers depend on, in words.
    """

    outputs: tuple[OutputChange, ...]
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    instruments: Mapping[str, tuple[str, ...]]
    config: tuple[str, ...]
    versions: tuple[str, ...]


def run_changes(before: AdmittedResults, after: AdmittedResults) -> RunChanges:
    """Return what differs between two runs on the same set."""
    first, second = before.manifest, after.manifest
    metrics = [[m.metric for m in one.measures] for one in (first, second)]
    systems = [[s.name for s in one.systems] for one in (first, second)]
    return RunChanges(
        outputs=tuple(_output_changes(before, after, _in_both(*systems))),
        systems=tuple(_only_in_one(*systems)),
        metrics=tuple(_only_in_one(*metrics)),
        instruments={
            metric: found
            for metric in _in_both(*metrics)
            if (found := identity_changes(_measure(first, metric), _measure(second, metric)))
        },
        config=_config_lines(first.config, second.config),
        versions=tuple(mapping_changes(first.versions, second.versions)),
    )


def identity_changes(before: Measure, after: Measure) -> tuple[str, ...]:
    """Return in words what differs in what two runs measured a metric with."""
    return tuple(mapping_changes(before.identity, after.identity))


def mapping_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield ``name was 'this', is 'that'`` for each name whose text differs."""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name} was {before.get(name, _ABSENT)!r}, is {after.get(name, _ABSENT)!r}"


def _output_changes(
    before: AdmittedResults, after: AdmittedResults, systems: Sequence[str]
) -> Iterator[OutputChange]:
    old, new = _outputs(before.records), _outputs(after.records)
    for system in systems:
        mine, theirs = old[system], new[system]
        yield OutputChange(
            system=system,
            n_items=before.manifest.n_items,
            changed=tuple(name for name in mine if theirs.get(name, mine[name]) != mine[name]),
            added=tuple(name for name in theirs if name not in mine),
            removed=tuple(name for name in mine if name not in theirs),
        )


def _outputs(records: Sequence[Record]) -> dict[str, dict[str, str]]:
    outputs: dict[str, dict[str, str]] = {}
    for record in records:
        of_system = outputs.setdefault(record.system, {})
        if record.output is not None:
            of_system[record.item_id] = record.output
    return outputs


def _measure(manifest: RunManifest, metric: str) -> Measure:
    return next(measure for measure in manifest.measures if measure.metric == metric)


def _in_both(first: Sequence[str], second: Sequence[str]) -> list[str]:
    return [name for name in first if name in second]


def _only_in_one(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    yield from (f"{name} (in the first run only)" for name in first if name not in second)
    yield from (f"{name} (in the second run only)" for name in second if name not in first)


def _config_lines(first: str, second: str) -> tuple[str, ...]:
    lines = list(unified_diff(first.splitlines(), second.splitlines(), n=0, lineterm=""))
    return tuple(line for line in lines[2:] if not line.startswith("@@"))
