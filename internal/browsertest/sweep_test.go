package browsertest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSweepReport compares what a reader of a sweep's report sees with runs.csv.
func TestSweepReport(t *testing.T) {
	dir := sweep(t, `
base: {n: 8, rank: 1, measurements: 80, iterations: 60}
axes:
  - alpha: [1e-6, 1e-4, 1e-2]
  - factor-rank: [1, 8]
seeds: 2
`)
	p := openPage(t, filepath.Join(dir, "report.html"))
	rows := runRows(t, dir)

	// The medians and their bands, at each size of the start.
	for place, alpha := range map[float64]string{0.001: "1e-06", 0.5: "0.0001", 0.999: "0.01"} {
		p.mouse(move, 0, place)
		told := ask[[][]string](p, `[...document.querySelector(".legend").querySelectorAll("tr")].map(r => [
			r.querySelector("th").textContent, r.querySelector("data").value, r.querySelector("data").title])`)
		if len(told) != 3 || parse(t, told[0][1]) != parse(t, alpha) || told[0][0] != "size of the start α" {
			t.Fatalf("at α = %s the legend says %q", alpha, told)
		}
		for i, rank := range []string{"1", "8"} {
			var ends []float64
			for _, row := range rows {
				if row["alpha"] == alpha && row["factor-rank"] == rank {
					ends = append(ends, parse(t, row["test_error"]))
				}
			}
			line := told[1+i]
			band := fmt.Sprintf(": from %s to %s", number17(slices.Min(ends)), number17(slices.Max(ends)))
			if !strings.HasPrefix(line[0], rank+": slope ") || parse(t, line[1]) != medianOf(ends) ||
				!strings.HasSuffix(line[2], band) {
				t.Errorf("at α = %s a line says %q; the runs have %v", alpha, line, ends)
			}
		}
	}
	count := func(marks string) int {
		t.Helper()
		return ask[int](p, fmt.Sprintf(`document.querySelector(".plot").querySelectorAll(%q).length`, marks))
	}
	if bands, dots := count(".band"), count("circle.dot"); bands != 2 || dots < 6 {
		t.Errorf("%d bands and %d marks", bands, dots)
	}
	// A line that is switched off takes its band with it.
	p.click(`document.querySelector(".legend button")`, 1)
	if bands := count(".band"); bands != 1 {
		t.Errorf("%d bands are left", bands)
	}

	// The trajectories are medians over the seeds, which end where the medians of the runs do.
	const drawn = `document.querySelectorAll(".chart")[1].querySelector(".legend").querySelectorAll("tbody tr")`
	ends := ask[map[string]string](p, `Object.fromEntries([...`+drawn+`].map(r =>
		[r.querySelector("th").textContent, r.querySelector("data").value]))`)
	for alpha, power := range map[string]string{"1e-06": "10⁻⁶", "0.0001": "10⁻⁴", "0.01": "0.01"} {
		for _, rank := range []string{"1", "8"} {
			var of []float64
			for _, row := range rows {
				if row["alpha"] == alpha && row["factor-rank"] == rank {
					of = append(of, parse(t, row["test_error"]))
				}
			}
			name := fmt.Sprintf("alpha %s, factor-rank %s", power, rank)
			if end, found := ends[name]; !found || parse(t, end) != medianOf(of) {
				t.Errorf("%s ends at %q; the runs end at %v", name, end, of)
			}
			delete(ends, name)
		}
	}
	if len(ends) > 0 {
		t.Errorf("these are no points of the grid: %v", ends)
	}

	// The table of runs has all digits, and the files are whole.
	const runs = `[...document.querySelectorAll("h2")].find(h => h.textContent === "Runs").closest("section")`
	listed := ask[[][]string](p, runs+`.querySelectorAll("tbody tr").values().map(r =>
		[...r.children].map(c => c.querySelector("data")?.value ?? c.textContent)).toArray()`)
	head := ask[[]string](p, `[...`+runs+`.querySelectorAll("thead th")].map(c => c.textContent)`)
	if len(listed) != len(rows) || slices.Contains(head, "error") {
		t.Errorf("%d runs are listed of %d, with %q", len(listed), len(rows), head)
	}
	for i, row := range rows {
		for k, name := range head {
			want := row[strings.ReplaceAll(name, " ", "_")]
			a, err1 := strconv.ParseFloat(listed[i][k], 64)
			b, err2 := strconv.ParseFloat(want, 64)
			yes := map[string]string{"true": "yes", "false": "no"}[want]
			if listed[i][k] != want && listed[i][k] != yes && (err1 != nil || err2 != nil || a != b) {
				t.Errorf("run %d: %s is %q, want %q", i, name, listed[i][k], want)
			}
		}
	}
	for _, name := range []string{"sweep.yaml", "runs.csv"} {
		if p.embedded(name) != string(read(t, dir, name)) {
			t.Errorf("%s within the page is another", name)
		}
	}
	verdict := ask[string](p, `document.querySelector(".verdict").textContent`)
	if !strings.Contains(verdict, "Complete. Runs: ") {
		t.Errorf("the page says %q", verdict)
	}
}

// TestSweepReportOfWords: over a setting that takes words, the places of the axis have their names.
func TestSweepReportOfWords(t *testing.T) {
	dir := sweep(t, `
base: {n: 8, rank: 1, measurements: 80, iterations: 60}
axes:
  - entries: [f64, f32, bf16]
  - factor-rank: [1, 8]
seeds: 2
`)
	p := openPage(t, filepath.Join(dir, "report.html"))
	p.mouse(move, 0, 0.5)
	told := ask[[]string](p, `[...document.querySelector(".legend").querySelectorAll("thead th, thead td")]
		.map(c => c.textContent)`)
	if !slices.Equal(told, []string{"entries", "f32"}) {
		t.Errorf("the legend says %q", told)
	}
	if bars := ask[int](p,
		`document.querySelector(".plot").querySelectorAll(".bar-between").length`); bars != 6 {
		t.Errorf("%d bars", bars)
	}
	if !ask[bool](p, `document.querySelector(".scale-x").hidden &&
		!document.querySelector(".plot path.curve").getAttribute("d").includes("L")`) {
		t.Error("words are joined, or can be put on a logarithmic axis")
	}
}

// runRows reads runs.csv: each run's cells by their columns.
func runRows(t *testing.T, dir string) []map[string]string {
	t.Helper()
	head, lines := table(t, dir, "runs.csv")
	var rows []map[string]string
	for _, line := range lines {
		row := map[string]string{}
		for i, name := range head {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// medianOf is the middle of two or three numbers.
func medianOf(numbers []float64) float64 {
	slices.Sort(numbers)
	if n := len(numbers); n%2 == 0 {
		return (numbers[n/2-1] + numbers[n/2]) / 2
	}
	return numbers[len(numbers)/2]
}

// number17 writes a number as JavaScript does.
func number17(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'g', -1, 64), "e-0", "e-", 1)
}
