from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from judge.records.scale import EQUIVALENCE as SCALE
from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import FateCode, Score, Vote
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue
from judge.testing import judged_measure, labelled_verdicts, random_sample_by_people
from judge.trust.certificate import TrustThresholds, default_primary
from judge.trust.labels import LabelledVerdict
from judge.trust.validation import Validation, validate

NOW = datetime(2026, 5, 1, tzinfo=UTC)
GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))


def _validation(
    verdicts: Sequence[LabelledVerdict],
    *,
    scale: Scale = SCALE,
    baseline: Sequence[LabelledVerdict] | None = None,
    identity: dict[str, str] | None = None,
) -> Validation:
    measure = judged_measure(scale)
    return validate(
        verdicts,
        measure=replace(measure, identity=identity) if identity else measure,
        scale=scale,
        provenance=random_sample_by_people(),
        thresholds=TrustThresholds(primary=default_primary(scale)),
        baseline=baseline,
        now=NOW,
        seed=0,
        contents={verdict.key: f"content of {verdict.key.item_id}" for verdict in verdicts},
    )


def _draw(seed: int, n: int, *, right: float = 0.9) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(seed)
    human = rng.integers(0, 2, n)
    judge = np.where(rng.random(n) < right, human, 1 - human)
    return human.tolist(), judge.tolist()


def _value(figure: Estimate | Undefined) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.value


def test_agreement_is_reported_for_each_system_and_slice() -> None:
    human, judge = _draw(2, 60)
    wrong = [1 - label for label in human]
    verdicts = [
        *labelled_verdicts(human, judge, system="student", slices={"kind": "mail"}),
        *labelled_verdicts(human, wrong, system="teacher", slices={"kind": "chat"}),
    ]

    found = _validation(verdicts)

    assert set(found.systems) == {"student", "teacher"}
    assert set(found.slices) == {"kind=mail", "kind=chat"}
    assert _value(found.systems["teacher"].figures["kappa"]) < 0
    assert found.systems["student"].figures == found.slices["kind=mail"].figures
    assert (found.overall.n_labels, found.overall.n_items) == (120, 60)


def test_what_the_judge_could_not_say_is_counted_by_name_and_never_averaged() -> None:
    human, judge = _draw(1, 60)
    silent = [FateCode.JUDGE_REFUSED, FateCode.JUDGE_REFUSED, FateCode.OUTPUT_EMPTY, None]

    whole = _validation(labelled_verdicts(human, judge))
    found = _validation(labelled_verdicts([*human, 1, 0, 1, 1], [*judge, *silent]))

    fates = {"judge_refused": 2, "output_empty": 1, "not_applicable": 1}
    assert found.overall.fates == found.systems["student"].fates == fates
    assert found.overall.n_labels == 60
    assert found.overall.figures == whole.overall.figures


def test_disagreements_are_all_there_and_the_widest_come_first() -> None:
    verdicts = labelled_verdicts([0, 4, 2, 4], [1, 0, 2, FateCode.JUDGE_REFUSED], scale=GRADES)

    found = _validation(verdicts, scale=GRADES)

    assert [(d.key.item_id, d.human, d.judge, d.gap) for d in found.disagreements] == [
        ("i1", "5", "1", -1.0),
        ("i0", "1", "2", 0.25),
    ]


def test_the_baseline_stands_beside_the_judge_on_the_same_labels() -> None:
    human, judge = _draw(5, 60)
    verdicts = labelled_verdicts(human, judge)

    found = _validation(verdicts, baseline=labelled_verdicts(human, [1] * 60))

    assert found.baseline is not None
    assert _value(found.baseline.figures["informedness"]) == 0
    assert _validation(verdicts).baseline is None


def test_the_certificate_says_what_was_found() -> None:
    human, judge = _draw(0, 200)

    found = _validation(labelled_verdicts(human, judge))

    certificate = found.certificate
    assert certificate.findings == found.overall.figures
    assert certificate.undefined == {}
    assert (certificate.n_labels, certificate.n_items) == (200, 200)
    assert certificate.served == ("fake-judge-0501",)
    assert (certificate.ratings, certificate.population) == ("ratings", "population")
    assert certificate.signature == judged_measure().signature
    assert certificate.issued == NOW
    assert certificate.standing is found.standing
    assert certificate.reasons == found.reasons


def test_the_certificate_keeps_which_systems_served_and_the_verdict_a_rule_made() -> None:
    verdicts = []
    for place, verdict in enumerate(labelled_verdicts([1, 0] * 40, [1, 0] * 40)):
        assert isinstance(verdict.outcome, Score)
        turned = SCALE.categories[1 - SCALE.code(verdict.outcome.label)]
        panel = replace(
            verdict.outcome,
            served="a: m-1\nb: m-2" if place else "a: m-1",
            votes=tuple(Vote(label=turned, judge=name, own=False) for name in "ab"),
            details={"fingerprint": "a: fp_1"},
        )
        verdicts.append(replace(verdict, outcome=panel))

    found = _validation(verdicts)

    assert found.certificate.served == ("a: m-1", "b: m-2")
    assert found.certificate.fingerprints == ("a: fp_1",)
    assert _value(found.overall.figures["informedness"]) == 1
    human = {f"content of {v.key.item_id}": v.human for v in verdicts}
    sentinels = found.certificate.sentinels
    assert sentinels == {content: human[content] for content in sentinels}
    assert found.spread is not None


def test_a_figure_that_does_not_exist_is_on_the_certificate_with_its_reason() -> None:
    certificate = _validation(labelled_verdicts([1] * 30, [1] * 30)).certificate

    assert "informedness" not in certificate.findings
    assert "both classes" in certificate.undefined["informedness"]


def test_the_same_labels_and_seed_give_the_same_certificate() -> None:
    human, judge = _draw(0, 100)

    first, second = (_validation(labelled_verdicts(human, judge)).certificate for _ in range(2))

    assert first.certificate_id == second.certificate_id


def test_the_certificate_keeps_verdicts_that_later_runs_are_compared_with() -> None:
    human, judge = _draw(0, 200)
    verdicts = labelled_verdicts(human, judge)

    sentinels = _validation(verdicts).certificate.sentinels

    said = {f"content of {v.key.item_id}": v.votes[0].label for v in verdicts}
    assert len(sentinels) == 30
    assert sentinels.items() <= said.items()


@pytest.mark.parametrize(
    ("identity", "controls"),
    [
        ({"judge": "baseline"}, "not applicable"),
        ({"judge": "recorded"}, "not applicable"),
        ({"model": "m"}, "not run"),
    ],
)
def test_controls_that_were_not_put_to_the_judge_are_said_to_be(
    identity: dict[str, str], controls: str
) -> None:
    found = _validation(labelled_verdicts([0, 1], [0, 1]), identity=identity)

    assert found.certificate.controls == controls


def test_each_verdict_on_a_record_is_a_label_of_one_item() -> None:
    verdicts = [
        replace(
            verdict,
            outcome=replace(
                verdict.outcome,
                votes=(
                    Vote(label=verdict.outcome.label),
                    Vote(label=SCALE.categories[0], repeat=1),
                ),
            ),
        )
        for verdict in labelled_verdicts([1] * 30 + [0] * 30, [1] * 30 + [0] * 30)
        if isinstance(verdict.outcome, Score)
    ]

    found = _validation(verdicts).overall

    assert (found.n_labels, found.n_items) == (120, 60)
    assert _value(found.figures["percent"]) == pytest.approx(0.75)


def test_a_judge_that_errs_in_opposite_directions_on_two_systems_is_told() -> None:
    human, _ = _draw(0, 300)
    strict = [label if place % 4 else 0 for place, label in enumerate(human)]
    lenient = [label if place % 4 else 1 for place, label in enumerate(human)]

    unlike = _validation(
        [
            *labelled_verdicts(human, strict, system="one"),
            *labelled_verdicts(human, lenient, system="other"),
        ]
    )
    alike = _validation(
        [
            *labelled_verdicts(human, strict, system="one"),
            *labelled_verdicts(human[::-1], strict[::-1], system="other"),
        ]
    )

    assert isinstance(unlike.differential, PValue)
    assert isinstance(alike.differential, PValue)
    assert unlike.differential.value < 1e-6
    assert alike.differential.value > 0.5
