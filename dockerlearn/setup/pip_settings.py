"""The settings of this machine's pip, as a build needs them: where packages come from, and whom to trust there.

A build runs in a container, with none of the machine's configuration. What its pip is told of another index, of a proxy
or of an authority becomes two files that a Dockerfile copies to ``/etc``. Left out, with a comment that says so, is
what means nothing in a container (folders of this machine) and what does not belong in an image (passwords).
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from dockerlearn.errors import SetupFailed
from dockerlearn.text import one_line

AUTHORITIES = "pip-ca.pem"
"""The file beside ``pip.conf`` with the certificates of authorities."""

_SECONDS = 20.0
_LARGEST = 1_000_000
_SECTIONS = ("global", "install", ":env:")
"""Where ``pip config list`` finds a setting, the one that counts last."""

_LINKS = ("index-url", "extra-index-url", "find-links")
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class PipFiles(msgspec.Struct, frozen=True):
    """The content of ``pip.conf``, and of the file with authorities."""

    conf: str
    ca: str


def of_this_machine() -> PipFiles:
    """Ask this machine's pip for its settings, and make the files of them. Raises ``SetupFailed``."""
    return files(read(os.environ), os.environ)


def read(environ: Mapping[str, str], python: str = sys.executable) -> dict[str, str]:
    """Return the settings of the pip on PATH, or of this Python's; without either, those of the environment."""
    program = shutil.which("pip", path=environ.get("PATH")) or shutil.which("pip3", path=environ.get("PATH"))
    command = [program] if program else [python, "-m", "pip"]
    try:
        done = subprocess.run(
            [*command, "--disable-pip-version-check", "config", "list"],
            env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is not None and done.returncode == 0:
        return listed(done.stdout)
    named = ((key[4:].lower().replace("_", "-"), value) for key, value in environ.items() if key.startswith("PIP_"))
    return {key: value for key, value in named if value}


def listed(text: str) -> dict[str, str]:
    r"""Read what ``pip config list`` prints; of one setting in several places, the one that pip heeds.

    >>> listed("global.index-url='http://index/simple'\n:env:.index-url='http://other/simple'\n")
    {'index-url': 'http://other/simple'}
    """
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in text.splitlines():
        name, _, shown = line.partition("=")
        section, _, key = name.rpartition(".")
        if section not in found:
            continue
        try:
            value = ast.literal_eval(shown)
        except (SyntaxError, ValueError):
            continue
        if isinstance(value, str) and value.strip():
            found[section][key.lower().replace("_", "-")] = value.strip()
    return {key: value for section in _SECTIONS for key, value in found[section].items()}


def files(settings: Mapping[str, str], environ: Mapping[str, str]) -> PipFiles:
    """Make the two files of pip's settings. Raises ``SetupFailed`` where a build could reach no index with them."""
    lines: list[str] = []
    left_out: list[str] = []
    for name in _LINKS:
        kept: list[str] = []
        for link in settings.get(name, "").split():
            why = _why_not(link)
            if why is None:
                kept.append(_without_password(link, left_out))
            elif name == "index-url":
                raise _unreachable(link, why)
            else:
                left_out.append(f"{name} {_shown(link)}: {why}")
        lines += _setting(name, kept)
    is_offline = settings.get("no-index", "").lower() in {"1", "true", "yes", "on"}
    if is_offline and not any(line.startswith("find-links") for line in lines):
        raise _unreachable("a folder of this machine alone", "a container does not see it")
    lines += _setting("no-index", ["true"] if is_offline else [])
    lines += _setting("trusted-host", settings.get("trusted-host", "").split())
    proxy = settings.get("proxy") or next((environ[name] for name in _PROXIES if environ.get(name)), "")
    if proxy and proxy.lower() not in {"none", "false"}:
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if (why := _why_not(proxy)) is not None:
            raise _unreachable(f"the proxy {proxy}", why)
        lines += _setting("proxy", [_without_password(proxy, left_out)])
    bundle = settings.get("cert") or next((environ[name] for name in _BUNDLES if environ.get(name)), "")
    authorities = _authorities(bundle, left_out)
    lines += _setting("cert", [f"/etc/{AUTHORITIES}"] if authorities else [])
    if settings.get("client-cert"):
        left_out.append("client-cert: a key of yours does not belong in an image")
    told = [f"# Left out: {one_line(reason, 300)}" for reason in left_out]
    conf = [_CONF if lines else _NOTHING, *told, *(["[global]", *lines] if lines else [])]
    return PipFiles("\n".join(conf), authorities or _NO_AUTHORITIES)


_CONF = "# Where pip finds packages while an image is built: made from the settings of this machine's pip."
_NOTHING = "# Nothing to set: pip asks the index that it always asks."
_NO_AUTHORITIES = "# Nothing to add: pip trusts whom it always trusts."


def _setting(name: str, values: list[str]) -> list[str]:
    return [f"{name} = " + "\n    ".join(values)] if values else []


def _why_not(link: str) -> str | None:
    """Why a build cannot use it; None when nothing speaks against it."""
    parts = urlsplit(link)
    if parts.scheme not in {"http", "https"}:
        return "it is on this machine, and a container does not see it"
    host = (parts.hostname or "").lower()
    if host in {"localhost", "ip6-localhost", "::1"} or host.endswith(".localhost") or host.startswith("127."):
        return f"in a container, {host} is the container itself"
    return None


def _shown(link: str) -> str:
    return _without_password(link, [])


def _without_password(link: str, left_out: list[str]) -> str:
    parts = urlsplit(link)
    _, at, host = parts.netloc.rpartition("@")
    if not at:
        return link
    left_out.append(f"the name and password for {host}: they do not belong in an image")
    return urlunsplit(parts._replace(netloc=host))


def _authorities(bundle: str, left_out: list[str]) -> str:
    if not bundle:
        return ""
    try:
        with Path(bundle).expanduser().open("rb") as file:
            text = file.read(_LARGEST + 1).decode("ascii", "replace")
    except OSError as error:
        left_out.append(f"the authorities in {bundle}: {error.strerror or error}")
        return ""
    if len(text) > _LARGEST or "BEGIN CERTIFICATE" not in text or "PRIVATE KEY" in text:
        left_out.append(f"the authorities in {bundle}: it is no file of certificates alone")
        return ""
    return text.strip()


def _unreachable(what: str, why: str) -> SetupFailed:
    return SetupFailed(
        f"This lesson builds images, and this machine's pip takes its packages from {one_line(_shown(what), 200)}: "
        f"{why}. An index with an address that containers reach is needed.",
        "PIP_INDEX_URL=http://ADDRESS/simple PIP_TRUSTED_HOST=ADDRESS dockerlearn start LESSON",
    )
