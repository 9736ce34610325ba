"""Gating a run: which of its rules hold."""

from collections.abc import Sequence
from datetime import datetime

from judge.api.comparing import compare_runs
from judge.api.producing import kept_production
from judge.api.reporting import admitted_results
from judge.errors import ConfigError
from judge.gates.finding import GateResult
from judge.gates.gate import gate
from judge.gates.rule import Rule
from judge.results.run import RunManifest
from judge.results.store import Store


def gate_run(
    store: Store,
    manifest: RunManifest,
    rules: Sequence[Rule],
    *,
    now: datetime,
    baseline: RunManifest | None = None,
    config: str = "",
) -> GateResult:
    """Return which rules hold of a run; certificates are looked up now, not when it ran.

    Args:
        store: holds the runs.
        manifest: of the run.
        rules: all of which must hold.
        now: the time at which judges are believed or not.
        baseline: an earlier run on the same set; None for none.
        config: the file the rules stand in.

    Raises:
        ConfigError: there is no rule, or one names what the run has not.
        DataError: the baseline is on another evaluation set.
    """
    if not rules:
        raise ConfigError(
            f"{config or 'the config'} has no rules; add some, for example:\n"
            "gate:\n  - {metric: equivalence.reference, system: distilled, retains: 0.9}"
        )
    return gate(
        admitted_results(store, manifest, now=now),
        rules,
        comparison=None if baseline is None else compare_runs(store, baseline, manifest, now=now),
        productions=kept_production(store, manifest.run_id),
        config=config,
    )
