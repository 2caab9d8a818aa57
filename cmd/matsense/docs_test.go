package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/reproduce"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/view"
)

//go:generate go test -run ^TestDocs$ -update .

var update = flag.Bool("update", false, "write what is generated from the program")

// TestDocs: the pages about flags, commands and JSON lines are what the program says, and so are the Python
// functions of settings.
func TestDocs(t *testing.T) {
	for path, want := range map[string]string{
		"../../docs/flags.md": flagsPage(), "../../docs/cli.md": commandsPage(newRoot(environment{})),
		"../../docs/json.md": eventsPage(), schemaFile: eventsSchema(), pythonFile: pythonModule(),
		"../../docs/references.bib": bibliography(), experimentsFile: experimentsPage(t),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Error(err)
			}
			continue
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is old (go generate ./cmd/matsense writes it): %v", path, err)
		}
	}
}

// bibliography is docs/references.bib: every publication of the catalog.
func bibliography() string {
	var entries []string
	for _, r := range config.References() {
		entries = append(entries, r.BibTeX())
	}
	return strings.Join(entries, "\n")
}

// experimentsFile has a part that is written by hand, up to the heading of the claims.
const experimentsFile, claimsHeading = "../../docs/experiments.md", "\n## The claims, and how they are judged\n"

// arXivNumber is a paper in a claim.
var arXivNumber = regexp.MustCompile(`arXiv\s([0-9]{4}\.[0-9]{5}|[0-9]{4}\.[0-9]{4})`)

// experimentsPage is docs/experiments.md.
func experimentsPage(t *testing.T) string {
	t.Helper()
	byHand, _, _ := strings.Cut(string(read(t, experimentsFile)), claimsHeading)
	results := string(read(t, "../../docs/full-sizes.md"))
	var contents, claims strings.Builder
	contents.WriteString("| experiment | what | runs | runs of the full size |\n|---|---|---|---|\n")
	for _, e := range reproduce.All() {
		quick, full := runsOf(t, e, false), runsOf(t, e, true)
		writeCells(&contents, fmt.Sprintf("[`%s`](#%s)", e.Name, e.Name), markdown(e.About), quick, full)
		fmt.Fprintf(&claims, "\n### %s\n\n%s\n", e.Name, paragraph(markdown(
			arXivNumber.ReplaceAllString(e.Claim, "[arXiv $1](https://arxiv.org/abs/$1)"))))
		for _, part := range []row{{"Compared:", e.Compared}, {"Agrees if", e.AgreesIf},
			{"Disagrees if", e.DisagreesIf}, {"Not tested:", e.Untested}} {
			claims.WriteString("- " + view.Fill(fmt.Sprintf("**%s** %s.", part.name, markdown(part.text)), 2) + "\n")
		}
		file := func(full bool) string {
			name, _ := e.File(full)
			return "../experiment/reproduce/presets/" + name
		}
		more := fmt.Sprintf("Sweeps: [quick](%s), [full](%s).", file(false), file(true))
		if strings.Contains(results, "\n## "+e.Name+"\n") {
			more += fmt.Sprintf(" [Results of the full size](full-sizes.md#%s).", e.Name)
		}
		claims.WriteString("\n" + more + "\n")
	}
	return byHand + claimsHeading + "\n" + paragraph(`This part is generated from the program. `+
		"`matsense reproduce NAME --claim`"+` prints the same.`) + "\n" + contents.String() + claims.String()
}

// markdown escapes the stars of M* and r*.
func markdown(text string) string { return strings.ReplaceAll(text, "*", `\*`) }

// runsOf counts the runs of an experiment's sweep.
func runsOf(t *testing.T, e reproduce.Experiment, full bool) string {
	t.Helper()
	s, err := sweep.Parse(e.File(full))
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(len(runs))
}

// flagsPage is docs/flags.md.
func flagsPage() string {
	var b strings.Builder
	b.WriteString("# Flags of `matsense run`\n\n" + paragraph(`This page is generated from the program. Each flag
but those of the last table is also a key of config.yaml and of sweep files ([sweeps.md](sweeps.md)). A flag
with names in the column "for" is refused if the run uses none of them; matsense list describes the names.
If nothing stands in the column "default", the default is zero or nothing.`))
	for _, group := range config.Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| flag | meaning | default | for |\n|---|---|---|---|\n", title(group))
		c := config.Default()
		for _, f := range c.Fields() {
			if f.Group == group {
				writeCells(&b, "`--"+f.Key+"`", f.Help, f.DefaultText(), strings.Join(f.Users(), ", "))
			}
		}
	}
	b.WriteString("\n## Files\n\n")
	run := newRun(environment{})
	groups := groupsOf(run)
	writeFlags(&b, groups[len(groups)-1])
	return b.String()
}

// commandsPage is docs/cli.md.
func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n" +
		paragraph("This page is generated from the program: it is what `--help` says."))
	var write func(c *cobra.Command)
	write = func(c *cobra.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n    %s\n", c.CommandPath(), fillParagraphs(indented(about(c))),
			usageLine(c))
		if c.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n%s\n", indented(c.Example))
		}
		groups := groupsOf(c)
		if c.Name() == "run" {
			groups = nil
			b.WriteString("\nThe flags are in [flags.md](flags.md).\n")
		}
		for _, g := range groups {
			b.WriteString("\n")
			if len(groups) > 1 {
				fmt.Fprintf(&b, "%s:\n\n", title(g.name))
			}
			writeFlags(&b, g)
		}
		for _, verb := range commandsOf(c) {
			if verb.Name() != "help" {
				write(verb)
			}
		}
	}
	write(root)
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, r := range exitCodes {
		writeCells(&b, r.name, r.text)
	}
	return b.String()
}

// writeFlags writes a table of flags.
func writeFlags(b *strings.Builder, g flagGroup) {
	b.WriteString("| flag | meaning | default |\n|---|---|---|\n")
	for _, f := range g.flags {
		value, usage := usageOf(f)
		usage = strings.TrimSuffix(usage, " (default "+defaultOf(f)+")")
		writeCells(b, "`"+strings.TrimSpace("--"+f.Name+" "+value)+"`", usage, defaultOf(f))
	}
}

// writeCells writes a row of a table.
func writeCells(b *strings.Builder, cells ...string) {
	for _, cell := range cells {
		fmt.Fprintf(b, "| %s ", strings.ReplaceAll(cell, "|", `\|`))
	}
	b.WriteString("|\n")
}

// paragraph is a paragraph in lines.
func paragraph(text string) string { return view.Fill(text, 0) + "\n" }

// indented indents lines that are indented by two spaces by four, which Markdown shows as they are.
func indented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}

// TestHelpIsNarrow: help and lists keep to their width, and run's flags are in groups.
func TestHelpIsNarrow(t *testing.T) {
	calls := [][]string{{"--help"}, {"sweep", "merge", "--help"}, {"list"}, {"list", "metrics"},
		{"reproduce"}}
	for _, c := range commandsOf(newRoot(environment{})) {
		calls = append(calls, []string{c.Name(), "--help"})
	}
	for _, args := range calls {
		out := must(t, exitDone, args...).out
		for _, line := range strings.Split(out, "\n") {
			if n := len([]rune(line)); n > view.Width {
				t.Errorf("%v: a line of %d columns: %s", args, n, line)
			}
		}
	}
	help := must(t, exitDone, "run", "--help").out
	for _, group := range append(config.Groups(), "files") {
		if !strings.Contains(help, "\n\n"+title(group)+":\n  --") {
			t.Errorf("run has no group %q", group)
		}
	}
}

// TestCompletion: names are completed from the catalog, and other words from what a setting takes.
func TestCompletion(t *testing.T) {
	for _, c := range []struct{ line, want, without string }{
		{"run --method ", "gd scaled-gd-lambda polyak-gd rgda none", "psd"},
		{"sweep merge", "merge", "list"},
		{"run --parametrization ", "psd uv deep indefinite polar sparse", ""},
		{"run --ensemble ", "gaussian completion pauli", "dense single-index"},
		{"run --observation ", "linear single-index multi-index", ""},
		{"run --init ", "random spectral saddle ones", ""},
		{"run --entries ", "f64 f32 bf16 q8 sign", ""},
		{"run --link ", "identity tanh norm sign-product", ""},
		{"run --device ", "auto cpu cuda emulator", ""},
		{"run --storage ", "auto memory generated", ""},
		{"run --precision ", "f64 mixed f32 auto", ""},
		{"run --simd ", "auto avx512 avx2 neon off", ""},
		{"bench --device ", "auto cpu cuda emulator", ""},
		{"run --alig", "--alignment-margin --alignment-sine", "--alpha"},
		{"reproduce ", "alpha uv sgd rgda", "--out"},
		{"list ", "methods ensembles parametrizations observations starts metrics", ""},
		{"completion ", "bash zsh fish powershell", ""},
		{"re", "reproduce", "run"},
	} {
		words := strings.Split(c.line, " ")
		r := must(t, exitDone, append([]string{cobra.ShellCompRequestCmd}, words...)...)
		var got []string
		for _, line := range strings.Split(r.out, "\n") {
			word, _, _ := strings.Cut(line, "\t")
			got = append(got, word)
		}
		for _, word := range strings.Fields(c.want) {
			if !slices.Contains(got, word) {
				t.Errorf("%q lacks %s: %q", c.line, word, got)
			}
		}
		for _, word := range strings.Fields(c.without) {
			if slices.Contains(got, word) {
				t.Errorf("%q has %s: %q", c.line, word, got)
			}
		}
	}
	for _, shell := range shells {
		if out := must(t, exitDone, "completion", shell).out; !strings.Contains(out, "matsense") {
			t.Errorf("the script of %s is %q", shell, out)
		}
	}
	r := must(t, exitUsage, "completion", "tcsh")
	if !strings.Contains(r.err, "completion takes one shell: bash, zsh, fish, powershell") {
		t.Error(r.err)
	}
}

// TestRowsHaveOneColumn: the texts of a list stand in one column, however long a name is.
func TestRowsHaveOneColumn(t *testing.T) {
	var b strings.Builder
	rows := []row{{"gd", "steps"}, {"a-name-of-a-preset-with-more-than-twenty-letters", "other steps"}}
	writeRows(&b, rows)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 || strings.Index("  "+lines[0], "steps") != strings.Index(lines[1], "other") {
		t.Errorf("the columns differ:\n%s", &b)
	}
}
