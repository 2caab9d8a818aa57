package main

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
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
				return env.available(b.(gpu.Backend).Info)
			}
			return env.memory()
		},
		Cards:   env.cards,
		Apart:   env.apart,
		Left:    env.left,
		Limit:   env.limit,
		Version: version(),
	}
}

// memoryLimit says what bounds the memory of this process, or "" if the machine does.
func memoryLimit() string {
	m, err := machine.FindMemory()
	if err != nil || m.Limit == "" {
		return ""
	}
	return fmt.Sprintf("%s allows %s", m.Limit, experiment.Bytes(m.Most))
}

// auto lists the devices to try, the best first. If a GPU was to be expected and there is none, it says why.
func (env environment) auto() (devices []string, why string) {
	gpus, err := env.gpus()
	for _, g := range byFree(gpus) {
		devices = append(devices, cudaName(g.Index))
	}
	switch {
	case err != nil && env.cuda:
		why = err.Error()
	case err == nil && len(devices) == 0:
		why = tooOld(gpus[0])
	}
	return append(devices, "cpu"), why
}

// byFree returns the GPUs that the kernels run on, those with the most free memory first. If nobody knows
// how much memory is free on a GPU, all of it counts.
func byFree(gpus []driver.Info) []driver.Info {
	usable := slices.DeleteFunc(slices.Clone(gpus), func(g driver.Info) bool { return tooOld(g) != "" })
	free := func(g driver.Info) int64 {
		if g.Free < 0 {
			return g.Memory
		}
		return g.Free
	}
	slices.SortStableFunc(usable, func(a, b driver.Info) int { return cmp.Compare(free(b), free(a)) })
	return usable
}

// available opens a GPU and returns how many bytes of it are free.
func (env environment) available(g driver.Info) (float64, error) {
	free, err := env.free(g.Index)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", experiment.ErrUnavailable, err)
	}
	return float64(free), nil
}

// apart lists the devices that a name stands for if it names several: of cuda:all every GPU that the kernels
// run on.
func (env environment) apart(device string) (devices []string, err error) {
	if count, err := config.Emulators(device); err != nil || count > 1 {
		return slices.Repeat([]string{"emulator"}, count), err
	}
	numbers, all, err := config.GPUs(device)
	if err != nil || len(numbers) < 2 && !all {
		return nil, err
	}
	gpus, err := env.gpus()
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", device, err)
	}
	if all {
		return namesOf(byFree(gpus)), nil
	}
	chosen, err := chosenGPUs(device, gpus)
	return namesOf(chosen), err
}

// left says which GPUs a run on cuda:all leaves unused.
func (env environment) left(device string) string {
	if _, all, err := config.GPUs(device); err != nil || !all {
		return ""
	}
	gpus, err := env.gpus()
	if err != nil {
		return ""
	}
	usable := byFree(gpus)
	useful := gpu.Sharing(len(usable))
	if useful == len(usable) {
		return ""
	}
	return fmt.Sprintf("cuda:all takes %s, which have the most free memory: %s",
		strings.Join(namesOf(usable[:useful]), ", "), gpu.NoFaster(len(usable)))
}

// namesOf returns the names of GPUs.
func namesOf(gpus []driver.Info) (names []string) {
	for _, g := range gpus {
		names = append(names, cudaName(g.Index))
	}
	return names
}

// cards lists the GPUs of a backend that has several, with the bytes that are free on each.
func (env environment) cards(b solver.Backend) (cards []experiment.Card, err error) {
	g, is := b.(gpu.Backend)
	if !is || len(g.Others) == 0 {
		return nil, nil
	}
	all := []driver.Info{g.Info}
	for _, other := range g.Others {
		all = append(all, other.Info)
	}
	for _, info := range all {
		free, err := env.available(info)
		if err != nil {
			return nil, err
		}
		cards = append(cards, experiment.Card{Device: cudaName(info.Index), Available: free})
	}
	return cards, nil
}

// freeOnGPU opens a GPU and asks how many bytes of it are free.
func freeOnGPU(index int) (int64, error) {
	d, err := cuda.Open(index)
	if err != nil {
		return 0, err
	}
	info, err := d.Info()
	return info.Free, errors.Join(err, d.Close())
}

// tooOld says why the kernels do not run on a GPU, or "".
func tooOld(g driver.Info) string {
	if g.Capability[0] >= gpu.LeastCapability {
		return ""
	}
	return fmt.Sprintf("%s has compute capability %d.%d, and the kernels need %d.0",
		g.Name, g.Capability[0], g.Capability[1], gpu.LeastCapability)
}

func cudaName(index int) string { return "cuda:" + strconv.Itoa(index) }

// backend makes the backend of a device's name, a storage and a precision.
func (env environment) backend(p experiment.Place) (solver.Backend, error) {
	switch p.Device {
	case "cpu":
		return cpu.Backend{
			Storage: solver.Storage(p.Storage), Workers: p.Workers, SIMD: cpu.SIMD(p.SIMD),
			Precision: solver.Precision(p.Precision),
		}, nil
	}
	count, err := config.Emulators(p.Device)
	switch {
	case err != nil:
		return nil, config.Usagef("device: %v", err)
	case count > 0:
		return emulatorBackend(p, count)
	}
	return env.cudaBackend(p)
}

// emulatorBackend makes the backend of so many emulated devices.
func emulatorBackend(p experiment.Place, count int) (solver.Backend, error) {
	config := emulator.Config{Memory: 1 << 50} // host memory, which the plan watches
	info, err := emulator.New(config).Info()
	if err != nil {
		return nil, err
	}
	card := gpu.Card{Info: info, Connect: func() (driver.Device, error) { return emulator.New(config), nil }}
	return emulated{gpu.Backend{
		Label: "emulator", Info: card.Info, Connect: card.Connect,
		Others:  slices.Repeat([]gpu.Card{card}, count-1),
		Storage: solver.Storage(p.Storage), Precision: solver.Precision(p.Precision), Notice: p.Notice,
	}}, nil
}

// emulated is a backend on the emulator, whose device memory is the host's.
type emulated struct{ gpu.Backend }

// Memory implements solver.Backend. The emulator keeps about ten bytes about each byte of memory: who wrote
// it and who read it.
func (b emulated) Memory(p *sensing.Problem, batch solver.Batch) (float64, error) {
	bytes, err := b.Backend.Memory(p, batch)
	return 5e8 + 11*bytes*float64(1+len(b.Others)), err
}

func (env environment) cudaBackend(p experiment.Place) (solver.Backend, error) {
	gpus, err := env.gpus()
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", p.Device, err)
	}
	chosen, err := chosenGPUs(p.Device, gpus)
	if err != nil {
		return nil, err
	}
	var cards []gpu.Card
	for _, info := range chosen {
		connect := func() (driver.Device, error) { return cuda.Open(info.Index) }
		cards = append(cards, gpu.Card{Info: info, Connect: connect})
	}
	return gpu.Backend{
		Label: "cuda", Info: cards[0].Info, Connect: cards[0].Connect, Others: cards[1:],
		Storage: solver.Storage(p.Storage), Precision: solver.Precision(p.Precision), Notice: p.Notice,
	}, nil
}

// chosenGPUs returns the GPUs that a device names, or the one with the most free memory if it names none. Of
// all GPUs it takes as many as can share rows, those with the most free memory.
func chosenGPUs(device string, gpus []driver.Info) (chosen []driver.Info, err error) {
	numbers, all, err := config.GPUs(device)
	if err != nil {
		return nil, config.Usagef("device: %v", err)
	}
	for _, n := range numbers {
		if n >= len(gpus) {
			there := "the only GPU is cuda:0"
			if len(gpus) > 1 {
				there = "the GPUs are cuda:0 to " + cudaName(len(gpus)-1)
			}
			return nil, config.Usagef("device: there is no %s: %s", cudaName(n), there)
		}
		chosen = append(chosen, gpus[n])
	}
	best := byFree(gpus)
	switch {
	case len(chosen) > 0:
	case len(best) == 0: // the backend says why the first cannot be used
		chosen = gpus[:1]
	case all:
		chosen = best[:gpu.Sharing(len(best))]
	default:
		chosen = best[:1]
	}
	return chosen, nil
}

func newDevices(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "List the devices of this machine, and say which one --device auto considers and why",
		Args:  noArguments,
		RunE:  func(*cobra.Command, []string) error { return listDevices(env, asJSON) },

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

// pick opens each GPU and notes its free memory. It says which device auto considers, beside the cpu, and
// why, and for each GPU that cannot be used the reason.
func (env environment) pick(gpus []driver.Info, missing error) (device, why string, unusable []string) {
	order := byFree(gpus) // as auto knows them, which opens none
	unusable = make([]string, len(gpus))
	for i := range gpus {
		g := &gpus[i]
		if old := tooOld(*g); old != "" {
			unusable[i] = "cannot be used: " + old
			continue
		}
		free, err := env.free(g.Index)
		switch {
		case errors.Is(err, driver.ErrBusy), errors.Is(err, driver.ErrMemory):
			unusable[i] = "in use by another process: " + err.Error()
		case err != nil:
			unusable[i] = "cannot be used: " + err.Error()
		default:
			g.Free = free
		}
	}
	for _, g := range order {
		switch {
		case unusable[g.Index] != "":
		case len(gpus) > 1 && g.Free < 0:
			return cudaName(g.Index), fmt.Sprintf("the first of %d GPUs that can be had", len(gpus)), unusable
		case len(gpus) > 1:
			return cudaName(g.Index), fmt.Sprintf("of %d GPUs the one with the most free memory",
				len(gpus)), unusable
		default:
			return cudaName(g.Index), "a GPU is there", unusable
		}
	}
	switch {
	case missing != nil:
		return "cpu", missing.Error(), unusable
	case len(order) == 0:
		return "cpu", "no GPU that the kernels run on", unusable
	}
	return "cpu", "no GPU can be had now", unusable
}

// otherwise says that auto's choice of a GPU depends on the problem.
const otherwise = "the choice is made for each problem: auto takes the cpu if, by estimate, all steps take " +
	"less time there"

// together names the GPUs that cuda:all takes, and returns the bytes that are free on each of them at least;
// −1 if they are not known. There are no names if one of the GPUs cannot be used.
func together(gpus []driver.Info, unusable []string) (names []string, least int64) {
	if len(gpus) == 0 {
		return nil, -1
	}
	chosen, err := chosenGPUs("cuda:all", gpus)
	if err != nil {
		return nil, -1
	}
	least = chosen[0].Free
	for _, g := range chosen {
		if unusable[g.Index] != "" {
			return nil, -1
		}
		least = min(least, g.Free)
	}
	return namesOf(chosen), least
}

func listDevices(env environment, asJSON bool) error {
	memory, err := machine.FindMemory()
	if err != nil {
		return fmt.Errorf("the machine's memory could not be found out: %w", err)
	}
	gpus, missing := env.gpus()
	device, why, unusable := env.pick(gpus, missing)
	if missing != nil && !errors.Is(missing, driver.ErrNoDevice) {
		return missing
	}

	cores := machine.FindCores()
	if asJSON {
		printJSON(env.out, cpuEvent{
			"cpu", machine.Processor(), runtime.GOARCH, cores.Usable, cores.Limit, cores.Machine,
			memory.Total, memory.Available, memory.Limit,
		})
		for i, g := range gpus {
			printJSON(env.out, gpuEvent{
				cudaName(g.Index), g.Name, g.Driver, fmt.Sprintf("%d.%d", g.Capability[0], g.Capability[1]),
				g.Memory, g.Free, g.Multiprocessors, unusable[i],
			})
		}
		if names, least := together(gpus, unusable); len(names) > 1 {
			printJSON(env.out, togetherEvent{"cuda:all", names, least})
		}
		if missing != nil {
			printJSON(env.out, missingEvent{"cuda", missing.Error()})
		}
		printJSON(env.out, emulatorEvent{"emulator"})
		auto := autoEvent{Device: device, Reason: why}
		if device != "cpu" {
			auto.Unless = otherwise
		}
		printJSON(env.out, auto)
		return nil
	}
	name := machine.Processor()
	if name == "" {
		name = runtime.GOARCH
	}
	fmt.Fprintf(env.out, "cpu       %s, %d cores, %s of memory, %s available\n",
		name, cores.Usable, experiment.Bytes(memory.Total), experiment.Bytes(memory.Available))
	if cores.Limit != "" {
		fmt.Fprintf(env.out, "          %d of the machine's %d cores may be used, by %s\n",
			cores.Usable, cores.Machine, cores.Limit)
	}
	if limit := memoryLimit(); limit != "" {
		fmt.Fprintf(env.out, "          the memory is limited: %s\n", limit)
	}
	for i, g := range gpus {
		available := ", " + experiment.Bytes(float64(g.Free)) + " available"
		if g.Free < 0 {
			available = ""
		}
		fmt.Fprintf(env.out, "%-8s  %s, compute capability %d.%d, %d multiprocessors, %s of memory%s, %s\n",
			cudaName(g.Index),
			g.Name, g.Capability[0], g.Capability[1], g.Multiprocessors, experiment.Bytes(float64(g.Memory)),
			available, g.Driver)
		if unusable[i] != "" {
			fmt.Fprintf(env.out, "          %s\n", unusable[i])
		}
	}
	if names, least := together(gpus, unusable); len(names) > 1 {
		memory := "how much memory is available is unknown"
		if least >= 0 {
			memory = experiment.Bytes(float64(least)) + " available on each"
		}
		fmt.Fprintf(env.out, "cuda:all  %s share the rows of a run: %s\n", strings.Join(names, ", "), memory)
		if usable := len(byFree(gpus)); usable > len(names) {
			fmt.Fprintf(env.out, "          a sweep has runs for all %d GPUs: %s\n", usable,
				gpu.NoFaster(usable))
		}
	}
	if missing != nil {
		fmt.Fprintf(env.out, "cuda      none: %v\n", missing)
	}
	fmt.Fprintf(env.out,
		"emulator  the GPU's kernels, interpreted on the host: for checking, not for speed\n")
	fmt.Fprintf(env.out, "auto      %s: %s\n", device, why)
	if device != "cpu" {
		fmt.Fprintf(env.out, "          %s\n", otherwise)
	}
	return nil
}
