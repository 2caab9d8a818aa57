package emulator_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

var _ driver.Device = (*emulator.Device)(nil)

// copies is a kernel in which each thread copies one number.
var copies = entry("copies", ".param .u64 in, .param .u64 out", start+`
	ld.global.u32 %r3, [%d3];
	st.global.u32 [%d4], %r3;
`)

func TestInfo(t *testing.T) {
	t.Parallel()
	info := func(c emulator.Config) driver.Info {
		i, err := open(t, c).Info()
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	i := info(emulator.Config{})
	if i.Capability != [2]int{9, 0} || i.Multiprocessors != 4 || i.Memory != 1<<30 || i.Free != 1<<30 ||
		i.L2 != 1<<20 || i.BlockShared != 232448 {
		t.Errorf("the default device is %+v", i)
	}
	if i.Name == "" || i.Driver == "" {
		t.Errorf("the device has no name or no driver: %+v", i)
	}
	c := emulator.Config{
		Capability: [2]int{8, 0}, Multiprocessors: 7, Memory: 1 << 20, BlockShared: 50000, L2: 1 << 16,
	}
	i = info(c)
	if i.Capability != c.Capability || i.Multiprocessors != c.Multiprocessors || i.Memory != c.Memory ||
		i.BlockShared != c.BlockShared || i.L2 != c.L2 {
		t.Errorf("%+v makes %+v", c, i)
	}
	// The CUDA guide's table of compute capabilities, in KiB.
	for capability, want := range map[[2]int]int{
		{7, 0}: 96, {7, 5}: 64, {8, 0}: 163, {8, 6}: 99, {8, 7}: 163, {8, 9}: 99, {9, 0}: 227,
	} {
		if got := info(emulator.Config{Capability: capability}).BlockShared; got != want<<10 {
			t.Errorf("a block of sm %v has %d bytes of shared memory, want %d", capability, got, want<<10)
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	t.Run("alignment and overlap", func(t *testing.T) {
		d := open(t, emulator.Config{})
		type region struct{ from, to driver.Pointer }
		var taken []region
		for _, size := range []int{1, 255, 256, 257, 4096, 3, 100000} {
			p := alloc(t, d, size)
			if p == 0 || p%256 != 0 {
				t.Errorf("%d bytes are at %#x, want a multiple of 256", size, p)
			}
			for _, r := range taken {
				if p < r.to && r.from < p+driver.Pointer(size) {
					t.Errorf("%d bytes at %#x overlap those from %#x", size, p, r.from)
				}
			}
			taken = append(taken, region{p, p + driver.Pointer(size)})
		}
	})
	t.Run("live", func(t *testing.T) {
		d := open(t, emulator.Config{})
		live := func(want int64) {
			t.Helper()
			if got := d.Live(); got != want {
				t.Errorf("%d bytes live, want %d", got, want)
			}
		}
		live(0)
		a, b := alloc(t, d, 512), alloc(t, d, 1024)
		live(1536)
		if err := d.Free(a); err != nil {
			t.Error(err)
		}
		live(1024)
		if err := d.Free(a); err == nil {
			t.Error("memory was freed twice")
		}
		if err := d.Free(b + 256); err == nil {
			t.Error("memory was freed from its middle")
		}
		if err := d.Free(driver.Pointer(1 << 50)); err == nil {
			t.Error("memory that was never allocated was freed")
		}
		live(1024)
		if err := d.Free(b); err != nil {
			t.Error(err)
		}
		live(0)
	})
	t.Run("nothing", func(t *testing.T) {
		d := open(t, emulator.Config{})
		p, err := d.Alloc(0)
		if err != nil {
			t.Fatal(err)
		}
		if d.Live() != 0 {
			t.Errorf("%d bytes live, want 0", d.Live())
		}
		if err := errors.Join(d.Upload(p, nil), d.Download(nil, p), d.Fill(p, 1, 0)); err != nil {
			t.Errorf("copies of nothing: %v", err)
		}
		if err := d.Upload(p, []byte{1}); err == nil {
			t.Error("a byte was put into nothing")
		}
		if err := d.Free(p); err != nil {
			t.Error(err)
		}
		if _, err := d.Alloc(-1); err == nil {
			t.Error("−1 bytes were taken")
		}
	})
	t.Run("limit", func(t *testing.T) {
		const all = 1 << 20
		d := open(t, emulator.Config{Memory: all})
		if _, err := d.Alloc(all + 1); !errors.Is(err, driver.ErrMemory) {
			t.Errorf("error %v, want one that wraps ErrMemory", err)
		}
		if _, err := d.Alloc(1 << 62); !errors.Is(err, driver.ErrMemory) {
			t.Errorf("error %v, want one that wraps ErrMemory", err)
		}
		p := alloc(t, d, all/2)
		i, err := d.Info()
		if err != nil || i.Free > all/2 || i.Free < all/2-4096 || i.Memory != all {
			t.Errorf("%+v, error %v: want half free", i, err)
		}
		if _, err := d.Alloc(all/2 + 256); !errors.Is(err, driver.ErrMemory) {
			t.Errorf("error %v, want one that wraps ErrMemory", err)
		}
		q := alloc(t, d, all/4)
		for _, p := range []driver.Pointer{p, q} {
			if err := d.Free(p); err != nil {
				t.Error(err)
			}
		}
		if p, err = d.Alloc(all * 3 / 4); err != nil {
			t.Errorf("after all was freed: %v", err)
		} else if err := d.Free(p); err != nil {
			t.Error(err)
		}
	})
}

func TestCopies(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const n = 1000
	upload(t, d, make([]byte, n)) // another allocation on either side
	p := alloc(t, d, n)
	upload(t, d, make([]byte, n))
	want := make([]byte, n)
	for i := range want {
		want[i] = byte(i * 7)
	}
	src := bytes.Clone(want)
	if err := d.Upload(p, src); err != nil {
		t.Fatal(err)
	}
	clear(src) // the device has its own copy
	equal(t, download[byte](t, d, p, n), want)
	// Parts of the allocation.
	err := errors.Join(d.Upload(p+100, []byte{1, 2, 3}), d.Fill(p+997, 9, 3), d.Fill(p, 0xab, 5))
	if err != nil {
		t.Fatal(err)
	}
	copy(want[100:], []byte{1, 2, 3})
	copy(want[997:], []byte{9, 9, 9})
	copy(want, bytes.Repeat([]byte{0xab}, 5))
	equal(t, download[byte](t, d, p, n), want)
	equal(t, download[byte](t, d, p+998, 2), []byte{9, 9})
	// From one allocation to another, and within one allocation.
	q := zeros(t, d, n)
	if err := errors.Join(d.Copy(q, p, n), d.Copy(q+500, q+100, 3), d.Copy(q, p, 0)); err != nil {
		t.Fatal(err)
	}
	moved := bytes.Clone(want)
	copy(moved[500:], []byte{1, 2, 3})
	equal(t, download[byte](t, d, q, n), moved)
	equal(t, download[byte](t, d, p, n), want)
	for name, do := range map[string]func() error{
		"copy past the end":      func() error { return d.Copy(q+1, p, n) },
		"copy from past the end": func() error { return d.Copy(q, p+1, n) },
		"copy over itself":       func() error { return d.Copy(q+1, q, 2) },
		"copy of a negative":     func() error { return d.Copy(q, p, -1) },
		"upload past the end":    func() error { return d.Upload(p+998, make([]byte, 3)) },
		"upload before":          func() error { return d.Upload(p-1, make([]byte, 3)) },
		"download past the end":  func() error { return d.Download(make([]byte, n+1), p) },
		"download from the end":  func() error { return d.Download(make([]byte, 1), p+n) },
		"download from anywhere": func() error { return d.Download(make([]byte, 1), 12345) },
		"fill past the end":      func() error { return d.Fill(p+1, 0, n) },
		"fill beyond everything": func() error { return d.Fill(p, 0, 1<<62) },
		"fill of a negative":     func() error { return d.Fill(p, 0, -1) },
		"upload to no pointer":   func() error { return d.Upload(0, []byte{1}) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	equal(t, download[byte](t, d, p, n), want)
	if err := d.Free(p); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"upload":   func() error { return d.Upload(p, []byte{1}) },
		"download": func() error { return d.Download(make([]byte, 1), p) },
		"fill":     func() error { return d.Fill(p, 0, 1) },
		"copy":     func() error { return d.Copy(q, p, 1) },
	} {
		if err := do(); err == nil {
			t.Errorf("%s of freed memory: no error", name)
		}
	}
}

// A copy of unwritten bytes is unwritten too.
func TestCopyOfUnwritten(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "copies", copies)
	a, b, out := alloc(t, d, 4*64), alloc(t, d, 4*64), zeros(t, d, 4*64)
	if err := errors.Join(d.Fill(a, 1, 4*40), d.Copy(b, a, 4*64)); err != nil {
		t.Fatal(err)
	}
	l := driver.Launch{
		Kernel: k, Grid: line(1), Block: line(40), Args: []driver.Arg{driver.Ptr(b), driver.Ptr(out)},
	}
	launch(t, d, l)
	l.Block = line(41)
	var f *emulator.Fault
	err := d.Launch(l)
	if !errors.As(err, &f) || f.Kind != emulator.Uninitialized || f.Thread != [3]int{40, 0, 0} {
		t.Errorf("error %v, want an uninitialized read by thread 40", err)
	}
	if err := errors.Join(d.Fill(a, 1, 4*64), d.Copy(b+4*40, a+4*40, 4*24)); err != nil {
		t.Fatal(err)
	}
	launch(t, d, l)
}

func TestLoad(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	t.Run("one of several", func(t *testing.T) {
		text := head
		for _, v := range []string{"one", "two", "three"} {
			number := map[string]string{"one": "1", "two": "2", "three": "3"}[v]
			body := "\tld.param.u64 %d0, [out];\n\tst.global.u32 [%d0], " + number + ";\n"
			text += strings.TrimPrefix(entry(v, ".param .u64 out", body), head)
		}
		out := zeros(t, d, 4)
		for i, v := range []string{"one", "two", "three"} {
			k := load(t, d, v, text)
			if k.Name() != v {
				t.Errorf("%s is called %s", v, k.Name())
			}
			launch(t, d, driver.Launch{
				Kernel: k, Grid: line(1), Block: line(1), Args: []driver.Arg{driver.Ptr(out)},
			})
			equal(t, download[uint32](t, d, out, 1), []uint32{uint32(i + 1)})
		}
		if _, err := d.Load("four", text); err == nil || !strings.Contains(err.Error(), "four") {
			t.Errorf("error %v, want one that names four", err)
		}
		if _, err := d.Load("on", text); err == nil {
			t.Error("a part of a name was taken for it")
		}
	})
	t.Run("resources", func(t *testing.T) {
		k := load(t, d, "plain", entry("plain", "", ""))
		if got, want := k.Resources(), (driver.Resources{MostThreads: 1024}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		text := entry("more", "", "\t.shared .align 4 .b8 a[100];\n\t.local .align 8 .b8 b[64];\n")
		text = strings.Replace(text, ")\n{", ")\n.maxntid 128, 1, 1\n{", 1)
		want := driver.Resources{Shared: 100, Local: 64, MostThreads: 128}
		if got := load(t, d, "more", text).Resources(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
	t.Run("target", func(t *testing.T) {
		for _, tt := range []struct {
			capability [2]int
			target     string
			good       bool
		}{
			{[2]int{7, 0}, "sm_70", true},
			{[2]int{7, 0}, "sm_80", false},
			{[2]int{8, 0}, "sm_70", true},
			{[2]int{8, 0}, "sm_90", false},
			{[2]int{9, 0}, "sm_90", true},
			{[2]int{8, 6}, "sm_80", true},
			{[2]int{8, 0}, "sm_86", false},
		} {
			d := open(t, emulator.Config{Capability: tt.capability})
			_, err := d.Load("plain", strings.Replace(entry("plain", "", ""), "sm_90", tt.target, 1))
			if tt.good != (err == nil) {
				t.Errorf("%s on a device of %v: error %v", tt.target, tt.capability, err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.target) {
				t.Errorf("the error %q does not name %s", err, tt.target)
			}
		}
	})
}

// Launches that a driver refuses; the error says why.
func TestLaunchRefused(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{BlockShared: 49152})
	const n = 64
	in, out := upload(t, d, sequence[uint32](n)), zeros(t, d, 4*n)
	args := []driver.Arg{driver.Ptr(in), driver.Ptr(out)}
	plain := load(t, d, "copies", copies)
	few := load(t, d, "copies", strings.Replace(copies, ")\n{", ")\n.maxntid 32, 1, 1\n{", 1))
	exact := load(t, d, "copies", strings.Replace(copies, ")\n{", ")\n.reqntid 32, 1, 1\n{", 1))
	static := load(t, d, "copies", strings.Replace(copies,
		"\tld.param.u64 %d0", "\t.shared .align 4 .b8 tile[1024];\n\tld.param.u64 %d0", 1))
	empty := load(t, d, "empty", entry("empty", "", ""))
	resident, err := plain.Resident(64, 0)
	if err != nil || resident < 4 {
		t.Fatalf("%d blocks are resident, error %v, want at least one for each of 4 multiprocessors",
			resident, err)
	}
	good := driver.Launch{Kernel: plain, Grid: line(1), Block: line(n), Args: args}
	for _, tt := range []struct {
		name string
		do   func(l *driver.Launch)
		good bool
	}{
		{"as it should be", func(*driver.Launch) {}, true},
		{"no arguments", func(l *driver.Launch) { l.Args = nil }, false},
		{"an argument too few", func(l *driver.Launch) { l.Args = args[:1] }, false},
		{"an argument too many", func(l *driver.Launch) { l.Args = append(slices.Clone(args), 0) }, false},
		{"block of 1025", func(l *driver.Launch) { l.Block = line(1025) }, false},
		{"block of 32 × 33", func(l *driver.Launch) { l.Block = driver.Dim{32, 33, 1} }, false},
		{"block of 65 in z", func(l *driver.Launch) { l.Block = driver.Dim{1, 1, 65} }, false},
		{"block of none", func(l *driver.Launch) { l.Block = driver.Dim{64, 0, 1} }, false},
		{"grid of none", func(l *driver.Launch) { l.Grid = driver.Dim{} }, false},
		{"negative grid", func(l *driver.Launch) { l.Grid = driver.Dim{-1, -1, 1} }, false},
		{"grid of 65535 in y", func(l *driver.Launch) {
			l.Kernel, l.Grid, l.Block, l.Args = empty, driver.Dim{1, 65535, 1}, line(1), nil
		}, true},
		{"grid of 65535 in z", func(l *driver.Launch) {
			l.Kernel, l.Grid, l.Block, l.Args = empty, driver.Dim{1, 1, 65535}, line(1), nil
		}, true},
		{"grid of 65536 in z", func(l *driver.Launch) { l.Grid = driver.Dim{1, 1, 65536} }, false},
		{"grid of 65536 in y", func(l *driver.Launch) { l.Grid = driver.Dim{1, 65536, 1} }, false},
		{"all shared memory", func(l *driver.Launch) { l.Shared = 49152 }, true},
		{"too much shared memory", func(l *driver.Launch) { l.Shared = 49153 }, false},
		{"negative shared memory", func(l *driver.Launch) { l.Shared = -4 }, false},
		{"all shared memory, with static",
			func(l *driver.Launch) { l.Kernel, l.Shared = static, 49152-1024 }, true},
		{"too much shared memory, with static",
			func(l *driver.Launch) { l.Kernel, l.Shared = static, 49152-1023 }, false},
		{"as many threads as .maxntid", func(l *driver.Launch) { l.Kernel, l.Block = few, line(32) }, true},
		{"fewer threads than .maxntid", func(l *driver.Launch) { l.Kernel, l.Block = few, line(31) }, true},
		{"more threads than .maxntid", func(l *driver.Launch) { l.Kernel, l.Block = few, line(33) }, false},
		{"as many threads as .reqntid", func(l *driver.Launch) { l.Kernel, l.Block = exact, line(32) }, true},
		{"fewer threads than .reqntid",
			func(l *driver.Launch) { l.Kernel, l.Block = exact, line(31) }, false},
		{"cooperative", func(l *driver.Launch) { l.Cooperative = true }, true},
		{"cooperative and too large",
			func(l *driver.Launch) { l.Cooperative, l.Grid = true, line(resident+1) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := good
			tt.do(&l)
			err := d.Launch(l)
			if tt.good != (err == nil) {
				t.Fatalf("%v: error %v", l, err)
			}
			if err == nil {
				return
			}
			for _, word := range []string{"copies", l.Grid.String(), l.Block.String()} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the error %q does not say %s", err, word)
				}
			}
			var f *emulator.Fault
			if errors.As(err, &f) {
				t.Errorf("%v blames the kernel", err)
			}
		})
	}
	equal(t, download[uint32](t, d, out, n), sequence[uint32](n))
}

func TestResident(t *testing.T) {
	t.Parallel()
	const processors = 3
	d := open(t, emulator.Config{Multiprocessors: processors})
	k := load(t, d, "copies", copies)
	resident := func(threads, shared int) int {
		t.Helper()
		n, err := k.Resident(threads, shared)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// A multiprocessor of sm_90 has 2048 threads, 32 blocks and 228 KiB, of which a block can have 227.
	for _, tt := range []struct{ threads, shared, want int }{
		{1024, 0, 2}, {1023, 0, 2}, {512, 0, 4}, {64, 0, 32}, {32, 0, 32}, {1, 0, 32}, {32, 232448, 1},
		{1024, 150000, 1}, {256, 100 << 10, 2},
	} {
		if got := resident(tt.threads, tt.shared); got != tt.want*processors {
			t.Errorf("%d blocks of %d threads and %d bytes are resident, want %d",
				got, tt.threads, tt.shared, tt.want*processors)
		}
	}
	// As many blocks as are Resident do run at the same time: each waits for all.
	all := load(t, d, "all", entry("all", ".param .u64 count", `
	ld.param.u64 %d0, [count];
	mov.u32 %r1, %nctaid.x;
	mov.u32 %r0, %tid.x;
	setp.ne.u32 %p0, %r0, 0;
	@%p0 bra end;
	red.release.gpu.global.add.u32 [%d0], 1;
again:
	ld.acquire.gpu.global.u32 %r2, [%d0];
	setp.lt.u32 %p0, %r2, %r1;
	@%p0 bra again;
end:
`))
	count := zeros(t, d, 4)
	n := resident(512, 0)
	launch(t, d, driver.Launch{
		Kernel: all, Grid: line(n), Block: line(512), Cooperative: true,
		Args: []driver.Arg{driver.Ptr(count)},
	})
	equal(t, download[uint32](t, d, count, 1), []uint32{uint32(n)})
}

func TestMarks(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const n = 1024
	in, out := upload(t, d, sequence[uint32](n)), zeros(t, d, 4*n)
	k := load(t, d, "copies", copies)
	mark := func() driver.Mark {
		m, err := d.Mark()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first, second := mark(), mark()
	launch(t, d, driver.Launch{
		Kernel: k, Grid: line(1), Block: line(n), Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
	})
	third := mark()
	if took, err := d.Elapsed(second, third); err != nil || took <= 0 {
		t.Errorf("a launch took %v, error %v", took, err)
	}
	fourth := mark()
	if took, err := d.Elapsed(first, fourth); err != nil || took <= 0 {
		t.Errorf("all took %v, error %v", took, err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	d := emulator.New(emulator.Config{})
	k := load(t, d, "copies", copies)
	in, out := zeros(t, d, 256), zeros(t, d, 256)
	m, err := d.Mark()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if d.Live() != 0 {
		t.Errorf("%d bytes live, want 0", d.Live())
	}
	for name, do := range map[string]func() error{
		"Alloc":    func() error { _, err := d.Alloc(1); return err },
		"Free":     func() error { return d.Free(in) },
		"Upload":   func() error { return d.Upload(in, []byte{1}) },
		"Download": func() error { return d.Download(make([]byte, 1), in) },
		"Fill":     func() error { return d.Fill(in, 0, 1) },
		"Copy":     func() error { return d.Copy(out, in, 1) },
		"Load":     func() error { _, err := d.Load("copies", copies); return err },
		"Launch": func() error {
			return d.Launch(driver.Launch{
				Kernel: k, Grid: line(1), Block: line(64),
				Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
			})
		},
		"Wait":    func() error { return d.Wait() },
		"Mark":    func() error { _, err := d.Mark(); return err },
		"Elapsed": func() error { _, err := d.Elapsed(m, m); return err },
		"Info":    func() error { _, err := d.Info(); return err },
	} {
		if do() == nil {
			t.Errorf("%s of a closed device: no error", name)
		}
	}
}

// The chosen operation and all later ones fail.
func TestFail(t *testing.T) {
	t.Parallel()
	type step struct {
		name string
		do   func(d *emulator.Device, k driver.Kernel, p driver.Pointer) error
	}
	steps := []step{
		{"Alloc", func(d *emulator.Device, _ driver.Kernel, _ driver.Pointer) error {
			_, err := d.Alloc(1)
			return err
		}},
		{"Upload", func(d *emulator.Device, _ driver.Kernel, p driver.Pointer) error {
			return d.Upload(p, make([]byte, 256))
		}},
		{"Download", func(d *emulator.Device, _ driver.Kernel, p driver.Pointer) error {
			return d.Download(make([]byte, 1), p)
		}},
		{"Fill", func(d *emulator.Device, _ driver.Kernel, p driver.Pointer) error {
			return d.Fill(p, 0, 1)
		}},
		{"Launch", func(d *emulator.Device, k driver.Kernel, p driver.Pointer) error {
			return d.Launch(driver.Launch{
				Kernel: k, Grid: line(1), Block: line(32), Args: []driver.Arg{driver.Ptr(p), driver.Ptr(p)},
			})
		}},
		{"Wait", func(d *emulator.Device, _ driver.Kernel, _ driver.Pointer) error { return d.Wait() }},
		{"Mark", func(d *emulator.Device, _ driver.Kernel, _ driver.Pointer) error {
			_, err := d.Mark()
			return err
		}},
	}
	for after := 1; after <= len(steps); after++ {
		t.Run(steps[after-1].name, func(t *testing.T) {
			d := emulator.New(emulator.Config{})
			k := load(t, d, "copies", copies)
			p := zeros(t, d, 256)
			d.Fail(after, driver.ErrLost)
			for i, s := range steps {
				err := s.do(d, k, p)
				if i+1 < after && err != nil {
					t.Errorf("%s, the operation %d: %v", s.name, i+1, err)
				}
				if i+1 >= after && !errors.Is(err, driver.ErrLost) {
					t.Errorf("%s, the operation %d: error %v, want one that wraps ErrLost", s.name, i+1, err)
				}
			}
			if err := d.Copy(p, p+128, 1); !errors.Is(err, driver.ErrLost) {
				t.Errorf("a copy after them: error %v, want one that wraps ErrLost", err)
			}
			// A lost device can still be closed; Close may return an error or not.
			_ = d.Close()
		})
	}
}

// Two launches with the same input leave the same bits and the same counts.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	k := entry("sum", ".param .u64 in, .param .u64 out", start+`
	ld.global.f32 %f0, [%d3];
	red.global.add.f32 [%d1], %f0;
	atom.global.add.f32 %f1, [%d1+4], %f0;
	st.global.f32 [%d4+8], %f1;
`)
	const n = 640
	var first []uint32
	var counts emulator.Traffic
	for i := range 2 {
		d := open(t, emulator.Config{})
		data := make([]float32, n)
		for i := range data {
			data[i] = 1 / float32(i+1)
		}
		in, out := upload(t, d, data), zeros(t, d, 8+4*n)
		launch(t, d, driver.Launch{
			Kernel: load(t, d, "sum", k), Grid: line(10), Block: line(64),
			Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
		})
		got := download[uint32](t, d, out, 2+n)
		if i == 0 {
			first, counts = got, d.Traffic("sum")
			continue
		}
		equal(t, got, first)
		if again := d.Traffic("sum"); again != counts {
			t.Errorf("traffic %+v, then %+v", counts, again)
		}
	}
}
