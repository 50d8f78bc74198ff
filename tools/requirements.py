"""Prints the requirements of the named extras of pyproject.toml, so that they are written once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib


def main() -> None:
    """Reads the names of the extras from the command line; ``build`` means the build system."""
    root = Path(__file__).resolve().parent.parent
    pyproject: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())
    extras = pyproject["project"]["optional-dependencies"]
    print(*pyproject["project"]["dependencies"], sep="\n")
    for name in sys.argv[1:]:
        print(
            *(pyproject["build-system"]["requires"] if name == "build" else extras[name]), sep="\n"
        )


if __name__ == "__main__":
    main()
