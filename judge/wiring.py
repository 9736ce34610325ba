"""The composition root: the one module that names concrete models and stores."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from judge.api import Instrument, Project, Ratings
from judge.config import (
    Config,
    EquivalenceSection,
    JudgeSection,
    RatingsSection,
    RecordedSection,
    TrustSection,
    parse_config,
    read_config,
)
from judge.errors import ConfigError, StoreUnusable
from judge.judges.baseline import BaselineJudge
from judge.judges.judge import Judge
from judge.judges.prompt import Prompt, read_prompt
from judge.judges.prompted import PromptedJudge
from judge.judges.recorded import RecordedJudge, VerdictSource, read_recorded_judge
from judge.models.chat import Sampling
from judge.models.embedding import DEFAULT_MODEL, Embedder, SharedEmbedder
from judge.models.encoder import EncoderEmbedder, encoder_device, find_model
from judge.models.ledger import AttemptLog, Ledgered
from judge.models.limits import Deadlined, Limited, Retrying
from judge.models.openai import OpenAIChat
from judge.records.dataset import (
    Dataset,
    ItemSource,
    OutputSource,
    read_dataset,
    read_pairs,
    read_schema,
)
from judge.records.rating import Aggregate, RatingSource
from judge.records.record import System, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.run import RunManifest
from judge.results.sql import SqlStore
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.equivalence import EquivalenceScorer
from judge.scorers.scorer import Scorer
from judge.scorers.similarity import SimilarityScorer
from judge.shipped import shipped
from judge.trust.agreement import figure_names
from judge.trust.certificate import TrustThresholds, default_primary
from judge.trust.probes import JUDGE_FAMILY

DEFAULT_STORE = ".judge/judge.sqlite"
DEFAULT_CONNECTIONS = 20
RANDOM_SAMPLING = "random"

_OPENAI = "https://api.openai.com/v1"
_LACKS = {
    Target.REFERENCE: "no item has a reference",
    Target.TEACHER: "there is no teacher among the systems, or nobody beside it",
    Target.OPPONENT: "this is no set of pairs",
}
# Local scorers take many records at once; a paid call takes one, so that each is kept at once.
_LOCAL_BATCH = 128


def open_store(location: str = DEFAULT_STORE, *, existing: bool = False) -> SqlStore:
    """Open the store at a path.

    Args:
        location: the path of a SQLite file.
        existing: refuse to make one where there is none.

    Raises:
        StoreUnusable: it cannot be opened.
    """
    if "://" in location:
        raise ConfigError(f"the store {location!r} must be the path of a SQLite file")
    if existing and not Path(location).exists():
        raise StoreUnusable(
            f"there is no store {location}; the first run makes it: judge run CONFIG "
            "(--store or JUDGE_STORE names another one)"
        )
    return SqlStore(Path(location))


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
    everything = _read_everything(config, folder)
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
            thresholds=_thresholds(self._config.trust, self._equivalence_section.scale.scale),
        )

    def _ratings(self) -> Ratings | None:
        section, equivalence = self._config.ratings, self._equivalence_section
        if section is None:
            return None
        scale, judge = equivalence.scale.scale, equivalence.judge
        source = _rating_source(
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
            thresholds=_thresholds(self._config.trust, scale),
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
            _ = self._prompt, _endpoint(judge)
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
        chat = _chat(section.judge, connections=self._connections)
        connections.push_async_callback(chat.close)
        attempt = Ledgered(Deadlined(chat, deadline_s=section.judge.deadline_s), log)
        # The targets share the connections; a call waits for one before the ledger opens it.
        model = Retrying(Limited(attempt, connections=self._connections))
        for target in targets:
            prompted = PromptedJudge(
                model,
                prompt=self._prompt,
                sampling=_sampling(section.judge),
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
                fields={**_id_field(self._config.dataset.fields), **recorded.fields},
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
        prompt = read_prompt(_prompt_file(section.judge.prompt, self._folder))
        _check_prompt(prompt, section)
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


def _read_everything(config: Config, folder: Path) -> Dataset:
    if config.dataset.pairs is not None:
        return read_pairs(_items(config, folder))
    return read_dataset(_items(config, folder), _outputs(config, folder))


def _items(config: Config, folder: Path) -> ItemSource:
    section, adherence = config.dataset, config.scorers.adherence
    schema = ""
    if adherence is not None and adherence.schema_file:
        schema = read_schema(folder / adherence.schema_file, place="scorers.adherence.schema")
    return ItemSource(
        path=folder / (section.items or section.pairs or ""),
        fields=section.fields,
        alternatives=section.alternatives,
        cluster=section.cluster,
        slices=config.slices,
        schema=schema,
    )


def _outputs(config: Config, folder: Path) -> tuple[OutputSource, ...]:
    return tuple(
        OutputSource(
            system=System(
                name=name, role=part.role, parameters=part.parameters, family=part.family
            ),
            path=folder / part.outputs,
            # Answers are keyed by the items' own id column unless they say otherwise.
            fields={**_id_field(config.dataset.fields), **part.fields},
        )
        for name, part in config.systems.items()
    )


def _id_field(fields: Mapping[str, str]) -> dict[str, str]:
    return {"id": fields["id"]} if "id" in fields else {}


def _rating_source(
    section: RatingsSection,
    folder: Path,
    fields: Mapping[str, str],
    *,
    criterion: str,
    target: Target,
    quoted: Sequence[str],
) -> RatingSource:
    column = section.sampling if section.sampling != RANDOM_SAMPLING else None
    return RatingSource(
        path=folder / section.path,
        fields={**_id_field(fields), **section.fields},
        labels=section.labels,
        criterion=criterion,
        target=target,
        source=section.source,
        blind=section.blind,
        random=section.sampling == RANDOM_SAMPLING,
        probability_field=column or "",
        plan=folder / section.plan if section.plan else None,
        quoted=frozenset(quoted),
    )


def _thresholds(section: TrustSection, scale: Scale) -> TrustThresholds:
    known = figure_names(scale)
    if section.primary is not None and section.primary.value not in known:
        raise ConfigError(
            f"trust.primary: {section.primary.value} does not exist on a {scale.kind.value} scale "
            f"of {len(scale.categories)}; there are: {', '.join(known)}"
        )
    return TrustThresholds(
        primary=section.primary or default_primary(scale),
        at_least=section.at_least,
        delta_max=section.delta_max,
        max_bias=section.max_bias,
        min_items=section.min_items,
        min_class=section.min_class,
        valid_days=section.valid_days,
        max_shift=section.max_shift,
        sentinels=section.sentinels,
        sentinel_disagreement=section.sentinel_disagreement,
        epsilon=section.epsilon,
    )


def _sampling(section: JudgeSection) -> Sampling:
    return Sampling(
        temperature=section.temperature, max_tokens=section.max_tokens, seed=section.seed
    )


def _chat(section: JudgeSection, *, connections: int) -> OpenAIChat:
    base_url, key = _endpoint(section)
    return OpenAIChat(
        section.model,
        base_url=base_url,
        api_key=key,
        reply_format=section.response_format,
        connections=connections,
    )


def _endpoint(section: JudgeSection) -> tuple[str, str]:
    """Return the address of a judge and the key it takes."""
    base_url = section.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI
    if not _is_address(base_url):
        # The address itself may hold a password.
        place = "base_url" if section.base_url else "OPENAI_BASE_URL"
        raise ConfigError(
            f"the judge's {place} is no address of an endpoint; give one like {_OPENAI}"
        )
    key = os.environ.get(section.api_key_env, "")
    if not key and not _is_loopback(base_url):
        raise ConfigError(
            f"the environment variable {section.api_key_env} is not set; it must hold the key "
            f"for {section.model} (or name another one with api_key_env)"
        )
    return base_url, key or "none"


def _is_address(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_loopback(base_url: str) -> bool:
    return urlsplit(base_url).hostname in {"127.0.0.1", "localhost", "::1"}


def _prompt_file(name: str, folder: Path) -> Path:
    if name.endswith(".md"):
        return folder / name
    own = folder / "prompts" / f"{name}.md"
    return own if own.exists() else shipped(f"prompts/{name}.md")


def _check_prompt(prompt: Prompt, section: EquivalenceSection) -> None:
    if prompt.criterion != section.criterion:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} asks about {prompt.criterion}, the scorer about "
            f"{section.criterion}"
        )
    if prompt.scale != section.scale.scale:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} answers on the {prompt.scale.kind.value} scale "
            f"{', '.join(prompt.scale.categories)}, the scorer's is "
            f"{section.scale.kind.value} {', '.join(map(str, section.scale.categories))}; "
            "give both the same"
        )


def describe_embedding_model() -> str:
    """Return where the default embedding model is, its weights checked.

    Raises:
        ConfigError: it is not there, or not the one that was tested.
    """
    found = find_model(DEFAULT_MODEL)
    return f"{DEFAULT_MODEL} from the {found.origin}, weights checked"


def describe_device() -> str:
    """Return what the embedding model will run on."""
    return encoder_device()
