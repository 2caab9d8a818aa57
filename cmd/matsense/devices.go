package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/machine"
	"github.com/matsense/matsense/solver"
)

// openBackend is where the names of devices and storages become backends.
func openBackend(device, storage string, workers int) (solver.Backend, error) {
	switch device {
	case "auto", "cpu":
		return cpu.Backend{Storage: cpu.Storage(storage), Workers: workers}, nil
	}
	return nil, &experiment.UsageError{Problems: []string{fmt.Sprintf("device %q is not known: auto or cpu", device)}}
}

func newDevices(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "Tell what this machine has, and what --device auto picks and why",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			total, available, err := machine.Memory()
			if err != nil {
				return fmt.Errorf("the machine's memory could not be found out: %w", err)
			}
			const why = "cpu is the only backend in this build"
			if asJSON {
				printJSON(env.out, map[string]any{
					"event": "device", "device": "cpu", "processor": machine.Processor(), "architecture": runtime.GOARCH,
					"cores": runtime.GOMAXPROCS(0), "memory_bytes": total, "memory_available_bytes": available,
				})
				printJSON(env.out, map[string]any{"event": "auto", "device": "cpu", "reason": why})
				return nil
			}
			name := machine.Processor()
			if name == "" {
				name = runtime.GOARCH
			}
			fmt.Fprintf(env.out, "cpu   %s, %d cores, %s of memory, %s available\n",
				name, runtime.GOMAXPROCS(0), experiment.Bytes(total), experiment.Bytes(available))
			fmt.Fprintf(env.out, "auto  cpu: %s\n", why)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}
