//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

// TestDriverDevices: describing GPUs opens none. NVML reports the free memory of each; without NVML it is
// unknown.
func TestDriverDevices(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if !underDriver(t, "CPUDRIVER_DEVICES=3", "CPUDRIVER_NVML_FREE=0:1000,1:2000",
		"CPUDRIVER_MEMORY=4000", "CPUDRIVER_RETAIN=46", "CPUDRIVER_WATCHDOG=1:1",
		"CPUDRIVER_COOPERATIVE_ATTRIBUTE=2:0", "CPUDRIVER_CLOCK=1:1980000",
		"CPUDRIVER_MEMORY_CLOCK=1:2619000,2:9000", "CPUDRIVER_BUS_WIDTH=1:5120",
		"CPUDRIVER_SINGLE_TO_DOUBLE=2:32", "CPUDRIVER_LOG="+log) {
		return
	}
	infos, err := cuda.Devices()
	must(t, err)
	for i, want := range []driver.Info{
		{Free: 1000, Cooperative: true, SingleToDouble: 2},
		// The data sheet of the H100 SXM says 3.35 TB/s.
		{Free: 2000, Cooperative: true, Watchdog: true, Clock: 1.98e9, Bandwidth: 3.35232e12,
			SingleToDouble: 2},
		{Free: 4000, SingleToDouble: 32},
	} {
		got := infos[i]
		if got.Free != want.Free || got.Cooperative != want.Cooperative || got.Watchdog != want.Watchdog ||
			got.Clock != want.Clock || got.Bandwidth != want.Bandwidth ||
			got.SingleToDouble != want.SingleToDouble || got.Index != i {
			t.Errorf("GPU %d is %+v, want %+v", i, got, want)
		}
	}
	content, err := os.ReadFile(os.Getenv("CPUDRIVER_LOG"))
	if err == nil && strings.Contains(string(content), "retain") {
		t.Errorf("contexts were made:\n%s", content)
	}
	_, err = cuda.Open(1)
	wantError(t, err, nil, "cuda: open GPU 1, PTX on the CPU: CUDA_ERROR_DEVICE_UNAVAILABLE (46)",
		"another process may hold it")
	if !errors.Is(err, driver.ErrBusy) {
		t.Errorf("%v does not say that the device is busy", err)
	}
}

// TestDriverDevicesWithoutNVML: without NVML the free memory is unknown.
func TestDriverDevicesWithoutNVML(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_NVML=0") {
		return
	}
	infos, err := cuda.Devices()
	must(t, err)
	if infos[0].Free != -1 {
		t.Errorf("%d bytes are free", infos[0].Free)
	}
}

// TestDriverCooperation: the error of a refused cooperative launch differs from other errors, and the device
// still works.
func TestDriverCooperation(t *testing.T) {
	for _, status := range []string{"720", "801"} {
		t.Run(status, func(t *testing.T) {
			if !underDriver(t, "CPUDRIVER_COOPERATIVE="+status) {
				return
			}
			d := open(t)
			launch := driver.Launch{
				Kernel: load(t, d, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
				Args:        []driver.Arg{driver.Ptr(alloc(t, d, 128)), driver.U32(0), driver.U32(0)},
				Cooperative: true,
			}
			err := d.Launch(launch)
			if !errors.Is(err, driver.ErrCooperative) || !strings.Contains(err.Error(), "("+status+")") {
				t.Errorf("the error is %v", err)
			}
			launch.Cooperative = false
			must(t, d.Launch(launch))
			must(t, d.Wait())
		})
	}
}

// TestDriverPeers: devices copy from each other in the order of the calls on both, although the host waits
// for neither, and a driver that refuses does no harm.
func TestDriverPeers(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_DEVICES=2", "CPUDRIVER_LOG="+filepath.Join(t.TempDir(), "log")) {
		return
	}
	exercisePeers(t)
	log, err := os.ReadFile(os.Getenv("CPUDRIVER_LOG"))
	must(t, err)
	if want := "release references=0 live=0 modules=0 streams=0 events=0 graphs=0"; strings.Count(string(log),
		want) != 2 {
		t.Errorf("the devices are not closed as they were opened:\n%s", log)
	}
	a, b := openAt(t, 0), openAt(t, 1)
	from, to := alloc(t, a, 8), alloc(t, b, 8)
	peer, err := a.Peer()
	must(t, err)
	piece := driver.Piece{Dst: to, Src: from, Size: 8}
	must(t, errors.Join(a.Fill(from, 5, 8), b.Fill(to, 1, 8)))
	t.Setenv("CPUDRIVER_PEER", "217")
	if err := b.CopyFrom(peer, piece); !errors.Is(err, driver.ErrPeer) ||
		!strings.Contains(err.Error(), "copy of 8 bytes from GPU 0") {
		t.Errorf("a driver that refuses: %v", err)
	}
	os.Unsetenv("CPUDRIVER_PEER")
	if got := bytesAt(t, b, to); got != [8]byte{1, 1, 1, 1, 1, 1, 1, 1} {
		t.Errorf("a copy that was refused has written % x", got)
	}
	must(t, b.CopyFrom(peer, piece))
	if got := bytesAt(t, b, to); got != [8]byte{5, 5, 5, 5, 5, 5, 5, 5} {
		t.Errorf("the copy after it has written % x", got)
	}
	wantError(t, a.CopyFrom(peer, piece), nil, "no other GPU")
	t.Setenv("CPUDRIVER_KERNEL", "0:700")
	must(t, a.Launch(driver.Launch{
		Kernel: load(t, a, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{driver.Ptr(from), driver.U32(0), driver.U32(0)},
	}))
	must(t, b.CopyFrom(peer, piece))
	must(t, b.Fill(to, 0, 8))
	const lost = "GPU 0, PTX on the CPU, is lost: cuda: wait: CUDA_ERROR_ILLEGAL_ADDRESS (700)"
	wantError(t, b.Wait(), driver.ErrLost, lost, "in launch add")
	wantError(t, b.Close(), driver.ErrLost, lost)
}

// waitingForLost opens three GPUs. The stream of the second waits for that of the first, and this one for
// that of the third, which is lost.
func waitingForLost(t *testing.T, first int) (devices [3]driver.PeerDevice, numbers [3]driver.Pointer) {
	t.Helper()
	var peers [3]driver.Peer
	for i := range devices {
		devices[i] = openAt(t, first+i)
		numbers[i] = alloc(t, devices[i], 8)
		must(t, devices[i].Fill(numbers[i], 1, 8))
		var err error
		peers[i], err = devices[i].Peer()
		must(t, err)
	}
	take := func(to, from int) {
		piece := driver.Piece{Dst: numbers[to], Src: numbers[from], Size: 8}
		must(t, devices[to].CopyFrom(peers[from], piece))
	}
	take(1, 0)
	take(2, 0)
	t.Setenv("CPUDRIVER_KERNEL", fmt.Sprintf("%d:700", first+2))
	must(t, devices[2].Launch(driver.Launch{
		Kernel: load(t, devices[2], "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{driver.Ptr(numbers[2]), driver.U32(0), driver.U32(0)},
	}))
	take(0, 2)
	take(1, 0)
	return devices, numbers
}

// TestDriverLosesALinkedGPU: of three devices the second waits for the first, and the first for the third. If
// the third is lost, every call of any of them that waits ends, also after the third was closed.
func TestDriverLosesALinkedGPU(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_DEVICES=99") {
		return
	}
	wait := func(d driver.PeerDevice, _ driver.Pointer) error { return d.Wait() }
	first := 0 // a lost device is not opened again
	for name, call := range map[string]func(d driver.PeerDevice, p driver.Pointer) error{
		"wait":   wait,
		"free":   func(d driver.PeerDevice, p driver.Pointer) error { return d.Free(p) },
		"upload": func(d driver.PeerDevice, p driver.Pointer) error { return d.Upload(p, make([]byte, 8)) },
		"download": func(d driver.PeerDevice, p driver.Pointer) error {
			return d.Download(make([]byte, 8), p)
		},
		"elapsed": func(d driver.PeerDevice, _ driver.Pointer) error {
			from, err := d.Mark()
			must(t, err)
			to, err := d.Mark()
			must(t, err)
			_, err = d.Elapsed(from, to)
			return err
		},
		"more calls than the queue holds": func(d driver.PeerDevice, p driver.Pointer) (err error) {
			for i := 0; i < 3000 && err == nil; i++ {
				err = d.Fill(p, 0, 8)
			}
			return err
		},
		"replays": func(d driver.PeerDevice, p driver.Pointer) error {
			fill := driver.Call{Dst: p, Size: 8}
			g, err := d.(driver.GraphDevice).Record([]driver.Call{fill, fill, fill})
			must(t, err)
			for i := 0; i < 1000 && err == nil; i++ {
				err = d.(driver.GraphDevice).Replay(g)
			}
			return err
		},
		"close": func(d driver.PeerDevice, _ driver.Pointer) error { return d.Close() },
	} {
		for _, closed := range []bool{false, true} {
			lost := fmt.Sprintf("GPU %d, PTX on the CPU", first+2)
			devices, numbers := waitingForLost(t, first)
			first += len(devices)
			if closed {
				wantError(t, devices[2].Close(), driver.ErrLost, lost)
			}
			t.Log(name, closed)
			wantError(t, call(devices[1], numbers[1]), driver.ErrLost, lost)
			wantError(t, wait(devices[0], 0), driver.ErrLost, lost)
			for _, d := range devices {
				if err := d.Close(); err != nil { // nil if it was closed before
					wantError(t, err, driver.ErrLost, "CUDA_ERROR_ILLEGAL_ADDRESS (700)")
				}
			}
			os.Unsetenv("CPUDRIVER_KERNEL")
		}
	}
}

// TestDriverAbandonsAGPU: the stream of a GPU that waits for a lost one stays, and the driver would wait for
// it before it frees anything. So all of the process's devices on this GPU end with an error, and none is
// opened.
func TestDriverAbandonsAGPU(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_DEVICES=4") {
		return
	}
	other, unconcerned := openAt(t, 1), openAt(t, 3)
	p := alloc(t, other, 8)
	devices, _ := waitingForLost(t, 0)
	for _, d := range devices {
		if err := d.Close(); !errors.Is(err, driver.ErrLost) {
			t.Errorf("the error of close is %v", err)
		}
	}
	const why = "cuda: GPU 1, PTX on the CPU, waits for a lost GPU, and can only be used by another process"
	wantError(t, other.Free(p), driver.ErrLost, why)
	wantError(t, other.Close(), driver.ErrLost, why)
	_, err := cuda.Open(1)
	wantError(t, err, driver.ErrLost, why)
	must(t, unconcerned.Free(alloc(t, unconcerned, 8)))
	must(t, unconcerned.Close())
}

// exercisePeers tests two devices' copies from each other.
func exercisePeers(t *testing.T) {
	a, b := openAt(t, 0), openAt(t, 1)
	from, to := alloc(t, a, 8), alloc(t, b, 8)
	ofA, err := a.Peer()
	must(t, err)
	ofB, err := b.Peer()
	must(t, err)
	for _, first := range []string{"source", "target"} { // on which the host waits first
		must(t, errors.Join(b.Fill(to, 9, 8), a.Fill(from, 1, 8)))
		must(t, b.CopyFrom(ofA, driver.Piece{Dst: to, Src: from, Size: 4},
			driver.Piece{Dst: to + 6, Src: from + 2, Size: 2}))
		must(t, errors.Join(a.Fill(from, 2, 8), b.Fill(to+6, 3, 1)))
		if first == "source" {
			must(t, a.Wait())
		}
		if got := bytesAt(t, b, to); got != [8]byte{1, 1, 1, 1, 9, 9, 3, 1} {
			t.Errorf("the host waits for the %s: the target has % x", first, got)
		}
		if got := bytesAt(t, a, from); got != [8]byte{2, 2, 2, 2, 2, 2, 2, 2} {
			t.Errorf("the host waits for the %s: the source has % x", first, got)
		}
	}
	// A number goes to and fro, and each device adds to it.
	add := func(d driver.Device, k driver.Kernel, p driver.Pointer, number int) {
		must(t, d.Launch(driver.Launch{
			Kernel: k, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
			Args: []driver.Arg{driver.Ptr(p), driver.U32(1), driver.U32(number)},
		}))
	}
	onA, onB := load(t, a, "add"), load(t, b, "add")
	must(t, a.Fill(from, 0, 8))
	for range 10 {
		add(a, onA, from, 3)
		must(t, b.CopyFrom(ofA, driver.Piece{Dst: to, Src: from, Size: 8}))
		add(b, onB, to, 4)
		must(t, a.CopyFrom(ofB, driver.Piece{Dst: from, Src: to, Size: 8}))
	}
	if got := bytesAt(t, a, from)[0]; got != 70 {
		t.Errorf("ten times 3 and 4 are %d", got)
	}
	must(t, a.CopyFrom(ofB))
	must(t, errors.Join(a.Close(), b.Close()))
}

// openAt opens a GPU that copies from others.
func openAt(t *testing.T, index int) driver.PeerDevice {
	t.Helper()
	d, err := cuda.Open(index)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d.(driver.PeerDevice)
}

func bytesAt(t *testing.T, d driver.Device, p driver.Pointer) (got [8]byte) {
	t.Helper()
	must(t, d.Download(got[:], p))
	return got
}
