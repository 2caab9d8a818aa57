package kernels

import (
	"regexp"
	"strings"
	"testing"
)

// TestFiles: a kernel has one entry with its name, and a head that names each parameter and describes the
// launch and the order of summation.
func TestFiles(t *testing.T) {
	entry := regexp.MustCompile(`(?s)\.visible \.entry (\w+)\((.*?)\)\n`)
	parameter := regexp.MustCompile(`\.param \.\w+ (\w+)`)
	all := All()
	if len(all) < 50 {
		t.Fatalf("there are %d kernels", len(all))
	}
	for _, k := range all {
		t.Run(k.Name, func(t *testing.T) {
			entries := entry.FindAllStringSubmatch(k.Source, -1)
			if len(entries) != 1 || entries[0][1] != k.Name {
				t.Fatalf("the entries are %q", entries)
			}
			head, _, _ := strings.Cut(k.Source, "\n.version")
			words := map[string]bool{}
			for _, word := range regexp.MustCompile(`[\w]+`).FindAllString(head, -1) {
				words[word] = true
			}
			for _, p := range parameter.FindAllStringSubmatch(entries[0][2], -1) {
				if !words[p[1]] {
					t.Errorf("the head does not speak of %s", p[1])
				}
			}
			for _, want := range []string{"// " + k.Name + ":", "grid (", "block "} {
				if !strings.Contains(head, want) {
					t.Errorf("the head has no %q", want)
				}
			}
			for _, line := range strings.Split(head, "\n") {
				if !strings.HasPrefix(line, "//") {
					t.Errorf("%q in the head is no comment", line)
				}
			}
			if k.Capability != [2]int{7, 0} && k.Capability != [2]int{8, 0} {
				t.Errorf("it asks for %v", k.Capability)
			}
		})
	}
}

// TestText: the compilers of CUDA 12.8 to 13.3 refused every kernel, with "Unexpected non-ASCII character
// encountered on line 3", because of a comment. A driver's text is ASCII without comments, and has the same
// lines as Source.
func TestText(t *testing.T) {
	for _, k := range All() {
		for i, line := range strings.Split(k.Text, "\n") {
			for _, c := range line {
				if c < ' ' || c > '~' {
					t.Errorf("%s:%d: %q has %q", k.Name, i+1, line, c)
				}
			}
			if strings.ContainsAny(line, `/"`) {
				t.Errorf("%s:%d: %q has a comment, or a string", k.Name, i+1, line)
			}
		}
		text, source := strings.Split(k.Text, "\n"), strings.Split(k.Source, "\n")
		if len(text) != len(source) {
			t.Fatalf("%s: Text has %d lines, Source %d", k.Name, len(text), len(source))
		}
		for i := range source {
			if code, _, _ := strings.Cut(source[i], "//"); text[i] != strings.TrimRight(code, " ") {
				t.Errorf("%s:%d: %q of %q", k.Name, i+1, text[i], source[i])
			}
		}
		if !strings.Contains(k.Source, "//") {
			t.Errorf("%s: Source has no comments", k.Name)
		}
	}
}

// TestUncommented: comments of both kinds, with the marks of the other kind in them, over several lines and
// at both ends of the text.
func TestUncommented(t *testing.T) {
	for source, want := range map[string]string{
		"":                              "",
		"ret;\n":                        "ret;\n",
		"// π\n\nret; // done\n//":      "\n\nret;\n",
		"ret;  \t\n":                    "ret;\n",
		"mov/* a\nb */.u32 /**/ %a, 1;": "mov\n.u32   %a, 1;",
		"a // /* b\nc // */ d\ne":       "a\nc\ne",
		"a /* // */ b\nc /* * / */":     "a   b\nc",
		"a /* b\n // */ c":              "a\n c",
	} {
		if got := uncommented(source); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}

func TestGetUnknown(t *testing.T) {
	defer func() {
		const want = `kernels: there is no kernel "contract_f16_f64"`
		if p := recover(); p == nil || !strings.Contains(p.(string), want) {
			t.Errorf("the panic is %v", p)
		}
	}()
	Get("contract_f16_f64")
}

// TestStages: a block holds three stages of rows, which fit twice into a multiprocessor of 227 KiB. The early
// form has two. With f32 entries they fit twice into the 96 KiB of compute capability 7.0, and once into the
// 64 KiB of 7.5; with f64 entries once, and not at all.
func TestStages(t *testing.T) {
	for bits, want := range map[int][2]int{
		64: {3 * 1 * 32768, 2 * 32768}, 32: {3 * 2 * 16384, 2 * 16384}, 16: {3 * 4 * 8192, 2 * 2 * 8192},
		8: {3 * 4 * 4096, 2 * 4096}, 1: {3 * 8 * 512, 2 * 8 * 512},
	} {
		if got := [2]int{Stages(bits, false, Slab, 1), Stages(bits, true, Slab, 0)}; got != want {
			t.Errorf("%d bits: %d bytes, want %d", bits, got, want)
		}
		if got := Stages(bits, false, 3*Slab/4, 2); got != want[0] {
			t.Errorf("%d bits: four stages of three quarters of a slab take %d bytes", bits, got)
		}
	}
}
