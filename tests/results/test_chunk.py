import pytest

from judge.results.chunk import Chunk, ChunkKind, Queue


@pytest.mark.parametrize(("attempts", "suspect"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_chunk_that_was_begun_twice_and_not_ended_is_suspect(
    attempts: int, *, suspect: bool
) -> None:
    chunk = Chunk(job_id="j", no=1, queue=Queue.IO, kind=ChunkKind.SCORE, attempts=attempts)

    assert chunk.is_suspect is suspect
