"""``python -m ecssim`` is the command ``ecssim``."""

import sys

from ecssim.cli import main

if __name__ == "__main__":
    sys.exit(main())
