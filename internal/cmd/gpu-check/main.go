// Command gpu-check is the program that scripts/gpu-check runs, and that a machine with a GPU gets. See
// package gpucheck.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/matsense/matsense/internal/gpucheck"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := gpucheck.Main(ctx, os.Args[1:], os.Getenv("MATSENSE_SOURCE"), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
