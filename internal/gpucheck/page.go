package gpucheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Page writes results as a page in Markdown, for docs/gpu-results. The page has the measured results and
// nothing else.
func Page(r *Results) string {
	var p page
	p.top(r)
	p.gradient(r)
	p.estimates(r)
	p.others(r)
	p.runs(r)
	p.missing(r)
	p.outcomes(r)
	p.kernels(r)
	return p.String()
}

// page is the text written so far.
type page struct{ strings.Builder }

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p, format, args...)
	p.WriteByte('\n')
}

// top writes the title, the failed steps, and where and when the results were made.
func (p *page) top(r *Results) {
	a := r.About
	p.line("# matsense on %s\n", known(deviceName(a.Device), "an unknown device"))
	if a.Tiny {
		p.line("**Made without a GPU, at tiny sizes, to try the checker. " +
			"The times on this page mean nothing.**\n")
	}
	p.failed(r)
	p.line("- device: %s", known(a.Device, "unknown"))
	for _, f := range []struct{ name, text string }{
		{"driver", a.Driver}, {"clocks", a.Clocks}, {"host", a.Host},
	} {
		if f.text != "" {
			p.line("- %s: %s", f.name, f.text)
		}
	}
	p.line("- date: %s", known(a.Date, "unknown"))
	p.line("- matsense: %s", known(a.Version, "unknown")+prefixed(", revision ", a.Revision))
	p.line("- PyTorch: %s", known(a.PyTorch, "not measured"))
	for command := range strings.SplitSeq(a.Command, "\n") {
		if command != "" {
			p.line("- command: `%s`", command)
		}
	}
}

func known(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// failed lists the failed steps, with the lines that tell why.
func (p *page) failed(r *Results) {
	bad := len(r.failures())
	switch {
	case bad == 0 && len(r.Steps) > 0:
		p.line("No step failed.\n")
		return
	case bad == 0:
		return
	case bad == 1:
		p.line("**1 step failed:**\n")
	default:
		p.line("**%d steps failed:**\n", bad)
	}
	for _, s := range r.Steps {
		if s.Outcome.State != Failed {
			continue
		}
		p.line("- **%s**: %s", s.Name, s.Outcome.Text)
		if len(s.Detail) > 0 {
			p.line("\n  ```")
			for _, line := range s.Detail {
				p.line("  %s", line)
			}
			p.line("  ```\n")
		}
	}
	p.line("\nWhere and when:\n") // separates this list from the next one
}

// row is a line of the table of gradients: one problem in one format.
type row struct {
	Problem
	entries, arithmetic, rows string
}

// gradients is the content of the table, by row.
type gradients struct {
	order                 []row
	contract, steps, step map[row]Benchmark              // contract in one launch and in three steps; a step
	torch                 map[Problem]map[string]float64 // milliseconds by "float32 eager" and the like
	others                []Benchmark
}

func newGradients(r *Results) gradients {
	g := gradients{
		contract: map[row]Benchmark{}, steps: map[row]Benchmark{}, step: map[row]Benchmark{},
		torch: map[Problem]map[string]float64{},
	}
	for _, b := range r.Benchmarks {
		of := map[string]map[row]Benchmark{
			"contract": g.contract, "three-steps": g.steps, "step": g.step,
		}[b.What]
		if b.Ensemble != "" {
			continue
		}
		if b.N == 0 || of == nil {
			if least, _ := b.floor(); least == 0 {
				g.others = append(g.others, b)
			}
			continue
		}
		at := row{b.Problem, b.Entries, b.Arithmetic, b.Rows}
		if !slices.Contains(g.order, at) {
			g.order = append(g.order, at)
		}
		of[at] = b
	}
	slices.SortStableFunc(g.order, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.M, b.M), cmp.Compare(a.Batch, b.Batch))
	})
	for _, t := range r.Torch {
		if t.Ensemble != "" {
			continue
		}
		if g.torch[t.Problem] == nil {
			g.torch[t.Problem] = map[string]float64{}
		}
		g.torch[t.Problem][t.Type+" "+t.Form] = t.Median
	}
	return g
}

// gradient writes the table of gradients, with PyTorch's and the copy.
func (p *page) gradient(r *Results) {
	g := newGradients(r)
	p.line("\n## A gradient step\n")
	if len(g.order) == 0 && len(g.torch) == 0 && len(g.others) == 0 {
		p.line("Nothing was measured.")
		return
	}
	p.WriteString(`Times are medians in milliseconds for the whole batch, by the clock of the device. step is
a whole step of gradient descent with n × n factors. PyTorch holds dense m × n × n matrices and reads them
twice a step, once for each product. The ratios divide the time of its faster form, eager or compiled, by the
time of our step. A dash means that nothing was measured; the reasons are below.

`)
	p.line("| n | m | batch | entries | arithmetic | rows | step | PyTorch float32 | compiled | " +
		"PyTorch float64 | compiled | float32 / step | float64 / step |")
	p.line("|---:|---:|---:|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
	seen := map[Problem]bool{}
	for _, at := range g.order {
		seen[at.Problem] = true
		p.WriteString(g.line(at))
	}
	for _, t := range r.Torch { // problems on which only PyTorch was timed
		if t.Ensemble == "" && !seen[t.Problem] {
			seen[t.Problem] = true
			p.WriteString(g.line(row{t.Problem, "–", "–", "–"}))
		}
	}
	if len(g.others) > 0 {
		p.line("\nAlso measured:\n")
	}
	for _, b := range g.others {
		var parts []string
		for _, unit := range sortedUnits(b.Metrics) {
			parts = append(parts, fmt.Sprintf("%g %s", b.Metrics[unit], unit))
		}
		p.line("- %s: %s", b.key(), strings.Join(parts, ", "))
	}
	p.contractions(r.About.Device, g)
}

func sortedUnits(metrics map[string]float64) []string {
	var units []string
	for unit := range metrics {
		units = append(units, unit)
	}
	slices.SortFunc(units, func(a, b string) int { // the time comes first
		return cmp.Or(cmp.Compare(btoi(a != "ns/op"), btoi(b != "ns/op")), cmp.Compare(a, b))
	})
	return units
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// line returns one row of the table.
func (g gradients) line(at row) string {
	torch := g.torch[at.Problem]
	ours := g.step[at].Metrics["ns/op"] / 1e6
	ratio := func(kind string) string {
		return ratio(faster(torch[kind+" eager"], torch[kind+" compiled"]), ours)
	}
	return fmt.Sprintf("| %d | %d | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
		at.N, at.M, at.Batch, at.entries, at.arithmetic, at.rows, digits(ours),
		digits(torch["float32 eager"]), digits(torch["float32 compiled"]),
		digits(torch["float64 eager"]), digits(torch["float64 compiled"]), ratio("float32"), ratio("float64"))
}

// nothing is the mark of a cell without a measurement.
const nothing = "–"

// digits writes a positive number with three digits.
func digits(x float64) string {
	switch {
	case x <= 0:
		return nothing
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.4f", x)
}

// rate writes GB/s, as a whole number from 100 on.
func rate(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return digits(x)
}

func percent(x float64) string {
	if x <= 0 {
		return nothing
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

// faster is the smaller of two times; 0 means unknown.
func faster(a, b float64) float64 {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

func ratio(theirs, ours float64) string {
	switch {
	case theirs <= 0 || ours <= 0:
		return nothing
	case theirs/ours >= 10:
		return fmt.Sprintf("%.0f×", theirs/ours)
	}
	return fmt.Sprintf("%.1f×", theirs/ours)
}

// runs writes the table of whole processes: the paper's run and the sweep.
func (p *page) runs(r *Results) {
	if len(r.Runs) == 0 && len(r.Comparisons) == 0 {
		return
	}
	p.line("\n## Whole runs\n")
	if len(r.Runs) > 0 {
		p.WriteString(`Wall is the time of the whole process, with its start, its data and its files.
Stepping is the part spent in steps. The first process of a call on the GPU waits for the driver to compile
its kernels. The stepping of a resumed run counts both of its parts.

`)
		p.line("| run | device | wall, s | stepping, s | train loss | test error |")
		p.line("|---|---|---:|---:|---:|---:|")
	}
	for _, v := range r.Runs {
		p.line("| %s | %s | %.2f | %.2f | %.6g | %.6g |",
			v.Name, v.Device, v.Wall, v.Stepping, v.TrainLoss, v.TestError)
	}
	if len(r.Comparisons) > 0 {
		p.line("")
	}
	for _, c := range r.Comparisons {
		p.line("- %s: %s", c.Name, c.Text)
	}
}

// missing lists the measurements that were not made, by reason, with the first few names.
func (p *page) missing(r *Results) {
	var reasons []string
	names := map[string][]string{}
	for _, m := range r.Missing {
		if names[m.Reason] == nil {
			reasons = append(reasons, m.Reason)
		}
		if !slices.Contains(names[m.Reason], m.Name) {
			names[m.Reason] = append(names[m.Reason], m.Name)
		}
	}
	if len(reasons) > 0 {
		p.line("\n## Not measured\n")
	}
	for _, reason := range reasons {
		all, more := names[reason], ""
		if len(all) > 3 {
			all, more = all[:3], fmt.Sprintf(" and %d more", len(all)-3)
		}
		p.line("- %s%s: %s", strings.Join(all, ", "), more, reason)
	}
}

// outcomes lists every step.
func (p *page) outcomes(r *Results) {
	if len(r.Steps) == 0 {
		return
	}
	p.line("\n## Steps\n")
	p.line("| step | outcome | took | limit | processor clock |")
	p.line("|---|---|---:|---:|---|")
	for _, s := range r.Steps {
		took, limit := nothing, nothing
		if s.Seconds > 0 {
			took, limit = fmt.Sprintf("%.1f s", s.Seconds), fmt.Sprintf("%.0f s", s.Limit)
		}
		outcome := strings.ReplaceAll(s.Outcome.String(), "|", `\|`)
		p.line("| %s | %s | %s | %s | %s |", s.Name, outcome, took, limit, known(s.Clock, nothing))
	}
}

// kernels lists the resources that the driver's compiler reports for the kernels.
func (p *page) kernels(r *Results) {
	if len(r.Kernels) == 0 {
		return
	}
	var spills []string
	for _, k := range r.Kernels {
		if k.Local > 0 {
			spills = append(spills, k.Name)
		}
	}
	p.line("\n## Kernels\n")
	p.WriteString(`The driver's compiler reports for each kernel: 32-bit registers and bytes of local memory
(stack and spilled registers) of a thread, bytes of static and dynamic shared memory of a block, blocks of
256 threads that one multiprocessor holds, and the time to load. A kernel that an earlier step of the call
loaded is not compiled again.

`)
	if len(spills) > 0 {
		p.line("**With local memory: %s.**\n", strings.Join(spills, ", "))
	} else {
		p.line("No kernel uses local memory.\n")
	}
	p.line("| kernel | registers | local | static shared | dynamic shared | blocks | ms |")
	p.line("|---|---:|---:|---:|---:|---:|---:|")
	for _, k := range r.Kernels {
		p.line("| %s | %d | %d | %d | %d | %.4g | %.1f |",
			k.Name, k.Registers, k.Local, k.Shared, k.Dynamic, k.Blocks, k.Milliseconds)
	}
}
