"""Which models answered, in one text: of one judge the model's name, of a panel a line a member.

A text of that form stands in `Score.served`, and the fingerprints of serving systems stand in the
same form under ``fingerprint`` in `Score.details`. Lines compare one by one: a member that was lost
on one record takes nothing away from what is known of the others.
"""

from collections.abc import Iterable, Mapping

_PARTED = ": "


def of_members(served: Mapping[str, str]) -> str:
    """Return who answered for each member of a panel, as one text.

    Args:
        served: member to what is known of it; of a member that is a panel itself, several lines.
    """
    return "\n".join(
        f"{member}{_PARTED}{line}" for member, text in served.items() for line in text.splitlines()
    )


def together(served: Iterable[str]) -> str:
    """Return who answered several questions to one judge, each once."""
    return "\n".join(dict.fromkeys(line for text in served for line in text.splitlines()))


def models_in(served: Iterable[str]) -> frozenset[str]:
    """Return every model, or member with its model, that is named."""
    return frozenset(line for text in served for line in text.splitlines())


def of_member(served: Iterable[str], member: str) -> str | None:
    """Return what answered first for one member of a panel; None where it never did.

    Args:
        served: of the records of a run, in order.
        member: its name.
    """
    start = f"{member}{_PARTED}"
    for text in served:
        for line in text.splitlines():
            if line.startswith(start):
                return line.removeprefix(start)
    return None
