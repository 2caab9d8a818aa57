package emulator

import "time"

// special is a special register.
type special struct {
	kind    kind
	changes bool // its value changes while a block runs
	value   func(w *warp, lane int) uint64
}

// specials are the special registers that this device knows.
var specials = map[string]special{
	"%laneid":  word(func(w *warp, lane int) int { return lane }),
	"%warpid":  word(func(w *warp, lane int) int { return w.index }),
	"%nwarpid": word(func(w *warp, lane int) int { return 64 }),
	"%smid": word(func(w *warp, lane int) int {
		return int(w.block.number) % w.device.config.Multiprocessors
	}),
	"%nsmid":    word(func(w *warp, lane int) int { return w.device.config.Multiprocessors }),
	"%tid.x":    word(func(w *warp, lane int) int { return w.launch.thread(32*w.index + lane)[0] }),
	"%tid.y":    word(func(w *warp, lane int) int { return w.launch.thread(32*w.index + lane)[1] }),
	"%tid.z":    word(func(w *warp, lane int) int { return w.launch.thread(32*w.index + lane)[2] }),
	"%ntid.x":   word(func(w *warp, lane int) int { return w.launch.size[0] }),
	"%ntid.y":   word(func(w *warp, lane int) int { return w.launch.size[1] }),
	"%ntid.z":   word(func(w *warp, lane int) int { return w.launch.size[2] }),
	"%ctaid.x":  word(func(w *warp, lane int) int { return w.block.id[0] }),
	"%ctaid.y":  word(func(w *warp, lane int) int { return w.block.id[1] }),
	"%ctaid.z":  word(func(w *warp, lane int) int { return w.block.id[2] }),
	"%nctaid.x": word(func(w *warp, lane int) int { return w.launch.grid[0] }),
	"%nctaid.y": word(func(w *warp, lane int) int { return w.launch.grid[1] }),
	"%nctaid.z": word(func(w *warp, lane int) int { return w.launch.grid[2] }),
	"%gridid":   {kind{'u', 8}, false, func(w *warp, lane int) uint64 { return w.launch.began }},

	"%lanemask_eq": word(func(w *warp, lane int) int { return 1 << lane }),
	"%lanemask_lt": word(func(w *warp, lane int) int { return 1<<lane - 1 }),
	"%lanemask_le": word(func(w *warp, lane int) int { return 2<<lane - 1 }),
	"%lanemask_gt": word(func(w *warp, lane int) int { return -2 << lane }),
	"%lanemask_ge": word(func(w *warp, lane int) int { return -1 << lane }),

	"%dynamic_smem_size": word(func(w *warp, lane int) int { return w.launch.dynamic }),
	"%total_smem_size":   word(func(w *warp, lane int) int { return w.program.static + w.launch.dynamic }),

	// Time is counted in instructions of the launch (clock) and in nanoseconds of the host (globaltimer).
	"%clock": {kind{'u', 4}, true, func(w *warp, lane int) uint64 {
		return uint64(uint32(w.launch.steps))
	}},
	"%clock64": {kind{'u', 8}, true, func(w *warp, lane int) uint64 { return uint64(w.launch.steps) }},
	"%globaltimer": {kind{'u', 8}, true, func(w *warp, lane int) uint64 {
		return uint64(time.Now().UnixNano())
	}},
}

// word is a 32-bit special register that keeps its value while a block runs.
func word(value func(w *warp, lane int) int) special {
	return special{kind{'u', 4}, false, func(w *warp, lane int) uint64 {
		return uint64(uint32(value(w, lane)))
	}}
}
