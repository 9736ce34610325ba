"""A judge made of one chat model and one prompt."""

from collections.abc import Mapping
from dataclasses import replace

from judge.errors import JudgeIdentityChanged, JudgeTruncated, JudgeUnparseable
from judge.judges.judge import JudgedCase, Judgement
from judge.judges.prompt import Prompt
from judge.judges.reply import PARSER_VERSION, ReadReply, ReplyReader
from judge.models.chat import ChatCall, ChatModel, Completion, Sampling

UNPARSEABLE_REPEATS = 2
TRUNCATED_REPEATS = 1


class PromptedJudge:
    """Asks a chat model with a prompt and reads its reply strictly.

    An unreadable reply is asked for again with the same words, at most twice; a cut one once,
    with twice the room. Each repeat is a call of its own in the ledger.

    Args:
        model: who is asked.
        prompt: how.
        sampling: how the reply is drawn.
        served: the model name that must answer; None pins the one that answers first.
    """

    def __init__(
        self, model: ChatModel, *, prompt: Prompt, sampling: Sampling, served: str | None = None
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._sampling = sampling
        self._served = served
        self._reader = ReplyReader(schema=prompt.reply_schema, scales=prompt.scales)

    @property
    def identity(self) -> Mapping[str, str]:
        sampling = self._sampling
        return {
            **self._model.identity,
            "prompt": self._prompt.prompt_id,
            "prompt_fingerprint": self._prompt.fingerprint,
            "temperature": "unset" if sampling.temperature is None else str(sampling.temperature),
            "max_tokens": str(sampling.max_tokens),
            "seed": "unset" if sampling.seed is None else str(sampling.seed),
            "parser": PARSER_VERSION,
        }

    async def judge(self, case: JudgedCase) -> Judgement:
        question = self._prompt.messages(case)
        call = ChatCall(
            call_id=f"{case.case_id}#{case.part}." if case.part else f"{case.case_id}#",
            messages=question.messages,
            sampling=self._sampling,
            reply_schema=self._prompt.reply_schema,
            mark=question.mark,
            repeat=case.repeat,
        )
        completion, reply, asked = await self._verdict(call)
        return Judgement(
            label=reply.label,
            rationale=reply.rationale,
            served=completion.model,
            flags=question.flags,
            details={
                "reply": completion.text,
                "fingerprint": completion.fingerprint,
                "asked": asked,
                "input_tokens": completion.input_tokens,
                "output_tokens": completion.output_tokens,
            },
        )

    async def _verdict(self, call: ChatCall) -> tuple[Completion, ReadReply, int]:
        unparseable = truncated = 0
        sampling = self._sampling
        while True:
            asked = unparseable + truncated + 1
            completion = await self._model.complete(_repeat(call, asked, sampling))
            self._check_identity(completion)
            try:
                return completion, self._reader.read(completion)[self._prompt.criterion], asked
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
                sampling = _with_twice_the_room(sampling)

    def _check_identity(self, completion: Completion) -> None:
        if self._served is None:
            self._served = completion.model
        elif completion.model != self._served:
            raise JudgeIdentityChanged(
                f"{completion.model!r} answered where {self._served!r} was pinned; validate the "
                "new model before its verdicts are mixed with the old one's"
            )


def _repeat(call: ChatCall, asked: int, sampling: Sampling) -> ChatCall:
    return replace(call, call_id=f"{call.call_id}{asked}", sampling=sampling)


def _with_twice_the_room(sampling: Sampling) -> Sampling:
    return Sampling(
        temperature=sampling.temperature, max_tokens=sampling.max_tokens * 2, seed=sampling.seed
    )
