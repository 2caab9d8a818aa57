package kernels

import (
	"embed"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"text/template"
)

//go:embed *.ptx
var files embed.FS

// templates parses all files at the first call; a kernel is rendered from its own file and the files of
// shared pieces.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(functions).ParseFS(files, "*.ptx"))
})

// functions are the functions that templates may call.
var functions = template.FuncMap{
	"seq": func(n int) []int {
		s := make([]int, n)
		for i := range s {
			s[i] = i
		}
		return s
	},
	"words":  strings.Fields,
	"add":    func(a, b int) int { return a + b },
	"sub":    func(a, b int) int { return a - b },
	"mul":    func(a, b int) int { return a * b },
	"div":    func(a, b int) int { return a / b },
	"masks":  func() []int { return []int{16, 8, 4, 2, 1} },
	"halves": func() []int { return []int{4, 2, 1} },
	"odd": func() []string {
		return strings.Fields("1/21 1/19 1/17 1/15 1/13 1/11 1/9 1/7 1/5 1/3")
	},
	"sine": func() []string {
		return strings.Fields("-1/1307674368000 1/6227020800 -1/39916800 1/362880 -1/5040 1/120 -1/6")
	},
	"cosine": func() []string {
		return strings.Fields("1/20922789888000 -1/87178291200 1/479001600 -1/3628800 " +
			"1/40320 -1/720 1/24 -1/2")
	},
	"f64": variant{Arith: "f64"}.Const,
	"args": func(v variant, keysAndValues ...any) map[string]any {
		m := map[string]any{"K": v}
		for i := 0; i < len(keysAndValues); i += 2 {
			m[keysAndValues[i].(string)] = keysAndValues[i+1]
		}
		return m
	},
}

// Const writes a fraction or a floating-point number as a PTX constant of the arithmetic.
func (v variant) Const(text string) (string, error) {
	x, err := number(text)
	if err != nil {
		return "", err
	}
	if v.Arith == "f32" {
		return fmt.Sprintf("0f%08X", math.Float32bits(float32(x))), nil
	}
	return fmt.Sprintf("0d%016X", math.Float64bits(x)), nil
}

// number reads a fraction or a floating-point number, correctly rounded.
func number(text string) (float64, error) {
	if !strings.Contains(text, "/") {
		return strconv.ParseFloat(text, 64)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%q is no fraction", text)
	}
	x, _ := r.Float64()
	return x, nil
}

// render makes a kernel. It panics if a template cannot be rendered, because that is a programmer's mistake.
func render(v variant) Kernel {
	var b strings.Builder
	if err := templates().ExecuteTemplate(&b, v.Template+".ptx", v); err != nil {
		panic(fmt.Sprintf("kernels: rendering %s: %v", v.Name, err))
	}
	source := tidy(b.String())
	text := uncommented(source)
	return Kernel{Name: v.Name, Source: source, Text: text, Capability: capability(text)}
}

// tidy removes spaces at the ends of lines, empty lines at both ends of the text, and all but one of several
// successive empty lines.
func tidy(text string) string {
	var out []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, " \t\n")
		if line == "" && out[len(out)-1] == "" {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}

// uncommented removes comments and the spaces before them; line breaks in comments stay. Kernels contain no
// strings, so every // or /* begins a comment.
func uncommented(source string) string {
	code := comment.ReplaceAllStringFunc(source, func(found string) string {
		if strings.HasPrefix(found, "//") {
			return ""
		}
		return " " + strings.Repeat("\n", strings.Count(found, "\n")) // a comment also separates two words
	})
	return trailing.ReplaceAllString(code, "")
}

var (
	comment  = regexp.MustCompile(`//[^\n]*|(?s:/\*.*?\*/)`)
	trailing = regexp.MustCompile(`(?m)[ \t]+$`)
	target   = regexp.MustCompile(`(?m)^\.target sm_(\d+)(\d)$`)
)

// capability reads the compute capability that a kernel needs.
func capability(text string) [2]int {
	m := target.FindStringSubmatch(text)
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return [2]int{major, minor}
}
