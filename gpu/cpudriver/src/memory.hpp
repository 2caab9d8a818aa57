// The memory of a device. Its addresses are its own, never given twice, and in the same order in every run.
#pragma once
#include <deque>
#include <map>

#include "ptx.hpp"

struct Allocation {
	u64 address = 0, size = 0; // size is 0 once it is freed
	u8 *host = nullptr;
	bool holds(u64 at, u64 bytes) const {
		u64 offset = at - address;
		return offset <= size && size - offset >= bytes;
	}
};

class Memory {
public:
	explicit Memory(int device) : next(0x7f0000000000 + (u64(device) << 40)) {}
	Memory(const Memory &) = delete;
	~Memory() { clear(); }
	// allocate returns an address, or 0 where the host has no room.
	u64 allocate(u64 size);
	// free returns whether the address was that of an allocation.
	bool free(u64 address);
	void clear();
	// find returns the allocation that holds the bytes, or null.
	const Allocation *find(u64 address, u64 bytes) const;
	// nearest says in words where an address lies that no allocation holds.
	std::string nearest(u64 address) const;
	u64 taken() const { return in_use; }
	size_t live() const { return in_order.size(); }

	static const Allocation nothing;

private:
	std::deque<Allocation> all; // also freed ones: instructions remember them
	std::map<u64, Allocation *> in_order, freed;
	u64 next, in_use = 0;
};
