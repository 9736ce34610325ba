"""From a judged section to the judge it names and the instruments that put records to it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from judge.api.project import Instrument
from judge.config import Config, JudgedSection, JudgeSection, RecordedSection, place_of
from judge.errors import ConfigError
from judge.judges.baseline import BaselineJudge
from judge.judges.judge import Judge
from judge.judges.prompt import Prompt, read_prompt
from judge.judges.prompted import PromptedJudge
from judge.judges.recorded import RecordedJudge, VerdictSource, read_recorded_judge
from judge.models.embedding import DEFAULT_MODEL
from judge.models.ledger import AttemptLog, Ledgered
from judge.models.limits import Deadlined, Limited, Retrying
from judge.records.dataset import Dataset
from judge.records.record import Target
from judge.records.scale import EQUIVALENCE
from judge.scorers.equivalence import EquivalenceScorer
from judge.wiring.embedders import Embedders
from judge.wiring.endpoint import check_prompt, endpoint_of, open_chat, prompt_file, sampling_of
from judge.wiring.sources import id_field

# Local scorers take many records at once; a paid call takes one, so that each is kept at once.
LOCAL_BATCH = 128


@dataclass(frozen=True, kw_only=True)
class JudgedScorer:
    """One judged criterion of a project.

    Attributes:
        name: of its scorer.
        targets: what its outputs are held against.
        known_ids: every item id there is; None where that is no longer known.
        connections: most calls to an endpoint at once.
    """

    name: str
    section: JudgedSection
    config: Config
    folder: Path
    dataset: Dataset
    targets: Sequence[Target]
    known_ids: frozenset[str] | None
    embedders: Embedders
    connections: int

    def check(self) -> None:
        """Refuse what cannot be used, before anything is spent.

        Raises:
            ConfigError: a prompt, a key, a file or a model is not there or does not fit.
            DataError: recorded verdicts cannot be read.
        """
        if isinstance(self.section.judge, JudgeSection):
            _ = self._prompt, endpoint_of(self.section.judge)
        elif isinstance(self.section.judge, RecordedSection):
            _ = self._recorded
        else:
            _ = self._baseline

    @property
    def quoted_items(self) -> tuple[str, ...]:
        """Ids of the items that the judge's prompt quotes."""
        return self._prompt.quoted_items if isinstance(self.section.judge, JudgeSection) else ()

    def instruments(
        self, log: AttemptLog, served: Mapping[str, str], connections: AsyncExitStack
    ) -> Iterator[Instrument]:
        """Make the instruments; what they open is let go with `connections`."""
        if not isinstance(self.section.judge, JudgeSection):
            recorded = isinstance(self.section.judge, RecordedSection)
            for target in self.targets:
                yield self._local(self._recorded if recorded else self._baseline, target)
            return
        chat = open_chat(self.section.judge, connections=self.connections)
        connections.push_async_callback(chat.close)
        attempt = Ledgered(Deadlined(chat, deadline_s=self.section.judge.deadline_s), log)
        # The targets share the connections; a call waits for one before the ledger opens it.
        model = Retrying(Limited(attempt, connections=self.connections))
        for target in self.targets:
            prompted = PromptedJudge(
                model,
                prompt=self._prompt,
                sampling=sampling_of(self.section.judge),
                served=served.get(f"{self.name}.{target.value}"),
            )
            yield Instrument(
                scorer=self._scorer(prompted, target),
                batch_size=1,  # so that each paid answer is kept as soon as it is there
                concurrency=self.connections,
                calls_a_model=True,
            )

    def baseline_instruments(self) -> list[Instrument]:
        """Make the instruments of the baseline judge, which knows one scale alone."""
        if self.section.scale.scale != EQUIVALENCE:
            return []
        return [self._local(self._baseline, target) for target in self.targets]

    def _local(self, judge: Judge, target: Target) -> Instrument:
        return Instrument(scorer=self._scorer(judge, target), batch_size=LOCAL_BATCH, concurrency=1)

    def _scorer(self, judge: Judge, target: Target) -> EquivalenceScorer:
        lowest = self.config.missing.judged_on_empty_output == "lowest"
        return EquivalenceScorer(
            judge,
            scale=self.section.scale.scale,
            criterion=self.section.criterion,
            target=target,
            empty_value=0.0 if lowest else None,
        )

    @cached_property
    def _baseline(self) -> BaselineJudge:
        return BaselineJudge(self.embedders.get(DEFAULT_MODEL))

    @cached_property
    def _recorded(self) -> RecordedJudge:
        recorded = self.section.judge
        if not isinstance(recorded, RecordedSection):
            raise ConfigError("only a judge that ran elsewhere has recorded verdicts")
        return read_recorded_judge(
            VerdictSource(
                path=self.folder / recorded.recorded,
                name=recorded.name,
                fields={**id_field(self.config.dataset.fields), **recorded.fields},
                labels=recorded.labels,
            ),
            self.dataset,
            self.section.scale.scale,
            known_ids=self.known_ids,
        )

    @cached_property
    def _prompt(self) -> Prompt:
        if not isinstance(self.section.judge, JudgeSection):
            raise ConfigError(
                f"{place_of(self.name)}: only a judge behind an endpoint has a prompt"
            )
        prompt = read_prompt(prompt_file(self.section.judge.prompt, self.folder))
        check_prompt(prompt, self.section)
        return prompt
