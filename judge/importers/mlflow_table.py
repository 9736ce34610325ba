"""Evaluation tables of MLflow: of ``mlflow.evaluate``, and of ``mlflow.genai.evaluate``."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from judge.errors import DataError
from judge.importers.columns import column_for
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, answer_texts, label_text
from judge.importers.table import Table, TableRow
from judge.importers.texts import answered_text, asked_text, output_text, reference_texts
from judge.importers.values import object_of, objects_of, text_of
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "an MLflow evaluation table"
_SCORE = re.compile(r"(?P<name>.+?)(/v\d+)?/score")
_REASONS, _VALUE, _RATIONALE, _ERROR = "/justification", "/value", "/rationale", "/error_message"
_TRACED = frozenset({"trace_id", "request", "response"})
_ASSESSMENTS = "assessments"
_EXPECTED = ("expected_response", "expected_answer", "ground_truth")
# Metrics that a model grades from 1 to 5, whichever of the numbers it gave.
_ONE_TO_FIVE = frozenset(
    {"answer_similarity", "answer_correctness", "faithfulness", "answer_relevance", "relevance"}
)
_FIVE = ("1", "2", "3", "4", "5")
_MEASURED = frozenset({"token_count", "latency"})
_OWN_TAG = "mlflow."
_TOKENS = "mlflow.trace.tokenUsage"


def is_table(columns: Sequence[str]) -> bool:
    """Whether a table is one of ``mlflow.evaluate``, by its columns of scores."""
    return any(_SCORE.fullmatch(column) for column in columns)


def is_traces(columns: Sequence[str]) -> bool:
    """Whether a table holds traces, with what was assessed of each, by its columns."""
    known = set(columns)
    return known >= _TRACED and (
        _ASSESSMENTS in known or any(one.endswith(_VALUE) for one in columns)
    )


def read_table(table: Table) -> Imported:
    """Read ``eval_results_table``: a row for each item, with the scores of each metric.

    Raises:
        DataError: no column looks like an output.
    """
    gathering = Gathering(tool=TOOL, path=table.path)
    scores = {one: found["name"] for one in table.columns if (found := _SCORE.fullmatch(one))}
    data = [
        name
        for name in table.columns
        if name not in scores and not name.endswith(_REASONS) and name not in _MEASURED
    ]
    columns = _Columns(table, data)
    for number, row in enumerate(table.rows, start=1):
        item_id = label_text(row.values.get(columns.id)) if columns.id else None
        item_id = item_id or str(number)
        system = (columns.system and label_text(row.values.get(columns.system))) or ONLY_SYSTEM
        gathering.item(
            item_id,
            input=asked_text(row.values.get(columns.input)) if columns.input else "",
            references=reference_texts(row.values.get(columns.reference))
            if columns.reference
            else (),
            metadata={name: row.values.get(name) for name in columns.rest},
            place=row.place,
        )
        seconds = row.number("latency")
        new = gathering.output(
            item_id,
            system=system,
            output=answered_text(row.values.get(columns.output)),
            took={"latency_ms": seconds * 1000 if isinstance(seconds, int | float) else seconds},
            place=row.place,
        )
        if not new:
            gathering.leave_out("further outputs of a system for the same item")
            continue
        for column, name in scores.items():
            _take_score(gathering, row, column, name, item_id=item_id, system=system)
    for ours, column in columns.found():
        gathering.became(column, ours)
    if columns.id is None:
        gathering.became("(the number of the row)", "id")
    return gathering.done()


class _Columns:
    """Which column of a table is what."""

    def __init__(self, table: Table, data: Sequence[str]) -> None:
        output = column_for("output", [name for name in data if name != "answer"])
        if output is None:
            raise DataError(
                f"{table.path.name}: no column of this MLflow table looks like an output; its "
                f"columns are: {', '.join(table.columns)}; rename that of the outputs to 'outputs'"
            )
        others = [name for name in data if name != output]
        self.output: str = output
        self.id = column_for("id", others)
        self.input = column_for("input", others)
        self.reference = column_for("reference", [one for one in others if one != self.input])
        self.system = column_for("system", others)
        used = {name for _, name in self.found()}
        self.rest = [name for name in others if name not in used]

    def found(self) -> Iterator[tuple[str, str]]:
        for ours in ("id", "input", "reference", "output", "system"):
            if (column := getattr(self, ours)) is not None:
                yield ours, column


def _take_score(
    gathering: Gathering, row: TableRow, column: str, name: str, *, item_id: str, system: str
) -> None:
    reasons = column.removesuffix("/score") + _REASONS
    if reasons not in row.values:
        gathering.leave_out(f"scores by {name}, which is a formula and no judge")
        return
    if row.values.get(column) is None:
        gathering.leave_out(f"measurements of {name} that failed")
        return
    if name in _ONE_TO_FIVE:
        gathering.scale(name, _FIVE)
    gathering.became(column, f"verdicts of {name}")
    gathering.verdict(
        item_id,
        system=system,
        judge=name,
        label=row.values.get(column),
        reply=row.values.get(reasons),
        place=row.place,
    )


def read_traces(table: Table) -> Imported:
    """Read the results of ``mlflow.genai.evaluate``, or traces that were searched for.

    An item is named by a hash of what was asked: another run has other traces of the same.
    """
    gathering = Gathering(tool=TOOL, path=table.path)
    assessed = _ASSESSMENTS in table.columns
    for row in table.rows:
        asked = asked_text(row.written_out("request"))
        item_id = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        state = row.values.get("state")
        known = objects_of(row.written_out(_ASSESSMENTS))
        gathering.item(
            item_id,
            input=asked,
            references=_expected(row, known),
            metadata=_tags(row),
            place=row.place,
        )
        output = row.values.get("response")
        new = gathering.output(
            item_id,
            system=ONLY_SYSTEM,
            output=answered_text(output) if isinstance(output, str) else output_text(output),
            took=_took(row),
            error="the trace ended in an error" if state == "ERROR" else "",
            place=row.place,
        )
        if not new:
            gathering.leave_out("further traces of the same request")
            continue
        if assessed:
            for one in known:
                _take_assessment(gathering, one, item_id=item_id, place=row.place)
        else:
            _take_values(gathering, row, table.columns, item_id=item_id)
    gathering.became("(a hash of request)", "id")
    gathering.became("request", "input")
    gathering.became("response", "output")
    return gathering.done()


def _take_assessment(gathering: Gathering, one: JsonObject, *, item_id: str, place: str) -> None:
    name = text_of(one.get("assessment_name")) or "assessment"
    feedback, source = object_of(one.get("feedback")), object_of(one.get("source"))
    kind = text_of(source.get("source_type")).upper()
    if "expectation" in one:
        if name in _EXPECTED:
            gathering.became(f"expectation {name}", "reference")
        else:
            gathering.leave_out(f"expectations {name}, which are no right answer as a whole")
    elif one.get("valid") is False:
        gathering.leave_out(f"assessments {name} that were replaced by others")
    elif feedback.get("error") or "value" not in feedback:
        gathering.leave_out(f"assessments {name} that failed")
    elif kind == "HUMAN":
        gathering.became(f"assessments {name} by people", f"label of {name}")
        gathering.rating(
            item_id,
            system=ONLY_SYSTEM,
            rater=label_text(source.get("source_id")) or "unknown",
            question=name,
            label=feedback["value"],
            comment=text_of(one.get("rationale")),
            place=place,
        )
    elif kind in {"LLM_JUDGE", "AI_JUDGE"}:
        gathering.became(f"assessments {name} by a model", f"verdicts of {name}")
        gathering.verdict(
            item_id,
            system=ONLY_SYSTEM,
            judge=name,
            label=feedback["value"],
            reply=one.get("rationale"),
            place=place,
        )
    else:
        gathering.leave_out(f"assessments {name} by code, which is a formula and no judge")


def _take_values(
    gathering: Gathering, row: TableRow, columns: Sequence[str], *, item_id: str
) -> None:
    """Take scores that stand in columns of their own, where nobody says who gave them."""
    for column in columns:
        name = column.removesuffix(_VALUE)
        if name == column or name in _EXPECTED:
            continue
        if f"{name}{_RATIONALE}" not in columns:
            gathering.leave_out(f"values of {name}, which come without reasons: no judge's")
        elif row.values.get(column) is None:
            gathering.leave_out(f"assessments {name} that failed")
        else:
            gathering.became(column, f"verdicts of {name}")
            gathering.verdict(
                item_id,
                system=ONLY_SYSTEM,
                judge=name,
                label=row.values.get(column),
                reply=row.values.get(f"{name}{_RATIONALE}"),
                place=row.place,
            )


def _expected(row: TableRow, assessments: Sequence[JsonObject]) -> tuple[str, ...]:
    for name in _EXPECTED:
        for one in assessments:
            if one.get("assessment_name") == name and "expectation" in one:
                return answer_texts(object_of(one["expectation"]).get("value"))
        if (value := row.values.get(f"{name}{_VALUE}")) is not None:
            return answer_texts(value)
    return ()


def _tags(row: TableRow) -> JsonObject:
    tags = object_of(row.written_out("tags"))
    return {name: value for name, value in tags.items() if not name.startswith(_OWN_TAG)}


def _took(row: TableRow) -> Mapping[str, JsonValue]:
    used = object_of(_read(object_of(row.written_out("trace_metadata")).get(_TOKENS)))
    return {
        "latency_ms": row.number("execution_duration"),
        "input_tokens": used.get("input_tokens"),
        "output_tokens": used.get("output_tokens"),
    }


def _read(value: JsonValue) -> JsonValue:
    return TableRow(place="", values={"": value}).written_out("")
