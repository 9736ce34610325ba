import asyncio
import subprocess
import sys

import openai
import pytest

from judge.errors import ConfigError
from judge.models.door import Address, ClientDoor, Door, door_of, origin_of, request_head

KEY = "sk-0123456789"
AZURE = "https://a.openai.azure.com"


def address(door: Door) -> Address:
    return asyncio.run(door.address())


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
        (
            "https://gate.example/a/v1?tenant=b",
            "https://gate.example/a/v1/chat/completions?tenant=b",
        ),
        ("https://anna:word@gate.example/v1", "https://gate.example/v1/chat/completions"),
    ],
)
def test_the_path_of_chat_is_put_after_that_of_the_base_url(base_url: str, url: str) -> None:
    door = door_of("m", base_url=base_url, api_key=KEY)

    assert address(door).url == url


def test_the_key_is_sent_as_a_bearer_token_and_headers_of_the_user_come_first() -> None:
    door = door_of(
        "m",
        base_url="https://gate.example/v1",
        api_key=KEY,
        headers={"X-Team": "blue", "user-agent": "ours"},
    )

    assert address(door).headers == {
        "Authorization": f"Bearer {KEY}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "X-Team": "blue",
        "user-agent": "ours",
    }


def test_a_password_in_the_base_url_is_sent_instead_of_the_key() -> None:
    door = door_of("m", base_url="https://anna:p%40ss@gate.example/v1", api_key=KEY)

    assert address(door).headers["Authorization"] == "Basic YW5uYTpwQHNz"
    assert door.origin == "https://gate.example"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (
            AZURE,
            f"{AZURE}/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        ),
        (
            f"{AZURE}/openai/deployments/other",
            f"{AZURE}/openai/deployments/other/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_azure_is_addressed_by_deployment_and_version(base_url: str, url: str) -> None:
    door = door_of("gpt", base_url=base_url, api_key=KEY, api_version="2024-10-21")

    found = address(door)

    assert found.url == url
    assert found.headers["api-key"] == KEY
    assert door.origin == AZURE


def test_azure_without_a_version_is_refused_unless_its_address_needs_none() -> None:
    with pytest.raises(ConfigError, match="api_version"):
        door_of("gpt", base_url=AZURE, api_key=KEY)

    door = door_of("gpt", base_url="https://a.openai.azure.com/openai/v1/", api_key=KEY)

    assert address(door).url == "https://a.openai.azure.com/openai/v1/chat/completions"


def test_a_client_is_asked_as_it_would_ask_itself() -> None:
    client = openai.AsyncOpenAI(
        base_url="https://gate.example/v1",
        api_key=KEY,
        organization="org-1",
        project="project-1",
        default_headers={"X-Team": "blue"},
        default_query={"tenant": "b"},
    )

    found = address(ClientDoor("https://gate.example", client=lambda: client, model="m"))

    assert found.url == "https://gate.example/v1/chat/completions?tenant=b"
    headers = {name.lower(): value for name, value in found.headers.items()}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["openai-organization"] == "org-1"
    assert headers["openai-project"] == "project-1"
    assert headers["x-team"] == "blue"
    assert headers["content-type"] == "application/json"
    assert not {"host", "content-length", "accept-encoding", "connection"} & headers.keys()


def test_a_key_that_is_renewed_is_asked_for_once_for_many_calls() -> None:
    asked: list[int] = []

    async def key() -> str:
        asked.append(1)
        return f"{KEY}-{len(asked)}"

    async def ask_often() -> list[Address]:
        client = openai.AsyncOpenAI(base_url="https://gate.example/v1", api_key=key)
        door = ClientDoor("https://gate.example", client=lambda: client, model="m")
        return await asyncio.gather(*(door.address() for _ in range(50)))

    found = asyncio.run(ask_often())

    assert len({id(one) for one in found}) == 1
    assert found[0].headers["authorization"] == f"Bearer {KEY}-{len(asked)}"


def test_an_address_shows_nothing_of_itself() -> None:
    found = address(door_of("m", base_url="https://gate.example/v1?token=t0ken", api_key=KEY))

    assert not any(word in repr(found) for word in (KEY, "t0ken", "gate"))


def test_the_head_of_a_request_ends_where_the_length_of_its_body_goes() -> None:
    found = Address(url="http://127.0.0.1:8000/v1/chat?a=b", headers={"Authorization": "Bearer k"})

    assert request_head(found) == (
        b"POST /v1/chat?a=b HTTP/1.1\r\n"
        b"Host: 127.0.0.1:8000\r\n"
        b"Authorization: Bearer k\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Content-Length: "
    )


@pytest.mark.parametrize("key", ["sk-1\n", "sk-1\r\nX-Evil: 1", "sk-\u00e4", "sk\x00"])
def test_a_key_that_no_header_may_hold_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigError, match="'Authorization'") as caught:
        door_of("m", base_url="https://gate.example/v1", api_key=key)

    assert "sk" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com"),
        ("http://user:secret@127.0.0.1:8000/v1?key=x#y", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_scheme_host_and_port(base_url: str, origin: str) -> None:
    assert origin_of(base_url) == origin


def test_the_client_of_openai_is_not_loaded_for_a_plain_endpoint() -> None:
    script = (
        "import asyncio, sys\n"
        "from judge.models.chat import ReplyFormat\n"
        "from judge.models.openai import OpenAIChat\n"
        "OpenAIChat('m', base_url='http://127.0.0.1:1', api_key='k', connections=1,"
        " reply_format=ReplyFormat.TEXT)\n"
        "print(*sys.modules)"
    )

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert not {"openai", "httpx2"} & set(found.stdout.split())
