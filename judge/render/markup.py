"""HTML that is safe by construction: whatever is not markup already is shown as text."""

from html import escape

from judge.render.text import printable

_VOID = frozenset({"meta", "link", "input", "br"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | bool) -> Markup:
    """Return an element.

    Args:
        tag: its name.
        children: markup as it is, and texts: those are escaped, and their control characters and
            direction marks made visible.
        attributes: ``class_`` is class and ``aria_label`` is aria-label; True stands without a
            value, False leaves it out.
    """
    opened = f"<{tag}{''.join(_attribute(*pair) for pair in attributes.items())}>"
    if tag in _VOID:
        return Markup(opened)
    return Markup(f"{opened}{''.join(map(text, children))}</{tag}>")


def text(child: str) -> str:
    """Return markup as it is, and any other text so that it is shown as it is."""
    return child if isinstance(child, Markup) else escape(printable(child), quote=False)


def together(*children: str) -> Markup:
    """Return elements and texts one after the other."""
    return Markup("".join(map(text, children)))


def _attribute(name: str, value: str | bool) -> str:  # noqa: FBT001 - as it was written
    if value is False:
        return ""
    spelt = name.rstrip("_").replace("_", "-")
    return f" {spelt}" if value is True else f' {spelt}="{escape(printable(value))}"'
