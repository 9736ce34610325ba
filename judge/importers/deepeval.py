"""Test runs of DeepEval: its latest test run, and evaluation results written as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, answer_texts
from judge.importers.texts import input_text, output_text
from judge.importers.values import list_of, object_of, objects_of, text_of
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "a DeepEval test run"
_WRAPPED = "testRunData"
_CASES = ("testCases", "test_cases", "test_results")
_SCALE = ("fail", "pass")
# Its own metrics that compare texts by a formula.
_FORMULAS = frozenset({"Exact Match", "Pattern Match", "Json Correctness"})


def is_run(document: JsonValue) -> bool:
    """Whether a document is a test run, by its keys."""
    if not isinstance(document, dict):
        return False
    run = document.get(_WRAPPED, document)
    return isinstance(run, dict) and any(isinstance(run.get(key), list) for key in _CASES)


def read_run(path: Path, document: JsonValue) -> Imported:
    """Read a test run.

    Raises:
        DataError: a test case is none.
    """
    whole = object_of(document)
    run = object_of(whole.get(_WRAPPED)) or whole
    key = next(key for key in _CASES if isinstance(run.get(key), list))
    gathering = Gathering(tool=TOOL, path=path)
    cases: list[tuple[str, JsonObject]] = []
    for number, case in enumerate(list_of(run[key])):
        place = f"{path.name}: {key}[{number}]"
        if not isinstance(case, dict) or "input" not in case:
            raise DataError(
                f"{place}: no test case of DeepEval: it needs the key 'input'; a test run stands "
                "in .deepeval/.latest_test_run.json after deepeval test run"
            )
        cases.append((place, case))
    if conversations := list_of(run.get("conversationalTestCases")):
        gathering.leave_out("conversations of several turns", len(conversations))
    system = _system(run)
    ids = _ids([case for _, case in cases])
    for (place, known), item_id in zip(cases, ids, strict=True):
        _take(gathering, known, item_id=item_id, system=system, place=place)
    gathering.became("name", "id")
    gathering.became("input", "input")
    gathering.became("expectedOutput", "reference")
    gathering.became("actualOutput", "output")
    if system:
        gathering.became("hyperparameters.model", "system")
    return gathering.done()


def _take(gathering: Gathering, case: JsonObject, *, item_id: str, system: str, place: str) -> None:
    tags = case.get("tags")
    gathering.item(
        item_id,
        input=input_text(case["input"]),
        references=answer_texts(_value(case, "expectedOutput", "expected_output")),
        metadata={
            **object_of(_value(case, "metadata", "additional_metadata")),
            **({"tags": tags} if tags else {}),
        },
        place=place,
    )
    gathering.output(
        item_id,
        system=system,
        output=output_text(_value(case, "actualOutput", "actual_output")),
        took=_took(case),
        place=place,
    )
    for name in ("context", "retrievalContext"):
        if case.get(name):
            gathering.leave_out(f"the {name} of test cases")
    for metric in objects_of(_value(case, "metricsData", "metrics_data")):
        _take_metric(gathering, metric, item_id=item_id, system=system, place=place)


def _take_metric(
    gathering: Gathering, metric: JsonObject, *, item_id: str, system: str, place: str
) -> None:
    name = str(metric.get("name", "metric"))
    if name in _FORMULAS:
        gathering.leave_out(f"scores of {name}, which is a formula and no judge")
        return
    if metric.get("error"):
        gathering.leave_out(f"measurements of {name} that failed")
        return
    passed = metric.get("success")
    gathering.scale(name, _SCALE)
    gathering.became(f"success of {name}", f"verdicts of {name}")
    gathering.leave_out(f"the number of {name} (taken is whether it reached its threshold)")
    gathering.verdict(
        item_id,
        system=system,
        judge=name,
        label=_SCALE[passed] if isinstance(passed, bool) else None,
        reply=metric.get("reason"),
        place=place,
    )


def _took(case: JsonObject) -> Mapping[str, JsonValue]:
    seconds = _value(case, "completionTime", "completion_time")
    return {
        "latency_ms": seconds * 1000 if isinstance(seconds, int | float) else None,
        "cost": _value(case, "tokenCost", "token_cost"),
        "input_tokens": case.get("inputTokenCount"),
        "output_tokens": case.get("outputTokenCount"),
    }


def _ids(cases: Sequence[JsonObject]) -> list[str]:
    """Return each case's name; where names are not unique, its number."""
    names = [case.get("name") for case in cases]
    if all(isinstance(name, str) and name for name in names) and _no_two_alike(names):
        return [str(name) for name in names]
    return [str(number) for number in range(1, len(cases) + 1)]


def _no_two_alike(names: Sequence[JsonValue]) -> bool:
    return len(set(map(str, names))) == len(names)


def _system(run: JsonObject) -> str:
    return text_of(object_of(run.get("hyperparameters")).get("model")) or ONLY_SYSTEM


def _value(case: JsonObject, *names: str) -> JsonValue:
    return next((case[name] for name in names if case.get(name) is not None), None)
