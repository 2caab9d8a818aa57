package main

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/gpu"
	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/machine"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// host is the machine as experiments see it.
func (env environment) host() experiment.Host {
	return experiment.Host{
		Auto:    env.auto,
		Backend: env.backend,
		Memory: func(b solver.Backend) (float64, error) {
			if b.Name() == "cuda" {
				return float64(b.(gpu.Backend).Info.Free), nil
			}
			return env.memory()
		},
		Version: version(),
	}
}

// auto picks devices, the best first, and says why there is no GPU among them where one could be expected.
func (env environment) auto() (devices []string, why string) {
	gpus, err := env.gpus()
	switch {
	case err == nil && best(gpus) >= 0:
		return []string{cudaName(gpus[best(gpus)].Index), "cpu"}, ""
	case err == nil:
		why = tooOld(gpus[0])
	case env.cuda:
		why = err.Error()
	}
	return []string{"cpu"}, why
}

// best is the GPU with the most free memory of those that the kernels run on, the first of equals; −1 where there is none.
func best(gpus []driver.Info) int {
	at := -1
	for i, g := range gpus {
		if tooOld(g) == "" && (at < 0 || g.Free > gpus[at].Free) {
			at = i
		}
	}
	return at
}

// tooOld says why the kernels do not run on a GPU, or "".
func tooOld(g driver.Info) string {
	if g.Capability[0] >= gpu.LeastCapability {
		return ""
	}
	return fmt.Sprintf("%s has compute capability %d.%d, and the kernels need %d.0", g.Name, g.Capability[0], g.Capability[1], gpu.LeastCapability)
}

func cudaName(index int) string { return "cuda:" + strconv.Itoa(index) }

// backend is where the names of devices, storages and precisions become backends.
func (env environment) backend(p experiment.Place) (solver.Backend, error) {
	if p.Precision == string(cpu.Mixed) && p.Device != "cpu" {
		return nil, experiment.Usagef("precision: mixed is for the cpu so far; %s has f64 and f32", p.Device)
	}
	switch p.Device {
	case "cpu":
		return cpu.Backend{
			Storage: cpu.Storage(p.Storage), Workers: p.Workers, SIMD: cpu.SIMD(p.SIMD), Precision: cpu.Precision(p.Precision),
		}, nil
	case "emulator":
		config := emulator.Config{Memory: 1 << 50} // it takes host memory, which the plan watches
		info, err := emulator.New(config).Info()
		if err != nil {
			return nil, err
		}
		connect := func() (driver.Device, error) { return emulator.New(config), nil }
		return emulated{gpu.Backend{
			Label: "emulator", Info: info, Connect: connect, Storage: gpu.Storage(p.Storage), Precision: gpu.Precision(p.Precision),
		}}, nil
	default:
		return env.cudaBackend(p)
	}
}

// emulated is a backend on the emulator, whose device memory is the host's.
type emulated struct{ gpu.Backend }

// Memory implements solver.Backend. The emulator remembers, in about ten bytes for each, who wrote and read it.
func (b emulated) Memory(p *sensing.Problem, batch solver.Batch) (float64, error) {
	bytes, err := b.Backend.Memory(p, batch)
	return 5e8 + 11*bytes, err
}

func (env environment) cudaBackend(p experiment.Place) (solver.Backend, error) {
	gpus, err := env.gpus()
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", p.Device, err)
	}
	at := max(best(gpus), 0)
	if text, chosen := strings.CutPrefix(p.Device, "cuda:"); chosen {
		index, err := strconv.Atoi(text)
		if err != nil || index >= len(gpus) {
			return nil, experiment.Usagef("device: there is no %s: the GPUs are cuda:0 to %s", p.Device, cudaName(len(gpus)-1))
		}
		at = index
	}
	info := gpus[at]
	return gpu.Backend{
		Label: "cuda", Info: info, Connect: func() (driver.Device, error) { return cuda.Open(info.Index) },
		Storage: gpu.Storage(p.Storage), Precision: gpu.Precision(p.Precision),
	}, nil
}

func newDevices(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "Tell what this machine has, and what --device auto picks and why",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return listDevices(env, asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func listDevices(env environment, asJSON bool) error {
	total, available, err := machine.Memory()
	if err != nil {
		return fmt.Errorf("the machine's memory could not be found out: %w", err)
	}
	gpus, missing := env.gpus()
	devices, _ := env.auto()
	var why string
	switch {
	case missing != nil:
		why = missing.Error()
	case best(gpus) < 0:
		why = "no GPU that the kernels run on"
	case len(gpus) > 1:
		why = fmt.Sprintf("of %d GPUs the one with the most free memory", len(gpus))
	default:
		why = "a GPU is there"
	}
	if missing != nil && !errors.Is(missing, driver.ErrNoDevice) {
		return missing
	}

	if asJSON {
		printJSON(env.out, map[string]any{
			"event": "device", "device": "cpu", "processor": machine.Processor(), "architecture": runtime.GOARCH,
			"cores": runtime.GOMAXPROCS(0), "memory_bytes": total, "memory_available_bytes": available,
		})
		for _, g := range gpus {
			printJSON(env.out, map[string]any{
				"event": "device", "device": cudaName(g.Index), "name": g.Name, "driver": g.Driver,
				"capability":   fmt.Sprintf("%d.%d", g.Capability[0], g.Capability[1]),
				"memory_bytes": g.Memory, "memory_available_bytes": g.Free, "multiprocessors": g.Multiprocessors,
				"unusable": tooOld(g),
			})
		}
		if missing != nil {
			printJSON(env.out, map[string]any{"event": "missing", "device": "cuda", "reason": missing.Error()})
		}
		printJSON(env.out, map[string]any{"event": "device", "device": "emulator"})
		printJSON(env.out, map[string]any{"event": "auto", "device": devices[0], "reason": why})
		return nil
	}
	name := machine.Processor()
	if name == "" {
		name = runtime.GOARCH
	}
	fmt.Fprintf(env.out, "cpu       %s, %d cores, %s of memory, %s available\n",
		name, runtime.GOMAXPROCS(0), experiment.Bytes(total), experiment.Bytes(available))
	for _, g := range gpus {
		fmt.Fprintf(env.out, "%-8s  %s, compute capability %d.%d, %d multiprocessors, %s of memory, %s available, %s\n", cudaName(g.Index),
			g.Name, g.Capability[0], g.Capability[1], g.Multiprocessors, experiment.Bytes(float64(g.Memory)),
			experiment.Bytes(float64(g.Free)), g.Driver)
		if text := tooOld(g); text != "" {
			fmt.Fprintf(env.out, "          cannot be used: %s\n", text)
		}
	}
	if missing != nil {
		fmt.Fprintf(env.out, "cuda      none: %v\n", missing)
	}
	fmt.Fprintf(env.out, "emulator  the GPU's kernels, interpreted on the host: for checking, not for speed\n")
	fmt.Fprintf(env.out, "auto      %s: %s\n", devices[0], why)
	return nil
}
