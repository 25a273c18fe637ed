"""Nonsense for every option of every command: one sentence and exit code 2, never a traceback, and nothing is started.

The tree of commands is walked, so a new option is fed as soon as it exists. The words of BASE make each command fail
after all its options were read and before anything starts. NONSENSE_EXAMPLES sets the number of examples; Hypothesis
prints how to replay one that fails, and NONSENSE_SEED draws others.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from adaptive_batching.cli import adaptive_batching, main
from adaptive_batching.option_types import File, Url
from adaptive_batching.sandbox.s3.embedded import NOWHERE, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = int(os.environ.get("NONSENSE_EXAMPLES", "150"))
SEED = int(os.environ.get("NONSENSE_SEED", "0"))
PROCESSES = 6
#: Command -> options and arguments with which it fails last, and the folders that they name.
BASE: dict[str, tuple[list[str], dict[str, str]]] = {
    "load": ([], {"script": "absent"}),
    "smoke": (["--target", "http://127.0.0.1:1", "--timeout", "1"], {}),
    "sandbox mock": ([], {"files": "absent"}),
    "sandbox run": (["--runtime", "provided", "--handler", "nodot"], {"folder": "code"}),
    "sandbox up": (["--port", "0", "--invoke-port", "0"], {"template": "absent.yaml"}),
    "sandbox serve": (["--runtime", "provided", "--handler", "nodot", "--port", "0"], {"folder": "code"}),
    "attach": (["--function", "f", "--bucket", "logs", "--profile", "absent"], {}),
    "cloudwatch off": (["--function", "f", "--profile", "absent"], {}),
    "cloudwatch on": (["--function", "f", "--profile", "absent"], {}),
    "detach": (["--function", "f", "--profile", "absent"], {}),
    "publish": (["--folder", "absent"], {}),
    "policy": (["--kms", "x"], {"bucket": "logs"}),
    "demo": (["--layer", "code"], {}),
    "doctor": (["--template", "absent.yaml"], {}),
    "experiment run": (["--layer", "code", "--folder", "full"], {}),
    "experiment analyze": ([], {"folder": "absent"}),
    "logs fetch": (["--into", "fetched"], {"source": "absent"}),
    "logs invocations": ([], {"source": "absent"}),
    "logs match": ([], {"pattern": "[x]", "files": "absent"}),
    "logs query": ([], {"query": "limit 1", "source": "absent"}),
    "logs report": ([], {"source": "absent"}),
    "logs search": ([], {"source": "absent"}),
    "logs sql": ([], {"statement": "select 1", "source": "absent"}),
    "logs tail": ([], {"source": "absent"}),
    "logs trace": ([], {"id_": "x", "source": "absent"}),
}
#: Options for which an empty text means something: lines that contain nothing, keys without a prefix.
TAKE_NOTHING = {"lose_containing", "layout"}
WORDS = [
    *("", " ", "-", "--", "@", "@-", "@absent", "@.", "@binary", ".", ".."),
    *("/", "~", "code", "full", "text", "binary"),
    *("template.yaml", "broken.yaml", "broken.json", "binary.yaml"),
    *("code.yaml", "absent.yaml", "/dev/null", "/dev/full"),
    *("nan", "inf", "-inf", "1e400", "-1", "0", "-0", "00", "1_000", "١٢"),
    *("0x10", "1e3", "1.5", "9" * 5000, "1" + "0" * 400),
    *("True", "null", "NaN", "{", "{}", "[" * 5000, "[" * 100_000),
    *('"\\ud800"', "A=B", "=", "A=", "=B", "AB=" + "c" * 9000),
    *("AWS_REGION=x", "A B=c", "s3://", "s3://logs", "s3://b/..", "Logs", "192.168.1.1", "a..b", "x", "logs/"),
    *("http://", "http://[", "http://[::1", "http://x:99999", "http://x:y"),
    *("file:///etc/passwd", "http://a b", "http://é"),
    *("arn:aws:lambda", "arn:aws:lambda:x:123456789012:function:f", "list"),
    *(",", ",,,", "s3-503=nan", "s3-503=-1", "s3-503x"),
    *("s3-503x0", "s3-503x99999999999999999999", "s3-503=1e400"),
    *("s3-503=1x²", "late=0.5x2", "hang-dns", "kill-runtimex1"),
    *("2022-07-01", "2022-07-01,", "5-6", "6-5", "-5", "5-", "1e99"),
    *("python3.13", "python9.9", "nodejs", "java21", "a.b"),
    *("\u202e", "\n\n", "\t", "\r", "\x1b[31m", "é" * 300, "a" * 5000),
    *("a/" * 3000, "%s {} {0} {x!r}", "[red]x[/red]"),
    *("\udc80", "a\udcffb", "x y", "日本", "--help", "--version", "-n", "Event", "JSON", "snap-start"),
]  # fmt: skip
NONSENSE = st.one_of(
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40),
    st.text("0123456789.eE+-_xX=,/:@\udc80 ", max_size=12),
    st.integers().map(str),
    st.floats().map(str),
)


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


COMMANDS = dict(leaves(adaptive_batching))


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A command with nonsense for one of its parameters or for several."""
    path = draw(st.sampled_from(sorted(path for path, command in COMMANDS.items() if command.params)))
    options, arguments = BASE.get(path, ([], {}))
    words, given_arguments = list(options), dict(arguments)
    for parameter in draw(st.lists(st.sampled_from(COMMANDS[path].params), min_size=1, max_size=3)):
        if isinstance(parameter, click.Argument):
            given_arguments[str(parameter.name)] = draw(NONSENSE)
            continue
        assert isinstance(parameter, click.Option)
        name = draw(st.sampled_from(parameter.opts))
        if parameter.is_flag:
            words.append(name)
        elif draw(st.booleans()) and name.startswith("--"):
            words.append(f"{name}={draw(NONSENSE)}")
        else:
            words += [name, draw(NONSENSE)]
    tail = ["--", "x"] if path == "experiment run" else []  # refused where --function or --endpoint-url is good
    return path, [*path.split(), *words, *given_arguments.values(), *draw(st.lists(NONSENSE, max_size=1)), *tail]


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to run in, whose files are of no use, and an environment from which nobody reaches AWS."""
    folder = tmp_path_factory.mktemp("nonsense")
    for name in ("code", "full", "code.yaml"):
        (folder / name).mkdir()
    (folder / "full/file").touch()
    (folder / "text").write_text("not json\n")
    for name in ("binary", "binary.yaml"):
        (folder / name).write_bytes(bytes(range(256)))
    (folder / "broken.yaml").write_text("Resources: [a\n")
    (folder / "broken.json").write_text('{"Resources": {"F": 1}}')
    (folder / "template.yaml").write_text(
        "Parameters: {P: {Type: String}}\n"
        "Resources: {F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: code, Runtime: provided}}}\n"
    )
    environ = {**clean_environment(os.environ), "AWS_ENDPOINT_URL": NOWHERE, "AWS_MAX_ATTEMPTS": "1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in set(os.environ) - set(environ):
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        yield folder


def ran(words: list[str]) -> tuple[int, str, str]:
    """Run in this process, as the console script does. Whatever escapes from `main` would be a traceback."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(b"{}"))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return main(words), out.getvalue(), err.getvalue()
    finally:
        sys.stdin = before


def judged(path: str, words: list[str], code: int, out: str, err: str) -> None:
    if path == "logs match" and (code == 1 or out):  # as grep: a good pattern, and files of which some are there
        assert "Traceback" not in err
        return
    if code == 0:  # help, a version or a list, and nothing else
        assert out
        assert any(word.partition("=")[2] == "list" or word in {"list", "--help", "--version", "-h"} for word in words)
        return
    assert (code, out) == (2, "")
    assert err.endswith("\n")
    last = err.splitlines()[-1]
    assert last.startswith(tuple(f"{prefix}: " for prefix in (path, *path.split(), "adaptive-batching")))
    assert len(last) < 1000
    assert all(line.isprintable() for line in err.split("\n"))
    assert "Traceback" not in err


@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(line=command_lines())
def test_nonsense_is_one_sentence_and_nothing_starts(surroundings: Path, line: tuple[str, list[str]]) -> None:
    path, words = line
    before, running = sorted(surroundings.iterdir()), children()
    judged(path, words, *ran(words))
    assert children() <= running  # those of other tests in this process may end meanwhile
    for made in set(surroundings.iterdir()) - set(before):  # a folder for logs is made where nonsense is a good name
        shutil.rmtree(made)


def children() -> set[str]:
    """The processes that this one has started and that still run."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_every_option_is_fed(surroundings: Path) -> None:
    """Each alone, with the words that most types cannot take; an option without a check of its own still fails last."""
    for path, command in COMMANDS.items():
        for parameter in command.params:
            if not isinstance(parameter, click.Option) or parameter.is_flag:
                continue
            options, arguments = BASE.get(path, ([], {}))
            for value in ("", "nan", "\n", "a" * 5000):
                words = [*path.split(), *options, max(parameter.opts, key=len), value, *arguments.values()]
                code, out, err = ran(words)
                judged(path, words, code, out, err)
                if value == "" and parameter.name not in TAKE_NOTHING:
                    assert "is empty" in err or "invalid value" in err or "is not" in err or "is neither" in err, err
    assert surroundings.is_dir()


#: Beginning of the metavar of a repeatable option -> what is the same twice.
TWICE = {
    "NAME=": ("A=1", "A=2"),
    "NAME:": ("X-A: 1", "x-a: 2"),
    "": ("code", "code"),
}
#: Of an option with commas.
TWICE_IN_ONE = {"regions": "eu-west-1,eu-west-1", "architectures": "arm64,arm64", "accounts": "1" * 12 + "," + "1" * 12}


def test_what_is_given_twice_is_refused_wherever_an_option_is_repeatable(surroundings: Path) -> None:
    fed = set()
    for path, command in COMMANDS.items():
        for parameter in command.params:
            if not isinstance(parameter, click.Option) or not (parameter.multiple or parameter.name in TWICE_IN_ONE):
                continue
            option, (options, arguments) = max(parameter.opts, key=len), BASE.get(path, ([], {}))
            kind = next(one for one in TWICE if (parameter.metavar or "").startswith(one))
            once = [TWICE_IN_ONE[parameter.name]] if parameter.name in TWICE_IN_ONE else TWICE[kind]
            given_ = [word for one in once for word in (option, one)]
            code, out, err = ran([*path.split(), *options, *given_, *arguments.values()])
            assert (code, out, "is given twice; give it once" in err) == (2, "", True), (path, option, err)
            fed.add(option)
    assert surroundings.is_dir()
    assert {"--set", "--env", "--parameter", "--function", "--regions", "--header", "--faults"} <= fed


@pytest.mark.parametrize(
    "value",
    [
        "loop",
        "loop/in",
        "/dev/zero",  # which never ends
        pytest.param("locked", marks=pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")),
        pytest.param("locked/in", marks=pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")),
    ],
)
def test_every_path_may_be_out_of_reach(surroundings: Path, value: str) -> None:
    """A link to itself, a device, and a folder that may not be entered."""
    (surroundings / "loop").symlink_to("loop")
    (surroundings / "locked").mkdir(0)
    try:
        for path, command in COMMANDS.items():
            for parameter in command.params:
                if not isinstance(parameter.type, File):
                    continue
                options, arguments = BASE.get(path, ([], {}))
                if isinstance(parameter, click.Option):
                    options = [*options, max(parameter.opts, key=len), value]
                else:
                    arguments = {**arguments, str(parameter.name): value}
                words = [*path.split(), *options, *arguments.values()]
                judged(path, words, *ran(words))
    finally:
        (surroundings / "loop").unlink()
        (surroundings / "locked").rmdir()


@seed(SEED)
@settings(max_examples=PROCESSES, deadline=None, database=None, print_blob=True)
@given(line=command_lines())
def test_nonsense_is_one_sentence_of_a_process_too(line: tuple[str, list[str]], surroundings: Path) -> None:
    path, words = line
    if any(len(word.encode("utf-8", "surrogateescape")) > 100_000 for word in words):
        return  # the kernel takes no such word
    command = [sys.executable, "-m", "adaptive_batching", *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, cwd=surroundings
    )
    judged(path, words, done.returncode, done.stdout.decode(), done.stderr.decode())


#: URLs of webhooks as they are mistyped: without a scheme, with half of one, with another one, cut by a shell.
SECRET = "T0/B0/hush"
MISTYPED = [
    *(f"{one}hooks.slack.com/services/{SECRET}" for one in ("", "//", "https//", "https:/", "https:", "htps://", " ")),
    *("https://hooks.slack.com:port/services/hush", "https:///services/hush", "hooks.slack.com\\services\\hush"),
    *("hooks.example.org?key=hush", "hooks.example.org#hush", "https://hooks.example.org:99999?key=hush"),
    *("name:hush@hooks.example.org", "https://name:hu/hush@hooks.example.org:port/", "hush@hooks.example.org"),
    *("hooks.example.org=hush", "https://hooks.exämple.org/hush", "https://hooks.example.org /hush"),
]
URLS = sorted(
    (name, max(one.opts, key=len))
    for name, command in COMMANDS.items()
    for one in command.params
    if isinstance(one, click.Option) and (isinstance(one.type, Url) or "URL" in (one.metavar or ""))
)


@pytest.mark.parametrize("url", MISTYPED)
@pytest.mark.parametrize("where", URLS, ids=" ".join)
def test_no_more_than_the_host_of_a_mistyped_url_is_printed(
    where: tuple[str, str], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A webhook's path is its secret, and what a command says ends in logs of builds."""
    name, option = where
    arguments = ["x" for one in COMMANDS[name].params if isinstance(one, click.Argument)]
    assert main([*name.split(), option, url, *arguments]) == 2
    out, err = capsys.readouterr()
    assert "hush" not in out + err
    assert option in err  # it is this that is refused
