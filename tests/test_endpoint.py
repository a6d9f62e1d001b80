"""Where the engine is: as the docker client finds it, and a little further."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dockerlearn.engine.endpoint import Endpoint, Tls, address, find
from dockerlearn.errors import ContextBroken, ContextMissing, EngineTls, HostInvalid

MakeSocket = Callable[[Path], Path]


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A short one: the path of a socket may have about 100 characters."""
    with TemporaryDirectory(prefix="dl-") as folder:
        yield Path(folder)


@pytest.fixture
def root(short_path: Path) -> Path:
    return short_path / "root"


@pytest.fixture
def home(short_path: Path) -> Path:
    folder = short_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def make_socket() -> Iterator[MakeSocket]:
    """Make a socket file on which nobody listens any more."""
    with ExitStack() as stack:

        def make(path: Path) -> Path:
            path.parent.mkdir(parents=True, exist_ok=True)
            bound = stack.enter_context(socket.socket(socket.AF_UNIX))
            bound.bind(str(path))
            return path

        yield make


def make_context(config: Path, name: str, meta: object, *, files: tuple[str, ...] = ()) -> Path:
    digest = hashlib.sha256(name.encode()).hexdigest()
    file = config / "contexts" / "meta" / digest / "meta.json"
    file.parent.mkdir(parents=True)
    file.write_text(meta if isinstance(meta, str) else json.dumps(meta))
    tls = config / "contexts" / "tls" / digest / "docker"
    for item in files:
        tls.mkdir(parents=True, exist_ok=True)
        (tls / item).write_text("pem")
    return file


def docker_endpoint(host: str, **more: object) -> dict[str, object]:
    return {"Name": "x", "Metadata": {}, "Endpoints": {"docker": {"Host": host, **more}}}


def select_context(config: Path, name: str) -> None:
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.json").write_text(json.dumps({"currentContext": name}))


def test_nothing_said_is_the_default_socket(home: Path, root: Path) -> None:
    found = find({}, home, root=root)
    assert found == Endpoint(f"unix://{root}/var/run/docker.sock", "the default socket")
    assert not found.export


def test_the_order(home: Path, root: Path, make_socket: MakeSocket) -> None:
    config = home / ".docker"
    for name in ("env", "current"):
        make_context(config, name, docker_endpoint(f"unix:///{name}.sock"))
    select_context(config, "current")
    make_socket(root / "var/run/docker.sock")
    environ = {"DOCKER_HOST": "unix:///host.sock", "DOCKER_CONTEXT": "env"}
    practice = "unix:///practice.sock"

    seen = [find(environ, home, practice, root=root).address]
    del environ["DOCKER_HOST"]
    seen.append(find(environ, home, practice, root=root).address)
    del environ["DOCKER_CONTEXT"]
    seen.append(find(environ, home, practice, root=root).address)
    seen.append(find(environ, home, root=root).address)
    select_context(config, "default")
    seen.append(find(environ, home, root=root).address)

    assert seen == [
        "unix:///host.sock",
        "unix:///env.sock",
        "unix:///practice.sock",
        "unix:///current.sock",
        f"unix://{root}/var/run/docker.sock",
    ]


def test_the_practice_engine_has_to_be_exported(home: Path, root: Path) -> None:
    found = find({}, home, "unix:///p.sock", root=root)
    assert (found.source, found.export) == ("the practice engine", True)


def test_the_default_context_by_name_leaves_the_practice_engine_aside(
    home: Path, root: Path, make_socket: MakeSocket
) -> None:
    make_socket(home / ".colima/default/docker.sock")
    found = find({"DOCKER_CONTEXT": "default"}, home, "unix:///p.sock", root=root)
    assert found.address == f"unix://{root}/var/run/docker.sock"


def test_empty_variables_say_nothing(home: Path, root: Path) -> None:
    environ = {"DOCKER_HOST": "", "DOCKER_CONTEXT": "", "DOCKER_TLS_VERIFY": "", "DOCKER_CONFIG": ""}
    assert find(environ, home, root=root).source == "the default socket"


@pytest.mark.parametrize(
    ("platform", "path", "what"),
    [
        ("linux", "home/.docker/desktop/docker.sock", "Docker Desktop"),
        ("linux", "run/docker.sock", "rootless Docker"),
        ("linux", "run/podman/podman.sock", "Podman"),
        ("linux", "home/.colima/default/docker.sock", "Colima"),
        ("linux", "home/.rd/docker.sock", "Rancher Desktop"),
        ("darwin", "home/.docker/run/docker.sock", "Docker Desktop"),
        ("darwin", "home/.orbstack/run/docker.sock", "OrbStack"),
        ("darwin", "home/.local/share/containers/podman/machine/podman.sock", "Podman machine"),
        ("darwin", "home/.local/share/containers/podman/machine/qemu/podman.sock", "Podman machine"),
        ("darwin", "tmp/podman/podman-machine-default-api.sock", "Podman machine"),
        ("darwin", "home/.rd/docker.sock", "Rancher Desktop"),
        ("darwin", "home/.colima/default/docker.sock", "Colima"),
        ("darwin", "home/.config/colima/default/docker.sock", "Colima"),
        ("darwin", "home/.colima/work/docker.sock", "Colima"),
        ("darwin", "home/.lima/docker/sock/docker.sock", "Lima"),
        ("linux", "home/.docker/run/docker.sock", "rootless Docker"),
        ("linux", "root/run/user/1000/docker.sock", "rootless Docker"),
        ("linux", "root/run/user/1000/podman/podman.sock", "Podman"),
        ("linux", "root/run/podman/podman.sock", "Podman"),
    ],
)
def test_well_known_sockets(
    short_path: Path, home: Path, root: Path, make_socket: MakeSocket, platform: str, path: str, what: str
) -> None:
    made = make_socket(short_path / path)
    environ = {"XDG_RUNTIME_DIR": str(short_path / "run"), "TMPDIR": str(short_path / "tmp")}

    found = find(environ, home, platform=platform, root=root, user=1000)

    assert found.address == f"unix://{made}"
    assert found.source.startswith(f"{what}'s socket")
    assert found.export


def test_a_well_known_socket_is_no_match_for_the_default_one(home: Path, root: Path, make_socket: MakeSocket) -> None:
    make_socket(home / ".colima/default/docker.sock")
    default = make_socket(root / "var/run/docker.sock")
    assert find({}, home, root=root).address == f"unix://{default}"


def test_a_socket_that_listens_is_preferred_to_one_left_behind(
    short_path: Path, home: Path, root: Path, make_socket: MakeSocket
) -> None:
    make_socket(home / ".rd/docker.sock")
    alive = home / ".colima/default/docker.sock"
    alive.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(alive))
        server.listen()
        assert find({}, home, root=root).address == f"unix://{alive}"


def test_a_plain_file_is_no_socket(home: Path, root: Path) -> None:
    file = home / ".rd/docker.sock"
    file.parent.mkdir()
    file.write_text("")
    assert find({}, home, root=root).source == "the default socket"


def test_colima_may_be_moved(short_path: Path, home: Path, root: Path, make_socket: MakeSocket) -> None:
    make_socket(home / ".colima/default/docker.sock")
    moved = make_socket(short_path / "elsewhere/default/docker.sock")
    found = find({"COLIMA_HOME": str(short_path / "elsewhere")}, home, platform="darwin", root=root)
    assert found.address == f"unix://{moved}"


def test_the_default_profile_of_colima_comes_first(home: Path, root: Path, make_socket: MakeSocket) -> None:
    make_socket(home / ".colima/a/docker.sock")
    default = make_socket(home / ".colima/default/docker.sock")
    assert find({}, home, platform="darwin", root=root).address == f"unix://{default}"


def test_another_users_runtime_folder_is_not_looked_at(home: Path, root: Path, make_socket: MakeSocket) -> None:
    make_socket(root / "run/user/1001/docker.sock")
    assert find({}, home, root=root, user=1000).source == "the default socket"


def test_a_macs_folders_are_not_those_of_linux(home: Path, root: Path, make_socket: MakeSocket) -> None:
    make_socket(home / ".orbstack/run/docker.sock")
    make_socket(root / "run/user/501/docker.sock")
    assert find({}, home, root=root).source == "the default socket"
    assert find({}, home, platform="darwin", root=root, user=501).source.startswith("OrbStack's socket")


def no_pipes() -> tuple[str, ...]:
    return ()


def test_windows_has_a_pipe(home: Path) -> None:
    found = find({}, home, platform="win32", pipes=no_pipes)
    assert found == Endpoint("npipe:////./pipe/docker_engine", "the default pipe")
    assert found.host == "127.0.0.1"
    assert not found.is_remote


@pytest.mark.parametrize(
    ("there", "address", "source"),
    [
        (("docker_engine", "dockerDesktopLinuxEngine"), "docker_engine", "the default pipe"),
        (("dockerDesktopLinuxEngine", "podman-machine-default"), "dockerDesktopLinuxEngine", "Docker Desktop's pipe"),
        (("docker_engine_linux",), "docker_engine_linux", "Docker Desktop's pipe"),
        (("podman-machine-default",), "podman-machine-default", "Podman machine's pipe"),
        (("docker_engine_windows", "lsass"), "docker_engine", "the default pipe"),
    ],
)
def test_windows_has_several_pipes(home: Path, there: tuple[str, ...], address: str, source: str) -> None:
    found = find({}, home, platform="win32", pipes=lambda: there)
    assert (found.address, found.source) == (f"npipe:////./pipe/{address}", source)
    assert found.export is (source != "the default pipe")


def test_a_context_on_windows_names_a_pipe(home: Path) -> None:
    make_context(home / ".docker", "desktop-linux", docker_endpoint("npipe:////./pipe/dockerDesktopLinuxEngine"))
    select_context(home / ".docker", "desktop-linux")
    found = find({}, home, platform="win32", pipes=no_pipes)
    assert found.address == "npipe:////./pipe/dockerDesktopLinuxEngine"


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "full"),
        [
            ("unix:///run/x.sock", "unix:///run/x.sock"),
            ("unix://run/x.sock", "unix:///run/x.sock"),
            ("unix://", "unix:///var/run/docker.sock"),
            ("tcp://", "tcp://localhost:2375"),
            ("tcp://h", "tcp://h:2375"),
            ("tcp://h:99/p/", "tcp://h:99/p"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("127.0.0.1:99", "tcp://127.0.0.1:99"),
            ("npipe:////./pipe/x", "npipe:////./pipe/x"),
        ],
    )
    def test_full_form(self, text: str, full: str) -> None:
        assert address(text) == full

    def test_tls_has_a_port_of_its_own(self) -> None:
        assert address("tcp://h", tls=True) == "tcp://h:2376"

    @pytest.mark.parametrize(
        "text",
        ["http://h:1", "https://h", "fd://x", "ftp://h", "tcp://h:port", "tcp://h:99999", "tcp://a b", "tcp://u@h"],
    )
    def test_what_the_client_refuses_is_refused(self, text: str) -> None:
        with pytest.raises(HostInvalid) as caught:
            address(text)
        assert text in caught.value.message
        assert caught.value.remedy
        assert "DOCKER_HOST" in caught.value.remedy

    @pytest.mark.parametrize(
        ("text", "full"),
        [
            ("ssh://build.example", "ssh://build.example"),
            ("ssh://me@build.example:2222/", "ssh://me@build.example:2222"),
            ("ssh://Alias", "ssh://Alias"),
            ("ssh://me@h/run/user/1000/docker.sock", "ssh://me@h/run/user/1000/docker.sock"),
            ("ssh://me@[::1]:22", "ssh://me@[::1]:22"),
        ],
    )
    def test_ssh(self, text: str, full: str) -> None:
        assert address(text) == full

    @pytest.mark.parametrize(
        "text",
        ["ssh://", "ssh://a;reboot", "ssh://-oProxyCommand=x", "ssh://a@-x", "ssh://h:0", "ssh://h:99999", "ssh://h:x",
         "ssh://h?x", "ssh://h#x", "ssh://h/$(reboot)", "ssh://h/a b", "ssh://a b", "ssh://h\nx"],
    )  # fmt: skip
    def test_nothing_else_becomes_a_word_for_ssh(self, text: str) -> None:
        with pytest.raises(HostInvalid) as caught:
            address(text)
        assert "ssh://USER@HOST" in str(caught.value.remedy)

    @pytest.mark.parametrize("text", ["ssh://me:secret@h", "tcp://me:secret@h", "http://me:secret@h"])
    def test_a_password_is_refused_and_not_shown(self, text: str) -> None:
        with pytest.raises(HostInvalid) as caught:
            address(text)
        assert "secret" not in caught.value.message
        assert "me:…@h" in caught.value.message

    def test_control_sequences_are_taken_out(self) -> None:
        with pytest.raises(HostInvalid) as caught:
            address("evil\x1b[2J://x")
        assert "\x1b" not in caught.value.message

    @pytest.mark.parametrize(
        ("text", "remote"),
        [
            ("unix:///x", False),
            ("tcp://localhost:1", False),
            ("tcp://127.9.9.9:1", False),
            ("tcp://[::1]:1", False),
            ("tcp://10.0.0.1:1", True),
            ("ssh://me@build.example", True),
            ("ssh://localhost:2222", False),
            ("tcp://build.example:1", True),
            ("tcp://localhost.evil.example:1", True),
        ],
    )
    def test_remote(self, text: str, remote: bool) -> None:
        assert Endpoint(address(text), "test").is_remote is remote

    def test_host_is_where_ports_are_reached(self) -> None:
        assert Endpoint("unix:///x", "test").host == "127.0.0.1"
        assert Endpoint("tcp://build.example:1", "test").host == "build.example"
        assert Endpoint("ssh://me@build.example:22", "test").host == "build.example"
        assert Endpoint("npipe:////./pipe/docker_engine", "test").host == "127.0.0.1"


class TestContexts:
    def test_docker_config_moves_the_folder(self, short_path: Path, home: Path, root: Path) -> None:
        config = short_path / "elsewhere"
        make_context(config, "it", docker_endpoint("tcp://127.0.0.1:7"))
        select_context(config, "it")
        found = find({"DOCKER_CONFIG": str(config)}, home, root=root)
        assert found.address == "tcp://127.0.0.1:7"
        assert '"it"' in found.source
        assert not found.export

    def test_no_host_in_it_is_the_default_socket(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "it", docker_endpoint(""))
        assert find({"DOCKER_CONTEXT": "it"}, home, root=root).address == f"unix://{root}/var/run/docker.sock"

    def test_tls_files(self, home: Path, root: Path) -> None:
        files = ("ca.pem", "cert.pem", "key.pem")
        meta = make_context(home / ".docker", "it", docker_endpoint("tcp://h:7"), files=files)
        folder = home / ".docker" / "contexts" / "tls" / meta.parent.name / "docker"
        ca, cert, key = (str(folder / name) for name in files)
        assert find({"DOCKER_CONTEXT": "it"}, home, root=root).tls == Tls(ca, cert, key, skip_verify=False)

    def test_no_tls_files_is_no_tls(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "it", docker_endpoint("tcp://h:7", SkipTLSVerify=False))
        assert find({"DOCKER_CONTEXT": "it"}, home, root=root).tls is None

    def test_skip_verify(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "it", docker_endpoint("tcp://h", SkipTLSVerify=True))
        found = find({"DOCKER_CONTEXT": "it"}, home, root=root)
        assert found.tls == Tls(None, None, None, skip_verify=True)
        assert found.address == "tcp://h:2376"

    def test_skip_verify_on_a_local_socket_means_nothing(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "it", docker_endpoint("unix:///x", SkipTLSVerify=True))
        assert find({"DOCKER_CONTEXT": "it"}, home, root=root).tls is None

    def test_variables_of_tls_do_not_touch_a_context(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "it", docker_endpoint("tcp://h:7"))
        assert find({"DOCKER_CONTEXT": "it", "DOCKER_TLS_VERIFY": "1"}, home, root=root).tls is None

    def test_missing_by_variable(self, home: Path, root: Path, make_socket: MakeSocket) -> None:
        make_socket(root / "var/run/docker.sock")
        with pytest.raises(ContextMissing, match="nope") as caught:
            find({"DOCKER_CONTEXT": "nope"}, home, "unix:///p.sock", root=root)
        assert "DOCKER_CONTEXT" in caught.value.message
        assert str(caught.value.remedy).startswith("unset DOCKER_CONTEXT")

    def test_missing_by_configuration(self, home: Path, root: Path, make_socket: MakeSocket) -> None:
        make_socket(root / "var/run/docker.sock")
        select_context(home / ".docker", "deleted")
        with pytest.raises(ContextMissing, match="deleted") as caught:
            find({}, home, root=root)
        assert "config.json" in caught.value.message
        assert str(caught.value.remedy).startswith("docker context use default")

    @pytest.mark.parametrize("name", ["../../etc", "a/b", "\x1b[2J", "x" * 5000])
    def test_names_that_lead_nowhere(self, home: Path, root: Path, name: str) -> None:
        with pytest.raises(ContextMissing) as caught:
            find({"DOCKER_CONTEXT": name}, home, root=root)
        assert "\x1b" not in caught.value.message
        assert len(caught.value.message) < 400

    @pytest.mark.parametrize("text", ["{broken", "[]", "\x00", "", '"x"', '{"currentContext": 7}', "[" * 100_000])
    def test_broken_configuration(self, home: Path, root: Path, make_socket: MakeSocket, text: str) -> None:
        make_socket(root / "var/run/docker.sock")
        file = home / ".docker" / "config.json"
        file.parent.mkdir()
        file.write_text(text)
        with pytest.raises(ContextBroken) as caught:
            find({}, home, root=root)
        assert str(file) in caught.value.message
        assert caught.value.remedy

    def test_broken_configuration_does_not_matter_when_the_host_is_named(self, home: Path, root: Path) -> None:
        file = home / ".docker" / "config.json"
        file.parent.mkdir()
        file.write_text("{broken")
        assert find({"DOCKER_HOST": "unix:///x"}, home, root=root).address == "unix:///x"

    def test_configuration_that_is_a_folder(self, home: Path, root: Path) -> None:
        (home / ".docker" / "config.json").mkdir(parents=True)
        with pytest.raises(ContextBroken, match=r"config\.json cannot be read"):
            find({}, home, root=root)

    @pytest.mark.parametrize(
        "meta",
        [
            "{broken",
            "[]",
            {},
            {"Endpoints": []},
            {"Endpoints": {"docker": 1}},
            docker_endpoint("x") | {"Endpoints": {}},
        ],
    )
    def test_broken_meta(self, home: Path, root: Path, meta: object) -> None:
        file = make_context(home / ".docker", "it", meta)
        with pytest.raises(ContextBroken) as caught:
            find({"DOCKER_CONTEXT": "it"}, home, root=root)
        assert str(file)[:40] in caught.value.message
        assert caught.value.remedy

    def test_ssh_in_a_context(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "far", docker_endpoint("ssh://me@h"), files=("ca.pem",))
        found = find({"DOCKER_CONTEXT": "far"}, home, root=root)
        assert found == Endpoint("ssh://me@h", 'the docker context "far" (DOCKER_CONTEXT)')
        assert found.is_ssh

    def test_an_address_in_a_context_that_is_none(self, home: Path, root: Path) -> None:
        make_context(home / ".docker", "far", docker_endpoint("ssh://-x"))
        with pytest.raises(HostInvalid, match='context "far"') as caught:
            find({"DOCKER_CONTEXT": "far"}, home, root=root)
        assert caught.value.remedy == "docker context use default"


class TestTlsVariables:
    @pytest.fixture
    def certificates(self, short_path: Path) -> Path:
        folder = short_path / "certs"
        folder.mkdir()
        for name in ("ca", "cert", "key"):
            (folder / f"{name}.pem").write_text("pem")
        return folder

    @pytest.mark.parametrize("value", ["1", "0", "false"])
    def test_any_text_means_on(self, home: Path, root: Path, certificates: Path, value: str) -> None:
        environ = {"DOCKER_HOST": "tcp://h", "DOCKER_TLS_VERIFY": value, "DOCKER_CERT_PATH": str(certificates)}
        found = find(environ, home, root=root)
        assert found.address == "tcp://h:2376"
        ca, cert, key = (str(certificates / f"{name}.pem") for name in ("ca", "cert", "key"))
        assert found.tls == Tls(ca, cert, key, skip_verify=False)

    def test_off(self, home: Path, root: Path, certificates: Path) -> None:
        environ = {"DOCKER_HOST": "tcp://h", "DOCKER_CERT_PATH": str(certificates)}
        assert find(environ, home, root=root).tls is None

    def test_without_verification(self, home: Path, root: Path) -> None:
        found = find({"DOCKER_HOST": "tcp://h", "DOCKER_TLS": "1"}, home, root=root)
        assert found.tls == Tls(None, None, None, skip_verify=True)

    def test_missing_authority(self, home: Path, root: Path) -> None:
        with pytest.raises(EngineTls, match=r"ca\.pem") as caught:
            find({"DOCKER_HOST": "tcp://h", "DOCKER_TLS_VERIFY": "1"}, home, root=root)
        assert str(home / ".docker") in str(caught.value.remedy)

    def test_no_host_is_localhost(self, home: Path, root: Path, certificates: Path) -> None:
        environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
        assert find(environ, home, root=root).address == "tcp://localhost:2376"

    def test_a_local_socket_has_none(self, home: Path, root: Path) -> None:
        assert find({"DOCKER_HOST": "unix:///x", "DOCKER_TLS_VERIFY": "1"}, home, root=root).tls is None


def test_a_configuration_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    os.mkfifo(tmp_path / ".docker" / "config.json")
    with pytest.raises(ContextBroken, match="it is not a file"):
        find({}, tmp_path, root=tmp_path)
