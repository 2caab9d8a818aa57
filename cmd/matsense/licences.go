package main

import (
	_ "embed"
	"fmt"

	"github.com/spf13/cobra"
)

//go:generate go run ../../internal/licences -out licences.txt

// licences are the licences of the modules in the binary, which goes where it goes: into images and wheels.
//
//go:embed licences.txt
var licences string

func newLicences(env environment) *cobra.Command {
	return &cobra.Command{
		Use:               "licences",
		Short:             "Print the licences of the modules that this program contains",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprint(env.out, licences)
			return nil
		},
	}
}
