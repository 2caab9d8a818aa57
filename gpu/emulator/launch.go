package emulator

import (
	"math/bits"

	"github.com/matsense/matsense/gpu/driver"
)

// launch is one run of a program.
type launch struct {
	device   *Device
	program  *program
	grid     [3]int
	size     [3]int // of a block
	threads  int    // of a block
	warps    uint32 // of a block
	dynamic  int    // shared bytes per block that the caller asked for
	args     []driver.Arg
	uniforms []lanes
	began    uint64 // Device.now before the first instruction
	// told is, for an address, what comes before the accesses of a block that acquires the value last written
	// there.
	told    map[uint64]clock
	steps   int64 // warp instructions issued so far
	traffic *Traffic
	// loaded and stored are the sectors that the launch has accessed so far; nil unless they are counted.
	loaded, stored sectorSet
	// interrupted ends the launch early if it returns an error; nil never does.
	interrupted func() error
}

// interruption is the panic that ends a launch early.
type interruption struct{ error }

// block is one block of a launch, or successive blocks that use the same memory.
type block struct {
	launch   *launch
	number   uint32
	unit     uint32 // number of its first warp in the launch
	id       [3]int
	began    uint64
	shared   region
	warps    []*warp
	order    clock // the accesses that come before all that the block does next
	heard    clock // the accesses that would come before it after a fence
	fenced   clock // the accesses that come before all that the block releases next
	barriers [16]barrier
}

const quantum = 256 // instructions that a warp may issue in one turn

// position returns a block's position in the grid.
func (l *launch) position(number uint32) [3]int {
	n := int(number)
	return [3]int{n % l.grid[0], n / l.grid[0] % l.grid[1], n / l.grid[0] / l.grid[1]}
}

// thread returns a thread's position in its block.
func (l *launch) thread(n int) [3]int {
	return [3]int{n % l.size[0], n / l.size[0] % l.size[1], n / l.size[0] / l.size[1]}
}

// room returns memory for n blocks. It reuses the memory of the program's last launch if that fits.
func (l *launch) room(n int) []*block {
	spare := l.program.spare
	if len(spare) > 0 &&
		(len(spare[0].warps) != int(l.warps) || len(spare[0].shared.data) != l.program.static+l.dynamic) {
		spare = nil
	}
	for len(spare) < n {
		spare = append(spare, l.newBlock())
	}
	l.program.spare = spare
	for _, b := range spare[:n] {
		b.launch = l
		for _, w := range b.warps {
			w.launch = l
		}
	}
	return spare[:n]
}

// newBlock allocates the memory of a block.
func (l *launch) newBlock() *block {
	b := &block{launch: l, shared: newRegion(sharedSpace, sharedBase, l.program.static+l.dynamic)}
	if l.program.async {
		b.shared.pending = make([]uint64, len(b.shared.defined))
	}
	for range l.warps {
		w := &warp{
			device: l.device, launch: l, program: l.program,
			regs:    make([]lanes, l.program.registers),
			preds:   make([]uint32, l.program.registers),
			written: make([]uint32, l.program.registers),
			seen:    make([]uint64, l.warps),
		}
		for range 32 * min(l.program.local, 1) {
			w.local = append(w.local, newRegion(localSpace, localBase, l.program.local))
		}
		b.warps = append(b.warps, w)
	}
	return b
}

// start makes b the block with this number.
func (b *block) start(number uint32) {
	b.number, b.unit, b.id = number, number*b.launch.warps, b.launch.position(number)
	b.began = b.launch.device.tick()
	b.order, b.heard, b.fenced = nil, nil, nil
	clear(b.shared.defined)
	clear(b.shared.pending)
	for i := range b.barriers {
		b.barriers[i] = barrier{waiting: b.barriers[i].waiting[:0]}
	}
	for i, w := range b.warps {
		w.start(b, i, min(32, b.launch.threads-32*i))
	}
}

// run does the whole launch. It panics with a *Fault if the kernel faults.
func (l *launch) run(cooperative bool) {
	blocks := l.grid[0] * l.grid[1] * l.grid[2]
	if cooperative {
		all := l.room(blocks)
		for i, b := range all {
			b.start(uint32(i))
		}
		l.finish(all)
		return
	}
	one := l.room(1)
	step := stride(blocks)
	for i, number := 0, blocks/2; i < blocks; i++ {
		one[0].start(uint32(number))
		l.finish(one)
		number = (number + step) % blocks
	}
}

// stride returns a number that has no divisor in common with n: steps of it, modulo n, visit every block
// once, in an order on which no kernel should depend.
func stride(n int) int {
	for step := n*5/8 + 1; ; step++ {
		a, b := n, step
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return step
		}
	}
}

// finish runs blocks until all their threads have left.
func (l *launch) finish(blocks []*block) {
	left := make([]int, len(blocks)) // live warps
	for i, b := range blocks {
		left[i] = len(b.warps)
	}
	moved := make([]bool, len(blocks))
	for sum := 1; sum > 0; {
		clear(moved)
		for index := range blocks[0].warps {
			for i, b := range blocks {
				w := b.warps[index]
				if w.active == 0 {
					continue
				}
				moved[i] = true
				if l.interrupted != nil {
					if err := l.interrupted(); err != nil {
						panic(interruption{err})
					}
				}
				w.run(quantum)
				if l.steps > l.device.config.Steps {
					w.fault(Endless, bits.TrailingZeros32(last(w))&31,
						"the launch has taken more than %d instructions",
						l.device.config.Steps)
				}
				if w.live == 0 {
					left[i]--
				}
			}
		}
		sum = 0
		for i, b := range blocks {
			if sum += left[i]; left[i] > 0 && !moved[i] {
				b.stuck()
			}
		}
	}
}

// last returns the lanes that a warp has run last, or those that could run.
func last(w *warp) uint32 {
	if w.active != 0 {
		return w.active
	}
	return w.live
}
