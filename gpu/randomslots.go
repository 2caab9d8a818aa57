package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// normalsEach and signsEach are how many numbers a block of 256 threads makes.
const normalsEach, signsEach = 512, 256

// Normals implements [solver.RandomEngine].
func (e *engine) Normals(member int, dst solver.Slot, stream sensing.Stream, row uint64) error {
	return e.random("normals", normalsEach, member, dst, stream, row)
}

// Signs implements [solver.RandomEngine].
func (e *engine) Signs(member int, dst solver.Slot, stream sensing.Stream, row uint64) error {
	return e.random("signs", signsEach, member, dst, stream, row)
}

// random fills a slot by a kernel whose blocks make each numbers.
func (e *engine) random(
	kernel string, each int, member int, dst solver.Slot, stream sensing.Stream, row uint64,
) error {
	if err := e.settle(member); err != nil {
		return err
	}
	e.touched(member, dst)
	count := e.numbers(member, dst)
	args := []driver.Arg{driver.Ptr(e.slot(member, dst)), driver.U32(count), driver.U64(row)}
	return e.device.launch(kernel, driver.Dim{blocks(count, each), 1, 1}, driver.Dim{256, 1, 1},
		append(args, keyOf(stream)...)...)
}
