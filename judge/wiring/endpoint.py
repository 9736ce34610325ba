"""From a judge section to the endpoint it names and the prompt it asks with."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from judge.config import (
    JudgedSection,
    JudgeSection,
)
from judge.errors import ConfigError
from judge.judges.prompt import Prompt
from judge.models.chat import Sampling
from judge.models.openai import OpenAIChat
from judge.shipped import shipped

_OPENAI = "https://api.openai.com/v1"


def open_chat(section: JudgeSection, *, connections: int) -> OpenAIChat:
    """Return the chat model a section names."""
    base_url, key = endpoint_of(section)
    return OpenAIChat(
        section.model,
        base_url=base_url,
        api_key=key,
        reply_format=section.response_format,
        connections=connections,
    )


def sampling_of(section: JudgeSection) -> Sampling:
    """Return how the replies of a judge are drawn."""
    return Sampling(
        temperature=section.temperature, max_tokens=section.max_tokens, seed=section.seed
    )


def endpoint_of(section: JudgeSection) -> tuple[str, str]:
    """Return the address of a judge and the key it takes."""
    base_url = section.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI
    if not _is_address(base_url):
        # The address itself may hold a password.
        place = "base_url" if section.base_url else "OPENAI_BASE_URL"
        raise ConfigError(
            f"the judge's {place} is no address of an endpoint; give one like {_OPENAI}"
        )
    key = os.environ.get(section.api_key_env, "")
    if not key and not _is_loopback(base_url):
        raise ConfigError(
            f"the environment variable {section.api_key_env} is not set; it must hold the key "
            f"for {section.model} (or name another one with api_key_env)"
        )
    return base_url, key or "none"


def prompt_file(name: str, folder: Path) -> Path:
    """Return where a prompt lies: beside the config, or shipped."""
    if name.endswith(".md"):
        return folder / name
    own = folder / "prompts" / f"{name}.md"
    return own if own.exists() else shipped(f"prompts/{name}.md")


def check_prompt(prompt: Prompt, section: JudgedSection) -> None:
    """Refuse a prompt that asks about another criterion or answers on another scale."""
    if prompt.criterion != section.criterion:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} asks about {prompt.criterion}, the scorer about "
            f"{section.criterion}"
        )
    if prompt.scale != section.scale.scale:
        raise ConfigError(
            f"the prompt {prompt.prompt_id} answers on the {prompt.scale.kind.value} scale "
            f"{', '.join(prompt.scale.categories)}, the scorer's is "
            f"{section.scale.kind.value} {', '.join(map(str, section.scale.categories))}; "
            "give both the same"
        )


def _is_address(base_url: str) -> bool:
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_loopback(base_url: str) -> bool:
    return urlsplit(base_url).hostname in {"127.0.0.1", "localhost", "::1"}
