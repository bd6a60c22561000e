"""What the tests ask workers to do."""

import os
import re
import time

from recidiv_core.errors import InputError


def reverse(body, *, times=1):
    return bytes(body[::-1]) * times


def spin(body):
    """Minutes in compiled code that lets no other thread run: a pattern that backtracks."""
    return b"" if re.fullmatch(rb"(a|aa|a?a)*b", b"a" * 60) else b"-"


def sleep(body):
    time.sleep(60)
    return b""


def grow(body):
    return bytes(len(body) * 2_000_000_000)


def refuse(body):
    raise InputError.one("here", "another", "this")


def fail(body):
    raise ValueError(bytes(body).decode())


def write(body, *, path):
    with open(path, "wb") as file:
        file.write(body)
    return b"written"


def surroundings(body):
    return repr(sorted(os.environ)).encode()


def spin_table(body, *, name, max_rows):
    return spin(body)


def fail_table(body, *, name, max_rows):
    return fail(body)


def grow_table(body, *, name, max_rows):
    return grow(body)
