package gpu

import (
	"encoding/binary"
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// The functions here launch the kernels that do not depend on measurements. The head of a kernel's file in
// kernels/ has the equation and the parameters. The kernels of an operator are launched in the operator's
// file.

// memberBytes is the size of a product's entry in its list of members.
const memberBytes = 32

// product is one member of a launch of lift, pullback, gram or right_multiply.
type product struct {
	a, b driver.Pointer
	cols int
	dst  driver.Pointer
}

// encode writes a list of products as the kernels read it.
func encode(list []product) []byte {
	var out []byte
	for _, p := range list {
		for _, word := range []uint64{uint64(p.a), uint64(p.b), uint64(p.cols), uint64(p.dst)} {
			out = binary.LittleEndian.AppendUint64(out, word)
		}
	}
	return out
}

// combine does dst = a·x + b·y.
func (d *device) combine(dst, x, y driver.Pointer, a, b float64, count int) error {
	return d.launch("combine", driver.Dim{blocks(count, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(dst), driver.Ptr(x), driver.Ptr(y), driver.F64(a), driver.F64(b), driver.U32(count))
}

// dotSegment is the number of numbers that one block of dot takes.
const dotSegment = 8192

// dot computes the dot products of the segments of x and y.
func (d *device) dot(sums, x, y driver.Pointer, count int) error {
	return d.launch("dot", driver.Dim{blocks(count, dotSegment), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(x), driver.Ptr(y), driver.Ptr(sums), driver.U32(count))
}

// gram does dst = XᵀY, d × d from n × d, for each member of a list on the device. cols is the largest d.
func (d *device) gram(list driver.Pointer, n, members, cols int) error {
	tiles := blocks(cols, 16)
	return d.launch("gram", driver.Dim{tiles, tiles, members}, driver.Dim{16, 16, 1},
		driver.Ptr(list), driver.U32(n))
}

// rightMultiply does dst = X·Y, of n × d and d × d, for each member of a list on the device. cols is the
// largest d.
func (d *device) rightMultiply(list driver.Pointer, n, members, cols int) error {
	grid := driver.Dim{blocks(cols, 16), blocks(n, 16), members}
	if grid[1] > mostBlocks {
		return fmt.Errorf("gpu: a product of %d × %d by %d × %d is too large: it can have %d rows",
			n, cols, cols, cols, 16*mostBlocks)
	}
	return d.launch("right_multiply", grid, driver.Dim{16, 16, 1}, driver.Ptr(list), driver.U32(n))
}

// sumSquares sums the squares of each member's count numbers, which lie one member after another.
func (d *device) sumSquares(dst, numbers driver.Pointer, count, members int) error {
	return d.launch("sum_squares", driver.Dim{members, 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(numbers), driver.Ptr(dst), driver.U32(count), driver.U64(uint64(count)))
}

// blocks is the number of blocks of a size that cover a count.
func blocks(count, size int) int { return (count + size - 1) / size }
