"""Publish a layer in a region: a version for each content, and who may use it. What is there already stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from adaptive_batching.operate.aws import AwsError, answers, document, unreadable
from adaptive_batching.operate.layers.names import layer_name
from adaptive_batching.operate.layers.versions import newest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adaptive_batching.operate.layers.archive import Archive

#: What became of a layer in a region.
PUBLISHED, UNCHANGED, SHARED, PLANNED, FAILED = "published", "unchanged", "shared", "would be published", "failed"
WOULD_SHARE = "would be shared"
_ACTION = "lambda:GetLayerVersion"


@dataclass(frozen=True)
class Grant:
    """Who else may use a version. `identity` is the statement's id; `organization` restricts the principal `*`."""

    identity: str
    principal: str
    organization: str = ""


PUBLIC = Grant("public", "*")


def organization(identity: str) -> Grant:
    """Return the grant for the accounts of an organization. Pure."""
    return Grant(f"organization-{identity}", "*", identity)


def account(number: str) -> Grant:
    """Return the grant for one account. Pure."""
    return Grant(f"account-{number}", number)


@dataclass(frozen=True)
class Outcome:
    """What became of one layer in one region. `arn` is "" where there is no version; `shared` are statement ids."""

    region: str
    architecture: str
    done: str = FAILED
    arn: str = ""
    shared: tuple[str, ...] = ()
    error: AwsError | None = None


def publish(client: Any, region: str, archive: Archive, grants: Sequence[Grant], *, dry_run: bool) -> Outcome:  # noqa: ANN401 - boto3's
    """Publish the layer unless the newest version has its content, and grant what is not granted yet.

    Both are read back. An outcome with an error still has the ARN of what was published before.
    """
    outcome = Outcome(region, archive.architecture)
    try:
        newest = _newest(client, layer_name(archive.architecture))
        if newest is None or newest["Content"]["CodeSha256"] != archive.sha256:
            if dry_run:
                return replace(outcome, done=PLANNED, shared=tuple(one.identity for one in grants))
            newest = _publish(client, archive)
            outcome = replace(outcome, done=PUBLISHED)
        outcome = replace(outcome, arn=newest["LayerVersionArn"])
        granted = _granted(client, newest)
        missing = [one for one in grants if one.identity not in granted]
        if not dry_run:
            granted = _grant(client, newest, missing) if missing else granted
        done = PUBLISHED if outcome.done == PUBLISHED else _shared(missing, dry_run=dry_run)
        return replace(outcome, done=done, shared=tuple(granted) + tuple(one.identity for one in missing if dry_run))
    except AwsError as error:
        return replace(outcome, done=FAILED, error=error)


def _shared(missing: Sequence[Grant], *, dry_run: bool) -> str:
    if not missing:
        return UNCHANGED
    return WOULD_SHARE if dry_run else SHARED


def _newest(client: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401 - boto3's
    """Return the newest version of a layer with its hash, or None if there is none."""
    found = newest(client, name)
    return _version(client, name, found["Version"]) if found else None


def _version(client: Any, name: str, number: int) -> dict[str, Any]:  # noqa: ANN401 - boto3's
    with answers():
        found: dict[str, Any] = client.get_layer_version(LayerName=name, VersionNumber=number)
    return found


def _publish(client: Any, archive: Archive) -> dict[str, Any]:  # noqa: ANN401 - boto3's
    name = layer_name(archive.architecture)
    with answers():
        made = client.publish_layer_version(
            LayerName=name,
            Description=archive.description,
            Content={"ZipFile": archive.data},
            CompatibleArchitectures=[archive.architecture],
            LicenseInfo="MIT-0",
        )
    try:
        found = _version(client, name, made["Version"])
    except AwsError as error:
        raise AwsError(f"{made['LayerVersionArn']} was published, but not read back: {error}", error.code) from None
    if found["Content"]["CodeSha256"] != archive.sha256:
        raise AwsError(
            f"{found['LayerVersionArn']} was published, but has another content than the file (CodeSha256 "
            f"{found['Content']['CodeSha256']}, not {archive.sha256}); do not use it"
        )
    return found


def _granted(client: Any, version: dict[str, Any]) -> list[str]:  # noqa: ANN401 - boto3's
    """Return the ids of the statements that allow others to use a version."""
    try:
        with answers():
            answer = client.get_layer_version_policy(LayerName=_name(version), VersionNumber=version["Version"])
    except AwsError as error:
        if error.is_absent:
            return []
        raise
    statements = document(answer["Policy"]).get("Statement")
    if not isinstance(statements, list):
        raise unreadable()
    return [str(one.get("Sid")) for one in statements if isinstance(one, dict)]


def _grant(client: Any, version: dict[str, Any], grants: Sequence[Grant]) -> list[str]:  # noqa: ANN401 - boto3's
    for one in grants:
        more = {"OrganizationId": one.organization} if one.organization else {}
        with answers():
            client.add_layer_version_permission(
                LayerName=_name(version),
                VersionNumber=version["Version"],
                StatementId=one.identity,
                Action=_ACTION,
                Principal=one.principal,
                **more,
            )
    granted = _granted(client, version)
    if missing := [one.identity for one in grants if one.identity not in granted]:
        raise AwsError(f"{version['LayerVersionArn']} is not shared with {', '.join(missing)}, although AWS agreed")
    return granted


def _name(version: dict[str, Any]) -> str:
    return str(version["LayerVersionArn"]).split(":")[6]
