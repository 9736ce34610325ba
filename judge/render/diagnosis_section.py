"""The diagnosis as a section of a page."""

from collections.abc import Iterator, Sequence

from judge.render.page import Section
from judge.render.text import flat, interval
from judge.reports.diagnosis import Finding

_LEAST_P = 0.001


def diagnosis_sections(findings: Sequence[Finding]) -> list[Section]:
    """Return the section, or none where nothing was found."""
    if not findings:
        return []
    return [Section(title="Diagnosis", lines=[line for one in findings for line in _lines(one)])]


def _lines(found: Finding) -> Iterator[str]:
    one, words = found.suspicion, found.words
    where = ", ".join(part for part in (one.system, one.slice, one.metric) if part)
    yield f"{words.title} ({where}): {words.condition}"
    evidence = "; ".join(f"{name} {interval(number)}" for name, number in one.evidence.items())
    yield f"evidence: {evidence}; p {_p(found.p_value)}, adjusted for {found.n_tests} tests"
    if one.examples:
        yield f"examples: {', '.join(flat(item) for item in one.examples)}"
    yield f"next experiment: {words.next_experiment}"


def _p(value: float) -> str:
    return f"< {_LEAST_P}" if value < _LEAST_P else f"= {value:.3f}"
