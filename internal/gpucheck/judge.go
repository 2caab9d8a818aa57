package gpucheck

import (
	"fmt"
	"regexp"
	"strings"
)

// judgeTests returns the outcome of tests: ok if some passed, none failed and none was skipped.
func judgeTests(p *attempt) Outcome {
	t := parseTests(p.text)
	o := t.outcome()
	switch {
	case p.ended.late || p.ended.interrupted:
		o = failed("%s; %s had begun%s", p.why(), count(t.begun, "test"), last(t.running))
	case o.State == OK && p.bad():
		o = failed("%s", p.why())
	case o == noTest && p.bad():
		o.Text += ": " + p.why()
	}
	if o.State == Failed {
		p.detail = t.detail
		if len(p.detail) == 0 {
			p.detail = lastLines(p.text, 15)
		}
	}
	return o
}

func last(test string) string {
	if test == "" {
		return ""
	}
	return ", the last of them " + test
}

var noTest = failed("no test ran")

func (t tests) outcome() Outcome {
	switch {
	case t.panic != "":
		return failed("%s", t.panic)
	case len(t.failed) == 1:
		return failed("%s", t.failed[0])
	case len(t.failed) > 1:
		return failed("%s and others", t.failed[0])
	case len(t.skipped) > 0:
		return failed("skipped %s", t.skipped[0])
	case t.passed == 0:
		return noTest
	}
	return ok("%s", count(t.passed, "test"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var sanitizerSummary = regexp.MustCompile(`(?m)^=========.* (SUMMARY: .*)$`)

// judgeSanitizer returns the outcome of tests under compute-sanitizer.
func judgeSanitizer(p *attempt) Outcome {
	if strings.Contains(p.text, "Device not supported") {
		return skipped("compute-sanitizer does not support this device")
	}
	o := judgeTests(p)
	m := sanitizerSummary.FindStringSubmatch(p.text)
	if m == nil {
		if o.State == OK {
			o = failed("compute-sanitizer wrote no summary")
		}
		return o
	}
	o.Text += ", " + m[1]
	if o.State == Failed {
		var lines []string
		for line := range strings.Lines(p.text) {
			if strings.HasPrefix(line, "=========") && len(lines) < mostDetail {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		p.detail = lines
	}
	return o
}

// judgeLoad is judgeTests; it also records the resources that the compiler reports for each kernel.
func judgeLoad(p *attempt) Outcome {
	o := judgeTests(p)
	kernels := parseKernels(p.text)
	p.results.Kernels = append(p.results.Kernels, kernels...)
	if o.State != OK {
		o.Text += fmt.Sprintf("; %s loaded", count(len(kernels), "kernel"))
		return o
	}
	local := 0
	for _, k := range kernels {
		if k.Local > 0 {
			local++
		}
	}
	return ok("%s, %d of them with local memory", count(len(kernels), "kernel"), local)
}

// unsupported begins the reason of a benchmark that was left out because there are no kernels for it.
const unsupported = "no kernels: "

// judgeBenchmarks is ok if something was measured and nothing failed; a benchmark may be left out, for lack
// of memory or of kernels. If all are left out for lack of kernels, the step is skipped.
func judgeBenchmarks(p *attempt) Outcome {
	measured, missing := parseBenchmarks(p.text)
	p.results.Benchmarks = append(p.results.Benchmarks, measured...)
	p.results.Missing = append(p.results.Missing, missing...)
	late, without := 0, 0
	for _, m := range missing {
		if m.Reason == "out of time" {
			late++
		}
		if strings.HasPrefix(m.Reason, unsupported) {
			without++
		}
	}
	switch n := len(measured); {
	case p.bad():
		p.detail = lastLines(p.text, 10)
		return failed("%s, %d measured", p.why(), n)
	case n == 0 && without > 0 && without == len(missing):
		return skipped("%s", missing[0].Reason)
	case n == 0:
		return failed("nothing was measured")
	case late > 0:
		return failed("out of time: %d measured, %d not", n, late)
	case len(missing) > 0:
		return ok("%d measured, %d left out", n, len(missing))
	default:
		return ok("%d measured", n)
	}
}

// missingPyTorch is the exit status of bench/torch_step.py if PyTorch, or a GPU for it, is missing.
const missingPyTorch = 77

func judgeTorch(p *attempt) Outcome {
	measured, missing, about := parseTorch(p.text)
	p.results.Torch = append(p.results.Torch, measured...)
	p.results.Missing = append(p.results.Missing, missing...)
	if about != "" {
		p.results.About.PyTorch = about
	}
	switch {
	case p.ended.code == missingPyTorch:
		return skipped("%s", strings.Join(lastLines(p.text, 1), ""))
	case p.bad():
		p.detail = lastLines(p.text, 15)
		return failed("%s, %d measured", p.why(), len(measured))
	case len(measured) == 0:
		return failed("nothing was measured")
	}
	return ok("%d measured, %d not", len(measured), len(missing))
}

// judgeExit is ok if the exit status is 0.
func judgeExit(p *attempt) Outcome {
	if p.bad() {
		p.detail = lastLines(p.text, 15)
		return failed("%s", p.why())
	}
	return ok("done in %.1f s", p.ended.took.Seconds())
}

func judgeSMI(p *attempt) Outcome {
	o := judgeExit(p)
	if o.State == OK {
		p.results.About.Driver, p.results.About.Clocks = parseSMI(p.text)
		return ok("driver %s", p.results.About.Driver)
	}
	return o
}

func judgeDevices(p *attempt) Outcome {
	if o := judgeExit(p); o.State != OK {
		return o
	}
	gpu, host, why := parseDevices(p.text)
	p.results.About.Device, p.results.About.Host = gpu, host
	if gpu == "" {
		return failed("matsense finds no GPU: %s", why)
	}
	return ok("%s", deviceName(gpu))
}

// lastLines returns the last n lines that are not empty.
func lastLines(text string, n int) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n "); line != "" {
			all = append(all, line)
		}
	}
	return all[max(0, len(all)-n):]
}
