//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/cpudriver"
	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

// Each of these tests runs in a separate process, whose libcuda.so.1 comes from package cpudriver and runs
// PTX on the CPU.

// other is a kernel with the parameters of meet that does nothing.
const other = `.version 7.0
.target sm_70
.address_size 64
.visible .entry other(.param .u64 out, .param .u64 count, .param .u32 bytes)
{
	ret;
}
`

const broken = `.version 7.0
.target sm_70
.address_size 64
.visible .entry broken() {
	frobnicate.u32 %x;
	ret;
}
`

// library builds the driver, unless that was done before, and returns its directory.
func library(t *testing.T) string {
	t.Helper()
	_, include := compiler(t)
	dir, err := cpudriver.Build(include)
	if errors.Is(err, cpudriver.ErrCompiler) {
		t.Skipf("skipped: %v", err)
	}
	must(t, err)
	return dir
}

// child reports whether runChild started this process for a test.
func child() bool { return os.Getenv("CUDA_TEST_CHILD") != "" }

// runChild runs one test in a separate process, and returns its output.
func runChild(t *testing.T, name string, environment ...string) string {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run", "^"+name+"$", "-test.v")
	command.Env = append(append(os.Environ(), "CUDA_TEST_CHILD=1"), environment...)
	out, err := command.CombinedOutput()
	if err != nil || strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%s in its own process: %v\n%s", name, err, out)
	}
	return string(out)
}

// underDriver reports whether this process has the driver. Otherwise it runs the test in a process that has
// it.
func underDriver(t *testing.T, environment ...string) bool {
	t.Helper()
	if !child() {
		runChild(t, t.Name(), append(environment, "LD_LIBRARY_PATH="+library(t))...)
	}
	return child()
}

// The driver on the CPU passes the same tests as a GPU.
func TestDriver(t *testing.T) {
	for _, name := range []string{"TestGPU", "TestGPULost"} {
		runChild(t, name, "LD_LIBRARY_PATH="+library(t))
	}
}

// An error says in one sentence what is missing.
func TestDriverMissing(t *testing.T) {
	if child() {
		infos, err := cuda.Devices()
		fmt.Printf("devices: %v\n", err)
		if err != nil && (!errors.Is(err, driver.ErrNoDevice) || infos != nil) {
			t.Errorf("%v, %v", infos, err)
		}
		d, err := cuda.Open(1)
		fmt.Printf("open: %v\n", err)
		if err == nil {
			d.Close()
		}
		return
	}
	dir := library(t)
	os.Unsetenv("CUDA_VISIBLE_DEVICES") // the driver ignores it, but the errors report it
	notElf := t.TempDir()
	must(t, os.WriteFile(filepath.Join(notElf, "libcuda.so.1"), []byte("not a library"), 0o644))
	const nothing = "cuda: no device: "
	for _, test := range []struct{ setting, devices, open string }{
		{"CPUDRIVER_INIT=100", nothing + "no GPU is visible\n", ""},
		{"CPUDRIVER_INIT=100 CUDA_VISIBLE_DEVICES=7",
			nothing + `no GPU is visible (CUDA_VISIBLE_DEVICES="7")` + "\n", ""},
		{"CPUDRIVER_DEVICES=0 CUDA_VISIBLE_DEVICES=",
			nothing + `no GPU is visible (CUDA_VISIBLE_DEVICES="")` + "\n", ""},
		{"CPUDRIVER_INIT=803", nothing +
			"the NVIDIA driver reports: CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803): " +
			"system has unsupported display driver / cuda driver combination\n", ""},
		{"CPUDRIVER_INIT=998",
			nothing + "the NVIDIA driver reports: error 998, which this driver does not know\n", ""},
		{"CPUDRIVER_VERSION=10020",
			nothing + "the NVIDIA driver is for CUDA 10.2, and CUDA 11.0 or later is needed\n", ""},
		{"LD_LIBRARY_PATH=" + notElf,
			nothing + "libcuda.so.1 could not be loaded: " + notElf + "/libcuda.so.1: file too short\n", ""},
		{"CPUDRIVER_DEVICES=1",
			"<nil>\n", nothing + "GPU 1 was asked for, and the driver shows 1, numbered from 0\n"},
		{"CPUDRIVER_DEVICES=2 CPUDRIVER_RETAIN=46", "<nil>\n",
			"cuda: open GPU 1, PTX on the CPU: CUDA_ERROR_DEVICE_UNAVAILABLE (46): " +
				"CUDA-capable device(s) is/are busy or unavailable " +
				"(another process may hold it, in exclusive mode)\n"},
		{"CPUDRIVER_DEVICES=2", "<nil>\n", "<nil>\n"},
	} {
		if test.open == "" {
			test.open = test.devices
		}
		out := runChild(t, "TestDriverMissing",
			append([]string{"LD_LIBRARY_PATH=" + dir}, strings.Fields(test.setting)...)...)
		if !strings.Contains(out, "devices: "+test.devices) || !strings.Contains(out, "open: "+test.open) {
			t.Errorf("with %s:\n%s\nwant devices: %sand open: %s", test.setting, out, test.devices, test.open)
		}
	}
}

// The driver gets the launch's parameters, and first a request for more shared memory if the launch needs it.
func TestDriverLaunch(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_LOG="+filepath.Join(t.TempDir(), "log"), "CPUDRIVER_BLOCK_SHARED=102400") {
		return
	}
	d := open(t)
	k, err := d.Load("other", other)
	must(t, err)
	launch := driver.Launch{Kernel: k, Grid: driver.Dim{2, 3, 4}, Block: driver.Dim{5, 6, 7}, Shared: 1000,
		Args: []driver.Arg{driver.Ptr(0x1_0000_0000), driver.Ptr(2), driver.U32(-1)}}
	must(t, d.Launch(launch))
	launch.Grid, launch.Cooperative, launch.Shared = driver.Dim{4, 1, 1}, true, 100<<10
	if n, err := k.Resident(5*6*7, launch.Shared); n != 4 || err != nil {
		t.Errorf("resident: %d, %v", n, err)
	}
	must(t, d.Launch(launch))
	launch.Grid[0]++
	wantError(t, d.Launch(launch), nil, "cuda: launch other grid=5×1×1 block=5×6×7 shared=102400: "+
		"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE (720): too many blocks in cooperative launch")
	launch.Shared++
	wantError(t, d.Launch(launch), nil,
		"cuda: allow other 102401 bytes of dynamic shared memory, of 102400 that a block can have: "+
			"CUDA_ERROR_INVALID_VALUE (1): invalid argument")
	alloc(t, d, 100)
	_, err = d.Mark()
	must(t, err)
	must(t, d.Close())
	must(t, d.Close())
	if d.Live() != 0 {
		t.Errorf("%d bytes live after Close", d.Live())
	}
	wantError(t, d.Wait(), nil, "cuda: GPU 0, PTX on the CPU, is closed")
	const want = `retain 0
other plain grid=2,3,4 block=5,6,7 shared=1000 args=100000000,2,ffffffff
other cooperative grid=4,1,1 block=5,6,7 shared=102400 args=100000000,2,ffffffff
release references=0 live=0 modules=0 streams=0 events=0 graphs=0
`
	got, err := os.ReadFile(os.Getenv("CPUDRIVER_LOG"))
	must(t, err)
	if string(got) != want {
		t.Errorf("the driver was asked:\n%swant:\n%s", got, want)
	}
}

func TestDriverMemory(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_MEMORY=1048576") {
		return
	}
	d := open(t)
	alloc(t, d, 1000)
	_, err := d.Alloc(1 << 20)
	wantError(t, err, driver.ErrMemory,
		"cuda: alloc of 1048576 bytes: CUDA_ERROR_OUT_OF_MEMORY (2): "+
			"out of memory (1047576 of 1048576 bytes of GPU 0, PTX on the CPU, are free)")
	if d.Live() != 1000 {
		t.Errorf("%d bytes live", d.Live())
	}
	alloc(t, d, 1000) // the device still works
}

func TestDriverLoad(t *testing.T) {
	if !underDriver(t) {
		return
	}
	d := open(t)
	_, err := d.Load("broken", broken)
	wantError(t, err, nil, "cuda: load broken: CUDA_ERROR_INVALID_PTX (218): a PTX JIT compilation failed\n"+
		"ptxas application ptx input, line 5; error   : Not a name of any known instruction: 'frobnicate'")
	_, err = d.Load("other", strings.ReplaceAll(broken, "frobnicate.u32 %x;", "ret;"))
	wantError(t, err, nil,
		"cuda: load other: CUDA_ERROR_NOT_FOUND (500): named symbol not found (the text has no .entry other)")
	_, err = d.Load("broken", strings.ReplaceAll(broken, "7.0", "99.0"))
	wantError(t, err, nil, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION (222)",
		"(its .version is newer than this driver, which is for CUDA 12.4)")
}

// An error that concerns only the launch leaves the device unchanged.
func TestDriverLaunchFails(t *testing.T) {
	if !underDriver(t) {
		return
	}
	d := open(t)
	launch := driver.Launch{
		Kernel: load(t, d, "add"), Grid: driver.Dim{132, 1, 1}, Block: driver.Dim{512, 1, 1},
		Args: []driver.Arg{0, 0, 0},
	}
	t.Setenv("CPUDRIVER_LAUNCH", "701")
	wantError(t, d.Launch(launch), nil,
		"cuda: launch add grid=132×1×1 block=512×1×1: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701): "+
			"too many resources requested for launch")
	t.Setenv("CPUDRIVER_LAUNCH", "0")
	must(t, d.Launch(launch))
	must(t, d.Wait())
}

// A kernel fails after its launch has returned: the next call that waits says which, and the device is lost.
func TestDriverLost(t *testing.T) {
	for _, launches := range []int{1, 3} {
		t.Run(fmt.Sprint(launches), func(t *testing.T) {
			if !child() {
				runChild(t, "TestDriverLost", "LD_LIBRARY_PATH="+library(t),
					fmt.Sprint("LAUNCHES=", launches))
				return
			}
			if os.Getenv("LAUNCHES") != fmt.Sprint(launches) {
				return
			}
			d := open(t)
			p := alloc(t, d, 16)
			launch := driver.Launch{
				Kernel: load(t, d, "add"), Grid: driver.Dim{132, 1, 1}, Block: driver.Dim{512, 1, 1},
				Args: []driver.Arg{0, 0, 0},
			}
			must(t, d.Launch(launch))
			must(t, d.Wait()) // the first launch succeeded
			t.Setenv("CPUDRIVER_KERNEL", "700")
			for range launches {
				must(t, d.Launch(launch))
			}
			which := "(in launch add grid=132×1×1 block=512×1×1)"
			if launches > 1 {
				which = "(in one of 3 launches, the last of them launch add grid=132×1×1 block=512×1×1; " +
					"CUDA_LAUNCH_BLOCKING=1 finds which)"
			}
			want := "cuda: download of 16 bytes: CUDA_ERROR_ILLEGAL_ADDRESS (700): " +
				"an illegal memory access was encountered " + which
			first := d.Download(make([]byte, 16), p)
			wantError(t, first, driver.ErrLost, want)
			_, allocErr := d.Alloc(1)
			_, infoErr := d.Info()
			_, markErr := d.Mark()
			_, loadErr := d.Load("add", "")
			_, residentErr := launch.Kernel.Resident(1, 0)
			for i, err := range []error{
				allocErr, infoErr, markErr, loadErr, residentErr, d.Free(p), d.Upload(p, []byte{1}),
				d.Upload(p, nil), d.Fill(p, 0, 1), d.Fill(p, 0, 0), d.Launch(launch), d.Wait(), d.Close(),
			} {
				if !errors.Is(err, first) {
					t.Errorf("call %d after the loss: %v", i, err)
				}
			}
			must(t, d.Close())
		})
	}
}

// The driver records the launches of a graph, and gets one call for each replay. Close frees the graph.
func TestDriverGraph(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_LOG="+filepath.Join(t.TempDir(), "log")) {
		return
	}
	d := open(t).(driver.GraphDevice)
	k, err := d.Load("other", other)
	must(t, err)
	p := alloc(t, d, 4)
	launch := driver.Launch{Kernel: k, Grid: driver.Dim{2, 1, 1}, Block: driver.Dim{32, 1, 1},
		Shared: 100 << 10, Cooperative: true, Args: []driver.Arg{1, 2, 3}}
	plain := launch
	plain.Cooperative, plain.Shared = false, 0
	g, err := d.Record([]driver.Call{{Launch: launch}, {Dst: p, Size: 4}, {Launch: plain}})
	must(t, err)
	must(t, d.Replay(g))
	must(t, d.Replay(g))
	must(t, d.Launch(plain))
	must(t, d.Close())
	const want = `retain 0
captured other cooperative grid=2,1,1 block=32,1,1 shared=102400 args=1,2,3
captured other plain grid=2,1,1 block=32,1,1 shared=0 args=1,2,3
replay 3
replay 3
other plain grid=2,1,1 block=32,1,1 shared=0 args=1,2,3
release references=0 live=0 modules=0 streams=0 events=0 graphs=0
`
	got, err := os.ReadFile(os.Getenv("CPUDRIVER_LOG"))
	must(t, err)
	if string(got) != want {
		t.Errorf("the driver was asked:\n%swant:\n%s", got, want)
	}
}

// A driver that refuses to record, to make a graph or to replay it works on, and ends no stream in recording.
func TestDriverGraphRefused(t *testing.T) {
	if !underDriver(t) {
		return
	}
	d := open(t).(driver.GraphDevice)
	p := alloc(t, d, 4)
	must(t, d.Fill(p, 0, 4))
	calls := []driver.Call{{Launch: driver.Launch{
		Kernel: load(t, d, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{driver.Ptr(p), driver.U32(1), driver.U32(1)},
	}}}
	for setting, want := range map[string]string{
		"CPUDRIVER_CAPTURE=900": "call 1: cuda: launch add grid=1×1×1 block=32×1×1: " +
			"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED (900): operation not permitted when stream is capturing",
		"CPUDRIVER_INSTANTIATE=2": "CUDA_ERROR_OUT_OF_MEMORY (2): out of memory",
		"CPUDRIVER_VERSION=11030": "CUDA_ERROR_NOT_SUPPORTED (801): operation not supported",
	} {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
		_, err := d.Record(calls)
		os.Unsetenv(name)
		if err == nil || !errors.Is(err, driver.ErrGraph) || errors.Is(err, driver.ErrLost) ||
			!strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", setting, err, want)
		}
		must(t, calls[0].On(d))
		must(t, d.Wait())
	}
	g, err := d.Record(calls)
	must(t, err)
	t.Setenv("CPUDRIVER_REPLAY", "801")
	wantError(t, d.Replay(g), driver.ErrGraph,
		"cuda: replay 1 launches: CUDA_ERROR_NOT_SUPPORTED (801): operation not supported")
	t.Setenv("CPUDRIVER_REPLAY", "720")
	if err := d.Replay(g); !errors.Is(err, driver.ErrGraph) || !errors.Is(err, driver.ErrCooperative) {
		t.Errorf("too many blocks for a graph: %v", err)
	}
	os.Unsetenv("CPUDRIVER_REPLAY")
	must(t, d.Replay(g))
	word := make([]byte, 4)
	must(t, d.Download(word, p))
	if word[0] != 4 {
		t.Errorf("%d launches were done, want 4", word[0])
	}
}

// A kernel of a graph that fails loses the device. The error names the launches of the graph.
func TestDriverGraphLost(t *testing.T) {
	if !underDriver(t) {
		return
	}
	d := open(t).(driver.GraphDevice)
	call := driver.Call{Launch: driver.Launch{
		Kernel: load(t, d, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{0, 0, 0},
	}}
	g, err := d.Record([]driver.Call{call, call, call})
	must(t, err)
	must(t, d.Replay(g))
	must(t, d.Wait())
	t.Setenv("CPUDRIVER_KERNEL", "700")
	must(t, d.Replay(g))
	err = d.Wait()
	wantError(t, err, driver.ErrLost, "CUDA_ERROR_ILLEGAL_ADDRESS (700)",
		"(in one of 3 launches, the last of them launch add grid=1×1×1 block=32×1×1;")
	_, recordErr := d.Record([]driver.Call{call})
	for i, again := range []error{d.Replay(g), recordErr, d.Forget(g), d.Close()} {
		if !errors.Is(again, err) {
			t.Errorf("call %d after the loss: %v", i, again)
		}
	}
}
