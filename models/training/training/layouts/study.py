"""A study, and what was said of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Study:
    """`folder` is the study's DICOM; where it has none of its own, `make` writes it into a folder that is given. `first` is False for another look at
    discs that another study shows too: it is taught, not judged. `files` are those that it is made from: a change of them is a new reading.
    """

    source: str
    name: str
    subject: str
    files: list
    folder: Path = None
    make: Callable[[Path], None] = None
    first: bool = True
    truths: list = field(default_factory=list)

    @property
    def key(self):
        return f"{self.source}/{self.name}"
