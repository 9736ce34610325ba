"""Keeping beside a run what files said beside its outputs, and what is known of that later."""

from dataclasses import replace

from judge.api.project import Project
from judge.records.production import Production
from judge.results.production import (
    CONFIDENCE_KIND,
    decode_production,
    encode_production,
    production_kind,
    with_confidences,
)
from judge.results.store import DocumentStore


def keep_production(project: Project, store: DocumentStore, run_id: str) -> None:
    """Keep what the files of outputs said of the items of a run."""
    items = project.dataset.item_ids
    for one in project.production:
        kept = {name: found for name, found in one.outputs.items() if name in items}
        body = encode_production(replace(one, outputs=kept))
        store.put_document(production_kind(run_id), one.system, body)


def kept_production(store: DocumentStore, run_id: str) -> tuple[Production, ...]:
    """Return what is known of a run's outputs, system by system."""
    kept = map(decode_production, store.documents(production_kind(run_id)))
    return with_confidences(kept, store.documents(CONFIDENCE_KIND), run_id)
