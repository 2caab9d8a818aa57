package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
)

func newPlot(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "plot DIR",
		Short:   "Write a run's report and figures again from its files",
		Example: "  matsense plot runs/paper",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &experiment.UsageError{Problems: []string{fmt.Sprintf("plot takes one run directory, got %d", len(args))}}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			run, err := experiment.Open(args[0])
			if err != nil {
				return err
			}
			written := func(event, path string) {
				if asJSON {
					printJSON(env.out, map[string]any{"event": event, "path": path})
				} else {
					fmt.Fprintln(env.out, path)
				}
			}
			page, err := writePage(run, args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			written("report", page)
			figures, err := writeFigures(run, args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, path := range figures {
				written("figure", path)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}
