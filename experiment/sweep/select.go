package sweep

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// The horizontal axes of trajectories.
const (
	Iteration   = "iteration"
	Evaluations = "evaluations" // evaluations of f, for methods that count them
)

// Number is what the lines of a numbered family of columns differ in.
const Number = "k"

// Query says what to draw of a sweep.
type Query struct {
	// X is a setting that differs between runs, or [Iteration] or [Evaluations].
	X string
	// Y is a column of runs.csv or timings.csv; if X is [Iteration] or [Evaluations], a column of
	// trajectories.parquet. If runs.csv has the columns Y_1, Y_2, …, each of them has a line.
	Y string
	// By is a setting: each of its values has a line. "" draws one line.
	By string
	// Where has, for some settings, the values of the runs to draw; other runs are left out.
	Where map[string][]string
}

// OverTrajectories says whether trajectories are to be drawn.
func (q Query) OverTrajectories() bool { return q.X == Iteration || q.X == Evaluations }

// Selection is the points of runs, line by line.
type Selection struct {
	Query
	// XLog and YLog say which axes are better logarithmic.
	XLog, YLog bool
	// Categories names x = 0, 1, … if X is a setting that takes words.
	Categories []string
	Lines      []Series
	// Failed, Diverged and Unknown count the runs that are left out; runs that are Unknown lack the number Y.
	Failed, Diverged, Unknown int
}

// Series has the points of one line.
type Series struct {
	// Value is the value of the setting By, as files write it.
	Value string
	X, Y  []float64
}

// ErrNothing says that no run has the number Y of a query.
var ErrNothing = errors.New("there is nothing to draw")

// maxLines is the largest number of lines that a reader can tell apart.
const maxLines = 12

// Defaults fills in what a query leaves open: X is the first axis, Y the test error (without a truth the
// held-out RMSE, or the train loss), and By the next axis. Axes of seeds alone are passed over: their runs
// are replicas.
func (r *Results) Defaults(q Query) Query {
	var open []Axis // the axes on which the selected runs differ
	for _, a := range r.Spec.Axes {
		fixed := func(key string) bool { return len(q.Where[key]) == 1 }
		if a.Len() > 1 && a.Setting() != "" && !slices.ContainsFunc(a.Keys, fixed) {
			open = append(open, a)
		}
	}
	if q.X == "" {
		q.X = Iteration
		for _, a := range open {
			if !slices.Contains(a.Keys, q.By) {
				q.X = a.Setting()
				break
			}
		}
	}
	if q.Y == "" {
		q.Y = "train_loss"
		for _, name := range []string{"held_out_rmse", "test_error"} {
			known := func(rec *Record) bool { return !isUnknown(rec.Final.Value(name)) }
			if slices.ContainsFunc(r.Records, known) {
				q.Y = name
			}
		}
	}
	if q.By == "" && r.numbered(q) == 0 {
		for _, a := range open {
			if !slices.Contains(a.Keys, q.X) {
				q.By = a.Setting()
				break
			}
		}
	}
	return q
}

// Select gathers the points of a query. The error is a [config.UsageError] if the query names something that
// is not there, or if runs of one point differ in more than their seeds. It wraps [ErrNothing] if there is no
// point.
func (r *Results) Select(q Query) (*Selection, error) {
	if problems := r.check(q); len(problems) > 0 {
		return nil, &config.UsageError{Problems: problems}
	}
	keys := r.Spec.Keys()
	s := &Selection{Query: q}
	curves := q.OverTrajectories()
	at := slices.Index(keys, q.X)
	if !curves && field(&r.Spec.Base, q.X).Type() == "string" {
		s.Categories = r.values(q.X)
	}
	numbered := r.numbered(q)
	if numbered > 0 {
		s.By = Number
	} else if q.By == "" {
		s.Lines = []Series{{}}
	}
	for k := range numbered {
		s.Lines = append(s.Lines, Series{Value: strconv.Itoa(k + 1)})
	}
	for _, value := range r.values(q.By) {
		s.Lines = append(s.Lines, Series{Value: value})
	}
	kept := r.kept(q.Where)
	if !curves {
		var drawn []string
		for _, rec := range kept {
			drawn = append(drawn, rec.Values[at])
		}
		s.XLog = isLog(drawn)
	}
	var numbers map[int]float64
	if !curves {
		numbers = r.column(q.Y)
	}
	for i := range s.Lines {
		line := &s.Lines[i]
		if numbered > 0 {
			numbers = r.column(q.Y + "_" + line.Value)
			s.Failed, s.Diverged, s.Unknown = 0, 0, 0 // each line has all runs
		}
		var runs []*Record
		for _, rec := range kept {
			if q.By == "" || rec.Values[slices.Index(keys, q.By)] == line.Value {
				runs = append(runs, rec)
			}
		}
		if err := r.pooled(q, runs); err != nil {
			return nil, err
		}
		if curves {
			line.X, line.Y = s.curves(runs)
			continue
		}
		for _, rec := range runs {
			y, known := numbers[rec.Index]
			if !s.counts(rec, known) {
				continue
			}
			x := float64(slices.Index(s.Categories, rec.Values[at]))
			if s.Categories == nil {
				x, _ = strconv.ParseFloat(rec.Values[at], 64) // a setting that takes numbers
			}
			line.X, line.Y = append(line.X, x), append(line.Y, y)
		}
	}
	s.Lines = slices.DeleteFunc(s.Lines, func(l Series) bool { return len(l.X) == 0 })
	if len(s.Lines) == 0 {
		return nil, fmt.Errorf("%w: no run has %s", ErrNothing, q.Y)
	}
	if len(s.Lines) > maxLines {
		return nil, config.Usagef("%s has %d values, and %d lines at most can be told apart: "+
			"pick some with --where %s=%s,%s",
			q.By, len(s.Lines), maxLines, q.By, s.Lines[0].Value, s.Lines[1].Value)
	}
	s.XLog = s.XLog || q.X == Evaluations && lengthsDiffer(s.Lines)
	s.YLog = spansDecades(s.Lines)
	return s, nil
}

// check finds names and values in a query that do not exist.
func (r *Results) check(q Query) (problems []string) {
	keys := r.Spec.Keys()
	known := func(flag, name string, names []string) {
		if !slices.Contains(names, name) {
			text := fmt.Sprintf("--%s: %q does not differ between the runs of this sweep", flag, name)
			if flag == "y" {
				text = fmt.Sprintf("--y: there are no numbers %q", name)
			}
			if len(names) > 0 {
				text += fmt.Sprintf("; did you mean %q?", config.Nearest(name, names))
			}
			problems = append(problems, text)
		}
	}
	known("x", q.X, append(slices.Clone(keys), Iteration, Evaluations))
	if numbered := r.numbered(q); numbered == 0 {
		known("y", q.Y, r.numberColumns(q.OverTrajectories()))
	} else if q.By != "" {
		problems = append(problems, fmt.Sprintf("--by: %s has a line for each of its %d numbers: leave --by out",
			q.Y, numbered))
	}
	if q.By != "" {
		if known("by", q.By, keys); q.By == q.X {
			problems = append(problems, fmt.Sprintf("--by: %s is --x already", q.By))
		}
	}
	for key, values := range q.Where {
		if known("where", key, keys); !slices.Contains(keys, key) {
			continue
		}
		for _, v := range values {
			if there := r.values(key); !slices.Contains(there, v) {
				problems = append(problems, fmt.Sprintf("--where: %s has no value %s; it has %s",
					key, printable(v), strings.Join(there, ", ")))
			}
		}
	}
	slices.Sort(problems)
	return problems
}

// Where reads conditions such as "factor-rank=2" or "alpha=1e-3,1e-6": a setting and the values that it may
// have. Values that are numbers are compared as numbers. A value may contain commas: the whole text is one
// value if the sweep has it, and if there is a semicolon, it separates the values in the place of commas.
func (r *Results) Where(conditions []string) (map[string][]string, error) {
	where := map[string][]string{}
	var problems []string
	for _, text := range conditions {
		key, list, found := strings.Cut(text, "=")
		if !found || key == "" || list == "" {
			problems = append(problems, fmt.Sprintf("--where takes a setting and its values, "+
				"like factor-rank=2 or alpha=1e-3,1e-6, got %q", text))
			continue
		}
		separator := ","
		if strings.Contains(list, ";") {
			separator = ";"
		}
		texts := strings.Split(list, separator)
		if slices.Contains(r.values(key), list) {
			texts = []string{list}
		}
		for _, v := range texts {
			for _, there := range r.values(key) {
				a, err1 := strconv.ParseFloat(v, 64)
				b, err2 := strconv.ParseFloat(there, 64)
				if err1 == nil && err2 == nil && a == b {
					v = there
				}
			}
			where[key] = append(where[key], v)
		}
	}
	if len(problems) > 0 {
		return nil, &config.UsageError{Problems: problems}
	}
	return where, nil
}

// kept lists the records that satisfy the conditions.
func (r *Results) kept(where map[string][]string) []*Record {
	keys := r.Spec.Keys()
	return slices.DeleteFunc(slices.Clone(r.Records), func(rec *Record) bool {
		for key, values := range where {
			if !slices.Contains(values, rec.Values[slices.Index(keys, key)]) {
				return true
			}
		}
		return false
	})
}

// values lists the values of a setting in the runs, each once, in the order of the grid.
func (r *Results) values(key string) []string {
	i := slices.Index(r.Spec.Keys(), key)
	if i < 0 {
		return nil
	}
	var values []string
	seen := map[string]bool{}
	for _, run := range r.Runs {
		if v := run.Values[i]; !seen[v] {
			seen[v] = true
			values = append(values, v)
		}
	}
	return values
}

// pooled refuses runs of one point, that is, one x of one line, that differ in more than their seeds.
func (r *Results) pooled(q Query, runs []*Record) error {
	keys := r.Spec.Keys()
	first := map[string]*Record{}
	for _, rec := range runs {
		x := ""
		if i := slices.Index(keys, q.X); i >= 0 {
			x = rec.Values[i]
		}
		other, found := first[x]
		if !found {
			first[x] = rec
			continue
		}
		for i, key := range keys {
			if !isSeed(key) && rec.Values[i] != other.Values[i] {
				hint := "--by " + key
				if q.By != "" {
					hint += " in place of --by " + q.By
				}
				return config.Usagef("%s differs between runs that would be one point: "+
					"draw a line for each with %s, or pick one with --where %s=%s",
					key, hint, key, printable(other.Values[i]))
			}
		}
	}
	return nil
}

// counts says whether a run is drawn, and counts the runs that are not.
func (s *Selection) counts(rec *Record, known bool) bool {
	switch {
	case rec.Status == Failed:
		s.Failed++
	case rec.Diverged():
		s.Diverged++
	case !known:
		s.Unknown++
	default:
		return true
	}
	return false
}

// curves returns the points of runs' trajectories at all iterations that any of the runs keeps, up to the end
// of the shortest trajectory. If a run did not keep an iteration, its value is interpolated between the
// neighbors: in the logarithm if both are positive, else linearly.
func (s *Selection) curves(runs []*Record) (x, y []float64) {
	metric, _ := solver.MetricNamed(s.Y) // check has found it
	place := func(p *Point) float64 { return float64(p.Iteration) }
	if s.X == Evaluations {
		place = func(p *Point) float64 { return p.Evaluations }
	}
	var curves [][]Point
	end := math.MaxInt
	at := map[int]bool{}
	for _, rec := range runs {
		known := slices.DeleteFunc(slices.Clone(rec.Trajectory), func(p Point) bool {
			return isUnknown(p.of(metric)) || math.IsNaN(place(&p))
		})
		if !s.counts(rec, len(known) > 0) {
			continue
		}
		curves = append(curves, known)
		end = min(end, known[len(known)-1].Iteration)
		for _, p := range known {
			at[p.Iteration] = true
		}
	}
	var iterations []int
	for i := range at {
		if i <= end {
			iterations = append(iterations, i)
		}
	}
	slices.Sort(iterations)
	for _, curve := range curves {
		for _, i := range iterations {
			j, exact := slices.BinarySearchFunc(curve, i, func(p Point, i int) int { return p.Iteration - i })
			switch {
			case exact:
				x, y = append(x, place(&curve[j])), append(y, curve[j].of(metric))
			case j > 0 && j < len(curve):
				before, after := &curve[j-1], &curve[j]
				done, all := float64(i-before.Iteration), float64(after.Iteration-before.Iteration)
				x = append(x, place(before)+(place(after)-place(before))*done/all)
				y = append(y, between(before.of(metric), after.of(metric), done/all))
			}
		}
	}
	return x, y
}

// between returns the value at the fraction t of the way from a to b: on a logarithmic scale if both are
// positive.
func between(a, b, t float64) float64 {
	if a > 0 && b > 0 {
		return math.Exp((1-t)*math.Log(a) + t*math.Log(b))
	}
	return (1-t)*a + t*b
}

// lengthsDiffer says whether one line is more than ten times as long as another, so that a linear axis would
// hide the shorter.
func lengthsDiffer(lines []Series) bool {
	least, most := math.Inf(1), 0.0
	for _, l := range lines {
		least, most = min(least, slices.Max(l.X)), max(most, slices.Max(l.X))
	}
	return most > 10*least
}

// spansDecades says whether no number is negative and the positive numbers span more than two decades.
func spansDecades(lines []Series) bool {
	lo, hi := math.Inf(1), 0.0
	for _, l := range lines {
		for _, y := range l.Y {
			if y < 0 {
				return false
			}
			if hi = max(hi, y); y > 0 {
				lo = min(lo, y)
			}
		}
	}
	return hi/lo > 100
}

// numbered returns how many of the columns Y_1, Y_2, … of runs.csv there are.
func (r *Results) numbered(q Query) (count int) {
	if q.OverTrajectories() || q.Y == "" {
		return 0
	}
	names := r.numberColumns(false)
	for slices.Contains(names, fmt.Sprintf("%s_%d", q.Y, count+1)) {
		count++
	}
	return count
}

// numberColumns lists the columns that can be drawn: those of trajectories if curves is true, else those of
// runs.
func (r *Results) numberColumns(curves bool) []string {
	var names []string
	if curves {
		for _, m := range recordMetrics() {
			names = append(names, m.Name)
		}
		return names
	}
	for _, c := range slices.Concat(r.Spec.resultsTable(r.Records), r.Spec.timingsTable(nil)) {
		if c.name != "run" && c.kind != text {
			names = append(names, c.name)
		}
	}
	return names
}

// column returns the numbers of a column by run, without the runs in which it is unknown. True is 1 and false
// 0.
func (r *Results) column(name string) map[int]float64 {
	numbers := map[int]float64{}
	for _, c := range slices.Concat(r.Spec.resultsTable(r.Records), r.Spec.timingsTable(r.Records)) {
		if c.name != name {
			continue
		}
		for i, cell := range c.cells {
			switch v := cell.(type) {
			case float64:
				numbers[r.Records[i].Index] = v
			case int:
				numbers[r.Records[i].Index] = float64(v)
			case bool:
				numbers[r.Records[i].Index] = 0
				if v {
					numbers[r.Records[i].Index] = 1
				}
			}
		}
	}
	return numbers
}
