package gpu

import (
	"math"
	"sort"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
)

// Rows are cut twice. Chunks determine bits: g is the sum of the chunks' sums in the order of sum_chunks, so
// the first rows of chunks follow from m and K alone. Tiles determine time: dots and accumulate take one tile
// of rows in one launch, and tiles change no bit.

const (
	// referenceBlocks is the number of blocks of contract that an H100 or H200 holds: two on each of 132
	// multiprocessors.
	referenceBlocks = 264
	// leastShare is the least number of rows of a chunk, if a group of blocks gets more than one chunk: each
	// chunk's sum is written and read once, 16·K bytes in f64, beside rows of 4·K bytes each with f32
	// entries.
	leastShare = 96
	// mostShares is the largest number of chunks for a group of blocks on the reference device: enough for
	// devices with other numbers of multiprocessors to share chunks out evenly.
	mostShares = 4
	// chunkParts is the number of parts that sum_chunks cuts the chunks into. A card has whole parts. There
	// are at least as many chunks, so that eight cards have one each, if there are rows for them.
	chunkParts = 8
	// stageRows divides the number of rows before each chunk: contract takes at most this many at a time.
	stageRows = 8
)

// chunkStarts returns the first row of each chunk, and m.
func chunkStarts(m, slabs int) []int {
	groups := max(referenceBlocks/slabs, 1)
	shares := min(max(m/(leastShare*groups), 1), mostShares)
	stages := blocks(m, stageRows)
	starts := make([]int, min(max(shares*groups, chunkParts), stages)+1)
	for i := range starts {
		starts[i] = min(i*stages/(len(starts)-1)*stageRows, m)
	}
	return starts
}

// shortened cuts chunks into chunks of at most longest rows, which is a multiple of stageRows.
func shortened(starts []int, longest int) []int {
	short := starts[:1:1]
	for c, start := range starts[1:] {
		stages := blocks(start-starts[c], stageRows)
		pieces := blocks(stages*stageRows, longest)
		for i := 1; i < pieces; i++ {
			short = append(short, starts[c]+i*stages/pieces*stageRows)
		}
		short = append(short, start)
	}
	return short
}

// chunkTable says how rows are cut into chunks.
type chunkTable struct {
	starts []int          // the first row of each chunk, and the end of the last
	before int            // chunks of the cards before this one
	after  int            // and of those after it
	trees  []subtree      // of sum_chunks' tree that the card has whole; none if there is one card
	at     driver.Pointer // the same on the device, as u32
}

// count is the number of chunks.
func (c chunkTable) count() int { return len(c.starts) - 1 }

// all is the number of chunks on all cards.
func (c chunkTable) all() int { return c.before + c.count() + c.after }

// touched returns the first and the last chunk that a tile has rows of.
func (c chunkTable) touched(t tile) (first, last int) {
	return c.chunkOf(t.first), c.chunkOf(t.first + t.count - 1)
}

// chunkOf returns the chunk of a row.
func (c chunkTable) chunkOf(row int) int {
	return sort.Search(c.count(), func(i int) bool { return c.starts[i+1] > row })
}

// onCard returns the chunks of one of several cards: whole parts of sum_chunks.
func (c chunkTable) onCard(card, cards int) chunkTable {
	if cards == 1 {
		return c
	}
	begin := func(part int) int { return part * c.count() / chunkParts } // the first chunk of a part
	first, end := partsOf(card, cards)
	from, to := begin(first), begin(end)
	mine := chunkTable{starts: c.starts[from : to+1], before: from, after: c.count() - to}
	for part := first; part < end; {
		t := subtree{part: part, parts: 1, first: begin(part)}
		for part%(2*t.parts) == 0 && part+2*t.parts <= end {
			t.parts *= 2
		}
		part += t.parts
		t.chunks = begin(part) - t.first
		mine.trees = append(mine.trees, t)
	}
	return mine
}

// partsOf returns the first part of sum_chunks that one of several cards has, and the end of its parts.
func partsOf(card, cards int) (first, end int) {
	return card * chunkParts / cards, (card + 1) * chunkParts / cards
}

// subtree is a part of sum_chunks, or several whose sums one node of its tree adds.
type subtree struct{ part, parts, first, chunks int }

// Sharing returns how many of some devices share the rows of a run: as many as make the largest share of a
// device smaller. Devices have whole eighths of the sum over chunks, so five to seven have no smaller share
// than four, and more than eight none than eight.
func Sharing(devices int) int {
	devices = min(devices, chunkParts)
	for devices > 1 && blocks(chunkParts, devices) == blocks(chunkParts, devices-1) {
		devices--
	}
	return devices
}

// longestChunk is the most rows of a chunk.
func (l *rowLayout) longestChunk() (longest int) {
	for c, start := range l.chunks.starts[1:] {
		longest = max(longest, start-l.chunks.starts[c])
	}
	return longest
}

// buffer is the memory for the table.
func (c *chunkTable) buffer(name string) buffer { return buffer{name, int64(len(c.starts)) * 4, &c.at} }

// upload copies the table to the device.
func (c chunkTable) upload(d *device) error { return d.Upload(c.at, bytesOfWords(c.starts)) }

// shareRows sets the chunks and the tiles.
func (l *rowLayout) shareRows(tileRows int) {
	l.chunks = chunkTable{starts: chunkStarts(l.all, l.slabs)}.onCard(l.card, l.cards)
	if l.longest > 0 { // sum_chunks does not add these, so nobody asks how many other cards have
		l.chunks = chunkTable{starts: shortened(l.chunks.starts, l.longest)}
	}
	l.begin = l.chunks.starts[0]
	l.m = l.chunks.starts[l.chunks.count()] - l.begin
	l.tileRows = tileRows
	if tileRows == 0 {
		l.tileRows = l.cheapestTile()
	}
	l.tileRows = min(wholeQuads(l.tileRows), wholeQuads(l.m))
}

const (
	tileQuad = 4 // rows of a block of dots; it divides the rows of a tile
	// 1/memoryShare of the device's memory is the most that a tile may take, and 1/rowsShare of the size of
	// all rows the most that a tile of generated rows may take.
	memoryShare, rowsShare = 16, 8
	// cachedCost is the cost of a byte from the L2 cache, relative to a byte from memory. launchCost is the
	// cost of a launch: the bytes that a large device reads in some microseconds. Both are estimates.
	cachedCost = 1. / 3
	launchCost = 1e7
	// launchWork is the largest number of entries in a launch on a device that stops launches after some
	// seconds, and launchNormals the largest number of normal deviates that a launch makes. Each takes a few
	// tenths of a second on the slowest cards that the kernels run on, with some 50·10⁹ multiply-adds a
	// second in f64.
	launchWork    = 2e9
	launchNormals = 1e8
)

// wholeQuads rounds rows up to whole blocks of dots.
func wholeQuads(rows int) int { return blocks(rows, tileQuad) * tileQuad }

// cheapestTile returns the number of rows with which a step costs least. Generated rows take memory, so for
// them it returns the least number that costs little more.
func (l *rowLayout) cheapestTile() int {
	enough := 1.02 // times the least cost
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

// tileFits says whether a tile of so many rows fits in a launch and in the device's memory.
func (l *rowLayout) tileFits(rows int) bool {
	// The largest number of rows, and of rows times members: within them grids and indices are in bounds.
	const most, mostParts = 1 << 17, 1 << 31
	members := float64(l.lifted)
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

// mostEntries is the largest number of entries that a launch over rows takes, if a watchdog stops long
// launches.
func (l *rowLayout) mostEntries() float64 {
	if l.info.Watchdog && !l.inMemory && l.entries.EntryBits() >= 16 {
		return launchNormals
	}
	return l.mostWork
}

// tileCost estimates the cost of a step's rows in tiles of so many rows: the bytes between the device and its
// memory, and other times as the bytes that could be moved meanwhile.
func (l *rowLayout) tileCost(rows int) float64 {
	members, quads := float64(l.members), float64(blocks(l.members, 4))
	all := float64(l.m) * float64(l.stride)
	// accumulate leaves multiprocessors idle if the tile has rows of few chunks.
	touched := min(blocks(rows*l.chunks.count(), l.m), l.chunks.count())
	working := float64(blocks(l.k, 1024)) * float64(touched) * quads
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
	cost += float64(2*visits-l.chunks.count()) * members * float64(l.kp) * float64(numberBytes(l.precision))
	return cost + float64(tiles)*4*launchCost
}

// tileVisits returns the number of tiles of so many rows, and how often a tile adds to a chunk's sum. Each
// visit writes the sum, and each but the first visit to a chunk reads it.
func (l *rowLayout) tileVisits(rows int) (tiles, visits int) {
	tiles = blocks(l.m, rows)
	visits = l.chunks.count() + tiles - 1
	for _, start := range l.chunks.starts[1:l.chunks.count()] {
		if start%rows == 0 { // the tile begins with the chunk
			visits--
		}
	}
	return tiles, visits
}

// once says whether contract may be one launch: whether, by its description, the device can hold all blocks
// of a group of slabs at one time. If the device is at fault, it also says why not.
func (l *rowLayout) once() (possible bool, fault string) {
	switch {
	case l.blockShared() > l.info.BlockShared || l.groupBlocks() > l.resident():
		return false, ""
	case !l.info.Cooperative:
		return false, "it has no cooperative launches"
	case float64(l.m)*float64(l.k) > l.mostEntries():
		return false, "it drives a display, and its watchdog stops long launches"
	}
	return true, ""
}

// resident is the number of blocks of contract that the device holds at one time: as many as their shared
// memory allows, and at most two for each multiprocessor, because of their registers. Of contract_long it is
// one for each.
func (l *rowLayout) resident() int {
	if l.own > 1 {
		return l.info.Multiprocessors
	}
	return max(min((l.info.BlockShared+reservedShared)/l.blockShared(), 2), 1) * l.info.Multiprocessors
}

// reservedShared is the shared memory that the system reserves for each block, and reservedBlock at least
// that with the static shared memory of a block of contract or contract_batch, but for the table of q8.
const reservedShared, reservedBlock = 1 << 10, 3 << 9

// blockShared is at least the shared memory of a block of contract, with what the system reserves.
func (l *rowLayout) blockShared() int { return l.stages + reservedBlock + l.levelsShared() }

// levelsShared is the shared memory of a block for the table of q8.
func (l *rowLayout) levelsShared() int {
	if l.entries != sensing.Q8 {
		return 0
	}
	return len(sensing.Q8Levels) * 32 * 4 // a copy in the bank of each lane
}
