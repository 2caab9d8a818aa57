// Package gpu runs engines on a device with PTX kernels: on an NVIDIA GPU through package cuda, or on the
// host through package emulator, which interprets the same kernels. It has kernels for every ensemble,
// parametrization and method of the module.
//
// The engine (engine.go) holds the factors and does their algebra. An operator (operator.go) has the
// measurements: rows.go is the operator of every ensemble with rows of entries, and each ensemble with more
// structure has its own: sampled.go is that of observed entries, rankone.go that of rank-one measurements,
// pauli.go that of Pauli words. The scheme of a parametrization (scheme.go) makes thin L and R for the
// operator, and the gradient of what the operator makes. The factors, the measurements and everything between
// them stay on the device. A step allocates nothing: [Backend.Open] allocates all of its memory, which
// plan.go counts before a device is open.
//
// With rows, a gradient is lift, contract, pullback, as on the host. contract runs in one of two ways that
// give the same bits:
//
//   - one launch of contract_E_T or contract_generated_E_T (before compute capability 8.0 their early forms),
//     which reads or makes each row once and keeps z and g in registers; for one member, if the device can
//     hold all blocks at once;
//   - dots, residuals and accumulate over tiles of rows, four members at a time, for any number of
//     coordinates and members. Rows that are not in memory are made tile by tile.
//
// In mixed precision (mixed.go) contract runs in f32 on the difference from an anchor, and the host decides,
// once in a gradient, whether the anchor is renewed.
//
// Several devices can share rows (spread.go). An operator of rows on each device has some of the chunks, and
// the engine with everything else is on the first device. What goes from one device to another passes through
// memory of the host that the first step takes and later steps use again.
//
// Draws of the measurements (draw.go) and values of f (evaluate.go) work with any operator, by products with
// the measurements and their adjoint. The operator of rows has faster ways (drawnrows.go).
//
// Kernels that work for several members read lists, which share one place on the device (lists.go).
//
// Long sums are cut into chunks, which are added in an order that is written down (for rows, in
// sum_chunks.ptx). Chunks and order follow from the problem alone, so a run gives the same bits on every GPU,
// whatever else is in its batch.
package gpu
