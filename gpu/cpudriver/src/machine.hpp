// A launch: blocks of threads that take turns in random order, and the checks of their memory accesses.
#pragma once
#include "memory.hpp"
#include "ptx.hpp"

// A failed kernel: the status that the driver returns, and a sentence for the user.
struct Fault {
	int status;
	std::string text;
};

enum class Copies { late, early, random };

struct Launch {
	const Kernel *kernel;
	u32 grid[3], block[3];
	u32 dynamic_shared;
	bool cooperative;
	std::vector<u64> arguments;
	u64 number; // of this launch among the device's
	u64 seed;
	Copies copies;
	u64 most_work; // thread instructions; 0: no limit
};

// run runs a launch to its end and returns how many instructions its threads ran. It throws Fault.
u64 run(const Launch &, Memory &);

// The rest is for instructions.cpp.

[[noreturn]] void fault(const Instruction *, const Thread &, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

// find_global returns the allocation that contains the address, or faults.
const Allocation *find_global(const Instruction *, const Thread &, u64 address, u32 bytes, const char *doing);

// The shared memory of the thread's block.
struct SharedMemory {
	u8 *bytes;
	u32 size;
};
inline SharedMemory &shared_memory(const Thread &t) { return *reinterpret_cast<SharedMemory *>(t.block); }

[[noreturn]] void shared_fault(const Instruction *, const Thread &, u32 address, u32 bytes,
                               const char *doing);
[[noreturn]] void misaligned(const Instruction *, const Thread &, u64 address, u32 bytes, const char *doing);

// The number of writes so far: a launch that no longer writes may be deadlocked.
extern u64 writes;

void copy_async(const Instruction *, Thread &, u32 to, u64 from, u32 bytes, u32 read);
void wait_copies(const Instruction *, Thread &, i64 groups_left); // -1: also copies in no group

// global returns the host address of n·sizeof(T) bytes at a device address.
template <class T, int n = 1>
inline u8 *global(const Instruction *i, const Thread &t, u64 address, const char *doing) {
	constexpr u32 bytes = sizeof(T) * n;
	if (__builtin_expect(address % bytes != 0, 0)) misaligned(i, t, address, bytes, doing);
	const Allocation *a = i->seen;
	if (__builtin_expect(!a->holds(address, bytes), 0))
		i->seen = a = find_global(i, t, address, bytes, doing);
	return a->host + (address - a->address);
}

template <class T, int n = 1>
inline u8 *shared(const Instruction *i, const Thread &t, u32 address, const char *doing) {
	constexpr u32 bytes = sizeof(T) * n;
	if (__builtin_expect(address % bytes != 0, 0)) misaligned(i, t, address, bytes, doing);
	const SharedMemory &s = shared_memory(t);
	u32 at = address - shared_base;
	if (__builtin_expect(at > s.size || s.size - at < bytes, 0)) shared_fault(i, t, address, bytes, doing);
	return s.bytes + at;
}
