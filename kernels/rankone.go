package kernels

import (
	"fmt"
	"strconv"
	"strings"
)

// TileColumns is the number of columns in the tile of a block of rank_one_times and rank_one_accumulate, the
// number at the end of the kernel's name. TileShare is how many of them each of 16 threads has.
func (v variant) TileColumns() (int, error) {
	columns, err := strconv.Atoi(v.Name[strings.LastIndexByte(v.Name, '_')+1:])
	if err != nil {
		return 0, fmt.Errorf("kernels: %s has no number of columns in its name", v.Name)
	}
	return columns, nil
}

func (v variant) TileShare() (int, error) {
	columns, err := v.TileColumns()
	return columns / 16, err
}

// FusedSize is the largest size that a kernel of rank_one_contract takes.
type FusedSize struct {
	Kernel string
	// Slots is how many times 256 numbers of a vector there is room for, and Columns the number of columns.
	// In a rectangular space a_i and b_i each begin with a slot of their own.
	Slots, Columns int
}

// FusedSizes returns the sizes of rank_one_contract for symmetric or rectangular matrices. Of those that have
// room for a problem the first is the fastest.
func FusedSizes(rect bool) []FusedSize {
	if rect { // v and w take more registers
		return []FusedSize{
			{"rank_one_contract_rect_4x1", 4, 1}, {"rank_one_contract_rect_12x1", 12, 1},
			{"rank_one_contract_rect_6x2", 6, 2}, {"rank_one_contract_rect_4x3", 4, 3},
		}
	}
	return []FusedSize{
		{"rank_one_contract_4x1", 4, 1}, {"rank_one_contract_16x1", 16, 1},
		{"rank_one_contract_8x2", 8, 2}, {"rank_one_contract_4x4", 4, 4},
	}
}

// Rect reports whether a kernel of rank_one_contract takes rectangular matrices.
func (v variant) Rect() bool { return strings.Contains(v.Name, "rect") }

// fused reads the numbers at the end of the name of a kernel of rank_one_contract: 4x1 or 8x2.
func (v variant) fused() (slots, columns int, err error) {
	_, err = fmt.Sscanf(v.Name[strings.LastIndexByte(v.Name, '_')+1:], "%dx%d", &slots, &columns)
	return slots, columns, err
}

// FusedSlots is how many numbers of a vector each thread of rank_one_contract has, FusedColumns the number of
// columns. A thread has L and the sums in registers: FusedSlots·FusedColumns numbers of each.
func (v variant) FusedSlots() (int, error) {
	slots, _, err := v.fused()
	return slots, err
}

func (v variant) FusedColumns() (int, error) {
	_, columns, err := v.fused()
	return columns, err
}

// FusedRows is how many vectors a block of rank_one_contract takes at a time: as many as registers have room
// for.
func (v variant) FusedRows() (int, error) {
	slots, columns, err := v.fused()
	return 16 / slots / columns, err
}

// FusedBytes is the size of one of two buffers in shared memory, FusedPart the offset in it of the warps'
// parts of product number of a kind: v is kind 0, w kind 1.
func (v variant) FusedBytes() (int, error) {
	slots, columns, err := v.fused()
	products := 16 / slots / columns * columns
	if v.Rect() {
		products *= 2
	}
	bytes := 8 * (8 + 8*products)
	for bytes&(bytes-1) != 0 { // a power of two, so that one buffer's offset is the other's without a bit
		bytes++
	}
	return bytes, err
}

func (v variant) FusedPart(kind, number int) (int, error) {
	slots, columns, err := v.fused()
	return 8 * (8 + 8*(kind*16/slots/columns*columns+number)), err
}
