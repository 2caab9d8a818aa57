package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// metricKind is the kind of metrics, which are not in the catalog.
const metricKind = "metric"

func newList(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [KIND]",
		Short: "List methods, parametrizations, ensembles, observation models, losses, starts, metrics and more",
		Long: `List the methods, retractions, parametrizations, ensembles, observation models, losses and starts
that run takes, each with its source; or one kind of them, or the metrics:
` + strings.Join(kinds(), ", ") + ".",
		Example: `  matsense list
  matsense list methods
  matsense list metrics`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return config.Usagef("list takes one kind, got %d", len(args))
			}
			if len(args) == 1 {
				_, err := kindNamed(args[0])
				return err
			}
			return nil
		},
		ValidArgsFunction: completeKind,
		RunE: func(_ *cobra.Command, args []string) error {
			list(env, args, asJSON)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

// completeKind completes the argument of list.
func completeKind(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return kinds(), cobra.ShellCompDirectiveNoFileComp
}

// kinds lists the kinds that list takes, in the plural.
func kinds() (plurals []string) {
	for _, e := range config.Catalog() {
		if plural := pluralOf(e.Kind); !slices.Contains(plurals, plural) {
			plurals = append(plurals, plural)
		}
	}
	return append(plurals, pluralOf(metricKind))
}

// pluralOf returns the plural of a kind.
func pluralOf(kind string) string {
	if strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	return kind + "s"
}

// kindNamed finds the kind of a word in the singular or the plural.
func kindNamed(word string) (string, error) {
	for _, e := range append(config.Catalog(), config.Entry{Kind: metricKind}) {
		if word == e.Kind || word == pluralOf(e.Kind) {
			return e.Kind, nil
		}
	}
	return "", config.Usagef("list knows no kind %q; did you mean %q?", word,
		config.Nearest(pluralOf(word), kinds()))
}

// list prints the members of all families, or of the kind that is named.
func list(env environment, args []string, asJSON bool) {
	entries := config.Catalog()
	if len(args) == 1 {
		kind, _ := kindNamed(args[0]) // checked
		entries = slices.DeleteFunc(entries, func(e config.Entry) bool { return e.Kind != kind })
		if kind == metricKind {
			entries = metricEntries()
		}
	}
	if asJSON {
		for _, e := range entries {
			printJSON(env.out, catalogEvent{e.Kind, e.Name, e.About, e.Source()})
		}
		return
	}
	var b strings.Builder
	for len(entries) > 0 {
		kind := entries[0].Kind
		var rows []row
		for len(entries) > 0 && entries[0].Kind == kind {
			e := entries[0]
			rows = append(rows, row{e.Name, e.About})
			if source := e.Source(); source != "" {
				rows = append(rows, row{"", source})
			}
			entries = entries[1:]
		}
		fmt.Fprintf(&b, "%s\n", pluralOf(kind))
		writeRows(&b, rows)
	}
	fmt.Fprint(env.out, b.String())
}

// metricEntries describes the metrics as members of the catalog are described.
func metricEntries() (entries []config.Entry) {
	for _, m := range solver.Metrics() {
		entries = append(entries, config.Entry{Kind: metricKind, Name: m.Name, About: m.Title})
	}
	return entries
}
