"""Files that are whole or not there: what is saved replaces what was there at once."""

from __future__ import annotations

import os


def place(path: str | os.PathLike[str]) -> str:
    """The file that a path leads to, links followed. Raises OSError where none can be written."""
    file = os.path.realpath(path)
    folder = os.path.dirname(file)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"the folder {folder} is not there: make it first, os.makedirs({folder!r})")
    if os.path.isdir(file):
        raise IsADirectoryError(f"{file} is a folder: give the path of a file")
    return file


def replace(path: str, content: bytes) -> None:
    """Put `content` into a file so that the old content or the new is there at every moment, even after a crash."""
    unfinished = f"{path}.{os.urandom(4).hex()}.tmp"
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(unfinished, os.stat(path).st_mode & 0o7777)
        os.replace(unfinished, path)
    except BaseException:
        if os.path.exists(unfinished):
            os.remove(unfinished)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name is safe once the folder is written
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
