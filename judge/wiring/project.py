"""From a config to a project: its set, its ratings and its instruments."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path

from judge.api.project import Instrument, Project, Ratings
from judge.config import (
    Config,
    EquivalenceSection,
    JudgeSection,
    RecordedSection,
    parse_config,
    read_config,
)
from judge.errors import ConfigError
from judge.judges.baseline import BaselineJudge
from judge.judges.judge import Judge
from judge.judges.prompt import Prompt, read_prompt
from judge.judges.prompted import PromptedJudge
from judge.judges.recorded import RecordedJudge, VerdictSource, read_recorded_judge
from judge.models.embedding import DEFAULT_MODEL, Embedder, SharedEmbedder
from judge.models.encoder import EncoderEmbedder
from judge.models.ledger import AttemptLog, Ledgered
from judge.models.limits import Deadlined, Limited, Retrying
from judge.records.dataset import (
    Dataset,
)
from judge.records.rating import Aggregate
from judge.records.record import Target
from judge.records.scale import EQUIVALENCE, ScaleKind
from judge.results.run import RunManifest
from judge.results.sql import SqlStore
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.equivalence import EquivalenceScorer
from judge.scorers.scorer import Scorer
from judge.scorers.similarity import SimilarityScorer
from judge.trust.probes import JUDGE_FAMILY
from judge.wiring.endpoint import check_prompt, endpoint_of, open_chat, prompt_file, sampling_of
from judge.wiring.sources import id_field, rating_source, read_everything, thresholds

DEFAULT_CONNECTIONS = 20

_LACKS = {
    Target.REFERENCE: "no item has a reference",
    Target.TEACHER: "there is no teacher among the systems, or nobody beside it",
    Target.OPPONENT: "this is no set of pairs",
}
# Local scorers take many records at once; a paid call takes one, so that each is kept at once.
_LOCAL_BATCH = 128


def open_project(
    path: Path,
    *,
    limit: int | None = None,
    filters: Mapping[str, str] | None = None,
    connections: int = DEFAULT_CONNECTIONS,
) -> Project:
    """Read a config and everything it names, and check all of it before anything is spent.

    Args:
        path: the config file.
        limit: at most so many items.
        filters: slice dimension to value; only those items.
        connections: most calls to an endpoint at once.

    Raises:
        InputError: something cannot be used; the message says what, where, and what to do.
    """
    config, text = read_config(path)
    folder = path.parent
    everything = read_everything(config, folder)
    dataset = everything.selected(limit=limit, filters=filters)
    known = frozenset(item.item_id for item in everything.items)
    project = _Workshop(config, folder, dataset, connections=connections).project(
        text=text, path=str(path), known_ids=known
    )
    if project.ratings is not None:
        project.ratings.read(dataset)  # whatever is wrong with them is said now
    return project


def reopen_project(
    manifest: RunManifest, store: SqlStore, *, connections: int = DEFAULT_CONNECTIONS
) -> Project:
    """Make a run's project again from the store: its files may have moved or changed.

    Raises:
        InputError: the judge's prompt or model is gone.
    """
    config = parse_config(manifest.config, name=manifest.config_path or "the run's config")
    folder = Path(manifest.config_path).parent
    dataset = store.dataset(manifest)
    return _Workshop(config, folder, dataset, connections=connections).project(
        text=manifest.config, path=manifest.config_path, known_ids=None
    )


class _Workshop:
    """Makes the parts of one project; one embedder serves all of them."""

    def __init__(self, config: Config, folder: Path, dataset: Dataset, *, connections: int) -> None:
        self._config = config
        self._folder = folder
        self._dataset = dataset
        self._connections = connections
        self._known_ids: frozenset[str] | None = None
        self._embedders: dict[tuple[str, str], SharedEmbedder] = {}

    def project(self, *, text: str, path: str, known_ids: frozenset[str] | None) -> Project:
        # What cannot be used is refused here, before anything is spent.
        self._known_ids = known_ids
        self._check()
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
            thresholds=thresholds(self._config.trust, self._equivalence_section.scale.scale),
        )

    def _ratings(self) -> Ratings | None:
        section, equivalence = self._config.ratings, self._equivalence_section
        if section is None:
            return None
        scale, judge = equivalence.scale.scale, equivalence.judge
        source = rating_source(
            section,
            self._folder,
            self._config.dataset.fields,
            criterion=section.criterion or equivalence.criterion,
            target=section.target or (Target.OPPONENT if self._pairs else Target.REFERENCE),
            quoted=self._prompt.quoted_items if isinstance(judge, JudgeSection) else (),
        )
        ordinal = scale.kind is ScaleKind.ORDINAL
        return Ratings(
            source=source,
            scale=scale,
            aggregate=section.aggregate or (Aggregate.MEDIAN if ordinal else Aggregate.MAJORITY),
            known_ids=self._known_ids or frozenset(item.item_id for item in self._dataset.items),
            thresholds=thresholds(self._config.trust, scale),
            families=self._families(),
        )

    def _families(self) -> Mapping[str, str]:
        """Return the declared model family of each system, and of the judge under ``judge``."""
        judge = self._equivalence_section.judge
        families = {system.name: system.family for system in self._dataset.systems}
        if not isinstance(judge, str):
            families[JUDGE_FAMILY] = judge.family
        return {name: family for name, family in families.items() if family}

    @property
    def _equivalence_section(self) -> EquivalenceSection:
        return self._config.scorers.equivalence or EquivalenceSection()

    @property
    def _pairs(self) -> bool:
        return self._config.dataset.pairs is not None

    def _check(self) -> None:
        scorers = self._config.scorers
        _ = self._adherence
        for name, section in (
            ("equivalence", scorers.equivalence),
            ("similarity", scorers.similarity),
        ):
            if section is not None:
                self._targets(section.against, name)
        if scorers.similarity:
            _ = self._embedder(scorers.similarity.model, scorers.similarity.revision)
        judge = scorers.equivalence.judge if scorers.equivalence else None
        if isinstance(judge, JudgeSection):
            _ = self._prompt, endpoint_of(judge)
        elif isinstance(judge, RecordedSection):
            _ = self._recorded_judge
        elif judge is not None:
            _ = self._baseline_judge

    @asynccontextmanager
    async def _instruments(
        self, log: AttemptLog, *, served: Mapping[Target, str]
    ) -> AsyncIterator[Sequence[Instrument]]:
        async with AsyncExitStack() as connections:
            yield [
                *self._equivalence(log, served, connections),
                *self._similarity(),
                *self._format(),
            ]

    @asynccontextmanager
    async def _baseline_instruments(
        self, log: AttemptLog, *, served: Mapping[Target, str]
    ) -> AsyncIterator[Sequence[Instrument]]:
        del log, served  # it makes no call
        section = self._equivalence_section
        if section.scale.scale != EQUIVALENCE:
            yield []  # it knows that scale alone
            return
        yield [
            self._local(self._judged(self._baseline_judge, section, target))
            for target in self._targets(section.against, "equivalence")
        ]

    def _equivalence(
        self, log: AttemptLog, served: Mapping[Target, str], connections: AsyncExitStack
    ) -> Iterator[Instrument]:
        section = self._config.scorers.equivalence
        if section is None:
            return
        targets = self._targets(section.against, "equivalence")
        if not isinstance(section.judge, JudgeSection):
            recorded = isinstance(section.judge, RecordedSection)
            for target in targets:
                judge = self._recorded_judge if recorded else self._baseline_judge
                yield self._local(self._judged(judge, section, target))
            return
        chat = open_chat(section.judge, connections=self._connections)
        connections.push_async_callback(chat.close)
        attempt = Ledgered(Deadlined(chat, deadline_s=section.judge.deadline_s), log)
        # The targets share the connections; a call waits for one before the ledger opens it.
        model = Retrying(Limited(attempt, connections=self._connections))
        for target in targets:
            prompted = PromptedJudge(
                model,
                prompt=self._prompt,
                sampling=sampling_of(section.judge),
                served=served.get(target),
            )
            yield Instrument(
                scorer=self._judged(prompted, section, target),
                batch_size=1,  # so that each paid answer is kept as soon as it is there
                concurrency=self._connections,
                calls_a_model=True,
            )

    def _judged(
        self, judge: Judge, section: EquivalenceSection, target: Target
    ) -> EquivalenceScorer:
        lowest = self._config.missing.judged_on_empty_output == "lowest"
        return EquivalenceScorer(
            judge,
            scale=section.scale.scale,
            criterion=section.criterion,
            target=target,
            empty_value=0.0 if lowest else None,
        )

    def _similarity(self) -> Iterator[Instrument]:
        section = self._config.scorers.similarity
        if section is None:
            return
        zero = self._config.missing.similarity_on_empty_output == "zero"
        embedder = self._embedder(section.model, section.revision)
        for target in self._targets(section.against, "similarity"):
            yield self._local(
                SimilarityScorer(embedder, target=target, empty_value=0.0 if zero else None)
            )

    def _format(self) -> Iterator[Instrument]:
        if self._adherence is not None:
            yield self._local(self._adherence)

    def _local(self, scorer: Scorer) -> Instrument:
        return Instrument(scorer=scorer, batch_size=_LOCAL_BATCH, concurrency=1)

    @cached_property
    def _adherence(self) -> AdherenceScorer | None:
        schemas = sorted({item.schema for item in self._dataset.items if item.schema})
        if self._config.scorers.adherence is None or not schemas:
            return None
        return AdherenceScorer(schemas)

    @cached_property
    def _baseline_judge(self) -> BaselineJudge:
        return BaselineJudge(self._embedder(DEFAULT_MODEL, ""))

    @cached_property
    def _recorded_judge(self) -> RecordedJudge:
        section = self._equivalence_section
        if not isinstance(section.judge, RecordedSection):
            raise ConfigError("only a judge that ran elsewhere has recorded verdicts")
        recorded = section.judge
        return read_recorded_judge(
            VerdictSource(
                path=self._folder / recorded.recorded,
                name=recorded.name,
                fields={**id_field(self._config.dataset.fields), **recorded.fields},
                labels=recorded.labels,
            ),
            self._dataset,
            section.scale.scale,
            known_ids=self._known_ids,
        )

    @cached_property
    def _prompt(self) -> Prompt:
        section = self._config.scorers.equivalence
        if section is None or not isinstance(section.judge, JudgeSection):
            raise ConfigError("only a judge behind an endpoint has a prompt")
        prompt = read_prompt(prompt_file(section.judge.prompt, self._folder))
        check_prompt(prompt, section)
        return prompt

    def _embedder(self, model: str, revision: str) -> SharedEmbedder:
        if (model, revision) not in self._embedders:
            folder = self._folder / model
            found: Embedder = EncoderEmbedder(
                str(folder) if folder.is_dir() else model, revision=revision
            )
            self._embedders[model, revision] = SharedEmbedder(found)
        return self._embedders[model, revision]

    def _targets(self, wanted: Sequence[Target] | None, scorer: str) -> list[Target]:
        available = {
            Target.REFERENCE: any(item.references for item in self._dataset.items),
            Target.TEACHER: self._dataset.teacher is not None and len(self._dataset.systems) > 1,
            Target.OPPONENT: self._pairs,
        }
        if wanted is None:
            return [target for target, there in available.items() if there]
        for target in wanted:
            if not available[target]:
                raise ConfigError(
                    f"scorers.{scorer}.against names {target.value}, but {_LACKS[target]}"
                )
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
        if self._config.ratings is None and self._config.scorers.equivalence is not None:
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
