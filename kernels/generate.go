//go:build ignore

// Writes the .ptx files from templates/: hand-written PTX in which the entry format, the arithmetic and what is
// unrolled are filled in.
package main

import (
	"bytes"
	"fmt"
	"log"
	"math"
	"math/big"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

// kernel is one .ptx file, and what its template may ask for.
type kernel struct {
	Template string
	Name     string
	Entries  string // f64, f32, bf16, q8 or sign; empty where the kernel reads no rows
	Arith    string // f64 or f32: the type of z, g and all sums
	// Generated says that the kernel makes the rows that it uses.
	Generated bool
}

// Bytes is the size of one number of the arithmetic.
func (k kernel) Bytes() int {
	if k.Arith == "f32" {
		return 4
	}
	return 8
}

// Bits is the untyped type of one number of the arithmetic.
func (k kernel) Bits() string { return fmt.Sprintf("b%d", 8*k.Bytes()) }

// QuadBits is the number of bits that four entries take.
func (k kernel) QuadBits() int {
	return map[string]int{"f64": 256, "f32": 128, "bf16": 64, "q8": 32, "sign": 4}[k.Entries]
}

// StageRows is how many rows of a slab contract holds in each of its stages.
func (k kernel) StageRows() int {
	return map[string]int{"f64": 1, "f32": 2, "bf16": 4, "q8": 4, "sign": 8}[k.Entries]
}

// Ahead is how many stages are being filled at any time, Behind how many wait for their residuals. With
// StageRows they are what to tune on a device.
func (k kernel) Ahead() int  { return 1 }
func (k kernel) Behind() int { return 1 }

// Stages is the number of stages, DynamicBytes their size together.
func (k kernel) Stages() int       { return k.Ahead() + 1 + k.Behind() }
func (k kernel) DynamicBytes() int { return k.Stages() * k.StageBytes() }

// SlabBytes is the size of one row's part in a slab of 4096 coordinates.
func (k kernel) SlabBytes() int { return 1024 * k.QuadBits() / 8 }

// StageBytes is the size of a stage.
func (k kernel) StageBytes() int { return k.StageRows() * k.SlabBytes() }

// Decoding is what an entry costs beside its two multiply-adds.
func (k kernel) Decoding() string {
	switch {
	case k.Generated && k.Normal():
		return "some 120 instructions of Philox and Box–Muller"
	case k.Generated && k.Entries == "q8":
		return "some 20 of Philox, look-ups and conversions"
	case k.Generated:
		return "some 12 of Philox, shifts and logical operations"
	case k.Entries == "sign":
		return "six shifts and logical operations"
	case k.Entries == "q8" && k.Arith == "f64":
		return "two look-ups, each with three operations, and two conversions"
	case k.Entries == "q8":
		return "two look-ups, each with three operations"
	case k.Entries == "bf16" && k.Arith == "f64":
		return "two shifts or masks and two conversions"
	case k.Entries == "bf16":
		return "two shifts or masks"
	case k.Entries != k.Arith:
		return "two conversions"
	}
	return ""
}

// Floor says what n = 200, m = 10,000 would take at least on an H200, for stored rows in f64 arithmetic.
func (k kernel) Floor() []string {
	if k.Generated || k.Arith != "f64" {
		return nil
	}
	text := map[string][2]string{
		"f64":  {"1608 MB of rows take 374 µs", "85 to 95 %"},
		"f32":  {"804 MB of rows take 187 µs", "80 to 90 %"},
		"bf16": {"402 MB of rows take 93 µs, conversions 96 µs", "60 to 80 %"},
		"q8":   {"201 MB of rows take 47 µs, issuing instructions 100 µs", "60 to 80 %"},
		"sign": {"25 MB of rows take 6 µs, issuing instructions 80 µs", "60 to 80 %"},
	}[k.Entries]
	return []string{
		"n = 200, m = 10,000 on an H200 (4.3 TB/s, see docs/kernels.md): " + text[0] + ";",
		"expected " + text[1] + " of that rate: an estimate, not measured.",
	}
}

// Resources is what ptxas found, from resources.tsv, which scripts/check-kernels writes.
func (k kernel) Resources() string { return resources[k.Name] }

var resources = readResources()

func readResources() map[string]string {
	text, err := os.ReadFile("resources.tsv")
	if err != nil {
		log.Fatal(err)
	}
	found := map[string]string{}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		var parts []string
		for i, cell := range cells[1:] {
			if cell != "" {
				parts = append(parts, strings.Split(lines[0], "\t")[i+1]+" "+cell)
			}
		}
		found[cells[0]] = strings.Join(parts, "; ")
	}
	return found
}

// Copies is how many 16-byte copies each of 256 threads makes to fill a stage.
func (k kernel) Copies() int { return k.StageBytes() / 16 / 256 }

// Normal says whether entries are normal deviates, which random words give in pairs.
func (k kernel) Normal() bool { return k.Entries == "f64" || k.Entries == "f32" || k.Entries == "bf16" }

// UnitEntries is how many entries a block of random words gives, UnitBytes how much room they take.
func (k kernel) UnitEntries() int {
	if k.Normal() {
		return 2
	}
	return 128 * 4 / k.QuadBits()
}
func (k kernel) UnitBytes() int      { return k.UnitEntries() * k.QuadBits() / 4 / 8 }
func (k kernel) UnitBytesShift() int { return bits.TrailingZeros(uint(k.UnitBytes())) }

// Units is the number of units of a row's part in a slab, and UnitShift its logarithm.
func (k kernel) Units() int     { return k.SlabBytes() / k.UnitBytes() }
func (k kernel) UnitShift() int { return bits.TrailingZeros(uint(k.Units())) }

// CopyRow and CopyOffset say which row, and which bytes of its part in a slab, the threads' copy number c starts with.
func (k kernel) CopyRow(c int) int    { return 4096 * c / k.SlabBytes() }
func (k kernel) CopyOffset(c int) int { return 4096 * c % k.SlabBytes() }

// Const writes a number as a PTX constant of the arithmetic.
func (k kernel) Const(text string) string {
	v := number(text)
	if k.Arith == "f32" {
		return fmt.Sprintf("0f%08X", math.Float32bits(float32(v)))
	}
	return fmt.Sprintf("0d%016X", math.Float64bits(v))
}

// number reads a fraction or a floating-point number, correctly rounded.
func number(text string) float64 {
	if strings.Contains(text, "/") {
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			log.Fatalf("%q is no fraction", text)
		}
		v, _ := r.Float64()
		return v
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func kernels() []kernel {
	var list []kernel
	add := func(template, name, entries, arith string) {
		list = append(list, kernel{template, name, entries, arith, strings.Contains(name, "generated")})
	}
	formats := []string{"f64", "f32", "bf16", "q8", "sign"}
	for _, e := range formats {
		add("generate", "generate_"+e, e, "f64")
	}
	for _, t := range []string{"f64", "f32"} {
		for _, e := range formats {
			for _, family := range []string{"contract", "dots", "accumulate"} {
				add(family, family+"_"+e+"_"+t, e, t)
			}
			add("contract", "contract_generated_"+e+"_"+t, e, t)
		}
		for _, family := range []string{"lift", "lift_rect", "pullback", "pullback_rect", "pullback_rect_transposed", "residuals", "sum_chunks"} {
			add(family, family+"_"+t, "", t)
		}
	}
	for _, name := range []string{"combine", "gram", "right_multiply", "sum_squares"} {
		add(name, name, "", "f64")
	}
	return list
}

func main() {
	t := template.New("").Funcs(template.FuncMap{
		"seq": func(n int) []int {
			s := make([]int, n)
			for i := range s {
				s[i] = i
			}
			return s
		},
		"words": strings.Fields,
		"add":   func(a, b int) int { return a + b },
		"sub":   func(a, b int) int { return a - b },
		"mul":   func(a, b int) int { return a * b },
		"div":   func(a, b int) int { return a / b },
		"masks": func() []int { return []int{16, 8, 4, 2, 1} },
		"odd": func() []string {
			return strings.Fields("1/21 1/19 1/17 1/15 1/13 1/11 1/9 1/7 1/5 1/3")
		},
		"sine": func() []string {
			return strings.Fields("-1/1307674368000 1/6227020800 -1/39916800 1/362880 -1/5040 1/120 -1/6")
		},
		"cosine": func() []string {
			return strings.Fields("1/20922789888000 -1/87178291200 1/479001600 -1/3628800 1/40320 -1/720 1/24 -1/2")
		},
		"f64": func(text string) string { return fmt.Sprintf("0d%016X", math.Float64bits(number(text))) },
		"args": func(k kernel, keysAndValues ...any) map[string]any {
			m := map[string]any{"K": k}
			for i := 0; i < len(keysAndValues); i += 2 {
				m[keysAndValues[i].(string)] = keysAndValues[i+1]
			}
			return m
		},
	})
	t = template.Must(t.ParseGlob("templates/*.ptx"))
	old, err := filepath.Glob("*.ptx")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			log.Fatal(err)
		}
	}
	for _, k := range kernels() {
		var b bytes.Buffer
		fmt.Fprintf(&b, "// Code generated from templates/%s.ptx by generate.go; DO NOT EDIT.\n//\n", k.Template)
		var body bytes.Buffer
		if err := t.ExecuteTemplate(&body, k.Template+".ptx", k); err != nil {
			log.Fatal(err)
		}
		b.Write(bytes.TrimSpace(body.Bytes()))
		if err := os.WriteFile(k.Name+".ptx", tidy(b.Bytes()), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}

// tidy takes away spaces at the ends of lines and all but one of the empty lines that follow each other.
func tidy(text []byte) []byte {
	var out []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, " \t\n")
		if line == "" && len(out) > 0 && out[len(out)-1] == "" {
			continue
		}
		out = append(out, line)
	}
	return []byte(strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n")
}
