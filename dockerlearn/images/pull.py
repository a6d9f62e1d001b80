"""Pulls several images at once; one that fails does not stop the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

from dockerlearn.engine.api import EngineApi, PullNews
from dockerlearn.errors import DockerlearnError
from dockerlearn.images.outcome import Outcome, failed

AT_ONCE = 3
"""Pulls at a time; an engine fetches three layers of each at once."""


class Amount:
    """How far a pull is, out of its news: bytes fetched, of those that are known of."""

    def __init__(self) -> None:
        self._fetched: dict[str, tuple[int, int]] = {}
        self.status = ""

    def take(self, news: PullNews) -> None:
        """Take a piece of news."""
        self.status = news.status
        if news.status == "Downloading" and news.total:
            self._fetched[news.part] = (min(news.done, news.total), news.total)
        elif news.part in self._fetched and news.status != "Downloading":
            # It is whole: what follows is verifying and unpacking.
            self._fetched[news.part] = (self._fetched[news.part][1],) * 2

    @property
    def done(self) -> int:
        """Bytes fetched."""
        return sum(done for done, _ in self._fetched.values())

    @property
    def total(self) -> int:
        """Bytes of the layers whose size is known."""
        return sum(total for _, total in self._fetched.values())


def pull(
    engine: EngineApi,
    wanted: Sequence[str],
    *,
    told: Callable[[str, PullNews], None],
    ended: Callable[[Outcome], None],
    at_once: int = AT_ONCE,
) -> tuple[Outcome, ...]:
    """Pull images, some at a time; ``told`` and ``ended`` are called in this thread, as it goes and as each ends.

    The threads that pull are let go when this one is interrupted: an engine ends a pull that nobody listens to.
    """
    left, heard = SimpleQueue[str](), SimpleQueue[tuple[str, PullNews] | Outcome | BaseException]()
    for reference in wanted:
        left.put(reference)

    def work() -> None:
        for reference in _taken(left):
            try:
                engine.pull(reference, lambda news, of=reference: heard.put((of, news)))  # type: ignore[misc]  # of is bound
                heard.put(Outcome(reference, "pulled"))
            except DockerlearnError as error:
                heard.put(failed(reference, error))
            except BaseException as error:  # noqa: BLE001  # raised again in the thread that asked
                heard.put(error)

    for _ in range(min(at_once, len(wanted))):
        threading.Thread(target=work, daemon=True).start()
    outcomes: dict[str, Outcome] = {}
    while len(outcomes) < len(wanted):
        item = heard.get()
        if isinstance(item, BaseException):
            raise item
        if isinstance(item, Outcome):
            outcomes[item.reference] = item
            ended(item)
        else:
            told(*item)
    return tuple(outcomes[reference] for reference in wanted)


def _taken(left: SimpleQueue[str]) -> Iterator[str]:
    from queue import Empty

    while True:
        try:
            yield left.get_nowait()
        except Empty:
            return
