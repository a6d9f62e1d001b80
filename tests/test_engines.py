"""How other engines are fetched where the network fails, where a release has moved on, and where there is none."""

from __future__ import annotations

import os
import textwrap
import threading
from pathlib import Path

import pytest

from tests import engines

APT_GET = """
    #!/bin/sh
    case "$*" in
    *indextargets*) echo "Debian http://mirror.example/debian-security"; echo "Debian http://mirror.example/debian" ;;
    *update)
        echo update >> "$CALLS"
        [ "$(grep -c update "$CALLS")" -gt "$FAILING" ] || { echo "Temporary failure resolving" >&2; exit 100; } ;;
    *download*) echo download >> "$CALLS"; touch docker.io.deb ;;
    esac
"""

DPKG_DEB = """
    #!/bin/sh
    mkdir -p "$3/usr/sbin" "$3/usr/bin" "$3/usr/libexec/docker/cli-plugins"
    for name in $UNPACKED; do
        printf '#!/bin/sh\\necho Docker version %s, build 1' "$RELEASE" > "$3/usr/bin/$name"
        chmod +x "$3/usr/bin/$name"
    done
    touch "$3/usr/libexec/docker/cli-plugins/docker-buildx"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose apt-get and dpkg-deb are stubs, told by the environment what becomes of them."""
    (tmp_path / "programs").mkdir()
    for name, text in {"apt-get": APT_GET, "dpkg-deb": DPKG_DEB}.items():
        (tmp_path / "programs" / name).write_text(textwrap.dedent(text).lstrip())
        (tmp_path / "programs" / name).chmod(0o755)
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    monkeypatch.setattr(engines, "_KEYRING", keyring)
    monkeypatch.setenv("PATH", f"{tmp_path / 'programs'}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAILING", "0")
    monkeypatch.setenv("RELEASE", "28.5.2+dfsg1")
    monkeypatch.setenv("UNPACKED", " ".join(engines.PROGRAMS))
    return tmp_path


def calls(machine: Path) -> list[str]:
    return (machine / "calls").read_text().split()


def fetch(machine: Path, engine: str = "28.5") -> tuple[Path, list[str]]:
    said: list[str] = []
    return engines.fetch(engine, machine / "cache", said.append, pause=0), said


def test_it_is_fetched_once_though_the_network_fails_at_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILING", "2")
    programs, said = fetch(machine)
    assert engines.version(programs) == "28.5.2"
    assert "nothing is installed" in said[0]
    assert "fetched engine 28.5.2 in" in said[1]
    assert (machine / "cache/28.5" / engines.PLUGINS / "docker-buildx").exists()
    assert "http://mirror.example/debian sid main" in (machine / "cache/28.5/sources.list").read_text()
    assert fetch(machine) == (programs, [])
    assert calls(machine) == ["update", "update", "update", "download"]


def test_a_network_that_is_not_there_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILING", "9")
    with pytest.raises(engines.NotFetched, match=r"apt-get update failed 3 times.*Temporary failure resolving"):
        fetch(machine)
    monkeypatch.setenv("FAILING", "0")
    fetch(machine)  # what was left of it is in nobody's way


def test_a_release_that_has_moved_on_is_taken_and_told_each_time(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEASE", "29.1.3")
    for _ in range(2):
        programs, said = fetch(machine)
        assert engines.version(programs) == "29.1.3"
        assert said[-1] == "Debian sid has moved on: engine 29.1.3 is what is used for 28.5"
    monkeypatch.setenv("RELEASE", "28.50.1")
    assert "has moved on" in fetch(machine, "26.1")[1][-1]


def test_an_older_engine_is_refused(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE", "28.2.2")
    with pytest.raises(engines.NotFetched, match=r"has engine 28\.2\.2, which is older than 28\.5"):
        fetch(machine)
    assert not (machine / "cache/28.5/bin").exists()


def test_packages_without_the_programs_and_programs_that_do_not_run_are_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNPACKED", "dockerd docker containerd")
    with pytest.raises(engines.NotFetched, match="no program containerd-shim-runc-v2"):
        fetch(machine)
    monkeypatch.setenv("UNPACKED", " ".join(engines.PROGRAMS))
    monkeypatch.setenv("RELEASE", "x; echo 'GLIBC_2.99 not found' >&2; exit 1 #")
    with pytest.raises(engines.NotFetched, match="does not run here"):
        fetch(machine)


def test_without_debians_key_it_is_told_what_to_install(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_KEYRING", machine / "nothing")
    with pytest.raises(engines.NotFetched, match="install debian-archive-keyring"):
        fetch(machine)


def test_two_at_once_fetch_it_once(machine: Path) -> None:
    both = [threading.Thread(target=fetch, args=(machine,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert calls(machine) == ["update", "download"]
