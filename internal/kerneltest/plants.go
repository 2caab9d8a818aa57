package kerneltest

import (
	"fmt"
	"strings"

	"github.com/matsense/matsense/kernels"
)

// Plant is a mistake planted in a kernel to check that the suite finds it: a test of the tests.
type Plant struct {
	Name   string
	Kernel string
	// Old is the text that the mistake replaces by New, everywhere in the kernel.
	Old, New string
	// Blind names the implementation of PTX on which the suite cannot find the mistake, and Why gives the
	// reason; "" if none.
	Blind, Why string
}

// Planted returns the kernel with the mistake.
func (p Plant) Planted() (kernels.Kernel, error) {
	k := kernels.Get(p.Kernel)
	if !strings.Contains(k.Text, p.Old) {
		return k, fmt.Errorf("kerneltest: %s: %s has no %q any more", p.Name, p.Kernel, p.Old)
	}
	k.Text = strings.ReplaceAll(k.Text, p.Old, p.New)
	return k, nil
}

// The implementations of PTX that can hide a plant.
const (
	Emulator  = "emulator"
	CPUDriver = "cpudriver"
)

const (
	noBits  = "its arithmetic returns one NaN, whatever NaN it is given"
	inStep  = "its blocks keep step, and each part is there before it is read"
	noOrder = "it knows one order of memory for all threads"
)

// Plants are the mistakes that the suite must find.
var Plants = []Plant{
	// Bounds.
	{Name: "dots reads past the end of a row", Kernel: "dots_f32_f64",
		Old: "setp.ge.u32 %past, %coordinate, %k;", New: "setp.gt.u32 %past, %coordinate, %k;"},
	{Name: "dots of signs reads past the end of a row", Kernel: "dots_sign_f32",
		Old: "setp.ge.u32 %past, %coordinate, %k;", New: "setp.gt.u32 %past, %coordinate, %k;"},
	{Name: "accumulate reads past the end of a row", Kernel: "accumulate_q8_f64",
		Old: "setp.ge.u32 %p, %coordinate, %k;", New: "setp.gt.u32 %p, %coordinate, %k;"},
	{Name: "contract writes past the last coordinate", Kernel: "contract_f32_f64",
		Old: "setp.ge.u32 %past0, %i, %k;", New: "setp.gt.u32 %past0, %i, %k;"},
	{Name: "combine writes one number too many", Kernel: "combine",
		Old: "setp.ge.u32 %p, %i, %count;", New: "setp.gt.u32 %p, %i, %count;"},
	{Name: "sum_chunks leaves the last chunk out", Kernel: "sum_chunks_f64",
		Old: "setp.eq.u32 %p, %count, 0;", New: "setp.le.u32 %p, %count, 1;"},
	{Name: "generate makes one row twice", Kernel: "generate_q8",
		Old: "mov.u32 %j, %ctaid.y;", New: "mov.u32 %j, 0;"},
	// Chunks.
	{Name: "contract ends a chunk one step late", Kernel: "contract_f32_f64",
		Old: "setp.lt.u32 %p, %row, %due;", New: "setp.le.u32 %p, %row, %due;"},
	{Name: "contract begins a chunk with the sum of the one before", Kernel: "contract_sign_f64",
		Old: "mov.f64 %g0, 0d0000000000000000;", New: ""},
	{Name: "accumulate adds to what lies in a new chunk", Kernel: "accumulate_f32_f64",
		Old: "setp.ge.u32 %fresh, %from, %first;", New: "setp.gt.u32 %fresh, %from, %first;"},
	// The exchange between blocks.
	{Name: "a part of a dot product is published in two halves", Kernel: "contract_f32_f64",
		Old: "st.relaxed.gpu.global.b64 [%from], %word0;",
		New: "{ .reg .b32 %half<2>; mov.b64 {%half0, %half1}, %word0; " +
			"st.relaxed.gpu.global.b32 [%from], %half0; " +
			"st.relaxed.gpu.global.b32 [%from+4], %half1; }"},
	{Name: "a NaN of all ones is published as it is", Kernel: "contract_f32_f64",
		Old: "@%p mov.b64 %word0, 0x7fffffffffffffff;", New: "", Blind: Emulator, Why: noBits},
	{Name: "a part is published by a weak store", Kernel: "contract_bf16_f64",
		Old: "st.relaxed.gpu.global.b64", New: "st.global.b64", Blind: CPUDriver, Why: noOrder},
	{Name: "a part is awaited by weak loads", Kernel: "contract_bf16_f64",
		Old: "ld.relaxed.gpu.global.b64", New: "ld.global.b64", Blind: CPUDriver, Why: noOrder},
	{Name: "the first part is not awaited", Kernel: "contract_f32_f64",
		Old: "setp.eq.b64 %p, %word0, -1;\n    setp.eq.or",
		New: "setp.ne.b64 %p, %word0, %word0;\n    setp.eq.or"},
	{Name: "the second part of a lane is not awaited", Kernel: "contract_f32_f32",
		Old: "setp.eq.or.b32 %p, %word1, -1, %p;", New: "", Blind: Emulator, Why: inStep},
	{Name: "the fourth part of a lane is not awaited", Kernel: "contract_f32_f32",
		Old: "setp.eq.or.b32 %p, %word3, -1, %p;", New: "", Blind: Emulator, Why: inStep},
	{Name: "parts after the 128th are left out", Kernel: "contract_f32_f32",
		Old: "setp.lt.u32 %p, %i, %slabs;\n    @%p bra SLAB;", New: ""},
	// Shared memory.
	{Name: "contract reads sums of warps that are not there yet", Kernel: "contract_q8_f64",
		Old: "bar.sync 0;\n    setp.ge.u32 %p, %t, 4;", New: "setp.ge.u32 %p, %t, 4;"},
	{Name: "contract fills a stage that is still read", Kernel: "contract_q8_f32",
		Old: "cp.async.wait_group 0;\n    bar.sync 0;", New: "cp.async.wait_group 0;"},
	{Name: "contract reads rows before they have come", Kernel: "contract_f64_f64",
		Old: "cp.async.wait_group 0;", New: "cp.async.wait_group 1;"},
	{Name: "dots reads sums of warps that are not there yet", Kernel: "dots_f64_f64",
		Old: "bar.sync 0;\n    setp.gt.u32 %p, %t, 15;", New: "setp.gt.u32 %p, %t, 15;"},
	{Name: "lift reads a tile that is not there yet", Kernel: "lift_f64",
		Old: "bar.sync 0;\n    ld.shared.f64 %u, [%lrow+0];", New: "ld.shared.f64 %u, [%lrow+0];"},
	{Name: "a level of a transform reads numbers that are not there yet", Kernel: "pauli_weights",
		Old: "LEVELS_DONE:\n    bar.sync 0;", New: "LEVELS_DONE:"},
	{Name: "a transform begins before the weights are there", Kernel: "pauli_weights",
		Old: "WEIGHED:\n    bar.sync 0;", New: "WEIGHED:"},
	{Name: "the same word adds its weight twice", Kernel: "pauli_weights",
		Old: "setp.eq.u32 %p, %next, %z;\n    @%p bra NEXT_WORD;", New: ""},
	{Name: "a row is paired past the last", Kernel: "pauli_residuals",
		Old: "setp.lt.u32 %part, %j, %rows;", New: "setp.le.u32 %part, %j, %rows;"},
	// Arithmetic and its order.
	{Name: "lanes are added in another order", Kernel: "residuals_f64",
		Old: "%lo, %lo, 16, 31, 0xffffffff;\n    shfl.sync.bfly.b32 %hi, %hi, 16,",
		New: "%lo, %lo, 1, 31, 0xffffffff;\n    shfl.sync.bfly.b32 %hi, %hi, 1,"},
	{Name: "a product is rounded before it is added", Kernel: "sum_squares",
		Old: "fma.rn.f64 %sum, %v, %v, %sum;", New: "mul.rn.f64 %v, %v, %v;\n    add.rn.f64 %sum, %sum, %v;"},
	{Name: "rounding is towards zero", Kernel: "combine",
		Old: "add.rn.f64 %u, %u, %v;", New: "add.rz.f64 %u, %u, %v;"},
	{Name: "a term with coefficient 0 is read", Kernel: "combine",
		Old: "@%no_b bra STORE;", New: ""},
	{Name: "the scale is left out", Kernel: "pullback_rect_f64",
		Old: "mul.rn.f64 %sum, %sum, %scale;", New: ""},
	{Name: "Philox has another constant", Kernel: "generate_f64",
		Old: "0xD2511F53", New: "0xD2511F52"},
	{Name: "the levels of q8 are one off", Kernel: "accumulate_q8_f32",
		Old: "bfe.u32 %level, %levels, 8, 8;", New: "bfe.u32 %level, %levels, 9, 8;"},
}
