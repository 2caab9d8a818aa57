#!/usr/bin/env python3
"""One gradient step of matsense's problem as a user would write it in PyTorch, timed on a GPU or on the CPU.

    python3 bench/torch_step.py                                # n = 200 and n = 1000, m = 10,000, on the first GPU
    python3 bench/torch_step.py --device cpu --n 40 --m 800

f(U) = 1/(4m) Σ (⟨A_i, UUᵀ⟩ − y_i)², with the A_i as one dense array of m × n × n numbers and an n × n factor U. Each line
is the time of a step in milliseconds, its median, least and greatest, and the rate at which A was read, twice a step:

    torch/float32/eager/n=200/m=10000  median_ms  min_ms  max_ms  GB/s

PyTorch's settings are its defaults (no TF32). On a GPU the steps are queued one behind another and timed by events, so that
what the host does between two launches is not counted. What is not measured has a line that begins with "# skipped".
Exit codes: 0 done, 1 failed, 77 if PyTorch or the device is not there.
"""

import argparse
import gc
import statistics
import sys
import time

MU = 0.1
WARM_UP = 3


def step(A, y, U):
    """U − μ ∇f(U), where row i of A is vec(A_i), A_i symmetric: ∇f(U) = 1/m Σ (⟨A_i, UUᵀ⟩ − y_i) A_i U."""
    m, n = len(y), len(U)
    residuals = A @ (U @ U.T).reshape(-1) - y
    G = (A.T @ residuals).reshape(n, n) / m
    return U - MU * (G @ U)


def check(torch, device):
    """The step is what autograd makes of f."""
    n, m = 7, 11
    generator = torch.Generator().manual_seed(1)
    A = torch.randn(m, n, n, generator=generator, dtype=torch.float64)
    A = ((A + A.transpose(1, 2)) / 2).to(device)
    y = torch.randn(m, generator=generator, dtype=torch.float64).to(device)
    U = torch.randn(n, n, generator=generator, dtype=torch.float64).to(device).requires_grad_()
    loss = (torch.einsum("kij,ij->k", A, U @ U.T) - y).square().sum() / (4 * m)
    (gradient,) = torch.autograd.grad(loss, U)
    with torch.no_grad():
        torch.testing.assert_close(step(A.reshape(m, -1), y, U), U - MU * gradient, rtol=1e-10, atol=1e-10)


def data(torch, device, dtype, n, m):
    """A, y and U. Their values do not matter to the time."""
    A = torch.empty(m, n * n, device=device, dtype=dtype)
    rows = max(1, 2**27 // (n * n))  # in pieces of at most 1 GiB, so that making it takes no second A
    for i in range(0, m, rows):
        A[i:i + rows].normal_()
    return A, torch.randn(m, device=device, dtype=dtype), 1e-3 * torch.randn(n, n, device=device, dtype=dtype)


def milliseconds(torch, device, run, repetitions):
    """The time of each repetition."""
    for _ in range(WARM_UP):
        run()
    if device.type == "cpu":
        times = []
        for _ in range(repetitions):
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        return times
    torch.cuda.synchronize()
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(repetitions + 1)]
    marks[0].record()
    for mark in marks[1:]:
        run()
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


def measure(torch, device, dtype, n, m, repetitions, deadline):
    """Both forms of one size and type."""
    type_name = str(dtype).removeprefix("torch.")

    def name(form):
        return f"torch/{type_name}/{form}/n={n}/m={m}"

    size = m * n * n * torch.finfo(dtype).bits // 8
    free = free_memory(torch, device)
    if size > 0.9 * free:
        print(f"# skipped {name('eager')}: A takes {size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free", flush=True)
        return
    if time.monotonic() > deadline:
        print(f"# skipped {name('eager')}: out of time", flush=True)
        return
    A, y, U = data(torch, device, dtype, n, m)
    for form in "eager", "compiled":
        if time.monotonic() > deadline:
            print(f"# skipped {name(form)}: out of time", flush=True)
            continue
        try:
            run = step if form == "eager" else torch.compile(step, dynamic=False)
            times = milliseconds(torch, device, lambda: run(A, y, U), repetitions)
        except Exception as error:  # torch.compile needs a compiler of its own, which may be missing
            if form == "eager":
                raise
            print(f"# skipped {name(form)}: torch.compile: {first_line(error)}", flush=True)
            continue
        median = statistics.median(times)
        print(f"{name(form)}  {median:.4f}  {min(times):.4f}  {max(times):.4f}  {2 * size / median / 1e6:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, cpu (default %(default)s)")
    parser.add_argument("--n", type=int, action="append", help="may be given several times (default 200 and 1000)")
    parser.add_argument("--m", type=int, default=10_000, help="measurements (default %(default)s)")
    parser.add_argument("--repetitions", type=int, default=20, help="timed steps (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no measurement after so many seconds")
    options = parser.parse_args()
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
    check(torch, device)
    with torch.no_grad():
        for n in options.n or [200, 1000]:
            for dtype in torch.float32, torch.float64:
                measure(torch, device, dtype, n, options.m, options.repetitions, deadline)
                gc.collect()
                if device.type == "cuda":
                    torch.cuda.empty_cache()
    return 0


if __name__ == "__main__":
    sys.exit(main())
