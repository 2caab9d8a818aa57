package gpu

import "github.com/matsense/matsense/gpu/driver"

// bus is a device that counts the bytes between it and the host, how often the host waits, and launches.
type bus struct {
	driver.Device
	up, down        int
	waits, launches int
}

// through puts a bus between a backend and its device. It is there once the backend has opened the device.
func through(b *Backend) *bus {
	counts, connect := &bus{}, b.Connect
	b.Connect = func() (d driver.Device, err error) {
		counts.Device, err = connect()
		return counts, err
	}
	return counts
}

// clear sets the counts to 0.
func (b *bus) clear() { b.up, b.down, b.waits, b.launches = 0, 0, 0, 0 }

// since returns what was counted since an earlier copy of the counts.
func (b *bus) since(earlier bus) bus {
	return bus{
		up: b.up - earlier.up, down: b.down - earlier.down,
		waits: b.waits - earlier.waits, launches: b.launches - earlier.launches,
	}
}

// moved is the number of bytes in both directions.
func (b bus) moved() int { return b.up + b.down }

func (b *bus) Upload(dst driver.Pointer, src []byte) error {
	b.up += len(src)
	b.waits++
	return b.Device.Upload(dst, src)
}

func (b *bus) Download(dst []byte, src driver.Pointer) error {
	b.down += len(dst)
	b.waits++
	return b.Device.Download(dst, src)
}

func (b *bus) Wait() error {
	b.waits++
	return b.Device.Wait()
}

func (b *bus) Free(p driver.Pointer) error {
	b.waits++
	return b.Device.Free(p)
}

func (b *bus) Launch(l driver.Launch) error {
	b.launches++
	return b.Device.Launch(l)
}
