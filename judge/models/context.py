"""How much a model can read: what surely does not fit is refused before it is paid for."""

import re
from collections.abc import Mapping

from judge.errors import InputTooLong
from judge.models.chat import ChatCall, ChatModel, Completion

_BYTES_PER_TOKEN = 3
_UNSPACED_PER_TOKEN = 4
# Scripts that are written without spaces: one "word" may be a page.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff\uf900-\ufaff]")


class WithinContext:
    """A chat model that is only asked what it may be able to read.

    What is refused surely does not fit. What passes may still be too long: that the endpoint says.

    Args:
        model: who is asked.
        context_tokens: how much it reads, question and reply together.
    """

    def __init__(self, model: ChatModel, *, context_tokens: int) -> None:
        self._model = model
        self._context_tokens = context_tokens

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        fewest = sum(fewest_tokens(message.content) for message in call.messages)
        if fewest > self._context_tokens:
            raise InputTooLong(
                f"the question has {fewest} tokens at the very least, the judge reads "
                f"{self._context_tokens} (context_tokens); nothing was cut, and nothing was sent",
                attempts=0,
            )
        return await self._model.complete(call)


def fewest_tokens(text: str) -> int:
    """Return a number of tokens that no usual tokenizer undercuts: one a word."""
    words = len(text.split())
    return words if text.isascii() else words + len(_UNSPACED.findall(text)) // _UNSPACED_PER_TOKEN


def ample_tokens(text: str) -> int:
    """Return a number of tokens that a text of any language hardly exceeds: a third of its bytes.

    English has about 4.5 letters to a token, and Chinese about one.
    """
    return len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN + 1
