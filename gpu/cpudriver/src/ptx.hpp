// A loaded module: parse.cpp makes it from PTX text, and machine.cpp runs it.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

// Registers, shared memory and new allocations hold this word until they are written. It is a NaN in both
// formats, and an index that is out of bounds everywhere.
constexpr u32 poison = 0xfff7a5a5;
constexpr u64 poison64 = u64(poison) << 32 | poison;

// Shared memory starts here, as on compute capability 9.0, where the first KiB of a block belongs to the
// system.
constexpr u32 shared_base = 1024;

struct Allocation;
struct Block;
struct Instruction;

// A thread of a launch. Its cells follow it in memory, 8 bytes each: registers, constants, parameters,
// special registers.
struct Thread {
	enum State : u8 { ready, at_barrier, at_warp, exited };
	const Instruction *at; // the instruction to run next
	Block *block;
	u32 index; // in the block
	State state;
	bool polled;   // its slice ended because it waits for another thread, or another may wait for it
	bool in_range; // shfl: the predicate
	u8 source;     // shfl: the lane to read from
	u32 value;     // shfl: the value that this lane offers; vote: its predicate; bar: the barrier's number
	u32 mask;      // the lanes that meet at a warp instruction
	u32 groups;    // cp.async: groups committed
	u32 pending;   // cp.async: copies not yet performed
};

// A step runs one instruction and returns the next, or null if the thread's slice ends; then thread.at is
// set.
using Step = const Instruction *(*)(const Instruction *, Thread &);

// One decoded instruction. An operand is the position of a cell, in bytes from the thread.
struct Instruction {
	Step run;
	u32 operand[6];
	i64 offset;                     // of an address; of a branch, in instructions; otherwise an immediate
	mutable const Allocation *seen; // the allocation that it used last
	u32 line;                       // in the PTX text
	u8 detail, detail2;             // further arguments of the step
	bool negated;
};

struct Type {
	char kind; // u, s, b, f, or p for a predicate
	u8 bits;
	bool operator==(Type o) const { return kind == o.kind && bits == o.bits; }
	bool floating() const { return kind == 'f'; }
	u32 bytes() const { return bits / 8u; }
};

// A special register that differs from thread to thread or from block to block, and the index of its cell.
struct Special {
	std::string name;
	u32 cell;
};

struct Kernel {
	std::string name;
	std::vector<u32> parameter_bytes; // in order
	std::vector<u32> parameter_cells;
	std::vector<Instruction> code;
	std::vector<u64> cells; // as a thread starts with them
	std::vector<Special> specials;
	u32 static_shared = 0; // bytes
	u32 register_words = 0;
	u32 most_threads = 1024; // .maxntid or .reqntid
};

struct Module {
	std::map<std::string, std::unique_ptr<Kernel>> kernels;
};

// An error in a text. version means that its .version is newer than the driver.
struct ParseError {
	int line;
	std::string message;
	bool version = false;
};

// parse throws ParseError. isa is the newest known .version, capability the device's: for example 84 and 90.
std::unique_ptr<Module> parse(const char *text, int isa, int capability);

// An operand as written.
struct Operand {
	enum Kind { cell, integer, real, shared, address, vector, pair, label, sink } kind;
	Type type{};      // of a register; of a real constant
	u32 place = 0;    // of a register's cell, or of the register in an address
	u64 value = 0;    // of a constant, or of a variable in shared memory
	bool negated = false;
	bool writable = false;
	bool based = false; // of an address: it has a register
	i64 offset = 0;
	std::vector<Operand> parts;
	std::string text;
};

struct Statement {
	std::vector<std::string> words; // add, rn, f64
	std::vector<Operand> operands;
	int line;
	std::string whole() const;
};

// The kernel being assembled: encode appends instructions.
struct Assembly {
	Kernel &kernel;
	int target; // 80 for sm_80
	std::map<u64, u32> constants;
	u32 cell(u64 start); // makes a cell and returns its position
	u32 constant(u64 value);
};

// encode appends the instruction of a statement, or throws ParseError. The parser itself handles bra.
void encode(Assembly &, const Statement &);
// skip_unless appends an instruction that skips the next one unless the predicate is true (false, if
// negated).
void skip_unless(Assembly &, u32 predicate, bool negated, int line);
// branch appends a branch whose target, Instruction::offset, the parser sets later.
void branch(Assembly &, const u32 *predicate, bool negated, int line);
// stop appends the end of a thread.
void stop(Assembly &, int line);
