import pytest

from judge.results.yardstick import BlindSpot, Yardstick, decode_yardstick, encode_yardstick
from judge.stats.estimate import Estimate


def _at(value: float) -> Estimate:
    return Estimate(
        value=value, low=value, high=value, level=0.95, n=9, n_clusters=9, method="test"
    )


def _yardstick(**figures: float) -> Yardstick:
    return Yardstick(
        run_id="r",
        metric="similarity.reference",
        figures={name: _at(value) for name, value in figures.items()},
        undefined={} if "paraphrase" in figures else {"paraphrase": "one answer each"},
        token_limit=256,
        blind_spots=(
            BlindSpot(change="number", n=6, paraphrase=0.8, altered=0.9, blind=5, told=6),
        ),
    )


@pytest.mark.parametrize(
    ("figures", "place"),
    [
        ({"random": 0.1, "paraphrase": 0.6}, 0.5),
        ({"random": 0.6, "paraphrase": 0.6}, None),
        ({"random": 0.1}, None),
        ({"paraphrase": 0.6}, None),
    ],
)
def test_a_similarity_lies_between_random_pairs_and_paraphrases_where_both_are_known(
    figures: dict[str, float], place: float | None
) -> None:
    assert _yardstick(**figures).place(0.35) == pytest.approx(place)


def test_what_is_stored_is_read_back_as_it_was() -> None:
    kept = _yardstick(random=0.1)

    assert decode_yardstick(encode_yardstick(kept)) == kept
    assert kept.document_id == "r/similarity.reference"
