"""Strict reading of an embeddings reply: one vector for each text, in order, or a named error."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from judge.errors import EmbeddingInvalid, ScoringError
from judge.models.embedding import Vectors
from judge.models.refusal import Fault, error_of, fault_in

_SERVER_FAULT = 500
_FLOAT_BYTES = 4


class _Vector(msgspec.Struct):
    index: Annotated[int, msgspec.Meta(ge=0)]
    embedding: list[float] | str


class _Usage(msgspec.Struct):
    prompt_tokens: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Envelope(msgspec.Struct):
    data: list[_Vector]
    model: str = ""
    usage: _Usage | None = None


_ENVELOPES = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingReply:
    """What an endpoint answered.

    Attributes:
        vectors: of L2 norm 1, shape (texts, dim), in the order the texts were asked for.
        model: the name the endpoint gives itself; empty where it gives none.
        input_tokens: that it counted; None where it does not say.
    """

    vectors: Vectors
    model: str
    input_tokens: int | None


def read_embeddings(
    body: bytes, *, n_texts: int, dim: int = 0, words: Callable[[str], str] = str
) -> EmbeddingReply:
    """Read the body of an answer with status 2xx.

    Vectors are put in the order of their indices, whatever order they came in, and brought to
    length 1, which not every server does.

    Args:
        body: as received.
        n_texts: asked for.
        dim: numbers a vector must have; 0 where the first one says it.
        words: makes the endpoint's words fit to be shown.

    Raises:
        EmbeddingInvalid: it is not one finite vector other than zero for each text, all of one
            length.
        JudgeUnavailable: it is an error in spite of its status; of a subclass where it names one.
    """
    try:
        envelope = _ENVELOPES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_embeddings(body, error, words=words) from error
    by_index = {one.index: one.embedding for one in envelope.data}
    if len(envelope.data) != n_texts or by_index.keys() != set(range(n_texts)):
        raise _invalid(
            f"{n_texts} texts gave {len(envelope.data)} vectors with {len(by_index)} different "
            f"indices"
        )
    rows = [_numbers(by_index[index]) for index in range(n_texts)]
    dim = dim or len(rows[0])
    if (odd := next((row for row in rows if len(row) != dim), None)) is not None or not dim:
        found = 0 if odd is None else len(odd)
        raise _invalid(f"a vector of {found} numbers came where {dim} were expected")
    return EmbeddingReply(
        vectors=_of_length_one(np.stack(rows)),
        model=words(envelope.model),
        input_tokens=envelope.usage.prompt_tokens if envelope.usage else None,
    )


def _numbers(embedding: list[float] | str) -> NDArray[np.float64]:
    """Return the numbers of a vector, written as a list or as base64 of little-endian float32."""
    if not isinstance(embedding, str):
        return np.array(embedding, dtype=np.float64)
    try:
        packed = base64.b64decode(embedding, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"a vector is no base64: {error}") from error
    if len(packed) % _FLOAT_BYTES:
        raise _invalid(f"a vector of {len(packed)} bytes is no whole number of float32")
    return np.frombuffer(packed, dtype="<f4").astype(np.float64)


def _of_length_one(vectors: NDArray[np.float64]) -> Vectors:
    if not np.isfinite(vectors).all():
        raise _invalid("a vector holds a number that is not finite")
    # First by the largest number: the square of a very large or small one is none in float64.
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    if not largest.all():
        raise _invalid("a vector is zero")
    scaled = vectors / largest
    return np.asarray(scaled / np.linalg.norm(scaled, axis=1, keepdims=True), dtype=np.float32)


def _no_embeddings(body: bytes, error: Exception, *, words: Callable[[str], str]) -> ScoringError:
    fault: Fault | None = fault_in(body)
    if fault is None:
        return _invalid(f"it is no list of embeddings: {error}")
    said = words(fault.message) or "no reason given"
    told = f"the embeddings endpoint answered 200 with an error: {said}"
    found = error_of(fault.status or _SERVER_FAULT, fault=fault, message=told)
    found.possibly_paid = True
    return found


def _invalid(why: str) -> EmbeddingInvalid:
    return EmbeddingInvalid(f"the embeddings endpoint's answer: {why}", possibly_paid=True)
