from judge.render.diagnosis_section import diagnosis_sections
from judge.reports.diagnosis import Finding
from judge.reports.suspicions import Pattern, Suspicion
from judge.stats.estimate import Estimate


def test_where_nothing_was_found_nothing_is_said() -> None:
    assert diagnosis_sections(()) == []


def test_a_finding_is_named_with_its_slice_its_numbers_examples_and_what_to_try() -> None:
    number = Estimate(value=0.3, low=0.2, high=0.4, level=0.95, n=50, n_clusters=50, method="t")
    one = Suspicion(
        pattern=Pattern.COVERAGE_GAP,
        system="student",
        slice="topic=legal",
        p_value=0.00001,
        evidence={"lost": number},
        examples=("i1", "i\n2"),
    )

    (section,) = diagnosis_sections([Finding(suspicion=one, p_value=0.0002, n_tests=20)])

    text = "\n".join(section.lines)
    assert "a coverage gap (student, topic=legal)" in text
    assert "lost 0.300 [0.200, 0.400]; p < 0.001, adjusted for 20 tests" in text
    assert "examples: i1, i 2" in text
    assert "next experiment:" in text
