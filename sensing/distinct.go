package sensing

import (
	"math/bits"
	"slices"
)

// distinct returns the first count different numbers below k of a stream, in ascending order. Number i of the
// stream is ⌊w·k/2⁶⁴⌋ for its i-th 64-bit word w, word i mod 2 of row ⌊i/2⌋.
func distinct(s Stream, k uint64, count int) []uint64 {
	var all []uint64
	for next := uint64(0); len(all) < count; {
		fresh := make([]uint64, count-len(all))
		var block [4]uint32
		for i := range fresh {
			half := next % 2
			if i == 0 || half == 0 {
				block = s.Block(next/2, 0)
			}
			fresh[i], _ = bits.Mul64(uint64(block[2*half])|uint64(block[2*half+1])<<32, k)
			next++
		}
		all = union(all, slices.Compact(sortBelow(fresh, k)))
	}
	return all
}

// sortBelow sorts numbers below k and returns them, in the same memory or other. Many numbers are sorted by
// their digits, the least significant one first, in time proportional to their count.
func sortBelow(numbers []uint64, k uint64) []uint64 {
	const digit, few = 11, 1 << 12
	if len(numbers) < few {
		slices.Sort(numbers)
		return numbers
	}
	other := make([]uint64, len(numbers))
	for shift := 0; (k-1)>>shift > 0; shift += digit {
		var next [1 << digit]int // the place of the next number with each digit
		for _, v := range numbers {
			next[v>>shift%(1<<digit)]++
		}
		place := 0
		for d, count := range next {
			next[d] = place
			place += count
		}
		for _, v := range numbers {
			d := v >> shift % (1 << digit)
			other[next[d]] = v
			next[d]++
		}
		numbers, other = other, numbers
	}
	return numbers
}

// union returns the numbers of two lists, each of different numbers in ascending order, as one such list. It
// may be one of the two.
func union(a, b []uint64) []uint64 {
	if len(a) == 0 {
		return b
	}
	all := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		next := min(a[0], b[0])
		all = append(all, next)
		if a[0] == next {
			a = a[1:]
		}
		if b[0] == next {
			b = b[1:]
		}
	}
	return append(append(all, a...), b...)
}
