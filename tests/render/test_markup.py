from collections.abc import Sequence
from html.parser import HTMLParser

from judge.render.markup import Markup, element, together
from judge.render.text import printable


class _Seen(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_hostile_text_is_shown_as_it_is_wherever_it_stands(hostile: Sequence[str]) -> None:
    for text in hostile:
        seen = _Seen(element("p", text, element("b", text), title=text))

        assert seen.tags == ["p", "b"], text
        assert seen.text == 2 * printable(text)
        assert seen.attributes == [("title", printable(text))]


def test_markup_stays_markup_and_text_becomes_text() -> None:
    assert together(Markup("<br>"), "<br>") == "<br>&lt;br&gt;"


def test_an_attribute_can_stand_alone_or_be_left_out() -> None:
    found = element("button", "x", class_="a", aria_label="b", hidden=True, disabled=False)

    assert found == '<button class="a" aria-label="b" hidden>x</button>'


def test_an_element_that_holds_nothing_is_not_closed() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
