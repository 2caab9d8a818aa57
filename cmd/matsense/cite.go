package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
)

func newCite(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "cite [DIR]",
		Short: "Print BibTeX of the program, and of the papers behind a run or a sweep",
		Long: `Print BibTeX entries: of the program, and with a directory of the papers behind the method, the
retraction, the parametrization, the ensemble, the observation model, the loss and the start that its run or
its sweep uses. A line before each entry says what it stands behind.`,
		Example: `  matsense cite
  matsense cite runs/paper > paper.bib
  matsense cite sweeps/alpha`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return config.Usagef("cite takes one directory, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: directories,
		RunE: func(_ *cobra.Command, args []string) error {
			version := version()
			var configs []config.Config
			var err error
			if len(args) == 1 {
				if version, configs, err = usedIn(args[0]); err != nil {
					return err
				}
			}
			cite(env, append([]citation{software(version)}, citationsOf(configs)...), asJSON)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

// usedIn returns the version of the program that made the run or the sweep in a directory, and the
// configurations of the runs.
func usedIn(dir string) (string, []config.Config, error) {
	if !sweep.Holds(dir) {
		made, c, err := experiment.ReadConfig(dir)
		return made, []config.Config{c}, err
	}
	plan, err := sweep.Open(dir)
	if err != nil {
		return "", nil, err
	}
	var configs []config.Config
	for _, r := range plan.Runs {
		configs = append(configs, r.Config)
	}
	return version(), configs, nil // a sweep may have been made by several versions
}

// citation is a publication, with what it stands behind.
type citation struct {
	config.Reference
	uses   []string
	bibtex string
}

// software cites the program itself.
func software(version string) citation {
	r := config.Reference{
		Key: "matsense", Authors: []string{"The matsense authors"}, Year: 2026,
		Title: "matsense: recovery of low-rank matrices from few measurements",
	}
	return citation{r, []string{"software"}, fmt.Sprintf(`@misc{%s,
  author        = {{%s}},
  title         = {{%s}},
  year          = {%d},
  note          = {Version %s},
  url           = {https://github.com/matsense/matsense},
}
`, r.Key, r.Authors[0], r.Title, r.Year, version)}
}

// citationsOf lists the publications behind configurations, each once.
func citationsOf(configs []config.Config) (list []citation) {
	for _, c := range configs {
		for _, e := range c.Members() {
			use := e.Kind + " " + e.Name
			for _, r := range e.References {
				at := slices.IndexFunc(list, func(c citation) bool { return c.Key == r.Key })
				if at < 0 {
					at = len(list)
					list = append(list, citation{Reference: r, bibtex: r.BibTeX()})
				}
				if uses := &list[at].uses; !slices.Contains(*uses, use) {
					*uses = append(*uses, use)
				}
			}
		}
	}
	return list
}

func cite(env environment, list []citation, asJSON bool) {
	for i, c := range list {
		if asJSON {
			printJSON(env.out, referenceEvent{
				c.Key, c.uses, c.Authors, c.Title, c.Year, c.ArXiv, c.DOI, c.bibtex,
			})
			continue
		}
		if i > 0 {
			fmt.Fprintln(env.out)
		}
		fmt.Fprintf(env.out, "%% %s\n%s", strings.Join(c.uses, ", "), c.bibtex)
	}
}
