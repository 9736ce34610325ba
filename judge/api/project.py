"""What a config describes, ready to run: the set, its instruments and its ratings."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from judge.errors import ConfigError
from judge.gates.rule import Rule
from judge.models.cache import CompletionStore
from judge.models.dry import DryRun
from judge.models.ledger import AttemptLog
from judge.records.dataset import Dataset
from judge.records.production import Production
from judge.records.rating import (
    Aggregate,
    RatingSet,
    RatingSource,
    merged,
    read_ratings,
)
from judge.records.scale import Scale
from judge.records.verification import TrainingFiles
from judge.results.divergence import Divergence
from judge.results.store import DocumentStore, Store
from judge.results.terms import DecisionTerms
from judge.runs.executor import Stop
from judge.scorers.scorer import Scorer
from judge.scorers.yardsticks import YardstickMaker
from judge.trust.certificate import (
    TrustThresholds,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A scorer and how to drive it.

    Attributes:
        batch_size: records handed over at once.
        concurrency: batches in flight.
        calls_a_model: whether a score costs a call to an endpoint.
        embeds: whether it computes vectors, for which a GPU is good.
        scale: of a judge; None for other scorers.
        rubric: what a judge is told beside the texts; empty where nothing is.
        yardstick: measures what a similarity means; None for other scorers.
    """

    scorer: Scorer
    batch_size: int
    concurrency: int
    calls_a_model: bool = False
    embeds: bool = False
    scale: Scale | None = None
    rubric: str = ""
    yardstick: YardstickMaker | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What a run gives to its instruments.

    Attributes:
        log: the attempt ledger that paid calls are written to.
        run_id: of the run.
        replay: whether it may use what an earlier process of the run was answered.
        documents: where what must outlive this process is kept; None for nowhere.
        served: per metric, the models that answered before, in order, and must answer again; where
            there are none, what answers first is pinned.
        answers: where answers are kept that need not be paid for again; None for nowhere.
        spent: US dollars that the run has spent before, or may have.
        recorded: returns the reply that is stored of a call, where those are read again and nothing
            is sent; else None.
        dry: counts what would be asked, where nothing may be sent; else None.
        stop: says that no new work may be taken.
    """

    log: AttemptLog
    run_id: str = ""
    replay: bool = False
    documents: DocumentStore | None = None
    served: Mapping[str, Sequence[str]] = field(default_factory=dict)
    answers: CompletionStore | None = None
    spent: float = 0.0
    recorded: Callable[[str], bytes | None] | None = None
    dry: DryRun | None = None
    stop: Stop = field(default_factory=Stop)


def run_context(
    store: "RunStore",
    run_id: str,
    *,
    stop: Stop,
    replay: bool = False,
    served: Mapping[str, Sequence[str]] | None = None,
    spent: float = 0.0,
) -> RunContext:
    """Return what a run that is kept in a store gives to its instruments; see `RunContext`."""
    return RunContext(
        log=store.attempts(run_id, replay=replay),
        run_id=run_id,
        replay=replay,
        documents=store,
        served=served or {},
        answers=store.completions,
        spent=spent,
        stop=stop,
    )


class InstrumentMaker(Protocol):
    """Makes the instruments of a project for one run."""

    def __call__(self, context: RunContext) -> AbstractAsyncContextManager[Sequence[Instrument]]:
        """Return the instruments; leaving the context lets their connections go."""
        ...


class RunStore(Store, Protocol):
    """A store that also keeps the attempt ledgers of its runs, and the answers to be used again."""

    @property
    def completions(self) -> CompletionStore:
        """Answers that were paid for before."""
        ...

    def attempts(self, run_id: str, *, replay: bool) -> AttemptLog:
        """Return the ledger of one run.

        Args:
            run_id: the run.
            replay: whether answers an earlier process received are to be used.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What people said, and what a judge must reach.

    Attributes:
        aggregate: how several raters' labels of one record become one.
        known_ids: every item of the set, also those a filter left out.
        sent: further ratings, which came over a service; None for none.
        families: declared model family of each system, and of the judge under ``judge``.
    """

    source: RatingSource
    scale: Scale
    aggregate: Aggregate
    known_ids: AbstractSet[str]
    thresholds: TrustThresholds
    families: Mapping[str, str] = field(default_factory=dict)
    sent: RatingSource | None = None

    def read(self, dataset: Dataset) -> RatingSet:
        """Read and check what people said of a set.

        Raises:
            DataError: it cannot be used; the message names file and row.
        """
        found = read_ratings(self.source, dataset, self.scale, known_ids=self.known_ids)
        return found if self.sent in (None, self.source) else merged(found, self.read_sent(dataset))

    def read_sent(self, dataset: Dataset) -> RatingSet:
        """Read and check those alone that came over a service; see `read`."""
        return read_ratings(self.sent or self.source, dataset, self.scale, known_ids=self.known_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a config describes, read, checked and ready to run.

    Attributes:
        instruments: makes what the config asks for.
        baseline: makes the baseline judge, which every judge is compared with.
        ratings: None where the config names none.
        limits: what could not be measured, and why, in words.
        thresholds: what a judge must reach.
        training: files that no item may stand in; None where the config names none.
        terms: what decides whether a student may ship.
        rules: of the gate.
        production: what files say beside the outputs, system by system.
        divergences: how far students' distributions are from the teacher's, where files say it.
        labels_hold: whether the ratings are about these very outputs; False where the outputs did
            not come from the files of the config.
    """

    name: str
    dataset: Dataset
    instruments: InstrumentMaker
    baseline: InstrumentMaker
    ratings: Ratings | None
    seed: int
    config: str
    config_path: str
    limits: tuple[str, ...] = ()
    thresholds: TrustThresholds = field(default_factory=TrustThresholds)
    training: TrainingFiles | None = None
    terms: DecisionTerms = field(default_factory=DecisionTerms)
    rules: tuple[Rule, ...] = ()
    production: tuple[Production, ...] = ()
    divergences: tuple[Divergence, ...] = ()
    labels_hold: bool = True


def ratings_of(project: Project) -> Ratings:
    """Return where people's ratings of a project are.

    Raises:
        ConfigError: it names none.
    """
    if project.ratings is None:
        raise ConfigError(
            f"{project.config_path or 'the config'} names no ratings; add 'ratings:' with the "
            "path of a file in which people said which outputs are right"
        )
    return project.ratings
