// Package cpudriver builds a libcuda.so.1 that runs PTX on the CPU. With it on LD_LIBRARY_PATH, what is built with the tag
// cuda runs from end to end, through gorgonia.org/cu and gpu/cuda, on a machine without a GPU:
//
//	eval "$(scripts/cuda-headers)" && eval "$(scripts/cpu-driver)"
//	go test -tags cuda ./gpu/...
//
// # What it checks
//
// It is an interpreter of PTX, written from NVIDIA's "Parallel Thread Execution ISA" alone. It shares nothing with package
// emulator, so a mistake of one is not the other's. It refuses every instruction and form that it does not know.
//
// Threads take turns at random, by a seed, and another thread may come between any two instructions: so a flag that is
// written in two halves is seen half written. Registers, shared memory and new allocations hold NaNs that are also
// impossible indices. cp.async copies as late as the kernel allows, or at once, or at any moment between. These end a
// kernel, lose the device, as on a GPU, and say on standard error where, with the seed:
//
//   - an access outside an allocation, by one byte, or to freed memory; outside a block's shared memory; not aligned
//   - a barrier that a part of a warp reaches; lanes that meet at different places, or wait for one that has exited
//   - threads that all wait for ever
//   - an asynchronous copy that its thread never waits for
//   - a shuffle that reads a lane outside the mask
//
// It knows one order of memory for all threads: a missing fence is not found. It does not look for races in shared memory
// except by their effects, and it counts neither registers nor bytes.
//
// # Settings
//
// Environment variables, which are read each time that they matter; src/settings.hpp has the table with the defaults:
// CPUDRIVER_SEED, COPIES (late, early, random) and LOG for runs; DEVICES, VERSION, CAPABILITY, MULTIPROCESSORS, MEMORY,
// BLOCK_SHARED, COMPUTE_MODE, WATCHDOG and COOPERATIVE_ATTRIBUTE for what the device claims to be; INIT, RETAIN, LAUNCH,
// COOPERATIVE, KERNEL, WATCHDOG_WORK and ALLOCATIONS for what goes wrong; NVML and NVML_FREE for libnvidia-ml.so.1, which
// is built beside it. A number may differ by device: CPUDRIVER_RETAIN=0:46,2:46.
//
// An interpreted launch takes about a thousand times what a GPU takes: grids are small because the device claims four
// multiprocessors. Times that it measures are those of the interpreter.
package cpudriver
