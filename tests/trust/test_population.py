import numpy as np
import pytest

from judge.records.record import Record, Target
from judge.trust.population import (
    RatedPopulation,
    decode_population,
    encode_population,
    rated_population,
    why_moved,
)


def _records(
    seed: int, n: int, *, longer: float = 1.0, mail: float = 0.5, prefix: str = ""
) -> list[Record]:
    rng = np.random.default_rng(seed)
    return [
        Record(
            item_id=f"{prefix}{place}",
            system="student",
            input="x" * int(rng.lognormal(5, 0.5)),
            output="y" * int(longer * rng.lognormal(4, 0.5)),
            references=("z" * int(rng.lognormal(4, 0.5)),),
            teacher_output=None,
            schema="",
            slices={"kind": "mail" if rng.random() < mail else "chat"},
            cluster=f"{prefix}{place}",
        )
        for place in range(n)
    ]


def _rated(records: list[Record]) -> RatedPopulation:
    return rated_population(
        records, Target.REFERENCE, inclusion=[1.0] * len(records), certificate="c1"
    )


def _why(rated: RatedPopulation | None, records: list[Record]) -> str:
    return why_moved(rated, records, Target.REFERENCE, max_shift=0.1, seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_other_records_of_the_same_kind_are_the_same_population(seed: int) -> None:
    rated = _rated(_records(seed, 200))

    assert _why(rated, _records(seed + 100, 400, prefix="other")) == ""


@pytest.mark.parametrize(("longer", "mail"), [(4.0, 0.5), (1.0, 0.0)])
def test_longer_outputs_or_another_mix_of_slices_are_another_population(
    longer: float, mail: float
) -> None:
    rated = _rated(_records(1, 200))

    why = _why(rated, _records(2, 400, longer=longer, mail=mail, prefix="other"))

    assert "the population moved: lengths and slices tell the two apart" in why


def test_records_rated_more_often_by_plan_are_no_shift() -> None:
    everything = _records(3, 2000)
    rng = np.random.default_rng(0)
    chances = [0.3 if record.slices["kind"] == "mail" else 0.03 for record in everything]
    drawn = [
        (record, chance)
        for record, chance in zip(everything, chances, strict=True)
        if rng.random() < chance
    ]

    rated = rated_population(
        [record for record, _ in drawn],
        Target.REFERENCE,
        inclusion=[chance for _, chance in drawn],
        certificate="c1",
    )

    assert _why(rated, _records(4, 600, prefix="other")) == ""


def test_where_nothing_is_known_of_the_rated_records_the_certificate_does_not_speak() -> None:
    assert "nobody knows how it does here" in _why(None, _records(1, 100))
    assert "cannot be told" in _why(_rated(_records(1, 3)), _records(2, 100))


def test_it_survives_being_stored_and_holds_no_text() -> None:
    rated = _rated(_records(1, 20))

    body = encode_population(rated)

    assert decode_population(body) == rated
    assert b"yyy" not in body
