package gpu

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// batchKernel describes a kernel that contracts several members in one launch.
type batchKernel struct {
	name            string
	members, blocks int // of a launch, at most; and of a group of blocks, for each slab
	resident        int // blocks that a multiprocessor has registers for, at most
	shared          int // at least the shared memory of a block
}

// batchOn is such a kernel on a device: the number of groups of blocks in one launch, and where the groups'
// rings and lists of chunks lie.
type batchOn struct {
	batchKernel
	groups        *int
	rings, chunks driver.Pointer
}

// batchKernel describes contract_batch.
func (l *rowLayout) batchKernel() batchKernel {
	return batchKernel{name: l.batcher(), members: kernels.BatchMembers, blocks: kernels.BatchBlocks,
		resident: l.batchResident(), shared: l.batchShared()}
}

// onBatch is contract_batch on the device.
func (o *rowOperator) onBatch() batchOn {
	return batchOn{o.batchKernel(), &o.batchGroups, o.rings, o.batchChunks}
}

// batcher is the name of the kernel that contracts up to kernels.BatchMembers members in one launch.
func (l *rowLayout) batcher() string {
	family := "contract_batch_"
	switch {
	case !l.inMemory:
		family += "generated_"
	case l.small():
		family += "small_"
	}
	return family + string(l.entries) + "_" + string(l.precision)
}

// small says whether a block of the device has too little shared memory for contract_batch, other than in its
// small form.
func (l *rowLayout) small() bool {
	whole := "contract_batch_" + string(l.entries) + "_" + string(l.precision)
	return l.hasSmall() && (l.asSmall || kernels.BatchStages(whole)+reservedBlock > l.info.BlockShared)
}

// hasSmall says whether contract_batch has a small form for the rows.
func (l *rowLayout) hasSmall() bool {
	return l.inMemory && (l.entries == sensing.F64 || l.entries == sensing.F32)
}

// together says whether, by its description, the device can contract the members of a batch in launches that
// share each reading of a row, or each entry that they generate, and gains by it.
func (l *rowLayout) together() bool {
	have, need := l.info.Capability, kernels.Get(l.batcher()).Capability
	newEnough := have[0] > need[0] || have[0] == need[0] && have[1] >= need[1]
	return newEnough && l.batchFits(l.batchKernel()) && l.togetherIsFaster()
}

// batchFits says whether the device has room for a launch that contracts a batch.
func (l *rowLayout) batchFits(k batchKernel) bool {
	work := float64(l.m) * float64(l.k) * float64(min(l.members, k.members))
	return l.contracted() > 1 && l.info.Cooperative && k.shared <= l.info.BlockShared &&
		l.slab == kernels.Slab && k.blocks*l.slabs <= l.info.Multiprocessors && work <= l.mostEntries()
}

// batchShared is at least the shared memory of a block of contract_batch.
func (l *rowLayout) batchShared() int {
	return kernels.BatchStages(l.batcher()) + reservedBlock + l.levelsShared()
}

// mostGroups is an upper bound of the number of groups of blocks in one launch, which follows from the
// device's description.
func (l *rowLayout) mostGroups(k batchKernel) int {
	return min(k.resident*l.info.Multiprocessors/(k.blocks*l.slabs), l.chunks.count())
}

// partBytes is the size of the rings in which groups of blocks exchange parts of dot products.
func (l *rowLayout) partBytes(k batchKernel) int64 {
	rows := l.mostGroups(k) * kernels.BatchRing(k.name)
	parts := min(l.members, k.members) * l.slabs * kernels.BatchParts
	return int64(rows) * int64(parts) * numberBytes(l.precision)
}

// ringBytes is the size of what all groups exchange: the rings, and behind them the words that say which
// chunks have been added.
func (l *rowLayout) ringBytes(k batchKernel) int64 {
	return l.partBytes(k) + int64(l.batchSums().count*k.blocks*l.slabs)*4
}

// countBatchGroups sets the number of groups of blocks in one launch of contract_batch, and clears its rings.
func (o *rowOperator) countBatchGroups() error {
	if !o.together() {
		return nil
	}
	return o.countGroupsOf(o.onBatch())
}

// countGroupsOf asks the device how many groups of blocks it holds in a launch of a kernel, and prepares
// their memory.
func (o *rowOperator) countGroupsOf(k batchOn) error {
	resident, err := o.device.kernels[k.name].Resident(256, kernels.BatchStages(k.name))
	if err != nil {
		return fmt.Errorf("gpu: %s: %w", k.name, err)
	}
	if err := o.shareOn(k, min(resident/(k.blocks*o.slabs), o.mostGroups(k.batchKernel))); err != nil {
		return err
	}
	return o.Fill(k.rings, 0xff, o.ringBytes(k.batchKernel)) // each launch leaves them so
}

// shareOn sets the number of groups of a kernel, and tells the device which chunks each of them takes.
func (o *rowOperator) shareOn(k batchOn, groups int) error {
	*k.groups = groups
	if groups == 0 {
		return nil
	}
	return o.Upload(k.chunks, bytesOfWords(o.batchPlan(groups).words(o.chunks.starts)))
}

// contractTogether contracts members in launches of at most kernels.BatchMembers, each of which reads or
// generates the rows once. It returns false if the device does not hold all blocks of a launch at one time.
func (o *rowOperator) contractTogether(y driver.Pointer, members int) (done bool, err error) {
	for first := 0; first < members; {
		count := o.losses.alike(first, min(members-first, kernels.BatchMembers))
		done, err = o.contractOn(o.onBatch(), y, first, count,
			"contract of a batch is done in three steps, which give the same bits and read rows more often")
		if !done || err != nil {
			return false, err
		}
		first += count
	}
	return true, nil
}

// contractOn contracts count members from the first on in one launch of a kernel, in groups as many as the
// device takes (inGroups).
func (o *rowOperator) contractOn(
	k batchOn, y driver.Pointer, first, count int, instead string,
) (done bool, err error) {
	return o.inGroups(*k.groups, func(groups int) error { return o.shareOn(k, groups) }, instead,
		func() error { return o.launchOn(k, y, first, count) })
}

// launchOn computes res, weights and the sums of count members from the first on, in one launch of a kernel.
// They have one loss.
func (o *rowOperator) launchOn(k batchOn, y driver.Pointer, first, count int) error {
	bytes := numberBytes(o.precision)
	before := int64(first) * int64(o.m)
	weights := o.weights + driver.Pointer(before*bytes)
	if err := o.Fill(weights, 0xff, int64(count)*int64(o.m)*bytes); err != nil {
		return err
	}
	sums := o.batchSums()
	to := o.chunkSums + driver.Pointer(int64(first)*int64(sums.count)*int64(o.kp)*bytes)
	args := []driver.Arg{driver.Ptr(o.z + o.offset(o.precision, first)), driver.Ptr(k.rings),
		driver.Ptr(o.from(y, 8)), driver.Ptr(o.from(o.res+driver.Pointer(before*8), 8)),
		driver.Ptr(o.from(weights, bytes)), driver.Ptr(to), driver.Ptr(o.levels),
		driver.Ptr(k.rings + driver.Pointer(o.partBytes(k.batchKernel)))}
	args = append(o.rowArgs(args), driver.U32(o.k), driver.U32(o.slabs), driver.U32(o.m), driver.U32(count),
		driver.Ptr(k.chunks), driver.U32(sums.count), driver.U32(o.begin+o.m),
		driver.F64(1/float64(o.all)))
	return o.run(driver.Launch{
		Kernel: o.device.kernels[k.name],
		Grid:   driver.Dim{k.blocks * o.slabs * *k.groups, 1, 1},
		Block:  driver.Dim{256, 1, 1}, Shared: kernels.BatchStages(k.name), Cooperative: true,
		Args: o.losses.of(first).with(args...),
	})
}
