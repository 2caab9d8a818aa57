"""`python -m matsense` is the command, also where its folder is not in PATH."""

from __future__ import annotations

import os
import subprocess
import sys

from matsense._command import executable
from matsense._errors import Error


def main() -> None:
    """Become the command; on Windows, which cannot do that, run it."""
    try:
        command = [executable(), *sys.argv[1:]]
    except Error as err:
        sys.exit(f"matsense: {err}")
    if os.name == "nt":
        sys.exit(subprocess.run(command).returncode)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
