package emulator_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"math"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/kernels"
)

// The kernel combine does dst = a·x + b·y. Here dst, x and y are the same two numbers.
func Example() {
	device := emulator.New(emulator.Config{})
	kernel, err := device.Load("combine", kernels.Get("combine").Text)
	if err != nil {
		log.Fatal(err)
	}
	at, err := device.Alloc(16)
	if err != nil {
		log.Fatal(err)
	}
	var data []byte
	for _, v := range []float64{1, 2} {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
	}
	err = errors.Join(
		device.Upload(at, data),
		device.Launch(driver.Launch{
			Kernel: kernel, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{256, 1, 1},
			Args: []driver.Arg{
				driver.Ptr(at), driver.Ptr(at), driver.Ptr(at), driver.F64(3), driver.F64(4), driver.U32(2),
			},
		}),
		device.Download(data, at),
	)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 2 {
		fmt.Println(math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
	}
	// Output:
	// 7
	// 14
}
