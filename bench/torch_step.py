#!/usr/bin/env python3
"""Times a gradient step of matsense's problems, as a user would write it in PyTorch, on a GPU or on the CPU.

    python3 bench/torch_step.py                              # rows, n = 200 and n = 1000, on the first GPU
    python3 bench/torch_step.py --batch 1 --batch 8          # and steps of eight factors together
    python3 bench/torch_step.py --ensemble completion --size 20000:1000000:10
    python3 bench/torch_step.py --ensemble rank-one --size 1000:20000:5 --device cpu

torch_ensembles.py beside this file has the steps. First, for small problems in float64, the gradient of each
is compared with the gradient that autograd computes from f, and with NumPy's if NumPy is installed: relative
differences of more than 1e-10 end the program. While it measures, all ways to write a step are compared on
the problem that is timed.

A size is n:m:r, the side of the unknown matrix, the number of measurements and the columns of U. Each line
has the median, least and greatest time of a step in milliseconds, and the rate at which the step reads the
measurements' numbers (rows and rank-one: twice) or gathers numbers of U (completion):

    torch/completion/float32/gather-eager/n=20000/m=1000000/r=10/batch=1  median_ms  min_ms  max_ms  GB/s

PyTorch has its default settings (no TF32). On a GPU the steps are queued one behind another and timed by
events, so the host's work between two launches is not counted. A line "# skipped" says why a step was not
measured. Exit codes: 0 done, 1 failed, 77 if PyTorch or the device is missing.
"""

import argparse
import gc
import statistics
import sys
import time

from torch_ensembles import ENSEMBLES, MU

WARM_UP = 3
CLOSE = {"float64": 1e-10, "float32": 1e-3}  # relative differences of gradients that rounding may cause


def difference(a, b):
    """‖a − b‖/‖b‖."""
    return float((a - b).norm() / b.norm())


def autograd(torch, A, y, U):
    """∇f(U) by autograd, from f alone."""
    U = U.clone().requires_grad_()
    loss = (torch.einsum("kij,ij->k", A, U @ U.T) - y).square().sum() / (4 * len(y))
    return torch.autograd.grad(loss, U)[0]


def by_numpy(np, A, y, U):
    """∇f(U) = 1/m Σ_k (⟨A_k, UUᵀ⟩ − y_k) A_k U."""
    A, y, U = (np.array(x.tolist()) for x in (A, y, U))
    return np.einsum("k,kij->ij", np.einsum("kij,ij->k", A, U @ U.T) - y, A) @ U / len(y)


def check(torch, device, ensemble):
    """Compares the gradients of a small problem. Returns a sentence if one is wrong, else an empty one."""
    try:
        import numpy as np
    except ImportError:
        np = None
        print("# NumPy is not installed: gradients are compared with autograd's alone")
    n, m, r, worst = 7, 19, 3, 0.0
    torch.manual_seed(1)
    data = ENSEMBLES[ensemble](torch, device, torch.float64, n, m)
    A, y = (x.cpu() for x in data.dense(torch))
    for batch in 1, 3:
        U = torch.randn(batch, n, r, device=device, dtype=torch.float64)
        want = [torch.stack([autograd(torch, A, y, u.cpu()) for u in U])]
        if np is not None:
            gradients = [by_numpy(np, A, y, u).tolist() for u in U]
            want.append(torch.tensor(gradients, dtype=torch.float64))
        for form in data.forms:
            with torch.no_grad():
                got = (U - form.unpack(form.step(form.pack(U)))).cpu() / MU
            worst = max([worst, *(difference(got, w) for w in want)])
            if not worst <= CLOSE["float64"]:
                return f"{ensemble} {form.name}: the gradient is wrong by {worst:.1e}"
    others = "autograd" if np is None else "NumPy and autograd"
    print(f"# {ensemble}: gradients agree with {others} to {worst:.0e}", flush=True)
    return ""


def compiled(torch, run):
    """Compiles run anew: after a few versions of a function the compiler silently falls back to eager."""
    torch._dynamo.reset()
    return torch.compile(run, dynamic=False)


def milliseconds(torch, device, step, U, repetitions):
    """The time of each repetition of a step."""
    for _ in range(WARM_UP):
        step(U)
    if device.type == "cpu":
        times = []
        for _ in range(repetitions):
            start = time.perf_counter()
            step(U)
            times.append((time.perf_counter() - start) * 1e3)
        return times
    torch.cuda.synchronize()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(repetitions + 1)]
    marks[0].record()
    for mark in marks[1:]:
        step(U)
        mark.record()
    torch.cuda.synchronize()
    return [a.elapsed_time(b) for a, b in zip(marks, marks[1:])]


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def free_memory(torch, device):
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("MemAvailable:"))


class Wrong(Exception):
    """Two ways to write a step differ."""


class Timer:
    """Measures one ensemble, type and size."""

    def __init__(self, torch, device, dtype, options, size, deadline):
        self.torch, self.device, self.dtype, self.deadline = torch, device, dtype, deadline
        self.ensemble, self.repetitions = options.ensemble, options.repetitions
        self.n, self.m, self.r = size
        self.type = str(dtype).removeprefix("torch.")
        self.well = True  # no step in eager mode failed

    def name(self, form, batch):
        size = f"n={self.n}/m={self.m}/r={self.r}"
        return f"torch/{self.ensemble}/{self.type}/{form}/{size}/batch={batch}"

    def skipped(self, form, batch, reason):
        print(f"# skipped {self.name(form, batch)}: {reason}", flush=True)

    def all(self, batches):
        """Measures every form for each batch."""
        make, width = ENSEMBLES[self.ensemble], self.torch.finfo(self.dtype).bits // 8
        size = make.numbers(self.n, self.m, self.r, 1)[0] * width
        free = free_memory(self.torch, self.device)
        reason = "out of time" if time.monotonic() > self.deadline else ""
        if size > 0.9 * free:
            reason = f"the measurements take {size / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free"
        if reason:
            for batch in batches:
                for name in make.names:
                    self.skipped(name, batch, reason)
            return
        data = make(self.torch, self.device, self.dtype, self.n, self.m)
        for batch in batches:
            U = 1e-3 * self.torch.randn(batch, self.n, self.r, device=self.device, dtype=self.dtype)
            self.reference = None
            _, read = make.numbers(self.n, self.m, self.r, batch)
            for form in data.forms:
                self.measure(form, U, read * width)

    def measure(self, form, U, read):
        """Measures one form, eager and compiled."""
        for mode in ("eager", "compiled") if form.compiles else ("eager",):
            name = "-".join(filter(None, [form.name, mode]))
            if time.monotonic() > self.deadline:
                self.skipped(name, len(U), "out of time")
                continue
            try:
                step = form.step if mode == "eager" else compiled(self.torch, form.step)
                packed = form.pack(U)
                self.compare(name, U - form.unpack(step(packed)))
                times = milliseconds(self.torch, self.device, step, packed, self.repetitions)
            except self.torch.cuda.OutOfMemoryError as error:
                self.skipped(name, len(U), first_line(error))
                continue
            except Wrong:
                raise
            except Exception as error:  # torch.compile needs a compiler, which may be missing
                prefix = "" if mode == "eager" else "torch.compile: "
                self.skipped(name, len(U), prefix + first_line(error))
                self.well = self.well and mode == "compiled"
                continue
            median = statistics.median(times)
            milli = f"{median:.4f}  {min(times):.4f}  {max(times):.4f}"
            print(f"{self.name(name, len(U))}  {milli}  {read / median / 1e6:.1f}", flush=True)

    def compare(self, name, moved):
        """Compares how far a step moved the factors with the first form's step."""
        if self.reference is None:
            self.reference = moved
        off = difference(moved, self.reference)
        if not off <= CLOSE[self.type]:
            raise Wrong(f"{self.name(name, len(moved))}: the step differs from the first form's by {off:.1e}")


def size(text):
    """Parses n:m:r."""
    n, m, r = (int(word) for word in text.split(":"))
    if min(n, m, r) < 1:
        raise ValueError(text)
    return n, m, r


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, cpu (default %(default)s)")
    parser.add_argument("--ensemble", choices=list(ENSEMBLES), default="rows", help="(default %(default)s)")
    parser.add_argument("--size", type=size, action="append", metavar="N:M:R",
                        help="matrices, measurements, columns; repeatable "
                             "(default 200:10000:200 and 1000:10000:1000)")
    parser.add_argument("--batch", type=int, action="append",
                        help="factors that step together; repeatable (default 1)")
    parser.add_argument("--repetitions", type=int, default=20, help="timed steps (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"),
                        help="begin no measurement after this many seconds")
    options = parser.parse_args()
    sizes = options.size or [(200, 10_000, 200), (1000, 10_000, 1000)]
    if options.ensemble == "completion":
        for n, m, _ in sizes:
            most = n * (n + 1) // 2
            if m > most:
                parser.error(f"a symmetric {n} × {n} matrix has {most} different entries, not {m}")
    deadline = time.monotonic() + options.seconds

    try:
        import torch
    except ImportError:
        print("PyTorch is not installed")
        return 77
    device = torch.device(options.device)
    where = f"the CPU, {torch.get_num_threads()} threads"
    if device.type == "cuda":
        if not torch.cuda.is_available():
            print(f"PyTorch {torch.__version__} finds no GPU")
            return 77
        device = torch.device("cuda", device.index or 0)
        torch.cuda.set_device(device)
        where = f"CUDA {torch.version.cuda}, {torch.cuda.get_device_name(device)}"
    print(f"# PyTorch {torch.__version__}, {where}", flush=True)
    if wrong := check(torch, device, options.ensemble):
        print(wrong)
        return 1
    well = True
    with torch.no_grad():
        for n_m_r in sizes:
            for dtype in torch.float32, torch.float64:
                timer = Timer(torch, device, dtype, options, n_m_r, deadline)
                try:
                    timer.all(options.batch or [1])
                except Wrong as wrong:
                    print(wrong)
                    return 1
                well = well and timer.well
                gc.collect()
                if device.type == "cuda":
                    torch.cuda.empty_cache()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
