"""Admitted results whose records are other ones."""

from collections.abc import Iterable
from dataclasses import replace

from judge.records.lazy_records import Records
from judge.records.record import Item, Record
from judge.trust.admission import AdmittedResults


def with_records(admitted: AdmittedResults, records: Iterable[Record]) -> AdmittedResults:
    """Return the results as if they were of some records, one for each system and item."""
    items: dict[str, Item] = {}
    outputs: dict[str, dict[str, str]] = {one.name: {} for one in admitted.manifest.systems}
    for record in records:
        items[record.item_id] = Item(
            item_id=record.item_id,
            input=record.input,
            references=record.references,
            slices=record.slices,
            cluster=record.cluster,
            schema=record.schema,
            opponent=record.opponent,
        )
        if record.output is not None:
            outputs[record.system][record.item_id] = record.output
    made = Records(tuple(items.values()), admitted.manifest.systems, outputs)
    return replace(admitted, records=made)
