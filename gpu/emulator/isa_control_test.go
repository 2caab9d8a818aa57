package emulator_test

import (
	"math"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// Each thread of a warp leaves its loop when its own number has reached 1.
func TestDivergentLoop(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	o := operation{`mov.u32 %d, 0;
	again:
		setp.eq.u32 %past, %a, 1;
		@%past bra out;
		add.u32 %d, %d, 1;
		and.b32 %word, %a, 1;
		setp.eq.u32 %past, %word, 0;
		@%past bra even;
		mad.lo.u32 %a, %a, 3, 1;
		bra.uni again;
	even:
		shr.u32 %a, %a, 1;
		bra again;
	out:`, kinds("u32"), kinds("u32")}
	var operands [][]uint64
	for i := range uint64(300) {
		operands = append(operands, []uint64{i + 1})
	}
	o.check(t, d, operands, func(x []uint64) []uint64 {
		steps := uint64(0)
		for v := x[0]; v != 1; steps++ {
			if v%2 == 0 {
				v /= 2
			} else {
				v = 3*v + 1
			}
		}
		return []uint64{steps}
	})
}

func TestNestedLoops(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	// Σ_{i<a} Σ_{j<i} (i xor j)
	o := operation{`{
		.reg .u32 %i, %j;
		mov.u32 %d, 0;
		mov.u32 %i, 0;
	outer:
		setp.ge.u32 %past, %i, %a;
		@%past bra end;
		mov.u32 %j, 0;
	inner:
		setp.ge.u32 %past, %j, %i;
		@%past bra next;
		xor.b32 %word, %i, %j;
		add.u32 %d, %d, %word;
		add.u32 %j, %j, 1;
		bra inner;
	next:
		add.u32 %i, %i, 1;
		bra outer;
	end:
	}`, kinds("u32"), kinds("u32")}
	var operands [][]uint64
	for i := range uint64(40) {
		operands = append(operands, []uint64{i * 7 % 13})
	}
	o.check(t, d, operands, func(x []uint64) []uint64 {
		var sum uint64
		for i := range x[0] {
			for j := range i {
				sum += i ^ j
			}
		}
		return []uint64{sum}
	})
}

// Lanes that took different branches, or loops of different lengths, meet again at a shuffle that names all
// lanes.
func TestReconvergence(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for name, text := range map[string]string{
		"if": `
		and.b32 %b, %a, 1;
		setp.eq.u32 %past, %b, 0;
		@%past bra join;
		add.u32 %a, %a, 100;
	join:`,
		"if and else": `
		and.b32 %b, %a, 1;
		setp.eq.u32 %past, %b, 0;
		@%past bra even;
		add.u32 %a, %a, 100;
		bra join;
	even:
		add.u32 %b, %b, 1;
	join:`,
		"else first": `
		and.b32 %b, %a, 1;
		setp.ne.u32 %past, %b, 0;
		@%past bra odd;
		bra join;
	odd:
		add.u32 %a, %a, 100;
	join:`,
		"nested": `
		setp.lt.u32 %past, %a, 7;
		@%past bra low;
		and.b32 %b, %a, 1;
		setp.eq.u32 %past, %b, 0;
		@%past bra high;
		add.u32 %a, %a, 50;
		setp.gt.u32 %past, %a, 70;
		@%past bra more;
		add.u32 %a, %a, 50;
		bra high;
	more:
		add.u32 %a, %a, 50;
	high:
		bra join;
	low:
		and.b32 %b, %a, 1;
		mad.lo.u32 %a, %b, 100, %a;
	join:`,
		"loop": `
		and.b32 %b, %a, 1;
		mul.lo.u32 %b, %b, 100;
	again:
		setp.eq.u32 %past, %b, 0;
		@%past bra done_adding;
		add.u32 %a, %a, 1;
		sub.u32 %b, %b, 1;
		bra again;
	done_adding:`,
	} {
		t.Run(name, func(t *testing.T) {
			// Odd lanes get 100 more; then each sums itself and its neighbour.
			o := operation{text + `
		shfl.sync.bfly.b32 %b, %a, 1, 31, 0xffffffff;
		add.u32 %d, %a, %b;`, kinds("u32"), kinds("u32", "u32")}
			var operands [][]uint64
			for i := range uint64(64) {
				operands = append(operands, []uint64{i % 32, 0})
			}
			for i, got := range o.run(t, d, operands) {
				lane := uint64(i % 32)
				if want := lane + (lane ^ 1) + 100; got[0] != want {
					t.Errorf("lane %d has %d, want %d", lane, got[0], want)
				}
			}
		})
	}
}

// An instruction that needs all lanes waits for lanes in a branch further down in the text, which come back.
func TestWaitingForABranchBelow(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for name, meet := range map[string]string{
		"shuffle": "shfl.sync.bfly.b32 %b, %a, 1, 31, 0xffffffff;",
		"vote":    "vote.sync.ballot.b32 %d, %past, 0xffffffff; shfl.sync.bfly.b32 %b, %a, 1, 31, %d;",
		"warp barrier": "st.global.u32 [%cell], %a; bar.warp.sync 0xffffffff; xor.b64 %cell, %cell, 8; " +
			"ld.global.u32 %b, [%cell];",
		"barrier": "st.global.u32 [%cell], %a; bar.sync 0; xor.b64 %cell, %cell, 8; " +
			"ld.global.u32 %b, [%cell];",
	} {
		t.Run(name, func(t *testing.T) {
			o := operation{`
		and.b32 %b, %a, 1;
		setp.eq.u32 %past, %b, 1;
		@%past bra below;
	join:
		setp.lt.u32 %past, %a, 100000;
		` + meet + `
		add.u32 %d, %a, %b;
		bra out;
	below:
		add.u32 %a, %a, 100;
		bra join;
	out:`, kinds("u32"), kinds("u32", "u32")}
			var operands [][]uint64
			for i := range uint64(128) {
				operands = append(operands, []uint64{i % 32, 0})
			}
			o.check(t, d, operands, func(x []uint64) []uint64 { return []uint64{x[0] + (x[0] ^ 1) + 100} })
		})
	}
}

// The last warp of a block may have few lanes: barriers wait for it, and its lanes can shuffle among
// themselves.
func TestPartialWarp(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "reverse", entry("reverse", ".param .u64 out", `
	.shared .align 4 .b32 tile[1024];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ntid.x;
	mov.u32 %r2, tile;
	shl.b32 %r3, %r0, 2;
	add.u32 %r4, %r2, %r3;
	mul.lo.u32 %r5, %r0, %r0;
	st.shared.u32 [%r4], %r5;
	bar.sync 0;
	sub.u32 %r6, %r1, %r0;
	shl.b32 %r6, %r6, 2;
	add.u32 %r6, %r2, %r6;
	ld.shared.u32 %r7, [%r6+-4];
	bar.sync 0;
	st.shared.u32 [%r4], %r7;
	barrier.sync 0;
	mov.u32 %r8, %ctaid.x;
	mad.lo.u32 %r8, %r8, %r1, %r0;
	mul.wide.u32 %d1, %r8, 4;
	add.u64 %d0, %d0, %d1;
	ld.shared.u32 %r9, [%r4];
	st.global.u32 [%d0], %r9;
`))
	const blocks = 2
	for _, n := range []int{1, 31, 32, 33, 40, 64, 97, 1024} {
		out := zeros(t, d, 4*n*blocks)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(blocks), Block: line(n), Args: []driver.Arg{driver.Ptr(out)},
		})
		want := make([]uint32, n*blocks)
		for i := range want {
			j := uint32(n - 1 - i%n)
			want[i] = j * j
		}
		equal(t, download[uint32](t, d, out, n*blocks), want)
	}
}

// A sum over a block as usually written: with strides through shared memory, then over the last warp with
// shuffles.
func TestBlockSum(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "sum", entry("sum", ".param .u64 in, .param .u64 out, .param .u32 n", `
	.shared .align 8 .f64 part[256];
	ld.param.u64 %d0, [in];
	ld.param.u64 %d1, [out];
	ld.param.u32 %r9, [n];
	mov.u32 %r0, %tid.x;
	mov.f64 %g0, 0d0000000000000000;
	mov.u32 %r1, %r0;
walk:
	setp.ge.u32 %p0, %r1, %r9;
	@%p0 bra walked;
	mul.wide.u32 %d2, %r1, 8;
	add.u64 %d2, %d0, %d2;
	ld.global.f64 %g1, [%d2];
	add.rn.f64 %g0, %g0, %g1;
	add.u32 %r1, %r1, 256;
	bra walk;
walked:
	mov.u32 %r2, part;
	mad.lo.u32 %r2, %r0, 8, %r2;
	st.shared.f64 [%r2], %g0;
	bar.sync 0;
	mov.u32 %r3, 128;
halve:
	setp.lt.u32 %p1, %r0, %r3;
	@!%p1 bra idle;
	mad.lo.u32 %r4, %r3, 8, %r2;
	ld.shared.f64 %g1, [%r4];
	ld.shared.f64 %g0, [%r2];
	add.rn.f64 %g0, %g0, %g1;
	st.shared.f64 [%r2], %g0;
idle:
	bar.sync 0;
	shr.u32 %r3, %r3, 1;
	setp.ge.u32 %p0, %r3, 32;
	@%p0 bra halve;
	setp.ge.u32 %p0, %r0, 32;
	@%p0 bra end;
	ld.shared.f64 %g0, [%r2];
	mov.u32 %r3, 16;
lanes:
	mov.b64 {%r5, %r6}, %g0;
	shfl.sync.down.b32 %r5, %r5, %r3, 31, 0xffffffff;
	shfl.sync.down.b32 %r6, %r6, %r3, 31, 0xffffffff;
	mov.b64 %g1, {%r5, %r6};
	add.rn.f64 %g0, %g0, %g1;
	shr.u32 %r3, %r3, 1;
	setp.ne.u32 %p0, %r3, 0;
	@%p0 bra lanes;
	setp.eq.u32 %p0, %r0, 0;
	@%p0 st.global.f64 [%d1], %g0;
end:
`))
	for _, n := range []int{1, 31, 255, 257, 1000} {
		in, out := upload(t, d, sequence[float64](n)), zeros(t, d, 8)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(256),
			Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.U32(n)},
		})
		equal(t, download[float64](t, d, out, 1), []float64{float64(n * (n - 1) / 2)})
	}
}

// Warps wait at the barrier of a given number wherever it stands in the text, and a barrier may be for some
// of the warps.
func TestBarriers(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	t.Run("two places", func(t *testing.T) {
		k := load(t, d, "places", entry("places", ".param .u64 out", `
	.shared .align 4 .b32 tile[64];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	mov.u32 %r2, tile;
	mad.lo.u32 %r2, %r0, 4, %r2;
	setp.ge.u32 %p0, %r0, 32;
	@%p0 bra consume;
	st.shared.u32 [%r2], %r0;
	bar.sync 0;
	bra end;
consume:
	bar.sync 0;
	ld.shared.u32 %r3, [%r2+-128];
	mul.wide.u32 %d1, %r0, 4;
	add.u64 %d0, %d0, %d1;
	st.global.u32 [%d0+-128], %r3;
end:
`))
		out := zeros(t, d, 128)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(64), Args: []driver.Arg{driver.Ptr(out)},
		})
		equal(t, download[uint32](t, d, out, 32), sequence[uint32](32))
	})
	t.Run("two of four warps", func(t *testing.T) {
		// Warps 0 and 1 exchange numbers, and so do 2 and 3; each pair uses its own barrier.
		k := load(t, d, "pairs", entry("pairs", ".param .u64 out", `
	.shared .align 4 .b32 tile[128];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	mov.u32 %r2, tile;
	mad.lo.u32 %r1, %r0, 4, %r2;
	st.shared.u32 [%r1], %r0;
	shr.u32 %r3, %r0, 6;
	add.u32 %r3, %r3, 1;
	bar.sync %r3, 64;
	xor.b32 %r4, %r0, 32;
	mad.lo.u32 %r1, %r4, 4, %r2;
	ld.shared.u32 %r5, [%r1];
	mul.wide.u32 %d1, %r0, 4;
	add.u64 %d0, %d0, %d1;
	st.global.u32 [%d0], %r5;
`))
		out := zeros(t, d, 512)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(128), Args: []driver.Arg{driver.Ptr(out)},
		})
		want := sequence[uint32](128)
		for i := range want {
			want[i] ^= 32
		}
		equal(t, download[uint32](t, d, out, 128), want)
	})
	t.Run("from warp to warp", func(t *testing.T) {
		// Warp 0 writes, meets warp 1, which meets warp 2, which reads.
		k := load(t, d, "relay", entry("relay", ".param .u64 out", `
	.shared .align 4 .b32 tile[32];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	and.b32 %r1, %r0, 31;
	mov.u32 %r2, tile;
	mad.lo.u32 %r2, %r1, 4, %r2;
	setp.lt.u32 %p0, %r0, 32;
	@%p0 bra first;
	setp.lt.u32 %p0, %r0, 64;
	@%p0 bra second;
	bar.sync 2, 64;
	ld.shared.u32 %r3, [%r2];
	mul.wide.u32 %d1, %r1, 4;
	add.u64 %d0, %d0, %d1;
	st.global.u32 [%d0], %r3;
	bra end;
first:
	st.shared.u32 [%r2], %r0;
	bar.sync 1, 64;
	bra end;
second:
	bar.sync 1, 64;
	bar.sync 2, 64;
end:
`))
		out := zeros(t, d, 128)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(96), Args: []driver.Arg{driver.Ptr(out)},
		})
		equal(t, download[uint32](t, d, out, 32), sequence[uint32](32))
	})
	t.Run("half a warp", func(t *testing.T) {
		// Each half of a warp repeats the same steps on its own number: all lanes read it, meet, and one lane
		// writes it.
		k := load(t, d, "turns", entry("turns", ".param .u64 out", `
	.shared .align 4 .b32 tile[2];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	shr.u32 %r1, %r0, 4;
	mov.u32 %r2, tile;
	mad.lo.u32 %r2, %r1, 4, %r2;
	shl.b32 %r3, %r1, 4;
	mov.u32 %r4, 0xffff;
	shl.b32 %r4, %r4, %r3;          // the lanes of this half
	and.b32 %r5, %r0, 15;
	setp.eq.u32 %p0, %r5, 0;
	@%p0 st.shared.u32 [%r2], %r3;
	mov.u32 %r6, 0;
	setp.eq.u32 %p3, %r1, 0;
	@!%p3 bra upper;
lower:
	bar.warp.sync 0xffff;
	ld.shared.u32 %r7, [%r2];
	bar.warp.sync 0xffff;
	setp.eq.u32 %p1, %r5, %r6;
	add.u32 %r7, %r7, %r0;
	@%p1 st.shared.u32 [%r2], %r7;
	add.u32 %r6, %r6, 1;
	setp.lt.u32 %p2, %r6, 16;
	@%p2 bra lower;
	bar.warp.sync 0xffff;
	bra both;
upper:
	bar.warp.sync %r4;
	ld.shared.u32 %r7, [%r2];
	bar.warp.sync %r4;
	setp.eq.u32 %p1, %r5, %r6;
	add.u32 %r7, %r7, %r0;
	@%p1 st.shared.u32 [%r2], %r7;
	add.u32 %r6, %r6, 1;
	setp.lt.u32 %p2, %r6, 16;
	@%p2 bra upper;
	bar.warp.sync %r4;
both:
	ld.shared.u32 %r7, [%r2];
	mul.wide.u32 %d1, %r0, 4;
	add.u64 %d0, %d0, %d1;
	st.global.u32 [%d0], %r7;
`))
		out := zeros(t, d, 128)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(32), Args: []driver.Arg{driver.Ptr(out)},
		})
		want := make([]uint32, 32)
		for i := range want {
			want[i] = 120 // 0 + 1 + … + 15
			if i >= 16 {
				want[i] = 16 + 376 // 16 + 17 + … + 31
			}
		}
		equal(t, download[uint32](t, d, out, 32), want)
	})
	t.Run("warp", func(t *testing.T) {
		// The lanes of a warp reverse their numbers through shared memory.
		k := load(t, d, "lanes", entry("lanes", ".param .u64 out", `
	.shared .align 4 .b32 tile[32];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	mov.u32 %r2, tile;
	mad.lo.u32 %r1, %r0, 4, %r2;
	st.shared.u32 [%r1], %r0;
	bar.warp.sync 0xffffffff;
	xor.b32 %r4, %r0, 31;
	mad.lo.u32 %r1, %r4, 4, %r2;
	ld.shared.u32 %r5, [%r1];
	mul.wide.u32 %d1, %r0, 4;
	add.u64 %d0, %d0, %d1;
	st.global.u32 [%d0], %r5;
`))
		out := zeros(t, d, 128)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(32), Args: []driver.Arg{driver.Ptr(out)},
		})
		want := sequence[uint32](32)
		for i := range want {
			want[i] ^= 31
		}
		equal(t, download[uint32](t, d, out, 32), want)
	})
}

// Every block of a launch runs exactly once, in three dimensions and with more blocks than the device can
// hold at once.
func TestEveryBlockOnce(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{Multiprocessors: 1})
	k := load(t, d, "count", entry("count", ".param .u64 out", `
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %ctaid.z;
	mov.u32 %r1, %nctaid.y;
	mov.u32 %r2, %ctaid.y;
	mad.lo.u32 %r0, %r0, %r1, %r2;
	mov.u32 %r1, %nctaid.x;
	mov.u32 %r2, %ctaid.x;
	mad.lo.u32 %r0, %r0, %r1, %r2;
	mul.wide.u32 %d1, %r0, 4;
	add.u64 %d0, %d0, %d1;
	red.global.add.u32 [%d0], 1;
`))
	for _, grid := range []driver.Dim{{1, 1, 1}, {300, 1, 1}, {7, 5, 3}, {1, 1, 65}} {
		n := grid.Count()
		out := zeros(t, d, 4*n)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: grid, Block: line(35), Args: []driver.Arg{driver.Ptr(out)},
		})
		want := make([]uint32, n)
		for i := range want {
			want[i] = 35
		}
		equal(t, download[uint32](t, d, out, n), want)
	}
}

// Blocks of a cooperative launch wait for each other: for a flag set after the data, for the data itself, or
// all for all.
func TestCooperative(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const blocks, block = 6, 64
	// Block b waits for block b + 1, so running the blocks one after another in order would never end.
	t.Run("flags", func(t *testing.T) {
		k := load(t, d, "chain", entry("chain", ".param .u64 data, .param .u64 flags", `
	ld.param.u64 %d0, [data];
	ld.param.u64 %d1, [flags];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %nctaid.x;
	mul.wide.u32 %d2, %r1, 4;
	add.u64 %d1, %d1, %d2;       // the block's flag
	mad.lo.u32 %r3, %r1, 64, %r0;
	mul.wide.u32 %d2, %r3, 4;
	add.u64 %d0, %d0, %d2;       // the thread's number
	sub.u32 %r2, %r2, 1;
	mov.u32 %r4, 1;
	setp.eq.u32 %p0, %r1, %r2;
	@%p0 bra add;
	setp.ne.u32 %p1, %r0, 0;
	@%p1 bra wait;
poll:
	ld.acquire.gpu.global.u32 %r5, [%d1+4];
	setp.eq.u32 %p2, %r5, 0;
	@%p2 bra poll;
wait:
	bar.sync 0;
	xor.b32 %r6, %r0, 63;        // another thread of the next block wrote it
	mad.lo.u32 %r6, %r1, 64, %r6;
	add.u32 %r6, %r6, 64;
	mul.wide.u32 %d3, %r6, 4;
	ld.param.u64 %d4, [data];
	add.u64 %d3, %d4, %d3;
	ld.global.u32 %r4, [%d3];
	add.u32 %r4, %r4, 1;
add:
	st.global.u32 [%d0], %r4;
	bar.sync 0;
	setp.eq.u32 %p1, %r0, 0;
	@%p1 st.release.gpu.global.u32 [%d1], 1;
`))
		data, flags := alloc(t, d, 4*blocks*block), zeros(t, d, 4*blocks)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(blocks), Block: line(block), Cooperative: true,
			Args: []driver.Arg{driver.Ptr(data), driver.Ptr(flags)},
		})
		want := make([]uint32, blocks*block)
		for i := range want {
			want[i] = uint32(blocks - i/block)
		}
		equal(t, download[uint32](t, d, data, blocks*block), want)
	})
	t.Run("data", func(t *testing.T) {
		// NaN stands for "not yet written".
		k := load(t, d, "relay", entry("relay", ".param .u64 data", `
	ld.param.u64 %d0, [data];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %nctaid.x;
	mad.lo.u32 %r3, %r1, 64, %r0;
	mul.wide.u32 %d2, %r3, 4;
	add.u64 %d0, %d0, %d2;
	sub.u32 %r2, %r2, 1;
	mov.f32 %f0, 0f00000000;
	setp.eq.u32 %p0, %r1, %r2;
	@%p0 bra add;
poll:
	ld.relaxed.gpu.global.f32 %f0, [%d0+256];
	setp.nan.f32 %p1, %f0, %f0;
	@%p1 bra poll;
add:
	add.f32 %f0, %f0, 0f3f800000;
	st.relaxed.gpu.global.f32 [%d0], %f0;
`))
		blank := make([]float32, blocks*block)
		want := make([]float32, blocks*block)
		for i := range blank {
			blank[i] = float32(math.NaN())
			want[i] = float32(blocks - i/block)
		}
		data := upload(t, d, blank)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(blocks), Block: line(block), Cooperative: true,
			Args: []driver.Arg{driver.Ptr(data)},
		})
		equal(t, download[float32](t, d, data, blocks*block), want)
	})
	t.Run("from block to block", func(t *testing.T) {
		// Only block 0 writes the data; each other block learns of it from the block before.
		k := load(t, d, "hearsay", entry("hearsay", ".param .u64 data, .param .u64 flags", `
	ld.param.u64 %d0, [data];
	ld.param.u64 %d1, [flags];
	mov.u32 %r0, %ctaid.x;
	mul.wide.u32 %d2, %r0, 4;
	add.u64 %d1, %d1, %d2;
	add.u64 %d3, %d0, %d2;
	setp.eq.u32 %p0, %r0, 0;
	@%p0 bra first;
poll:
	ld.acquire.gpu.global.u32 %r1, [%d1+-4];
	setp.eq.u32 %p1, %r1, 0;
	@%p1 bra poll;
	ld.global.u32 %r2, [%d0];
	add.u32 %r2, %r2, %r0;
	st.global.u32 [%d3], %r2;
	bra tell;
first:
	st.global.u32 [%d0], 100;
tell:
	st.release.gpu.global.u32 [%d1], 1;
`))
		data, flags := alloc(t, d, 4*blocks), zeros(t, d, 4*blocks)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(blocks), Block: line(1), Cooperative: true,
			Args: []driver.Arg{driver.Ptr(data), driver.Ptr(flags)},
		})
		equal(t, download[uint32](t, d, data, blocks), []uint32{100, 101, 102, 103, 104, 105})
	})
	// The fence before and after, the instruction by which a block announces itself, and the one by which it
	// checks the others.
	for name, fences := range map[string][3]string{
		"acquire and release": {"", "atom.release.gpu.global.add.u32", "ld.acquire.gpu.global.u32"},
		"fences": {
			"fence.acq_rel.gpu;", "atom.relaxed.gpu.global.add.u32", "ld.relaxed.gpu.global.u32",
		},
		"membar": {"membar.gl;", "atom.global.add.u32", "ld.volatile.global.u32"},
	} {
		t.Run(name, func(t *testing.T) {
			// Three rounds: every block adds up the numbers that all blocks wrote in the round before.
			k := load(t, d, "rounds", entry("rounds", ".param .u64 data, .param .u64 count", `
	ld.param.u64 %d0, [data];
	ld.param.u64 %d1, [count];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %nctaid.x;
	mov.u32 %r3, 0;              // round
	add.u32 %r4, %r1, 1;         // the block's number
round:
	// Each round has a separate array.
	mad.lo.u32 %r6, %r3, %r2, %r1;
	mul.wide.u32 %d2, %r6, 4;
	add.u64 %d2, %d0, %d2;
	setp.ne.u32 %p0, %r0, 0;
	@!%p0 st.global.u32 [%d2], %r4;
	bar.sync 0;
	@%p0 bra arrived;
	`+fences[0]+`
	`+fences[1]+` %r5, [%d1], 1;
	add.u32 %r7, %r3, 1;
	mul.lo.u32 %r7, %r7, %r2;
poll:
	`+fences[2]+` %r5, [%d1];
	setp.lt.u32 %p1, %r5, %r7;
	@%p1 bra poll;
	`+fences[0]+`
arrived:
	bar.sync 0;
	mov.u32 %r4, 0;
	mov.u32 %r8, 0;
sum:
	mad.lo.u32 %r6, %r3, %r2, %r8;
	mul.wide.u32 %d2, %r6, 4;
	add.u64 %d2, %d0, %d2;
	ld.global.u32 %r9, [%d2];
	add.u32 %r4, %r4, %r9;
	add.u32 %r8, %r8, 1;
	setp.lt.u32 %p1, %r8, %r2;
	@%p1 bra sum;
	add.u32 %r3, %r3, 1;
	setp.lt.u32 %p1, %r3, 3;
	@%p1 bra round;
	mad.lo.u32 %r6, %r3, %r2, %r1;
	mul.wide.u32 %d2, %r6, 4;
	add.u64 %d2, %d0, %d2;
	@!%p0 st.global.u32 [%d2], %r4;
`))
			data, count := alloc(t, d, 4*4*blocks), zeros(t, d, 4)
			launch(t, d, driver.Launch{
				Kernel: k, Grid: line(blocks), Block: line(block), Cooperative: true,
				Args: []driver.Arg{driver.Ptr(data), driver.Ptr(count)},
			})
			// 21 = 1 + … + 6, then six times as much in each round.
			var want []uint32
			for _, v := range []uint32{21, 126, 756} {
				for range blocks {
					want = append(want, v)
				}
			}
			equal(t, download[uint32](t, d, data+4*blocks, 3*blocks), want)
		})
	}
}

// cp.async copies 4, 8 or 16 bytes; its last operand may ask for fewer bytes, and the rest is filled with
// zeros. wait_group n leaves the last n groups in flight.
func TestAsyncCopy(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const n = 40
	for name, tt := range map[string]struct {
		text string
		size int
		keep func(i int) int // bytes that thread i copies
	}{
		"4 bytes":         {"cp.async.ca.shared.global [%r2], [%d0], 4;", 4, nil},
		"8 bytes":         {"cp.async.ca.shared.global [%r2], [%d0], 8;", 8, nil},
		"16 bytes":        {"cp.async.ca.shared.global [%r2], [%d0], 16;", 16, nil},
		"16 bytes around": {"cp.async.cg.shared.global [%r2], [%d0], 16;", 16, nil},
		"4 bytes or zeros": {"setp.lt.u32 %p0, %r0, 33; selp.u32 %r5, 4, 0, %p0; " +
			"cp.async.ca.shared.global [%r2], [%d0], 4, %r5;",
			4, func(i int) int { return 4 * int(truth(i < 33)) }},
		"8 bytes or fewer": {"and.b32 %r5, %r0, 7; cp.async.ca.shared.global [%r2], [%d0], 8, %r5;",
			8, func(i int) int { return i & 7 }},
		"16 bytes or fewer": {"and.b32 %r5, %r0, 15; cp.async.cg.shared.global [%r2], [%d0], 16, %r5;",
			16, func(i int) int { return i & 15 }},
		"6 of 16 bytes": {"cp.async.cg.shared.global [%r2], [%d0], 16, 6;",
			16, func(int) int { return 6 }},
	} {
		t.Run(name, func(t *testing.T) {
			k := load(t, d, "stage", entry("stage", ".param .u64 in, .param .u64 out, .param .u32 size", `
	.shared .align 16 .b8 tile[640];
	ld.param.u64 %d0, [in];
	ld.param.u64 %d1, [out];
	ld.param.u32 %r3, [size];
	mov.u32 %r0, %tid.x;
	mul.lo.u32 %r1, %r0, %r3;
	mov.u32 %r2, tile;
	add.u32 %r2, %r2, %r1;
	mul.wide.u32 %d2, %r0, %r3;
	add.u64 %d0, %d0, %d2;
	add.u64 %d1, %d1, %d2;
	`+tt.text+`
	cp.async.commit_group;
	cp.async.wait_group 0;
copy:
	ld.shared.u32 %r4, [%r2];
	st.global.u32 [%d1], %r4;
	add.u32 %r2, %r2, 4;
	add.u64 %d1, %d1, 4;
	sub.u32 %r3, %r3, 4;
	setp.ne.u32 %p1, %r3, 0;
	@%p1 bra copy;
`))
			data := make([]byte, n*tt.size)
			want := make([]byte, len(data))
			for i := range data {
				data[i] = byte(1 + i%251)
				if tt.keep == nil || i%tt.size < tt.keep(i/tt.size) {
					want[i] = data[i]
				}
			}
			// Nothing is read beyond the bytes asked for: threads from 33 on have no data at all.
			if name == "4 bytes or zeros" {
				data = data[:4*33]
			}
			in, out := upload(t, d, data), zeros(t, d, len(want))
			launch(t, d, driver.Launch{
				Kernel: k, Grid: line(1), Block: line(n),
				Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.U32(tt.size)},
			})
			equal(t, download[byte](t, d, out, len(want)), want)
		})
	}
	t.Run("pipeline", func(t *testing.T) {
		// Two buffers: one is summed while the next tile is copied into the other.
		k := load(t, d, "pipeline", entry("pipeline", ".param .u64 in, .param .u64 out, .param .u32 tiles",
			pipeline("cp.async.wait_group 1;", "bar.sync 0;", "bar.sync 0;")))
		const tiles, block = 7, 64
		in, out := upload(t, d, sequence[float32](tiles*block)), zeros(t, d, 4*block)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(block),
			Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.U32(tiles)},
		})
		want := make([]float32, block)
		for i := range want {
			for tile := range tiles {
				want[i] += float32(tile*block + block - 1 - i)
			}
		}
		equal(t, download[float32](t, d, out, block), want)
	})
	t.Run("wait_all", func(t *testing.T) {
		k := load(t, d, "pipeline", entry("pipeline", ".param .u64 in, .param .u64 out, .param .u32 tiles",
			pipeline("cp.async.wait_all;", "bar.sync 0;", "bar.sync 0;")))
		in, out := upload(t, d, sequence[float32](64)), zeros(t, d, 4*64)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(64),
			Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out), driver.U32(1)},
		})
		want := sequence[float32](64)
		for i := range want {
			want[i] = 63 - want[i]
		}
		equal(t, download[float32](t, d, out, 64), want)
	})
}

// pipeline is the body of a kernel of 64 threads that sums tiles of 64 numbers, in reverse order, through two
// buffers that cp.async fills. wait waits for the thread's own copies of a tile, before for the other
// threads' copies, and after for the other threads' reads.
func pipeline(wait, before, after string) string {
	return `
	.shared .align 512 .b8 tile[512]; // one buffer is the other with a bit changed
	ld.param.u64 %d0, [in];
	ld.param.u64 %d1, [out];
	ld.param.u32 %r9, [tiles];
	mov.u32 %r0, %tid.x;
	mul.wide.u32 %d2, %r0, 4;
	add.u64 %d0, %d0, %d2;
	add.u64 %d1, %d1, %d2;
	mov.u32 %r1, tile;
	mad.lo.u32 %r2, %r0, 4, %r1;      // address of the thread's number
	xor.b32 %r3, %r0, 63;
	mad.lo.u32 %r3, %r3, 4, %r1;      // address of the number that it sums
	mov.f32 %f0, 0f00000000;
	cp.async.ca.shared.global [%r2], [%d0], 4;
	cp.async.commit_group;
	mov.u32 %r4, 1;                   // the next tile
next:
	xor.b32 %r2, %r2, 256;
	add.u64 %d0, %d0, 256;
	setp.ge.u32 %p0, %r4, %r9;
	@%p0 bra none;
	cp.async.ca.shared.global [%r2], [%d0], 4;
none:
	cp.async.commit_group;
	` + wait + `
	` + before + `
	ld.shared.f32 %f1, [%r3]; // HERE
	add.f32 %f0, %f0, %f1;
	` + after + `
	xor.b32 %r3, %r3, 256;
	add.u32 %r4, %r4, 1;
	setp.le.u32 %p0, %r4, %r9;
	@%p0 bra next;
	st.global.f32 [%d1], %f0;
`
}
