package machine

import (
	"testing"
	"testing/fstest"
)

// TestHasNVIDIA: a display or 3D controller of NVIDIA counts, and neither its sound nor another vendor's.
func TestHasNVIDIA(t *testing.T) {
	pci := func(vendor, class string) fstest.MapFS {
		const device = "sys/bus/pci/devices/0000:01:00.0/"
		return fstest.MapFS{
			device + "vendor": {Data: []byte(vendor + "\n")}, device + "class": {Data: []byte(class + "\n")},
		}
	}
	for name, c := range map[string]struct {
		root fstest.MapFS
		want bool
	}{
		"nothing":                {fstest.MapFS{}, false},
		"3D controller":          {pci("0x10de", "0x030200"), true},
		"VGA controller":         {pci("0x10de", "0x030000"), true},
		"NVIDIA's sound":         {pci("0x10de", "0x040300"), false},
		"another vendor's GPU":   {pci("0x1002", "0x030000"), false},
		"the driver's device":    {fstest.MapFS{"dev/nvidiactl": {}}, true},
		"the device in Windows":  {fstest.MapFS{"dev/dxg": {}}, true},
		"a network card, no GPU": {pci("0x8086", "0x020000"), false},
	} {
		if got := hasNVIDIA(c.root); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
