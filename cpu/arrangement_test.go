package cpu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/matsense/matsense/solver"
)

// TestArrangements: one contraction whose members come and go, and whose passes are interrupted in the
// middle, gives each member, to the bit, what plain Go computes for it alone.
func TestArrangements(t *testing.T) {
	const k, m, most, workers = 70, 97, 40, 2
	var want []passed
	for i := range most {
		want = append(want, passOf[float32, float32](t, Off, solver.Memory, []int{i}, 1, k, m, 1)...)
	}
	y := make([]float64, m)
	random := rand.New(rand.NewPCG(9, 9)) // as in passOf
	for i := range y {
		y[i] = random.NormFloat64()
	}
	for _, simd := range variants() {
		for _, inMemory := range []bool{true, false} {
			r, err := newRows[float32](context.Background(), line[float32]{k: k, m: m}, inMemory, workers)
			if err != nil {
				t.Fatal(err)
			}
			interrupted := false
			r.stop = &interruption{func() error {
				r.queue.mu.Lock()
				defer r.queue.mu.Unlock()
				if interrupted && r.queue.next > 1 {
					return errBroken
				}
				return nil
			}}
			c := newContraction[float32, float32](r, options{simd: simd})
			c.batch.least = 8
			all := make([]*memberPass[float32], most)
			for i := range all {
				all[i] = newMemberPass[float32](k, r.workers)
				all[i].res = make([]float64, m)
			}
			for _, part := range [][2]int{{0, 3}, {0, 13}, {5, 40}, {39, 40}, {0, 40}, {8, 16}, {0, 31}} {
				members := all[part[0]:part[1]]
				c.arrange(members)
				for i, p := range members {
					random := rand.New(rand.NewPCG(uint64(part[0]+i), 8)) // as in passOf
					z := make([]float64, k)
					for j := range z {
						z[j] = random.NormFloat64()
					}
					p.write(z, 1)
				}
				interrupted = true
				if err := c.pass(y); !errors.Is(err, errBroken) {
					t.Fatalf("an interrupted pass returned %v", err)
				}
				interrupted = false
				if err := c.pass(y); err != nil {
					t.Fatal(err)
				}
				for i, p := range members {
					what := fmt.Sprintf("simd %s, in memory %t, of %v number %d", simd, inMemory, part, i)
					want := want[part[0]+i]
					requireBits(t, what+": g", p.g, want.g)
					requireBits(t, what+": residuals", p.res, want.res)
					requireBits(t, what+": squares", []float64{p.squares}, []float64{want.squares})
				}
			}
		}
	}
}
