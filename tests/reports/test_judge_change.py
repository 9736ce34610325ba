from judge.reports.judge_change import judge_change, served_by
from judge.results.run import content_of
from judge.trust.admission import AdmittedResults
from tests.reports.two_runs import judged, run_of, score

METRIC = "equivalence.reference"
OLD = [f"old {k}" for k in range(60)]
NEW = [f"new {k}" for k in range(60)]


def _run(
    values: list[float], texts: list[str], *, model: str = "judge-1", served: str = "served-1"
) -> AdmittedResults:
    return run_of(judged(model), {"student": values}, texts={"student": texts}, served=served)


def test_the_same_judge_on_unchanged_texts_is_the_same() -> None:
    found = judge_change(_run([1.0] * 60, OLD), _run([1.0] * 60, OLD), metric=METRIC)

    assert (found.reasons, found.undecided) == ((), False)
    assert found.words == "60 of 60 texts judged by both have the same verdict"


def test_other_texts_under_the_same_judge_tell_nothing_and_need_not() -> None:
    found = judge_change(_run([1.0] * 60, OLD), _run([0.0] * 60, NEW), metric=METRIC)

    assert (found.reasons, found.n_again, found.undecided) == ((), 0, False)
    assert "nothing tells" in found.words


def test_another_model_that_answers_is_another_judge() -> None:
    found = judge_change(
        _run([1.0] * 60, OLD), _run([1.0] * 60, NEW, served="served-2"), metric=METRIC
    )

    assert found.reasons == ("served-1 answered, now served-2",)
    assert (found.undecided, found.n_lacking) == (True, 60)


def test_a_judge_that_changes_its_mind_on_unchanged_texts_is_another_one() -> None:
    texts = OLD[:40] + NEW[40:]
    flipped = [0.0] * 20 + [1.0] * 40

    found = judge_change(_run([1.0] * 60, OLD), _run(flipped, texts), metric=METRIC)

    assert found.reasons == ("20 of 40 texts that did not change have another verdict",)
    assert (found.n_same, found.n_again, found.n_lacking) == (20, 40, 20)


def test_one_verdict_that_differs_is_luck() -> None:
    found = judge_change(_run([1.0] * 60, OLD), _run([0.0] + [1.0] * 59, OLD), metric=METRIC)

    assert found.reasons == ()


def test_texts_that_were_judged_again_count_as_unchanged_ones_do() -> None:
    before, after = _run([1.0] * 60, OLD), _run([1.0] * 60, NEW, model="judge-2")
    measure = judged("judge-2")
    again = {content_of(r, measure.target): score(measure, 1.0) for r in before.records}

    found = judge_change(before, after, metric=METRIC, again=again)

    assert found.reasons == ("model was 'judge-1', is 'judge-2'",)
    assert (found.n_again, found.n_lacking, found.undecided) == (60, 0, False)


def test_the_models_that_answered_are_told_whatever_else_came() -> None:
    run = _run([1.0] * 60, OLD)

    assert served_by(run.measures[0].outcomes.values()) == {"served-1"}
