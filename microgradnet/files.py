"""Files that are whole or not there: what is saved replaces what was there at once."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import IO, Any

try:
    import fcntl
except ModuleNotFoundError:  # on Windows, where a file that is open cannot be removed anyway
    fcntl: Any = None  # type: ignore[no-redef]


def place(path: str | os.PathLike[str]) -> str:
    """The file that a path leads to, links followed. Raises OSError where none can be written."""
    file = os.path.realpath(path)
    folder = os.path.dirname(file)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"the folder {folder} is not there: make it first, os.makedirs({folder!r})")
    if os.path.isdir(file):
        raise IsADirectoryError(f"{file} is a folder: give the path of a file")
    if os.path.lexists(file) and not os.path.isfile(file):  # a device, a FIFO, a socket, a link that leads to itself
        raise OSError(f"{file} is no file, and would be replaced by one: give the path of a file, or of none yet")
    return file


def replace(path: str, content: bytes) -> None:
    """Put `content` into a file so that the old content or the new is there at every moment, even after a crash."""
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: str, ending: str = "tmp") -> Iterator[IO[bytes]]:
    """A new file to write into. After the `with` block it takes the place of `path`; after an error it is gone.

    It stands beside `path` under the name of this, a random number and `ending`. What a killed process left of those
    is removed.
    """
    name = os.path.basename(path)
    encoded = os.fsencode(name)
    if len(encoded) > 120:  # the longest that file systems take are 143 and 255 bytes
        name = encoded[:120].decode(errors="ignore")
    folder = os.path.dirname(path)
    remove_abandoned(folder, re.compile(rf"{re.escape(name)}\.[0-9a-f]{{8}}\.{ending}"))
    with new_file(os.path.join(folder, name), ending) as unfinished:
        try:
            with open(unfinished, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())  # or a power cut could leave the name on an empty file
            if os.path.exists(path):
                os.chmod(unfinished, os.stat(path).st_mode & 0o7777)
            os.replace(unfinished, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.remove(unfinished)
            raise
    if hasattr(os, "O_DIRECTORY"):  # the new name is safe once the folder is written
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def new_file(beginning: str, ending: str) -> Iterator[str]:
    """The path of a new file, locked for the length of the block where that is possible: a kill unlocks it."""
    while True:
        path = f"{beginning}.{os.urandom(4).hex()}.{ending}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        if fcntl is None:
            os.close(descriptor)
            yield path
            return
        try:
            with contextlib.suppress(OSError):  # not every file system has locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.exists(path):  # another process may have found it abandoned just before it was locked
                yield path
                return
        finally:
            os.close(descriptor)


def remove_abandoned(folder: str, pattern: re.Pattern[str]) -> None:
    """Remove the files whose names have a pattern and that no process has locked, or on Windows open."""
    for name in filter(pattern.fullmatch, os.listdir(folder)):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):
            if fcntl is None:
                os.remove(path)
            else:
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.remove(path)
                finally:
                    os.close(descriptor)
