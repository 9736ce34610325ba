from judge.render.figures_json import figure_json
from judge.stats.estimate import Estimate, Undefined


def test_an_estimate_never_stands_without_its_limits_and_an_absent_one_has_its_reason() -> None:
    found = Estimate(value=0.5, low=0.4, high=0.6, level=0.95, n=9, n_clusters=3, method="wilson")

    assert list(figure_json(found)) == [
        "value",
        "low",
        "high",
        "level",
        "n",
        "n_clusters",
        "method",
    ]
    assert figure_json(Undefined(reason="no items")) == {"undefined": "no items"}
