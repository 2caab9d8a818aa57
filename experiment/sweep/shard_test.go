package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
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

func TestParseShard(t *testing.T) {
	for text, want := range map[string]string{
		"1/1": "0 1", "3/8": "2 8", "8/8": "7 8", "1/1000000": "0 1000000",
		"0/8": "", "9/8": "", "1/0": "", "-1/8": "", "3": "", "3/": "", "/8": "", "3/8/9": "", "a/b": "",
		"": "", "1/1000001": "",
	} {
		i, n, err := ParseShard(text)
		if got := fmt.Sprint(i, n); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %s, %v; want %q", text, got, err, want)
		}
	}
}

func TestShardFromEnvironment(t *testing.T) {
	slurm := func(id, first, last, count string) map[string]string {
		return map[string]string{
			"SLURM_ARRAY_TASK_ID": id, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_MAX": last,
			"SLURM_ARRAY_TASK_COUNT": count,
		}
	}
	with := func(m map[string]string, name, value string) map[string]string {
		m[name] = value
		return m
	}
	for _, c := range []struct {
		env  map[string]string
		want string
		err  string
	}{
		{map[string]string{}, "", ""},
		{map[string]string{"MATSENSE_SHARDS": "8"}, "", ""},
		{slurm("0", "0", "7", "8"), "0 8", ""},
		{slurm("8", "1", "8", "8"), "7 8", ""},
		{slurm("1", "1", "1", "1"), "0 1", ""},
		{slurm("3", "1", "7", "4"), "", "the Slurm array has 4 tasks from 1 to 7: number them one after the other, or set MATSENSE_SHARDS to the number of all shards and count tasks from 0"},
		{slurm("x", "1", "8", "8"), "", `SLURM_ARRAY_TASK_ID must be a whole number, got "x"`},
		{slurm("1", "1", "8", ""), "", `SLURM_ARRAY_TASK_COUNT must be a whole number, got ""`},
		{slurm("9", "1", "8", "8"), "", "SLURM_ARRAY_TASK_ID is 9, and there are 8 shards"},
		{with(slurm("3", "3", "3", "1"), "MATSENSE_SHARDS", "8"), "3 8", ""}, // submitted again
		{with(slurm("8", "8", "8", "1"), "MATSENSE_SHARDS", "8"), "",
			"SLURM_ARRAY_TASK_ID is 8, and there are 8 shards"},
		{with(slurm("3", "3", "3", "1"), "JOB_COMPLETION_INDEX", "8"), "",
			"both SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX are set: say which shard with --shard"},
		{map[string]string{"JOB_COMPLETION_INDEX": "2", "MATSENSE_SHARDS": "8"}, "2 8", ""},
		{map[string]string{"JOB_COMPLETION_INDEX": "2"}, "",
			"JOB_COMPLETION_INDEX is set: set MATSENSE_SHARDS as well, to the job's completions"},
		{map[string]string{"JOB_COMPLETION_INDEX": "8", "MATSENSE_SHARDS": "8"}, "",
			"JOB_COMPLETION_INDEX is 8, and there are 8 shards"},
		{map[string]string{"JOB_COMPLETION_INDEX": "0", "MATSENSE_SHARDS": "0"}, "",
			"JOB_COMPLETION_INDEX is 0, and there are 0 shards"},
		{map[string]string{"JOB_COMPLETION_INDEX": "0", "MATSENSE_SHARDS": "-1"}, "",
			`MATSENSE_SHARDS must be a whole number, got "-1"`},
	} {
		i, n, ok, err := ShardFromEnvironment(func(name string) string { return c.env[name] })
		got, message := "", ""
		if ok {
			got = fmt.Sprint(i, n)
		}
		if err != nil {
			message = err.Error()
		}
		if got != c.want || message != c.err {
			t.Errorf("%v: %q, %q; want %q, %q", c.env, got, message, c.want, c.err)
		}
	}
}
