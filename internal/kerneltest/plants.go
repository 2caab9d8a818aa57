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
	inTurns = "a warp's shuffles take many turns, in which all other warps read"
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
	{Name: "projected_squares reads past the end of a row", Kernel: "projected_squares_f64",
		Old: "setp.ge.or.u32 %p, %k, %n2, %row_out;", New: "setp.gt.or.u32 %p, %k, %n2, %row_out;"},
	{Name: "projected_squares takes a row too many", Kernel: "projected_squares_q8",
		Old: "min.u32 %end, %end, %s;", New: "mov.u32 %end, %s;"},
	{Name: "sum_chunks leaves the last chunk out", Kernel: "sum_chunks_f64",
		Old: "mul.lo.u32 %begin8, %count, 8;", New: "mul.lo.u32 %begin8, %count, 7;"},
	{Name: "generate makes one row twice", Kernel: "generate_q8",
		Old: "mov.u32 %j, %ctaid.y;", New: "mov.u32 %j, 0;"},
	{Name: "rank_one_times reads past the end of a vector", Kernel: "rank_one_times_16",
		Old: "setp.lt.and.u32 %in, %r, %depth, %row0;", New: "setp.le.and.u32 %in, %r, %depth, %row0;"},
	// Lists of draws.
	{Name: "draw_weights reads in front of its list", Kernel: "draw_weights",
		Old: "setp.eq.u32 %p, %k, 0;\n    @%p bra NEXT;", New: ""},
	{Name: "draw_weights reads past the end of its list", Kernel: "draw_weights",
		Old: "setp.ge.u32 %p, %k, %count;\n    @%p bra WEIGH;", New: ""},
	{Name: "each draw of a run adds to its weight", Kernel: "draw_weights",
		Old: "setp.eq.u32 %p, %other, %i;\n    @%p bra DONE;", New: ""},
	{Name: "draws of a run are not counted", Kernel: "draw_weights",
		Old: "add.u32 %times, %times, 1;", New: ""},
	{Name: "gather_rows copies past the end of a row", Kernel: "gather_rows",
		Old: "setp.ge.u64 %p, %offset, %stride;", New: "setp.gt.u64 %p, %offset, %stride;"},
	{Name: "normals writes one number too many", Kernel: "normals",
		Old: "add.u32 %i, %i, 1;\n    setp.ge.u32 %p, %i, %count;",
		New: "add.u32 %i, %i, 1;\n    setp.gt.u32 %p, %i, %count;"},
	// Chunks.
	{Name: "contract ends a chunk one step late", Kernel: "contract_f32_f64",
		Old: "setp.lt.u32 %p, %row, %due;", New: "setp.le.u32 %p, %row, %due;"},
	{Name: "contract begins a chunk with the sum of the one before", Kernel: "contract_sign_f64",
		Old: "mov.f64 %g0, 0d0000000000000000;", New: ""},
	{Name: "accumulate adds to what lies in a new chunk", Kernel: "accumulate_f32_f64",
		Old: "setp.ge.u32 %fresh, %from, %first;", New: "setp.gt.u32 %fresh, %from, %first;"},
	{Name: "rank_one_accumulate adds to what lies in a new chunk", Kernel: "rank_one_accumulate_64",
		Old: "setp.lt.u32 %begun, %from, %first;", New: "setp.le.u32 %begun, %from, %first;"},
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
	{Name: "the eighth part of a lane is not awaited", Kernel: "contract_f32_f32",
		Old: "setp.eq.or.b32 %p, %word7, -1, %p;", New: "", Blind: Emulator, Why: inStep},
	{Name: "parts after the 128th are left out", Kernel: "contract_f32_f32",
		Old: "setp.gt.u32 %p, %slabs, 128;\n    @%p bra MANY;", New: ""},
	{Name: "the ninth part of a lane is left out", Kernel: "contract_f32_f32",
		Old: "setp.lt.u32 %here8, %at, %slabs;", New: "setp.lt.u32 %here8, %slabs, 0;"},
	{Name: "the weights of a batch are not awaited", Kernel: "contract_batch_f32_f64",
		Old: "@%p bra AWAIT_WEIGHT;", New: ""},
	{Name: "a part stays in the ring", Kernel: "contract_batch_bf16_f64",
		Old: "st.relaxed.gpu.global.b64 [%from+8], %absent_part;", New: ""},
	{Name: "the second member's chunk begins with the sum of the one before", Kernel: "contract_batch_sign_f64",
		Old: "mov.f64 %g16, 0d0000000000000000;", New: ""},
	{Name: "the sums of two warps of products are swapped", Kernel: "contract_tensor_f32_f64",
		Old: "add.rn.f64 %d0, %d0, %d2;\n    add.rn.f64 %d1, %d1, %d3;\n    add.rn.f64 %d0, %d0, %d1;",
		New: "add.rn.f64 %d0, %d0, %d1;\n    add.rn.f64 %d2, %d2, %d3;\n    add.rn.f64 %d0, %d0, %d2;"},
	{Name: "the weights of products are not awaited", Kernel: "contract_tensor_q8_f64",
		Old: "@%p bra AWAIT_WEIGHT;", New: ""},
	{Name: "a part of products stays in the ring", Kernel: "contract_tensor_sign_f64",
		Old: "st.relaxed.gpu.global.b64 [%from+8], %absent_part;", New: ""},
	{Name: "products of the rows past the last change sums", Kernel: "contract_tensor_q8_f64",
		Old: "mov.b64 %word0, %neutral;", New: "mov.b64 %word0, 0x3ff0000000000000;"},
	{Name: "parts are published before all warps have stored them", Kernel: "contract_tensor_bf16_f64",
		Old: "WEIGHED:\n    bar.sync 0;", New: "WEIGHED:\n    bar.warp.sync 0xffffffff;"},
	// Shared memory.
	{Name: "contract reads sums of warps that are not there yet", Kernel: "contract_q8_f64",
		Old: "bar.sync 0;\n    setp.ge.u32 %p, %t, 4;", New: "setp.ge.u32 %p, %t, 4;"},
	{Name: "contract fills a stage that is still read", Kernel: "contract_q8_f32",
		Old: "cp.async.wait_group 0;\n    bar.sync 0;", New: "cp.async.wait_group 0;"},
	{Name: "early contract fills a stage that is still read", Kernel: "contract_early_f64_f32",
		Old: "STEP:\n\n    bar.sync 0;", New: "STEP:"},
	{Name: "early contract reads rows before they are stored", Kernel: "contract_early_f64_f64",
		Old: "bar.sync 0;\n    setp.ge.u32 %p, %row, %end;", New: "setp.ge.u32 %p, %row, %end;"},
	{Name: "contract reads rows before they have come", Kernel: "contract_f64_f64",
		Old: "cp.async.wait_group 0;", New: "cp.async.wait_group 1;"},
	{Name: "dots reads sums of warps that are not there yet", Kernel: "dots_f64_f64",
		Old: "bar.sync 0;\n    setp.gt.u32 %p, %t, 15;", New: "setp.gt.u32 %p, %t, 15;"},
	{Name: "lift reads a tile that is not there yet", Kernel: "lift_f64",
		Old: "bar.sync 0;\n    ld.shared.f64 %u, [%lrow+0];", New: "ld.shared.f64 %u, [%lrow+0];"},
	{Name: "transpose reads a tile that is not there yet", Kernel: "transpose",
		Old: "bar.sync 0;", New: ""},
	{Name: "projected_squares fills a tile that is still read", Kernel: "projected_squares_f32",
		Old: "bar.sync 0;\n    add.u32 %k0, %k0, 16;", New: "add.u32 %k0, %k0, 16;"},
	{Name: "projected_squares fills the tile of B while it is read", Kernel: "projected_squares_sign",
		Old: "bar.sync 0;\nNEXT:", New: "NEXT:"},
	{Name: "observed entries write over parts of dot products that are still read", Kernel: "sampled_4096",
		Old: "xor.b32 %parity, %parity, 1;", New: "", Blind: CPUDriver, Why: inTurns},
	// Segments of rows.
	{Name: "a segment takes an entry past its end", Kernel: "sampled_16",
		Old: "setp.lt.u32 %valid1, %i, %count;", New: "setp.le.u32 %valid1, %i, %count;"},
	{Name: "the first segment of the longer rows is taken for a whole row", Kernel: "sampled_multiply",
		Old: "setp.lt.u32 %p, %s, %i;\n    @%p bra WHOLE;", New: "setp.le.u32 %p, %s, %i;\n    @%p bra WHOLE;"},
	{Name: "a row's last segment is left out", Kernel: "sampled_segments",
		Old: "ld.global.nc.u32 %end, [%address+4];",
		New: "ld.global.nc.u32 %end, [%address+4];\n    sub.u32 %end, %end, 1;"},
	{Name: "entries below the diagonal are measured", Kernel: "sampled_apply",
		Old: "setp.lt.and.u32 %p, %j, %row, %upper;", New: "setp.lt.u32 %p, %j, 0;"},
	{Name: "rank_one_contract reads parts of warps that are not there yet", Kernel: "rank_one_contract_4x1",
		Old: "bar.sync 0;", New: ""},
	{Name: "rank_one_contract writes to parts that are still read", Kernel: "rank_one_contract_4x4",
		Old: "xor.b32 %r, %r, 512;", New: ""},
	{Name: "rank_one_times overwrites numbers that are still multiplied", Kernel: "rank_one_times_64",
		Old: "bar.sync 0;\n    @%more bra TILE;", New: "@%more bra TILE;"},
	{Name: "rank_one_accumulate multiplies numbers that are not there yet", Kernel: "rank_one_accumulate_16",
		Old: "bar.sync 0;\n    add.u32 %i, %i, 16;", New: "add.u32 %i, %i, 16;"},
	{Name: "a level of a transform reads numbers that are not there yet", Kernel: "pauli_weights",
		Old: "LEVELS_DONE:\n    bar.sync 0;", New: "LEVELS_DONE:"},
	{Name: "a transform begins before the weights are there", Kernel: "pauli_weights",
		Old: "WEIGHED:\n    bar.sync 0;", New: "WEIGHED:"},
	{Name: "the same word adds its weight twice", Kernel: "pauli_weights",
		Old: "setp.eq.u32 %p, %next, %z;\n    @%p bra NEXT_WORD;", New: ""},
	{Name: "a row is paired past the last", Kernel: "pauli_residuals",
		Old: "setp.lt.u32 %part, %j, %rows;", New: "setp.le.u32 %part, %j, %rows;"},
	// Products and inverses.
	{Name: "multiply fills a tile that is still read", Kernel: "multiply_nn",
		Old: "bar.sync 0;\n    add.u32 %q, %q, 16;", New: "add.u32 %q, %q, 16;"},
	{Name: "multiply reads past the end of a segment", Kernel: "multiply_nn",
		Old: "setp.lt.and.u32 %in, %column, %end, %in;", New: "setp.le.and.u32 %in, %column, %end, %in;"},
	{Name: "cholesky divides a column before it is there", Kernel: "cholesky",
		Old: "bar.sync 0;\n    @%rest bra FACTORED;", New: "@%rest bra FACTORED;"},
	{Name: "cholesky eliminates with the column before", Kernel: "cholesky",
		Old: "FACTORED:\n    bar.sync 0;", New: "FACTORED:"},
	{Name: "cholesky takes an infinite pivot", Kernel: "cholesky",
		Old: "setp.lt.and.f64 %positive, %pivot, 0d7FF0000000000000, %positive;", New: ""},
	{Name: "a triangle is inverted before it is there", Kernel: "cholesky_backward",
		Old: "bar.sync 0;\n    @%rest bra INVERTED;", New: "@%rest bra INVERTED;"},
	{Name: "a solution is taken before it is there", Kernel: "cholesky_forward",
		Old: "SOLVED:\n    bar.sync 0;", New: "SOLVED:"},
	// Arithmetic and its order.
	{Name: "V keeps its sign in R", Kernel: "join_columns",
		Old: "neg.f64 %second, %second;", New: ""},
	{Name: "lanes are added in another order", Kernel: "residuals_f64",
		Old: "%lo, %lo, 16, 31, 0xffffffff;\n    shfl.sync.bfly.b32 %hi, %hi, 16,",
		New: "%lo, %lo, 1, 31, 0xffffffff;\n    shfl.sync.bfly.b32 %hi, %hi, 1,"},
	{Name: "a product is rounded before it is added", Kernel: "sum_squares",
		Old: "fma.rn.f64 %sum, %v, %v, %sum;", New: "mul.rn.f64 %v, %v, %v;\n    add.rn.f64 %sum, %sum, %v;"},
	{Name: "a vector of zeros is divided by its length", Kernel: "normalize",
		Old: "setp.eq.f64 %p, %sum, ", New: "setp.lt.f64 %p, %sum, "},
	{Name: "a warp's part of z is added to the squares of y", Kernel: "normalize",
		Old: "ld.shared.f64 %sum, [%at+64];", New: "ld.shared.f64 %sum, [%at+56];"},
	{Name: "rounding is towards zero", Kernel: "combine",
		Old: "add.rn.f64 %u, %u, %v;", New: "add.rz.f64 %u, %u, %v;"},
	{Name: "the distance takes the anchor's own norm", Kernel: "anchor_distance",
		Old: "sub.rn.f64 %v, %v, %w;", New: "mov.f64 %v, %w;"},
	{Name: "a segment of the distance goes past its end", Kernel: "anchor_distance",
		Old: "min.u32 %end, %end, %k;", New: "mov.u32 %end, %k;"},
	{Name: "the distance adds sums of warps that are not there yet", Kernel: "anchor_distance",
		Old: "bar.sync 0;", New: ""},
	{Name: "a difference is rounded before it is formed", Kernel: "anchor_subtract",
		Old: "sub.rn.f64 %v, %v, %w;\n    mul.rn.f64 %v, %v, %per_unit;",
		New: "cvt.rn.f32.f64 %single, %v;\n    cvt.f64.f32 %v, %single;\n    " +
			"sub.rn.f64 %v, %v, %w;\n    mul.rn.f64 %v, %v, %per_unit;"},
	{Name: "an infinite distance is the unit", Kernel: "anchor_subtract",
		Old: "setp.le.and.f64 %p, %change, 0d7FEFFFFFFFFFFFFF, %p;", New: ""},
	{Name: "the unit is not a power of 2", Kernel: "anchor_subtract",
		Old: "and.b64 %bits, %bits, 0x7ff0000000000000;", New: ""},
	{Name: "parts of the distance after the 256th are left out", Kernel: "anchor_subtract",
		Old: "add.u32 %i, %i, 256;\n    bra NEXT;", New: ""},
	{Name: "chunks are added in single precision", Kernel: "anchor_sum",
		Old: "add.rn.f64 %sum, %sum, %v;",
		New: "add.rn.f64 %sum, %sum, %v;\n    cvt.rn.f32.f64 %single, %sum;\n    cvt.f64.f32 %sum, %single;"},
	{Name: "the sum is not in units", Kernel: "anchor_sum",
		Old: "fma.rn.f64 %v, %sum, %unit, %v;", New: "add.rn.f64 %v, %sum, %v;"},
	{Name: "the anchor's residuals are left out", Kernel: "anchor_residuals",
		Old: "fma.rn.f64 %v, %v, %unit, %w;", New: "mul.rn.f64 %v, %v, %unit;"},
	{Name: "row_squares takes a row too many", Kernel: "row_squares",
		Old: "setp.ge.u32 %p, %row, %rows;", New: "setp.gt.u32 %p, %row, %rows;"},
	{Name: "row_squares takes a column too many", Kernel: "row_squares",
		Old: "setp.ge.u32 %p, %i, %cols;", New: "setp.gt.u32 %p, %i, %cols;"},
	{Name: "a term with coefficient 0 is read", Kernel: "combine",
		Old: "@%no_b bra STORE;", New: ""},
	{Name: "a side's sums take the side's own products", Kernel: "rank_one_contract_rect_4x1",
		Old: "mul.rn.f64 %q, %w0, %weight;", New: "mul.rn.f64 %q, %v0, %weight;"},
	{Name: "the scale is left out", Kernel: "pullback_rect_f64",
		Old: "mul.rn.f64 %sum, %sum, %scale;", New: ""},
	{Name: "Philox has another constant", Kernel: "generate_f64",
		Old: "0xD2511F53", New: "0xD2511F52"},
	{Name: "the levels of q8 are one off", Kernel: "accumulate_q8_f32",
		Old: "bfe.u32 %level, %levels, 8, 8;", New: "bfe.u32 %level, %levels, 9, 8;"},
}
