"""`python -m eurotok` is the command `eurotok`."""

import sys

from eurotok.cli import main

sys.exit(main())
