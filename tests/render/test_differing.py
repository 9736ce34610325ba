import pytest

from judge.render.differing import difference, laid_out


def _marked(left: str, right: str) -> tuple[str, str]:
    found = difference(left, right, name="the reference")
    hidden = '<span class="unseen">'
    bare = [
        side.replace(f"{hidden} [missing: </span>", "")
        .replace(f"{hidden} [added: </span>", "")
        .replace(f"{hidden}] </span>", "")
        for side in (found.left, found.right)
    ]
    return bare[0], bare[1]


def test_what_stands_on_one_side_only_is_marked_there() -> None:
    assert _marked("paid on 3 May by Ann", "paid on 5 May by Ann Lee") == (
        "paid on<del> 3</del> May by Ann",
        "paid on<ins> 5</ins> May by Ann<ins> Lee</ins>",
    )


def test_numbers_that_differ_are_told_in_words() -> None:
    found = difference("due 4.6 million", "due 6.4 million", name="the teacher")

    assert found.summary == (
        "1 word only in the teacher; 1 only in the output; numbers only in the teacher: 4.6; "
        "numbers only in the output: 6.4."
    )


def test_the_same_words_are_said_to_be_the_same() -> None:
    assert difference("a  b\nc", "a b c", name="x").summary == "The same words as x."


def test_json_is_compared_by_content_with_numbers_as_they_were_written() -> None:
    found = difference('{"b": 1.50, "a": [1]}', 'Here: {"a": [1], "b": 1.50}', name="x")

    assert found.as_data
    assert found.size == 0
    assert "1.50" in found.left


@pytest.mark.parametrize("text", ["no data", "{", "[1", "{'a': 1}", "[" * 10_000 + "]" * 10_000])
def test_what_is_no_json_is_a_text(text: str) -> None:
    assert laid_out(text) is None


def test_no_text_becomes_markup() -> None:
    found = difference("<b>x</b>", "<script>alert(1)</script>", name="x")

    assert "<script>" not in found.right
    assert "<b>" not in found.left


def test_texts_too_long_to_compare_in_order_are_compared_by_what_they_have() -> None:
    left = " ".join(f"w{n}" for n in range(2000))
    right = " ".join(f"w{n}" for n in reversed(range(1, 2001)))

    found = difference(left, right, name="x")

    assert found.size == 2
    assert "too long" in found.summary.lower()


def test_a_text_is_whole_whatever_blanks_it_has() -> None:
    found = difference("  a\n\n b  ", "  a\n\n b  ", name="x")

    assert found.left == found.right == "  a\n\n b  "
