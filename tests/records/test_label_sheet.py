import json
from pathlib import Path

import pytest

from judge.errors import ConfigError, DataError
from judge.records.label_sheet import LabelSheet

SCALE = ("different", "equivalent")


def _sheet(folder: Path, *raters: str | None, rater: str = "ada") -> LabelSheet:
    rows = [
        {"task": f"t{n}", "input": "q", "against": "a", "output": "o", "label": None, "rater": one}
        for n, one in enumerate(raters)
    ]
    (folder / "to_label.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return LabelSheet(folder / "to_label.jsonl", categories=SCALE, rater=rater)


def _rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "to_label.jsonl").read_text().splitlines()]


def _say(sheet: LabelSheet, number: int, label: str = "", **said: object) -> None:
    comment = str(said.get("comment", ""))
    sheet.fill_in(
        number, label=label, comment=comment, skipped=bool(said.get("skipped")), seconds=2
    )


def test_a_label_is_in_the_file_at_once_with_who_gave_it(tmp_path: Path) -> None:
    sheet = _sheet(tmp_path, None, None)

    _say(sheet, 1, "equivalent", comment="clear")

    first, second = _rows(tmp_path)
    assert first["label"] is None
    assert (second["label"], second["rater"], second["comment"]) == ("equivalent", "ada", "clear")
    assert sheet.done == 1


def test_a_sheet_that_is_opened_again_goes_on_where_it_was(tmp_path: Path) -> None:
    sheet = _sheet(tmp_path, None, None, None)
    _say(sheet, 0, "different")
    _say(sheet, 1, skipped=True, comment="cut off")

    again = LabelSheet(tmp_path / "to_label.jsonl", categories=SCALE, rater="ada")

    assert (again.first_open, again.done, again.skipped) == (2, 2, 1)
    assert again.task(0).label == "different"
    assert again.task(1).comment == "cut off"


def test_a_label_can_be_taken_back(tmp_path: Path) -> None:
    sheet = _sheet(tmp_path, None)
    _say(sheet, 0, "different")

    _say(sheet, 0)

    assert sheet.done == 0
    assert _rows(tmp_path)[0]["label"] is None


def test_each_rater_sees_and_fills_in_rows_of_their_own(tmp_path: Path) -> None:
    sheet = _sheet(tmp_path, "ada", "ben", "ada")

    _say(sheet, 1, "equivalent")

    assert len(sheet) == 2
    assert [row["label"] for row in _rows(tmp_path)] == [None, None, "equivalent"]


def test_a_rater_nobody_planned_for_is_told_who_was(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no rows for 'eve', only for: ada, ben.*--rater"):
        _sheet(tmp_path, "ada", "ben", rater="eve")


@pytest.mark.parametrize(
    ("label", "comment", "skipped", "said"),
    [
        ("great", "", False, "not on the scale: different, equivalent"),
        ("", " ", True, "for a reason"),
        ("different", "why", True, "without a label"),
    ],
)
def test_what_is_no_label_is_refused_and_changes_nothing(
    tmp_path: Path, *, label: str, comment: str, skipped: bool, said: str
) -> None:
    sheet = _sheet(tmp_path, None)
    before = _rows(tmp_path)

    with pytest.raises(DataError, match=said):
        sheet.fill_in(0, label=label, comment=comment, skipped=skipped, seconds=1)

    assert _rows(tmp_path) == before


def test_a_row_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    sheet = _sheet(tmp_path, None)

    for number in (-1, 1):
        with pytest.raises(IndexError):
            sheet.task(number)


def test_a_spreadsheet_is_not_filled_in_by_a_page(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl"):
        LabelSheet(tmp_path / "to_label.csv", categories=SCALE, rater="ada")
