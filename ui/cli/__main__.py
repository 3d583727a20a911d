"""`python -m ui.cli`: the command line without its installed script."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
