package main

import "github.com/spf13/cobra"

// boardFlag adds the flag --tensorboard, the directory of event files.
func boardFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "tensorboard", "", "write event files for TensorBoard below this `directory`")
	complete(c, map[string]cobra.CompletionFunc{"tensorboard": directories})
}
