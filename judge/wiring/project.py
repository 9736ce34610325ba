"""From a config to a project: its set, its ratings and its instruments."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from judge.api.diverging import read_divergences
from judge.api.project import Instrument, Project, Ratings, RunContext
from judge.config import (
    Config,
    JudgeSection,
    PanelSection,
    parse_config,
    place_of,
    rated_section,
    read_config,
)
from judge.errors import ConfigError
from judge.records.dataset import Dataset
from judge.records.rating import Aggregate
from judge.records.record import Target
from judge.records.rows import Row
from judge.records.scale import ScaleKind
from judge.results.run import RunManifest
from judge.results.sql import SqlStore
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.scorer import Scorer
from judge.scorers.task import TaskScorer
from judge.trust.probes import JUDGE_FAMILY
from judge.wiring.deciding import check_declared, decision_terms, rules_in
from judge.wiring.embedders import Embedders
from judge.wiring.endpoint import CallLimits, Endpoints
from judge.wiring.frozen import check_set, training_files
from judge.wiring.judging import LOCAL_BATCH, JudgedScorer
from judge.wiring.production import read_productions
from judge.wiring.similarity import similarity_instruments
from judge.wiring.sources import (
    NONE_GIVEN,
    Outputs,
    asked_by,
    output_sources,
    rating_source,
    read_everything,
    schema_rules,
    sent_source,
    thresholds,
)
from judge.wiring.tasks import PLACE, task_scorers

_LACKS = {
    Target.REFERENCE: "no item has a reference",
    Target.TEACHER: "there is no teacher among the systems, or nobody beside it",
    Target.OPPONENT: "this is no set of pairs",
    Target.SOURCE: "no item has an input",
}


def open_project(
    path: Path,
    *,
    limit: int | None = None,
    filters: Mapping[str, str] | None = None,
    sample: int | None = None,
    seed: int | None = None,
    ids: Collection[str] | None = None,
    outputs: Outputs = NONE_GIVEN,
    calls: CallLimits | None = None,
    sent: Sequence[Row] = (),
    changed: Callable[[Config], Config] | None = None,
) -> Project:
    """Read a config and everything it names, and check all of it before anything is spent.

    Args:
        path: the config file.
        limit: at most so many items.
        filters: slice dimension to value; only those items.
        sample: at most so many items, drawn at random.
        seed: of that draw; None takes the config's.
        ids: only these items; None takes all.
        outputs: answers by system and item, in place of the files of these systems, which are not
            read. People have rated other answers: their labels are not taken for these.
        calls: how fast and how far calls may go.
        sent: ratings that came over a service, beside those the config names.
        changed: makes another config of the one that was read; None leaves it.

    Raises:
        InputError: something cannot be used; the message says what, where, and what to do.
    """
    config, text = read_config(path)
    if changed is not None:
        config = changed(config)
    names_ratings = config.ratings is not None
    if sent and not names_ratings:
        config = config.model_copy(update={"ratings": asked_by(sent[0])})
    folder = path.parent
    sources = output_sources(config, folder, given=outputs)
    everything = read_everything(config, folder, given=outputs)
    check_set(config, folder, everything)
    dataset = everything.selected(
        limit=limit,
        filters=filters,
        sample=sample,
        seed=config.seed if seed is None else seed,
        ids=ids,
    )
    known = everything.item_ids
    workshop = _Workshop(config, folder, dataset, calls=calls or CallLimits(), known_ids=known)
    project = replace(
        workshop.project(text=text, path=str(path)),
        production=read_productions(config, sources),
        divergences=read_divergences(sources),
        labels_hold=not outputs,
    )
    check_declared(project.terms, everything, config=text, path=str(path))
    if sent and project.ratings is not None:
        came = sent_source(project.ratings.source, sent)
        told = replace(project.ratings, sent=came)
        project = replace(project, ratings=told if names_ratings else replace(told, source=came))
    if project.ratings is not None and project.labels_hold:
        project.ratings.read(dataset)  # whatever is wrong with them is said now
    return project


def reopen_project(
    manifest: RunManifest, store: SqlStore, *, calls: CallLimits | None = None
) -> Project:
    """Make a run's project again from the store: its files may have moved or changed.

    Raises:
        InputError: the judge's prompt or model is gone.
    """
    config = parse_config(manifest.config, name=manifest.config_path or "the run's config")
    folder = Path(manifest.config_path).parent
    dataset = store.dataset(manifest)
    workshop = _Workshop(config, folder, dataset, calls=calls or CallLimits(), known_ids=None)
    # The ratings, too, may be about other outputs by now: labels are kept when a run begins.
    return replace(
        workshop.project(text=manifest.config, path=manifest.config_path), labels_hold=False
    )


def project_of(text: str, dataset: Dataset, *, path: Path, calls: CallLimits) -> Project:
    """Make a project of records that are given: of the config, what scores them and no more.

    A target that no record has anything for is left out.

    Args:
        text: of the config.
        dataset: the records.
        path: where the config lies, and prompts and schemas beside it.
        calls: how fast and how far calls may go.

    Raises:
        InputError: the config cannot be used.
    """
    config = parse_config(text, name=path.name)
    scoring = config.model_copy(
        update={
            "dataset": config.dataset.model_copy(update={"training": None}),
            "ratings": None,
            "decision": None,
            "monitor": None,
            "gate": (),
        }
    )
    workshop = _Workshop(
        scoring, path.parent, dataset, calls=calls, known_ids=None, leaves_out_targets=True
    )
    return workshop.project(text=text, path=str(path))


class _Workshop:
    """Makes the parts of one project; one embedder serves all of them."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        dataset: Dataset,
        *,
        calls: CallLimits,
        known_ids: AbstractSet[str] | None,
        leaves_out_targets: bool = False,
    ) -> None:
        self._config = config
        self._leaves_out_targets = leaves_out_targets
        self._folder = folder
        self._dataset = dataset
        self._known_ids = known_ids
        if calls.use_kept_answers is None:
            calls = replace(calls, use_kept_answers=config.cache)
        kept = calls.vectors if calls.use_kept_answers else None
        self._embedders = Embedders(folder, vectors=kept, keys_needed=calls.keys_needed)
        self._calls = calls
        self._judged = {
            name: JudgedScorer(
                name=name,
                section=section,
                config=config,
                folder=folder,
                dataset=dataset,
                targets=self._targets(section.against, place_of(name)),
                known_ids=known_ids,
                embedders=self._embedders,
                in_work=calls.in_work,
                keys_needed=calls.keys_needed,
                question=_question(name, config),
            )
            for name, section in config.scorers.all_judged.items()
        }

    def project(self, *, text: str, path: str) -> Project:
        # What cannot be used is refused here, before anything is spent.
        self._check()
        _, rated = rated_section(self._config)
        return Project(
            name=self._config.name,
            dataset=self._dataset,
            instruments=self._instruments,
            baseline=self._baseline_instruments,
            ratings=self._ratings(),
            seed=self._config.seed,
            config=text,
            config_path=path,
            limits=self._limits(),
            thresholds=thresholds(self._config.trust, rated.scale.scale),
            training=training_files(self._config, self._folder, self._dataset),
            terms=decision_terms(self._config, text=text, path=path),
            rules=rules_in(text, path=path),
        )

    def _ratings(self) -> Ratings | None:
        section = self._config.ratings
        if section is None:
            return None
        name, rated = rated_section(self._config)
        scale = rated.scale.scale
        source = rating_source(
            section,
            self._folder,
            self._config.dataset.fields,
            criterion=section.criterion or rated.criterion,
            target=section.target or (Target.OPPONENT if self._pairs else Target.REFERENCE),
            quoted=self._judged[name].quoted_items if name in self._judged else (),
        )
        ordinal = scale.kind is ScaleKind.ORDINAL
        return Ratings(
            source=source,
            scale=scale,
            aggregate=section.aggregate or (Aggregate.MEDIAN if ordinal else Aggregate.MAJORITY),
            known_ids=self._known_ids or self._dataset.item_ids,
            thresholds=thresholds(self._config.trust, scale),
            families=self._families(),
        )

    def _families(self) -> Mapping[str, str]:
        """Return the declared model family of each system, and of the judge under ``judge``."""
        _, rated = rated_section(self._config)
        families = {system.name: system.family for system in self._dataset.systems}
        if not isinstance(rated.judge, str):
            families[JUDGE_FAMILY] = rated.judge.family
        return {name: family for name, family in families.items() if family}

    @property
    def _pairs(self) -> bool:
        return self._config.dataset.pairs is not None

    def _check(self) -> None:
        similarity = self._config.scorers.similarity
        _ = self._adherence, self._tasks
        if similarity is not None:
            _ = list(self._similarity())
        for judged in self._judged.values():
            judged.check()

    @asynccontextmanager
    async def _instruments(self, context: RunContext) -> AsyncIterator[Sequence[Instrument]]:
        async with AsyncExitStack() as exits:
            endpoints = Endpoints(context, self._calls, exits)
            await endpoints.probe(one for j in self._judged.values() for one in j.asked)
            yield [
                *(i for j in self._judged.values() for i in j.instruments(endpoints, context)),
                *self._similarity(),
                *self._format(),
                *map(_local, self._tasks),
            ]

    @asynccontextmanager
    async def _baseline_instruments(
        self, context: RunContext
    ) -> AsyncIterator[Sequence[Instrument]]:
        del context  # it makes no call
        name, _ = rated_section(self._config)
        yield self._judged[name].baseline_instruments() if name in self._judged else []

    def _similarity(self) -> Iterator[Instrument]:
        section = self._config.scorers.similarity
        if section is None:
            return
        zero = self._config.missing.similarity_on_empty_output == "zero"
        targets = self._targets(section.against, "scorers.similarity")
        yield from similarity_instruments(
            section, self._embedders.of(section), targets, empty_value=0.0 if zero else None
        )

    def _format(self) -> Iterator[Instrument]:
        if self._adherence is not None:
            yield _local(self._adherence)

    @cached_property
    def _adherence(self) -> AdherenceScorer | None:
        schemas = sorted({item.schema for item in self._dataset.items if item.schema})
        section = self._config.scorers.adherence
        if section is None or not schemas:
            return None
        return AdherenceScorer(schemas, rules=schema_rules(section, self._folder))

    @cached_property
    def _tasks(self) -> Sequence[TaskScorer]:
        return [
            scorer
            for section in self._config.scorers.task
            for scorer in task_scorers(
                section, self._dataset, self._targets(section.against, PLACE)
            )
        ]

    def _targets(self, wanted: Sequence[Target] | None, place: str) -> list[Target]:
        available = {
            Target.REFERENCE: any(item.references for item in self._dataset.items),
            Target.TEACHER: self._dataset.teacher is not None and len(self._dataset.systems) > 1,
            Target.OPPONENT: self._pairs,
            Target.SOURCE: any(item.input for item in self._dataset.items),
        }
        if wanted is None:
            # The source is what a summary is held against, not what another answer says.
            return [t for t, there in available.items() if there and t is not Target.SOURCE]
        if self._leaves_out_targets:
            wanted = [target for target in wanted if available[target]]
        for target in wanted:
            if not available[target]:
                raise ConfigError(f"{place}.against names {target.value}, but {_LACKS[target]}")
        return list(dict.fromkeys(wanted))

    def _limits(self) -> tuple[str, ...]:
        """Say what this project cannot measure, and what it would need."""
        limits = list(self._family_ties())
        if self._pairs:
            return tuple(limits)
        if not any(item.references for item in self._dataset.items):
            limits.append("no references: task quality is not measured (add 'reference' to items)")
        if self._dataset.teacher is None:
            limits.append("no teacher: fidelity and quality retained are not measured")
        if self._adherence is None and self._config.scorers.adherence is not None:
            limits.append("no JSON Schema: format is not measured (--schema, or 'schema' in items)")
        if self._config.ratings is None and self._judged:
            limits.append(
                "no human ratings: the judge cannot be validated, so its numbers stay withheld"
            )
        return tuple(limits)

    def _family_ties(self) -> Iterator[str]:
        families = dict(self._families())
        own = families.pop(JUDGE_FAMILY, "")
        if related := [name for name, family in families.items() if own and family == own]:
            yield (
                f"the judge is of the family {own}, like {', '.join(related)}: judges favour their "
                "own family (judge validate measures whether this one does)"
            )


def _local(scorer: Scorer) -> Instrument:
    return Instrument(scorer=scorer, batch_size=LOCAL_BATCH, concurrency=1)


def _question(scorer: str, config: Config) -> str:
    """Return the first scorer that asks the same judge; empty where it is this one."""
    judged = config.scorers.all_judged
    judge = judged[scorer].judge
    if not isinstance(judge, JudgeSection | PanelSection):
        return ""
    first = next(name for name, section in judged.items() if section.judge == judge)
    return "" if first == scorer else first
