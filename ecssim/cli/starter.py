"""``ecssim init``: a small scenario with comments, to start from."""

from __future__ import annotations

from pathlib import Path

from ecssim.cli.answer import refuse
from ecssim.cli.guard import DONE

STARTER = Path(__file__).with_name("starter.yaml")


def init(path: Path) -> int:
    """Write the starter scenario to ``path``; a file that is there is never overwritten, and one of these is well."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER.read_text("utf-8"))
    except FileExistsError:
        if path.is_file() and path.read_bytes() == STARTER.read_bytes():
            print(f"{path} is there already, unchanged; next: ecssim run {path}")
            return DONE
        raise refuse(path, "is there already: choose another name") from None
    except OSError as error:
        raise refuse(path, f"cannot be written: {error.strerror}") from None
    print(f"wrote {path}; next: ecssim run {path}")
    return DONE
