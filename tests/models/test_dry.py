import asyncio
from datetime import UTC, datetime

import pytest

from judge.judges.judge import JudgedCase
from judge.judges.prompt import Prompt, read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.cache import Cached
from judge.models.chat import Sampling
from judge.models.dry import DryRun
from judge.models.prices import Price, configured_price
from judge.records.record import RecordKey, Target
from judge.results.completions import MemoryCompletions
from judge.shipped import shipped
from judge.testing import FakeChat

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DOLLAR_A_TOKEN = configured_price(
    input_per_million=1e6, output_per_million=1e6, cached_input_per_million=None
)


def _case(name: str, *, metric: str = "equivalence.reference") -> JudgedCase:
    return JudgedCase(
        key=RecordKey(item_id=name, system="student"),
        case_id=f"{metric}/student/{name}",
        target=Target.REFERENCE,
        input="ask",
        candidate=f"answer {name}",
        against=("right",),
    )


def _prompt(name: str = "equivalence/v1") -> Prompt:
    return read_prompt(shipped(f"prompts/{name}.md"))


def _asked(dry: DryRun, *cases: JudgedCase, price: Price | None = None) -> None:
    answers = MemoryCompletions()
    model = dry.instead_of(FakeChat(), price=price, answers=answers, address="fake")
    judge = PromptedJudge(model, prompt=_prompt(), sampling=Sampling())
    for case in cases:
        asyncio.run(judge.judge(case))


def test_questions_are_counted_by_their_metric_and_nobody_is_asked() -> None:
    dry, chat = DryRun(at=NOW), FakeChat()
    model = dry.instead_of(chat, price=None, answers=None, address="fake")
    judge = PromptedJudge(model, prompt=_prompt(), sampling=Sampling())

    for case in (_case("a"), _case("b"), _case("a", metric="equivalence.teacher")):
        asyncio.run(judge.judge(case))

    calls = {metric: found.calls for metric, found in dry.forecasts.items()}
    assert calls == {"equivalence.reference": 2, "equivalence.teacher": 1}
    assert chat.calls == []


def test_what_is_asked_twice_is_paid_for_once() -> None:
    dry = DryRun(at=NOW)

    _asked(dry, _case("a"), _case("a"), _case("b"))

    found = dry.forecasts["equivalence.reference"]
    assert (found.calls, found.cached) == (2, 1)


def test_an_answer_that_is_kept_costs_nothing() -> None:
    answers, chat = MemoryCompletions(), FakeChat()
    prompt = _prompt()
    reader = prompt.reader()
    cached = Cached(chat, answers, address="fake", worth_keeping=reader.worth_keeping)
    asyncio.run(PromptedJudge(cached, prompt=prompt, sampling=Sampling()).judge(_case("a")))
    dry = DryRun(at=NOW)
    model = dry.instead_of(chat, price=None, answers=answers, address="fake")

    asyncio.run(PromptedJudge(model, prompt=prompt, sampling=Sampling()).judge(_case("a")))

    found = dry.forecasts["equivalence.reference"]
    assert (found.calls, found.cached) == (0, 1)


def test_a_forecast_costs_what_tokens_do_and_unknown_where_no_price_is_known() -> None:
    priced, unpriced = DryRun(at=NOW), DryRun(at=NOW)

    _asked(priced, _case("a"), price=DOLLAR_A_TOKEN)
    _asked(unpriced, _case("a"))

    known, unknown = (dry.forecasts["equivalence.reference"] for dry in (priced, unpriced))
    assert known.likely.dollars == pytest.approx(known.input_tokens + known.output_tokens)
    assert (known.likely.unknown, unknown.likely.unknown, unknown.likely.dollars) == (0, 1, 0)


@pytest.mark.parametrize(
    "name",
    ["equivalence/graded-v1", "faithfulness/v1", "coverage/v1", "fluency/v1", "summary/v1"],
)
def test_each_shipped_prompt_is_answered_in_its_own_form_so_that_nothing_is_counted_twice(
    name: str,
) -> None:
    dry, prompt = DryRun(at=NOW), _prompt(name)
    model = dry.instead_of(FakeChat(), price=None, answers=None, address="fake")
    judge = PromptedJudge(
        model, prompt=prompt, sampling=Sampling(), criterion=prompt.criteria[0].name
    )

    asyncio.run(judge.judge(_case("a")))

    assert dry.forecasts["equivalence.reference"].calls == 1
