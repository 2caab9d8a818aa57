package cpu

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// adviseHugePages asks Linux for huge pages in memory that nothing has been written to yet, so that a pass
// bound by memory waits less for address translation. If Linux refuses, nothing changes.
func adviseHugePages[E any](memory []E) {
	start := unsafe.Pointer(unsafe.SliceData(memory))
	all := unsafe.Slice((*byte)(start), len(memory)*int(unsafe.Sizeof(*new(E))))
	first := int(-uintptr(start) % hugePage)
	if whole := (len(all) - first) / hugePage * hugePage; whole > 0 {
		_ = unix.Madvise(all[first:first+whole], unix.MADV_HUGEPAGE)
	}
}
