// Start prints which GPUs there are, and must start on every machine.
package main

import (
	"errors"
	"fmt"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

func main() {
	infos, err := cuda.Devices()
	fmt.Println(cuda.Built, infos, err, errors.Is(err, driver.ErrNoDevice))
	_, err = cuda.Open(0)
	fmt.Println(err, errors.Is(err, driver.ErrNoDevice))
}
