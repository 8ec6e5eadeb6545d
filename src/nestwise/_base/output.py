"""Files that are written wholly or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nestwise._base.errors import OptionError


def as_path(path: object) -> Path:
    """The path of a file.

    Raises
    ------
    OptionError
        When it is neither text nor a path, or empty.

    Examples
    --------
    >>> as_path("model.nestwise").name
    'model.nestwise'
    """
    if isinstance(path, str | Path) and str(path):
        return Path(path)
    raise OptionError(f"path={path!r} is not the name of a file")


def check_free(path: str | Path, overwrite: bool, how: str = "overwrite=True") -> Path:
    """Refuse a file that exists, before long work is begun for it.

    Parameters
    ----------
    path : str or Path
        Where something will be written.
    overwrite : bool
        Whether an existing file may be replaced.
    how : str
        How the caller allows it, for the message.

    Returns
    -------
    Path

    Raises
    ------
    OptionError
        When the file exists and may not be replaced, is a folder, or its folder does not exist.

    Examples
    --------
    >>> check_free("no-such-file.html", overwrite=False).name
    'no-such-file.html'
    """
    file = as_path(path)
    if file.is_dir():
        raise OptionError(f"{str(file)!r} is a folder; give the name of a file in it")
    if not file.absolute().parent.is_dir():
        raise OptionError(f"the folder {str(file.parent)!r} does not exist; make it first")
    if file.exists() and not overwrite:
        raise OptionError(f"{str(file)!r} exists; give another name, or {how} to replace it")
    return file


def write_whole(
    path: str | Path, content: str | bytes, *, overwrite: bool, how: str = "overwrite=True"
) -> Path:
    """Write a file in one step: what was there stays as it was until all is written.

    Raises
    ------
    OptionError
        As `check_free`.
    OSError
        When the system refuses.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_whole(folder / "a.txt", "one", overwrite=False).read_text()
    'one'
    >>> write_whole(folder / "a.txt", "two", overwrite=False)
    Traceback (most recent call last):
    nestwise._base.errors.OptionError: '...a.txt' exists; give another name, or ...
    """
    file = check_free(path, overwrite, how)
    data = content.encode("utf-8") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.absolute().parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        # mkstemp gives the file to its owner alone; a report is as open as other new files.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return file


__all__ = ["check_free", "write_whole"]
