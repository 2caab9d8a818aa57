package emulator_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// planted is a kernel with one mistake, and its twin without the mistake. Both have the parameters in and
// out: addresses of one 32-bit number per thread. in holds 0, 1, 2…; out holds zeros. start loads the
// addresses of the thread's numbers into %d3 and %d4.
type planted struct {
	name string
	head string // variables of the module
	body string // BUG stands for the part that differs
	bug  string // with // HERE on the lines that may be blamed, here or in the body
	mend string

	grid, block int // 0: 1 block, 64 threads
	shared      int
	cooperative bool
	config      emulator.Config
	// data replaces the memory described above.
	data func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer)

	kind emulator.Kind
	// or is another kind of fault that is also right.
	or emulator.Kind
	// blocks and threads are those that the fault may name; nil means any.
	blocks, threads []int
}

// start is the beginning of all these kernels: %r0 is the thread, %r1 the block, %r2 the thread's number in
// the grid.
const start = `
	ld.param.u64 %d0, [in];
	ld.param.u64 %d1, [out];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %ntid.x;
	mad.lo.u32 %r2, %r1, %r2, %r0;
	mul.wide.u32 %d2, %r2, 4;
	add.u64 %d3, %d0, %d2;
	add.u64 %d4, %d1, %d2;
`

// tile is shared memory with a number for each of 64 threads. %r4 is its address, %r3 the address of the
// thread's own number, and %r5 that of thread 63 − %r0, which is in the other warp.
const tile = `
	.shared .align 16 .b32 tile[64];
	mov.u32 %r4, tile;
	mad.lo.u32 %r3, %r0, 4, %r4;
	xor.b32 %r5, %r0, 63;
	mad.lo.u32 %r5, %r5, 4, %r4;
`

func (p planted) ptx(mended bool) string {
	text := p.bug
	if mended {
		text = p.mend
	}
	ptx := entry("kernel", ".param .u64 in, .param .u64 out", start+strings.ReplaceAll(p.body, "BUG", text))
	return strings.Replace(ptx, ".visible", strings.ReplaceAll(p.head, "BUG", text)+".visible", 1)
}

// run loads and launches one of the twins.
func (p planted) run(t *testing.T, mended bool) error {
	t.Helper()
	d := open(t, p.config)
	k := load(t, d, "kernel", p.ptx(mended))
	grid, block := max(p.grid, 1), p.block
	if block == 0 {
		block = 64
	}
	var in, out driver.Pointer
	if p.data != nil {
		in, out = p.data(t, d, mended)
	} else {
		in, out = upload(t, d, sequence[uint32](grid*block)), zeros(t, d, 4*grid*block)
	}
	return d.Launch(driver.Launch{
		Kernel: k, Grid: line(grid), Block: line(block), Shared: p.shared, Cooperative: p.cooperative,
		Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
	})
}

// here returns the numbers of the lines that are marked.
func here(ptx string) []int {
	var out []int
	for i, line := range strings.Split(ptx, "\n") {
		if strings.Contains(line, "// HERE") {
			out = append(out, i+1)
		}
	}
	return out
}

// everyone returns 0 to n−1.
func everyone(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i)
	}
	return out
}

// test runs the mended twin, which must have no fault, and the twin with the bug, which must have the right
// fault.
func (p planted) test(t *testing.T) {
	t.Helper()
	if err := p.run(t, true); err != nil {
		t.Errorf("the mended kernel fails: %v\n%s", err, numbered(p.ptx(true)))
	}
	err := p.run(t, false)
	ptx := p.ptx(false)
	var f *emulator.Fault
	if !errors.As(err, &f) {
		t.Fatalf("the bug is not caught: error %v\n%s", err, numbered(ptx))
	}
	if f.Kind != p.kind && (p.or == 0 || f.Kind != p.or) {
		t.Errorf("caught as %v, want %v: %v", f.Kind, p.kind, err)
	}
	if f.Kernel != "kernel" {
		t.Errorf("the kernel at fault is %q, want kernel", f.Kernel)
	}
	if !slices.Contains(here(ptx), f.Line) {
		t.Errorf("line %d is at fault, want one of %v: %v\n%s", f.Line, here(ptx), err, numbered(ptx))
	}
	blocks, threads := p.blocks, p.threads
	if blocks == nil {
		blocks = everyone(max(p.grid, 1))
	}
	if threads == nil {
		threads = everyone(max(p.block, 64))
	}
	if f.Block[1] != 0 || f.Block[2] != 0 || !slices.Contains(blocks, f.Block[0]) {
		t.Errorf("block %v is at fault, want one of %v: %v", f.Block, blocks, err)
	}
	if f.Thread[1] != 0 || f.Thread[2] != 0 || !slices.Contains(threads, f.Thread[0]) {
		t.Errorf("thread %v is at fault, want one of %v: %v", f.Thread, threads, err)
	}
	place := fmt.Sprintf("kernel.ptx:%d: block (%d,0,0) thread (%d,0,0): ", f.Line, f.Block[0], f.Thread[0])
	if !strings.HasPrefix(f.Error(), place) || len(f.Error()) == len(place) {
		t.Errorf("the fault says %q, want %q and what happened", f.Error(), place)
	}
	if !strings.Contains(err.Error(), f.Error()) {
		t.Errorf("the error %q leaves out the fault's %q", err, f)
	}
}

// between allocates three arrays in a row and returns the middle one, of 64 numbers.
func between(t *testing.T, d *emulator.Device, _ bool) (in, out driver.Pointer) {
	upload(t, d, sequence[uint32](64))
	in = upload(t, d, sequence[uint32](64))
	out = zeros(t, d, 4*64)
	return in, out
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, p := range []planted{
		{
			name: "load past the end",
			body: `
	mov.u32 %r3, 0;
	setp.lt.u32 %p0, %r0, 63;
	BUG
	st.global.u32 [%d4], %r3;
`,
			bug:  "ld.global.u32 %r3, [%d3+4]; // HERE",
			mend: "@%p0 ld.global.u32 %r3, [%d3+4];",
			data: between, threads: []int{63},
		},
		{
			name: "load before the start",
			body: `
	mov.u32 %r3, 0;
	setp.gt.u32 %p0, %r0, 0;
	BUG
	st.global.u32 [%d4], %r3;
`,
			bug:  "ld.global.u32 %r3, [%d3+-4]; // HERE",
			mend: "@%p0 ld.global.u32 %r3, [%d3+-4];",
			data: between, threads: []int{0},
		},
		{
			name: "load a row past the end, beside another array",
			body: `
	BUG
	st.global.u32 [%d4], %r3;
`,
			bug:  "ld.global.u32 %r3, [%d3+256]; // HERE",
			mend: "ld.global.u32 %r3, [%d3];",
			data: between,
		},
		{
			name: "store past the end of a grid's last block",
			body: `
	ld.global.u32 %r3, [%d3];
	setp.lt.u32 %p0, %r2, 95;
	BUG
`,
			bug:  "st.global.u32 [%d4], %r3; // HERE",
			mend: "@%p0 st.global.u32 [%d4], %r3;",
			grid: 3, block: 32, blocks: []int{2}, threads: []int{31},
			data: func(t *testing.T, d *emulator.Device, _ bool) (in, out driver.Pointer) {
				return upload(t, d, sequence[uint32](96)), zeros(t, d, 4*95)
			},
		},
		{
			name: "last element of a vector",
			body: `
	mul.wide.u32 %d2, %r0, 16;
	add.u64 %d3, %d0, %d2;
	ld.global.v4.u32 {%r3, %r4, %r5, %r6}, [%d3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			threads: []int{63},
			data: func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
				return upload(t, d, sequence[uint32](255+int(truth(mended)))), zeros(t, d, 4*64)
			},
		},
		{
			name: "freed memory",
			body: `
	ld.global.u32 %r3, [%d3]; // HERE
	st.global.u32 [%d4], %r3;
`,
			data: func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
				in, out = between(t, d, mended)
				if !mended {
					if err := d.Free(in); err != nil {
						t.Fatal(err)
					}
				}
				return in, out
			},
		},
		{
			name: "no pointer",
			body: `
	ld.global.u32 %r3, [%d3]; // HERE
	st.global.u32 [%d4], %r3;
`,
			data: func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
				in, out = between(t, d, mended)
				if !mended {
					in = 0
				}
				return in, out
			},
		},
		{
			name: "a bin too few",
			body: `
	ld.global.u32 %r3, [%d3];
	shr.u32 %r3, %r3, 3;          // 0 to 7, and 8 for one odd datum
	BUG
	mul.wide.u32 %d5, %r3, 4;
	add.u64 %d5, %d1, %d5;
	red.global.add.u32 [%d5], 1; // HERE
`,
			mend:    "min.u32 %r3, %r3, 7;",
			threads: []int{5},
			data: func(t *testing.T, d *emulator.Device, _ bool) (in, out driver.Pointer) {
				data := sequence[uint32](64)
				data[5] = 64
				return upload(t, d, data), zeros(t, d, 4*8)
			},
		},
		{
			name: "dynamic shared memory",
			body: `
	.extern .shared .align 4 .b8 dynamic[];
	mov.u32 %r3, dynamic;
	mad.lo.u32 %r3, %r0, 4, %r3;
	BUG
`,
			bug:    "st.shared.u32 [%r3+4], %r0; // HERE",
			mend:   "st.shared.u32 [%r3], %r0;",
			shared: 4 * 64, threads: []int{63},
		},
		{
			name: "shared array",
			body: tile + `
	BUG
`,
			bug:     "st.shared.u32 [%r3+4], %r0; // HERE",
			mend:    "st.shared.u32 [%r3], %r0;",
			threads: []int{63},
		},
		{
			name: "a global address in shared memory",
			body: `
	BUG
	st.global.u32 [%d4], %r3;
`,
			bug:  "ld.shared.u32 %r3, [%d3]; // HERE",
			mend: "ld.global.u32 %r3, [%d3];",
		},
		{
			name: "local array",
			body: `
	.local .align 4 .b8 own[16];
	mov.u64 %d5, own;
	st.local.u32 [own+12], %r0;
	and.b32 %r3, %r0, 1;
	add.u32 %r3, %r3, BUG;
	mul.wide.u32 %d6, %r3, 4;
	add.u64 %d5, %d5, %d6;
	st.local.u32 [%d5], %r3; // HERE
`,
			bug: "3", mend: "2", threads: odd(64),
		},
		{
			name: "constant table",
			head: ".const .align 4 .u32 few[BUG] = {1, 2, 3};\n",
			body: `
	mov.u64 %d5, few;
	add.u64 %d5, %d5, %d2;
	ld.const.u32 %r3, [%d5]; // HERE
	st.global.u32 [%d4], %r3;
`,
			bug: "63", mend: "64", threads: []int{63},
		},
		{
			name: "asynchronous copy's source",
			body: tile + `
	cp.async.ca.shared.global [%r3], [%d3+BUG
	cp.async.wait_all;
`,
			bug: "4], 4; // HERE", mend: "0], 4;", threads: []int{63},
		},
		{
			name: "asynchronous copy's destination",
			body: tile + `
	cp.async.ca.shared.global [%r3+BUG
	cp.async.wait_all;
`,
			bug: "4], [%d3], 4; // HERE", mend: "0], [%d3], 4;", threads: []int{63},
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Bounds
			p.test(t)
		})
	}
}

// odd returns 1, 3, …, below n.
func odd(n int) []int {
	var out []int
	for i := 1; i < n; i += 2 {
		out = append(out, i)
	}
	return out
}

// offsets is data for kernels that read an offset in bytes from in. Each thread's offset is its own multiple
// of size, except that of one thread, which is given.
func offsets(thread, offset, size int) func(*testing.T, *emulator.Device, bool) (in, out driver.Pointer) {
	return func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
		var list []uint32
		for i := range 64 {
			v := uint32(i * size)
			if i == thread && !mended {
				v = uint32(offset)
			}
			list = append(list, v)
		}
		return upload(t, d, list), zeros(t, d, 64*16)
	}
}

func TestMisaligned(t *testing.T) {
	t.Parallel()
	at := func(text string) string {
		return `
	ld.global.u32 %r3, [%d3];
	cvt.u64.u32 %d5, %r3;
	add.u64 %d5, %d1, %d5;
` + text
	}
	for _, p := range []planted{
		{name: "v4.f32", body: at("\tld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%d5]; // HERE\n"),
			data: offsets(37, 37*16+4, 16), threads: []int{37}},
		{name: "v2.f64", body: at("\tld.global.v2.f64 {%g0, %g1}, [%d5]; // HERE\n"),
			data: offsets(37, 36*16+8, 16), threads: []int{37}},
		{name: "f64", body: at("\tst.global.f64 [%d5], 0d0000000000000000; // HERE\n"),
			data: offsets(40, 40*8+4, 8), threads: []int{40}},
		{name: "u32", body: at("\tst.global.u32 [%d5], %r3; // HERE\n"),
			data: offsets(3, 3*4+2, 4), threads: []int{3}},
		{name: "u16", body: at("\tst.global.u16 [%d5], %r3; // HERE\n"),
			data: offsets(0, 1, 4), threads: []int{0}},
		{name: "atomic", body: at("\tatom.global.add.u64 %d6, [%d5], 1; // HERE\n"),
			data: offsets(63, 62*8+4, 8), threads: []int{63}},
		{name: "shared", body: at(`
	.shared .align 16 .b8 many[1024];
	mov.u32 %r4, many;
	add.u32 %r4, %r4, %r3;
	st.shared.v2.u32 [%r4], {%r3, %r3}; // HERE
`), data: offsets(1, 12, 16), threads: []int{1}},
		{name: "asynchronous copy", body: at(`
	.shared .align 16 .b8 many[1024];
	mov.u32 %r4, many;
	mad.lo.u32 %r4, %r0, 16, %r4;
	cp.async.cg.shared.global [%r4], [%d5], 16; // HERE
	cp.async.wait_all;
`), data: offsets(9, 8*16+8, 16), threads: []int{9}},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Misaligned
			p.test(t)
		})
	}
}

func TestUninitialized(t *testing.T) {
	t.Parallel()
	for _, p := range []planted{
		{
			name: "register that some threads set",
			body: `
	setp.lt.u32 %p0, %r0, 63;
	BUG
	@%p0 ld.global.u32 %r3, [%d3];
	st.global.u32 [%d4], %r3; // HERE
`,
			mend: "mov.u32 %r3, 0;", threads: []int{63},
		},
		{
			name: "register of a branch not taken",
			body: `
	setp.ne.u32 %p0, %r0, 40;
	@%p0 bra set;
	BUG
	bra join;
set:
	mov.f32 %f1, 0f3f800000;
join:
	add.f32 %f2, %f1, %f1; // HERE
	st.global.f32 [%d4], %f2;
`,
			mend: "mov.f32 %f1, 0f00000000;", threads: []int{40},
		},
		{
			name: "accumulator",
			body: `
	BUG
	mov.u32 %r3, 0;
again:
	cvt.rn.f64.u32 %g1, %r3;
	add.f64 %g0, %g0, %g1; // HERE
	add.u32 %r3, %r3, 1;
	setp.lt.u32 %p0, %r3, 4;
	@%p0 bra again;
	cvt.rn.f32.f64 %f0, %g0;
	st.global.f32 [%d4], %f0;
`,
			mend: "mov.f64 %g0, 0d0000000000000000;",
		},
		{
			name: "carry",
			body: `
	BUG
	addc.u32 %r3, %r0, 0; // HERE
	st.global.u32 [%d4], %r3;
`,
			mend: "add.cc.u32 %r5, %r0, %r0;",
		},
		{
			name: "guard",
			body: `
	BUG
	@%p1 st.global.u32 [%d4], %r0; // HERE
`,
			mend: "setp.eq.u32 %p1, %r0, 5;",
		},
		{
			name: "address",
			body: `
	BUG
	st.global.u32 [%d9], %r0; // HERE
`,
			mend: "mov.u64 %d9, %d4;",
		},
		{
			name: "a lane of a shuffle",
			body: `
	setp.ne.u32 %p0, %r0, 44;
	BUG
	@%p0 mov.u32 %r3, %r0;
	shfl.sync.bfly.b32 %r4, %r3, 1, 31, 0xffffffff; // HERE
	st.global.u32 [%d4], %r4; // HERE
`,
			mend: "mov.u32 %r3, 0;", threads: []int{44, 45},
		},
		{
			name: "shared memory",
			body: tile + `
	setp.lt.u32 %p0, %r0, 63;
	BUG
	bar.sync 0;
	ld.shared.u32 %r6, [%r5]; // HERE
	st.global.u32 [%d4], %r6;
`,
			bug: "@%p0 st.shared.u32 [%r3], %r0;", mend: "st.shared.u32 [%r3], %r0;", threads: []int{0},
		},
		{
			name: "dynamic shared memory",
			body: `
	.extern .shared .align 4 .b8 dynamic[];
	mov.u32 %r3, dynamic;
	mad.lo.u32 %r3, %r0, 4, %r3;
	setp.eq.u32 %p0, %r0, 63;
	BUG
	@!%p0 st.shared.u32 [%r3], %r0;
	ld.shared.u32 %r4, [%r3]; // HERE
	st.global.u32 [%d4], %r4;
`,
			mend: "@%p0 st.shared.u32 [%r3], 0;", shared: 256, threads: []int{63},
		},
		{
			name: "shared memory of the block before",
			body: tile + `
	setp.eq.u32 %p0, %r1, 0;
	BUG
	ld.shared.u32 %r6, [%r3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			bug: "@%p0 st.shared.u32 [%r3], %r0;", mend: "st.shared.u32 [%r3], %r0;",
			grid: 2, blocks: []int{1},
		},
		{
			name: "the upper half of a word",
			body: tile + `
	st.shared.u16 [%r3], %r0;
	BUG
	ld.shared.u32 %r6, [%r3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			mend: "st.shared.u16 [%r3+2], %r0;",
		},
		{
			name: "one number of an array",
			body: `
	ld.global.u32 %r3, [%d3]; // HERE
	st.global.u32 [%d4], %r3;
`,
			threads: []int{40},
			data: func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
				in = alloc(t, d, 4*64)
				for i := range 64 {
					if i == 40 && !mended {
						continue
					}
					if err := d.Upload(in+driver.Pointer(4*i), []byte{1, 2, 3, 4}); err != nil {
						t.Fatal(err)
					}
				}
				return in, zeros(t, d, 4*64)
			},
		},
		{
			name: "a sum that nothing made zero",
			body: `
	ld.global.f32 %f0, [%d3];
	red.global.add.f32 [%d1], %f0; // HERE
`,
			data: func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
				in, out = upload(t, d, sequence[float32](64)), alloc(t, d, 4)
				if mended {
					if err := d.Fill(out, 0, 4); err != nil {
						t.Fatal(err)
					}
				}
				return in, out
			},
		},
		{
			name: "memory taken again after it was freed",
			body: `
	ld.global.u32 %r3, [%d3]; // HERE
	st.global.u32 [%d4], %r3;
`,
			data: func(t *testing.T, d *emulator.Device, mended bool) (in, out driver.Pointer) {
				if err := d.Free(zeros(t, d, 4*64)); err != nil {
					t.Fatal(err)
				}
				if mended {
					return zeros(t, d, 4*64), zeros(t, d, 4*64)
				}
				return alloc(t, d, 4*64), zeros(t, d, 4*64)
			},
		},
		{
			name: "local memory",
			body: `
	.local .align 4 .b8 own[16];
	BUG
	ld.local.u32 %r3, [own+8]; // HERE
	st.global.u32 [%d4], %r3;
`,
			bug: "st.local.u32 [own+4], %r0;", mend: "st.local.u32 [own+8], %r0;",
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Uninitialized
			p.test(t)
		})
	}
}

// An instruction whose guard is false does nothing, so its mistakes do not count.
func TestGuardedMistakes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"add.u32 %r3, %r9, %r9;",
		"add.f32 %f0, %f8, %f9;",
		"selp.u32 %r3, %r9, %r9, %p9;",
		"ld.global.u32 %r3, [%d9];",
		"ld.global.u32 %r3, [%d3+1048576];",
		"ld.global.v4.u32 {%r3, %r4, %r5, %r6}, [%d3+4];",
		"st.global.u32 [%d3+-1048576], %r0;",
		"st.global.u32 [%d0], %r0;",
		"ld.shared.u32 %r3, [own];",
		"ld.shared.u32 %r3, [own+1048576];",
		"st.shared.u32 [own], %r0;",
		"atom.global.add.u32 %r3, [%d3+2], 1;",
		"red.global.add.u32 [%d9], 1;",
		"cp.async.cg.shared.global [own+2], [%d9], 16;",
		"bar.sync 0;",
		"shfl.sync.idx.b32 %r3, %r9, 0, 31, 0;",
		"trap;",
		"exit;",
	} {
		t.Run(text, func(t *testing.T) {
			p := planted{body: `
	.shared .align 16 .b8 own[16];
	setp.lt.u32 %p1, %r0, 32;
	setp.ge.and.u32 %p1, %r0, 32, %p1;
	@%p1 ` + text + `
	bar.sync 0;
	ld.global.u32 %r3, [%d3];
	st.global.u32 [%d4], %r3;
`}
			if err := p.run(t, true); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDivergence(t *testing.T) {
	t.Parallel()
	for _, p := range []planted{
		{
			name: "a barrier in a branch that half a warp takes",
			body: `
	mov.u32 %r3, 16;
	BUG
	setp.ge.u32 %p1, %r0, %r3;
	@%p1 bra past;
	bar.sync 0; // HERE
past:
`,
			bug:  "setp.eq.u32 %p0, %r1, 1; selp.u32 %r3, 16, 32, %p0;",
			mend: "mov.u32 %r3, 32;",
			grid: 2, block: 32, blocks: []int{1},
		},
		{
			name: "a shuffle without the upper half",
			body: `
	setp.ge.u32 %p1, %r0, 48;
	@%p1 bra past;
BUG
past:
`,
			bug: "\tshfl.sync.down.b32 %r3, %r0, 1, 31, 0xffffffff; // HERE",
			mend: `	setp.ge.u32 %p2, %r0, 32;
	@%p2 bra few;
	shfl.sync.down.b32 %r3, %r0, 1, 31, 0xffffffff;
	bra past;
few:
	shfl.sync.down.b32 %r3, %r0, 1, 0x100f, 0xffff;`,
			threads: everyone(48)[32:],
		},
		{
			name: "a shuffle in a lane that it doesn't name",
			body: `
	BUG
`,
			bug:  "shfl.sync.down.b32 %r3, %r0, 1, 31, 0x7fffffff; // HERE",
			mend: "shfl.sync.down.b32 %r3, %r0, 1, 31, 0xffffffff;",
		},
		{
			name: "a matrix product of half a warp",
			body: `
	mov.f64 %g0, 0d3ff0000000000000;
	setp.ge.u32 %p1, %r0, 16;
	BUG
	` + mma + ` {%g1, %g2}, {%g0}, {%g0}, {%g0, %g0}; // HERE
past:
`,
			bug: "@%p1 bra past;", threads: everyone(16),
		},
		{
			name: "a matrix product in a warp of 16 threads",
			body: "\tmov.f64 %g0, 0d3ff0000000000000;\nBUG",
			bug:  mma + " {%g1, %g2}, {%g0}, {%g0}, {%g0, %g0}; // HERE",
			grid: 1, block: 48, threads: everyone(48)[32:],
		},
		{
			name: "a vote without one lane",
			body: `
	setp.eq.u32 %p1, %r0, 9;
	BUG
	vote.sync.ballot.b32 %r3, %p1, 0xffffffff; // HERE
past:
`,
			bug: "@%p1 bra past;", threads: everyone(32),
		},
		{
			name: "a warp's barrier without the odd lanes",
			body: `
	and.b32 %r3, %r0, 1;
	setp.eq.u32 %p1, %r3, 1;
	@%p1 bra past;
	bar.warp.sync BUG // HERE
past:
`,
			bug: "0xffffffff;", mend: "0x55555555;",
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Divergence
			p.test(t)
		})
	}
}

func TestDeadlock(t *testing.T) {
	t.Parallel()
	for _, p := range []planted{
		{
			name: "a warp that leaves before the barrier",
			body: `
	setp.ge.u32 %p1, %r0, 32;
	BUG
	bar.sync 0; // HERE
past:
`,
			bug: "@%p1 bra past;", threads: everyone(32),
		},
		{
			name: "a thread that leaves before the barrier",
			body: `
	setp.eq.u32 %p1, %r0, 63;
	BUG
	bar.sync 0; // HERE
`,
			bug: "@%p1 exit;", or: emulator.Divergence,
		},
		{
			name: "one warp waits once more",
			body: `
	setp.ge.u32 %p1, %r0, 32;
	bar.sync 0;
	BUG
	bar.sync 0; // HERE
past:
`,
			bug: "@%p1 bra past;", threads: everyone(32),
		},
		{
			name: "a barrier for a warp and a half, as a register says",
			body: `
	mov.u32 %r3, BUG;
	bar.sync 1, %r3; // HERE
`,
			bug: "48", mend: "64", or: emulator.Divergence,
		},
		{
			name: "a barrier for different numbers of threads",
			body: `
	setp.ge.u32 %p1, %r0, 32;
	@%p1 bra upper;
	bar.sync 1, 64; // HERE
	bra past;
upper:
	bar.sync 1, BUG // HERE
past:
`,
			bug: "96;", mend: "64;", or: emulator.Divergence,
		},
		{
			name: "a barrier for more threads than come",
			body: `
	setp.ge.u32 %p1, %r0, 64;
	@%p1 bra past;
	bar.sync 1, BUG // HERE
past:
`,
			bug: "96;", mend: "64;", block: 96, threads: everyone(64),
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Deadlock
			p.test(t)
		})
	}
}

func TestEndless(t *testing.T) {
	t.Parallel()
	for _, p := range []planted{
		{
			name: "a counter that does not count",
			body: `
	mov.u32 %r3, 0;
again:
	add.u32 %r3, %r3, BUG; // HERE
	setp.lt.u32 %p0, %r3, 10; // HERE
	@%p0 bra again; // HERE
	st.global.u32 [%d4], %r3;
`,
			bug: "0", mend: "1",
		},
		{
			name: "in one thread",
			body: `
	setp.ne.u32 %p1, %r2, 77;
	@%p1 bra past;
spin:
	BUG // HERE
past:
`,
			bug: "bra.uni spin;", mend: "bra past;", grid: 2, blocks: []int{1}, threads: []int{13},
		},
		{
			name: "a flag that nobody sets",
			body: `
	setp.eq.u32 %p0, %r1, 0;
	BUG
wait:
	ld.acquire.gpu.global.u32 %r3, [%d1]; // HERE
	setp.eq.u32 %p1, %r3, 0; // HERE
	@%p1 bra wait; // HERE
`,
			mend: "@%p0 st.release.gpu.global.u32 [%d1], 1;",
			grid: 2, block: 1, cooperative: true, threads: []int{0},
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind, p.config.Steps = emulator.Endless, 20000
			p.test(t)
		})
	}
}

func TestTrap(t *testing.T) {
	t.Parallel()
	planted{
		body: `
	setp.eq.u32 %p0, %r2, BUG;
	@%p0 trap; // HERE
`,
		bug: "165", mend: "999", grid: 3, kind: emulator.Trap, blocks: []int{2}, threads: []int{37},
	}.test(t)
}

// A fault names block and thread in all three dimensions; afterwards the device still works.
func TestFaultsPlace(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	ptx := entry("place", ".param .u64 out", `
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %ctaid.y;
	mov.u32 %r1, %tid.z;
	mov.u32 %r2, %tid.x;
	mov.u32 %r3, %ctaid.x;
	mad.lo.u32 %r0, %r0, 10, %r1;
	mad.lo.u32 %r0, %r0, 10, %r2;
	mad.lo.u32 %r0, %r0, 10, %r3;
	setp.eq.u32 %p0, %r0, 2341;
	mov.u32 %r1, %tid.y;
	setp.eq.and.u32 %p0, %r1, 1, %p0;
	mov.u32 %r1, %ctaid.z;
	setp.eq.and.u32 %p0, %r1, 1, %p0;
	@%p0 st.global.u32 [%d0+4], %r0; // HERE
	st.global.u8 [%d0], 1;
`)
	k := load(t, d, "place", strings.Replace(ptx, "st.global.u8 [%d0], 1;", "", 1))
	out := zeros(t, d, 4)
	l := driver.Launch{
		Kernel: k, Grid: driver.Dim{2, 3, 2}, Block: driver.Dim{5, 2, 4}, Args: []driver.Arg{driver.Ptr(out)},
	}
	err := d.Launch(l)
	var f *emulator.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v, want a fault", err)
	}
	if f.Kind != emulator.Bounds || f.Line != here(ptx)[0] || f.Block != [3]int{1, 2, 1} ||
		f.Thread != [3]int{4, 1, 3} {
		t.Errorf("%v of %v, want Bounds at line %d in block (1,2,1), thread (4,1,3)",
			err, f.Kind, here(ptx)[0])
	}
	want := fmt.Sprintf("place.ptx:%d: block (1,2,1) thread (4,1,3): ", here(ptx)[0])
	if !strings.HasPrefix(f.Error(), want) {
		t.Errorf("the fault says %q, want %q first", f, want)
	}
	for _, word := range []string{"place", l.Grid.String(), l.Block.String()} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not say %s", err, word)
		}
	}
	if err := d.Wait(); err != nil {
		t.Errorf("after the fault: %v", err)
	}
	l.Grid[2] = 1
	launch(t, d, l)
	if err := d.Free(out); err != nil {
		t.Error(err)
	}
}
