package gpu

import (
	"encoding/binary"
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// lists keeps the lists that kernels read: of members, columns, products of matrices, systems of equations.
// All of them share one place of memory on the device. A list that is there already is not copied again. If a
// list does not fit beside the others, all the others are forgotten. The device works in the order of the
// calls, so a launch still reads the list that was copied last before it.
//
// The draws of a mini-batch (draw.go) have memory of their own, because they are new in each step.
type lists struct {
	at          driver.Pointer
	bytes, used int64
	known       map[string]driver.Pointer // the lists on the device, by their contents
}

const (
	// listRoom is the memory for the lists of products and of systems of equations of a batch of some hundred
	// members. An operator asks for the memory for its own lists.
	listRoom = 256 << 10
	// listAlignment is what the address of a list is a multiple of: a sector of the device's memory.
	listAlignment = 32
)

// listBuffer is the memory for all lists.
func (e *engine) listBuffer() buffer {
	e.lists.bytes = listRoom + e.operator.listBytes()
	if e.needs.Inverses {
		for _, shapes := range e.shapes {
			e.lists.bytes += int64(len(shapes)) * systemBytes
		}
	}
	return buffer{"lists", e.lists.bytes, &e.lists.at}
}

// list returns the address of a list on the device, until the next call of list.
func (d *device) list(data []byte) (driver.Pointer, error) {
	l, size := d.lists, int64(len(data))
	if at, ok := l.known[string(data)]; ok || size == 0 {
		return at, nil
	}
	if size > l.bytes {
		return 0, fmt.Errorf("gpu: a list of %d bytes is too long: there is room for %d", size, l.bytes)
	}
	if l.used+size > l.bytes || l.known == nil {
		l.used, l.known = 0, map[string]driver.Pointer{}
	}
	at := l.at + driver.Pointer(l.used)
	if err := d.Upload(at, data); err != nil {
		return 0, err
	}
	l.used += (size + listAlignment - 1) / listAlignment * listAlignment
	l.known[string(data)] = at
	return at, nil
}

// encode writes a list as kernels read it.
func encode[E interface{ words() []uint64 }](list []E) (data []byte) {
	for _, entry := range list {
		for _, word := range entry.words() {
			data = binary.LittleEndian.AppendUint64(data, word)
		}
	}
	return data
}

// item is an entry of most lists: a member, or a column of a member's matrix. The head of a kernel's file
// says what the kernel reads of it.
type item struct {
	a, b driver.Pointer
	cols int
	dst  driver.Pointer
}

// itemBytes is the size of an item in a list.
const itemBytes = 32

func (i item) words() []uint64 {
	return []uint64{uint64(i.a), uint64(i.b), uint64(i.cols), uint64(i.dst)}
}
