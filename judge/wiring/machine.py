"""What this machine computes with, in words."""

from judge.models.embedding import DEFAULT_MODEL
from judge.models.encoder import encoder_device, find_model


def describe_embedding_model() -> str:
    """Return where the default embedding model is, its weights checked.

    Raises:
        ConfigError: it is not there, or not the one that was tested.
    """
    found = find_model(DEFAULT_MODEL)
    return f"{DEFAULT_MODEL} from the {found.origin}, weights checked"


def describe_device() -> str:
    """Return what the embedding model will run on."""
    return encoder_device()
