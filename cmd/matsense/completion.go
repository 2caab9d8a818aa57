package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/reproduce"
)

// shells are those that matsense completes words in.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the script that completes matsense's words in bash, zsh, fish or PowerShell",
		Long: `Print the script that completes commands, flags, and names of methods, ensembles and so on in
a shell: bash, zsh, fish or powershell.`,
		Example: `  source <(matsense completion bash)
  matsense completion zsh > "${fpath[1]}/_matsense"
  matsense completion fish > ~/.config/fish/completions/matsense.fish`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return config.Usagef("completion takes one shell: %s", strings.Join(shells, ", "))
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions(shells, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(c *cobra.Command, args []string) error {
			switch root := c.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(env.out, true)
			case "zsh":
				return root.GenZshCompletion(env.out)
			case "fish":
				return root.GenFishCompletion(env.out, true)
			default:
				return root.GenPowerShellCompletionWithDesc(env.out)
			}
		},
	}
}

// complete registers how the values of a command's flags are completed.
func complete(c *cobra.Command, flags map[string]cobra.CompletionFunc) {
	for name, values := range flags {
		if err := c.RegisterFlagCompletionFunc(name, values); err != nil {
			panic(fmt.Sprintf("matsense: the completion of --%s: %v", name, err))
		}
	}
}

// The completions of paths.
var (
	directories = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	yamlFiles   = cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
)

// completeSetting completes a setting's value: words, with their descriptions in the catalog, or files.
func completeSetting(s *config.Setting) cobra.CompletionFunc {
	directive := cobra.ShellCompDirectiveNoFileComp
	if s.File || s.Key == "init" {
		directive = cobra.ShellCompDirectiveDefault
	}
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		if s.Values == nil {
			return nil, directive
		}
		kind := s.Key
		if kind == "init" {
			kind = "start"
		}
		var words []string
		for _, name := range s.Values() {
			word := name
			for _, e := range config.Catalog() {
				if e.Kind == kind && e.Name == name {
					word = cobra.CompletionWithDesc(name, e.About)
				}
			}
			words = append(words, word)
		}
		return words, directive
	}
}

// completeLike completes a flag with the name of a setting of run.
func completeLike(key string) cobra.CompletionFunc {
	var c config.Config
	f, _ := c.Field(key)
	return completeSetting(f.Setting)
}

// completeExperiment completes the names of the experiments of reproduce.
func completeExperiment(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var words []string
	for _, e := range reproduce.All() {
		if len(args) == 0 {
			words = append(words, cobra.CompletionWithDesc(e.Name, e.About))
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
