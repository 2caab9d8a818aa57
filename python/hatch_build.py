"""Builds the command with Go and puts it into the wheel, and the command's source into the source package.

Both have the licences, which a package can only have from its own folder: they are copied there. Their
version and that of the command are one.

The variables of Go choose the target: GOOS, GOARCH, CGO_ENABLED, CC. For Linux, the command is built with
CUDA if there are a C compiler and cuda.h, unless CGO_ENABLED is 0. It starts without a driver. The variable
MATSENSE_WHEEL_PLATFORM is the wheel's platform tag, if the wheel is not for this machine alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface
from packaging.tags import platform_tags
from packaging.version import Version

COMMAND = "./cmd/matsense"
# A package's folder and the files that it embeds, a line each, if the package is of this module.
PACKAGE_FILES = (
    "{{with .Module}}{{if .Main}}{{$.Dir}}\n{{range $.EmbedFiles}}{{$.Dir}}/{{.}}\n{{end}}{{end}}{{end}}"
)
LICENCES = {"LICENSE": "LICENSE", "THIRD-PARTY-LICENCES": "cmd/matsense/licences.txt"}


class CustomMetadataHook(MetadataHookInterface):
    """Gives the version, and brings the licences."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Say the version, and copy the licences; a source package has both."""
        if Path(self.root, "PKG-INFO").is_file():
            return
        source = Path(self.root).parent
        metadata["version"] = version_of(source)
        for name, origin in LICENCES.items():
            shutil.copyfile(source / origin, Path(self.root, name))


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the command to wheels, and its source to source packages."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what the package lacks, in a folder that finalize removes."""
        self.source = Path(self.root, "go")  # in an unpacked source package
        if not self.source.is_dir():
            self.source = Path(self.root).parent
        if shutil.which("go") is None:
            self.app.abort(
                "building matsense from its source needs Go 1.26 or later (https://go.dev/dl), and there is "
                "no command go in PATH"
            )
        self.temporary = tempfile.TemporaryDirectory()
        if self.target_name == "sdist":
            build_data["force_include"] |= source_files(self.source)
            return
        target = go_env(self.source)
        command = Path(self.temporary.name, "matsense" + target["GOEXE"])
        build_command(self.source, command, target, in_go(self.metadata.version))
        build_data["shared_scripts"][str(command)] = command.name
        platform = os.environ.get("MATSENSE_WHEEL_PLATFORM") or next(platform_tags())
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was built."""
        self.temporary.cleanup()


def go_env(source: Path) -> dict[str, str]:
    """Return the target as Go has it. CGO_ENABLED is 1 if there is a C compiler for it."""
    go = ["go", "env", "-json", "GOOS", "GOARCH", "GOEXE", "CGO_ENABLED"]
    target: dict[str, str] = json.loads(subprocess.check_output(go, cwd=source))
    return target


def version_of(source: Path) -> str:
    """Return the version of the tag, or between releases the next one with the revision."""

    def git(*words: str) -> str | None:
        done = subprocess.run(["git", *words], cwd=source, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    upcoming = (source / "cmd/matsense/version.txt").read_text().strip().removeprefix("v") + ".dev0"
    if shutil.which("git") is None or git("rev-parse", "--show-cdup") != "":  # "": the top of a repository
        return upcoming
    modified = git("status", "--porcelain")
    tag = git("describe", "--tags", "--exact-match", "--match=v*")
    if tag and not modified:
        return tag.removeprefix("v")
    return f"{upcoming}+g{git('rev-parse', '--short=12', 'HEAD')}{'.dirty' if modified else ''}"


def in_go(version: str) -> str:
    """Return a version of Python as the command tells it: v0.1.0-devel+1a2b3c for 0.1.0.dev0+g1a2b3c."""
    parts = Version(version)
    text = f"v{parts.base_version}"
    if parts.is_devrelease:
        text += "-devel"
    elif parts.pre:
        text += "-{}.{}".format(*parts.pre)
    return text + (f"+{parts.local.removeprefix('g')}" if parts.local else "")


def build_command(source: Path, command: Path, target: dict[str, str], version: str) -> None:
    """Build the command, with CUDA if that is possible."""
    link = f"-ldflags=-s -w -buildid= -X main.release={version}"
    go = ["go", "build", "-trimpath", link, "-o", str(command)]
    if target["CGO_ENABLED"] == "1" and target["GOOS"] == "linux" and target["GOARCH"] in ("amd64", "arm64"):
        headers = subprocess.run(["scripts/cuda-headers"], cwd=source, stdout=subprocess.PIPE)
        if headers.returncode == 0:
            script = headers.stdout.decode() + 'exec "$@"'
            subprocess.check_call(["bash", "-c", script, "bash", *go, "-tags=cuda", COMMAND], cwd=source)
            return
        print("matsense is built without CUDA, because there is no cuda.h")
    subprocess.check_call([*go, COMMAND], cwd=source, env=os.environ | {"CGO_ENABLED": "0"})


def source_files(source: Path) -> dict[str, str]:
    """Return the files that building the command needs, and their places in the source package."""
    files = {source / name for name in ("go.mod", "go.sum", "scripts/cuda-headers", "scripts/fetch-wheel")}
    for system in ("linux", "darwin", "windows"):
        env = os.environ | {"GOOS": system, "GOARCH": "amd64", "CGO_ENABLED": str(int(system == "linux"))}
        go = ["go", "list", "-deps", "-f", PACKAGE_FILES, COMMAND]
        if system == "linux":
            go.insert(2, "-tags=cuda")
        lines = subprocess.check_output(go, cwd=source, env=env, text=True).splitlines()
        for path in (Path(line) for line in lines if line):
            found = path.iterdir() if path.is_dir() else [path]
            files |= {f for f in found if f.is_file() and not f.name.endswith("_test.go")}
    return {str(f): str(Path("go", f.relative_to(source))) for f in files}
