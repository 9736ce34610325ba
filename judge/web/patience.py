"""How long a connection may take to say what it wants."""

import asyncio

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 30.0


class PatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """Closes a connection whose request does not come to the end of its head in time.

    The guard counts the time of a request only from there on, and uvicorn only the time between
    requests: whoever sends a byte now and then would keep a connection for good.
    """

    head_s = HEAD_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to count."""
        super().connection_made(transport)
        self._begin_to_count()

    def data_received(self, data: bytes) -> None:
        """Stop counting where a request is being answered, and begin where another one starts."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_counting()
        elif self._deadline is None:
            self._begin_to_count()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting."""
        self._stop_counting()
        super().connection_lost(exc)

    def _begin_to_count(self) -> None:
        self._deadline = self.loop.call_later(self.head_s, self.transport.close)

    def _stop_counting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
