package gpu

import (
	"math"
	"sort"

	"github.com/matsense/matsense/sensing"
)

// The rows are cut twice. Chunks decide bits: g is the sum of the chunks' sums, in order, so where chunks
// begin follows from m and K alone. Tiles decide time: they are how many rows dots and accumulate take in one
// launch, and change no bit.

const (
	// referenceBlocks is how many blocks of contract an H100 or H200 holds: two on each of 132
	// multiprocessors.
	referenceBlocks = 264
	// leastShare is how many rows a chunk has at least, where a group of blocks gets more than one: each
	// chunk's sum is written and read once, 16·K bytes in f64, beside rows of 4·K bytes each with f32
	// entries.
	leastShare = 96
	// mostShares is how many chunks a group of blocks gets at most on the reference device: enough for
	// devices with other numbers of multiprocessors to share chunks out evenly.
	mostShares = 4
	// stageRows is what divides the rows before each chunk: contract takes at most so many at a time.
	stageRows = 8
)

// chunkStarts returns the first row of each chunk, and m.
func chunkStarts(m, slabs int) []int {
	groups := max(referenceBlocks/slabs, 1)
	shares := min(max(m/(leastShare*groups), 1), mostShares)
	stages := blocks(m, stageRows)
	starts := make([]int, min(shares*groups, stages)+1)
	for i := range starts {
		starts[i] = min(i*stages/(len(starts)-1)*stageRows, m)
	}
	return starts
}

// chunks returns how many chunks there are.
func (l *rowLayout) chunks() int { return len(l.starts) - 1 }

// chunkOf returns the chunk of a row.
func (l *rowLayout) chunkOf(row int) int {
	return sort.Search(l.chunks(), func(i int) bool { return l.starts[i+1] > row })
}

// shareRows sets the chunks and the tiles.
func (l *rowLayout) shareRows(tileRows int) {
	l.starts = chunkStarts(l.m, l.slabs)
	l.tileRows = tileRows
	if tileRows == 0 {
		l.tileRows = l.cheapestTile()
	}
	l.tileRows = min(wholeQuads(l.tileRows), wholeQuads(l.m))
}

const (
	tileQuad = 4 // rows of a block of dots: a tile has whole ones
	// memoryShare is the part of the device's memory that a tile may take, and rowsShare what a tile of
	// generated rows may take of what all rows would.
	memoryShare, rowsShare = 16, 8
	// cachedCost is what a byte from the L2 cache costs beside one from memory, and launchCost what a launch
	// costs: the bytes that a large device reads in some microseconds. Both are estimates.
	cachedCost = 1. / 3
	launchCost = 1e7
	// launchWork is how many entries a launch may take on a device that stops launches after some seconds,
	// and launchNormals how many normal deviates it may make: a few tenths of a second on the slowest cards
	// that the kernels run on, of some 50·10⁹ multiply-adds a second in f64.
	launchWork    = 2e9
	launchNormals = 1e8
)

// wholeQuads returns the rows of the blocks of dots that take so many rows.
func wholeQuads(rows int) int { return blocks(rows, tileQuad) * tileQuad }

// cheapestTile returns the number of rows with which a step costs least, or for generated rows, which take
// memory, the fewest with which it costs little more.
func (l *rowLayout) cheapestTile() int {
	enough := 1.02 // of the least cost
	if l.inMemory {
		enough = 1
	}
	var sizes []int
	least := math.Inf(1)
	for power := tileQuad; power < 2*l.m; power *= 2 {
		for quarters := 4; quarters < 8; quarters++ {
			rows := min(wholeQuads(power/4*quarters), wholeQuads(l.m))
			if l.tileFits(rows) {
				sizes = append(sizes, rows)
				least = min(least, l.tileCost(rows))
			}
		}
	}
	for _, rows := range sizes {
		if l.tileCost(rows) <= enough*least {
			return rows
		}
	}
	return tileQuad
}

// tileFits says whether a launch takes so many rows, and the device's memory what belongs to them.
func (l *rowLayout) tileFits(rows int) bool {
	// Of rows, and of rows for all members, so that grids and indices are in bounds.
	const most, mostParts = 1 << 17, 1 << 31
	members := float64(l.members)
	bytes := float64(rows) * members * float64(l.slabs) * 8
	room := float64(l.info.Memory) / memoryShare
	if !l.inMemory {
		bytes += float64(rows) * float64(l.stride)
		room = min(room, float64(l.m)*float64(l.stride)/rowsShare)
	}
	work := float64(rows) * float64(l.k) * members
	return rows <= most && float64(rows)*members <= mostParts &&
		bytes <= max(room, float64(l.info.L2)/4) && work <= l.mostEntries()
}

// mostEntries is how many entries a launch over rows takes at most, where a watchdog stops long ones.
func (l *rowLayout) mostEntries() float64 {
	if l.info.Watchdog && !l.inMemory && l.entries.EntryBits() >= 16 {
		return launchNormals
	}
	return l.mostWork
}

// tileCost estimates what the rows of a step cost in tiles of so many rows: the bytes between the device and
// its memory, and what else takes time in bytes that could be moved meanwhile.
func (l *rowLayout) tileCost(rows int) float64 {
	members, quads := float64(l.members), float64(blocks(l.members, 4))
	all := float64(l.m) * float64(l.stride)
	// accumulate leaves multiprocessors idle if the tile has rows of few chunks.
	working := float64(blocks(l.k, 1024)) * float64(min(blocks(rows*l.chunks(), l.m), l.chunks())) * quads
	slower := max(1, 2*float64(l.info.Multiprocessors)/working)
	reads := quads * (1 + slower) // of each row, by dots and accumulate
	cost := all * reads
	if cached := int64(rows)*l.stride <= int64(l.info.L2)/4; cached {
		cost *= cachedCost
		if l.inMemory {
			cost += all
		}
	} else if !l.inMemory {
		cost += all
	}
	tiles, visits := l.tileVisits(rows)
	cost += float64(2*visits-l.chunks()) * members * float64(l.kp) * float64(numberBytes(l.precision))
	return cost + float64(tiles)*4*launchCost
}

// tileVisits returns how many tiles of so many rows there are, and how often they add to a chunk's sum: each
// but a chunk's first time the sum is read, and each time it is written.
func (l *rowLayout) tileVisits(rows int) (tiles, visits int) {
	tiles = blocks(l.m, rows)
	visits = l.chunks() + tiles - 1
	for _, start := range l.starts[1:l.chunks()] {
		if start%rows == 0 { // the tile begins with the chunk
			visits--
		}
	}
	return tiles, visits
}

// once says whether contract may be one launch: whether the device can have all blocks of a group of slabs on
// it at one time, as far as its description tells, and why not if the device is at fault.
func (l *rowLayout) once() (possible bool, fault string) {
	have, need := l.info.Capability, l.contractor.Capability
	newEnough := have[0] > need[0] || have[0] == need[0] && have[1] >= need[1]
	switch {
	case !newEnough || l.slabs > l.blocks():
		return false, ""
	case !l.info.Cooperative:
		return false, "it has no cooperative launches"
	case float64(l.m)*float64(l.k) > l.mostEntries():
		return false, "it drives a display, and its watchdog stops long launches"
	}
	return true, ""
}

// blocks is how many blocks of contract can be on the device at one time, by the shared memory that they take
// and the two that their registers allow.
func (l *rowLayout) blocks() int {
	// The table of q8, and what the system keeps of each block's share.
	const levels, reserved = 33 << 10, 1 << 10
	block := l.stages + reserved
	if l.entries == sensing.Q8 {
		block += levels
	}
	return max(min((l.info.BlockShared+reserved)/block, 2), 1) * l.info.Multiprocessors
}
