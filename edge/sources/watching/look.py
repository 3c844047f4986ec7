"""What a look at a file of a watched folder found."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from edge.errors import CropUnreadable
from edge.files import read_bytes
from edge.sources.watching.completeness import has_holes, lacks_its_end
from edge.sources.watching.taken import content_of, version_of


@dataclass(frozen=True)
class Look:
    """What a look at a file found.

    Attributes
    ----------
    name : str
        What the file is known by: its own name, not that of a link to it.
    target : str
        Path of the file itself.
    state : int
        Of :func:`edge.sources.watching.taken.state_of`.
    since : float
        Since when it has been seen so, in monotonic seconds.
    modified_ns : int or None
        When it was written last, by the clock of its file system; None if it is no file.
    changed_ns : int
        When it was written, renamed or given another time last.
    error : CropUnreadable or None
        Why there is nothing to read.
    content : int or None
        Of :func:`edge.sources.watching.taken.content_of`, once it was read.
    is_doubtful : bool
        Whether what was read seems to lack something.
    """

    name: str
    target: str
    state: int
    since: float
    modified_ns: int | None = None
    changed_ns: int = 0
    error: CropUnreadable | None = None
    content: int | None = None
    is_doubtful: bool = False

    @property
    def version(self) -> str | None:
        """By what to know the file again, once it was read."""
        if self.modified_ns is None or self.content is None:
            return None
        return version_of(self.modified_ns, self.content)

    def rest(self, last_ns: int | None, is_local: bool) -> float:
        """Seconds for which the file has rested.

        Parameters
        ----------
        last_ns : int or None
            When it was written by its own account, in nanoseconds since 1970, if it is a file.
        is_local : bool
            Whether to believe that: the clock of another machine says nothing.
        """
        unchanged = time.monotonic() - self.since
        if last_ns is None or not is_local:
            return unchanged
        return max(unchanged, time.time() - last_ns / 1e9)

    def examined(self, for_signs: bool) -> Look:
        """Read the file, once while it is as it is: its content, and what seems to be missing."""
        if self.modified_ns is None or self.content is not None:
            return self
        try:
            data = read_bytes(self.target)
        except CropUnreadable:  # perhaps because it is being written
            return replace(self, is_doubtful=True)
        is_doubtful = for_signs and (has_holes(self.target) or lacks_its_end(data))
        return replace(self, content=content_of(data), is_doubtful=is_doubtful)
