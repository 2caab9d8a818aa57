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

// tensorForm is one of the two forms of contract_tensor.
type tensorForm struct {
	name            string // without the format of the entries
	members, blocks int    // of a launch, at most; and of a group of blocks, for each slab
	reserved        int    // shared memory for weights and parts, and what the system reserves for each block
	// The instructions of a thread that an entry takes for each of so many members. TestTensorCosts holds
	// them to the emulator's counts.
	costs map[sensing.Entries]float64
}

// tensorForms has the form for up to eight members, and the wide one.
var tensorForms = [2]tensorForm{
	{"contract_tensor_", kernels.BatchMembers, kernels.BatchBlocks, 6 << 10, map[sensing.Entries]float64{
		sensing.F64: 2.7, sensing.F32: 2.2, sensing.BF16: 2.7, sensing.Q8: 2.9, sensing.Signs: 2.9,
	}},
	{"contract_tensor_wide_", kernels.WideMembers, kernels.WideBlocks, 11 << 10, map[sensing.Entries]float64{
		sensing.F64: 1.9, sensing.F32: 2.0, sensing.BF16: 2.2, sensing.Q8: 2.4, sensing.Signs: 2.4,
	}},
}

// wideForm is the number of the wide form.
const wideForm = 1

// tensorKernel describes a form of contract_tensor.
func (l *rowLayout) tensorKernel(form int) batchKernel {
	f := tensorForms[form]
	name := f.name + string(l.entries) + "_f64"
	return batchKernel{name: name, members: f.members, blocks: f.blocks, resident: 1,
		shared: kernels.BatchStages(name) + f.reserved + l.levelsShared()}
}

// tensor says whether, by its description, the device can contract a batch with its tensor cores, and gains
// by it.
func (l *rowLayout) tensor() bool {
	return l.inMemory && l.precision == solver.F64 && tensorSpeed[l.info.Capability] > 0 &&
		l.batchFits(l.tensorKernel(0)) && l.tensorIsFaster()
}

// tensorWide says whether launches of more than eight members take the wide form: the device has room for it,
// and it takes less time, or the driver reports no rates.
func (l *rowLayout) tensorWide() bool {
	return l.members > kernels.BatchMembers && l.batchFits(l.tensorKernel(wideForm)) &&
		(l.info.Bandwidth <= 0 || l.info.Clock <= 0 ||
			l.tensorFloorOf(true).seconds() < l.tensorFloorOf(false).seconds())
}

// tensorKernels are the forms that an engine takes.
func (l *rowLayout) tensorKernels() (all []batchKernel) {
	if !l.tensor() {
		return nil
	}
	all = append(all, l.tensorKernel(0))
	if l.tensorWide() {
		all = append(all, l.tensorKernel(wideForm))
	}
	return all
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

// tensorFloor returns the floor of a contraction of all members with contract_tensor.
func (l *rowLayout) tensorFloor() floor { return l.tensorFloorOf(l.tensorWide()) }

// tensorFloorOf does this for launches of eight members, or of sixteen and of eight for the rest.
func (l *rowLayout) tensorFloorOf(wide bool) (sum floor) {
	b := Backend{Info: l.info}
	for rest := l.members; rest > 0; {
		form := tensorForms[0]
		products := 2.0
		switch {
		case wide && rest > form.members:
			form = tensorForms[wideForm]
		case l.entries == sensing.F64:
			products = 3 // half of the rows in a dot product are computed twice
		}
		computed := float64(form.members) // present or not
		cycles := b.cycles(solver.F64, products*computed/tensorSpeed[l.info.Capability],
			cost{computed * form.costs[l.entries], costs[l.entries].double.conversions})
		launch := l.floorOf(float64(l.m)*float64(l.stride), cycles, l.busy(1, form.blocks))
		sum.memory += launch.memory
		sum.computing += launch.computing
		rest -= form.members
	}
	sum.memory += l.sumBytes(l.batchSums().count) / l.info.Bandwidth
	return sum
}

// onTensor is a form of contract_tensor on the device.
func (o *rowOperator) onTensor(form int) batchOn {
	return batchOn{o.tensorKernel(form), &o.tensorGroups[form], o.tensorRings[form], o.tensorChunks[form]}
}

// countTensorGroups sets the number of groups of blocks in one launch of each form, and clears their rings.
// It is 0 if the device adds products in another order, which would change bits.
func (o *rowOperator) countTensorGroups() error {
	forms := o.tensorKernels()
	if len(forms) == 0 {
		return nil
	}
	switch known, err := o.tensorOrder(); {
	case err != nil:
		return err
	case !known:
		o.tell(fmt.Sprintf("%s adds the products of its tensor cores in an order that matsense does not "+
			"know: contract of a batch is done without them", o.info.Name))
		return nil
	}
	for form := range forms {
		if err := o.countGroupsOf(o.onTensor(form)); err != nil {
			return err
		}
	}
	return nil
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

// contractTensor contracts members in launches, each of which reads the rows once: of up to sixteen members
// with the wide form, and of up to eight. It returns false if the device does not hold all blocks of a
// launch at one time.
func (o *rowOperator) contractTensor(y driver.Pointer, members int) (done bool, err error) {
	for first := 0; first < members; {
		form, instead := 0, "contract of a batch is done without tensor cores, "+
			"which gives the same bits and takes longer"
		count := o.losses.alike(first, min(members-first, kernels.WideMembers))
		if count > kernels.BatchMembers && o.tensorGroups[wideForm] > 0 {
			form, instead = wideForm, "contract takes eight members in a launch, "+
				"which gives the same bits and takes longer"
		}
		on := o.onTensor(form)
		count = min(count, on.members)
		switch done, err = o.contractOn(on, y, first, count, instead); {
		case err != nil:
			return false, err
		case done:
			first += count
		case form == 0:
			return false, nil
		}
	}
	return true, nil
}
