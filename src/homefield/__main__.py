"""`python -m homefield`: the command line without its script."""

from __future__ import annotations

import sys

from homefield.cli import main

sys.exit(main())
