"""What `judge verify` and `judge freeze` found, as a page and as JSON."""

from collections.abc import Iterator, Sequence

from judge.records.frozen import FrozenSet
from judge.records.verification import Verification
from judge.render.overlap_json import alike_json, overlap_json
from judge.render.overlap_page import alike_section, overlap_section
from judge.render.page import Page, Section
from judge.render.text import listed


def verification_page(found: Verification, *, n_items: int) -> Page:
    """Return what was found.

    Args:
        found: by holding a set against its manifest and training files.
        n_items: items of the set.
    """
    sections = []
    if found.frozen is not None:
        sections.append(Section(title="Frozen set", lines=list(_lines(found.frozen, found))))
    if found.overlap is not None:
        sections.append(overlap_section(found.overlap, n_items=n_items))
    if found.alike is not None:
        sections.append(alike_section(found.alike))
    return Page(title=f"{found.name}: {_verdict(found)}", sections=sections)


def frozen_page(frozen: FrozenSet, *, steps: Sequence[str] = ()) -> Page:
    """Return what a manifest holds, and what to do next."""
    sections = [Section(title="Frozen set", lines=list(_holds(frozen)))]
    if steps:
        sections.append(Section(title="Next", lines=steps))
    return Page(title=f"{frozen.name}: frozen", sections=sections)


def verification_json(found: Verification) -> dict[str, object]:
    """Return what was found, for machines."""
    body: dict[str, object] = {"name": found.name, "verdict": _verdict(found)}
    if found.frozen is not None:
        body["frozen"] = frozen_json(found.frozen)
    if found.changes is not None:
        changes = found.changes
        body["changes"] = {
            "same": changes.same,
            "changed": [{"id": one.item_id, "parts": list(one.parts)} for one in changes.changed],
            "added": list(changes.added),
            "removed": list(changes.removed),
            "reordered": list(changes.reordered),
            "outputs": [
                {
                    "system": one.system,
                    "known": one.known,
                    "changed": list(one.changed),
                    "added": list(one.added),
                    "removed": list(one.removed),
                }
                for one in changes.outputs
            ],
        }
    if found.overlap is not None:
        body["training_overlap"] = overlap_json(found.overlap)
    if found.alike is not None:
        body["alike_in_meaning"] = [alike_json(one) for one in found.alike]
    return body


def frozen_json(frozen: FrozenSet) -> dict[str, object]:
    """Return what a manifest says of its set as a whole."""
    return {
        "name": frozen.name,
        "created": frozen.created.isoformat(),
        "fingerprint": frozen.fingerprint,
        "items": frozen.counts.items,
        "clusters": frozen.counts.clusters,
        "outputs": dict(frozen.counts.outputs),
    }


def _verdict(found: Verification) -> str:
    words = [
        *(["changed"] if found.changed else []),
        *(["leaked"] if found.leaked else []),
        *(["not wholly read"] if found.unread else []),
    ]
    if words:
        return " and ".join(words)
    same = "the frozen set" if found.changes is not None else ""
    clean = "clean" if found.overlap is not None else ""
    return " and ".join(filter(None, [same, clean])) or "whole"


def _lines(frozen: FrozenSet, found: Verification) -> Iterator[str]:
    yield from _holds(frozen)
    if found.changes is not None:
        yield "the set is the frozen one" if found.changes.same else "the set is another one:"
        yield from found.changes.sentences()


def _holds(frozen: FrozenSet) -> Iterator[str]:
    counts = frozen.counts
    yield f"{frozen.name}, frozen {frozen.created:%Y-%m-%d %H:%M} {frozen.created:%Z}".strip()
    yield f"fingerprint {frozen.fingerprint}"
    yield (
        f"{counts.items} items in {counts.clusters} clusters, {counts.with_reference} with a "
        f"reference, {counts.with_schema} with a schema"
    )
    for dimension, values in counts.slices.items():
        yield f"{dimension}: {listed(values)}"
    if counts.outputs:
        yield f"outputs: {listed(counts.outputs)}"
