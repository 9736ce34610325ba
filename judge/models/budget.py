"""A limit on what a run may spend, which no call is sent beyond."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from judge.errors import BudgetExhausted, ScoringError
from judge.models.chat import ChatCall, ChatModel, Completion
from judge.models.prices import Price


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A call that fits as soon as calls before it cost less than they could have."""

    dollars: float
    turn: asyncio.Future[None]


class Budget:
    """What all models of a run may spend together.

    A call takes the most it can cost before it is sent, and gives back what it did not cost. One
    that does not fit waits for those in flight to give back; where that cannot be enough any
    more, it is not sent.

    Args:
        most: US dollars.
        spent: what was spent of them before.
    """

    def __init__(self, most: float, *, spent: float = 0.0) -> None:
        self._most = most
        self._spent = spent
        self._in_flight = 0.0
        self._waiting: deque[_Waiting] = deque()

    @property
    def spent(self) -> float:
        """US dollars that are spent, or may be: a call of unknown cost counts with the most."""
        return self._spent

    async def take(self, dollars: float) -> None:
        """Set so much aside, as soon as it is there.

        Raises:
            BudgetExhausted: it never will be.
        """
        if self._spent + dollars > self._most:
            raise self._exhausted(dollars)
        if not self._waiting and self._fits(dollars):
            self._in_flight += dollars
            return
        waiting = _Waiting(dollars, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        went_on = False
        try:
            await waiting.turn
            went_on = True
        finally:
            if not went_on:
                self._give_up(waiting)

    def settle(self, dollars: float, *, cost: float) -> None:
        """Give back what was set aside, of which `cost` was spent."""
        self._in_flight -= dollars
        self._spent += cost
        self._let_in()

    def _fits(self, dollars: float) -> bool:
        return self._spent + self._in_flight + dollars <= self._most

    def _let_in(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if first.turn.cancelled():
                pass  # it is about to find out
            elif self._spent + first.dollars > self._most:
                first.turn.set_exception(self._exhausted(first.dollars))
            elif self._fits(first.dollars):
                self._in_flight += first.dollars
                first.turn.set_result(None)
            else:
                return
            self._waiting.popleft()

    def _give_up(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._let_in()  # it may have stood in the way of a smaller one
        elif not waiting.turn.cancelled() and waiting.turn.exception() is None:
            self.settle(waiting.dollars, cost=0.0)

    def _exhausted(self, dollars: float) -> BudgetExhausted:
        return BudgetExhausted(
            f"the next call may cost up to ${dollars:.4f}, and ${self._spent:.4f} of the "
            f"${self._most:.2f} allowed are spent; it was not sent. Resume with a higher "
            "--max-cost to go on",
            attempts=0,
        )


class Budgeted:
    """A chat model that is asked only while the worst case stays within a budget.

    The cap holds as long as the endpoint heeds `max_tokens`. It stands round a single attempt,
    inside whoever repeats attempts: each of them may be charged for.
    """

    def __init__(self, model: ChatModel, budget: Budget, *, price: Price) -> None:
        self._model = model
        self._budget = budget
        self._price = price

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        most = self._price.most(call)
        await self._budget.take(most)
        # What ends in any other way than the two below may have been charged for in full.
        cost = most
        try:
            completion = await self._model.complete(call)
            if completion.cached:
                cost = 0.0
            elif completion.cost is not None:
                cost = completion.cost
        except ScoringError as error:
            # Not decided here: only counted, and passed on to whoever decides.
            cost = most if error.possibly_paid else 0.0
            raise
        finally:
            self._budget.settle(most, cost=cost)
        return completion
