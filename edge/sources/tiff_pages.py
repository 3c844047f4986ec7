"""Multi-page TIFF: every page an input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge.decoding.tiff import SIGNATURES, TiffFile
from edge.errors import CropUnreadable
from edge.files import unreadable
from edge.samples import Content
from edge.sources.content import Container, Found


@dataclass(frozen=True)
class TiffPage:
    """One page of a TIFF, by the offset in bytes of its directory."""

    container: Container
    at: int

    def read(self) -> bytes:
        """Read the page as a TIFF file of its own.

        Raises
        ------
        CropUnreadable
            If the file changed or is damaged there; ``reason`` says how.
        """
        try:
            with self.container.open() as file:
                return TiffFile(file).alone(self.at)
        except OSError as error:
            raise unreadable(error) from error


def each_page(path: str, container: Container, whole: Content | None = None) -> Iterator[Found]:
    """Find the pages of a TIFF; a file with one page, or no TIFF, stays whole.

    Pages are called ``stack.tif#1``, ``stack.tif#2`` and so on; thumbnails and masks of
    pages are left out, but counted. What makes the file unreadable is left to
    the one who reads it; where the chain of pages breaks off, the page that should follow
    carries the reason.

    Parameters
    ----------
    path : str
        Path or name of the file.
    container : Container
        Where its bytes are.
    whole : Content, optional
        How the file is read if it has one page.
    """
    first: Found | None = None
    number, several = 0, False
    try:
        with container.open() as file:
            if file.read(4) in SIGNATURES:
                tiff = TiffFile(file)
                for number, at in enumerate(tiff.directories(), start=1):
                    if tiff.is_helper(at):
                        continue
                    page = Found(f"{path}#{number}", TiffPage(container, at))
                    if first is None:
                        first = page
                        continue
                    if not several:
                        yield first
                        several = True
                    yield page
    except CropUnreadable as error:
        if first:
            if not several:
                yield first
            yield Found(f"{path}#{number + 1}", error=error)
            return
    except OSError as error:
        yield Found(path, error=unreadable(error))
        return
    if not several:
        yield first if first and number > 1 else Found(path, whole)
