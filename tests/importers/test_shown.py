from pathlib import Path

from judge.importers.imported import ONLY_SYSTEM, Gathering
from judge.importers.shown import Shown, take_shown


def _taken(data: dict[str, object], **more: object) -> tuple[Shown, Gathering]:
    gathering = Gathering(tool="a tool", path=Path("a.json"))
    shown = take_shown(
        gathering,
        data,  # type: ignore[arg-type]
        default_id="task-1",
        metadata={"from": "x"},
        place="p",
        prefix="data.",
        apart={"label"},
    )
    return shown, gathering


def test_an_item_and_its_output_are_found_by_their_columns() -> None:
    shown, gathering = _taken(
        {"item_id": 3, "question": "ask", "answer": "said", "gold": "right", "model": "m", "k": 1}
    )

    found = gathering.done()
    assert shown == Shown(item_id="3", system="m", output="said")
    assert found.items[0].references == ("right",)
    assert found.items[0].metadata == {"k": 1, "from": "x"}
    assert found.became["data.answer"] == "output"


def test_a_lone_text_is_what_people_labelled_and_beside_a_summary_what_that_is_of() -> None:
    alone, _ = _taken({"text": "said"})
    summary, gathering = _taken({"text": "the article", "summary": "said"})

    assert (alone.output, summary.output) == ("said", "said")
    assert gathering.done().items[0].input == "the article"


def test_what_is_not_shown_is_not_known() -> None:
    shown, gathering = _taken({"question": "ask", "label": "x"})

    found = gathering.done()
    assert shown == Shown(item_id="task-1", system=ONLY_SYSTEM, output=None)
    assert (found.outputs, found.items[0].references) == ((), ())
