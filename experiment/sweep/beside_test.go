package sweep

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// meeting is a backend on the host. While it has a channel, an engine opens only together with another.
type meeting struct {
	cpu.Backend
	arrived *chan struct{}
}

func (b meeting) Open(ctx context.Context, p *sensing.Problem, batch solver.Batch) (solver.Engine, error) {
	if *b.arrived != nil {
		select {
		case *b.arrived <- struct{}{}:
		case <-*b.arrived:
		case <-ctx.Done():
		}
	}
	return b.Backend.Open(ctx, p, batch)
}

// overlap is a Progress that counts the groups, of two runs each, that began before all runs of earlier
// groups had ended.
type overlap struct {
	quiet
	begun, ended, count *int
}

func (o overlap) Ended(*Record) { *o.ended++ }

func (o overlap) Group(*experiment.Group, []Run) {
	if *o.ended < 2**o.begun {
		*o.count++
	}
	*o.begun++
}

// TestBeside: small groups go side by side, one for each worker, if there is memory for them. The tables are
// those of one group after another, to the byte.
func TestBeside(t *testing.T) {
	const small = `base: {n: 6, rank: 1, measurements: 40, iterations: 12, step: 0.25, workers: %d}
axes:
  - alpha: [1e-4, 1e-2]
seeds: 4
`
	memory := 1e9
	host := func(b meeting) experiment.Host {
		h := aHost()
		h.Backend = func(p experiment.Place) (solver.Backend, error) {
			b.Storage, b.Workers = solver.Storage(p.Storage), p.Workers
			return b, nil
		}
		h.Memory = func(solver.Backend) (float64, error) { return memory, nil }
		return h
	}
	carry := func(t *testing.T, text string, arrived chan struct{}) (p *Plan, overlaps int, tables [][]byte) {
		t.Helper()
		var none chan struct{} // planning opens an engine too, to measure its speed
		b := meeting{arrived: &none}
		p, err := NewPlan(t.Context(), mustParse(t, text), Options{}, host(b))
		if err != nil {
			t.Fatal(err)
		}
		*b.arrived = arrived
		dir := filepath.Join(t.TempDir(), "swept")
		watch := overlap{quiet{}, new(int), new(int), &overlaps}
		r, failures, err := p.Run(t.Context(), Where{Dir: dir}, watch)
		if err != nil || failures > 0 || len(r.Missing()) > 0 {
			t.Fatalf("%d failures, %v", failures, err)
		}
		return p, overlaps, tablesOf(t, dir)
	}
	verify := func(t *testing.T, dir string, arrived chan struct{}) (overlaps, identical int) {
		t.Helper()
		var none chan struct{}
		b := meeting{arrived: &none}
		o, p, err := OpenOriginal(t.Context(), dir, 0, "", host(b))
		if err != nil {
			t.Fatal(err)
		}
		*b.arrived = arrived
		watch := overlap{quiet{}, new(int), new(int), &overlaps}
		err = p.Verify(t.Context(), o, watch, func(_ int, c *experiment.Comparison) {
			if c.Identical() {
				identical++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return overlaps, identical
	}
	one, overlaps, want := carry(t, fmt.Sprintf(small, 1), nil)
	if one.AtOnce != 1 || overlaps > 0 {
		t.Fatalf("one worker: %d groups at once are planned, %d overlap", one.AtOnce, overlaps)
	}
	t.Run("two workers", func(t *testing.T) {
		p, overlaps, tables := carry(t, fmt.Sprintf(small, 2), make(chan struct{}))
		if p.AtOnce != 2 || overlaps == 0 || !slices.EqualFunc(tables, want, slices.Equal) {
			t.Errorf("%d groups at once are planned, %d overlap; or the tables differ", p.AtOnce, overlaps)
		}
		if p.Bytes < 2*one.Bytes || p.Bytes > 3*one.Bytes || one.Estimate > 0 && p.Estimate == 0 {
			t.Errorf("%g bytes and %v, of one group %g and %v", p.Bytes, p.Estimate, one.Bytes, one.Estimate)
		}
	})
	t.Run("verify", func(t *testing.T) {
		for workers, besides := range map[int]bool{1: false, 2: true} {
			dir := filepath.Join(t.TempDir(), "swept")
			p, err := NewPlan(t.Context(), mustParse(t, fmt.Sprintf(small, workers)), Options{}, aHost())
			if err == nil {
				_, _, err = p.Run(t.Context(), Where{Dir: dir}, quiet{})
			}
			if err != nil {
				t.Fatal(err)
			}
			var arrived chan struct{}
			if besides {
				arrived = make(chan struct{})
			}
			if overlaps, identical := verify(t, dir, arrived); overlaps > 0 != besides || identical != 8 {
				t.Errorf("%d workers: %d groups overlap, %d runs are identical", workers, overlaps, identical)
			}
		}
	})
	t.Run("what is left of a group", func(t *testing.T) { // its runs have the largest factor rank no more
		text := strings.Replace(fmt.Sprintf(small, 2), "alpha: [1e-4, 1e-2]", "factor-rank: [3, 1]", 1)
		p, _, _ := carry(t, text,
			make(chan struct{}))
		if left, rest := p.sort([]Group{{p.Part[0].Runs[1:]}}); len(left) != 1 || len(rest) > 0 {
			t.Errorf("%d small groups, %d others", len(left), len(rest))
		}
	})
	t.Run("more workers than groups", func(t *testing.T) {
		p, _, tables := carry(t, fmt.Sprintf(small, 11), make(chan struct{}))
		var workers []int
		for _, l := range p.beside(p.Part) {
			workers = append(workers, l.workers)
		}
		if p.AtOnce != 4 || !slices.Equal(workers, []int{2, 3, 3, 3}) {
			t.Errorf("%d groups at once, with %d workers", p.AtOnce, workers)
		}
		if !slices.EqualFunc(tables, want, slices.Equal) {
			t.Error("the tables differ")
		}
	})
	t.Run("little memory", func(t *testing.T) {
		defer func(all float64) { memory = all }(memory)
		memory = 7 * one.Bytes
		if p, overlaps, _ := carry(t, fmt.Sprintf(small, 2), nil); p.AtOnce != 1 || overlaps > 0 {
			t.Errorf("%d groups at once are planned, %d overlap", p.AtOnce, overlaps)
		}
	})
	for what, change := range map[string][2]string{
		"large": {"n: 6, rank: 1, measurements: 40, iterations: 12",
			"entries: f64, n: 70, rank: 1, measurements: 2000, iterations: 1"},
		"generated": {"n: 6", "storage: generated, n: 6"},
	} {
		t.Run(what, func(t *testing.T) {
			p, overlaps, _ := carry(t, strings.Replace(fmt.Sprintf(small, 2), change[0], change[1], 1), nil)
			if small, rest := p.sort(p.Part); len(small) > 0 || len(rest) != 4 || overlaps > 0 {
				t.Errorf("%d small groups, %d others, %d overlap", len(small), len(rest), overlaps)
			}
		})
	}
}
