"""What an annotation tool showed people: an item with one output, by its columns."""

from collections.abc import Collection
from dataclasses import dataclass

from judge.importers.columns import COLUMNS, column_for
from judge.importers.imported import ONLY_SYSTEM, Gathering, answer_texts, label_text
from judge.importers.texts import input_text, output_text
from judge.records.strict_json import JsonObject

# A lone text is what people labelled; beside a summary it is what that is of.
_OUTPUTS = (*(name for name in COLUMNS["output"] if name != "text"), "summary", "text")
_OWN_ID = ("id", "item_id", "question_id", "example_id", "doc_id", "sample_id", "uid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One output as people saw it.

    Attributes:
        output: its text; None where what was shown does not hold it.
    """

    item_id: str
    system: str
    output: str | None


def take_shown(
    gathering: Gathering,
    data: JsonObject,
    *,
    default_id: str,
    metadata: JsonObject,
    place: str,
    prefix: str,
    apart: Collection[str] = (),
) -> Shown:
    """Take the item and the output of one record of an annotation tool.

    Args:
        gathering: where to.
        data: what was shown, by column.
        default_id: the tool's own id, where the data hold none.
        metadata: what else is known of the item.
        place: of the record.
        prefix: of the columns' names in the account of what became what.
        apart: columns that are something else.
    """
    columns = [name for name in data if name not in apart]
    own = next((name for name in _OWN_ID if name in columns), None)
    item_id = (label_text(data[own]) if own else None) or default_id
    answered = next((name for name in _OUTPUTS if name in columns), None)
    asked = column_for("input", [name for name in columns if name != answered])
    right = column_for("reference", [name for name in columns if name != answered])
    system_column = column_for("system", columns)
    system = (label_text(data[system_column]) if system_column else None) or ONLY_SYSTEM
    used = {own, asked, answered, right, system_column}
    gathering.item(
        item_id,
        input=input_text(data[asked]) if asked else "",
        references=answer_texts(data[right]) if right else (),
        metadata={**{n: data[n] for n in columns if n not in used}, **metadata},
        place=place,
    )
    output = output_text(data[answered]) if answered else None
    if answered:
        gathering.output(item_id, system=system, output=output, place=place)
    for column, ours in (
        (own, "id"),
        (asked, "input"),
        (right, "reference"),
        (answered, "output"),
        (system_column, "system"),
    ):
        if column:
            gathering.became(f"{prefix}{column}", ours)
    return Shown(item_id=item_id, system=system, output=output)
