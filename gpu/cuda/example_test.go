package cuda_test

import (
	"errors"
	"fmt"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

// Devices lists the GPUs. Without a GPU, or in a build without the tag cuda, the error says why there is
// none.
func ExampleDevices() {
	gpus, err := cuda.Devices()
	for _, gpu := range gpus {
		fmt.Printf("%s, compute capability %d.%d\n", gpu.Name, gpu.Capability[0], gpu.Capability[1])
	}
	if errors.Is(err, driver.ErrNoDevice) {
		fmt.Println(err)
	}
}
