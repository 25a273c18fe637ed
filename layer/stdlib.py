"""Writes the part of a standard library that the extension and its dependencies import, as bytecode.

Run by the interpreter that goes into the layer (or one of the same version), since bytecode is made for one version:

    python -I -S stdlib.py <standard library> <folder with vendor/ in it> <target> <module that the package imports>...

What is needed is found by following every import statement, not by guessing. Three things it cannot know stand below.
"""

import os
import py_compile
import shutil
import sys
from modulefinder import ModuleFinder
from pathlib import Path

# Imported by the interpreter itself, or by name at run time.
BY_NAME = (
    *("os", "io", "codecs", "site", "traceback", "warnings", "signal", "threading", "linecache"),
    *(f"encodings.{codec}" for codec in ("utf_8", "ascii", "latin_1", "utf_8_sig", "idna", "punycode")),
    *(f"encodings.{codec}" for codec in ("utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be")),
    *("encodings.unicode_escape", "encodings.raw_unicode_escape", "encodings.cp437"),
)
# Reached through the developer's side of modules we need (`python -m pickle` runs doctest), and what hangs on it.
DEVELOPERS = (
    *("test", "unittest", "doctest", "pdb", "bdb", "pydoc", "pydoc_data", "_pyrepl", "rlcompleter", "code", "codeop"),
    *("readline", "curses", "tkinter", "_tkinter", "turtle", "idlelib", "ensurepip", "webbrowser", "xmlrpc"),
    *("_testcapi", "_testinternalcapi", "_testlimitedcapi", "distutils", "lib2to3", "pip", "setuptools"),
)
# Pieces of libraries for uses that the extension has not: event loops, foreign functions (dateutil on Windows), and the
# slow twins of modules that exist in C.
UNUSED = ("asyncio", "ctypes", "_pydecimal", "_pydatetime", "sqlite3")


def main() -> None:
    """Find, compile and copy."""
    library, private, target, *imported = sys.argv[1:]
    for file in sorted(needed(library, private, imported)):
        write(file, Path(library), Path(target))


def needed(library: str, private: str, imported: "list[str]") -> "set[str]":
    """Return the file of each module of the standard library that is reached."""
    path = [private, f"{private}/vendor", library, f"{library}/lib-dynload"]
    finder = ModuleFinder(path=path, excludes=[*DEVELOPERS, *UNUSED])
    for name in (*BY_NAME, *imported, *modules_of(Path(private, "vendor"))):
        try:
            finder.import_hook(name)
        except (ImportError, SyntaxError):
            # Optional parts of dependencies (for other systems, for packages that are not there). What is needed and
            # missing shows when the tests start the layer in an empty root.
            continue
    files: set[str] = {getattr(module, "__file__", None) or "" for module in finder.modules.values()}
    return {file for file in files if file.startswith(library + os.sep)}


def modules_of(vendor: Path) -> "list[str]":
    """Return every module below `vendor`: dependencies import each other by name at run time (boto3's methods)."""
    names = (path.relative_to(vendor).with_suffix("").as_posix().replace("/", ".") for path in vendor.rglob("*.py"))
    return sorted(name.removesuffix(".__init__") for name in names)


def write(file: str, library: Path, target: Path) -> None:
    """Copy one extension module, or compile one source into `target`, where no source will lie beside it."""
    place = target / Path(file).relative_to(library)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not file.endswith(".py"):
        shutil.copyfile(file, place)
        return
    py_compile.compile(
        file,
        cfile=str(place.with_suffix(".pyc")),
        dfile=f"{library.name}/{place.relative_to(target)}",
        doraise=True,
        optimize=2,  # no docstrings: less to read and to keep
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


if __name__ == "__main__":
    main()
