"""A server of ours in a process of its own, with what a bench adds to it, until the bench is done. For benches that post to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def serving(module: str, workspace: Path, settings: Mapping[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """`module` is run with the workspace as its argument and says `running` with its port; yields its address and process."""
    command = [sys.executable, "-m", module, str(workspace)]
    environment = {**os.environ, "JOURNEYBOT_PORT": "0", **settings}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            told = json.loads(line)
            if told["event"] == "running":
                break
        else:
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{told['port']}", psutil.Process(process.pid)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
