#!/usr/bin/env python3
"""Times one gradient step of matsense's problem, as a user would write it in PyTorch, on a GPU or on the CPU.

    python3 bench/torch_step.py                         # n = 200 and n = 1000, m = 10,000, on the first GPU
    python3 bench/torch_step.py --batch 1 --batch 8     # and steps of eight factors that share the A_i
    python3 bench/torch_step.py --device cpu --n 40 --m 800

f(U) = 1/(4m) Σ (⟨A_i, UUᵀ⟩ − y_i)², with the A_i as one dense array of m × n × n numbers and an n × n factor
U. Each line has the median, least and greatest time of a step in milliseconds, and the rate at which the step
read A (a step reads A twice):

    torch/float32/eager/n=200/m=10000/batch=1  median_ms  min_ms  max_ms  GB/s

PyTorch has its default settings (no TF32). On a GPU the steps are queued one behind another and timed by
events, so the host's work between two launches is not counted. A line "# skipped" says why a step was not
measured. Exit codes: 0 done, 1 failed, 77 if PyTorch or the device is missing.
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


def batch_step(A, y, U):
    """The same step of several stacked factors. Each product with A is one matrix product."""
    m, (batch, n, _) = len(y), U.shape
    residuals = A @ (U @ U.transpose(1, 2)).reshape(batch, -1).T - y[:, None]
    G = (A.T @ residuals).T.reshape(batch, n, n) / m
    return U - MU * (G @ U)


def check(torch, device):
    """Checks the steps against the gradient that autograd computes from f."""
    n, m = 7, 11
    generator = torch.Generator().manual_seed(1)
    A = torch.randn(m, n, n, generator=generator, dtype=torch.float64)
    A = ((A + A.transpose(1, 2)) / 2).to(device)
    y = torch.randn(m, generator=generator, dtype=torch.float64).to(device)
    U = torch.randn(n, n, generator=generator, dtype=torch.float64).to(device).requires_grad_()
    loss = (torch.einsum("kij,ij->k", A, U @ U.T) - y).square().sum() / (4 * m)
    (gradient,) = torch.autograd.grad(loss, U)
    with torch.no_grad():
        want = U - MU * gradient
        torch.testing.assert_close(step(A.reshape(m, -1), y, U), want, rtol=1e-10, atol=1e-10)
        stacked = batch_step(A.reshape(m, -1), y, torch.stack([U, 2 * U, U]))
        for got in stacked[0], stacked[2]:
            torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-10)


def data(torch, device, dtype, n, m):
    """A and y. Their values do not affect the time."""
    A = torch.empty(m, n * n, device=device, dtype=dtype)
    rows = max(1, 2**27 // (n * n))  # pieces of at most 1 GiB, so that no second A is needed
    for i in range(0, m, rows):
        A[i:i + rows].normal_()
    return A, torch.randn(m, device=device, dtype=dtype)


def compiled(torch, run):
    """Compiles run anew: after a few versions of a function the compiler silently falls back to eager."""
    torch._dynamo.reset()
    return torch.compile(run, dynamic=False)


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


def measure(torch, device, dtype, n, m, batches, repetitions, deadline):
    """Measures both forms of one size and type, for each batch. False if an eager step that fits fails."""
    type_name = str(dtype).removeprefix("torch.")

    def name(form, batch):
        return f"torch/{type_name}/{form}/n={n}/m={m}/batch={batch}"

    def skipped(form, batch, reason):
        print(f"# skipped {name(form, batch)}: {reason}", flush=True)

    size = m * n * n * torch.finfo(dtype).bits // 8
    free = free_memory(torch, device)
    if size > 0.9 * free or time.monotonic() > deadline:
        reason = "out of time"
        if size > 0.9 * free:
            reason = f"A takes {size / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free"
        for batch in batches:
            for form in "eager", "compiled":
                skipped(form, batch, reason)
        return True
    well = True
    A, y = data(torch, device, dtype, n, m)
    for batch in batches:
        U = 1e-3 * torch.randn(batch, n, n, device=device, dtype=dtype)
        run = batch_step
        if batch == 1:
            U, run = U[0], step
        for form in "eager", "compiled":
            if time.monotonic() > deadline:
                skipped(form, batch, "out of time")
                continue
            try:
                timed = run if form == "eager" else compiled(torch, run)
                times = milliseconds(torch, device, lambda: timed(A, y, U), repetitions)
            except torch.cuda.OutOfMemoryError as error:
                skipped(form, batch, first_line(error))
                continue
            except Exception as error:  # torch.compile needs a compiler, which may be missing
                reason = first_line(error) if form == "eager" else f"torch.compile: {first_line(error)}"
                skipped(form, batch, reason)
                well = well and form == "compiled"
                continue
            median = statistics.median(times)
            rate = 2 * size / median / 1e6
            milli = f"{median:.4f}  {min(times):.4f}  {max(times):.4f}"
            print(f"{name(form, batch)}  {milli}  {rate:.1f}", flush=True)
    return well


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, cpu (default %(default)s)")
    parser.add_argument("--n", type=int, action="append", help="side of U; repeatable (default 200 and 1000)")
    parser.add_argument("--m", type=int, default=10_000, help="measurements (default %(default)s)")
    parser.add_argument("--batch", type=int, action="append",
                        help="factors that step together; repeatable (default 1)")
    parser.add_argument("--repetitions", type=int, default=20, help="timed steps (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"),
                        help="begin no measurement after this many seconds")
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
    well = True
    with torch.no_grad():
        for n in options.n or [200, 1000]:
            for dtype in torch.float32, torch.float64:
                batches = options.batch or [1]
                if not measure(torch, device, dtype, n, options.m, batches, options.repetitions, deadline):
                    well = False
                gc.collect()
                if device.type == "cuda":
                    torch.cuda.empty_cache()
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
