package emulator_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// The tests of this package rely on the PTX ISA and on package driver's documentation, not on how the
// emulator is made. They compute the result of an instruction again with integers of any size; if the ISA
// leaves a result open, they accept any.

// head opens every module of these tests.
const head = `.version 7.8
.target sm_90
.address_size 64
`

// entry returns a module with one kernel, with registers of every kind declared.
func entry(name, params, body string) string {
	return head + ".visible .entry " + name + "(" + params + ")\n{" + `
	.reg .pred %p<10>;
	.reg .b16 %h<10>;
	.reg .b32 %r<20>;
	.reg .b64 %d<20>;
	.reg .f32 %f<10>;
	.reg .f64 %g<10>;
` + body + "\n\tret;\n}\n"
}

// open returns a device that the end of the test closes.
func open(t testing.TB, c emulator.Config) *emulator.Device {
	t.Helper()
	d := emulator.New(c)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

// load loads a kernel.
func load(t testing.TB, d driver.Device, name, ptx string) driver.Kernel {
	t.Helper()
	k, err := d.Load(name, ptx)
	if err != nil {
		t.Fatalf("%v\n%s", err, numbered(ptx))
	}
	return k
}

// numbered returns a text with line numbers.
func numbered(text string) string {
	var out strings.Builder
	for i, line := range strings.Split(text, "\n") {
		fmt.Fprintf(&out, "%4d %s\n", i+1, line)
	}
	return out.String()
}

// alloc allocates memory that nothing has written yet.
func alloc(t testing.TB, d driver.Device, size int) driver.Pointer {
	t.Helper()
	p, err := d.Alloc(int64(size))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// zeros allocates memory full of zeros.
func zeros(t testing.TB, d driver.Device, size int) driver.Pointer {
	t.Helper()
	p := alloc(t, d, size)
	if err := d.Fill(p, 0, int64(size)); err != nil {
		t.Fatal(err)
	}
	return p
}

// upload allocates memory for numbers and copies them there.
func upload[T any](t testing.TB, d driver.Device, numbers []T) driver.Pointer {
	t.Helper()
	raw, err := binary.Append(nil, binary.LittleEndian, numbers)
	if err != nil {
		t.Fatal(err)
	}
	p := alloc(t, d, len(raw))
	if err := d.Upload(p, raw); err != nil {
		t.Fatal(err)
	}
	return p
}

// download copies n numbers from the device.
func download[T any](t testing.TB, d driver.Device, p driver.Pointer, n int) []T {
	t.Helper()
	out := make([]T, n)
	raw := make([]byte, binary.Size(out))
	if err := d.Download(raw, p); err != nil {
		t.Fatal(err)
	}
	if err := binary.Read(bytes.NewReader(raw), binary.LittleEndian, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// launch runs a kernel.
func launch(t testing.TB, d driver.Device, l driver.Launch) {
	t.Helper()
	if err := d.Launch(l); err != nil {
		t.Fatal(err)
	}
	if err := d.Wait(); err != nil {
		t.Fatal(err)
	}
}

// line returns a grid or a block of one dimension.
func line(n int) driver.Dim { return driver.Dim{n, 1, 1} }

// sequence returns 0, 1, …, n−1.
func sequence[T uint32 | uint64 | int32 | float32 | float64](n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = T(i)
	}
	return out
}

// equal compares a kernel's results with the expected ones.
func equal[T comparable](t testing.TB, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d numbers, want %d", len(got), len(want))
	}
	wrong := 0
	for i := range got {
		if got[i] != want[i] {
			if wrong++; wrong <= 4 {
				t.Errorf("number %d is %v, want %v", i, got[i], want[i])
			}
		}
	}
	if wrong > 4 {
		t.Errorf("%d of %d numbers are wrong", wrong, len(got))
	}
}

// operation is a kernel of one instruction or a few. A thread has its operands in %a, %b, %c and %f, of the
// kinds in, and leaves its results in %d and %e, of the kinds out: register types without their dots. Each
// thread has 8 bytes of global memory, initially zero, at [%cell].
type operation struct {
	text    string
	out, in []string
}

// kinds is short for a list of kinds.
func kinds(names ...string) []string { return names }

// repeat returns a list of n times one kind.
func repeat(name string, n int) []string { return slices.Repeat([]string{name}, n) }

// ptx returns the module. Operands and results are in slots of 8 bytes; a thread's slots lie together.
func (o operation) ptx() string {
	var b strings.Builder
	b.WriteString(head + `.visible .entry operation(
	.param .u64 operands, .param .u64 results, .param .u64 cells, .param .u32 count)
{
	.reg .pred %past;
	.reg .b32 %i, %n, %size, %block, %word;
	.reg .b64 %operands, %results, %cell, %offset;
`)
	names := [2][]string{{"%d", "%e"}, {"%a", "%b", "%c", "%f"}}
	for i, list := range [2][]string{o.out, o.in} {
		for j, kind := range list {
			fmt.Fprintf(&b, "\t.reg .%s %s;\n", kind, names[i][j])
		}
	}
	fmt.Fprintf(&b, `	mov.u32 %%block, %%ctaid.x;
	mov.u32 %%size, %%ntid.x;
	mov.u32 %%i, %%tid.x;
	mad.lo.u32 %%i, %%block, %%size, %%i;
	ld.param.u32 %%n, [count];
	setp.ge.u32 %%past, %%i, %%n;
	@%%past bra done;
	ld.param.u64 %%operands, [operands];
	ld.param.u64 %%results, [results];
	ld.param.u64 %%cell, [cells];
	mul.wide.u32 %%offset, %%i, %d;
	add.u64 %%operands, %%operands, %%offset;
	mul.wide.u32 %%offset, %%i, %d;
	add.u64 %%results, %%results, %%offset;
	mul.wide.u32 %%offset, %%i, 8;
	add.u64 %%cell, %%cell, %%offset;
`, 8*len(o.in), 8*len(o.out))
	for j, kind := range o.in {
		if kind == "pred" {
			fmt.Fprintf(&b, "\tld.global.u32 %%word, [%%operands+%d];\n\tsetp.ne.u32 %s, %%word, 0;\n",
				8*j, names[1][j])
		} else {
			fmt.Fprintf(&b, "\tld.global.%s %s, [%%operands+%d];\n", kind, names[1][j], 8*j)
		}
	}
	fmt.Fprintf(&b, "\t%s\n", o.text)
	for j, kind := range o.out {
		if kind == "pred" {
			fmt.Fprintf(&b, "\tselp.u32 %%word, 1, 0, %s;\n\tst.global.u32 [%%results+%d], %%word;\n",
				names[0][j], 8*j)
		} else {
			fmt.Fprintf(&b, "\tst.global.%s [%%results+%d], %s;\n", kind, 8*j, names[0][j])
		}
	}
	b.WriteString("done:\n\tret;\n}\n")
	return b.String()
}

// run does the operation in one thread for each tuple of operands, and returns the results of every thread.
func (o operation) run(t testing.TB, d driver.Device, operands [][]uint64) [][]uint64 {
	t.Helper()
	for _, x := range operands {
		if len(x) != len(o.in) {
			t.Fatalf("%s: %d operands, want %d", o.text, len(x), len(o.in))
		}
	}
	k := load(t, d, "operation", o.ptx())
	in, cells := upload(t, d, slices.Concat(operands...)), zeros(t, d, 8*len(operands))
	out := zeros(t, d, 8*len(o.out)*len(operands))
	const block = 128
	err := d.Launch(driver.Launch{
		Kernel: k, Grid: line((len(operands) + block - 1) / block), Block: line(block),
		Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.Ptr(cells), driver.U32(len(operands))},
	})
	if err != nil {
		t.Fatalf("%s: %v\n%s", o.text, err, numbered(o.ptx()))
	}
	results := slices.Collect(slices.Chunk(download[uint64](t, d, out, len(o.out)*len(operands)), len(o.out)))
	for _, p := range []driver.Pointer{in, out, cells} {
		if err := d.Free(p); err != nil {
			t.Fatal(err)
		}
	}
	return results
}

// check runs the operation and compares each thread's results with want(operands), bit by bit; any NaN equals
// any other. If want returns nil, the ISA leaves the result open.
func (o operation) check(t *testing.T, d driver.Device, operands [][]uint64, want func(x []uint64) []uint64) {
	t.Helper()
	wrong := 0
	for i, got := range o.run(t, d, operands) {
		expected := want(operands[i])
		for j := range expected {
			if sameNumber(o.out[j], got[j], expected[j]) {
				continue
			}
			if wrong++; wrong <= 4 {
				t.Errorf("%s of %#x: result %d is %#x, want %#x", o.text, operands[i], j, got[j], expected[j])
			}
		}
	}
	if wrong > 4 {
		t.Errorf("%s: %d results are wrong", o.text, wrong)
	}
}

// sameNumber reports whether two results of a kind have the same bits, or are both NaN.
func sameNumber(kind string, a, b uint64) bool {
	switch kind {
	case "f32":
		return a == b || single.isNaN(a) && single.isNaN(b)
	case "f64":
		return a == b || double.isNaN(a) && double.isNaN(b)
	}
	return a == b
}

// product returns all tuples with one operand from each list.
func product(lists ...[]uint64) [][]uint64 {
	out := [][]uint64{nil}
	for _, list := range lists {
		var longer [][]uint64
		for _, tuple := range out {
			for _, v := range list {
				longer = append(longer, append(slices.Clip(tuple), v))
			}
		}
		out = longer
	}
	return out
}

// sample returns about n of a list's tuples, evenly spaced.
func sample(list [][]uint64, n int) [][]uint64 {
	var out [][]uint64
	for i := 0; i < len(list); i += max(1, len(list)/n) {
		out = append(out, list[i])
	}
	return out
}
