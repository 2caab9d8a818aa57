package emulator

import (
	"math"
	"math/bits"
	"slices"
)

// Traffic counts what the launches of one kernel did. A request is one memory instruction of one warp,
// whatever its width.
type Traffic struct {
	// Launches counts launches, Instructions the instructions that warps issued.
	Launches, Instructions int64
	// GlobalLoaded and GlobalStored are the bytes that active threads asked for; cp.async counts as a load.
	GlobalLoaded, GlobalStored int64
	// LoadSectors and StoreSectors are the 32-byte sectors of global memory touched, summed over requests.
	LoadSectors, StoreSectors int64
	// StrongLoaded and StrongSectors are the parts of GlobalLoaded and LoadSectors that loads other than weak
	// ones (relaxed, acquire, volatile) account for. A thread uses such loads to wait for another thread's
	// write; their number depends on the schedule.
	StrongLoaded, StrongSectors int64
	// DistinctStored are the bytes of the different sectors that a launch stored to, and DistinctLoaded those
	// of the sectors that it loaded before it stored to them. Both are summed over launches, and are 0
	// without Config.Distinct. A kernel moves so much between memory and the L2 cache if the cache keeps all
	// that the launch uses again, and nothing for the next launch.
	DistinctLoaded, DistinctStored int64
	// LoadRequests and StoreRequests are the requests to global memory.
	LoadRequests, StoreRequests int64
	// SharedLoaded and SharedStored are the bytes of shared memory that active threads asked for.
	SharedLoaded, SharedStored int64
	// BankConflicts are the wavefronts of shared requests beyond one per conflict-free request. With 32 banks
	// of 4 bytes, a request needs as many wavefronts as the most different words that it asks of one bank. An
	// 8-byte request is handled as 2 half-warps, a 16-byte request as 4 quarter-warps, each separately.
	BankConflicts int64
	// Shuffles, Barriers and Products count the instructions that warps executed; a product is an mma.
	Shuffles, Barriers, Products int64
}

// Traffic returns the sums over the launches of the entry called kernel since the last ResetTraffic.
func (d *Device) Traffic(kernel string) Traffic {
	if t := d.traffic[kernel]; t != nil {
		return *t
	}
	return Traffic{}
}

// ResetTraffic sets all sums to zero.
func (d *Device) ResetTraffic() { clear(d.traffic) }

// countGlobal counts a request to global memory. Its addresses are in w.scratch; no element crosses a sector.
func (w *warp) countGlobal(size int, mask uint32, load bool) {
	t := w.launch.traffic
	n := int64(bits.OnesCount32(mask) * size)
	sectors := w.touchedSectors(mask)
	if load {
		t.GlobalLoaded += n
		t.LoadRequests++
		t.LoadSectors += sectors
		t.DistinctLoaded += w.newSectors(mask, w.launch.loaded, w.launch.stored)
	} else {
		t.GlobalStored += n
		t.StoreRequests++
		t.StoreSectors += sectors
		t.DistinctStored += w.newSectors(mask, w.launch.stored, nil)
	}
}

// sectorSet is a set of sectors of global memory: 64 in each word.
type sectorSet map[uint64]uint64

func (s sectorSet) has(sector uint64) bool { return s[sector/64]>>(sector%64)&1 != 0 }

// newSectors adds the sectors of a request to a set, unless it is nil, and returns the bytes of those that
// are new in it and not in the other.
func (w *warp) newSectors(mask uint32, set, other sectorSet) (added int64) {
	if set == nil {
		return 0
	}
	for m := mask; m != 0; m &= m - 1 {
		s := w.scratch[bits.TrailingZeros32(m)] / 32
		if set.has(s) || other.has(s) {
			continue
		}
		set[s/64] |= 1 << (s % 64)
		added += 32
	}
	return added
}

// touchedSectors returns how many different sectors the addresses of a request are in.
func (w *warp) touchedSectors(mask uint32) int64 {
	if l := &w.layout; l.regular && mask == allLanes {
		switch step := min(l.step, -l.step); {
		case step <= 32:
			return int64(l.high/32 - l.low/32 + 1) // there is no sector between two lanes
		case step < math.MaxUint32:
			return 32
		}
	}
	seen := w.sectors[:0]
	ascending := true
	for m := mask; m != 0; m &= m - 1 {
		s := w.scratch[bits.TrailingZeros32(m)&31] / 32
		n := len(seen)
		if n > 0 && seen[n-1] == s {
			continue
		}
		ascending = ascending && (n == 0 || seen[n-1] < s)
		seen = append(seen, s)
	}
	if ascending {
		return int64(len(seen))
	}
	slices.Sort(seen)
	return int64(len(slices.Compact(seen)))
}

// conflicts returns how many wavefronts a request to shared memory needs beyond those of a conflict-free
// request.
func (w *warp) conflicts(size int, mask uint32) int64 {
	words := max(1, size/4)
	if l := &w.layout; l.regular && mask == allLanes && (l.step == 0 || l.step == uint64(size)) {
		return 0
	}
	together := 32 / words // lanes of a wavefront
	var extra int64
	for first := 0; first < 32; first += together {
		if group := mask & (1<<together - 1) << first; group != 0 {
			extra += w.crowd(group, max(size, 4)) - 1
		}
	}
	return extra
}

// crowd returns the most different units of size bytes that lanes ask of one bank. A unit lies in size/4
// neighbouring banks of 4 bytes, which count as one bank.
func (w *warp) crowd(mask uint32, size int) int64 {
	var asked [32]uint64 // for each bank, the first unit
	var busy uint32
	shift, last := bits.TrailingZeros(uint(size)), uint64(128/size-1)
	alone := true
	for m := mask; m != 0; m &= m - 1 {
		unit := w.scratch[bits.TrailingZeros32(m)&31] >> shift
		bank := unit & last & 31
		if busy>>bank&1 == 0 {
			busy |= 1 << bank
			asked[bank] = unit
		} else if asked[bank] != unit {
			alone = false
			break
		}
	}
	if alone {
		return 1
	}
	all := w.sectors[:0]
	for m := mask; m != 0; m &= m - 1 {
		all = append(all, w.scratch[bits.TrailingZeros32(m)]>>shift)
	}
	slices.Sort(all)
	var count [32]int64
	most := int64(0)
	for _, unit := range slices.Compact(all) {
		count[unit&last]++
		most = max(most, count[unit&last])
	}
	return most
}

// count counts a request as a load, a store, or both (atom). Shared wavefronts are counted once. All lanes of
// the request access one region, unless that is nil.
func (w *warp) count(q *request, r *region, mask uint32, load, store bool) {
	t := w.launch.traffic
	global, shared := uint32(0), uint32(0)
	where := q.space
	if where == genericSpace && r != nil {
		where = r.space
	}
	switch where {
	case globalSpace:
		global = mask
	case sharedSpace:
		shared = mask
	case genericSpace:
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			switch s, _ := q.in(w.scratch[lane]); s {
			case globalSpace:
				global |= 1 << lane
			case sharedSpace:
				shared |= 1 << lane
			}
		}
	}
	if global != 0 && load {
		bytes, sectors := t.GlobalLoaded, t.LoadSectors
		w.countGlobal(q.size, global, true)
		if q.strength != plain {
			t.StrongLoaded += t.GlobalLoaded - bytes
			t.StrongSectors += t.LoadSectors - sectors
		}
	}
	if global != 0 && store {
		w.countGlobal(q.size, global, false)
	}
	if shared != 0 {
		n := int64(bits.OnesCount32(shared) * q.size)
		if load {
			t.SharedLoaded += n
		}
		if store {
			t.SharedStored += n
		}
		t.BankConflicts += w.conflicts(q.size, shared)
	}
}

// countCopy counts the load of a cp.async; each lane has its own size.
func (w *warp) countCopy(q *request, sizes *lanes, mask uint32) {
	var sum int64
	var some uint32
	for m := mask; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		if n := min(int64(sizes[i]), int64(q.size)); n > 0 {
			sum += n
			some |= 1 << i
		}
	}
	if some != 0 {
		w.countGlobal(0, some, true)
		w.launch.traffic.GlobalLoaded += sum
	}
}
