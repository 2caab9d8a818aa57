package gpucheck

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// tests is the content of a log of go test -v.
type tests struct {
	passed  int      // top-level tests
	failed  []string // the tests that failed, in order
	skipped []string // NAME: REASON
	begun   int      // tests and their parts
	running string   // the test that had begun and not ended
	panic   string
	detail  []string // what the failed tests printed
}

var (
	testRun  = regexp.MustCompile(`^=== (?:RUN|CONT|NAME) +(\S+)$`)
	testEnd  = regexp.MustCompile(`^( *)--- (PASS|FAIL|SKIP): (\S+)`)
	testLine = regexp.MustCompile(`^ *[A-Za-z0-9_]+\.go:[0-9]+: (.*)$`)
)

const mostDetail = 40 // lines

// parseTests reads the output of tests.
func parseTests(log string) tests {
	var t tests
	reason, current := "", ""
	printed := map[string][]string{}
	open := map[string]bool{}
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\r\n")
		if m := testRun.FindStringSubmatch(line); m != nil {
			if current = m[1]; strings.HasPrefix(line, "=== RUN") {
				t.begun++
			}
			open[current] = true
			continue
		}
		if strings.HasPrefix(line, "panic: ") && t.panic == "" {
			t.panic = line
		}
		m := testEnd.FindStringSubmatch(line)
		if m == nil {
			if text := testLine.FindStringSubmatch(line); text != nil {
				reason = text[1]
			}
			if current != "" && len(printed[current]) < mostDetail {
				printed[current] = append(printed[current], strings.TrimSpace(line))
			}
			continue
		}
		top, name := m[1] == "", m[3]
		delete(open, name)
		switch m[2] {
		case "PASS":
			if top {
				t.passed++
			}
		case "FAIL":
			if top {
				t.failed = append(t.failed, name)
			}
		case "SKIP":
			t.skipped = append(t.skipped, name+": "+reason)
		}
		if m[2] == "FAIL" && len(printed[name]) > 0 && len(t.detail) < mostDetail {
			t.detail = append(append(t.detail, name), printed[name]...)
		}
	}
	if open[current] {
		t.running = current
	}
	t.detail = t.detail[:min(len(t.detail), mostDetail)]
	return t
}

var cores = regexp.MustCompile(`-[0-9]+$`)

// parseBenchmarks reads benchmark lines, and the benchmarks that were skipped.
//
//	BenchmarkCUDA/n=200/m=10000/f32/f64/memory/batch=8/contract-16  1  190000 ns/op  4230 GB/s …
func parseBenchmarks(log string) (measured []Benchmark, missing []Missing) {
	reason := ""
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\r\n")
		if m := testLine.FindStringSubmatch(line); m != nil {
			reason = m[1]
		}
		m := testEnd.FindStringSubmatch(line)
		if m != nil && m[2] != "PASS" && strings.HasPrefix(m[3], "BenchmarkCUDA") {
			if m[2] == "SKIP" || reason != "" { // a parent fails without a separate reason
				name := strings.TrimPrefix(strings.TrimPrefix(m[3], "BenchmarkCUDA"), "Parts")
				missing = append(missing, Missing{strings.TrimPrefix(name, "/"), reason})
			}
			reason = ""
			continue
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "BenchmarkCUDA") {
			continue
		}
		b := parseName(cores.ReplaceAllString(strings.TrimPrefix(fields[0], "BenchmarkCUDA"), ""))
		b.Metrics = map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			// A clock that is too coarse leads to division by zero.
			if err == nil && !math.IsInf(v, 0) && !math.IsNaN(v) {
				b.Metrics[fields[i+1]] = v
			}
		}
		measured = append(measured, b)
	}
	return measured, missing
}

// parseName splits a benchmark's name. It recognizes sizes, storages and ensembles by their form, the other
// parts by their order. The name of a part of the table of parts stays whole.
func parseName(name string) Benchmark {
	b := Benchmark{Problem: Problem{Batch: 1}}
	if part, is := strings.CutPrefix(name, "Parts/"); is {
		b.What = part
		return b
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		switch {
		case b.number(part):
		case part == "memory" || part == "generated":
			b.Rows = part
		case part == completion || part == rankOne || part == pauli:
			b.Ensemble = part
		case b.Entries == "" && b.Ensemble == "" && strings.HasPrefix(name, "/"):
			b.Entries = part
		case b.Arithmetic == "" && strings.HasPrefix(name, "/"):
			b.Arithmetic = part
		default:
			b.What = part
		}
	}
	return b
}

// The ensembles without rows of entries that are benchmarked.
const completion, rankOne, pauli = "completion", "rank-one", "pauli"

// number reads n=200, m=10000, r=5 or batch=8.
func (p *Problem) number(part string) bool {
	key, text, _ := strings.Cut(part, "=")
	into := map[string]*int{"n": &p.N, "m": &p.M, "r": &p.R, "batch": &p.Batch}[key]
	v, err := strconv.Atoi(text)
	if into == nil || err != nil {
		return false
	}
	*into = v
	return true
}

// parseTorch reads the output of bench/torch_step.py; about is its first line.
func parseTorch(log string) (measured []TorchStep, missing []Missing, about string) {
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		if text, found := strings.CutPrefix(line, "# PyTorch "); found {
			about = text
		}
		if text, found := strings.CutPrefix(line, "# skipped "); found {
			name, reason, _ := strings.Cut(text, ": ")
			missing = append(missing, Missing{name, reason})
		}
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasPrefix(fields[0], "torch/") {
			continue
		}
		parts := strings.Split(fields[0], "/")
		t := TorchStep{Problem: Problem{Batch: 1}}
		for i, part := range parts[1:] {
			switch {
			case t.number(part):
			case i == 0:
				t.Ensemble = part
			case i == 1:
				t.Type = part
			case i == 2:
				t.Form = part
			}
		}
		if t.Ensemble == "rows" {
			t.Ensemble, t.R = "", 0
		}
		for i, into := range []*float64{&t.Median, &t.Least, &t.Most} {
			*into, _ = strconv.ParseFloat(fields[i+1], 64)
		}
		measured = append(measured, t)
	}
	return measured, missing, about
}

var kernelLine = regexp.MustCompile(`\.go:[0-9]+: kernel (\S+) (.*)$`)

// parseKernels reads the log lines of TestCUDALoad.
func parseKernels(log string) []Kernel {
	var all []Kernel
	for line := range strings.Lines(log) {
		m := kernelLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		k := Kernel{Name: m[1]}
		for _, field := range strings.Fields(m[2]) {
			key, text, _ := strings.Cut(field, "=")
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				continue
			}
			switch key {
			case "registers":
				k.Registers = int(v)
			case "local":
				k.Local = int(v)
			case "shared":
				k.Shared = int(v)
			case "dynamic":
				k.Dynamic = int(v)
			case "blocks":
				k.Blocks = v
			case "milliseconds":
				k.Milliseconds = v
			}
		}
		all = append(all, k)
	}
	return all
}

// parseDevices reads matsense devices --json: the first GPU and the host, as text, and why there is no GPU.
func parseDevices(log string) (gpu, host, why string) {
	for line := range strings.Lines(log) {
		var d struct {
			Event, Device, Name, Driver, Capability, Processor, Reason, Unusable string
			Multiprocessors, Cores                                               int
			Memory                                                               float64 `json:"memory_bytes"`
		}
		if json.Unmarshal([]byte(line), &d) != nil {
			continue
		}
		switch {
		case d.Event == "missing":
			why = d.Reason
		case d.Event != "device":
		case d.Device == "cpu":
			host = fmt.Sprintf("%s, %d cores, %.0f GB", d.Processor, d.Cores, d.Memory/1e9)
		case d.Device == "cuda:0" && d.Unusable != "":
			why = d.Unusable
		case d.Device == "cuda:0":
			gpu = fmt.Sprintf(
				"%s, compute capability %s, %d multiprocessors, %.1f GB of memory, driver for %s",
				d.Name, d.Capability, d.Multiprocessors, d.Memory/1e9, d.Driver)
		}
	}
	return gpu, host, why
}

// parseSMI reads a CSV line of nvidia-smi without a header; steps.go has the query.
func parseSMI(log string) (driver, clocks string) {
	line, _, _ := strings.Cut(strings.TrimSpace(log), "\n")
	fields := strings.Split(line, ",")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	if len(fields) < 8 {
		return "", ""
	}
	clocks = fmt.Sprintf("processors %s of at most %s, memory %s of at most %s, power limit %s, when idle",
		fields[3], fields[4], fields[5], fields[6], fields[7])
	return fields[1], clocks
}

// parseClocks reads the processor clocks that nvidia-smi printed during a step, and returns their range.
func parseClocks(log string) string {
	least, most := math.MaxInt, 0
	for line := range strings.Lines(log) {
		text, _, _ := strings.Cut(line, ",")
		v, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "MHz")))
		if err == nil {
			least, most = min(least, v), max(most, v)
		}
	}
	switch {
	case most == 0:
		return ""
	case least == most:
		return fmt.Sprintf("%d MHz", most)
	}
	return fmt.Sprintf("%d–%d MHz", least, most)
}
