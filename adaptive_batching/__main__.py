"""Run the console script: `python -m adaptive_batching`."""

import sys

from adaptive_batching.cli import main

sys.exit(main())
