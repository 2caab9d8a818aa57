// Package cpu is the engine on the host: all cores, AVX-512 or AVX2 where the machine has them and plain Go where it
// does not, and the reference that every other engine is checked against.
//
// # One pass
//
// Over rows of entries the gradient's work is contract,
//
//	p_i = a_i·z,  res_i = p_i − y_i,  g = 1/m · Σ_i res_i a_i,
//
// m·K entries. Rows are taken eight at a time: eight dot products, then their accumulation into g, while the rows are
// in cache. Each row is read, or generated, once per step, for all members of the batch.
//
// Ensembles with a structure of their own have operators that need no rows: sampled for observed entries, pauli and rankOne.
//
// # The same bits, however many workers and whatever their instructions
//
// The m rows are cut into chunks whose size depends on m alone. A worker takes the next chunk, sums it into an
// accumulator of its own, waits until all chunks before it have been added to g, and adds its own. The order of every
// addition is so fixed by the problem, not by the number of workers or their speed, and each worker needs just one
// accumulator. Observations, residuals and losses follow the same rule.
//
// Within a block, lanes and fused multiply-adds are in one written order (see kernel), which AVX-512, AVX2 and plain Go
// follow alike. So do the products of a lift and a pullback (see product), and between them only sums and products that
// Go cannot fuse are formed: an iterate is the same bits on every architecture.
//
// The assembly is generated: internal/asm/contract and internal/asm/gemm write it, and go generate ./cpu runs these.
package cpu
