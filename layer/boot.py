"""First file the launcher runs: puts the private folder on the path and hands over to the package.

It is compiled at every start (a script has no cached bytecode), so it stays this small. If anything of ours cannot
even be imported, the minimal loop keeps the function alive; only if that is missing too does the process leave.
"""

import sys

sys.path.insert(0, __file__.rpartition("/")[0])
try:
    from extension.__main__ import main
except Exception as error:  # noqa: BLE001 - whatever is broken in the package, the function must live
    from extension.minimal import run

    run(f"the package cannot be imported: {error!r}")
else:
    main()
