package machine

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// system makes a file system of what the files say.
func system(files ...map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for _, some := range files {
		for name, text := range some {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return root
}

// in is a process in a control group: what /proc says of it.
func in(groups, mounts string) map[string]string {
	return map[string]string{"proc/self/cgroup": groups, "proc/self/mountinfo": mounts}
}

// second is a group of version 2 with a limit, with what its processes use and with the files in it.
func second(folder, most string, current, inactive, active int) map[string]string {
	return map[string]string{
		folder + "/memory.max":     most + "\n",
		folder + "/memory.high":    "max\n",
		folder + "/memory.current": strconv.Itoa(current) + "\n",
		folder + "/memory.stat": "anon 1000\nfile 77\ninactive_file " + strconv.Itoa(inactive) +
			"\nactive_file " + strconv.Itoa(active) + "\nslab_reclaimable 5\n",
	}
}

// first is a group of version 1. In its memory.stat, the numbers with total_ include the groups below it.
func first(folder string, most, usage, inactive, active int) map[string]string {
	return map[string]string{
		folder + "/memory.limit_in_bytes": strconv.Itoa(most) + "\n",
		folder + "/memory.usage_in_bytes": strconv.Itoa(usage) + "\n",
		folder + "/memory.use_hierarchy":  "1\n",
		folder + "/memory.stat": "inactive_file 3\nactive_file 4\ntotal_inactive_file " +
			strconv.Itoa(inactive) + "\ntotal_active_file " + strconv.Itoa(active) + "\n",
	}
}

const (
	mb         = 1000 * 1000
	unlimited1 = 9223372036854771712 // what a group of version 1 says that has no limit

	unified = "35 30 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
)

// TestMemoryOfGroups: the tightest limit on the way from a process's control group to the topmost one counts,
// and copies of files are not used memory. The layouts are those of systems as they are.
func TestMemoryOfGroups(t *testing.T) {
	const sys = "sys/fs/cgroup"
	for name, c := range map[string]struct {
		files                  []map[string]string
		total, available, most float64 // of a machine of 64 GB with 50 GB available
		limit                  string
	}{
		"no control groups": {total: 64e9, available: 50e9},
		"Docker, version 2: the container sees its own group as the topmost": {
			files: []map[string]string{in("0::/\n", unified),
				second(sys, "2000000000", 1500*mb, 900*mb, 100*mb)},
			total: 2e9, available: 1.5e9, most: 2e9, limit: "/sys/fs/cgroup/memory.max",
		},
		"Docker, version 1: the path is the host's, the folder shows the container's group": {
			files: []map[string]string{in("5:cpu,cpuacct:/docker/3f\n4:memory:/docker/3f\n"+
				"1:name=systemd:/docker/3f\n0::/system.slice\n",
				"41 30 0:31 /docker/3f /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"+
					"42 30 0:32 /docker/3f /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory\n"),
				first(sys+"/memory", 4000*mb, 3000*mb, 1000*mb, 500*mb)},
			total: 4e9, available: 2.5e9, most: 4e9, limit: "/sys/fs/cgroup/memory/memory.limit_in_bytes",
		},
		"Kubernetes, version 1, from the host: the pod's limit is below the container's": {
			files: []map[string]string{in("9:memory:/kubepods/burstable/pod1/c1\n",
				"42 30 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"),
				first(sys+"/memory", unlimited1, 40e9, 0, 0),
				first(sys+"/memory/kubepods", 60e9, 30e9, 0, 0),
				first(sys+"/memory/kubepods/burstable", unlimited1, 20e9, 0, 0),
				first(sys+"/memory/kubepods/burstable/pod1", 3000*mb, 2500*mb, 0, 0),
				first(sys+"/memory/kubepods/burstable/pod1/c1", 2900*mb, 100*mb, 0, 0)},
			total: 2.9e9, available: 0.5e9, most: 3e9,
			limit: "/sys/fs/cgroup/memory/kubepods/burstable/pod1/memory.limit_in_bytes",
		},
		"systemd, version 2: the user's slice has MemoryHigh": {
			files: []map[string]string{in("0::/user.slice/user-1000.slice/session-2.scope\n", unified),
				second(sys+"/user.slice", "max", 9000*mb, 0, 0),
				second(sys+"/user.slice/user-1000.slice", "max", 5000*mb, 1500*mb, 500*mb),
				{sys + "/user.slice/user-1000.slice/memory.high": "8000000000\n"},
				second(sys+"/user.slice/user-1000.slice/session-2.scope", "max", 10*mb, 0, 0)},
			total: 8e9, available: 5e9, most: 8e9, limit: "/sys/fs/cgroup/user.slice/user-1000.slice/memory.high",
		},
		"Slurm, version 2: the job's limit, and none of the task": {
			files: []map[string]string{in("0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0\n", unified),
				second(sys+"/system.slice", "max", 9000*mb, 0, 0),
				second(sys+"/system.slice/slurmstepd.scope/job_7", "6000000000", 1000*mb, 0, 0),
				second(sys+"/system.slice/slurmstepd.scope/job_7/step_0", "6000000000", 800*mb, 0, 0),
				second(sys+"/system.slice/slurmstepd.scope/job_7/step_0/user/task_0", "max", 800*mb, 0, 0)},
			total: 6e9, available: 5e9, most: 6e9,
			limit: "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.max",
		},
		"Slurm, version 1": {
			files: []map[string]string{in("4:memory:/slurm/uid_1000/job_7/step_0\n0::/\n",
				"42 30 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"+
					"43 30 0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
				first(sys+"/memory/slurm/uid_1000/job_7", 5000*mb, 1000*mb, 200*mb, 0)},
			total: 5e9, available: 4.2e9, most: 5e9,
			limit: "/sys/fs/cgroup/memory/slurm/uid_1000/job_7/memory.limit_in_bytes",
		},
		"an ancestor of version 1 that does not count its children": {
			files: []map[string]string{in("4:memory:/a/b\n",
				"42 30 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"),
				first(sys+"/memory/a", 1000*mb, 0, 0, 0), {sys + "/memory/a/memory.use_hierarchy": "0\n"},
				first(sys+"/memory/a/b", 2000*mb, 0, 0, 0)},
			total: 2e9, available: 2e9, most: 2e9, limit: "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
		},
		"another container's groups are mounted as well": {
			files: []map[string]string{in("0::/pods/mine\n",
				"90 30 0:30 /pods/other /run/other/sys\\040fs rw - cgroup2 cgroup2 rw\n"+unified+
					"91 30 0:30 /pods/mine /mnt/mine rw - cgroup2 cgroup2 rw\n"),
				second("run/other/sys fs", "1000", 0, 0, 0), second(sys+"/pods", "3000000000", 0, 0, 0),
				second(sys+"/pods/mine", "max", 0, 0, 0), second("mnt/mine", "max", 0, 0, 0)},
			total: 3e9, available: 3e9, most: 3e9, limit: "/sys/fs/cgroup/pods/memory.max",
		},
		"nothing is left": {
			files: []map[string]string{in("0::/\n", unified), second(sys, "1000000000", 1001*mb, 0, 0)},
			total: 1e9, available: 0, most: 1e9, limit: "/sys/fs/cgroup/memory.max",
		},
		"the machine is fuller than the group": {
			files: []map[string]string{in("0::/\n", unified), second(sys, "60000000000", 0, 0, 0)},
			total: 60e9, available: 50e9,
		},
		"a limit above the machine's memory": {
			files: []map[string]string{in("0::/\n", unified), second(sys, "99000000000", 99e9, 0, 0)},
			total: 64e9, available: 50e9,
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := system(c.files...)
			m := limited(Memory{Total: 64e9, Available: 50e9}, groupLimits(root))
			if want := (Memory{c.total, c.available, c.limit, c.most}); m != want {
				t.Errorf("%+v, want %+v", m, want)
			}
		})
	}
}

// TestMemoryOfProcess: ulimit -v and ulimit -d leave what the process has not reserved yet, less the address
// space that its heap takes besides.
func TestMemoryOfProcess(t *testing.T) {
	limits := func(space, data string) map[string]string {
		return map[string]string{
			"proc/self/limits": "Limit                     Soft Limit           Hard Limit           Units     \n" +
				"Max cpu time              unlimited            unlimited            seconds   \n" +
				"Max data size             " + data + "            unlimited            bytes     \n" +
				"Max resident set          100                  100                  bytes     \n" +
				"Max address space         " + space + "           8192000000           bytes     \n",
			"proc/self/status": "Name:\tmatsense\nVmPeak:\t 9999999 kB\nVmSize:\t 2000000 kB\nVmRSS:\t 30000 kB\n" +
				"VmData:\t  100000 kB\nThreads:\t8\n",
		}
	}
	machine := Memory{Total: 64e9, Available: 50e9}
	for _, c := range []struct {
		space, data string
		want        Memory
	}{
		{"unlimited", "unlimited", machine},
		{"4096000000", "unlimited", Memory{4.096e9, 4.096e9 - 2.048e9 - spare, "ulimit -v", 4.096e9}},
		{"unlimited", "1024000000", Memory{1.024e9, 1.024e9 - 0.1024e9 - spare, "ulimit -d", 1.024e9}},
		{"1000000000", "9000000000", Memory{1e9, 0, "ulimit -v", 1e9}},
	} {
		if m := limited(machine, processLimits(system(limits(c.space, c.data)))); m != c.want {
			t.Errorf("with -v %s and -d %s: %+v, want %+v", c.space, c.data, m, c.want)
		}
	}
}

// TestQuota: the least quota of the group and its ancestors counts.
func TestQuota(t *testing.T) {
	slices := map[string]string{
		"sys/fs/cgroup/user.slice/cpu.max":               "250000 100000\n",
		"sys/fs/cgroup/user.slice/session.scope/cpu.max": "max 100000\n",
	}
	session := in("0::/user.slice/session.scope\n", unified)
	old := in("3:cpu,cpuacct:/batch/job\n",
		"42 30 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n")
	group := func(name, quota string) map[string]string {
		return map[string]string{
			"sys/fs/cgroup/cpu,cpuacct/" + name + "/cpu.cfs_quota_us":  quota + "\n",
			"sys/fs/cgroup/cpu,cpuacct/" + name + "/cpu.cfs_period_us": "50000\n",
		}
	}
	for _, c := range []struct {
		files []map[string]string
		cores float64
		name  string
	}{
		{[]map[string]string{session, slices}, 2.5, "/sys/fs/cgroup/user.slice/cpu.max"},
		{[]map[string]string{old, group("batch", "400000"), group("batch/job", "75000")}, 1.5,
			"/sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us"},
		{[]map[string]string{old, group("batch", "400000"), group("batch/job", "-1")}, 8,
			"/sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us"},
	} {
		if cores, name := quotaOf(system(c.files...)); cores != c.cores || name != c.name {
			t.Errorf("%v cores by %q, want %v by %q", cores, name, c.cores, c.name)
		}
	}
	if cores, name := quotaOf(system(session)); cores < 1e300 || name != "" {
		t.Errorf("without a quota: %v cores by %q", cores, name)
	}
}

// TestMemoryHere: on this machine the numbers are in order, and the files that the limits come from exist.
func TestMemoryHere(t *testing.T) {
	m, err := FindMemory()
	if err != nil {
		t.Fatal(err)
	}
	if !(0 < m.Available && m.Available <= m.Total) {
		t.Errorf("%v of %v bytes are available", m.Available, m.Total)
	}
	for _, l := range groupLimits(root()) {
		if _, err := os.Stat(filepath.Clean(l.name)); err != nil || !strings.Contains(l.name, "memory.") {
			t.Errorf("a limit comes from %q: %v", l.name, err)
		}
	}
	if c := FindCores(); c.Usable < 1 || c.Machine < c.Usable || (c.Limit == "") != (c.Usable == c.Machine) {
		t.Errorf("the cores are %+v", c)
	}
}
