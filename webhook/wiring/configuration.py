"""The configuration, followed while it changes (I/O: one file).

| where an edit is heard of | how soon |
|---|---|
| the ConfigMap itself, watched | at once |
| the file that the kubelet mounts of it | when it next looks: a minute, or a minute and a half |

As long as the watch is well only it is heard: the file lags behind and would take an edit back. While it is not, what
changes in the file counts; contents are compared, not times. A bad edit keeps the last good configuration in force, and
says so in the log, in /readyz?verbose, in a metric and in an Event; so it does for a replica that begins after it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from webhook.settings.decoding import InvalidSettings, decode
from webhook.settings.loading import load
from webhook.settings.schema import Settings

_LOG = logging.getLogger("pullproof.configuration")

Adopt = Callable[[Settings], Awaitable[None]]
"""Puts settings in force; raises a ValueError, and changes nothing, where that cannot be."""


class Edits(Protocol):
    """Where edits are heard of sooner than by the file, and where it is said what became of them."""

    @property
    def text(self) -> str | None:
        """The newest text; None where it is not known or not there."""
        ...

    @property
    def well(self) -> bool:
        """Whether an edit would be heard of."""
        ...

    @property
    def source(self) -> str:
        """What messages call it."""
        ...

    @property
    def changed(self) -> asyncio.Event:
        """Set when there is a new text; whoever waits for it clears it."""
        ...

    def answer(self, refused: str) -> None:
        """Say that an edit is in force (""), or why it is not."""
        ...

    async def last_good(self) -> str | None:
        """Return what was last in force in any replica; None where that is not known."""
        ...

    async def keep(self, text: str) -> None:
        """Remember that this is in force, beyond the end of this process; never raises."""
        ...


@dataclass(slots=True)
class FollowedConfiguration:
    """One configuration file, or None for the defaults; `told` is called after each edit: "", or why it was refused."""

    path: Path | None
    adopt: Adopt
    edits: Edits | None = None
    told: Callable[[str], None] = lambda _: None
    refused: str = ""
    _seen: bytes = field(default=b"", init=False)
    _file_seen: bytes = field(default=b"", init=False)

    async def begin(self) -> None:
        """Put the file in force for the first time, or else what was in force last.

        Raise a ValueError in one line where neither can be used.
        """
        self._seen = self._file_seen = self._file()
        try:
            await self.adopt(Settings() if self.path is None else load(self.path))
        except ValueError as error:
            await self._begin_with_last_good(error)
        self.told(self.refused)

    async def _begin_with_last_good(self, error: ValueError) -> None:
        text = await self.edits.last_good() if self.edits is not None else None
        if self.edits is None or text is None:
            raise error
        try:
            await self.adopt(decode(text, "the last good configuration"))
        except ValueError:
            raise error from None
        self._refuse(error)
        self.edits.answer(self.refused)

    async def follow(self, every: float = 1.0) -> None:
        """Look every so many seconds, and at once where an edit is heard of, for ever."""
        if not self.refused:
            await self._keep()
        while self.path is not None:
            await self._wait(every)
            read = self._news(self.path)
            if read is not None:
                await self._take_over(read)

    async def _wait(self, seconds: float) -> None:
        if self.edits is None:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.edits.changed.wait(), seconds)
        self.edits.changed.clear()

    def _news(self, path: Path) -> Callable[[], Settings] | None:
        """Return how to read what is new, if anything is."""
        edits, content = self.edits, self._file()
        same, self._file_seen = content == self._file_seen, content
        if edits is not None and edits.well and edits.text is not None:
            content, read = edits.text.encode(), partial(decode, edits.text, edits.source)
        elif same:
            return None
        else:
            read = partial(load, path)
        if content == self._seen:
            return None
        self._seen = content
        return read

    async def _take_over(self, read: Callable[[], Settings]) -> None:
        try:
            await self.adopt(self._whole(read()))
        except ValueError as error:
            self._refuse(error)
        else:
            self.refused = ""
            _LOG.info("configuration reloaded")
        self.told(self.refused)
        if self.edits is not None:
            self.edits.answer(self.refused)
        if not self.refused:
            await self._keep()

    def _refuse(self, error: ValueError) -> None:
        self.refused = str(error)
        _LOG.warning("kept the last good configuration: %s", self.refused)

    async def _keep(self) -> None:
        if self.edits is not None and self.path is not None:
            await self.edits.keep(self._seen.decode("utf-8", "replace"))

    def _whole(self, settings: Settings) -> Settings:
        """Refuse an empty text, which is what a file that is just being written holds; the defaults can be written."""
        if not self._seen.strip():
            advice = "is empty; for the defaults write `kind: PullproofConfiguration`"
            raise InvalidSettings(str(self.path), None, advice)
        return settings

    def _file(self) -> bytes:
        try:
            return b"" if self.path is None else self.path.read_bytes()
        except OSError:
            return b""
