"""Brings the lesson's networks and volumes, which its containers share, to their stated state."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from dockerlearn.engine.api import ContainerSpec, EngineApi
from dockerlearn.engine.snapshots import NetworkSnapshot, VolumeSnapshot
from dockerlearn.errors import EngineRejected, SetupFailed
from dockerlearn.progress.records import Kind
from dockerlearn.progress.store import Attempt, Store
from dockerlearn.setup import ledger
from dockerlearn.setup.ledger import NONCE_LABEL, Owned
from dockerlearn.setup.spec import Declared, SetupNetwork, SetupVolume
from dockerlearn.text import one_line
from dockerlearn.world.probes import HELPER, Probes

_PLACE = "/dockerlearn-volume"


class Shared:
    """Networks and volumes of one run of ``bring``.

    ``image`` makes sure of an image for a helper and returns its reference; ``did`` is told what was made and removed.
    """

    def __init__(
        self,
        engine: EngineApi,
        store: Store,
        attempt: Attempt,
        image: Callable[[], str],
        did: Callable[[str, bool], None],
    ) -> None:
        self._engine = engine
        self._store = store
        self._attempt = attempt
        self._image = image
        self._did = did

    def network(self, item: SetupNetwork) -> None:
        """Bring one network; raises ``NameTaken`` and ``SetupFailed``."""
        there = self._engine.network(item.network)
        owned = self._owned()
        if there is not None and not owned.has_network(there):
            self._refuse(Declared(networks=frozenset({item.network})))
        as_stated = there is not None and there.driver == "bridge" and item.internal in {None, there.internal}
        if there is not None and (item.absent or item.fresh or not as_stated):
            self._remove_network(there)
            there = None
        if there is None and not item.absent:
            nonce, intent = self._intend("network", item.network)
            made = self._make(
                intent,
                f"make the network {item.network}",
                lambda: self._engine.create_network(
                    item.network, internal=bool(item.internal), labels={NONCE_LABEL: nonce}
                ),
                Declared(networks=frozenset({item.network})),
            )
            self._confirm(intent, "network", made, item.network)
            self._did(f"network {item.network}", True)

    def volume(self, item: SetupVolume) -> None:
        """Bring one volume and what is in it; raises ``NameTaken`` and ``SetupFailed``."""
        there = self._engine.volume(item.volume)
        owned = self._owned()
        if there is not None and not owned.has_volume(there):
            self._refuse(Declared(volumes=frozenset({item.volume})))
        if there is not None and (item.absent or item.fresh):
            self._remove_volume(there)
            there = None
        if item.absent:
            return
        if there is None:
            nonce, intent = self._intend("volume", item.volume)

            def make() -> str:
                self._engine.create_volume(item.volume, {NONCE_LABEL: nonce})
                made = self._engine.volume(item.volume)
                # The engine says nothing when there is one already; only the nonce tells whose it is.
                if made is None or made.labels.get(NONCE_LABEL) != nonce:
                    raise EngineRejected(f"somebody has just made a volume {item.volume}.", 409)
                return ledger.volume_id(made)

            declared = Declared(volumes=frozenset({item.volume}))
            made = self._make(intent, f"make the volume {item.volume}", make, declared)
            self._confirm(intent, "volume", made, item.volume)
            self._did(f"volume {item.volume}", True)
            self._fill(item.volume, item.files)
        elif item.files and (missing := self._missing(item)):
            self._fill(item.volume, missing)
            self._did(f"volume {item.volume}", True)

    def own_network(self, name: str) -> NetworkSnapshot:
        """A network of the course's, for one of its containers. Raises ``SetupFailed`` when it is not there."""
        there = self._engine.network(name)
        if there is None or not self._owned().has_network(there):
            raise SetupFailed(f"The lesson has no network {name} for its container to be on; set it up before.")
        return there

    def own_volume(self, name: str) -> VolumeSnapshot:
        """A volume of the course's, for one of its containers. Raises ``SetupFailed`` when it is not there."""
        there = self._engine.volume(name)
        if there is None or not self._owned().has_volume(there):
            raise SetupFailed(f"The lesson has no volume {name} for its container to have; set it up before.")
        return there

    def _owned(self) -> Owned:
        return Owned(self._store, self._attempt.engine_id)

    def _refuse(self, declared: Declared) -> None:
        if taken := ledger.taken(self._engine, self._store, declared):
            raise ledger.name_taken(taken)

    def _intend(self, kind: Kind, name: str) -> tuple[str, int]:
        nonce = os.urandom(16).hex()
        return nonce, self._store.intend(self._attempt.engine_id, kind, name, self._attempt.id, nonce)

    def _make(self, intent: int, what: str, make: Callable[[], str], declared: Declared) -> str:
        try:
            return make()
        except EngineRejected as error:
            # Any other error leaves it open whether it was made; the intent then finds it by its nonce.
            self._store.forget(intent)
            if error.status == 409:
                self._refuse(declared)
            raise _failed(what, error) from error

    def _confirm(self, intent: int, kind: Kind, made: str, name: str) -> None:
        if not self._store.confirm(intent, made):
            self._store.enter(self._attempt.engine_id, kind, made, name, self._attempt.id)

    def _remove_network(self, there: NetworkSnapshot) -> None:
        if users := sorted(one_line(row.name) for row in self._engine.users_of_network(there)):
            raise SetupFailed(
                f"The network {there.name} must go, and {', '.join(users)} {'are' if users[1:] else 'is'} on it.",
                f"docker network disconnect {there.name} {users[0]}",
            )
        try:
            self._engine.remove_network(there.id)
        except EngineRejected as error:
            raise _failed(f"remove the network {there.name}", error) from error
        self._forget(self._owned().networks[there.id].id, f"network {there.name}")

    def _remove_volume(self, there: VolumeSnapshot) -> None:
        if users := sorted(one_line(row.name) for row in self._engine.users_of_volume(there.name)):
            raise SetupFailed(
                f"The volume {there.name} must go, and {', '.join(users)} {'have' if users[1:] else 'has'} it.",
                f"docker rm {' '.join(users)}    # only if you no longer need what is in there",
            )
        try:
            self._engine.remove_volume(there.name)
        except EngineRejected as error:
            raise _failed(f"remove the volume {there.name}", error) from error
        self._forget(self._owned().volumes[ledger.volume_id(there)].id, f"volume {there.name}")

    def _forget(self, entry_id: int, subject: str) -> None:
        self._store.forget(entry_id)
        self._did(subject, False)

    def _missing(self, item: SetupVolume) -> dict[str, str]:
        """What a volume should hold and does not."""
        image = self._engine.image(self._image())
        if image is None:
            return dict(item.files)
        seen = Probes(self._engine).volume_paths(item.volume, image.id, tuple(item.files))
        return {
            name: text
            for name, text in item.files.items()
            if (found := seen[name]) is None or found.content is None or found.content.strip() != text.encode().strip()
        }

    def _fill(self, volume: str, files: Mapping[str, str]) -> None:
        """Write files to the top of a volume, through a helper that is never started."""
        if not files:
            return
        nonce = os.urandom(16).hex()
        name = f"dl-helper-{nonce[:8]}"
        intent = self._store.intend(self._attempt.engine_id, "container", name, self._attempt.id, nonce)
        spec = ContainerSpec(
            name=name,
            image=self._image(),
            entrypoint=(HELPER,),
            hostname=HELPER,
            labels={NONCE_LABEL: nonce},
            volumes={_PLACE: volume},
            no_copy=True,
            network="none",
        )
        try:
            made = self._engine.create_container(spec)
            try:
                for file, text in files.items():
                    self._engine.put_file(made, f"{_PLACE}/{file}", text.encode())
            finally:
                self._engine.remove_container(made)
        except EngineRejected as error:
            raise _failed(f"write into the volume {volume}", error) from error
        self._store.forget(intent)


def _failed(what: str, error: EngineRejected) -> SetupFailed:
    return SetupFailed(f"Could not {what}: {error.message}", error.remedy)
