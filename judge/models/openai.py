"""Chat models behind any OpenAI-compatible endpoint."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from judge.models.chat import ChatCall, Completion, ReplyFormat
from judge.models.chat_body import ChatBody
from judge.models.door import Address, ClientDoor, Door, door_of, origin_of, request_head
from judge.models.envelope import read_completion
from judge.models.posting import Poster
from judge.models.redaction import Secrets
from judge.models.refusal import refusal
from judge.models.streaming import STREAMED, arrived_at, put_together

if TYPE_CHECKING:
    import openai

_SUCCESS = range(200, 300)


class OpenAIChat:
    """One model at one endpoint.

    A call is one POST over a kept connection and one strict reading of the answer. Nothing is
    asked twice here, no redirect is followed, and no proxy is taken from the environment, so that
    a prompt travels to no other place than the configured one.

    Args:
        model: the name the endpoint knows it by.
        base_url: of the endpoint, for example ``https://api.openai.com/v1``.
        api_key: sent to that origin only; never logged, stored or shown.
        reply_format: how the reply's form is asked for.
        connections: most connections open at once.
        api_version: of Azure's endpoints, which have one.
        headers: sent with every request.
        streamed: whether answers are asked for token by token, to know when the first came.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str,
        reply_format: ReplyFormat,
        connections: int,
        api_version: str = "",
        headers: Mapping[str, str] | None = None,
        streamed: bool = False,
    ) -> None:
        door = door_of(
            model, base_url=base_url, api_key=api_key, api_version=api_version, headers=headers
        )
        self._open(
            model, door, reply_format=reply_format, connections=connections, streamed=streamed
        )

    @classmethod
    def from_client(
        cls,
        client: "openai.AsyncOpenAI",
        model: str,
        *,
        reply_format: ReplyFormat = ReplyFormat.JSON_SCHEMA,
        connections: int = 20,
    ) -> Self:
        """Return the model behind a client of `openai`, as that client would ask it.

        Its base URL, keys, headers and query are used, whatever renews them; its HTTP client,
        its retries and its timeouts are not.
        """
        chat = cls.__new__(cls)
        door = ClientDoor(origin_of(str(client.base_url)), client=lambda: client, model=model)
        chat._open(  # noqa: SLF001 - of its own class
            model, door, reply_format=reply_format, connections=connections, streamed=False
        )
        return chat

    def _open(
        self,
        model: str,
        door: Door,
        *,
        reply_format: ReplyFormat,
        connections: int,
        streamed: bool,
    ) -> None:
        self._model = model
        self._door = door
        self._reply_format = reply_format
        self._body = ChatBody(model, reply_format=reply_format, streamed=streamed)
        self._poster = Poster(door.origin, connections=connections)
        self._address: Address | None = None
        self._head = b""

    @property
    def identity(self) -> Mapping[str, str]:
        return {
            "model": self._model,
            "endpoint": self._door.origin,
            "reply_format": self._reply_format.value,
        }

    async def complete(self, call: ChatCall) -> Completion:
        started = time.perf_counter()
        address = await self._door.address()
        if address is not self._address:
            self._head = request_head(address)
            self._secrets = Secrets(address.url, address.headers)
            self._address = address
        body = self._body.of(call)
        reply = await self._poster.post(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        secrets = self._secrets
        if reply.status not in _SUCCESS:
            raise refusal(reply.status, body=reply.body, header=reply.header, words=secrets.words)
        body, first_token_s = reply.body, None
        if reply.header("content-type").startswith(STREAMED):
            whole = put_together(reply.body)
            body = whole.body
            if whole.first is not None:
                first_token_s = arrived_at(whole.first, reply.arrivals) - started
        completion = read_completion(
            body,
            latency_s=time.perf_counter() - started,
            alternatives=call.sampling.alternatives > 0,
            hide=secrets.hide,
            words=secrets.words,
        )
        return replace(completion, first_token_s=first_token_s) if first_token_s else completion

    async def close(self) -> None:
        """Let the connections go."""
        await self._poster.close()
