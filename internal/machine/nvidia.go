package machine

import (
	"io/fs"
	"path"
	"strings"
)

// HasNVIDIA reports whether the machine has a GPU of NVIDIA, whether or not this process can use it: Linux
// lists it on the PCI bus or has its device, and the Linux of a Windows machine has the device of Windows's
// driver.
func HasNVIDIA() bool { return hasNVIDIA(root()) }

func hasNVIDIA(root fs.FS) bool {
	for _, device := range []string{"dev/nvidiactl", "dev/dxg"} {
		if _, err := fs.Stat(root, device); err == nil {
			return true
		}
	}
	const nvidia, display = "0x10de", "0x03" // PCI's numbers of the vendor and of the class
	vendors, _ := fs.Glob(root, "sys/bus/pci/devices/*/vendor")
	for _, file := range vendors {
		vendor, _ := fs.ReadFile(root, file)
		class, _ := fs.ReadFile(root, path.Join(path.Dir(file), "class"))
		if strings.TrimSpace(string(vendor)) == nvidia && strings.HasPrefix(string(class), display) {
			return true
		}
	}
	return false
}
