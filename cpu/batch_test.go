package cpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// line is an ensemble of random rows of K coordinates for any K, the space of vectors.
type line[E sensing.Entry] struct {
	sensing.RowSource[E]
	k, m int
}

type lineSpace struct {
	sensing.Space
	k int
}

func (s lineSpace) K() int { return s.k }

func (l line[E]) Measurements() int    { return l.m }
func (l line[E]) Space() sensing.Space { return lineSpace{k: l.k} }

func (l line[E]) Row(i int, row []E) {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	for k := range row {
		row[k] = entry[E](r)
	}
}

// passed is what a pass gives for one member.
type passed struct {
	g, res  []float64
	squares float64
}

// passOf computes a pass of some members together, over k coordinates and m rows. Where there is assembly for
// groups, a group has at least so many members.
func passOf[E sensing.Entry, F number](
	t *testing.T, simd SIMD, storage solver.Storage, members []int, least, k, m, workers int,
) []passed {
	t.Helper()
	r, err := newRows[E](context.Background(), line[E]{k: k, m: m}, storage == solver.Memory, workers)
	if err != nil {
		t.Fatal(err)
	}
	c := newContraction[E, F](r, options{simd: simd})
	c.batch.least = least
	passes := make([]*memberPass[F], len(members))
	for i := range passes {
		passes[i] = newMemberPass[F](k, r.workers)
		passes[i].res = make([]float64, m)
	}
	c.arrange(passes)
	for i, p := range passes {
		random := rand.New(rand.NewPCG(uint64(members[i]), 8))
		z := make([]float64, k)
		for j := range z {
			z[j] = random.NormFloat64()
		}
		p.write(z, 1)
	}
	y := make([]float64, m)
	random := rand.New(rand.NewPCG(9, 9))
	for i := range y {
		y[i] = random.NormFloat64()
	}
	for range 2 { // the second pass must find nothing of the first
		if err := c.pass(y); err != nil {
			t.Fatal(err)
		}
	}
	all := make([]passed, len(passes))
	for i, p := range passes {
		all[i] = passed{p.g, p.res, p.squares}
	}
	return all
}

// TestBatchesAgree: a member of a batch of any size, with and without a group, has to the bit what plain Go
// computes for it alone, in every format, for lengths around the steps of the loops, numbers of rows that no
// tile divides, and more than one chunk.
func TestBatchesAgree(t *testing.T) {
	t.Run("f64", batchesAgree[float64])
	t.Run("f32", batchesAgree[float32])
}

func batchesAgree[F number](t *testing.T) {
	t.Run("f64", batchAgrees[float64, F])
	t.Run("f32", batchAgrees[float32, F])
	t.Run("bf16", batchAgrees[sensing.BF16Entry, F])
	t.Run("q8", batchAgrees[sensing.Q8Entry, F])
	t.Run("signs", batchAgrees[sensing.SignWord, F])
}

func batchAgrees[E sensing.Entry, F number](t *testing.T) {
	const most = 40
	compare := func(k, m int, sizes ...int) {
		t.Helper()
		var want []passed
		for i := range most {
			want = append(want, passOf[E, F](t, Off, solver.Memory, []int{i}, 1, k, m, 1)...)
		}
		for _, simd := range variants() {
			for _, size := range sizes {
				members := make([]int, size)
				for i := range members {
					members[i] = most - size + i
				}
				for _, c := range []struct {
					storage solver.Storage
					least   int // members of a group
				}{
					{solver.Memory, 4}, {solver.Generated, 4},
					{solver.Memory, size + 1}, {solver.Generated, size + 1},
				} {
					what := fmt.Sprintf("simd %s, %s, %d members, groups from %d, %d coordinates, %d rows",
						simd, c.storage, size, c.least, k, m)
					for i, got := range passOf[E, F](t, simd, c.storage, members, c.least, k, m, 2) {
						want := want[members[i]]
						requireBits(t, what+": g", got.g, want.g)
						requireBits(t, what+": residuals", got.res, want.res)
						requireBits(t, what+": squares", []float64{got.squares}, []float64{want.squares})
					}
				}
			}
		}
	}
	var every []int
	for size := 1; size <= most; size++ {
		every = append(every, size)
	}
	compare(70, 41, every...)
	for _, k := range []int{1, 63, 64, 65, 192, 255, 256, 257, 330} {
		compare(k, 9, 5, 8, 31)
	}
	for _, m := range []int{1, 8, 15, 24, 32, 33} {
		compare(30, m, 4, 13, 32)
	}
	compare(2*singleStretch+130, 10, 12, 32)
}

// TestGrouped: a group takes whole tiles, and one more if that lacks a single member. Without assembly there
// is none.
func TestGrouped(t *testing.T) {
	k := batchKernel[float64]{least: 8, dots: func(_, _, _ *float64, _, _ int) {}}
	for members, want := range map[int]int{1: 0, 7: 0, 8: 8, 9: 8, 10: 8, 11: 11, 12: 12, 13: 12, 15: 15} {
		if got := k.grouped(members); got != want {
			t.Errorf("%d of %d members form a group, want %d", got, members, want)
		}
	}
	if got := (batchKernel[float64]{}).grouped(100); got != 0 {
		t.Errorf("%d members form a group in plain Go", got)
	}
}

func requireBits(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if !sameBits(got[i], want[i]) {
			t.Fatalf("%s: number %d is %v, alone in plain Go %v", what, i, got[i], want[i])
		}
	}
}
