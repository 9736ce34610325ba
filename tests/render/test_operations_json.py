from judge.records.production import Conditions
from judge.records.record import Role
from judge.render.operations_json import operations_json
from judge.reports.operations import Operations, OperationsRow
from judge.stats.estimate import Undefined

ROW = OperationsRow(
    system="s",
    role=Role.STUDENT,
    n=3,
    n_timed=1,
    n_priced=0,
    failed={},
    latency_ms={"p50": Undefined(reason="too few", n=1)},
    first_token_ms={},
    input_tokens=None,
    output_tokens=None,
    cost_per_1000=None,
    parameters="",
    conditions=Conditions(),
)


def test_what_is_unknown_has_no_key() -> None:
    found = operations_json(Operations(rows=(ROW,), saved=(), warnings=("w",)))

    assert found["operations"] == [
        {
            "system": "s",
            "role": "student",
            "n": 3,
            "n_timed": 1,
            "n_priced": 0,
            "failed": {},
            "latency_ms": {"p50": {"undefined": "too few"}},
            "first_token_ms": {},
        }
    ]
    assert found["operations_warnings"] == ["w"]


def test_a_run_of_which_nothing_is_known_has_no_keys() -> None:
    assert operations_json(None) == {}
