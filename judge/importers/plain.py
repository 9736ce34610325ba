"""Tables with columns as people name them: an id, an input, a reference, an output, a label."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum

from judge.errors import DataError
from judge.importers.columns import COLUMNS, column_for
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, answer_texts, label_text
from judge.importers.table import Table, TableRow
from judge.importers.texts import input_text, output_text
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "a table"
_CHAT = "messages"
_TOOK = ("latency_ms", "first_token_ms", "input_tokens", "output_tokens", "cost")
_OWN = frozenset({"slices", "metadata", "schema", "cluster", *_TOOK})


class Holds(Enum):
    """What a table is given as."""

    ANYTHING = "anything"
    ITEMS = "items"
    OUTPUTS = "outputs"


def read_table(table: Table, *, tool: str = TOOL, holds: Holds = Holds.ANYTHING) -> Imported:
    """Read a table by its columns.

    Each system's outputs stand in rows of their own, told apart by a column such as ``model``; or
    in a column of their own, called after it (``teacher_output``). Rows with a column such as
    ``rater`` are what people said.

    Raises:
        DataError: no column looks like an input, a reference, an output or a label.
    """
    gathering = Gathering(tool=tool, path=table.path)
    for _ in read_into(gathering, table, holds=holds):
        pass
    return gathering.done()


def read_into(
    gathering: Gathering,
    table: Table,
    *,
    holds: Holds = Holds.ANYTHING,
    apart: Collection[str] = (),
) -> Iterator[tuple[TableRow, str, str]]:
    """Take a table's rows one by one, and yield each with its item and its system.

    Args:
        gathering: where to.
        table: the rows.
        holds: what the table is given as.
        apart: columns that are something else.

    Raises:
        DataError: no column looks like an input, a reference, an output or a label.
    """
    columns = [name for name in table.columns if name not in apart]
    names = _Names(columns, holds)
    if not names.says_anything:
        raise DataError(
            f"{table.path.name} has no column that looks like an input or an output; its columns "
            f"are: {', '.join(map(str, columns))}; rename one of them to 'input' or 'output'"
        )
    ids = _Ids(names.id, names.input if names.system else None)
    for number, row in enumerate(table.rows, start=1):
        item_id = ids.of(row, number)
        system = (names.system and label_text(row.values.get(names.system))) or ONLY_SYSTEM
        _take(gathering, names, row, item_id=item_id, system=system)
        yield row, item_id, system
    for ours, column in names.found():
        gathering.became(column, ours)
    for system, column in names.wide.items():
        gathering.became(column, f"output of {system}")
    if names.id is None:
        gathering.became("(the number of the row)", "id")


class _Names:
    """Which column is what."""

    def __init__(self, columns: Sequence[str], holds: Holds) -> None:
        self.rater = column_for("rater", columns)
        self.label = column_for("label", columns) if self.rater else None
        self.id = column_for("id", columns)
        self.input = column_for("input", columns) or (_CHAT if _CHAT in columns else None)
        self.system = column_for("system", columns)
        self.reference: str | None = None
        self.output: str | None = None
        references = [
            name for name in COLUMNS["reference"] if name in columns and name != self.label
        ]
        outputs = [name for name in COLUMNS["output"] if name in columns and name != self.input]
        # An 'answer' is the right one beside a question, and an output where nothing else is.
        if holds is Holds.OUTPUTS or (self.input is None and holds is Holds.ANYTHING):
            self.output = next(iter(outputs), None)
            self.reference = next((one for one in references if one != self.output), None)
        else:
            self.reference = next(iter(references), None)
            if holds is Holds.ANYTHING:
                self.output = next((one for one in outputs if one != self.reference), None)
        wide = self.output is None and holds is Holds.ANYTHING
        self.wide = _wide(columns) if wide else {}
        if wide and not self.wide and self.system and outputs:
            self.output, self.reference = outputs[0], None
        used = {name for _, name in self.found()} | set(self.wide.values()) | _OWN
        self.rest = [name for name in columns if name not in used]

    @property
    def says_anything(self) -> bool:
        return bool(self.input or self.output or self.wide or self.label)

    def found(self) -> Iterator[tuple[str, str]]:
        for ours in ("id", "input", "reference", "output", "system", "rater", "label"):
            if (column := getattr(self, ours)) is not None:
                yield ours, column


class _Ids:
    """Gives rows their ids: their own, or that of their input, or the number of the row."""

    def __init__(self, column: str | None, of_input: str | None) -> None:
        self._column = column
        self._input = of_input
        self._inputs: dict[str, str] = {}

    def of(self, row: TableRow, number: int) -> str:
        if self._column is None:
            if self._input is None:
                return str(number)
            asked = input_text(row.values.get(self._input))
            return self._inputs.setdefault(asked, str(len(self._inputs) + 1))
        found = label_text(row.values.get(self._column))
        if found is None:
            raise DataError(
                f"{row.place}: {self._column!r} must be text or a number; every row needs one"
            )
        return found


def _wide(columns: Sequence[str]) -> Mapping[str, str]:
    """Return the systems that have a column of outputs each, called after them."""
    return {
        column.removesuffix(f"_{kind}"): column
        for kind in COLUMNS["output"]
        for column in columns
        if column.endswith(f"_{kind}") and column not in COLUMNS["reference"]
    }


def _take(gathering: Gathering, names: _Names, row: TableRow, *, item_id: str, system: str) -> None:
    values = row.values
    if names.input or names.reference or not (names.output or names.label):
        gathering.item(
            item_id,
            input=input_text(values.get(names.input)) if names.input else "",
            references=answer_texts(values.get(names.reference)) if names.reference else (),
            metadata=_metadata(names, row),
            place=row.place,
        )
    shown = None
    if names.output:
        shown = output_text(values.get(names.output))
        _take_output(gathering, names, row, item_id=item_id, system=system, output=shown)
    for name, column in names.wide.items():
        _take_output(
            gathering,
            names,
            row,
            item_id=item_id,
            system=name,
            output=output_text(values.get(column)),
        )
    if names.rater and names.label:
        _take_rating(gathering, names, row, item_id=item_id, system=system, output=shown)


def _take_output(
    gathering: Gathering,
    names: _Names,
    row: TableRow,
    *,
    item_id: str,
    system: str,
    output: str | None,
) -> None:
    took = {name: row.number(name) for name in _TOOK if name in row.values}
    new = gathering.output(
        item_id, system=system, output=output, took={} if names.wide else took, place=row.place
    )
    if not new and not names.rater:  # several people rate one output in rows of their own
        gathering.leave_out("further outputs of a system for the same item")


def _take_rating(
    gathering: Gathering,
    names: _Names,
    row: TableRow,
    *,
    item_id: str,
    system: str,
    output: str | None,
) -> None:
    rater = label_text(row.values.get(names.rater or ""))
    label = row.values.get(names.label or "")
    if rater is None or label is None:
        gathering.leave_out("rows without a rater or a label")
        return
    comment = row.values.get("comment")
    gathering.rating(
        item_id,
        system=system,
        rater=rater,
        question="",
        label=label,
        output=output,
        seconds=row.number("seconds"),
        comment=comment if isinstance(comment, str) else "",
        place=row.place,
    )


def _metadata(names: _Names, row: TableRow) -> JsonObject:
    nested: dict[str, JsonValue] = {}
    for column in ("slices", "metadata"):
        inner = row.written_out(column)
        nested |= inner if isinstance(inner, dict) else {}
    return {**{name: row.values.get(name) for name in names.rest}, **nested}
