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

// Text that is not PTX, or that this device does not support; HERE marks the wrong line among good ones.
// ptxas refuses all of it, so the emulator must not run it.
func TestLoadFaults(t *testing.T) {
	t.Parallel()
	syntax, unknown := []emulator.Kind{emulator.Syntax}, []emulator.Kind{emulator.Unknown}
	either := append(syntax, unknown...)
	for _, tt := range []struct {
		name, bug, mend string
		kinds           []emulator.Kind
	}{
		{"unknown instruction", "frobnicate.u32 %r3, %r0; // HERE", "mov.u32 %r3, %r0;", unknown},
		{"unknown modifier", "add.sideways.u32 %r3, %r0, %r1; // HERE", "add.u32 %r3, %r0, %r1;", unknown},
		{"modifier of another instruction",
			"add.lo.u32 %r3, %r0, %r1; // HERE", "mul.lo.u32 %r3, %r0, %r1;", unknown},
		{"unknown comparison",
			"setp.about.u32 %p0, %r0, %r1; // HERE", "setp.le.u32 %p0, %r0, %r1;", unknown},
		{"unknown type", "add.u33 %r3, %r0, %r1; // HERE", "add.u32 %r3, %r0, %r1;", unknown},
		{"type that the instruction has not",
			"and.f32 %f0, %f1, %f2; // HERE", "and.b32 %r3, %r0, %r1;", unknown},
		{"unknown state space", "ld.attic.u32 %r3, [%d3]; // HERE", "ld.global.u32 %r3, [%d3];", unknown},
		{"no type", "add %r3, %r0, %r1; // HERE", "add.s32 %r3, %r0, %r1;", either},
		{"unknown directive", ".wibble 3; // HERE", "", either},
		{"register too wide", "add.u32 %d5, %r0, %r1; // HERE", "add.u32 %r5, %r0, %r1;", unknown},
		{"register too narrow", "add.u64 %d5, %r0, %d2; // HERE", "add.u64 %d5, %d0, %d2;", unknown},
		{"float register in an integer addition",
			"add.u32 %r3, %f0, %r0; // HERE", "add.u32 %r3, %r0, %r0;", unknown},
		{"number where a predicate is",
			"selp.u32 %r3, 1, 0, %r0; // HERE", "setp.eq.u32 %p0, %r0, 0; selp.u32 %r3, 1, 0, %p0;", unknown},
		{"predicate where a number is", "add.u32 %r3, %p0, %r0; // HERE", "add.u32 %r3, %r0, %r0;", unknown},
		{"double register for a float",
			"add.f32 %f0, %g0, %f1; // HERE", "mov.f32 %f1, 0f00000000; add.f32 %f0, %f1, %f1;", unknown},
		{"too few operands", "add.u32 %r3, %r0; // HERE", "add.u32 %r3, %r0, 0;", either},
		{"too many operands", "mov.u32 %r3, %r0, %r1; // HERE", "mov.u32 %r3, %r0;", either},
		{"number as destination", "add.u32 3, %r0, %r1; // HERE", "add.u32 %r3, %r0, %r1;", either},
		{"special register in arithmetic",
			"add.u32 %r3, %r0, %tid.y; // HERE", "mov.u32 %r3, %tid.y; add.u32 %r3, %r0, %r3;", unknown},
		{"special register in a store",
			"st.global.u32 [%d4], %tid.x; // HERE", "st.global.u32 [%d4], %r0;", unknown},
		{"special register as destination", "mov.u32 %tid.x, %r0; // HERE", "mov.u32 %r3, %tid.x;", either},
		{"vector of two sizes",
			"ld.global.v2.u32 {%r3, %d5}, [%d0]; // HERE", "ld.global.v2.u32 {%r3, %r4}, [%d0];", unknown},
		{"vector without braces",
			"ld.global.v2.u32 %r3, [%d0]; // HERE", "ld.global.v2.u32 {%r3, %r4}, [%d0];", either},
		{"vector of 32 bytes", "ld.global.v4.f64 {%g0, %g1, %g2, %g3}, [%d0]; // HERE",
			"ld.global.v2.f64 {%g0, %g1}, [%d0];", unknown},
		{"number as an address",
			"ld.global.u32 %r3, [4096]; // HERE", "ld.global.u32 %r3, [%d0+4096];", either},
		{"address of 32 bits in global memory",
			"ld.global.u32 %r3, [%r0]; // HERE", "ld.global.u32 %r3, [%d0];", unknown},
		{"barrier of half a warp", "bar.sync 1, 48; // HERE", "bar.sync 1, 64;", unknown},
		{"barrier that there is not", "bar.sync 16; // HERE", "bar.sync 15;", unknown},
		{"asynchronous copy of more than its size", "cp.async.cg.shared.global [%r3], [%d0], 16, 20; // HERE",
			"cp.async.cg.shared.global [%r3], [%d0], 16, 12;", unknown},
		{"asynchronous copy of 12 bytes", "cp.async.ca.shared.global [%r3], [%d0], 12; // HERE",
			"cp.async.ca.shared.global [%r3], [%d0], 8;", unknown},
		{"asynchronous copy of 8 bytes past the first cache",
			"cp.async.cg.shared.global [%r3], [%d0], 8; // HERE",
			"cp.async.cg.shared.global [%r3], [%d0], 16;", unknown},
		{"saturation of what cannot be too large",
			"cvt.sat.u32.u8 %r3, %r0; // HERE", "cvt.u32.u8 %r3, %r0;", unknown},
		{"rounding of what is not rounded",
			"cvt.rn.f64.f32 %g0, %f0; // HERE", "cvt.f64.f32 %g0, %f0;", unknown},
		{"no rounding of what is rounded",
			"cvt.f32.f64 %f0, %g0; // HERE", "cvt.rn.f32.f64 %f0, %g0;", unknown},
		{"whole number of another format",
			"cvt.rzi.f32.f64 %f0, %g0; // HERE", "cvt.rzi.f64.f64 %g1, %g0;", unknown},
		{"a double's NaN", "min.NaN.f64 %g0, %g1, %g2; // HERE", "min.NaN.f32 %f0, %f1, %f2;", unknown},
		{"three parts", "mov.b64 {%r3, %h1, %h2}, %d0; // HERE", "mov.b64 {%r3, %r4}, %d0;", either},
		{"parts that are too large", "mov.b32 {%r3, %r4}, %r0; // HERE", "mov.b32 {%h3, %h4}, %r0;", either},
		{"division without a rounding",
			"div.f32 %f0, %f1, %f2; // HERE", "div.rn.f32 %f0, %f1, %f2;", unknown},
		{"flushing of doubles", "add.ftz.f64 %g0, %g1, %g2; // HERE", "add.f64 %g0, %g1, %g2;", unknown},
		{"flushing of a double's conversion",
			"cvt.rni.ftz.s32.f64 %r3, %g0; // HERE", "cvt.rni.s32.f64 %r3, %g0;", unknown},
		{"flushing of a double's least",
			"min.ftz.f64 %g0, %g1, %g2; // HERE", "min.f64 %g0, %g1, %g2;", unknown},
		{"table in a register",
			"lop3.b32 %r3, %r0, %r1, %r2, %r0; // HERE", "lop3.b32 %r3, %r0, %r1, %r2, 0x3c;", unknown},
		{"groups in a register", "cp.async.wait_group %r0; // HERE", "cp.async.wait_group 2;", either},
		{"shuffle of 64 bits", "shfl.sync.idx.b64 %d5, %d0, 0, 31, -1; // HERE",
			"shfl.sync.idx.b32 %r3, %r0, 0, 31, -1;", unknown},
		{"shuffle that does not name its lanes",
			"shfl.idx.b32 %r3, %r0, 0, 31; // HERE", "shfl.sync.idx.b32 %r3, %r0, 0, 31, -1;", unknown},
		{"product of a row without braces",
			mma + " {%g0, %g1}, %g2, {%g3}, {%g4, %g5}; // HERE",
			mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", unknown},
		{"product of a column by a column",
			strings.Replace(mma, "row", "col", 1) + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5}; // HERE",
			mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", unknown},
		{"product of singles",
			mma + " {%g0, %g1}, {%f2}, {%g3}, {%g4, %g5}; // HERE",
			mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", unknown},
		{"product to one register twice",
			mma + " {%g0, %g0}, {%g2}, {%g3}, {%g4, %g5}; // HERE",
			mma + " {%g0, %g1}, {%g2}, {%g3}, {%g0, %g1};", unknown},
		{"product of another shape",
			strings.Replace(mma, "m8", "m16", 1) + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5}; // HERE",
			mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", unknown},
		{"product that need not be aligned",
			strings.Replace(mma, ".aligned", "", 1) + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5}; // HERE",
			mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", unknown},
		{"order of the other access", "ld.release.gpu.global.u32 %r3, [%d0]; // HERE",
			"ld.acquire.gpu.global.u32 %r3, [%d0];", unknown},
		{"order without a scope",
			"ld.acquire.global.u32 %r3, [%d0]; // HERE", "ld.acquire.gpu.global.u32 %r3, [%d0];", unknown},
		{"reduction that exchanges",
			"red.global.exch.b32 [%d0], %r0; // HERE", "red.global.or.b32 [%d0], %r0;", unknown},
		{"store to a parameter", "st.param.u64 [in], %d0; // HERE", "st.global.u64 [%d0], %d0;", unknown},
		{"whole number for a float", "mov.f32 %f0, 1; // HERE", "mov.f32 %f0, 1.0;", either},
		{"float for a whole number", "add.u32 %r3, %r0, 1.5; // HERE", "add.u32 %r3, %r0, 1;", either},
		{"bad octal number", "mov.u32 %r3, 08; // HERE", "mov.u32 %r3, 07;", syntax},
		{"nothing but a semicolon", "; // HERE", "", syntax},
		{"two guards", "@%p0 @%p0 add.u32 %r3, %r0, %r1; // HERE", "@%p0 add.u32 %r3, %r0, %r1;", syntax},
		{"guard of braces",
			"@%p0 { add.u32 %r3, %r0, %r1; } // HERE", "{ @%p0 add.u32 %r3, %r0, %r1; }", syntax},
		{"vector of three", "ld.global.v4.u32 {%r3, %r4, %r5}, [%d0]; // HERE",
			"ld.global.v4.u32 {%r3, %r4, %r5, %r6}, [%d0];", either},
		{"undeclared register", "mov.u32 %r3, %nowhere; // HERE", "mov.u32 %r3, %r0;", syntax},
		{"register beyond those declared", "mov.u32 %r20, %r0; // HERE", "mov.u32 %r19, %r0;", syntax},
		{"undeclared parameter", "ld.param.u64 %d5, [inn]; // HERE", "ld.param.u64 %d5, [in];", syntax},
		{"undeclared variable", "mov.u32 %r3, title; // HERE", "mov.u32 %r3, 0;", syntax},
		{"register of braces that are closed",
			"{ .reg .u32 %inner; mov.u32 %inner, 1; }\n\tmov.u32 %r3, %inner; // HERE",
			"{ .reg .u32 %inner; mov.u32 %inner, 1; mov.u32 %r3, %inner; }", syntax},
		{"register twice", ".reg .u32 %once;\n\t.reg .u32 %once; // HERE", ".reg .u32 %once;", syntax},
		{"label twice", "same: add.u32 %r3, %r0, 1;\nsame: add.u32 %r3, %r0, 2; // HERE",
			"same: add.u32 %r3, %r0, 1;\nother: add.u32 %r3, %r0, 2;", syntax},
		{"missing label", "bra nowhere; // HERE", "bra somewhere; somewhere:", syntax},
		{"label of braces that are closed", "{ inner: mov.u32 %r3, 1; }\n\t@%p0 bra inner; // HERE",
			"{ inner: mov.u32 %r3, 1; bra past; } past:", syntax},
		{"no semicolon", "add.u32 %r3, %r0, %r1 // HERE\n\tadd.u32 %r3, %r3, %r1; // HERE",
			"add.u32 %r3, %r0, %r1; add.u32 %r3, %r3, %r1;", syntax},
		{"bracket left open", "ld.global.u32 %r3, [%d3; // HERE", "ld.global.u32 %r3, [%d3];", syntax},
		{"stray character", "mov.u32 %r3, ^; // HERE", "mov.u32 %r3, 1;", syntax},
		{"bad number", "mov.u32 %r3, 0xfg; // HERE", "mov.u32 %r3, 0xf;", syntax},
		{"bad float", "mov.f32 %f0, 0f3f80; // HERE", "mov.f32 %f0, 0f3f800000;", syntax},
		{"guard that is no predicate",
			"@%r0 add.u32 %r3, %r0, %r1; // HERE", "add.u32 %r3, %r0, %r1;", either},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, emulator.Config{})
			p := planted{
				body: "\n\tadd.u32 %r6, %r0, %r1;\n\tBUG\n\tadd.u32 %r7, %r0, %r1;\n",
				bug:  tt.bug, mend: tt.mend,
			}
			ptx := p.ptx(false)
			_, err := d.Load("kernel", ptx)
			var f *emulator.Fault
			if !errors.As(err, &f) {
				t.Fatalf("error %v, want a fault", err)
			}
			if !slices.Contains(tt.kinds, f.Kind) {
				t.Errorf("kind %v, want one of %v: %v", f.Kind, tt.kinds, err)
			}
			if f.Kernel != "kernel" || !slices.Contains(here(ptx), f.Line) || f.Block != [3]int{} ||
				f.Thread != [3]int{} {
				t.Errorf("%q, line %d, block %v, thread %v, want kernel, line %v, no block and no thread: %v",
					f.Kernel, f.Line, f.Block, f.Thread, here(ptx), err)
			}
			want := fmt.Sprintf("kernel.ptx:%d: ", f.Line)
			if !strings.HasPrefix(f.Error(), want) || strings.Contains(f.Error(), "block (") {
				t.Errorf("the fault says %q, want %q and what is wrong", f, want)
			}
			load(t, d, "kernel", p.ptx(true))
		})
	}
}

// The .version and .target of a text must have each feature that it uses, whatever the device has.
func TestTargets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, target, text string
		good                  bool
	}{
		{"7.0", "sm_80", "cp.async.ca.shared.global [%r0], [%d0], 16;", true},
		{"7.0", "sm_70", "cp.async.ca.shared.global [%r0], [%d0], 16;", false},
		{"7.0", "sm_80", "cp.async.commit_group;", true},
		{"7.0", "sm_70", "cp.async.commit_group;", false},
		{"7.0", "sm_80", "cvt.rn.bf16.f32 %h0, %f0;", true},
		{"7.0", "sm_70", "cvt.rn.bf16.f32 %h0, %f0;", false},
		{"7.0", "sm_80", "min.NaN.f32 %f0, %f1, %f2;", true},
		{"7.0", "sm_70", "min.NaN.f32 %f0, %f1, %f2;", false},
		{"6.0", "sm_70", "ld.acquire.gpu.global.u32 %r0, [%d0];", true},
		{"6.0", "sm_60", "ld.acquire.gpu.global.u32 %r0, [%d0];", false},
		{"6.0", "sm_70", "shfl.sync.idx.b32 %r0, %r1, 0, 31, -1;", true},
		{"7.0", "sm_80", mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", true},
		{"7.0", "sm_75", mma + " {%g0, %g1}, {%g2}, {%g3}, {%g4, %g5};", false},
		{"6.3", "sm_70", "nanosleep.u32 20;", true},
		{"6.2", "sm_70", "activemask.b32 %r0;", true},
		{"6.1", "sm_70", "activemask.b32 %r0;", false},
		{"6.0", "sm_70", "fence.acq_rel.gpu;", true},
		{"6.0", "sm_60", "fence.acq_rel.gpu;", false},
		{"7.8", "sm_90", "cvt.f32.bf16 %f0, %h0;", true},
		{"7.0", "sm_80", "", true},
		{"6.5", "sm_80", "", false}, // before there were such targets
		{"7.8", "sm_90", "", true},
		{"7.0", "sm_90", "", false},
		{"99.9", "sm_80", "", false},
		{"7.8", "sm_71", "", false},
	} {
		t.Run(tt.version+" "+tt.target+" "+tt.text, func(t *testing.T) {
			d := open(t, emulator.Config{})
			replacer := strings.NewReplacer("7.8", tt.version, "sm_90", tt.target)
			ptx := replacer.Replace(entry("kernel", "", "\t"+tt.text+"\n"))
			if _, err := d.Load("kernel", ptx); tt.good != (err == nil) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// An instruction with one operand more, or one less, is refused.
func TestOperandCounts(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, text := range []string{
		"add.u32 %r3, %r0, %r1", "add.sat.s32 %r3, %r0, %r1", "add.cc.u32 %r3, %r0, %r1",
		"sub.f32 %f0, %f1, %f2",
		"mul.lo.u32 %r3, %r0, %r1", "mul.wide.u32 %d5, %r0, %r1", "mul.rn.f64 %g0, %g1, %g2",
		"mad.lo.u32 %r3, %r0, %r1, %r2",
		"sad.u32 %r3, %r0, %r1, %r2", "div.s32 %r3, %r0, %r1", "rem.u32 %r3, %r0, %r1", "abs.s32 %r3, %r0",
		"neg.s32 %r3, %r0",
		"min.s32 %r3, %r0, %r1", "max.f32 %f0, %f1, %f2", "fma.rn.f32 %f0, %f1, %f2, %f3",
		"div.rn.f64 %g0, %g1, %g2",
		"sqrt.rn.f32 %f0, %f1", "rcp.rn.f64 %g0, %g1", "abs.f32 %f0, %f1", "neg.f64 %g0, %g1",
		"copysign.f32 %f0, %f1, %f2",
		"testp.finite.f32 %p0, %f0", "popc.b32 %r3, %r0", "clz.b32 %r3, %r0", "brev.b32 %r3, %r0",
		"bfind.u32 %r3, %r0",
		"bfe.u32 %r3, %r0, %r1, %r2", "bfi.b32 %r3, %r0, %r1, %r2, %r2", "and.b32 %r3, %r0, %r1",
		"or.pred %p0, %p1, %p2",
		"not.b32 %r3, %r0", "not.pred %p0, %p1", "cnot.b32 %r3, %r0", "shl.b32 %r3, %r0, %r1",
		"shr.u32 %r3, %r0, %r1",
		"shf.l.wrap.b32 %r3, %r0, %r1, %r2", "prmt.b32 %r3, %r0, %r1, %r2", "lop3.b32 %r3, %r0, %r1, %r2, 7",
		"setp.lt.u32 %p0, %r0, %r1", "setp.lt.and.u32 %p0, %r0, %r1, %p1", "selp.u32 %r3, %r0, %r1, %p0",
		"mov.u32 %r3, %r0", "cvt.u64.u32 %d5, %r0", "cvt.rn.bf16x2.f32 %r3, %f0, %f1",
		"cvta.to.global.u64 %d5, %d0",
		"ld.global.u32 %r3, [%d3]", "st.global.u32 [%d4], %r0", "ld.param.u64 %d5, [in]",
		"atom.global.add.u32 %r3, [%d4], %r0", "atom.global.cas.b32 %r3, [%d4], %r0, %r1",
		"red.global.add.u32 [%d4], %r0",
		"shfl.sync.idx.b32 %r3, %r0, 0, 31, -1", "vote.sync.ballot.b32 %r3, %p0, -1", "activemask.b32 %r3",
		"cp.async.ca.shared.global [%r3], [%d3], 4", "cp.async.wait_group 0", "bar.warp.sync -1",
		"nanosleep.u32 1",
		"bra same",
	} {
		t.Run(text, func(t *testing.T) {
			module := func(text string) string { return planted{body: "same:\n\t" + text + ";\n"}.ptx(false) }
			load(t, d, "kernel", module(text))
			opcode, operands, _ := strings.Cut(text, " ")
			few := opcode
			if i := strings.LastIndex(operands, ", "); i >= 0 {
				few = opcode + " " + operands[:i]
			}
			for _, bad := range []string{few, text + ", %r0, %r0, %r0"} {
				if _, err := d.Load("kernel", module(bad)); err == nil {
					t.Errorf("%s: loaded", bad)
				}
			}
		})
	}
	for _, text := range []string{
		"cp.async.commit_group", "cp.async.wait_all", "membar.gl", "fence.acq_rel.gpu", "trap", "exit", "ret",
	} {
		load(t, d, "kernel", planted{body: "\t" + text + ";\n"}.ptx(false))
		if _, err := d.Load("kernel", planted{body: "\t" + text + " %r0;\n"}.ptx(false)); err == nil {
			t.Errorf("%s of an operand: loaded", text)
		}
	}
}

// A module's variables must fit into the device's memory.
func TestLoadWithoutMemory(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{Memory: 1 << 20})
	ptx := strings.Replace(entry("kernel", "", ""), ".visible",
		".global .align 4 .b8 table[1048577]; // HERE\n.visible", 1)
	_, err := d.Load("kernel", ptx)
	var f *emulator.Fault
	if !errors.As(err, &f) || f.Kind != emulator.Memory || f.Line != here(ptx)[0] ||
		!errors.Is(err, driver.ErrMemory) {
		t.Errorf("error %v, want a fault of kind %v at line %d that wraps ErrMemory",
			err, emulator.Memory, here(ptx)[0])
	}
	load(t, d, "kernel", strings.Replace(ptx, "1048577", "1000000", 1))
}

// Every truncated module is refused.
func TestLoadBeginnings(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	text := strings.Replace(entry("kernel", ".param .u64 out, .param .f64 x", `
	.shared .align 16 .b8 tile[64];
	{ .reg .u32 %inner<3>; mov.u32 %inner1, tile+4; }
	@!%p0 ld.global.v2.u32 {%r0, %r1}, [%d0+8];
	setp.lt.and.f64 %p0|%p1, %g0, 0d3ff0000000000000, !%p2; // compare
	bra.uni end; /* and */
end:
`), ".visible",
		".const .align 4 .u32 few[2][2] = {{1, 2}, {3}};\n.extern .shared .align 4 .b8 more[];\n.visible", 1)
	load(t, d, "kernel", text)
	for i := range strings.TrimRight(text, "}\n") {
		if _, err := d.Load("kernel", text[:i]); err == nil {
			t.Errorf("loaded:\n%s", numbered(text[:i]))
		}
	}
}

// Whole texts that are not modules; not every fault has a definite line.
func TestLoadTexts(t *testing.T) {
	t.Parallel()
	good := entry("kernel", ".param .u64 out", "")
	for name, text := range map[string]string{
		"empty":             "",
		"no version":        strings.Replace(good, ".version 7.8\n", "", 1),
		"no target":         strings.Replace(good, ".target sm_90\n", "", 1),
		"no entry":          head,
		"brace left open":   strings.TrimRight(good, "}\n"),
		"brace too many":    good + "}\n",
		"comment left open": good + "/* and then",
		"rubbish after":     good + "that is all\n",
		"entry twice":       good + strings.TrimPrefix(good, head),
		"parameter twice": strings.Replace(good,
			".param .u64 out", ".param .u64 out, .param .u32 out", 1),
		"unknown directive":    head + ".wibble 3\n" + strings.TrimPrefix(good, head),
		"32-bit addresses":     strings.Replace(good, ".address_size 64", ".address_size 32", 1),
		"instruction outside":  head + "mov.u32 %r0, 1;\n" + strings.TrimPrefix(good, head),
		"too many initialised": head + ".global .u32 few[2] = {1, 2, 3};\n" + strings.TrimPrefix(good, head),
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, emulator.Config{})
			if _, err := d.Load("kernel", text); err == nil {
				t.Errorf("loaded:\n%s", numbered(text))
			} else if !strings.Contains(err.Error(), "kernel") {
				t.Errorf("the error %q does not name the kernel", err)
			}
			load(t, d, "kernel", good)
		})
	}
}

// TestLoadAgain: devices that have loaded the same text share neither memory nor variables, and an older
// device refuses a text that another one has loaded.
func TestLoadAgain(t *testing.T) {
	t.Parallel()
	text := entry("again", ".param .u64 out, .param .u32 value", `
	.shared .align 4 .b32 tile[64];
	mov.u32 %r0, %tid.x;
	ld.param.u32 %r1, [value];
	mov.u32 %r2, tile;
	mad.lo.u32 %r2, %r0, 4, %r2;
	add.u32 %r3, %r0, %r1;
	st.shared.u32 [%r2], %r3;
	bar.sync 0;
	xor.b32 %r4, %r0, 63;
	mov.u32 %r2, tile;
	mad.lo.u32 %r2, %r4, 4, %r2;
	ld.shared.u32 %r3, [%r2];
	ld.param.u64 %d0, [out];
	mad.wide.u32 %d0, %r0, 4, %d0;
	st.global.u32 [%d0], %r3;
`)
	counting := strings.Replace(entry("count", ".param .u64 out", `
	mov.u64 %d1, counter;
	ld.global.u32 %r0, [%d1];
	add.u32 %r0, %r0, 1;
	st.global.u32 [%d1], %r0;
	ld.param.u64 %d0, [out];
	st.global.u32 [%d0], %r0;
`), ".visible", ".global .u32 counter = 6;\n.visible", 1)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := open(t, emulator.Config{})
			out := zeros(t, d, 256)
			got := make([]byte, 256)
			for round := range 3 {
				k := load(t, d, "again", text)
				value := 10*i + round
				launch(t, d, driver.Launch{Kernel: k, Grid: line(1), Block: line(64),
					Args: []driver.Arg{driver.Ptr(out), driver.U32(value)}})
				if err := d.Download(got, out); err != nil {
					t.Fatal(err)
				}
				if want := byte(value + 63); got[0] != want {
					t.Errorf("the first number is %d, want %d", got[0], want)
				}
			}
			launch(t, d, driver.Launch{Kernel: load(t, d, "count", counting), Grid: line(1), Block: line(1),
				Args: []driver.Arg{driver.Ptr(out)}})
			if err := d.Download(got, out); err != nil {
				t.Fatal(err)
			}
			if got[0] != 7 {
				t.Errorf("the counter is %d, want 7", got[0])
			}
			old := open(t, emulator.Config{Capability: [2]int{8, 0}})
			if _, err := old.Load("again", text); err == nil || !strings.Contains(err.Error(), "target sm_90") {
				t.Errorf("an older device says %v", err)
			}
		})
	}
}
