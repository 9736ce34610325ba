from datetime import UTC, datetime

from judge.records.record import Record, Role, System, Target
from judge.reports.report import SaidByPeople
from judge.results.outcome import Score
from judge.results.run import Measure, RunManifest
from judge.web.pages.example_page import example_parts

MEASURE = Measure(
    scorer="equivalence",
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity={},
)
MANIFEST = RunManifest(
    run_id="r",
    name="n",
    purpose="score",
    started=datetime(2026, 5, 1, tzinfo=UTC),
    dataset="d",
    population="p",
    outputs={},
    n_items=1,
    systems=(System(name="student", role=Role.STUDENT),),
    slices={},
    measures=(MEASURE,),
    seed=0,
    rated=False,
    versions={},
    config="",
    config_path="",
)
SCORE = Score(
    scorer="equivalence",
    target=Target.REFERENCE,
    value=1.0,
    signature="s",
    label="equivalent",
    rationale="<b>it fits</b>",
)


def _shown(output: str | None, *references: str, against: str = "reference", **more: object) -> str:
    record = Record(
        item_id="i",
        system="student",
        input="q",
        output=output,
        references=references,
        teacher_output="taught",
        schema="",
        slices={},
        cluster="i",
    )
    people = more.get("people")
    return "".join(
        example_parts(
            record,
            {"equivalence.reference": SCORE},
            manifest=MANIFEST,
            against=against,
            withheld=["equivalence.reference"],
            people={"equivalence.reference": people} if isinstance(people, SaidByPeople) else {},
        )
    )


def test_of_several_references_the_closest_is_compared_with() -> None:
    shown = _shown("a b c", "x y z", "a b d")

    assert "Reference 2, the closest" in shown
    assert "Another reference" in shown


def test_a_rationale_is_text_and_a_verdict_nobody_checked_says_so() -> None:
    shown = _shown("a", "a")

    assert "&lt;b&gt;it fits" in shown
    assert "not trusted" in shown


def test_an_output_can_be_compared_with_the_teacher() -> None:
    assert "only in the teacher" in _shown("said", "a", against="teacher")


def test_no_output_is_said_to_be_none() -> None:
    assert "there is none" in _shown(None, "a")
    assert "Reference" in _shown(None, "a")


def test_what_an_author_constructed_is_not_called_people() -> None:
    shown = _shown("a", "a", people=SaidByPeople(label="different", constructed=True))

    assert "label, constructed by an author: different (not what the judge said)" in shown
    assert "people:" not in shown
