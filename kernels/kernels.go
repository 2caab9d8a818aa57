// Package kernels has the PTX that runs on NVIDIA GPUs; each kernel has one entry. The package is data: the
// text of each kernel and the compute capability that it needs. Package gpu launches the kernels, and package
// emulator interprets the same text.
//
// # Families
//
// With coordinates k, rows a_i, members b of a batch and T the arithmetic, f64 or f32:
//
//	lift_T, lift_rect_T         z = svec(L·Rᵀ), and vec(L·Rᵀ) for rectangular matrices
//	contract_E_T                p_i = a_i·z, res_i = p_i − y_i, Σ scale·ψ(res_i) a_i for each chunk of rows
//	contract_generated_E_T      the same with rows that the kernel generates
//	contract_early_E_T, contract_early_generated_E_T
//	                            both for compute capabilities before 8.0
//	contract_long_E_T, contract_long_generated_f64_f64, contract_long_generated_f32_f64
//	                            these for rows that are too long for them, which pass the L2 cache twice
//	contract_batch_E_T, contract_batch_generated_E_T
//	                            both for up to 8 members, which share the rows
//	contract_batch_small_E_T    contract_batch for multiprocessors of 100 KB of shared memory
//	dots_E_T, residuals_T, accumulate_E_T
//	                            the three steps of contract, for any K and any number of members
//	contract_tensor_E_f64, contract_tensor_wide_E_f64
//	                            contract for up to 8 members, and up to 16, with tensor cores
//	tensor_order                D = A·B + C, to find out in which order tensor cores add
//	sum_chunks_T                g = the sum of the chunks
//	pullback_T                  ∇ = scale·G·X with G = unsvec(g)
//	pullback_rect_T, pullback_rect_transposed_T
//	                            ∇ = scale·G·X and ∇ = scale·Gᵀ·X with G = unvec(g)
//	anchor_distance, anchor_subtract
//	                            δ = z − z₀, the difference from an anchor, in f32
//	anchor_sum, anchor_residuals
//	                            g = g₀ + the sum of the chunks, res = res₀ + A δ
//	row_squares                 squared norms of the rows of matrices
//	sampled_W                   observed entries: residuals and G·R, from one reading of R, up to W columns
//	sampled_values, sampled_apply, sampled_multiply, sampled_segments, sampled_sum
//	                            the rest of completion: measurements, products, sums of long rows
//	combine, dot, sum_squares   updates, dot products, norms
//	multiply_entries, divide_entries
//	                            products and quotients number by number, for Adam
//	multiply_nn, multiply_nt, multiply_tn, multiply_tt, multiply_sum
//	                            dst = alpha·op(A)·op(B) + beta·dst
//	normalize                   x = z/‖z‖, for Lanczos's method
//	projected_squares_E         parts of Σ ‖BᵀA_iC‖_F², for the trace of the Hessian of deep products
//	join_columns, split_columns L = [U V] and R = [U −V], and G·R taken apart, for UUᵀ − VVᵀ
//	square_difference, square_pullback
//	                            L = u∘u − v∘v, and its gradient
//	transpose                   R = W₁ᵀ of deep products, and their gradient in W₁
//	rank_one_times_W, rank_one_residuals, rank_one_accumulate_W, rank_one_collect
//	                            rank-one measurements: products with the vectors in tiles of W columns,
//	                            residuals, G·X and Gᵀ·X
//	cholesky, cholesky_forward, cholesky_backward
//	                            X·(S + λI)⁻¹
//	generate_E, generate_listed_E
//	                            generates successive rows, or those in a list, from their counters
//	gather_rows, gather         copies the rows, and the numbers, of the measurements in a list
//	draw_weights                the weights of draws of the measurements
//	normals, signs              normal deviates, and ±1, from their counters
//	pauli_residuals; pauli_pairs, hadamard, pauli_gather
//	                            residuals of Pauli words, and the same for more than 12 qubits
//	pauli_weights, pauli_combine
//	                            G·X from them
//
// E is the entry format: f64, f32, bf16, q8 or sign. A kernel's head gives its equation, parameters, launch
// geometry and order of summation. contract gives the same bits as its three steps. docs/kernels.md counts
// the bytes and operations of each kernel and gives its minimum time.
//
// # Templates
//
// The .ptx files are hand-written PTX templates, one file per family, which leave format, arithmetic and
// unrolling open. parts.ptx, product.ptx, tile.ptx and random.ptx have pieces that families share. A kernel
// is rendered when it is first used. To read the rendered kernels, write them to a folder:
//
//	go run ./kernels/render -source DIR
//
// A driver gets the text without comments, because the PTX compilers of CUDA 12.8 to 13.3 refuse characters
// beyond ASCII even there. Line numbers are those of the commented text.
//
// # Adding a kernel
//
// Write its template, with a head, in a .ptx file of the family's name; name its kernels in variant.go; write
// a launcher in package gpu and a test.
package kernels

import (
	"fmt"
	"sync"
)

// Kernel is one .entry of PTX.
type Kernel struct {
	// Name is the name of the entry.
	Name string
	// Text is the PTX that a driver gets: ASCII without comments. Its lines are those of Source.
	Text string
	// Source is the PTX with its comments.
	Source string
	// Capability is the lowest compute capability on which the kernel runs: {7, 0}.
	Capability [2]int
}

// Get returns the kernel called name. It panics if there is none, because that is a programmer's mistake.
func Get(name string) Kernel {
	k, ok := rendered()[name]
	if !ok {
		panic(fmt.Sprintf("kernels: there is no kernel %q", name))
	}
	return k()
}

// All returns every kernel, by name.
func All() []Kernel {
	var list []Kernel
	for _, v := range variants() {
		list = append(list, Get(v.Name))
	}
	return list
}

// rendered has every kernel by its name; each is rendered at its first use.
var rendered = sync.OnceValue(func() map[string]func() Kernel {
	m := map[string]func() Kernel{}
	for _, v := range variants() {
		m[v.Name] = sync.OnceValue(func() Kernel { return render(v) })
	}
	return m
})

// Slab is the most coordinates that a block of dots or contract handles. SlabStep divides their number: it is
// the coordinates of a warp's four for each thread, and the signs of a copy of 16 bytes.
const Slab, SlabStep = 4096, 128

// Stages is the dynamic shared memory, in bytes, that a block of contract uses for slabs of slab coordinates
// in a format with entryBits bits per entry, with ahead stages on their way: none in the early form, which is
// that for compute capabilities before 8.0, one if the kernel makes the rows, otherwise one or two.
func Stages(entryBits int, early bool, slab, ahead int) int {
	v := variant{Entries: formatOf(entryBits), Early: early}
	return (ahead + 1 + v.Behind()) * v.StageBytes() / Slab * slab
}

// LongSlabs is the most slabs of a block of contract_long.
const LongSlabs = 4

// LongMemory is the dynamic shared memory, in bytes, of a block of contract_long with own slabs of slab
// coordinates: their numbers of z, of numberBytes each, and ahead + 1 pairs of pieces of rows. ahead is 1 if
// the kernel makes the rows, otherwise 1 or 2.
func LongMemory(entryBits, numberBytes, slab, own, ahead int) int {
	v := variant{Template: "contract_long", Entries: formatOf(entryBits)}
	return own*((slab+1023)/1024)*1024*numberBytes + 2*(ahead+1)*v.StageBytes()/Slab*slab
}

// LongRows is how many rows contract_long takes in a step. It copies rows again two steps later.
func LongRows(entryBits int) int {
	return variant{Template: "contract_long", Entries: formatOf(entryBits)}.StageRows()
}

// BatchMembers is the largest number of members of a launch of contract_batch, and BatchBlocks the number of
// its blocks for each slab.
const BatchMembers, BatchBlocks = 8, 4

// WideMembers and WideBlocks are the same for the wide form of contract_tensor.
const WideMembers, WideBlocks = 2 * BatchMembers, 2 * BatchBlocks

// BatchStages is the same as Stages, for the kernel of contract_batch or contract_tensor that is called name.
func BatchStages(name string) int { return batchVariants()[name].DynamicBytes() }

// BatchRing is the number of rows whose parts of dot products a group of blocks of that kernel keeps.
func BatchRing(name string) int { return batchVariants()[name].RingRows() }

// batchVariants has the kernels of contract_batch and contract_tensor, by name.
var batchVariants = sync.OnceValue(func() map[string]variant {
	m := map[string]variant{}
	for _, v := range variants() {
		if v.batch() || v.tensor() {
			m[v.Name] = v
		}
	}
	return m
})

// BatchParts is the number of parts of a dot product that contract_batch and contract_tensor publish for each
// slab: one for each warp of contract.
const BatchParts = 8

// BatchChunkWords is the number of u32 that describe a chunk of these kernels.
const BatchChunkWords = 5

// formatOf returns the format with so many bits for each entry.
func formatOf(entryBits int) string {
	entries, ok := map[int]string{64: "f64", 32: "f32", 16: "bf16", 8: "q8", 1: "sign"}[entryBits]
	if !ok {
		panic(fmt.Sprintf("kernels: no entry has %d bits", entryBits))
	}
	return entries
}
