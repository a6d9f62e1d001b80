"""``dockerlearn`` as a process: exit codes, streams, signals, and bad input of every kind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from tests.cli_support import PACK, Ended, Learner

DOCKERLEARN = str(Path(sys.executable).parent / "dockerlearn")
SMART = {"TERM": "xterm-256color"}


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    return Learner(tmp_path)


def is_one_clear_message(ended: Ended) -> bool:
    """Nothing on stdout, one message of ours on stderr with no more than a few lines, no traceback, nothing unsafe."""
    lines = ended.err.splitlines()
    return (
        ended.out == ""
        and 1 <= len(lines) <= 8
        and lines[0].startswith("dockerlearn: ")
        and all(line.startswith("  ") for line in lines[1:])
        and "Traceback" not in ended.err
        and "defect" not in ended.err
        and not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in ended.err.replace("\n", ""))
    )


LONG = "x" * 100_000
BAD = [
    ("chekc",), ("",), ("\x1b]0;owned\x07",), ("--nonsense",), ("-x",), (LONG,), ("☃",),
    ("start", "nonsense"), ("start", "one/cpu"), ("start", ""), ("start", " "), ("start", "/"), ("start", "/cup"),
    ("start", "a:b:c"), ("start", "other:one"), ("start", "one/cup/more"), ("start", LONG), ("start", "\x1b[31mone"),
    ("start", "one", "two"), ("start", "--plian"), ("start", "\u202eeno"), ("start", "../../etc/passwd"),
    ("check", "cup"), ("check", "step", "one/cup", "two"), ("check", "--watch"), ("check", "step", ""),
    ("check", "step", LONG), ("check", "lesson", "nonsense"), ("check", "course", "x"), ("check", "step", "one"),
    ("answer",), ("answer", ""), ("answer", "one/cup"), ("hint", "one"), ("task", "nonsense"),
    ("solution", "one/intro"), ("hint", "one/intro"), ("edit", "one/cup"), ("edit", "--json"), ("lessons", "nonsense"),
    ("lessons", "one", "two"), ("progress", "export"),
    ("progress", "import", "/nonexistent"), ("progress", "import", ""), ("progress", "import", "/"),
    ("progress", "nonsense"), ("engine", "nonsense"), ("next",), ("skip",), ("back",), ("redo",), ("task",), ("check",),
    ("clean", "--yess"), ("next", "x"),
]  # fmt: skip


@pytest.mark.parametrize("words", BAD, ids=lambda words: " ".join(words)[:30].encode("ascii", "replace").decode())
def test_wrong_usage_is_one_clear_message(learner: Learner, words: tuple[str, ...]) -> None:
    ended = learner(*words)
    assert ended.code == 2, ended
    assert is_one_clear_message(ended), ended
    assert len(ended.err) < 1200


def test_a_process_says_and_ends_with_the_same(learner: Learner) -> None:
    for words in (("chekc",), ("start", "one/cpu"), ("start", "--plian"), ("check", "step", "nonsense"), ("answer",)):
        assert learner.process(*words) == learner(*words)
        assert learner.process(*words, command=[DOCKERLEARN]) == learner(*words)


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        (["strat"], "start"), (["start", "on"], "one"), (["start", "one/cpu"], "dockerlearn start one/cup"),
        (["check", "cup"], "check step STEP"), (["--verison"], "--version"), (["lessons", "twoo"], "two"),
    ],
)  # fmt: skip
def test_what_was_probably_meant_is_said(learner: Learner, words: list[str], suggested: str) -> None:
    assert suggested in learner.process(*words).err


def test_bytes_that_are_no_text(learner: Learner) -> None:
    for words in (
        [b"start", b"\xff\xfe"],
        [b"\xe9t\xe9"],
        [b"check", b"step", b"one/\x80"],
        [b"answer", b"\xff", b"--json"],
    ):
        ended = learner.process(*words)
        assert ended.code == 2, ended
        assert is_one_clear_message(ended), ended


def test_names_of_files_may_be_any_bytes(learner: Learner) -> None:
    learner("start", "one/word", code=0)
    assert learner.process(b"answer", b"\xff\xfe").code == 1
    assert learner.process(b"answer", b"\xff\xfe", b"--json").json["right"] is False
    exported = learner.process(b"progress", b"export", b"caf\xe9")
    assert exported.code == 0
    assert (learner.folder / os.fsdecode(b"caf\xe9")).is_file()
    assert learner.process(b"progress", b"import", b"caf\xe9").code == 0


def test_an_answer_of_escape_sequences_is_harmless(learner: Learner) -> None:
    for text in ("\x1b]0;owned\x07", "\u202e1", "\r\n", "é" * 5_000):
        ended = learner.process("answer", "one/which", text)
        assert ended.code == 2, ended
        assert is_one_clear_message(ended), ended


@pytest.mark.parametrize(
    ("words", "code"), [(["start"], 3), (["start", "one/cup", "--plain"], 3), (["engine"], 3), (["clean"], 3)]
)
def test_no_engine(learner: Learner, words: list[str], code: int) -> None:
    ended = learner.process(*words)
    assert ended.code == code
    assert ended.err.startswith("dockerlearn: ")
    assert "nonexistent" in ended.err
    assert "Traceback" not in ended.err


def test_results_and_the_rest_go_to_their_own_streams(learner: Learner) -> None:
    listed = learner.process("lessons")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.startswith("one  The first lesson")
    version = learner.process("--version")
    assert (version.code, version.err) == (0, "")
    assert version.out.startswith("dockerlearn 0.")
    alone = learner.process()
    assert (alone.code, alone.err) == (0, "")
    assert alone.out == learner.process("--help").out


def test_help_is_there_for_every_command(learner: Learner) -> None:
    for words in (["start"], ["check"], ["check", "step"], ["progress", "export"], ["engine", "up"], ["answer"]):
        ended = learner.process(*words, "--help")
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith(f"Usage: dockerlearn {' '.join(words)}")


@pytest.mark.parametrize("words", ["lessons", "--help", "task one/cup", "solution one/cup --plain", "lessons --json"])
def test_a_closed_pipe_is_quiet(learner: Learner, words: str) -> None:
    for reader in ("head -c 1", "true", "sh -c 'exec <&-; sleep 0.3'"):
        script = f'"$0" -m dockerlearn {words} | {reader}; exit ${{PIPESTATUS[0]}}'
        ended = learner.process(command=["bash", "-c", script, sys.executable])
        assert (ended.code, ended.err) == (0, ""), reader


def test_streams_that_are_closed_or_full(learner: Learner) -> None:
    python = sys.executable
    for redirection, codes in ((">&-", {0}), ("2>&-", {0}), ("<&-", {0}), (">&- 2>&- <&-", {0})):
        ended = learner.process(command=["bash", "-c", f'"$0" -m dockerlearn lessons {redirection}', python])
        assert ended.code in codes, redirection
        assert "Traceback" not in ended.err
    full = learner.process(command=["bash", "-c", '"$0" -m dockerlearn lessons >/dev/full', python])
    assert full.code == 3
    assert full.err == "dockerlearn: No space left on device.\n"


@pytest.mark.parametrize("words", [["lessons"], ["progress"], ["hint"]])
def test_a_home_that_cannot_be_used(learner: Learner, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in ("/proc/nothing", str(tmp_path / "file"), str(tmp_path / "file" / "below")):
        ended = learner.process(*words, env={"DOCKERLEARN_HOME": home})
        assert ended.code == 3, ended
        assert is_one_clear_message(ended), ended
        assert "export DOCKERLEARN_HOME=" in ended.err


def test_no_home_at_all(learner: Learner) -> None:
    gone = {"HOME": None, "DOCKERLEARN_HOME": None, "DOCKERLEARN_WORKSPACE": None, "XDG_DATA_HOME": str(learner.folder)}
    assert learner.process("lessons", env=gone).code == 0


def test_a_workspace_that_cannot_be_used(learner: Learner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    learner.environ["DOCKERLEARN_WORKSPACE"] = str(tmp_path / "file")
    ended = learner("start", "two", code=3)
    assert "Traceback" not in ended.err
    assert ended.err.startswith("dockerlearn: ")


@pytest.mark.parametrize("width", ["0", "-1", "", "wide", "1", "999999999999999999999", "\uff11\uff12", "20", "200"])
def test_any_width(learner: Learner, width: str) -> None:
    ended = learner.process("task", "one/cup", env={"COLUMNS": width})
    assert (ended.code, ended.err) == (0, "")
    # Commands are not broken: they are there to be copied.
    lines = [line for line in ended.out.splitlines() if "dockerlearn " not in line]
    assert max(map(len, lines)) <= (20 if width in {"1", "20"} else 100)


def test_any_encoding(learner: Learner) -> None:
    for encoding in ("ascii", "latin-1", "cp1252", "utf-16"):
        ended = learner.process("task", "one/cup", env={"PYTHONIOENCODING": encoding, "LC_ALL": "C"})
        assert ended.code == 0, ended
        assert "Traceback" not in ended.err
    plain = learner.process("task", "one/cup", env={"PYTHONIOENCODING": "ascii"})
    assert plain.out.startswith("The first lesson > step 2 of 4 > Make a cup ")
    assert plain.out.splitlines()[0].endswith(" oooo")
    assert "?" not in plain.out.splitlines()[0]


def test_a_pack_that_is_broken(learner: Learner, tmp_path: Path) -> None:
    broken = tmp_path / "pack"
    shutil.copytree(PACK, broken)
    file = broken / "one" / "lesson.yaml"
    file.write_text(file.read_text().replace("hints: [Use docker run., It wants a name.]", "hint: [\x1b[31mx]"))
    ended = learner.process("start", "one/cup", env={"DOCKERLEARN_PACK": str(broken)})
    assert ended.code == 2
    assert ended.out == ""
    assert "one/lesson.yaml" in ended.err
    assert "\x1b" not in ended.err
    for what in ("pack.yaml", "one"):
        target = broken / what
        shutil.rmtree(target) if target.is_dir() else target.write_text("lessons: {")
        ended = learner.process("lessons", env={"DOCKERLEARN_PACK": str(broken)})
        assert ended.code == 2
        assert ended.err.startswith("dockerlearn: ")
        assert "Traceback" not in ended.err
    assert learner.process("lessons", env={"DOCKERLEARN_PACK": "/nonexistent"}).code == 2


def test_a_progress_file_that_is_damaged(learner: Learner) -> None:
    home = Path(learner.environ["DOCKERLEARN_HOME"])
    home.mkdir()
    (home / "progress.sqlite3").write_bytes(b"not a database, and long enough to be one" * 100)
    ended = learner.process("progress")
    assert ended.code == 3
    assert is_one_clear_message(ended), ended
    assert "kept as" in ended.err.replace("\n ", "")
    assert learner.process("progress").code == 0
    assert len(list(home.glob("*.damaged-*"))) == 1


def test_a_defect_is_one_line_and_a_traceback_only_on_request(
    learner: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("\x1b[31mred")

    learner.engine.precise_now = broken  # type: ignore[assignment, method-assign]
    ended = learner("start", code=3)
    assert ended.err.startswith("dockerlearn: Stopped by a defect of dockerlearn's own: KeyError: ")
    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.err
    monkeypatch.setenv("DOCKERLEARN_DEBUG", "1")
    assert "Traceback" in learner("start", code=3).err


def test_ctrl_c(learner: Learner) -> None:
    """An engine that never answers is waited for; Ctrl-C ends that with 130 and not a word."""
    import socket

    path = learner.folder / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.bind(str(path))
        silent.listen()
        environ = {**learner.environ, "DOCKER_HOST": f"unix://{path}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "dockerlearn", "start", "--plain"],
            env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        silent.settimeout(30)
        connection, _ = silent.accept()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        connection.close()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_ctrl_c_anywhere(learner: Learner) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    learner("start", "one/cup", code=0)
    learner.engine.container = interrupted  # type: ignore[assignment, method-assign]
    for words in (["check"], ["next"], ["clean"], ["redo"]):
        assert learner(*words) == (130, "", ""), words


def test_a_tutor_opens_in_a_terminal(learner: Learner) -> None:
    # Without an engine it says so, which it would not in the help.
    with spawned(learner) as terminal:
        terminal.expect("nonexistent")
        terminal.expect(pexpect.EOF)
    assert terminal.exitstatus == 3
    with spawned(learner, env={"TERM": "dumb"}) as terminal:
        terminal.expect("Usage: dockerlearn")
        terminal.expect(pexpect.EOF)
    assert terminal.exitstatus == 0


@pytest.mark.parametrize(
    ("env", "arguments", "coloured"),
    [(SMART, [], True), ({**SMART, "NO_COLOR": "1"}, [], False), (SMART, ["--plain"], False),
     ({"TERM": "dumb"}, [], False)],
)  # fmt: skip
def test_colours(learner: Learner, env: dict[str, str], arguments: list[str], coloured: bool) -> None:
    with spawned(learner, "task", "one/cup", *arguments, env=env) as terminal:
        terminal.expect(pexpect.EOF)
    assert ("\x1b[" in str(terminal.before)) is coloured
    assert "Make a cup" in str(terminal.before)


class spawned:  # noqa: N801 - used as a function
    """A command in a terminal."""

    def __init__(self, learner: Learner, *arguments: str, env: dict[str, str] | None = None) -> None:
        environ = {**learner.environ, **(env or SMART)}
        self._terminal = pexpect.spawn(
            sys.executable, ["-m", "dockerlearn", *arguments], env=environ, encoding="utf-8", timeout=30,
            cwd=str(learner.folder),
        )  # fmt: skip

    def __enter__(self) -> pexpect.spawn:  # type: ignore[type-arg]
        return self._terminal

    def __exit__(self, *_: object) -> None:
        self._terminal.close()


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Which modules each command imports, with the caches warm."""
    learner = Learner(tmp_path_factory.mktemp("imports"))
    found: dict[str, set[str]] = {}
    code = "import sys; from dockerlearn.cli.app import run; run(); print('\\n'.join(sys.modules), file=sys.stderr)"
    for words in ("lessons", "task one/cup", "hint one/cup", "--help", "check"):
        for _ in range(2):
            ended = learner.process(*words.split(), command=[sys.executable, "-c", code])
        found[words.split()[0]] = set(ended.err.split("\n"))
    return found


def test_commands_import_no_more_than_they_need(imported: dict[str, set[str]]) -> None:
    for command in ("lessons", "task", "hint", "--help"):
        assert "typer" in imported[command]
        for heavy in ("docker", "requests", "pydantic", "rich", "yaml", "platformdirs"):
            assert heavy not in imported[command], f"{command} imports {heavy}"


def test_check_imports_neither_rich_nor_yaml(learner: Learner) -> None:
    code = (
        "import sys; from tests.cli_support import Learner; from pathlib import Path;"
        "learner = Learner(Path(sys.argv[1])); learner('start', 'one/cup', code=0);"
        "known = {'rich', 'yaml', 'typer'} & set(sys.modules); [sys.modules.pop(name) for name in known];"
        "learner('check', code=1); print({'rich', 'yaml', 'typer'} & set(sys.modules))"
    )
    folder = learner.folder / "again"
    folder.mkdir()
    root = str(Path(__file__).parent.parent)
    ended = learner.process(str(folder), command=[sys.executable, "-c", code], env={"PYTHONPATH": root}, cwd=root)
    assert ended.out == "set()\n", ended


def test_a_thousand_lessons_are_listed_from_the_cache(learner: Learner, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    names = [f"lesson-{number}" for number in range(1000)]
    (folder / "pack.yaml").write_text(f"format: 1\nid: many\ntitle: Many\nlessons: {names}\n".replace("'", ""))
    for name in names:
        shutil.copytree(PACK / "two", folder / name)
    for file in (folder / "pack.yaml", *folder.glob("*/lesson.yaml")):
        os.utime(file, (1_700_000_000, 1_700_000_000))  # what changed a moment ago is not kept
    env: dict[str, str | None] = {"DOCKERLEARN_PACK": str(folder)}
    learner.process("lessons", env=env)
    code = "import sys; from dockerlearn.cli.app import run; run(); print('yaml' in sys.modules, file=sys.stderr)"
    ended = learner.process("lessons", "lesson-999", env=env, command=[sys.executable, "-c", code])
    assert ended.out.startswith("lesson-999  The second lesson")
    assert ended.err.endswith("False\n")


class TestCompletion:
    """What the shells' completion scripts get, asked as those ask."""

    def complete(self, learner: Learner, shell: str, line: str, env: dict[str, str | None] | None = None) -> list[str]:
        words = line.split(" ")
        asked = {"_DOCKERLEARN_COMPLETE": f"complete_{shell}"}
        if shell == "bash":
            asked |= {"COMP_WORDS": line.replace(" ", "\n"), "COMP_CWORD": str(len(words) - 1)}
        else:
            asked |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        ended = learner.process(env={**asked, **(env or {})})
        assert ended.err == ""
        assert ended.code == 0
        return [word for word in ended.out.replace('"', " ").split() if "/" in word or word in {"one", "two", "cup"}]

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_lessons_and_steps(self, learner: Learner, shell: str) -> None:
        assert self.complete(learner, shell, "dockerlearn start o") == [
            "one", "one/intro", "one/cup", "one/word", "one/which",
        ]  # fmt: skip
        assert self.complete(learner, shell, "dockerlearn check lesson t") == ["two"]
        assert self.complete(learner, shell, "dockerlearn hint two/") == ["two/page"]

    def test_what_an_author_can_mean(self, learner: Learner) -> None:
        for folder, file in (("cup", "lesson.yaml"), ("two", "pack.yaml"), ("cupboard", "notes")):
            (learner.folder / folder).mkdir()
            (learner.folder / folder / file).touch()
        assert self.complete(learner, "bash", "dockerlearn author lint c") == ["cup"]
        assert self.complete(learner, "bash", "dockerlearn author prove t") == ["two", "two/page"]

    def test_steps_of_the_current_lesson_by_themselves(self, learner: Learner) -> None:
        assert self.complete(learner, "bash", "dockerlearn task c") == []
        assert not Path(learner.environ["DOCKERLEARN_HOME"], "progress.sqlite3").exists()
        learner("start", "one", code=0)
        assert self.complete(learner, "bash", "dockerlearn task c") == ["cup"]

    def test_it_is_silent_when_something_is_wrong(self, learner: Learner, tmp_path: Path) -> None:
        for env in ({"DOCKERLEARN_PACK": "/nonexistent"}, {"DOCKERLEARN_HOME": "/proc/nothing"}):
            found = self.complete(learner, "bash", "dockerlearn start o", env=dict(env))
            assert found in ([], ["one", "one/intro", "one/cup", "one/word", "one/which"])
