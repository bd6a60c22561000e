"""Files are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` beside ``path``, see it on the disk, and only then give it the name.

    Whatever goes wrong, a full disk or a killed process among it: what was at ``path`` before is still there, whole.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()
    if target.exists() and not target.is_file():  # a pipe or a device is written to, and never replaced
        target.write_bytes(content)
        return
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    descriptor, has_name = _opened(beside)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if target.exists():
                os.fchmod(descriptor, target.stat().st_mode & 0o777)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
            if not has_name:
                # With a folder named, whatever it is, Python follows the link to the file itself.
                os.link(f"/proc/self/fd/{descriptor}", beside, src_dir_fd=descriptor, follow_symlinks=True)
                has_name = True
        os.replace(beside, target)
    except BaseException:
        if has_name:
            beside.unlink(missing_ok=True)
        raise
    _keep_name(target.parent)


def _opened(beside: Path) -> tuple[int, bool]:
    """A new file in the folder, and whether it has the name ``beside``: where the system can do without, a killed
    process leaves nothing.
    """
    if hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir():
        try:
            return os.open(beside.parent, os.O_TMPFILE | os.O_WRONLY, 0o666), False
        except OSError:  # not on this kind of disk; or not at all, which the next line says
            pass
    return os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), True


def _keep_name(folder: Path) -> None:
    """See on the disk that the folder holds the name."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
