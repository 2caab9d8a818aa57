package view

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// titles are words for axes: for settings and for numbers of a sweep that are no metrics, if their names do
// not say enough.
var titles = map[string]string{
	"n": "side n", "rank": "rank r*", "kappa": "condition number κ of X", "measurements": "measurements m",
	"noise": "noise σ", "snr": "signal-to-noise ratio (dB)",
	"outliers": "share of outliers", "outlier-size": "size of outliers", "huber-threshold": "threshold δ",
	"relu-threshold": "threshold in root mean squares",
	"factor-rank":    "factor rank r", "alpha": "size of the start α", "step": "step size μ",
	"directions": "directions q of each step", "radius": "radius δ",
	"hessian-radius":   "radius η of the Hessian's differences",
	"evaluation-noise": "noise on values of f",

	"iteration": "iteration (steps)", "iterations": "iterations (steps)",
	"alignment_end": "end of phase I (steps)", "saddle_avoidance_end": "end of phase II (steps)",
	"floor_start":                          "start of the floor (steps)",
	"estimate_to_truth":                    "angle of spectral estimate and truth (sine)",
	"estimate_overlap":                     "overlap of spectral estimate and truth",
	"eigenvalue":                           "k-th largest eigenvalue of the spectral estimate",
	"factor_to_estimate_closest":           "least angle to the spectral estimate (sine)",
	"factor_to_estimate_closest_iteration": "steps to the least angle to the spectral estimate",
	"recovered":                            "share of runs that recovered the truth",
	"best_test_error":                      "least test error",
	"best_test_error_iteration":            "steps to the least test error",
	"best_held_out_rmse":                   "least held-out RMSE",
	"best_held_out_rmse_iteration":         "steps to the least held-out RMSE",
}

// settingTitle returns the words for a setting.
func settingTitle(key string) string {
	if t, found := titles[key]; found {
		return t
	}
	return key
}

// numberTitle returns the words for a number of a run.
func numberTitle(name string) string {
	if target, found := strings.CutPrefix(name, "iterations_to_"); found {
		return "steps to test error " + plainNumber(target)
	}
	if target, found := strings.CutPrefix(name, "seconds_to_"); found {
		return "seconds to test error " + plainNumber(target)
	}
	if m, found := solver.MetricNamed(name); found {
		return m.Axis
	}
	return settingTitle(name)
}

// plainNumber writes a number without a power of ten, unless it is very small or very large.
func plainNumber(text string) string {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	if x != 0 && (math.Abs(x) < 1e-3 || math.Abs(x) >= 1e5) {
		return power(x)
	}
	return strings.Replace(strconv.FormatFloat(x, 'g', -1, 64), "-", "−", 1)
}

// longestName is the number of characters that a legend has room for.
const longestName = 24

// lineName writes a setting's value for a legend, as in 10^−6.
func lineName(value string) string {
	if runes := []rune(value); len(runes) > longestName { // a path, whose end says more than its beginning
		return "…" + string(runes[len(runes)-longestName+1:])
	}
	x, err := strconv.ParseFloat(value, 64)
	if err != nil || x == 0 || math.Abs(x) >= 0.01 && math.Abs(x) < 1e5 {
		return value
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', 3, 64), "e")
	digits = strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
	e, _ := strconv.Atoi(exponent)
	power := strings.Replace(fmt.Sprintf("10^%d", e), "-", "−", 1)
	if digits == "1" {
		return power
	}
	return digits + "·" + power
}

// power writes a number for a caption, as lineName does.
func power(x float64) string { return lineName(strconv.FormatFloat(x, 'g', -1, 64)) }

// counted says whether a number of a run counts iterations.
func counted(name string) bool {
	return strings.HasPrefix(name, "iterations") || slices.Contains([]string{
		"alignment_end", "saddle_avoidance_end", "floor_start", "factor_to_estimate_closest_iteration",
		"best_test_error_iteration", "best_held_out_rmse_iteration"}, name)
}

// SweepFigure returns the figure of a selection of a sweep's runs. Its Write returns [report.ErrNothing] if
// no number can be drawn.
func SweepFigure(r *sweep.Results, s *sweep.Selection) Figure { return linesFigure(lines(r, s), s) }

// DefaultFigure returns the figure that a sweep's page begins with. The error says why there is none.
func DefaultFigure(r *sweep.Results) (Figure, error) {
	selected, err := r.Select(r.Defaults(sweep.Query{}))
	if err != nil {
		return Figure{}, err
	}
	return SweepFigure(r, selected), nil
}

// linesFigure returns lines as a figure. The title of the chart names only the axes; the page says the rest.
func linesFigure(f *report.Lines, s *sweep.Selection) Figure {
	chart := f.Chart()
	chart.Title = report.Raised(capital(f.Y) + " over " + f.X)
	return Figure{Name: figureName(s), Chart: chart, drawing: f}
}

// lines returns the drawing of a selection, with its titles.
func lines(r *sweep.Results, s *sweep.Selection) *report.Lines {
	s = sideBySide(s)
	f := &report.Lines{
		Title: sweepCaption(r, s.Where),
		X:     settingTitle(s.X), Y: numberTitle(s.Y), LogX: s.XLog, LogY: s.YLog,
		Categories: namesOf(s.Categories), Curves: s.OverTrajectories(),
		Fit: s.XLog && (s.YLog || counted(s.Y)),
	}
	if s.OverTrajectories() {
		f.X = numberTitle(s.X)
	}
	if s.By != "" {
		f.By = settingTitle(s.By)
	}
	for _, l := range s.Lines {
		name := lineName(l.Value)
		if s.By != "" {
			name = cmp.Or(name, unsetName)
		}
		f.Series = append(f.Series, report.Replicas{Name: name, X: l.X, Y: l.Y})
	}
	for _, out := range []struct {
		n    int
		what string
	}{{s.Failed, "failed"}, {s.Diverged, "diverged"}, {s.Unknown, "without the number"}} {
		if out.n > 0 {
			f.Notes = append(f.Notes, fmt.Sprintf("left out: %s, %s", Count(out.n, "run"), out.what))
		}
	}
	if missing := len(r.Runs) - len(r.Records); missing > 0 {
		f.Notes = append(f.Notes, Count(missing, "run")+" not there yet")
	}
	return f
}

// unsetName stands for the value of a setting that takes words and has none, as step-decay may.
const unsetName = "none"

// namesOf returns the words for the values of a setting that takes words; nil for nil.
func namesOf(values []string) (names []string) {
	for _, v := range values {
		names = append(names, cmp.Or(v, unsetName))
	}
	return names
}

// sweepCaption says what the runs have in common that conditions leave to be drawn.
func sweepCaption(r *sweep.Results, where map[string][]string) string {
	keys := r.Spec.Keys()
	var all, drawn []*config.Config
	for i := range r.Runs {
		run := &r.Runs[i]
		all = append(all, &run.Config)
		if !slices.ContainsFunc(keys, func(key string) bool {
			return len(where[key]) > 0 && !slices.Contains(where[key], run.Values[slices.Index(keys, key)])
		}) {
			drawn = append(drawn, &run.Config)
		}
	}
	if len(drawn) == 0 {
		drawn = all
	}
	return caption(drawn...)
}

// figureName returns the name of the file of a selection's figure, without its ending.
func figureName(s *sweep.Selection) string {
	name := fmt.Sprintf("%s%s-vs-%s", sweep.FigurePrefix, s.Y, s.X)
	for _, key := range slices.Sorted(maps.Keys(s.Where)) {
		name += "-" + strings.TrimSuffix(key+"-"+strings.Join(s.Where[key], "-"), "-")
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:`, r) {
			return '_'
		}
		return r
	}, name)
}
