"""`python -m edensim` is the `edensim` command."""

import sys

from edensim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
