from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, recall_score

from judge.records.rating import LabelSource
from judge.records.record import RecordKey, Target
from judge.records.scale import EQUIVALENCE as SCALE
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import EQUIVALENCE, Measure
from judge.stats.estimate import Estimate, Undefined
from judge.trust.certificate import Primary, Standing, TrustThresholds
from judge.trust.validation import (
    Agreement,
    LabelledVerdict,
    Provenance,
    Validation,
    agreement,
    decide,
    validate,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
MEASURE = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=SCALE.categories,
    identity={"model": "judge-1"},
)
HONEST = Provenance(
    fingerprint="ratings",
    population="population",
    sources=frozenset({LabelSource.HUMAN}),
    blind=True,
    probabilities=frozenset({1.0}),
    set_aside={},
)
UNANSWERED = (FateCode.JUDGE_REFUSED, FateCode.JUDGE_UNPARSEABLE, FateCode.OUTPUT_EMPTY)


def _outcome(judge: int | FateCode | None) -> Outcome:
    if judge is None:
        return NotApplicable(scorer=EQUIVALENCE, target=Target.REFERENCE, reason="no reference")
    if isinstance(judge, FateCode):
        return Fate(scorer=EQUIVALENCE, target=Target.REFERENCE, code=judge, message="no verdict")
    return Score(
        scorer=EQUIVALENCE,
        target=Target.REFERENCE,
        value=float(judge),
        signature=MEASURE.signature,
        label=SCALE.categories[judge],
        rationale="because",
        served="judge-1-0501",
    )


def _verdicts(
    human: Sequence[int],
    judge: Sequence[int | FateCode | None],
    *,
    per_cluster: int = 1,
    system: str = "student",
    kind: str = "mail",
) -> list[LabelledVerdict]:
    return [
        LabelledVerdict(
            key=RecordKey(item_id=f"i{place}", system=system),
            cluster=f"c{place // per_cluster}",
            slices={"kind": kind},
            human=SCALE.categories[label],
            outcome=_outcome(verdict),
        )
        for place, (label, verdict) in enumerate(zip(human, judge, strict=True))
    ]


def _agreement(verdicts: Sequence[LabelledVerdict]) -> Agreement:
    return agreement(verdicts, SCALE, level=0.95, seed=0)


def _validation(
    verdicts: Sequence[LabelledVerdict],
    *,
    provenance: Provenance = HONEST,
    thresholds: TrustThresholds | None = None,
    baseline: Sequence[LabelledVerdict] | None = None,
) -> Validation:
    return validate(
        verdicts,
        measure=MEASURE,
        scale=SCALE,
        provenance=provenance,
        thresholds=thresholds or TrustThresholds(),
        baseline=baseline,
        now=NOW,
        seed=0,
    )


def _value(figure: Estimate | Undefined) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.value


def _width(figure: Estimate | Undefined) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.high - figure.low


def _draw(seed: int, n: int, *, right: float = 0.9) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(seed)
    human = rng.integers(0, 2, n)
    judge = np.where(rng.random(n) < right, human, 1 - human)
    return human.tolist(), judge.tolist()


@pytest.mark.parametrize("seed", range(10))
def test_the_figures_are_those_of_scikit_learn(seed: int) -> None:
    human, judge = _draw(seed, 80, right=0.5 + seed / 20)

    found = _agreement(_verdicts(human, judge))

    assert _value(found.kappa) == pytest.approx(cohen_kappa_score(human, judge))
    assert _value(found.true_positive_rate) == pytest.approx(recall_score(human, judge))
    assert _value(found.true_negative_rate) == pytest.approx(
        recall_score(human, judge, pos_label=0)
    )
    assert _value(found.informedness) == pytest.approx(
        balanced_accuracy_score(human, judge, adjusted=True)
    )
    assert _value(found.percent) == pytest.approx(np.mean(np.array(human) == judge))


def test_rows_of_the_confusion_are_people_and_columns_the_judge() -> None:
    found = _agreement(_verdicts([0, 0, 0, 1, 1], [0, 1, 1, 1, 0]))

    assert found.confusion == ((1, 2), (1, 1))


def test_the_order_of_the_labels_changes_nothing() -> None:
    human, judge = _draw(3, 90)
    verdicts = _verdicts(human, judge, per_cluster=3)
    turned = [verdicts[place] for place in np.random.default_rng(0).permutation(90)]

    one, other = _agreement(verdicts), _agreement(turned)

    for name, figure in one.figures.items():
        again = other.figures[name]
        assert isinstance(figure, Estimate)
        assert isinstance(again, Estimate)
        assert (again.value, again.low, again.high) == pytest.approx(
            (figure.value, figure.low, figure.high)
        ), name


def test_labels_that_come_in_clusters_say_less() -> None:
    human = [label for label in (0, 1) * 20 for _ in range(5)]
    judge = [
        1 - label if place // 5 % 7 == 0 else label  # right or wrong for whole documents
        for place, label in enumerate(human)
    ]

    alone = _agreement(_verdicts(human, judge))
    clustered = _agreement(_verdicts(human, judge, per_cluster=5))

    assert (alone.n_items, clustered.n_items) == (200, 40)
    assert alone.n_labels == clustered.n_labels == 200
    for name, figure in clustered.figures.items():
        assert _width(figure) > 1.5 * _width(alone.figures[name]), name
        assert _value(figure) == _value(alone.figures[name])


def test_what_the_judge_could_not_say_is_counted_by_name_and_never_averaged() -> None:
    human, judge = _draw(1, 60)
    silent = [FateCode.JUDGE_REFUSED, FateCode.JUDGE_REFUSED, FateCode.OUTPUT_EMPTY, None]

    whole = _agreement(_verdicts(human, judge))
    found = _agreement(_verdicts([*human, 1, 0, 1, 1], [*judge, *silent]))

    assert found.fates == {"judge_refused": 2, "output_empty": 1, "not_applicable": 1}
    assert found.n_labels == 60
    assert found.figures == whole.figures


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0, 1, None, *UNANSWERED])), max_size=60),
    st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_every_labelled_record_is_a_label_or_a_fate(
    pairs: list[tuple[int, int | FateCode | None]], per_cluster: int
) -> None:
    human, judge = [label for label, _ in pairs], [verdict for _, verdict in pairs]

    found = _agreement(_verdicts(human, judge, per_cluster=per_cluster))

    assert found.n_labels + sum(found.fates.values()) == len(pairs)
    assert sum(map(sum, found.confusion)) == found.n_labels


def test_agreement_is_reported_for_each_system_and_slice() -> None:
    human, judge = _draw(2, 60)
    wrong = [1 - label for label in human]
    verdicts = [
        *_verdicts(human, judge, system="student", kind="mail"),
        *_verdicts(human, wrong, system="teacher", kind="chat"),
    ]

    found = _validation(verdicts)

    assert set(found.systems) == {"student", "teacher"}
    assert set(found.slices) == {"kind=mail", "kind=chat"}
    assert _value(found.systems["teacher"].kappa) < 0
    assert found.systems["student"].figures == found.slices["kind=mail"].figures
    assert found.overall.n_labels == 120
    assert found.overall.n_items == 60


def test_disagreements_are_all_there_and_nothing_else() -> None:
    found = _validation(_verdicts([0, 1, 1, 0], [0, 0, FateCode.JUDGE_REFUSED, 1]))

    assert [(d.key.item_id, d.human, d.judge) for d in found.disagreements] == [
        ("i1", "equivalent", "different"),
        ("i3", "different", "equivalent"),
    ]


def test_the_baseline_stands_beside_the_judge_on_the_same_labels() -> None:
    human, judge = _draw(5, 60)
    verdicts = _verdicts(human, judge)

    found = _validation(verdicts, baseline=_verdicts(human, [1] * 60))

    assert found.baseline is not None
    assert _value(found.baseline.informedness) == 0
    assert _validation(verdicts).baseline is None


def test_a_perfect_judge_with_enough_blind_random_human_labels_is_trusted() -> None:
    human, _ = _draw(0, 200)

    found = _validation(_verdicts(human, human))

    assert found.standing is Standing.TRUSTED
    (reason,) = found.reasons
    assert reason.startswith("informedness is at least 0.9")
    assert reason.endswith("on 200 rated items, 0.6 was asked for")


@pytest.mark.parametrize("primary", list(Primary))
@pytest.mark.parametrize("seed", range(20))
def test_a_judge_that_guesses_or_inverts_is_never_trusted(seed: int, primary: Primary) -> None:
    human, guessed = _draw(seed, 200, right=0.5)
    thresholds = TrustThresholds(primary=primary)

    for judge in (guessed, [1 - label for label in human], [0] * 200, [1] * 200):
        found = _validation(_verdicts(human, judge), thresholds=thresholds)

        assert found.standing is Standing.NOT_TRUSTED


@pytest.mark.parametrize("sources", [{LabelSource.CONSTRUCTED}, set(LabelSource)])
@pytest.mark.parametrize("n", [10, 200, 2000])
def test_constructed_labels_never_make_a_judge_trusted(sources: set[LabelSource], n: int) -> None:
    human = [0, 1] * (n // 2)

    found = _validation(
        _verdicts(human, human), provenance=replace(HONEST, sources=frozenset(sources))
    )

    assert found.standing is Standing.INSUFFICIENT
    assert any("constructed" in reason for reason in found.reasons)
    assert found.certificate.source is LabelSource.CONSTRUCTED


@pytest.mark.parametrize(
    ("provenance", "words"),
    [
        (replace(HONEST, blind=False), "not blind"),
        (replace(HONEST, probabilities=frozenset({None})), "how the rated records were drawn"),
        (replace(HONEST, probabilities=frozenset({None, 0.5})), "how the rated records were drawn"),
        (replace(HONEST, probabilities=frozenset({0.1, 0.5})), "unequal probabilities"),
        (replace(HONEST, quoted=("i7", "i9")), "the judge's prompt quotes rated items: i7, i9"),
    ],
)
def test_each_fault_of_the_labels_alone_is_enough_and_has_its_words(
    provenance: Provenance, words: str
) -> None:
    human, _ = _draw(0, 200)

    found = _validation(_verdicts(human, human), provenance=provenance)

    (reason,) = found.reasons
    assert found.standing is Standing.INSUFFICIENT
    assert words in reason


def test_too_few_items_have_their_words() -> None:
    human = [0, 1] * 60

    found = _validation(_verdicts(human, human, per_cluster=3))

    assert found.standing is Standing.INSUFFICIENT
    assert "40 rated items with a verdict, 50 are needed" in found.reasons


def test_too_few_labels_of_a_class_have_their_words() -> None:
    human = [1] * 200 + [0] * 19

    found = _validation(_verdicts(human, human))

    assert found.standing is Standing.INSUFFICIENT
    assert found.reasons == ("19 labels say 'different', 20 are needed",)


def test_an_agreement_that_is_not_known_well_enough_has_its_words() -> None:
    human, judge = _draw(0, 100, right=0.85)

    found = _validation(_verdicts(human, judge))

    (reason,) = found.reasons
    assert found.standing is Standing.INSUFFICIENT
    assert "is only known to lie between" in reason
    assert reason.endswith("its lower limit must reach 0.6")


def test_an_agreement_that_does_not_exist_has_its_words() -> None:
    found = _validation(_verdicts([1] * 200, [1] * 200))

    assert found.standing is Standing.INSUFFICIENT
    assert any(r.startswith("informedness does not exist: ") for r in found.reasons)


def test_without_a_single_verdict_every_unmet_condition_is_named() -> None:
    nothing = replace(HONEST, blind=False, probabilities=frozenset({None}))

    found = _validation(_verdicts([0, 1], [FateCode.JUDGE_UNAVAILABLE] * 2), provenance=nothing)

    assert found.standing is Standing.INSUFFICIENT
    assert len(found.reasons) == 6
    assert found.overall.fates == {"judge_unavailable": 2}


def test_a_judge_that_is_wrong_about_one_system_is_not_trusted_whatever_the_pooled_figure() -> None:
    human, _ = _draw(0, 400)
    guessed, _ = _draw(1, 80)
    verdicts = [
        *_verdicts(human, human, system="student"),
        *_verdicts(human[:80], guessed, system="teacher"),
    ]

    found = _validation(verdicts)

    pooled = found.overall.informedness
    assert isinstance(pooled, Estimate)
    assert pooled.low > 0.6
    assert found.standing is Standing.NOT_TRUSTED
    assert "informedness on teacher lies between" in found.reasons[0]


def test_a_system_with_too_few_labels_to_tell_leaves_the_pooled_evidence() -> None:
    human, _ = _draw(0, 200)
    verdicts = [
        *_verdicts(human, human, system="student"),
        *_verdicts([0, 1], [1, 1], system="teacher"),
    ]

    assert _validation(verdicts).standing is Standing.TRUSTED


def test_the_limit_that_decides_is_the_lower_one_of_the_primary_metric() -> None:
    human = [1] * 900 + [0] * 100
    judge = [1] * 890 + [0] * 10 + [1] * 30 + [0] * 70
    verdicts = _verdicts(human, judge)

    by_kappa = _validation(verdicts, thresholds=TrustThresholds(primary=Primary.KAPPA))
    by_informedness = _validation(verdicts)

    assert by_kappa.standing is Standing.TRUSTED
    assert by_informedness.standing is Standing.INSUFFICIENT


def test_the_threshold_moves_the_decision_and_nothing_else() -> None:
    human, judge = _draw(0, 200, right=0.9)
    found = _agreement(_verdicts(human, judge))

    standings = [
        decide(
            found, scale=SCALE, provenance=HONEST, thresholds=TrustThresholds(at_least=threshold)
        )[0]
        for threshold in (0.5, 0.8, 0.99)
    ]

    assert standings == [Standing.TRUSTED, Standing.INSUFFICIENT, Standing.NOT_TRUSTED]


def test_a_judge_exactly_at_the_threshold_is_rarely_trusted() -> None:
    # Right on 80 % of both classes: informedness is exactly .6. One look, n = 200.
    trusted = 0
    for seed in range(200):
        human, judge = _draw(seed, 200, right=0.8)
        found = _agreement(_verdicts(human, judge))
        standing, _ = decide(found, scale=SCALE, provenance=HONEST, thresholds=TrustThresholds())
        trusted += standing is Standing.TRUSTED

    # 2.5 % is promised: of 200, more than 12 are seen in 0.2 % of such experiments.
    assert trusted <= 12


def test_the_certificate_says_what_was_found() -> None:
    human, judge = _draw(0, 200)

    found = _validation(_verdicts(human, judge))

    certificate = found.certificate
    assert certificate.findings == found.overall.figures
    assert certificate.undefined == {}
    assert (certificate.n_labels, certificate.n_items) == (200, 200)
    assert certificate.served == ("judge-1-0501",)
    assert (certificate.ratings, certificate.population) == ("ratings", "population")
    assert certificate.signature == MEASURE.signature
    assert certificate.issued == NOW
    assert certificate.standing is found.standing
    assert certificate.reasons == found.reasons


def test_a_figure_that_does_not_exist_is_on_the_certificate_with_its_reason() -> None:
    certificate = _validation(_verdicts([1] * 30, [1] * 30)).certificate

    assert "informedness" not in certificate.findings
    assert "both classes" in certificate.undefined["informedness"]
    assert {*certificate.findings, *certificate.undefined} == set(_agreement([]).figures)


def test_the_same_labels_and_seed_give_the_same_certificate() -> None:
    human, judge = _draw(0, 100)

    first, second = (_validation(_verdicts(human, judge)).certificate for _ in range(2))

    assert first.certificate_id == second.certificate_id
