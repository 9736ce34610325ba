"""Improving the wording of a judge's prompt from people's labels."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from judge.api.project import Project, RunContext, RunStore, ratings_of, run_context
from judge.api.rated_verdicts import Asked, is_whole, verdicts_on
from judge.api.running import ignore, new_run_id
from judge.api.validating import validate_judge
from judge.errors import ConfigError, ScoringError
from judge.judges.rewording import (
    RULES_SCHEMA,
    Decided,
    asking_for_rules,
    is_fit_to_show,
    read_rules,
    reworded,
)
from judge.models.chat import ChatCall, ChatModel, Sampling
from judge.records.rating import consensus
from judge.records.record import RecordKey
from judge.results.outcome import Outcome, Score
from judge.runs.executor import Stop, Watcher
from judge.trust.labels import LabelledVerdict
from judge.trust.tuning import Agreed, Part, Tuning, Wording, agreed, best, part_of

TUNING_KIND = "tuning"
"""Kind of the stored document: that the test labels were looked at."""

FEWEST = 10
"""Labels of a part below which nothing is tried."""

_SHOWN = 12
"""Disagreements that a proposal is asked about."""
_EXAMPLES = 6
_TEMPERATURE = 0.7


class Proposing(Protocol):
    """Opens the model that proposes wordings."""

    def __call__(self, context: RunContext) -> AbstractAsyncContextManager[ChatModel]:
        """Return it; leaving the context lets its connections go."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunable:
    """A project whose judge is one prompt behind an endpoint.

    Attributes:
        prompt: text of its prompt file.
        with_prompt: makes the same project with another prompt file.
        proposing: opens who proposes wordings.
        sampling: of the judge.
    """

    project: Project
    prompt: str
    with_prompt: Callable[[Path], Project]
    proposing: Proposing
    sampling: Sampling


class _Unfinished(Exception):
    """Not every record had its turn."""


async def tune(
    tunable: Tunable,
    store: RunStore,
    folder: Path,
    *,
    prompt_id: str,
    now: Callable[[], datetime],
    proposals: int = 3,
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> Tuning | None:
    """Try wordings made from some labels, choose by others, and measure the chosen one on the rest.

    Args:
        tunable: what is tuned.
        store: keeps every verdict, and that test labels were looked at.
        folder: where prompt files of wordings are put while they are tried.
        prompt_id: of the new prompt.
        now: the time.
        proposals: how often a model is asked for rules.
        stop: may be asked to stop.
        watcher: told of verdicts when they are durable.

    Returns:
        What came of it; None where it was stopped, or the endpoint did not answer: verdicts are
        kept, and the same call goes on from there.

    Raises:
        ConfigError: there are no ratings, or they are not about a judge that is one prompt.
        DataError: the ratings cannot be read.
    """
    work = _Work(tunable, store, now=now, stop=stop or Stop(), watcher=watcher)
    try:
        return await _tuned(work, folder, prompt_id=prompt_id, proposals=proposals)
    except _Unfinished:
        return None


async def _tuned(work: "_Work", folder: Path, *, prompt_id: str, proposals: int) -> Tuning:
    labels = {part: len(work.keys(part)) for part in Part}
    if few := [part.value for part, n in labels.items() if n < FEWEST]:
        reason = f"under {FEWEST} labels in {' and '.join(few)}: more labels are needed"
        return Tuning(labels=labels, reason=reason)
    project = work.tunable.project
    seen = [*work.keys(Part.TRAIN), *work.keys(Part.DEV)]
    present = await work.verdicts(project, seen)
    wrong = [key for key in work.keys(Part.TRAIN) if work.disagrees(key, present[key])]
    if not wrong:
        reason = (
            "the judge and people agree on every label of train: there is nothing to learn from"
        )
        return Tuning(labels=labels, reason=reason)
    drafts = [
        *await _proposed(work, wrong, present, n=proposals),
        _with_examples(work, wrong, present),
    ]
    items = sorted({key.item_id for key in seen})
    texts = {
        draft.name: reworded(
            work.tunable.prompt,
            prompt_id=f"{prompt_id}-{draft.name}",
            rules=draft.rules,
            examples=[work.decided(key, present[key]) for key in draft.examples],
            items=items,
        )
        for draft in drafts
        if not draft.reason
    }
    result = Tuning(
        labels=labels,
        disagreements=len(wrong),
        present=work.compared(Part.DEV, present, present),
        wordings=tuple([await _on_dev(work, one, texts, folder, present) for one in drafts]),
        reason="no wording is surely better on dev: the present one stays",
    )
    chosen = best({one.name: one.dev for one in result.wordings if one.dev is not None})
    if chosen is None:
        return result
    return await _measured(work, result, chosen, texts[chosen], folder)


async def _on_dev(
    work: "_Work",
    draft: Wording,
    texts: Mapping[str, str],
    folder: Path,
    present: Mapping[RecordKey, Outcome],
) -> Wording:
    if draft.reason:
        return draft
    outcomes = await work.verdicts(
        work.worded(texts[draft.name], folder / f"{draft.name}.md"), work.keys(Part.DEV)
    )
    return replace(
        draft, dev=work.compared(Part.DEV, outcomes, present, n_tried=max(1, len(texts)))
    )


async def _measured(
    work: "_Work",
    result: Tuning,
    chosen: str,
    text: str,
    folder: Path,
) -> Tuning:
    """Look at the test labels, once, and write down that it was done."""
    project = work.worded(text, folder / f"{chosen}.md")
    validation = await validate_judge(
        project, work.store, now=work.now, stop=work.stop, watcher=work.watcher
    )
    if validation is None:
        raise _Unfinished
    keys = work.keys(Part.TEST)
    present = await work.verdicts(work.tunable.project, keys)
    outcomes = await work.verdicts(project, keys)
    return replace(
        result,
        chosen=chosen,
        prompt=text,
        test=work.compared(Part.TEST, outcomes, present),
        earlier_looks=work.look(),
        validation=validation,
        reason="",
    )


async def _proposed(
    work: "_Work", wrong: Sequence[RecordKey], present: Mapping[RecordKey, Outcome], *, n: int
) -> list[Wording]:
    """Ask a model, n times, what people go by that the prompt does not say."""
    found: list[Wording] = []
    run_id = new_run_id(work.now())
    async with work.tunable.proposing(work.context(run_id)) as model:
        for number in range(n):
            draw = np.random.default_rng([work.tunable.project.seed, number])
            shown = draw.permutation(len(wrong))[:_SHOWN]
            cases = [work.decided(wrong[place], present[wrong[place]]) for place in shown]
            messages, mark = asking_for_rules(work.tunable.prompt, cases)
            call = ChatCall(
                call_id=f"proposal#{number}",
                messages=messages,
                sampling=_proposal_sampling(work.tunable.sampling, number),
                reply_schema=RULES_SCHEMA,
                mark=mark,
                repeat=number,
            )
            name = f"rules-{number + 1}"
            try:
                rules = read_rules(await model.complete(call))
            except ScoringError as error:
                if error.halts:
                    raise _Unfinished from error
                found.append(Wording(name=name, reason=str(error)))
                continue
            found.append(_drafted(name, rules, found))
    work.spent_by(run_id)
    return found


def _drafted(name: str, rules: tuple[str, ...], found: Sequence[Wording]) -> Wording:
    if not rules:
        return Wording(name=name, reason="it found nothing in common to the disagreements")
    same = next((one.name for one in found if one.rules == rules), None)
    return Wording(name=name, rules=rules, reason=f"the same rules as {same}" if same else "")


def _with_examples(
    work: "_Work", wrong: Sequence[RecordKey], present: Mapping[RecordKey, Outcome]
) -> Wording:
    """Show labels of train: as many of each class as there are, disagreements before others."""
    train = [*wrong, *(key for key in work.keys(Part.TRAIN) if key not in set(wrong))]
    fit = [key for key in train if is_fit_to_show(work.decided(key, present[key]))]
    of_class: dict[str, list[RecordKey]] = {}
    for key in fit:
        of_class.setdefault(work.human[key], []).append(key)
    each = max(1, _EXAMPLES // max(1, len(of_class)))
    chosen = tuple(key for keys in of_class.values() for key in keys[:each])
    reason = "" if chosen else "no label of train is on texts that are short and harmless"
    return Wording(name="examples", examples=chosen, reason=reason)


def _proposal_sampling(sampling: Sampling, number: int) -> Sampling:
    return replace(
        sampling,
        # Reasoning models take none; of the others a little chance makes proposals differ.
        temperature=None if sampling.temperature is None else _TEMPERATURE,
        seed=None if sampling.seed is None else sampling.seed + number,
        alternatives=0,
    )


class _Work:
    """The labels in their parts, and who is asked about them."""

    def __init__(
        self,
        tunable: Tunable,
        store: RunStore,
        *,
        now: Callable[[], datetime],
        stop: Stop,
        watcher: Watcher,
    ) -> None:
        project = tunable.project
        ratings = ratings_of(project)
        found = ratings.read(project.dataset)
        labels, _ = consensus(found.ratings, ratings.scale, aggregate=ratings.aggregate)
        self.tunable = tunable
        self.store = store
        self.now = now
        self.stop = stop
        self.watcher = watcher
        self.human = {one.key: one.label for one in labels}
        self._scale = ratings.scale
        self._source = ratings.source
        self._records = {
            record.key: record for record in project.dataset.records() if record.key in self.human
        }
        self._inclusion = {one.key: one.inclusion_probability or 1.0 for one in found.ratings}
        self._spent = 0.0

    def keys(self, part: Part) -> list[RecordKey]:
        """Return the labelled records of a part."""
        seed = self.tunable.project.seed
        return [
            key
            for key, record in self._records.items()
            if part_of(record.cluster, seed=seed) is part
        ]

    def worded(self, text: str, path: Path) -> Project:
        """Return the project with another text of the prompt."""
        path.write_text(text, encoding="utf-8")
        return self.tunable.with_prompt(path)

    def context(self, run_id: str) -> RunContext:
        """Return what a run of no records gives to who it asks."""
        return run_context(self.store, run_id, stop=self.stop, spent=self._spent)

    def spent_by(self, run_id: str) -> None:
        """Count what a run spent, so that the next one may spend the less."""
        self._spent += self.store.spending(run_id).total.cost.dollars

    async def verdicts(
        self, project: Project, keys: Sequence[RecordKey]
    ) -> Mapping[RecordKey, Outcome]:
        """Return what the judge of a project says of records, stored or asked now."""
        records = {key: self._records[key] for key in keys}
        judged = await verdicts_on(
            project,
            self.store,
            project.instruments,
            Asked(
                records=records,
                human=self.human,
                target=self._source.target,
                criterion=self._source.criterion,
                controls=0,
            ),
            now=self.now,
            stop=self.stop,
            watcher=self.watcher,
            spent=self._spent,
        )
        if judged is None:
            raise ConfigError(f"no judge holds outputs against the {self._source.target.value}")
        self.spent_by(judged.run_id)
        if not is_whole(judged.outcomes, records):
            raise _Unfinished
        return judged.outcomes

    def disagrees(self, key: RecordKey, outcome: Outcome) -> bool:
        """Whether the judge gave a verdict that people do not share."""
        return isinstance(outcome, Score) and outcome.label != self.human[key]

    def decided(self, key: RecordKey, outcome: Outcome) -> Decided:
        """Return a record with what people and the judge said of it."""
        case = Decided(record=self._records[key], target=self._source.target, human=self.human[key])
        if not isinstance(outcome, Score):
            return case
        return replace(case, verdict=outcome.label, rationale=outcome.rationale)

    def compared(
        self,
        part: Part,
        outcomes: Mapping[RecordKey, Outcome],
        present: Mapping[RecordKey, Outcome],
        *,
        n_tried: int = 1,
    ) -> Agreed:
        """Return how far outcomes agree with people on a part, and how much more than others."""
        rows = [
            LabelledVerdict(
                key=key,
                cluster=self._records[key].cluster,
                slices=self._records[key].slices,
                human=self.human[key],
                outcome=outcomes[key],
                inclusion=self._inclusion[key],
            )
            for key in self.keys(part)
        ]
        return agreed(rows, present, self._scale, n_tried=n_tried)

    def look(self) -> int:
        """Write down that the test labels were looked at; return how often they were before."""
        keys = sorted((key.item_id, key.system, self.human[key]) for key in self.keys(Part.TEST))
        about = hashlib.sha256(msgspec.json.encode(keys)).hexdigest()
        bodies = self.store.documents(TUNING_KIND)
        looks = [msgspec.json.decode(body, type=dict[str, str]) for body in bodies]
        earlier = sum(one["test"] == about for one in looks)
        at = self.now().isoformat()
        name = f"{about[:16]}-{earlier + 1}"
        body = msgspec.json.encode({"test": about, "at": at})
        self.store.put_document(TUNING_KIND, name, body)
        return earlier
