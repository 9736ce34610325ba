import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from judge.errors import (
    AccessDenied,
    ConfigError,
    InputTooLong,
    JudgeUnavailable,
    JudgeUnparseable,
    ScoringError,
)
from judge.judges.claims import ClaimJudge, LostClaim, Reading
from judge.judges.judge import JudgedCase, Judgement
from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, Completion, Sampling
from judge.models.context import ample_tokens
from judge.models.embedding import SharedEmbedder
from judge.records.record import RecordKey, Target
from judge.records.scale import Scale, ScaleKind
from judge.testing import FakeChat, FakeJudge, HashEmbedder, completion, verdict

PROMPT = Path(__file__).parents[2] / "prompts" / "claim" / "v1.md"
FAITHFUL = Scale(kind=ScaleKind.BINARY, categories=("unfaithful", "faithful"))
SUPPORT = Scale(kind=ScaleKind.BINARY, categories=("unsupported", "supported"))
FILLER = "The weather of day {} was like that of any other day in the valley. "
SOURCE = (
    "".join(map(FILLER.format, range(150)))
    + "Ann Lee won the vote with 54 percent. "
    + "".join(map(FILLER.format, range(150, 300)))
    + "The bridge opened in 2019. "
    + "".join(map(FILLER.format, range(300, 450)))
)
TRUE, TRUE_TOO, FALSE = (
    "Ann Lee won the vote with 54 percent.",
    "The bridge opened in 2019.",
    "The mayor resigned in 2020.",
)


def _case(
    output: str, *, source: str | Sequence[str] = SOURCE, target: Target = Target.SOURCE
) -> JudgedCase:
    against = (source,) if isinstance(source, str) else tuple(source)
    return JudgedCase(
        key=RecordKey(item_id="i1", system="student"),
        case_id="faithfulness.source/student/i1",
        target=target,
        input=against[0],
        candidate=output,
        against=against,
    )


def _quotes(case: JudgedCase) -> str:
    """Call supported what the passages say in the same words."""
    return "supported" if any(case.candidate in text for text in case.against) else "unsupported"


def _judge(
    claims: FakeJudge,
    *,
    whole: FakeJudge | None = None,
    reading: Reading | None = None,
    embedder: SharedEmbedder | None = None,
    lost: LostClaim = LostClaim.FATE,
) -> ClaimJudge:
    return ClaimJudge(
        claims,
        claim_scale=SUPPORT,
        scale=FAITHFUL,
        whole=whole,
        reading=reading,
        embedder=embedder,
        lost=lost,
    )


def _judged(judge: ClaimJudge, case: JudgedCase) -> Judgement:
    return asyncio.run(judge.judge(case))


def _failing(error: ScoringError, *, on: str) -> FakeJudge:
    def script(case: JudgedCase) -> str:
        if case.candidate == on:
            raise error
        return _quotes(case)

    return FakeJudge(script)


@pytest.mark.parametrize(
    ("output", "label", "value"),
    [
        (f"{TRUE} {TRUE_TOO}", "faithful", 1.0),
        (f"{TRUE} {FALSE}", "unfaithful", 0.5),
        (f"{TRUE} {FALSE} {TRUE_TOO}", "unfaithful", 2 / 3),
        (FALSE, "unfaithful", 0.0),
    ],
)
def test_the_share_of_supported_claims_is_the_value_and_only_all_of_them_the_best_label(
    output: str, label: str, value: float
) -> None:
    found = _judged(_judge(FakeJudge(_quotes)), _case(output))

    assert found.label == label
    assert found.value == pytest.approx(value)
    assert (found.flags, found.served) == ((), "fake-0501")


def test_each_claim_is_a_question_of_its_own_with_passages_and_never_the_whole_source() -> None:
    judge = FakeJudge(_quotes)

    _judged(_judge(judge), _case(f"{TRUE} {TRUE_TOO}"))

    assert [(case.part, case.candidate) for case in judge.cases] == [("c1", TRUE), ("c2", TRUE_TOO)]
    for case in judge.cases:
        assert (case.input, case.target) == ("", Target.SOURCE)
        assert all(text in SOURCE for text in case.against)
        assert sum(map(ample_tokens, case.against)) <= 1500 + len(case.against)
        assert case.candidate in " ".join(case.against)


def test_the_evidence_says_what_was_shown_for_each_claim_and_what_never_was() -> None:
    output = f"In summary:\n\n{TRUE}\n\n{FALSE}"

    details = _judged(_judge(FakeJudge(_quotes)), _case(output)).details

    assert json.loads(json.dumps(details)) == details
    assert details["skipped"] == ["In summary:"]
    first, second = cast("list[Mapping[str, object]]", details["claims"])
    assert (first["claim"], first["label"]) == (TRUE, "supported")
    assert (second["claim"], second["label"]) == (FALSE, "unsupported")
    assert output[cast("int", first["start"]) : cast("int", first["end"])] == TRUE
    passages = cast("list[Mapping[str, int | str]]", details["passages"])
    for one in passages:
        assert SOURCE[cast("int", one["start"]) : cast("int", one["end"])] == one["text"]
    assert any(
        TRUE in str(passages[place]["text"]) for place in cast("list[int]", first["passages"])
    )
    coverage = cast("Mapping[str, int]", details["coverage"])
    gaps = cast("Mapping[str, list[list[int]]]", details["coverage"])["not_shown"]
    assert coverage["characters"] == len(SOURCE)
    assert coverage["shown"] + sum(end - start for start, end in gaps) == len(SOURCE)
    assert all(TRUE not in SOURCE[start:end] for start, end in gaps)


def test_a_reader_is_told_which_claims_are_not_supported_and_why() -> None:
    found = _judged(_judge(FakeJudge(_quotes)), _case(f"{TRUE} {FALSE}"))

    assert found.rationale.splitlines() == [
        "1 of 2 claims are supported by the source",
        f"'{FALSE}': because",
    ]


def test_a_short_source_is_shown_as_a_whole() -> None:
    judge = FakeJudge(_quotes)

    found = _judged(_judge(judge), _case(TRUE, source=f"{TRUE_TOO} {TRUE}"))

    assert judge.cases[0].against == (f"{TRUE_TOO} {TRUE}",)
    assert found.details["coverage"] == {
        "characters": 64,
        "shown": 64,
        "gaps": 0,
        "not_shown": [],
    }


def test_only_a_source_that_may_not_fit_is_judged_by_claims() -> None:
    whole = FakeJudge(lambda _: "faithful", name="whole")
    claims = FakeJudge(_quotes)
    judge = _judge(claims, whole=whole, reading=Reading(context_tokens=8000))

    short = _judged(judge, _case(FALSE, source=SOURCE[:3000]))
    long = _judged(judge, _case(FALSE))

    assert (short.label, len(whole.cases)) == ("faithful", 1)
    assert (long.label, len(claims.cases)) == ("unfaithful", 1)


def test_a_judge_of_a_small_context_is_shown_what_fits() -> None:
    judge = FakeJudge(_quotes)
    reading = Reading(context_tokens=600, reserved_tokens=400)

    found = _judged(_judge(judge, reading=reading), _case(TRUE))

    assert found.label == "faithful"
    assert sum(map(ample_tokens, judge.cases[0].against)) + ample_tokens(TRUE) <= 200


@pytest.mark.parametrize("context_tokens", [300, 420, 415])
def test_where_no_passage_fits_beside_a_claim_nothing_is_sent_and_nothing_cut(
    context_tokens: int,
) -> None:
    judge = FakeJudge(_quotes)
    reading = Reading(context_tokens=context_tokens, reserved_tokens=400)

    with pytest.raises(InputTooLong, match="nothing was cut, and nothing was sent") as caught:
        _judged(_judge(judge, reading=reading), _case(f"{TRUE} {TRUE_TOO}"))

    assert (judge.cases, caught.value.attempts) == ([], 0)


def test_an_output_of_too_many_claims_is_refused_before_it_is_paid_for() -> None:
    judge = FakeJudge(_quotes)

    with pytest.raises(InputTooLong, match="makes 201 claims, 200 are judged at most"):
        _judged(_judge(judge), _case("Ann won.\n\n" * 201))

    assert judge.cases == []


@pytest.mark.parametrize("output", ["Summary", "---", "In summary:"])
def test_an_output_that_claims_nothing_is_judged_as_it_stands_and_never_passes_unasked(
    output: str,
) -> None:
    judge = FakeJudge(_quotes)

    found = _judged(_judge(judge), _case(output))

    assert [case.candidate for case in judge.cases] == [output]
    assert (found.label, found.value) == ("unfaithful", 0.0)


@pytest.mark.parametrize("error", [JudgeUnparseable("?", attempts=3), JudgeUnavailable("503")])
def test_a_claim_without_a_verdict_is_the_fate_of_the_record(error: ScoringError) -> None:
    attempts, words = error.attempts, str(error)

    with pytest.raises(type(error), match=re.escape(f"claim 2 has no verdict: {words}")) as caught:
        _judged(_judge(_failing(error, on=FALSE)), _case(f"{TRUE} {FALSE}"))

    assert caught.value.attempts == 1 + attempts


def test_by_policy_a_claim_without_a_verdict_counts_as_unsupported_and_is_told() -> None:
    judge = _judge(_failing(JudgeUnparseable("?"), on=TRUE_TOO), lost=LostClaim.UNSUPPORTED)

    found = _judged(judge, _case(f"{TRUE} {TRUE_TOO}"))

    assert (found.label, found.value, found.flags) == ("unfaithful", 0.5, ("claim_lost",))
    claims = cast("list[Mapping[str, object]]", found.details["claims"])
    assert claims[1]["fate"] == "judge_unparseable"


def test_no_policy_goes_on_where_no_call_can_do_better() -> None:
    judge = _judge(_failing(AccessDenied("401"), on=FALSE), lost=LostClaim.UNSUPPORTED)

    with pytest.raises(AccessDenied):
        _judged(judge, _case(f"{TRUE} {FALSE}"))


def test_what_a_claim_tried_is_flagged_on_the_verdict() -> None:
    flagged = FakeJudge(lambda _: Judgement(label="supported", rationale="", flags=("odd",)))

    assert _judged(_judge(flagged), _case(f"{TRUE} {FALSE}")).flags == ("odd",)


def test_passages_are_found_by_meaning_too_where_asked() -> None:
    judge, embedder = FakeJudge(_quotes), HashEmbedder()

    found = _judged(_judge(judge, embedder=SharedEmbedder(embedder)), _case(TRUE))

    assert found.label == "faithful"
    assert TRUE in embedder.asked


def test_several_sources_are_searched_together() -> None:
    case = _case(f"{TRUE} {TRUE_TOO}", source=[TRUE, TRUE_TOO], target=Target.REFERENCE)

    assert _judged(_judge(FakeJudge(_quotes)), case).label == "faithful"


def test_the_shipped_prompt_of_a_claim_shows_the_claim_and_its_passages() -> None:
    prompt = read_prompt(PROMPT)

    def quotes(call: ChatCall) -> Completion:
        shown = re.findall(
            r"<<<([a-z]+)[ \d]* [0-9a-f]+>>>\n(.*?)\n<<<end", call.messages[-1].content, re.DOTALL
        )
        (claim,) = [text for title, text in shown if title == "answer"]
        said = any(claim in text for title, text in shown if title == "source")
        return completion(verdict("supported" if said else "unsupported"))

    chat = FakeChat(quotes)
    prompted = PromptedJudge(chat, prompt=prompt, sampling=Sampling())
    judge = ClaimJudge(prompted, claim_scale=prompt.scale, scale=FAITHFUL)

    found = _judged(judge, _case(f"{TRUE} {FALSE}"))

    assert (found.label, found.value, found.served) == ("unfaithful", 0.5, "fake-judge")
    assert sorted(call.call_id for call in chat.calls) == [
        f"faithfulness.source/student/i1#c{number}.1" for number in (1, 2)
    ]
    assert found.details["input_tokens"] == 200


def test_whatever_could_change_a_verdict_is_in_the_identity() -> None:
    claims, whole = FakeJudge(_quotes, name="small"), FakeJudge(_quotes, name="large")
    reading = Reading(context_tokens=8000)
    judges = [
        _judge(claims),
        _judge(whole),
        _judge(claims, reading=reading),
        _judge(claims, whole=whole, reading=reading),
        _judge(claims, whole=whole, reading=Reading(context_tokens=8000, passages=3)),
        _judge(claims, whole=whole, reading=Reading(context_tokens=8000, reserved_tokens=9)),
        _judge(claims, whole=whole, reading=Reading(context_tokens=9000)),
        _judge(claims, embedder=SharedEmbedder(HashEmbedder())),
        _judge(claims, lost=LostClaim.UNSUPPORTED),
    ]

    identities = [json.dumps(dict(judge.identity), sort_keys=True) for judge in judges]

    assert len(set(identities)) == len(judges)
    assert dict(judges[3].identity)["judge"] == "large"
    assert dict(judges[3].identity)["claims.judge.judge"] == "small"


def test_what_cannot_judge_claims_is_refused() -> None:
    grades = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3"))
    judge = FakeJudge(_quotes)

    with pytest.raises(ConfigError, match="must be binary, not ordinal"):
        ClaimJudge(judge, claim_scale=SUPPORT, scale=grades)
    with pytest.raises(ConfigError, match="give 'context_tokens'"):
        _judge(judge, whole=judge)
