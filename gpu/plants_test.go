package gpu_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/kerneltest"
)

// TestPlants: the emulator finds the mistakes that are planted in kernels.
func TestPlants(t *testing.T) {
	findPlants(t, kerneltest.Emulator, func(*testing.T) driver.Device {
		return emulator.New(emulator.Config{Multiprocessors: 132, Steps: 1 << 24})
	})
}

// plantVariable is the environment variable that names the mistake for a child process to plant.
const plantVariable = "KERNELTEST_PLANT"

// findPlants runs the suite on kernels with a mistake, each in a child process, in which the suite must fail.
func findPlants(t *testing.T, implementation string, open func(t *testing.T) driver.Device) {
	if name, ok := os.LookupEnv(plantVariable); ok {
		for _, p := range kerneltest.Plants {
			if p.Name == name {
				k, err := p.Planted()
				if err != nil {
					fmt.Println(err) // the mistake was not found: the parent fails
					return
				}
				kerneltest.RunKernel(t, k, open)
			}
		}
		return
	}
	for _, p := range kerneltest.Plants {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			if _, err := p.Planted(); err != nil {
				t.Fatal(err)
			}
			if p.Blind == implementation {
				t.Skipf("%s cannot see it: %s", implementation, p.Why)
			}
			// Some mistakes show only in some orders of threads and copies; on the CPU driver these follow
			// from settings.
			seeds := 1
			if implementation == kerneltest.CPUDriver {
				seeds = 8
			}
			var out []byte
			for seed := 1; seed <= seeds; seed++ {
				command := exec.Command(os.Args[0], "-test.run", "^"+strings.Split(t.Name(), "/")[0]+"$",
					"-test.timeout", "2m")
				command.Env = append(os.Environ(), plantVariable+"="+p.Name,
					fmt.Sprint("CPUDRIVER_SEED=", seed),
					"CPUDRIVER_COPIES="+[]string{"late", "early", "random"}[seed%3])
				var err error
				if out, err = command.CombinedOutput(); err != nil {
					break
				}
				if seed == seeds {
					t.Fatalf("nothing found it:\n%s", out)
				}
			}
			if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); testing.Verbose() {
				for _, line := range lines {
					if !strings.Contains(line, "---") {
						t.Log(strings.TrimSpace(line))
						break
					}
				}
			}
		})
	}
}
