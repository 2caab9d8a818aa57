#include "machine.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

// Threads take turns. A turn is a slice of random length, so another thread may run between any two
// instructions. A cooperative launch runs all blocks at once, any other launch a few, in random order. The
// same seed gives the same order.

void meeting(Thread *const lanes[32]); // instructions.cpp
bool aligned_barrier(const Instruction *);

u64 writes;

namespace {

// splitmix64, by Steele, Lea and Flood: "Fast splittable pseudorandom number generators", 2014.
struct Random {
	u64 state;
	u64 next() {
		u64 z = state += 0x9e3779b97f4a7c15;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		return z ^ z >> 31;
	}
	u32 below(u32 n) { return u32((next() >> 32) * n >> 32); }
};

struct Copy {
	u32 to, bytes, read;
	u64 from;
	u32 group;
	const Instruction *at;
};

struct Warp {
	u32 waiting = 0, exited = 0; // lanes
};

struct Machine;

} // namespace

struct Block : SharedMemory {
	Machine *machine;
	u32 id[3];
	std::vector<u8> shared_bytes;
	std::vector<u64> threads; // each a Thread followed by its cells
	size_t stride;            // in u64
	std::vector<u32> ready;   // threads that can run
	std::vector<Warp> warps;
	u32 live, at_barrier;
	std::vector<std::vector<Copy>> copies; // by thread; empty until the first
	Thread &thread(u32 index) { return *reinterpret_cast<Thread *>(&threads[index * stride]); }
};

namespace {

static_assert(sizeof(Thread) % 8 == 0, "cells follow the thread");

struct Machine {
	const Launch &launch;
	Memory &memory;
	Random random;
	u32 block_threads;
	std::vector<std::unique_ptr<Block>> blocks, spare;
	std::vector<u32> order;
	size_t started = 0;
	u64 work = 0, idle = 0;

	Machine(const Launch &l, Memory &m)
		: launch(l), memory(m), random{l.seed * 0x9e3779b97f4a7c15 + l.number} {
		block_threads = l.block[0] * l.block[1] * l.block[2];
		order.resize(size_t(l.grid[0]) * l.grid[1] * l.grid[2]);
		for (size_t i = 0; i < order.size(); i++) order[i] = u32(i);
		for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[random.below(u32(i))]);
	}

	u32 special(const std::string &name, const Block &b, u32 index) const {
		const u32 *size = launch.block, lane = index & 31;
		u32 tid[3] = {index % size[0], index / size[0] % size[1], index / size[0] / size[1]};
		if (name.size() > 2 && name[name.size() - 2] == '.') {
			int axis = name.back() - 'x';
			return name[1] == 't'                    ? tid[axis]
			       : name.compare(0, 4, "%nti") == 0 ? size[axis]
			       : name.compare(0, 4, "%cta") == 0 ? b.id[axis]
			                                         : launch.grid[axis];
		}
		if (name == "%laneid") return lane;
		if (name == "%warpid") return index / 32;
		u32 own = 1u << lane;
		if (name == "%lanemask_eq") return own;
		if (name == "%lanemask_lt") return own - 1;
		if (name == "%lanemask_le") return own | (own - 1);
		if (name == "%lanemask_ge") return ~(own - 1);
		return ~(own | (own - 1)); // gt
	}

	void start(u32 number) {
		std::unique_ptr<Block> b;
		if (spare.empty()) b = std::make_unique<Block>();
		else b = std::move(spare.back()), spare.pop_back();
		const Kernel &k = *launch.kernel;
		b->machine = this;
		b->id[0] = number % launch.grid[0], b->id[1] = number / launch.grid[0] % launch.grid[1];
		b->id[2] = number / launch.grid[0] / launch.grid[1];
		b->size = k.static_shared + launch.dynamic_shared;
		b->shared_bytes.resize(b->size + 4);
		b->bytes = b->shared_bytes.data();
		for (u32 i = 0; i < b->size; i += 4) std::memcpy(b->bytes + i, &poison, 4);
		b->stride = sizeof(Thread) / 8 + k.cells.size();
		b->threads.resize(b->stride * block_threads);
		b->ready.resize(block_threads);
		b->warps.assign((block_threads + 31) / 32, Warp());
		b->live = block_threads, b->at_barrier = 0;
		b->copies.clear();
		std::vector<u64> cells = k.cells;
		for (size_t i = 0; i < launch.arguments.size(); i++)
			cells[k.parameter_cells[i]] = launch.arguments[i];
		if (block_threads % 32) b->warps.back().exited = ~0u << block_threads % 32;
		for (u32 i = 0; i < block_threads; i++) {
			b->ready[i] = i;
			Thread &t = b->thread(i);
			t = Thread{};
			t.at = k.code.data(), t.block = b.get(), t.index = i;
			u64 *own = reinterpret_cast<u64 *>(&t + 1);
			std::copy(cells.begin(), cells.end(), own);
			for (const Special &s : k.specials)
				if (s.name != "dynamic") own[s.cell] = special(s.name, *b, i);
		}
		blocks.push_back(std::move(b));
	}

	// perform does one asynchronous copy.
	void perform(const Thread &t, const Copy &c) {
		u8 *to = place(t, c), bytes[16] = {};
		if (c.read) {
			const Allocation *a = c.at->seen;
			if (!a->holds(c.from, c.read))
				c.at->seen = a = find_global(c.at, t, c.from, c.read, "asynchronous read");
			std::memcpy(bytes, a->host + (c.from - a->address), c.read);
		}
		std::memcpy(to, bytes, c.bytes);
		writes++;
	}
	static u8 *place(const Thread &t, const Copy &c) {
		return c.bytes == 16  ? shared<u64, 2>(c.at, t, c.to, "asynchronous write")
		       : c.bytes == 8 ? shared<u64>(c.at, t, c.to, "asynchronous write")
		                      : shared<u32>(c.at, t, c.to, "asynchronous write");
	}
	void perform_at_random(Thread &t) {
		auto &queue = t.block->copies[t.index];
		while (t.pending && random.below(2)) {
			u32 n = random.below(t.pending);
			perform(t, queue[n]);
			queue.erase(queue.begin() + n);
			t.pending--;
		}
	}

	// slice runs a thread for a while and returns whether it is still ready.
	bool slice(Thread &t) {
		u64 r = random.next();
		static const u32 most[4] = {4, 32, 1024, 1024};
		u32 length = 1 + u32(r >> 32) % most[r & 3], left = length;
		if (__builtin_expect(t.pending && launch.copies == Copies::random, 0)) perform_at_random(t);
		const Instruction *i = t.at;
		do i = i->run(i, t);
		while (i && --left);
		work += length - left + !i;
		if (i) t.at = i;
		return t.state == Thread::ready;
	}

	// settle handles a thread that is no longer ready, by the event for which it waits.
	void settle(Thread &t) {
		Block &b = *t.block;
		Warp &w = b.warps[t.index / 32];
		u32 lane = 1u << (t.index & 31);
		switch (t.state) {
		case Thread::ready: return;
		case Thread::at_warp:
			w.waiting |= lane;
			if (t.mask & w.exited)
				fault(t.at, t, 719, "waits for lanes 0x%x of its warp, which have exited", t.mask & w.exited);
			if ((w.waiting & t.mask) == t.mask) meet_in_warp(t, w);
			return;
		case Thread::at_barrier: b.at_barrier++; break;
		case Thread::exited:
			w.exited |= lane, b.live--;
			for (const Copy &c : b.copies.empty() ? std::vector<Copy>() : b.copies[t.index])
				if (c.read) fault(c.at, t, 719, "the thread exits without waiting for this copy");
			for (u32 k = 0; k < 32; k++)
				if (w.waiting >> k & 1) {
					Thread &other = b.thread(t.index / 32 * 32 + k);
					if (other.mask & lane)
						fault(other.at, other, 719, "waits for lane %u of its warp, which has exited",
						      t.index & 31);
				}
			writes++; // progress
		}
		if (b.live && b.at_barrier == b.live) pass_barrier(b);
	}

	void meet_in_warp(Thread &t, Warp &w) {
		Block &b = *t.block;
		Thread *lanes[32] = {};
		for (u32 k = 0; k < 32; k++)
			if (t.mask >> k & 1) {
				Thread &other = b.thread(t.index / 32 * 32 + k);
				if (other.at != t.at || other.mask != t.mask) {
					if (other.mask >> (t.index & 31) & 1)
						fault(t.at, t, 719,
						      "lanes of a warp wait for each other at different places: "
						      "lane %u at line %u with mask 0x%x, lane %u here with mask 0x%x",
						      k, other.at->line, other.mask, t.index & 31, t.mask);
					return;
				}
				lanes[k] = &other;
			}
		meeting(lanes);
		w.waiting &= ~t.mask;
		for (Thread *lane : lanes)
			if (lane) go_on(*lane);
		writes++;
	}

	void pass_barrier(Block &b) {
		const Thread *first = nullptr;
		for (u32 i = 0; i < block_threads; i++) {
			const Thread &t = b.thread(i);
			if (t.state != Thread::at_barrier) continue;
			if (!first) first = &t;
			if (t.value != first->value)
				fault(t.at, t, 719, "waits at barrier %u while others wait at barrier %u", t.value,
				      first->value);
			if (!aligned_barrier(t.at)) continue;
			for (u32 k = i / 32 * 32; k < std::min(i / 32 * 32 + 32, block_threads); k++) {
				const Thread &other = b.thread(k);
				if (other.state == Thread::exited)
					fault(t.at, t, 719, "divergent barrier: lane %u of its warp has exited without it",
					      k & 31);
				if (other.at != t.at)
					fault(t.at, t, 719, "divergent barrier: lane %u of its warp waits at line %u", k & 31,
					      other.at->line);
			}
		}
		for (u32 i = 0; i < block_threads; i++)
			if (b.thread(i).state == Thread::at_barrier) go_on(b.thread(i));
		b.at_barrier = 0;
		writes++;
	}
	static void go_on(Thread &t) {
		t.at++, t.state = Thread::ready;
		t.block->ready.push_back(t.index);
	}

	[[noreturn]] void deadlock(const char *what) {
		std::map<u32, std::pair<u32, const Thread *>> lines;
		for (auto &b : blocks)
			for (u32 i = 0; i < block_threads; i++)
				if (const Thread &t = b->thread(i); t.state != Thread::exited)
					lines[t.at->line].first++, lines[t.at->line].second = &t;
		std::string list;
		int n = 0;
		for (auto &l : lines)
			if (++n <= 8)
				list += (n > 1 ? ", " : "") + std::to_string(l.second.first) + " at line " +
				        std::to_string(l.first);
		const Thread &one = *lines.begin()->second.second;
		fault(one.at, one, 702, "deadlock: %s; threads wait: %s", what, list.c_str());
	}

	u64 run() {
		// How many blocks run at once.
		size_t most = launch.cooperative ? order.size() : 1 + random.below(4);
		while (started < order.size() || !blocks.empty()) {
			while (blocks.size() < most && started < order.size()) start(order[started++]);
			size_t n = random.below(u32(blocks.size())), tried = 0;
			while (blocks[n]->ready.empty() && tried++ < blocks.size()) n = (n + 1) % blocks.size();
			Block &b = *blocks[n];
			if (b.ready.empty()) deadlock("nobody can go on");
			// A block keeps the processor for some slices, because its threads are in the cache.
			u64 r = random.next();
			u32 stay = r & 3 ? 1 + u32(r >> 32) % 64 : 1;
			for (; stay && !b.ready.empty(); stay--) {
				u32 pick = random.below(u32(b.ready.size())), index = b.ready[pick];
				Thread &t = b.thread(index);
				u64 before_work = work, before_writes = writes;
				if (!slice(t)) {
					b.ready[pick] = b.ready.back(), b.ready.pop_back();
					settle(t);
				}
				idle = writes != before_writes ? 0 : idle + work - before_work + (t.polled ? 200 : 0);
				if (t.polled && r >> 8 & 1) stay = 1;
				t.polled = false;
				if (idle > 2'000'000'000) deadlock("no thread writes, exits or passes a barrier any more");
				if (launch.most_work && work > launch.most_work)
					fault(t.at, t, 702, "the launch takes longer than the watchdog allows, %llu instructions",
					      (unsigned long long)launch.most_work);
			}
			if (!b.live) {
				spare.push_back(std::move(blocks[n]));
				blocks[n] = std::move(blocks.back()), blocks.pop_back();
			}
		}
		return work;
	}
};

std::string text_of(const char *format, va_list arguments) {
	char text[1024];
	vsnprintf(text, sizeof text, format, arguments);
	return text;
}

} // namespace

u64 run(const Launch &launch, Memory &memory) {
	for (const Instruction &i : launch.kernel->code)
		if (i.seen) i.seen = &Memory::nothing; // of an earlier launch, perhaps of another device's memory
	return Machine(launch, memory).run();
}

void fault(const Instruction *i, const Thread &t, int status, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	std::string what = text_of(format, arguments);
	va_end(arguments);
	const Block &b = *t.block;
	const Launch &l = b.machine->launch;
	char text[1536];
	snprintf(text, sizeof text,
	         "cpudriver: %s, PTX line %u: %s; block %u,%u,%u thread %u,%u,%u (launch %llu, seed %llu)",
	         l.kernel->name.c_str(), i->line, what.c_str(), b.id[0], b.id[1], b.id[2], t.index % l.block[0],
	         t.index / l.block[0] % l.block[1], t.index / l.block[0] / l.block[1],
	         (unsigned long long)l.number, (unsigned long long)l.seed);
	throw Fault{status, text};
}

const Allocation *find_global(const Instruction *i, const Thread &t, u64 address, u32 bytes,
                              const char *doing) {
	const Memory &m = t.block->machine->memory;
	if (const Allocation *a = m.find(address, bytes)) return a;
	fault(i, t, 700, "%s of %u bytes at 0x%llx, out of bounds: %s", doing, bytes, (unsigned long long)address,
	      m.nearest(address).c_str());
}

void shared_fault(const Instruction *i, const Thread &t, u32 address, u32 bytes, const char *doing) {
	fault(i, t, 700, "%s of %u bytes at byte %d of the %u bytes of shared memory of a block", doing, bytes,
	      i32(address - shared_base), shared_memory(t).size);
}

void misaligned(const Instruction *i, const Thread &t, u64 address, u32 bytes, const char *doing) {
	fault(i, t, 716, "%s of %u bytes at 0x%llx, which is not aligned", doing, bytes,
	      (unsigned long long)address);
}

void copy_async(const Instruction *i, Thread &t, u32 to, u64 from, u32 bytes, u32 read) {
	Machine &m = *t.block->machine;
	if (read > bytes) fault(i, t, 719, "a copy of %u bytes that reads %u", bytes, read);
	if (from % bytes) misaligned(i, t, from, bytes, "asynchronous read");
	Copy c{to, bytes, read, from, t.groups, i};
	Machine::place(t, c); // checks the bounds now; they are checked again when the copy is performed
	if (read && !i->seen->holds(from, read)) i->seen = find_global(i, t, from, read, "asynchronous read");
	if (m.launch.copies == Copies::early) return m.perform(t, c);
	auto &copies = t.block->copies;
	if (copies.empty()) copies.resize(m.block_threads);
	copies[t.index].push_back(c);
	t.pending++;
}

void wait_copies(const Instruction *, Thread &t, i64 groups_left) {
	if (!t.pending) return;
	Machine &m = *t.block->machine;
	auto &queue = t.block->copies[t.index];
	size_t kept = 0;
	for (const Copy &c : queue)
		if (groups_left < 0 || i64(c.group) < i64(t.groups) - groups_left) m.perform(t, c);
		else queue[kept++] = c;
	queue.resize(kept);
	t.pending = u32(kept);
}
