"""A database handle that can be pointed at another database of the same engine: what SQLAlchemy compiled is kept, so that a
case on a fresh copy costs no second compilation."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import event, make_url

from storage.database import FROZEN_SECONDS, Database


class MovingDatabase(Database):
    """Begins at `url`; `move_to` takes a URL of the same engine."""

    def __init__(self, url: str, *, survives_power_loss: bool = True) -> None:
        super().__init__(url, survives_power_loss=survives_power_loss)
        self._place = url
        self.frozen_seconds = FROZEN_SECONDS

        @event.listens_for(self.engine, "do_connect")
        def redirect(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
            place = make_url(self._place)
            if self.is_sqlite:
                arguments[0] = place.database
            else:
                options["dbname"] = place.database
                known = f"session_timeout={FROZEN_SECONDS}s"
                assert known in options["options"], "PostgreSQL would never end the transaction of who is frozen"
                options["options"] = options["options"].replace(known, f"session_timeout={self.frozen_seconds}s")
                options["application_name"] = f"journeybot tests {os.getpid()}"

    def move_to(self, url: str, *, in_child: bool = False) -> None:
        """`in_child`: the connections belong to the process that forked us and must not be closed here."""
        self.engine.dispose(close=not in_child)
        for other in self._beside.values():
            other.engine.dispose(close=not in_child)
        self._beside.clear()
        self._place = url
        self.url = make_url(url).set(drivername=self.url.drivername)
