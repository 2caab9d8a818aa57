package cpudriver_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/matsense/matsense/gpu/cpudriver"
)

// A program built with the tag cuda runs on the CPU if it finds this driver first.
func ExampleBuild() {
	dir, err := cpudriver.Build("/usr/local/cuda/include") // of cuda.h
	if err != nil {
		log.Fatal(err)
	}
	program := exec.Command("matsense", "run", "--device", "cuda")
	program.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir)
	out, err := program.CombinedOutput()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", out)
}
