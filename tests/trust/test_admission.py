from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.records.dataset import Dataset
from judge.records.rating import LabelSource, text_hash
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import ADHERENCE, EQUIVALENCE, Measure, Result, RunManifest
from judge.trust.admission import AdmittedResults, admit
from judge.trust.certificate import Certificate, PartStanding, Standing, TrustThresholds
from judge.trust.gold import GoldLabel, GoldSet

NOW = datetime(2026, 5, 1, tzinfo=UTC)
JUDGED = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity={"model": "judge-1"},
    empty_value=0.0,
)
BY_TEACHER = replace(JUDGED, target=Target.TEACHER)
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
SYSTEMS = (System(name="teacher", role=Role.TEACHER), System(name="student", role=Role.STUDENT))
DATASET = Dataset(
    items=tuple(Item(item_id=f"i{n}#1", cluster=f"i{n}") for n in range(5)),
    systems=SYSTEMS,
    outputs={"teacher": {}, "student": {}},
)
KEYS = [record.key for record in DATASET.records()]
MANIFEST = RunManifest(
    run_id="r",
    name="test",
    purpose="score",
    started=NOW,
    dataset=DATASET.fingerprint,
    population=DATASET.population,
    outputs={},
    n_items=5,
    systems=SYSTEMS,
    slices={},
    measures=(JUDGED, BY_TEACHER, FORMAT),
    seed=0,
    rated=True,
    versions={},
    config="",
    config_path="c.yaml",
)
CERTIFICATE = Certificate(
    scorer=EQUIVALENCE,
    criterion="equivalence",
    target=Target.REFERENCE,
    categories=JUDGED.categories,
    signature=JUDGED.signature,
    identity=JUDGED.identity,
    served=("judge-1-0501",),
    ratings="ratings",
    population=DATASET.population,
    source=LabelSource.HUMAN,
    n_labels=100,
    n_items=100,
    findings={},
    undefined={},
    thresholds=TrustThresholds(),
    standing=Standing.TRUSTED,
    reasons=("good",),
    issued=NOW,
)


def _score(measure: Measure, *, served: str = "") -> Score:
    return Score(
        scorer=measure.scorer,
        target=measure.target,
        value=1.0,
        signature=measure.signature,
        served=served,
    )


def _result(key: RecordKey, outcome: Outcome) -> Result:
    return Result(run_id="r", key=key, outcome=outcome, content="x", duration_s=0.0)


def _admitted(
    results: Sequence[Result] = (),
    *,
    certificates: Sequence[Certificate] = (),
    left_open: frozenset[str] = frozenset(),
    manifest: RunManifest = MANIFEST,
    gold: Sequence[GoldSet] = (),
    sentinels: Sequence[Result] = (),
) -> AdmittedResults:
    return admit(
        manifest,
        DATASET,
        results,
        certificates=list(certificates),
        left_open=left_open,
        now=NOW,
        gold=gold,
        sentinels=sentinels,
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(KEYS), st.sampled_from(MANIFEST.measures)),
        unique_by=lambda done: (done[0], done[1].metric),
    )
)
def test_every_record_has_an_outcome_however_early_a_run_was_cut_off(
    done: list[tuple[RecordKey, Measure]],
) -> None:
    admitted = _admitted([_result(key, _score(measure)) for key, measure in done])

    for measure in admitted.measures:
        scored = {key for key, which in done if which == measure.measure}
        assert list(measure.outcomes) == KEYS
        assert {k for k, o in measure.outcomes.items() if isinstance(o, Score)} == scored
        assert measure.resumable == len(KEYS) - len(scored)
    assert tuple(record.key for record in admitted.records) == tuple(KEYS)


def test_what_was_sent_and_never_answered_is_told_from_what_was_never_sent() -> None:
    sent, waiting = KEYS[0], KEYS[1]

    judged, by_teacher, _ = _admitted(left_open=frozenset({f"{JUDGED.case_id(sent)}#2"})).measures

    codes = [
        outcome.code
        for measure in (judged, by_teacher)
        for key in (sent, waiting)
        if isinstance(outcome := measure.outcomes[key], Fate)
    ]
    assert codes == [
        FateCode.SENT_UNKNOWN,
        FateCode.NOT_YET_SCORED,
        FateCode.NOT_YET_SCORED,
        FateCode.NOT_YET_SCORED,
    ]


def test_every_call_left_open_counts_as_possibly_paid_also_of_a_record_scored_later() -> None:
    left_open = frozenset({f"{JUDGED.case_id(KEYS[0])}#1", f"{JUDGED.case_id(KEYS[0])}#2"})

    admitted = _admitted([_result(KEYS[0], _score(JUDGED))], left_open=left_open)

    assert admitted.possibly_paid == 2
    assert isinstance(admitted.measures[0].outcomes[KEYS[0]], Score)


def test_a_result_counts_for_its_own_scorer_and_target_only() -> None:
    judged, by_teacher, adherence = _admitted([_result(KEYS[0], _score(BY_TEACHER))]).measures

    assert isinstance(judged.outcomes[KEYS[0]], Fate)
    assert isinstance(by_teacher.outcomes[KEYS[0]], Score)
    assert isinstance(adherence.outcomes[KEYS[0]], Fate)


def test_judged_numbers_are_withheld_without_a_certificate_and_others_are_not() -> None:
    judged, by_teacher, adherence = _admitted().measures

    assert (judged.withheld, by_teacher.withheld, adherence.withheld) == (True, True, False)
    assert judged.why_withheld.startswith("judge unvalidated: this judge was never measured")
    assert (adherence.trust, adherence.why_withheld) == (None, "")


def test_a_certificate_for_the_reference_does_not_speak_for_the_teacher() -> None:
    judged, by_teacher, _ = _admitted(certificates=[CERTIFICATE]).measures

    assert (judged.withheld, judged.why_withheld) == (False, "")
    assert by_teacher.withheld


@pytest.mark.parametrize("standing", [Standing.NOT_TRUSTED, Standing.INSUFFICIENT])
def test_a_judge_that_is_not_trusted_is_withheld_with_its_reasons(standing: Standing) -> None:
    certificate = replace(CERTIFICATE, standing=standing, reasons=("this", "that"))

    judged, *_ = _admitted(certificates=[certificate]).measures

    assert judged.withheld
    assert judged.why_withheld == f"judge {standing.value}: this; that"


def test_another_model_that_answered_once_withholds_the_whole_measure() -> None:
    results = [
        _result(KEYS[0], _score(JUDGED, served="judge-1-0501")),
        _result(KEYS[1], _score(JUDGED, served="judge-1-0612")),
    ]

    judged, *_ = _admitted(results, certificates=[CERTIFICATE]).measures

    assert judged.trust is not None
    assert judged.trust.standing is Standing.STALE


def test_the_served_model_of_another_measure_does_not_matter() -> None:
    results = [_result(KEYS[0], _score(BY_TEACHER, served="judge-1-0612"))]

    judged, *_ = _admitted(results, certificates=[CERTIFICATE]).measures

    assert not judged.withheld


def test_a_record_the_scorer_does_not_apply_to_is_outside_n() -> None:
    outside = NotApplicable(scorer=ADHERENCE, target=Target.SCHEMA, reason="no schema")

    *_, adherence = _admitted([_result(KEYS[0], outside)]).measures

    assert not adherence.applies(KEYS[0])
    assert adherence.applies(KEYS[1])
    assert adherence.resumable == len(KEYS) - 1


@pytest.mark.parametrize(
    ("code", "resumable"),
    [
        (FateCode.JUDGE_UNAVAILABLE, 1),
        (FateCode.INTERNAL_ERROR, 1),
        (FateCode.JUDGE_REFUSED, 0),
        (FateCode.OUTPUT_EMPTY, 0),
    ],
)
def test_a_plain_resume_tries_again_what_was_nobodys_decision(
    code: FateCode, resumable: int
) -> None:
    fate = Fate(scorer=ADHERENCE, target=Target.SCHEMA, code=code, message="no")
    results = [_result(key, _score(FORMAT)) for key in KEYS[1:]]

    *_, adherence = _admitted([_result(KEYS[0], fate), *results]).measures

    assert adherence.resumable == resumable


@pytest.mark.parametrize(
    ("manifest", "remedy"),
    [
        (MANIFEST, "judge validate c.yaml"),
        (
            replace(MANIFEST, rated=False),
            "name ratings by people under 'ratings:' in c.yaml, then judge validate c.yaml",
        ),
        (replace(MANIFEST, config_path=""), "judge validate CONFIG"),
    ],
)
def test_the_remedy_is_what_to_type_next(manifest: RunManifest, remedy: str) -> None:
    judged, *_ = _admitted(manifest=manifest).measures

    assert judged.trust is not None
    assert judged.trust.remedy == remedy


def _fails_on(name: str) -> PartStanding:
    return PartStanding(
        name=name,
        standing=Standing.NOT_TRUSTED,
        n_labels=40,
        primary=None,
        reason=f"it fails on {name}",
    )


def test_a_believed_judge_is_withheld_only_where_it_fails() -> None:
    certificate = replace(
        CERTIFICATE, systems=(_fails_on("student"),), slices=(_fails_on("kind=mail"),)
    )

    judged, *_ = _admitted(certificates=[certificate]).measures

    assert not judged.withheld
    assert judged.why_withheld_on("student", "overall") == "it fails on student"
    assert judged.why_withheld_on("teacher", "kind=mail") == "it fails on kind=mail"
    assert judged.why_withheld_on("teacher", "overall") == ""


def test_a_judge_that_is_not_believed_is_withheld_everywhere_for_one_reason() -> None:
    certificate = replace(
        CERTIFICATE, standing=Standing.INSUFFICIENT, systems=(_fails_on("student"),)
    )

    judged, _, adherence = _admitted(certificates=[certificate]).measures

    for system in ("student", "teacher"):
        assert judged.why_withheld_on(system, "overall") == "judge insufficient: good"
        assert adherence.why_withheld_on(system, "overall") == ""


def test_the_sentinels_are_compared_with_the_verdicts_of_the_same_judge_on_the_same_texts() -> None:
    sentinels = {f"text {place}": "equivalent" for place in range(5)}
    certificate = replace(CERTIFICATE, sentinels=sentinels)
    other = replace(JUDGED, identity={"model": "another"})

    def believed(measure: Measure, contents: str) -> bool:
        verdict = replace(_score(measure), label="different")
        results = [
            replace(_result(key, verdict), content=f"{contents} {place}")
            for place, key in enumerate(KEYS[:5])
        ]
        judged, *_ = _admitted(results, certificates=[certificate]).measures
        return not judged.withheld

    assert not believed(JUDGED, "text")
    assert believed(JUDGED, "another text")
    assert believed(other, "text")


def _gold(target: Target = Target.REFERENCE, *, text: str = "") -> GoldSet:
    label = GoldLabel(
        item_id="i0#1",
        system="student",
        output_hash=text_hash(text),
        label="equivalent",
        inclusion=1.0,
    )
    return GoldSet(
        criterion="equivalence",
        target=target,
        categories=JUDGED.categories,
        population=DATASET.population,
        fingerprint="ratings",
        source=LabelSource.HUMAN,
        blind=True,
        labels=(label,),
    )


def test_labels_by_people_come_with_the_judged_measure_they_are_about_believed_or_not() -> None:
    judged, by_teacher, adherence = _admitted(gold=[_gold()]).measures

    assert judged.withheld
    assert judged.gold is not None
    assert list(judged.gold.labels) == [RecordKey(item_id="i0#1", system="student")]
    assert by_teacher.gold is not None
    assert by_teacher.gold.labels == {}
    assert by_teacher.gold.why_not == "no labels by people on these outputs"
    assert adherence.gold is None


def test_a_label_of_another_text_does_not_come_along() -> None:
    judged, *_ = _admitted(gold=[_gold(text="what it was")]).measures

    assert judged.gold is not None
    assert (judged.gold.labels, judged.gold.changed) == ({}, 1)


def _verdict(content: str, fingerprint: str, *, run_id: str = "r") -> Result:
    outcome = replace(
        _score(JUDGED, served="judge-1-0501"),
        label="equivalent",
        details={"fingerprint": fingerprint},
    )
    return Result(run_id=run_id, key=KEYS[0], outcome=outcome, content=content, duration_s=0.0)


def test_a_run_of_another_serving_system_is_believed_once_it_judged_the_sentinels_again() -> None:
    sentinels = {f"text {place}": "equivalent" for place in range(12)}
    certificate = replace(CERTIFICATE, sentinels=sentinels, fingerprints=("fp_1",))
    results = [_verdict("x", "fp_2")]
    again = [_verdict(content, "fp_2", run_id="sentinels") for content in sentinels]

    before = _admitted(results, certificates=[certificate]).measures[0]
    after = _admitted(results, certificates=[certificate], sentinels=again).measures[0]

    assert before.trust is not None
    assert before.withheld
    assert before.trust.judge_again == tuple(sentinels)
    assert not after.withheld


def test_each_member_of_a_panel_must_be_the_one_that_was_certified() -> None:
    certificate = replace(CERTIFICATE, served=("a: m-1", "b: m-2"))
    served = ["a: m-1\nb: m-2", "a: m-1", "a: m-1\nb: m-3"]

    withheld = [
        _admitted([_result(KEYS[0], _score(JUDGED, served=text))], certificates=[certificate])
        .measures[0]
        .withheld
        for text in served
    ]

    assert withheld == [False, False, True]
