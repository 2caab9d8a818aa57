package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
)

// The functions here launch the kernels that do not depend on measurements. The head of a kernel's file in
// kernels/ has the equation and the parameters. The kernels of an operator are launched in the operator's
// file.

// combine does dst = a·x + b·y.
func (d *device) combine(dst, x, y driver.Pointer, a, b float64, count int) error {
	return d.launch("combine", driver.Dim{blocks(count, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(dst), driver.Ptr(x), driver.Ptr(y), driver.F64(a), driver.F64(b), driver.U32(count))
}

// entrywise does dst = a·x·y + b·z by multiply_entries, or dst = z + a·x/(√y + b) by divide_entries.
func (d *device) entrywise(kernel string, dst, x, y, z driver.Pointer, a, b float64, count int) error {
	return d.launch(kernel, driver.Dim{blocks(count, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(dst), driver.Ptr(x), driver.Ptr(y), driver.Ptr(z), driver.F64(a), driver.F64(b),
		driver.U32(count))
}

// dotSegment is the number of numbers that one block of dot takes.
const dotSegment = 8192

// dot computes the dot products of the segments of x and y.
func (d *device) dot(sums, x, y driver.Pointer, count int) error {
	return d.launch("dot", driver.Dim{blocks(count, dotSegment), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(x), driver.Ptr(y), driver.Ptr(sums), driver.U32(count))
}

// sumSquares sums 2ρ of each member's count numbers, which lie one member after another.
func (d *device) sumSquares(dst, numbers driver.Pointer, count, members int, l loss) error {
	return d.launch("sum_squares", driver.Dim{members, 1, 1}, driver.Dim{256, 1, 1},
		l.with(driver.Ptr(numbers), driver.Ptr(dst), driver.U32(count), driver.U64(uint64(count)))...)
}

// readSquares sums 2ρ of each member's count numbers, and copies the sums to dst, which has one number for
// each member. sums has room for them on the device.
func (d *device) readSquares(dst []float64, sums, numbers driver.Pointer, count int, all losses) error {
	err := all.each(len(dst), func(first, members int, l loss) error {
		return d.sumSquares(sums+driver.Pointer(8*first), numbers+driver.Pointer(8*first*count), count,
			members, l)
	})
	if err != nil {
		return err
	}
	return d.downloadNumbers(dst, sums)
}

// readDot computes the dot products of the segments of x and y, and copies them to parts, which has one
// number for each segment. sums has room for them on the device.
func (d *device) readDot(parts []float64, sums, x, y driver.Pointer, count int) error {
	if err := d.dot(sums, x, y, count); err != nil {
		return err
	}
	return d.downloadNumbers(parts, sums)
}

// keyOf returns the arguments by which kernels know a stream.
func keyOf(s sensing.Stream) []driver.Arg {
	key, number := s.Key()
	return []driver.Arg{driver.U32(int(key[0])), driver.U32(int(key[1])), driver.U32(int(number))}
}

// blocks is the number of blocks of a size that cover a count.
func blocks(count, size int) int { return (count + size - 1) / size }
