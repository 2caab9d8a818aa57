// Package emulator is a device of package driver that needs no GPU: an interpreter of NVIDIA PTX in pure Go. It runs
// the text of a kernel as it ships, and stops with file, line, block and thread where the kernel does what hardware
// would silently get wrong.
//
// # What it runs
//
// Modules of one or more entries, of .version 6.0 and later, for any .target up to the device's capability. Integers of
// 16 to 64 bits, predicates, .f32 and .f64 with every IEEE rounding, conversions among them and to and from bf16;
// global, shared, constant and local memory, and generic addresses; atomics, cp.async, barriers, shuffles and votes.
// Results have the bits that the ISA prescribes. A NaN that arithmetic makes is 0x7fffffff in .f32; in .f64, where the
// ISA leaves its bits open, 0x7ff8000000000000. Whatever else it leaves to the hardware, above all .approx, is not
// there. An instruction, modifier or directive that the device does not know is an error of Load, and so are operands
// that do not fit their instruction's type, and characters beyond ASCII, even in comments.
//
// An instruction without a rounding (add.f32) rounds to nearest and is never contracted, though ptxas might: a kernel
// whose bits matter writes .rn.
//
// # How it runs
//
// Threads have their own program counters, 32 of them make a warp. Of the places where a warp's threads are, the lowest
// in the text is run, by all that are there: structured branches meet again by themselves. Warps of a block take turns;
// a strong load, nanosleep or a barrier gives up the turn. Blocks are run one after another in an order that is not the
// natural one, except in a cooperative launch: there all take turns and may wait for each other. But for %globaltimer
// nothing depends on the host: two runs do the same in the same order.
//
// # What it checks
//
// Every access must be within one live allocation, or the block's shared or the thread's local memory (Bounds), aligned
// to its size, a vector to that of the whole (Misaligned). What is read, registers, memory and the carry flag, must
// have been written (Uninitialized); Alloc's memory has not.
//
// A barrier must be executed by all threads of a warp together that are left, and shuffles, votes and bar.warp.sync by
// all lanes that their member mask names, the executing one among them; a shuffle must read a lane that takes part
// (Divergence). Lanes beyond the last thread of a block may be named. A group that is incomplete waits for as long as
// the others can still come. A block of which all threads wait is a Deadlock: threads that have left never come.
//
// # What orders memory
//
// Two accesses to a byte by two threads, at least one of them a write, need an order between them (Race):
//
//   - Within a block, a barrier orders what its threads did before it and what they do after it; within a warp,
//     bar.warp.sync does the same. Shuffles, votes and being in one warp order nothing.
//   - Strong accesses do not race with each other: atomics, .relaxed, .acquire, .release and .volatile ones. Between
//     blocks they need a scope beyond .cta.
//   - In global memory, what any thread of a block did before a release comes before what any thread of another block
//     does after an acquire, of scope .gpu or .sys, that reads what was released, as the ISA's memory model says. A
//     fence makes a release of the strong writes after it and an acquire of the strong reads before it.
//   - The bytes that a cp.async writes are nobody's, not even its own thread's, until that thread has waited for it.
//     Then they are a plain write of that thread.
//   - What .nc has read, the launch must not have written before.
//
// A byte of global memory remembers nine readers that nothing orders; races with others go unseen. None is invented.
//
// # Limits
//
// Division of an integer by zero is not caught: the quotient has all bits set, the remainder is the dividend, as on
// hardware. Shared memory starts at address 1024. There are no textures, no functions, no matrix instructions, no
// clusters and no mbarriers. Time is the host's: Elapsed says nothing about a GPU, but Traffic does.
package emulator
