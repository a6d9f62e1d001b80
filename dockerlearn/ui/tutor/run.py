"""Opens the tutor in the learner's shell."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockerlearn.shell.begin import ride
from dockerlearn.ui.tutor.holding import Holding
from dockerlearn.ui.tutor.tutor import Tutor
from dockerlearn.ui.words import FAREWELL, SHORT

if TYPE_CHECKING:
    from dockerlearn.paths import Paths
    from dockerlearn.session.session import Place
    from dockerlearn.shell.known import Known
    from dockerlearn.shell.ride import Ride
    from dockerlearn.ui.tutor.worker import Opened
    from dockerlearn.ui.view import View

_NAMES_THE_ENGINE = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
SWITCH = 0.0005
"""Seconds after which the thread that looks lets the one go on that passes bytes; ten times that is Python's own, and
would be waited for at every byte that is read or written while something is looked at."""

_NAMES_US = ("DOCKERLEARN_HOME", "DOCKERLEARN_WORKSPACE", "DOCKERLEARN_PACK")


def run(
    shell: Known,
    open_session: Opened,
    place: Place,
    view: View,
    *,
    paths: Paths,
    docker_host: str | None,
    environ: Mapping[str, str],
) -> int:
    """Ride along in ``shell`` until it ends, and return its exit status.

    ``docker_host`` is set there when the client would not find the engine by itself. Whatever the learner's own
    start-up files say about engines and about us, the shell and the tutor agree.
    """
    variables: dict[str, str | None] = {name: environ.get(name) for name in (*_NAMES_THE_ENGINE, *_NAMES_US)}
    if docker_host is not None:
        variables |= {"DOCKER_HOST": docker_host, "DOCKER_CONTEXT": None}
    tutors: list[Tutor] = []

    def rider(ride: Ride) -> Tutor:
        holding = Holding(paths.home, os.getpid())
        tutors.append(Tutor(ride, place, open_session, view.style, store_file=paths.progress, holding=holding))
        return tutors[0]

    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        status = ride(
            shell,
            rider,
            # Not from the folder one is in: a workspace may be named as we are.
            program=[sys.executable, "-P", "-m", "dockerlearn"],
            words=SHORT,
            folder=place.folder,
            variables=variables,
            environ=environ,
        )
    finally:
        sys.setswitchinterval(usual)
        for tutor in tutors:
            tutor.close()
    view.note(FAREWELL)
    return status
