package drivertest

import "github.com/matsense/matsense/gpu/driver"

// Bus is a device that counts the bytes that cross the bus between host and device, how often the host waits
// for the device, and launches.
type Bus struct {
	driver.Device
	// Up has the bytes of all calls of Upload that succeeded, Down those of Download.
	Up, Down int64
	// Waits counts the calls that wait for the device: Upload, Download, Free and Wait.
	Waits int
	// Launches counts the calls of Launch.
	Launches int
}

// Upload implements driver.Device.
func (b *Bus) Upload(dst driver.Pointer, src []byte) error {
	b.Waits++
	err := b.Device.Upload(dst, src)
	if err == nil {
		b.Up += int64(len(src))
	}
	return err
}

// Download implements driver.Device.
func (b *Bus) Download(dst []byte, src driver.Pointer) error {
	b.Waits++
	err := b.Device.Download(dst, src)
	if err == nil {
		b.Down += int64(len(dst))
	}
	return err
}

// Wait implements driver.Device.
func (b *Bus) Wait() error {
	b.Waits++
	return b.Device.Wait()
}

// Free implements driver.Device.
func (b *Bus) Free(p driver.Pointer) error {
	b.Waits++
	return b.Device.Free(p)
}

// Launch implements driver.Device.
func (b *Bus) Launch(l driver.Launch) error {
	b.Launches++
	return b.Device.Launch(l)
}

// Reset sets all counts to 0.
func (b *Bus) Reset() { *b = Bus{Device: b.Device} }

// Since returns what was counted since an earlier copy of the counts.
func (b *Bus) Since(earlier Bus) Bus {
	return Bus{
		Up: b.Up - earlier.Up, Down: b.Down - earlier.Down,
		Waits: b.Waits - earlier.Waits, Launches: b.Launches - earlier.Launches,
	}
}

// Moved is the number of bytes in both directions.
func (b Bus) Moved() int64 { return b.Up + b.Down }
