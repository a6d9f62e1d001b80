"""Packs from git, over https and ssh: one commit, nothing of it run, nobody asked."""

from __future__ import annotations

import http.server
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli_support import Learner
from tests.test_hostile_packs import LESSON, PACK

# What stands in for ssh: it runs here what would be run there, and writes down how it was called.
SSH = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/called"
for last; do :; done
exec sh -c "$last"
"""


class Repository:
    """A repository of a pack, and the folder in which traps leave their trace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.traces = folder / "traces"
        self.traces.mkdir()
        (self.folder / "desk").mkdir(parents=True)
        (self.folder / "pack.yaml").write_text(PACK)
        (self.folder / "desk" / "lesson.yaml").write_text(LESSON)
        self.git("init", "-q", "-b", "main")
        self.commit()

    def git(self, *words: str) -> str:
        settings = ("user.name=Ada", "user.email=ada@example.org", "protocol.file.allow=always", "core.compression=0")
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", *(word for setting in settings for word in ("-c", setting)), *words]
        return subprocess.run(
            command, cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", "A state")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    """A learner whose ``ssh`` stays on this machine."""
    made = Learner(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(SSH)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    made.environ["PATH"] = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    return made


def address(repository: Repository) -> str:
    return f"ssh://git@git.example{repository.folder}/.git"


def test_a_pack_over_ssh(learner: Learner, repository: Repository) -> None:
    commit = repository.commit()
    added = learner("packs", "add", address(repository), "--yes", "--json", code=0).json
    assert (added["pack"]["id"], added["pack"]["revision"]) == ("shop", commit)
    assert added["pack"]["source"] == address(repository)
    called = (learner.folder / "bin" / "called").read_text()
    assert "-oBatchMode=yes" in called
    assert f"commit {commit[:12]}" in " ".join(learner("packs", code=0).out.split())
    assert learner("packs", "update", "shop", code=0).out == "shop is as it was.\n"


def test_an_update_follows_the_branch_or_tag(learner: Learner, repository: Repository) -> None:
    repository.git("tag", "v1")
    first = repository.git("rev-parse", "HEAD")
    (repository.folder / "desk" / "lesson.yaml").write_text(LESSON.replace("The desk", "The new desk"))
    second = repository.commit()
    added = learner("packs", "add", f"{address(repository)}#v1", "--yes", "--json", code=0).json
    assert added["pack"]["revision"] == first
    assert learner("packs", "update", code=0).out == "shop is as it was.\n"
    learner("packs", "remove", "shop", "--yes", code=0)
    learner("packs", "add", address(repository), "--yes", code=0)
    (repository.folder / "desk" / "lesson.yaml").write_text(LESSON.replace("The desk", "The third desk"))
    third = repository.commit()
    updated = learner("packs", "update", "shop", "--yes", "--json", code=0).json
    assert (updated["pack"]["revision"], updated["changes"]["changed"]) == (third, ["desk"])
    assert second != third


def test_a_branch_that_is_not_there(learner: Learner, repository: Repository) -> None:
    ended = learner("packs", "add", f"{address(repository)}#nowhere", "--yes", code=3)
    assert "could not be fetched" in ended.err
    assert "nowhere" in ended.err


def test_a_repository_that_is_not_there(learner: Learner) -> None:
    ended = learner("packs", "add", "ssh://git@git.example/nowhere.git", "--yes", "--json", code=3)
    assert "could not be fetched. git says:" in " ".join(ended.err.split())
    assert [path.name for path in (learner.folder / "data" / "packs").iterdir()] == []


def test_nobody_is_asked_and_a_stranger_is_not_trusted(learner: Learner) -> None:
    """ssh would ask for a password, or whether a key is right; it is told not to, and what to do is said."""
    (learner.folder / "bin" / "ssh").write_text("#!/bin/sh\necho 'Host key verification failed.' >&2\nexit 255\n")
    ended = learner("packs", "add", "git@git.example:shop.git", "--yes", code=3)
    assert "ssh git@git.example    # once, to get to know that machine" in ended.err


def test_without_git_it_is_said(learner: Learner, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sh").symlink_to("/bin/sh")
    learner.environ["PATH"] = str(tmp_path / "empty")
    ended = learner("packs", "add", "https://git.example/shop", "--yes", code=3)
    assert "There is no git here" in ended.err


# Traps


def test_no_filter_hook_or_setting_of_anybody_is_run(learner: Learner, repository: Repository) -> None:
    trap = f"touch {repository.traces}"
    home = Path(learner.environ["HOME"])
    hooks = home / "hooks"
    hooks.mkdir()
    for hook in ("post-checkout", "post-merge", "reference-transaction", "post-index-change"):
        (hooks / hook).write_text(f"#!/bin/sh\n{trap}/{hook}\n")
        (hooks / hook).chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[filter "evil"]\n\tsmudge = sh -c "{trap}/smudge; cat"\n\tclean = sh -c "{trap}/clean; cat"\n\trequired\n'
        f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {trap}/fsmonitor\n\tsshCommand = {trap}/ssh\n"
        f"[init]\n\ttemplateDir = {home}\n[credential]\n\thelper = !{trap}/credential\n"
        f'[tar "tar"]\n\tcommand = {trap}/tar\n[url "{repository.traces}"]\n\tinsteadOf = ssh://git@git.example/\n'
    )
    (repository.folder / ".gitattributes").write_text("* filter=evil export-subst\n")
    (repository.folder / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {trap}/own\n")
    repository.commit()
    learner.environ |= {
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": f"{trap}/environment",
        "GIT_SSH_COMMAND": f"{trap}/command", "GIT_ASKPASS": f"{trap}/askpass", "GIT_EXEC_PATH": str(home),
        "GIT_TEMPLATE_DIR": str(home), "GIT_DIR": str(home), "GIT_PROXY_COMMAND": f"{trap}/proxy",
    }  # fmt: skip
    learner("packs", "add", address(repository), "--yes", code=0)
    assert list(repository.traces.iterdir()) == []


def test_submodules_are_not_fetched(learner: Learner, repository: Repository, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    other = Repository(inner)
    repository.git("submodule", "add", "-q", str(other.folder), "inner")
    repository.commit()
    learner("packs", "add", address(repository), "--yes", code=0)
    called = (learner.folder / "bin" / "called").read_text().splitlines()
    assert len(called) == 1
    repository.git("submodule", "add", "-q", str(other.folder), "desk/files")
    repository.commit()
    learner("packs", "update", "shop", "--yes", code=0)
    kept = {path.name for path in (learner.folder / "data" / "packs" / "shop").rglob("*") if path.is_file()}
    assert kept == {"added.json", "pack.yaml", "lesson.yaml"}


@pytest.mark.parametrize("name", ["passwd", "desk/files", "desk/files/etc", "pack.yaml"])
def test_links_in_a_repository(learner: Learner, repository: Repository, name: str) -> None:
    path = repository.folder / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/etc/passwd")
    repository.commit()
    ended = learner("packs", "add", address(repository), "--yes", code=2)
    assert "is a link" in " ".join(ended.err.split())
    assert [path.name for path in (learner.folder / "data" / "packs").iterdir()] == []


def test_a_tree_that_is_the_same_tree_again_and_again(learner: Learner, repository: Repository) -> None:
    """Ten small objects that are ten thousand million files."""
    tree = repository.git("hash-object", "-w", "pack.yaml")
    line = f"100644 blob {tree}"
    for _ in range(10):
        listing = "\n".join(f"{line}\t{name}" for name in "abcdefghij") + "\n"
        made = subprocess.run(
            ["git", "mktree"], cwd=repository.folder, input=listing, capture_output=True, text=True, check=True
        )
        line = f"040000 tree {made.stdout.strip()}"
    commit = repository.git("commit-tree", "-m", "x", line.split()[2])
    repository.git("update-ref", "refs/heads/main", commit)
    ended = learner("packs", "add", address(repository), "--yes", code=2)
    assert "more than 10,000 files" in " ".join(ended.err.split())
    assert [path.name for path in (learner.folder / "data" / "packs").iterdir()] == []


def test_a_file_of_more_than_can_be_kept(learner: Learner, repository: Repository) -> None:
    with (repository.folder / "large").open("wb") as file:
        file.truncate(80 << 20)
    repository.commit()
    ended = learner("packs", "add", address(repository), "--yes", code=2)
    assert "are larger than 64 MiB" in " ".join(ended.err.split())


def test_what_is_more_than_may_come_is_cut_off(learner: Learner, repository: Repository) -> None:
    (repository.folder / "noise").write_bytes(os.urandom(70 << 20))
    repository.commit()
    ended = learner("packs", "add", address(repository), "--yes", code=3)
    assert "could not be fetched" in " ".join(ended.err.split())
    assert [path.name for path in (learner.folder / "data" / "packs").iterdir()] == []


# https


@pytest.fixture
def https(tmp_path: Path, repository: Repository) -> Iterator[str]:
    """The repository at an https address of this machine, served by git's own program; the address."""
    certificate = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(certificate),
         "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    with certificate.open("ab") as whole:
        whole.write((tmp_path / "cert.pem").read_bytes())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(repository.folder))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _handler(folder: Path) -> type[http.server.BaseHTTPRequestHandler]:
    program = Path(subprocess.check_output(["git", "--exec-path"], text=True).strip()) / "git-http-backend"

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            if path.startswith("/elsewhere"):
                self.send_response(302)
                self.send_header("Location", f"file://{folder}/.git")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if path.startswith("/private"):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            length = int(self.headers.get("Content-Length", 0))
            environment = {
                "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(folder), "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(length),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "HTTP_CONTENT_ENCODING":
                self.headers.get("Content-Encoding", ""),
            }  # fmt: skip
            done = subprocess.run(
                [program], env=environment, input=self.rfile.read(length), capture_output=True, check=True
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            self.send_response(200)
            for line in head.decode().splitlines():
                name, _, value = line.partition(": ")
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


def test_a_pack_over_https(learner: Learner, https: str, repository: Repository, tmp_path: Path) -> None:
    ended = learner("packs", "add", f"{https}/.git", "--yes", code=3)
    assert "certificate" in ended.err  # that nobody has vouched for
    learner.environ["GIT_SSL_CAINFO"] = str(tmp_path / "cert.pem")
    added = learner("packs", "add", f"{https}/.git", "--yes", "--json", code=0).json
    assert added["pack"]["revision"] == repository.git("rev-parse", "HEAD")


@pytest.mark.parametrize(("path", "word"), [("elsewhere", "could not be fetched"), ("private", "over ssh with a key")])
def test_what_an_https_server_may_not_do(learner: Learner, https: str, tmp_path: Path, path: str, word: str) -> None:
    """Lead to a file of this machine, or ask for a password."""
    learner.environ["GIT_SSL_CAINFO"] = str(tmp_path / "cert.pem")
    ended = learner("packs", "add", f"{https}/{path}", "--yes", code=3)
    assert word in " ".join(ended.err.split())
