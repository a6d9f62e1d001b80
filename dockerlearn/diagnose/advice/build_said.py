"""Slips of ``docker build``, in the words of the old builder and of BuildKit."""

from __future__ import annotations

import re

from dockerlearn.diagnose.advice.slip import Advice, Slip, shown
from dockerlearn.text import nearest


def context(slip: Slip) -> Advice | None:
    """The folder, or the Dockerfile in it, is not there."""
    if slip.action != "build":
        return None
    if said := slip.says(r'path "([^"]+)" not found'):
        say = (
            f"There is no folder {shown(said[1])} here. The last word of docker "
            "build is the folder with the Dockerfile; a dot is the one you are "
            "in."
        )
        return Advice("no such folder", say)
    if slip.says(r"Dockerfile path: lstat|failed to read dockerfile|Dockerfile: no such file or directory"):
        folder = shown(slip.arguments[-1].text) if slip.arguments else "it"
        say = f"There is no file named Dockerfile in {folder}. -f names another one, the last word another folder."
        return Advice("no Dockerfile", say)
    return None


def copying(slip: Slip) -> Advice | None:
    """``COPY`` of what the builder cannot see."""
    if slip.action != "build":
        return None
    if said := slip.says(r"forbidden path outside the build context: (\S+)|> \[[^]]*\] COPY (\.\./\S*)[^\n]*:\n"):
        say = (
            "COPY reaches only what is in the folder that docker build is given, "
            f"and {shown(said[1] or said[2])} is outside. Build from the folder above, with -f "
            "for the Dockerfile, or copy the file in."
        )
        return Advice("outside the context", say)
    said = slip.says(r"COPY failed: [^\n]*stat ([^\n:]+): (?:file does not exist|no such file)") or slip.says(
        r'failed to (?:compute cache key|calculate checksum)[^\n]*"/?([^"\n]+)":? not found'
    )
    if said is not None:
        folder = shown(slip.arguments[-1].text) if slip.arguments else "that folder"
        name = re.sub(r"^.*/docker-builder\d+/", "", said[1])
        say = (
            f"There is no {shown(name)} in the folder that is built from ({folder}), "
            "or .dockerignore leaves it out. Paths in COPY begin at that folder, "
            "not at where you are."
        )
        return Advice("not in the context", say)
    return None


def no_such_stage(slip: Slip) -> Advice | None:
    """``COPY --from`` of what is neither a stage nor an image that could be had."""
    if slip.action != "build":
        return None
    said = (
        slip.says(r"invalid from flag value ([^\s:/]+):")
        or slip.says(r">>> \w+ (?:\S+ )*--from=([^\s:/]+) [^>]*failed to resolve source metadata")
        or slip.says(r"\n > FROM docker\.io/library/([^\s:/]+):latest:\n")
    )
    if said is None or slip.says("refers to current build stage"):
        return None
    name = shown(said[1])
    say = (
        f"--from={name} means a stage of this Dockerfile that stands above it, FROM … AS {name}, or else an "
        "image. There is no such stage, so the builder looked for an image of that name, and could not get one."
    )
    return Advice("no such stage", say)


def instruction(slip: Slip) -> Advice | None:
    """A word that is no instruction."""
    said = slip.says(r"unknown instruction: (\S+)")
    if slip.action != "build" or said is None:
        return None
    line = slip.says(r"(?:parse error (?:on )?line|Dockerfile:)\s*(\d+)")
    where = f"Line {line[1]} of the Dockerfile" if line else "A line of the Dockerfile"
    from dockerlearn.world.dockerfile import WORDS

    meant = nearest(said[1].upper(), WORDS)
    hint = (
        f" Probably {meant} was meant."
        if meant
        else " Each line begins with an instruction, such as FROM, COPY or RUN."
    )
    return Advice("unknown instruction", f"{where} begins with {shown(said[1])}, which is no instruction.{hint}")


def pip_said(printed: str) -> Advice | None:
    """Why pip found no packages while an image was built."""
    if re.search(r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError", printed):
        return Advice("no trust in the index", _NO_TRUST)
    if "No matching distribution found" not in printed:
        return None
    if re.search(r"connection broken by|Failed to establish a new connection|name resolution", printed):
        return Advice("no way to an index", _NO_WAY)
    if said := re.search(r"No matching distribution found for ([^\s(]+)", printed):
        say = (
            f"The index of packages has no {shown(said[1])} for the Python of this image. "
            "The index is the one that pip.conf names, or else pip's usual one."
        )
        return Advice("not in the index", say)
    return None


_NO_WAY = (
    "pip found no way from the build to an index of packages. A build needs the network, whatever this machine has "
    "already. The proxy or index of this machine's pip goes into pip.conf when a lesson begins: "
    "dockerlearn start LESSON --anew."
)
_NO_TRUST = (
    "pip does not trust the index: its certificate is from an authority that the image does not know. Tell this "
    "machine's pip (pip config set global.cert FILE), and begin again: dockerlearn start LESSON --anew."
)


def run_failed(slip: Slip) -> Advice | None:
    """A ``RUN`` that ended with an error."""
    if slip.action != "build":
        return None
    said = (
        slip.says(r"The command '(?:/bin/sh -c )?(.+?)' returned a non-zero code: (\d+)")
        or slip.says(r'process "(?:/bin/sh -c )?(.+?)" did not complete successfully: exit code: (\d+)')
        or slip.says(r"executor failed running \[(?:/bin/sh -c )?(.+?)\]: exit code: (\d+)")
    )
    if said is None:
        return None
    if (packages := pip_said(slip.printed)) is not None:
        return packages
    say = f"RUN {shown(said[1])} ended with exit code {said[2]}, so the build stops there."
    if said[2] == "127":
        return Advice("no such program in the base", f"{say} 127 means that the base image has no such program.")
    return Advice("RUN failed", f"{say} What it printed is above.")
