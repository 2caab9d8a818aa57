package sweep

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// Symptom: of parts that began at the same time, one failed: the directory is not empty and holds no sweep.
func TestPartsTakeOneDirectory(t *testing.T) {
	const parts, rounds = 4, 30
	s := mustParse(t, "seeds: 4\n")
	for round := range rounds {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(round))
		var all sync.WaitGroup
		releases := make([]func(), parts)
		for i := range parts {
			all.Go(func() {
				p := &Plan{Spec: s, NamedPart: NamedPart{Shard: i, Shards: parts, By: ByFlag}}
				release, err := p.take(Where{Dir: dir, Resume: i%2 == 0})
				if err != nil {
					t.Errorf("part %d: %v", i, err)
					return
				}
				releases[i] = release
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		others := []Plan{
			{Spec: s, NamedPart: NamedPart{Shards: 1}},
			{Spec: s, NamedPart: NamedPart{Shard: 1, Shards: 3, By: ByFlag}},
		}
		for _, p := range others {
			if _, err := p.take(Where{Dir: dir, Resume: true}); err == nil ||
				!strings.Contains(err.Error(), " of 4 there") {
				t.Errorf("beside four parts another began: %v", err)
			}
		}
		for _, release := range releases {
			release()
		}
		if left := fmt.Sprint(listed(t, dir)); left != "[sweep.yaml]" {
			t.Errorf("left: %s", left)
		}
		for i, p := range others {
			release, err := p.take(Where{Dir: dir, Resume: true})
			if err != nil {
				t.Fatal(err)
			}
			_, err = others[1-i].take(Where{Dir: dir, Resume: true})
			want := []string{"carrying out the whole sweep there", "carrying out part 2 of 3 there"}[i]
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("beside another part one began: %v, want %s", err, want)
			}
			release()
		}
	}
}

func listed(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestColumns: every setting may be an axis beside every result, and no two columns have the same name.
func TestColumns(t *testing.T) {
	s := mustParse(t, "axes:\n  - {n: [3, 4], rank: [1, 2], factor-rank: [1, 2], kappa: [1, 2], measurements: [9, 8], ensemble: [gaussian, rademacher], "+
		"entries: [f32, q8], noise: [0, 1], seed: [1, 18446744073709551615], init: [random, spectral], "+
		"alpha: [1, 2], start-seed: [1, 2], step: [1, 2], iterations: [1, 2], measure-every: [1, 2]}\n")
	rec := newFailure(Run{Index: 7, Values: func() (values []string) {
		for _, v := range s.Axes[0].Values {
			values = append(values, v[1])
		}
		return values
	}()}, os.ErrNotExist)
	dir := t.TempDir()
	if err := s.writeTables(dir, []*Record{rec}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, runsCSV))
	if err != nil {
		t.Fatal(err)
	}
	head, row, _ := strings.Cut(string(text), "\n")
	columns := strings.Split(head, ",")
	cells := strings.Split(strings.TrimSpace(row), ",")
	sorted := slices.Sorted(slices.Values(columns))
	if len(slices.Compact(slices.Clone(sorted))) != len(columns) || len(cells) != len(columns) {
		t.Fatalf("columns %v", columns)
	}
	f, err := os.Open(filepath.Join(dir, runsParquet))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader := parquet.NewReader(f)
	defer reader.Close()
	got := map[string]any{}
	if err := reader.Read(&got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"seed", "start-seed"} {
		got[key] = uint64(got[key].(int64)) // the column is unsigned; a map does not keep that
		leaf, _ := reader.Schema().Lookup(key)
		if !strings.Contains(fmt.Sprint(leaf.Node.Type()), "INT(64,false)") {
			t.Errorf("%s is %v", key, leaf.Node.Type())
		}
	}
	for i, path := range reader.Schema().Columns() {
		if path[0] != columns[i] {
			t.Fatalf("column %d is %s, and %s in the CSV", i, path[0], columns[i])
		}
	}
	for i, column := range columns {
		cell := ""
		if got[column] != nil {
			cell = fmt.Sprint(got[column])
		}
		if cell != cells[i] {
			t.Errorf("%s is %q, and %q in the CSV", column, cell, cells[i])
		}
	}
}

// TestKeptPoints: a record keeps at most 200 points, evenly spaced, with both ends.
func TestKeptPoints(t *testing.T) {
	for _, n := range []int{0, 1, 2, 199, 200, 201, 399, 400, 401, 12345} {
		places := kept(n)
		if len(places) != min(n, KeptPoints) {
			t.Errorf("%d of %d", len(places), n)
		}
		if n == 0 {
			continue
		}
		gap := (n-1)/KeptPoints + 1
		for i := range places[1:] {
			if d := places[i+1] - places[i]; d < 1 || d > gap+1 {
				t.Errorf("%d: from %d to %d", n, places[i], places[i+1])
			}
		}
		if places[0] != 0 || places[len(places)-1] != n-1 {
			t.Errorf("%d: ends %d and %d", n, places[0], places[len(places)-1])
		}
	}
}
