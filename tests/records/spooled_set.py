"""A small set with all that an item may hold, in memory and as one whose texts are spooled."""

from collections.abc import Mapping, Sequence

from judge.records.dataset import Dataset
from judge.records.record import Item, Role, System
from judge.records.spooled import AnswerWriter, ItemWriter, SpooledAnswers, SpooledItems

SYSTEMS = (System(name="teacher", role=Role.TEACHER), System(name="s", role=Role.STUDENT))
ITEMS = tuple(
    Item(
        item_id=f"i{n}",
        input=f'Wie heißt die {n}. Zahl? \u2028"',
        references=("a", "b")[: n % 3],
        slices={"kind": "x" if n % 2 else "y", "doc": str(n % 3)},
        cluster=f"c{n % 4}",
        schema='{"type":"object"}' if n == 3 else "",
        opponent="o" if n == 5 else None,
    )
    for n in (4, 2, 0, 1, 3, 5, 10, 9)
)
OUTPUTS = {
    "teacher": {f"i{n}": "" if n == 4 else f"taught {n}" for n in (0, 1, 2, 3, 4)},
    "s": {f"i{n}": f"answer\n{n} é" for n in (9, 1, 0, 5)},
}
HELD = Dataset(items=ITEMS, systems=SYSTEMS, outputs=OUTPUTS)


def spooled(
    items: Sequence[Item], outputs: Mapping[str, Mapping[str, str]]
) -> tuple[SpooledItems, dict[str, SpooledAnswers]]:
    written = ItemWriter()
    for item in items:
        written.add(item)
    writers = {name: AnswerWriter(written.positions) for name in outputs}
    for name, answers in outputs.items():
        for item_id, text in answers.items():
            writers[name].add(item_id, text)
    return written.items(), {name: writer.answers() for name, writer in writers.items()}
