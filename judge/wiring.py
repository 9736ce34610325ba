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
    TrustSection,
    parse_config,
    read_config,
)
from judge.errors import ConfigError
from judge.judges.baseline import BaselineJudge
from judge.judges.judge import Judge
from judge.judges.prompt import Prompt, read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import Sampling
from judge.models.embedding import DEFAULT_MODEL, Embedder, SharedEmbedder
from judge.models.encoder import EncoderEmbedder, encoder_device, find_model
from judge.models.ledger import AttemptLog, Ledgered
from judge.models.limits import Deadlined, Limited, Retrying
from judge.models.openai import OpenAIChat
from judge.records.dataset import Dataset, ItemSource, OutputSource, read_dataset, read_schema
from judge.records.rating import RatingSource
from judge.records.record import System, Target
from judge.records.scale import Scale
from judge.results.run import RunManifest
from judge.results.sql import SqlStore
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.equivalence import EquivalenceScorer
from judge.scorers.scorer import Scorer
from judge.scorers.similarity import SimilarityScorer
from judge.shipped import shipped
from judge.trust.certificate import TrustThresholds

DEFAULT_STORE = ".judge/judge.sqlite"
DEFAULT_CONNECTIONS = 20
RANDOM_SAMPLING = "random"

_OPENAI = "https://api.openai.com/v1"
# Local scorers take many records at once; a paid call takes one, so that each is kept at once.
_LOCAL_BATCH = 128


def open_store(location: str = DEFAULT_STORE) -> SqlStore:
    """Open the store at a path.

    Raises:
        StoreUnusable: it cannot be opened.
    """
    if "://" in location:
        raise ConfigError(f"the store {location!r} must be the path of a SQLite file")
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
    everything = read_dataset(_items(config, folder), _outputs(config, folder))
    dataset = everything.selected(limit=limit, filters=filters)
    known = frozenset(item.item_id for item in everything.items)
    return _Workshop(config, folder, dataset, connections=connections).project(
        text=text, path=str(path), known_ids=known
    )


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
    known = frozenset(item.item_id for item in dataset.items)
    return _Workshop(config, folder, dataset, connections=connections).project(
        text=manifest.config, path=manifest.config_path, known_ids=known
    )


class _Workshop:
    """Makes the parts of one project; one embedder serves all of them."""

    def __init__(self, config: Config, folder: Path, dataset: Dataset, *, connections: int) -> None:
        self._config = config
        self._folder = folder
        self._dataset = dataset
        self._connections = connections
        self._embedders: dict[tuple[str, str], SharedEmbedder] = {}

    def project(self, *, text: str, path: str, known_ids: frozenset[str]) -> Project:
        ratings, equivalence = self._config.ratings, self._config.scorers.equivalence
        # What cannot be used is refused here, before anything is spent.
        self._check()
        by_model = equivalence is not None and isinstance(equivalence.judge, JudgeSection)
        return Project(
            name=self._config.name,
            dataset=self._dataset,
            instruments=self._instruments,
            baseline=self._baseline_instruments,
            ratings=Ratings(
                source=_rating_source(ratings, self._folder, self._config.dataset.fields),
                scale=_scale(equivalence or EquivalenceSection()),
                known_ids=known_ids,
                thresholds=_thresholds(self._config.trust),
                quoted=self._prompt.quoted_items if by_model else (),
            )
            if ratings
            else None,
            seed=self._config.seed,
            config=text,
            config_path=path,
            limits=self._limits(),
        )

    def _check(self) -> None:
        scorers = self._config.scorers
        _ = self._adherence
        for name, section in (
            ("equivalence", scorers.equivalence),
            ("similarity", scorers.similarity),
        ):
            if section is not None:
                self._targets(section.against, name)
        if scorers.equivalence and isinstance(scorers.equivalence.judge, JudgeSection):
            _ = self._prompt

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
        section = self._config.scorers.equivalence or EquivalenceSection()
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
            for target in targets:
                yield self._local(self._judged(self._baseline_judge, section, target))
            return
        chat = _chat(section.judge, connections=self._connections)
        connections.push_async_callback(chat.close)
        attempt = Ledgered(Deadlined(chat, deadline_s=section.judge.deadline_s), log)
        # The targets share the connections; a call waits for one before the ledger opens it.
        model = Retrying(Limited(attempt, connections=self._connections))
        for target in targets:
            judge = PromptedJudge(
                model,
                prompt=self._prompt,
                sampling=_sampling(section.judge),
                served=served.get(target),
            )
            yield Instrument(
                scorer=self._judged(judge, section, target),
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
            scale=_scale(section),
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
        }
        if wanted is None:
            return [target for target, there in available.items() if there]
        for target in wanted:
            if not available[target]:
                lacks = "no item has a reference"
                if target is Target.TEACHER:
                    lacks = "there is no teacher among the systems, or nobody beside it"
                raise ConfigError(f"scorers.{scorer}.against names {target.value}, but {lacks}")
        return list(dict.fromkeys(wanted))

    def _limits(self) -> tuple[str, ...]:
        """Say what this project cannot measure, and what it would need."""
        limits = []
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


def _items(config: Config, folder: Path) -> ItemSource:
    section, adherence = config.dataset, config.scorers.adherence
    schema = ""
    if adherence is not None and adherence.schema_file:
        schema = read_schema(folder / adherence.schema_file, place="scorers.adherence.schema")
    return ItemSource(
        path=folder / section.items,
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
    section: RatingsSection, folder: Path, fields: Mapping[str, str]
) -> RatingSource:
    column = section.sampling if section.sampling != RANDOM_SAMPLING else None
    return RatingSource(
        path=folder / section.path,
        fields={**_id_field(fields), **section.fields},
        labels=section.labels,
        criterion=section.criterion,
        target=section.target,
        source=section.source,
        blind=section.blind,
        random=section.sampling == RANDOM_SAMPLING,
        probability_field=column or "",
    )


def _scale(section: EquivalenceSection) -> Scale:
    return Scale(kind=section.scale.kind, categories=section.scale.categories)


def _thresholds(section: TrustSection) -> TrustThresholds:
    return TrustThresholds(
        primary=section.primary,
        at_least=section.at_least,
        min_items=section.min_items,
        min_class=section.min_class,
        valid_days=section.valid_days,
    )


def _sampling(section: JudgeSection) -> Sampling:
    return Sampling(
        temperature=section.temperature, max_tokens=section.max_tokens, seed=section.seed
    )


def _chat(section: JudgeSection, *, connections: int) -> OpenAIChat:
    base_url = section.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI
    if urlsplit(base_url).scheme not in {"http", "https"}:
        raise ConfigError(f"the judge's base_url {base_url!r} must start with http:// or https://")
    key = os.environ.get(section.api_key_env, "")
    if not key and not _is_loopback(base_url):
        raise ConfigError(
            f"the environment variable {section.api_key_env} is not set; it must hold the key "
            f"for {section.model} (or name another one with api_key_env)"
        )
    return OpenAIChat(
        section.model,
        base_url=base_url,
        api_key=key or "none",
        reply_format=section.response_format,
        connections=connections,
    )


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
    if prompt.scale.categories != section.scale.categories:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} answers with {', '.join(prompt.scale.categories)}, "
            f"the scorer's scale is {', '.join(section.scale.categories)}; give both the same"
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
