"""What makes a lesson a good one, as far as a program can tell: a rule each, with its name in what it says.

They look at the file's tree with sample values put in, not at the model, so that a lesson that is wrong otherwise hears
of them too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from dockerlearn.author import listing
from dockerlearn.author.commands import is_read_by_sh
from dockerlearn.author.mutants import mutants
from dockerlearn.checks.vocabulary import Check, noun_of
from dockerlearn.course import explain
from dockerlearn.course.names import is_own_image
from dockerlearn.course.problems import Report, did_you_mean, key_path
from dockerlearn.course.rules import Context
from dockerlearn.course.tree import Mapping, Node, Scalar, Sequence, Tree, plain
from dockerlearn.diagnose.advice import docker_line
from dockerlearn.engine import references
from dockerlearn.setup import workspace
from dockerlearn.text import cells, one_line
from dockerlearn.world import command_line

WIDTH = 80
"""Columns of a terminal that a lesson must fit."""

CODE_INDENT = 6
"""Columns before a code block, at most: its own four, and two where it stands below a mark."""

SHORTEST_SAY = 3
"""Words in which a wrong choice can be answered with a reason."""

MANY_ASKED = 5
"""From how many questions on a learner can notice where the right choice usually stands."""

ALWAYS_THERE = 0.7
"""The share of a lesson's right choices that may stand at one place at most."""

ENOUGH_ALIKE = 0.75
"""How much of a command a hint may show before it gives it away."""

Rule = Callable[[Mapping, str, Report, Context], None]


def lesson(root: Node | None, report: Report, context: Context) -> None:
    """Apply every rule to a lesson's tree."""
    if not isinstance(root, Mapping):
        return
    _picture(root, report)
    _right_place(root, report)
    steps = list(_maps(root, "steps", ""))
    title = _text(root, "title")
    for number, (step, path) in enumerate(steps, 1):
        _header(step, path, report, f"{title} ▸ step {number} of {len(steps)} ▸ ")
        for rule in _STEP_RULES:
            rule(step, path, report, context)
        _scripts(step, path, report)
        _never_made([earlier for earlier, _ in steps[:number]], step, path, report)
    _files(report, context)


def pack(root: Node | None, report: Report) -> None:
    """Apply the rules for a ``pack.yaml``."""
    if not isinstance(root, Mapping):
        return
    for item, path in _scalars(root, "lessons", ""):
        _position_as_name(item, path, "lesson", report)
    for name, reference in listing.images(root):
        if reference is not None and not _says_tag(reference.text):
            _latest(reference, key_path("images", name.text), report)


def same_lessons(root: Node | None, earlier: Iterable[str], report: Report) -> None:
    """Compare the lessons of a pack with those of an earlier version: marks of learners hang on their names."""
    if not isinstance(root, Mapping):
        return
    listed = root.get("lessons")
    here = {item.text for item, _ in _scalars(root, "lessons", "")}
    for gone in earlier:
        if gone not in here:
            report.add(
                listed.at if listed is not None else root.at, "lessons",
                f"the lesson {gone} of the earlier version is gone", _KEEP, rule="stable-ids",
            )  # fmt: skip


def same_ids(root: Node | None, earlier: Node | None, report: Report) -> None:
    """Compare a lesson with an earlier version of it: marks of learners hang on the ids of its steps."""
    if not isinstance(root, Mapping) or not isinstance(earlier, Mapping):
        return
    here = {_text(step, "id") for step, _ in _maps(root, "steps", "")}
    steps = root.get("steps")
    for step, _ in _maps(earlier, "steps", ""):
        gone = _text(step, "id")
        if gone and gone not in here:
            report.add(
                steps.at if steps is not None else root.at, "steps", f"the step {gone} of the earlier version is gone",
                _KEEP, rule="stable-ids",
            )  # fmt: skip


_KEEP = "keep its id: what learners have passed is noted under it"


# Steps


def _stable_id(step: Mapping, path: str, report: Report, _context: Context) -> None:
    identifier = step.get("id")
    if isinstance(identifier, Scalar):
        _position_as_name(identifier, f"{path}.id", "step", report)


def is_position(name: str) -> bool:
    """Whether an id says only where something stands.

    >>> is_position("step-2"), is_position("7"), is_position("http2"), is_position("two-cups")
    (True, True, False, False)
    """
    return bool(_POSITION.match(name))


def _position_as_name(name: Scalar, path: str, kind: str, report: Report) -> None:
    if is_position(name.text):
        report.add(
            name.at, path, f"'{name.text}' says where the {kind} stands, not what it is about",
            "call it after its subject: another one before it would make the name wrong", rule="stable-ids",
        )  # fmt: skip


_POSITION = re.compile(r"^(?:(?:step|part|lesson|task|exercise|chapter|unit|section|no)-?)?\d+$")


def _first_hint(step: Mapping, path: str, report: Report, _context: Context) -> None:
    first = next(iter(_scalars(step, "hints", path)), None)
    if first is None:
        return
    hint, here = first
    answer = step.get("answer")
    wanted = answer.get("equals") if isinstance(answer, Mapping) else None
    if isinstance(wanted, Scalar) and len(wanted.text) > 1 and wanted.text.casefold() in hint.text.casefold():
        report.add(hint.at, here, "the first hint holds the answer", _NUDGE, rule="first-hint")
        return
    accepts = step.get("accepts")
    ways = [step.get("solution"), *(accepts.items if isinstance(accepts, Sequence) else [])]
    scripts = [_commands(_script(way)) for way in ways]
    # Where the answer is to be found out, looking is all there is to do.
    telling = scripts if answer is not None else [_doing(commands) for commands in scripts]
    for command in (command for commands in telling for command in commands):
        if _shows(hint.text, command):
            told = f"the first hint gives the solution away: {one_line(command, 60)}"
            report.add(hint.at, here, told, _NUDGE, rule="first-hint")
            return


def _doing(commands: list[str]) -> list[str]:
    """The commands without those that only look; ``docker exec`` counts where it is all that there is."""
    doing = [command for command in commands if _action(command) not in _LOOKING]
    return [command for command in doing if _action(command) != "exec"] or doing


def _action(command: str) -> str:
    read = [docker_line.read_docker(one) for one in command_line.read(command).commands[:1]]
    return read[0].action if read and read[0] is not None else ""


_LOOKING = frozenset({
    "ps", "images", "logs", "inspect", "image inspect", "top", "port", "diff", "history", "stats", "version", "info",
    "events", "network ls", "network inspect", "volume ls", "volume inspect", "wait",
})  # fmt: skip


_NUDGE = "begin with a nudge, and say it in a later one"


def _shows(hint: str, command: str) -> bool:
    """Whether a hint shows a command, whole or nearly; two words are no secret."""
    wanted = command.split()
    if len(wanted) < SHORTEST_SAY:
        return False
    if " ".join(wanted) in " ".join(hint.split()):
        return True
    spans = re.findall(r"`([^`]+)`", hint) + [line for line in hint.splitlines() if line.startswith("    ")]
    for span in spans:
        said = span.split()
        if len(said) < SHORTEST_SAY or said[0] != wanted[0]:
            continue
        if (Counter(wanted) & Counter(said)).total() / len(wanted) >= ENOUGH_ALIKE:
            return True
    return False


def _has_mistake(step: Mapping, path: str, report: Report, _context: Context) -> None:
    if step.get("check") is not None and not list(_maps(step, "mistakes", path)):
        report.add(
            step.at, path, "no mistake is known in this step",
            "which misunderstanding does it meet? Say how it is seen, what to say, and how it is made",
            rule="mistakes",
        )  # fmt: skip


def _untested(step: Mapping, path: str, report: Report, _context: Context) -> None:
    """Reasons for what of a check nobody tests: of something that is there, once, and in words."""
    said: dict[str, Scalar] = {}
    places: list[str] | None = None
    for one, here in _maps(step, "untested", path):
        field, why = one.get("field"), one.get("why")
        if isinstance(why, Scalar) and why.text.strip() and len(why.text.split()) < SHORTEST_SAY:
            report.add(why.at, f"{here}.why", "this is no reason", "say why nothing can show it", rule="untested")
        if not isinstance(field, Scalar) or not field.text.strip():
            continue
        if said.setdefault(field.text, field) is not field:
            told = f"line {said[field.text].at[0]} gives a reason for it already"
            report.add(field.at, f"{here}.field", told, rule="untested")
            continue
        places = _loosenable(step) if places is None else places
        if places is not None and field.text not in places:
            told = f"nothing at '{one_line(field.text, 60)}' can be loosened"
            near = did_you_mean(field.text, places) or (f"there is {', '.join(places[:6])}" if places else None)
            report.add(field.at, f"{here}.field", told, near, rule="untested")


def _loosenable(step: Mapping) -> list[str] | None:
    """The places in a step's check that mutation mode looks at; None where the check cannot be read."""
    check = step.get("check")
    if check is None:
        return []
    try:
        checks = msgspec.convert(explain.checks(check), list[Check], strict=False)
    except msgspec.ValidationError:
        return None
    return list(dict.fromkeys(mutant.where for mutant in mutants(checks)))


def _choices(step: Mapping, path: str, report: Report, _context: Context) -> None:
    for key in ("predict", "question"):
        asked = step.get(key)
        if not isinstance(asked, Mapping):
            continue
        texts: dict[str, Scalar] = {}
        answers: dict[str, Scalar] = {}
        for choice, here in _maps(asked, "choices", f"{path}.{key}"):
            text, say = choice.get("text"), choice.get("say")
            if isinstance(text, Scalar) and texts.setdefault(_flat(text.text), text) is not text:
                report.add(text.at, f"{here}.text", "another choice says the same", rule="choices")
            if not isinstance(say, Scalar) or not say.text.strip() or _is_true(choice.get("right")):
                continue
            if answers.setdefault(_flat(say.text), say) is not say:
                report.add(say.at, f"{here}.say", "another wrong choice is answered in these words", rule="choices")
            elif len(say.text.split()) < SHORTEST_SAY:
                told = f"'{one_line(say.text, 30)}' does not say why this is wrong"
                report.add(say.at, f"{here}.say", told, "say what would have to be so, or what is", rule="choices")


def _right_place(root: Mapping, report: Report) -> None:
    """Choices are shown in the order in which they are written: the right one must not always stand at one place."""
    places: list[tuple[int, Scalar]] = []
    for step, path in _maps(root, "steps", ""):
        for key in ("predict", "question"):
            asked = step.get(key)
            if not isinstance(asked, Mapping):
                continue
            for number, (choice, _) in enumerate(_maps(asked, "choices", f"{path}.{key}"), 1):
                right = choice.get("right")
                if isinstance(right, Scalar) and _is_true(right):
                    places.append((number, right))
    if len(places) < MANY_ASKED:
        return
    usual, count = Counter(number for number, _ in places).most_common(1)[0]
    if count > ALWAYS_THERE * len(places):
        told = f"the right choice is number {usual} in {count} of {len(places)} questions of the lesson"
        first = next(right for number, right in places if number == usual)
        report.add(first.at, "steps", told, "let it stand now here, now there", rule="choices")


def _event_only(step: Mapping, path: str, report: Report, _context: Context) -> None:
    checks = [noun for check, _ in _maps(step, "check", path) if (noun := _noun(check))]
    if checks and set(checks) == {"event"}:
        report.add(
            step.at, f"{path}.check", "nothing but events is looked at, and an engine forgets them",
            "say also how the world is afterwards", rule="event-only",
        )  # fmt: skip


def _seen(step: Mapping, path: str, report: Report, _context: Context) -> None:
    """Mistakes that nobody can ever be told of."""
    checks = [check for check, _ in _maps(step, "check", path)]
    earlier: list[tuple[str, list[Mapping]]] = []
    for mistake, here in _maps(step, "mistakes", path):
        when = [check for check, _ in _maps(mistake, "when", here)]
        name = mistake.get("name")
        at = name.at if isinstance(name, Scalar) else mistake.at
        why = None
        if not checks:
            why = "mistakes are only looked for in a step with a check"
        elif when and all(any(_implies(one, check) for one in when) for check in checks):
            why = "whenever this is so, the step is met"
        elif clash := _clash(when):
            why = clash
        else:
            first = next((other for other, its in earlier if its and _covers(when, its)), None)
            if first is not None:
                why = f"whenever this is so, '{one_line(first, 40)}' before it is so too"
        if why is not None:
            report.add(at, f"{here}.when", f"this mistake can never be seen: {why}", rule="mistake-unseen")
        earlier.append((_text(mistake, "name"), when))


def _covers(when: list[Mapping], weaker: list[Mapping]) -> bool:
    return all(any(_implies(one, other) for one in when) for other in weaker)


def _implies(one: Mapping, other: Mapping) -> bool:
    """Whether ``other`` is so whenever ``one`` is: it asks for the same of the same thing, or for less."""
    mine, its = plain(one), plain(other)
    if not isinstance(mine, dict) or not isinstance(its, dict) or _noun(one) != _noun(other):
        return False
    word = _noun(one)
    if word is None or mine.get(word) != its.get(word):
        return False
    if word == "exec":
        mine, its = _ends_with_0(mine), _ends_with_0(its)
    if mine.get("absent") != its.get("absent"):
        return False
    return all(_within(mine.get(key), value) for key, value in its.items() if key != "within")


def _ends_with_0(asked: dict[str, Tree]) -> dict[str, Tree]:
    """A command in a container as it is looked at: without a word about its end or its output, it has to end with 0."""
    return asked if asked.keys() & {"exit_code", "output"} else {**asked, "exit_code": "0"}


def _within(mine: Tree | None, wanted: Tree) -> bool:
    if isinstance(mine, dict) and isinstance(wanted, dict):
        # Of a matcher all must be the same; of files, labels and ports, each that is asked for.
        return all(_within(mine.get(key), value) for key, value in wanted.items())
    return mine == wanted


def _clash(when: list[Mapping]) -> str | None:
    """What of one thing cannot be so at once."""
    gone: set[tuple[str, str]] = set()
    there: dict[tuple[str, str], Mapping] = {}
    for check in when:
        word = _noun(check)
        name = check.get(word) if word else None
        if word is None or not isinstance(name, Scalar):
            continue
        if _is_true(check.get("absent")):
            gone.add((word, name.text))
            more = [key.text for key, _ in check.pairs if key.text not in {word, "absent", "within"}]
            if more:
                return f"{name.text} cannot be gone and have {more[0]}"
        else:
            there[word, name.text] = check
            if word in {"exec", "http", "tcp"}:
                there["container", name.text.partition(":")[0]] = check
    both = sorted(gone & there.keys())
    return f"{both[0][1]} cannot be gone and there" if both else None


def _never_made(steps: list[Mapping], step: Mapping, path: str, report: Report) -> None:
    """A mistake that looks at a name which nothing in the lesson makes was probably misspelt."""
    made = " ".join(text for one in steps for text in _makers(one))
    if "compose" in made:
        return  # which names its containers itself
    for mistake, here in _maps(step, "mistakes", path):
        for check, place in _maps(mistake, "when", here):
            word = _noun(check)
            name = check.get(word) if word in {"container", "volume", "network"} else None
            if not isinstance(name, Scalar) or _is_true(check.get("absent")) or name.text in made:
                continue
            report.add(
                name.at, f"{place}.{word}",
                f"this mistake can never be seen: neither its try nor anything before it makes {name.text}",
                rule="mistake-unseen",
            )  # fmt: skip


def _makers(step: Mapping) -> Iterator[str]:
    """What puts things into the world: set-up, solutions, what mistakes do, what checks say will be there."""
    for key in ("setup", "check", "solution", "accepts"):
        yield _dump(step.get(key))
    for mistake, _ in _maps(step, "mistakes", ""):
        yield _dump(mistake.get("try"))


def _images(step: Mapping, path: str, report: Report, context: Context) -> None:
    """Images in commands; what a mistake does may be wrong in this way, too, and is left out."""
    for script, here in _ways(step, path):
        for name in _named_images(script.text):
            _image(name, script.at, here, report, context)


def _image(name: str, at: tuple[int, int], path: str, report: Report, context: Context) -> None:
    if "$" in name or is_own_image(name) or name in {"scratch", "-"} or references.looks_like_id(name):
        return
    known = {references.normalise(reference) for reference in context.references.values()}
    if references.normalise(name) in known:
        return
    if references.repository(name) in {references.repository(one) for one in known} and not _says_tag(name):
        told = f"'{name}' means '{name}:latest', which is not the pack's"
        report.add(at, path, told, "write @{image.NAME}", rule="latest")
        return
    declared = ", ".join(sorted(context.references)) or "none"
    report.add(
        at, path, f"'{one_line(name, 60)}' is no image of pack.yaml", f"declare it there; it has {declared}",
        rule="images",
    )  # fmt: skip


def _latest(reference: Scalar, path: str, report: Report) -> None:
    report.add(
        reference.at, path, f"'{one_line(reference.text, 60)}' has no tag, so it is whatever latest is on the day",
        "name a tag, or write :latest if that is meant", rule="latest",
    )  # fmt: skip


def _says_tag(reference: str) -> bool:
    return "@" in reference or ":" in reference.rpartition("/")[2]


def _named_images(script: str) -> Iterator[str]:
    stages = {name.casefold() for name in _STAGE.findall(script)}
    for name in _FROM.findall(script):
        if name.casefold() not in stages:
            yield name
    for line in _logical_lines(script):
        for command in command_line.read(line).commands:
            read = docker_line.read_docker(command)
            if read is not None and read.action in {"run", "create", "pull"} and read.arguments:
                yield read.arguments[0].text


_FROM = re.compile(r"""(?:^|['"]|\\n)\s*FROM\s+(?:--\S+\s+)*([^\s'"\\]+)""", re.MULTILINE)
_STAGE = re.compile(r"""\bAS\s+([^\s'"\\]+)""", re.IGNORECASE)
_SERVICE_IMAGE = re.compile(r"^\s+image:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)


def _files(report: Report, context: Context) -> None:
    """Images in what the lesson gives to the learner: Dockerfiles and Compose files."""
    root = context.materials
    if root is None or not root.is_dir() or root.is_symlink():
        return
    # Of more, ``materials`` says that there are too many.
    for path in sorted(islice(root.rglob("*"), workspace.MAX_ENTRIES)):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > workspace.MAX_BYTES:
            continue
        pattern = _SERVICE_IMAGE if _is_compose(path) else _FROM if "dockerfile" in path.name.lower() else None
        if pattern is None:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for short, reference in context.references.items():
            text = text.replace(f"@{{image.{short}}}", reference)
        stages = {name.casefold() for name in _STAGE.findall(text)}
        for name in pattern.findall(text):
            if name.casefold() not in stages and "@{" not in name:
                _image(name, (1, 1), f"files/{path.relative_to(root).as_posix()}", report, context)


def _is_compose(path: Path) -> bool:
    return path.suffix in {".yml", ".yaml"} and "compose" in path.name


# Text


def _header(step: Mapping, path: str, report: Report, lead: str) -> None:
    title = step.get("title")
    if isinstance(title, Scalar) and cells(lead + title.text) > WIDTH:
        over = cells(lead + title.text) - WIDTH
        told = f"'{one_line(lead)}' and this title are {over} columns wider than {WIDTH}"
        report.add(title.at, f"{path}.title", told, rule="width")


def _picture(root: Mapping, report: Report) -> None:
    concept = root.get("concept")
    picture = concept.get("picture") if isinstance(concept, Mapping) else None
    if isinstance(picture, Scalar):
        _wide(picture, picture.text.split("\n"), "concept.picture", report, WIDTH - 2)


def _width(step: Mapping, path: str, report: Report, _context: Context) -> None:
    """Code blocks, which are not wrapped; anything else is."""
    for text, here in _prose(step, path):
        _wide(text, _code_lines(text.text), here, report, WIDTH - CODE_INDENT)


def _wide(text: Scalar, lines: list[str], path: str, report: Report, room: int) -> None:
    for line in lines:
        if cells(line.expandtabs(4)) > room:
            told = f"this line is {cells(line.expandtabs(4))} columns wide, and {room} fit: {one_line(line, 40)}"
            report.add(text.at, path, told, "break it", rule="width")
            return


def _code_lines(text: str) -> list[str]:
    """The lines of code blocks, indented or fenced, without the blocks' margin."""
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        if re.match(r"^\s{0,3}(```|~~~)", line):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines.append(line if fenced else line[4:])
    return lines


def _prose(step: Mapping, path: str) -> Iterator[tuple[Scalar, str]]:
    for key in ("learn", "task", "result", "insight"):
        value = step.get(key)
        if isinstance(value, Scalar):
            yield value, f"{path}.{key}"
    yield from _scalars(step, "hints", path)
    answer = step.get("answer")
    for wrong, here in _maps(answer, "wrong", f"{path}.answer") if isinstance(answer, Mapping) else ():
        say = wrong.get("say")
        if isinstance(say, Scalar):
            yield say, f"{here}.say"
    for mistake, here in _maps(step, "mistakes", path):
        say = mistake.get("say")
        if isinstance(say, Scalar):
            yield say, f"{here}.say"


# Scripts


def _scripts(step: Mapping, path: str, report: Report) -> None:
    """What sh cannot even read; one start of sh for all of a step, as long as it is all right."""
    found = [*_ways(step, path)]
    for mistake, here in _maps(step, "mistakes", path):
        found += [(value, f"{here}.{key}") for key in ("try", "fix") if isinstance(value := mistake.get(key), Scalar)]
    for cheat, here in _maps(step, "cheats", path):
        found += [(value, f"{here}.try") for value in (cheat.get("try"),) if isinstance(value, Scalar)]
        if step.get("check") is None:
            told = "cheats are only looked for in a step with a check"
            report.add(cheat.at, here, told, rule="mistake-unseen")
    together = "\n".join(f"f{number}() {{\n:\n{script.text}\n}}" for number, (script, _) in enumerate(found))
    if not found or is_read_by_sh(together):
        return
    for script, here in found:
        if not is_read_by_sh(script.text):
            report.add(script.at, here, "sh cannot read this", "look at its quotes and brackets", rule="script")


def _ways(step: Mapping, path: str) -> Iterator[tuple[Scalar, str]]:
    """The commands of solutions, right ways and proofs."""
    solution, accepts = step.get("solution"), step.get("accepts")
    given = [(solution, f"{path}.solution")]
    given += [
        (way, f"{path}.accepts[{index}]")
        for index, way in enumerate(accepts.items if isinstance(accepts, Sequence) else [])
    ]
    predict = step.get("predict")
    proof = predict.get("proof") if isinstance(predict, Mapping) else None
    given.append((proof, f"{path}.predict.proof"))
    for way, here in given:
        run = way.get("run") if isinstance(way, Mapping) else way
        if isinstance(run, Scalar):
            yield run, here if run is way else f"{here}.run"


def _needs(step: Mapping, path: str, report: Report, _context: Context) -> None:
    """A plugin that a solution uses is not there everywhere; where it is missing, the step has to be left out."""
    needs = {item.text for item, _ in _scalars(step, "needs", path)}
    for script, here in _ways(step, path):
        for plugin in ("compose", "buildx"):
            if plugin not in needs and re.search(rf"(?m)^\s*docker {plugin}\b", script.text):
                told = f"this runs docker {plugin}, which not every machine has"
                report.add(script.at, here, told, f"say so: needs: [{plugin}]", rule="needs")


def _patterns(step: Mapping, path: str, report: Report, _context: Context) -> None:
    """A pattern in a check is shown to the learner where it does not fit, unless words stand for it."""
    for check, here in _maps(step, "check", path):
        fields = [one for key, value in check.pairs for one in _unspoken(value, key_path(here, key.text))]
        for pattern, place in fields:
            told = "where this does not fit, the verdict shows the pattern, which a beginner cannot read"
            report.add(pattern.at, place, told, "say beside it what fits: means: a time of day", rule="means")


def _unspoken(node: Node, path: str) -> Iterator[tuple[Scalar, str]]:
    """The patterns in a part of a check that nothing around them puts into words."""
    if isinstance(node, Mapping) and node.get("means") is None:
        for key, value in node.pairs:
            here = key_path(path, key.text)
            if key.text == "matches" and isinstance(value, Scalar):
                yield value, here
            else:
                yield from _unspoken(value, here)
    elif isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield from _unspoken(item, f"{path}[{number}]")


_STEP_RULES: tuple[Rule, ...] = (
    _stable_id, _first_hint, _has_mistake, _untested, _choices, _event_only, _seen, _images, _needs, _patterns,
    _width,
)  # fmt: skip


# Trees


def _commands(script: str) -> list[str]:
    return [" ".join(line.split()) for line in _logical_lines(script) if line.strip()]


def _logical_lines(script: str) -> list[str]:
    return script.replace("\\\n", " ").split("\n")


def _script(solution: Node | None) -> str:
    run = solution.get("run") if isinstance(solution, Mapping) else solution
    return run.text if isinstance(run, Scalar) else ""


def _noun(check: Mapping) -> str | None:
    return noun_of(check.keys())


def _text(node: Mapping, key: str) -> str:
    value = node.get(key)
    return value.text if isinstance(value, Scalar) else ""


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_true(value: Node | None) -> bool:
    return isinstance(value, Scalar) and value.text.lower() in {"true", "1"}


def _dump(node: Node | None) -> str:
    if node is None:
        return ""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return " ".join(_dump(item) for item in node.items)
    return " ".join(f"{key.text} {_dump(value)}" for key, value in node.pairs)


def _maps(node: Mapping, key: str, path: str) -> Iterator[tuple[Mapping, str]]:
    for item, here in _items(node, key, path):
        if isinstance(item, Mapping):
            yield item, here


def _scalars(node: Mapping, key: str, path: str) -> Iterator[tuple[Scalar, str]]:
    for item, here in _items(node, key, path):
        if isinstance(item, Scalar):
            yield item, here


def _items(node: Mapping, key: str, path: str) -> Iterator[tuple[Node, str]]:
    value = node.get(key)
    for index, item in enumerate(value.items if isinstance(value, Sequence) else []):
        yield item, f"{key_path(path, key)}[{index}]"
