"""Reporting a run: what it measured, as far as its judge is believed."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from judge.api.diverging import kept_divergences
from judge.api.leaks import kept_leakage
from judge.api.producing import kept_production
from judge.api.trying import kept_controls
from judge.api.yardsticks import kept_yardsticks
from judge.reports.report import Report, report_on
from judge.results.run import RunManifest
from judge.results.store import DocumentStore, Store
from judge.trust.admission import AdmittedResults, admit
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    decode_certificate,
)
from judge.trust.gold import GOLD_KIND, GoldSet, decode_gold
from judge.trust.population import (
    POPULATION_KIND,
    RatedPopulation,
    decode_population,
)

SENTINELS = "sentinels"
"""Purpose of a run that judges certified texts again."""


def report(store: Store, manifest: RunManifest, *, now: datetime) -> Report:
    """Return the report of a run; certificates are looked up now, not when it ran."""
    admitted = admitted_results(store, manifest, now=now)
    return report_on(
        admitted,
        spending=store.spending(manifest.run_id),
        yardsticks=kept_yardsticks(store, manifest.run_id),
        overlap=kept_leakage(store, manifest.run_id),
        productions=kept_production(store, manifest.run_id),
        divergences=kept_divergences(store, manifest.run_id),
    )


def admitted_results(
    store: Store,
    manifest: RunManifest,
    *,
    now: datetime,
    gold: Sequence[GoldSet] | None = None,
    few: bool = False,
) -> AdmittedResults:
    """Return the results of a run as far as they may be believed now.

    Args:
        store: holds the run.
        manifest: of the run.
        now: the time at which to believe or not.
        gold: labels by people, those that count most last; None takes all there are, newest last.
        few: whether these are single records and no evaluation set; see `admit`.
    """
    certificates = [decode_certificate(body) for body in store.documents(CERTIFICATE_KIND)]
    return admit(
        manifest,
        store.dataset(manifest),
        store.results(manifest.run_id),
        certificates=certificates,
        left_open=store.calls_left_open(manifest.run_id),
        now=now,
        gold=kept_gold(store) if gold is None else gold,
        rated=partial(_rated_population, store),
        controls=kept_controls(store, manifest.run_id),
        sentinels=[
            result
            for earlier in store.manifests()
            if earlier.purpose == SENTINELS
            for result in store.results(earlier.run_id)
        ],
        few=few,
    )


def kept_gold(store: DocumentStore) -> list[GoldSet]:
    """Return all labels by people that are kept, oldest first."""
    return [decode_gold(body) for body in store.documents(GOLD_KIND)]


def _rated_population(store: Store, certificate_id: str) -> RatedPopulation | None:
    known = map(decode_population, store.documents(POPULATION_KIND))
    return next((one for one in known if one.certificate == certificate_id), None)
