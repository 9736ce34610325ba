import pytest

from judge.api.dispatching import VALIDATION_KIND
from judge.stats.estimate import Estimate, Undefined
from judge.web.pages.found import read_validation
from tests.web.conftest import N_ITEMS, N_WRONG, Live
from tests.web.pages.test_validation_page import N_BEYOND, measured


def test_what_a_validation_found_is_read_back_as_it_was(service: Live) -> None:
    _, validation_id = measured(service)

    found = read_validation(service.server.store.documents(f"{VALIDATION_KIND}{validation_id}")[-1])

    assert found.standing == "insufficient"
    assert found.categories == ["different", "equivalent"]
    assert found.overall.confusion == [[N_WRONG, N_BEYOND], [0, N_ITEMS - N_WRONG - N_BEYOND]]
    percent = found.overall.figures["percent"]
    assert isinstance(percent, Estimate)
    assert percent.value == pytest.approx(1 - N_BEYOND / N_ITEMS)
    assert set(found.parts) == {"student", "kind=even", "kind=odd"}
    assert found.standings["kind=odd"] == "insufficient"
    assert found.raters is not None
    assert found.raters.raters == ["ann", "ben"]


def test_a_figure_that_does_not_exist_keeps_its_reason(service: Live) -> None:
    _, validation_id = measured(service)

    found = read_validation(service.server.store.documents(f"{VALIDATION_KIND}{validation_id}")[-1])

    assert found.baseline is not None
    assert found.baseline.figures["negative_predictive_value"] == Undefined(
        reason="no judge negative among the labels"
    )
