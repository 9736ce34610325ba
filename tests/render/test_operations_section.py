from judge.records.production import Conditions
from judge.records.record import Role
from judge.render.operations_section import operations_sections
from judge.reports.operations import Operations, OperationsRow, SavedRow
from judge.stats.estimate import Estimate, Undefined


def _estimate(value: float) -> Estimate:
    return Estimate(
        value=value,
        low=value * 0.9,
        high=value * 1.1,
        level=0.95,
        n=40,
        n_clusters=40,
        method="order statistics",
    )


ROW = OperationsRow(
    system="s",
    role=Role.STUDENT,
    n=50,
    n_timed=40,
    n_priced=40,
    failed={"judge_unavailable": 2},
    latency_ms={
        "p50": _estimate(1500.0),
        "p95": _estimate(4000.0),
        "p99": Undefined(reason="limits need about 368 items", n=40),
    },
    first_token_ms={"p50": _estimate(200.0)},
    input_tokens=_estimate(100.0),
    output_tokens=None,
    cost_per_1000=_estimate(2.0),
    parameters="135M",
    conditions=Conditions(hardware="1 x H100", memory_gib=2.5, outputs_per_s=3.0),
)
SAVED = SavedRow(
    student="s",
    quantity="time",
    n=40,
    saved=_estimate(0.5),
    typical=Undefined(reason="5 outputs, 20 are needed"),
)


def test_times_sizes_and_savings_stand_in_a_table_each() -> None:
    found = Operations(rows=(ROW,), saved=(SAVED,), warnings=("hardware differ",))

    (section,) = operations_sections(found)

    times, sizes, saved = section.tables
    assert times.rows == [
        ["s", "40 of 50", "1.5 s [1.35, 1.65]", "4 s [3.6, 4.4]", "-", "0.2 s [0.18, 0.22]"]
    ]
    assert sizes.rows[0][1:6] == ["135M", "2.5 GiB", "1 x H100", "-", "3.00"]
    assert sizes.rows[0][-1] == "$2.00 [$1.80, $2.20]; 10 of unknown cost"
    assert saved.rows == [["s  time", "40", "50.0 % [45.0, 55.0]", "5 outputs, 20 are needed"]]
    assert section.lines[0] == "hardware differ"
    assert "s: outputs not made: judge_unavailable 2" in section.lines
    assert "s: latency p99: limits need about 368 items" in section.lines


def test_a_run_of_which_nothing_is_known_has_no_section() -> None:
    assert operations_sections(None) == []
