"""A finding of the diagnosis as JSON."""

from judge.render.figures_json import figure_json
from judge.reports.diagnosis import Finding


def finding_json(found: Finding) -> dict[str, object]:
    """Return a finding with its condition, evidence, examples and the next experiment."""
    one, words = found.suspicion, found.words
    return {
        "pattern": one.pattern.value,
        "title": words.title,
        "system": one.system,
        "slice": one.slice,
        "metric": one.metric,
        "condition": words.condition,
        "p_value": found.p_value,
        "n_tests": found.n_tests,
        "evidence": {name: figure_json(number) for name, number in one.evidence.items()},
        "examples": list(one.examples),
        "next_experiment": words.next_experiment,
    }
