// The memory of a device. Its addresses are never reused, and are the same in every run.
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
	// allocate returns an address, or 0 if the host has no memory left.
	u64 allocate(u64 size);
	// free returns whether an allocation starts at the address.
	bool free(u64 address);
	void clear();
	// find returns the allocation that holds the bytes, or null.
	const Allocation *find(u64 address, u64 bytes) const;
	// nearest describes the position of an address that lies in no allocation.
	std::string nearest(u64 address) const;
	u64 taken() const { return in_use; }
	size_t live() const { return in_order.size(); }

	static const Allocation nothing;

private:
	std::deque<Allocation> all; // also freed ones: instructions remember them
	std::map<u64, Allocation *> in_order, freed;
	u64 next, in_use = 0;
};
