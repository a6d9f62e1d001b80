"""What each field of the format means, with an example: for the author's reference and for editors.

A row is what it says, and the value of the key as it is written in YAML. ``WHOLE`` has an example of each noun, and
``WITH`` what an example needs beside it. Tests hold that every field of every model has a row, that every example
loads, and that nothing here is about a field which is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from dockerlearn.checks import (
    compose,
    container,
    containers,
    dockerfile,
    event,
    http,
    image,
    network,
    tcp,
    volume,
)
from dockerlearn.checks.base import Noun
from dockerlearn.checks.command import Command
from dockerlearn.checks.exec import Exec
from dockerlearn.checks.file import File
from dockerlearn.checks.inside_image import Runs
from dockerlearn.checks.instruction import InstructionWanted
from dockerlearn.checks.matchers import Match
from dockerlearn.checks.mounts import MountWanted
from dockerlearn.checks.published import AtPort
from dockerlearn.checks.reach import Reach
from dockerlearn.course import models
from dockerlearn.setup import spec

Model = type[msgspec.Struct]
Rows = Mapping[str, tuple[str, str]]

FIELDS: Mapping[Model, Rows] = {
    models.Pack: {
        "format": ("The version of the format.", "1"),
        "id": ("What the pack is called in commands; learners' marks hang on it.", "shop"),
        "title": ("What people read.", "Docker for the shop"),
        "version": ("What its author calls this state of the pack; shown where packs are listed.", '"1.2"'),
        "lessons": ("The folders of the lessons, in their order.", "[first]"),
        "images": (
            "What lessons may use: a name of the pack's and a reference with a tag, and perhaps why.",
            "{busybox: busybox:1.36, web: {reference: nginx:1.27-alpine-slim, why: A small web server.}}",
        ),
    },
    models.PackImage: {
        "reference": ("The image as `docker pull` takes it, with a tag or digest.", "nginx:1.27-alpine-slim"),
        "why": ("Why the pack uses it.", "A web server as it is used in earnest, and small."),
    },
    models.Lesson: {
        "title": ("What people read.", "Networks"),
        "level": ("How much one must know already, from foundation to expert.", "foundation"),
        "summary": ("What one learns, in a sentence.", "Who reaches a container, and whom it reaches."),
        "minutes": ("How long it takes somebody new to it.", "25"),
        "requires": ("Lessons that come before it; advice, never a lock. Of another pack: `pack:lesson`.", "[first]"),
        "vars": (
            "Values that are fixed for each learner when the lesson begins, as `@{port}` in any text and in `files/`.",
            "{port: {free_port: 8080}, word: {random: 6}}",
        ),
        "concept": ("The lesson in depth.", "{what: A network is who can reach whom.}"),
        "myths": (
            "What is widely believed and is not so.",
            "[{ask: Who can reach port 80?, belief: All., reality: Its network., matters: Ports are closed at first.}]",
        ),
        "steps": ("The steps, in their order.", "[{id: why, title: Why networks}]"),
    },
    models.Variable: {
        "random": ("So many letters and digits, drawn anew for each attempt.", "6"),
        "free_port": ("A port of the host that is free, from this one on.", "8080"),
        "of": ("One of these.", "[red, green, blue]"),
        "pip": ("A whole file: what a build needs of this machine's pip, its settings or what it trusts.", "conf"),
    },
    models.Concept: {
        "what": ("What it is.", "A volume is a folder that the engine keeps."),
        "why": ("What it is for.", "A container's own files go with it."),
        "where_it_fits": ("What it stands beside.", "Beside bind mounts and tmpfs."),
        "analogy": ("What it is like.", "A drawer that you move from desk to desk."),
        "picture": (
            "A drawing in characters, at most 78 columns wide; a line `@map` becomes the live picture.",
            "dl-db -- /data -- dl-data",
        ),
        "under_the_hood": ("How it works.", "A folder below /var/lib/docker/volumes is mounted."),
        "why_designed_this_way": ("Why it is so.", "Containers come and go; data stays."),
        "when_not_to_use": ("What it is wrong for.", "Source code that you edit outside."),
        "in_production": ("How it is used in earnest.", "Name it, and back it up."),
        "connections": ("What else it has to do with.", "[images, networks]"),
        "takeaways": ("What to remember.", "[Name the volumes that matter.]"),
    },
    models.Myth: {
        "ask": ("Lets the learner notice what she believes.", "What does EXPOSE open?"),
        "belief": ("What is believed.", "It opens the port."),
        "reality": ("What is so.", "Nothing. It says what is meant; -p opens."),
        "matters": ("What comes of it.", "A server that nobody reaches."),
    },
    models.Step: {
        "id": ("Names the step for good: marks hang on it. Of the subject, never a number.", "publish"),
        "title": ("What people read.", "Let the outside in"),
        "learn": ("What one must know to do it; markdown.", "A port is closed until `-p` opens it."),
        "predict": (
            "A question to commit to before the task.",
            "{ask: Who answers?, choices: [{text: nginx, say: It is closed.}, {text: nobody, right: true, say: Yes.}]}",
        ),
        "setup": (
            "The state that the world is brought to when the step begins.",
            "[{container: dl-web, absent: true}]",
        ),
        "fresh": ("Begin from a clean world: all that the lesson has made is removed first.", "true"),
        "needs": (
            "What the engine or the client must have; where it is not there, the step is left out, with a sentence.",
            "[buildkit]",
        ),
        "files": (
            "Starter files of the lesson's `files/` that are put into the learner's folder.",
            "[Dockerfile, app/]",
        ),
        "task": ("What to do or to find out. Names what the check asks for, all of it.", "Run a container `dl-web`."),
        "check": ("What must be so afterwards, however it was done.", "[{container: dl-web, running: true}]"),
        "answer": ("What was to be found out.", "{equals: blue}"),
        "question": (
            "A step that is a question.",
            "{ask: Who is paid?, choices: [{text: Nobody, right: true, say: Yes.}, {text: Docker, say: Not yet.}]}",
        ),
        "hints": ("From a nudge to nearly the answer.", "[Which option opens a port?, '`-p` outside:inside.']"),
        "solution": ("One right way, as `sh` runs it; or files, and then perhaps commands.", "docker start dl-web"),
        "accepts": ("Other right ways, which are proven too.", "[docker restart dl-web]"),
        "mistakes": (
            "Misunderstandings that the step meets.",
            "[{name: paused, when: [{container: dl-a, status: paused}], say: It is paused., try: docker pause dl-a}]",
        ),
        "cheats": (
            "What looks done and is not, for the proof alone: it must not pass.",
            "[{name: a copy beside it, try: docker run -d --name dl-web busybox:1.36 sleep 60}]",
        ),
        "untested": (
            "What of the check no mistake and no cheat makes a difference to, and why that is all right.",
            "[{field: 'check[0].image', why: The step before has made it from that image.}]",
        ),
        "result": ("What one can do now.", "You can let others reach a container."),
        "insight": ("What one understands now.", "Publishing is fixed when a container is made."),
    },
    models.Predict: {
        "ask": ("The question.", "What does the second container print?"),
        "choices": (
            "At least two, one of them right.",
            "[{text: one, right: true, say: Yes.}, {text: two, say: They share nothing.}]",
        ),
        "proof": (
            "Shows on an engine that the right choice is right.",
            "{run: docker run --name dl-try busybox:1.36 true, check: [{container: dl-try, exit_code: 0}]}",
        ),
    },
    models.Choice: {
        "text": ("What is chosen.", "nobody"),
        "say": ("What is told when it is chosen: why it is right, or what would have to be so.", "Its port is closed."),
        "right": ("Whether it is the right one.", "true"),
    },
    models.Proof: {
        "run": ("Commands for `sh`, run where the step begins.", "docker run --name dl-try @{image.busybox} true"),
        "check": ("What must be so then.", "[{container: dl-try, exit_code: 0}]"),
    },
    models.Question: {
        "ask": ("The question.", "Which of them is older?"),
        "choices": (
            "At least two, one of them right.",
            "[{text: The image, right: true, say: Yes.}, {text: The container, say: It is made from the image.}]",
        ),
    },
    models.Answer: {
        "equals": ("The right text. Case, spaces, quotes and units do not matter.", "'@{word}'"),
        "from": ("Where it is read on the engine at that moment.", "{container: dl-web, field: ip}"),
        "wrong": ("Wrong answers that are often given.", "[{equals: dl-web, say: That is its name.}]"),
    },
    models.WrongAnswer: {
        "equals": ("Its text, compared like that of a right one.", "dl-web"),
        "from": ("Where it is read on the engine.", "{container: dl-other, field: ip}"),
        "matches": ("A pattern in it.", "':[0-9]+$'"),
        "try": ("An answer that `matches`, for the proof.", "'172.17.0.2:80'"),
        "say": ("What it is, and where to look.", "That is its name. The id stands before it."),
    },
    models.AnswerSource: {
        "container": ("A container of the lesson's.", "dl-web"),
        "image": ("An image of the pack's or the lesson's.", "busybox"),
        "field": ("Which of its fields: " + ", ".join(models.CONTAINER_FIELDS) + ", or `port:80/tcp`.", "ip"),
        "engine": ("Something of the engine: " + " or ".join(models.ENGINE_FIELDS) + ".", "kernel"),
    },
    models.FileSolution: {
        "files": ("Files of the learner's folder with their whole text.", "{greeting: hello}"),
        "run": ("Commands for `sh` afterwards.", "docker build -t dl-app ."),
    },
    models.Mistake: {
        "name": ("Names it in proofs and `check --json`; learners do not read it.", "ports swapped"),
        "when": (
            "What is so then, all of it. Not at the start, not in another mistake's world.",
            "[{image: dl-app:v2}]",
        ),
        "say": ("What is told: what is so, and why; markdown.", "The order is outside:inside."),
        "try": ("Commands that make the mistake, for the proof.", "docker tag busybox:1.36 dl-app:v2"),
        "fix": (
            "Commands that undo it, so that the solution works again. Without, the step is started afresh.",
            "docker rm -f dl-web",
        ),
        "dead_end": ("No right way leads on from here, so the tutor says it unasked.", "true"),
    },
    models.Trick: {
        "name": ("Names it in proofs.", "another image under the name"),
        "try": ("Commands that make it, from the start of the step; each has to succeed.", "docker tag dl-b dl-a"),
    },
    models.Untested: {
        "field": ("The place, as `author prove --mutate` tells it.", "check[0].image"),
        "why": ("Why nothing can show it, or need not.", "The step before has made it from that image."),
    },
    spec.SetupContainer: {
        "container": ("Its name.", "dl-web"),
        "absent": ("No container has the name.", "true"),
        "running": ("Whether it runs; `false` is one that was run and has ended.", "false"),
        "status": ("`created` or `paused`, the states between.", "paused"),
        "image": ("An image of the pack's, or one of the lesson's own.", "busybox"),
        "command": ("Its command, as a list of words.", "[sleep, '3600']"),
        "entrypoint": ("Its entrypoint, as a list of words.", "[sh, -c]"),
        "env": ("Variables of its environment.", "{COLOUR: blue}"),
        "user": ("The user that it runs as.", "'1000'"),
        "workdir": ("Its working directory.", "/srv"),
        "publish": ("Ports inside, with the host's, opened on loopback.", "{80/tcp: '@{port}'}"),
        "networks": ("Networks of the lesson's, and what it is called there.", "{dl-net: [db]}"),
        "mounts": (
            "Volumes of the lesson's, or folders beneath the learner's, by path.",
            "{/data: dl-data, /site: ./site}",
        ),
        "files": ("Files that are written into it.", "{/etc/motd: welcome}"),
        "fresh": ("Make it anew even if one as stated is there.", "true"),
    },
    spec.SetupMount: {
        "volume": ("A volume of the lesson's.", "dl-data"),
        "source": ("A folder beneath the learner's.", "./site"),
        "read_only": ("Whether it can only be read there.", "true"),
    },
    spec.SetupImage: {
        "image": ("An image of the pack's, which is pulled, or a name of the lesson's own.", "dl-app:v1"),
        "absent": ("No image has the name, which must be the lesson's own.", "true"),
        "tag_of": ("The image that it is another name of.", "busybox"),
        "build": ("A folder of the lesson's `files/` that it is built from.", "app"),
    },
    spec.SetupNetwork: {
        "network": ("Its name.", "dl-net"),
        "absent": ("No network has the name.", "true"),
        "internal": ("Whether it leads nowhere else.", "true"),
        "fresh": ("Make it anew; nothing may be on it.", "true"),
    },
    spec.SetupVolume: {
        "volume": ("Its name.", "dl-data"),
        "absent": ("No volume has the name.", "true"),
        "files": ("Files at its top, with their text.", "{note: hello}"),
        "fresh": ("Make it anew, with nothing else in it.", "true"),
    },
    spec.SetupFile: {
        "file": ("A path in the learner's folder for this lesson.", "site/index.html"),
        "absent": ("Nothing is there.", "true"),
        "content": ("Its text.", "hello"),
        "archive": ("Instead of a text: a tar archive of these files.", "{note: hello}"),
        "executable": ("Whether it may be run.", "true"),
    },
    Noun: {
        "within": ("How long it is waited for while it is on its way. Each noun has a time of its own.", "30s"),
    },
    container.Container: {
        "container": ("Its name.", "dl-web"),
        "absent": ("`true`: the very container that was there is gone, not renamed.", "true"),
        "running": ("It runs, is not paused, and still runs a second after its start; or it does not run.", "true"),
        "status": ("created, running, paused, restarting, exited or dead.", "{one_of: [created, exited]}"),
        "exit_code": ("What it ended with.", "{not: 0}"),
        "oom_killed": ("Whether it was ended for using too much memory.", "true"),
        "image": ("What it was made from: an image of the pack's by its short name, or the lesson's own.", "busybox"),
        "command": ("Its command, as words or one text.", "[sleep, '3600']"),
        "entrypoint": ("Its entrypoint, as words or one text.", "[/bin/sh, -c]"),
        "env": ("Variables of its environment.", "{COLOUR: blue, OLD: none}"),
        "user": ("The user that it was told to run as.", "{not: {one_of: [root, '0']}}"),
        "workdir": ("Its working directory.", "/srv"),
        "hostname": ("The name that it has for itself.", "web"),
        "labels": ("Labels.", "{tier: front}"),
        "published": (
            "Ports inside with the host's, open now; `false` for one that is not; or `any`, `none`.",
            "{80/tcp: any}",
        ),
        "published_on": (
            "Where on the host a port is open: `loopback`, `everywhere` or an address.",
            "{80/tcp: loopback}",
        ),
        "asked_to_publish": (
            "The same as `published`, as it was asked for, whether it runs or not.",
            "{80/tcp: '8080'}",
        ),
        "mounts": (
            "What is mounted where: a volume, a folder that begins with `.`, or more of it; or `any`, `none`.",
            "{/data: dl-data}",
        ),
        "networks": ("Networks it is on, perhaps with its name there; or `any`, `none`.", "{dl-net: db, bridge: none}"),
        "only_networks": ("It is on each of these and on no other.", "[dl-net]"),
        "network_mode": ("host, none, a network, or whose network it uses.", "container:dl-db"),
        "restart_policy": ("no, always, unless-stopped or on-failure.", "unless-stopped"),
        "restart_count": ("How often the engine has restarted it.", "{'>': 0}"),
        "health": ("starting, healthy or unhealthy; waited for as long as its checks take.", "healthy"),
        "memory": ("Its limit of memory.", "64m"),
        "cpus": ("Its limit of processors.", "'0.5'"),
        "pids_limit": ("Its limit of processes.", "{'<': 100}"),
        "capabilities": ("What its processes may do beyond the usual, and what was taken from them.", "{drop: [ALL]}"),
        "read_only": ("Whether its own files can only be read.", "true"),
        "privileged": ("Whether it is privileged.", "false"),
        "init": ("Whether it has an init process (`--init`).", "true"),
        "tty": ("Whether it has a terminal (`-t`).", "true"),
        "open_stdin": ("Whether its input is kept open (`-i`).", "true"),
        "attached": (
            "Whether it was made with its output attached: `docker run` without `-d`, `docker create`.",
            "false",
        ),
        "auto_remove": ("Whether it is removed when it ends (`--rm`).", "true"),
        "stop_signal": ("What it is sent to stop.", "SIGQUIT"),
        "compose": (
            "Which service of which Compose project it is; or `any`, `none`.",
            "{project: dl-shop, service: web}",
        ),
        "same_as_at_start": ("Whether it is the very one that had the name when the step began.", "true"),
        "processes": ("The command lines of its processes; one has to fit.", "{contains: httpd}"),
        "changed": ("Paths that differ from its image: added, changed or deleted; or `any`, `none`.", "{/note: added}"),
        "files": (
            "Files in it, with what they hold; `any` is there, `none` is not there.",
            "{/etc/motd: {contains: hello}}",
        ),
        "logs": ("What it has printed.", "{contains: ready}"),
    },
    container.Capabilities: {
        "add": ("Those that were added, with or without `CAP_`.", "[NET_ADMIN]"),
        "drop": ("Those that were taken away.", "[ALL]"),
    },
    container.ComposeLabels: {
        "project": ("The project's name.", "dl-shop"),
        "service": ("The service's name.", "web"),
    },
    MountWanted: {
        "kind": ("volume, bind or tmpfs.", "bind"),
        "name": ("The volume's name.", "dl-data"),
        "source": ("The folder, which begins with `.` where it is beneath the learner's.", "./site"),
        "read_only": ("Whether it can only be read there.", "true"),
        "anonymous": ("Whether the engine made up the volume's name.", "true"),
    },
    containers.Containers: {
        "containers": ("Which are counted: those of which all of this is so.", "{image: busybox, running: true}"),
        "count": ("How many there should be; without it, at least one.", "3"),
    },
    containers.Which: {
        "name": ("Their names.", "{matches: '^dl-web-'}"),
        "image": ("What they were made from.", "busybox"),
        "running": ("Whether they run.", "true"),
        "status": ("Their status.", "exited"),
        "exit_code": ("What they ended with.", "{'>': 0}"),
        "host_port": ("A port of the host on which one of theirs is published.", "8080"),
        "labels": ("Their labels.", "{tier: front}"),
    },
    AtPort: {
        "from": ("Ask from inside this container, not from the host; nothing must be published then.", "dl-client"),
        "by_name": ("With `from`: the name by which it is asked, where it is not its own.", "web"),
    },
    http.Http: {
        "http": (
            "A container and a port inside it. From the host, it is asked where that port is published.",
            "dl-web:80",
        ),
        "path": ("What is asked for, with GET.", "/health"),
        "status": ("The answer's status.", "200"),
        "body": ("The answer's text.", "{contains: Welcome}"),
        "headers": ("Headers of the answer.", "{content-type: {contains: html}}"),
    },
    tcp.Tcp: {
        "tcp": ("A container and a port inside it, at which something has to take connections.", "dl-db:6379"),
    },
    Exec: {
        "exec": ("The container.", "dl-db"),
        "command": (
            "What is run in it, without a shell. It is the tutor's look, so it should change nothing.",
            "[cat, /etc/hostname]",
        ),
        "exit_code": ("What it ends with; 0 where neither this nor `output` is given.", "1"),
        "output": ("What it prints.", "{contains: PONG}"),
    },
    File: {
        "file": ("A path in the learner's folder for this lesson.", "site/index.html"),
        "absent": ("Nothing is there.", "true"),
        "content": ("Its text.", "{contains: hello}"),
        "executable": ("Whether it may be run.", "true"),
        "kind": ("file or directory.", "directory"),
        "archive": ("What archive it is: `image` (of `docker save`), `files`, or `other` for none.", "image"),
        "archive_of": ("An image that is in it, with its name.", "dl-app:v1"),
        "archive_names": ("The names of the images in it.", "dl-app:v1"),
        "archive_files": ("Files in it, with what they hold.", "{note: hello}"),
    },
    dockerfile.Dockerfile: {
        "dockerfile": ("Its path in the learner's folder.", "Dockerfile"),
        "absent": ("Nothing is there.", "true"),
        "stages": ("How many FROM there are, or names of stages that are there.", "[build]"),
        "stage": ("Look at this stage alone: its name, its number from 0, `last`, or `any` for every one.", "build"),
        "from": ("The image that the last stage is made from in the end.", "scratch"),
        "has": ("Instructions that must be there.", "[{user: {not: root}}]"),
        "has_not": ("Instructions that must not.", "[{run: {contains: curl}}]"),
        "order": (
            "Instructions that must stand one below the other.",
            "[{copy: requirements.txt}, {run: {contains: pip}}]",
        ),
    },
    InstructionWanted: {
        "run": ("RUN: the command's text.", "{contains: pip install}"),
        "copy": (
            "COPY or ADD that names a file or folder, itself or by a pattern; `.` is all of the folder.",
            "app.py",
        ),
        "add": ("The same, by ADD alone.", "site.tar.gz"),
        "brings": ("A file or folder that comes along in any way.", "app.py"),
        "workdir": ("WORKDIR.", "/app"),
        "env": ("ENV: a name, names with values, or `any`.", "{PORT: '8000'}"),
        "arg": ("ARG: the same.", "VERSION"),
        "label": ("LABEL: the same.", "{org.opencontainers.image.version: any}"),
        "expose": ("EXPOSE.", "'8000'"),
        "user": ("USER.", "{not: root}"),
        "cmd": ("CMD, as words or one text.", "[python, app.py]"),
        "entrypoint": ("ENTRYPOINT, as words or one text.", "[python]"),
        "healthcheck": ("HEALTHCHECK: its command's text.", "{contains: wget}"),
        "volume": ("VOLUME.", "/data"),
        "stopsignal": ("STOPSIGNAL.", "SIGQUIT"),
        "shell": ("SHELL, as words.", "[/bin/sh, -ec]"),
        "onbuild": ("ONBUILD: the instruction's text.", "{contains: COPY}"),
        "to": ("Of COPY and ADD: where it is put.", "/app"),
        "from": ("Of COPY and ADD: the stage or image that it is taken from, or `none`.", "build"),
        "form": ("Of a command: `exec` for a list in brackets, else `shell`.", "exec"),
        "options": ("Options that begin with `--`.", "{chown: '1000'}"),
    },
    compose.Compose: {
        "compose": ("Its path in the learner's folder.", "compose.yaml"),
        "absent": ("Nothing is there.", "true"),
        "project": ("The project's name, where the file says it.", "dl-shop"),
        "services": (
            "Services, with what they should be, `any` or `none`; a list wants each to be there.",
            "{web: {image: nginx}, old: none}",
        ),
        "networks": ("Networks that are declared at the top.", "[front, back]"),
        "volumes": ("Volumes that are declared at the top.", "{data: any}"),
    },
    compose.ServiceWanted: {
        "image": ("The image.", "nginx"),
        "build": ("The folder that is built.", "./app"),
        "target": ("The stage that is built.", "prod"),
        "command": ("The command, as words or one text.", "[python, app.py]"),
        "entrypoint": ("The entrypoint, as words or one text.", "[python]"),
        "environment": ("Variables of the environment.", "{REDIS_HOST: redis}"),
        "labels": ("Labels.", "{tier: front}"),
        "ports": ("Ports inside with those outside; or `any`, `none`.", "{'80': '8080'}"),
        "volumes": ("What is mounted where, as `mounts` of a container.", "{/data: data}"),
        "networks": ("Names of networks, perhaps with its name there; or `any`, `none`.", "[back]"),
        "network_mode": ("host, none, or whose network it uses.", "none"),
        "depends_on": ("Services that it waits for, perhaps with what for.", "{db: service_healthy}"),
        "healthcheck": ("The command of its health check.", "{contains: wget}"),
        "profiles": ("The profiles it belongs to.", "[debug]"),
        "restart": ("Its restart policy.", "unless-stopped"),
        "user": ("The user it runs as.", "'1000'"),
        "container_name": ("The name that its container is given.", "none"),
        "working_dir": ("The working directory.", "/app"),
    },
    compose.DeclaredWanted: {
        "name": ("What the engine calls it.", "dl-data"),
        "driver": ("Its driver.", "bridge"),
        "external": ("Whether it is made elsewhere.", "true"),
        "internal": ("Of a network: whether it leads nowhere else.", "true"),
    },
    event.Event: {
        "event": (
            "What happened: of a container "
            + ", ".join(event.CONTAINER)
            + "; of an image "
            + ", ".join(event.IMAGE)
            + "; of a network "
            + ", ".join(event.NETWORK)
            + "; of a volume "
            + ", ".join(event.VOLUME)
            + ".",
            "restarted",
        ),
        "container": ("To which container; `any` is one that was made since the step began.", "dl-web"),
        "image": ("To which image; with a container, which it was made from.", "busybox"),
        "network": ("To which network.", "dl-net"),
        "volume": ("To which volume.", "dl-data"),
        "command": ("Of `exec`: what was run.", "{contains: touch}"),
        "exit_code": ("Of `exec`, `died` and `stopped`: how it ended.", "137"),
        "signal": ("Of `killed`: with what.", "TERM"),
        "times": ("How often; without it, at least once.", "2"),
    },
    network.Network: {
        "network": ("Its name.", "dl-net"),
        "absent": ("`true`: it is gone.", "true"),
        "driver": ("Its driver.", "bridge"),
        "internal": ("Whether it leads nowhere else.", "true"),
        "labels": ("Labels.", "{tier: back}"),
        "attached": (
            "Containers that are on it, perhaps with their name there; or `any`, `none`.",
            "{dl-db: db, dl-web: any}",
        ),
        "reaches": ("Who reaches whom by name on it, tried from inside.", "[{from: dl-web, to: dl-db, by_name: db}]"),
    },
    Reach: {
        "from": ("Who asks.", "dl-web"),
        "to": ("Who is to be reached; several share a name.", "dl-db"),
        "by_name": ("The name that is used, where it is not its own.", "db"),
        "port": ("A port at which something has to take connections.", "6379"),
        "reached": ("`false`: it must not be reached; both still have to run.", "false"),
    },
    volume.Volume: {
        "volume": ("Its name.", "dl-data"),
        "absent": ("`true`: it is gone.", "true"),
        "driver": ("Its driver.", "local"),
        "labels": ("Labels.", "{tier: back}"),
        "used_by": ("Containers that have it mounted, running or not; or `any`, `none`.", "[dl-db]"),
        "files": ("Files in it, with what they hold.", "{note: {contains: hello}}"),
    },
    image.Image: {
        "image": ("An image of the pack's by its short name, or a name of the lesson's own.", "dl-app:v1"),
        "absent": ("`true`: no image has the name.", "true"),
        "gone": ("`true`: what had the name when the step began is on the engine under no name at all.", "true"),
        "same_as": ("Another name of the same image.", "busybox"),
        "not_same_as": ("A name of another image.", "busybox"),
        "same_as_at_start": ("The name is still on the image that had it when the step began.", "true"),
        "replaced": ("`true`: the name is on another image than when the step began, and that one is gone.", "true"),
        "tags": ("Its names; one has to fit.", "dl-app:latest"),
        "size": ("Its size. It differs between engines, so be generous.", "{'<': 20MB}"),
        "smaller_than": ("An image that is larger.", "dl-app:v0"),
        "larger_than": ("An image that is smaller.", "busybox"),
        "layers": ("How many layers it has.", "{'<': 5}"),
        "layers_shared_with": (
            "How many layers it has in common with another one, from the bottom up.",
            "{busybox: any}",
        ),
        "digest": ("A digest under which it was pulled or pushed.", "{matches: '^sha256:'}"),
        "platform": ("Its system and processor.", "linux/amd64"),
        "command": ("Its command.", "python app.py"),
        "entrypoint": ("Its entrypoint.", "none"),
        "starts": ("Its entrypoint and its command, put together.", "{contains: app.py}"),
        "env": ("Variables of its environment.", "{PORT: '8000'}"),
        "user": ("The user that it runs as.", "any"),
        "workdir": ("Its working directory.", "/app"),
        "labels": ("Labels.", "{org.opencontainers.image.version: '1.0'}"),
        "exposed": ("Ports that it says it has; one has to fit.", "8000/tcp"),
        "files": (
            "Files in it, with what they hold; `any` is there, `none` is not there.",
            "{/app/app.py: any, /bin/gcc: none}",
        ),
        "same_files_as": (
            "Files that hold what they hold in another image, as where a build step was not run again.",
            "{'dl-app:v1': [/stamp]}",
        ),
        "other_files_than": (
            "Files that hold something else than in another image.",
            "{'dl-app:v1': [/stamp]}",
        ),
        "runs": ("What a container of it does.", "{prints: {contains: hello}}"),
    },
    Runs: {
        "command": ("What is run; without it, what the image says.", "[cat, /etc/motd]"),
        "entrypoint": ("A program in place of the image's entrypoint, as with `docker run --entrypoint`.", "python"),
        "healthcheck": ("`true`: the image's health check is run, with nothing else beside it.", "true"),
        "prints": ("What it prints.", "{contains: hello}"),
        "exit_code": ("What it ends with; 0 where neither this nor `prints` is given.", "0"),
    },
    Command: {
        "command": ("The words that it begins with. In a mistake's `when` only.", "docker run"),
        "words": ("Words that are all in it.", "[-name]"),
        "matches": ("A pattern for the line as it was typed.", "'-p *\\d+ '"),
        "exit_code": ("What the line ended with.", "125"),
        "prints": (
            "The beginning of what it printed, where the tutor sees that.",
            "{contains: port is already allocated}",
        ),
    },
    Match: {
        "contains": ("This text, or each of these, is in it.", "[ready, listening]"),
        "matches": ("A regular expression finds something in it (RE2).", "'^v\\d+$'"),
        "one_of": ("It is one of these.", "[root, '0']"),
        "not": ("It is not this, or does not fit this matcher.", "{contains: error}"),
        ">": ("It is more than this.", "10MB"),
        "<": ("It is less than this.", "512m"),
        "between": ("It is from this to that.", "[1s, 30s]"),
        "length": ("How long the text is; of a list, how many there are.", "{'>': 3}"),
        "means": (
            "What fits, in words, where the verdict would show a pattern: the end of “it should hold …”.",
            "a time of day, such as 12:34:56",
        ),
    },
}

WHOLE: Mapping[Model, str] = {
    spec.SetupContainer: "{container: dl-web, image: nginx, publish: {80/tcp: '@{port}'}}",
    spec.SetupImage: "{image: dl-app:v1, build: app}",
    spec.SetupNetwork: "{network: dl-net}",
    spec.SetupVolume: "{volume: dl-data, files: {note: hello}}",
    spec.SetupFile: "{file: note, content: hello}",
    container.Container: "{container: dl-web, running: true, image: nginx, published: {80/tcp: '@{port}'}}",
    containers.Containers: "{containers: {image: busybox, running: true}, count: 3}",
    http.Http: "{http: 'dl-web:80', status: 200, body: {contains: Welcome}}",
    tcp.Tcp: "{tcp: 'dl-db:6379', from: dl-web, by_name: db}",
    Exec: "{exec: dl-db, command: [cat, /etc/hostname], output: db}",
    File: "{file: site/index.html, content: {contains: hello}}",
    dockerfile.Dockerfile: "{dockerfile: Dockerfile, from: scratch, has: [{copy: app, from: build}]}",
    compose.Compose: "{compose: compose.yaml, services: {web: {image: nginx}, db: any}}",
    event.Event: "{event: restarted, container: dl-web}",
    network.Network: "{network: dl-net, attached: [dl-db, dl-web], reaches: [{from: dl-web, to: dl-db, by_name: db}]}",
    volume.Volume: "{volume: dl-data, used_by: [dl-db], files: {note: hello}}",
    image.Image: "{image: dl-app:v1, smaller_than: dl-app:v0, runs: {prints: {contains: hello}}}",
    Command: "{command: docker run, words: [-name], exit_code: 125}",
}
"""A check or a stated thing as it is written in a lesson."""

_EVENT = {"event": "started", "container": "dl-web"}

WITH: Mapping[tuple[Model, str], Mapping[str, str]] = {
    (models.WrongAnswer, "equals"): {"say": "That is its name."},
    (models.WrongAnswer, "from"): {"say": "That is the other one's."},
    (models.WrongAnswer, "matches"): {"try": "'172.17.0.2:80'", "say": "The address alone."},
    (models.WrongAnswer, "try"): {"matches": "':[0-9]+$'", "say": "The address alone."},
    (models.WrongAnswer, "say"): {"equals": "dl-web"},
    (models.Answer, "wrong"): {"equals": "blue"},
    (models.AnswerSource, "container"): {"field": "ip"},
    (models.AnswerSource, "image"): {"field": "id"},
    (models.AnswerSource, "field"): {"container": "dl-web"},
    **{
        (spec.SetupContainer, name): {"image": "busybox"}
        for name in FIELDS[spec.SetupContainer]
        if name not in {"image", "absent"}
    },
    (spec.SetupMount, "read_only"): {"source": "./site"},
    (spec.SetupFile, "file"): {"content": "hello"},
    (spec.SetupFile, "executable"): {"content": "hello"},
    (http.Http, "by_name"): {"from": "dl-client"},
    (tcp.Tcp, "by_name"): {"from": "dl-client"},
    (event.Event, "event"): {"container": "dl-web"},
    (event.Event, "container"): {"event": "restarted"},
    (event.Event, "image"): {"event": "pulled"},
    (event.Event, "network"): {"event": "connected"},
    (event.Event, "volume"): {"event": "removed"},
    (event.Event, "command"): {**_EVENT, "event": "exec"},
    (event.Event, "exit_code"): {**_EVENT, "event": "died"},
    (event.Event, "signal"): {**_EVENT, "event": "killed"},
    (event.Event, "times"): _EVENT,
    (event.Event, "within"): _EVENT,
    **{(InstructionWanted, name): {"copy": "app.py"} for name in ("to", "from", "options")},
    (InstructionWanted, "form"): {"cmd": "python app.py"},
    (Match, "means"): {"matches": r"'\d\d:\d\d'"},
}
"""What an example of a field needs beside it, over what its model requires."""


def rows(model: Model) -> Iterator[tuple[str, str, str]]:
    """Yield each field of a model as it is written, what it means, and an example of its value.

    >>> next(rows(volume.Volume))
    ('volume', 'Its name.', 'dl-data')
    """
    for field in _in_order(model):
        says, example = row(model, field.encode_name)
        yield field.encode_name, says, example


def row(model: Model, name: str) -> tuple[str, str]:
    """Return what a field means and an example of its value; what nouns share is said once, of what they share."""
    for kind in model.__mro__:
        if kind in FIELDS and name in FIELDS[kind]:
            return FIELDS[kind][name]
    raise KeyError(f"{model.__name__}.{name}")


def _in_order(model: Model) -> list[msgspec.structs.FieldInfo]:
    """A model's own fields first, in their order, then those that it shares with others."""
    fields: dict[str, Any] = {field.name: field for field in msgspec.structs.fields(model)}
    own = [name for name in model.__annotations__ if name in fields]
    return [fields[name] for name in [*own, *(name for name in fields if name not in own)]]
