"""Where the files that ship beside the code are: prompts, the demo and the config's schema."""

from pathlib import Path

from judge.errors import ConfigError

_PACKAGE = Path(__file__).parent


def shipped(relative: str) -> Path:
    """Return the path of a shipped file or folder.

    Args:
        relative: its path in the repository, for example ``prompts/equivalence/v1.md``.

    Raises:
        ConfigError: nothing of that name ships.
    """
    # A wheel carries them inside the package; an editable install finds them in the source tree.
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent):
        if (path := root / relative).exists():
            return path
    raise ConfigError(f"{relative} does not ship with this version of judge")
