"""The facts that a SAM, CloudFormation or CDK template tells about its functions. Opens no connection."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adaptive_batching import settings
from adaptive_batching.operate import variables
from adaptive_batching.operate.doctor import asks, policy
from adaptive_batching.operate.doctor.facts import Decision, Facts, Function, Layer, Unknown
from adaptive_batching.operate.doctor.reading import roles, stored
from adaptive_batching.operate.doctor.reading.function import named_architectures
from adaptive_batching.operate.doctor.reading.values import (
    ACCOUNT,
    DEPLOYED,
    REGION,
    architecture,
    mapping,
    number,
    settings_of,
    unknown,
    without_value,
)
from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.template.file import shown, text, word
from adaptive_batching.sandbox.template.whole import Unresolved, WholeTemplate, is_resolved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOTDEPLOYED = Unknown("only AWS knows", mend=DEPLOYED)
_LAYERS = {"AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion"}
_FILTER = "AWS::Logs::MetricFilter"
#: What a variable may be in a template, as CloudFormation makes a text of it.
_SCALARS = (str, int, float, bool, dt.date)


def read(path: Path, parameters: Mapping[str, str], wanted: str | None) -> list[tuple[str, Facts | Unknown]]:
    """Return logical id and facts of each function, or of the one that is wanted.

    Unknown is one that cannot be read as it stands in the template. Raises SandboxError if none can.
    """
    template = WholeTemplate(path, parameters)
    stored.tell_keys(template)
    names = template.functions()
    if not names:
        raise SandboxError(f"{path} has no function whose condition holds")
    if wanted is not None and wanted not in names:
        raise SandboxError(f"{path} has the functions {', '.join(names)}; {wanted!r} is none of them")
    found: list[tuple[str, Facts | Unknown]] = []
    refused: list[SandboxError] = []
    for name in names if wanted is None else [wanted]:
        try:
            found.append((name, _Reading(template, name).facts()))
        except SandboxError as error:
            refused.append(error)
            found.append((name, unknown(template.unresolved(error))))
    if len(refused) == len(found):
        raise refused[0]
    return found


class _Reading:
    """One function of a template."""

    def __init__(self, template: WholeTemplate, logical_id: str) -> None:
        self._template = template
        self._id = logical_id
        self._raw = template.made(logical_id)
        self._known = mapping(template.known(self._raw, logical_id))

    def facts(self) -> Facts:
        """Return what the template tells."""
        function = self._function()
        where = stored.Stored(self._template, self._id, self._raw)
        bucket, key = where.bucket(function), where.key(function)
        role = roles.of(self._template, self._id, self._raw, self._known)
        allows = {one.action: _decision(role, one) for one in asks.all_of(function, bucket, key)}
        group = self._log_group()
        if isinstance(group, Unresolved):
            allows[asks.LOG] = unknown(group, "the log group is not known: ")
        return Facts(
            function,
            bucket,
            allows,
            key,
            Unknown("in a VPC; only AWS knows its routes", mend=DEPLOYED) if self._is_in_a_vpc() else None,
            self._metric_filters(function),
            NOTDEPLOYED,
            NOTDEPLOYED,
        )

    def _is_in_a_vpc(self) -> bool:
        """Return whether the function has, or may have, a subnet: Lambda takes empty lists for none."""
        config = self._known.get("VpcConfig")
        return bool(config.get("SubnetIds")) if isinstance(config, dict) else bool(config)

    def _function(self) -> Function:
        template, known = self._template, self._known
        given = mapping(mapping(known.get("Environment")).get("Variables"))
        plain = {name: text(value) for name, value in given.items() if isinstance(value, _SCALARS)}
        ours = (name for name in given if variables.is_ours(name) or name in variables.ENDPOINTS)
        lacking = {name: without_value(name, given[name]) for name in ours if name not in plain}
        name = template.name(self._id)
        made_up = stored.own_key(template, self._raw, plain)  # which is no id that KMS gives
        others = {key: value for key, value in plain.items() if key not in made_up}
        read = settings_of(others, lacking, name, REGION)
        read = replace(
            read, values={**read.values, **{key.removeprefix(settings.PREFIX): made_up[key] for key in made_up}}
        )
        architectures = known.get("Architectures") or ["x86_64"]
        group = self._log_group()
        return Function(
            name,
            REGION,
            ACCOUNT,
            read,
            number(known.get("Timeout", 3)),
            number(known.get("MemorySize", 128)),
            architecture(architectures),
            image=known.get("PackageType") == "Image",
            layers=tuple(self._layer(one) for one in roles.listed(self._raw.get("Layers"))),
            role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
            log_group=group if isinstance(group, str) and group else f"/aws/lambda/{name}",
            unresolved=lacking,
        )

    def _log_group(self) -> str | Unresolved:
        """Return the log group that the function names, "" if none."""
        value = self._template.part(self._raw, "LoggingConfig", "LogGroup", where=self._id)
        return self._group(value, f"{self._id}.LoggingConfig.LogGroup")

    def _group(self, value: object, where: str) -> str | Unresolved:
        """Return the name of a log group that is named, or that the template makes, "" if there is none."""
        if isinstance(value, Unresolved):
            return value
        if target := self._template.target(value):
            try:
                return self._template.name(target)
            except SandboxError as error:
                return self._template.unresolved(error)
        found = self._template.known(value, where)
        return found if isinstance(found, (str, Unresolved)) else ""

    def _layer(self, value: Any) -> Layer:  # noqa: ANN401 - any YAML
        template = self._template
        target = template.target(value)
        if not target or template.kind(target) not in _LAYERS:
            known = template.known(value, f"{self._id}.Layers")
            if isinstance(known, str):  # an ARN
                return Layer(known, settings.EXTENSION in known, named_architectures(known))
            if isinstance(known, Unresolved):
                return Layer("a layer", unknown(known, "one of its layers is not known: "))
            return Layer("a layer", Unknown(f"one of its layers is {shown(known)}, not an ARN"))
        properties = mapping(template.known(template.of_type(template.kind(target)).get(target, {}), target))
        named = properties.get("LayerName", target)
        name = named if isinstance(named, str) else target
        built = template.folder / ".aws-sam/build" / target
        is_ours: bool | Unknown = settings.EXTENSION in name or (built / "extensions" / settings.EXTENSION).exists()
        if not is_ours and isinstance(named, Unresolved):
            is_ours = unknown(named, f"the name of the layer {target} is not known: ")
        architectures = properties.get("CompatibleArchitectures") or []
        found: tuple[str, ...] | Unknown = (
            tuple(map(word, architectures)) or named_architectures(name)
            if isinstance(architectures, list) and is_resolved(architectures)
            else Unknown(f"only AWS knows the architectures of {target}")
        )
        return Layer(target, is_ours, found, _origin(built))

    def _metric_filters(self, function: Function) -> tuple[str, ...] | Unknown:
        """Return the filters that read the function's log group."""
        groups = {
            name: self._group(one.get("LogGroupName"), name) for name, one in self._template.of_type(_FILTER).items()
        }
        unresolved = [one for one in groups.values() if isinstance(one, Unresolved)]
        found = tuple(name for name, group in groups.items() if group == function.log_group)
        if unresolved and not found:
            return unknown(unresolved[0], "the log group of a metric filter is not known: ")
        return found


def _decision(role: roles.Role, request: policy.Request) -> Decision | Unknown:
    """Return what the role's policies of the template say of a request."""
    answer = policy.said(role.documents, request, has_principals=False)
    if answer.effect == "deny":
        return Decision("deny", f"statement {answer.statement} of the role")
    if answer.effect == "allow" and role.bounded:
        return Unknown(role.bounded)
    if answer.effect == "allow":
        return Decision("allow", answer.statement)
    if role.unknown:
        return role.unknown
    return (
        Unknown("conditions of the role's policies are not known")
        if answer.effect == "unclear"
        else Decision("neither")
    )


def _origin(built: Path) -> str | Unknown:
    """Return where the interpreter of a built layer comes from."""
    file = built / settings.EXTENSION / "layer.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8")).get("origin", ""))
    except (OSError, ValueError, AttributeError):
        return ""
