package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/matsense/matsense/view"
)

// fillParagraphs breaks the paragraphs of a text into lines; indented paragraphs stay.
func fillParagraphs(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") && !strings.HasPrefix(p, "\t") {
			paragraphs[i] = view.Fill(p, 0)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// row is an item of a list: a name and its description.
type row struct{ name, text string }

// writeRows writes a list whose texts stand in one column.
func writeRows(b *strings.Builder, rows []row) {
	longest := 0
	for _, r := range rows {
		longest = max(longest, utf8.RuneCountInString(r.name))
	}
	for _, r := range rows {
		gap := strings.Repeat(" ", longest-utf8.RuneCountInString(r.name)+2)
		fmt.Fprintf(b, "  %s%s%s\n", r.name, gap, view.Fill(r.text, longest+4))
	}
}

// groupAnnotation is the annotation of a flag that has the name of its group.
const groupAnnotation = "matsense_group"

// setGroup puts a flag into a group of its command's help.
func setGroup(f *pflag.Flag, group string) {
	f.Annotations = map[string][]string{groupAnnotation: {group}}
}

// flagGroup is a group of a command's flags.
type flagGroup struct {
	name  string
	flags []*pflag.Flag
}

// groupsOf lists a command's flags except --help. Flags without a group form the group "flags".
func groupsOf(c *cobra.Command) (groups []flagGroup) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		name := "flags"
		if group := f.Annotations[groupAnnotation]; group != nil {
			name = group[0]
		}
		at := slices.IndexFunc(groups, func(g flagGroup) bool { return g.name == name })
		if at < 0 {
			at = len(groups)
			groups = append(groups, flagGroup{name: name})
		}
		groups[at].flags = append(groups[at].flags, f)
	})
	return groups
}

// usageOf describes a flag: the word for its value, and its help with the default.
func usageOf(f *pflag.Flag) (value, usage string) {
	value, usage = pflag.UnquoteUsage(f)
	if d := defaultOf(f); d != "" {
		usage += " (default " + d + ")"
	}
	return value, usage
}

// defaultOf is a flag's default; "" if the default is nothing or zero, or the flag's usage says it.
func defaultOf(f *pflag.Flag) string {
	if slices.Contains([]string{"0", "false", "[]"}, f.DefValue) {
		return ""
	}
	return f.DefValue
}

// title writes a group's name as a heading.
func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// exitCodes describes the program's exit codes.
var exitCodes = []row{
	{fmt.Sprint(exitDone), "done"},
	{fmt.Sprint(exitFailed), "failed"},
	{fmt.Sprint(exitUsage), "bad usage or configuration"},
	{fmt.Sprint(exitDiverged), "diverged"},
	{fmt.Sprint(exitInterrupted), "interrupted"},
	{fmt.Sprint(exitPipe), "nobody reads the output any more"},
}

// commandsOf lists the subcommands of a command that are not hidden.
func commandsOf(c *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(c.Commands()),
		func(verb *cobra.Command) bool { return verb.Hidden })
}

// about is a command's long description, or its short one as a sentence.
func about(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return c.Short + "."
}

// helpOf is the help of a command.
func helpOf(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", fillParagraphs(about(c)), usageLine(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if verbs := commandsOf(c); len(verbs) > 0 {
		var rows []row
		for _, verb := range verbs {
			rows = append(rows, row{verb.Name(), verb.Short})
		}
		b.WriteString("\nCommands:\n")
		writeRows(&b, rows)
	}
	for _, g := range groupsOf(c) {
		var rows []row
		for _, f := range g.flags {
			value, usage := usageOf(f)
			rows = append(rows, row{strings.TrimSpace("--" + f.Name + " " + value), usage})
		}
		fmt.Fprintf(&b, "\n%s:\n", title(g.name))
		writeRows(&b, rows)
	}
	if !c.HasParent() {
		b.WriteString("\nExit codes:\n")
		for _, r := range exitCodes {
			fmt.Fprintf(&b, "  %3s %s\n", r.name, r.text)
		}
		b.WriteString("\nmatsense COMMAND --help describes a command and its flags.\n")
	}
	return b.String()
}

// usageLine says how a command is called.
func usageLine(c *cobra.Command) string {
	if !c.HasParent() {
		return c.Name() + " COMMAND [flags]"
	}
	return c.UseLine()
}
