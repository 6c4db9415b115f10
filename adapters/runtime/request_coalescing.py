"""Questions that many ask at once and that one call answers: whoever asks within a moment shares it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
GATHER_SECONDS = 0.01


class Gathered(Generic[Q, A]):
    """Asks for at most `most` answers in a call; each who asked gets its own, or the error of its call.

    The call is made after everybody who shares it has asked: no answer is older than its question.
    """

    def __init__(
        self, ask: Callable[[list[Q]], Awaitable[Sequence[A]]], most: int, seconds: float = GATHER_SECONDS
    ) -> None:
        self._ask = ask
        self._most = most
        self._seconds = seconds
        self._waiting: dict[Q, asyncio.Future[A]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def of(self, question: Q) -> A:
        """Return the answer to a question."""
        answer = self._waiting.get(question)
        if answer is None:
            answer = self._waiting[question] = asyncio.get_running_loop().create_future()
            if len(self._waiting) == 1:
                task = asyncio.create_task(self._ask_soon())
                self._asking.add(task)
                task.add_done_callback(self._asking.discard)
        return await asyncio.shield(answer)

    async def _ask_soon(self) -> None:
        await asyncio.sleep(self._seconds)
        asked, self._waiting = self._waiting, {}
        questions = list(asked)
        parts = [questions[first : first + self._most] for first in range(0, len(questions), self._most)]
        await asyncio.gather(*(self._tell([asked[question] for question in part], part) for part in parts))

    async def _tell(self, answers: Sequence[asyncio.Future[A]], questions: list[Q]) -> None:
        try:
            found = await self._ask(questions)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            for answer in answers:
                answer.set_exception(error)
                answer.exception()  # seen, also where nobody waits any more
            return
        for answer, one in zip(answers, found, strict=True):
            answer.set_result(one)
