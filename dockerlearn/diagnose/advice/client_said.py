"""Slips that the docker client refuses before it asks the engine. Wording of clients 20.10 to 28."""

from __future__ import annotations

import re

from dockerlearn.diagnose.advice.docker_line import COMMANDS, GROUP_COMMANDS, known_options
from dockerlearn.diagnose.advice.slip import Advice, Slip, shown
from dockerlearn.text import nearest
from dockerlearn.world.command_line import Word

_PLUGINS = frozenset({"compose", "buildx", "scout", "model", "desktop", "init", "sbom"})


def unknown_command(slip: Slip) -> Advice | None:
    """``docker strat``."""
    docker = slip.docker
    if docker is None or not docker.action_words:
        return None
    first = docker.action_words[0].text
    unknown = slip.says(r"'([^']+)' is not a docker command|unknown command: docker ([^\n]+)")
    lists_group = (
        slip.failed and len(docker.action_words) == 2 and slip.says(rf"(?m)^Usage:\s+docker {re.escape(first)} COMMAND")
    )
    if not (unknown or lists_group):
        return None
    if unknown and (unknown[1] or unknown[2]).split()[-1] not in {word.text for word in docker.action_words}:
        return None  # another command of the line
    if first in _PLUGINS:
        say = f"docker {first} is a plugin of the client, and it is not installed here."
        return Advice("plugin missing", say)
    word = docker.action_words[-1]
    known = GROUP_COMMANDS.get(first, ()) if len(docker.action_words) == 2 else COMMANDS
    swapped = [one for one in known if sorted(one) == sorted(word.text)]  # strat: start rather than stats
    meant = swapped[0] if swapped else nearest(word.text, known)
    say = f"Docker has no command {shown(docker.said)}."
    if meant is None:
        return Advice("unknown command", f"{say} docker --help lists those there are.")
    return Advice("unknown command", f"{say} Probably {meant} was meant.", slip.changed((word, meant)))


def unknown_option(slip: Slip) -> Advice | None:
    """``--nmae``, or a letter that means nothing."""
    said = slip.says(r"unknown (?:shorthand )?flag: (?:'(.)' in )?(-[^\s]+)")
    if said is None or slip.docker is None:
        return None
    word = next(
        (w for w in slip.command.words if w.text.partition("=")[0] == said[2] or w.text.startswith(said[2])), None
    )
    meant = nearest(said[2], known_options(slip.action)) if said[2].startswith("--") else None
    if word is not None and meant is not None:
        say = f"docker {slip.docker.said} has no option {shown(said[2])}. Probably {meant} was meant."
        return Advice("unknown option", say, slip.changed((word, meant + word.text[len(said[2]) :])))
    what = f"-{said[1]}" if said[1] else shown(said[2])
    return Advice(
        "unknown option",
        f"docker {slip.docker.said} has no option {what}. docker {slip.docker.said} --help lists those there are.",
    )


def wrong_number(slip: Slip) -> Advice | None:
    """Too few arguments, or too many."""
    if slip.docker is None or not slip.says(
        r"['\"]docker [a-z ]+['\"] requires (?:at least |at most |exactly )?\d+ argument"
    ):
        return None
    action, arguments = slip.action, slip.arguments
    if action in {"run", "create"}:
        say = "The image is missing: it comes after the options, and the command to run inside comes after the image."
        return Advice("missing image", say)
    if action == "build" and not arguments:
        say = (
            "The folder to build from is missing: its files are all that COPY can "
            "reach. A dot means the folder you are in."
        )
        return Advice("build without a path", say, f"{slip.typed} .")
    if action == "build":
        say = (
            f"docker build takes one folder, and got {len(arguments)} words. A name "
            "with a space in it falls apart into two."
        )
        return Advice("build with too many words", say)
    if action == "exec" and len(arguments) == 1:
        edits = (
            [] if slip.option("-i", "-t", "--interactive", "--tty") else [(arguments[0], f"-it {arguments[0].text}")]
        )
        say = "The command to run inside is missing. sh, with -it before the container, gives you a shell there."
        return Advice("exec without a command", say, f"{slip.changed(*edits)} sh")
    if any(word.text.startswith(("$(", "`")) for word in slip.command.words):
        return Advice("empty list", "The command in $( ) printed nothing: there is nothing to do this with.")
    if not arguments and action in {
        "start",
        "stop",
        "restart",
        "kill",
        "rm",
        "pause",
        "unpause",
        "logs",
        "wait",
        "top",
    }:
        say = "It does not say which container. docker ps lists the running ones, docker ps --all those that ended too."
        return Advice("which container", say)
    usage = slip.says(r"Usage:\s+docker ([^\n]+)")
    form = f" Its form is docker {' '.join(usage[1].split())}." if usage else ""
    few = "at most" in slip.printed
    return Advice("wrong number of words", f"docker {slip.docker.said} got too {'many' if few else 'few'} words.{form}")


def port_value(slip: Slip) -> Advice | None:
    """``-p 8080/80`` and other things that are no HOST:CONTAINER."""
    said = slip.says(
        r"invalid proto: (\S+?)\.?\s|no port specified: (\S+)|invalid (?:hostPort|containerPort): (\S+?)\.?\s"
    )
    option = slip.option("-p", "--publish")
    if said is None or option is None or not option.value:
        return None
    form = "-p takes HOST:CONTAINER, two numbers from 1 to 65535 with a colon between them."
    swapped = re.fullmatch(r"(\d+)/(\d+)", option.value)
    if swapped and len(option.words) > 1:
        return Advice("port with a slash", form, slip.changed((option.words[-1], f"{swapped[1]}:{swapped[2]}")))
    return Advice("port value", f"{shown(option.value)} is not a pair of ports. {form}")


def upper_case(slip: Slip) -> Advice | None:
    """``BusyBox``: names of images are lower case."""
    if slip.docker is None or not slip.says("must be lowercase"):
        return None
    tag = slip.option("-t", "--tag")
    candidates = [*(tag.words[-1:] if tag and slip.action == "build" else ()), *slip.arguments]
    word = next((one for one in candidates if one.text != one.text.lower()), None)
    if word is None:
        return None
    lowered = _lower_name(slip.line.text[word.start : word.end])
    return Advice("upper case", "An image's name has no capital letters.", slip.changed((word, lowered)))


def _lower_name(text: str) -> str:
    name, colon, tag = text.rpartition(":")
    return f"{name.lower()}:{tag}" if colon else text.lower()


def not_a_reference(slip: Slip) -> Advice | None:
    """What stands where the image should be cannot be one."""
    if slip.docker is None or not slip.arguments or not slip.says("invalid reference format"):
        return None
    spaced = _spaced_assignment(slip)
    if spaced is not None:
        return spaced
    unquoted = next(
        (option for option in slip.docker.options if option.words[-1].bare and not option.words[-1].quoted
         and re.search(r"\$\{?PWD\}?|\$\(pwd\)", option.words[-1].bare)),
        None,
    )  # fmt: skip
    if unquoted is not None:
        word = unquoted.words[-1]
        say = (
            "The path of your folder has a space in it, so it falls apart into two "
            "words. Double quotes hold it together."
        )
        return Advice("space in the folder", say, slip.changed((word, f'"{slip.line.text[word.start : word.end]}"')))
    word = slip.arguments[0]
    if word.text.endswith(":"):
        say = f"After the colon of {shown(word.text)} the tag is missing."
        return Advice("not an image", say)
    say = (
        f"Docker takes {shown(word.text)} for the image, and that cannot be an "
        "image's name. The image is the first word "
        "that is no option and no option's value."
    )
    return Advice("not an image", say)


def _spaced_assignment(slip: Slip) -> Advice | None:
    words = slip.command.words
    for place in range(1, len(words) - 1):
        if words[place].text == "=" and words[place - 1].text.isidentifier():
            name, value = words[place - 1], words[place + 1]
            joined = f"{name.text}={slip.line.text[value.start : value.end]}"
            say = "Around the = of a setting there is no space; with one, it falls apart into three words."
            return Advice("spaces around =", say, slip.line.changed(slip.command, (name.start, value.end, joined)))
    return None


def option_value(slip: Slip) -> Advice | None:
    """``invalid argument "dl-web" for "-t, --time" flag``."""
    said = slip.says(r'invalid argument "([^"]*)" for "([^"]+)" flag: ([^\n]*)')
    if said is None or slip.docker is None:
        return None
    value, names = said[1], said[2].split(", ")
    option = slip.option(*names)
    if "filter" in said[2] and option is not None:
        say = "A filter has the form KEY=VALUE, for example name=, status= or ancestor=."
        edit = (option.words[-1], f"name={option.words[-1].text}")
        return Advice("filter without a key", say, slip.changed(edit) if len(option.words) > 1 else None)
    if "mount" in said[2]:
        say = f"--mount takes type=, source= and target= with commas and no spaces between them: {shown(said[3])}."
        return Advice("mount value", say)
    why = "a number is needed" if "strconv" in said[3] else shown(said[3])
    say = f"{shown(value)} was read as the value of {names[-1]}, and cannot be one: {why}."
    return Advice("option value", say)


def template(slip: Slip) -> Advice | None:
    """A format that docker cannot read."""
    if slip.docker is None or not slip.says("template parsing error|template: .*: "):
        return None
    say = (
        "The format is a template: each placeholder stands in two pairs of "
        "braces, as in '{{.Name}}'. Single quotes around "
        "it keep the shell from changing it."
    )
    return Advice("template", say)


def no_terminal(slip: Slip) -> Advice | None:
    """``-t`` where the input is no terminal."""
    if slip.docker is None or not slip.says("the input device is not a TTY"):
        return None
    option = slip.option("-t", "--tty")
    command = None
    if option is not None:
        word = option.words[0]
        without = "" if word.text in {"-t", "--tty"} else word.text.replace("t", "", 1)
        command = slip.changed((word, without))
    return Advice(
        "no terminal",
        "-t asks for a terminal, and the input here is none, a pipe perhaps. -i alone passes input on.",
        command,
    )


def conflicting(slip: Slip) -> Advice | None:
    """``--rm`` and ``--restart``."""
    if not slip.says(r"conflicting options: (?:cannot specify both )?--restart and --rm"):
        return None
    say = "--rm removes the container when it ends, --restart starts it again then. It can be only one of the two."
    return Advice("rm and restart", say)


def missing_here(slip: Slip) -> Advice | None:
    """A file of the learner's machine that is not there."""
    said = slip.says(r"(?:open|lstat|stat) ([^\n:]+): no such file or directory")
    if said is None or slip.docker is None or slip.action == "build":
        return None
    name = shown(said[1].rpartition("/")[2])
    if slip.action == "cp":
        say = f"There is no {name} on your machine, seen from the folder you are in; pwd and ls show where that is."
        return Advice("nothing to copy", say)
    return Advice(
        "no such file here", f"There is no file {name} in the folder you are in; pwd and ls show where that is."
    )


def copy_sides(slip: Slip) -> Advice | None:
    """``docker cp`` without a container, or with a path that the container does not have."""
    if slip.action != "cp":
        return None
    if slip.says("must specify at least one container source"):
        say = "One side of docker cp is in a container: CONTAINER:PATH, with the colon. The other is on your machine."
        return Advice("copy without a container", say)
    missing = slip.says(r"No such container:path: ([^\s:]+):(\S+)|Could not find the file (\S+) in container (\S+)")
    if missing is None:
        return None
    where, path = (missing[1], missing[2]) if missing[1] else (missing[4], missing[3])
    if slip.world is not None and slip.world.container(where) is None:
        return None
    say = f"There is no {shown(path)} in {shown(where)}. docker exec {shown(where)} ls shows what is there, if it runs."
    return Advice("no such file inside", say)


def mount_source(slip: Slip) -> Advice | None:
    """A relative path where older clients want an absolute one, or a target that is relative."""
    if slip.docker is None:
        return None
    if said := slip.says(r'"([^"]+)" includes invalid characters for a local volume name'):
        word = _word_with(slip, said[1])
        say = (
            f"{shown(said[1])} was taken for a volume's name. A folder of yours is "
            "given with its whole path; $PWD is the one you are in."
        )
        rest = said[1].removeprefix("./")
        new = f'"$PWD"{"/" + rest if rest not in {".", ""} else ""}'
        text = slip.line.text[word.start : word.end] if word else ""
        return Advice("relative folder", say, slip.changed((word, text.replace(said[1], new, 1))) if word else None)
    if said := slip.says(r"invalid mount path: '([^']*)' mount path must be absolute"):
        word = _word_with(slip, f":{said[1]}")
        say = "Where it is to be seen in the container is a whole path, which begins with /."
        text = slip.line.text[word.start : word.end] if word else ""
        return Advice(
            "relative target",
            say,
            slip.changed((word, text.replace(f":{said[1]}", f":/{said[1]}", 1))) if word else None,
        )
    if said := slip.says(r"bind source path does not exist: (\S+?)\.?\s"):
        say = (
            f"There is no {shown(said[1])} on the engine's machine. --mount never "
            "makes it; -v would make an empty folder."
        )
        return Advice("no source", say, f"mkdir -p {said[1]}")
    return None


def _word_with(slip: Slip, piece: str) -> Word | None:
    return next((word for word in slip.command.words if piece in slip.line.text[word.start : word.end]), None)


def setting_value(slip: Slip) -> Advice | None:
    """A memory limit without its unit, a relative working directory, a user who is not in the image, a bad name."""
    if slip.docker is None:
        return None
    if slip.says("Minimum memory limit allowed is"):
        option = slip.option("-m", "--memory")
        number = option.value if option and option.value and option.value.isdigit() and len(option.words) > 1 else None
        say = "A number alone is bytes. m stands for megabytes, g for gigabytes."
        return Advice(
            "memory without a unit", say, slip.changed((option.words[-1], f"{number}m")) if option and number else None
        )
    if said := slip.says(r"working directory '([^']*)' is invalid"):
        option = slip.option("-w", "--workdir")
        command = slip.changed((option.words[-1], f"/{said[1]}")) if option and len(option.words) > 1 else None
        return Advice(
            "relative folder inside",
            "The folder to work in is a whole path of the container, which begins with /.",
            command,
        )
    if said := slip.says(r"unable to find user ([^:]+):"):
        say = (
            f"The image has no user {shown(said[1])}: names are looked up in the "
            "image's own /etc/passwd. A number always works."
        )
        return Advice("no such user", say)
    if said := slip.says(r"Invalid container name \(([^)]*)\)"):
        say = f"{shown(said[1])} cannot be a name: letters, digits, and after the first of these also _ . and -."
        return Advice("bad name", say)
    return None
