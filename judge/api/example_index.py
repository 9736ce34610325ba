"""The index of a run's examples, kept beside the run and made anew when that has changed."""

from datetime import datetime

from judge.api.reporting import admitted_results
from judge.reports.example_index import ExampleIndex, decode_index, encode_index, example_index
from judge.results.run import RunManifest
from judge.results.store import DocumentStore, Store

_KIND = "example_index/"


def kept_index(store: DocumentStore, run_id: str) -> ExampleIndex | None:
    """Return the index of a run that is kept, however old; None where there is none."""
    found = store.documents(f"{_KIND}{run_id}")
    return decode_index(found[-1]) if found else None


def make_index(store: Store, manifest: RunManifest, *, version: str, now: datetime) -> ExampleIndex:
    """Make the index of a run and keep it; this reads the whole run."""
    found = example_index(admitted_results(store, manifest, now=now), version=version)
    store.put_document(f"{_KIND}{manifest.run_id}", manifest.run_id, encode_index(found))
    return found
