"""A chat model that only repeats what was received before: replies are read anew without a call."""

from collections.abc import Callable, Mapping

import msgspec

from judge.errors import VerdictNotRecorded
from judge.models.chat import ChatCall, Completion


class RecordedChat:
    """Answers from stored completions, by the name of the call.

    Args:
        replies: returns the stored completion of a call, as a ledger keeps it; None where there is
            none.
        identity: of the model that gave them, so that only another parser makes another judge.
    """

    def __init__(
        self, replies: Callable[[str], bytes | None], *, identity: Mapping[str, str]
    ) -> None:
        self._replies = replies
        self._identity = identity

    @property
    def identity(self) -> Mapping[str, str]:
        return self._identity

    async def complete(self, call: ChatCall) -> Completion:
        """Return the stored answer.

        Raises:
            VerdictNotRecorded: none is stored, or what is stored is no completion.
        """
        if (reply := self._replies(call.call_id)) is None:
            raise VerdictNotRecorded(f"no reply to {call.call_id} is stored", attempts=0)
        try:
            return msgspec.json.decode(reply, type=Completion)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise VerdictNotRecorded(
                f"what is stored as the reply to {call.call_id} cannot be read: {error}", attempts=0
            ) from error
