package machine

import (
	"bufio"
	"bytes"
	"io/fs"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"
)

// Memory says how much memory this process may use. All numbers are bytes.
type Memory struct {
	// Total is the machine's memory, or the lowest limit on this process.
	Total float64
	// Available is what this process can still take: what the machine has, or what the tightest limit leaves.
	Available float64
	// Limit names the limit that determines Available, such as "ulimit -v"; it is "" if the machine does.
	Limit string
	// Most is the size of that limit; 0 if there is none.
	Most float64
}

// limit is a bound on the memory of this process, or of a group of processes to which it belongs.
type limit struct {
	name       string
	most, used float64 // bytes
}

// FindMemory asks the system for the memory that this process may use. The limits that count are those of
// control groups (containers, batch systems, systemd) and those of ulimit -v and ulimit -d.
func FindMemory() (Memory, error) {
	v, err := mem.VirtualMemory()
	if err != nil {
		return Memory{}, err
	}
	return limited(Memory{Total: float64(v.Total), Available: float64(v.Available)},
		append(groupLimits(root()), processLimits(root())...)), nil
}

// limited returns what the limits leave of a machine's memory.
func limited(m Memory, limits []limit) Memory {
	machine := m.Total
	for _, l := range limits {
		if l.most >= machine { // in control groups of version 1, a very large number says that there is none
			continue
		}
		m.Total = min(m.Total, l.most)
		if left := max(l.most-l.used, 0); left < m.Available {
			m.Available, m.Limit, m.Most = left, l.name, l.most
		}
	}
	return m
}

// groupLimits returns the memory limits of the control groups that this process belongs to. The limit of
// every ancestor counts, together with what all groups below the ancestor use.
//
// memory.high counts like memory.max: above it, the system slows a process down until it hardly moves.
func groupLimits(root fs.FS) []limit {
	var limits []limit
	for _, g := range groupsOf(root, "memory") {
		files, usage, prefix := []string{"memory.max", "memory.high"}, "memory.current", ""
		if g.version == 1 {
			files, usage, prefix = []string{"memory.limit_in_bytes"}, "memory.usage_in_bytes", "total_"
		}
		used, _ := g.number(usage)
		cache := g.cache(prefix)
		for _, file := range files {
			if most, ok := g.number(file); ok {
				limits = append(limits, limit{g.says(file), most, max(used-cache, 0)})
			}
		}
	}
	return limits
}

// cache returns the bytes of a group's usage that are copies of files. The system drops them if the memory is
// needed, so they are available, as the machine's own MemAvailable counts them. Both lists count: a file that
// was read once is on the inactive list, and a file that was read twice is on the active one.
func (g group) cache(prefix string) float64 {
	text, _ := g.text("memory.stat")
	sum := 0.0
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) == 2 && (words[0] == prefix+"inactive_file" || words[0] == prefix+"active_file") {
			n, _ := strconv.ParseFloat(words[1], 64)
			sum += n
		}
	}
	return sum
}

// spare is address space that a Go program takes besides the memory that it uses: it reserves its heap in
// pieces of 64 MiB, and the threads of a build with CUDA have stacks and heaps of their own.
const spare = 192 << 20

// processLimits returns the limits of ulimit -v (address space) and ulimit -d (data). Both count what is
// reserved, not what is used.
func processLimits(root fs.FS) []limit {
	taken := map[string]float64{} // in kB
	status, _ := fs.ReadFile(root, "proc/self/status")
	for line := range bytes.Lines(status) {
		if words := strings.Fields(string(line)); len(words) == 3 && words[2] == "kB" {
			taken[words[0]], _ = strconv.ParseFloat(words[1], 64)
		}
	}
	var limits []limit
	text, _ := fs.ReadFile(root, "proc/self/limits")
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		for _, l := range []struct{ line, name, taken string }{
			{"Max address space", "ulimit -v", "VmSize:"},
			{"Max data size", "ulimit -d", "VmData:"},
		} {
			rest, is := strings.CutPrefix(lines.Text(), l.line)
			words := strings.Fields(rest)
			if !is || len(words) == 0 {
				continue
			}
			if most, err := strconv.ParseFloat(words[0], 64); err == nil { // else it is "unlimited"
				limits = append(limits, limit{l.name, most, taken[l.taken]*1024 + spare})
			}
		}
	}
	return limits
}
