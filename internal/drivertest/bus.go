package drivertest

import "github.com/matsense/matsense/gpu/driver"

// Bus is a device that counts the bytes that cross the bus between host and device.
type Bus struct {
	driver.Device
	// Up has the bytes of all calls of Upload that succeeded, Down those of Download.
	Up, Down int64
}

// Upload implements driver.Device.
func (b *Bus) Upload(dst driver.Pointer, src []byte) error {
	err := b.Device.Upload(dst, src)
	if err == nil {
		b.Up += int64(len(src))
	}
	return err
}

// Download implements driver.Device.
func (b *Bus) Download(dst []byte, src driver.Pointer) error {
	err := b.Device.Download(dst, src)
	if err == nil {
		b.Down += int64(len(dst))
	}
	return err
}

// Reset sets both counts to 0.
func (b *Bus) Reset() { b.Up, b.Down = 0, 0 }
