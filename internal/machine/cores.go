package machine

import (
	"io/fs"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
)

// Cores says how many cores this process may keep busy.
type Cores struct {
	Usable  int
	Machine int // the cores of the whole machine; 0 if the system does not tell
	// Limit names what makes Usable less than Machine; it is "" if nothing does.
	Limit string
}

// FindCores returns the cores that this process may keep busy. [RespectQuota] comes first.
func FindCores() Cores {
	c := Cores{Usable: runtime.GOMAXPROCS(0)}
	c.Machine, _ = cpu.Counts(true)
	quota, name := quotaOf(root())
	switch {
	case c.Usable >= c.Machine:
	case os.Getenv("GOMAXPROCS") != "":
		c.Limit = "GOMAXPROCS"
	case c.Usable < runtime.NumCPU() && quota <= float64(c.Usable):
		c.Limit = name
	default:
		c.Limit = "the cores that this process is bound to (taskset, cpuset)"
	}
	return c
}

// RespectQuota lowers the number of cores that Go uses to the least quota of the control groups that this
// process belongs to. Go itself looks at the process's own group, and not at its ancestors, which hold the
// limit if, for example, systemd limits a user's slice. As Go does, it keeps two cores.
func RespectQuota() {
	quota, _ := quotaOf(root())
	if n := max(2, math.Ceil(quota)); os.Getenv("GOMAXPROCS") == "" && n < float64(runtime.GOMAXPROCS(0)) {
		runtime.GOMAXPROCS(int(n))
	}
}

// quotaOf returns the least number of cores that the quotas of the control groups leave this process, and the
// file that says so. Without a quota the number is infinite.
func quotaOf(root fs.FS) (cores float64, name string) {
	cores = math.Inf(1)
	for _, g := range groupsOf(root, "cpu") {
		file, quota, period := "cpu.max", math.NaN(), math.NaN()
		if g.version == 1 {
			file = "cpu.cfs_quota_us"
			quota, _ = g.number(file)
			period, _ = g.number("cpu.cfs_period_us")
		} else if text, err := g.text(file); err == nil {
			if words := strings.Fields(string(text)); len(words) == 2 { // the quota, or max, and the period
				quota, _ = strconv.ParseFloat(words[0], 64)
				period, _ = strconv.ParseFloat(words[1], 64)
			}
		}
		if quota > 0 && period > 0 && quota/period < cores {
			cores, name = quota/period, g.says(file)
		}
	}
	return cores, name
}
