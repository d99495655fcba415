"""Starts Python where it reaches few files: `python confined.py FOLDER PLACE... -- ARGUMENTS`.

It may write into FOLDER, and read the system's files and the PLACEs. Nothing else of the disk opens
for it or for what it starts; it cannot look into other processes or end them, nor connect to other
machines. That is Linux's Landlock (from 5.13; connections from 6.7, signals from 6.12), which any
user may ask for and nobody can take back. It uses only the standard library, as it runs before the
packages can be imported.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446  # system calls, the same numbers on every processor
VERSION, BENEATH, NO_NEW_PRIVILEGES, DROP = 1, 1, 38, 24
OWN_FILES = 3  # the capabilities from here on are not needed to read and write files
RUN, WRITE_FILE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, OF_A_FILE = 1 << 14, RUN | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15
RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights on files a version knows
CONNECT, SCOPES = 0b10, 0b11  # TCP; signals, and abstract sockets of what runs outside
SYSTEM = ("/bin", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr")


class Rules(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scopes")]


class Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("rights", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def call(number: int, *arguments) -> int:
    """A system call's result. OSError if it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    result = library.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def version() -> int:
    """The version of Landlock, 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return call(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION))
    except (OSError, AttributeError):
        return 0


def confine(folder: str, places: list[str]) -> None:
    """Take from this process, for good, every file but those of the system, FOLDER and PLACEs."""
    known = version()
    everything = (1 << RIGHTS.get(known, 16)) - 1
    rules = Rules(everything, CONNECT if known >= 4 else 0, SCOPES if known >= 6 else 0)
    size = ctypes.c_size_t(8 * (1 + (known >= 4) + (known >= 6)))  # older ones know fewer fields
    handle = call(CREATE, ctypes.byref(rules), size, ctypes.c_uint32(0))
    reading = RUN | READ_FILE | READ_FOLDER
    allowed = dict.fromkeys([*SYSTEM, *places], reading)
    allowed |= {"/dev": reading | WRITE_FILE | TRUNCATE, "/dev/shm": everything, folder: everything}
    for path, rights in allowed.items():
        with contextlib.suppress(FileNotFoundError):
            opened = os.open(path, os.O_PATH)
            rights &= everything if os.path.isdir(path) else everything & OF_A_FILE
            rule = Beneath(rights, opened)
            call(ADD, handle, ctypes.c_int(BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
            os.close(opened)
    library = ctypes.CDLL(None)
    for capability in range(OWN_FILES, 64):  # root's, with which it reads other processes
        library.prctl(DROP, capability, 0, 0, 0)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)  # Landlock asks for it
    call(RESTRICT, handle, ctypes.c_uint32(0))
    os.close(handle)


def command(folder: Path, places: list[str]) -> list[str]:
    """What to put between a Python and its arguments, so that they run confined."""
    return [str(Path(__file__).resolve()), str(folder), sys.prefix, sys.base_prefix, *places, "--"]


if __name__ == "__main__":
    end = sys.argv.index("--")
    confine(sys.argv[1], sys.argv[2:end])
    os.execv(sys.executable, [sys.executable, "-S", *sys.argv[end + 1 :]])
