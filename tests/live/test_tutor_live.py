"""The tutor in real shells in a real terminal, on the practice engine: what the screen shows.

The screens are kept in ``screens/``, with what differs from run to run replaced (see ``_plain``); with
``KEEP_SCREENS=1`` a run writes them anew, to be looked at before they are committed.
"""

from __future__ import annotations

import difflib
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker as docker_sdk
import pytest

from dockerlearn.course.packs import open_pack
from dockerlearn.engine.practice import Practice
from dockerlearn.paths import Paths
from dockerlearn.progress.store import Store
from dockerlearn.session.session import Session
from tests import own_engine, own_shells
from tests.at_screen import GOES_ON, PROMPTS, At, take
from tests.live.conftest import Docker
from tests.live.lessons import Learner, possible
from tests.one_lesson import one_lesson
from tests.ridden import RC
from tests.screen import Screen
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("shells")

KEEP = "KEEP_SCREENS"
KEPT = Path(__file__).parent / "screens" / "first-run.txt"
ROOT = Path(__file__).parents[2]
Open = Callable[..., Screen]


@pytest.fixture
def learner(learner: Learner, tmp_path: Path) -> Learner:
    learner.environment["DOCKERLEARN_PACK"] = str(one_lesson(tmp_path / "pack"))
    return learner


@pytest.fixture
def open_tutor(learner: Learner) -> Iterator[Open]:
    opened: list[Screen] = []

    def begin(shell: str, *words: str, rc: str = "") -> Screen:
        path = learner.home / RC[shell]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PROMPTS[shell] + rc)
        own_shells.settle_in(learner.home)
        environment = {
            **learner.environment, "SHELL": f"/usr/bin/{shell}", "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
        }  # fmt: skip
        command = [sys.executable, "-P", "-m", "dockerlearn", "start", *words]
        opened.append(Screen(command, environment, learner.home, (60, 100)))
        return opened[-1]

    yield begin
    for screen in opened:
        screen.close()


def first_steps(me: At) -> str:
    """Take the first three steps of the lesson, with mistakes in between, and return the lesson's random word."""
    screen = me.screen
    me.sees("your answer (1-3) ›")
    me.types("9", "Answer with a number from 1 to 3.", ready=False)
    me.types("2", "Right.")

    me.types("ls")
    me.types("docker run -d --name dl-first busybox:1.36", "give a command that goes on.")
    me.types("docker rm dl-first", "dl-first\n")
    me.types("docker run -name dl-first busybox:1.36", "→ docker run --name dl-first busybox:1.36")
    me.types("docker create --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'")
    me.types("docker start dl-first", GOES_ON)
    me.goes_on()

    me.predicts("3")
    me.types("dl answer 123456789", "That is not it.")
    me.types('dl answer "$(docker ps -q)"', GOES_ON)
    me.goes_on()

    me.predicts("1")
    token = re.search(r"`token (\w+)` into a file", screen.text)
    assert token is not None
    me.types(f"docker exec dl-first echo token {token[1]} > note", "to a shell inside, in single quotes")
    me.types("rm note")
    me.types("hint", "Hint 1 of 3")
    me.types(f"docker exec dl-first sh -c 'echo token {token[1]} > /note'", GOES_ON)
    me.goes_on()
    me.predicts()
    return token[1]


def compare(shown: str, kept: str) -> None:
    assert shown == kept, "\n".join(difflib.unified_diff(kept.split("\n"), shown.split("\n")))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_lesson_from_start_to_end(open_tutor: Open, learner: Learner, shell: str) -> None:
    """By typing, with mistakes in between; each shell shows the same."""
    screen = open_tutor(shell)
    me = At(screen)
    token = first_steps(me)

    me.types('answer "$(docker exec dl-first uname -r)"', GOES_ON)
    me.goes_on()

    me.sees("your answer (1-3) ›")
    me.types("1", ready=True)
    me.types("check", "should not be running")
    me.types("docker stop -t 1 dl-first", GOES_ON)
    me.goes_on()

    me.predicts("1")
    me.types("docker start dl-first", GOES_ON)
    me.goes_on()

    me.predicts("3")
    # Of two streams through one terminal, nobody knows the order.
    me.types("docker logs dl-job > /dev/null", "cannot open")
    me.types(f"dl answer /etc/{token}.conf", GOES_ON)
    me.goes_on()

    me.sees("your answer (1-3) ›")
    me.types("1", "Right.")
    me.types("docker rm dl-first", "✗")
    me.types("docker rm -f dl-first", GOES_ON)
    me.goes_on()
    me.sees("That was the last step of first-run.")
    me.ready()
    me.types("exit", "ended=0", ready=False)

    assert learner("check", "lesson", "first-run").returncode == 0
    shown = _plain(screen.text, token)
    if os.environ.get(KEEP) and shell == "bash":
        KEPT.write_text(shown)
    compare(shown, KEPT.read_text())


LESSONS = tuple(lesson for lesson in open_pack().lessons if lesson != "first-run")
THOROUGH = bool(os.environ.get(own_engine.THOROUGH))


@pytest.mark.parametrize("lesson", LESSONS if THOROUGH else LESSONS[:1])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"] if THOROUGH else ["bash"])
def test_a_lesson_by_typing_its_solutions(
    open_tutor: Open, learner: Learner, docker: Docker, shell: str, lesson: str
) -> None:
    """Each step by its solution, with its first mistake before; without much time, the first steps of one lesson."""
    del learner.environment["DOCKERLEARN_PACK"]
    me = At(open_tutor(shell, lesson), reads_sh=shell != "fish")
    paths = Paths(learner.folder / "data", learner.folder / "work")
    until(paths.progress.exists, "the beginning")
    me.sees("step 1 of")
    with closing(Store.open(paths.progress)) as store:
        session = Session(open_pack(), store, paths, lambda: pytest.fail("only the tutor looks"))
        count = len(possible(session.place().lesson, docker.host, learner.environment))
        number = count if THOROUGH else 3
        for step in range(1, number + 1):
            take(me, session.place())
            me.ready()
            me.goes_on()
            me.sees(f"step {step + 1} of" if step < count else "That was the last step of")
    learner("clean", "--yes")
    # The stages of a build have no name, and are nobody's.
    for image in docker("images", "--quiet", "--filter", "dangling=true").split():
        docker.try_("rmi", image)


def _plain(text: str, token: str) -> str:
    """Replace what differs from run to run, and leave out what depends on how busy the machine is."""
    text = text.replace(token, "TOKEN")
    # Each client says in its own words how it is used.
    text = re.sub(r"(unknown shorthand flag: .*\n)(?:(?!✗).*\n)+", r"\1USAGE\n", text)
    text = re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}", "DATE", text)
    text = re.sub(r"\d+\.\d+\.\d+\.\d+", "ADDRESS", text)
    text = re.sub(r"\d+(\.\d+)? [kM]?B", "SIZE", text)
    text = re.sub(r"\b\d\.\d+\.\d+\S*", "VERSION", text)
    lines = [
        line
        for line in text.split("\n")
        if not re.match(r"exit$|\s+… |Unable to find|1\.36: Pulling|Digest:|Status:|.*: Pull complete", line)
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def test_it_is_one_shell_with_another_terminal(open_tutor: Open, learner: Learner) -> None:
    """What is done in a second terminal is seen by the tutor; what it shows is shown above the prompt."""
    me = At(open_tutor("bash"))
    me.predicts()
    assert learner("skip").returncode == 0
    me.sees("step 2 of 8")
    me.predicts("3")
    me.types("dl back", "step 1 of 8")
    learner.sh("docker run -d --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'")
    until(lambda: learner("check").returncode == 0)
    me.sees("✓ dl-first  running")
    me.sees(GOES_ON)
    me.types("dockerlearn start", "rides along in this shell already")
    me.types("dl start first-run/stop", "step 5 of 8", ready=False)


INSIDE = "exit or Ctrl-D leaves the container, Ctrl-P Ctrl-Q leaves it running"
OUTSIDE = "Ctrl-C ends it, else docker stop dl-first in another terminal"


def test_a_container_in_the_foreground(open_tutor: Open, learner: Learner) -> None:
    """The window title says that the step is met, or what to press; the keys go to the container."""
    screen = open_tutor("zsh")
    me = At(screen)
    me.predicts()
    me.types("docker run -it --name dl-first busybox:1.36 sh", "/ #", ready=False)
    screen.shows(lambda: screen.title == f"Run a program in a container: {INSIDE}")
    # Nothing that prints the date: that would be the step's goal on a machine that takes its time.
    # The shell inside reads ahead: what is typed before it has begun the line would be its own.
    me.types("echo now-$((1 + 1)); cat", "now-2", ready=False)
    me.types("in", "in\nin", ready=False)
    screen.press("C-c")
    screen.shows(lambda: screen.lines[-1] == "/ #")
    me.types("exit", ready=True)
    screen.shows(lambda: "exit or" not in screen.title)
    me.types("docker rm dl-first")
    me.types("docker run --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'", "UTC", ready=False)
    screen.shows(lambda: screen.title == f"✓ Run a program in a container is done. {OUTSIDE}.")
    assert GOES_ON not in screen.text
    assert learner("help").stdout.count(OUTSIDE) == 1
    # What stands there works.
    learner.sh("docker stop -t 1 dl-first")
    me.sees(GOES_ON)
    me.ready()


def test_attach_and_detach(open_tutor: Open, docker: Docker) -> None:
    screen = open_tutor("fish")
    me = At(screen)
    me.predicts()
    me.types("docker run -d -i -t --name dl-first busybox:1.36", ready=False)
    me.ready()
    me.types("docker attach dl-first", ready=False)
    me.types("echo attached-$((1 + 1))", "attached-2", ready=False)
    screen.resize(40, 90)
    screen.shows(lambda: "40 90" in _size(screen))
    screen.press("C-p", "C-q")
    me.sees("read escape sequence")
    me.ready()
    assert docker("inspect", "--format", "{{.State.Status}}", "dl-first") == "running"


def _size(screen: Screen) -> str:
    """Ask a shell for the size of its terminal, and return what is shown then."""
    screen.type("stty size\n")
    return screen.text


def _interrupted(screen: Screen) -> bool:
    """Whether the prompt stands right behind what the terminal shows of the key, as in the bare shell.

    A client of 20.10 ends the line.
    """
    return screen.lines[-1] == "^C$" or screen.lines[-2:] == ["^C", "$"]


def test_following_a_log_and_a_terminal_within_the_terminal(open_tutor: Open) -> None:
    """Ctrl-C and Ctrl-Z on docker logs -f, with the statuses of the bare shell; a resize reaches the container."""
    screen = open_tutor("bash")
    me = At(screen)
    me.predicts()
    me.types("docker run -d --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'", GOES_ON)
    me.types("docker logs -f dl-first", "UTC", ready=False)
    screen.press("C-c")
    screen.shows(lambda: _interrupted(screen))
    me.types("echo s=$?", "s=130\n")
    me.types("docker logs -f dl-first", "UTC", ready=False)
    screen.press("C-z")
    me.sees("Stopped")
    me.ready()
    me.types("fg", "UTC", ready=False)
    screen.press("C-c")
    screen.shows(lambda: _interrupted(screen))
    screen.type(f"TMUX= tmux -L dl-{secrets.token_hex(6)} -f /dev/null new docker exec -it dl-first sh\n")
    screen.shows(lambda: "/ #" in screen.lines)
    screen.resize(40, 90)
    until(lambda: screen.lines[-1].startswith("[0]"), "tmux in the new size")
    # The line of tmux itself is one of the forty.
    screen.type("stty size\n")
    screen.shows(lambda: "39 90" in screen.text)
    screen.type("exit\n")
    screen.shows("[exited]")
    me.ready()
    assert "✗" not in screen.text


def test_what_a_container_prints_forges_nothing(open_tutor: Open) -> None:
    me = At(open_tutor("bash"))
    me.predicts()
    forged = r"\033]7717;x;D;1\007\033]7717;x;A\007\033]52;c;eA==\007\033]133;D;1\007"
    me.types(f"docker run --rm busybox:1.36 printf 'before{forged}after\\n'", "beforeafter")
    me.ready()
    assert "✗" not in me.screen.text
    assert me.screen.clipboard == ""
    # Of her own programs, it is set as in the bare shell.
    me.types(r"printf '\033]52;c;eA==\007'")
    me.screen.shows(lambda: me.screen.clipboard == "x")


@pytest.mark.parametrize("after", ["prediction", "command"])
def test_a_tutor_that_was_killed_and_started_again(open_tutor: Open, learner: Learner, after: str) -> None:
    """Nothing is lost, and the learner is where she was."""
    screen = open_tutor("bash")
    me = At(screen)
    me.predicts()
    me.types("echo $DOCKERLEARN_RIDING > ~/pid")
    if after == "command":
        me.types("docker create --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'")
    subprocess.run(["kill", "-9", (learner.home / "pid").read_text().strip()], check=True)
    me.sees("ended=137")
    again = At(open_tutor("bash"))
    again.sees("Task")
    again.ready()
    assert "your answer" not in again.screen.text
    line = (
        "docker start dl-first"
        if after == "command"
        else "docker run -d --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'"
    )
    again.types(line, GOES_ON)


def test_a_burst_of_events_loses_no_pass_and_keeps_nobody_busy(
    open_tutor: Open, learner: Learner, docker_host: str
) -> None:
    """Two thousand events of somebody else's, with the learner's own in the middle of them."""
    me = At(open_tutor("bash"))
    me.predicts()
    me.types("echo $DOCKERLEARN_RIDING > ~/pid")
    client = docker_sdk.APIClient(docker_host, version="auto")
    began = time.time()

    def happen(number: int) -> None:
        client.tag("busybox:1.36", "theirs", f"v{number}")
        client.remove_image(f"theirs:v{number}")

    with closing(client):
        for number in range(500):
            happen(number)
        me.types("docker run -d --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'", ready=False)
        for number in range(500, 1000):
            happen(number)
        me.sees(GOES_ON)
        me.ready()
        told = client.events(since=int(began), until=int(time.time()) + 1, decode=True)
        assert len([event for event in told if event.get("Action") in {"tag", "untag"}]) >= 200  # as many as it keeps
    assert me.screen.text.count("✓ dl-first  running") == 1
    me.types("echo $((20 + 3))", "23\n")
    process = Path("/proc", (learner.home / "pid").read_text().strip(), "stat")

    def busy() -> float:
        """Seconds of a processor that the tutor has used."""
        return sum(map(int, process.read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    # What is over keeps it no longer than one more look.
    until(lambda: _used(busy, 1.0) < 0.2, "rest")


def _used(measure: Callable[[], float], seconds: float) -> float:
    before = measure()
    time.sleep(seconds)
    return measure() - before


def test_an_engine_that_is_stopped_and_started(open_tutor: Open, practice: Practice, docker_host: str) -> None:
    """It is told once that it is gone; when it is back, what is done there is seen again."""
    me = At(open_tutor("bash"))
    me.predicts()
    try:
        practice.down()
        me.sees("docker.sock" if docker_host.endswith("docker.sock") else "engine")
        me.types("docker ps", ready=True)
    finally:
        assert practice.up(stand_ins=True).address == docker_host
    gone = me.screen.text
    me.types("docker run -d --name dl-first busybox:1.36 sh -c 'while true; do date; sleep 1; done'", GOES_ON)
    me.ready()
    assert gone.count("No engine") + gone.count("does not answer") <= 1


def test_line_mode_can_be_chosen_and_other_shells_are_told_why(open_tutor: Open, learner: Learner) -> None:
    learner.environment["DOCKERLEARN_SHELL"] = "line"
    me = At(open_tutor("bash"))
    me.sees("your answer")
    assert "reads your commands itself" not in me.screen.text
    me.types("2", "first-run $", ready=False)
    learner.environment["DOCKERLEARN_SHELL"] = "/bin/sh"
    other = At(open_tutor("bash"))
    other.sees("The tutor rides along in bash, zsh and fish, not in /bin/sh; it reads your commands itself.")
