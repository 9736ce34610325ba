"""Whether rules speak of what a run has: known before anything is spent."""

from collections.abc import Mapping, Sequence

from judge.errors import ConfigError, did_you_mean
from judge.gates.operating import operation_metrics
from judge.gates.rule import Ask, Rule
from judge.records.record import Role, System, Target
from judge.results.run import Measure

_MOST_NAMED = 20


def check_rules(
    rules: Sequence[Rule],
    *,
    measures: Sequence[Measure],
    systems: Sequence[System],
    slices: Sequence[str] | None,
) -> None:
    """Check that all rules can be asked of a run.

    Args:
        rules: of its gate.
        measures: that it has, or is about to have.
        systems: likewise.
        slices: ``overall`` and each ``dimension=value`` of it; None where those of the rules are
            known to be there.

    Raises:
        ConfigError: one names a metric, a system or a slice that is not there, or asks what no
            outcome could meet; the message begins with the rule's place.
    """
    teacher, names = teacher_of(systems), [system.name for system in systems]
    metrics = {measure.metric: measure for measure in measures}
    for rule in rules:
        if rule.is_of_operations:
            _check_operations(rule)
        for name in rule.measured:
            _check_known(rule, "metric", name, list(metrics))
        if rule.together:
            _check_together(rule, metrics)
        for name in filter(None, (rule.system, rule.of)):
            _check_known(rule, "system", name, names)
        if slices is not None:
            for name in rule.slices:
                _check_known(rule, "slice", name, slices)
        if rule.ask in {Ask.RETAINS, Ask.SAVES_AT_LEAST}:
            _check_other(rule, teacher=teacher)
        if rule.ask is Ask.RETAINS and not rule.together:
            _check_share(rule, metrics[rule.metric])


def teacher_of(systems: Sequence[System]) -> str:
    """Return the name of the teacher among systems; empty where there is none."""
    return next((system.name for system in systems if system.role is Role.TEACHER), "")


def _check_operations(rule: Rule) -> None:
    known = operation_metrics(rule.ask)
    if not known:
        raise ConfigError(
            f"{rule.place}: {rule.ask.value} is not asked of {rule.metric}; ask at_least, at_most "
            "or saves_at_least"
        )
    _check_known(rule, "metric", rule.metric, known)


def _check_together(rule: Rule, metrics: Mapping[str, Measure]) -> None:
    if rule.ask is Ask.LOSES_AT_MOST:
        raise ConfigError(
            f"{rule.place}: loses_at_most is asked of one metric; write a rule for each"
        )
    for name, least in rule.together.items():
        measure = metrics[name]
        if not measure.lower < least <= measure.upper:
            raise ConfigError(
                f"{rule.place}: {name} goes from {measure.lower:g} to {measure.upper:g}, so that "
                f"at least {least:g} is reached by "
                f"{'every output' if least <= measure.lower else 'none'}"
            )


def _check_other(rule: Rule, *, teacher: str) -> None:
    other = rule.of or teacher
    if not other:
        what = "kept of" if rule.ask is Ask.RETAINS else "saved of"
        raise ConfigError(
            f"{rule.place}: no system is the teacher; say 'of:' which one a share is {what}"
        )
    if other == rule.system:
        raise ConfigError(f"{rule.place}: {other} would be held against itself; name a student")


def _check_share(rule: Rule, measure: Measure) -> None:
    if measure.target is Target.TEACHER or measure.lower != 0:
        why = "says how like the teacher" if measure.lower == 0 else "does not begin at 0"
        raise ConfigError(
            f"{rule.place}: {rule.metric} {why}, so that no share of it is kept; ask at_least"
        )


def _check_known(rule: Rule, what: str, name: str, known: Sequence[str]) -> None:
    if name in known:
        return
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    raise ConfigError(
        f"{rule.place}: the run has no {what} {name!r}{did_you_mean(name, known)}; "
        f"it has: {', '.join(known[:_MOST_NAMED]) or 'none'}{more}"
    )
