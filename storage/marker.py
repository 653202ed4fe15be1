"""What a host remembers beside the database: its name in it, and how far the hand-overs had come. A file that backups of the
database do not hold, so that an older database, or one from elsewhere, is known by it (storage/hosts.py compares them)."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")
_writing = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """`host`: this host's name in the database. `generation`: how far the hand-overs had come, last at `moved_at`."""

    host: str
    generation: int
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerFile:
    """The marker of one installation in a folder of this host. `machine`: a file that tells machines apart; where both have
    one, a marker that was copied to another machine is not this host's."""

    folder: Path
    installation: str
    machine: Path = MACHINE_ID

    @property
    def path(self) -> Path:
        return self.folder / f"{self.installation}.json"

    def read(self) -> Marker | None:
        """None: there is none, it is no longer readable, or another machine wrote it. Raises: OSError where the folder
        refuses to be read."""
        try:
            found = json.loads(self.path.read_bytes())
            moved_at = datetime.fromisoformat(found["moved_at"]) if found["moved_at"] else None
            marker = Marker(host=str(found["host"]), generation=int(found["generation"]), moved_at=moved_at)
            machine = found["machine"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None  # half a file, or somebody's edit: as good as none, and a person releases
        here = self._machine()
        return None if machine and here and machine != here else marker

    def write(self, marker: Marker) -> None:
        """Durable when it returns. Raises: OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Whoever commits the workspace must not carry the marker to another host.
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        values = {
            **asdict(marker),
            "machine": self._machine(),
            "moved_at": marker.moved_at.isoformat() if marker.moved_at else None,
        }
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}-{secrets.token_hex(3)}")
        try:
            with partial.open("wb") as file:
                file.write(json.dumps(values).encode())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)

    def move_to(self, generation: int, at: datetime) -> None:
        """Never backwards: a slower thread may come with an older one. Another process of this host may still win such a race;
        then its file is one step behind until the next hand-over. Raises: OSError."""
        with _writing:
            standing = self.read()
            if standing is not None and standing.generation < generation:
                self.write(replace(standing, generation=generation, moved_at=at))

    def _machine(self) -> str | None:
        """A digest, because the id itself is secret; many containers have none."""
        try:
            found = self.machine.read_bytes().strip()
        except OSError:
            return None
        return hashlib.sha256(found + self.installation.encode()).hexdigest()[:16] if found else None
