"""``python -m tests.walk``: walk the course by typing, in one shell in one go; say how long it took.

Each step is taken by its solution, typed at the prompt, with its first mistake before. ``--pictures FOLDER`` draws
telling screens on the way, ``--demo FILE`` the first steps as a picture that moves.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from dockerlearn.course.packs import LoadedPack, open_pack
from dockerlearn.engine.api import EngineApi
from dockerlearn.engine.practice import Practice
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Session
from tests import own_engine, own_shells, pictures
from tests.at_screen import GOES_ON, PROMPTS, At, take
from tests.live.lessons import Learner, possible
from tests.ridden import RC
from tests.screen import Screen
from tests.waiting import until

SIZE = (50, 100)
DEMO_SIZE = (34, 100)
LOOP = "sh -c 'while true; do date; sleep 1; done'"
TELLING = {
    "first-run/run": "a-pass", "networking/apart": "networks", "volumes/backup": "volumes", "fastapi/door": "capstone",
}  # fmt: skip
"""Steps whose screen, when they are passed, is worth a picture, and its name."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.walk", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lesson", nargs="?", metavar="LESSON", help="the one to begin with; default: the first")
    parser.add_argument("--shell", choices=["bash", "zsh", "fish"], default="bash")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--demo", type=Path, metavar="FILE")
    asked = parser.parse_args(arguments)
    if not own_engine.is_inner():
        own_shells.provide(_say)
        made = Path(tempfile.mkdtemp(prefix="dl-stand-ins-"))
        (made / "packages").mkdir()
        reason = (
            own_engine.provide(_say, "The walk")
            or own_engine.make_stand_ins(own_engine.IMAGES, made, _say)
            or own_engine.fetch_packages(made / "packages", _say)
        )
        if reason is not None:
            _say(reason)
            return 3
        own_engine.become_inner([sys.executable, "-m", "tests.walk", *(arguments or sys.argv[1:])], Path.cwd())
    own_engine.begin()
    pack = open_pack()
    with own_engine.own_engine() as (practice, status), tempfile.TemporaryDirectory(prefix="dl-walk-") as folder:
        assert status.address is not None
        with own_engine.index_for(status.address) as pip:
            if asked.demo is not None:
                # By somebody else: who goes through the course has not begun it.
                demo = Walk(Path(folder) / "demo", status.address, practice, asked.shell, pip).demo()
                asked.demo.write_text(demo, encoding="utf-8")
            walk = Walk(Path(folder) / "course", status.address, practice, asked.shell, pip)
            if asked.demo is None or asked.lesson or asked.pictures:
                first = pack.lessons.index(asked.lesson or pack.lessons[0])
                walk.course(pack, pack.lessons[first:], asked.pictures)
    shutil.rmtree(os.environ[own_engine.STAND_INS], ignore_errors=True)
    return 0


class Walk:
    """Somebody new, with a home of her own, on an engine of her own."""

    def __init__(self, folder: Path, host: str, practice: Practice, shell: str, pip: Mapping[str, str]) -> None:
        for name in own_engine.IMAGES:
            own_engine.serve_stand_in(name, practice)
        self.shell = shell
        self.learner = Learner(folder, host)
        rc = self.learner.home / RC[shell]
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text(PROMPTS[shell])
        own_shells.settle_in(self.learner.home)
        programs = Path(sys.executable).parent
        self.environment = {
            **self.learner.environment, **pip, "SHELL": f"/usr/bin/{shell}", "LC_ALL": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PATH": f"{programs}:{os.environ['PATH']}",
        }  # fmt: skip
        self.environment.pop("NO_COLOR")
        self.paths = Paths(folder / "data", folder / "work")

    def course(self, pack: LoadedPack, lessons: Sequence[str], folder: Path | None) -> None:
        """Take lessons one after the other, and print how long each took."""
        screen = Screen(["dockerlearn", "start", lessons[0]], self.environment, self.learner.home, SIZE)
        me = At(screen, reads_sh=self.shell != "fish")
        began, steps = time.monotonic(), 0
        try:
            until(self.paths.progress.exists, "the beginning")
            with closing(Store.open(self.paths.progress)) as store:
                session = Session(pack, store, self.paths, _nobody)
                for lesson in lessons:
                    since = time.monotonic()
                    me.sees("step 1 of")
                    assert session.place().lesson_id == lesson
                    count = len(possible(session.place().lesson, self.environment["DOCKER_HOST"], self.environment))
                    for number in range(1, count + 1):
                        take(me, session.place(), cd=number == 1 and lesson != lessons[0])
                        me.ready()
                        if folder is not None and (name := TELLING.get(session.place().name)):
                            shown = pictures.still(screen.coloured, SIZE[1])
                            (folder / f"{name}.svg").write_text(shown, encoding="utf-8")
                        me.goes_on()
                        me.sees(f"step {number + 1} of" if number < count else "That was the last step of")
                    steps += count
                    _say(f"{lesson}: {count} steps, {time.monotonic() - since:.0f} s")
            me.sees("It was the last lesson, too.")
            me.ready()
            me.types("exit", "ended=0", ready=False)
        finally:
            screen.close()
        _say(f"{len(lessons)} lessons, {steps} steps in {self.shell}, {time.monotonic() - began:.0f} s")
        passed = self.learner("check", "course").returncode == 0
        _say(f"check course: {'all passed' if passed else 'not all passed'}")
        _say(self.learner("clean", "--yes").stdout.strip().rpartition("\n")[2])

    def demo(self) -> str:
        """Take the first step of the course with a slip, and return a picture that moves."""
        screen = Screen([f"/usr/bin/{self.shell}"], self.environment, self.learner.home, DEMO_SIZE)
        me = At(screen)
        try:
            me.ready()
            with _filmed(screen) as shots:
                _by_hand(screen, "dockerlearn start")
                me.sees("your answer (1-3) ›")
                time.sleep(2)
                _by_hand(screen, "2")
                me.sees("Right.")
                me.ready()
                time.sleep(1.5)
                _by_hand(screen, "docker run -d -name dl-first busybox:1.36")
                me.sees("→ docker run -d --name dl-first")
                me.ready()
                time.sleep(1.5)
                _by_hand(screen, "docker run -d --name dl-first busybox:1.36")
                me.sees("give a command that goes on.")
                me.ready()
                time.sleep(2)
                _by_hand(screen, "docker rm dl-first")
                me.ready()
                _by_hand(
                    screen, "docker run -d --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'"
                )
                me.sees(GOES_ON)
                me.ready()
                time.sleep(0.5)
        finally:
            screen.close()
            self.learner("clean", "--yes")
        return pictures.moving(shots, DEMO_SIZE[1], DEMO_SIZE[0])


@contextmanager
def _filmed(screen: Screen) -> Iterator[list[pictures.Shot]]:
    """Look at a screen again and again, and keep what it shows."""
    shots: list[pictures.Shot] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.15):
            shots.append(pictures.Shot(screen.coloured, time.monotonic()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield shots
    finally:
        done.set()
        thread.join()


def _by_hand(screen: Screen, line: str) -> None:
    """Type a line a few letters at a time."""
    for at in range(0, len(line), 6):
        screen.type(line[at : at + 6])
        time.sleep(0.25)
    screen.press("Enter")


def _nobody() -> EngineApi:
    raise AssertionError("only the tutor looks")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
