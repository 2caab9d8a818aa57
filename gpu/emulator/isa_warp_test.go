package emulator_test

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// source is the lane from which the ISA's pseudocode of shfl.sync takes a lane's value, and the predicate.
// Bits 8 to 12 of c divide the lanes into segments; bits 0 to 4 clamp them.
func source(mode string, lane, b, c uint32) (uint32, bool) {
	segment := c >> 8 & 31
	b, c = b&31, c&31
	first, last := lane&segment, lane&segment|c&^segment
	var from uint32
	var inside bool
	switch mode {
	case "up":
		inside = int(lane)-int(b) >= int(last)
		from = lane - b
	case "down":
		from = lane + b
		inside = from <= last
	case "bfly":
		from = lane ^ b
		inside = from <= last
	case "idx":
		from = first | b&^segment
		inside = from <= last
	}
	if !inside {
		return lane, false
	}
	return from, true
}

// For sub-warps of w lanes, c is (32−w)·256 + 31, or (32−w)·256 for .up.
func TestShuffle(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(20, 0))
	for _, mode := range []string{"up", "down", "bfly", "idx"} {
		var operands [][]uint64
		warp := func(b, c func(lane uint64) uint64) {
			for lane := range uint64(32) {
				operands = append(operands, []uint64{uint64(rng.Uint32()), b(lane), c(lane)})
			}
		}
		constant := func(v uint64) func(uint64) uint64 { return func(uint64) uint64 { return v } }
		for _, width := range []uint64{1, 2, 4, 8, 16, 32} {
			c := (32-width)<<8 | 31
			if mode == "up" {
				c = (32 - width) << 8
			}
			for _, b := range []uint64{0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 35} {
				warp(constant(b), constant(c))
			}
			if mode == "idx" {
				// Each lane may ask for a different lane.
				warp(func(uint64) uint64 { return rng.Uint64N(32) }, constant(c))
				warp(func(lane uint64) uint64 { return 31 - lane }, constant(c))
			}
		}
		// Clamps inside the segment.
		for _, c := range []uint64{0x0007, 0x1003, 0x180b, 0x0000, 0x1f1f, 0x1800} {
			for _, b := range []uint64{1, 5, 9} {
				warp(constant(b), constant(c))
			}
		}
		t.Run(mode, func(t *testing.T) {
			o := operation{
				"shfl.sync." + mode + ".b32 %d|%e, %a, %b, %c, 0xffffffff;",
				kinds("b32", "pred"), repeat("b32", 3),
			}
			wrong := 0
			for i, got := range o.run(t, d, operands) {
				x := operands[i]
				from, inside := source(mode, uint32(i%32), uint32(x[1]), uint32(x[2]))
				want := operands[i/32*32+int(from)][0]
				if (got[0] != want || got[1] != truth(inside)) && wrong < 4 {
					wrong++
					t.Errorf("lane %d, b %#x, c %#x: %#x and %d, want that of lane %d, %#x, and %d",
						i%32, x[1], x[2], got[0], got[1], from, want, truth(inside))
				}
			}
		})
	}
	t.Run("one destination", func(t *testing.T) {
		o := operation{"shfl.sync.idx.b32 %d, %a, 3, 31, -1;", kinds("b32"), kinds("b32")}
		var operands [][]uint64
		for i := range uint64(64) {
			operands = append(operands, []uint64{i})
		}
		for i, got := range o.run(t, d, operands) {
			if want := uint64(i/32*32 + 3); got[0] != want {
				t.Errorf("thread %d has %d, want %d", i, got[0], want)
			}
		}
	})
	t.Run("last lane of a kernel", func(t *testing.T) {
		k := load(t, d, "last", entry("last", ".param .u64 out", `
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %laneid;
	shfl.sync.down.b32 %r1|%p0, %r0, 1, 31, 0xffffffff;
	@!%p0 st.global.u32 [%d0], %r1;
`))
		out := zeros(t, d, 4)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(32), Args: []driver.Arg{driver.Ptr(out)},
		})
		equal(t, download[uint32](t, d, out, 1), []uint32{31})
	})
	t.Run("half a warp", func(t *testing.T) {
		// Odd and even lanes shuffle separately; each mask names its own half.
		o := operation{`{
		.reg .pred %odd;
		and.b32 %b, %i, 1;
		setp.eq.u32 %odd, %b, 1;
		@%odd bra odds;
		shfl.sync.down.b32 %d, %a, 2, 31, 0x55555555;
		bra both;
	odds:
		shfl.sync.up.b32 %d, %a, 2, 0, 0xaaaaaaaa;
	both:
		}`, kinds("b32"), kinds("b32", "b32")}
		var operands [][]uint64
		for i := range uint64(32) {
			operands = append(operands, []uint64{100 + i, 0})
		}
		for i, got := range o.run(t, d, operands) {
			want := uint64(100 + i)
			if i%2 == 0 && i+2 < 32 {
				want += 2
			} else if i%2 == 1 && i >= 2 {
				want -= 2
			}
			if got[0] != want {
				t.Errorf("lane %d has %d, want %d", i, got[0], want)
			}
		}
	})
}

func TestVote(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	rng := rand.New(rand.NewPCG(21, 0))
	var masks []uint32
	for range 10 {
		masks = append(masks, rng.Uint32())
	}
	masks = append(masks, 0, 1<<32-1, 1, 1<<31, 1<<32-2)
	var operands [][]uint64
	for _, mask := range masks {
		for lane := range 32 {
			operands = append(operands, []uint64{uint64(mask >> lane & 1)})
		}
	}
	for name, of := range map[string]func(mask uint32) uint64{
		"all.pred %d, %a":    func(m uint32) uint64 { return truth(m == 1<<32-1) },
		"all.pred %d, !%a":   func(m uint32) uint64 { return truth(m == 0) },
		"any.pred %d, %a":    func(m uint32) uint64 { return truth(m != 0) },
		"any.pred %d, !%a":   func(m uint32) uint64 { return truth(m != 1<<32-1) },
		"uni.pred %d, %a":    func(m uint32) uint64 { return truth(m == 0 || m == 1<<32-1) },
		"ballot.b32 %d, %a":  func(m uint32) uint64 { return uint64(m) },
		"ballot.b32 %d, !%a": func(m uint32) uint64 { return uint64(^m) },
	} {
		t.Run(name, func(t *testing.T) {
			kind := "pred"
			if name[0] == 'b' {
				kind = "b32"
			}
			o := operation{"vote.sync." + name + ", 0xffffffff;", kinds(kind), kinds("pred")}
			for i, got := range o.run(t, d, operands) {
				if want := of(masks[i/32]); got[0] != want {
					t.Fatalf("of %#08x lane %d has %#x, want %#x", masks[i/32], i%32, got[0], want)
				}
			}
		})
	}
	t.Run("some lanes", func(t *testing.T) {
		// The first 12 lanes vote alone; the ballot has no bits of the other lanes.
		o := operation{`{
		.reg .pred %few;
		setp.lt.u32 %few, %i, 12;
		mov.u32 %d, 77;
		mov.u32 %e, 78;
		@!%few bra skip;
		vote.sync.ballot.b32 %d, %a, 0xfff;
		vote.sync.all.pred %few, %a, 0xfff;
		selp.u32 %e, 1, 0, %few;
	skip:
		}`, kinds("u32", "u32"), kinds("pred")}
		var operands [][]uint64
		for i := range 32 {
			operands = append(operands, []uint64{truth(i < 12 && i != 5 || i > 20)})
		}
		for i, got := range o.run(t, d, operands) {
			want := [2]uint64{77, 78}
			if i < 12 {
				want = [2]uint64{0xfff &^ (1 << 5), 0}
			}
			if [2]uint64(got) != want {
				t.Errorf("lane %d has %v, want %v", i, got, want)
			}
		}
	})
}

// Nothing waits for lanes that have left the kernel, and they do not count.
func TestLanesThatLeft(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	o := operation{`{
		.reg .pred %gone;
		activemask.b32 %d;
		st.global.u32 [%cell], %d;
		setp.ge.u32 %gone, %a, 20;
		@%gone exit;
		vote.sync.ballot.b32 %d, %gone, 0xfffff;
		not.b32 %d, %d;
		shfl.sync.bfly.b32 %e, %a, 3, 31, 0xfffff;
		ld.global.u32 %a, [%cell];
		xor.b32 %d, %d, %a;
	}`, kinds("u32", "u32"), kinds("u32")}
	var operands [][]uint64
	for i := range uint64(64) {
		operands = append(operands, []uint64{i % 32})
	}
	for i, got := range o.run(t, d, operands) {
		// All lanes were active at first; none of the ballot's bits is set. Results of lanes that left are
		// zeros.
		want := [2]uint64{0, uint64(i%32) ^ 3}
		if i%32 >= 20 {
			want[1] = 0
		}
		if [2]uint64(got) != want {
			t.Errorf("lane %d has %#x, want %#x", i%32, got, want)
		}
	}
}

// Each thread alone at its cell: the value that an atomic returns, and the value that it leaves.
func TestAtomics(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	type result func(k integer, x []uint64) uint64
	pick := func(name string) result {
		return func(k integer, x []uint64) uint64 {
			if (k.of(x[1]).Cmp(k.of(x[0])) < 0) == (name == "min") {
				return x[1]
			}
			return x[0]
		}
	}
	tests := []struct {
		name  string
		types []integer
		want  result
	}{
		{"add", []integer{u32, s32, u64}, func(k integer, x []uint64) uint64 { return k.mask(x[0] + x[1]) }},
		{"min", []integer{u32, s32, u64, s64}, pick("min")},
		{"max", []integer{u32, s32, u64, s64}, pick("max")},
		{"and", []integer{b32, b64}, func(_ integer, x []uint64) uint64 { return x[0] & x[1] }},
		{"or", []integer{b32, b64}, func(_ integer, x []uint64) uint64 { return x[0] | x[1] }},
		{"xor", []integer{b32, b64}, func(_ integer, x []uint64) uint64 { return x[0] ^ x[1] }},
		{"exch", []integer{b32, b64}, func(_ integer, x []uint64) uint64 { return x[1] }},
		// inc counts up to b and back to 0; dec counts down to 0 and back to b.
		{"inc", []integer{u32}, func(_ integer, x []uint64) uint64 {
			if x[0] >= x[1] {
				return 0
			}
			return x[0] + 1
		}},
		{"dec", []integer{u32}, func(_ integer, x []uint64) uint64 {
			if x[0] == 0 || x[0] > x[1] {
				return x[1]
			}
			return x[0] - 1
		}},
	}
	for _, s := range []space{spaces[0], spaces[1], spaces[3]} {
		for _, tt := range tests {
			for seed, k := range tt.types {
				operands := sample(tuples(uint64(seed), 60, k, k), 300)
				for _, x := range tuples(uint64(seed), 10, k) {
					operands = append(operands, []uint64{x[0], x[0]}, []uint64{x[0], k.mask(x[0] + 1)},
						[]uint64{k.mask(x[0] + 1), x[0]})
				}
				want := func(x []uint64) []uint64 { return []uint64{x[0], tt.want(k, x)} }
				t.Run(fmt.Sprintf("atom%s.%s.%s", s.name, tt.name, k.name), func(t *testing.T) {
					o := operation{
						fmt.Sprintf("{ .reg .b64 %%at; %s st%s.%s [%%at], %%a; "+
							"atom%s.%s.%s %%d, [%%at], %%b; ld%s.%s %%e, [%%at]; }",
							s.before, s.name, k.name, s.name, tt.name, k.name, s.name, k.name),
						repeat(k.name, 2), repeat(k.name, 2),
					}
					o.check(t, d, operands, want)
				})
				if tt.name == "exch" {
					continue // not an operation of red
				}
				t.Run(fmt.Sprintf("red%s.%s.%s", s.name, tt.name, k.name), func(t *testing.T) {
					o := operation{
						fmt.Sprintf("{ .reg .b64 %%at; %s st%s.%s [%%at], %%a; red%s.%s.%s [%%at], %%b; "+
							"mov.%s %%d, %%a; ld%s.%s %%e, [%%at]; }",
							s.before, s.name, k.name, s.name, tt.name, k.name, k.name, s.name, k.name),
						repeat(k.name, 2), repeat(k.name, 2),
					}
					o.check(t, d, operands, want)
				})
			}
		}
		for _, k := range []integer{b32, b64} {
			var operands [][]uint64
			for _, x := range sample(tuples(22, 40, k, k), 300) {
				operands = append(operands, []uint64{x[0], x[1], k.mask(^x[0])}, []uint64{x[0], x[0], x[1]})
			}
			t.Run(fmt.Sprintf("atom%s.cas.%s", s.name, k.name), func(t *testing.T) {
				o := operation{
					fmt.Sprintf("{ .reg .b64 %%at; %s st%s.%s [%%at], %%a; "+
						"atom%s.cas.%s %%d, [%%at], %%b, %%c; ld%s.%s %%e, [%%at]; }",
						s.before, s.name, k.name, s.name, k.name, s.name, k.name),
					repeat(k.name, 2), repeat(k.name, 3),
				}
				o.check(t, d, operands, func(x []uint64) []uint64 {
					if x[0] == x[1] {
						return []uint64{x[0], x[2]}
					}
					return []uint64{x[0], x[0]}
				})
			})
		}
		for _, f := range []format{single, double} {
			t.Run(fmt.Sprintf("atom%s.add.%s", s.name, f.name), func(t *testing.T) {
				o := operation{
					fmt.Sprintf("{ .reg .b64 %%at; %s st%s.%s [%%at], %%a; atom%s.add.%s %%d, [%%at], %%b; "+
						"ld%s.%s %%e, [%%at]; }",
						s.before, s.name, f.name, s.name, f.name, s.name, f.name),
					repeat(f.name, 2), repeat(f.name, 2),
				}
				o.check(t, d, f.operands(2, 200, 23), func(x []uint64) []uint64 {
					out := f.round(sum(f.of(x[0]), f.of(x[1]), "rn"), "rn")
					if f == single && (f.isSubnormal(x[0]) || f.isSubnormal(x[1]) || f.isSubnormal(out)) {
						return nil // flushed in some spaces and not in others
					}
					return []uint64{x[0], out}
				})
			})
		}
	}
	for _, text := range []string{
		"atom.relaxed.gpu.global.add.u32", "atom.acq_rel.gpu.global.add.u32",
		"atom.acquire.cta.global.add.u32",
		"atom.release.sys.global.add.u32", "atom.gpu.global.add.u32", "atom.relaxed.gpu.add.u32",
	} {
		t.Run(text, func(t *testing.T) {
			o := operation{
				text + " %d, [%cell], %a; ld.global.u32 %e, [%cell];", kinds("u32", "u32"), kinds("u32"),
			}
			o.check(t, d, [][]uint64{{3}, {4}}, func(x []uint64) []uint64 { return []uint64{0, x[0]} })
		})
	}
}

// Threads of several blocks at one cell: each operation sees the value that another left, in any order.
func TestAtomicsAtOneCell(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const blocks, block = 3, 72
	const n = blocks * block
	// Thread i has the number i + 1 in %r0, the address of its own cell in %d1 and that of the shared cell in
	// %d0.
	run := func(t *testing.T, text string, start uint64) ([]uint64, uint64) {
		t.Helper()
		k := load(t, d, "crowd", entry("crowd", ".param .u64 cell, .param .u64 out", `
	ld.param.u64 %d0, [cell];
	ld.param.u64 %d1, [out];
	mov.u32 %r0, %tid.x;
	mov.u32 %r1, %ctaid.x;
	mad.lo.u32 %r0, %r1, 72, %r0;
	mul.wide.u32 %d2, %r0, 8;
	add.u64 %d1, %d1, %d2;
	add.u32 %r0, %r0, 1;
	cvt.rn.f64.u32 %g0, %r0;
	cvt.rn.f32.u32 %f0, %r0;
	cvt.u64.u32 %d3, %r0;
`+text+`
	st.global.u64 [%d1], %d4;
`))
		cell, out := upload(t, d, []uint64{start}), zeros(t, d, 8*n)
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(blocks), Block: line(block),
			Args: []driver.Arg{driver.Ptr(cell), driver.Ptr(out)},
		})
		return download[uint64](t, d, out, n), download[uint64](t, d, cell, 1)[0]
	}
	const sum = n * (n + 1) / 2
	exact := number{whole: u64.of(sum)}
	for text, want := range map[string]uint64{
		"mov.u64 %d4, 0; red.global.add.u32 [%d0], %r0;":                   sum,
		"mov.u64 %d4, 0; red.global.add.u64 [%d0], %d3;":                   sum,
		"mov.u64 %d4, 0; red.global.add.f64 [%d0], %g0;":                   double.round(exact, "rn"),
		"mov.u64 %d4, 0; red.global.add.f32 [%d0], %f0;":                   single.round(exact, "rn"),
		"mov.u64 %d4, 0; red.global.max.u32 [%d0], %r0;":                   n,
		"mov.u64 %d4, 0; not.b64 %d3, %d3; red.global.min.s64 [%d0], %d3;": 1<<64 - n - 1,
		"mov.u64 %d4, 0; and.b32 %r2, %r0, 31; mov.u32 %r3, 1; shl.b32 %r3, %r3, %r2; " +
			"red.global.or.b32 [%d0], %r3;": 1<<32 - 1,
		// A sum by compare and swap.
		"mov.u64 %d4, 0; ld.relaxed.gpu.global.u32 %r2, [%d0]; again: add.u32 %r3, %r2, %r0; " +
			"atom.global.cas.b32 %r4, [%d0], %r2, %r3; " +
			"setp.ne.u32 %p0, %r4, %r2; mov.u32 %r2, %r4; @%p0 bra again;": sum,
	} {
		t.Run(text, func(t *testing.T) {
			if _, got := run(t, text, 0); got != want {
				t.Errorf("left %#x, want %#x", got, want)
			}
		})
	}
	for name, tt := range map[string]struct {
		text    string
		start   uint64
		want    func(i int) uint64 // the returned values, sorted
		finally uint64
	}{
		"tickets": {text: "atom.global.add.u64 %d4, [%d0], 1;", start: 5,
			want: func(i int) uint64 { return uint64(i) + 5 }, finally: n + 5},
		"inc": {text: "atom.global.inc.u32 %r2, [%d0], 999; cvt.u64.u32 %d4, %r2;", start: 1,
			want: func(i int) uint64 { return uint64(i) + 1 }, finally: n + 1},
		"dec": {text: "atom.global.dec.u32 %r2, [%d0], 999; cvt.u64.u32 %d4, %r2;", start: n,
			want: func(i int) uint64 { return uint64(i) + 1 }, finally: 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, finally := run(t, tt.text, tt.start)
			seen := map[uint64]bool{}
			for _, v := range got {
				seen[v] = true
			}
			for i := range n {
				if !seen[tt.want(i)] {
					t.Errorf("no thread was given %d", tt.want(i))
				}
			}
			if finally != tt.finally {
				t.Errorf("left %d, want %d", finally, tt.finally)
			}
		})
	}
	t.Run("exchange", func(t *testing.T) {
		// Each thread takes the value that another left: these values and the last one left are all the
		// numbers, each once.
		got, finally := run(t, "atom.global.exch.b64 %d4, [%d0], %d3;", 0)
		seen := map[uint64]bool{}
		for _, v := range append(got, finally) {
			if seen[v] || v > n {
				t.Errorf("%d was taken twice, or never left", v)
			}
			seen[v] = true
		}
	})
}

// The special registers of every thread of blocks and a grid in three dimensions; x runs fastest.
func TestSpecialRegisters(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	names := []string{
		"%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z",
		"%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z",
		"%laneid", "%lanemask_eq", "%lanemask_lt", "%lanemask_le", "%lanemask_gt", "%lanemask_ge",
	}
	body := `
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %ctaid.z;
	mov.u32 %r1, %ctaid.y;
	mad.lo.u32 %r0, %r0, 3, %r1;
	mov.u32 %r1, %ctaid.x;
	mad.lo.u32 %r0, %r0, 2, %r1;
	mov.u32 %r1, %tid.z;
	mad.lo.u32 %r0, %r0, 4, %r1;
	mov.u32 %r1, %tid.y;
	mad.lo.u32 %r0, %r0, 3, %r1;
	mov.u32 %r1, %tid.x;
	mad.lo.u32 %r0, %r0, 5, %r1;
	mul.wide.u32 %d1, %r0, ` + fmt.Sprint(4*len(names)) + `;
	add.u64 %d0, %d0, %d1;
`
	for i, name := range names {
		body += fmt.Sprintf("\tmov.u32 %%r1, %s;\n\tst.global.u32 [%%d0+%d], %%r1;\n", name, 4*i)
	}
	grid, block := driver.Dim{2, 3, 2}, driver.Dim{5, 3, 4}
	n := grid.Count() * block.Count()
	out := zeros(t, d, 4*len(names)*n)
	launch(t, d, driver.Launch{
		Kernel: load(t, d, "special", entry("special", ".param .u64 out", body)), Grid: grid, Block: block,
		Args: []driver.Arg{driver.Ptr(out)},
	})
	got := download[uint32](t, d, out, len(names)*n)
	i := 0
	for b := range grid.Count() {
		for thread := range block.Count() {
			lane := uint32(thread % 32)
			var want []uint32
			for _, v := range []int{
				thread % 5, thread / 5 % 3, thread / 15, 5, 3, 4,
				b % 2, b / 2 % 3, b / 6, 2, 3, 2,
			} {
				want = append(want, uint32(v))
			}
			eq := bits.RotateLeft32(1, int(lane))
			want = append(want, lane, eq, eq-1, eq|(eq-1), ^(eq | (eq - 1)), ^(eq - 1))
			for j, name := range names {
				if got[i] != want[j] {
					t.Fatalf("block %d thread %d: %s is %#x, want %#x", b, thread, name, got[i], want[j])
				}
				i++
			}
		}
	}
}

// Registers that describe where a block runs and its resources.
func TestSpecialRegistersOfTheDevice(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{Multiprocessors: 5})
	k := load(t, d, "where", strings.Replace(entry("where", ".param .u64 out", `
	.shared .align 4 .b8 tile[100];
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %smid;
	st.global.u32 [%d0], %r0;
	mov.u32 %r0, %nsmid;
	st.global.u32 [%d0+4], %r0;
	mov.u32 %r0, %warpid;
	mov.u32 %r1, %nwarpid;
	setp.lt.u32 %p0, %r0, %r1;
	selp.u32 %r0, 1, 0, %p0;
	st.global.u32 [%d0+8], %r0;
	mov.u32 %r0, %dynamic_smem_size;
	st.global.u32 [%d0+12], %r0;
	mov.u32 %r0, %total_smem_size;
	st.global.u32 [%d0+16], %r0;
	mov.u64 %d1, %clock64;
	mov.u64 %d2, %globaltimer;
	nanosleep.u32 20;
	mov.u64 %d3, %clock64;
	mov.u64 %d4, %globaltimer;
	setp.ge.u64 %p0, %d3, %d1;
	setp.ge.and.u64 %p0, %d4, %d2, %p0;
	selp.u32 %r0, 1, 0, %p0;
	st.global.u32 [%d0+20], %r0;
`), ".visible", ".extern .shared .align 4 .b8 dynamic[];\n.visible", 1))
	out := zeros(t, d, 24)
	launch(t, d, driver.Launch{
		Kernel: k, Grid: line(1), Block: line(1), Shared: 1000, Args: []driver.Arg{driver.Ptr(out)},
	})
	got := download[uint32](t, d, out, 6)
	if got[0] >= got[1] || got[1] < 5 {
		t.Errorf("block on multiprocessor %d of %d, want one of at least 5", got[0], got[1])
	}
	if got[2] != 1 || got[5] != 1 {
		t.Errorf("%v: want a warp's number below the number of warps, and clocks that do not go back", got)
	}
	if got[3] != 1000 || got[4] < 1100 || got[4] > 1100+1024+64 {
		t.Errorf("%d bytes of dynamic and %d of all shared memory, want 1000 and 1100 or what they are "+
			"rounded to", got[3], got[4])
	}
}
