from judge.render.divergence_json import divergence_json
from tests.render.test_divergence_section import FEW, ROW


def test_a_row_has_its_figures_with_unit_and_coverage_or_the_reason_for_none() -> None:
    shown, few = divergence_json(ROW), divergence_json(FEW)

    js = shown["jensen_shannon"]
    assert isinstance(js, dict)
    assert (js["value"], shown["unit"], shown["coverage"]) == (0.1, "bits", 40 / 60)
    assert shown["kullback_leibler"] == {"undefined": "infinite: on 1 of 40 texts"}
    assert shown["refused"] == {"other tokens": 5}
    assert few["reason"] == "3 items could be compared, 20 are needed"
    assert not {"jensen_shannon", "unit"} & few.keys()
