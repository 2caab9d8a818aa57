package emulator_test

import (
	"fmt"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// measure returns the traffic of one launch of a kernel with the given body, which follows start; the
// parameters in and out are 64 KiB each.
func measure(t *testing.T, body string, grid, block int) emulator.Traffic {
	t.Helper()
	return measureOn(t, open(t, emulator.Config{}), body, grid, block)
}

func measureOn(t *testing.T, d *emulator.Device, body string, grid, block int) emulator.Traffic {
	t.Helper()
	k := load(t, d, "kernel", entry("kernel", ".param .u64 in, .param .u64 out", start+body))
	in, out := zeros(t, d, 1<<16), zeros(t, d, 1<<16)
	launch(t, d, driver.Launch{
		Kernel: k, Grid: line(grid), Block: line(block), Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
	})
	return d.Traffic("kernel")
}

// Sectors have 32 bytes, and a warp's request touches each sector that it needs once.
func TestSectors(t *testing.T) {
	t.Parallel()
	// at loads into %d5 the array's address plus size bytes for each thread.
	at := func(array string, size int) string {
		return fmt.Sprintf("\tmul.wide.u32 %%d5, %%r2, %d;\n\tadd.u64 %%d5, %%d5, %s;\n", size, array)
	}
	for _, tt := range []struct {
		name         string
		size         int
		load, store  string
		bytes, count int64 // of one warp
	}{
		{"f32 in a row", 4, "ld.global.f32 %f0, [%d5];", "st.global.f32 [%d5], 0f00000000;", 128, 4},
		{"f64 in a row", 8, "ld.global.f64 %g0, [%d5];", "st.global.f64 [%d5], 0d0000000000000000;", 256, 8},
		{"v4 f32 in a row", 16, "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%d5];",
			"mov.f32 %f0, 0f00000000; st.global.v4.f32 [%d5], {%f0, %f0, %f0, %f0};", 512, 16},
		{"v2 f64 in a row", 16, "ld.global.v2.f64 {%g0, %g1}, [%d5];",
			"mov.f64 %g0, 0d0000000000000000; st.global.v2.f64 [%d5], {%g0, %g0};", 512, 16},
		{"bytes in a row", 1, "ld.global.u8 %r3, [%d5];", "st.global.u8 [%d5], %r0;", 32, 1},
		{"u16 in a row", 2, "ld.global.u16 %r3, [%d5];", "st.global.u16 [%d5], %r0;", 64, 2},
		{"every other", 8, "ld.global.f32 %f0, [%d5];", "st.global.f32 [%d5], 0f00000000;", 128, 8},
		{"each in a sector of its own",
			32, "ld.global.f32 %f0, [%d5];", "st.global.f32 [%d5], 0f00000000;", 128, 32},
		{"rows of 128 bytes", 128, "ld.global.f32 %f0, [%d5];", "st.global.f32 [%d5], 0f00000000;", 128, 32},
		{"in a row from the second",
			4, "ld.global.f32 %f0, [%d5+4];", "st.global.f32 [%d5+4], 0f00000000;", 128, 5},
		{"in a row from the next sector",
			4, "ld.global.f32 %f0, [%d5+32];", "st.global.f32 [%d5+32], 0f00000000;", 128, 4},
		{"doubles in a row from the second",
			8, "ld.global.f64 %g0, [%d5+8];", "st.global.f64 [%d5+8], 0d0000000000000000;", 256, 9},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const blocks, warps = 2, 4
			got := measure(t, at("%d0", tt.size)+tt.load+"\n"+at("%d1", tt.size)+tt.store,
				blocks, 32*warps/blocks)
			want := emulator.Traffic{
				Launches: 1, Instructions: got.Instructions,
				GlobalLoaded: warps * tt.bytes, LoadSectors: warps * tt.count, LoadRequests: warps,
				GlobalStored: warps * tt.bytes, StoreSectors: warps * tt.count, StoreRequests: warps,
			}
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
	t.Run("one for all", func(t *testing.T) {
		got := measure(t, "\tld.global.f32 %f0, [%d0];\n\tld.global.f64 %g0, [%d0+24];\n", 1, 64)
		if got.LoadSectors != 4 || got.LoadRequests != 4 || got.GlobalLoaded != 64*(4+8) {
			t.Errorf("%+v, want a sector for each of 4 requests, and 768 bytes", got)
		}
	})
	t.Run("backwards", func(t *testing.T) {
		got := measure(t, "\txor.b32 %r3, %r0, 31;\n\tmul.wide.u32 %d5, %r3, 4;\n\tadd.u64 %d5, %d5, %d0;\n"+
			"\tld.global.f32 %f0, [%d5];\n", 1, 32)
		if got.LoadSectors != 4 || got.LoadRequests != 1 || got.GlobalLoaded != 128 {
			t.Errorf("%+v, want 4 sectors, one request, 128 bytes", got)
		}
	})
}

// A launch's distinct bytes are those of the sectors that it stores to, and of those that it loads first.
func TestDistinctSectors(t *testing.T) {
	t.Parallel()
	const address = "\tmul.wide.u32 %d5, %r2, 4;\n\tadd.u64 %d6, %d5, %d1;\n\tadd.u64 %d5, %d5, %d0;\n"
	const load, store = "\tld.global.f32 %f0, [%d5];\n", "\tst.global.f32 [%d6], %f0;\n"
	const again = "\tld.global.f32 %f0, [%d6];\n"
	d := open(t, emulator.Config{Distinct: true})
	for launches := range int64(2) {
		got := measureOn(t, d, address+load+load+store+store+again, 2, 48)
		const bytes = 2 * 48 * 4
		each := launches + 1
		if got.DistinctLoaded != each*bytes || got.DistinctStored != each*bytes ||
			got.GlobalLoaded != each*3*bytes || got.GlobalStored != each*2*bytes {
			t.Errorf("%+v after launch %d", got, launches)
		}
	}
	if got := measure(t, address+load+store, 2, 48); got.DistinctLoaded != 0 || got.DistinctStored != 0 {
		t.Errorf("%+v without Distinct", got)
	}
}

// Lanes that a guard, a branch or the block's end excludes ask for nothing; a warp without active lanes makes
// no request.
func TestTrafficOfActiveLanes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body               string
		block                    int
		bytes, sectors, requests int64
	}{
		{"guard", "setp.lt.u32 %p0, %r0, 9;\n\t@%p0 ld.global.f32 %f0, [%d3];\n", 64, 36, 2, 1},
		{"branch", "setp.lt.u32 %p0, %r0, 40;\n\t@%p0 bra past;\n\tld.global.f32 %f0, [%d3];\npast:\n",
			64, 96, 3, 1},
		{"block of 40", "ld.global.f32 %f0, [%d3];\n", 40, 160, 5, 2},
		{"one thread", "setp.eq.u32 %p0, %r0, 17;\n\t@%p0 ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [%d0];\n",
			64, 16, 1, 1},
		{"both sides of a branch",
			"and.b32 %r3, %r0, 1;\n\tsetp.eq.u32 %p0, %r3, 0;\n\t@%p0 bra even;\n" +
				"\tld.global.f32 %f0, [%d3];\n\tbra past;\neven:\n\tld.global.f32 %f0, [%d3];\npast:\n",
			32, 128, 8, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := measure(t, "\t"+tt.body, 1, tt.block)
			if got.GlobalLoaded != tt.bytes || got.LoadSectors != tt.sectors ||
				got.LoadRequests != tt.requests {
				t.Errorf("%+v, want %d bytes, %d sectors, %d requests",
					got, tt.bytes, tt.sectors, tt.requests)
			}
			if got.GlobalStored != 0 || got.StoreSectors != 0 || got.StoreRequests != 0 {
				t.Errorf("%+v, want no stores", got)
			}
		})
	}
}

// Shared memory has 32 banks of 4 bytes; all lanes that ask for a word get it at once.
func TestBankConflicts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, address string // %r3 from the lane %r0
		access        string // .KIND of REGISTERS
		registers     string
		bytes         int64
		want          int64
	}{
		{"in a row", "shl.b32 %r3, %r0, 2;", "u32", "%r7", 128, 0},
		{"turned around", "xor.b32 %r3, %r0, 31; shl.b32 %r3, %r3, 2;", "u32", "%r7", 128, 0},
		{"every other word", "shl.b32 %r3, %r0, 3;", "u32", "%r7", 128, 1},
		{"every third word", "mul.lo.u32 %r3, %r0, 12;", "u32", "%r7", 128, 0},
		{"every fourth word", "shl.b32 %r3, %r0, 4;", "u32", "%r7", 128, 3},
		{"a column of 32 words", "shl.b32 %r3, %r0, 7;", "u32", "%r7", 128, 31},
		{"a column of 33 words", "mul.lo.u32 %r3, %r0, 132;", "u32", "%r7", 128, 0},
		{"two rows apart",
			"and.b32 %r3, %r0, 15; shr.u32 %r4, %r0, 4; shl.b32 %r4, %r4, 5; add.u32 %r3, %r3, %r4; " +
				"shl.b32 %r3, %r3, 2;",
			"u32", "%r7", 128, 1},
		{"one word", "and.b32 %r3, %r0, 0;", "u32", "%r7", 128, 0},
		{"two words of a bank", "and.b32 %r3, %r0, 1; shl.b32 %r3, %r3, 7;", "u32", "%r7", 128, 1},
		{"two words of two banks", "and.b32 %r3, %r0, 1; shl.b32 %r3, %r3, 2;", "u32", "%r7", 128, 0},
		{"bytes in a row", "mov.u32 %r3, %r0;", "u8", "%r7", 32, 0},
		{"halves in a row", "shl.b32 %r3, %r0, 1;", "u16", "%r7", 64, 0},
		{"8 bytes in a row", "shl.b32 %r3, %r0, 3;", "v2.u32", "{%r7, %r8}", 256, 0},
		{"doubles in a row", "shl.b32 %r3, %r0, 3;", "f64", "%g0", 256, 0},
		// Lanes i and i + 8 of a half-warp meet in each half.
		{"every other double", "shl.b32 %r3, %r0, 4;", "f64", "%g0", 256, 2},
		// 16 different doubles in one pair of banks, twice.
		{"a column of 16 doubles", "shl.b32 %r3, %r0, 7;", "f64", "%g0", 256, 30},
		{"a column of 17 doubles", "mul.lo.u32 %r3, %r0, 136;", "f64", "%g0", 256, 0},
		{"one double", "and.b32 %r3, %r0, 0;", "f64", "%g0", 256, 0},
		{"16 bytes in a row", "shl.b32 %r3, %r0, 4;", "v4.u32", "{%r7, %r8, %r9, %r10}", 512, 0},
		{"two doubles in a row", "shl.b32 %r3, %r0, 4;", "v2.f64", "{%g0, %g1}", 512, 0},
		// Lanes i and i + 4 of a quarter-warp meet in each of 4.
		{"every other 16 bytes", "shl.b32 %r3, %r0, 5;", "v4.u32", "{%r7, %r8, %r9, %r10}", 512, 4},
		{"a column of 16 bytes", "shl.b32 %r3, %r0, 7;", "v4.u32", "{%r7, %r8, %r9, %r10}", 512, 28},
		{"a column of 16 bytes in rows of 144",
			"mul.lo.u32 %r3, %r0, 144;", "v4.u32", "{%r7, %r8, %r9, %r10}", 512, 0},
		{"one for all, 16 bytes", "and.b32 %r3, %r0, 0;", "v4.u32", "{%r7, %r8, %r9, %r10}", 512, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const before = `
	.shared .align 16 .b8 tile[5120];
	mov.u32 %r5, tile;
	mov.u32 %r6, %r0;
fill:
	mad.lo.u32 %r3, %r6, 16, %r5;
	mov.u32 %r7, 0;
	st.shared.v4.u32 [%r3], {%r7, %r7, %r7, %r7};
	add.u32 %r6, %r6, 32;
	setp.lt.u32 %p0, %r6, 320;
	@%p0 bra fill;
	bar.sync 0;
`
			idle := measure(t, before, 1, 32)
			got := measure(t, before+"\t"+tt.address+"\n\tadd.u32 %r3, %r3, %r5;\n"+
				"\tld.shared."+tt.access+" "+tt.registers+", [%r3];\n", 1, 32)
			if n := got.BankConflicts - idle.BankConflicts; n != tt.want {
				t.Errorf("%d conflicts, want %d", n, tt.want)
			}
			if n := got.SharedLoaded - idle.SharedLoaded; n != tt.bytes {
				t.Errorf("%d bytes, want %d", n, tt.bytes)
			}
			if idle.BankConflicts != 0 {
				t.Errorf("filling in rows of 16 bytes has %d conflicts", idle.BankConflicts)
			}
			// The same for a store, if no two threads store to the same word.
			if tt.access != "u32" || tt.name == "one word" || tt.name[:3] == "two" {
				return
			}
			got = measure(t,
				before+"\t"+tt.address+"\n\tadd.u32 %r3, %r3, %r5;\n\tst.shared.u32 [%r3], %r0;\n", 1, 32)
			if n := got.BankConflicts - idle.BankConflicts; n != tt.want {
				t.Errorf("%d conflicts of stores, want %d", n, tt.want)
			}
			if n := got.SharedStored - idle.SharedStored; n != tt.bytes {
				t.Errorf("%d bytes stored, want %d", n, tt.bytes)
			}
		})
	}
}

// cp.async loads global and stores shared memory; it does not load the bytes that it fills with zeros.
func TestTrafficOfAsyncCopies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, operands                 string
		loaded, stored, sectors, extra int64
	}{
		{"4 bytes", "cp.async.ca.shared.global [%r3], [%d5], 4;", 128, 128, 16, 3},
		{"16 bytes", "cp.async.cg.shared.global [%r3], [%d5], 16;", 512, 512, 16, 0},
		{"6 of 16 bytes", "cp.async.cg.shared.global [%r3], [%d5], 16, 6;", 192, 512, 16, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := measure(t, `
	.shared .align 16 .b8 tile[512];
	mov.u32 %r3, tile;
	mad.lo.u32 %r3, %r0, 16, %r3;
	mul.wide.u32 %d5, %r0, 16;
	add.u64 %d5, %d5, %d0;
	`+tt.operands+`
	cp.async.wait_all;
`, 1, 32)
			want := emulator.Traffic{
				Launches: 1, Instructions: got.Instructions,
				GlobalLoaded: tt.loaded, LoadSectors: tt.sectors, LoadRequests: 1, SharedStored: tt.stored,
				BankConflicts: tt.extra,
			}
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestShufflesAndBarriers(t *testing.T) {
	t.Parallel()
	// Two blocks of three warps, the last one partial.
	got := measure(t, `
	mov.u32 %r3, 3;
again:
	shfl.sync.bfly.b32 %r4, %r0, 1, 31, 0xff;
	bar.sync 0;
	sub.u32 %r3, %r3, 1;
	setp.ne.u32 %p0, %r3, 0;
	@%p0 bra again;
	bar.sync 0;
`, 2, 8)
	if got.Shuffles != 2*3 || got.Barriers != 2*4 {
		t.Errorf("%+v, want 6 shuffles and 8 barriers", got)
	}
	got = measure(t, `
	shfl.sync.bfly.b32 %r4, %r0, 1, 31, 0xffffffff;
	bar.sync 0;
`, 2, 96)
	if got.Shuffles != 6 || got.Barriers != 6 {
		t.Errorf("%+v, want 6 shuffles and 6 barriers", got)
	}
	got = measure(t, `
	mov.f64 %g0, 0d3ff0000000000000;
	`+mma+` {%g1, %g2}, {%g0}, {%g0}, {%g0, %g0};
	`+mma+` {%g1, %g2}, {%g0}, {%g0}, {%g1, %g2};
`, 2, 96)
	if got.Products != 12 {
		t.Errorf("%+v, want 12 products", got)
	}
}

// Instructions are those that warps issue: both sides of a branch that divides a warp, one side of a branch
// that does not.
func TestInstructions(t *testing.T) {
	t.Parallel()
	ptx := func(pairs int) string {
		body := "\tmov.u32 %r0, %tid.x;\n"
		for range pairs {
			body += "\tadd.u32 %r0, %r0, 1;\n"
		}
		return entry("kernel", "", body)
	}
	count := func(text string, block int) int64 {
		t.Helper()
		d := open(t, emulator.Config{})
		launch(t, d, driver.Launch{Kernel: load(t, d, "kernel", text), Grid: line(1), Block: line(block)})
		return d.Traffic("kernel").Instructions
	}
	if one, three := count(ptx(1), 32), count(ptx(3), 32); three-one != 2 {
		t.Errorf("2 more instructions count as %d", three-one)
	}
	if one, many := count(ptx(5), 32), count(ptx(5), 70); many != 3*one {
		t.Errorf("a warp issues %d instructions, three warps %d", one, many)
	}
	branch := func(bound int) string {
		return entry("kernel", "", fmt.Sprintf(`
	mov.u32 %%r0, %%tid.x;
	setp.lt.u32 %%p0, %%r0, %d;
	@%%p0 bra low;
	add.u32 %%r0, %%r0, 1;
	add.u32 %%r0, %%r0, 2;
	add.u32 %%r0, %%r0, 3;
	bra.uni both;
low:
	add.u32 %%r0, %%r0, 1;
both:
	add.u32 %%r0, %%r0, 4;
`, bound))
	}
	high, low, both := count(branch(0), 32), count(branch(32), 32), count(branch(16), 32)
	if high-low != 3 || both-low != 4 {
		t.Errorf("%d instructions of the long side, %d of the short one, %d of both; "+
			"want 3 and 4 more than the short one", high, low, both)
	}
}

// Traffic is summed by kernel over launches, until ResetTraffic.
func TestTrafficSums(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "copies", copies)
	other := load(t, d, "other", entry("other", "", ""))
	in, out := zeros(t, d, 256), zeros(t, d, 256)
	run := func() {
		launch(t, d, driver.Launch{
			Kernel: k, Grid: line(1), Block: line(64), Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
		})
	}
	if got := d.Traffic("copies"); got != (emulator.Traffic{}) {
		t.Errorf("%+v before any launch", got)
	}
	run()
	one := d.Traffic("copies")
	if one.Launches != 1 || one.GlobalLoaded != 256 || one.GlobalStored != 256 {
		t.Errorf("%+v after one launch of 64 threads that copy 4 bytes", one)
	}
	run()
	run()
	launch(t, d, driver.Launch{Kernel: other, Grid: line(3), Block: line(32)})
	three := d.Traffic("copies")
	if three.Launches != 3 || three.GlobalLoaded != 768 || three.Instructions != 3*one.Instructions ||
		three.LoadSectors != 3*one.LoadSectors {
		t.Errorf("%+v after three launches, %+v after one", three, one)
	}
	if got := d.Traffic("other"); got.Launches != 1 || got.GlobalLoaded != 0 || got.Instructions == 0 {
		t.Errorf("%+v of a kernel that does nothing", got)
	}
	if got := d.Traffic("nothing"); got != (emulator.Traffic{}) {
		t.Errorf("%+v of a kernel that does not exist", got)
	}
	d.ResetTraffic()
	if got := d.Traffic("copies"); got != (emulator.Traffic{}) {
		t.Errorf("%+v after ResetTraffic", got)
	}
	run()
	if got := d.Traffic("copies"); got != one {
		t.Errorf("%+v after one more launch, want %+v", got, one)
	}
}
