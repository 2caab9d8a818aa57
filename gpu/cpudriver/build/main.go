// Build builds the driver with the cuda.h of the directory given as its argument, and prints the directory of
// the libraries.
package main

import (
	"fmt"
	"os"

	"github.com/matsense/matsense/gpu/cpudriver"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: build DIRECTORY (of cuda.h; scripts/cpu-driver finds it)")
		os.Exit(2)
	}
	dir, err := cpudriver.Build(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(dir)
}
