package sweep

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// runsOf makes runs of several problems: groups[g] has the iterations of each run of problem g.
func runsOf(entries string, groups [][]int) []Run {
	var runs []Run
	for g, iterations := range groups {
		for _, n := range iterations {
			r := Run{Index: len(runs)}
			r.Config.N, r.Config.Measurements, r.Config.Entries = 1, 1, entries
			r.Config.Seed, r.Config.Iterations = uint64(g), n-1
			runs = append(runs, r)
		}
	}
	return runs
}

func TestGroups(t *testing.T) {
	indices := func(text string) string {
		var all [][]int
		for _, g := range Groups(mustRuns(t, text)) {
			var group []int
			for _, r := range g.Runs {
				group = append(group, r.Index)
			}
			all = append(all, group)
		}
		return fmt.Sprint(all)
	}
	for text, want := range map[string]string{
		"axes: [{alpha: [1, 2], step: [1, 2]}, factor-rank: [1, 2]]\n":                        "[[0 1 2 3]]",
		"axes: [alpha: [1, 2]]\nseeds: 2\n":                                                   "[[0 2] [1 3]]",
		"axes: [alpha: [1, 2]]\nstart-seeds: 2\n":                                             "[[0 1 2 3]]",
		"axes: [n: [4, 5]]\nbase: {measurements: 9}\n":                                        "[[0] [1]]",
		"axes: [rank: [1, 2]]\nbase: {measurements: 9}\n":                                     "[[0] [1]]",
		"axes: [kappa: [1, 2]]\n":                                                             "[[0] [1]]",
		"axes: [noise: [0, 1]]\n":                                                             "[[0] [1]]",
		"axes: [measurements: [9, 3000]]\n":                                                   "[[0] [1]]",
		"axes: [entries: [f32, q8]]\n":                                                        "[[0] [1]]",
		"axes: [ensemble: [gaussian, rademacher]]\n":                                          "[[0] [1]]",
		"axes: [{ensemble: [rademacher, rademacher], entries: [sign, sign], step: [1, 2]}]\n": "[[0 1]]",
		"axes: [{iterations: [1, 2], init: [random, spectral]}]\n":                            "[[0 1]]",
		// other starts
		"base: {matrices: A.npy, observations: y.npy}\nseeds: 3\n": "[[0 1 2]]",
	} {
		if got := indices(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestShardsByHand(t *testing.T) {
	// Costs of rows are 1 with q8 entries: a group of runs 3, 4 costs 8.
	for _, c := range []struct {
		groups [][]int
		n      int
		want   string // each part's groups of run indices
	}{
		{[][]int{{3}, {4}, {5}}, 1, "[[[0] [1] [2]]]"},
		{[][]int{{5}, {4}, {3}, {2}}, 2, "[[[0] [3]] [[1] [2]]]"},
		{[][]int{{1, 1, 1, 1}}, 2, "[[[0 1]] [[2 3]]]"},
		{[][]int{{9, 9}, {1}, {1}}, 3, "[[[1] [2]] [[3]] [[0]]]"}, // 12, 2, 10
		{[][]int{{1}}, 3, "[[[0]] [] []]"},
	} {
		groups := Groups(runsOf("q8", c.groups))
		var all [][][]int
		for i := range c.n {
			part := [][]int{}
			for _, g := range Shard(groups, i, c.n) {
				var indices []int
				for _, r := range g.Runs {
					indices = append(indices, r.Index)
				}
				part = append(part, indices)
			}
			all = append(all, part)
		}
		if got := fmt.Sprint(all); got != c.want {
			t.Errorf("%v in %d: %s, want %s", c.groups, c.n, got, c.want)
		}
	}
}

// TestShards divides random sweeps. Every run is in one part. A group is split only if it is longer than a
// fair share, the n-th part of the whole. No part takes longer than 4/3 of a fair share plus the longest
// piece that cannot be split.
func TestShards(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 300 {
		problems := make([][]int, 1+r.IntN(30))
		scale := math.Pow(10, 4*r.Float64())
		for g := range problems {
			size := 1 + r.IntN(5)
			if r.IntN(4) == 0 {
				size = 1 + r.IntN(200)
			}
			common := r.IntN(2) == 0
			problems[g] = make([]int, size)
			for i := range problems[g] {
				problems[g][i] = 1 + int(scale*r.Float64())
				if common {
					problems[g][i] = problems[g][0]
				}
			}
		}
		runs := runsOf([]string{"f32", "q8"}[r.IntN(2)], problems)
		groups := Groups(runs)
		n := 1 + r.IntN(20)
		total, indivisible := 0.0, 0.0
		for _, g := range groups {
			total += g.cost()
		}
		fair := total / float64(n)
		for _, g := range groups {
			if g.cost() <= fair {
				indivisible = max(indivisible, g.cost())
				continue
			}
			for _, run := range g.Runs {
				indivisible = max(indivisible, Group{[]Run{run}}.cost())
			}
		}

		var indices []int
		partsOf := map[uint64]int{}
		longest := 0.0
		for i := range n {
			part := Shard(groups, i, n)
			if trial%20 == 0 && !reflect.DeepEqual(part, Shard(Groups(runs), i, n)) {
				t.Errorf("trial %d: part %d is another when it is asked for again", trial, i)
			}
			load := 0.0
			for k, g := range part {
				if k > 0 && part[k-1].Runs[0].Index >= g.Runs[0].Index {
					t.Errorf("trial %d: a part's groups are out of order", trial)
				}
				load += g.cost()
				partsOf[g.Runs[0].Config.Seed]++
				for _, run := range g.Runs {
					indices = append(indices, run.Index)
				}
			}
			longest = max(longest, load)
		}
		slices.Sort(indices)
		if len(indices) != len(runs) || len(slices.Compact(indices)) != len(runs) {
			t.Fatalf("trial %d: %d runs in parts, of %d", trial, len(indices), len(runs))
		}
		for _, g := range groups {
			seed := g.Runs[0].Config.Seed
			if pieces := partsOf[seed]; pieces > 1 && g.cost() <= fair*(1-1e-9) {
				t.Errorf("trial %d: a group of %v is in %d pieces, and a fair share is %v", trial, g.cost(),
					pieces, fair)
			} else if pieces > n {
				t.Errorf("trial %d: a group is in %d pieces, for %d parts", trial, pieces, n)
			}
		}
		if bound := 4./3*fair + indivisible; longest > bound*(1+1e-9) {
			t.Errorf("trial %d: %d groups in %d parts: one takes %v, a fair share is %v, a piece that cannot be split takes up to %v",
				trial, len(groups), n, longest, fair, indivisible)
		}
	}
}

// TestMergeWhileTheLastPartEnds: a merge that has read the records before the last part has added its own
// does not leave its tables in place of that part's.
func TestMergeWhileTheLastPartEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "swept")
	s := mustParse(t, "base: {n: 5, rank: 2, iterations: 2}\nseeds: 3\n")
	end := func(part int) *Plan {
		p, err := NewPlan(context.Background(), s,
			Options{NamedPart: NamedPart{Shard: part, Shards: 3, By: ByFlag}}, onHost())
		if err != nil {
			t.Fatal(err)
		}
		_, failures, err := p.Run(context.Background(), Where{Dir: dir}, quiet{})
		if err != nil || failures != 0 {
			t.Fatal(failures, err)
		}
		return p
	}
	p := end(0)
	for part := 1; part < 3; part++ {
		began := false
		r, err := p.tabulate(dir, func(*Results) bool {
			if !began {
				began = true
				end(part)
			}
			return true
		})
		// After part 2 of 3 the tables may lack it, since part 3 is still to come.
		if want := []int{0, 1, 3}[part]; err != nil || len(r.Records) != want {
			t.Errorf("after part %d: %d records, %v", part+1, len(r.Records), err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, runsCSV))
	if lines := strings.Count(string(text), "\n"); err != nil || lines != 1+3 {
		t.Errorf("runs.csv has %d lines: %v\n%s", lines, err, text)
	}
}
