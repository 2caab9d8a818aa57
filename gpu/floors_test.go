package gpu

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// This file has the counts of docs/kernels.md, from which the benchmarks on a GPU compute floors.

// amounts is what an operation takes, for all members.
type amounts struct {
	bytes            float64 // moved between the device and its memory
	doubles, singles float64 // multiply-adds
	conversions      float64 // from and to f64
	instructions     float64 // of a thread
	launches         float64
	exchanged        float64 // bytes moved between a device and the host
}

// rates are those of a device, by its description, and those that were measured: of a copy from device to
// device, in bytes read and written, and the seconds of a launch.
type rates struct {
	info           driver.Info
	copied, launch float64
}

// floors returns the least seconds of each thing that an operation takes. What is unknown is left out.
func (r rates) floors(c amounts) map[string]float64 {
	const lanes, conversions = 128, 16 // as in cycles
	b := Backend{Info: r.info}
	second := float64(r.info.Multiprocessors) * r.info.Clock
	all := map[string]float64{
		"memory": c.bytes / r.copied, "launches": c.launches * r.launch, "copies": c.exchanged / hostBytes,
	}
	if second > 0 {
		all["multiply-adds"] = c.doubles/(second*b.multiplyAdds(solver.F64)) +
			c.singles/(second*b.multiplyAdds(solver.F32))
		all["conversions"] = c.conversions / (second * min(conversions, b.multiplyAdds(solver.F64)))
		all["instructions"] = c.instructions / (second * lanes)
	}
	for name, seconds := range all {
		if !(seconds > 0) {
			delete(all, name)
		}
	}
	return all
}

// generatedCosts has the instructions of a thread for each entry that contract makes, in f64 arithmetic.
var generatedCosts = map[sensing.Entries]float64{
	sensing.F64: 121, sensing.F32: 122, sensing.BF16: 130, sensing.Q8: 25, sensing.Signs: 15,
}

// contractAmounts counts a contraction of one member in one launch; nothing if docs/kernels.md has no count.
func contractAmounts(l *rowLayout) (c amounts) {
	entries, each := float64(l.m)*float64(l.k), costs[l.entries].double
	c.doubles = 2 * entries
	if l.precision == solver.F32 {
		each = costs[l.entries].single
		c.doubles, c.singles = 0, 2*entries
	}
	switch {
	case l.own > 1:
		each.instructions = longCosts[l.entries].of(l)
	case l.info.Capability[0] < 8 && l.precision == solver.F32:
		each.instructions = earlyCosts[l.entries].single
	case l.info.Capability[0] < 8:
		each.instructions = earlyCosts[l.entries].double
	}
	c.instructions, c.conversions = entries*each.instructions, entries*each.conversions
	switch {
	case l.inMemory:
		c.bytes = float64(l.m) * float64(l.stride)
	case l.own > 1: // it stores the rows and copies them, both to the L2 cache
	case l.precision == solver.F64:
		c.instructions = entries * generatedCosts[l.entries]
	default: // was not counted
		return amounts{}
	}
	return c
}

// stepAmounts counts a contraction of one member in three steps, which read rows in memory twice; nothing if
// rows are generated.
func stepAmounts(l *rowLayout) (c amounts) {
	if !l.inMemory {
		return amounts{}
	}
	c = contractAmounts(l)
	each := stepCosts[l.entries].double
	if l.precision == solver.F32 {
		each = stepCosts[l.entries].single
	}
	c.bytes, c.instructions = 2*c.bytes, float64(l.m)*float64(l.k)*each
	return c
}

// sampledAmounts counts a step on m observed entries of a symmetric matrix.
func sampledAmounts(n, m, r, members int) (c amounts) {
	gathers := 2 * float64(m) * float64(members) // each entry is in two rows
	row := float64(8 * r)
	switch { // whole sectors of 32 bytes, on average
	case r%4 == 0:
	case r%2 == 0:
		row *= 1 + 2/float64(r)
	default:
		row *= 1 + 3/float64(r)
	}
	slots := 5. // L, the gradient, and those of U − μ∇f
	c.bytes = gathers*(row+12) + slots*8*float64(n)*float64(r)*float64(members)
	c.instructions = gathers * 32 * map[int]float64{1: 3.1, 5: 11, 10: 22, 32: 45, 256: 83}[r]
	c.launches = 2
	return c
}

// rankOneAmounts counts a step on m rank-one measurements of a symmetric matrix, with the vectors in memory.
func rankOneAmounts(n, m, r, members int) (c amounts) {
	vectors := float64(m) * float64(n)
	c.doubles = 2 * vectors * float64(r*members)
	once := float64(members) * vectors
	switch {
	case r == 1 && n <= 1024:
		c.instructions = 22 * once
	case r == 1 && n <= 4096:
		c.instructions = 10 * once
	case r <= 2 && n <= 2048:
		c.instructions = 23 * once
	case r <= 4 && n <= 1024:
		c.instructions = 65 * once
	default:
		c.bytes, c.launches = 16*vectors*float64(blocks(r*members, 64)), 5
		return c
	}
	c.bytes, c.launches = 8*once, 3
	return c
}

// pauliAmounts counts a step on 10·n Pauli words with r = 4, of the n that docs/kernels.md has.
func pauliAmounts(n, m, r, members int) (c amounts) {
	if r != 4 || m != 10*n {
		return c
	}
	warps := map[int]float64{64: 0.14e6, 256: 0.91e6, 1024: 10.5e6}[n]
	c.instructions = 32 * warps * float64(members)
	c.launches = map[int]float64{64: 4, 256: 4, 1024: 18, 4096: 258}[n]
	return c
}

// TestFloors: the floors of the benchmarks are those of docs/kernels.md. The page rounds counts and times: 3
// % leave room for both, and 8 % for times of one digit.
func TestFloors(t *testing.T) {
	page, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	text := strings.Join(strings.Fields(string(page)), " ")
	// says compares seconds with the numbers that follow some words of the page, in some unit.
	says := func(words string, unit, bound float64, seconds ...float64) {
		t.Helper()
		_, rest, found := strings.Cut(text, words)
		if !found {
			t.Errorf("docs/kernels.md does not say %q", words)
			return
		}
		number := regexp.MustCompile(`–|[0-9.]*[0-9]`)
		numbers := number.FindAllString(rest[:min(len(rest), 200)], len(seconds))
		for i, want := range seconds {
			got, err := strconv.ParseFloat(numbers[i], 64) // an error and 0 for a dash
			if (err != nil) != (want == 0) || math.Abs(got*unit-want) > bound*want {
				t.Errorf("after %q docs/kernels.md says %s, and the count is %.4g", words, numbers[i],
					want/unit)
			}
		}
	}
	const micro, milli = 1e-6, 1e-3
	timed := driver.Info{Capability: [2]int{9, 0}, Multiprocessors: 132, Clock: 1.98e9}
	for words, copied := range map[string]float64{
		"| floor on an H100, in ms (estimated) |": 3.0e12, "| floor on an H200 |": 4.3e12,
	} {
		var longest, ofSteps []float64
		for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8} {
			e, err := sensing.NewGaussian(sensing.Sym{N: 1800}, 10_000, entries, 1)
			must(t, err)
			long, err := newEngine(Backend{Info: h200}, e, batch(1))
			must(t, err)
			f := rates{timed, copied, 0}.floors(contractAmounts(&rowsOf(long).rowLayout))
			longest = append(longest, max(f["memory"], f["instructions"]))
			chosen := rowsOf(long).rowLayout
			chosen.info.Clock = timed.Clock
			if got := chosen.aloneFloor().computing; math.Abs(got-f["instructions"]) > 1e-9*got {
				t.Errorf("%s rows of n = 1800: the choice of a precision has a floor of %.3g s, want %.3g s",
					entries, got, f["instructions"])
			}
			f = rates{timed, copied, 0}.floors(stepAmounts(&rowsOf(long).rowLayout))
			ofSteps = append(ofSteps, max(f["memory"], f["instructions"]))
		}
		says(words, milli, 0.03, longest...)
		// The line below it. The page counts 24.1 instructions of q8 rows at n = 1800, and stepCosts 23.3.
		_, below, _ := strings.Cut(text, words)
		below, _, _ = strings.Cut(below, "the three steps |")
		says(words+below+"the three steps |", milli, 0.04, ofSteps...)
	}
	h200 := rates{timed, 4.3e12, 0}
	_, text, _ = strings.Cut(text, "### The floor")
	each := h200.floors(amounts{doubles: 2 * 201e6, conversions: 2 * 201e6, instructions: 201e6})
	says("two multiply-adds of each entry take", micro, 0.03, each["multiply-adds"])
	says("two conversions", micro, 0.03, each["conversions"])
	says("one instruction", micro, 0.03, each["instructions"])
	for entries, words := range map[sensing.Entries]string{
		sensing.F64: "(Box–Muller in f64:", sensing.BF16: "(Box–Muller in f64: 720 to",
		sensing.Q8: "25 with q8 (", sensing.Signs: "15 with signs (",
	} {
		planned, err := newEngine(Backend{Info: h200.info, Storage: solver.Generated}, rowsOf200(t, entries),
			batch(1))
		must(t, err)
		says(words, micro, 0.03, h200.floors(contractAmounts(&rowsOf(planned).rowLayout))["instructions"])
	}
	says("10⁶ signs take", micro, 0.03, h200.floors(amounts{instructions: 148e6})["instructions"])
	says("floor at 3.0 TB/s (estimated, not measured) |", milli, 0.03,
		rates{copied: 3e12}.floors(sampledAmounts(8e6, 3e8, 10, 1))["memory"])
	says("floor at n = 1000, m = 8000 | r = 1:", micro, 0.03,
		h200.floors(rankOneAmounts(1000, 8000, 1, 1))["memory"])
	says("| r = 16:", micro, 0.03, h200.floors(rankOneAmounts(1000, 8000, 16, 1))["memory"])
	says("| 0.004·10⁶ |", micro, 0.4, h200.floors(pauliAmounts(64, 640, 4, 1))["instructions"])
	says("| 0.08·10⁶ |", micro, 0.08, h200.floors(pauliAmounts(256, 2560, 4, 1))["instructions"])
	says("| 1.5·10⁶ |", micro, 0.08, h200.floors(pauliAmounts(1024, 10_240, 4, 1))["instructions"])
}

// alone is the contraction of one member on rows in memory, with n = 200, m = 10,000 and f64 arithmetic.
type alone struct {
	*rowLayout
	floor
	bound      string  // M, A or I
	arithmetic float64 // seconds of multiply-adds and conversions one after another, on all multiprocessors
}

func aloneOn(t *testing.T, info driver.Info, entries sensing.Entries) alone {
	t.Helper()
	planned, err := planRows(request{backend: Backend{Info: info}, ensemble: rowsOf200(t, entries),
		shapes: make([][]solver.Shape, 1), losses: losses{squaredLoss}})
	must(t, err)
	l := &planned.(*rowOperator).rowLayout
	a := alone{rowLayout: l, floor: l.aloneFloor(), bound: "M"}
	working := float64(info.Multiprocessors)
	if once, _ := l.once(); once {
		blocks := min(l.resident()/l.groupBlocks(), l.chunks.count()) * l.groupBlocks()
		working *= float64(blocks) / float64(l.resident())
	}
	// Multiply-adds and conversions without instructions, at one time and one after another.
	b, conversions := Backend{Info: info}, costs[entries].double.conversions
	together := l.floorOf(0, b.cycles(solver.F64, 2, cost{0, conversions}), working).computing
	a.arithmetic = l.floorOf(0, b.cycles(solver.F64, 2, cost{})+b.cycles(solver.F64, 0, cost{0, conversions}),
		working).computing
	switch {
	case a.computing <= a.memory:
	case a.computing <= together:
		a.bound = "A"
	default:
		a.bound = "I"
	}
	return a
}

// share is the share of the floor that docs/kernels.md expects, least and most in percent, by its rules.
func (a alone) share() (least, most float64) {
	longest := a.seconds()
	once, _ := a.once()
	fewer := !once || a.info.Capability[0] < 8 || a.resident() == a.info.Multiprocessors
	slow := a.info.SingleToDouble > 2
	switch next := min(a.memory, a.computing); {
	case slow && a.arithmetic > longest:
		return math.Round(90 * longest / a.arithmetic), 90
	case a.bound == "I" || next > 0.8*longest:
		return 60, 80
	case fewer || next > 0.5*longest:
		return 80, 90
	}
	return 85, 95
}

// TestFloorsOfCards: docs/kernels.md has the floor of one member on each card, what bounds it, and the share
// that its rules expect; and says on which cards with which rows that is 85 % of the memory's rate. The
// floors of the benchmarks are the same but for the sums of chunks and for groups of blocks that do not fill
// a device.
func TestFloorsOfCards(t *testing.T) {
	page, err := os.ReadFile("../docs/kernels.md")
	must(t, err)
	text := strings.Join(strings.Fields(string(page)), " ")
	goal := map[string][]string{}
	for _, c := range cardsOfFloors() {
		line := fmt.Sprintf("| %s | %d, %.4g GHz, %.0f GB/s, %d |", c.name, c.info.Multiprocessors,
			c.info.Clock/1e9, c.info.Bandwidth/1e9, c.info.SingleToDouble)
		reached := map[string][]string{}
		for _, entries := range formats {
			a := aloneOn(t, c.info, entries)
			least, most := a.share()
			line += fmt.Sprintf(" %.0f %s, %.0f–%.0f %% |", a.seconds()*1e6, a.bound, least, most)
			once, _ := a.once()
			rate := a.memory / a.seconds() // of the memory, if the floor is reached
			if !once {
				rate /= 2 // rows are read twice
			}
			word := "not"
			switch {
			case least*rate >= 85:
				word = "yes"
			case most*rate >= 85:
				word = "perhaps"
			}
			if entries != sensing.Signs {
				reached[word] = append(reached[word], string(entries))
			}
			bench := rates{c.info, c.info.Bandwidth, 0}.floors(contractAmounts(a.rowLayout))
			readings := 1.0
			if !once {
				readings = 2
			}
			sums := a.sumBytes(a.chunks.count()) / c.info.Bandwidth
			if got := readings*bench["memory"] + sums; math.Abs(got-a.memory) > 1e-9 {
				t.Errorf("%s, %s rows: a benchmark's floor of memory is %.4g µs with the sums, not %.4g",
					c.name, entries, got*1e6, a.memory*1e6)
			}
			if got := max(bench["multiply-adds"], bench["conversions"], bench["instructions"]); once &&
				(got > 1.001*a.computing || got < 0.94*a.computing) {
				t.Errorf("%s, %s rows: a benchmark's floor of computing is %.4g µs, not %.4g", c.name, entries,
					got*1e6, a.computing*1e6)
			}
		}
		if !strings.Contains(string(page), line+"\n") {
			t.Errorf("docs/kernels.md has no line %q", line)
		}
		for word, entries := range reached {
			goal[word] = append(goal[word], c.name+" with "+strings.Join(entries, ", "))
		}
	}
	for word, cards := range goal {
		if words := strings.Join(cards, "; ") + "."; !strings.Contains(text, words) {
			t.Errorf("docs/kernels.md does not say (%s) %q", word, words)
		}
	}
}
