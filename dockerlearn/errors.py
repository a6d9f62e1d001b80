"""Every error that dockerlearn raises on purpose.

::

    DockerlearnError
    ├── UsageError                  exit 2
    │   ├── UnknownLesson
    │   ├── UnknownStep
    │   ├── WrongKind               the command does not fit the step (an answer where there is no question)
    │   └── NothingOpen             no lesson was begun yet
    ├── BeingSetUp                  exit 3; another process sets a step's world up just now
    ├── Declined                    exit 2; the learner said no
    ├── LessonError                 exit 2; carries every problem of a lesson file
    ├── PackRefused                 exit 2; a pack by others that is not taken, with the reason
    ├── SourceFailed                exit 3; a pack could not be fetched, or not be kept
    ├── EngineError                 exit 3; could not look
    │   ├── NoEngine                no socket, nothing listens
    │   ├── EnginePermission        the socket may not be opened
    │   ├── EngineRefused           something is there and does not take connections
    │   ├── EngineSilent            it takes connections and does not answer in time
    │   ├── EngineTls               certificate or TLS trouble
    │   ├── NotAnEngine             something answers that is not Docker's API
    │   ├── EngineTooOld            its API is older than the oldest we speak
    │   ├── EngineTooNew            it refuses the newest API we speak
    │   ├── ContextMissing          the named docker context does not exist
    │   ├── ContextBroken           the docker configuration cannot be read
    │   ├── HostInvalid             DOCKER_HOST is not an address we can use
    │   ├── OutOfReach              a port of the engine's machine that cannot be asked from this one
    │   ├── OtherEngine             the attempt belongs to another engine
    │   ├── EngineRejected          the engine refused one request, in its own words
    │   └── PracticeFailed          the practice engine could not be started or stopped
    ├── SetupFailed                 exit 3; the step's world could not be brought into place
    │   └── NameTaken               a name the lesson needs belongs to somebody else
    ├── ArchiveError                exit 3; a file with images in it cannot be used
    │   └── ArchiveDamaged          it is not what was written
    ├── WorkspaceError              exit 3; the workspace cannot be used
    └── StoreError                  exit 3; the progress file
        ├── StoreDamaged
        └── StoreNewer
"""

from __future__ import annotations

from typing import ClassVar


class DockerlearnError(Exception):
    """An error with a message for the learner and, where there is one, the command that mends it.

    ``message`` is one or two plain sentences. ``remedy`` is a command line or a short sentence, shown on its own line.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(DockerlearnError):
    """The command was used in a way that makes no sense."""

    exit_code = 2


class UnknownLesson(UsageError):
    """No lesson has this name."""


class UnknownStep(UsageError):
    """The lesson has no step of this name."""


class WrongKind(UsageError):
    """The step is of another kind than the command needs."""


class NothingOpen(UsageError):
    """A command that needs a current step was given before any lesson was started."""


class BeingSetUp(DockerlearnError):
    """Another process sets the step's world up just now."""


class Declined(DockerlearnError):
    """The learner answered no."""

    exit_code = 2


class LessonError(DockerlearnError):
    """A lesson or pack file is wrong; ``problems`` says where, one text per problem."""

    exit_code = 2

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class PackRefused(DockerlearnError):
    """A pack by others is not taken: it has, or is, what a pack may not."""

    exit_code = 2


class SourceFailed(DockerlearnError):
    """A pack could not be fetched from where it is, or could not be kept here."""


class EngineError(DockerlearnError):
    """The engine could not be looked at."""


class NoEngine(EngineError):
    """Nothing listens where the engine was looked for."""


class EnginePermission(EngineError):
    """The engine's socket may not be opened by this user."""


class EngineRefused(EngineError):
    """The address exists and refuses connections."""


class EngineSilent(EngineError):
    """The engine did not answer in time."""


class EngineTls(EngineError):
    """The TLS connection to the engine failed."""


class NotAnEngine(EngineError):
    """What answered is not Docker's API."""


class EngineTooOld(EngineError):
    """The engine's API is older than the oldest supported."""


class EngineTooNew(EngineError):
    """The engine refuses the newest API version we speak."""


class ContextMissing(EngineError):
    """The docker context that is asked for does not exist."""


class ContextBroken(EngineError):
    """The docker CLI's configuration or context cannot be read."""


class HostInvalid(EngineError):
    """The engine's address is not one that can be used."""


class OutOfReach(EngineError):
    """A port that only the engine's own machine can ask, and that is another one."""


class OtherEngine(EngineError):
    """The open attempt at the lesson began on another engine."""


class EngineRejected(EngineError):
    """The engine refused one request; ``status`` is its HTTP status."""

    def __init__(self, message: str, status: int, remedy: str | None = None) -> None:
        super().__init__(message, remedy)
        self.status = status


class PracticeFailed(EngineError):
    """The practice engine could not be started or stopped."""


class SetupFailed(DockerlearnError):
    """The world of a step could not be brought into place."""


class NameTaken(SetupFailed):
    """Something that is not the course's carries a name that the lesson needs."""


class ArchiveError(DockerlearnError):
    """A file with images in it is no such file, or cannot be made."""


class ArchiveDamaged(ArchiveError):
    """A file with images in it is not what was written: it was cut off, or some of it was changed."""


class WorkspaceError(DockerlearnError):
    """The learner's folder for a lesson cannot be used."""


class StoreError(DockerlearnError):
    """The progress file cannot be used."""


class StoreDamaged(StoreError):
    """The progress file is damaged; it was kept aside."""


class StoreNewer(StoreError):
    """The progress file was written by a newer dockerlearn."""
