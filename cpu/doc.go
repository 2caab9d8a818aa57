// Package cpu is the engine on the host. It uses all cores, with AVX-512, AVX2 or NEON if the machine has
// them and plain Go otherwise. Every other engine is checked against it.
//
// # One pass
//
// Over rows of entries the gradient's work is contract,
//
//	p_i = a_i·z,  res_i = p_i − y_i,  g = 1/m · Σ_i res_i a_i,
//
// over m·K entries. Rows are taken eight at a time: eight dot products, then their accumulation into g, while
// the rows are in cache; of rows so long that eight are not, a few at a time (see fewRows). Each row is read,
// or generated, once per step, for all members of the batch.
//
// Ensembles with more structure have operators without rows: sampled for observed entries, pauli and rankOne.
// To add such an ensemble, write a file with its kind and its operator, and a line in kindOf.
//
// # The same bits for every number of workers and every instruction set
//
// The m rows are cut into chunks whose size depends on m alone. A worker takes the next chunk and sums it
// into a partial sum. Partial sums are added to g in the order of the chunks, by whichever worker ends the
// chunk whose turn it is. So the problem fixes the order of every addition, not the number of workers or
// their speed. Two partial sums for each worker let it go on while an earlier chunk is not done yet (see
// chunkQueue). Observations, residuals and losses follow the same rule.
//
// Within a block, lanes and fused multiply-adds have one written order (see kernel), which AVX-512, AVX2,
// NEON and plain Go all follow. So do the matrix multiplications of a lift and a pullback (see gemm), those
// of rank-one measurements (see thin), the walks along observed entries (see sampled), and the transforms and
// products of Pauli words (see pauliLoops). The code between them has only sums and products that Go cannot
// fuse: an iterate has the same bits on every architecture.
//
// The assembly is generated when go generate ./cpu runs: internal/asm/batch, contract, gemm, hadamard,
// sparse and sums write it for amd64, and the commands in internal/asm/arm64 for arm64.
package cpu
