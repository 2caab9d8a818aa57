#include "memory.hpp"

#include <cstdlib>

const Allocation Memory::nothing;

u64 Memory::allocate(u64 size) {
	u8 *host = static_cast<u8 *>(std::aligned_alloc(256, (size + 255) / 256 * 256));
	if (!host) return 0;
	for (u64 i = 0; i + 4 <= size; i += 4) std::memcpy(host + i, &poison, 4);
	for (u64 i = size / 4 * 4; i < size; i++) host[i] = 0xa5;
	Allocation a;
	a.address = next, a.size = size, a.host = host;
	all.push_back(a);
	in_order[next] = &all.back();
	u64 address = next;
	next += (size + 255) / 256 * 256 + 256; // a gap, so that no two allocations touch
	in_use += size;
	return address;
}

bool Memory::free(u64 address) {
	auto at = in_order.find(address);
	if (at == in_order.end()) return false;
	Allocation &a = *at->second;
	std::free(a.host);
	in_use -= a.size;
	freed[a.address + a.size] = &a;
	a.size = 0, a.host = nullptr;
	in_order.erase(at);
	return true;
}

void Memory::clear() {
	while (!in_order.empty()) free(in_order.begin()->first);
}

const Allocation *Memory::find(u64 address, u64 bytes) const {
	auto after = in_order.upper_bound(address);
	if (after == in_order.begin()) return nullptr;
	const Allocation *a = std::prev(after)->second;
	return a->holds(address, bytes) ? a : nullptr;
}

std::string Memory::nearest(u64 address) const {
	auto in_words = [](u64 bytes, const char *rest) { return std::to_string(bytes) + rest; };
	auto gone = freed.upper_bound(address); // by the end
	if (gone != freed.end() && gone->second->address <= address)
		return in_words(address - gone->second->address, " bytes into memory that was freed");
	auto after = in_order.upper_bound(address);
	u64 past = ~0ull, before = ~0ull;
	const Allocation *left = nullptr;
	if (after != in_order.begin()) {
		left = std::prev(after)->second;
		u64 offset = address - left->address;
		if (offset < left->size)
			return in_words(left->size - offset, " bytes before the end of an allocation of ") +
			       in_words(left->size, " bytes");
		past = offset - left->size;
	}
	if (after != in_order.end()) before = after->first - address;
	if (left && past <= before)
		return in_words(past, " bytes past the end of an allocation of ") + in_words(left->size, " bytes");
	if (before != ~0ull)
		return in_words(before, " bytes before an allocation of ") + in_words(after->second->size, " bytes");
	return "nothing is allocated";
}
