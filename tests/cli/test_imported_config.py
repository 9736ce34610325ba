from pathlib import Path

import pytest

from judge.cli.imported_config import config_text
from judge.cli.importing import ImportedSet
from judge.config import Config, parse_config
from judge.importers.imported import Gathering
from judge.importers.merged import merge
from judge.importers.rated import rated
from judge.importers.row_set import row_set
from judge.records.scale import ScaleKind


def _set(*, references: bool = True, asked: bool = True, systems: int = 1) -> Gathering:
    gathering = Gathering(tool="a tool", path=Path("a.json"))
    for k in range(4):
        right = [f"right {k}"] if references else []
        gathering.item(str(k), input="ask" if asked else "", references=right, place="p")
        for system in ("yes", "teacher b", "teacher a")[:systems]:
            gathering.output(str(k), system=system, output="said", place="p")
            for judge, label in (("equivalence", k % 2), ("my judge!", k), ("3rd", f"w{k % 2}")):
                gathering.verdict(str(k), system=system, judge=judge, label=label, place="p")
    return gathering


def _config(gathering: Gathering, *, teacher: str = "") -> tuple[Config, str]:
    file = gathering.done()
    merged = merge([file])
    about = rated(merged.ratings, merged.scales)
    rows = row_set(merged, question=about.question if about else "")
    found = ImportedSet(files=[file], merged=merged, rated=about, rows=rows)
    text = config_text(found, Path("c.yaml"), schema=None, teacher=teacher)
    return parse_config(text, name="c.yaml"), text


def test_each_recorded_judge_is_a_scorer_with_a_name_and_a_scale_of_its_own() -> None:
    config, _ = _config(_set())

    judged = config.scorers.judged
    assert list(judged) == ["judge-equivalence", "my-judge", "judge-3rd"]
    scales = [(one.scale.kind, one.scale.categories) for one in judged.values()]
    assert scales == [
        (ScaleKind.BINARY, ("0", "1")),
        (ScaleKind.ORDINAL, ("0", "1", "2", "3")),
        (ScaleKind.NOMINAL, ("w0", "w1")),
    ]
    assert list(config.systems) == ["yes"]


@pytest.mark.parametrize(
    ("references", "asked", "systems", "target"),
    [(True, True, 2, "reference"), (False, True, 2, "source"), (False, False, 2, "teacher")],
)
def test_a_recorded_judge_is_taken_to_have_seen_what_there_is(
    references: bool,  # noqa: FBT001
    asked: bool,  # noqa: FBT001
    systems: int,
    target: str,
) -> None:
    config, _ = _config(_set(references=references, asked=asked, systems=systems))

    assert config.scorers.judged["my-judge"].against == [target]


def test_where_outputs_can_be_held_against_nothing_no_judge_is_named() -> None:
    config, text = _config(_set(references=False, asked=False))

    assert config.scorers.judged == {}
    assert "no input found" in text


def test_one_of_several_teachers_is_the_teacher() -> None:
    first, _ = _config(_set(systems=3))
    said, _ = _config(_set(systems=3), teacher="teacher a")

    assert [one.role.value for one in first.systems.values()] == ["student", "teacher", "student"]
    assert [one.role.value for one in said.systems.values()] == ["student", "student", "teacher"]


def test_labels_that_stand_on_no_scale_are_left_to_the_person_with_all_that_is_needed() -> None:
    gathering = _set()
    for k, label in enumerate(("tea", "milk")):
        gathering.rating(str(k), system="yes", rater="ann", question="q", label=label, place="p")

    config, text = _config(gathering)

    assert config.ratings is None
    assert "Map each to a category" in text
    assert "#   labels: {tea: ?, milk: ?}" in text


def test_ratings_of_equivalence_say_so_beside_recorded_judges() -> None:
    gathering = _set()
    for k, label in enumerate(("different", "equivalent")):
        gathering.rating(str(k), system="yes", rater="ann", question="q", label=label, place="p")

    config, _ = _config(gathering)

    assert config.ratings is not None
    assert (config.ratings.criterion, config.ratings.blind) == ("equivalence", False)
