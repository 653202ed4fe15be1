"""Everybody presses at once: reads requests (URL, body, headers) as JSON lines from standard input, posts them all at the same moment
from a process of its own, and prints how many seconds each took to be answered. Used by bench_slack.py."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import aiohttp

from tests.fakes.slack_payloads import Sent

ROOT = Path(__file__).resolve().parents[2]


def press_all(url: str, secret: str, everything: list[Sent]) -> list[float]:
    """Seconds until each was answered. Raises: CalledProcessError when one was not answered with 200."""
    lines = []
    for sent in everything:
        body, headers = sent.signed(secret)
        lines.append(json.dumps([url, body.decode(), headers]))
    command = [sys.executable, "-m", "tests.bench.slack_client"]
    done = subprocess.run(command, cwd=ROOT, input="\n".join(lines), text=True, capture_output=True, check=True)
    found: list[float] = json.loads(done.stdout)
    return sorted(found)


async def _press(session: aiohttp.ClientSession, url: str, body: str, headers: dict[str, str]) -> float:
    begun = time.monotonic()
    async with session.post(url, data=body.encode(), headers=headers) as answer:
        await answer.read()
        assert answer.status == 200, answer.status
    return time.monotonic() - begun


async def _main() -> None:
    wanted = [json.loads(line) for line in sys.stdin]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        print(json.dumps(await asyncio.gather(*(_press(session, *one) for one in wanted))))


if __name__ == "__main__":
    asyncio.run(_main())
