package main

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/matsense/matsense/internal/npy"
)

// write writes numbers as an array of that shape to a file.
func write(path string, shape []int, numbers []float64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(npy.Write(f, shape, numbers), f.Close())
}

// peakMemory returns the peak number of bytes that this process has had in memory. If the system does not say
// it, peakMemory returns the bytes that Go has obtained from the system, resident or not.
func peakMemory() (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return float64(stats.Sys), nil
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return 1024 * kilobytes, err
		}
	}
	return 0, errors.New("/proc/self/status does not have the peak of memory")
}
