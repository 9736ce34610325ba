from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.records.rating import LabelSource, text_hash
from judge.records.record import Target
from judge.reports.similarity import ALL_SYSTEMS, SimilarityFindings, similarity_findings
from judge.results.run import ALIGNMENT, SIMILARITY, TRUNCATED, Measure
from judge.results.yardstick import Yardstick
from judge.stats.estimate import Estimate, Undefined
from judge.stats.threshold import Threshold
from judge.trust.admission import AdmittedResults
from judge.trust.gold import GoldLabel, GoldSet, RightOrWrong

N = 60
COSINE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion=SIMILARITY,
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)
ALIGNED = replace(COSINE, scorer=ALIGNMENT, lower=0.0, continuous=True)
RNG = np.random.default_rng(5)
RIGHT = [bool(place % 2) for place in range(N)]
# Right answers score .3 higher.
VALUES = [float(v) for v in (RNG.uniform(0.2, 0.5, N) + 0.3 * np.array(RIGHT)).round(4)]
SLICES = [{"kind": "mail" if place < 40 else "chat"} for place in range(N)]


def _at(value: float) -> Estimate:
    return Estimate(
        value=value, low=value, high=value, level=0.95, n=9, n_clusters=9, method="test"
    )


def _gold(systems: Sequence[str], *, source: LabelSource = LabelSource.HUMAN) -> GoldSet:
    return GoldSet(
        criterion="equivalence",
        target=Target.REFERENCE,
        categories=("different", "equivalent"),
        population="p",
        fingerprint="f",
        source=source,
        blind=True,
        labels=tuple(
            GoldLabel(
                item_id=f"i{place}",
                system=system,
                output_hash=text_hash(None),
                label="equivalent" if right else "different",
                inclusion=1.0,
            )
            for system in systems
            for place, right in enumerate(RIGHT)
        ),
    )


def _found(results: AdmittedResults, *, limit: int = 256) -> list[SimilarityFindings]:
    yardstick = Yardstick(
        run_id="r",
        metric="similarity.reference",
        figures={"random": _at(0.1), "paraphrase": _at(0.9)},
        token_limit=limit,
    )
    return similarity_findings(results, yardsticks={yardstick.metric: yardstick})


def test_a_mean_is_placed_and_what_was_cut_off_is_counted(
    admitted: Callable[..., AdmittedResults],
) -> None:
    cells = [(0.5, TRUNCATED)] * 15 + [0.5] * 45

    (found,) = _found(admitted((COSINE, {"student": cells})))

    (student,) = found.systems
    assert student.place == pytest.approx(0.5)
    assert isinstance(student.truncated, Estimate)
    assert student.truncated.value == 0.25


def test_where_nobody_counts_tokens_no_text_is_said_to_be_whole(
    admitted: Callable[..., AdmittedResults],
) -> None:
    cosine, aligned = _found(
        admitted((COSINE, {"student": VALUES}), (ALIGNED, {"student": VALUES})), limit=0
    )

    assert isinstance(cosine.systems[0].truncated, Undefined)
    assert isinstance(aligned.systems[0].truncated, Undefined)
    assert aligned.systems[0].place is None


def test_a_threshold_is_fitted_on_labels_overall_by_system_and_by_slice(
    admitted: Callable[..., AdmittedResults],
) -> None:
    results = admitted((COSINE, {"sft": VALUES, "student": VALUES}), slices=SLICES)

    (found,) = _found(replace(results, gold=(_gold(["sft", "student"]),)))

    assert isinstance(found.labelled, RightOrWrong)
    parts = {(one.system, one.slice): one for one in found.right_from}
    assert list(parts) == [
        (ALL_SYSTEMS, "overall"),
        ("sft", "overall"),
        ("student", "overall"),
        (ALL_SYSTEMS, "kind=mail"),
        (ALL_SYSTEMS, "kind=chat"),
    ]
    overall = parts[ALL_SYSTEMS, "overall"]
    assert isinstance(overall.auc, Estimate)
    assert overall.auc.value == 1.0
    assert (overall.auc.n, overall.auc.n_clusters) == (2 * N, N)
    assert isinstance(overall.threshold, Threshold)
    assert overall.threshold.threshold.value == pytest.approx(0.5, abs=0.05)
    assert isinstance(parts[ALL_SYSTEMS, "kind=chat"].threshold, Threshold)


def test_a_record_without_a_score_has_no_part_in_a_threshold(
    admitted: Callable[..., AdmittedResults],
) -> None:
    cells = [*VALUES[:50], *["nothing to compare"] * 10]
    results = admitted((COSINE, {"student": cells}))

    (found,) = _found(replace(results, gold=(_gold(["student"]),)))

    assert isinstance(found.right_from[0].auc, Estimate)
    assert found.right_from[0].auc.n == 50


def test_without_labels_there_is_no_threshold_and_the_reason_is_said(
    admitted: Callable[..., AdmittedResults],
) -> None:
    (found,) = _found(admitted((COSINE, {"student": VALUES})))

    assert found.right_from == ()
    assert found.labelled == Undefined(reason="no labels by people against the reference")
