package emulator

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// region is a contiguous piece of memory, with the state of each byte: an allocation, or a block's shared
// memory.
type region struct {
	space   space
	base    uint64
	data    []byte
	defined []uint64 // a bit for each byte that has been written
	pending []uint64 // a bit for each byte that a cp.async in flight will write; nil if there can be none
	pages   []*page  // who accessed what; nil where there was no access
}

// space is a state space of memory.
type space byte

const (
	globalSpace space = iota
	sharedSpace
	constSpace
	localSpace
	genericSpace // global, shared or local, according to the address
)

var spaces = map[string]space{
	"global": globalSpace, "shared": sharedSpace, "shared::cta": sharedSpace, "const": constSpace,
	"local": localSpace,
}

// windows are the generic addresses at which state spaces start. Addresses of global and constant memory are
// generic.
var windows = [...]uint64{localSpace: 0x7d0000000000, sharedSpace: 0x7e0000000000}

const windowSize = 1 << 32

// newRegion returns memory that nothing has written.
func newRegion(s space, base uint64, size int) region {
	return region{
		space:   s,
		base:    base,
		data:    make([]byte, size),
		defined: make([]uint64, (size+63)/64),
		pages:   make([]*page, (size+pageSize-1)/pageSize),
	}
}

// holds reports whether all size bytes at an address are in the region.
func (r *region) holds(address uint64, size int) bool {
	at := address - r.base
	return at < uint64(len(r.data)) && uint64(size) <= uint64(len(r.data))-at
}

// run returns the bits of a bitmap for size bytes at an aligned offset: at most 16, which never cross a word.
func run(at, size int) (word int, bits uint64) {
	return at >> 6, (1<<size - 1) << (at & 63)
}

// define marks bytes as written or as unwritten.
func (r *region) define(from, to int, defined bool) {
	for from < to {
		n := min(64-from&63, to-from)
		word, bits := from>>6, uint64(math.MaxUint64)>>(64-n)<<(from&63)
		if defined {
			r.defined[word] |= bits
		} else {
			r.defined[word] &^= bits
		}
		from += n
	}
}

// allWritten reports whether all of some bytes have been written.
func (r *region) allWritten(from, to int) bool {
	for from < to {
		n := min(64-from&63, to-from)
		word, bits := from>>6, uint64(math.MaxUint64)>>(64-n)<<(from&63)
		if bits&^r.defined[word] != 0 {
			return false
		}
		from += n
	}
	return true
}

// written reports whether a byte has been written.
func (r *region) written(at int) bool { return r.defined[at>>6]>>(at&63)&1 != 0 }

// get reads an element of 1, 2, 4 or 8 bytes.
func get(data []byte, at, size int) uint64 {
	switch b := data[at : at+size]; size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	default:
		return binary.LittleEndian.Uint64(b)
	}
}

// put writes an element of 1, 2, 4 or 8 bytes.
func put(data []byte, at, size int, value uint64) {
	switch b := data[at : at+size]; size {
	case 1:
		b[0] = byte(value)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(value))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(value))
	default:
		binary.LittleEndian.PutUint64(b, value)
	}
}

// allocation is memory of the device.
type allocation struct {
	region
	variable bool // a variable of a module, not memory that Alloc returned
}

const (
	firstAddress = 0x7f0000000000
	alignment    = 256
	gap          = 4096 // at least so many bytes lie between two allocations
	mostFreed    = 64   // how many freed allocations the heap remembers, to name them in a fault
)

// heap is the memory of a device. It never uses an address twice, so that an access after Free is found.
type heap struct {
	allocations []*allocation // by address
	recent      *allocation   // the allocation last found
	freed       []remains
	next        uint64
	live        int64 // bytes that Alloc has given out
	module      int64 // bytes of the modules' variables
}

// remains is the former place of a freed allocation.
type remains struct{ base, size uint64 }

// take adds an allocation.
func (h *heap) take(s space, size, align int, variable bool) *allocation {
	if h.next == 0 {
		h.next = firstAddress
	}
	align = max(align, alignment)
	base := (h.next + uint64(align-1)) &^ uint64(align-1)
	a := &allocation{region: newRegion(s, base, size), variable: variable}
	h.next = base + uint64(size) + gap
	h.allocations = append(h.allocations, a)
	if variable {
		h.module += int64(size)
	} else {
		h.live += int64(size)
	}
	return a
}

// search returns the index of the last allocation that starts at or before an address, or −1.
func (h *heap) search(address uint64) int {
	at, found := slices.BinarySearchFunc(h.allocations, address, func(a *allocation, address uint64) int {
		switch {
		case a.base < address:
			return -1
		case a.base > address:
			return 1
		}
		return 0
	})
	if !found {
		at--
	}
	return at
}

// find returns the allocation that contains all size bytes at an address, or nil.
func (h *heap) find(address uint64, size int) *allocation {
	if a := h.recent; a != nil && a.holds(address, size) {
		return a
	}
	if i := h.search(address); i >= 0 && h.allocations[i].holds(address, size) {
		h.recent = h.allocations[i]
		return h.recent
	}
	return nil
}

// free removes an allocation that Alloc made; it returns false if none starts at the address.
func (h *heap) free(address uint64) bool {
	i := h.search(address)
	if i < 0 || h.allocations[i].base != address || h.allocations[i].variable {
		return false
	}
	h.remove(i)
	return true
}

// remove removes the i-th allocation.
func (h *heap) remove(i int) {
	a := h.allocations[i]
	size := int64(len(a.data))
	if a.variable {
		h.module -= size
	} else {
		h.live -= size
	}
	if len(h.freed) == mostFreed {
		h.freed = slices.Delete(h.freed, 0, mostFreed/2)
	}
	h.freed = append(h.freed, remains{a.base, uint64(size)})
	h.allocations = slices.Delete(h.allocations, i, i+1)
	h.recent = nil
}

// describe says what is near an address that lies in no allocation.
func (h *heap) describe(address uint64) string {
	for _, f := range h.freed {
		if address-f.base < f.size {
			return fmt.Sprintf("in an allocation of %d bytes that was freed", f.size)
		}
	}
	i := h.search(address)
	if i >= 0 {
		a := h.allocations[i]
		if address-a.base <= uint64(len(a.data))+gap {
			return fmt.Sprintf("%d bytes from the start of an allocation of %d", address-a.base, len(a.data))
		}
	}
	if i+1 < len(h.allocations) && h.allocations[i+1].base-address <= gap {
		a := h.allocations[i+1]
		return fmt.Sprintf("%d bytes before an allocation of %d", a.base-address, len(a.data))
	}
	return "in no allocation"
}
