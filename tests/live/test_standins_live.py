"""Each stand-in, pulled with the stock docker client, is held to its contract: the docstring of its file."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.engine.standins import busybox
from tests.live.conftest import Docker

LACKING = "for applet in " + " ".join(busybox.APPLETS) + "; do command -v $applet >/dev/null || echo $applet; done"
"""A script of sh that names the applets of the contract which are not there."""


def test_busybox_keeps_its_contract(docker: Docker) -> None:
    assert docker("run", "--rm", "busybox:1.36", "sh", "-c", LACKING) == ""
    assert docker("run", "--rm", "-i", "busybox:1.36", input="echo from $(id -un) in $PWD") == "from root in /"
    inspected = docker("image", "inspect", "busybox:1.36", "-f", "{{json .Config.Cmd}} {{json .Config.Entrypoint}}")
    assert inspected == '["sh"] null'
    serving = "echo page >/var/www/index.html; httpd -h /var/www; wget -q -O - http://127.0.0.1/; ps"
    assert docker("run", "--rm", "busybox:1.36", "sh", "-c", serving).startswith("page\n")
    docker("network", "create", "n")
    docker(
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "n",
        "busybox:1.36",
        "sh",
        "-c",
        "echo page >/index.html; exec httpd -f -h /",
    )
    asking = "nslookup web && ping -c 1 -W 2 web && timeout 5 wget -q -O - http://web/ && echo hello | nc -w 1 web 80"
    assert "page" in docker("run", "--rm", "--network", "n", "busybox:1.36", "sh", "-c", asking).splitlines()
    docker("rm", "-f", "web")
    docker("network", "rm", "n")
    assert docker("run", "--rm", "-u", "nobody", "busybox:1.36", "sh", "-c", "touch /tmp/x && ls /tmp") == "x"


def test_hello_world_keeps_its_contract(docker: Docker) -> None:
    done = docker.try_("run", "--name", "hello", "hello-world")
    try:
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Hello from Docker!")
        config = json.loads(docker("image", "inspect", "hello-world", "-f", "{{json .Config}}"))
        assert (config["Cmd"], config.get("Entrypoint"), config.get("User", "")) == (["/hello"], None, "")
        docker("save", "hello-world", "-o", str(docker.home / "saved"))
        assert files_in(docker.home / "saved") == {"hello"}
        assert docker.try_("run", "--rm", "hello-world", "sh").returncode == 127
        assert docker("image", "inspect", "hello-world", "-f", "{{len .RootFS.Layers}}") == "1"
    finally:
        docker("rm", "-f", "hello")
        docker("rmi", "hello-world")


def files_in(saved: Path) -> set[str]:
    """What is in the layers of a saved image."""
    with tarfile.open(saved) as archive:
        content = archive.extractfile("manifest.json")
        assert content is not None
        layers = [archive.extractfile(name) for name in json.load(content)[0]["Layers"]]
        return {name for layer in layers for name in tarfile.open(fileobj=layer).getnames()}


@pytest.fixture
def web(docker: Docker, nginx: str) -> Iterator[Callable[..., Docker]]:
    """Start nginx as ``web`` with further options of docker run."""

    def start(*options: str) -> Docker:
        docker("run", "-d", "--name", "web", *options, nginx)
        return docker

    yield start
    docker.try_("rm", "-f", "web")
    docker("rmi", nginx)


def page(docker: Docker, url: str = "http://127.0.0.1/") -> str:
    """What nginx serves, asked inside of its container, as soon as it listens."""
    asking = f"until wget -q -O /dev/null http://127.0.0.1/; do kill -0 1 && sleep 0.05; done; wget -q -O - {url}"
    return docker("exec", "web", "timeout", "20", "sh", "-c", asking)


def test_nginx_is_set_up_as_in_its_contract(web: Callable[..., Docker], nginx: str) -> None:
    docker = web("--sysctl", "net.ipv6.conf.all.disable_ipv6=0")
    config = json.loads(docker("image", "inspect", nginx, "-f", "{{json .Config}}"))
    assert config["Entrypoint"] == ["/docker-entrypoint.sh"]
    assert config["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert list(config["ExposedPorts"]) == ["80/tcp"]
    assert config["StopSignal"] == "SIGQUIT"
    assert config["WorkingDir"] == "/"
    assert "<title>Welcome to nginx!</title>" in page(docker)
    assert "Welcome to nginx!" in page(docker, "http://[::1]/")
    assert "Welcome to nginx!" in docker("exec", "web", "cat", "/usr/share/nginx/html/index.html")
    assert int(docker("image", "inspect", nginx, "-f", "{{.Size}}")) < 20_000_000
    assert docker("exec", "web", "sh", "-c", LACKING) == ""


def test_nginx_logs_to_where_docker_logs_reads_and_runs_its_workers_as_nginx(web: Callable[..., Docker]) -> None:
    docker = web()
    page(docker, "http://127.0.0.1/index.html?seen")
    docker.try_("exec", "web", "wget", "-q", "-O", "-", "http://127.0.0.1/nothing-there")
    logs = docker.try_("logs", "web")
    assert '"GET /index.html?seen HTTP/1.1" 200' in logs.stdout
    assert "/nothing-there" in logs.stderr
    assert "No such file" in logs.stderr
    assert "/index.html?seen" not in logs.stderr
    workers = docker("exec", "web", "sh", "-c", "ps -o user,args | grep [w]orker").splitlines()
    assert workers
    assert {line.split()[0] for line in workers} == {"nginx"}
    assert docker("exec", "web", "id", "-u", "nginx") == "101"
    assert docker("exec", "web", "id", "-u") == "0"


def test_nginx_ends_with_0_when_it_is_stopped_and_reloads(web: Callable[..., Docker]) -> None:
    docker = web()
    page(docker)
    docker("exec", "web", "nginx", "-t")
    docker("exec", "web", "sh", "-c", "echo another >/usr/share/nginx/html/index.html && nginx -s reload")
    assert page(docker) == "another"
    docker("stop", "-t", "60", "web")
    assert docker("inspect", "web", "-f", "{{.State.ExitCode}}") == "0"
    assert "signal 3 (SIGQUIT) received" in docker.try_("logs", "web").stderr


def test_nginx_runs_read_only_with_room_for_what_it_writes(web: Callable[..., Docker]) -> None:
    docker = web("--read-only", "--tmpfs", "/var/cache/nginx", "--tmpfs", "/var/run")
    assert "Welcome to nginx!" in page(docker)
    docker("rm", "-f", "web")
    web("--read-only")
    assert docker("wait", "web") == "1"


def test_nginx_takes_a_page_a_site_and_a_start_script_that_are_copied_over(
    web: Callable[..., Docker], nginx: str, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text("a page of mine")
    (tmp_path / "site.conf").write_text("server { listen 80; listen 81; location / { root /site; index page.html; } }")
    (tmp_path / "go.sh").write_text("#!/bin/sh\necho from a script of mine\n")
    (tmp_path / "go.sh").chmod(0o755)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {nginx}\nCOPY page.html /site/\nCOPY site.conf /etc/nginx/conf.d/default.conf\n"
        "COPY go.sh /docker-entrypoint.d/50-go.sh\nRUN nginx -t\n"
    )
    docker = web("--entrypoint", "sleep")  # only to have the image here, which the fixture takes away again
    docker("rm", "-f", "web")
    docker("build", "-q", "-t", "site", str(tmp_path))
    docker("run", "-d", "--name", "web", "site")
    try:
        assert page(docker, "http://127.0.0.1:81/") == "a page of mine"
        assert "from a script of mine" in docker("logs", "web")
    finally:
        docker("rm", "-f", "web")
        docker("rmi", "site")


@pytest.fixture
def run(docker: Docker, python: str) -> Iterator[Callable[..., str]]:
    """Run a script of sh in a container of python, with options of docker run before it."""
    yield lambda script, *options: docker("run", "--rm", *options, python, "sh", "-c", script)
    docker.try_("rmi", python)


def test_python_is_set_up_as_in_its_contract(docker: Docker, run: Callable[..., str], python: str) -> None:
    assert run("id -un; pwd; which python python3 pip") == (
        "root\n/\n/usr/local/bin/python\n/usr/local/bin/python3\n/usr/local/bin/pip"
    )
    config = json.loads(docker("image", "inspect", python, "-f", "{{json .Config}}"))
    assert (config["Cmd"], config.get("Entrypoint"), config.get("User", "")) == (["python3"], None, "")
    environment = dict(value.split("=", 1) for value in config["Env"])
    assert run("python --version") == f"Python {environment['PYTHON_VERSION']}"
    assert docker("run", "--rm", "-i", python, input="print(6 * 7)") == "42"
    assert int(docker("image", "inspect", python, "-f", "{{.Size}}")) < 120_000_000
    for absent in ("ps", "gcc", "curl", "wget", "apt-get", "dpkg"):
        assert run(f"command -v {absent} || echo none") == "none"
    programs = "sh bash ls cat grep sed awk find tar gzip hostname which su id useradd groupadd adduser addgroup"
    assert run(f"for name in {programs}; do command -v $name >/dev/null || echo $name; done") == ""


def test_the_standard_library_of_python_is_whole(run: Callable[..., str]) -> None:
    modules = "ssl, sqlite3, json, venv, ensurepip, http.server, ctypes, bz2, lzma, zlib, uuid, readline, curses"
    assert run(f"python -c 'import {modules}'") == ""
    asked = 'import sqlite3; print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0])'
    assert run(f"python -c '{asked}'") == "42"
    assert run("python -c 'import zoneinfo; print(zoneinfo.ZoneInfo(\"Europe/Rome\"))'") == "Europe/Rome"
    asked = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    assert int(run(f"python -c '{asked}'")) > 50


def test_pip_installs_as_root_as_another_user_and_in_an_environment(
    docker: Docker, run: Callable[..., str], python: str, tmp_path: Path
) -> None:
    """From an index in a folder: these namespaces have no way to any other."""
    index = tmp_path / "simple" / "hail"
    index.mkdir(parents=True)
    wheel(index / "hail-1.0-py3-none-any.whl")
    (index / "index.html").write_text('<a href="hail-1.0-py3-none-any.whl">hail-1.0-py3-none-any.whl</a>')
    (tmp_path / "Dockerfile").write_text(
        f"FROM {python}\nARG PIP_INDEX_URL\nWORKDIR /app\nCOPY simple /simple\n"
        "RUN python -m venv /venv && /venv/bin/pip install hail && /venv/bin/hail\n"
        "RUN pip install --no-cache-dir hail && hail && pip uninstall -y hail && test ! -e /usr/local/bin/hail\n"
        "RUN useradd -m app\nUSER app\nRUN pip install hail && ~/.local/bin/hail\n"
        "USER root\nRUN pip install hail\n"
    )
    try:
        index_url = "PIP_INDEX_URL=file:///simple"
        built = docker.try_("build", "-t", "hail", "--build-arg", index_url, str(tmp_path), timeout=300)
        assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
        where = "command -v hail; ls -d /home/app/.local/bin/hail /usr/local/lib/python3.*/site-packages/hail"
        assert docker("run", "--rm", "hail", "sh", "-c", where).split()[:2] == [
            "/usr/local/bin/hail",
            "/home/app/.local/bin/hail",
        ]
    finally:
        docker.try_("rmi", "hail")


def wheel(path: Path) -> None:
    """Write a package with one program, ``hail``."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hail/__init__.py", "def main():\n    print('hail')\n")
        archive.writestr("hail-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: hail\nVersion: 1.0\n")
        archive.writestr("hail-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("hail-1.0.dist-info/entry_points.txt", "[console_scripts]\nhail = hail:main\n")
        archive.writestr("hail-1.0.dist-info/RECORD", "")


def test_users_can_be_made_in_python_and_others_can_use_it(run: Callable[..., str]) -> None:
    made = (
        "groupadd team && useradd -m -g team ann && adduser --disabled-password --gecos '' ben >/dev/null && "
        "adduser --system --group job >/dev/null; su ann -c 'id -gn; cd; pwd'; id -un ben; id -gn job"
    )
    assert run(made) == "team\n/home/ann\nben\njob"
    assert run("python -c 'import os; print(os.getuid())'", "--user", "nobody") == "65534"
    assert run("python -c 'import os; print(os.getuid())'; touch /tmp/mine", "--user", "4321:4321") == "4321"
    assert run("pwd", "--workdir", "/app") == "/app"


def test_a_server_of_python_answers(docker: Docker, python: str) -> None:
    docker("run", "-d", "--name", "served", "-w", "/etc", python, "python", "-u", "-m", "http.server", "8000")
    try:
        asked = (
            "import time, urllib.request as r\n"
            "for _ in range(200):\n"
            "    try: print(r.urlopen('http://127.0.0.1:8000/passwd').read().decode()); break\n"
            "    except OSError: time.sleep(0.05)\n"
        )
        assert docker("exec", "served", "python", "-c", asked).startswith("root:x:0:0:")
    finally:
        docker("rm", "-f", "served")
        docker("rmi", python)


@pytest.fixture
def kept(docker: Docker, registry: str) -> Iterator[Callable[..., str]]:
    """Start registry as ``reg`` with further options and words, and return its address on loopback."""

    def start(*options: str, words: tuple[str, ...] = ()) -> str:
        docker("run", "-d", "--name", "reg", "-p", "127.0.0.1::5000", *options, registry, *words)
        return docker("port", "reg", "5000/tcp").splitlines()[0]

    yield start
    docker.try_("rm", "-f", "-v", "reg")
    docker("rmi", registry)


def told(docker: Docker, path: str, port: int = 5000) -> str:
    """What registry answers, asked inside of its container, as soon as it listens."""
    url = f"http://127.0.0.1:{port}/v2/"
    asking = f"until wget -q -O /dev/null {url}; do kill -0 1 && sleep 0.05; done; wget -q -O - {url}{path}"
    return docker("exec", "reg", "timeout", "20", "sh", "-c", asking)


def test_registry_is_set_up_as_in_its_contract(docker: Docker, kept: Callable[..., str], registry: str) -> None:
    kept()
    config = json.loads(docker("image", "inspect", registry, "-f", "{{json .Config}}"))
    assert (config["Entrypoint"], config["Cmd"]) == (["/entrypoint.sh"], ["/etc/docker/registry/config.yml"])
    assert (list(config["ExposedPorts"]), list(config["Volumes"])) == (["5000/tcp"], ["/var/lib/registry"])
    assert json.loads(told(docker, "_catalog")) == {"repositories": []}
    assert "GET /v2/_catalog" in docker("logs", "reg") + docker.try_("logs", "reg").stderr
    assert docker("run", "--rm", registry, "sh", "-c", f"{LACKING}; id -u") == "0"
    assert docker("run", "--rm", registry, "--version").startswith("registry ")
    assert docker("run", "--rm", "--entrypoint", "registry", registry, "help").startswith("`registry`")


def test_registry_keeps_what_is_pushed_in_its_volume(docker: Docker, kept: Callable[..., str], registry: str) -> None:
    docker("volume", "create", "shelf")
    name = ""
    try:
        name = f"{kept('-v', 'shelf:/var/lib/registry')}/tools/box:v1"
        told(docker, "")
        docker("tag", "busybox:1.36", name)
        docker("push", "-q", name)
        docker("rmi", name)
        assert json.loads(told(docker, "tools/box/tags/list")) == {"name": "tools/box", "tags": ["v1"]}
        docker("rm", "-f", "reg")
        again = kept("-v", "shelf:/var/lib/registry").partition("/")[0]
        assert json.loads(told(docker, "_catalog")) == {"repositories": ["tools/box"]}
        name = f"{again}/tools/box:v1"
        docker("pull", "-q", name)
        assert docker("run", "--rm", name, "echo", "pulled") == "pulled"
        assert docker.try_("pull", "-q", f"{again}/tools/box:v2").returncode != 0
    finally:
        docker.try_("rmi", name)
        docker.try_("rm", "-f", "reg")
        docker("volume", "rm", "shelf")


def test_registry_takes_settings_from_variables_and_from_a_file(
    docker: Docker, kept: Callable[..., str], registry: str, tmp_path: Path
) -> None:
    kept("-e", "REGISTRY_HTTP_ADDR=:5001", "-e", "REGISTRY_STORAGE_DELETE_ENABLED=true")
    assert json.loads(told(docker, "_catalog", 5001)) == {"repositories": []}
    docker("rm", "-f", "-v", "reg")
    (tmp_path / "mine.yml").write_text(
        "version: 0.1\nstorage: {filesystem: {rootdirectory: /elsewhere}}\nhttp: {addr: ':5002'}\n"
    )
    docker("create", "--name", "reg", registry, "/etc/mine.yml")
    docker("cp", str(tmp_path / "mine.yml"), "reg:/etc/mine.yml")
    docker("start", "reg")
    assert json.loads(told(docker, "_catalog", 5002)) == {"repositories": []}
    collected = docker.try_("exec", "reg", "/entrypoint.sh", "garbage-collect", "/etc/docker/registry/config.yml")
    assert (collected.returncode, "unknown" in collected.stderr) == (1, False)  # nothing was ever pushed
    docker("rm", "-f", "-v", "reg")
