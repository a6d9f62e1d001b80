"""Slips that the engine refuses. Wording of engines 20.10 to 28 as their clients print it."""

from __future__ import annotations

import re

from dockerlearn.diagnose.advice.slip import Advice, Slip, shown
from dockerlearn.engine import references
from dockerlearn.text import nearest
from dockerlearn.world.command_line import Word

_ON_CONTAINERS = frozenset(
    {"start", "stop", "restart", "kill", "rm", "pause", "unpause", "logs", "top", "wait", "exec", "attach", "rename",
     "port", "diff", "stats", "update", "cp", "commit", "export", "container inspect"}
)  # fmt: skip
_INSIDE_LOOPBACK = re.compile(r"\b(?:localhost|127\.0\.0\.1)\b")
_REFUSED = r"can't connect to remote host|connection refused|failed to connect|couldn't connect"


def no_engine(slip: Slip) -> Advice | None:
    """Nobody answers, or the learner may not ask."""
    if slip.docker is None:
        return None
    if slip.says("permission denied while trying to connect to the docker"):
        say = (
            "You may not use the engine's socket: it belongs to root and the group docker. Whoever is in that group "
            "can do on this machine what root can. Being put into it takes effect at the next login."
        )
        return Advice("not allowed", say, "sudo usermod -aG docker $USER")
    if said := slip.says(r"Cannot connect to the Docker daemon at (\S+?)\. "):
        say = f"No engine answers at {shown(said[1])}. The client only passes orders on; an engine has to run."
        return Advice("no engine", say, "dockerlearn engine status")
    return None


def name_taken(slip: Slip) -> Advice | None:
    """The name belongs to another container."""
    said = slip.says(r'The container name "/?([^"]+)" is already in use')
    if said is None:
        return None
    name = said[1]
    there = slip.world.container(name) if slip.world else None
    say = "A name belongs to one container, running or not."
    if there is None:
        return Advice(
            "name taken", f"{say} docker ps --all shows whose it is.", f"docker ps --all --filter name={name}"
        )
    if there.never_started and slip.action == "run":
        say = f"{say} This {name} was made before and never started; it holds the name until it is removed."
        return Advice("name taken by what never started", say, f"docker rm {name} && {slip.typed}")
    state = "running" if there.running else there.status
    say = f"{say} There is a {name} already ({state}): remove it if you can spare it, or choose another name."
    return Advice("name taken", say)


def no_such_container(slip: Slip) -> Advice | None:
    """No container of that name: another was meant, or an image."""
    said = slip.says(r"No such container: (\S+)")
    if (
        said is None
        or slip.docker is None
        or slip.action not in _ON_CONTAINERS | {"network connect", "network disconnect"}
    ):
        return None
    name = said[1]
    word = next((one for one in slip.arguments if one.text.partition(":")[0] == name or one.text == name), None)
    world = slip.world
    if world is None or word is None:
        return Advice("no such container", f"There is no container {shown(name)}. docker ps --all lists all of them.")
    if slip.action.startswith("network") and len(slip.arguments) == 2 and world.network(name) is not None:
        network, container = slip.arguments[::-1]
        say = f"The order is the network first, then the container: {shown(name)} is a network."
        return Advice("swapped", say, slip.changed((container, network.text), (network, container.text)))
    if world.image(name) is not None:
        if slip.action == "start":
            say = (
                f"{shown(name)} is an image. docker start starts a container that was "
                "made; docker run makes one from an image."
            )
            return Advice("start for run", say, f"docker run {name}")
        if slip.action == "rm":
            return Advice("rm for rmi", f"{shown(name)} is an image; docker rmi removes those.", f"docker rmi {name}")
        return Advice(
            "image for container",
            f"{shown(name)} is an image, and this asks for a container. docker ps --all lists them.",
        )
    close = nearest(name, [row.name for row in world.newest_containers()])
    if close is None:
        return Advice("no such container", f"There is no container {shown(name)}. docker ps --all lists all of them.")
    text = slip.line.text[word.start : word.end].replace(name, close, 1)
    return Advice(
        "no such container",
        f"There is no container {shown(name)}. Probably {close} was meant.",
        slip.changed((word, text)),
    )


def no_such_image(slip: Slip) -> Advice | None:
    """No image of that name: a tag is missing, another was meant, or a container."""
    said = slip.says(r"No such image: (\S+)|reference does not exist")
    if said is None or slip.docker is None:
        return None
    word = _image_word(slip, said[1])
    if word is None:
        return Advice("no such image", "There is no image of that name. docker images lists those on the engine.")
    return _absent_image(slip, word)


def _image_word(slip: Slip, name: str | None) -> Word | None:
    if name is None:
        return slip.arguments[0] if slip.arguments else None
    wanted = references.normalise(name)
    for word in slip.arguments:
        if word.text == name or (not references.looks_like_id(word.text) and references.normalise(word.text) == wanted):
            return word
    return None


def _absent_image(slip: Slip, word: Word) -> Advice:
    name, world = word.text, slip.world
    if world is not None and world.container(name) is not None:
        if slip.action in {"run", "create"}:
            say = (
                f"{shown(name)} is a container that is there already. docker run makes a "
                "new one from an image; docker start starts that one."
            )
            return Advice("run for start", say, f"docker start {name}")
        if slip.action == "rmi":
            return Advice("rmi for rm", f"{shown(name)} is a container; docker rm removes those.", f"docker rm {name}")
        return Advice(
            "container for image",
            f"{shown(name)} is a container, and this asks for an image. docker images lists them.",
        )
    tags = [references.short(tag) for tag in world.image_tags()] if world is not None else []
    same = [tag for tag in tags if tag.rpartition(":")[0] == references.short(name).rpartition(":")[0]]
    full = references.short(name)
    if same and ":" not in name.rpartition("/")[2]:
        say = f"{shown(name)} alone means {shown(full)}, which is not on your engine. {same[0]} is."
        return Advice("tag missing", say, slip.changed((word, same[0])))
    close = nearest(full, same or tags)
    say = f"There is no image {shown(full)} on your engine."
    if close is not None:
        return Advice("no such image", f"{say} {close} is.", slip.changed((word, close)))
    return Advice("no such image", f"{say} docker images lists those that are.")


def cannot_pull(slip: Slip) -> Advice | None:
    """An image is not here, and cannot be had from a registry under that name."""
    locally = slip.says(r"Unable to find image '([^']+)' locally")
    action = slip.action
    if slip.docker is None or not slip.failed or not (locally or action in {"pull", "build"}):
        return None
    word = (
        _image_word(slip, locally[1])
        if locally
        else (slip.arguments[0] if action == "pull" and slip.arguments else None)
    )
    refused = slip.says(
        "pull access denied|repository does not exist|manifest unknown|manifest for .* not found|: not found|dial tcp|"
        "no such host|i/o timeout|toomanyrequests|pull rate limit|unauthorized"
    )
    if refused is None:
        return None
    if slip.says("toomanyrequests|pull rate limit"):
        say = (
            "The registry has counted too many pulls from your network for now. It "
            "lets you in again after some hours, or sooner when you log in."
        )
        return Advice("pull limit", say)
    if word is not None and action in {"run", "create"}:
        known = _absent_image(slip, word)
        if known.command is not None:
            return known
    if slip.says("dial tcp|no such host|i/o timeout"):
        say = (
            "The image is not on your engine, and no registry could be reached to "
            "pull it from. docker images lists what is there."
        )
        return Advice("registry not reached", say)
    if action == "build" and not slip.says("pull access denied|repository does not exist|manifest"):
        return None
    if slip.says("manifest unknown|manifest for .* not found"):
        return Advice("no such tag", "The registry has this image, but not with this tag.")
    return Advice(
        "no such repository",
        "The registry has no image of this name, or keeps it to those who log in. Look at the spelling.",
    )


def not_in_image(slip: Slip) -> Advice | None:
    """No such program in the container."""
    said = slip.says(r'exec: "([^"]*)": (?:executable file not found|stat [^:]+: no such file)')
    docker = slip.docker
    if said is None or docker is None:
        return None
    program = said[1]
    entry = slip.option("--entrypoint")
    if entry is not None and entry.value == program and " " in program and len(entry.words) > 1 and slip.arguments:
        first, *rest = program.split()
        image = slip.arguments[0]
        say = "--entrypoint takes the program alone; its arguments come after the image."
        edits = [(entry.words[-1], first), (image, f"{image.text} {' '.join(rest)}")]
        return Advice("arguments in the entrypoint", say, slip.again(slip.changed(*edits)))
    word = next((one for one in docker.inner if one.text == program), None)
    if " " in program and word is not None:
        say = (
            f"The quotes make one word of {shown(program)}, and no program has such "
            "a name. Without them the first word is the program."
        )
        return Advice("quoted command", say, slip.again(slip.changed((word, program))))
    if program in {"cd", "export", "source", "alias", "ulimit", "set"} and word is not None:
        inner = " ".join(one.text for one in docker.inner)
        say = (
            f"{program} is a word of the shell, not a program, so it needs a shell "
            "inside. It holds only within that one command."
        )
        begin, end = docker.inner[0].start, docker.inner[-1].end
        command = (
            slip.line.changed(slip.command, (begin, end, f"sh -c '{inner} && pwd'"))
            if "'" not in inner and program == "cd"
            else None
        )
        return Advice("word of the shell", say, command)
    if program in {"bash", "zsh", "/bin/bash"} and word is not None:
        say = f"The image has no {shown(program)}. Small images have sh."
        return Advice("no such shell", say, slip.again(slip.changed((word, "sh"))))
    where = "container" if slip.action == "exec" else "image"
    say = f"There is no program {shown(program)} in the {where}: what runs inside has to be in it, not on your machine."
    return Advice("no such program", say)


def not_running(slip: Slip) -> Advice | None:
    """Something that only a running container can do."""
    said = slip.says(
        r"Container (\S+) is not running|cannot attach to a stopped container|container (\S+) is not running"
    )
    if said is None or slip.docker is None or not slip.arguments:
        return None
    name = slip.arguments[0].text
    if slip.action in {"kill", "stop"}:
        return Advice("ended already", f"{shown(name)} does not run: there is no process to send a signal to.")
    say = (
        f"{shown(name)} does not run, and this needs its process. Start it "
        f"first; docker logs {shown(name)} tells why it ended."
    )
    return Advice("not running", say, f"docker start {name} && {slip.typed}")


def in_use(slip: Slip) -> Advice | None:
    """Something that another thing holds."""
    if slip.says("cannot remove a running container|container is running: stop the container"):
        name = slip.arguments[-1].text if slip.arguments else ""
        say = "It runs. Stop it first: then its program can put away what it was doing."
        return Advice(
            "still running", say, f"docker stop {name} && docker rm {name}" if len(slip.arguments) == 1 else None
        )
    if said := slip.says(
        r"container ([0-9a-f]{12,64}) is using its referenced image|"
        r"image is being used by (?:stopped|running) container ([0-9a-f]{12,64})"
    ):
        identifier = said[1] or said[2]
        held = slip.world.container_by_id(identifier) if slip.world else None
        name = held.name if held else identifier
        say = f"The container {shown(name)} was made from this image and needs its files, also when it does not run."
        return Advice("image in use", say)
    if slip.says("image has dependent child images"):
        return Advice("image has children", "Other images are built on this one, and need its layers. They go first.")
    if slip.says("image is referenced in (?:multiple|one or more) repositories"):
        return Advice(
            "several names",
            "The image has several names, and an id stands for all of them. Remove a name by saying it.",
        )
    if said := slip.says(r"remove (\S+): volume is in use - \[([0-9a-f]{12,64})"):
        held = slip.world.container_by_id(said[2]) if slip.world else None
        say = (
            f"The container {shown(held.name if held else said[2][:12])} has this "
            "volume, running or not. It goes first."
        )
        return Advice("volume in use", say)
    if said := slip.says(r"network (\S+?)(?: id [0-9a-f]+)? has active endpoints"):
        say = f"A running container is on {shown(said[1])}. Take it off, or stop it, first; this shows which:"
        return Advice("network in use", say, f"docker network inspect {said[1]}")
    return None


def networks(slip: Slip) -> Advice | None:
    """A network that is there, is not there, or is docker's own."""
    if slip.docker is None:
        return None
    if said := slip.says(r"network with name (\S+) already exists"):
        say = f"There is a network {shown(said[1])} already. If it is the one you want, use it."
        return Advice("network is there", say, f"docker network inspect {said[1]}")
    if said := slip.says(r"(\S+) is a pre-defined network and cannot be removed"):
        return Advice("own network of docker", f"{shown(said[1])} is one of docker's own networks, and stays.")
    if said := slip.says(r"network (\S+) not found|No such network: (\S+)"):
        name = (said[1] or said[2]).rstrip(".")
        names = [row.name for row in slip.world.engine.networks()] if slip.world else []
        close = nearest(name, [one for one in names if one not in {"none", "host", "bridge"}])
        say = f"There is no network {shown(name)}."
        word = next(
            (one for one in slip.command.words if one.text in {name, f"--network={name}", f"--net={name}"}), None
        )
        if word is not None and slip.action in {"run", "create"} and slip.world and slip.world.container(name):
            return Advice(
                "a container for a network",
                f"{say} It is a container. To be on a network with it, name that network; to use the very network "
                "that it has, with its addresses and ports, say container: before its name.",
                slip.again(slip.changed((word, word.text.replace(name, f"container:{name}")))),
            )
        if close is None or word is None:
            return Advice(
                "no such network", f"{say} A network of your own is made first.", f"docker network create {name}"
            )
        return Advice(
            "no such network",
            f"{say} Probably {close} was meant.",
            slip.again(slip.changed((word, word.text.replace(name, close)))),
        )
    return None


def port_taken(slip: Slip) -> Advice | None:
    """The port of the host is taken."""
    if not slip.says("port is already allocated|address already in use|ports are not available") or slip.docker is None:
        return None
    said = slip.says(r":(\d{2,5})(?:/tcp)?(?: failed:|: bind:|: )")
    option = slip.option("-p", "--publish")
    if said is None or slip.action not in {"run", "start", "create"}:
        return None
    number = int(said[1])
    rows = slip.world.containers() if slip.world else ()
    holder = next((row.name for row in rows if f"{number}/tcp" in row.host_ports), None)
    by = f"by the container {shown(holder)}" if holder else "by another program"
    say = (
        f"Port {number} of your machine is taken {by}, and one port leads to one "
        "place. Another number before the colon is free to choose."
    )
    command = None
    if option is not None and option.value and len(option.words) > 1:
        host, colon, inside = option.value.rpartition(":")
        address, _, port = host.rpartition(":")
        if colon and port == str(number):
            taken = {int(port.partition("/")[0]) for row in rows for port in row.host_ports}
            free = next(other for other in range(number + 1, number + 1000) if other not in taken)
            command = slip.changed((option.words[-1], f"{address}:{free}:{inside}" if address else f"{free}:{inside}"))
    return Advice("port taken", say, slip.again(command) if command else None)


def loopback_inside(slip: Slip) -> Advice | None:
    """``localhost`` in a container is the container itself."""
    docker = slip.docker
    if docker is None or not docker.inner or not slip.failed or not slip.shows(_REFUSED):
        return None
    if not any(_INSIDE_LOOPBACK.search(word.text) for word in docker.inner):
        return None
    say = (
        "In a container, localhost is the container itself, not your machine "
        "and no other container; published ports are "
        "ports of your machine. Inside, ask for the port its own program listens on, or another container by its name."
    )
    return Advice("localhost inside", say)


def ports_discarded(slip: Slip) -> Advice | None:
    """``--network host`` with ``-p``."""
    if not slip.says("Published ports are discarded when using host network mode"):
        return None
    return Advice(
        "ports on the host's network",
        "On the host's network the program listens on your machine's ports itself; -p has nothing to do.",
    )
