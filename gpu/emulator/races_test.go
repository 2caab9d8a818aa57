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

func TestSharedRaces(t *testing.T) {
	t.Parallel()
	// filled writes the whole tile, followed by a barrier.
	const filled = tile + `
	ld.global.u32 %r6, [%d3];
	st.shared.u32 [%r3], %r6;
	bar.sync 0;
`
	for _, p := range []planted{
		{
			name: "two warps write",
			body: tile + `
	ld.global.u32 %r6, [%d3];
	BUG
	mad.lo.u32 %r7, %r7, 4, %r4;
	st.shared.u32 [%r7], %r6; // HERE
`,
			bug: "rem.u32 %r7, %r0, 63;", mend: "rem.u32 %r7, %r0, 64;", threads: []int{0, 63},
		},
		{
			name: "lanes of a warp write at once",
			body: tile + `
	ld.global.u32 %r6, [%d3];
	BUG
	mad.lo.u32 %r7, %r7, 4, %r4;
	st.shared.u32 [%r7], %r6; // HERE
`,
			bug: "max.u32 %r7, %r0, 1;", mend: "mov.u32 %r7, %r0;", threads: []int{0, 1},
		},
		{
			name: "two warps write a byte",
			body: tile + `
	BUG
	add.u32 %r7, %r7, %r4;
	st.shared.u8 [%r7], %r0; // HERE
`,
			bug: "rem.u32 %r7, %r0, 63;", mend: "mov.u32 %r7, %r0;", threads: []int{0, 63},
		},
		{
			name: "halves of a word, and one of both",
			body: tile + `
	and.b32 %r6, %r0, 31;
	shr.u32 %r7, %r0, 5;
	mul.lo.u32 %r7, %r7, 2;
	mad.lo.u32 %r7, %r6, 4, %r7;
	add.u32 %r7, %r7, %r4;
	setp.eq.u32 %p0, %r0, 40;
	@!%p0 st.shared.u16 [%r7], %r0; // HERE
	BUG
`,
			bug: "@%p0 st.shared.u32 [%r7+-2], %r0; // HERE", mend: "@%p0 st.shared.u16 [%r7], %r0;",
			threads: []int{8, 40},
		},
		{
			name: "a plain store before others' atomics",
			body: filled + `
	setp.eq.u32 %p0, %r0, 5;
	@%p0 BUG.u32 [%r4], 9; // HERE
	@!%p0 red.shared.add.u32 [%r4], 1; // HERE
`,
			bug: "st.shared", mend: "red.shared.max",
		},
		{
			name: "counting without atomics",
			body: filled + `
	and.b32 %r7, %r0, 31;
	mad.lo.u32 %r7, %r7, 4, %r4;
	BUG
`,
			bug: `ld.shared.u32 %r8, [%r7]; // HERE
	add.u32 %r8, %r8, 1;
	st.shared.u32 [%r7], %r8; // HERE`,
			mend: "red.shared.add.u32 [%r7], 1;",
		},
		{
			name: "one warp reads what the other writes",
			body: filled + `
	setp.ge.u32 %p0, %r0, 32;
	@%p0 bra summed;
	ld.shared.u32 %r6, [%r3];
	ld.shared.u32 %r7, [%r3+128];
	add.u32 %r6, %r6, %r7;
	st.shared.u32 [%r3], %r6; // HERE
summed:
	BUG
	ld.shared.u32 %r8, [%r5]; // HERE
	st.global.u32 [%d4], %r8;
`,
			mend: "bar.sync 0;",
		},
		{
			name: "reversal in place",
			body: filled + `
	ld.shared.u32 %r8, [%r5]; // HERE
	BUG
	st.shared.u32 [%r3], %r8; // HERE
`,
			mend: "bar.sync 0;",
		},
		{
			name: "within a warp",
			body: filled + `
	setp.lt.u32 %p0, %r0, 16;
	@%p0 ld.shared.u32 %r6, [%r3];
	@%p0 ld.shared.u32 %r7, [%r3+64];
	@%p0 add.u32 %r6, %r6, %r7;
	@%p0 st.shared.u32 [%r3], %r6; // HERE
	BUG
	setp.lt.u32 %p0, %r0, 8;
	@%p0 ld.shared.u32 %r7, [%r3+32]; // HERE
	@%p0 add.u32 %r6, %r6, %r7;
	@%p0 st.global.u32 [%d4], %r6;
`,
			mend: "bar.warp.sync 0xffffffff;", threads: everyone(16),
		},
		{
			name: "no second barrier in a loop",
			body: tile + `
	mov.u32 %r7, 0;
	mov.u32 %r8, 0;
again:
	add.u32 %r9, %r0, %r7;
	st.shared.u32 [%r3], %r9; // HERE
	bar.sync 0;
	ld.shared.u32 %r10, [%r5]; // HERE
	add.u32 %r8, %r8, %r10;
	BUG
	add.u32 %r7, %r7, 1;
	setp.lt.u32 %p0, %r7, 5;
	@%p0 bra again;
	st.global.u32 [%d4], %r8;
`,
			mend: "bar.sync 0;",
		},
		{
			name: "a counter reset without a barrier",
			body: `
	.shared .align 4 .u32 counter;
	setp.eq.u32 %p0, %r0, 40;
	@%p0 st.shared.u32 [counter], 0; // HERE
	BUG
	atom.shared.add.u32 %r3, [counter], 1; // HERE
	st.global.u32 [%d4], %r3;
`,
			mend: "bar.sync 0;",
			kind: emulator.Race, or: emulator.Uninitialized,
		},
		{
			name: "barriers of different numbers",
			body: filled + `
	ld.shared.u32 %r8, [%r5]; // HERE
	shr.u32 %r7, %r0, 5;
	add.u32 %r7, %r7, 1;
	BUG
	st.shared.u32 [%r3], %r8; // HERE
`,
			bug: "bar.sync %r7, 32;", mend: "bar.sync 1, 64;",
		},
		{
			name: "asynchronous copy not waited for",
			body: filled + `
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	cp.async.commit_group;
	BUG
	ld.shared.u32 %r6, [%r3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			mend: "cp.async.wait_group 0;",
		},
		{
			name: "asynchronous copy into memory that nothing has written",
			body: tile + `
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	cp.async.commit_group;
	BUG
	ld.shared.u32 %r6, [%r3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			mend: "cp.async.wait_group 0;", or: emulator.Uninitialized,
		},
		{
			name: "asynchronous copy never committed",
			body: filled + `
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	BUG
	cp.async.wait_group 0;
	ld.shared.u32 %r6, [%r3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			mend: "cp.async.commit_group;",
		},
		{
			name: "asynchronous copies waited for but the last",
			body: filled + `
	.shared .align 16 .b32 other[64];
	mov.u32 %r7, other;
	mad.lo.u32 %r7, %r0, 4, %r7;
	cp.async.ca.shared.global [%r7], [%d3], 4;
	cp.async.commit_group;
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	cp.async.commit_group;
	cp.async.wait_group BUG;
	ld.shared.u32 %r6, [%r7];
	ld.shared.u32 %r6, [%r3]; // HERE
	st.global.u32 [%d4], %r6;
`,
			bug: "1", mend: "0",
		},
		{
			name: "asynchronous copy of another thread",
			body: filled + `
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	cp.async.commit_group;
	cp.async.wait_group 0;
	BUG
	ld.shared.u32 %r6, [%r5]; // HERE
	st.global.u32 [%d4], %r6;
`,
			mend: "bar.sync 0;",
		},
		{
			name: "asynchronous copy of another thread, a barrier but no wait",
			body: filled + `
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	cp.async.commit_group;
	BUG
	bar.sync 0;
	ld.shared.u32 %r6, [%r5]; // HERE
	st.global.u32 [%d4], %r6;
`,
			mend: "cp.async.wait_group 0;",
		},
		{
			name: "asynchronous copy over what others still read",
			body: filled + `
	ld.shared.u32 %r6, [%r5]; // HERE
	BUG
	cp.async.ca.shared.global [%r3], [%d3], 4; // HERE
	cp.async.wait_all;
	st.global.u32 [%d4], %r6;
`,
			mend: "bar.sync 0;",
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Race
			p.test(t)
		})
	}
}

// Four warps read a number; three of them meet at a barrier, and one of these writes the number.
func TestRaceWithOneOfManyReaders(t *testing.T) {
	t.Parallel()
	for reader := range 4 {
		for writer := range 4 {
			if reader == writer {
				continue
			}
			t.Run(fmt.Sprintf("reader %d, writer %d", reader, writer), func(t *testing.T) {
				planted{
					body: fmt.Sprintf(`
	.shared .align 4 .u32 number;
	setp.eq.u32 %%p0, %%r0, %d;
	@%%p0 st.shared.u32 [number], 7;
	bar.sync 0;
	ld.shared.u32 %%r4, [number]; // HERE
	shr.u32 %%r3, %%r0, 5;
	setp.eq.u32 %%p1, %%r3, %d;
	BUG
	bar.sync 1, 96;
joined:
	@%%p0 st.shared.u32 [number], 8; // HERE
	bra end;
end:
`, 32*writer+5, reader),
					bug: "@%p1 bra joined;",
					mend: "@%p1 bra last;\n\tbar.sync 2, 128;\n\tbra first;\n" +
						"last:\n\tbar.sync 2, 128;\n\tbra joined;\nfirst:",
					block: 128, kind: emulator.Race,
					threads: append(everyone(128)[32*reader:32*reader+32], 32*writer+5),
				}.test(t)
			})
		}
	}
}

// The double buffer of TestAsyncCopy without one of its barriers.
func TestPipelineRaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, wait, before, after string }{
		{"a wait for too few", "cp.async.wait_group 2;", "bar.sync 0;", "bar.sync 0;"},
		{"no second barrier", "cp.async.wait_group 1;", "bar.sync 0;", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, emulator.Config{})
			text := pipeline(tt.wait, tt.before, tt.after)
			if tt.after == "" {
				text = strings.ReplaceAll(text, "[%d0], 4;", "[%d0], 4; // HERE")
			}
			ptx := entry("pipeline", ".param .u64 in, .param .u64 out, .param .u32 tiles", text)
			const tiles = 7
			in, out := upload(t, d, sequence[float32](tiles*64)), zeros(t, d, 4*64)
			err := d.Launch(driver.Launch{
				Kernel: load(t, d, "pipeline", ptx), Grid: line(1), Block: line(64),
				Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.U32(tiles)},
			})
			var f *emulator.Fault
			if !errors.As(err, &f) || !slices.Contains(here(ptx), f.Line) {
				t.Fatalf("error %v, want one at %v\n%s", err, here(ptx), numbered(ptx))
			}
			// A tile whose copy is still in flight was never written the first time.
			if f.Kind != emulator.Race && (tt.after == "" || f.Kind != emulator.Uninitialized) {
				t.Errorf("caught as %v: %v", f.Kind, err)
			}
		})
	}
}

// lastBlock counts the blocks with an atomic; the last of 4 blocks sums the numbers that all blocks wrote.
const lastBlock = `
	setp.ne.u32 %p0, %r0, 0;
	@%p0 bra end;
	mul.wide.u32 %d5, %r1, 4;
	add.u64 %d5, %d1, %d5;
	st.global.u32 [%d5+4], %r2; // HERE
	BUG
	atom.global.add.u32 %r3, [%d1], 1;
	setp.ne.u32 %p0, %r3, 3;
	@%p0 bra end;
	BUG
	ld.global.u32 %r4, [%d1+4]; // HERE
	ld.global.u32 %r5, [%d1+8]; // HERE
	add.u32 %r4, %r4, %r5;
	ld.global.u32 %r5, [%d1+12]; // HERE
	add.u32 %r4, %r4, %r5;
	ld.global.u32 %r5, [%d1+16]; // HERE
	add.u32 %r4, %r4, %r5;
	st.global.u32 [%d1+20], %r4;
end:
`

// flagAndNumbers is memory for handOver.
func flagAndNumbers(t *testing.T, d *emulator.Device, _ bool) (in, out driver.Pointer) {
	return alloc(t, d, 4*64), zeros(t, d, 16+4*64)
}

// handOver is the body of a kernel in which all threads of block 0 write numbers and one sets a flag; the
// threads of block 1 read them after one of them has seen a flag. Block 2, if there is one, sets a separate
// flag.
func handOver(before, after, see string) string {
	return `
	setp.eq.u32 %p0, %r0, 0;
	setp.gt.u32 %p2, %r1, 1;
	@%p2 bra bystander;
	mul.wide.u32 %d5, %r0, 4;
	add.u64 %d5, %d0, %d5;
	setp.eq.u32 %p1, %r1, 1;
	@%p1 bra second;
	st.global.u32 [%d5], %r0; // HERE
	` + before + `
	@%p0 st.release.gpu.global.u32 [%d1], 1;
	bra end;
second:
	@!%p0 bra seen;
again:
	ld.acquire.gpu.global.u32 %r3, ` + see + `;
	setp.eq.u32 %p2, %r3, 0;
	@%p2 bra again;
seen:
	` + after + `
	xor.b32 %r4, %r0, 63;
	mul.wide.u32 %d5, %r4, 4;
	add.u64 %d5, %d0, %d5;
	ld.global.u32 %r5, [%d5]; // HERE
	st.global.u32 [%d4+-240], %r5;
	bra end;
bystander:
	@%p0 st.release.gpu.global.u32 [%d1+8], 1;
end:
`
}

func TestGlobalRaces(t *testing.T) {
	t.Parallel()
	for _, p := range []planted{
		{
			name: "blocks add to one number",
			body: `
	setp.eq.u32 %p0, %r0, 3;
	BUG
`,
			bug: `@%p0 ld.global.u32 %r3, [%d1]; // HERE
	@%p0 add.u32 %r3, %r3, %r1;
	@%p0 st.global.u32 [%d1], %r3; // HERE`,
			mend: "@%p0 red.global.add.u32 [%d1], %r1;",
			grid: 2, threads: []int{3},
		},
		{
			name: "blocks write one number",
			body: `
	setp.eq.u32 %p0, %r0, 7;
	BUG
`,
			bug:  "@%p0 st.global.u32 [%d1], %r1; // HERE",
			mend: "@%p0 st.global.u32 [%d4], %r1;",
			grid: 3, threads: []int{7},
		},
		{
			name: "a block reads what another writes",
			body: `
	st.global.u32 [%d4], %r2; // HERE
	BUG
	mul.wide.u32 %d5, %r3, 4;
	add.u64 %d5, %d1, %d5;
	ld.global.u32 %r4, [%d5]; // HERE
`,
			bug: "xor.b32 %r3, %r2, 64;", mend: "mov.u32 %r3, %r2;", grid: 2,
		},
		{
			name: "warps of a block",
			body: `
	st.global.u32 [%d4], %r2; // HERE
	xor.b32 %r3, %r2, 63;
	mul.wide.u32 %d5, %r3, 4;
	add.u64 %d5, %d1, %d5;
	BUG
	ld.global.u32 %r4, [%d5]; // HERE
`,
			mend: "bar.sync 0;",
		},
		{
			name: "lanes of a warp",
			body: `
	st.global.u32 [%d4], %r2; // HERE
	xor.b32 %r3, %r2, 1;
	mul.wide.u32 %d5, %r3, 4;
	add.u64 %d5, %d1, %d5;
	BUG
	ld.global.u32 %r4, [%d5]; // HERE
`,
			mend: "bar.warp.sync -1;",
		},
		{
			name: "a flag that releases nothing",
			body: `
	setp.eq.u32 %p0, %r1, 0;
	@!%p0 bra consume;
	st.global.u32 [%d1], 7; // HERE
	BUG
	bra end;
consume:
	ld.acquire.gpu.global.u32 %r3, [%d1+4];
	setp.eq.u32 %p1, %r3, 0;
	@%p1 bra consume;
	ld.global.u32 %r4, [%d1]; // HERE
	st.global.u32 [%d1+8], %r4;
end:
`,
			bug:  "st.relaxed.gpu.global.u32 [%d1+4], 1;",
			mend: "st.release.gpu.global.u32 [%d1+4], 1;",
			grid: 2, block: 1, cooperative: true, threads: []int{0},
			data: func(t *testing.T, d *emulator.Device, _ bool) (in, out driver.Pointer) {
				return zeros(t, d, 8), zeros(t, d, 12)
			},
		},
		{
			name: "a flag that acquires nothing",
			body: `
	setp.eq.u32 %p0, %r1, 0;
	@!%p0 bra consume;
	st.global.u32 [%d1], 7; // HERE
	st.release.gpu.global.u32 [%d1+4], 1;
	bra end;
consume:
	BUG
	setp.eq.u32 %p1, %r3, 0;
	@%p1 bra consume;
	ld.global.u32 %r4, [%d1]; // HERE
	st.global.u32 [%d1+8], %r4;
end:
`,
			bug:  "ld.relaxed.gpu.global.u32 %r3, [%d1+4];",
			mend: "ld.acquire.gpu.global.u32 %r3, [%d1+4];",
			grid: 2, block: 1, cooperative: true, threads: []int{0},
			data: func(t *testing.T, d *emulator.Device, _ bool) (in, out driver.Pointer) {
				return zeros(t, d, 8), zeros(t, d, 12)
			},
		},
		{
			name: "a barrier of the block only, between blocks",
			body: `
	st.global.u32 [%d4], %r2; // HERE
	bar.sync 0;
	BUG
	mul.wide.u32 %d5, %r3, 4;
	add.u64 %d5, %d1, %d5;
	ld.global.u32 %r4, [%d5]; // HERE
`,
			bug: "xor.b32 %r3, %r2, 64;", mend: "xor.b32 %r3, %r2, 63;", grid: 2,
		},
		{
			name: "the last block sums without a fence",
			body: lastBlock,
			bug:  "", mend: "fence.acq_rel.gpu;", grid: 4, block: 32,
		},
		{
			name: "a read-only load of what the kernel writes",
			body: `
	st.global.u32 [%d4], %r0; // HERE
	BUG.u32 %r3, [%d4]; // HERE
`,
			bug: "ld.global.nc", mend: "ld.global",
		},
		{
			name: "a plain store of what others wait for",
			body: `
	setp.eq.u32 %p0, %r1, 0;
	@%p0 BUG.u32 [%d1], 1; // HERE
wait:
	ld.relaxed.gpu.global.u32 %r3, [%d1]; // HERE
	setp.eq.u32 %p1, %r3, 0;
	@%p1 bra wait;
`,
			bug: "st.global", mend: "st.relaxed.gpu.global", grid: 2, block: 1, cooperative: true,
			threads: []int{0},
		},
		{
			name: "a plain load of what others wait for",
			body: `
	setp.eq.u32 %p0, %r1, 0;
	@%p0 st.relaxed.gpu.global.u32 [%d1], 1; // HERE
wait:
	BUG.u32 %r3, [%d1]; // HERE
	setp.eq.u32 %p1, %r3, 0;
	@%p1 bra wait;
`,
			bug: "ld.global", mend: "ld.relaxed.gpu.global", grid: 2, block: 1, cooperative: true,
			threads: []int{0},
		},
		{
			name: "no barrier before the flag is set",
			body: handOver("BUG", "bar.sync 0;", "[%d1]"),
			mend: "bar.sync 0;", grid: 2, cooperative: true, data: flagAndNumbers,
		},
		{
			name: "no barrier after the flag is seen",
			body: handOver("bar.sync 0;", "BUG", "[%d1]"),
			mend: "bar.sync 0;", grid: 2, cooperative: true, data: flagAndNumbers,
		},
		{
			name: "another flag",
			body: handOver("bar.sync 0;", "bar.sync 0;", "BUG"),
			bug:  "[%d1+8]", mend: "[%d1]", grid: 3, cooperative: true, data: flagAndNumbers,
		},
		{
			name: "atomics that only the block sees",
			body: `
	setp.eq.u32 %p0, %r0, 9;
	@%p0 BUG.add.u32 [%d1], 1; // HERE
`,
			bug: "red.relaxed.cta.global", mend: "red.relaxed.gpu.global", grid: 2, threads: []int{9},
		},
		{
			name: "an atomic and a plain store",
			body: `
	setp.eq.u32 %p0, %r2, 100;
	@%p0 BUG.u32 [%d1], 0; // HERE
	red.global.add.u32 [%d1+4], 1;
	@!%p0 red.global.max.u32 [%d1], 1; // HERE
`,
			bug: "st.global", mend: "red.global.max", grid: 2,
		},
	} {
		t.Run(p.name, func(t *testing.T) {
			p.kind = emulator.Race
			p.test(t)
		})
	}
}

// The next launch, and the host, may read and write the memory that a launch has written.
func TestLaunchesAreOrdered(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "turn", entry("turn", ".param .u64 in, .param .u64 out", start+`
	ld.global.u32 %r3, [%d3];
	mov.u32 %r4, %ntid.x;
	mov.u32 %r5, %nctaid.x;
	mul.lo.u32 %r4, %r4, %r5;
	sub.u32 %r4, %r4, %r2;
	mul.wide.u32 %d5, %r4, 4;
	add.u64 %d5, %d1, %d5;
	st.global.u32 [%d5+-4], %r3;
`))
	const n = 4 * 64
	a, b := upload(t, d, sequence[uint32](n)), alloc(t, d, 4*n)
	for range 2 {
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(4), Block: line(64), Args: []driver.Arg{driver.Ptr(a), driver.Ptr(b)},
		})
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(4), Block: line(64), Args: []driver.Arg{driver.Ptr(b), driver.Ptr(a)},
		})
	}
	equal(t, download[uint32](t, d, a, n), sequence[uint32](n))
}
