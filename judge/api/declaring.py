"""What a project is about to measure, and whether what it decides by is among that."""

from collections.abc import Sequence
from datetime import UTC, datetime

from judge.api.project import Project, RunContext
from judge.errors import ConfigError, did_you_mean
from judge.gates.checking import check_rules
from judge.models.cache import CompletionStore
from judge.models.dry import DryRun
from judge.records.record import Target
from judge.results.run import Measure
from judge.results.store import MemoryStore
from judge.results.terms import DecisionTerms

_NEVER = datetime.min.replace(tzinfo=UTC)


async def measures_of(project: Project) -> list[Measure]:
    """Return what a run of a project measures; nothing is sent."""
    async with project.instruments(nothing_sent()) as instruments:
        return [instrument.scorer.measure for instrument in instruments]


async def check_decisions(project: Project) -> None:
    """Check that the metrics and systems a project decides by are there; nothing is sent.

    Raises:
        ConfigError: one is not; the message names line and remedy.
    """
    check_measured(project, await measures_of(project))


def check_measured(project: Project, measures: Sequence[Measure]) -> None:
    """Check that what a project decides by is among what it measures.

    Raises:
        ConfigError: it is not.
    """
    _check_metric(project.terms, measures)
    check_rules(project.rules, measures=measures, systems=project.dataset.systems, slices=None)


def nothing_sent(dry: DryRun | None = None, answers: CompletionStore | None = None) -> RunContext:
    """Return what a run that sends and stores nothing gives to its instruments.

    Args:
        dry: counts what would be asked; None where nobody wants to know.
        answers: where answers are kept that would be used again; None for nowhere.
    """
    log = MemoryStore().attempts("", replay=False)
    return RunContext(log=log, answers=answers, dry=dry or DryRun(at=_NEVER))


def _check_metric(terms: DecisionTerms, measures: Sequence[Measure]) -> None:
    known = [m.metric for m in measures if m.target is not Target.TEACHER and m.lower == 0]
    if terms.metric and terms.metric not in known:
        raise ConfigError(
            f"{terms.place}.metric: {terms.metric!r} is nothing that a share of the teacher's can "
            f"be kept of{did_you_mean(terms.metric, known)}; here are: {', '.join(known) or 'none'}"
        )
