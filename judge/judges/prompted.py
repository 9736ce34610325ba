"""A judge made of one chat model and one prompt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from judge.errors import ConfigError, JudgeIdentityChanged, JudgeTruncated, JudgeUnparseable
from judge.judges.judge import JudgedCase, Judgement
from judge.judges.prompt import Criterion, Prompt, Rendered
from judge.judges.reply import PARSER_VERSION, ReadReply
from judge.judges.weighting import category_chances
from judge.models.chat import ChatCall, ChatModel, Completion, Sampling
from judge.results.outcome import Vote
from judge.stats.estimate import Undefined

UNPARSEABLE_REPEATS = 2
TRUNCATED_REPEATS = 1
ALTERNATIVES = 20
"""Tokens asked for at each place of a weighted reply: as many as any endpoint gives."""
NOT_WEIGHTED = "not_weighted"
"""Flags a verdict that counts as its label because its probability is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    completion: Completion
    reply: ReadReply
    asked: int


class PromptedJudge:
    """Asks a chat model with a prompt and reads its reply strictly.

    An unreadable reply is asked for again with the same words, at most twice; a cut one once,
    with twice the room. Each repeat is a call of its own in the ledger.

    Judges that read several criteria out of one prompt ask equal questions: a cache makes them one
    call.

    Args:
        model: who is asked.
        prompt: how.
        sampling: how the reply is drawn.
        served: the model name that must answer; None pins the one that answers first.
        criterion: which of the prompt's criteria; None where it has one.
        strip_thinking: whether what stands before ``</think>`` is no part of the reply.
        weighted: whether a verdict counts as the mean of the scale under the probabilities of its
            categories, and not as its label alone.

    Raises:
        ConfigError: the prompt does not ask about the criterion.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        prompt: Prompt,
        sampling: Sampling,
        served: str | None = None,
        criterion: str | None = None,
        strip_thinking: bool = False,
        weighted: bool = False,
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._criterion = _criterion(prompt, criterion)
        self._sampling = sampling
        if weighted and not sampling.alternatives:
            self._sampling = replace(sampling, alternatives=ALTERNATIVES)
        self._served = served
        self._strip_thinking = strip_thinking
        self._weighted = weighted
        self._reader = prompt.reader(strip_thinking=strip_thinking)

    @property
    def identity(self) -> Mapping[str, str]:
        sampling = self._sampling
        return {
            **self._model.identity,
            "prompt": self._prompt.prompt_id,
            "prompt_fingerprint": self._prompt.fingerprint,
            "criterion": self._criterion.name,
            "temperature": "unset" if sampling.temperature is None else str(sampling.temperature),
            "max_tokens": str(sampling.max_tokens),
            "seed": "unset" if sampling.seed is None else str(sampling.seed),
            "effort": sampling.effort or "unset",
            "alternatives": str(sampling.alternatives),
            "weighted": str(self._weighted).lower(),
            "strip_thinking": str(self._strip_thinking).lower(),
            "parser": PARSER_VERSION,
        }

    def worth_keeping(self, completion: Completion) -> bool:
        """Whether an answer need not be asked for again: a verdict, of the model that is pinned."""
        pinned = self._served is None or completion.model == self._served
        return pinned and self._reader.worth_keeping(completion)

    async def judge(self, case: JudgedCase) -> Judgement:
        rendered = self._prompt.messages(case)
        answer = await self._answer(case, rendered)
        completion, reply = answer.completion, answer.reply
        judgement = Judgement(
            label=reply.label,
            rationale=reply.rationale,
            served=completion.model,
            flags=rendered.flags,
            details={
                "reply": completion.text,
                "fingerprint": completion.fingerprint,
                "asked": answer.asked,
                "input_tokens": completion.input_tokens,
                "output_tokens": completion.output_tokens,
                "cost": completion.cost,
            },
        )
        return self._weighed(judgement, completion) if self._weighted else judgement

    async def _answer(self, case: JudgedCase, rendered: Rendered) -> _Answer:
        unparseable = truncated = 0
        question = f"{case.case_id}#{case.part}." if case.part else f"{case.case_id}#"
        sampling = self._sampling
        if sampling.seed is not None:  # with the same seed a repeat would be no second opinion
            sampling = replace(sampling, seed=sampling.seed + case.repeat)
        while True:
            asked = unparseable + truncated + 1
            call = ChatCall(
                call_id=f"{question}{asked}",
                messages=rendered.messages,
                sampling=sampling,
                reply_schema=self._prompt.reply_schema,
                mark=rendered.mark,
                repeat=case.repeat,
            )
            completion = await self._model.complete(call)
            self._check_identity(completion)
            try:
                reply = self._reader.read(completion)[self._criterion.name]
                return _Answer(completion=completion, reply=reply, asked=asked)
            except JudgeUnparseable as error:
                unparseable += 1
                if unparseable > UNPARSEABLE_REPEATS:
                    error.attempts = asked
                    raise
            except JudgeTruncated as error:
                truncated += 1
                if truncated > TRUNCATED_REPEATS:
                    error.attempts = asked
                    raise
                sampling = replace(sampling, max_tokens=sampling.max_tokens * 2)

    def _weighed(self, judgement: Judgement, completion: Completion) -> Judgement:
        """Return a judgement with what its label's probability makes of it."""
        name, scale = self._criterion.name, self._criterion.scale
        chances = category_chances(
            completion,
            spoken=self._reader.spoken(completion.text),
            path=("verdict",) if len(self._prompt.criteria) == 1 else (name, "verdict"),
            label=judgement.label,
            scale=scale,
        )
        if isinstance(chances, Undefined):
            return replace(
                judgement,
                flags=(*judgement.flags, NOT_WEIGHTED),
                details={**judgement.details, NOT_WEIGHTED: chances.reason},
            )
        value = sum(chance * worth for chance, worth in zip(chances, scale.values, strict=True))
        return replace(
            judgement,
            value=min(1.0, value),  # rounding may step outside
            votes=(Vote(label=judgement.label, confidence=chances[scale.code(judgement.label)]),),
            details={
                **judgement.details,
                "chances": dict(zip(scale.categories, chances, strict=True)),
            },
        )

    def _check_identity(self, completion: Completion) -> None:
        if self._served is None:
            self._served = completion.model
        elif completion.model != self._served:
            raise JudgeIdentityChanged(
                f"{completion.model!r} answered where {self._served!r} was pinned; validate the "
                "new model before its verdicts are mixed with the old one's"
            )


def _criterion(prompt: Prompt, name: str | None) -> Criterion:
    if name is not None:
        return prompt.about(name)
    if len(prompt.criteria) > 1:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} asks about {', '.join(prompt.scales)}; "
            "say which of them is read"
        )
    return prompt.criteria[0]
