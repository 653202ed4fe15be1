"""Keeps posts for absorb, many in one commit: whoever posts while a group is being written joins the next one, so a slow disk
makes groups larger instead of queues longer. A post is answered when it is durable, or told that it is not."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool

from storage.database import Database
from storage.posts import PROVIDERS, Post, Room, keep_posts

#: More than this in memory means that the disk hangs; vendors come again later.
MOST_WAITING_BYTES = 64_000_000


class PostBoxFull(RuntimeError):
    """Posts arrive faster than they can be written."""


class PostBox:
    """Used from the event loop of one server at a time."""

    def __init__(self, database: Database, room: Room = PROVIDERS) -> None:
        self._database = database
        self._room = room
        self._waiting: list[tuple[Post, asyncio.Future[None]]] = []
        self._bytes = 0
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, post: Post) -> None:
        """Returns when the post outlives any crash. Raises: PostBoxFull, and whatever the database raises."""
        if self._bytes + len(post.body) > MOST_WAITING_BYTES:
            raise PostBoxFull
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()
        self._waiting.append((post, kept))
        self._bytes += len(post.body)
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                await run_in_threadpool(keep_posts, self._database, [post for post, _ in group], self._room)
            except BaseException as error:  # noqa: BLE001  every one of them is told, and answers its vendor
                self._tell(group, error)
            else:
                self._tell(group, None)

    def _tell(self, group: list[tuple[Post, asyncio.Future[None]]], error: BaseException | None) -> None:
        for post, kept in group:
            self._bytes -= len(post.body)
            if kept.done():
                continue  # its sender hung up
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)
