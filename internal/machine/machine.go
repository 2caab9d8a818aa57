// Package machine describes this machine: its memory and its processor.
package machine

import (
	"os"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
)

// Memory returns the bytes of memory in total, and the bytes that this process can still take: the system's
// available memory or the rest of a container's limit, whichever is less.
func Memory() (total, available float64, err error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return 0, 0, err
	}
	total, available = float64(v.Total), float64(v.Available)
	// In a container its limits are in these files: control groups version 2, then version 1.
	for _, files := range [][2]string{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		limit, ok := readNumber(files[0])
		used, _ := readNumber(files[1])
		if ok && limit < total {
			total, available = limit, min(available, max(limit-used, 0))
		}
	}
	return total, available, nil
}

func readNumber(path string) (float64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64) // "max", no limit, is not a number
	return n, err == nil
}

// Processor returns the processor's name, or "" if the system does not tell.
func Processor() string {
	info, err := cpu.Info()
	if err != nil || len(info) == 0 {
		return ""
	}
	return strings.TrimSpace(info[0].ModelName)
}
