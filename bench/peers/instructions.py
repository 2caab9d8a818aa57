"""One instruction set for matsense and its peers, and what each of them says that it uses.

Every library chooses its code when it starts, by variables of the environment. Those that a user's shell sets
are removed, because they would hold one contestant back and not the others.
"""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
import sys

CHOICES = ["auto", "avx2", "avx512"]
CHOOSING = [
    "MATSENSE_SIMD",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "ATEN_CPU_CAPABILITY",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
]
AVX2 = {
    "MATSENSE_SIMD": "avx2",
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NUMBA_CPU_NAME": "haswell",
}
AVX512 = {"MATSENSE_SIMD": "avx512", "OPENBLAS_CORETYPE": "SkylakeX"}
CORES = {"avx2": {"Haswell", "Zen"}, "avx512": {"SkylakeX", "Cooperlake", "SapphireRapids"}}


def has_avx512() -> bool:
    """Says whether the processor has AVX-512, on Linux; elsewhere no."""
    try:
        return "avx512dq" in pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def environment(simd: str, python: str | pathlib.Path, base: dict[str, str]) -> dict[str, str]:
    """An environment in which the contestants use these instructions. Asks the NumPy of that Python for the
    names of its features: they differ from version to version, and unknown ones are refused."""
    chosen = {name: value for name, value in base.items() if name not in CHOOSING}
    if simd == "avx512":
        return {**chosen, **AVX512}
    if simd == "auto":
        return chosen
    ask = "import numpy; print(*numpy.show_config(mode='dicts')['SIMD Extensions']['found'])"
    found = subprocess.run([python, "-c", ask], env=chosen, check=True, capture_output=True, text=True).stdout
    wide = [name for name in found.split() if name.startswith(("AVX512", "X86_V4"))]
    return {**chosen, **AVX2, **({"NPY_DISABLE_CPU_FEATURES": " ".join(wide)} if wide else {})}


def in_use() -> dict[str, str]:
    """What the libraries of this process say that they use."""
    import numpy as np
    import threadpoolctl

    np.ones((2, 2)) @ np.ones((2, 2))
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    names = [f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}" for pool in pools]
    used = {"BLAS": ", ".join(name.strip() for name in names)}
    used["NumPy"] = " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))
    if "torch" in sys.modules:
        used["PyTorch"] = sys.modules["torch"].backends.cpu.get_cpu_capability()
    with contextlib.suppress(ImportError):
        import llvmlite.binding
        import numba

        used["Numba"] = numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    return used


def refusal(simd: str, used: dict[str, str], matsense: str) -> str:
    """The reason why a contestant does not use the instructions that were asked for; empty if all do."""
    if simd == "auto":
        return ""
    if f"simd {simd}" not in matsense:
        return f"matsense says: {matsense}"
    if "openblas" in used["BLAS"] and not CORES[simd] & set(used["BLAS"].split()):
        return f"NumPy's BLAS says: {used['BLAS']}"
    wide = [name for name in used["NumPy"].split() if name.startswith(("AVX512", "X86_V4"))]
    if bool(wide) != (simd == "avx512"):
        return f"NumPy says: {used['NumPy']}"
    if "PyTorch" in used and simd not in used["PyTorch"].lower():
        return f"PyTorch says: {used['PyTorch']}"
    return ""
