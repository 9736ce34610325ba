import pytest

from judge.web.forms import Form
from judge.web.problems import Problem


def test_a_field_that_is_not_there_is_empty() -> None:
    assert Form({}).one("x") == ""
    assert list(Form({}).all("x")) == []


@pytest.mark.parametrize("said", ["0", "11", "-1", "1.5", "٣", "x"])
def test_a_number_out_of_range_is_refused_by_name(said: str) -> None:
    with pytest.raises(Problem, match="n: a whole number from 1 to 10"):
        Form({"n": [said]}).number("n", default=1, least=1, most=10)
