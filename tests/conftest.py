"""What every test gets: an environment of its own; and for the live tests, namespaces of their own.

When tests of ``tests/live`` were selected, this pytest installs what is missing (saying what apt would do), and then
becomes a pytest with the same arguments in a mount, network and process namespace of its own. So no engine of this
machine can be reached or changed, and whatever happens, the kernel ends every process of the run with it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

LIVE = Path(__file__).parent / "live"
INNER = "DOCKERLEARN_TESTS_INNER"
NO_ENGINE = pytest.StashKey[str]()

# The shell stays as process 1 and collects orphans, which pytest would not. An empty /run hides every socket of the
# machine's own services, an engine's among them.
_INSIDE = 'cd "$DOCKERLEARN_TESTS_FOLDER" && mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run && "$@"'
# In a chroot, / is usually no mount point, and dockerd unpacks images only where it is one.
_MOUNTED_ROOT = 'mount --rbind / /mnt && mount --make-rprivate /mnt && exec chroot /mnt "$@"'


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keeps_things: a live test that leaves things on the engine on purpose")
    if os.environ.get(INNER):
        from dockerlearn.engine import bridge

        bridge.loopback_up()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Run again in namespaces of our own if live tests are among those selected; else, go on as always."""
    config = session.config
    if os.environ.get(INNER) or config.option.collectonly or session.testsfailed:
        return
    if not any(LIVE in item.path.parents for item in session.items):
        return
    reason = _provide_engine(config)
    if reason is not None:
        # The live tests fail with this; the others are run all the same.
        config.stash[NO_ENGINE] = reason
        return
    _become_inner(config)


def _provide_engine(config: pytest.Config) -> str | None:
    """Install what is missing; the value says why there can be no engine, if so."""
    from dockerlearn.engine import install
    from dockerlearn.errors import PracticeFailed

    terminal = config.pluginmanager.get_plugin("terminalreporter")

    def say(line: str) -> None:
        if terminal is not None:
            terminal.write_line(line)

    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "The live tests start an engine of their own, which only root on Linux can. Run pytest as root."
    if shutil.which("unshare") is None:
        return "The live tests need the program unshare, of the package util-linux."
    if _propagation() is None:
        return (
            "In this chroot, mounts of the live tests would show outside. Make it a mount of its own first, outside: "
            "mount --bind FOLDER FOLDER && mount --make-private FOLDER"
        )
    try:
        plan = install.plan(progress=say)
        if not plan.nothing_to_do:
            say(f"The live tests need an engine. Missing here: {', '.join(plan.missing)}.")
            say(" ".join(plan.command) + "  would install:")
            for package in plan.installs:
                say(f"  {package}")
            say("and remove nothing. Installing.")
            install.install(plan, say)
    except PracticeFailed as failed:
        return "\n".join(filter(None, (failed.message, failed.remedy)))
    return None


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


def _become_inner(config: pytest.Config) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.write_line("live tests selected: running again in namespaces of our own")
    if tuple(config.invocation_params.args) == tuple(sys.argv[1:]):
        again = [sys.executable, *sys.orig_argv[1:]]
    else:
        again = [sys.executable, "-m", "pytest", *map(str, config.invocation_params.args)]
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None:
        # Else the new pytest would write into this one's temporary files.
        capture.stop_global_capturing()
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ[INNER] = "1"
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    os.environ["DOCKERLEARN_TESTS_FOLDER"] = str(config.invocation_params.dir)
    propagation = str(_propagation())
    namespaces = ["unshare", "--mount", "--propagation", propagation]
    namespaces += ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if propagation == "unchanged":
        namespaces += ["/bin/sh", "-c", _MOUNTED_ROOT, "sh"]
    os.execvp("unshare", [*namespaces, "/bin/sh", "-c", _INSIDE, "sh", *again])


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home, data folder and workspace of this test's own, and nothing of the outside about engines or proxies."""
    for name in list(os.environ):
        if name.startswith(("DOCKER_", "DOCKERLEARN_", "COMPOSE_", "BUILDX_", "BUILDKIT_", "CONTAINER_")):
            if name == INNER:
                continue
            monkeypatch.delenv(name)
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKERLEARN_HOME", str(tmp_path / "dockerlearn-home"))
    monkeypatch.setenv("DOCKERLEARN_WORKSPACE", str(tmp_path / "dockerlearn-workspace"))
