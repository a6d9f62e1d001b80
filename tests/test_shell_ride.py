"""Riding along in real shells: what is heard, what stays as in the bare shell, and how it ends."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import own_shells
from tests.ridden import Ridden, ridden
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("shells")

KINDS = ("bash", "zsh", "fish")


@pytest.fixture(params=KINDS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ridden]:
    with ridden(tmp_path, request.param) as found:
        yield found


@pytest.fixture(params=[*KINDS, "old-bash"])
def any_shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ridden]:
    """For what depends on how the marks are made, which a bash before 5.1 does in another way."""
    with ridden(tmp_path, request.param) as found:
        yield found


@pytest.fixture
def bash(tmp_path: Path) -> Iterator[Ridden]:
    with ridden(tmp_path, "bash") as found:
        yield found


# What is heard

COMMANDS = [
    ("true", 0),
    ("false", 1),
    ("sh -c 'exit 3'", 3),
    ("nosuchcommand-x", 127),
    ("sh -c 'kill -TERM $$'", 143),
    ("true | false", 1),
    ("echo 'a;b' \"c\\d\" 50% ✓ é", 0),
]


def test_every_command_is_heard_with_its_text_and_status(any_shell: Ridden) -> None:
    shell = any_shell
    shell.start()
    for text, status in COMMANDS:
        done = shell.line(text)
        assert (done["text"], done["status"]) == (text, status)
        assert 0 <= done["seconds"] < 20
    assert [event["text"] for event in shell.events("began")] == [text for text, _ in COMMANDS]


def test_statuses_are_those_of_the_bare_shell(any_shell: Ridden, tmp_path: Path) -> None:
    """``$?``, and ``$_`` where there is one, after every kind of command."""
    shell = any_shell
    kept = tmp_path / "kept"
    told = f"echo s={shell.status} >> {kept}" if shell.shell == "fish" else f'echo "s=$? _=$_" >> {kept}'
    lines = ["true", "false a b", "(exit 4)", "sh -c 'exit 200'", "nosuchcommand-x", "true | false", "# only a remark",
             "sh -c 'kill -9 $$'", "! true", "echo $(false)", "cd /nonexistent", "sleep 0 &", "{ false; }"]  # fmt: skip
    if shell.shell == "fish":
        lines = [line for line in lines if line not in {"(exit 4)", "{ false; }"}]
    found = []
    for bare in (True, False):
        kept.write_text("")
        shell.start(bare=bare)
        for number, line in enumerate(lines, 1):
            shell.type(f"{line}\r{told}\r")
            until(lambda number=number: shell.read() and len(kept.read_text().splitlines()) == number, line)  # type: ignore[misc]
        found.append(kept.read_text())
        shell.process.close(force=True)
    assert found[1] == found[0]


def test_the_beginning_and_the_end_of_the_output_are_kept(shell: Ridden) -> None:
    shell.start()
    assert shell.line("printf 'one\\ntwo\\n'")["tail"].count("two\r\n") == 1
    done = shell.line("seq 1 40000")
    tail, head = done["tail"], done["head"]
    assert "\r\n40000\r\n" in tail
    assert "\r\n1\r\n" not in tail
    assert len(tail) == 65_536
    assert "1\r\n2\r\n" in head
    assert len(head) == 16_384
    assert shell.line("echo two")["head"].count("1\r\n") == 0


def test_lines_without_a_command(any_shell: Ridden) -> None:
    shell = any_shell
    shell.start()
    shell.line("false")
    for typed in ("", "", "   "):
        assert shell.line(typed) == {}
        assert shell.events()[-1]["empty"] is True
    if shell.shell != "fish":
        # Fish goes on with the prompt that it has, and on a busy machine overlooks the key.
        before = len(shell.events())
        shell.type("abc\x03")
        assert shell.wait("prompt", before)["empty"] is False
    before = len(shell.events())
    shell.type(f"echo s={shell.status}\r")
    assert shell.wait("done", before)["status"] == 0


def test_a_line_kept_out_of_the_history_is_not_taken_for_another_one(any_shell: Ridden) -> None:
    shell = any_shell
    shell.rc("HISTCONTROL=ignoreboth\nsetopt hist_ignore_space 2>/dev/null\n" if shell.shell != "fish" else "")
    shell.start()
    assert shell.line("echo one")["text"] == "echo one"
    assert shell.line("echo one")["text"] == "echo one"
    assert shell.line(" echo secret")["text"].strip() in {"echo secret", ""}
    assert shell.line("\x1b[A")["text"].strip() in {"echo one", "echo secret"}


def test_a_long_line_and_one_of_several_lines(shell: Ridden) -> None:
    shell.start()
    # Before it edits lines, the kernel does, and cuts them.
    shell.sees("\x1b[?2004h")
    long = "echo " + "x" * 5000
    assert shell.line(long)["text"] == long[:4096]
    several = "for i in 1 2\n echo $i\nend" if shell.shell == "fish" else "for i in 1 2\ndo echo $i\ndone"
    before = len(shell.events())
    shell.type(several.replace("\n", "\r") + "\r")
    shell.wait("prompt", before)
    text = shell.events("began")[-1]["text"]
    assert text.startswith("for i in 1 2")
    assert "echo $i" in text


# What stays as it is


def test_the_environment_of_the_shell(any_shell: Ridden) -> None:
    shell = any_shell
    (shell.home / "lesson's folder").mkdir()
    shell.environment["RIDER_FOLDER"] = str(shell.home / "lesson's folder")
    shell.environment["DOCKER_CONTEXT"] = "another"
    set_ = "set -gx DOCKER_HOST tcp://other:1" if shell.shell == "fish" else "export DOCKER_HOST=tcp://other:1"
    shell.rc(f"{set_}\ncd /\n")
    shell.start()
    shell.line("env > out; pwd > folder")
    out = (shell.home / "lesson's folder" / "out").read_text()
    assert "DOCKER_HOST=unix:///of/the/tutor.sock\n" in out
    assert "DOCKER_CONTEXT" not in out
    assert "ZDOTDIR" not in out
    assert "DOCKERLEARN_RIDING=" in out
    secret = shell.line("set | grep -a -o '__dl_secret.*'")["tail"]
    assert "__dl_secret" in secret
    assert "__dl_secret" not in out
    assert (shell.home / "lesson's folder" / "folder").read_text().endswith("lesson's folder\n")
    shell.output = b""


def test_the_prompt_is_the_learners(shell: Ridden) -> None:
    if shell.shell == "fish":
        shell.rc("function fish_prompt; echo -n 'mine> '; end")
        shell.start()
    else:
        shell.rc("PS1='mine> '")
        shell.start()
        assert "PS1='mine> '\r" in shell.line("typeset -p PS1 | tr '\"' \"'\"")["tail"]
    shell.sees("mine> ")


def test_verbs(shell: Ridden) -> None:
    bin_ = shell.home / "bin"
    bin_.mkdir()
    (bin_ / "task").write_text("#!/bin/sh\necho my own task\n")
    (bin_ / "task").chmod(0o755)
    shell.environment["PATH"] = f"{bin_}:{shell.environment['PATH']}"
    shell.rc("alias hint='echo my own hint'\n")
    shell.start()
    assert "tutor: hint 'x  y'" not in shell.line("dl hint 'x  y'")["tail"]
    assert "tutor: hint x  y" in shell.line("dl hint 'x  y'")["tail"]
    assert "tutor: check step" in shell.line("check step")["tail"]
    assert "my own hint" in shell.line("hint")["tail"]
    assert "my own task" in shell.line("task")["tail"]
    assert "tutor" not in shell.line("type reset")["tail"]


def test_a_dl_of_the_learners_own(shell: Ridden) -> None:
    shell.rc("alias dl='echo my own dl'\n")
    shell.start()
    assert "my own dl" in shell.line("dl x")["tail"]
    assert "tutor: check" in shell.line("check")["tail"]


RCS = {
    "bash": {
        "a string": "PROMPT_COMMAND='echo hook1; echo hook2'",
        "a string of two lines": "PROMPT_COMMAND=$'echo hook1\\necho hook2'",
        "a string that ends with a semicolon": "PROMPT_COMMAND='echo hook1; echo hook2; '",
        "an array": "PROMPT_COMMAND=('echo hook1' 'echo hook2')",
        "unset variables are errors": "set -u\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "slow": "sleep 0.2\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "it fails": "PROMPT_COMMAND='echo hook1; echo hook2'\nfalse\n(",
        "it returns": "PROMPT_COMMAND='echo hook1; echo hook2'\nreturn 3",
        "it execs nothing": "exec\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "a PS0 of her own": "PS0='now '\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "no expansion in prompts": "shopt -u promptvars\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "all is exported": "set -a\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "a DEBUG trap": "trap 'x=1' DEBUG\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "an odd IFS": "IFS=d\nPROMPT_COMMAND='echo hook1; echo hook2'",
        "no clobbering, no globbing": "set -C -f\nPROMPT_COMMAND='echo hook1; echo hook2'",
    },
    "zsh": {
        "hooks": "precmd_functions+=(h1 h2); h1() { echo hook1 }; h2() { echo hook2 }",
        "a list of her own": "h1() { echo hook1; echo hook2 }; precmd_functions=(h1); preexec_functions=(true)",
        "precmd": "precmd() { echo hook1; echo hook2 }",
        "unset variables are errors": "setopt nounset; precmd() { echo hook1; echo hook2 }",
        "as ksh": "setopt ksharrays shwordsplit noglob; precmd() { echo hook1; echo hook2 }",
        "no clobbering": "setopt noclobber errreturn; precmd() { echo hook1; echo hook2 }",
        "slow": "sleep 0.2; precmd() { echo hook1; echo hook2 }",
        "it fails": "precmd() { echo hook1; echo hook2 }\nfalse\n(",
        "it returns": "precmd() { echo hook1; echo hook2 }\nreturn 3",
        "it execs nothing": "exec\nprecmd() { echo hook1; echo hook2 }",
        "add-zsh-hook": "autoload -Uz add-zsh-hook; h() { echo hook1; echo hook2 }; add-zsh-hook precmd h",
    },
    "fish": {
        "an event": "function h --on-event fish_prompt; echo hook1; echo hook2; end",
        "slow": "sleep 0.2\nfunction h --on-event fish_prompt; echo hook1; echo hook2; end",
        "it fails": "function h --on-event fish_prompt; echo hook1; echo hook2; end\nfalse\nnosuchcommand-x",
        "vi": "fish_vi_key_bindings\nfunction h --on-event fish_prompt; echo hook1; echo hook2; end",
    },
}
RCS["old-bash"] = {name: rc for name, rc in RCS["bash"].items() if name != "an array"}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, rcs in RCS.items() for name in rcs])
def test_start_up_files(tmp_path: Path, kind: str, name: str) -> None:
    """Her own hooks run once each at every prompt, see the status, and the marks are heard all the same."""
    with ridden(tmp_path, kind) as shell:
        shell.rc(RCS[kind][name] + "\n")
        shell.start(prompt=name != "a list of her own")
        shell.sees("hook2")
        if name == "a list of her own":
            # Whoever makes the list anew takes our place in it away; it is taken again when the first line is read.
            # That is told as a prompt, before the line is run.
            shell.type("true\r")
            until(lambda: [event["event"] for event in shell.events()][-2:] == ["done", "prompt"], "the next prompt")
            until(lambda: shell.read().count(b"hook2") == 2, "her hook")
        hook = len(shell.output)
        done = shell.line("sh -c 'exit 5'")
        assert done["status"] == 5
        if name != "no expansion in prompts":
            assert done["text"] == "sh -c 'exit 5'"
        shell.sees("hook2", hook)
        shell.line(f"echo s={shell.status}")
        shell.sees("s=5", hook)
        after = shell.output[hook:]
        assert after.count(b"hook1") == after.count(b"hook2") == 2, after


def test_a_prompt_command_that_changes_meanwhile(tmp_path: Path) -> None:
    for number, kind in enumerate(("bash", "old-bash")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with ridden(folder, kind) as shell:
            shell.start()
            shell.line('PROMPT_COMMAND="echo early; $PROMPT_COMMAND"')
            for status in (3, 4):
                assert shell.line(f"(exit {status})")["status"] == status
            shell.output = b""
            assert shell.line("true")["status"] == 0
            assert shell.output.count(b"early\r\n") == 1
            shell.output = b""


HEALING = {
    "bash": ["PROMPT_COMMAND=(true)", "unset PROMPT_COMMAND", "PROMPT_COMMAND=true", "source ~/.bashrc"],
    "zsh": [
        "precmd_functions=()",
        "preexec_functions=()",
        "precmd_functions=() preexec_functions=()",
        "source ~/.zshrc",
    ],
    "fish": ["source ~/.config/fish/config.fish"],
}


@pytest.mark.parametrize(("kind", "line"), [(kind, line) for kind, lines in HEALING.items() for line in lines])
def test_lost_marks_heal(tmp_path: Path, kind: str, line: str) -> None:
    with ridden(tmp_path, kind) as shell:
        shell.rc({"bash": "PROMPT_COMMAND=(true)", "zsh": "precmd_functions=() preexec_functions=()", "fish": ""}[kind])
        shell.start(prompt=kind != "zsh")
        shell.type(f"{line}\r")
        shell.type("echo mended\r")
        until(lambda: "echo mended" in [event["text"] for event in shell.events("done")], "a command that is heard of")
        until(lambda: shell.events()[-1]["event"] == "prompt", "the prompt")
        assert shell.line("sh -c 'exit 9'")["status"] == 9
        assert shell.events("lost") == []


@pytest.mark.parametrize(
    ("kind", "other"), [("bash", "zsh"), ("zsh", "zsh"), ("zsh", "bash"), ("fish", "fish"), ("bash", "sh")]
)
def test_a_shell_that_was_replaced_is_noticed(tmp_path: Path, kind: str, other: str) -> None:
    with ridden(tmp_path, kind) as shell:
        (shell.home / ".zshrc").write_text("PS1='new> '\n")
        (shell.home / ".bashrc").write_text("PS1='new> '\n")
        shell.start()
        shell.type(f"exec env PS1='new> ' {other}\r" if other == "sh" else f"exec {other}\r")
        lost = shell.wait("lost")
        assert lost["why"] == f"Your shell was replaced by {other}, which tells the tutor nothing."
        at = len(shell.read())
        shell.type("echo it goes on\r")
        shell.sees("it goes on", at)
        shell.type("exit 6\r")
        assert shell.end() == 6


def test_a_start_up_file_that_becomes_another_shell(bash: Ridden) -> None:
    bash.rc("exec sh\n")
    bash.start(prompt=False)
    bash.sees("#" if os.geteuid() == 0 else "$")
    for _ in range(2):
        bash.type("true\r")
    assert "keep it from telling" in bash.wait("lost")["why"] or "replaced" in bash.wait("lost")["why"]
    bash.type("exit\r")
    assert bash.end() == 0


def test_a_shell_within_the_shell(any_shell: Ridden) -> None:
    shell = any_shell
    (shell.home / ".bashrc").write_text("PS1='inner> '\n")
    shell.start()
    before = len(shell.events())
    shell.type("bash --norc\r")
    shell.wait("began", before)
    at = len(shell.read())
    shell.type("echo inner is here\r")
    shell.sees("inner is here\r\n", at)
    assert [event["text"] for event in shell.events("began")][-1] == "bash --norc"
    shell.type("exit 4\r")
    done = shell.wait("done", before)
    assert (done["text"], done["status"]) == ("bash --norc", 4)
    assert shell.line("true")["status"] == 0
    assert "command not found" not in shell.output.decode()


# Forged marks


def test_what_programs_print_passes_and_does_nothing(shell: Ridden) -> None:
    shell.start()
    before = len(shell.events())
    osc = [r"\033]7717;forged;D;0\007", r"\033]52;c;aGk=\007", r"\033]133;A\007", r"\033]7717;forged;A\007"]
    shell.line(f"printf '{''.join(osc)}'; sh -c 'exit 3'")
    for text in osc:
        assert text.encode().decode("unicode_escape").encode() in shell.read()
    assert [event["event"] for event in shell.events()[before:]] == ["began", "done", "prompt"]
    assert shell.events("done")[-1]["status"] == 3


def test_a_guarded_command_asks_nothing_of_the_terminal(bash: Ridden) -> None:
    bash.start(says="if event['event'] == 'began' and 'printf' in event['text']: ride.guard()")
    before = len(bash.read())
    bash.line(r"printf 'one\033]52;c;aGk=\007two\033]7717;x;D;0\007\033[1mthree\n'")
    assert b"onetwo\x1b[1mthree\r\n" in bash.read()[before:]
    assert b"]52;" not in bash.output[before:].replace(b"\\033]52;", b"")
    assert bash.events("done")[-1]["status"] == 0
    bash.line(r"echo -e '\033]52;c;aGk=\007'")
    assert b"\x1b]52;c;aGk=\x07" in bash.read()


# Speaking


def test_a_held_prompt(shell: Ridden) -> None:
    """What is said while the prompt is held stands above it, on a line of its own."""
    says = (
        "if event['event'] == 'done':\n"
        "    ride.hold(60)\n"
        "    ride.later(0.05, lambda: (ride.say('the verdict\\nof two lines\\n'), ride.release()))"
    )
    shell.rc("function fish_prompt; echo -n 'mine> '; end" if shell.shell == "fish" else "PS1='mine> '")
    shell.start(says=says)
    at = shell.sees("mine> ")
    shell.line("printf 'no new line'")
    said = shell.sees("the verdict\r\nof two lines\r\n", at)
    shown = shell.output[at:said]
    assert shown.index(b"no new line") < shown.index(b"the verdict")
    assert b"mine> " not in shown[shown.index(b"no new line") :]
    shell.sees("mine> ", said)


def test_a_hold_ends_by_itself(bash: Ridden) -> None:
    bash.rc("PS1='mine> '")
    bash.start(says="if event['event'] == 'done': ride.hold(0.1)")
    bash.sees("mine> ")
    bash.line("true")
    at = bash.output.index(b"true")
    bash.sees("mine> ", at)


def test_the_keyboard_is_taken_and_given_back(shell: Ridden) -> None:
    says = """
def keys(data):
    memory["typed"] = memory.get("typed", b"") + data
    ride.show(data.decode().replace("\\r", "\\n"))
    if data.endswith(b"\\r"):
        ride.show("thank you\\n")
        ride.give_keyboard()
        rider._hear("answered", text=memory["typed"].decode())
if event["event"] == "prompt" and "asked" not in memory:
    memory["asked"] = True
    ride.take_keyboard(lambda: ride.show("which? "), keys)
"""
    shell.start(says=says)
    at = shell.sees("which? ")
    shell.type("2\r")
    answered = shell.wait("answered")
    assert answered["text"] == "2\r"
    shell.sees("2\r\nthank you\r\n", at)
    assert shell.line("echo and on")["text"] == "echo and on"
    assert len(shell.events("began")) == 1


# The end


@pytest.mark.parametrize("typed", ["exit 7", "\x04", "kill -9 $$", "kill -HUP $$"])
def test_the_end_and_the_terminal_after_it(shell: Ridden, typed: str) -> None:
    if shell.shell == "fish":
        typed = typed.replace("$$", "$fish_pid")
    ended = []
    for bare in (True, False):
        shell.output = b""
        shell.start(bare=bare, wrapped="stty -a > before; {}; echo ended=$?; stty -a > after", prompt=False)
        # Before that, a Ctrl-D would go to nobody.
        shell.sees("\x1b[?2004h")
        shell.type(typed + ("" if typed == "\x04" else "\r"))
        shell.end()
        ended.append(int(shell.output.rpartition(b"ended=")[2].split()[0]))
    assert ended[1] == ended[0]
    assert (shell.home / "after").read_text() == (shell.home / "before").read_text()
    assert b"\x1b[?2004l" in shell.output[-200:]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_to_the_tutor(bash: Ridden, number: signal.Signals, status: int) -> None:
    bash.start(wrapped="stty -a > before; {}; echo ended=$?; stty -a > after")
    bash.line("printf '\\033[?1049h\\033[?25l'; echo $DOCKERLEARN_RIDING > pid; echo $$ > shell")
    os.kill(int((bash.home / "pid").read_text()), number)
    bash.end()
    assert f"ended={status}".encode() in bash.output
    assert (bash.home / "after").read_text() == (bash.home / "before").read_text()
    assert b"\x1b[?1049l" in bash.output[-300:]
    assert b"\x1b[?25h" in bash.output[-300:]
    inner = int((bash.home / "shell").read_text())
    until(lambda: not Path(f"/proc/{inner}").exists(), "the end of the shell")


def test_an_error_of_the_tutors_gives_the_terminal_back(bash: Ridden) -> None:
    bash.start(
        wrapped="stty -a > before; {}; echo ended=$?; stty -a > after", prompt=False,
        says="if event['event'] == 'done': raise RuntimeError('a defect')",
    )  # fmt: skip
    bash.wait("prompt")
    bash.type("true\r")
    bash.end()
    assert b"ended=1" in bash.output
    assert b"a defect" in bash.output
    assert (bash.home / "after").read_text() == (bash.home / "before").read_text()


def test_a_shell_that_cannot_be_started(tmp_path: Path) -> None:
    from dockerlearn.shell.child import Child, Size
    from dockerlearn.shell.startup import Started

    child = Child.start(Started(["/nonexistent/sh"], {}), tmp_path, Size(24, 80))
    until(lambda: child.ended() is not None)
    assert child.ended() == 127
    os.close(child.fd)


def test_a_job_that_outlives_the_shell_does_not_keep_the_tutor(bash: Ridden) -> None:
    bash.start()
    bash.line("sh -c 'trap \"\" HUP; echo $$ > job; sleep 300' & disown; until [ -s job ]; do :; done")
    bash.type("exit 0\r")
    assert bash.end() == 0
    job = int((bash.home / "job").read_text())
    os.kill(job, signal.SIGKILL)


# Programs


def test_interrupts_and_job_control(shell: Ridden) -> None:
    shell.start()
    before = _begins(shell, "sleep 300", "sleep 300")
    shell.type("\x03")
    assert shell.wait("done", before)["status"] == 130
    shell.wait("prompt", before)
    before = _begins(shell, "cat > typed", "cat")
    shell.type("one\r")
    until(lambda: (shell.home / "typed").read_text() == "one\n", "the first line")
    shell.type("\x1a")
    stopped = shell.wait("done", before)["status"]
    assert stopped == (128 + signal.SIGTSTP if shell.shell != "fish" else 130)  # fish keeps the status before it
    shell.wait("prompt", before)
    before = _begins(shell, "fg", "cat")
    shell.type("two\r\x04")
    assert shell.wait("done", before)["status"] == 0
    assert (shell.home / "typed").read_text() == "one\ntwo\n"


def _begins(shell: Ridden, line: str, command: str) -> int:
    """Type a line whose command then has the terminal; return how many events there were before."""
    before = len(shell.events())
    shell.type(f"{line}\r")
    shell.wait("began", before)
    until(lambda: _running(shell, command), command)
    return before


def _running(shell: Ridden, command: str) -> bool:
    """Whether a command of this shell has its terminal."""
    shell.read()
    done = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True)
    return any(line.split(None, 1)[1:] == [command] and "+" in line.split()[0] for line in done.stdout.splitlines())


def test_a_large_paste(shell: Ridden) -> None:
    """More than the kernel holds, to a program that reads it slowly, in a terminal that gets another size meanwhile."""
    shell.start()
    before = len(shell.events())
    shell.type("sleep 0.3; cat > pasted\r")
    shell.wait("began", before)
    lines = "".join(f"{number:06} {'x' * 70} ✓\n" for number in range(2500))
    assert len(lines.encode()) > 200_000
    data = lines.replace("\n", "\r").encode()
    for at in range(0, len(data), 1000):
        shell.type(data[at : at + 1000])
        shell.read()
        if at == 100_000:
            shell.process.setwinsize(30, 90)
    shell.type("\x04")
    shell.wait("done", before)
    assert (shell.home / "pasted").read_text() == lines
    assert "30 90" in shell.line("stty size")["tail"]


def test_much_output_of_a_program_that_is_stopped(shell: Ridden) -> None:
    shell.start()
    at = len(shell.output)
    assert shell.line("yes ✓✓✓ | head -100000")["status"] == 0
    assert "Broken pipe" not in shell.output.decode("utf-8", "replace")
    until(lambda: shell.read().count("✓✓✓\r\n".encode(), at) == 100_000, "all of it")


def test_a_resize_reaches_the_programs(shell: Ridden) -> None:
    shell.start()
    assert "24 80" in shell.line("stty size")["tail"]
    before = len(shell.events())
    shell.type("sh -c 'trap \"stty size; exit 5\" WINCH; echo ready; while :; do sleep 0.1; done'\r")
    shell.sees("ready\r\n")
    shell.process.setwinsize(31, 99)
    done = shell.wait("done", before)
    assert done["status"] == 5
    assert "31 99" in done["tail"]


def test_full_screen_programs(shell: Ridden) -> None:
    shell.start()
    vim = own_shells.path("vim")
    before = len(shell.events())
    shell.type(f"{vim} -u NONE note\r")
    at = shell.sees("\x1b[?1049h")
    shell.sees("\x1b[24;", at)
    shell.process.setwinsize(31, 99)
    # It draws its lines anew, as wide as they are now.
    at = shell.sees("~" + " " * 98, at)
    shell.type("ihello ✓\x1b:wq\r")
    assert shell.wait("done", before)["status"] == 0
    assert (shell.home / "note").read_text() == "hello ✓\n"
    shell.sees("\x1b[?1049l", at)
    before = len(shell.events())
    shell.type("seq 1 1000 | less\r")
    at = shell.sees("\x1b[?1049h", at)
    shell.sees("\r\n30\r\n", at)
    shell.process.setwinsize(41, 99)
    # It may have begun to wait for a key just before, and would notice with the next one only, which may get lost.
    at = shell.sees("\r\n40\r\n", at, pressing="r")
    shell.type("q")
    assert shell.wait("done", before)["status"] == 0
    before = len(shell.events())
    # tmux throws away what the terminal has not read yet (TCOFLUSH), and the shell's mark with it if that is quick.
    session = f"tmux -L dl-{secrets.token_hex(6)} new-session 'echo within; exec sh'"
    (shell.home / "multiplex").write_text(f"echo ready\nread go\n{session}\n")
    shell.type("sh multiplex\r")
    at = shell.sees("ready", at)
    shell.type("go\r")
    shell.sees("within", at)
    shell.type("exit\r")
    assert shell.wait("done", before)["status"] == 0
    assert "[exited]" in shell.read().decode("utf-8", "replace")


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_what_has_the_terminal(tmp_path: Path, kind: str) -> None:
    """Of a pipe all, of a program also what that started, of an alias what it stands for; no job in the background."""
    says = """
def look():
    rider._hear("has", text=sorted(ride.running()))
    ride.later(0.05, look)
if event["event"] == "made":
    ride.later(0.05, look)
"""
    with ridden(tmp_path, kind) as shell:
        os.mkfifo(shell.home / "fifo")
        shell.start(says=says)
        shell.line("sleep 1000 &")
        before = len(shell.events())
        shell.type("sh -c 'cat fifo; true' | tr a b\r")
        wanted = [["cat", "fifo"], ["sh", "-c", "cat fifo; true"], ["tr", "a", "b"]]
        until(lambda: [has for has in shell.events("has") if has["text"] == wanted], f"{wanted}")
        (shell.home / "fifo").write_text("a")
        shell.wait("prompt", before)
        until(lambda: shell.events("has")[-1]["text"] == [], "nothing")
        shell.line("kill $last_pid" if kind == "fish" else "kill %1")


def test_characters_that_are_cut_in_two(bash: Ridden) -> None:
    bash.start()
    at = len(bash.output)
    bash.line(r"printf '\342'; sleep 0.1; printf '\234'; sleep 0.1; printf '\223 \033'; sleep 0.1; printf '[1mx\n'")
    bash.sees("\u2713 \x1b[1mx".encode(), at)
