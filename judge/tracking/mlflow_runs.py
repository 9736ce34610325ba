"""A run in MLflow: its estimates as metrics, its report as files."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from judge.errors import ConfigError, StoreError
from judge.render.estimates_csv import estimates_csv
from judge.render.json import report_json
from judge.render.markdown import as_markdown
from judge.render.pages import report_page
from judge.render.report_html import report_html
from judge.reports.report import Report
from judge.results.run import RunManifest
from judge.stats.estimate import Estimate

if TYPE_CHECKING:
    pass

RUN_ID = "judge.run_id"
SUPERSEDED = "judge.superseded_by"

_MOST_METRICS = 1_000
"""That MLflow takes at once."""
_LONGEST_NAME = 250
_LONGEST_PARAMETER = 500
_NO_NAME = re.compile(r"[^\w\-. :/]", re.ASCII)
_DIGITS = 8


class MlflowRuns:
    """Writes runs into the tracking store that MLflow's own variables name.

    Raises:
        ConfigError: there is no such store.
    """

    def __init__(self) -> None:
        # MLflow reports its own use to its makers unless it is told not to.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        self._refused = MlflowException
        try:
            self._client: MlflowClient = MlflowClient()
            self._client.search_experiments(max_results=1)
        except MlflowException as error:
            raise ConfigError(
                f"MLflow's tracking store cannot be used: {error.message}; "
                "MLFLOW_TRACKING_URI names it"
            ) from error

    def write(self, report: Report) -> str:
        """Write a report as a new run of MLflow, and return that run's id.

        Earlier ones of the same run stay and are tagged with what supersedes them: a number that
        was shown then may be withheld now, and MLflow forgets none.

        Raises:
            StoreError: MLflow did not take it; the run itself is stored.
        """
        manifest = report.manifest
        try:
            return self._write(report)
        except (self._refused, OSError) as error:
            raise StoreError(
                f"run {manifest.run_id} is stored, but MLflow did not take it: {error}; again: "
                f"judge report {manifest.run_id} --track mlflow"
            ) from error

    def _write(self, report: Report) -> str:
        from mlflow.entities import Metric

        client, manifest = self._client, report.manifest
        experiment = self._experiment(manifest)
        earlier = client.search_runs(
            [experiment], filter_string=f"tags.`{RUN_ID}` = '{manifest.run_id}'"
        )
        written: str = client.create_run(
            experiment,
            run_name=manifest.run_id,
            start_time=_milliseconds(manifest),
            tags=_tags(report),
        ).info.run_id
        for name, value in parameters_of(manifest):
            client.log_param(written, name, value[:_LONGEST_PARAMETER])
        at = _milliseconds(manifest)
        metrics = [Metric(name, value, at, 0) for name, value in metrics_of(report)]
        for first in range(0, len(metrics), _MOST_METRICS):
            client.log_batch(written, metrics=metrics[first : first + _MOST_METRICS])
        with TemporaryDirectory() as folder:
            for name, content in _files(report):
                (Path(folder) / name).write_bytes(content)
            client.log_artifacts(written, folder)
        client.set_terminated(written, "FINISHED" if report.complete else "KILLED")
        for run in earlier:
            client.set_tag(run.info.run_id, SUPERSEDED, written)
        return written

    def _experiment(self, manifest: RunManifest) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or manifest.name
        found = self._client.get_experiment_by_name(name)
        created: str = found.experiment_id if found else self._client.create_experiment(name)
        return created


def metrics_of(report: Report) -> Iterator[tuple[str, float]]:
    """Return the numbers of a report that are shown, under the names MLflow gets.

    A number that is withheld, undefined or of too few records is none of them: it is in the files,
    with its reason.
    """
    for row in report.estimates:
        name = f"{row.metric}/{row.system}/{row.slice}"
        if row.estimate is not None:
            yield from _figures(name, row.estimate)
        yield metric_name(f"{name}/coverage"), row.counts.coverage
        if row.corrected is not None and row.corrected.estimate is not None:
            yield from _figures(f"{name}/corrected", row.corrected.estimate)
    for kept in report.retention:
        if kept.estimate is not None:
            yield from _figures(
                f"retained/{kept.metric}/{kept.student}/{kept.slice}", kept.estimate
            )


def metric_name(words: str) -> str:
    """Return a name that MLflow takes, another one for each other name."""
    plain = words.replace("=", ":")
    name = _NO_NAME.sub("_", plain)
    if name == plain and len(name) <= _LONGEST_NAME and ":" not in words:
        return name
    digest = hashlib.sha256(words.encode()).hexdigest()[:_DIGITS]
    return f"{name[: _LONGEST_NAME - _DIGITS - 1]}-{digest}"


def parameters_of(manifest: RunManifest) -> Iterator[tuple[str, str]]:
    """Return what a run was made with: set, systems, and what identifies each measure."""
    yield "dataset", manifest.dataset
    yield "n_items", str(manifest.n_items)
    yield "seed", str(manifest.seed)
    yield "judge", manifest.versions.get("judge", "")
    for system in manifest.systems:
        yield metric_name(f"systems/{system.name}"), system.role.value
    for measure in manifest.measures:
        yield metric_name(f"signature/{measure.metric}"), measure.signature
        if measure.judged and (model := measure.identity.get("model")):
            yield metric_name(f"model/{measure.metric}"), model


def _figures(name: str, found: Estimate) -> Iterator[tuple[str, float]]:
    yield metric_name(name), found.value
    yield metric_name(f"{name}/low"), found.low
    yield metric_name(f"{name}/high"), found.high
    yield metric_name(f"{name}/n"), float(found.n)


def _tags(report: Report) -> dict[str, str]:
    manifest = report.manifest
    return {
        RUN_ID: manifest.run_id,
        "judge.complete": str(report.complete).lower(),
        **{
            metric_name(f"judge.standing.{trust.measure.metric}"): trust.standing.value
            for trust in report.trust
        },
    }


def _files(report: Report) -> Iterator[tuple[str, bytes]]:
    yield "report.html", report_html(report)
    yield "report.md", as_markdown(report_page(report)).encode()
    yield "report.json", report_json(report)
    yield "estimates.csv", estimates_csv(report)


def _milliseconds(manifest: RunManifest) -> int:
    return int(manifest.started.timestamp() * 1_000)
