"""Each finding of the doctor: that it is made where it should be, that it is not where it should not, and its words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from dockerlearn.doctor import client, place, room, wanted
from dockerlearn.doctor import engine as engines
from dockerlearn.doctor.examine import LOOKS, examine
from dockerlearn.doctor.facts import Facts, Failure, Image, Place, Room, TakenName, TakenPort, Terminal
from dockerlearn.doctor.finding import Finding, can_run
from dockerlearn.doctor.mend import Mended, mend, safe_commands
from dockerlearn.engine.docker_program import DockerProgram
from dockerlearn.engine.registry import RegistrySaid
from dockerlearn.engine.system import System
from tests.doctor_facts import SYSTEMS, WELL, engine, facts, linux

Look = Callable[[Facts], Iterable[Finding]]

NO_ENGINE = Failure(
    "NoEngine",
    "No Docker engine runs: there is no unix:///var/run/docker.sock (the default socket).",
    "dockerlearn start --practice",
)


OWN = "dockerlearn start --practice    # or an engine of your own, without root; it says what is missing for that"


def only(look: Look, given: Facts, level: str) -> Finding:
    """The one finding of a level that is made of these facts."""
    found = [finding for finding in look(given) if finding.level == level]
    assert len(found) == 1, found
    return found[0]


def silent(look: Look, given: Facts) -> None:
    """Nothing is amiss."""
    assert [finding for finding in look(given) if finding.level != "ok"] == []


def test_where_all_is_well_nothing_is_amiss() -> None:
    findings = examine(WELL)
    assert {finding.level for finding in findings} == {"ok"}
    assert can_run(findings)
    assert {finding.about for finding in findings} >= {
        "engine", "client", "buildx", "compose", "clock", "disk", "images", "registry", "names", "workspace",
        "progress", "sudo", "terminal", "shell",
    }  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_every_finding_that_is_amiss_says_what_it_means_and_what_mends_it(system: System) -> None:
    """On every system, of every finding there is; and nothing for a Linux gets to a Mac."""
    bad = facts(
        system=system,
        client=DockerProgram(),
        engine=None,
        failure=NO_ENGINE,
        rooms=(Room("engine", "/d", 1, 1, 1), Room("workspace", "/w", 1, None, 2)),
        places=(Place("workspace", "/w", "no", "0", "/home/ada"), Place("progress", "/p", "no", "", "/")),
        terminal=Terminal("dumb", True, "ascii", 40, "/bin/none", False),
        progress=Failure("StoreDamaged", "It is damaged.", "dockerlearn progress import FILE"),
        sudo_user="ada",
        variables=dict.fromkeys(place.ODD, "1") | {"DOCKER_BUILDKIT": "0"},
    )
    worse = replace(
        bad,
        engine=engine(oldest_api="1.99", limits=False, clock=99.0, export=True, remote=True, here=False, os="windows"),
        client=replace(WELL.client, plugins={}),
        images=(Image("busybox:1.36", present=False, lessons=("a",)),),
        registry=RegistrySaid(address="r", kind="name", problem="its name is not known here", clock=999.0),
        names=(TakenName("container", "dl-web", "docker rename dl-web dl-web-mine", ("a",)),),
        ports=(TakenPort(8080, "a", "", fixed=True),),
    )
    amiss = [finding for given in (bad, worse) for finding in examine(given) if finding.level != "ok"]
    assert len({finding.about for finding in amiss}) >= 15
    for finding in amiss:
        assert finding.means, finding
        assert finding.remedy, finding
        assert all(line.strip() for line in finding.remedy), finding
        text = f"{finding.says} {finding.means}"
        assert text.count("  ") == 0, finding
        if system.platform != "linux":
            assert not any("apt-get" in line or "systemctl" in line for line in finding.remedy), finding
        if system.becomes_root == "doas":
            assert not any("sudo" in line for line in finding.remedy), finding
    assert not can_run(amiss)


class TestClient:
    @pytest.mark.parametrize(
        ("system", "command"),
        [
            ("debian-12", "sudo apt-get install --no-install-recommends docker.io"),
            ("debian-13", "sudo apt-get install --no-install-recommends docker-cli"),
            ("ubuntu", "sudo apt-get install --no-install-recommends docker.io"),
            ("fedora", "sudo dnf install docker-cli"),
            ("arch", "sudo pacman -S docker"),
            ("alpine", "doas apk add docker-cli"),
            ("wsl", "Docker Desktop on Windows: Settings, Resources, WSL integration: switch this distribution on"),
            ("macos", "brew install docker"),
            ("windows", "winget install Docker.DockerDesktop"),
        ],
    )
    def test_none(self, system: str, command: str) -> None:
        found = only(client.client, facts(client=DockerProgram(), system=SYSTEMS[system]), "problem")
        assert "no docker command" in found.says
        assert found.remedy[0] == command

    def test_one_that_does_not_run(self) -> None:
        broken = DockerProgram(path="/usr/bin/docker", problem="Exec format error")
        found = only(client.client, facts(client=broken), "problem")
        assert "/usr/bin/docker does not run: Exec format error" in found.says

    def test_podman_under_its_name(self) -> None:
        given = facts(client=DockerProgram(path="/usr/bin/docker", version="4.3.1", podman=True))
        assert "Podman 4.3.1" in only(client.client, given, "advice").says
        silent(client.plugins, given)

    def test_there(self) -> None:
        silent(client.client, WELL)
        assert [finding.says for finding in client.client(WELL)] == ["docker 28.2.2 (/usr/bin/docker)"]

    @pytest.mark.parametrize(
        ("system", "buildx", "compose"),
        [
            ("debian-12", "https://docs.docker.com/build/install-buildx/", "https://docs.docker.com/compose/install/linux/"),
            ("debian-13", "sudo apt-get install --no-install-recommends docker-buildx",
             "sudo apt-get install --no-install-recommends docker-compose"),
            ("ubuntu", "sudo apt-get install --no-install-recommends docker-buildx",
             "sudo apt-get install --no-install-recommends docker-compose-v2"),
            ("fedora", "sudo dnf install docker-buildx", "sudo dnf install docker-compose"),
            ("arch", "sudo pacman -S docker-buildx", "sudo pacman -S docker-compose"),
            ("alpine", "doas apk add docker-cli-buildx", "doas apk add docker-cli-compose"),
            ("macos", "brew install docker-buildx", "brew install docker-compose"),
        ],
    )  # fmt: skip
    def test_no_plugins(self, system: str, buildx: str, compose: str) -> None:
        given = facts(client=replace(WELL.client, plugins={}), system=SYSTEMS[system])
        found = list(client.plugins(given))
        assert [finding.level for finding in found] == ["advice", "advice"]
        assert [finding.remedy for finding in found] == [(buildx,), (compose,)]

    def test_one_plugin(self) -> None:
        given = facts(client=replace(WELL.client, plugins={"buildx": "0.11.2"}))
        assert only(client.plugins, given, "ok").says == "docker buildx 0.11.2"
        assert only(client.plugins, given, "advice").about == "compose"

    @pytest.mark.parametrize(
        ("version", "plugins", "asked", "wants"),
        [
            ("28.2.2", {"buildx": "0.29.1"}, "", True),
            ("28.2.2", {"buildx": "0.29.1"}, "0", False),
            ("28.2.2", {}, "", False),
            ("20.10.24", {"buildx": "0.29.1"}, "", False),
            ("20.10.24", {}, "1", True),
        ],
    )
    def test_podman_has_no_buildkit(self, version: str, plugins: dict[str, str], asked: str, wants: bool) -> None:
        given = facts(
            client=replace(WELL.client, version=version, plugins={**plugins, "compose": "2.40.3"}),
            engine=engine(podman=True),
            variables={"DOCKER_BUILDKIT": asked},
        )
        found = [finding for finding in client.plugins(given) if finding.about == "buildx"]
        assert [(one.level, one.remedy) for one in found] == [
            ("advice", ("export DOCKER_BUILDKIT=0",)) if wants else ("ok", ())
        ]
        assert list(place.variables(given)) == []

    def test_packages_of_dockers_own(self) -> None:
        given = facts(client=replace(WELL.client, plugins={}), system=linux("debian-12", vendor=True))
        found = list(client.plugins(given))
        assert "docker-buildx-plugin" in found[0].remedy[0]
        assert "docker-compose-plugin" in found[1].remedy[0]

    @pytest.mark.parametrize(
        ("spoken", "wanted", "stops"),
        [("1.41", "1.44", True), ("1.9", "1.10", True), ("1.44", "1.44", False), ("1.50", "1.24", False)],
    )
    def test_too_old_for_the_engine(self, spoken: str, wanted: str, stops: bool) -> None:
        given = facts(client=replace(WELL.client, api=spoken), engine=engine(oldest_api=wanted))
        found = list(client.versions(given))
        assert [finding.level for finding in found] == (["problem"] if stops else [])

    def test_it_has_to_be_told_where_the_engine_is(self) -> None:
        given = facts(engine=engine(export=True, address="unix:///home/a b/s"))
        assert only(client.finds, given, "advice").remedy == ("export DOCKER_HOST='unix:///home/a b/s'",)
        assert list(client.finds(WELL)) == []
        assert list(client.finds(facts(engine=None))) == []

    def test_a_context_that_does_not_count(self) -> None:
        given = facts(context="work", host="tcp://10.0.0.1:2375")
        found = only(client.context, given, "advice")
        assert (
            found.says == "The docker context work is selected, and DOCKER_HOST goes before it (tcp://10.0.0.1:2375)."
        )
        assert found.remedy == ("unset DOCKER_HOST",)

    def test_a_context_that_counts(self) -> None:
        assert only(client.context, facts(context="work"), "ok").says == "work"
        practice = facts(context="work", engine=engine(practice=True))
        assert "left alone" in only(client.context, practice, "ok").says
        assert list(client.context(WELL)) == []
        assert list(client.context(facts(host="unix:///x"))) == []


class TestEngine:
    @pytest.mark.parametrize(
        ("system", "commands"),
        [
            (linux("debian-12", engine=False), ["sudo apt-get install --no-install-recommends docker.io"]),
            (linux("debian-13", engine=False), ["sudo apt-get install --no-install-recommends docker.io docker-cli"]),
            (linux("debian-12", engine=False, root=True),
             ["dockerlearn start --practice", "apt-get install --no-install-recommends docker.io"]),
            (linux("fedora", engine=False), ["sudo dnf install moby-engine docker-cli"]),
            (linux("arch", engine=False), ["sudo pacman -S docker"]),
            (linux("alpine", engine=False, becomes_root="doas"), ["doas apk add docker"]),
            (linux("rocky", engine=False), ["https://docs.docker.com/engine/install/"]),
            (linux("rocky", engine=False, vendor=True), ["sudo dnf install docker-ce docker-ce-cli containerd.io"]),
            (linux("debian-12", engine=False, becomes_root="su"),
             ["su -c 'apt-get install --no-install-recommends docker.io'"]),
        ],
    )  # fmt: skip
    def test_none_installed(self, system: System, commands: list[str]) -> None:
        found = only(engines.engine, facts(engine=None, failure=NO_ENGINE, system=system), "problem")
        own = [] if system.root else [OWN]
        assert list(found.remedy) == commands + own
        assert found.safe == ()
        assert "No Docker engine runs" in found.says

    def test_none_in_wsl(self) -> None:
        system = linux("ubuntu", engine=False, wsl=True)
        found = only(engines.engine, facts(engine=None, failure=NO_ENGINE, system=system), "problem")
        assert "WSL integration" in found.remedy[0]

    def test_none_on_a_mac(self) -> None:
        failure = replace(NO_ENGINE, remedy="open -a Docker")
        found = only(engines.engine, facts(engine=None, failure=failure, system=SYSTEMS["macos"]), "problem")
        assert found.remedy == (
            "open -a Docker",
            "brew install colima docker && colima start    # if none is installed",
        )
        assert found.safe == (("open", "-a", "Docker"),)

    @pytest.mark.parametrize(
        ("remedy", "safe"),
        [
            ("systemctl start docker", True),
            ("colima start", True),
            ("dockerlearn engine up", True),
            ("systemctl --user start docker", True),
            ("sudo systemctl start docker", False),  # it would ask for a password, or be refused
            ("unset DOCKER_HOST    # then the engine of your docker context is used", False),
            ('sudo usermod -aG docker "$USER" && newgrp docker', False),
            ("docker context use default    # or another one of: docker context ls", False),
            ("dockerd > /tmp/dockerd.log 2>&1 &", False),
        ],
    )
    def test_only_starting_what_is_there_is_safe(self, remedy: str, safe: bool) -> None:
        failure = Failure("EngineRefused", "Nobody listens.", remedy)
        found = only(engines.engine, facts(engine=None, failure=failure), "problem")
        assert found.remedy[0] == remedy
        assert bool(found.safe) is safe

    def test_every_other_failure_is_told_with_its_own_remedy(self) -> None:
        failure = Failure("EngineTls", "Its certificate is another's.", "unset DOCKER_TLS_VERIFY DOCKER_TLS")
        found = only(engines.engine, facts(engine=None, failure=failure, system=linux("arch", engine=False)), "problem")
        assert (found.says, found.remedy) == (failure.message, (failure.remedy,))

    @pytest.mark.parametrize(
        ("kind", "remedy"),
        [("EnginePermission", 'sudo usermod -aG docker "$USER"'), ("NoEngine", "sudo systemctl start docker")],
    )
    def test_who_cannot_have_the_machines_engine_hears_of_one_of_their_own(self, kind: str, remedy: str) -> None:
        failure = Failure(kind, "You cannot use it.", remedy)

        def told(system: System) -> tuple[str, ...]:
            return only(engines.engine, facts(engine=None, failure=failure, system=system), "problem").remedy

        assert told(linux("debian-12")) == (remedy, OWN)
        # Who was let in needs a new login only; and root has no use for this.
        assert told(linux("debian-12", member=True)) == (remedy,)
        assert OWN not in told(linux("debian-12", root=True))

    def test_a_remote_one_that_was_not_agreed_to(self) -> None:
        failure = Failure("Declined", "This needs your agreement.", "dockerlearn start --yes")
        found = only(engines.engine, facts(engine=None, failure=failure), "problem")
        assert "not agreed" in found.says
        assert found.remedy == ("dockerlearn start --yes",)
        said_no = facts(engine=None, failure=replace(failure, remedy=None))
        assert only(engines.engine, said_no, "problem").remedy[0].startswith("dockerlearn start --yes")

    def test_windows_containers(self) -> None:
        assert "windows containers" in only(engines.engine, facts(engine=engine(os="windows")), "problem").says

    def test_there(self) -> None:
        told = [finding.says for finding in engines.engine(facts(engine=engine(rootless=True)))]
        assert told == ["Docker 28.2.2, API 1.50, rootless, at unix:///var/run/docker.sock (the default socket)"]

    def test_limits(self) -> None:
        assert "memory" in only(engines.limits, facts(engine=engine(limits=False)), "advice").says
        rootless = only(engines.limits, facts(engine=engine(limits=False, rootless=True)), "advice")
        assert "rootless" in rootless.remedy[0]
        silent(engines.limits, WELL)


class TestClock:
    @pytest.mark.parametrize(
        ("ahead", "words"),
        [
            (7200.0, "2 hours ahead of"),
            (-65.0, "65 seconds behind"),
            (6.0, "6 seconds ahead of"),
            (5.0, None),
            (-5, None),
        ],
    )
    def test_of_the_engine(self, ahead: float, words: str | None) -> None:
        given = facts(engine=engine(clock=ahead))
        if words is None:
            silent(engines.clock, given)
        else:
            assert words in only(engines.clock, given, "advice").says

    def test_that_of_this_machine_alone_goes_wrong(self) -> None:
        given = facts(engine=engine(clock=7190.0), registry=RegistrySaid(address="r", clock=7200.0))
        assert only(engines.clock, given, "advice").says == "This machine's clock is 2 hours behind that of r."
        both = replace(given, registry=RegistrySaid(address="r", clock=-7200.0))
        assert len([finding for finding in engines.clock(both) if finding.level == "advice"]) == 2

    @pytest.mark.parametrize(
        ("system", "of_vm", "of_machine"),
        [
            ("debian-12", "sudo timedatectl set-ntp true", "sudo timedatectl set-ntp true"),
            ("alpine", "doas rc-service chronyd restart", "doas rc-service chronyd restart"),
            ("wsl", "wsl --shutdown", "wsl --shutdown"),
            ("macos", "colima restart", "sudo sntp -sS time.apple.com"),
        ],
    )
    def test_how_it_is_set(self, system: str, of_vm: str, of_machine: str) -> None:
        given = facts(engine=engine(clock=99.0), registry=None, system=SYSTEMS[system])
        assert only(engines.clock, given, "advice").remedy[0].startswith(of_vm)
        given = facts(registry=RegistrySaid(address="r", clock=-999.0), system=SYSTEMS[system])
        assert only(engines.clock, given, "advice").remedy[0].startswith(of_machine)

    def test_of_this_machine(self) -> None:
        given = facts(registry=RegistrySaid(address="registry.example", clock=3 * 86_400.0))
        found = only(engines.clock, given, "advice")
        assert found.says == "This machine's clock is 3 days behind that of registry.example."
        silent(engines.clock, facts(registry=RegistrySaid(address="r", clock=59.0)))
        silent(engines.clock, facts(registry=RegistrySaid(address="r")))


class TestRoom:
    def one(self, what: str, left: int, files: int | None = 1_000_000, device: int = 1) -> Facts:
        return facts(rooms=(Room(what, "/x y", left, files, device),))

    @pytest.mark.parametrize(
        ("what", "left", "level"),
        [
            ("engine", 99_999_999, "problem"),
            ("engine", 100_000_000, "advice"),
            ("engine", 999_999_999, "advice"),
            ("engine", 1_000_000_000, "ok"),
            ("workspace", 4_999_999, "problem"),
            ("workspace", 5_000_000, "advice"),
            ("progress", 0, "problem"),
            ("progress", 50_000_000, "ok"),
        ],
    )
    def test_how_much_is_enough(self, what: str, left: int, level: str) -> None:
        assert [finding.level for finding in room.room(self.one(what, left))] == [level]

    def test_of_the_engine(self) -> None:
        found = only(room.room, self.one("engine", 12_300_000), "problem")
        assert found.says == "There are 12 MB left on the disk with the engine's data (/x y)."
        assert found.remedy[0].startswith("docker system df")
        # Nothing that would take away what is the learner's.
        assert not any("prune" in line and "builder" not in line for line in found.remedy)

    def test_of_the_learner(self) -> None:
        found = only(room.room, self.one("workspace", 0), "problem")
        assert found.remedy == ("du -xh --max-depth=1 '/x y' | sort -h    # the largest come last",)
        assert "passed" in found.means

    @pytest.mark.parametrize(("files", "level"), [(1_999, "problem"), (2_000, "ok"), (None, "ok")])
    def test_files_that_still_fit(self, files: int | None, level: str) -> None:
        found = list(room.room(self.one("engine", 10**12, files)))
        assert [finding.level for finding in found] == [level]
        if level == "problem":
            assert found[0].remedy[0] == "df -i '/x y'"

    def test_one_disk_is_told_once_and_judged_by_what_needs_most(self) -> None:
        given = facts(rooms=(Room("engine", "/e", 60_000_000, None, 7), Room("workspace", "/w", 60_000_000, None, 7)))
        found = only(room.room, given, "problem")
        assert "the engine's data and your files of the lessons" in found.says
        given = facts(rooms=(Room("engine", "/e", 10**12, None, 7), Room("workspace", "/w", 0, None, 8)))
        assert [finding.level for finding in room.room(given)] == ["ok", "problem"]


class TestWanted:
    def test_a_name_that_is_taken(self) -> None:
        taken = TakenName("container", "dl-web", "docker rename dl-web dl-web-mine", ("containers", "images"))
        found = only(wanted.names, facts(names=(taken,)), "problem")
        assert "a container dl-web that is not the course's" in found.says
        assert found.means.startswith("The lessons containers and images cannot run")
        assert found.remedy == ("docker rename dl-web dl-web-mine",)
        assert found.safe == ()
        image = TakenName("image", "dl-app:v1", "docker tag x", ("images",))
        assert "There is an image dl-app:v1" in only(wanted.names, facts(names=(image,)), "problem").says
        silent(wanted.names, WELL)
        assert list(wanted.names(facts(engine=None, names=(taken,)))) == []

    def test_a_port_that_is_taken(self) -> None:
        begun = facts(ports=(TakenPort(8080, "networking", "the container blog", fixed=True),))
        found = only(wanted.ports, begun, "problem")
        assert found.says == "Port 8080 is taken by the container blog."
        assert found.remedy[0].startswith("dockerlearn start networking --anew")
        later = facts(ports=(TakenPort(8080, "networking", "", fixed=False),))
        silent(wanted.ports, later)
        assert [finding.says for finding in wanted.ports(later)] == [
            "Port 8080 is taken: networking will take the next one that is free."
        ]
        assert list(wanted.ports(WELL)) == []

    MISSING = (
        Image("busybox:1.36", present=True, lessons=("first-run",)),
        Image("nginx:1.27", present=False, lessons=("containers", "images")),
    )

    def test_images_that_are_missing(self) -> None:
        found = only(wanted.images, facts(images=self.MISSING), "advice")
        assert "1 of 2 images" in found.says
        assert "nginx:1.27" in found.says
        assert found.remedy == ("docker pull nginx:1.27",)
        assert found.safe == (("docker", "pull", "nginx:1.27"),)
        silent(wanted.images, WELL)

    def test_images_that_cannot_be_had(self) -> None:
        said = RegistrySaid(address="r", kind="name", problem="its name is not known here")
        given = facts(images=self.MISSING, registry=said)
        found = only(wanted.images, given, "problem")
        assert "the lessons containers and images need them" in found.means
        assert found.safe == ()
        assert "images load FILE" in found.remedy[0]
        # The engine reaches it another way, by a proxy of its own.
        assert only(wanted.images, replace(given, engine_pulls=True), "advice").safe
        root = replace(given, system=linux("debian-12", root=True))
        assert "start --practice" in only(wanted.images, root, "problem").remedy[0]
        practice = replace(given, engine=engine(practice=True))
        assert only(wanted.images, practice, "problem").remedy[0].startswith("dockerlearn engine up --stand-ins")

    def test_images_that_are_made_when_needed(self) -> None:
        images = (self.MISSING[0], replace(self.MISSING[1], on_demand=True))
        given = facts(images=images)
        silent(wanted.images, given)
        assert only(wanted.images, given, "ok").says == "Made on this machine when a lesson needs them: nginx:1.27."

    @pytest.mark.parametrize(
        ("said", "level", "words"),
        [
            ({}, "ok", "registry.example answers"),
            ({"limit": 100, "remaining": 7, "window": 21_600}, "ok", "7 pulls left without a login, of 100 in 6 hours"),
            ({"limit": 100, "remaining": 0, "window": 21_600}, "problem", "limit on pulls"),
            ({"kind": "limit", "problem": "it gives no more"}, "problem", "limit on pulls"),
            ({"kind": "name", "problem": "its name is not known here"}, "advice", "its name is not known here"),
            ({"kind": "silent", "problem": "it does not answer within 6 s"}, "advice", "within 6 s"),
            ({"kind": "refused", "problem": "nobody listens there"}, "advice", "nobody listens"),
            ({"kind": "certificate", "problem": "its certificate does not hold: expired"}, "advice", "expired"),
        ],
    )
    def test_the_registry(self, said: dict[str, Any], level: str, words: str) -> None:
        given = facts(images=self.MISSING, registry=RegistrySaid(address="registry.example", **said))
        found = only(wanted.registry, given, level)
        assert words in found.says
        assert bool(found.remedy) is (level != "ok")

    def test_the_limit_does_not_stop_whom_it_does_not_matter_to(self) -> None:
        said = RegistrySaid(address="r", limit=100, remaining=0)
        assert only(wanted.registry, facts(registry=said), "advice").remedy[0].startswith("docker login")

    def test_fewer_pulls_left_than_images_are_missing(self) -> None:
        said = RegistrySaid(address="r", limit=100, remaining=1)
        images = (self.MISSING[1], replace(self.MISSING[1], reference="x:1"))
        assert "1 more pulls" in only(wanted.registry, facts(images=images, registry=said), "advice").says
        silent(wanted.registry, facts(images=self.MISSING, registry=said))

    def test_what_a_wrong_clock_does_to_certificates(self) -> None:
        said = RegistrySaid(address="r", kind="certificate", problem="it is not yet valid")
        assert only(wanted.registry, facts(registry=said), "advice").remedy[0].startswith("date")

    def test_nobody_was_asked(self) -> None:
        assert list(wanted.registry(facts(registry=None))) == []

    def test_the_engine_reaches_it(self) -> None:
        said = RegistrySaid(address="r", kind="name", problem="unknown")
        silent(wanted.registry, facts(images=self.MISSING, registry=said, engine_pulls=True))


class TestPlace:
    def test_folders_that_cannot_be_written(self) -> None:
        there = Place("workspace", "/srv/x", "you may not write to /srv", "0", "/srv")
        found = only(place.folders, facts(places=(there,)), "problem")
        assert "you may not write to /srv" in found.says
        assert found.remedy == ("export DOCKERLEARN_WORKSPACE=FOLDER    # a folder that you may write to",)
        progress = only(place.folders, facts(places=(replace(there, what="progress"),)), "problem")
        assert progress.remedy[0].startswith("export DOCKERLEARN_HOME=")
        silent(place.folders, WELL)

    def test_a_full_disk_is_not_called_writable(self) -> None:
        full = facts(rooms=(Room("workspace", "/w", 0, None, 1), Room("progress", "/p", 0, None, 1)))
        assert list(place.folders(full)) == []
        failed = facts(progress=Failure("StoreError", "The disk is full."))
        assert [finding.about for finding in place.folders(failed)] == ["workspace"]

    def test_what_is_roots_in_ones_own_home(self) -> None:
        there = Place("progress", "/home/ada/.local/share/dockerlearn", "no", "0", "/home/ada/.local/share/dockerlearn")
        found = only(place.folders, facts(places=(there,)), "problem")
        assert found.remedy[0] == "sudo chown -R $(id -u) /home/ada/.local/share/dockerlearn"
        # A sister's home is not to be taken over.
        sister = replace(there, parent="/home/ada2/x")
        assert "chown" not in only(place.folders, facts(places=(sister,)), "problem").remedy[0]

    def test_the_progress_file_and_the_lessons(self) -> None:
        failure = Failure("StoreDamaged", "It is damaged.", "dockerlearn progress import FILE")
        assert only(place.progress, facts(progress=failure), "problem").remedy == (failure.remedy,)
        course = only(place.progress, facts(course=Failure("LessonError", "pack.yaml is missing.")), "problem")
        assert course.about == "lessons"
        silent(place.progress, WELL)
        # A folder that cannot be written to is told once.
        closed = facts(progress=failure, places=(Place("progress", "/p", "you may not write to /"),))
        assert list(place.progress(closed)) == []

    def test_what_the_engine_cannot_see(self) -> None:
        assert "another machine" in only(place.mounts, facts(engine=engine(remote=True, here=False)), "advice").says
        elsewhere = (Place("workspace", "/srv/x", parent="/srv"),)
        mac = facts(engine=engine(here=False), system=SYSTEMS["macos"], places=elsewhere)
        assert "virtual machine" in only(place.mounts, mac, "advice").says
        silent(place.mounts, replace(mac, places=WELL.places))
        silent(place.mounts, WELL)
        assert list(place.mounts(facts(engine=None))) == []

    @pytest.mark.parametrize(
        ("path", "stops"), [("/srv/x", True), ("/home/ada/.x/w", True), ("/home/ada/dockerlearn", False)]
    )
    def test_a_snap_sees_only_the_home_folder(self, path: str, stops: bool) -> None:
        snap = replace(WELL.client, path="/snap/bin/docker")
        given = facts(client=snap, places=(Place("workspace", path, parent="/"),))
        found = [finding.level for finding in place.mounts(given)]
        assert found == (["problem"] if stops else [])

    def test_as_whom(self) -> None:
        root = facts(system=System(root=True), sudo_user="ada")
        assert "you are ada" in only(place.person, root, "advice").says
        silent(place.person, facts(system=System(root=True)))
        silent(place.person, WELL)
        assert "no sudo" in only(place.person, facts(system=System(becomes_root="su")), "ok").says

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"term": "dumb"}, "TERM is dumb"),
            ({"term": ""}, "TERM is not set"),
            ({"encoding": "ascii"}, "not UTF-8"),
            ({"columns": 59}, "59 columns"),
        ],
    )
    def test_the_terminal(self, changes: dict[str, Any], words: str) -> None:
        found = only(place.terminal, facts(terminal=replace_terminal(**changes)), "advice")
        assert words in found.says

    @pytest.mark.parametrize(
        "changes",
        [{"encoding": "UTF-8"}, {"encoding": ""}, {"encoding": "utf8"}, {"columns": 60}, {"columns": None},
         {"term": "", "is_terminal": False}],
    )  # fmt: skip
    def test_a_good_terminal(self, changes: dict[str, Any]) -> None:
        silent(place.terminal, facts(terminal=replace_terminal(**changes)))

    def test_the_shell(self) -> None:
        given = facts(terminal=replace_terminal(shell="/bin/none", shell_there=False))
        assert "/bin/none" in only(place.shell, given, "advice").says
        silent(place.shell, WELL)
        assert list(place.shell(replace(given, system=SYSTEMS["windows"]))) == []

    @pytest.mark.parametrize("name", place.ODD)
    def test_variables_that_change_what_docker_does(self, name: str) -> None:
        value = "0" if name == "DOCKER_BUILDKIT" else "1"
        found = only(place.variables, facts(variables={name: value}), "advice")
        assert (found.says, found.remedy) == (f"{name} is set to {value}.", (f"unset {name}",))

    @pytest.mark.parametrize("variables", [{}, {"DOCKER_BUILDKIT": "1"}, {"DOCKER_CONTENT_TRUST": "0"}])
    def test_variables_that_do_not(self, variables: dict[str, str]) -> None:
        assert list(place.variables(facts(variables=variables))) == []


def replace_terminal(**changes: Any) -> Terminal:
    return replace(WELL.terminal, **changes)


def test_every_look_is_used() -> None:
    """A finding that nobody makes would be a test's alone."""
    made = {
        function
        for module in (client, engines, room, wanted, place)
        for name, function in vars(module).items()
        if not name.startswith("_") and getattr(function, "__annotations__", {}).get("facts") == "Facts"
    }
    assert made == set(LOOKS)


class TestMending:
    def test_each_safe_command_is_run_once_and_in_order(self) -> None:
        one = Finding("a", "advice", "x", "y", safe=(("docker", "pull", "a"), ("docker", "pull", "b")))
        two = Finding("b", "problem", "x", "y", safe=(("docker", "pull", "a"),))
        commands = safe_commands((one, two))
        assert commands == (("docker", "pull", "a"), ("docker", "pull", "b"))
        ran: list[tuple[tuple[str, ...], str | None]] = []

        def run(command: tuple[str, ...], environ: Any) -> int:
            ran.append((command, environ.get("DOCKER_HOST")))
            return len(ran) - 1

        assert mend(commands, {}, "unix:///s", run) == (Mended(commands[0], 0), Mended(commands[1], 1))
        assert ran == [(commands[0], "unix:///s"), (commands[1], "unix:///s")]
        mend(commands[:1], {"DOCKER_HOST": "tcp://h"}, None, run)
        assert ran[-1][1] == "tcp://h"
