"""Dockerfiles, right and wrong, that real builders are asked about: what they take, and what becomes of it.

``python -m tests.dockerfile_samples > tests/recorded/buildkit-0.29.dockerfiles.json`` asks BuildKit (a docker client
with the buildx plugin, ``DOCKER_HOST``, ``busybox:1.36`` on the engine); ``tests/live`` asks the builder that is there.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dockerlearn.checks.instruction import ports
from dockerlearn.world.dockerfile import Dockerfile

BASE = "FROM busybox:1.36\n"
FILES = {"x": "x", "y": "y", "a b": "blank", "requirements.txt": "r", "app/main.py": "m", "app/lib/util.py": "u"}

# Each is a whole Dockerfile, or what follows BASE.
SAMPLES: dict[str, str] = {
    "nothing": "",
    "lower case": "from busybox:1.36\nenv A=b\ncmd sh\n",
    "indented": BASE + "  ENV A=b\n\tUSER app\n",
    "no newline at the end": BASE + "ENV A=b",
    "windows lines": BASE.replace("\n", "\r\n") + "ENV A=b\r\nCMD sh -c \\\r\n  ls\r\n",
    "byte order mark": "\ufeff" + BASE + "ENV A=b\n",
    "only a comment": "# nothing\n",
    "comment after an instruction": BASE + "ENV A=b # no comment\n",
    "comment in a value": BASE + "CMD echo a # b\n",
    "continuation": BASE + "ENV A=b \\\n  C=d\n",
    "continuation with a blank after it": BASE + "ENV A=b \\  \n  C=d\n",
    "continuation with a comment": BASE + "ENV A=b \\\n# why\n  # and\n  C=d\n",
    "continuation with an empty line": BASE + "ENV A=b \\\n\n  C=d\n",
    "continuation at the end": BASE + "ENV A=b \\\n",
    "continuation within a word": BASE + "ENV A=b\\\nc\n",
    "escaped backslash at the end": BASE + "ENV A=b\\\\\nENV C=d\n",
    "escape directive": "# escape=`\n" + BASE + "ENV A=b `\n  C=d\\e\n",
    "escape directive too late": "# x\n# escape=`\n" + BASE + "ENV A=b \\\n  C=d\n",
    "escape directive with blanks": "#  escape = `\n" + BASE + "ENV A=b `\n  C=d\n",
    "escape directive upper case": "# ESCAPE=`\n" + BASE + "ENV A=b `\n  C=d\n",
    "escape directive wrong": "# escape=x\n" + BASE,
    "syntax directive twice": "# check=skip=all\n# check=skip=all\n" + BASE,
    "unknown instruction": BASE + "FORM x\n",
    "instruction without anything": BASE + "RUN\n",
    "run blank": BASE + "RUN   \n",
    "from without image": "FROM\n",
    "from two words": "FROM busybox:1.36 x\n",
    "from as": "FROM busybox:1.36 AS a\n",
    "from As": "FROM busybox:1.36 As a\n",
    "from three words": "FROM busybox:1.36 xx a\n",
    "from as number": "FROM busybox:1.36 AS 1a\n",
    "from as dotted": "FROM busybox:1.36 AS a.b_c-d\n",
    "from as upper case": "FROM busybox:1.36 AS Build\nENV A=b\nFROM build\n",
    "from stage in upper case": "FROM busybox:1.36 AS build\nENV A=b\nFROM BUILD\n",
    "from the last of two of a name": BASE.strip() + " AS a\nENV A=1\n" + BASE.strip() + " AS a\nENV A=2\nFROM a\n",
    "from scratch": "FROM scratch\nCOPY x /\nWORKDIR app\n",
    "from with platform": "FROM --platform=linux/amd64 busybox:1.36\nENV A=b\n",
    "from with another option": "FROM --platfrom=linux/amd64 busybox:1.36\n",
    "from capitals": "FROM Busybox:1.36\n",
    "from quoted": 'FROM "busybox:1.36"\n',
    "arg before from": "ARG T=1.36\nFROM busybox:$T\n",
    "arg before from, quoted": "ARG T='1.36'\nFROM busybox:${T}\n",
    "arg before from, with a default in place": "FROM busybox:${T:-1.36}\n",
    "arg before from, set alternative": "ARG T=x\nFROM busybox:${T:+1.36}\n",
    "arg before from, twice": "ARG T=1\nARG T=1.36\nFROM busybox:$T\n",
    "arg before from, of another": "ARG A=1\nARG T=$A.36\nFROM busybox:$T\n",
    "arg before from, two at once": "ARG I=busybox T=1.36\nFROM $I:$T\n",
    "arg before from, suffix taken off": "ARG T=1.36-x\nFROM busybox:${T%-x}\n",
    "arg before from, replaced": "ARG T=1.35\nFROM busybox:${T/5/6}\n",
    "arg before from is not in the stage": "ARG T=1.36\nFROM busybox:$T\nENV A=x$T\n",
    "arg before from, asked for in the stage": "ARG T=1.36\nFROM busybox:$T\nARG T\nENV A=x$T\n",
    "env before from": "ENV A=b\nFROM busybox:1.36\n",
    "arg in a stage": BASE + "ARG A=b\nENV C=$A\n",
    "arg without default": BASE + "ARG A\nENV C=x${A}y\n",
    "arg after env": BASE + "ENV A=1\nARG A=2\nENV C=$A\n",
    "env after arg": BASE + "ARG A=2\nENV A=1\nENV C=$A\n",
    "arg ends with its stage": "FROM busybox:1.36 AS a\nARG A=1\nFROM busybox:1.36\nENV C=x$A\n",
    "arg goes on in a child stage": "FROM busybox:1.36 AS a\nARG A=1\nFROM a\nENV C=x$A\n",
    "env goes on in a child stage": "FROM busybox:1.36 AS a\nENV A=1\nFROM a\nENV C=x$A\n",
    "arg of two": BASE + "ARG A=1 B=2\nENV C=$A$B\n",
    "arg of nothing": BASE + "ARG\n",
    "env old form": BASE + "ENV A b c d\n",
    "env old form with an equals sign": BASE + "ENV A b=c\n",
    "env old form quoted": BASE + "ENV A 'b c'\n",
    "env several": BASE + "ENV A=1 B=\"two words\" C='$A' D=e\\ f\n",
    "env of itself in one line": BASE + "ENV A=1\nENV A=2 B=$A\n",
    "env empty": BASE + "ENV A=\n",
    "env without value": BASE + "ENV A\n",
    "env mixed": BASE + "ENV A=1 b\n",
    "env without name": BASE + "ENV =1\n",
    "env quote not closed": BASE + 'ENV A="1\n',
    "env default in place": BASE + "ENV A=${NOT_SET:-b} C=${NOT_SET-d} E=${NOT_SET:+f}\n",
    "env unset": BASE + "ENV A=x${NOT_SET}y$NOT_SET_EITHER\n",
    "env escaped dollar": BASE + "ENV A=\\$B C='$D'\n",
    "env bad modifier": BASE + "ENV A=${B!c}\n",
    "env open brace": BASE + "ENV A=${B\n",
    "label": BASE + "LABEL a.b=\"c d\" 'e f'=g\nLABEL h i j\n",
    "label without value": BASE + "LABEL a\n",
    "workdir": BASE + "WORKDIR /app\nWORKDIR src/\n",
    "workdir relative": BASE + "WORKDIR app\n",
    "workdir of a variable": BASE + "ENV D=/app\nWORKDIR $D/x\n",
    "workdir with a blank": BASE + "WORKDIR /a b\n",
    "workdir quoted": BASE + 'WORKDIR "/a b"\n',
    "workdir dots": BASE + "WORKDIR /app/../srv/.\n",
    "workdir without anything": BASE + "WORKDIR\n",
    "user": BASE + "USER app:staff\n",
    "user of a variable": BASE + "ARG U=app\nUSER ${U}\n",
    "user twice": BASE + "USER app\nUSER root\n",
    "user without anything": BASE + "USER\n",
    "expose": BASE + "EXPOSE 80 443/tcp 53/udp\nEXPOSE 8000\n",
    "expose upper case": BASE + "EXPOSE 80/TCP\n",
    "expose a range": BASE + "EXPOSE 7000-7002\n",
    "expose of a variable": BASE + "ENV P=80\nEXPOSE $P\n",
    "expose without anything": BASE + "EXPOSE\n",
    "volume": BASE + "VOLUME /a /b\n",
    "volume list": BASE + 'VOLUME ["/a", "/b c"]\n',
    "volume list broken": BASE + 'VOLUME ["/a" "/b"]\n',
    "volume without anything": BASE + "VOLUME\n",
    "volume empty list": BASE + "VOLUME []\n",
    "cmd list": BASE + 'CMD ["echo", "a b"]\n',
    "cmd list with blanks": BASE + 'CMD   [ "echo" ,"a" ]  \n',
    "cmd list over lines": BASE + 'CMD [ \\\n "echo", \\\n "a" ]\n',
    "cmd list in single quotes": BASE + "CMD ['echo', 'a']\n",
    "cmd list without comma": BASE + 'CMD ["echo" "a"]\n',
    "cmd list and more": BASE + 'CMD ["echo"] a\n',
    "cmd list of a number": BASE + 'CMD ["echo", 1]\n',
    "cmd list empty": BASE + "CMD []\n",
    "cmd text": BASE + "CMD echo  a   'b  c'\n",
    "cmd text with a variable": BASE + "ENV A=b\nCMD echo $A\n",
    "cmd twice": BASE + "CMD a\nCMD b\n",
    "cmd without anything": BASE + "CMD\n",
    "cmd with an option": BASE + "CMD --x=1 y\n",
    "entrypoint list": BASE + 'ENTRYPOINT ["echo", "a"]\n',
    "entrypoint text": BASE + "ENTRYPOINT echo a\n",
    "entrypoint empty list": BASE + "ENTRYPOINT []\n",
    "entrypoint without anything": BASE + "ENTRYPOINT\n",
    "shell": BASE + 'SHELL ["/bin/sh", "-ec"]\nCMD echo a\n',
    "shell as text": BASE + "SHELL /bin/sh\n",
    "shell empty": BASE + "SHELL []\n",
    "healthcheck": BASE + "HEALTHCHECK --interval=5s --retries=2 CMD wget x || exit 1\n",
    "healthcheck list": BASE + 'healthcheck cmd ["wget", "x"]\n',
    "healthcheck none": BASE + "HEALTHCHECK NONE\n",
    "healthcheck twice": BASE + "HEALTHCHECK CMD a\nHEALTHCHECK CMD b\n",
    "healthcheck without cmd": BASE + "HEALTHCHECK wget x\n",
    "healthcheck cmd of nothing": BASE + "HEALTHCHECK CMD\n",
    "healthcheck none with more": BASE + "HEALTHCHECK NONE x\n",
    "healthcheck with another option": BASE + "HEALTHCHECK --intervall=5s CMD a\n",
    "healthcheck option without value": BASE + "HEALTHCHECK --interval CMD a\n",
    "stopsignal": BASE + "STOPSIGNAL SIGINT\n",
    "stopsignal of two words": BASE + "STOPSIGNAL SIGINT x\n",
    "onbuild": BASE + "ONBUILD RUN echo a  b\n",
    "onbuild of nothing": BASE + "ONBUILD\n",
    "onbuild from": BASE + "ONBUILD FROM x\n",
    "maintainer": BASE + "MAINTAINER some one\n",
    "run list": BASE + 'RUN ["true"]\n',
    "run empty list": BASE + "RUN []\n",
    "run continuation": BASE + "RUN true && \\\n    # why\n    true\n",
    "run with another option": BASE + "RUN --mont=type=cache,target=/x true\n",
    "copy": BASE + "COPY x /\n",
    "copy of nothing": BASE + "COPY\n",
    "copy without target": BASE + "COPY x\n",
    "copy two into a file": BASE + "COPY x y /z\n",
    "copy two into a folder": BASE + "COPY x y /z/\n",
    "copy list": BASE + 'COPY ["a b", "/z/"]\n',
    "copy quoted": BASE + 'COPY "a b" /z/\n',
    "copy everything": BASE + "COPY . /z\n",
    "copy a pattern": BASE + "COPY req*.txt /z/\n",
    "copy a pattern over a folder": BASE + "COPY app/*.py /z/\n",
    "copy a star": BASE + "COPY * /z/\n",
    "copy above the context": BASE + "COPY ../x /z/\n",
    "copy from the root of the context": BASE + "COPY /app/main.py /z/\n",
    "copy into the working folder": BASE + "WORKDIR /w\nCOPY x .\nCOPY y ./sub/\n",
    "copy of a variable": BASE + "ARG F=x\nCOPY ${F} /z/\n",
    "copy with owner": BASE + "COPY --chown=1:2 x /\n",
    "copy with a wrong option": BASE + "COPY --form=a x /\n",
    "copy from without value": BASE + "COPY --from x y /\n",
    "copy from a stage": "FROM busybox:1.36 AS a\nCOPY x /from/x\n" + BASE + "COPY --from=a /from/x /z/\n",
    "copy from a stage in upper case": "FROM busybox:1.36 AS a\nCOPY x /from/x\n"
    + BASE
    + "COPY --from=A /from/x /z/\n",
    "copy from a number": BASE + "COPY x /from/x\n" + BASE + "COPY --from=0 /from/x /z/\n",
    "copy from oneself": "FROM busybox:1.36 AS a\nCOPY --from=0 /x /\n",
    "copy from a stage to come": BASE + "COPY --from=1 /x /\n" + BASE,
    "add": BASE + "ADD x /z/\n",
    "heredoc": BASE + "RUN <<EOF\necho a > /z\nEOF\nENV A=b\n",
    "heredoc that looks like instructions": BASE + "RUN <<EOF\ntrue\n#FROM b\nEOF\nENV A=b\n",
    "heredoc for a program": BASE + "RUN sh <<'EOF'\necho $A > /z\nEOF\nENV A=b\n",
    "heredoc with tabs": BASE + "RUN <<-EOF\n\techo a > /z\n\tEOF\nENV A=b\n",
    "heredoc not ended": BASE + "RUN <<EOF\necho a\n",
    "heredoc ended with a blank": BASE + "RUN <<EOF\necho a\nEOF \n",
    "heredoc to copy": BASE + "COPY <<EOF /z\nUSER root\nEOF\n",
    "heredocs to copy": BASE + "COPY <<one <<two /z/\n1\none\n2\ntwo\n",
    "heredoc in cmd": BASE + "CMD cat <<EOF\n",
    "dollar at the end": BASE + "ENV A=b$\n",
}


def predicted(file: Dockerfile) -> dict[str, Any]:
    """What the image of the last stage should be, by what was read of its text, as far as the text tells."""
    found: dict[str, Any] = {"Env": {}, "Labels": {}, "ExposedPorts": set(), "Volumes": set(), "OnBuild": []}
    shell = ["/bin/sh", "-c"]
    for one in file.instructions(len(file.stages) - 1):
        command = list(one.words) if one.exec_form else [*shell, one.text]
        match one.word:
            case "ENV" | "LABEL":
                found["Env" if one.word == "ENV" else "Labels"] |= one.pairs
            case "EXPOSE":
                found["ExposedPorts"] |= {port for word in one.words for port in ports(word) if "/" in port}
            case "VOLUME":
                found["Volumes"] |= set(one.words)
            case "ONBUILD":
                found["OnBuild"].append(one.text)
            case "CMD" | "ENTRYPOINT":
                found[one.word.title()] = command
            case "USER":
                found["User"] = one.text
            case "STOPSIGNAL":
                found["StopSignal"] = one.text
            case "WORKDIR":
                found["WorkingDir"] = posixpath.normpath(posixpath.join("/", one.folder or "/", one.text))
            case "SHELL":
                shell = list(one.words)
            case "HEALTHCHECK":
                how = ["CMD", *one.words] if one.exec_form else ["CMD-SHELL", one.text]
                found["Healthcheck"] = how if one.text else ["NONE"]
            case _:
                pass
    return found


def differences(file: Dockerfile, built: dict[str, Any]) -> dict[str, Any]:
    """What is not as the builder made it. We collapse blanks, and leave variables that the base image may set."""
    return {
        key: (wanted, built.get(key))
        for key, wanted in predicted(file).items()
        if _plain(wanted) != _plain(built.get(key))
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()} or ""
    if isinstance(value, set | list):
        items = [_plain(item) for item in value]
        return (sorted(items) if isinstance(value, set) else items) or ""
    return re.sub(r"\$\{\w+\}", "", " ".join(str(value or "").split()))


def build(docker: Callable[..., subprocess.CompletedProcess[str]], text: str, folder: Path) -> dict[str, Any] | None:
    """Build a sample; return what became of it, or None when the builder refuses it."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "Dockerfile").write_bytes(text.encode())
    done = docker("build", "-q", "--iidfile", str(folder / ".iid"), str(folder))
    if done.returncode:
        return None
    image = (folder / ".iid").read_text().strip()
    try:
        config = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]
    finally:
        docker("rmi", "-f", image)
    return {
        "Env": dict(item.split("=", 1) for item in config.get("Env") or () if not item.startswith("PATH=")),
        "Labels": config.get("Labels") or {},
        "ExposedPorts": sorted(config.get("ExposedPorts") or ()),
        "Volumes": sorted(config.get("Volumes") or ()),
        "OnBuild": config.get("OnBuild") or [],
        "Cmd": config.get("Cmd") or [],
        "Entrypoint": config.get("Entrypoint") or [],
        "User": config.get("User") or "",
        "StopSignal": config.get("StopSignal") or "",
        "WorkingDir": posixpath.normpath(config.get("WorkingDir") or "/"),
        "Healthcheck": (config.get("Healthcheck") or {}).get("Test") or [],
    }


def main() -> None:
    """Print what the builder makes of every sample."""

    def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stderr[-300:] + "\n")
        return done

    found = {}
    for name, text in SAMPLES.items():
        sys.stderr.write(f"# {name}\n")
        folder = Path(tempfile.mkdtemp())
        found[name] = build(docker, text, folder)
        shutil.rmtree(folder)
    sys.stdout.write(recorded(found))


def recorded(found: dict[str, Any]) -> str:
    """One sample a line, what is empty left out."""
    lines = (f"{json.dumps(name)}: {json.dumps(_full(value), sort_keys=True)}" for name, value in found.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _full(value: Any) -> Any:
    """Without what is empty in what is told of an image or a service."""
    if not isinstance(value, dict):
        return value
    return {key: _full(item) for key, item in value.items() if item or isinstance(item, str)}


if __name__ == "__main__":
    main()
