package experiment

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
)

// TestDocsNameMembers compares docs/methods.md with the catalog: the lists of its contents, the tables of
// methods and losses, the sentence about losses and the default steps. Symptom: the contents lacked custom,
// the table zeroth-order-newton, and the sentence altmin and mirror-descent.
func TestDocsNameMembers(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/methods.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	names, heading := map[string][]string{}, map[string]string{
		"method": "Methods", "retraction": "Retractions", "parametrization": "Parametrizations",
		"ensemble": "Ensembles", "observation": "Observation models", "loss": "Losses", "start": "Starts",
	}
	var squared []string // methods of the squared loss alone
	for _, e := range shipped {
		names[e.Kind] = append(names[e.Kind], e.Name)
		if e.Kind != "method" {
			continue
		}
		c, err := smallest(t, e)
		if err == nil {
			err = c.Check()
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.NewMethod().Needs().SquaredLoss {
			squared = append(squared, e.Name)
		}
	}
	same := func(where string, got, want []string) {
		t.Helper()
		got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("%s of docs/methods.md names %q, and the catalog has %q", where, got, want)
		}
	}
	for kind, want := range names {
		_, list, _ := strings.Cut(text, "\n- ["+heading[kind]+"](")
		list, _, _ = strings.Cut(list, "\n- ")
		same("the contents, "+heading[kind], linked(list), want)
	}
	for kind, head := range map[string]string{"method": "| `--method` |", "loss": "| `--loss` |"} {
		_, table, _ := strings.Cut(text, "\n"+head)
		table, _, _ = strings.Cut(table, "\n\n")
		var got []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1) {
			got = append(got, row[1])
		}
		same("the table under "+head, got, names[kind])
	}
	_, sentence, _ := strings.Cut(text, "\nEvery method takes every loss, but for ")
	sentence, _, _ = strings.Cut(sentence, ". ")
	same("the sentence about losses", linked(sentence), squared)

	plain := strings.Join(strings.Fields(strings.ReplaceAll(text, "`", "")), " ")
	defaults := config.Default()
	for _, f := range defaults.Fields() {
		steps, _, _ := strings.Cut(f.DefaultText(), "; most ")
		if f.Key == "step" && !strings.Contains(plain, "isotropic measurements: "+steps+". ") {
			t.Errorf("docs/methods.md does not say that the default steps are %s", steps)
		}
	}
}

// linked lists the sections that a text has links to.
func linked(text string) (names []string) {
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		names = append(names, link[1])
	}
	return names
}
