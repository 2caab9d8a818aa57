// Package gpu runs engines on a device with PTX kernels: an NVIDIA GPU through package cuda, or package
// emulator, which interprets the same kernels on the host. It has kernels for UUᵀ on symmetric matrices and
// for UVᵀ on rectangular ones.
//
// The engine (engine.go) holds the factors and does their algebra. An operator (operator.go) has the
// measurements: one for every ensemble that has rows of entries (rows.go), and one file for each ensemble
// with more structure. The factors, the measurements and everything between stay on the device, and nothing
// is allocated after [Backend.Open].
//
// With rows a gradient is lift, contract, pullback, as on the host. contract runs in one of two ways that
// give the same bits:
//
//   - one launch of contract_E_T or contract_generated_E_T, which reads or makes each row once and keeps z
//     and g in registers; for one member, if the device can hold all blocks at once;
//   - dots, residuals and accumulate over tiles of rows, four members at a time, for any number of
//     coordinates and members. Rows that are not in memory are made tile by tile.
//
// The rows are cut into chunks, whose sums are added in order. Where chunks begin follows from K and m alone,
// so that a run gives the same bits on every GPU, whatever else is in its batch.
package gpu
