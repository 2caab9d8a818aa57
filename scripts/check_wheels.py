"""Checks the wheels and the source package in a folder: check_wheels.py DIR.

Each wheel has the tag of its platform, one command, which is a program for that platform, the files that
its RECORD lists, with those digests, and the licences. Nothing is installed.
"""

import base64
import csv
import hashlib
import struct
import sys
import tarfile
import zipfile
from pathlib import Path

PLATFORMS = {
    "manylinux_2_17_x86_64": ("matsense", "ELF x86-64 dynamic"),
    "manylinux_2_17_aarch64.musllinux_1_1_aarch64": ("matsense", "ELF arm64 static"),
    "macosx_12_0_x86_64": ("matsense", "Mach-O x86-64 macOS 12.0"),
    "macosx_12_0_arm64": ("matsense", "Mach-O arm64 macOS 12.0"),
    "win_amd64": ("matsense.exe", "PE x86-64"),
}
LIMIT = 100 * 1000 * 1000  # PyPI's for a file


def program(data: bytes) -> str:
    """Say what kind of program a file is, from its headers."""
    if data[:5] == b"\x7fELF\x02":
        machine = {62: "x86-64", 183: "arm64"}[struct.unpack_from("<H", data, 18)[0]]
        (table,) = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        kinds = [struct.unpack_from("<I", data, table + i * size)[0] for i in range(count)]
        return f"ELF {machine} {'dynamic' if 3 in kinds else 'static'}"  # 3: it names a loader
    if data[:4] == b"\xcf\xfa\xed\xfe":
        machine = {0x01000007: "x86-64", 0x0100000C: "arm64"}[struct.unpack_from("<I", data, 4)[0]]
        at = 32
        for _ in range(struct.unpack_from("<I", data, 16)[0]):
            kind, size = struct.unpack_from("<II", data, at)
            if kind == 0x32:  # LC_BUILD_VERSION
                (oldest,) = struct.unpack_from("<I", data, at + 12)
                return f"Mach-O {machine} macOS {oldest >> 16}.{oldest >> 8 & 255}"
            at += size
    if data[:2] == b"MZ":
        (at,) = struct.unpack_from("<I", data, 60)
        if data[at : at + 4] == b"PE\0\0":
            return f"PE { {0x8664: 'x86-64'}[struct.unpack_from('<H', data, at + 4)[0]] }"
    return "no program"


def check_wheel(path: Path) -> None:
    """Check a wheel."""
    assert path.stat().st_size < LIMIT, f"{path.stat().st_size} bytes"
    name, version, python, abi, platform = path.name.removesuffix(".whl").split("-")
    assert (name, python, abi) == ("matsense", "py3", "none"), path.name
    command, kind = PLATFORMS[platform]
    info = f"matsense-{version}.dist-info"
    with zipfile.ZipFile(path) as wheel:
        listed = {row[0]: row[1] for row in csv.reader(wheel.read(f"{info}/RECORD").decode().splitlines())}
        assert sorted(listed) == sorted(wheel.namelist()), "RECORD lists other files"
        for file, digest in listed.items():
            got = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(file)).digest()).rstrip(b"=").decode()
            assert file == f"{info}/RECORD" or digest == f"sha256={got}", f"{file}: RECORD has another digest"
        programs = {f: program(wheel.read(f)) for f in listed if program(wheel.read(f)) != "no program"}
        script = f"matsense-{version}.data/scripts/{command}"
        assert programs == {script: kind}, programs
        assert wheel.getinfo(script).external_attr >> 16 & 0o111 == 0o111, "the command is not executable"
        for file in ("LICENSE", "THIRD-PARTY-LICENCES"):
            assert wheel.read(f"{info}/licenses/{file}"), file
        tags = [line for line in wheel.read(f"{info}/WHEEL").decode().splitlines() if line.startswith("Tag: ")]
        assert sorted(tags) == sorted(f"Tag: py3-none-{p}" for p in platform.split(".")), tags
        assert "matsense/py.typed" in listed


def main() -> None:
    """Check what is in the folder, and that nothing is missing."""
    folder = Path(sys.argv[1])
    wheels = sorted(folder.glob("matsense-*.whl"))
    for wheel in wheels:
        check_wheel(wheel)
    platforms = [w.stem.split("-")[-1] for w in wheels]
    assert sorted(platforms) == sorted(PLATFORMS), platforms
    (source,) = folder.glob("matsense-*.tar.gz")
    with tarfile.open(source) as tar:
        assert all(m.isfile() for m in tar), "a source package has files alone"
    assert len({w.name.split("-")[1] for w in wheels} | {source.name.removesuffix(".tar.gz")[9:]}) == 1
    print(f"{len(wheels)} wheels and the source package are well formed")


if __name__ == "__main__":
    main()
