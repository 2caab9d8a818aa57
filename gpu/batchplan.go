package gpu

import (
	"math"
	"slices"

	"github.com/matsense/matsense/kernels"
)

// sumRange says which sums a kernel leaves: count of all, behind before others. sum_chunks takes each of them
// for a chunk.
type sumRange struct{ before, count, all int }

// each says that each chunk is a sum.
func (c chunkTable) each() sumRange { return sumRange{c.before, c.count(), c.all()} }

// batchSums says which sums contract_batch and contract_tensor leave. They add the chunks of a part of
// sum_chunks, so one sum is left for each part. Mixed precision adds chunks in f64, so each chunk has a sum
// of its own. So it is if a part has no chunk.
func (l *rowLayout) batchSums() sumRange {
	if l.longest > 0 || l.chunks.all() < chunkParts {
		return l.chunks.each()
	}
	first, end := partsOf(l.card, l.cards)
	return sumRange{first, end - first, chunkParts}
}

// batchPlan says what the groups of blocks of contract_batch and contract_tensor do.
type batchPlan struct {
	sums   []int   // the sum to which each chunk is added, in ascending order
	groups [][]int // the chunks of each group, in the order in which it takes them
}

// batchPlan shares the chunks out. A sum is a chain, which goes from group to group if several have its
// chunks, so the order of the chunks decides how long groups wait.
//
// If each group has as many chunks as a part, or more, a group takes successive chunks. It begins with those
// behind the last bound of a part, which begin a sum. It ends with those before the first bound, which
// continue the sum of the group before. That group began with this sum, so nobody waits.
//
// More groups than parts take turns: the first chunks of all parts are dealt out, then the second ones, and
// so on. A group waits for the one that has the chunk before in the same part. Both began at the same time,
// so after the first chunks the groups of a part are apart by the time that adding takes.
func (l *rowLayout) batchPlan(groups int) batchPlan {
	p := batchPlan{groups: make([][]int, groups)}
	sums, count := l.batchSums(), l.chunks.count()
	bounds := []int{0} // the first chunk of each sum, and the end
	for s := range sums.count {
		for l.chunks.before+len(p.sums) < (sums.before+s+1)*l.chunks.all()/sums.all {
			p.sums = append(p.sums, s)
		}
		bounds = append(bounds, len(p.sums))
	}
	if groups > sums.count {
		dealt := 0
		for j := 0; dealt < count; j++ {
			for s, first := range bounds[:sums.count] {
				if c := first + j; c < bounds[s+1] {
					p.groups[dealt%groups] = append(p.groups[dealt%groups], c)
					dealt++
				}
			}
		}
		return p
	}
	for g := range groups {
		from, to := g*count/groups, (g+1)*count/groups
		head, tail := to, from // bounds of the chunks that continue a sum, and of those that begin one
		for _, b := range bounds {
			if from <= b && b <= to {
				head, tail = min(head, b), max(tail, b)
			}
		}
		for _, r := range [][2]int{{max(head, tail), to}, {head, max(head, tail)}, {from, head}} {
			for c := r[0]; c < r[1]; c++ {
				p.groups[g] = append(p.groups[g], c)
			}
		}
	}
	return p
}

// words encodes the plan for the kernel. starts has the first row of each chunk, and the end of the last.
func (p batchPlan) words(starts []int) []int {
	groupOf := make([]int, len(p.sums))
	for g, chunks := range p.groups {
		for _, c := range chunks {
			groupOf[c] = g
		}
	}
	// Value v of a sum's word says that v − 1 of its chunks have been added. After the last one the word is
	// all ones again.
	describe := func(c int) []int {
		first := c // of the sum
		for first > 0 && p.sums[first-1] == p.sums[c] {
			first--
		}
		from, to := min(c-first, 1), 0
		if c > first && groupOf[c-1] != groupOf[c] {
			from = c - first + 1
		}
		if c+1 < len(p.sums) && p.sums[c+1] == p.sums[c] {
			if groupOf[c+1] != groupOf[c] {
				to = c - first + 2
			}
		} else if slices.ContainsFunc(groupOf[first:c], func(g int) bool { return g != groupOf[c] }) {
			to = math.MaxUint32
		}
		return []int{starts[c], starts[c+1], p.sums[c], from, to}
	}
	at := len(p.groups) + 1
	var offsets, list []int
	for _, chunks := range p.groups {
		offsets = append(offsets, at)
		for _, c := range chunks {
			list = append(list, describe(c)...)
		}
		at += len(chunks) * kernels.BatchChunkWords
	}
	return append(append(offsets, at), list...)
}

// planBytes is the most memory that a plan for a kernel takes.
func (l *rowLayout) planBytes(k batchKernel) int64 {
	return int64(l.mostGroups(k)+1+kernels.BatchChunkWords*l.chunks.count()) * 4
}
