package livefile

import (
	"os"
	"sync"
)

// Process says which process writes a file.
type Process struct {
	// Host is the machine's name, for people.
	Host string `json:"host"`
	// Machine tells machines, boots and containers apart, so that PID has a meaning; empty if the system
	// does not tell.
	Machine string `json:"machine"`
	PID     int    `json:"pid"`
}

// Self is this process.
var Self = sync.OnceValue(func() Process {
	host, _ := os.Hostname() // unknown is empty
	return Process{host, machine(), os.Getpid()}
})

// Gone says whether the process has surely ended. Of one on another machine this cannot be known.
func (p Process) Gone() bool {
	return p.Machine != "" && p.Machine == Self().Machine && p.PID > 0 && !exists(p.PID)
}
