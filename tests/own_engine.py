"""An engine of a run's own, in namespaces of its own: for the live tests and for ``benchmarks``.

The program installs what is missing (saying what apt would do), then becomes the same program in a mount, network and
process namespace of its own. So no engine of this machine can be reached or changed, and whatever happens, the kernel
ends every process of the run with it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NoReturn

from dockerlearn.engine import processes, unix_http
from dockerlearn.engine.practice import Practice, PracticeStatus

INNER = "DOCKERLEARN_TESTS_INNER"
"""Set in the environment of the program inside its namespaces."""

SHARE = "DOCKERLEARN_TESTS_SHARE"
"""Set where the tests are divided among several runs: which of them this one has to do."""

STAND_INS = "DOCKERLEARN_TESTS_STAND_INS"
"""Set where stand-ins were made outside of the namespaces, which have no way to any package: the folder of them."""

PROGRAMS = "DOCKERLEARN_TESTS_PROGRAMS"
"""Set to the folder of another engine's and client's programs than those on PATH; see ``tests.matrix``."""

PLUGINS = "DOCKERLEARN_TESTS_PLUGINS"
"""Set to a folder of the client's plugins."""

STORE = "DOCKERLEARN_TESTS_STORE"
"""Set to ``containerd`` where the engine is to keep images in the containerd store."""

REPORTS = "DOCKERLEARN_TESTS_REPORTS"
"""Set to a folder in which each run leaves a JUnit file."""

THOROUGH = "DOCKERLEARN_TESTS_THOROUGH"
"""Set where the proofs of all lessons are to play the prover's own cheats; else only the first one's does."""

VARIABLES = frozenset({INNER, SHARE, STAND_INS, PROGRAMS, PLUGINS, STORE, REPORTS, THOROUGH})

BASE_IMAGE = "busybox:1.36"

IMAGES = {"nginx": "nginx:1.27-alpine-slim", "python": "python:3.11-slim"}
"""Stand-ins that are made only when a test asks for them, by the fixture of this name."""

_SPARING = {"GOGC": "off", "GOMEMLIMIT": "512MiB"}
"""For the programs of the tests' engine, which are in Go: no garbage collection while little memory is used.

For each archive, layer and container, dockerd runs itself anew, and a fourth of what that takes was collecting."""

# The shell stays as process 1 and collects orphans, which the program would not. An empty /run hides every socket of
# the machine's own services, an engine's among them.
_INSIDE = 'cd "$1" && mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run && shift && "$@"'
# In a chroot, / is usually no mount point, and dockerd unpacks images only where it is one.
_MOUNTED_ROOT = 'mount --rbind / /mnt && mount --make-rprivate /mnt && exec chroot /mnt "$@"'


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
    from dockerlearn.engine import install
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
        plan = install.plan(progress=say)
        if not plan.nothing_to_do:
            say(f"{who} need an engine. Missing here: {', '.join(plan.missing)}.")
            say(" ".join(plan.command) + "  would install:")
            for package in plan.installs:
                say(f"  {package}")
            say("and remove nothing. Installing.")
            install.install(plan, say)
    except PracticeFailed as failed:
        return "\n".join(filter(None, (failed.message, failed.remedy)))
    return None


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


def become_inner(command: Sequence[str], folder: Path) -> NoReturn:
    """Become ``command``, run from ``folder`` in namespaces of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    inner = _inner(command, folder)
    os.execvp(inner[0], inner)


def divide(seconds: Mapping[Path, float], shares: Sequence[str]) -> dict[Path, str]:
    """Give each file to a share: one after the other, the longest first, to the share that has the least yet."""
    filled = dict.fromkeys(shares, 0.0)
    found: dict[Path, str] = {}
    for path in sorted(seconds, key=lambda path: (-seconds[path], path)):
        found[path] = min(shares, key=lambda share: filled[share])
        filled[found[path]] += seconds[path]
    return found


def run_inner_together(command: Sequence[str], folder: Path, shares: Sequence[str]) -> int:
    """Run ``command`` once per share, at the same time, each in namespaces of its own; return the worst exit code.

    Which share a run has to do is in its environment, as ``SHARE``. The first one has this terminal; what the others
    print is shown when it has ended. Most of a live test is waiting, so that two at a time lose little.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    inner = _inner(command, folder)
    with ExitStack() as stack:
        runs: list[tuple[subprocess.Popen[bytes], IO[bytes] | None]] = []
        for number, share in enumerate(shares):
            output: IO[bytes] | None = stack.enter_context(tempfile.TemporaryFile()) if number else None
            environment = {**os.environ, SHARE: share}
            started = subprocess.Popen(
                inner, env=environment, stdout=output, stderr=subprocess.STDOUT if output else None
            )
            stack.callback(started.terminate)  # unshare ends all that runs in the namespaces with itself
            runs.append((started, output))
        codes = []
        for share, (started, output) in zip(shares, runs, strict=True):
            codes.append(started.wait())
            if output is not None:
                output.seek(0)
                sys.stdout.write(f"\n--- {share} ---\n{output.read().decode(errors='replace')}")
                sys.stdout.flush()
    return next((code for code in codes if code), 0)


def _inner(command: Sequence[str], folder: Path) -> list[str]:
    os.environ[INNER] = "1"
    first = f"{os.environ[PROGRAMS]}:" if os.environ.get(PROGRAMS) else ""
    os.environ["PATH"] = f"{first}{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
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
    name, tag = BASE_IMAGE.split(":")
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
