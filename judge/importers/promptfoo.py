"""Results of promptfoo: ``results.json``, or its rows as JSON lines."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from judge.errors import DataError
from judge.importers.columns import column_for
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, answer_texts
from judge.importers.texts import asked_text, input_text, output_text
from judge.importers.values import list_of, object_of, objects_of, text_of
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "promptfoo results"
_VERSIONS = (2, 3, 4)
# https://www.promptfoo.dev/docs/configuration/expected-outputs/model-graded
_MODEL_GRADED = frozenset(
    {
        "agent-rubric",
        "answer-relevance",
        "context-faithfulness",
        "context-recall",
        "context-relevance",
        "conversation-relevance",
        "factuality",
        "g-eval",
        "llm-rubric",
        "model-graded-closedqa",
        "model-graded-factuality",
        "pi",
        "search-rubric",
        "trajectory:goal-success",
    }
)
# Assertions whose value is a right answer.
_ANSWERS = frozenset(
    {"equals", "factuality", "model-graded-factuality", "similar", "rouge-n", "levenshtein", "bleu"}
)
_OWN_METADATA = "_promptfoo"
_SCALE = ("fail", "pass")
_ERROR = 2  # ResultFailureReason.ERROR: there is no output to look at


def is_results(document: JsonValue) -> bool:
    """Whether a document is a results file, by its keys."""
    if not isinstance(document, dict):
        return False
    results = document.get("results")
    return isinstance(results, dict) and isinstance(results.get("results"), list)


def is_result(row: JsonValue) -> bool:
    """Whether a row is one result, by its keys."""
    return isinstance(row, dict) and {"testIdx", "promptIdx", "gradingResult"} <= row.keys()


def read_results(path: Path, document: JsonValue) -> Imported:
    """Read a results file.

    Raises:
        DataError: its version is not known, or a result is none.
    """
    results = document["results"] if isinstance(document, dict) else None
    if not isinstance(results, dict):
        raise DataError(f"{path.name}: promptfoo results need an object 'results'")
    version = results.get("version")
    if version not in _VERSIONS:
        raise DataError(
            f"{path.name}: results.version: {version!r} is not known; known are "
            f"{', '.join(map(str, _VERSIONS))}: export again with promptfoo export eval"
        )
    rows = enumerate(list_of(results["results"]))
    return read_rows(path, [(f"{path.name}: results.results[{k}]", row) for k, row in rows])


def read_rows(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Imported:
    """Read results row by row.

    Raises:
        DataError: a row is no result.
    """
    gathering = Gathering(tool=TOOL, path=path)
    results = sorted(
        (_checked(place, row) for place, row in rows),
        key=lambda one: (_index(one[1], "testIdx"), _index(one[1], "promptIdx")),
    )
    prompts = list(dict.fromkeys(_prompt(row) for _, row in results))
    for place, row in results:
        _take(gathering, row, prompts, place=place)
    gathering.became("testIdx", "id")
    gathering.became("provider", "system")
    if len(prompts) > 1:
        for number, prompt in enumerate(prompts, start=1):
            gathering.became(f"prompt {prompt[:60]!r}", f"system (... prompt {number})")
        gathering.became("vars", "input")
    else:
        gathering.became("prompt.raw", "input")
    gathering.became("response.output", "output")
    return gathering.done()


def _checked(place: str, row: JsonValue) -> tuple[str, JsonObject]:
    if not isinstance(row, dict) or not {"testIdx", "provider"} <= row.keys():
        raise DataError(
            f"{place}: no result of promptfoo: it needs the keys 'testIdx' and 'provider'; export "
            "again with: promptfoo eval --output results.json"
        )
    return place, row


def _take(gathering: Gathering, row: JsonObject, prompts: Sequence[str], *, place: str) -> None:
    case, response = object_of(row.get("testCase")), object_of(row.get("response"))
    variables = object_of(row.get("vars")) or object_of(case.get("vars"))
    item_id = str(row["testIdx"])
    expected = column_for("reference", variables)
    references = answer_texts(variables[expected]) if expected else ()
    if expected:
        gathering.became(f"vars.{expected}", "reference")
    elif references := _asserted(case):
        gathering.became("the value of equals, similar or factuality", "reference")
    metadata = {**object_of(case.get("metadata")), **object_of(row.get("metadata"))}
    gathering.item(
        item_id,
        input=_input(row, variables, several=len(prompts) > 1, without=expected),
        references=references,
        metadata={
            **{name: one for name, one in variables.items() if name != expected},
            **{n: one for n, one in metadata.items() if not n.startswith(_OWN_METADATA)},
        },
        place=place,
    )
    system = _system(row, prompts)
    failed = row.get("failureReason") == _ERROR or "output" not in response
    error = row.get("error") or response.get("error")
    taken = gathering.output(
        item_id,
        system=system,
        output=None if failed else output_text(response.get("output")),
        took=_took(row, response),
        error=text_of(error) if failed else "",
        place=place,
    )
    if not taken:
        gathering.leave_out("further outputs of a provider for the same test")
    elif failed:
        gathering.became("error", "error of an output that is missing")
    else:
        _take_grades(gathering, row, item_id=item_id, system=system, place=place)


def _take_grades(
    gathering: Gathering, row: JsonObject, *, item_id: str, system: str, place: str
) -> None:
    for grade in _components(object_of(row.get("gradingResult"))):
        assertion = object_of(grade.get("assertion"))
        kind = str(assertion.get("type", ""))
        if kind.removeprefix("not-") not in _MODEL_GRADED:
            gathering.leave_out(f"checks by {kind or 'a formula'}, which no model judged")
            continue
        judge = text_of(assertion.get("metric")) or kind
        passed = grade.get("pass")
        gathering.scale(judge, _SCALE)
        gathering.became(f"gradingResult of {kind}", f"verdicts of {judge}")
        gathering.verdict(
            item_id,
            system=system,
            judge=judge,
            label=_SCALE[passed] if isinstance(passed, bool) else None,
            reply=grade.get("reason"),
            place=place,
        )


def _components(grade: JsonObject) -> Iterator[JsonObject]:
    """Yield each assertion's grade; those of a set of assertions stand within it."""
    for part in objects_of(grade.get("componentResults")):
        if objects_of(part.get("componentResults")):
            yield from _components(part)
        else:
            yield part


def _took(row: JsonObject, response: JsonObject) -> Mapping[str, JsonValue]:
    usage = object_of(response.get("tokenUsage"))
    cached = bool(response.get("cached"))
    return {
        # An answer out of promptfoo's cache took no time that says anything of the model.
        "latency_ms": None if cached else row.get("latencyMs"),
        "cost": None if cached else row.get("cost"),
        "input_tokens": usage.get("prompt"),
        "output_tokens": usage.get("completion"),
    }


def _input(row: JsonObject, variables: JsonObject, *, several: bool, without: str | None) -> str:
    """Return what was asked: the prompt as sent, or of several prompts what is common to them."""
    raw = object_of(row.get("prompt")).get("raw")
    if isinstance(raw, str) and not several:
        return asked_text(raw)
    return input_text({name: one for name, one in variables.items() if name != without})


def _asserted(case: JsonObject) -> tuple[str, ...]:
    for one in objects_of(case.get("assert")):
        if one.get("type") in _ANSWERS:
            return answer_texts(one.get("value"))
    return ()


def _system(row: JsonObject, prompts: Sequence[str]) -> str:
    provider = row["provider"]
    if isinstance(provider, dict):
        provider = provider.get("label") or provider.get("id")
    name = text_of(provider) or ONLY_SYSTEM
    if len(prompts) == 1:
        return name
    return f"{name} prompt {prompts.index(_prompt(row)) + 1}"


def _prompt(row: JsonObject) -> str:
    prompt = object_of(row.get("prompt"))
    return str(prompt.get("label") or prompt.get("raw") or "")


def _index(row: JsonObject, key: str) -> int:
    value = row.get(key)
    return value if isinstance(value, int) else 0
