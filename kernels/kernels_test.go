package kernels

import (
	"regexp"
	"strings"
	"testing"
)

// TestFiles: a file has one entry, of its own name, and a head that names each of its parameters and says how it is
// launched and in which order it sums.
func TestFiles(t *testing.T) {
	entry := regexp.MustCompile(`(?s)\.visible \.entry (\w+)\((.*?)\)\n`)
	parameter := regexp.MustCompile(`\.param \.\w+ (\w+)`)
	all := All()
	if len(all) < 50 {
		t.Fatalf("there are %d kernels", len(all))
	}
	for _, k := range all {
		t.Run(k.Name, func(t *testing.T) {
			entries := entry.FindAllStringSubmatch(k.Text, -1)
			if len(entries) != 1 || entries[0][1] != k.Name {
				t.Fatalf("the entries are %q", entries)
			}
			head, _, _ := strings.Cut(k.Text, "\n.version")
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

func TestGetUnknown(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), `kernels: there is no kernel "contract_f16_f64"`) {
			t.Errorf("the panic is %v", p)
		}
	}()
	Get("contract_f16_f64")
}

// TestStages: three stages of the rows that one block holds, which two blocks of a multiprocessor of 227 KiB can have.
func TestStages(t *testing.T) {
	for bits, want := range map[int]int{64: 3 * 1 * 32768, 32: 3 * 2 * 16384, 16: 3 * 4 * 8192, 8: 3 * 4 * 4096, 1: 3 * 8 * 512} {
		if got := Stages(bits); got != want {
			t.Errorf("%d bits: %d bytes, want %d", bits, got, want)
		}
	}
}
