from collections.abc import Callable

from judge.records.record import Target, Unit
from judge.reports.groups import OVERALL, cluster_codes, record_groups, slice_names
from judge.results.run import ADHERENCE, Measure
from judge.trust.admission import AdmittedResults

FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
CELLS = {"teacher": [1.0] * 4, "student": [0.0] * 4}
SLICES = [
    {"kind": "mail", "length": "long"},
    {"kind": "chat", "length": "long"},
    {"kind": "mail", "length": "short"},
    {"kind": "mail", "length": "long"},
]
Maker = Callable[..., AdmittedResults]


def _ids(records: list[Unit]) -> list[str]:
    return [record.item_id for record in records]


def test_the_whole_comes_first_and_then_every_value_of_every_slice(admitted: Maker) -> None:
    found = slice_names(admitted((FORMAT, CELLS), slices=SLICES))

    assert found == [OVERALL, "kind=mail", "kind=chat", "length=long", "length=short"]


def test_a_set_without_slices_is_a_whole(admitted: Maker) -> None:
    assert slice_names(admitted((FORMAT, CELLS))) == [OVERALL]


def test_a_record_is_in_the_whole_and_in_each_of_its_slices(admitted: Maker) -> None:
    found = record_groups(admitted((FORMAT, CELLS), slices=SLICES))

    assert list(found) == [
        (system, name)
        for system in ("teacher", "student")
        for name in (OVERALL, "kind=mail", "kind=chat", "length=long", "length=short")
    ]
    assert _ids(found["student", OVERALL]) == ["i0", "i1", "i2", "i3"]
    assert _ids(found["student", "kind=mail"]) == ["i0", "i2", "i3"]
    assert _ids(found["student", "length=short"]) == ["i2"]
    assert {record.system for record in found["student", "kind=mail"]} == {"student"}


def test_records_share_a_code_where_they_share_a_cluster(admitted: Maker) -> None:
    made = admitted((FORMAT, CELLS), clusters=["d2", "d1", "d2", "d1"])
    student = record_groups(made)["student", OVERALL]

    assert cluster_codes(student).tolist() == [0, 1, 0, 1]
    assert cluster_codes(student[1:2]).tolist() == [0]
    # Two systems that answer one item share its luck.
    assert cluster_codes(made.records).tolist() == [0, 1, 0, 1] * 2


def test_no_records_have_codes_that_can_still_be_counted() -> None:
    found = cluster_codes([])

    assert (found.size, found.dtype.kind) == (0, "i")
