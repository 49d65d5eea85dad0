"""Files from the web: whole and checked, or not there at all."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ..files import replacing

TIMEOUT = 30  # seconds without a byte


def cache_folder(name: str) -> str:
    """Where this platform keeps what can be fetched again: the folder `name` in our part of it. It need not exist."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):  # the XDG specification: ignore it then
            base = os.path.join(home, ".cache")
    return os.path.join(base, "microgradnet", name)


def fetch(name: str, size: int, sha256: str, mirrors: Sequence[str], folder: str) -> None:
    """Put the file `name` into `folder`, from the first of the mirrors that has it with this size and checksum.

    The bytes go to a temporary file beside it, which takes the name when it is whole: an interruption leaves nothing,
    and of two processes at once each writes its own. Shows progress where tqdm is installed. Raises OSError with every
    mirror's reason where none has it.
    """
    import hashlib

    os.makedirs(folder, exist_ok=True)
    failed = []
    for mirror in mirrors:
        seen = hashlib.sha256()
        try:
            with replacing(os.path.join(folder, name), "part") as file, progress(name, size) as bar:
                for piece in pieces(mirror + name, size):
                    file.write(piece)
                    seen.update(piece)
                    if bar is not None:
                        bar.update(len(piece))
                if seen.hexdigest() != sha256:
                    raise Unusable(f"has other bytes: their sha256 is {seen.hexdigest()}, wanted {sha256}")
        except Unusable as error:
            failed.append(f"  {mirror + name} {error}")
        else:
            return
    raise OSError(
        "\n".join([f"{name} could not be downloaded:", *failed, f"Try again later, or put it into {folder} yourself."])
    )


class Unusable(Exception):
    """What a mirror sends is not the file. Errors of our own disk are none of the mirror's, and pass by."""


def pieces(url: str, size: int) -> Iterator[bytes]:
    """The `size` bytes at a URL, in pieces. Raises Unusable for every failure on the way, and for any other length."""
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    got = 0
    try:
        with urlopen(Request(url, headers={"User-Agent": "microgradnet"}), timeout=TIMEOUT) as response:
            while piece := response.read(1 << 16):
                got += len(piece)
                if got > size:
                    raise Unusable(f"is longer than {size:,} bytes")
                yield piece
    except HTTPError as error:
        error.close()
        raise Unusable(f"answers {error.code} {error.reason}") from error
    except URLError as error:
        raise Unusable(f"cannot be reached ({error.reason})") from error
    except (OSError, HTTPException) as error:
        raise Unusable(f"broke off after {got:,} of {size:,} bytes ({error!r})") from error
    if got < size:
        raise Unusable(f"broke off after {got:,} of {size:,} bytes")


def progress(name: str, size: int) -> contextlib.AbstractContextManager[Any]:
    """A progress bar of bytes, or None where tqdm is not installed."""
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return contextlib.nullcontext()
    return tqdm(total=size, desc=name, unit="B", unit_scale=True)  # type: ignore[no-any-return]
