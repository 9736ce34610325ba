import json
from pathlib import Path

import pytest

from judge import ConfigError, Report
from judge.tracking.mlflow_runs import RUN_ID, SUPERSEDED, MlflowRuns, metric_name, metrics_of

# MLflow maps its tables in a way that SQLAlchemy will not support for ever.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowRuns:
    """MLflow's own store, in a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    return MlflowRuns()


def test_a_run_has_its_shown_numbers_as_metrics_and_its_report_as_files(
    runs: MlflowRuns, report: Report, tmp_path: Path
) -> None:
    from mlflow.tracking import MlflowClient

    written = runs.write(report)

    client = MlflowClient()
    found = client.get_run(written)
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    assert found.info.experiment_id == experiment.experiment_id
    assert found.info.status == "FINISHED"
    assert found.data.tags[RUN_ID] == report.manifest.run_id
    assert found.data.params["systems/student"] == "student"
    metrics = found.data.metrics
    (row,) = [
        row
        for row in report.estimates
        if (row.metric, row.system, row.slice) == ("adherence.strict", "student", "overall")
    ]
    assert row.estimate is not None
    assert metrics["adherence.strict/student/overall"] == row.estimate.value
    assert metrics["adherence.strict/student/overall/low"] == row.estimate.low
    assert metrics["adherence.strict/student/overall/n"] == 24
    names = {file.path for file in client.list_artifacts(written)}
    assert names == {"estimates.csv", "report.html", "report.json", "report.md"}
    kept = Path(client.download_artifacts(written, "report.json", str(tmp_path)))
    assert json.loads(kept.read_text())["run"]["run_id"] == report.manifest.run_id


def test_a_number_that_is_withheld_is_no_metric_and_the_judges_standing_is_a_tag(
    runs: MlflowRuns, report: Report
) -> None:
    from mlflow.tracking import MlflowClient

    found = MlflowClient().get_run(runs.write(report))

    judged = {name for name in found.data.metrics if name.startswith("equivalence")}
    assert {name.split("/")[-1].split("-")[0] for name in judged} == {"coverage"}
    assert found.data.tags["judge.standing.equivalence.reference"] == "unvalidated"


def test_a_run_told_again_is_a_new_one_and_the_earlier_one_says_so(
    runs: MlflowRuns, report: Report
) -> None:
    from mlflow.tracking import MlflowClient

    first, second = runs.write(report), runs.write(report)

    client = MlflowClient()
    assert client.get_run(first).data.tags[SUPERSEDED] == second
    assert SUPERSEDED not in client.get_run(second).data.tags


def test_a_store_that_cannot_be_used_is_told_before_anything_is_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")

    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_URI names it"):
        MlflowRuns()


def test_no_two_names_become_one_that_mlflow_takes(report: Report) -> None:
    named = [metric_name(name) for name in ("a/k=x y", "a/k:x y", "a/k=x%y", "a/k=x&y", "a" * 300)]

    assert len(set(named)) == len(named)
    assert max(map(len, named)) <= 250
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-./: ") for name in named)
    names = [name for name, _ in metrics_of(report)]
    assert len(set(names)) == len(names)
