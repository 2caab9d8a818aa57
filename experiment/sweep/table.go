package sweep

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/solver"
)

// The tables of a sweep. A repeated sweep gives the same bytes, except for timings, which have a table of
// their own.
const (
	runsCSV             = "runs.csv"
	runsParquet         = "runs.parquet"
	trajectoriesParquet = "trajectories.parquet"
	timingsCSV          = "timings.csv"
)

// tableFiles lists the files of the tables.
func tableFiles() []string { return []string{runsCSV, runsParquet, timingsCSV, trajectoriesParquet} }

// table is a list of columns of one length.
type table []column

// column has a cell for each row: a string, a number, a bool, or nil if it is unknown.
type column struct {
	name  string
	kind  parquet.Node
	cells []any
}

// The kinds of columns. Any cell may be unknown.
var (
	whole  = parquet.Optional(parquet.Int(64))
	seed   = parquet.Optional(parquet.Uint(64))
	number = parquet.Optional(parquet.Leaf(parquet.DoubleType))
	text   = parquet.Optional(parquet.String())
	truth  = parquet.Optional(parquet.Leaf(parquet.BooleanType))
)

// runsTable has a row for each record: the run, its settings and its results. A metric that a user of the
// library registers must not have the name of another column.
func (s *Spec) runsTable(records []*Record) table {
	run := column{name: "run", kind: whole}
	for _, r := range records {
		run.cells = append(run.cells, r.Index)
	}
	results := s.resultsTable(records)
	t := slices.Concat(table{run}, s.settingsTable(records, results), results)
	seen := map[string]bool{}
	for _, c := range t {
		if seen[c.name] {
			panic(fmt.Sprintf("sweep: a registered metric is called %q, which is another column of runs.csv",
				c.name))
		}
		seen[c.name] = true
	}
	return t
}

// resultsTable has the results of runs.
func (s *Spec) resultsTable(records []*Record) table {
	var t table
	add := func(name string, kind parquet.Node, cell func(r *Record) any) {
		c := column{name: name, kind: kind}
		for _, r := range records {
			c.cells = append(c.cells, cell(r))
		}
		t = append(t, c)
	}
	add("status", text, func(r *Record) any { return r.Status })
	add("iterations", whole, func(r *Record) any { return r.Iterations })
	for _, m := range recordMetrics() {
		add(m.Name, number, func(r *Record) any { return known(r.Final.of(m)) })
	}
	add("best_test_error", number, func(r *Record) any { return known(r.BestTestError) })
	add("best_test_error_iteration", whole, func(r *Record) any { return optional(r.BestTestErrorIteration) })
	add("best_held_out_rmse", number, func(r *Record) any { return known(r.BestHeldOut) })
	add("best_held_out_rmse_iteration", whole,
		func(r *Record) any { return optional(r.BestHeldOutIteration) })
	add("recovered", truth, func(r *Record) any { return optional(r.Recovered) })
	add("alignment_end", whole, func(r *Record) any { return optional(r.AlignmentEnd) })
	add("saddle_avoidance_end", whole, func(r *Record) any { return optional(r.SaddleEnd) })
	add("floor_start", whole, func(r *Record) any { return optional(r.FloorStart) })
	add("estimate_to_truth", number, func(r *Record) any { return known(r.EstimateAngle) })
	add("estimate_overlap", number, func(r *Record) any { return known(r.EstimateOverlap) })
	add("factor_to_estimate_closest", number, func(r *Record) any { return known(r.ClosestAngle) })
	add("factor_to_estimate_closest_iteration", whole,
		func(r *Record) any { return optional(r.ClosestIteration) })
	addEigenvalues(records, add)
	for i, target := range s.Targets {
		add("iterations_to_"+formatNumber(target), whole, func(r *Record) any {
			if i >= len(r.Targets) {
				return nil
			}
			return optional(r.Targets[i])
		})
	}
	add("error", text, func(r *Record) any {
		if r.Error == "" {
			return nil
		}
		return r.Error
	})
	return t
}

// addEigenvalues adds columns for the eigenvalues of spectral estimates, as many as any of the records has.
func addEigenvalues(records []*Record, add func(string, parquet.Node, func(r *Record) any)) {
	most := 0
	for _, r := range records {
		most = max(most, len(r.Eigenvalues))
	}
	for k := range most {
		for _, c := range []struct {
			name  string
			value func(e experiment.Eigenvalue) experiment.Number
		}{
			{"eigenvalue_%d", func(e experiment.Eigenvalue) experiment.Number { return e.Value }},
			{"eigenvalue_%d_predicted",
				func(e experiment.Eigenvalue) experiment.Number { return e.PredictedValue }},
			{"eigenvalue_%d_overlap", func(e experiment.Eigenvalue) experiment.Number { return e.Overlap }},
			{"eigenvalue_%d_overlap_predicted",
				func(e experiment.Eigenvalue) experiment.Number { return e.PredictedOverlap }},
		} {
			add(fmt.Sprintf(c.name, k+1), number, func(r *Record) any {
				if k >= len(r.Eigenvalues) {
					return nil
				}
				return known(c.value(r.Eigenvalues[k]))
			})
		}
	}
}

// recordMetrics returns the metrics that records keep: all but times.
func recordMetrics() []*solver.Metric {
	return slices.DeleteFunc(solver.Metrics(), func(m *solver.Metric) bool { return m.Clock })
}

// settingsTable has the settings that differ between runs. If a result has the same name, the setting's
// column has a prefix: the setting noise is the column setting_noise.
func (s *Spec) settingsTable(records []*Record, results table) table {
	var t table
	config := config.Default()
	for i, key := range s.Keys() {
		c := column{name: key, kind: text}
		if slices.ContainsFunc(results, func(r column) bool { return r.name == key }) {
			c.name = "setting_" + key
		}
		parse := func(v string) any { return v }
		switch kind := field(&config, key).Type(); {
		case isSeed(key): // may be larger than the largest int
			c.kind = seed
			parse = func(v string) any {
				n, err := strconv.ParseUint(v, 10, 64)
				if err != nil {
					return v
				}
				return n
			}
		case kind == "int":
			c.kind = whole
			parse = func(v string) any {
				n, err := strconv.Atoi(v)
				if err != nil {
					return v
				}
				return n
			}
		case kind == "float":
			c.kind = number
			parse = func(v string) any {
				x, err := strconv.ParseFloat(v, 64)
				if err != nil {
					return v
				}
				return x
			}
		}
		for _, r := range records {
			c.cells = append(c.cells, parse(r.Values[i]))
		}
		t = append(t, c)
	}
	return t
}

// trajectoriesTable has a row for each kept point of each run.
func trajectoriesTable(records []*Record) table {
	t := table{{name: "run", kind: whole}, {name: "iteration", kind: whole}}
	metrics := recordMetrics()
	for _, m := range metrics {
		t = append(t, column{name: m.Name, kind: number})
	}
	for _, r := range records {
		for i := range r.Trajectory {
			p := &r.Trajectory[i]
			t[0].cells = append(t[0].cells, r.Index)
			t[1].cells = append(t[1].cells, p.Iteration)
			for j, m := range metrics {
				t[2+j].cells = append(t[2+j].cells, known(p.of(m)))
			}
		}
	}
	return t
}

// timingsTable has a row for each record, with seconds and the device that took them.
func (s *Spec) timingsTable(records []*Record) table {
	t := table{{name: "run", kind: whole}, {name: "seconds", kind: number}}
	for _, target := range s.Targets {
		t = append(t, column{name: "seconds_to_" + formatNumber(target), kind: number})
	}
	t = append(t, column{name: "device", kind: text})
	for _, r := range records {
		t[0].cells = append(t[0].cells, r.Index)
		t[1].cells = append(t[1].cells, known(r.Timing.Seconds))
		for i := range s.Targets {
			cell := any(nil)
			if i < len(r.Timing.Targets) {
				cell = known(r.Timing.Targets[i])
			}
			t[2+i].cells = append(t[2+i].cells, cell)
		}
		t[len(t)-1].cells = append(t[len(t)-1].cells, r.Timing.Device)
	}
	return t
}

// known returns a number as a cell: nil if it is unknown.
func known[F ~float64](n F) any {
	if isUnknown(n) {
		return nil
	}
	return float64(n)
}

// optional returns what a pointer points to as a cell: nil if the pointer is nil.
func optional[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// rows is the number of rows.
func (t table) rows() int { return len(t[0].cells) }

// writeCSV writes the table as CSV, with all digits; an unknown cell is empty.
func (t table) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	line := make([]string, len(t))
	for i, c := range t {
		line[i] = c.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for row := range t.rows() {
		for i, c := range t {
			switch v := c.cells[row].(type) {
			case nil:
				line[i] = ""
			case float64:
				line[i] = formatNumber(v)
			default:
				line[i] = fmt.Sprint(v)
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// ordered is a Parquet schema whose columns keep the table's order; a [parquet.Group] alone sorts its columns
// by name.
type ordered struct {
	parquet.Group
	names []string
}

// Fields implements [parquet.Node].
func (o ordered) Fields() []parquet.Field {
	fields := o.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(o.names, a.Name()) - slices.Index(o.names, b.Name())
	})
	return fields
}

// writeParquet writes the table as Parquet, with the columns in the order of the CSV.
func (t table) writeParquet(w io.Writer) error {
	columns := ordered{Group: parquet.Group{}}
	for _, c := range t {
		columns.Group[c.name] = c.kind
		columns.names = append(columns.names, c.name)
	}
	schema := parquet.NewSchema("matsense", columns)
	out := parquet.NewGenericWriter[any](w, schema, parquet.Compression(&parquet.Zstd),
		parquet.CreatedBy("matsense", "", ""))
	row := make(parquet.Row, len(t))
	for i := range t.rows() {
		for at, c := range t {
			defined := 1
			var v parquet.Value
			switch cell := c.cells[i].(type) {
			case nil:
				defined = 0
			case int:
				v = parquet.Int64Value(int64(cell))
			default:
				v = parquet.ValueOf(cell)
			}
			row[at] = v.Level(0, defined, at)
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
	}
	return out.Close()
}

// writeTables writes all tables of a sweep directory.
func (s *Spec) writeTables(dir string, records []*Record) error {
	runs := s.runsTable(records)
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{runsCSV, runs.writeCSV}, {runsParquet, runs.writeParquet},
		{timingsCSV, s.timingsTable(records).writeCSV},
		{trajectoriesParquet, trajectoriesTable(records).writeParquet},
	} {
		if err := atomicfile.Write(filepath.Join(dir, f.name), f.write); err != nil {
			return fmt.Errorf("%s could not be written: %w", filepath.Join(dir, f.name), err)
		}
	}
	return nil
}
