"""`python -m adaptive_batching`: the same as the console script."""

import sys

from adaptive_batching.cli import main

sys.exit(main())
