"""What every command ends with: an exit code, and for each kind of failure the words that belong to it.

Exit codes: 0 done; 1 an ``expect`` failed; 2 bad usage or bad input, one problem a line; 3 a bug of ecssim, with
its traceback and what is needed to see it again; 130 interrupted; 141 the reader of a pipe went away.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from ecssim import __version__
from ecssim.errors import BadInput

DONE: Final = 0
EXPECT_FAILED: Final = 1
BAD_INPUT: Final = 2
BUG: Final = 3
INTERRUPTED: Final = 130
#: What a shell reports of a program that was ended by a closed pipe, as in ``ecssim events DIR | head``.
PIPE_CLOSED: Final = 141
#: What a write to stdout answers where there is no room for it.
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``arguments`` without the program's name."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        _never_choke(stream)
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, which would fail again and say so.
        _discard_stdout()
        return PIPE_CLOSED
    except OSError as error:
        if not _output_refused(error):
            raise
        _discard_stdout()
        print(f"the output cannot be written: {error.strerror}", file=sys.stderr)
        return BAD_INPUT
    return code


def _run(given: list[str]) -> int:
    from ecssim.cli.app import app

    try:
        app(args=given, prog_name="ecssim")
    except SystemExit as ended:
        # The library that reads the command line ends with 1 then, which here means that an expectation failed.
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        return ended.code if isinstance(ended.code, int) else BAD_INPUT if ended.code else DONE
    except BadInput as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        if _output_refused(error):
            raise
        _report_bug(error, given)
        return BUG
    return DONE


def _report_bug(error: Exception, given: Sequence[str]) -> None:
    """The traceback; where a run was under way, the run command has added what replays it."""
    import platform
    import traceback

    traceback.print_exception(error, file=sys.stderr)
    print(
        f"\nThis is a bug of ecssim {__version__} (Python {platform.python_version()}). Please report it with all of "
        f"the above and the scenario.\ncommand: ecssim {shlex.join(given)}",
        file=sys.stderr,
    )


def _output_refused(error: Exception) -> bool:
    """Whether stdout could not take more: a disk that is full, a device that is gone. Files of ours have names."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _NO_ROOM


def _open_what_is_closed() -> None:
    """A shell that closed stdout or stderr (``>&-``) wants to hear nothing; Python has no stream for it then."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _never_choke(stream: TextIO) -> None:
    """A terminal that cannot show a character shows its number: no message is lost to an encoding."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _discard_stdout() -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # not a real file: a test has replaced it
