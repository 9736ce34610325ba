"""Strict reading of a judge's reply: a verdict on each scale, or a named reason why not."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from judge.errors import JudgeRefused, JudgeTruncated, JudgeUnparseable, ScoringError
from judge.judges.reply_schema import reply_validator
from judge.models.chat import Completion
from judge.records.scale import Scale
from judge.records.strict_json import JsonObject, JsonValue, StrictJsonError, read_strict_json

PARSER_VERSION = "2"
"""Part of a judge's signature: another reading of the same reply is another judge."""

_COMPLETE = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})
_CUT = frozenset({"", "length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "refusal"})
_THOUGHT = re.compile(r"\s*(?:<think>)?(.*)</think>(.*)", re.DOTALL)
_THINKING = re.compile(r"</?think>")
# Openings by which assistants decline, each with the verb that makes it a refusal: "I cannot find
# a difference" is none.
_DECLINES = re.compile(
    r"\s*(?:(?:i['\u2019]?m|i am|we['\u2019]?re|we are)\s+(?:very\s+|so\s+)?(?:sorry|afraid)\b"
    r"|sorry\b|apologies\b|my apologies\b|i apologi[sz]e\b"
    r"|(?:as an ai\b[^.]{0,60}?,?\s*)?(?:i|we)\s*(?:can['\u2019]?t|cannot|can not|won['\u2019]?t"
    r"|will not|must decline|(?:['\u2019]m|\s*am|['\u2019]re|\s*are)\s+(?:unable|not able) to)"
    r"(?:\s+(?:assist|help|comply|fulfil\w*|provide|do that|do this|continue|judge|evaluate|engage"
    r"|discuss|process|complete|respond|answer|participate)\b|\.|$))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply:
    """What a reply says about one criterion."""

    label: str
    rationale: str


class ReplyReader:
    """Reads replies against one schema and the scale of each criterion.

    The verdict on a single criterion stands at the top of the reply, those on several stand each
    under the criterion's name.

    Args:
        schema: JSON Schema of the reply, as JSON text.
        scales: by the criterion's name.
        strip_thinking: whether a model may think aloud before it replies, and end it with
            ``</think>``.
    """

    def __init__(
        self, *, schema: str, scales: Mapping[str, Scale], strip_thinking: bool = False
    ) -> None:
        self._validator = reply_validator(schema)
        self._scales = scales
        self._strip_thinking = strip_thinking

    def read(self, completion: Completion) -> Mapping[str, ReadReply]:
        """Return the verdict on each criterion.

        Raises:
            JudgeTruncated: the reply was cut, even where its beginning reads well.
            JudgeRefused: the judge declined.
            JudgeUnparseable: the reply is not exactly what was asked for.
        """
        _refuse_unfinished(completion)
        text = self.spoken(completion.text)
        try:
            reply = read_strict_json(text)
        except StrictJsonError as error:
            self._refuse_declined(text)
            raise JudgeUnparseable(f"the reply is no strict JSON: {error}") from error
        fault = next(self._validator.iter_errors(reply), None)
        if fault is not None or not isinstance(reply, dict):
            words = fault.message if fault else "no object"
            raise JudgeUnparseable(f"the reply breaks its schema: {words[:300]}")
        if len(self._scales) == 1:
            ((name, scale),) = self._scales.items()
            return {name: _verdict(reply, scale)}
        return {name: _verdict(reply.get(name), scale) for name, scale in self._scales.items()}

    def worth_keeping(self, completion: Completion) -> bool:
        """Whether a reply holds verdicts, so that it need not be asked for again."""
        try:
            self.read(completion)
        except ScoringError:
            return False
        return True

    def spoken(self, text: str) -> str:
        """Return what follows the thinking, where there may be any; all of it otherwise.

        Raises:
            JudgeUnparseable: it cannot be told where the thinking ends.
        """
        if not self._strip_thinking or "</think>" not in text:
            return text
        thought = _THOUGHT.fullmatch(text)
        if thought is None or any(map(_THINKING.search, thought.groups())):
            raise JudgeUnparseable("the reply ends its thinking more than once")
        return thought[2]

    def _refuse_declined(self, text: str) -> None:
        """Tell words of refusal from a verdict in the wrong form."""
        if _DECLINES.match(text) is None:
            return
        said = set(re.findall(r"[\w-]+", text.casefold()))
        words = {name.casefold() for scale in self._scales.values() for name in scale.categories}
        if not said & words and "{" not in text:
            raise JudgeRefused(f"the judge declined: {' '.join(text.split())[:300]}")


def _refuse_unfinished(completion: Completion) -> None:
    reason = completion.finish_reason
    if completion.refusal or reason in _FILTERED:
        words = completion.refusal or f"finish reason {reason}"
        raise JudgeRefused(f"the judge declined: {words[:300]}")
    if reason in _CUT:
        raise JudgeTruncated(f"the reply is not finished (finish reason: {reason or 'none given'})")
    if reason not in _COMPLETE:
        raise JudgeUnparseable(f"the reply ended for another reason than its end: {reason[:100]}")


def _verdict(reply: JsonValue, scale: Scale) -> ReadReply:
    said: JsonObject = reply if isinstance(reply, dict) else {}
    label = said.get("verdict")
    # A schema may ask for numbers; true is none, although Python takes it for 1.
    if isinstance(label, int) and not isinstance(label, bool):
        label = str(label)
    if not isinstance(label, str) or label not in scale.categories:
        raise JudgeUnparseable(f"the verdict is not on the scale {', '.join(scale.categories)}")
    rationale = said.get("rationale", "")
    return ReadReply(label=label, rationale=rationale if isinstance(rationale, str) else "")
