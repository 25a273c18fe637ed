"""A root that holds nothing of a system: for what the layer has to run without.

The launcher is a shell script, so a shell is there: one that is linked statically, as /bin/sh, or, where this machine
has none, its own shell with its own libraries in a folder where nothing else would look. There is no /lib and no /usr.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from layer.libraries import LOADER, closure
from tests.layer.conftest import NAME

PRIVATE = f"/opt/{NAME}"
PYTHON = [
    f"{PRIVATE}/lib/{LOADER}",
    *("--inhibit-cache", "--library-path", f"{PRIVATE}/lib"),
    *(f"{PRIVATE}/bin/python3", "-I", "-S", "-B", "-X", "utf8"),
]
SHELL = [f"/shell/{LOADER}", "--inhibit-cache", "--library-path", "/shell", "/shell/sh"]


def chroot(root: Path) -> list[str]:
    """The command that runs another in `root`; skips, and says so, where the kernel does not let us."""
    tried = []
    places = os.environ["PATH"] + ":/usr/sbin:/sbin"  # where it lies is not on everybody's PATH
    program = shutil.which("chroot", path=places) or "chroot"
    unshare = shutil.which("unshare", path=places) or "unshare"
    for command in ([program, str(root)], [unshare, "--user", "--map-root-user", program, str(root)]):
        shell = SHELL if (root / "shell").exists() else ["/bin/sh"]
        ran = subprocess.run([*command, *shell, "-c", ":"], capture_output=True, text=True, check=False, timeout=20)
        if ran.returncode == 0:
            return command
        tried.append(ran.stderr.strip())
    return pytest.skip(f"chroot is forbidden here: {tried}")


def empty_root(root: Path) -> Path:
    """Make it: no layer in it yet."""
    for folder in ("tmp", "proc", "dev", "etc", "shell"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n", encoding="utf-8")
    shell = Path(shutil.which("sh") or "/bin/sh").resolve()
    needed = closure([shell])
    assert needed, f"{shell} is not of glibc"
    for name, path in {**needed, "sh": shell}.items():
        shutil.copyfile(path, root / "shell" / name)
        (root / "shell" / name).chmod(0o755)
    return root


def static_shell(root: Path) -> None:
    """Make a statically linked busybox the /bin/sh of `root`, so that the kernel itself starts the launcher."""
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("no busybox on this machine (Debian: busybox-static)")
    if closure([Path(busybox)]):
        pytest.skip(f"{busybox} is not linked statically (Debian: busybox-static)")
    (root / "bin").mkdir()
    shutil.copyfile(busybox, root / "bin" / "sh")
    (root / "bin" / "sh").chmod(0o755)
    shutil.rmtree(root / "shell")
