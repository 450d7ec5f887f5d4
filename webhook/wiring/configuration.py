"""The configuration file, followed while it changes (I/O).

A ConfigMap volume changes by a symlink, seconds after the edit; contents are compared, not times. A bad edit keeps the
last good configuration in force, and says so in the log, in /readyz?verbose and in a metric.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from webhook.settings.loading import load
from webhook.settings.schema import Settings

_LOG = logging.getLogger("pullproof.configuration")

Adopt = Callable[[Settings], Awaitable[None]]
"""Puts settings in force; raises a ValueError, and changes nothing, where that cannot be."""


@dataclass(slots=True)
class FollowedFile:
    """One configuration file, or None for the defaults; `told` is called after every attempt to take it over."""

    path: Path | None
    adopt: Adopt
    told: Callable[[bool], None] = lambda _: None
    refused: str = ""
    _seen: bytes | None = field(default=None, init=False)

    async def begin(self) -> None:
        """Put it in force for the first time; raise a ValueError in one line where it cannot be used."""
        self._seen = self._content()
        await self.adopt(Settings() if self.path is None else load(self.path))
        self.told(True)

    async def follow(self, every: float = 1.0) -> None:
        """Look every so many seconds, for ever."""
        while self.path is not None:
            await asyncio.sleep(every)
            content = self._content()
            if content != self._seen:
                self._seen = content
                await self._take_over(self.path)

    async def _take_over(self, path: Path) -> None:
        try:
            await self.adopt(load(path))
        except ValueError as error:
            self.refused = str(error)
            _LOG.warning("kept the last good configuration: %s", self.refused)
        else:
            self.refused = ""
            _LOG.info("configuration reloaded")
        self.told(not self.refused)

    def _content(self) -> bytes | None:
        try:
            return None if self.path is None else self.path.read_bytes()
        except OSError:
            return b""
