"""The command `adaptive-batching sandbox landscape`. The module `scenario`, which takes longer to load, plays it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptive_batching import clone
from adaptive_batching.command_line import Command, Option, refusing
from adaptive_batching.option_types import File, Number
from adaptive_batching.sandbox.cli.commands import COMMANDS
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.values.bounds import Bounds
from adaptive_batching.wording import counted

if TYPE_CHECKING:
    from adaptive_batching.console import Console
    from adaptive_batching.sandbox.cli.landscape.scenario import Played

#: Where the logs and the page go, below the working directory; `make clean` removes it.
INTO = Path("build/landscape")
TEMPLATE, SCRIPT = Path("template.yaml"), Path("examples/landscape/load.yaml")


def _landscape(*, healthy: bool, seed: int, layer: Path | None) -> int:
    """Play the landscape and print its report. Return 0 if all accounts agree and the findings are those expected."""
    from adaptive_batching.console import consoles  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.load.run import LoadError  # noqa: PLC0415
    from adaptive_batching.sandbox.cli.landscape.scenario import DEFECTS, Wanted, play  # noqa: PLC0415

    out, err = consoles()
    with refusing(SandboxError, LoadError, clone.LayerError):
        for file in (TEMPLATE, SCRIPT):
            if not file.is_file():
                raise SandboxError(f"{file} is not here; run it in a clone of the project")
        wanted = Wanted(
            TEMPLATE,
            clone.layer(layer),
            SCRIPT,
            INTO / "logs",
            parameters={} if healthy else DEFECTS,
            seed=seed,
        )
        played = play(wanted, err)
    return told(played, INTO, out, err, healthy=healthy)


def told(played: Played, into: Path, out: Console, err: Console, *, healthy: bool) -> int:
    """Print the report of the logs in `into`, write its page, and print the accounts and what was found."""
    from adaptive_batching.logs.reading import Reading  # noqa: PLC0415
    from adaptive_batching.logs.report.document import Wish, document  # noqa: PLC0415
    from adaptive_batching.logs.report.figures.tables import Terms  # noqa: PLC0415
    from adaptive_batching.logs.report.page.page import page  # noqa: PLC0415
    from adaptive_batching.logs.report.text import text  # noqa: PLC0415
    from adaptive_batching.sandbox.cli.landscape.accounts import LOGGED, Logged, accounts  # noqa: PLC0415

    source = into / "logs"
    with closing(Reading(str(source), notes=err)) as reading, reading.open() as logs:
        wish = Wish(Terms(timeouts=played.timeouts))
        found: dict[str, Any] = document(logs, wish, str(source), datetime.now(UTC))
        for line in text(found, logs.zone):
            out.say(line)
        (into / "report.html").write_text(page(found, logs.zone), encoding="utf-8")
        agreed = accounts(played.left, [Logged(*row) for row in logs.connection.execute(LOGGED).fetchall()])
    out.say()
    out.say(f"accounts, after {played.seconds:.0f} s")
    for one in agreed:
        out.say(f"  {one.sentence}")
    if played.refused:
        out.say(f"  not taken: {counted(played.refused, 'session')}")
    if played.late:
        out.say(f"  still on its way: {played.late}")
    out.say()
    out.say("found in the logs" if found["findings"] else "found in the logs: nothing")
    for finding in found["findings"]:
        out.say(f"  {finding['sentence']}")
    out.say()
    out.say(f"page   {into / 'report.html'}")
    for failed in found["traces"]["failures"][:1]:
        out.say(f"next   adaptive-batching logs trace {failed['trace']} {source}")
    kinds = {one["kind"] for one in found["findings"]}
    expected = set() if healthy else {"failing", "slow", "queue"}
    return 0 if all(one.agree for one in agreed) and kinds == expected and not (played.late or played.refused) else 1


landscape = Command(
    "landscape",
    callback=_landscape,
    help=COMMANDS["landscape"][1],
    params=[
        Option(["--healthy"], is_flag=True, help="without the three defects: nothing fails, sleeps or queues"),
        Option(
            ["--seed"],
            type=Number(int, Bounds(0, 2**63)),
            default=1,
            metavar="N",
            help="same seed, same arrivals (default: 1)",
        ),
        Option(["--layer"], type=File(), help=f"the built layer (default: {clone.LAYER})"),
    ],
)
