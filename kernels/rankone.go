package kernels

import (
	"fmt"
	"strconv"
	"strings"
)

// TileColumns is the number of columns in the tile of a block of rank_one_times and rank_one_accumulate, the
// number at the end of the kernel's name. TileShare is how many of them each of 16 threads has.
func (v variant) TileColumns() (int, error) {
	columns, err := strconv.Atoi(v.Name[strings.LastIndexByte(v.Name, '_')+1:])
	if err != nil {
		return 0, fmt.Errorf("kernels: %s has no number of columns in its name", v.Name)
	}
	return columns, nil
}

func (v variant) TileShare() (int, error) {
	columns, err := v.TileColumns()
	return columns / 16, err
}
