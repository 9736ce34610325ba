import json

from judge.records.record import RecordKey
from judge.render.markdown import as_markdown
from judge.render.tuning_page import tuning_json, tuning_page
from judge.stats.estimate import Estimate, Undefined
from judge.trust.tuning import Agreed, Part, Tuning, Wording

LABELS = {Part.TRAIN: 50, Part.DEV: 70, Part.TEST: 80}


def _estimate(value: float) -> Estimate:
    return Estimate(
        value=value, low=value - 0.1, high=value + 0.1, level=0.95, n=70, n_clusters=70, method="t"
    )


def _agreed(gain: float) -> Agreed:
    return Agreed(agreement=_estimate(0.7 + gain), gain=_estimate(gain), n_labels=70)


def test_every_wording_is_shown_with_what_it_adds_or_why_it_was_not_tried() -> None:
    found = Tuning(
        labels=LABELS,
        disagreements=9,
        present=Agreed(
            agreement=_estimate(0.7), gain=Undefined(reason="the same", n=70), n_labels=70
        ),
        wordings=(
            Wording(name="rules-1", rules=("Mind *units*.",), dev=_agreed(0.05)),
            Wording(name="rules-2", reason="the proposal is no strict JSON"),
            Wording(
                name="examples", examples=(RecordKey(item_id="i1", system="s"),), dev=_agreed(0.01)
            ),
        ),
        reason="no wording is surely better on dev: the present one stays",
    )

    page = as_markdown(tuning_page(found, name="fees", steps=["label more"]))
    read = json.loads(tuning_json(found, written=""))

    assert "the present one stays" in page
    assert "rules-2: not tried: the proposal is no strict JSON" in page
    assert r"Mind \*units\*" in page
    assert "0.750" in page
    assert read["chosen"] is None
    assert read["wordings"][0]["dev"]["gain"]["low"] == -0.05
    assert read["wordings"][2]["examples"] == [{"id": "i1", "system": "s"}]
    assert read["test"] is None
