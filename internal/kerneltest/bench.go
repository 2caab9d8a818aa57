package kerneltest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
)

// bench is a device with the kernel under test.
type bench struct {
	device driver.Device
	kernel driver.Kernel
}

// newBench loads a kernel, or skips the test if the device is too old for it.
func newBench(t *testing.T, d driver.Device, k kernels.Kernel) *bench {
	t.Helper()
	t.Cleanup(func() { noError(t, d.Close()) })
	info, err := d.Info()
	must(t, err)
	if have, need := info.Capability, k.Capability; slices.Compare(have[:], need[:]) < 0 {
		t.Skipf("it needs compute capability %d.%d; %s has %d.%d",
			need[0], need[1], info.Name, have[0], have[1])
	}
	kernel, err := d.Load(k.Name, k.Text)
	must(t, err)
	return &bench{d, kernel}
}

// buffer is an argument that points to a separate allocation.
type buffer struct {
	data   []byte
	output bool
}

// input is a buffer that the kernel must not change.
func input[T number](v []T) *buffer { return &buffer{data: encode(v)} }

// words makes a buffer of u32 that a kernel reads.
func words(v []uint32) *buffer {
	var data []byte
	for _, w := range v {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	return &buffer{data: data}
}

// output is a buffer that begins with v.
func output[T number](v []T) *buffer { return &buffer{encode(v), true} }

// list is an argument that points to entries of u64 words: addresses, ints, uint64s and float64s.
type list [][]any

// offset is a word with an address inside a buffer: that of number at.
type offset struct {
	of *buffer
	at int
}

// launch is one run of the kernel. An argument is a *buffer, list, int, uint64 or float64; nil stands
// for a pointer that must not be used.
type launch struct {
	grid, block driver.Dim
	shared      int
	cooperative bool
	args        []any
}

// line is a grid or a block of one dimension.
func line(n int) driver.Dim { return driver.Dim{n, 1, 1} }

// run runs the kernel once, with new allocations, and stores its output in the buffers. It fails the test
// if the kernel fails or writes to an input.
func (b *bench) run(t *testing.T, l launch) {
	t.Helper()
	taken := map[*buffer]driver.Pointer{}
	defer func() {
		for _, p := range taken {
			noError(t, b.device.Free(p))
		}
		if live := b.device.Live(); live != 0 {
			t.Errorf("%d bytes are live after all was freed", live)
		}
	}()
	take := func(x *buffer) uint64 {
		p, ok := taken[x]
		if !ok {
			var err error
			p, err = b.device.Alloc(int64(len(x.data)))
			must(t, err)
			taken[x] = p
			must(t, b.device.Upload(p, x.data))
		}
		return uint64(p)
	}
	var args []driver.Arg
	for _, a := range l.args {
		switch a := a.(type) {
		case nil:
			args = append(args, driver.Ptr(0))
		case *buffer:
			args = append(args, driver.U64(take(a)))
		case list:
			args = append(args, driver.U64(take(a.resolve(take))))
		case int:
			args = append(args, driver.U32(a))
		case uint64:
			args = append(args, driver.U64(a))
		case float64:
			args = append(args, driver.F64(a))
		default:
			panic(fmt.Sprintf("kerneltest: an argument of type %T", a))
		}
	}
	run := driver.Launch{
		Kernel: b.kernel, Grid: l.grid, Block: l.block, Shared: l.shared, Cooperative: l.cooperative,
		Args: args,
	}
	must(t, b.device.Launch(run))
	must(t, b.device.Wait())
	for x, p := range taken {
		after := make([]byte, len(x.data))
		must(t, b.device.Download(after, p))
		if x.output {
			x.data = after
		} else if !bytes.Equal(after, x.data) {
			t.Errorf("%v wrote to an input", run)
		}
	}
}

// resolve writes the list into a buffer.
func (l list) resolve(take func(*buffer) uint64) *buffer {
	var out buffer
	for _, entry := range l {
		for _, v := range entry {
			var word uint64
			switch v := v.(type) {
			case *buffer:
				word = take(v)
			case offset:
				word = take(v.of) + uint64(8*v.at)
			case int:
				word = uint64(v)
			case uint64:
				word = v
			case float64:
				word = math.Float64bits(v)
			default:
				panic(fmt.Sprintf("kerneltest: a list with a %T", v))
			}
			out.data = binary.LittleEndian.AppendUint64(out.data, word)
		}
	}
	return &out
}

// check compares a buffer with the expected numbers, bit by bit. Any NaN matches an expected NaN; but poison
// matches only poison, because poison is memory that must not have been written.
func check[T number](t *testing.T, what string, b *buffer, want []T) {
	t.Helper()
	got := decode[T](b.data)
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, want %d", what, len(got), len(want))
	}
	var wrong []string
	count := 0
	for i, w := range want {
		g, left := got[i], fromBits[T](poison)
		if bitsOf(g) == bitsOf(w) ||
			g != g && w != w && bitsOf(w) != bitsOf(left) && bitsOf(g) != bitsOf(left) {
			continue
		}
		if count++; count <= 4 {
			wrong = append(wrong, fmt.Sprintf("[%d] is %s, want %s", i, show(g), show(w)))
		}
	}
	if count > 0 {
		t.Errorf("%s: %d of %d numbers are wrong: %s", what, count, len(want), strings.Join(wrong, "; "))
	}
}

// checkAll compares the buffers of members, or of other entries of a list.
func checkAll[T number](t *testing.T, what string, got []*buffer, want [][]T) {
	t.Helper()
	for i := range got {
		check(t, name(what, i), got[i], want[i])
	}
}

// show writes a number and its bits.
func show[T number](v T) string {
	if bitsOf(v) == bitsOf(fromBits[T](poison)) {
		return "poison"
	}
	return fmt.Sprintf("%v (%#x)", v, bitsOf(v))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// name writes a case's sizes as text: name("n", 3, "m", 8) is n=3/m=8.
func name(sizes ...any) string {
	var parts []string
	for i := 0; i < len(sizes); i += 2 {
		parts = append(parts, fmt.Sprintf("%v=%v", sizes[i], sizes[i+1]))
	}
	return strings.Join(parts, "/")
}

// over returns ⌈a/b⌉.
func over(a, b int) int { return (a + b - 1) / b }
