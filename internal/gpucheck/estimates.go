package gpucheck

import (
	"fmt"
	"slices"
	"strings"
)

// floorUnit ends the units of floors in a benchmark: memory-floor-ns is the least time that moving bytes
// takes.
const floorUnit = "-floor-ns"

// floor returns the longest of a benchmark's floors in nanoseconds, and its name; 0 if there is none.
func (b Benchmark) floor() (least float64, bound string) {
	for _, unit := range sortedUnits(b.Metrics) {
		if name, is := strings.CutSuffix(unit, floorUnit); is && b.Metrics[unit] > least {
			least, bound = b.Metrics[unit], name
		}
	}
	return least, bound
}

// share is the floor of a benchmark divided by its time; 0 if either is unknown.
func (b Benchmark) share() float64 {
	least, _ := b.floor()
	if time := b.Metrics["ns/op"]; time > 0 {
		return least / time
	}
	return 0
}

// expected has the shares of the floor that docs/kernels.md expects of a contraction, by entries.
var expected = map[string]string{
	"f64": "85–95 %", "f32": "80–90 %", "bf16": "60–80 %", "q8": "60–80 %", "sign": "60–80 %",
}

// contractions writes the table of contractions of rows, with their floors.
func (p *page) contractions(g gradients) {
	if !slices.ContainsFunc(g.order, func(at row) bool { return g.contract[at].Metrics != nil }) {
		return
	}
	p.line("\n## Contractions beside their floors\n")
	p.WriteString(`A contraction is one pass over the rows. Times are medians in microseconds for the whole
batch, by the clock of the device. The floor is the least time by the counts of docs/kernels.md: of memory
with the rate of a copy from device to device, bytes read and written, measured in the same run; of computing
with the clocks that the driver reports. The next column names what bounds the floor. "expected" is the share
of the floor that docs/kernels.md expects. GB/s counts the rows in memory once, whatever the batch. In three
steps the kernels give the same bits.

`)
	p.line("| n | m | batch | entries | arithmetic | rows | floor | bound by | expected | measured | " +
		"of the floor | GB/s | copy GB/s | three steps | their floor | of it |")
	p.line("|---:|---:|---:|---|---|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, at := range g.order {
		once, steps := g.contract[at], g.steps[at]
		if once.Metrics == nil {
			continue
		}
		least, bound := once.floor()
		three, _ := steps.floor()
		hope := nothing
		if at.N == 200 && at.Batch == 1 && at.arithmetic == "f64" && at.rows == "memory" {
			hope = known(expected[at.entries], nothing)
		}
		p.line("| %d | %d | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |",
			at.N, at.M, at.Batch, at.entries, at.arithmetic, at.rows,
			digits(least/1e3), known(bound, nothing), hope, digits(once.Metrics["ns/op"]/1e3),
			percent(once.share()), rate(once.Metrics["GB/s"]), rate(once.Metrics["copy-GB/s"]),
			digits(steps.Metrics["ns/op"]/1e3), digits(three/1e3),
			percent(steps.share()))
	}
}

// tabled are the benchmarks of rows that have tables of their own.
var tabled = []string{"contract", "three-steps", "step"}

// estimates writes the table of all other operations that have floors.
func (p *page) estimates(r *Results) {
	var lines []string
	for _, b := range r.Benchmarks {
		least, bound := b.floor()
		if least == 0 || b.Entries != "" && slices.Contains(tabled, b.What) {
			continue
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s | %s |", b.key(), digits(least/1e3), bound,
			digits(b.Metrics["ns/op"]/1e3), percent(b.share())))
	}
	if len(lines) == 0 {
		return
	}
	p.line("\n## Other operations beside their floors\n")
	p.WriteString(`Times are in microseconds. The floor of launches takes the measured time of a launch that
does almost nothing; that of copies, between a device and the host, 10 GB/s. without-tensor-cores is a
contraction with contract_batch, or in three steps, on a device that takes contract_tensor. small-form is one
with the form of contract_batch for cards of 100 KB of shared memory. eight-members-a-launch is one without
the form of contract_tensor for sixteen. All give the same bits.

`)
	p.line("| operation | floor | bound by | measured | of the floor |")
	p.line("|---|---:|---|---:|---:|\n%s", strings.Join(lines, "\n"))
}
