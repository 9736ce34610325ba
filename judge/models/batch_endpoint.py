"""The files and batches of an OpenAI-compatible endpoint, read as strictly as its answers."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from judge.errors import (
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    ScoringError,
)
from judge.models.chat import ChatCall, Completion, ReplyFormat
from judge.models.chat_body import ChatBody
from judge.models.envelope import read_completion
from judge.models.redaction import Secrets
from judge.models.refusal import Fault, error_of, refusal

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

MAX_LINE_BYTES = 8 * 1024 * 1024

_COMPLETIONS: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_PAGE = 100
_MOST_PAGES = 100
_REQUEST_S = 120.0
_TRANSFER_S = 1800.0
_BAD_REQUEST = 400
_NOT_FOUND = 404
_TOO_MANY = 429
_SUCCESSES = range(200, 300)
_NOT_ASKED = frozenset({"batch_expired", "batch_cancelled"})
_GIVEN_UP = frozenset({"request_timeout"})
_OF_LIMITS = re.compile("limit|quota|billing|balance")


class BatchFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a batch or one of its lines came to nothing; `line` counts from 1."""

    code: str | None = None
    message: str | None = None
    line: int | None = None


class BatchFaults(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a batch as a whole."""

    data: list[BatchFault] | None = None


class BatchState(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as its endpoint tells of it; times in seconds since 1970."""

    id: str
    status: str
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: float | None = None
    errors: BatchFaults | None = None


class LineResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What the endpoint would have answered to one question by itself."""

    status_code: int
    body: msgspec.Raw = msgspec.Raw(b"")


class BatchLine(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one question."""

    custom_id: str
    response: LineResponse | None = None
    error: BatchFault | None = None


class _Question(msgspec.Struct, frozen=True, kw_only=True):
    custom_id: str
    body: msgspec.Raw
    method: str = "POST"
    url: str = _COMPLETIONS


class _File(msgspec.Struct, frozen=True):
    id: str


class _Page(msgspec.Struct, frozen=True):
    data: list[BatchState]
    has_more: bool = False


class BatchEndpoint:
    """Puts files of questions to a model, and fetches files of answers.

    Nothing is tried twice here: whoever asks decides that.

    Args:
        model: the name the endpoint knows it by.
        base_url: of the endpoint.
        api_key: sent to that origin only; never logged, stored or shown.
        reply_format: how the reply's form is asked for.
        identity: of the same model where it is asked one question at a time.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str,
        reply_format: ReplyFormat,
        identity: Mapping[str, str],
    ) -> None:
        import httpx2
        import openai  # a second to import: only where something is batched

        self.identity = identity
        self._body = ChatBody(model, reply_format=reply_format)
        self._secrets = Secrets(base_url, {"authorization": f"Bearer {api_key}"})
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            # A redirect or a proxy would carry all questions to another origin. Each request is
            # bounded by the wall clock below.
            http_client=httpx2.AsyncClient(follow_redirects=False, timeout=None, trust_env=False),
        )

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()

    def question(self, custom_id: str, call: ChatCall) -> bytes:
        """Return the line that asks a question, with its end."""
        body = msgspec.Raw(self._body.of(call))
        return msgspec.json.encode(_Question(custom_id=custom_id, body=body)) + b"\n"

    def answer(self, response: LineResponse, *, call: ChatCall, latency_s: float) -> Completion:
        """Read what came of a question.

        Raises:
            ScoringError: it is no answer; the class says why.
        """
        body = bytes(response.body)
        if response.status_code not in _SUCCESSES:
            raise refusal(response.status_code, body=body, header=_none, words=self._secrets.words)
        return read_completion(
            body,
            latency_s=latency_s,
            alternatives=call.sampling.alternatives > 0,
            hide=self._secrets.hide,
            words=self._secrets.words,
        )

    def failure(self, fault: BatchFault) -> ScoringError:
        """Return the error that a fault of a batch, or of a line that was not asked, stands for."""
        code = fault.code or ""
        said = self._words(fault.message or code) or "no reason given"
        if code in _NOT_ASKED:
            return JudgeUnavailable(f"the batch ended before it was asked: {said}")
        if code in _GIVEN_UP:
            return JudgeUnavailable(f"the batch gave it up: {said}", possibly_paid=True)
        status = _TOO_MANY if _OF_LIMITS.search(code) else _BAD_REQUEST
        names = frozenset({code})
        return error_of(status, fault=Fault(message=said, names=names), message=said)

    def _words(self, text: str) -> str:
        return self._secrets.words(text)

    async def upload(self, content: bytes) -> str:
        """Send a file of questions; return its id. That costs nothing yet.

        Raises:
            ScoringError: it was not taken; the class says why.
        """

        async def send() -> bytes:
            files = self._client.files.with_raw_response
            sent = await files.create(file=("questions.jsonl", content), purpose="batch")
            return sent.content

        return _read(await self._answered(send, within_s=_TRANSFER_S), _File).id

    async def create(self, input_file_id: str, *, metadata: Mapping[str, str]) -> BatchState:
        """Start a batch on a file: from here on it costs money.

        Raises:
            ScoringError: it was not started, as far as the endpoint said.
        """

        async def send() -> bytes:
            made = await self._client.batches.with_raw_response.create(
                input_file_id=input_file_id,
                endpoint=_COMPLETIONS,
                completion_window="24h",
                metadata=dict(metadata),
            )
            return made.content

        return _read(await self._answered(send), BatchState)

    async def find(self, input_file_id: str, *, since: float) -> BatchState | None:
        """Return the batch on a file, started at or after a time in seconds since 1970.

        Raises:
            ScoringError: the endpoint does not say what batches there are.
        """
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._page(after)
            for state in page.data:
                if state.input_file_id == input_file_id:
                    return state
            last = page.data[-1] if page.data else None
            if last is None or not page.has_more or (last.created_at or since) < since:
                break
            after = last.id
        return None

    async def state(self, batch_id: str) -> BatchState | None:
        """Return how a batch stands; None where the endpoint knows none of that id.

        Raises:
            ScoringError: the endpoint does not say.
        """

        async def send() -> bytes:
            return (await self._client.batches.with_raw_response.retrieve(batch_id)).content

        try:
            return _read(await self._answered(send), BatchState)
        except _NotFound:
            return None

    async def lines(self, file_id: str) -> AsyncGenerator[BatchLine, None]:
        """Fetch a file of answers line by line; what is no line of one is left out, and logged.

        Raises:
            ScoringError: it could not be fetched to its end.
        """
        unreadable = 0
        async with aclosing(self._split(file_id)) as lines:
            async for line in lines:
                try:
                    yield msgspec.json.decode(line, type=BatchLine)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    unreadable += 1
        if unreadable:
            _LOG.warning("%d lines of the file %s cannot be read", unreadable, file_id)

    async def _split(self, file_id: str) -> AsyncGenerator[bytes, None]:
        # Cut at line feeds alone: a text may hold other characters that end lines elsewhere.
        rest = b""
        async with aclosing(self._chunks(file_id)) as chunks:
            async for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line.strip():
                        yield line
                if len(rest) > MAX_LINE_BYTES:
                    raise JudgeUnparseable(
                        f"a line of the file {file_id} is larger than {MAX_LINE_BYTES} bytes",
                        possibly_paid=True,
                    )
        if rest.strip():
            yield rest

    async def _chunks(self, file_id: str) -> AsyncGenerator[bytes, None]:
        import httpx2
        import openai

        try:
            async with (
                asyncio.timeout(_TRANSFER_S),
                self._client.files.with_streaming_response.content(file_id) as response,
            ):
                async for chunk in response.iter_bytes():
                    yield chunk
        except openai.APIStatusError as error:
            await error.response.aread()
            raise self._refused(error.response) from None
        except (openai.APIConnectionError, httpx2.HTTPError, TimeoutError) as error:
            raise JudgeUnavailable(f"the file {file_id} was not fetched: {error}") from error

    async def _page(self, after: str | None) -> _Page:
        import openai

        async def send() -> bytes:
            batches = self._client.batches.with_raw_response
            return (await batches.list(after=after or openai.omit, limit=_PAGE)).content

        return _read(await self._answered(send), _Page)

    async def _answered(
        self, send: Callable[[], Awaitable[bytes]], *, within_s: float = _REQUEST_S
    ) -> bytes:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(within_s):
                return await send()
        except openai.APIStatusError as error:
            # Not chained: its message repeats the answer, and that may repeat our key.
            raise self._refused(error.response) from None
        except (openai.APIConnectionError, httpx2.HTTPError, TimeoutError) as error:
            words = self._words(str(error)) or f"no answer within {within_s:g} s"
            raise JudgeUnavailable(f"the batch endpoint was not reached: {words}") from error

    def _refused(self, response: "httpx2.Response") -> ScoringError:
        status, body = response.status_code, response.content
        if status == _NOT_FOUND:
            return _NotFound(f"HTTP {status}: {self._words(body.decode(errors='replace'))}")
        headers = response.headers
        return refusal(
            status,
            body=body,
            header=lambda name: str(headers.get(name, "")),
            words=self._secrets.words,
        )


class _NotFound(JudgeRejected):
    """There is nothing at that address."""


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JudgeUnavailable(
            f"the batch endpoint answered 200 with something else: {error}"
        ) from error


def _none(_: str) -> str:
    """Return no header: a line of a file has none."""
    return ""
