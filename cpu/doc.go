// Package cpu is the engine on the host: plain Go over all cores, and the reference that every other engine is
// checked against.
//
// # One pass
//
// The gradient's work is contract,
//
//	p_i = a_i·z,  res_i = p_i − y_i,  g = 1/m · Σ_i res_i a_i,
//
// m·K entries. Rows are taken four at a time: four dot products, then their accumulation into g, while the rows are in
// cache. Each row is read, or generated, once per step, for all members of the batch.
//
// # The same bits, however many workers
//
// The m rows are cut into chunks whose size depends on m alone. A worker takes the next chunk, sums it into an
// accumulator of its own, waits until all chunks before it have been added to g, and adds its own. The order of every
// addition is so fixed by the problem, not by the number of workers or their speed, and each worker needs just one
// accumulator. Observations, residuals and losses follow the same rule.
package cpu
