// Package cpudriver builds a libcuda.so.1 that runs PTX on the CPU. With this library on LD_LIBRARY_PATH,
// programs built with the tag cuda run from end to end, through gorgonia.org/cu and gpu/cuda, on a machine
// without a GPU:
//
//	eval "$(scripts/cuda-headers)" && eval "$(scripts/cpu-driver)"
//	go test -tags cuda ./gpu/...
//
// # What it checks
//
// The driver is an interpreter of PTX, written from NVIDIA's "Parallel Thread Execution ISA" alone. It shares
// no code with package emulator, so a mistake in one is not repeated in the other. It refuses every
// instruction and form that it does not know.
//
// Threads take turns in a pseudorandom order that a seed determines, and another thread may run between any
// two instructions. A thread can therefore see a flag half written, if the flag is written in two halves.
// Registers, shared memory and new allocations start with NaNs that are also impossible indices. cp.async
// copies as late as the kernel allows, at once, or at any moment between. Each of the following ends the
// kernel and loses the device, as on a GPU; a message on standard error says where, with the seed:
//
//   - an access outside an allocation, by as little as one byte, or to freed memory; an access outside a
//     block's shared memory; an access that is not aligned
//   - a barrier that only a part of a warp reaches; lanes of a warp that wait for each other at different
//     instructions, or for a lane that has exited
//   - a deadlock: threads that all wait for ever
//   - an asynchronous copy for which its thread never waits
//   - a shuffle that reads a lane outside the mask
//
// A stream that records a graph refuses all calls that would wait for it, and also events.
//
// Some calls wait for a stream: those that say so, copies from and to memory of the host, and any call that
// puts work into a stream that has 1024 tasks. If the stream waits for a lost device, a GPU's driver may wait
// for ever. This one ends the process.
//
// All threads see one order of memory, so the driver does not find a missing fence. It finds races in shared
// memory only by their effects, and counts neither registers nor bytes.
//
// # Settings
//
// Settings are environment variables, read at each use; src/settings.hpp has the table with the defaults.
// CPUDRIVER_SEED, COPIES (late, early, random) and LOG concern runs. DEVICES, VERSION, CAPABILITY,
// MULTIPROCESSORS, MEMORY, BLOCK_SHARED, CLOCK, MEMORY_CLOCK, BUS_WIDTH, COMPUTE_MODE, WATCHDOG and
// COOPERATIVE_ATTRIBUTE say what the device reports. INIT, RETAIN, LAUNCH, COOPERATIVE, CAPTURE, INSTANTIATE,
// REPLAY, KERNEL, KERNEL_AFTER, WATCHDOG_WORK and ALLOCATIONS cause failures. NVML and NVML_FREE concern
// libnvidia-ml.so.1, which is built together with the driver. A number may differ by device:
// CPUDRIVER_RETAIN=0:46,2:46.
//
// An interpreted launch takes about a thousand times as long as on a GPU. Grids are small because the device
// reports four multiprocessors. Measured times are those of the interpreter.
package cpudriver
