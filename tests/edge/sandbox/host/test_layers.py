"""Layers are merged in their order, and nothing is written outside of the folder that they are merged into."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from adaptive_batching.sandbox.errors import SandboxError
from adaptive_batching.sandbox.host.layers import merge

if TYPE_CHECKING:
    from pathlib import Path


def tree(folder: Path) -> dict[str, str]:
    """Every entry below a folder: the text of a file, `-> target` of a link, "/" for a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = "/" if path.is_dir() else path.read_text()
    return found


def write(folder: Path, entries: dict[str, str]) -> Path:
    folder.mkdir()
    for name, what in entries.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if what.startswith("-> "):
            path.symlink_to(what.removeprefix("-> "))
        elif what == "/":
            path.mkdir(exist_ok=True)
        else:
            path.write_text(what)
    return folder


def test_later_layers_win_and_modes_and_links_are_kept(tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"bin/one": "1", "both": "first", "bin/link": "-> one", "kind": "file"})
    (first / "bin/one").chmod(0o755)
    second = write(tmp_path / "second", {"bin/two": "2", "both": "second", "kind/now": "a folder"})
    merged = merge([first, second], tmp_path / "opt")
    assert tree(merged) == {
        "bin": "/", "bin/link": "-> one", "bin/one": "1", "bin/two": "2", "both": "second", "kind": "/",
        "kind/now": "a folder",
    }  # fmt: skip
    assert os.access(merged / "bin/one", os.X_OK)


def test_a_link_of_an_earlier_layer_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside", {"kept": "as it was"})
    first = write(tmp_path / "first", {"extensions": f"-> {outside}", "file": f"-> {outside}/kept", "up": "-> .."})
    second = write(tmp_path / "second", {"extensions/own": "own", "file": "own", "up/own": "own"})
    merged = merge([first, second], tmp_path / "opt")
    assert tree(outside) == {"kept": "as it was"}
    assert tree(merged) == {"extensions": "/", "extensions/own": "own", "file": "own", "up": "/", "up/own": "own"}


def test_a_layer_that_is_a_link_itself_is_taken(tmp_path: Path) -> None:
    first, second = write(tmp_path / "first", {"a": "1"}), write(tmp_path / "second", {"b": "2"})
    (tmp_path / "link").symlink_to(first)
    assert tree(merge([tmp_path / "link", second], tmp_path / "opt")) == {"a": "1", "b": "2"}
    assert merge([second], tmp_path / "unused") == second


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    first, second = write(tmp_path / "first", {"a": "1"}), tmp_path / "absent"
    with pytest.raises(SandboxError, match=r"the layer .*absent cannot be copied"):
        merge([first, second], tmp_path / "opt")
    os.mkfifo(first / "pipe")  # no file of a zip: left out, and never waited for
    assert tree(merge([first, first], tmp_path / "other")) == {"a": "1"}


def test_random_layers_write_nothing_outside_and_the_last_one_wins(tmp_path: Path) -> None:
    seed = random.randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    outside = write(tmp_path / "outside", {"a": "kept", "b/a": "kept"})
    before = tree(outside)
    for round_ in range(40):
        folder = tmp_path / f"round-{round_}"
        folder.mkdir()
        layers = []
        for number in range(3):
            entries: dict[str, str] = {}
            for _ in range(6):
                name = "/".join(chance.choices("ab", k=chance.randint(1, 3)))
                taken = {name, *(name[:end] for end in range(1, len(name), 2))}
                if taken & set(entries) or any(other.startswith(f"{name}/") for other in entries):
                    continue
                entries[name] = chance.choice(
                    [f"text {number}", f"-> {outside}", f"-> {outside}/a", "-> ..", "-> a", "/"]
                )
            layers.append(write(folder / f"layer-{number}", entries))
        merged = merge(layers, folder / "opt")
        assert tree(outside) == before
        assert {name: what for name, what in tree(merged).items() if name in tree(layers[-1])} == tree(layers[-1])
