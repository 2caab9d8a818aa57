package gpucheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// others writes a table for each ensemble without rows.
func (p *page) others(r *Results) {
	p.other(r, completion, "observed entries of a symmetric matrix", []string{
		"gather-eager", "gather-compiled", "sampled_addmm-eager",
	}, "PyTorch gathers two rows of U for each entry and\nadds to the gradient by index_add_, or it computes the "+
		"residuals by sampled_addmm on a CSR matrix and\nmultiplies that matrix by U.")
	p.other(r, rankOne, "rank-one measurements", []string{"eager", "compiled"},
		"PyTorch does two products with the m × n matrix of the vectors.")
	p.other(r, pauli, "Pauli words", nil, "")
}

// other writes the table of one ensemble: our step, PyTorch's forms, and the ratios to the fastest of them.
func (p *page) other(r *Results, ensemble, title string, forms []string, about string) {
	type at struct {
		Problem
		arithmetic, vectors string
	}
	var order []at
	ours, torch := map[at]float64{}, map[Problem]map[string]float64{}
	for _, b := range r.Benchmarks {
		if b.Ensemble == ensemble && b.What == "step" {
			line := at{b.Problem, b.Arithmetic, b.Rows}
			order, ours[line] = append(order, line), b.Metrics["ns/op"]/1e6
		}
	}
	for _, t := range r.Torch {
		if t.Ensemble != ensemble {
			continue
		}
		if torch[t.Problem] == nil {
			torch[t.Problem] = map[string]float64{}
		}
		torch[t.Problem][t.Type+" "+t.Form] = t.Median
		if !slices.ContainsFunc(order, func(line at) bool { return line.Problem == t.Problem }) {
			order = append(order, at{t.Problem, nothing, nothing})
		}
	}
	if len(order) == 0 {
		return
	}
	slices.SortStableFunc(order, func(a, b at) int {
		return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.M, b.M), cmp.Compare(a.Batch, b.Batch))
	})
	p.line("\n## A step on %s\n", title)
	p.line("Times are medians in milliseconds for the whole batch, by the clock of the device, of a whole\n" +
		"step of gradient descent with n × r factors.")
	var types []string
	if len(forms) > 0 {
		types = []string{"float32", "float64"}
		p.line("%s\nThe ratios divide the time of its fastest form by ours.", about)
	}
	p.line("")
	head, rule := "| n | m | r | batch | arithmetic | data | step |", "|---:|---:|---:|---:|---|---|---:|"
	for _, kind := range types {
		for _, form := range forms {
			head, rule = head+fmt.Sprintf(" %s %s |", kind, form), rule+"---:|"
		}
	}
	for _, kind := range types {
		head, rule = head+fmt.Sprintf(" %s / step |", kind), rule+"---:|"
	}
	p.line("%s\n%s", head, rule)
	for _, line := range order {
		cells := []string{fmt.Sprint(line.N), fmt.Sprint(line.M), fmt.Sprint(line.R), fmt.Sprint(line.Batch),
			line.arithmetic, line.vectors, digits(ours[line])}
		var ratios []string
		for _, kind := range types {
			best := 0.0
			for _, form := range forms {
				time := torch[line.Problem][kind+" "+form]
				best, cells = faster(best, time), append(cells, digits(time))
			}
			ratios = append(ratios, ratio(best, ours[line]))
		}
		p.line("| %s |", strings.Join(append(cells, ratios...), " | "))
	}
}
