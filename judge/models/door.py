"""Where chat requests go and what shows who sends them: an address and its headers."""

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from judge.errors import ConfigError

if TYPE_CHECKING:
    import httpx2
    import openai

_PATH = "/chat/completions"
# Tokens of Azure's directory last an hour, and their providers keep them: asking is cheap.
_RENEWED_AFTER_S = 60.0
_AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_AZURE_LATEST = "/openai/v1"  # as any other endpoint: no api-version, no deployments
# Told anew for each request, or not true of what sends it here.
_NOT_KEPT = frozenset({"accept-encoding", "connection", "content-length", "host"})
_SDK_TELLS = "x-stainless-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a request goes, and the headers it carries; neither is for any log."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Door(Protocol):
    """Knows the address, as of now."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, without anything secret."""
        ...

    async def address(self) -> Address: ...


class PlainDoor:
    """An endpoint that takes a key as a bearer token, as most do.

    Args:
        base_url: a user and password in it are sent instead of the key.
        api_key: sent to that origin only.
        headers: sent beside ours, and instead of them where they have the same name.

    Raises:
        ConfigError: the key or a header holds what no header may.
    """

    def __init__(
        self, base_url: str, *, api_key: str, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = urlsplit(base_url)
        self.origin = origin_of(base_url)
        own = {
            "Authorization": _credentials(parts, api_key),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": f"judge/{version('judge')}",
        }
        given = {name.lower() for name in headers or {}}
        kept = {name: value for name, value in own.items() if name.lower() not in given}
        query = f"?{parts.query}" if parts.query else ""
        self._address = Address(
            url=f"{self.origin}{parts.path.rstrip('/')}{_PATH}{query}",
            headers={**kept, **(headers or {})},
        )
        request_head(self._address)  # refused here, before anything is spent

    async def address(self) -> Address:
        return self._address


class ClientDoor:
    """Whatever an `openai` client knows: Azure's deployments, tokens that are renewed, headers.

    The client is asked to send a request through a transport that writes it down and sends
    nothing. Its own HTTP client, with a proxy or certificates it may have, is not used.

    Args:
        origin: of the client's base URL.
        client: returns it; only called when the first address is needed.
        model: decides the address, where deployments have each their own.
    """

    def __init__(
        self, origin: str, *, client: "Callable[[], openai.AsyncOpenAI]", model: str
    ) -> None:
        self.origin = origin
        self._client = client
        self._model = model
        self._address: Address | None = None
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()

    async def address(self) -> Address:
        if self._address is not None and time.monotonic() < self._renew_at:
            return self._address
        async with self._renewing:
            if self._address is None or time.monotonic() >= self._renew_at:
                self._address = await self._written_down()
                self._renew_at = time.monotonic() + _RENEWED_AFTER_S
            return self._address

    async def _written_down(self) -> Address:
        import httpx2

        requests: list[httpx2.Request] = []

        def write_down(request: "httpx2.Request") -> "httpx2.Response":
            requests.append(request)
            return httpx2.Response(200)

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(write_down)) as http:
            client = self._client().copy(http_client=http, max_retries=0)
            body = {"model": self._model, "messages": []}
            await client.post(_PATH, body=body, cast_to=httpx2.Response)
        request = requests[0]
        return Address(
            url=str(request.url),
            headers={
                name: value
                for name, value in request.headers.items()
                if name not in _NOT_KEPT and not name.startswith(_SDK_TELLS)
            },
        )


def door_of(
    model: str,
    *,
    base_url: str,
    api_key: str,
    api_version: str = "",
    headers: Mapping[str, str] | None = None,
) -> Door:
    """Return the door to an endpoint; `openai` is loaded only where Azure's is.

    Raises:
        ConfigError: it is one of Azure's and its api_version is not known.
    """
    parts = urlsplit(base_url)
    azure = (parts.hostname or "").endswith(_AZURE_HOSTS)
    if not api_version and azure and not parts.path.startswith(_AZURE_LATEST):
        raise ConfigError(
            f"an endpoint of Azure needs its api_version, or a base_url that ends in "
            f"{_AZURE_LATEST}/"
        )
    if not api_version:
        return PlainDoor(base_url, api_key=api_key, headers=headers)

    def client() -> "openai.AsyncOpenAI":
        import openai  # 0.7 s and 60 MB: only where it is needed

        return openai.AsyncAzureOpenAI(
            # The path that AsyncAzureOpenAI itself would give to a bare endpoint.
            base_url=base_url if parts.path.strip("/") else f"{origin_of(base_url)}/openai",
            api_key=api_key,
            api_version=api_version,
            default_headers=headers,
        )

    return ClientDoor(origin_of(base_url), client=client, model=model)


def request_head(address: Address) -> bytes:
    """Return all of a POST request to an address up to the number of bytes of its body.

    Raises:
        ConfigError: a header holds what no header may.
    """
    parts = urlsplit(address.url)
    host = parts.netloc.rpartition("@")[2]
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    # Without compression: a small body could unpack to a thousand times the size that is capped.
    headers = {"Host": host, **address.headers, "Accept-Encoding": "identity"}
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            raise ConfigError(f"the value of the header {name!r} holds a character no header may")
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Content-Length: "]).encode("ascii")


def origin_of(base_url: str) -> str:
    """Return scheme, host and port of an address, without credentials, path or query."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _credentials(parts: SplitResult, api_key: str) -> str:
    if parts.username is None:
        return f"Bearer {api_key}"
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
