package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// DeviceKind is the part of a device's name that decides bits: auto, cpu, cuda or emulator. GPUs of any model
// and any number give the same bits.
func DeviceKind(device string) string {
	kind, _, _ := strings.Cut(device, ":")
	return kind
}

// GPUs returns the numbers of the GPUs that a device names, as cuda:0,1 does. all says that the device is
// cuda:all; a device that names none gives neither. How many GPUs a run can use, the backend says.
func GPUs(device string) (numbers []int, all bool, err error) {
	list, named := strings.CutPrefix(device, "cuda:")
	switch {
	case !named:
		return nil, false, nil
	case list == "all":
		return nil, true, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || text != strconv.Itoa(n) {
			return nil, false, errDevice(device)
		}
		if slices.Contains(numbers, n) {
			return nil, false, fmt.Errorf("must name each GPU once, got %q", device)
		}
		numbers = append(numbers, n)
	}
	return numbers, false, nil
}

// Emulators returns how many devices are emulated: 2 for emulator:2, and 0 if the device is no emulator.
func Emulators(device string) (count int, err error) {
	text, several := strings.CutPrefix(device, "emulator:")
	switch {
	case device == "emulator":
		return 1, nil
	case !several:
		return 0, nil
	}
	count, err = strconv.Atoi(text)
	if err != nil || text != strconv.Itoa(count) || count < 1 || count > mostEmulated {
		return 0, fmt.Errorf("must be emulator:N with N from 1 to %d, got %q", mostEmulated, device)
	}
	return count, nil
}

// mostEmulated is the most devices that are emulated.
const mostEmulated = 64

// checkDevice returns an error if a device's name is not well formed.
func checkDevice(name string) error {
	if slices.Contains(devices, name) {
		return nil
	}
	numbers, all, err := GPUs(name)
	if err != nil || all || len(numbers) > 0 {
		return err
	}
	if count, err := Emulators(name); err != nil || count > 0 {
		return err
	}
	return errDevice(name)
}

func errDevice(name string) error {
	return fmt.Errorf("must be auto, cpu, cuda, cuda:0, cuda:1, …, cuda:0,1, cuda:all, emulator or emulator:2, "+
		"got %q", name)
}
