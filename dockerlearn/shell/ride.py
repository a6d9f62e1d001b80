"""The loop that passes bytes between the learner's terminal and her shell, and lets somebody speak in between."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from dockerlearn.shell.child import Child
from dockerlearn.shell.guard import Guard
from dockerlearn.shell.marks import CommandBegins, CommandDone, Mark, MarkReader, PromptBegins
from dockerlearn.shell.prompt import Prompt
from dockerlearn.shell.rider import Done, Rider
from dockerlearn.shell.terminal import Terminal

Phase = Literal["starting", "prompt", "running", "done"]

TAIL, HEAD = 65_536, 16_384
"""Bytes of the end and of the beginning of a command's output that are kept."""

QUEUE = 262_144
"""Bytes that wait for the terminal before the shell has to wait, and for the shell before the keyboard has to."""

_READS = 64
"""Reads of the shell's output before anything else is looked at; some 256 KiB."""

SETTLED = 0.03
"""Seconds without output after which a prompt is taken to be complete."""

SUSPICION = 1.0
"""Seconds after Enter in which a mark was due."""

_ESCAPE, _MARK = 0.02, 1.0
"""Seconds that what may be a mark is held back: only an escape character, and more of one."""

_REPORT = re.compile(
    rb"(?:\x1b\[[?>=]?[\d;:]*[cRntu]|\x1b\[\??[\d;]*\$y|\x1b\[[IO]|\x1bP[^\x1b]*\x1b\\|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\))+"
)
"""What a terminal says by itself: nobody typed it."""


class Left(Exception):
    """The ride is over; ``code`` is its exit status."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Ride:
    """A shell, the terminal it is shown in, and who rides along.

    Everything happens in ``run``, in one thread: ``Rider`` is called from there, and calls back the methods below.
    """

    def __init__(
        self,
        child: Child,
        terminal: Terminal,
        marks: MarkReader,
        rider: Callable[[Ride], Rider],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._child = child
        self._terminal = terminal
        self._marks = marks
        self._clock = clock
        self.phase: Phase = "starting"
        self.is_lost = False
        self._parts: deque[bytes | Mark] = deque()
        self._to_shell = bytearray()
        self._watched: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._held_until: float | None = None
        self._keys: Callable[[bytes], None] | None = None
        self._begin_talk: tuple[Callable[[], None], Callable[[bytes], None]] | None = None
        self._to_say: list[tuple[str, bool]] = []
        self._prompt = Prompt(80)
        self._touched = False
        self._line = b""
        self._typed = self._typed_ahead = b""
        self._enters = 0
        self._heard_at = self._quiet_since = clock()
        self._suspect_at: float | None = None
        self._text = ""
        self._began_at = 0.0
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._head = b""
        self._guard: Guard | None = None
        self._rider = rider(self)

    # For the rider

    def say(self, text: str, *, passing: bool = False) -> None:
        """Say something as soon as nobody is disturbed: now, above an untouched prompt, or before the next one.

        What is only ``passing`` can be forgotten until then.
        """
        self._to_say.append((text, passing))
        if self._held_until is not None or self._keys is not None:
            self._speak()

    def unsay(self) -> bool:
        """Forget what is passing and could not be said yet; return whether there was anything."""
        kept = [saying for saying in self._to_say if not saying[1]]
        was = len(kept) < len(self._to_say)
        self._to_say = kept
        return was

    def hold(self, seconds: float) -> None:
        """Keep what the shell writes from the screen until ``release``, or for so long."""
        self._held_until = self._clock() + seconds

    def release(self) -> None:
        """Let the shell's output go on."""
        self._held_until = None

    @property
    def is_held(self) -> bool:
        """Whether the shell's output is held."""
        return self._held_until is not None

    def take_keyboard(self, begin: Callable[[], None], keys: Callable[[bytes], None]) -> None:
        """Have all that is typed given to ``keys`` until ``give_keyboard``; nothing of the shell is shown meanwhile.

        ``begin`` is called when it begins, which is as soon as something could be said.
        """
        self._begin_talk = (begin, keys)
        if self.is_held or self._keys is not None:
            self._talk()

    def give_keyboard(self, rest: bytes = b"") -> None:
        """Let the shell have the keyboard again, with what was typed for it already, and put its prompt back.

        A keyboard that was asked for and not had yet is not asked for any more.
        """
        self._begin_talk = None
        if self._keys is None:
            return
        self._keys = None
        self._to_shell += rest
        if self.phase == "prompt":
            self._terminal.write(self._prompt.again())
            self._quiet_since = self._clock()

    @property
    def has_keyboard(self) -> bool:
        """Whether the rider has the keyboard."""
        return self._keys is not None

    def show(self, text: str) -> None:
        """Write while the rider has the keyboard; lines end with a plain new line."""
        self._terminal.write(_lines(text))

    def title(self, text: str | None) -> None:
        """Set the window's title; None gives the one back that was there."""
        self._terminal.title(text)

    def guard(self) -> None:
        """Keep from the terminal what the command that has begun has no business to ask of it; see ``Guard``."""
        self._guard = Guard()

    def watch(self, fd: int, act: Callable[[], None]) -> None:
        """Call ``act`` whenever there is something to read at ``fd``."""
        self._watched[fd] = act

    def unwatch(self, fd: int) -> None:
        """Watch ``fd`` no more."""
        self._watched.pop(fd, None)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call ``act`` once, when so many seconds have passed."""
        self._timers.append((self._clock() + seconds, act))

    def leave(self, code: int = 0) -> None:
        """End the ride; the shell is hung up on."""
        raise Left(code)

    @property
    def columns(self) -> int:
        """How wide the terminal is."""
        return self._terminal.size().columns

    @property
    def full_screen(self) -> bool:
        """Whether a program uses the whole screen (the alternate one)."""
        return self._terminal.modes.alternate_screen

    @property
    def foreground(self) -> bool:
        """Whether a command has the terminal."""
        return self.phase == "running" and not self._child.in_foreground()

    def running(self) -> list[list[str]]:
        """Return the words of the commands that have the terminal, as far as that can be told."""
        return self._child.running()

    @property
    def untouched(self) -> bool:
        """Whether the prompt is shown and nothing has been typed at it."""
        return self.phase == "prompt" and not self._touched

    # The loop

    def run(self) -> int:
        """Pass bytes until the shell ends, the terminal is gone, or a signal asks to leave; return the exit status."""
        try:
            with self._signals() as woken:
                self._child.resize(self._terminal.size())
                while True:
                    self._turn(woken)
        except Left as left:
            return left.code
        finally:
            self._child.hang_up(time.sleep)

    def _turn(self, woken: int) -> None:
        terminal, child = self._terminal, self._child
        self._pump()
        status = child.ended()
        if status is not None:
            self._let_out(status)
        blocked = self.is_held or self._keys is not None
        reading: list[int] = [woken, *self._watched]
        if len(self._to_shell) < QUEUE:
            reading.append(terminal.fd)
        if not blocked and terminal.left < QUEUE:
            reading.append(child.fd)
        writing = [terminal.fd] if terminal.left else []
        if self._to_shell:
            writing.append(child.fd)
        try:
            ready, room, _ = select.select(reading, writing, [], self._patience())
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            raise Left(129) from None
        if terminal.fd in room:
            terminal.flush()
        if child.fd in room:
            del self._to_shell[: child.write(bytes(self._to_shell[:4096]))]
        if woken in ready:
            self._on_signals(woken)
        if terminal.fd in ready:
            self._on_keys()
        if child.fd in ready:
            self._on_output()
        for fd in ready:
            if fd in self._watched:
                self._watched[fd]()
        self._on_time()

    def _patience(self) -> float | None:
        """How long nothing has to be done if nothing happens."""
        now = self._clock()
        until = [at for at, _ in self._timers]
        if self._held_until is not None:
            until.append(self._held_until)
        if self._marks.holds and not self._marks.in_a_mark:
            until.append(self._give_up_at)
        if self._suspect_at is not None:
            until.append(self._suspect_at)
        if (self._to_say or self._begin_talk) and self.untouched and self._keys is None:
            until.append(max(self._quiet_since + SETTLED, now + 0.001))
        return max(min(until) - now, 0.0) if until else None

    @property
    def _give_up_at(self) -> float:
        """When what is held back, since it may be a mark, is taken to be none."""
        return self._heard_at + (_ESCAPE if self._marks.holds < 3 else _MARK)

    def _on_output(self) -> None:
        # Several reads at a time, since the kernel gives 4 KiB at most and a select in between costs as much as a read;
        # each is passed on before the next, so that who writes and who reads the screen are both at work meanwhile.
        data: bytes | None = b""
        for _ in range(_READS):
            data = self._child.read()
            if not data:
                break
            self._heard_at = self._clock()
            self._parts.extend(self._marks.feed(data))
            self._pump()
            if self._parts or self.is_held or self._keys is not None or self._terminal.left:
                return
        if data is None:
            # The shell ends, or has closed its terminal; what it ended with is known in a moment.
            self._await_end()

    def _pump(self) -> None:
        """Deal with what was read, until something holds it up."""
        while self._parts and not self.is_held and self._keys is None:
            part = self._parts.popleft()
            if isinstance(part, bytes):
                self._show(part)
            else:
                self._on_mark(part)

    def _show(self, data: bytes) -> None:
        terminal = self._terminal
        if self._guard is not None:
            data = self._guard.take(data)
        terminal.modes.add(data)
        terminal.write(data)
        if self.phase == "running":
            if len(self._head) < HEAD:
                self._head += data[: HEAD - len(self._head)]
            self._tail.append(data)
            self._tail_size += len(data)
            while self._tail_size - len(self._tail[0]) >= TAIL:
                self._tail_size -= len(self._tail.popleft())
        elif self.phase == "prompt":
            self._quiet_since = self._clock()
            if not self._touched:
                self._prompt.add(data)
            elif len(self._line) < TAIL:
                self._line += data

    def _on_mark(self, mark: Mark) -> None:
        self._suspect_at = None
        self.is_lost = False
        if isinstance(mark, CommandDone):
            if self.phase == "running":
                self._finish(mark.status)
        elif isinstance(mark, CommandBegins):
            if self.phase == "running":
                # The shell forgot to tell that the one before ended: its configuration was read again.
                self._finish(None)
            self._text = self._believed(mark)
            self.phase = "running"
            self._typed_ahead = re.split(rb"[\r\n]", self._typed)[-1]
            self._typed = b""
            self._enters = 0
            self._began_at = self._clock()
            self._head = b""
            self._tail.clear()
            self._tail_size = 0
            # A builtin keeps the terminal for the shell, and exec for good.
            self._suspect_at = self._began_at + SUSPICION
            self._rider.began(self._text)
        elif isinstance(mark, PromptBegins):
            self._on_prompt()

    def _finish(self, status: int | None) -> None:
        guard, self._guard = self._guard, None
        if guard is not None and (rest := guard.rest()):
            self._show(rest)
        self.phase = "done"
        tail = b"".join(self._tail)[-TAIL:]
        self._rider.done(Done(self._text, status, self._clock() - self._began_at, tail, self._head))

    def _on_prompt(self) -> None:
        if self.phase == "running":
            self._finish(None)
            if self.is_held:
                self._parts.appendleft(PromptBegins())
                return
        if self.phase == "starting":
            self._child.remember()
        empty = self.phase == "prompt" and self._touched and self._line_was_empty()
        self.phase = "prompt"
        self._touched = False
        self._typed = b""
        self._line = b""
        self._enters = 0
        self._prompt = Prompt(self.columns)
        self._quiet_since = self._clock()
        self._rider.prompt(empty=empty)
        self._speak()
        self._talk()

    def _line_was_empty(self) -> bool:
        """Whether the last thing typed was Enter: the shell read a line and ran nothing."""
        return self._typed.endswith((b"\r", b"\n"))

    def _believed(self, mark: CommandBegins) -> str:
        """The command line, if it is surely that; a shell that keeps repetitions out of its history tells the last."""
        if mark.sure:
            return mark.text
        seen = Prompt(self.columns)
        seen.add(self._line)
        shown = "".join(seen.text.split())
        return mark.text if mark.text and "".join(mark.text.split()) in shown else ""

    # Speaking

    def _speak(self) -> None:
        """Say what is to be said, where the cursor is."""
        if not self._to_say:
            return
        width = self.columns
        # As zsh does it: on a fresh line this changes nothing, else it begins one.
        self._terminal.write(b"\x1b[0m" + b" " * (width - 1) + b"\r\x1b[K")
        for text, _ in self._to_say:
            self._terminal.write(_lines(text))
        self._to_say.clear()

    def _open_above(self) -> bool:
        """Take the prompt off the screen, if that can be done; the cursor is then on an empty line in its place."""
        size = self._terminal.size()
        if size.columns != self._prompt.width:
            # The signal that tells so is still on its way.
            self._prompt.grow_stale()
        rows = self._prompt.rows()
        if rows is None or rows >= size.rows - 1:
            return False
        # Line by line: a terminal may keep what is cleared as a whole, as if it had scrolled away.
        self._terminal.write(b"\x1b[0m\r\x1b[2K" + b"\x1b[A\x1b[2K" * rows)
        return True

    def _talk(self) -> None:
        """Begin a conversation that was asked for; the cursor is on an empty line."""
        if self._begin_talk is None:
            return
        begin, self._keys = self._begin_talk
        self._begin_talk = None
        begin()

    def _speak_above(self) -> None:
        """Say what is to be said above the prompt, if it is whole and nothing was typed at it."""
        if not (self._to_say or self._begin_talk) or not self.untouched or self._keys is not None:
            return
        if self._clock() - self._quiet_since < SETTLED or self._parts or self._ahead():
            return
        if not self._open_above():
            return
        for text, _ in self._to_say:
            self._terminal.write(_lines(text))
        self._to_say.clear()
        if self._begin_talk is not None:
            self._talk()
        else:
            self._terminal.write(self._prompt.again())

    def _ahead(self) -> bool:
        """Whether something was typed ahead of the prompt, which stands at its end now."""
        ahead = re.split(rb"[\x00-\x1f\x7f]", self._typed_ahead)[-1].decode("utf-8", "replace")
        if ahead and self._prompt.text.endswith(ahead):
            self._touched = True
        return self._touched

    # What comes in

    def _on_keys(self) -> None:
        data = self._terminal.read()
        if data is None:
            raise Left(129)
        if not data:
            return
        if self._keys is not None:
            self._keys(data)
            return
        self._to_shell += data
        if _REPORT.fullmatch(data):
            return
        if self.phase == "prompt":
            self._touched = True
            self._typed = (self._typed + data)[-64:]
        else:
            self._typed_ahead = (self._typed_ahead + data)[-64:]
        if b"\r" in data or b"\n" in data:
            self._enters += data.count(b"\r") + data.count(b"\n")
            self._suspect_at = self._clock() + SUSPICION

    def _on_signals(self, woken: int) -> None:
        try:
            numbers = set(os.read(woken, 4096))
        except (BlockingIOError, InterruptedError):
            return
        for number, code in ((signal.SIGHUP, 129), (signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGQUIT, 131)):
            if number in numbers:
                raise Left(code)
        if signal.SIGTSTP in numbers:
            self._terminal.restore()
            os.kill(os.getpid(), signal.SIGSTOP)
        if signal.SIGCONT in numbers or signal.SIGTSTP in numbers:
            self._terminal.go_raw()
        if numbers & {signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP}:
            self._prompt.grow_stale()
            self._child.resize(self._terminal.size())

    def _on_time(self) -> None:
        now = self._clock()
        if self._held_until is not None and now >= self._held_until:
            self._held_until = None
        if self._marks.holds and now >= self._give_up_at:
            self._parts.extend(filter(None, [self._marks.flush()]))
        due = [act for at, act in self._timers if at <= now]
        if due:
            self._timers = [(at, act) for at, act in self._timers if at > now]
            for act in due:
                act()
        if self._suspect_at is not None and now >= self._suspect_at:
            self._suspect_at = None
            self._suspect()
        self._speak_above()

    def _suspect(self) -> None:
        """Enter was pressed, and no mark came of it: find out whether the shell still tells."""
        if self.is_lost or not self._child.in_foreground():
            return
        other = self._child.replaced_by()
        if self.phase == "prompt" and other is None:
            # A quote or a loop that is not finished: the shell shows a prompt of another kind.
            self._rider.unfinished()
            return
        if other is not None:
            why = f"Your shell was replaced by {other}, which tells the tutor nothing."
        elif self.phase == "starting" and self._enters > 1:
            why = "Your shell's own start-up files keep it from telling the tutor what happens."
        elif self.phase == "running" and self._enters > 2:
            why = "Your shell does not tell the tutor any more what happens."
        else:
            return
        self.is_lost = True
        self._rider.lost(why)
        self._terminal.write(b"\r\n")
        self._speak()

    # The end

    def _let_out(self, status: int) -> None:
        """Show what the shell still wrote before it ended, and end."""
        self.release()
        self._keys = None
        for _ in range(QUEUE // 4096):
            data = self._child.read()
            if not data:
                break
            self._parts.extend(self._marks.feed(data))
        for part in [*self._parts, self._marks.flush()]:
            if isinstance(part, bytes) and part:
                self._show(part)
        raise Left(status)

    def _await_end(self) -> None:
        for _ in range(500):
            if self._child.ended() is not None:
                return
            time.sleep(0.01)
        # It closed its terminal and goes on: nothing is left to ride along in.
        raise Left(0)

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """Have signals wake the loop, which deals with them between two turns."""
        reading, writing = os.pipe()
        for fd in (reading, writing):
            os.set_blocking(fd, False)
        before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        try:
            yield reading
        finally:
            for number, handler in handlers.items():
                with suppress(TypeError):
                    signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            os.close(reading)
            os.close(writing)


_SIGNALS = (
    signal.SIGCHLD, signal.SIGWINCH, signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP,
    signal.SIGCONT,
)  # fmt: skip


def _lines(text: str) -> bytes:
    """A raw terminal goes to the next line only, not to its beginning."""
    return text.replace("\n", "\r\n").encode("utf-8", "replace")
