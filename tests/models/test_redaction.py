import base64

import pytest

from judge.models.redaction import Secrets

URL = "https://anna:pass%2Fword-1@example.org/v1?api-version=2024-10-21&token=query-token-1"
BASIC = base64.b64encode(b"anna:basic-password").decode()
HEADERS = {
    "Authorization": "Bearer sk-0123456789",
    "api-key": "azure-key-1",
    "X-Gateway-Token": "gateway-token-1",
    "Proxy-Authorization": f"Basic {BASIC}",
    "User-Agent": "judge/1.2.3.4.5",
    "OpenAI-Project": "project-of-anna",
}
SECRETS = (
    "sk-0123456789",
    "azure-key-1",
    "gateway-token-1",
    "query-token-1",
    "pass/word-1",
    "basic-password",
    BASIC,
)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_of_the_address_is_taken_out_of_a_text(secret: str) -> None:
    secrets = Secrets(URL, HEADERS)

    assert secret not in secrets.hide(f"the key {secret}, or {secret}{secret}, is odd")
    assert secrets.hide(f"<{secret}>") == "<***>"


@pytest.mark.parametrize(
    "word", ["2024-10-21", "judge/1.2.3.4.5", "project-of-anna", "example.org"]
)
def test_what_is_no_secret_stays_in_a_text(word: str) -> None:
    assert Secrets(URL, HEADERS).hide(f"on {word}.") == f"on {word}."


def test_a_placeholder_for_a_key_may_stand_in_a_text() -> None:
    assert Secrets("http://127.0.0.1", {"Authorization": "Bearer none"}).hide("none") == "none"


def test_a_key_that_is_part_of_another_does_not_leave_the_rest_of_it() -> None:
    secrets = Secrets("http://here", {"key": "abcdefgh", "other-key": "abcdefgh-and-more"})

    assert secrets.hide("abcdefgh-and-more") == "***"


def test_words_are_short_printable_and_without_secrets() -> None:
    secrets = Secrets(URL, HEADERS)
    text = f"  no\x1b[31m\n such\u202emodel {'x' * 270} sk-0123456789 {'y' * 300}"

    words = secrets.words(text)

    assert words.startswith("no [31m such model xxx")
    assert words.isprintable()
    assert len(words) == 300
    assert "sk-0" not in words
    assert "***" in words
