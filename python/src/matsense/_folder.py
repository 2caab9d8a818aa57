"""The folder with a run's or a sweep's own data files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from matsense._arrays import Sink
from matsense._errors import Error, in_python, keyword

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Folder:
    """A run or sweep directory, in whose folder `data` arrays are stored before the command begins.

    A file's name has a digest of its contents. So the same data are stored once, new data never replace those
    of a run that is there, and processes that share a directory do not disturb each other.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        """Store data files in a directory, which is made when the first of them is written."""
        try:
            self.directory = Path(os.path.abspath(directory))
        except FileNotFoundError:
            raise Error("the working directory was removed: change to another one with os.chdir") from None
        self._written: dict[Path, str] = {}  # with the names that settings have
        self._made: list[Path] = []  # folders, the outermost first
        self.names: dict[str, str] = {}  # the argument behind each path, for the command's sentences

    @classmethod
    def fresh(cls, parent: str) -> Folder:
        """Return a new directory in a parent, named by the time, as the command names its own."""
        name = time.strftime("%Y-%m-%d-%H%M%S")
        number = 1
        while True:
            folder = cls(Path(parent, name if number == 1 else f"{name}-{number}"))
            folder._make(folder.directory.parent)
            try:
                folder.directory.mkdir()
            except FileExistsError:
                number += 1
                continue
            except OSError as failed:
                raise Error(f"{folder.directory} cannot be made: {failed.strerror}") from None
            folder._made.append(folder.directory)
            return folder

    def write(self, key: str, ending: str, *fill: Callable[[Sink], object]) -> str:
        """Store what `fill` writes as a data file of a setting, and return its path.

        If there are several, their files are numbered from 1, and the path has %d in place of the number.
        """
        try:
            return self._write(key, ending, fill)
        except OSError as failed:
            raise Error(
                f"{keyword(key)} could not be written to {self.directory}: {failed.strerror}"
            ) from None

    def _write(self, key: str, ending: str, fill: Sequence[Callable[[Sink], object]]) -> str:
        data = self.directory / "data"
        self._make(data)
        digest = hashlib.blake2b(digest_size=8)
        unfinished: list[Path] = []
        try:
            for one in fill:
                # The command removes files with this beginning that a killed process leaves.
                handle, new = tempfile.mkstemp(prefix=".tmp-", dir=data)
                unfinished.append(Path(new))
                with os.fdopen(handle, "wb") as file:
                    one(_Digested(file, digest))
                    file.flush()
                    os.fsync(file.fileno())
            name = f"{key}-{digest.hexdigest()}{'-%d' if len(fill) > 1 else ''}{ending}"
            for number, path in enumerate(unfinished, 1):
                self._keep(path, data / name.replace("%d", str(number)), name)
        finally:
            for path in unfinished:
                path.unlink(missing_ok=True)
        return str(data / name)

    def _keep(self, unfinished: Path, path: Path, pattern: str) -> None:
        """Give a file its name, unless a file with the same contents has it."""
        if not path.exists():
            unfinished.chmod(0o644)
            self._written[path] = pattern
            unfinished.replace(path)

    def _make(self, folder: Path) -> None:
        """Make a folder with its parents, and remember those that were not there."""
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            new.mkdir(exist_ok=True)
            self._made.append(new)

    def clean(self) -> None:
        """Remove what was stored and is not of the run or sweep in the directory: the command refused it."""
        of_run = "".join(
            (self.directory / name).read_text(encoding="utf-8", errors="replace")
            for name in ("config.yaml", "sweep.yaml")
            if (self.directory / name).exists()
        )
        for path, name in self._written.items():
            if name not in of_run:
                path.unlink(missing_ok=True)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()

    def sentence(self, text: str) -> str:
        """Return the command's sentences with the names of arguments in place of their files."""
        for path, name in self.names.items():
            text = text.replace(f"{name} {path}", name).replace(path, name)
        return in_python(text)


@contextlib.contextmanager
def temporary() -> Iterator[str]:
    """Yield a temporary folder, and remove those that killed processes have left.

    A process holds a lock in its folder for as long as it needs it. So a folder whose lock is free has no
    owner any more.
    """
    _remove_ownerless()
    directory = tempfile.mkdtemp(prefix=_TEMPORARY)
    lock = None
    try:
        lock = _locked(Path(directory))
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        if lock is not None:
            os.close(lock)


_TEMPORARY = "matsense-data-"
_NOT_LOCKED_YET = 3600  # seconds after which a folder without a lock has no owner: it takes a moment to lock


def _locked(directory: Path) -> int | None:
    """Lock a folder, and return the descriptor that holds the lock; None where there are no such locks."""
    if fcntl is None:
        return None
    new = directory / "unlocked"
    lock = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        os.close(lock)
        return None
    new.rename(directory / "lock")  # locked from the first moment on
    return lock


def _remove_ownerless() -> None:
    """Remove the temporary folders of processes that are gone."""
    if fcntl is None:
        return
    for directory in Path(tempfile.gettempdir()).glob(_TEMPORARY + "*"):
        with contextlib.suppress(OSError):  # another user's, or removed by another process now
            if not (directory / "lock").exists():
                if time.time() - directory.stat().st_mtime > _NOT_LOCKED_YET:
                    shutil.rmtree(directory, ignore_errors=True)
                continue
            lock = os.open(directory / "lock", os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                os.close(lock)


def short(path: Path) -> Path:
    """Return a path as people read it: from the working directory on, if it is below."""
    with contextlib.suppress(OSError, ValueError):  # the working directory was removed, or is elsewhere
        return path.relative_to(Path.cwd())
    return path


class _Digested:
    """A file; what is written to it also goes into a digest."""

    def __init__(self, file: BinaryIO, digest: hashlib.blake2b) -> None:
        self._file = file
        self._digest = digest

    def write(self, data: bytes) -> object:
        self._digest.update(data)
        return self._file.write(data)
