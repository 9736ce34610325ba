import numpy as np
import pytest

from judge.records.alike import Alike, alike_in_meaning


def test_texts_that_mean_the_same_are_found_by_their_vectors() -> None:
    rng = np.random.default_rng(5)
    training = rng.normal(size=(3000, 16)).astype(np.float32)
    evaluation = training[[7, 2900]] + rng.normal(size=(2, 16)).astype(np.float32) * 0.01
    evaluation = np.vstack([evaluation, rng.normal(size=(1500, 16)).astype(np.float32)])
    training /= np.linalg.norm(training, axis=1, keepdims=True)
    evaluation /= np.linalg.norm(evaluation, axis=1, keepdims=True)
    cosines = evaluation.astype(np.float64) @ training.T.astype(np.float64)

    found = alike_in_meaning(evaluation, training, at_least=0.8)

    assert [(one.evaluation, one.training) for one in found] == [
        (row, int(cosines[row].argmax()))
        for row in np.flatnonzero(cosines.max(axis=1) >= 0.8).tolist()
    ]
    assert [one.training for one in found[:2]] == [7, 2900]
    assert [one.cosine for one in found] == pytest.approx(
        [cosines[one.evaluation].max() for one in found], abs=1e-5
    )
    assert len(found) < 600


def test_vectors_of_no_text_are_like_none() -> None:
    none, one = np.empty((0, 3), np.float32), np.array([[1, 0, 0]], np.float32)

    assert alike_in_meaning(none, one) == alike_in_meaning(one, none) == ()
    assert alike_in_meaning(one, one) == (Alike(evaluation=0, training=0, cosine=1.0),)


@pytest.mark.parametrize(
    ("evaluation", "training", "message"),
    [
        (np.ones((1, 2)), np.ones((1, 3)), "do not fit"),
        (np.ones(2), np.ones((1, 2)), "do not fit"),
        (np.array([[1, 0]]), np.array([[1, 1]]), "norm 1"),
        (np.array([[np.nan, 0]]), np.array([[1, 0]]), "norm 1"),
    ],
)
def test_what_are_no_unit_vectors_of_one_space_is_refused(
    evaluation: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    training: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        alike_in_meaning(evaluation.astype(np.float32), training.astype(np.float32))
