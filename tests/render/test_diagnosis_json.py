from judge.render.diagnosis_json import finding_json
from judge.reports.diagnosis import Finding
from judge.reports.suspicions import Pattern, Suspicion
from judge.stats.estimate import Estimate


def test_a_finding_carries_its_evidence_and_what_to_try() -> None:
    number = Estimate(value=0.3, low=0.2, high=0.4, level=0.95, n=50, n_clusters=50, method="t")
    one = Suspicion(
        pattern=Pattern.COVERAGE_GAP,
        system="student",
        slice="topic=legal",
        p_value=0.0001,
        evidence={"lost": number},
        examples=("i1", "i2"),
    )

    found = finding_json(Finding(suspicion=one, p_value=0.002, n_tests=20))

    assert (found["pattern"], found["slice"]) == ("coverage_gap", "topic=legal")
    assert (found["p_value"], found["n_tests"]) == (0.002, 20)
    assert found["examples"] == ["i1", "i2"]
    evidence = found["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["lost"]["low"] == 0.2
    assert found["next_experiment"]
