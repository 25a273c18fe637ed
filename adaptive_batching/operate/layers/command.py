"""`adaptive-batching publish`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from adaptive_batching.command_line import Command, Mistake, Option, refuse_twice, refusing
from adaptive_batching.operate.layers.names import ARCHITECTURES
from adaptive_batching.operate.options import ACCOUNT, where_options
from adaptive_batching.option_types import REGION, File, Text, refuse_empty

if TYPE_CHECKING:
    from pathlib import Path

    from adaptive_batching.console import Console
    from adaptive_batching.operate.layers.publishing import Grant, Outcome

_WHAT, _WHO = "what", "who may use it"
_ORGANIZATION = Text(r"o-[a-z0-9]{10,32}", "the id of an organization such as o-a1b2c3d4e5")


class _Several(click.ParamType):  # type: ignore[type-arg]  # not a generic class in every version
    """Texts separated by commas, in the order given."""

    name = "list"

    def __init__(self, pattern: str, what: str) -> None:
        self._pattern, self._what = re.compile(pattern), what

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the texts. Raises Mistake for one that is not what is wanted, and for one that is there twice."""
        if isinstance(value, tuple):
            return value
        refuse_empty(value, param, ctx)
        found = tuple(one.strip() for one in value.split(","))
        option = param.opts[0] if param else "the value"
        for one in found:
            if not self._pattern.fullmatch(one):
                raise Mistake(f"{option} {value!r}: {one!r} is not {self._what}", ctx)
        refuse_twice(option, found, ctx)
        return found


def _publish(
    *,
    regions: tuple[str, ...] | None,
    architectures: tuple[str, ...],
    folder: Path | None,
    public: bool,
    organization: str | None,
    accounts: tuple[str, ...],
    dry_run: bool,
    **where: Any,  # noqa: ANN401 - of where_options
) -> int:
    from adaptive_batching import clone  # noqa: PLC0415 - --help must not load slow modules
    from adaptive_batching.console import consoles  # noqa: PLC0415
    from adaptive_batching.operate.aws import Account, AwsError  # noqa: PLC0415
    from adaptive_batching.operate.layers import archive, record  # noqa: PLC0415

    grants = _grants(public=public, organization=organization, accounts=accounts)
    out, err = consoles(quoting=True)
    with refusing(archive.ArchiveError, record.RecordError, AwsError):
        place = folder or clone.dist()
        layers = [archive.find(place, one) for one in architectures]
        written = None if dry_run else place / record.NAME
        rows = record.read(place / record.NAME)
        if written:
            record.prepare(written)
        account = Account(**where)
        outcomes: list[Outcome] = []
        unwritten = ""
        for region in regions or (account.home(),):
            for layer in layers:
                size = f"{len(layer.data) / 1e6:.1f} MB"
                err.say(f"{region} {layer.architecture}: {layer.path}, {size}{_to_do(dry_run)}")
                outcomes.append(_one(account, region, layer, grants, dry_run=dry_run))
                if outcomes[-1].arn and written:  # after each: who interrupts this still knows what there is
                    unwritten = _written(written, rows, outcomes)
        unasked = [one.error for one in outcomes if one.error and one.error.is_unasked]
        if len(unasked) == len(outcomes):
            raise unasked[0]
    code = _conclude(outcomes, None if unwritten else written, out, err)
    if unwritten:
        err.say(f"{unwritten}; the ARNs are in the table alone")
    return 1 if unwritten else code


def _written(path: Path, rows: list[dict[str, Any]], outcomes: list[Outcome]) -> str:
    """Write layers.json. Return why it could not be written, or ""."""
    from adaptive_batching.operate.layers import record  # noqa: PLC0415 - as above

    try:
        record.write(path, rows, outcomes)
    except record.RecordError as error:
        return str(error)
    return ""


def _to_do(dry_run: bool) -> str:  # noqa: FBT001 - one word
    return ", reading what is there" if dry_run else ""


def _one(account: Any, region: str, layer: Any, grants: list[Grant], *, dry_run: bool) -> Outcome:  # noqa: ANN401
    from adaptive_batching.operate.aws import AwsError  # noqa: PLC0415 - as above
    from adaptive_batching.operate.layers.publishing import Outcome, publish  # noqa: PLC0415

    try:
        return publish(account.client("lambda", region), region, layer, grants, dry_run=dry_run)
    except AwsError as error:  # there is no client for it
        return Outcome(region, layer.architecture, error=error)


def _grants(*, public: bool, organization: str | None, accounts: tuple[str, ...]) -> list[Grant]:
    from adaptive_batching.operate.layers import publishing  # noqa: PLC0415 - as above

    if public and (organization or accounts):
        raise Mistake("--public shares the layer with everybody; leave out --organization and --accounts")
    found = [publishing.account(one) for one in accounts]
    if organization:
        found.insert(0, publishing.organization(organization))
    return [publishing.PUBLIC] if public else found


def _conclude(outcomes: list[Outcome], written: Path | None, out: Console, err: Console) -> int:
    from adaptive_batching.console import table  # noqa: PLC0415 - as above

    rows = [[one.region, one.architecture, one.done, ", ".join(one.shared), one.arn] for one in outcomes]
    for line in table(("region", "architecture", "done", "shared with", "ARN"), rows):
        out.say(line)
    failed = [one for one in outcomes if one.error]
    for one in failed:
        err.say(f"{one.region} {one.architecture}: {one.error}")
    if written and any(one.arn for one in outcomes):
        err.say(f"the ARNs are in {written}")
    return 1 if failed else 0


publish = Command(
    "publish",
    callback=_publish,
    help=(
        "Publish the built layer in regions. A version is made only where the newest has another content. "
        "Exit code 1 if a region failed; the others are published."
    ),
    params=[
        Option(
            ["--regions"],
            type=_Several(REGION.pattern, "a region such as eu-west-1"),
            metavar="A,B",
            group=_WHAT,
            help="where to publish (default: the region of the AWS settings)",
        ),
        Option(
            ["--arch", "architectures"],
            type=_Several("|".join(ARCHITECTURES), f"one of {' and '.join(ARCHITECTURES)}"),
            default=",".join(ARCHITECTURES),
            metavar="A,B",
            group=_WHAT,
            help=f"which layers (default: {','.join(ARCHITECTURES)})",
        ),
        Option(
            ["--folder"],
            type=File(),
            group=_WHAT,
            help="where `make layer` wrote them, and where layers.json is written (default: dist)",
        ),
        Option(["--dry-run"], is_flag=True, group=_WHAT, help="print what would be done, and do nothing"),
        Option(["--public"], is_flag=True, group=_WHO, help="every AWS account"),
        Option(
            ["--organization"], type=_ORGANIZATION, metavar="ID", group=_WHO, help="the accounts of an organization"
        ),
        Option(
            ["--accounts"],
            type=_Several(ACCOUNT.pattern, "the number of an account, 12 digits"),
            default=(),
            metavar="N,N",
            group=_WHO,
            help="these accounts (default: your own alone)",
        ),
        *where_options(region=False),
    ],
)
