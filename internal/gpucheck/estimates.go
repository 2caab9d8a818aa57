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

// expectation has the shares of the floor that docs/kernels.md expects on a card of a contraction of one
// member, with rows of f64, f32, bf16, q8 and signs.
type expectation struct {
	card   string   // as in docs/kernels.md
	names  []string // of the device without "NVIDIA" or "Tesla": models with the rates of docs/kernels.md
	shares [5]string
}

// expectations are those of all cards that docs/kernels.md has. Other models of a card have other rates, and
// none is expected of them.
var expectations = []expectation{
	{"H200", []string{"H200"}, [5]string{"85–95 %", "80–90 %", "60–80 %", "60–80 %", "60–80 %"}},
	{"H100", []string{"H100 80GB HBM3"}, [5]string{"85–95 %", "85–95 %", "80–90 %", "60–80 %", "60–80 %"}},
	{"A100", []string{"A100-SXM4-40GB", "A100-PCIE-40GB"},
		[5]string{"80–90 %", "80–90 %", "80–90 %", "60–80 %", "60–80 %"}},
	{"V100", []string{"V100-SXM2-16GB", "V100-SXM2-32GB"},
		[5]string{"80–90 %", "80–90 %", "80–90 %", "60–80 %", "60–80 %"}},
	{"A10", []string{"A10"}, [5]string{"80–90 %", "45–90 %", "45–90 %", "45–90 %", "85–95 %"}},
	{"L4", []string{"L4"}, [5]string{"80–90 %", "70–90 %", "45–90 %", "45–90 %", "85–95 %"}},
	{"T4", []string{"T4"}, [5]string{"80–90 %", "45–90 %", "45–90 %", "45–90 %", "80–90 %"}},
}

// expected returns the share of the floor that docs/kernels.md expects of a contraction on a device; "" if it
// says nothing of the device or of such a contraction.
func expected(device string, at row) string {
	entries := slices.Index([]string{"f64", "f32", "bf16", "q8", "sign"}, at.entries)
	if entries < 0 || at.N != 200 || at.M != 10_000 || at.Batch != 1 || at.arithmetic != "f64" ||
		at.rows != "memory" {
		return ""
	}
	model := strings.TrimPrefix(strings.TrimPrefix(deviceName(device), "NVIDIA "), "Tesla ")
	for _, e := range expectations {
		if slices.Contains(e.names, model) {
			return e.shares[entries]
		}
	}
	return ""
}

// contractions writes the table of contractions of rows, with their floors.
func (p *page) contractions(device string, g gradients) {
	if !slices.ContainsFunc(g.order, func(at row) bool { return g.contract[at].Metrics != nil }) {
		return
	}
	p.line("\n## Contractions beside their floors\n")
	p.WriteString(`A contraction is one pass over the rows. Times are medians in microseconds for the whole
batch, by the clock of the device. The floor is the least time by the counts of docs/kernels.md: of memory
with the rate of a copy from device to device, bytes read and written, measured in the same run; of computing
with the clocks that the driver reports. The next column names what bounds the floor. "expected" is the share
of the floor that docs/kernels.md expects on this card; a dash means that docs/kernels.md does not say. GB/s
counts the rows in memory once, whatever the batch. In three steps the kernels give the same bits.

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
		p.line("| %d | %d | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |",
			at.N, at.M, at.Batch, at.entries, at.arithmetic, at.rows,
			digits(least/1e3), known(bound, nothing), known(expected(device, at), nothing),
			digits(once.Metrics["ns/op"]/1e3), percent(once.share()), rate(once.Metrics["GB/s"]), rate(once.Metrics["copy-GB/s"]),
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
