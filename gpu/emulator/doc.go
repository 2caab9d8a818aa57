// Package emulator is a device of package driver that needs no GPU: an interpreter of NVIDIA PTX in pure Go.
// It runs the text of a kernel as it ships. If the kernel does something that hardware would silently get
// wrong, the emulator stops and names the file, line, block and thread.
//
// # What it runs
//
// The emulator runs modules of one or more entries, of .version 6.0 and later, for any .target up to the
// device's capability. It knows integers of 16 to 64 bits, predicates, .f32 and .f64 with every IEEE
// rounding, conversions among them and to and from bf16; global, shared, constant and local memory, and
// generic addresses; atomics, cp.async, barriers, shuffles and votes. Results have the bits that the ISA
// prescribes. Arithmetic that results in NaN gives 0x7fffffff in .f32, and 0x7ff8000000000000 in .f64, for
// which the ISA leaves the bits open. Other instructions whose results the ISA leaves to the hardware, above
// all .approx, are missing. Load returns an error for an instruction, modifier or directive that the device
// does not know, for operands that do not fit their instruction's type, and for characters beyond ASCII, even
// in comments.
//
// An instruction without a rounding (add.f32) rounds to nearest and is never contracted, though ptxas might
// contract it. A kernel whose bits matter writes .rn.
//
// # How it runs
//
// Each thread has its own program counter; 32 threads make a warp. If the threads of a warp are at different
// instructions, the warp runs the one that comes first in the text, for all threads that are at it. Threads
// that a structured branch has separated therefore meet again. The warps of a block take turns. A warp's turn
// ends at a strong load, a nanosleep or a barrier. Blocks run one after another, in an order that differs
// from the order of their numbers. In a cooperative launch, all blocks take turns and may wait for each
// other. Only %globaltimer depends on the host: two runs do the same in the same order.
//
// # What it checks
//
// Every access must lie within one live allocation, the block's shared memory or the thread's local memory
// (Bounds). Its address must be a multiple of its size; for a vector, of the size of the whole vector
// (Misaligned). A register, a byte of memory or the carry flag must be written before it is read
// (Uninitialized); the memory that Alloc returns is not written.
//
// All remaining threads of a warp must execute a barrier together. Shuffles, votes and bar.warp.sync must be
// executed together by all lanes that their member mask names, and each executing lane must be among them; a
// shuffle must read a lane that takes part (Divergence). The mask may name lanes beyond the last thread of a
// block. An incomplete group waits as long as the missing threads can still come. If all threads of a block
// wait, the block is in a Deadlock: threads that have left never come.
//
// # What orders memory
//
// If two threads access a byte and at least one of them writes it, something must order the two accesses
// (Race):
//
//   - Within a block, a barrier orders what its threads did before it and what they do after it; within a
//     warp, bar.warp.sync does the same. Shuffles, votes and membership in the same warp order nothing.
//   - Strong accesses (atomics, .relaxed, .acquire, .release and .volatile) do not race with each other.
//     Between blocks they need a scope beyond .cta.
//   - In global memory, a release and an acquire of scope .gpu or .sys order blocks, as the ISA's memory
//     model says: if an acquire in one block reads what a release in another block wrote, everything that any
//     thread of the releasing block did before the release comes before everything that any thread of the
//     acquiring block does after the acquire. A fence makes a release of the strong writes after it and an
//     acquire of the strong reads before it.
//   - No thread may touch the bytes that a cp.async writes until the thread that issued it has waited for it.
//     Afterwards they count as a plain write of that thread.
//   - Memory that .nc reads must not have been written before in the same launch.
//
// For each byte of global memory, the emulator remembers nine readers that nothing orders; it misses races
// with further readers. It never reports a race that does not exist.
//
// # Limits
//
// The emulator does not report division of an integer by zero: the quotient has all bits set and the
// remainder is the dividend, as on hardware. Shared memory starts at address 1024. There are no textures, no
// functions, no matrix instructions, no clusters and no mbarriers. Time is the host's: Elapsed says nothing
// about a GPU, but Traffic does.
package emulator
