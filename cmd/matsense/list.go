package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment/config"
)

func newList(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List methods, parametrizations and ensembles, with their sources",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			t := tabwriter.NewWriter(env.out, 0, 0, 2, ' ', 0)
			kind := ""
			for _, e := range config.Catalog() {
				if asJSON {
					printJSON(env.out, map[string]any{"event": e.Kind, "name": e.Name, "about": e.About, "source": e.Source})
					continue
				}
				if e.Kind != kind {
					kind = e.Kind
					fmt.Fprintf(t, "%ss\n", kind)
				}
				fmt.Fprintf(t, "  %s\t%s\t%s\n", e.Name, e.About, e.Source)
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}
