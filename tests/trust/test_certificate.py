from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import Sampling
from judge.records.rating import LabelSource
from judge.records.record import Record, Target
from judge.records.scale import EQUIVALENCE as EQUIVALENCE_SCALE
from judge.records.scale import Scale, ScaleKind
from judge.results.run import EQUIVALENCE, Measure, content_of
from judge.scorers.equivalence import EquivalenceScorer
from judge.stats.estimate import Estimate
from judge.testing import FakeChat
from judge.trust.certificate import (
    Certificate,
    JudgeTrust,
    PartStanding,
    Primary,
    Standing,
    TrustThresholds,
    decode_certificate,
    default_primary,
    encode_certificate,
    standing_of,
)
from judge.trust.sentinels import Again

ISSUED = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
MEASURE = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity={
        "model": "judge-1",
        "endpoint": "https://api.example.com",
        "prompt_fingerprint": "abc",
        "temperature": "0.0",
    },
)


def _certificate(
    measure: Measure = MEASURE,
    *,
    standing: Standing = Standing.TRUSTED,
    served: tuple[str, ...] = ("judge-1-0501",),
    issued: datetime = ISSUED,
    population: str = "population",
    source: LabelSource = LabelSource.HUMAN,
) -> Certificate:
    return Certificate(
        scorer=measure.scorer,
        criterion=measure.criterion,
        target=measure.target,
        categories=measure.categories,
        signature=measure.signature,
        identity=measure.identity,
        served=served,
        ratings="ratings",
        population=population,
        source=source,
        n_labels=200,
        n_items=150,
        findings={
            "informedness": Estimate(
                value=0.8, low=0.7, high=0.9, level=0.95, n=200, n_clusters=150, method="beta"
            )
        },
        undefined={"kappa": "one class only"},
        thresholds=TrustThresholds(primary=Primary.KAPPA, at_least=0.7, valid_days=30),
        standing=standing,
        reasons=("informedness is at least 0.700",),
        issued=issued,
    )


def _standing(
    *certificates: Certificate,
    measure: Measure = MEASURE,
    served: frozenset[str] = frozenset({"judge-1-0501"}),
    now: datetime = ISSUED,
) -> JudgeTrust:
    return standing_of(
        measure,
        list(certificates),
        served=served,
        population="population",
        now=now,
        validate_command="judge validate c.yaml",
    )


def test_a_certificate_survives_being_stored() -> None:
    certificate = _certificate()

    read = decode_certificate(encode_certificate(certificate))

    assert read == certificate
    assert read.certificate_id == certificate.certificate_id
    assert read.valid_until == ISSUED + timedelta(days=30)


@pytest.mark.parametrize(
    "other",
    [
        _certificate(standing=Standing.NOT_TRUSTED),
        _certificate(served=()),
        _certificate(issued=ISSUED + timedelta(seconds=1)),
        _certificate(population="another"),
        _certificate(source=LabelSource.CONSTRUCTED),
    ],
)
def test_another_certificate_has_another_id(other: Certificate) -> None:
    assert other.certificate_id != _certificate().certificate_id


def test_a_trusted_judge_is_believed_and_nothing_is_left_to_do() -> None:
    found = _standing(_certificate())

    assert found.believed
    assert (found.standing, found.remedy) == (Standing.TRUSTED, "")
    assert found.certificate == _certificate()


def test_without_a_certificate_a_judge_is_unvalidated() -> None:
    found = _standing()

    assert (found.standing, found.believed) == (Standing.UNVALIDATED, False)
    assert found.reasons == (
        "this judge was never measured against ratings of equivalence to the reference",
    )
    assert found.remedy == "judge validate c.yaml"
    assert found.certificate is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("model", "judge-2", "model was 'judge-1', is 'judge-2'"),
        ("prompt_fingerprint", "def", "prompt_fingerprint was 'abc', is 'def'"),
        ("endpoint", "http://127.0.0.1", "endpoint was 'https://api.example.com', is"),
        ("temperature", "1.0", "temperature was '0.0', is '1.0'"),
        ("seed", "7", "seed was 'absent', is '7'"),
    ],
)
def test_whatever_changed_in_the_judge_is_named(name: str, value: str, words: str) -> None:
    changed = replace(MEASURE, identity={**MEASURE.identity, name: value})

    found = _standing(_certificate(), measure=changed)

    (reason,) = found.reasons
    assert (found.standing, found.believed) == (Standing.STALE, False)
    assert words in reason
    assert reason.count(" was ") == 1
    assert found.remedy == "judge validate c.yaml"


def test_another_model_that_answered_makes_it_stale() -> None:
    found = _standing(_certificate(), served=frozenset({"judge-1-0501", "judge-1-0612"}))

    assert found.standing is Standing.STALE
    assert found.reasons == ("judge-1-0612 answered, but the certificate is for judge-1-0501",)


def test_an_answer_of_a_model_makes_a_certificate_without_one_stale() -> None:
    found = _standing(_certificate(served=()))

    assert found.standing is Standing.STALE
    assert found.reasons == ("judge-1-0501 answered, but the certificate is for none",)


def test_a_run_in_which_nothing_answered_yet_keeps_the_standing() -> None:
    assert _standing(_certificate(), served=frozenset()).believed


def test_a_certificate_expires_by_the_clock_it_is_given() -> None:
    last = ISSUED + timedelta(days=30)

    before, after = (
        _standing(_certificate(), now=last),
        _standing(_certificate(), now=last + timedelta(seconds=1)),
    )

    assert before.standing is Standing.TRUSTED
    assert after.standing is Standing.STALE
    assert after.reasons == ("the certificate expired on 2026-05-31",)


@pytest.mark.parametrize("last", [Standing.TRUSTED, Standing.NOT_TRUSTED, Standing.INSUFFICIENT])
def test_the_newest_certificate_wins(last: Standing) -> None:
    older = [_certificate(standing=standing) for standing in (Standing.TRUSTED, *Standing)]

    found = _standing(*older, _certificate(standing=last, issued=ISSUED + timedelta(days=1)))

    assert found.standing is last


def test_a_newer_certificate_of_another_judge_does_not_hide_the_right_one() -> None:
    other = replace(MEASURE, identity={"model": "judge-2"})

    found = _standing(_certificate(), _certificate(other, standing=Standing.NOT_TRUSTED))

    assert found.standing is Standing.TRUSTED


@pytest.mark.parametrize(
    "about",
    [
        replace(MEASURE, target=Target.TEACHER),
        replace(MEASURE, criterion="faithfulness"),
        replace(MEASURE, categories=("no", "yes")),
    ],
)
def test_a_certificate_speaks_only_for_its_target_criterion_and_scale(about: Measure) -> None:
    found = _standing(_certificate(), measure=about)

    assert found.standing is Standing.UNVALIDATED
    assert about.target.value in found.reasons[0]


def test_a_certificate_from_another_evaluation_set_does_not_speak_for_this_one() -> None:
    found = _standing(_certificate(population="another"))

    assert found.standing is Standing.STALE
    assert "validated on another evaluation set" in found.reasons[0]


def test_the_certificate_for_this_set_counts_though_one_for_another_is_newer() -> None:
    here = _certificate(standing=Standing.NOT_TRUSTED)
    elsewhere = _certificate(population="another", issued=ISSUED + timedelta(days=1))

    assert _standing(here, elsewhere).standing is Standing.NOT_TRUSTED


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        (_certificate(standing=Standing.NOT_TRUSTED), "try another judge or prompt"),
        (_certificate(standing=Standing.INSUFFICIENT), "meet what is unmet"),
        (
            _certificate(standing=Standing.INSUFFICIENT, source=LabelSource.CONSTRUCTED),
            "have people rate outputs",
        ),
    ],
)
def test_the_remedy_says_what_to_do_and_type(certificate: Certificate, words: str) -> None:
    found = _standing(certificate)

    assert found.remedy.startswith(words)
    assert found.remedy.endswith("then judge validate c.yaml")
    assert not found.believed


SENTINELS = {f"text {place}": "equivalent" for place in range(30)}


def _again(verdicts: Mapping[str, str], *, sentinels: Mapping[str, str] = SENTINELS) -> JudgeTrust:
    return standing_of(
        MEASURE,
        [replace(_certificate(), sentinels=sentinels)],
        served=frozenset({"judge-1-0501"}),
        population="population",
        now=ISSUED,
        validate_command="judge validate c.yaml",
        verdicts=verdicts,
    )


def _changed(n: int) -> Mapping[str, str]:
    """The sentinels' verdicts, of which that many came out differently."""
    names = list(SENTINELS)
    return {**SENTINELS, **dict.fromkeys(names[:n], "different")}


@pytest.mark.parametrize(("changed", "believed"), [(0, True), (3, True), (10, False), (30, False)])
def test_a_judge_that_changed_its_mind_is_stale_once_it_is_more_than_luck(
    changed: int, *, believed: bool
) -> None:
    assert _again(_changed(changed)).believed is believed


def test_a_changed_mind_is_told_in_numbers() -> None:
    found = _again({**_changed(12), "another text": "different"})

    assert found.standing is Standing.STALE
    assert found.reasons == (
        "the judge changed its mind: 12 of 30 certified verdicts came out differently in this run",
    )
    assert found.remedy == "judge validate c.yaml"


@pytest.mark.parametrize(
    ("sentinels", "verdicts"),
    [
        ({}, _changed(30)),
        (SENTINELS, {}),
        (SENTINELS, {"another text": "different"}),
        (SENTINELS, {"text 0": "different"}),
    ],
)
def test_texts_that_were_not_judged_again_say_nothing(
    sentinels: Mapping[str, str], verdicts: Mapping[str, str]
) -> None:
    assert _again(verdicts, sentinels=sentinels).believed


def test_sentinels_survive_being_stored() -> None:
    certificate = replace(_certificate(), sentinels=SENTINELS, systems=(_part("student"),))

    assert decode_certificate(encode_certificate(certificate)) == certificate


def _part(name: str, standing: Standing = Standing.NOT_TRUSTED) -> PartStanding:
    return PartStanding(
        name=name, standing=standing, n_labels=40, primary=None, reason=f"it fails on {name}"
    )


def _parts(systems: Sequence[PartStanding] = (), slices: Sequence[PartStanding] = ()) -> JudgeTrust:
    return _standing(replace(_certificate(), systems=tuple(systems), slices=tuple(slices)))


def test_a_judge_is_not_believed_on_the_part_on_which_it_fails() -> None:
    found = _parts([_part("student")], [_part("kind=mail")])

    assert found.believed
    assert found.why_not_there("student", "overall") == "it fails on student"
    assert found.why_not_there("teacher", "kind=mail") == "it fails on kind=mail"
    assert (
        found.why_not_there("student", "kind=mail") == "it fails on student; it fails on kind=mail"
    )
    assert found.why_not_there("teacher", "overall") == ""
    assert found.why_not_there("teacher", "kind=chat") == ""


@pytest.mark.parametrize("standing", [Standing.TRUSTED, Standing.INSUFFICIENT])
def test_a_part_with_pooled_evidence_only_is_not_withheld(standing: Standing) -> None:
    found = _parts([_part("student", standing)], [_part("kind=mail", standing)])

    assert found.why_not_there("student", "kind=mail") == ""


def test_without_a_certificate_no_part_has_a_reason_of_its_own() -> None:
    assert _standing().why_not_there("student", "overall") == ""


def test_a_system_and_a_slice_never_answer_for_each_other() -> None:
    found = _parts([_part("kind=mail")], [_part("student")])

    assert found.why_not_there("student", "overall") == ""
    assert found.why_not_there("teacher", "kind=mail") == ""


@pytest.mark.parametrize(
    ("kind", "categories", "primary"),
    [
        (ScaleKind.BINARY, ("no", "yes"), Primary.INFORMEDNESS),
        (ScaleKind.ORDINAL, ("1", "2", "3"), Primary.KAPPA_QUADRATIC),
        (ScaleKind.ORDINAL, ("bad", "good"), Primary.KAPPA),
        (ScaleKind.NOMINAL, ("a", "b", "c"), Primary.KAPPA),
        (ScaleKind.PAIRWISE, ("b", "a"), Primary.KAPPA),
        (ScaleKind.PAIRWISE, ("b", "tie", "a"), Primary.KAPPA_QUADRATIC),
    ],
)
def test_each_scale_has_a_metric_that_decides(
    kind: ScaleKind, categories: tuple[str, ...], primary: Primary
) -> None:
    assert default_primary(Scale(kind=kind, categories=categories)) is primary


def _served_by(
    *seen: str, again: Sequence[Again] = (), standing: Standing = Standing.TRUSTED
) -> JudgeTrust:
    certificate = replace(
        _certificate(standing=standing), sentinels=SENTINELS, fingerprints=("fp_1",)
    )
    return standing_of(
        MEASURE,
        [certificate],
        served=frozenset({"judge-1-0501"}),
        population="population",
        now=ISSUED,
        validate_command="judge validate c.yaml",
        fingerprints=frozenset(seen),
        again=again,
    )


def _judged_again(label: str) -> list[Again]:
    new = frozenset({"fp_2"})
    return [Again(content=content, label=label, fingerprints=new) for content in SENTINELS]


def test_the_system_that_was_certified_keeps_the_standing() -> None:
    assert _served_by("fp_1").believed
    assert _served_by().believed


def test_another_serving_system_is_not_believed_until_it_judged_the_sentinels_again() -> None:
    before = _served_by("fp_1", "fp_2")
    after = _served_by("fp_1", "fp_2", again=_judged_again("equivalent"))

    assert (before.standing, before.judge_again) == (Standing.STALE, tuple(SENTINELS))
    assert before.reasons[0].startswith("fp_2 served, but the certificate is for fp_1")
    assert before.remedy.endswith("or judge validate c.yaml")
    assert (after.believed, after.judge_again) == (True, ())
    assert "30 of 30 certified verdicts came out the same there" in after.reasons[-1]


def test_another_serving_system_that_judges_otherwise_makes_it_stale() -> None:
    found = _served_by("fp_2", again=_judged_again("different"))

    assert (found.standing, found.judge_again) == (Standing.STALE, ())
    assert "30 of 30 certified verdicts came out differently" in found.reasons[0]
    assert found.remedy == "judge validate c.yaml"


@pytest.mark.parametrize("standing", [Standing.NOT_TRUSTED, Standing.INSUFFICIENT])
def test_nothing_is_spent_on_the_sentinels_of_a_judge_that_is_not_trusted(
    standing: Standing,
) -> None:
    found = _served_by("fp_2", standing=standing)

    assert (found.standing, found.judge_again) == (standing, ())


PROMPT = Path(__file__).parents[2] / "prompts" / "equivalence" / "v1.md"


def _measured(
    folder: Path,
    *,
    change: tuple[str, str] = ("", ""),
    model: str = "judge-1",
    sampling: Sampling | None = None,
    parser: str = "",
    references: tuple[str, ...] = ("Paris",),
) -> tuple[Measure, str]:
    """Return what a judge made of the shipped prompt measures, and the content of a record."""
    old, new = change
    text = PROMPT.read_text(encoding="utf-8")
    assert old in text
    path = folder / "prompt.md"
    path.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    chat = FakeChat()
    prompted = PromptedJudge(chat, prompt=read_prompt(path), sampling=sampling or Sampling())
    measure = EquivalenceScorer(
        prompted,
        scale=EQUIVALENCE_SCALE,
        criterion="equivalence",
        target=Target.REFERENCE,
        empty_value=0.0,
    ).measure
    identity = {**measure.identity, "model": model, **({"parser": parser} if parser else {})}
    record = Record(
        item_id="i1",
        system="student",
        input="Which city?",
        output="Paris",
        references=references,
        teacher_output=None,
        schema="",
        slices={},
        cluster="i1",
    )
    return replace(measure, identity=identity), content_of(record, Target.REFERENCE)


Change = Callable[[Path], tuple[Measure, str]]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (lambda folder: _measured(folder, model="judge-2"), "model was 'judge-1', is 'judge-2'"),
        *[
            (
                lambda folder, change=change: _measured(folder, change=change),
                "prompt_fingerprint was",
            )
            for change in (
                ("whether a reader", "whether  a reader"),  # one byte
                ("contradicts none of it", "contradicts little of it"),  # the rubric
                ("maxLength: 600", "maxLength: 700"),  # the schema of the reply
            )
        ],
        (
            lambda folder: _measured(folder, sampling=Sampling(temperature=0.1)),
            "temperature was '0.0', is '0.1'",
        ),
        (
            lambda folder: _measured(folder, sampling=Sampling(max_tokens=999)),
            "max_tokens was '1024', is '999'",
        ),
        (lambda folder: _measured(folder, parser="0"), "parser was"),
    ],
)
def test_a_certificate_is_for_one_model_prompt_rubric_sampling_and_parser_and_says_what_changed(
    tmp_path: Path, changed: Change, named: str
) -> None:
    certified, _ = _measured(tmp_path)
    now, _ = changed(tmp_path)

    found = _standing(_certificate(certified), measure=now)

    assert now.signature != certified.signature
    assert found.standing is Standing.STALE
    assert named in found.reasons[0]
    assert found.reasons[0].count(" was ") == 1


def test_another_reference_is_another_question_and_no_other_judge(tmp_path: Path) -> None:
    certified, before = _measured(tmp_path)

    measure, after = _measured(tmp_path, references=("Paris, France",))

    assert measure.signature == certified.signature
    assert _standing(_certificate(certified), measure=measure).believed
    assert before != after
