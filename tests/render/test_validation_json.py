import json
import re
from collections.abc import Callable, Iterator
from typing import NoReturn, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from judge.render.markdown import as_markdown
from judge.render.validation_json import validation_json
from judge.render.validation_page import validation_page
from judge.results.outcome import FateCode
from judge.trust.validation import Validation

FIGURES = ("value", "low", "high", "bounds")
# Objects whose keys are data.
BY_NAME = {"fates", "flags", "slices", "systems", "judge", "identity", "outputs", "versions"}
BY_NAME |= {"scores", "findings", "set_aside", "details"}
STORED = [code for code in FateCode if code not in {FateCode.NOT_YET_SCORED, FateCode.SENT_UNKNOWN}]
ABSENT = st.one_of(st.sampled_from(STORED), st.just("does not apply"), st.none())
VERDICT = st.one_of(st.sampled_from([0.0, 1.0, (1.0, "flag")]), ABSENT)
COSINE = st.one_of(st.floats(-1, 1), st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300]), ABSENT)
ITEMS = st.lists(
    st.tuples(VERDICT, VERDICT, COSINE, COSINE, st.sampled_from(["easy", "hard"])),
    min_size=1,
    max_size=60,
)


def _read(body: bytes) -> dict[str, object]:
    def refuse(name: str) -> NoReturn:
        raise AssertionError(f"{name} in JSON")

    return cast("dict[str, object]", json.loads(body, parse_constant=refuse))


def _rows(read: dict[str, object], name: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", read[name])


def _paths(value: object, prefix: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for member in value:
            yield from _paths(member, f"{prefix}[]")
    elif isinstance(value, dict):
        open_ended = prefix.rpartition(".")[2] in BY_NAME
        for name, member in value.items():
            path = f"{prefix}.{'*' if open_ended else name}"
            yield path
            yield from _paths(member, path)


def _nulls(value: object, prefix: str = "") -> Iterator[str]:
    if value is None:
        yield prefix
    elif isinstance(value, list):
        for member in value:
            yield from _nulls(member, f"{prefix}[]")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _nulls(member, f"{prefix}.{name}")


def _assert_no_word_for_no_number(text: str) -> None:
    assert not re.search(r"\b(nan|inf|infinity)\b", text, re.IGNORECASE)


@given(
    pairs=st.lists(
        st.tuples(st.integers(0, 1), VERDICT.filter(lambda v: v is not None)), max_size=80
    ),
    baseline=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_validation_holds_a_number_that_is_none(
    validation_of: Callable[..., Validation], pairs: list[tuple[int, object]], *, baseline: bool
) -> None:
    validation = validation_of(pairs, baseline=baseline)

    read = _read(validation_json(validation))
    assert set(_nulls(read)) <= {".baseline"}
    _assert_no_word_for_no_number(as_markdown(validation_page(validation)))


def test_the_keys_of_a_validation_are_the_reviewed_ones(
    small_validation: Validation, matches_snapshot: Callable[[str, str], None]
) -> None:
    paths = dict.fromkeys(_paths(_read(validation_json(small_validation))))

    matches_snapshot("validation_keys.txt", "\n".join(paths) + "\n")
