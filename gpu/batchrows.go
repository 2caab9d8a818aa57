package gpu

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

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
	return l.hasSmall() && (l.asSmall || kernels.BatchStages(whole)+reservedBatch > l.info.BlockShared)
}

// hasSmall says whether contract_batch has a small form for the rows.
func (l *rowLayout) hasSmall() bool {
	return l.inMemory && (l.entries == sensing.F64 || l.entries == sensing.F32)
}

// reservedBatch is at least the static shared memory of contract_batch without the table of q8, and what the
// system reserves for each block.
const reservedBatch = 2 << 10

// together says whether, by its description, the device can contract the members of a batch in launches that
// share each reading of a row, or each entry that they generate, and gains by it.
func (l *rowLayout) together() bool {
	have, need := l.info.Capability, kernels.Get(l.batcher()).Capability
	newEnough := have[0] > need[0] || have[0] == need[0] && have[1] >= need[1]
	return newEnough && l.batchFits(l.batchShared()) && l.togetherIsFaster()
}

// batchFits says whether the device has room for a launch that contracts a batch, with so much shared memory
// for each block.
func (l *rowLayout) batchFits(shared int) bool {
	work := float64(l.m) * float64(l.k) * float64(min(l.members, kernels.BatchMembers))
	return l.contracted() > 1 && l.info.Cooperative && shared <= l.info.BlockShared &&
		l.slab == kernels.Slab && kernels.BatchBlocks*l.slabs <= l.info.Multiprocessors &&
		work <= l.mostEntries()
}

// batchShared is at least the shared memory of a block of contract_batch.
func (l *rowLayout) batchShared() int {
	return kernels.BatchStages(l.batcher()) + reservedBatch + l.levelsShared()
}

// levelsShared is the shared memory of a block for the table of q8.
func (l *rowLayout) levelsShared() int {
	if l.entries != sensing.Q8 {
		return 0
	}
	return 32 << 10
}

// mostBatchGroups is an upper bound of the number of groups of blocks in one launch of contract_batch, which
// follows from the device's description.
func (l *rowLayout) mostBatchGroups() int {
	return min(l.batchResident()*l.info.Multiprocessors/(kernels.BatchBlocks*l.slabs), l.chunks.count())
}

// partBytes is the size of the rings in which the groups of blocks of contract_batch exchange parts of dot
// products.
func (l *rowLayout) partBytes() int64 {
	rows := l.mostBatchGroups() * kernels.BatchRing(l.batcher())
	parts := min(l.members, kernels.BatchMembers) * l.slabs * kernels.BatchParts
	return int64(rows) * int64(parts) * numberBytes(l.precision)
}

// ringBytes is the size of what all groups exchange: the rings, and behind them the words that say which
// chunks have been added.
func (l *rowLayout) ringBytes() int64 {
	return l.partBytes() + int64(l.batchSums().count*kernels.BatchBlocks*l.slabs)*4
}

// ready is where these words are.
func (o *rowOperator) ready() driver.Pointer { return o.rings + driver.Pointer(o.partBytes()) }

// countBatchGroups sets the number of groups of blocks in one launch of contract_batch, and clears its rings.
func (o *rowOperator) countBatchGroups() error {
	if !o.together() {
		return nil
	}
	return o.setBatchGroups()
}

// setBatchGroups does so, whether or not a batch gains by it.
func (o *rowOperator) setBatchGroups() error {
	resident, err := o.device.kernels[o.batcher()].Resident(256, kernels.BatchStages(o.batcher()))
	if err != nil {
		return fmt.Errorf("gpu: %s: %w", o.batcher(), err)
	}
	if err := o.shareChunks(min(resident/(kernels.BatchBlocks*o.slabs), o.mostBatchGroups())); err != nil {
		return err
	}
	return o.Fill(o.rings, 0xff, o.ringBytes()) // each launch leaves them so
}

// shareChunks sets the number of groups, and tells the device which chunks each of them takes.
func (o *rowOperator) shareChunks(groups int) error {
	o.batchGroups = groups
	if groups == 0 {
		return nil
	}
	return o.Upload(o.batchChunks, bytesOfWords(o.batchPlan(groups).words(o.chunks.starts)))
}

// contractTogether contracts members in launches of at most kernels.BatchMembers, each of which reads or
// generates the rows once. It returns false if the device does not hold all blocks of a launch at one time.
func (o *rowOperator) contractTogether(y driver.Pointer, members int) (done bool, err error) {
	return o.inBatches(members, &o.batchGroups, o.shareChunks, "contract of a batch is done in three steps, "+
		"which give the same bits and read rows more often",
		func(first, count int) error { return o.launchBatch(y, first, count) })
}

// inBatches makes a launch for each kernels.BatchMembers members, in groups that set may halve (inGroups).
func (o *rowOperator) inBatches(
	members int, groups *int, set func(groups int) error, instead string,
	launch func(first, count int) error,
) (done bool, err error) {
	for first := 0; first < members; first += kernels.BatchMembers {
		count := min(members-first, kernels.BatchMembers)
		done, err = o.inGroups(*groups, set, instead, func() error { return launch(first, count) })
		if !done || err != nil {
			return false, err
		}
	}
	return true, nil
}

// launchBatch computes res, weights and the sums of count members from the first on, in one launch.
func (o *rowOperator) launchBatch(y driver.Pointer, first, count int) error {
	bytes := numberBytes(o.precision)
	before := int64(first) * int64(o.m)
	weights := o.weights + driver.Pointer(before*bytes)
	if err := o.Fill(weights, 0xff, int64(count)*int64(o.m)*bytes); err != nil {
		return err
	}
	sums := o.batchSums()
	to := o.chunkSums + driver.Pointer(int64(first)*int64(sums.count)*int64(o.kp)*bytes)
	args := []driver.Arg{driver.Ptr(o.z + o.offset(o.precision, first)), driver.Ptr(o.rings),
		driver.Ptr(o.from(y, 8)), driver.Ptr(o.from(o.res+driver.Pointer(before*8), 8)),
		driver.Ptr(o.from(weights, bytes)), driver.Ptr(to), driver.Ptr(o.levels), driver.Ptr(o.ready())}
	args = append(o.rowArgs(args), driver.U32(o.k), driver.U32(o.slabs), driver.U32(o.m), driver.U32(count),
		driver.Ptr(o.batchChunks), driver.U32(sums.count), driver.U32(o.begin+o.m),
		driver.F64(1/float64(o.all)))
	return o.run(driver.Launch{
		Kernel: o.device.kernels[o.batcher()],
		Grid:   driver.Dim{kernels.BatchBlocks * o.slabs * o.batchGroups, 1, 1},
		Block:  driver.Dim{256, 1, 1}, Shared: kernels.BatchStages(o.batcher()), Cooperative: true,
		Args: o.loss.with(args...),
	})
}
