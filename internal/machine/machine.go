// Package machine describes this machine: its processor, and the memory and the cores that this process may
// use of it.
package machine

import (
	"io/fs"
	"os"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
)

// root is the file system in which the system says what limits this process.
func root() fs.FS { return os.DirFS("/") }

// Processor returns the processor's name, or "" if the system does not tell.
func Processor() string {
	info, err := cpu.Info()
	if err != nil || len(info) == 0 {
		return ""
	}
	return strings.TrimSpace(info[0].ModelName)
}
