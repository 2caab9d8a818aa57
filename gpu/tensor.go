package gpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// This file contracts a batch with tensor cores, on rows in memory and in f64 arithmetic. The bits are those
// of contract, if the device adds products in the order that the kernel assumes. The device is asked when the
// engine is opened; otherwise contract_batch or the three steps do the work.

// tensorSpeed has the compute capabilities whose tensor cores are fast in f64: how many multiply-adds they do
// for each of the other units, by the rates of NVIDIA's data sheets of A100, H100 and B200. Other cards have
// the instruction, but few units for it.
var tensorSpeed = map[[2]int]float64{{8, 0}: 2, {9, 0}: 2, {10, 0}: 1}

// tensorCosts has the instructions of a thread that an entry takes for each of eight members in
// contract_tensor. TestTensorCosts holds it to the emulator's counts.
var tensorCosts = map[sensing.Entries]float64{
	sensing.F64: 2.4, sensing.F32: 2.0, sensing.BF16: 2.5, sensing.Q8: 2.7, sensing.Signs: 2.7,
}

// tensorKernel is the name of the kernel.
func (l *rowLayout) tensorKernel() string { return "contract_tensor_" + string(l.entries) + "_f64" }

// tensor says whether, by its description, the device can contract a batch with its tensor cores, and gains
// by it.
func (l *rowLayout) tensor() bool {
	const reserved = 6 << 10 // weights, parts, and what the system reserves for each block
	shared := kernels.TensorStages(l.entries.EntryBits()) + reserved + l.levelsShared()
	return l.inMemory && l.precision == solver.F64 && tensorSpeed[l.info.Capability] > 0 &&
		l.batchFits(shared) && l.tensorIsFaster()
}

// tensorIsFaster says whether a step of all members takes less time with contract_tensor than in three steps,
// and less than with contract_batch if the device can do that, by the counts of docs/kernels.md and the rates
// that the driver reports. It is true if the driver reports no rates.
func (l *rowLayout) tensorIsFaster() bool {
	if l.info.Bandwidth <= 0 || l.info.Clock <= 0 {
		return true
	}
	tensor := l.tensorFloor().seconds()
	together, steps := l.batchFloors()
	return tensor < steps.seconds() && (!l.together() || tensor < together.seconds())
}

// tensorFloor returns the floor of a contraction of all members with contract_tensor, which leaves a sum for
// each chunk.
func (l *rowLayout) tensorFloor() floor {
	b := Backend{Info: l.info}
	launches := float64(blocks(l.members, kernels.BatchMembers))
	computed := launches * kernels.BatchMembers // for members, present or not
	products := 2 * computed
	if l.entries == sensing.F64 {
		products = 3 * computed // half of the rows in a dot product are computed twice
	}
	cycles := b.cycles(solver.F64, products/tensorSpeed[l.info.Capability],
		cost{computed * tensorCosts[l.entries], launches * costs[l.entries].double.conversions})
	return l.floorOf(launches*float64(l.m)*float64(l.stride)+l.sumBytes(l.chunks.count()), cycles, l.busy(1))
}

// mostTensorGroups is an upper bound of the number of groups of blocks in one launch, which follows from the
// device's description: a multiprocessor has registers for one block.
func (l *rowLayout) mostTensorGroups() int {
	return min(l.info.Multiprocessors/(kernels.BatchBlocks*l.slabs), l.chunks.count())
}

// tensorRingBytes is the size of the rings in which groups of blocks exchange parts of dot products.
func (l *rowLayout) tensorRingBytes() int64 {
	if !l.tensor() {
		return 0
	}
	rows := l.mostTensorGroups() * kernels.TensorRing(l.entries.EntryBits())
	return int64(rows) * int64(min(l.members, kernels.BatchMembers)*l.slabs*kernels.BatchParts) * 8
}

// countTensorGroups sets the number of groups of blocks in one launch, and clears their rings. It is 0 if the
// device adds products in another order, which would change bits.
func (o *rowOperator) countTensorGroups() error {
	if !o.tensor() {
		return nil
	}
	switch known, err := o.tensorOrder(); {
	case err != nil:
		return err
	case !known:
		o.tell(fmt.Sprintf("%s adds the products of its tensor cores in an order that matsense does not know: "+
			"contract of a batch is done without them", o.info.Name))
		return nil
	}
	resident, err := o.device.kernels[o.tensorKernel()].Resident(256,
		kernels.TensorStages(o.entries.EntryBits()))
	if err != nil {
		return fmt.Errorf("gpu: %s: %w", o.tensorKernel(), err)
	}
	o.tensorGroups = min(resident/(kernels.BatchBlocks*o.slabs), o.mostTensorGroups())
	return o.Fill(o.tensorRings, 0xff, o.tensorRingBytes()) // each launch leaves them so
}

// tensorOrder says whether the device computes each element of D = A·B + C as a chain of fused multiply-adds:
// it begins with the element of C and takes the inner index in ascending order. It takes the memory of z.
func (o *rowOperator) tensorOrder() (known bool, err error) {
	const count = 16 // of products, each with 128 numbers and 64 results: fewer than two members' z
	random := rand.New(rand.NewPCG(1, 2))
	in := make([]float64, 128*count) // by lane: an element of A, one of B, two of C
	for i := range in {
		in[i] = random.NormFloat64() * math.Exp2(float64(random.IntN(12)))
	}
	from, to := o.z, o.z+128*count*8
	o.padded = "" // z has zeros no longer
	if err := o.Upload(from, bytesOfNumbers(in)); err != nil {
		return false, err
	}
	err = o.launch("tensor_order", driver.Dim{count, 1, 1}, driver.Dim{32, 1, 1},
		driver.Ptr(from), driver.Ptr(to))
	if err != nil {
		return false, err
	}
	data := make([]byte, 64*count*8)
	if err := o.Download(data, to); err != nil {
		return false, err
	}
	for at := range 64 * count {
		lanes, row, column := in[at/64*128:], at%64/8, at%8
		sum := lanes[4*(4*row+column/2)+2+column%2]
		for k := range 4 {
			sum = math.FMA(lanes[4*(4*row+k)], lanes[4*(4*column+k)+1], sum)
		}
		if binary.LittleEndian.Uint64(data[8*at:]) != math.Float64bits(sum) {
			return false, nil
		}
	}
	return true, nil
}

// contractTensor contracts members in launches of at most kernels.BatchMembers, each of which reads the rows
// once. It returns false if the device does not hold all blocks of a launch at one time.
func (o *rowOperator) contractTensor(y driver.Pointer, members int) (done bool, err error) {
	set := func(groups int) error {
		o.tensorGroups = groups
		return nil
	}
	return o.inBatches(members, &o.tensorGroups, set, "contract of a batch is done without tensor cores, "+
		"which gives the same bits and takes longer",
		func(first, count int) error { return o.launchTensor(y, first, count) })
}

// launchTensor computes res, weights and chunks of count members from the first on, in one launch. They have
// one loss.
func (o *rowOperator) launchTensor(y driver.Pointer, first, count int) error {
	before := int64(first) * int64(o.m) * 8
	weights := o.weights + driver.Pointer(before)
	if err := o.Fill(weights, 0xff, int64(count)*int64(o.m)*8); err != nil {
		return err
	}
	sums := o.chunkSums + driver.Pointer(int64(first)*int64(o.chunks.count())*int64(o.kp)*8)
	return o.run(driver.Launch{
		Kernel: o.device.kernels[o.tensorKernel()],
		Grid:   driver.Dim{kernels.BatchBlocks * o.slabs * o.tensorGroups, 1, 1},
		Block:  driver.Dim{256, 1, 1}, Shared: kernels.TensorStages(o.entries.EntryBits()), Cooperative: true,
		Args: o.losses.of(first).with(
			driver.Ptr(o.from(o.rows, o.stride)), driver.Ptr(o.z+o.offset(solver.F64, first)),
			driver.Ptr(o.tensorRings), driver.Ptr(o.from(y, 8)),
			driver.Ptr(o.from(o.res+driver.Pointer(before), 8)), driver.Ptr(o.from(weights, 8)),
			driver.Ptr(sums), driver.Ptr(o.levels), driver.U32(int(o.stride)), driver.U32(o.k),
			driver.U32(o.slabs), driver.U32(o.m), driver.U32(count), driver.Ptr(o.chunks.at),
			driver.U32(o.chunks.count()), driver.F64(1/float64(o.all)),
		),
	})
}
