package cpu

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestSparseAtTheEnd: no loop reads or writes beyond the end of an array, prefetching included. Every array
// ends where a page that cannot be read begins, or begins where such a page ends.
func TestSparseAtTheEnd(t *testing.T) {
	const size = 1 << 14
	page := unix.Getpagesize()
	var regions [][]byte
	for range 50 { // more than the arrays of a case
		region, err := unix.Mmap(-1, 0, page+size+page, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Munmap(region)
		for _, guard := range [][]byte{region[:page], region[page+size:]} {
			if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
				t.Fatal(err)
			}
		}
		regions = append(regions, region[page:page+size])
	}
	next, atStart := 0, false
	place := func(bytes int) unsafe.Pointer {
		region := regions[next%len(regions)]
		if next++; next%len(regions) == 0 {
			atStart = !atStart
		}
		clear(region)
		if atStart || bytes == 0 {
			return unsafe.Pointer(&region[0])
		}
		return unsafe.Pointer(&region[size-bytes])
	}
	checkSparse(t, func(n int) []float64 { return unsafe.Slice((*float64)(place(8*n)), n) },
		func(n int) []int32 { return unsafe.Slice((*int32)(place(4*n)), n) })
}
