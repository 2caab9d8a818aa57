package sweep

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string]string{
		"1/1": "0 1", "3/8": "2 8", "8/8": "7 8", "1/1000000": "0 1000000",
		"0/8": "", "9/8": "", "1/0": "", "-1/8": "", "3": "", "3/": "", "/8": "", "3/8/9": "", "a/b": "",
		"": "", "1/1000001": "",
	} {
		p, err := ParseShard(text)
		if got := fmt.Sprint(p.Shard, p.Shards); (err == nil) != (want != "") ||
			err == nil && (got != want || p.By != ByFlag || p.FirstTask != nil) {
			t.Errorf("%q: %+v, %v; want %q", text, p, err, want)
		}
	}
}

// slurmTask is what Slurm sets in one task of an array, "id first-last count"; more are other variables.
func slurmTask(text string, more ...string) map[string]string {
	var id, first, last, count string
	text = strings.NewReplacer("-", " ").Replace(text)
	if _, err := fmt.Sscan(text, &id, &first, &last, &count); err != nil {
		panic(err)
	}
	env := map[string]string{
		"SLURM_ARRAY_TASK_ID": id, "SLURM_ARRAY_TASK_MIN": first, "SLURM_ARRAY_TASK_MAX": last,
		"SLURM_ARRAY_TASK_COUNT": count,
	}
	maps.Copy(env, variables(more...))
	return env
}

func variables(pairs ...string) map[string]string {
	env := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return env
}

func TestPartFromEnvironment(t *testing.T) {
	const shards, index = "MATSENSE_SHARDS", "JOB_COMPLETION_INDEX"
	one := 1
	undivided, fromOne, unknown := Division{}, Division{4, &one}, Division{Parts: 4}
	for _, c := range []struct {
		env      map[string]string
		division Division
		want     string // the part counted from 1, of how many, and the first task
		err      string // what the error contains
	}{
		// Outside of arrays.
		{variables(), undivided, "whole", ""},
		{variables(), fromOne, "whole", ""},
		{variables(shards, "1"), undivided, "whole", ""},
		{variables(shards, "8"), undivided, "", "neither Slurm nor Kubernetes says which part this is: " +
			"name it with --shard, like --shard 1/8, or unset MATSENSE_SHARDS"},
		{variables(shards, "no"), undivided, "", `MATSENSE_SHARDS must be a whole number, got "no"`},

		// An array that begins a sweep has all parts.
		{slurmTask("0 0-7 8"), undivided, "1/8 from 0", ""},
		{slurmTask("1 1-4 4"), undivided, "1/4 from 1", ""}, // --array=1-4, and 1-4%2
		{slurmTask("4 1-4 4"), undivided, "4/4 from 1", ""},
		{slurmTask("12 10-13 4"), undivided, "3/4 from 10", ""},
		{slurmTask("0 0-0 1"), undivided, "1/1 from 0", ""}, // --array=0
		{slurmTask("1 1-1 1"), undivided, "1/1 from 1", ""},
		{slurmTask("2 0-6 4"), undivided, "", "the Slurm array is 4 tasks from 0 to 6, and --out does not " +
			"tell how many parts the sweep has: name this part with --shard, like --shard 3/4, or begin"},
		{slurmTask("3 1-3 2"), undivided, "", "the Slurm array is 2 tasks from 1 to 3"},
		{slurmTask("3 3-3 1"), undivided, "", "the Slurm array is task 3 alone, and --out does not tell"},

		// Some tasks again: the directory tells which parts they are.
		{slurmTask("3 3-3 1"), fromOne, "3/4 from 1", ""},
		{slurmTask("1 1-1 1"), fromOne, "1/4 from 1", ""},
		{slurmTask("3 1-3 2"), fromOne, "3/4 from 1", ""},
		{slurmTask("4 3-4 2"), fromOne, "4/4 from 1", ""},
		{slurmTask("2 1-4 4"), fromOne, "2/4 from 1", ""},
		{slurmTask("2 0-3 4"), fromOne, "3/4 from 0", ""}, // all parts again, counted anew
		{slurmTask("0 0-0 1"), fromOne, "", "the Slurm array is task 0 alone, and the 4 parts of the sweep " +
			"are tasks 1 to 4; MATSENSE_SHARDS divides anew what is not done"},
		{slurmTask("1 1-8 8"), fromOne, "", "8 tasks from 1 to 8, and the 4 parts of the sweep are tasks 1"},
		{slurmTask("3 3-3 1"), Division{4, new(int)}, "4/4 from 0", ""},
		{slurmTask("2 2-2 1"), unknown, "", "task 2 of the Slurm array is part 2 or part 3 of 4, as tasks " +
			"count from 1 or from 0, and --out does not tell: say which with --shard 2/4 or --shard 3/4"},
		{slurmTask("4 4-4 1"), unknown, "4/4 from 1", ""},
		{slurmTask("0 0-0 1"), unknown, "1/4 from 0", ""},
		{slurmTask("4 0-4 2"), unknown, "", "and the 4 parts of the sweep are tasks 0 to 3"},

		// MATSENSE_SHARDS tells how many parts there are.
		{slurmTask("1 1-4 4", shards, "4"), undivided, "1/4 from 1", ""},
		{slurmTask("4 1-4 4", shards, "4"), undivided, "4/4 from 1", ""},
		{slurmTask("3 0-3 4", shards, "4"), undivided, "4/4 from 0", ""},
		{slurmTask("3 0-3 4", shards, "8"), undivided, "4/8 from 0", ""},
		{slurmTask("8 5-8 4", shards, "8"), undivided, "8/8 from 1", ""},
		{slurmTask("3 3-3 1", shards, "8"), undivided, "", "say which with --shard 3/8 or --shard 4/8"},
		{slurmTask("3 3-3 1", shards, "4"), fromOne, "3/4 from 1", ""},
		{slurmTask("8 1-8 8", shards, "8"), fromOne, "8/8 from 1", ""}, // divides anew
		{slurmTask("5 5-5 1", shards, "4"), fromOne, "", "task 5 alone, and the 4 parts of the sweep are " +
			"tasks 1 to 4"},
		{slurmTask("9 9-9 1", shards, "8"), undivided, "", "task 9 alone, and the 8 parts of the sweep are " +
			"tasks 1 to 8"},
		{slurmTask("1 1-1 1", shards, "1"), undivided, "1/1 from 1", ""},

		// Variables that make no sense.
		{slurmTask("x 1-8 8"), undivided, "", `SLURM_ARRAY_TASK_ID must be a whole number, got "x"`},
		{variables("SLURM_ARRAY_TASK_ID", "1"), undivided, "",
			`SLURM_ARRAY_TASK_MIN must be a whole number, got ""`},
		{slurmTask("9 1-8 8"), undivided, "", "SLURM_ARRAY_TASK_ID is 9, and the Slurm array is 8 tasks from"},
		{slurmTask("3 3-3 1", index, "8"), undivided, "",
			"both SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX are set: say which shard with --shard"},

		// Kubernetes counts from 0.
		{variables(index, "2", shards, "8"), undivided, "3/8", ""},
		{variables(index, "2", shards, "8"), fromOne, "3/8", ""},
		{variables(index, "0", shards, "1"), undivided, "1/1", ""},
		{variables(index, "2"), undivided, "",
			"JOB_COMPLETION_INDEX is set: set MATSENSE_SHARDS as well, to the job's completions"},
		{variables(index, "8", shards, "8"), undivided, "", "JOB_COMPLETION_INDEX is 8, and there are 8"},
		{variables(index, "0", shards, "0"), undivided, "", "MATSENSE_SHARDS goes from 1 to 1000000, got 0"},
		{variables(index, "0", shards, "-1"), undivided, "",
			`MATSENSE_SHARDS must be a whole number, got "-1"`},
	} {
		p, err := PartFromEnvironment(func(name string) string { return c.env[name] }, c.division)
		got := ""
		switch {
		case err != nil:
		case p.By == "":
			got = "whole"
		case p.By == BySlurm:
			got = fmt.Sprintf("%d/%d from %d", p.Shard+1, p.Shards, *p.FirstTask)
		case p.By == ByKubernetes && p.FirstTask == nil:
			got = fmt.Sprintf("%d/%d", p.Shard+1, p.Shards)
		}
		if got != c.want || (err == nil) != (c.err == "") ||
			err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: %q, %v; want %q, %q", c.env, got, err, c.want, c.err)
		}
	}
}

// TestArraysDoEveryPartOnce sends arrays of up to 6 tasks to new directories, and then every subset of their
// tasks again. Each task does its own part, or is refused.
func TestArraysDoEveryPartOnce(t *testing.T) {
	environment := func(id int, ids []int) func(string) string {
		env := slurmTask(fmt.Sprint(id, ids[0], ids[len(ids)-1], len(ids)))
		return func(name string) string { return env[name] }
	}
	for first := range 3 {
		for n := 1; n <= 6; n++ {
			var ids []int
			for i := range n {
				ids = append(ids, first+i)
			}
			dir := t.TempDir()
			partOf := map[int]NamedPart{}
			for _, id := range ids {
				d, err := ReadDivision(dir)
				if err != nil {
					t.Fatal(err)
				}
				p, err := PartFromEnvironment(environment(id, ids), d)
				if n == 1 && first > 1 {
					if err == nil {
						t.Errorf("task %d alone did part %d of %d", id, p.Shard+1, p.Shards)
					}
					continue
				}
				if err != nil || p.Shard != id-first || p.Shards != n {
					t.Fatalf("task %d of %v: %+v, %v", id, ids, p, err)
				}
				partOf[id] = p
				if n > 1 {
					if err := keepDivision(dir, p); err != nil {
						t.Fatal(err)
					}
				}
			}
			if n == 1 {
				continue
			}
			d, err := ReadDivision(dir)
			if err != nil {
				t.Fatal(err)
			}
			for subset := 1; subset < 1<<n; subset++ {
				var some []int
				for i, id := range ids {
					if subset&(1<<i) != 0 {
						some = append(some, id)
					}
				}
				for _, id := range some {
					p, err := PartFromEnvironment(environment(id, some), d)
					if err != nil || !reflect.DeepEqual(p, partOf[id]) {
						t.Errorf("task %d of %v, after %v: %+v, %v", id, some, ids, p, err)
					}
				}
			}
		}
	}
}

// TestDivisionIsKept: other parts of the same division do not lose the first task, and a damaged file is
// refused.
func TestDivisionIsKept(t *testing.T) {
	dir := t.TempDir()
	first := 1
	for _, c := range []struct {
		part NamedPart
		want string
	}{
		{NamedPart{Shard: 2, Shards: 4, By: ByFlag}, `{"parts":4,"first_task":null}`},
		{NamedPart{Shard: 2, Shards: 4, By: BySlurm, FirstTask: &first}, `{"parts":4,"first_task":1}`},
		{NamedPart{Shard: 1, Shards: 4, By: ByKubernetes}, `{"parts":4,"first_task":1}`},
		{NamedPart{Shard: 1, Shards: 8, By: ByFlag}, `{"parts":8,"first_task":null}`},
		{NamedPart{Shard: 0, Shards: 8, By: BySlurm, FirstTask: new(int)}, `{"parts":8,"first_task":0}`},
	} {
		if err := keepDivision(dir, c.part); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "parts.json"))
		if err != nil || strings.TrimSpace(string(text)) != c.want {
			t.Errorf("after %+v there is %s, want %s (%v)", c.part, text, c.want, err)
		}
	}
	for _, text := range []string{"", "{", `{"parts":0}`, `{"parts":-3}`, `{"parts":4,"first_task":-1}`} {
		if err := os.WriteFile(filepath.Join(dir, "parts.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if d, err := ReadDivision(dir); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%q is read as %+v, %v", text, d, err)
		}
	}
}
