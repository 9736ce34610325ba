"""Which tokens of an answer are its output, and how a row says how probable they were."""

from collections.abc import Sequence

from judge.models.chat import TokenAlternatives

_THOUGHT = "</think>"


def output_tokens(tokens: Sequence[TokenAlternatives], output: str) -> Sequence[TokenAlternatives]:
    """Return the tokens that wrote an output, without those of any thinking before it.

    Args:
        tokens: of the whole answer, as the endpoint gave them.
        output: what was kept of it; it ends where the answer ends.
    """
    whole = "".join(one.token for one in tokens)
    if whole.endswith(output):
        return _after(tokens, len(whole) - len(output))
    # Pieces of a character are spelt otherwise alone than together: lengths tell nothing then.
    return _after(tokens, whole.rfind(_THOUGHT) + len(_THOUGHT) if _THOUGHT in whole else 0)


def logprobs_row(tokens: Sequence[TokenAlternatives]) -> dict[str, object] | None:
    """Return tokens with their log-probabilities as endpoints give them; None without tokens."""
    if not tokens:
        return None
    return {
        "content": [
            {
                "token": one.token,
                "logprob": one.logprob,
                "top_logprobs": [
                    {"token": token, "logprob": logprob} for token, logprob in one.others.items()
                ],
            }
            for one in tokens
        ]
    }


def _after(tokens: Sequence[TokenAlternatives], place: int) -> Sequence[TokenAlternatives]:
    """Return the tokens that begin at a place of the text or after it."""
    at = 0
    for first, one in enumerate(tokens):
        if at >= place:
            return tokens[first:]
        at += len(one.token)
    return ()
