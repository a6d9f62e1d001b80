"""A pack or a lesson to begin with: small, of each kind of step one, and passing lint and proof as it is."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dockerlearn.author import listing
from dockerlearn.author.quality import is_position
from dockerlearn.course import schema, tree
from dockerlearn.course.rules import ID
from dockerlearn.engine import references
from dockerlearn.errors import DockerlearnError, UsageError
from dockerlearn.text import one_line


class Made(msgspec.Struct, frozen=True):
    """What was written: the lesson that can be worked on now, and all files."""

    pack: Path
    lesson: str
    files: tuple[Path, ...]


FIRST_LESSON = "hello"
"""What a new pack's lesson is called."""

IMAGE = "busybox:1.36"
"""What the template's containers are made from."""


def new_pack(folder: Path, name: str) -> Made:
    """Make a pack with one lesson in ``folder/name``. Raises ``UsageError`` when something is there."""
    _fit(name, "pack")
    where = folder.absolute() / name
    if where.exists() or where.is_symlink():
        raise UsageError(f"{one_line(str(where))} is there already; it was left alone.")
    pack = _PACK.replace("PACK-NAME", name).replace("PACK-TITLE", _title(name)).replace("LESSON-NAME", FIRST_LESSON)
    texts = {"pack.yaml": pack, f"{FIRST_LESSON}/lesson.yaml": _lesson(FIRST_LESSON, "busybox")}
    texts |= {file: schema.text(made) for file, made in schema.schemas().items()}
    return Made(where, FIRST_LESSON, _write(where, texts))


def new_lesson(pack: Path, name: str) -> Made:
    """Make a lesson in the pack's folder and list it in pack.yaml, whose comments and order stay.

    Raises ``UsageError`` when it is there already, or pack.yaml is written in a way that cannot be added to.
    """
    _fit(name, "lesson")
    pack = pack.absolute()
    if (pack / name).exists() or (pack / name).is_symlink():
        raise UsageError(f"There is a folder {name} in {one_line(str(pack))} already; it was left alone.")
    text, image = _added(pack / "pack.yaml", name)
    made = _write(pack, {f"{name}/lesson.yaml": _lesson(name, image)})
    return Made(pack, name, (*made, *_write(pack, {"pack.yaml": text})))


def _fit(name: str, kind: str) -> None:
    if not ID.match(name):
        raise UsageError(f"'{one_line(name, 40)}' is no name for a {kind}: use a-z, 0-9 and single -.")
    if is_position(name):
        raise UsageError(f"'{name}' says where a {kind} stands. Call it after its subject.")


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _lesson(name: str, image: str) -> str:
    return _LESSON.replace("LESSON-TITLE", _title(name)).replace("LESSON-NAME", name).replace("IMAGE-NAME", image)


def _write(folder: Path, texts: dict[str, str]) -> tuple[Path, ...]:
    paths: list[Path] = []
    for name, text in texts.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DockerlearnError(f"{one_line(str(path))} cannot be written: {error.strerror or error}.") from None
        paths.append(path)
    return tuple(paths)


def _added(file: Path, name: str) -> tuple[str, str]:
    """Return pack.yaml with one lesson more, and what it calls the template's image, which is added if need be."""
    document = tree.read(file, "pack.yaml")
    if document.problems or not isinstance(document.root, tree.Mapping):
        raise UsageError(f"{one_line(str(file))} cannot be read.", "dockerlearn author lint    # says why")
    text = _listed(document.root, document.source, name)
    again = tree.parse(text.encode(), "pack.yaml")
    if again.problems or not isinstance(again.root, tree.Mapping) or name not in listing.lessons(again.root):
        raise UsageError(f"{one_line(str(file))} is written in a way that cannot be added to.", f"Add {name} by hand.")
    image, text = _with_image(again.root, text)
    return text, image


def _listed(root: tree.Mapping, source: str, name: str) -> str:
    lessons = root.get("lessons")
    last = lessons.items[-1] if isinstance(lessons, tree.Sequence) and lessons.items else None
    if not isinstance(last, tree.Scalar):
        return source
    before = source[: last.start].rpartition("\n")[2]
    # In a block list the item stands behind its dash.
    more = f"\n{before}{name}" if before.strip() == "-" else f", {name}"
    return source[: last.end] + more + source[last.end :]


def _with_image(root: tree.Mapping, source: str) -> tuple[str, str]:
    """Return what the pack calls the template's image, and its text, in which it is declared."""
    images = root.get("images")
    declared = list(listing.images(root))
    for called, reference in declared:
        if reference is not None and references.repository(reference.text) == references.repository(IMAGE):
            return called.text, source
    name = "busybox" if "busybox" not in {called.text for called, _ in declared} else "busybox-shell"
    if not isinstance(images, tree.Mapping) or not images.pairs:
        if images is not None:
            raise UsageError("images: in pack.yaml is empty. Take the key out, or declare an image.")
        end = "" if source.endswith("\n") else "\n"
        return name, f"{source}{end}images:\n  {name}: {IMAGE}\n"
    first = images.pairs[0][0]
    indent = source[: first.start].rpartition("\n")[2]
    more = f"{name}: {IMAGE}, " if indent.strip() else f"{name}: {IMAGE}\n{indent}"
    return name, source[: first.start] + more + source[first.start :]


_PACK = """\
# yaml-language-server: $schema=pack.schema.json
format: 1
id: PACK-NAME
title: PACK-TITLE
lessons: [LESSON-NAME]        # in this order
images:                       # what lessons may use, each with a tag
  busybox:
    reference: busybox:1.36
    why: A shell and many small tools in a few megabytes.
"""

_LESSON = """\
# yaml-language-server: $schema=../lesson.schema.json
#
# A lesson to begin with: a step to do, one to find out, a question. Make it yours, and after each change:
#   dockerlearn author lint LESSON-NAME       what is wrong, without an engine
#   dockerlearn author preview LESSON-NAME    what a learner will see
#   dockerlearn author prove LESSON-NAME      runs every solution and mistake on an engine
title: LESSON-TITLE
level: foundation                     # foundation, intermediate, advanced or expert
summary: Run a program in the background, and find out what it said.
minutes: 5
vars: {token: {random: 6}}            # another one for each learner; @{token} below
concept:                              # the deep dive; more parts are in lesson.schema.json
  what: A container is a process that runs with the files of an image and sees nothing else.
  why: It runs in the same way on every machine that has an engine.
  takeaways: [A container lives as long as its first process.]
myths:
  - ask: What keeps a container running in the background?
    belief: The option -d does.
    reality: -d gives you your prompt back. What keeps it running is that its first process does not end.
    matters: It explains most containers that end at once.
steps:
  - id: run
    title: Keep one running
    learn: |                          # what one must know for this step; markdown
      `docker run -d --name NAME IMAGE COMMAND` starts a command in the background, in a container made from an image.
    predict:                          # commit to an answer before the task
      ask: A container was started with `sleep 1`. What is it a minute later?
      choices:
        - {text: It still runs., say: Its command ended after a second and the container with it.}
        - {text: It has ended., right: true, say: A container lives as long as its first process.}
        - {text: It was removed., say: It has ended and is still listed by docker ps -a.}
      proof:                          # shows on an engine that the right choice is right
        run: docker run -d --name dl-try @{image.IMAGE-NAME} sleep 1 && docker wait dl-try
        check: [{container: dl-try, status: exited, exit_code: 0}]
    setup:                            # the world that the step begins with
      - {container: dl-LESSON-NAME, absent: true}
    task: |
      Run a container named `dl-LESSON-NAME` from `@{image.IMAGE-NAME}` in the background. Its command prints the word
      `@{token}` and then sleeps for an hour:

          sh -c 'echo @{token}; sleep 3600'
    check:                            # what must be so afterwards, however it was done
      - container: dl-LESSON-NAME
        running: true
        image: IMAGE-NAME
        logs: {contains: "@{token}"}
    hints:                            # from a nudge to nearly the answer
      - The command comes last, behind the image. The options come before it.
      - "`docker run -d --name dl-LESSON-NAME IMAGE sh -c '…'`, with the single quotes."
    solution: docker run -d --name dl-LESSON-NAME @{image.IMAGE-NAME} sh -c 'echo @{token}; sleep 3600'
    accepts:                          # other right ways; the proof runs them too
      - |
        docker create --name dl-LESSON-NAME @{image.IMAGE-NAME} sh -c 'echo @{token}; sleep 3600'
        docker start dl-LESSON-NAME
    mistakes:                         # the misunderstandings that this step meets
      - name: it ended at once
        dead_end: true                # no right way leads on from here, so the tutor says it unasked
        when: [{container: dl-LESSON-NAME, status: exited}]
        say: |
          The command in dl-LESSON-NAME came to its end, and so did the container. Remove it with
          `docker rm dl-LESSON-NAME`, and let the command sleep after it has printed the word.
        try: docker run -d --name dl-LESSON-NAME @{image.IMAGE-NAME} echo @{token} && docker wait dl-LESSON-NAME
        fix: docker rm dl-LESSON-NAME
      - name: it says nothing
        dead_end: true
        when: [{container: dl-LESSON-NAME, running: true, image: IMAGE-NAME, logs: none}]
        say: |
          dl-LESSON-NAME runs and has printed nothing. The command is fixed when a container is made: remove this one
          with `docker rm -f dl-LESSON-NAME`, and run it again with the whole line.
        try: docker run -d --name dl-LESSON-NAME @{image.IMAGE-NAME} sleep 3600
        fix: docker rm -f dl-LESSON-NAME
    result: A program of yours runs in the background.
    insight: It runs because its command does not end.

  - id: said
    title: What did it say?
    learn: |
      `docker logs CONTAINER` shows what its processes have printed.
    setup:
      - {container: dl-LESSON-NAME, image: IMAGE-NAME, command: [sh, -c, "echo @{token}; sleep 3600"]}
    task: Find out which word `dl-LESSON-NAME` has printed, and answer with it.
    answer: {equals: "@{token}"}
    hints:
      - The engine keeps what a container prints.
      - "`docker logs dl-LESSON-NAME`"
    solution: dockerlearn answer "$(docker logs dl-LESSON-NAME)"
    result: You can read what a program in the background prints.

  - id: which
    title: Where does it go?
    question:
      ask: What becomes of the log of a container that is removed?
      choices:
        - {text: It is kept for an hour., say: Nothing of a container is kept after docker rm.}
        - {text: It is removed too., right: true, say: It belongs to the container. Read it first.}
    insight: Read the log of a container that failed before you remove it.
"""
