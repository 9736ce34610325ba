"""From a judged section to the judge it names and the instruments that put records to it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from judge.api.project import Instrument, RunContext
from judge.config import Config, JudgedSection, JudgeSection, PanelSection, RecordedSection
from judge.errors import ConfigError
from judge.judges.baseline import BaselineJudge
from judge.judges.claims import ClaimJudge, Reading
from judge.judges.judge import Judge
from judge.judges.pairwise import PairwiseJudge
from judge.judges.panel import Member, PanelJudge, RepeatedJudge, Rule
from judge.judges.prompt import Prompt, read_prompt
from judge.judges.prompted import PromptedJudge
from judge.judges.recorded import RecordedJudge, VerdictSource, read_recorded_judge
from judge.models.context import WithinContext, ample_tokens
from judge.models.embedding import DEFAULT_MODEL
from judge.records.dataset import Dataset
from judge.records.record import Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.served import of_member
from judge.scorers.equivalence import EquivalenceScorer
from judge.shipped import shipped
from judge.wiring.embedders import Embedders
from judge.wiring.endpoint import Endpoints, endpoint_of, sampling_of
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
        in_work: most records that the judge is asked about, or that are written down, at once.
        question: the scorer in whose name the judge is asked, where several read their criteria
            out of one reply; empty where it is this one.
    """

    name: str
    section: JudgedSection
    config: Config
    folder: Path
    dataset: Dataset
    targets: Sequence[Target]
    known_ids: AbstractSet[str] | None
    embedders: Embedders
    in_work: int
    keys_needed: bool = True
    question: str = ""
    _prompts: dict[Path, Prompt] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what cannot be used, before anything is spent.

        Raises:
            ConfigError: a prompt, a key, a file or a model is not there or does not fit.
            DataError: recorded verdicts cannot be read.
        """
        judge = self.section.judge
        if isinstance(judge, RecordedSection):
            _ = self._recorded
        elif judge == "baseline":
            _ = self._baseline
        for member in self._asked.values():
            for target in self.targets:
                self._prompt(member).check_target(target)
            _ = self._prompt(member), endpoint_of(member, key_needed=self.keys_needed)

    @property
    def quoted_items(self) -> tuple[str, ...]:
        """Ids of the items that a prompt of the judge quotes."""
        return tuple(i for one in self._asked.values() for i in self._prompt(one).quoted_items)

    def instruments(self, endpoints: Endpoints, context: RunContext) -> Iterator[Instrument]:
        """Make the instruments that put records to the judge."""
        if not self._asked:
            recorded = isinstance(self.section.judge, RecordedSection)
            for target in self.targets:
                found = self._local(self._recorded if recorded else self._baseline, target)
                yield replace(found, embeds=not recorded)
            return
        n_records = max(1, len(self.dataset.items) * len(self.dataset.systems))
        for target in self.targets:
            served = context.served.get(f"{self.name}.{target.value}", ())
            yield Instrument(
                scorer=self._scorer(self._judge(endpoints, served), target),
                batch_size=1,  # so that each paid answer is kept as soon as it is there
                concurrency=min(self.in_work, n_records),
                calls_a_model=True,
                scale=self.section.scale.scale,
                rubric=self._prompt(next(iter(self._asked.values()))).system,
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
            scorer=self.name,
            question=self.question,
            continuous=self._continuous,
        )

    @property
    def asked(self) -> Collection[JudgeSection]:
        """The judges behind endpoints."""
        return self._asked.values()

    @property
    def _asked(self) -> Mapping[str, JudgeSection]:
        """The judges behind endpoints by the member they are; of a judge alone, by nothing."""
        judge = self.section.judge
        if isinstance(judge, PanelSection):
            return judge.panel
        return {"": judge} if isinstance(judge, JudgeSection) else {}

    @property
    def _continuous(self) -> bool:
        """Whether verdicts count as values between those of the categories."""
        ruled = [one for one in (self.section.judge, *self._asked.values()) if one != "baseline"]
        return any(
            (isinstance(one, PanelSection) and one.rule is Rule.MEAN)
            or (
                isinstance(one, JudgeSection)
                and (
                    one.weighted
                    or one.claims != "never"
                    or (one.repeats > 1 and one.rule is Rule.MEAN)
                )
            )
            for one in ruled
        )

    def _judge(self, endpoints: Endpoints, served: Sequence[str]) -> Judge:
        panel = self.section.judge
        if not isinstance(panel, PanelSection):
            (alone,) = self._asked.values()
            return self._single(alone, endpoints, next(iter(served), None))
        return PanelJudge(
            [
                Member(name=name, judge=self._single(section, endpoints, of_member(served, name)))
                for name, section in panel.panel.items()
            ],
            scale=self.section.scale.scale,
            rule=panel.rule,
            needed=panel.needed,
        )

    def _single(self, section: JudgeSection, endpoints: Endpoints, served: str | None) -> Judge:
        """Return the judge of one section, asked in every way that it wants to be asked."""
        scale = self.section.scale.scale
        judge = self._repeated(
            self._prompted(self._prompt(section), section, endpoints, served), section, scale
        )
        if scale.kind is ScaleKind.PAIRWISE:
            return PairwiseJudge(judge, scale=scale, orders=section.orders)
        if section.claims == "never":
            return judge
        about_claims = read_prompt(prompt_file(section.claim_prompt, self.folder))
        of_claims = self._prompted(about_claims, section, endpoints, served)
        words = ample_tokens(about_claims.system) + sum(map(ample_tokens, about_claims.user_parts))
        return ClaimJudge(
            self._repeated(of_claims, section, about_claims.scale),
            claim_scale=about_claims.scale,
            scale=scale,
            whole=None if section.claims == "always" else judge,
            reading=Reading(
                context_tokens=section.context_tokens,
                reserved_tokens=words + section.max_tokens,
            ),
            lost=section.lost_claim,
        )

    def _repeated(self, judge: Judge, section: JudgeSection, scale: Scale) -> Judge:
        if section.repeats == 1:
            return judge
        return RepeatedJudge(judge, times=section.repeats, scale=scale, rule=section.rule)

    def _prompted(
        self, prompt: Prompt, section: JudgeSection, endpoints: Endpoints, served: str | None
    ) -> Judge:
        model = endpoints.model(
            section,
            worth_keeping=lambda answer: prompted.worth_keeping(answer),  # noqa: PLW0108 - made below
            reader=(prompt.fingerprint, section.strip_thinking),
        )
        if section.context_tokens is not None:
            model = WithinContext(model, context_tokens=section.context_tokens)
        prompted = PromptedJudge(
            model,
            prompt=prompt,
            sampling=sampling_of(section),
            served=served,
            criterion=self.section.criterion if len(prompt.criteria) > 1 else None,
            strip_thinking=section.strip_thinking,
            weighted=section.weighted,
        )
        return prompted

    def _prompt(self, section: JudgeSection) -> Prompt:
        path = prompt_file(section.prompt, self.folder)
        if path not in self._prompts:
            prompt = read_prompt(path)
            check_prompt(prompt, self.section)
            self._prompts[path] = prompt
        return self._prompts[path]

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


def prompt_file(name: str, folder: Path) -> Path:
    """Return where a prompt lies: beside the config, or shipped."""
    if name.endswith(".md"):
        return folder / name
    own = folder / "prompts" / f"{name}.md"
    return own if own.exists() else shipped(f"prompts/{name}.md")


def check_prompt(prompt: Prompt, section: JudgedSection) -> None:
    """Refuse a prompt that asks about another criterion or answers on another scale."""
    if section.criterion not in prompt.scales:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} asks about {' and '.join(prompt.scales)}, the scorer "
            f"about {section.criterion}"
        )
    found, wanted = prompt.scales[section.criterion], section.scale.scale
    if found != wanted:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} answers on the {found.kind.value} scale "
            f"{', '.join(found.categories)}, the scorer's is "
            f"{wanted.kind.value} {', '.join(wanted.categories)}; give both the same"
        )
