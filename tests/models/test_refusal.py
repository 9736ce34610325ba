from collections import defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest

from judge.errors import (
    AccessDenied,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    QuotaExhausted,
    RateLimited,
    ScoringError,
)
from judge.models.refusal import fault_in, refusal, retry_after_s
from judge.testing import fault

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def refused(
    status: int, body: object = None, headers: dict[str, str] | None = None
) -> ScoringError:
    told = {name.lower(): value for name, value in (headers or {}).items()}
    return refusal(
        status,
        body=body if isinstance(body, bytes) else msgspec.json.encode(body),
        header=lambda name: told.get(name, ""),
        words=str.upper,
    )


@pytest.mark.parametrize(
    ("status", "kind", "paid"),
    [
        (301, JudgeRejected, False),
        (307, JudgeRejected, False),
        (400, JudgeRejected, False),
        (401, AccessDenied, False),
        (402, QuotaExhausted, False),
        (403, AccessDenied, False),
        (404, JudgeRejected, False),
        (408, JudgeUnavailable, False),
        (409, JudgeUnavailable, False),
        (413, JudgeRejected, False),
        (422, JudgeRejected, False),
        (425, JudgeUnavailable, False),
        (429, RateLimited, False),
        (500, JudgeUnavailable, True),
        (503, JudgeUnavailable, True),
        (529, JudgeUnavailable, True),
    ],
)
def test_a_status_says_what_to_do_next_and_whether_it_may_have_cost_money(
    status: int, kind: type[ScoringError], *, paid: bool
) -> None:
    error = refused(status, fault("no"))

    assert type(error) is kind
    assert error.possibly_paid is paid
    assert str(error).startswith(f"HTTP {status}: ")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, fault("x", code="insufficient_quota"), QuotaExhausted),
        (429, fault("x", kind="insufficient_quota"), QuotaExhausted),
        (429, {"error": {"type": "exceeded_current_quota_error", "code": 429}}, QuotaExhausted),
        (403, fault("x", code="insufficient_user_quota"), QuotaExhausted),
        (429, fault("quota: insufficient_quota", code="rate_limit_exceeded"), RateLimited),
        (400, fault("x", code="context_length_exceeded"), InputTooLong),
        (400, fault("x", kind="exceed_context_size_error"), InputTooLong),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, InputTooLong),
        (413, fault("the request exceeds the available context size"), InputTooLong),
        (404, fault("the prompt is too long ago"), JudgeRejected),
    ],
)
def test_a_code_in_the_body_says_more_than_the_status(
    status: int, body: object, kind: type[ScoringError]
) -> None:
    assert type(refused(status, body)) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (fault("no such model"), "HTTP 400: NO SUCH MODEL"),
        ({"error": "no such model"}, "HTTP 400: NO SUCH MODEL"),
        ({"object": "error", "message": "no such model", "code": 400}, "HTTP 400: NO SUCH MODEL"),
        ({"detail": "no such model"}, "HTTP 400: NO SUCH MODEL"),
        ({"error": {"code": 1210, "type": "odd"}}, "HTTP 400: 1210, ODD"),
        ({"detail": [{"loc": ["body"]}]}, "HTTP 400"),
        ({"error": ["no"]}, "HTTP 400"),
        ({}, "HTTP 400"),
        ([], "HTTP 400"),
        (b"<html>no</html>", "HTTP 400"),
        (b"", "HTTP 400"),
        (b"\xff", "HTTP 400"),
        (b"[" * 50_000, "HTTP 400"),
        (b'{"error":' * 6_000, "HTTP 400"),
    ],
)
def test_the_endpoint_is_quoted_where_it_says_something(body: object, message: str) -> None:
    assert str(refused(400, body)) == message


def test_a_status_in_a_fault_is_a_code_that_looks_like_one() -> None:
    stated = fault_in(b'{"error": {"code": 429, "type": "x", "message": "m"}}')
    other = fault_in(b'{"error": {"code": 4290, "message": "m"}}')

    assert stated is not None
    assert stated.status == 429
    assert other is not None
    assert other.status == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "12.5", "retry-after": "9"}, 0.0125),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "9", "x-ratelimit-reset-requests": "1s"}, 9.0),
        ({"x-ratelimit-reset-requests": "1s"}, 1.0),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-tokens": "2"}, 2.0),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "3s"}, 3.0),
        (
            {
                "x-ratelimit-reset-requests": "23h59m",
                "x-ratelimit-remaining-requests": "9000",
                "x-ratelimit-reset-tokens": "3s",
                "x-ratelimit-remaining-tokens": "0",
            },
            3.0,
        ),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-requests": "5"}, None),
        ({"retry-after": "soon", "x-ratelimit-reset-tokens": "3s"}, 3.0),
    ],
)
def test_a_wait_is_read_in_each_of_its_forms(
    headers: dict[str, str], seconds: float | None
) -> None:
    read = retry_after_s(lambda name: headers.get(name, ""))

    assert read == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "-3",
        "nan",
        "inf",
        "1e999",
        "9" * 400,
        "99999999",
        "\u00b2",
        "\u0663",
        "0x10",
        "1,5",
    ],
)
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"])
def test_a_wait_that_makes_no_sense_is_none(name: str, text: str) -> None:
    read = retry_after_s(lambda asked: text if asked == name else "")

    # 27 hours, in milliseconds, are a wait.
    assert read is None or (name, text) == ("retry-after-ms", "99999999")


@pytest.mark.parametrize("text", ["1.2.3s", "s", "3x", "-1s", "ms"])
def test_a_duration_that_makes_no_sense_is_none(text: str) -> None:
    assert retry_after_s(lambda name: text if "reset" in name else "") is None


@pytest.mark.parametrize(
    ("later", "seconds"),
    [
        (timedelta(seconds=90), 90.0),
        (timedelta(0), 0.0),
        (timedelta(days=-4000), 0.0),
        (timedelta(days=400), None),
    ],
)
def test_a_date_is_counted_from_the_clock_of_the_endpoint(
    later: timedelta, seconds: float | None
) -> None:
    headers = {
        "retry-after": format_datetime(NOON + later, usegmt=True),
        "date": format_datetime(NOON, usegmt=True),
    }

    assert retry_after_s(lambda name: headers.get(name, "")) == seconds


def test_a_date_of_an_endpoint_without_a_clock_is_counted_from_ours() -> None:
    until = datetime.now(UTC) + timedelta(hours=1)

    for zone in ("GMT", "-0000"):
        text = format_datetime(until, usegmt=True).replace("GMT", zone)
        read = retry_after_s(defaultdict(str, {"retry-after": text}).__getitem__)

        assert read is not None
        assert 3500 < read <= 3600
