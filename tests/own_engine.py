"""An engine of a run's own, in namespaces of its own: for the live tests and for ``benchmarks``.

The program installs what is missing (saying what apt would do), then becomes the same program in a mount, network and
process namespace of its own. So no engine of this machine can be reached or changed, and whatever happens, the kernel
ends every process of the run with it.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, NoReturn

from dockerlearn.engine import processes, unix_http
from dockerlearn.engine.practice import Practice, PracticeStatus
from tests import podman_engine

if TYPE_CHECKING:
    import pytest

INNER = "DOCKERLEARN_TESTS_INNER"
"""Set in the environment of the program inside its namespaces."""

SHARE = "DOCKERLEARN_TESTS_SHARE"
"""Set where the files of tests are divided among several runs: the name of this one."""

TAKEN = "DOCKERLEARN_TESTS_TAKEN"
"""Set where they are divided: the folder in which each run writes down what it takes."""

STAND_INS = "DOCKERLEARN_TESTS_STAND_INS"
"""Set where stand-ins were made outside of the namespaces, which have no way to any package: the folder of them."""

PACKAGES = "DOCKERLEARN_TESTS_PACKAGES"
"""Set where packages of Python were fetched outside of the namespaces: the folder of them."""

PROGRAMS = "DOCKERLEARN_TESTS_PROGRAMS"
"""Set to the folder of another engine's and client's programs than those on PATH; see ``tests.matrix``."""

PLUGINS = "DOCKERLEARN_TESTS_PLUGINS"
"""Set to a folder of the client's plugins."""

STORE = "DOCKERLEARN_TESTS_STORE"
"""Set to ``containerd`` where the engine is to keep images in the containerd store."""

ENGINE = "DOCKERLEARN_TESTS_ENGINE"
"""Set to ``podman`` where the engine is to be Podman's API; see ``tests.podman_engine``."""

REPORTS = "DOCKERLEARN_TESTS_REPORTS"
"""Set to a folder in which each run leaves a JUnit file."""

ON_OTHERS = "engine-"
"""How the names of those runs begin that are on one of the other engines."""

CELL = "DOCKERLEARN_TESTS_CELL"
"""Set where the tests for one of the other engines are run: its name in ``tests.matrix.CELLS``."""

THOROUGH = "DOCKERLEARN_TESTS_THOROUGH"
"""Set where the proofs of all lessons are to play the prover's own cheats; else only the first one's does."""

VARIABLES = frozenset(
    {INNER, SHARE, TAKEN, STAND_INS, PACKAGES, PROGRAMS, PLUGINS, STORE, ENGINE, REPORTS, CELL, THOROUGH}
)

BASE_IMAGE = "busybox:1.36"

IMAGES = {"nginx": "nginx:1.27-alpine-slim", "python": "python:3.11-slim", "registry": "registry:2"}
"""Stand-ins that are made only when a test asks for them, by the fixture of this name."""

_SPARING = {"GOGC": "off", "GOMEMLIMIT": "512MiB"}
"""For the programs of the tests' engine, which are in Go: no garbage collection while little memory is used.

For each archive, layer and container, dockerd runs itself anew, and a fourth of what that takes was collecting."""

# The shell stays as process 1 and collects orphans, which the program would not. An empty /run hides every socket of
# the machine's own services, an engine's among them.
_INSIDE = 'cd "$1" && mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run && shift && "$@"'
# In a chroot, / is usually no mount point, and dockerd unpacks images only where it is one.
_MOUNTED_ROOT = 'mount --rbind / /mnt && mount --make-rprivate /mnt && exec chroot /mnt "$@"'


def is_podman() -> bool:
    """Whether this run's engine is Podman's API."""
    return os.environ.get(ENGINE) == "podman"


def is_inner() -> bool:
    """Whether this runs in namespaces of its own already."""
    return bool(os.environ.get(INNER))


def begin() -> None:
    """Do what is to be done first inside of the namespaces."""
    from dockerlearn.engine import bridge

    bridge.loopback_up()
    if plugins := os.environ.get(PLUGINS):
        show_plugins(Path(plugins), Path("/run/dl-plugins"))


def show_plugins(plugins: Path, layer: Path) -> None:
    """Let every client find these plugins, whatever its configuration; only this mount namespace sees them.

    ``layer`` is where copies of them lie as long as they are wanted. Nothing is written to the machine's own folder.
    """
    shutil.copytree(plugins, layer / "docker" / "cli-plugins")
    subprocess.run(
        ["mount", "-t", "overlay", "-o", f"lowerdir={layer}:/usr/libexec", "dl-plugins", "/usr/libexec"], check=True
    )


def provide(say: Callable[[str], None], who: str) -> str | None:
    """Install what is missing; the value says why there can be no engine, if so. ``who`` needs it, in the plural."""
    from dockerlearn.engine import install, rootless
    from dockerlearn.errors import PracticeFailed

    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return f"{who} start an engine of their own, which only root on Linux can. Run this as root."
    if shutil.which("unshare") is None:
        return f"{who} need the program unshare, of the package util-linux."
    if _propagation() is None:
        return (
            "In this chroot, mounts for an engine of our own would show outside. Make it a mount of its own first, "
            "outside: mount --bind FOLDER FOLDER && mount --make-private FOLDER"
        )
    try:
        plan = install.plan(progress=say, also=rootless.PROGRAMS)
        if not plan.nothing_to_do:
            say(f"{who} need an engine. Missing here: {', '.join(plan.missing)}.")
            say(" ".join(plan.command) + "  would install:")
            for package in plan.installs:
                say(f"  {package}")
            say("and remove nothing. Installing.")
            install.install(plan, say)
    except PracticeFailed as failed:
        return "\n".join(filter(None, (failed.message, failed.remedy)))
    return podman_engine.provide(say) if is_podman() else None


def make_stand_ins(names: Iterable[str], folder: Path, say: Callable[[str], None]) -> str | None:
    """Make ``IMAGES`` in a folder for the runs inside; the value says why it cannot be, if so."""
    from dockerlearn.engine.standins import catalogue
    from dockerlearn.errors import PracticeFailed

    for name in names:
        recipe = catalogue.recipe(IMAGES[name])
        assert recipe is not None
        began = time.monotonic()
        try:
            made = recipe.build(folder, lambda _: None)
        except PracticeFailed as failed:
            return "\n".join(filter(None, (failed.message, failed.remedy)))
        size, seconds = made.size / 1e6, time.monotonic() - began
        say(f"made a stand-in for {IMAGES[name]}: {size:.0f} MB in {seconds:.1f} seconds")
    os.environ[STAND_INS] = str(folder)
    return None


def serve_stand_in(name: str, practice: Practice) -> str:
    """Have the practice engine's mirror serve one of ``IMAGES`` that was made outside; return its reference."""
    made, served = Path(os.environ[STAND_INS]), practice.folder / "store"
    for blob in (made / "blobs/sha256").iterdir():
        if not (served / "blobs/sha256" / blob.name).exists():
            shutil.copyfile(blob, served / "blobs/sha256" / blob.name)
    index = json.loads((served / "index.json").read_text())
    repository = f"library/{name}"
    index[repository] = json.loads((made / "index.json").read_text())[repository]
    (served / "index.json").write_text(json.dumps(index))
    return IMAGES[name]


REQUIREMENTS = Path(__file__).parents[1] / "lessons/fastapi/files/api/requirements.txt"
"""What the lesson fastapi installs."""


def fetch_packages(folder: Path, say: Callable[[str], None]) -> str | None:
    """Fetch ``REQUIREMENTS`` and what they need, for the stand-in's python; the value says why it cannot be, if so."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    machine = platform.machine()
    command += ["--only-binary", ":all:", "--python-version", "3.11", "--implementation", "cp"]
    command += ["--platform", f"manylinux2014_{machine}", "--platform", f"manylinux_2_17_{machine}"]
    done = subprocess.run(
        [*command, "--dest", str(folder), "--requirement", str(REQUIREMENTS)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return f"The packages of the lesson fastapi could not be fetched: {done.stderr.strip()[-600:]}"
    found = list(folder.iterdir())
    size, seconds = sum(path.stat().st_size for path in found) / 1e6, time.monotonic() - began
    say(f"fetched {len(found)} packages of python: {size:.1f} MB in {seconds:.1f} seconds")
    os.environ[PACKAGES] = str(folder)
    return None


@contextmanager
def index_for(host: str) -> Iterator[dict[str, str]]:
    """Serve the packages to containers of the engine at ``host``; what pip's environment has to say of it."""
    if is_podman():
        here = podman_engine.address_for_builds()
    else:
        bridge: Any = unix_http.ask(host.removeprefix("unix://"), "/networks/bridge").json()
        here = bridge["IPAM"]["Config"][0]["Gateway"]
    with index() as port:
        yield {"PIP_INDEX_URL": f"http://{here}:{port}/simple", "PIP_TRUSTED_HOST": here}


@contextmanager
def index() -> Iterator[int]:
    """Serve the packages that were fetched outside as an index (PEP 503) on a port of every address here."""
    folder = Path(os.environ[PACKAGES])
    projects: dict[str, list[str]] = {}
    for path in sorted(folder.iterdir()):
        projects.setdefault(path.name.partition("-")[0].lower().replace("_", "-"), []).append(path.name)

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, _, name = self.path.strip("/").partition("/")
            if kind == "simple" and name in projects:
                links = "".join(f'<a href="/files/{one}">{one}</a>' for one in projects[name])
                self._answer(200, "text/html", links.encode())
            elif kind == "files" and name in {one for some in projects.values() for one in some}:
                self._answer(200, "application/octet-stream", (folder / name).read_bytes())
            else:
                self._answer(404, "text/plain", b"")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "max-age=3600")  # without it, pip's cache would keep nothing
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the class calls it
            pass

    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Index)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def become_inner(command: Sequence[str], folder: Path) -> NoReturn:
    """Become ``command``, run from ``folder`` in namespaces of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    inner = _inner(command, folder, os.environ)
    os.execvp(inner[0], inner)


def is_divided() -> bool:
    """Whether the files of tests are divided among this run and others."""
    return bool(os.environ.get(TAKEN))


@cache
def take(path: Path) -> bool:
    """Whether a file of tests is this run's to do: of several runs, that of the one that asks first."""
    if not is_divided():
        return True
    try:
        (Path(os.environ[TAKEN]) / _mark(path)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def run_taken(session: pytest.Session) -> bool:
    """Run the tests of the files that this run takes, one file after the other.

    A test is told which one follows, and takes down what that one does not need: so it must be the one that does follow
    here, and a file is taken before the last test of the one before it is run.
    """
    mine = (item for item in session.items if take(item.path))
    item = next(mine, None)
    while item is not None:
        following = next(mine, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


def _mark(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()


class Run(NamedTuple):
    """One of several runs of the same command: what it is called, and what its environment says more."""

    name: str
    told: Mapping[str, str]


def shares(number: int, folder: Path, told: Mapping[str, str] | None = None) -> list[Run]:
    """Runs that divide files among themselves as they come to them; ``folder`` is where they note what they take.

    ``told`` is said to each, with the share's name in it, if it has one, made into a name for each.
    """
    folder.mkdir(parents=True)
    told = told or {}
    name = told.get(SHARE, "share")
    if number == 1:
        return [Run(name, told)]
    names = [f"{name}-{one}" for one in range(1, number + 1)]
    return [Run(each, {**told, SHARE: each, TAKEN: str(folder)}) for each in names]


def left_over(files: Iterable[Path], folder: Path) -> list[Path]:
    """The files that none of several shares has taken."""
    return [path for path in files if not (folder / _mark(path)).exists()]


def run_inner_together(command: Sequence[str], folder: Path, runs: Sequence[Run], at_once: int) -> int:
    """Run ``command`` once for each of ``runs``, some at once, each in namespaces of its own; return the worst code.

    They are begun in their order. The first one has this terminal; what the others print is shown after it has ended.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if len(runs) > 1:
        command = [*command, "-o", "console_output_style=classic"]  # no run can know how much of all it will have done
    waiting = list(runs)
    going: list[tuple[Run, subprocess.Popen[bytes], IO[bytes] | None]] = []
    ended: list[tuple[Run, int, IO[bytes] | None]] = []
    codes = []
    with ExitStack() as stack:
        while waiting or going:
            while waiting and len(going) < at_once:
                run = waiting.pop(0)
                output: IO[bytes] | None = stack.enter_context(tempfile.TemporaryFile()) if run != runs[0] else None
                environment = {**os.environ, **run.told}
                started = subprocess.Popen(
                    _inner(command, folder, environment),
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT if output else None,
                )
                stack.callback(started.kill)  # unshare ends all in the namespaces with itself; it takes no other signal
                going.append((run, started, output))
            time.sleep(0.1)
            ended += [(run, started.returncode, output) for run, started, output in going if started.poll() is not None]
            going = [one for one in going if one[1].returncode is None]
            if any(run == runs[0] for run, *_ in going):
                continue
            for run, code, output in ended:
                codes.append(code)
                if output is not None:
                    output.seek(0)
                    sys.stdout.write(f"\n--- {run.name} ---\n{output.read().decode(errors='replace')}")
                    sys.stdout.flush()
            ended = []
    return next((code for code in codes if code), 0)


def _inner(command: Sequence[str], folder: Path, environment: MutableMapping[str, str]) -> list[str]:
    environment[INNER] = "1"
    first = f"{environment[PROGRAMS]}:" if environment.get(PROGRAMS) else ""
    environment["PATH"] = f"{first}{environment.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    propagation = str(_propagation())
    namespaces = ["unshare", "--mount", "--propagation", propagation]
    namespaces += ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if propagation == "unchanged":
        namespaces += ["/bin/sh", "-c", _MOUNTED_ROOT, "sh"]
    return [*namespaces, "/bin/sh", "-c", _INSIDE, "sh", str(folder), *command]


@contextmanager
def own_engine() -> Iterator[tuple[Practice, PracticeStatus]]:
    """Bring up a practice engine with stand-ins and ``BASE_IMAGE``; take it away again, with all it has.

    Its data is in memory, seen in this mount namespace only: there is nothing on a disk to be waited for.
    """
    if is_podman():
        with podman_engine.podman_engine() as found:
            pull_base(str(found[1].address))
            yield found
        return
    # Not below tmp_path: pytest keeps those folders, and an engine's data is large.
    folder = Path(tempfile.mkdtemp(prefix="dl-live-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "dl-live", str(folder)], check=True)
    is_containerd = os.environ.get(STORE) == "containerd"
    more = {"features": {"containerd-snapshotter": True}} if is_containerd else {}
    practice = Practice(folder / "engine", environ={**os.environ, **_SPARING}, daemon=more)
    try:
        status = practice.up(stand_ins=True)
        assert status.address is not None
        pull_base(status.address)
        yield practice, status
        practice.down(purge=True)
        left = processes.naming([folder], ("dockerd", "containerd", "runc", "docker-proxy", "python", "python3"))
        assert left == [], [processes.command_line(process.pid) for process in left]
    finally:
        practice.down(purge=True)
        subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def pull_base(host: str) -> None:
    """Pull ``BASE_IMAGE`` to the engine at ``host``."""
    pull(host, BASE_IMAGE)


def pull(host: str, reference: str) -> None:
    """Pull an image to the engine at ``host``."""
    name, tag = reference.split(":")
    path = f"/images/create?fromImage={name}&tag={tag}"
    assert unix_http.ask(host.removeprefix("unix://"), path, method="POST", timeout=60).ok


def _propagation() -> str | None:
    """How ``unshare`` is to treat mounts; None where they could not be kept from showing outside.

    In a chroot, ``/`` is usually no mount point, so nothing can be made private by that name. The mount it lies in is
    one that only processes outside of the chroot can see; that is well if it is not shared with other namespaces.
    """
    root = os.open("/", os.O_PATH)
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{root}").read_text().splitlines())
    finally:
        os.close(root)
    identifier = fields["mnt_id"].strip()
    if _mount_options("self", identifier) is not None:
        return "private"
    here = Path("/proc/self/ns/mnt").stat().st_ino
    for process in Path("/proc").glob("[0-9]*"):
        try:
            same = (process / "ns/mnt").stat().st_ino == here
            options = _mount_options(process.name, identifier) if same else None
        except OSError:
            continue
        if options is not None:
            return None if any(option.startswith("shared:") for option in options) else "unchanged"
    return None


def _mount_options(process: str, identifier: str) -> list[str] | None:
    """The optional fields of a mount in a process's view; None when it does not see it."""
    for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[0] == identifier:
            return fields[6 : fields.index("-")]
    return None
