"""What ``--json`` prints: one function per shape, the shape in its docstring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from dockerlearn.checks.outcome import Outcome, Status
from dockerlearn.errors import DockerlearnError

if TYPE_CHECKING:
    from dockerlearn.author.lint import Linted
    from dockerlearn.author.new import Made
    from dockerlearn.author.report import LessonProof
    from dockerlearn.course.library import Record
    from dockerlearn.course.models import Choice, Lesson
    from dockerlearn.doctor.facts import Facts
    from dockerlearn.doctor.finding import Finding
    from dockerlearn.doctor.mend import Mended
    from dockerlearn.engine.api import EngineIdentity
    from dockerlearn.engine.practice import PracticeStatus
    from dockerlearn.images.look import Seen
    from dockerlearn.images.outcome import Outcome as ImageOutcome
    from dockerlearn.images.serve import Served
    from dockerlearn.packs.shelf import Listed, Prepared
    from dockerlearn.progress.records import Mark
    from dockerlearn.session.follow import Change
    from dockerlearn.session.left_behind import Left
    from dockerlearn.session.session import Hint, LessonRow, Moved, Place, StepRow, Told
    from dockerlearn.session.verdict import Verdict
    from dockerlearn.setup.clean import CleanPlan, CleanReport
    from dockerlearn.ui.tutor.holding import Held
    from dockerlearn.world.picture import Picture

Shape = dict[str, Any]


def check_shape(verdict: Verdict) -> Shape:
    """``check step``.

    ``{"step", "status": "met|unmet|unknown", "passed": bool, "outcomes": [{"check", "status", "expected", "found",
    "next"}], "mistake": {"name", "say"} | null, "elapsed_ms"}``
    """
    mistake = verdict.mistake
    return {
        "step": verdict.step,
        "status": str(verdict.status),
        "passed": verdict.passed,
        "outcomes": [outcome_shape(outcome) for outcome in verdict.outcomes],
        "mistake": {"name": mistake.name, "say": mistake.say} if mistake else None,
        "elapsed_ms": verdict.elapsed_ms,
    }


def outcome_shape(outcome: Outcome) -> Shape:
    """One outcome: ``{"check", "status", "expected", "found", "next": text | null}``."""
    return {
        "check": outcome.check,
        "status": str(outcome.status),
        "expected": outcome.expected,
        "found": outcome.found,
        "next": outcome.next,
    }


def could_not_look(step: str, error: DockerlearnError, *, passed: bool, elapsed_ms: int) -> Shape:
    """``check step`` when the engine could not be reached: unknown, with the error as its one outcome."""
    found = Outcome(
        check="engine",
        subject="engine",
        status=Status.UNKNOWN,
        expected="an engine to look at",
        found=error.message,
        next=error.remedy,
    )
    return {
        "step": step,
        "status": str(Status.UNKNOWN),
        "passed": passed,
        "outcomes": [outcome_shape(found)],
        "mistake": None,
        "elapsed_ms": elapsed_ms,
    }


def watch_shape(change: Change) -> Shape:
    """``check --watch``, a line per change: as ``check step``, and ``"waiting_for": what is on its way | null``."""
    if change.verdict is not None:
        shape = check_shape(change.verdict)
    else:
        error = change.error or DockerlearnError("It could not be looked at.")
        shape = could_not_look(change.place.name, error, passed=change.place.passed, elapsed_ms=0)
    return {**shape, "waiting_for": change.waiting_for or None}


def step_shape(place: Place, *, docker_host: str | None = None) -> Shape:
    """``start``, ``task``, ``back``, ``redo``, and inside ``next`` and ``skip``.

    ``{"step", "title", "kind": "do|answer|question|read", "lesson": {"id", "title"}, "number", "of", "started": bool,
    "passed": bool, "learn", "predict": {"ask", "choices": [text], "chosen": number from 1 | null} | null, "task",
    "question": {"ask", "choices": [text]} | null, "hints": how many, "folder", "docker_host": text | null}``

    ``docker_host`` is set when the docker client needs it to find the engine. Which choice is right is not told.
    """
    step, record = place.step, place.record
    predict, question = step.predict, step.question
    chosen = record.choice if record else None
    return {
        "step": place.name,
        "title": step.title,
        "kind": step.kind,
        "lesson": {"id": place.lesson_id, "title": place.lesson.title},
        "number": place.number,
        "of": len(place.lesson.steps),
        "started": record is not None,
        "passed": place.passed,
        "learn": step.learn,
        "predict": {
            "ask": predict.ask,
            "choices": _texts(predict.choices),
            "chosen": None if chosen is None else chosen + 1,
        } if predict else None,
        "task": step.task,
        "question": {"ask": question.ask, "choices": _texts(question.choices)} if question else None,
        "hints": len(step.hints),
        "folder": str(place.folder),
        "docker_host": docker_host,
    }  # fmt: skip


def hint_shape(hint: Hint) -> Shape:
    """``hint``: ``{"step", "number", "of", "text"}``."""
    return {"step": hint.step, "number": hint.number, "of": hint.total, "text": hint.text}


def help_shape(held: Iterable[Held]) -> Shape:
    """``help``: ``{"held": [{"what", "press"}]}``, what holds the terminals in which the tutor rides along."""
    return {"held": [{"what": one.what, "press": one.press} for one in held]}


def solution_shape(step: str, script: str) -> Shape:
    """``solution``: ``{"step", "script"}``; the script is what ``--plain`` prints."""
    return {"step": step, "script": script}


def told_shape(told: Told) -> Shape:
    """``answer``: ``{"step", "right": bool, "say", "passed": bool, "result", "insight"}``."""
    return {
        "step": told.step,
        "right": told.right,
        "say": told.say,
        "passed": told.passed,
        "result": told.result,
        "insight": told.insight,
    }


def moved_shape(moved: Moved) -> Shape:
    """``next``, ``skip``.

    ``{"moved": bool, "finished": lesson | null, "place": step | null, "verdict": check | null}``; ``place`` is as in
    ``start``, ``verdict`` as in ``check``.
    """
    stayed = moved.verdict is not None and not moved.verdict.passed
    return {
        "moved": not stayed,
        "finished": moved.finished,
        "place": step_shape(moved.place) if moved.place else None,
        "verdict": check_shape(moved.verdict) if moved.verdict else None,
    }


def lessons_shape(rows: Iterable[LessonRow]) -> Shape:
    """``lessons``.

    ``{"lessons": [{"id", "title", "level", "minutes", "steps": [{"id", "title", "kind": "do|answer|question|read",
    "status": "passed|left out|skipped|open|new"}]}]}``

    A step is left out that needs what is not here. ``lessons`` asks the docker client what that is, never an engine;
    ``check lesson`` and ``check course`` ask the engine too.
    """
    return {
        "lessons": [
            {
                "id": row.id,
                "title": row.title,
                "level": row.level,
                "minutes": row.minutes,
                "steps": [_row(step) for step in row.steps],
            }
            for row in rows
        ]
    }


def concept_shape(lesson: Lesson) -> Shape:
    """``concept``.

    ``{"title", "summary", "concept": {as in lesson.yaml} | null, "myths": [{"ask", "belief", "reality", "matters"}]}``
    """
    return {
        "title": lesson.title,
        "summary": lesson.summary,
        "concept": msgspec.to_builtins(lesson.concept) if lesson.concept else None,
        "myths": [msgspec.to_builtins(myth) for myth in lesson.myths],
    }


def lesson_check_shape(row: LessonRow, open_one: Mapping[str, Any] | None) -> Shape:
    """``check lesson``: ``{"lesson", "passed": bool, "steps": [as in lessons], "open": check | null}``.

    It is passed when all is that is not left out, and there is something.
    """
    return {
        "lesson": row.id,
        "passed": row.passed,
        "steps": [_row(step) for step in row.steps],
        "open": open_one,
    }


def course_check_shape(rows: Sequence[LessonRow], open_one: Mapping[str, Any] | None) -> Shape:
    """``check course``: ``{"passed": bool, "lessons": [{"lesson", "passed", "steps"}], "open": check | null}``."""
    from dockerlearn.session.session import all_passed

    lessons = [lesson_check_shape(row, None) for row in rows]
    for lesson in lessons:
        del lesson["open"]
    return {"passed": all_passed(rows), "lessons": lessons, "open": open_one}


def progress_shape(rows: Iterable[LessonRow], marks: Iterable[Mark]) -> Shape:
    """``progress``.

    ``{"lessons": [{"id", "title", "passed": how many, "of": how many}], "history": [{"lesson", "step",
    "kind": "passed|skipped", "at": ISO 8601}]}``, the history oldest first.
    """
    return {
        "lessons": [
            {
                "id": row.id,
                "title": row.title,
                "passed": sum(step.status == "passed" for step in row.steps),
                "of": len(row.steps),
            }
            for row in rows
        ],
        "history": [
            {"lesson": mark.lesson, "step": mark.step, "kind": mark.kind, "at": mark.at.isoformat()} for mark in marks
        ],
    }


def engine_status_shape(identity: EngineIdentity | None, practice: PracticeStatus) -> Shape:
    """``engine status``.

    ``{"engine": {"address", "source", "id", "version", "api_version", "kernel", "export": bool} | null, "practice":
    as in engine up}``; ``export``: the docker client needs ``DOCKER_HOST`` set to ``address`` to find it.
    """
    return {
        "engine": {
            "address": identity.address,
            "source": identity.source,
            "id": identity.id,
            "version": identity.version,
            "api_version": identity.api_version,
            "kernel": identity.kernel,
            "export": identity.export,
        } if identity else None,
        "practice": practice_shape(practice),
    }  # fmt: skip


def practice_shape(practice: PracticeStatus) -> Shape:
    """``engine up``, ``engine down``.

    ``{"up": bool, "address": text | null, "stand_ins": bool, "id": text | null, "version": text | null, "folder"}``
    """
    return {
        "up": practice.up,
        "address": practice.address,
        "stand_ins": practice.stand_ins,
        "id": practice.engine_id,
        "version": practice.version,
        "folder": str(practice.folder),
    }


def images_shape(
    engine: str, images: Mapping[str, str], seen: Iterable[Seen], users: Mapping[str, Sequence[str]]
) -> Shape:
    """``images``, ``images list``.

    ``{"engine": id, "images": [{"name", "reference", "status": "present|missing|made when needed|another image", "id":
    text | null, "size": bytes | null, "lessons": [text]}]}``; ``name`` is what lessons call it.
    """
    return {
        "engine": engine,
        "images": [
            {
                "name": name,
                "reference": one.reference,
                "status": one.status,
                "id": one.there.id if one.there else None,
                "size": one.there.size if one.there else None,
                "lessons": list(users.get(one.reference, ())),
            }
            for name, one in zip(images, seen, strict=True)
        ],
    }


def images_done_shape(outcomes: Iterable[ImageOutcome]) -> Shape:
    """``images pull``, ``images load``, ``images build``; ``images save`` adds ``"file"`` and its ``"size"`` in bytes.

    ``{"done": bool, "images": [{"reference", "did": "present|pulled|made|saved|loaded|served|missing|taken|undeclared|
    unfit|failed", "why", "remedy": text | null, "size": bytes | null, "stand_in": bool}]}``; ``size`` is that in the
    file, where there is one, and ``done`` whether all are where they were to go.
    """
    outcomes = tuple(outcomes)
    return {
        "done": all(one.ok for one in outcomes),
        "images": [msgspec.to_builtins(one) for one in outcomes],
    }


def served_shape(served: Served) -> Shape:
    """``images serve``, once it listens: ``{"url", "option", "daemon": {"registry-mirrors": [url]}, "images": […]}``.

    ``option`` is dockerd's, ``daemon`` what its daemon.json says instead; ``images`` are as in ``images load``.
    """
    return {
        "url": served.url,
        "option": served.option,
        "daemon": served.setting,
        "images": [msgspec.to_builtins(one) for one in served.outcomes],
    }


def doctor_shape(facts: Facts, findings: Sequence[Finding], mended: Sequence[Mended] | None) -> Shape:
    """``doctor``.

    ``{"can_run": bool, "findings": [{"about", "level": "ok|advice|problem", "says", "means", "remedy": [text], "safe":
    [command line]}], "mended": [{"command", "code"}] | null, "system": {"platform", "distribution", "release", "name",
    "wsl": bool}, "version", "python"}``; ``mended`` is what ``--fix`` ran, and ``findings`` are those afterwards.
    """
    import shlex

    from dockerlearn.doctor.finding import can_run

    system = facts.system
    return {
        "can_run": can_run(findings),
        "findings": [
            {
                "about": finding.about,
                "level": finding.level,
                "says": finding.says,
                "means": finding.means,
                "remedy": list(finding.remedy),
                "safe": [shlex.join(command) for command in finding.safe],
            }
            for finding in findings
        ],
        "mended": None
        if mended is None
        else [{"command": shlex.join(one.command), "code": one.code} for one in mended],
        "system": {
            "platform": system.platform,
            "distribution": system.distribution,
            "release": system.release,
            "name": system.name,
            "wsl": system.wsl,
        },
        "version": facts.version,
        "python": facts.python,
    }


def clean_shape(plan: CleanPlan, report: CleanReport | None) -> Shape:
    """``clean``.

    ``{"items": [{"kind": "container|image|network|volume", "name", "action": "remove|untag|leave", "reason",
    "remedy": text | null}],
    "unnamed": [{"kind", "name", "reason", "remedy"}], "folders": [your own, which stay],
    "done": [{"kind", "name", "did": "removed|untagged|left|gone", "reason"}] | null}``; ``done`` is null when
    nothing was done, and ``unnamed`` stays in any case.
    """
    return {
        "items": [
            {
                "kind": item.kind,
                "name": item.name,
                "action": item.action,
                "reason": item.reason,
                "remedy": item.remedy,
            }
            for item in plan.items
        ],
        "unnamed": [
            {"kind": one.kind, "name": one.name, "reason": one.reason, "remedy": one.remedy} for one in plan.unnamed
        ],
        "folders": [str(folder) for folder in plan.folders],
        "done": None if report is None else [
            {"kind": done.item.kind, "name": done.item.name, "did": done.did, "reason": done.reason}
            for done in report.done
        ],
    }  # fmt: skip


def made_shape(made: Made) -> Shape:
    """``author new``: ``{"pack": folder, "lesson": id, "files": [path]}``; a pack.yaml that was added to is a file."""
    return {"pack": str(made.pack), "lesson": made.lesson, "files": [str(path) for path in made.files]}


def lint_shape(linted: Linted) -> Shape:
    """``author lint``.

    ``{"lessons": [id], "problems": [{"file", "line", "column", "path", "message", "suggestion": text | null, "rule":
    text | null}]}``; ``rule`` names a rule of quality, and is null where the file does not fit the format.
    """
    return {
        "lessons": list(linted.lessons),
        "problems": [msgspec.to_builtins(problem) for problem in linted.problems],
    }


def packs_shape(found: Sequence[Listed]) -> Shape:
    """``packs``, ``packs list``.

    ``{"packs": [{"id", "title", "version", "source", "revision", "checksum", "added": ISO 8601, "updated": ISO 8601,
    "lessons": [id], "intact": bool}]}``; ``revision`` is git's commit, else empty; ``checksum`` is a SHA-256 of all
    files, and ``intact`` says whether they are still of that checksum.
    """
    return {"packs": [{**_record(one.record), "lessons": list(one.lessons), "intact": one.intact} for one in found]}


def pack_shape(prepared: Prepared, *, done: bool) -> Shape:
    """``packs add``, ``packs update ID``; of all packs an object a line.

    ``{"pack": {"id", "title", "version", "source", "revision", "checksum", "added", "updated", "lessons": [id]},
    "uses": {"images", "made", "containers", "networks", "volumes", "ports", "mounts": [text]}, "changes": {"version":
    [text, text] | null, "added", "removed", "changed": [lesson], "uses": [text], "pack": bool} | null, "done": bool}``

    ``changes`` is null for a pack that is new; ``done`` says whether it was added, or put in the place of the one
    before. A port with ``+`` is the first of those that may be chosen.
    """
    return {
        "pack": {**_record(prepared.record), "lessons": list(prepared.pack.lessons)},
        "uses": msgspec.to_builtins(prepared.uses),
        "changes": msgspec.to_builtins(prepared.changes),
        "done": done,
    }


def pack_removed_shape(record: Record, left: Sequence[Left], *, done: bool) -> Shape:
    """``packs remove``.

    ``{"pack": {"id", "title", "version", "source", "revision", "checksum", "added", "updated"}, "left": [{"kind",
    "name", "seen": bool}], "done": bool}``; ``left`` was made in its lessons, ``seen`` where its engine could be asked.
    """
    return {"pack": _record(record), "left": [msgspec.to_builtins(one) for one in left], "done": done}


def _record(record: Record) -> Shape:
    shape: Shape = msgspec.to_builtins(record)
    del shape["folder"]
    return shape


def proof_shape(proofs: Sequence[LessonProof], seed: int, *, elapsed: float, jobs: int) -> Shape:
    """``author prove``.

    ``{"held": bool, "seed": number, "jobs": number, "seconds", "elapsed", "lessons": [{"lesson", "held": bool,
    "seconds", "steps": [{"step", "held": bool | null, "seconds"}], "claims": [{"step", "claim", "held": bool | null,
    "why", "seconds"}], "loosened": [{"step", "check", "field", "change", "noticed": text | null,
    "where", "untested": text | null}], "needless": [{"step", "where", "noticed"}]}]}``; ``why`` is empty where a
    claim holds. Of a step that is left out here nothing is known: ``held`` is null, of its one claim, too, whose
    ``why`` says what it needs. ``step`` is the lesson where a claim is about it as a whole. ``seconds`` are those of
    the claims, ``elapsed`` those that passed: fewer, where several were looked at together. ``loosened`` is what
    ``--mutate`` looked at: an empty ``field`` is all of a check, ``noticed`` the world that tells, ``untested`` why the
    lesson says that none does. ``needless`` is what it says so of, and is noticed.
    """
    return {
        "held": all(proof.held for proof in proofs),
        "seed": seed,
        "jobs": jobs,
        "seconds": round(sum(proof.seconds for proof in proofs), 3),
        "elapsed": round(elapsed, 3),
        "lessons": [
            {
                "lesson": proof.lesson,
                "held": proof.held,
                "seconds": round(proof.seconds, 3),
                "steps": [
                    {
                        "step": step,
                        "held": None if claims[0].held is None else all(claim.held for claim in claims),
                        "seconds": round(sum(claim.seconds for claim in claims), 3),
                    }
                    for step, claims in proof.by_step().items()
                ],
                "claims": [
                    {**msgspec.to_builtins(claim), "seconds": round(claim.seconds, 3)} for claim in proof.claims
                ],
                "loosened": [msgspec.to_builtins(one) for one in proof.loosened],
                "needless": [msgspec.to_builtins(one) for one in proof.needless],
            }
            for proof in proofs
        ],
    }


def preview_shape(lessons: Iterable[tuple[str, Lesson]], steps: tuple[str, ...] | None) -> Shape:
    """``author preview``: ``{"lessons": [{"id", …as in lesson.yaml, with sample values put in}]}``."""
    shown = []
    for name, lesson in lessons:
        whole = msgspec.to_builtins(lesson)
        kept = [step for step in whole["steps"] if steps is None or step["id"] in steps]
        shown.append({"id": name, **whole, "steps": kept})
    return {"lessons": shown}


def _row(step: StepRow) -> Shape:
    return {"id": step.id, "title": step.title, "kind": step.kind, "status": step.status}


def _texts(choices: Iterable[Choice]) -> list[str]:
    return [choice.text for choice in choices]


def map_shape(now: Picture, before: Picture | None) -> Shape:
    """``map``.

    ``{"engine", "containers": [{"id", "name", "state", "image", "networks": [{"name", "ip": text | null, "names":
    [text]}], "ports": [text], "mounts": [{"kind", "source", "target", "read_only": bool}], "change"}], "images":
    [{"id", "names": [text], "size": bytes, "layers": [text], "changes": {name: change}}], "networks": [{"id", "name",
    "driver", "internal": bool, "change"}], "volumes": [{"name", "users": [text], "change"}],
    "foreign": {kind: number}}``

    ``change`` is new, gone, changed or null, since the last look.
    """
    from dockerlearn.world.picture import compare, with_gone

    changes = compare(before, now)
    picture = with_gone(before, now)
    return {
        "engine": picture.engine_id,
        "containers": [
            {
                "id": one.id,
                "name": one.name,
                "state": one.state,
                "image": one.image,
                "networks": [{"name": p.network, "ip": p.ip, "names": list(p.names)} for p in one.places],
                "ports": list(one.ports),
                "mounts": [msgspec.to_builtins(mount) for mount in one.mounts],
                "change": changes.get(("container", one.id)),
            }
            for one in picture.containers
        ],
        "images": [
            {
                "id": image.id,
                "names": list(image.names),
                "size": image.size,
                "layers": list(image.layers),
                "changes": {
                    key: changes["image", key] for key in image.names or (image.id,) if ("image", key) in changes
                },
            }
            for image in picture.images
        ],
        "networks": [
            {**msgspec.to_builtins(network), "change": changes.get(("network", network.id))}
            for network in picture.networks
        ],
        "volumes": [
            {"name": volume.name, "users": list(volume.users), "change": changes.get(("volume", volume.name))}
            for volume in picture.volumes
        ],
        "foreign": dict(picture.foreign),
    }
