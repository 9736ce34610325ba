"""Drawing the outputs that people should label next."""

from collections.abc import Mapping, Sequence

from judge.api.project import Project
from judge.api.running import SCORING, outcomes_of
from judge.errors import ConfigError
from judge.records.record import Target
from judge.results.outcome import NotApplicable, Score
from judge.results.run import SIMILARITY, Measure, RunManifest
from judge.results.store import Store
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    decode_certificate,
)
from judge.trust.gold import GOLD_KIND, decode_gold, kept_labels
from judge.trust.needs import Known, next_look, rates_of
from judge.trust.planning import LabelPlan, Wishes, draw_labels

_AGAINST: Mapping[Target, str] = {
    Target.REFERENCE: "What is known to be right",
    Target.TEACHER: "What the teacher answered",
    Target.SOURCE: "The text it is about",
}


def plan_labels(
    project: Project, store: Store, wishes: Wishes, *, run: RunManifest | None = None
) -> LabelPlan:
    """Draw outputs for people to label, by the verdicts of a run on them.

    Args:
        project: whose outputs they are.
        store: of runs and of earlier labels.
        wishes: what the labels are for.
        run: by whose verdicts; None takes the newest run on these very outputs.

    Raises:
        ConfigError: no run judged these very outputs, or the wishes cannot be met.
    """
    manifest = run or _run_of(project, store)
    measure = _judged_measure(project, manifest)
    results = store.results(manifest.run_id)
    outcomes = outcomes_of(results, measure.scorer, measure.target)
    everything = list(project.dataset.records())
    if not all(record.key in outcomes for record in everything):
        raise ConfigError(f"the run {manifest.run_id} is not finished: judge resume latest")
    if not any(isinstance(outcome, Score) for outcome in outcomes.values()):
        raise ConfigError(
            f"the judge gave no verdict in the run {manifest.run_id}, and a plan goes by verdicts: "
            "judge report latest says why"
        )
    quoted = project.ratings.source.quoted if project.ratings else ()
    certificates = [decode_certificate(body) for body in store.documents(CERTIFICATE_KIND)]
    return draw_labels(
        Known(
            measure=measure,
            records=[
                record
                for record in everything
                if record.item_id not in quoted
                and not isinstance(outcomes[record.key], NotApplicable)
            ],
            outcomes=outcomes,
            rates=rates_of(measure, certificates),
            thresholds=project.thresholds,
            teacher=project.dataset.teacher.name if project.dataset.teacher else "",
            look=next_look(measure, certificates, population=manifest.population),
        ),
        wishes,
        cosines={
            key: outcome.value
            for key, outcome in outcomes_of(results, SIMILARITY, measure.target).items()
            if isinstance(outcome, Score)
        },
        kept=kept_labels(
            measure,
            everything,
            [decode_gold(body) for body in store.documents(GOLD_KIND)],
            population=manifest.population,
        ),
    )


def asked_of_people(project: Project, store: Store) -> tuple[str, Target, tuple[str, ...]]:
    """Return what people are asked about outputs: criterion, target, and the scale's categories.

    Raises:
        ConfigError: the config names no ratings, and no run judged these very outputs.
    """
    if project.ratings is not None:
        source = project.ratings.source
        return source.criterion, source.target, project.ratings.scale.categories
    measure = _judged_measure(project, _run_of(project, store))
    return measure.criterion, measure.target, measure.categories


def question_of(criterion: str, target: Target, categories: Sequence[str]) -> tuple[str, str]:
    """Return what raters are asked, and what the output is held against, in words.

    Raises:
        ConfigError: pairs are asked about, which no page shows.
    """
    if target not in _AGAINST:
        raise ConfigError("pairs are labelled in the file that judge plan writes, not on a page")
    return f"Is the answer {categories[-1]}? ({criterion})", _AGAINST[target]


def _run_of(project: Project, store: Store) -> RunManifest:
    """Return the newest run that scored the very outputs of a project."""
    dataset = project.dataset
    outputs = {system.name: dataset.output_fingerprint(system.name) for system in dataset.systems}
    for manifest in reversed(store.manifests()):
        if manifest.purpose == SCORING and (manifest.dataset, manifest.outputs) == (
            dataset.fingerprint,
            outputs,
        ):
            return manifest
    raise ConfigError(
        "no run in this store scored these very outputs, and a plan goes by their verdicts; "
        f"make one first: judge run {project.config_path or 'CONFIG'}"
    )


def _judged_measure(project: Project, manifest: RunManifest) -> Measure:
    """Return the judged measure that the labels will be about."""
    judged = [measure for measure in manifest.measures if measure.judged]
    if project.ratings is not None:
        source, scale = project.ratings.source, project.ratings.scale
        asked = (source.criterion, source.target, scale.categories)
        judged = [m for m in judged if (m.criterion, m.target, m.categories) == asked]
    if not judged:
        raise ConfigError(
            f"in the run {manifest.run_id} nothing is judged that the config asks people about; "
            "look at scorers.equivalence and ratings, then: judge run"
        )
    # Unless the config says more, people compare outputs with what is known to be right.
    return next((m for m in judged if m.target is Target.REFERENCE), judged[0])
