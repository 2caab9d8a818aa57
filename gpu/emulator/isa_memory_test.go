package emulator_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// space is a state space with 8 bytes for each thread; before declares them and loads their address into %at.
type space struct{ name, before string }

var spaces = []space{
	{".global", "mov.u64 %at, %cell;"},
	{"", "mov.u64 %at, %cell;"}, // generic
	{".local", ".local .align 8 .b8 own[8]; mov.u64 %at, own;"},
	{".shared",
		".shared .align 8 .b8 tile[1024]; mov.u32 %word, %tid.x; mul.wide.u32 %at, %word, 8; " +
			"mov.u64 %offset, tile; add.u64 %at, %at, %offset;"},
}

// random64 returns numbers of 64 bits.
func random64(n int, seed uint64) []uint64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]uint64, n)
	for i := range out {
		out[i] = rng.Uint64()
	}
	return out
}

// A load fills a wider register with the sign of a signed type, and with zeros for others.
func TestLoadWidths(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	operands := product(random64(20, 1))
	for _, s := range spaces {
		for _, k := range append([]integer{{"b8", 8, false}, b16, b32, b64}, integers...) {
			for _, hold := range []integer{b16, b32, b64} {
				if hold.width < k.width {
					continue
				}
				t.Run(fmt.Sprintf("ld%s.%s into %s", s.name, k.name, hold.name), func(t *testing.T) {
					at := 8 - k.width/8
					o := operation{
						fmt.Sprintf("{ .reg .b64 %%at; %s st%s.b64 [%%at], %%a; ld%s.%s %%d, [%%at+%d]; "+
							"ld%s.%s %%e, [%%at]; }",
							s.before, s.name, s.name, k.name, at, s.name, k.name),
						repeat(hold.name, 2), kinds("b64"),
					}
					o.check(t, d, operands, func(x []uint64) []uint64 {
						return []uint64{hold.wrap(k.of(x[0] >> (8 * at))), hold.wrap(k.of(x[0]))}
					})
				})
			}
		}
	}
}

// A store writes the low bits of a wider register and leaves the neighbouring bytes unchanged.
func TestStoreWidths(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	operands := product(random64(6, 2), random64(6, 3))
	for _, s := range spaces {
		for _, k := range append([]integer{{"b8", 8, false}, b16, b32, b64}, integers...) {
			for _, hold := range []integer{b16, b32, b64} {
				if hold.width < k.width {
					continue
				}
				t.Run(fmt.Sprintf("st%s.%s of %s", s.name, k.name, hold.name), func(t *testing.T) {
					at := 8 - k.width/8
					o := operation{
						fmt.Sprintf("{ .reg .b64 %%at; .reg .%s %%v; %s cvt.u%d.u64 %%v, %%b; "+
							"st%s.b64 [%%at], %%a; st%s.%s [%%at+%d], %%v; ld%s.b64 %%d, [%%at]; }",
							hold.name, s.before, hold.width, s.name, s.name, k.name, at, s.name),
						kinds("b64"), kinds("b64", "b64"),
					}
					o.check(t, d, operands, func(x []uint64) []uint64 {
						keep := uint64(1)<<(8*at) - 1
						return []uint64{x[0]&keep | k.mask(x[1])<<(8*at)}
					})
				})
			}
		}
	}
}

// The first element of a vector is at the lowest address.
func TestVectorsWithinACell(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	operands := product(random64(20, 4))
	for _, s := range spaces {
		for _, k := range []integer{u8, s8, u16, s16, u32, s32} {
			t.Run(fmt.Sprintf("ld%s.v2.%s", s.name, k.name), func(t *testing.T) {
				o := operation{
					fmt.Sprintf("{ .reg .b64 %%at; %s st%s.b64 [%%at], %%a; ld%s.v2.%s {%%d, %%e}, [%%at]; }",
						s.before, s.name, s.name, k.name),
					kinds("b32", "b32"), kinds("b64"),
				}
				o.check(t, d, operands, func(x []uint64) []uint64 {
					return []uint64{b32.wrap(k.of(x[0])), b32.wrap(k.of(x[0] >> k.width))}
				})
			})
		}
		for _, k := range []integer{u8, s8, u16, s16} {
			name := fmt.Sprintf("ld%s.v4.%s and st%s.v4.%s", s.name, k.name, s.name, k.name)
			t.Run(name, func(t *testing.T) {
				o := operation{
					fmt.Sprintf("{ .reg .b64 %%at; .reg .b32 %%v<4>; %s st%s.b64 [%%at], %%a; "+
						"ld%s.v4.%s {%%v0, %%v1, %%v2, %%v3}, [%%at]; "+
						"st%s.v4.%s [%%at], {%%v3, %%v2, %%v1, %%v0}; ld%s.b64 %%d, [%%at]; }",
						s.before, s.name, s.name, k.name, s.name, k.name, s.name),
					kinds("b64"), kinds("b64"),
				}
				o.check(t, d, operands, func(x []uint64) []uint64 {
					want := x[0]
					for i := range 4 {
						from, to := uint(i)*k.width, uint(3-i)*k.width
						want = want&^(k.mask(1<<64-1)<<to) | k.mask(x[0]>>from)<<to
					}
					return []uint64{want}
				})
			})
		}
	}
}

// 16 bytes at once, with the order of the elements reversed.
func TestVectorsOf16Bytes(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const n = 70
	data := random64(2*n, 5)
	for _, tt := range []struct {
		kind, registers, turned string
		width                   int
	}{
		{"v4.b32", "{%r1, %r2, %r3, %r4}", "{%r4, %r3, %r2, %r1}", 4},
		{"v4.u32", "{%r1, %r2, %r3, %r4}", "{%r4, %r3, %r2, %r1}", 4},
		{"v4.f32", "{%f1, %f2, %f3, %f4}", "{%f4, %f3, %f2, %f1}", 4},
		{"v2.b64", "{%d4, %d5}", "{%d5, %d4}", 8},
		{"v2.s64", "{%d4, %d5}", "{%d5, %d4}", 8},
		{"v2.f64", "{%g1, %g2}", "{%g2, %g1}", 8},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			k := load(t, d, "turn", entry("turn", ".param .u64 in, .param .u64 out", strings.NewReplacer(
				"KIND", tt.kind, "REGISTERS", tt.registers, "TURNED", tt.turned,
			).Replace(`
	.shared .align 16 .b8 tile[2048];
	ld.param.u64 %d0, [in];
	ld.param.u64 %d1, [out];
	mov.u32 %r0, %tid.x;
	mul.wide.u32 %d2, %r0, 16;
	mov.u64 %d3, tile;
	add.u64 %d3, %d3, %d2;
	add.u64 %d0, %d0, %d2;
	add.u64 %d1, %d1, %d2;
	ld.global.KIND REGISTERS, [%d0];
	st.shared.KIND [%d3], REGISTERS;
	ld.shared.KIND REGISTERS, [%d3];
	st.global.KIND [%d1], TURNED;
`)))
			in, out := upload(t, d, data), zeros(t, d, 16*n)
			launch(t, d, driver.Launch{
				Kernel: k, Grid: line(1), Block: line(n), Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
			})
			want := make([]uint64, len(data))
			for i := range n {
				low, high := data[2*i+1], data[2*i]
				if tt.width == 4 {
					low, high = low<<32|low>>32, high<<32|high>>32
				}
				want[2*i], want[2*i+1] = low, high
			}
			equal(t, download[uint64](t, d, out, 2*n), want)
		})
	}
}

// Other ways to write a plain load or store.
func TestLoadAndStoreModifiers(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for _, store := range []string{
		"st.global", "st.global.cg", "st.global.cs", "st.global.wb",
		"st.relaxed.gpu.global", "st.release.gpu.global", "st.volatile.global", "st.weak.global",
	} {
		for _, fetch := range []string{
			"ld.global", "ld.global.ca", "ld.global.cg", "ld.global.cs",
			"ld.relaxed.gpu.global", "ld.acquire.gpu.global", "ld.volatile.global", "ld.weak.global",
		} {
			t.Run(store+" "+fetch, func(t *testing.T) {
				o := operation{
					fmt.Sprintf("%s.b64 [%%cell], %%a; %s.b32 %%d, [%%cell+4];", store, fetch),
					kinds("b32"), kinds("b64"),
				}
				o.check(t, d, product(random64(3, 6)), func(x []uint64) []uint64 {
					return []uint64{x[0] >> 32}
				})
			})
		}
	}
	for _, fetch := range []string{
		"ld.global.nc", "ld.global.ca.nc", "ld.global.nc.L1::no_allocate", "ld.global.L1::no_allocate",
		"ld.global.L1::evict_last", "ld.global.L2::128B",
		"ld.global.nc.L1::no_allocate.L2::256B", "ld.global.lu", "ld.global.cv",
	} {
		t.Run(fetch, func(t *testing.T) {
			o := operation{fetch + ".u32 %d, [%cell];", kinds("u32"), kinds("b32")}
			o.check(t, d, product(random64(3, 7)), func([]uint64) []uint64 { return []uint64{0} })
		})
	}
	t.Run("negative offset", func(t *testing.T) {
		o := operation{
			"st.global.b64 [%cell], %a; add.u64 %cell, %cell, 8; ld.global.b32 %d, [%cell+-8]; " +
				"ld.global.b32 %e, [%cell-4];",
			kinds("b32", "b32"), kinds("b64"),
		}
		o.check(t, d, product(random64(3, 8)), func(x []uint64) []uint64 {
			return []uint64{b32.mask(x[0]), x[0] >> 32}
		})
	})
}

// The first register in braces is the lowest part.
func TestPackAndUnpack(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	operands := product(random64(5, 9), random64(5, 10))
	for i, x := range operands {
		operands[i] = []uint64{x[0], x[0] >> 32, b32.mask(x[1]), b16.mask(x[1] >> 40)}
	}
	all := kinds("b64", "b32", "b32", "b16")
	for _, tt := range []struct {
		name string
		o    operation
		want func(x []uint64) []uint64
	}{
		{
			"unpack b64",
			operation{"mov.b64 {%d, %e}, %a;", kinds("b32", "b32"), all},
			func(x []uint64) []uint64 { return []uint64{b32.mask(x[0]), x[0] >> 32} },
		},
		{
			"pack b64",
			operation{"mov.b64 %d, {%b, %c};", kinds("b64"), all},
			func(x []uint64) []uint64 { return []uint64{x[2]<<32 | b32.mask(x[1])} },
		},
		{
			"unpack b32",
			operation{"mov.b32 {%d, %e}, %b;", kinds("b16", "b16"), all},
			func(x []uint64) []uint64 { return []uint64{b16.mask(x[1]), b32.mask(x[1]) >> 16} },
		},
		{
			"pack b32",
			operation{"mov.b32 %d, {%f, %f};", kinds("b32"), all},
			func(x []uint64) []uint64 { return []uint64{x[3]<<16 | x[3]} },
		},
		{
			"turn b64",
			operation{
				"{ .reg .b32 %low, %high; mov.b64 {%low, %high}, %a; mov.b64 %d, {%high, %low}; }",
				kinds("b64"), all,
			},
			func(x []uint64) []uint64 { return []uint64{x[0]<<32 | x[0]>>32} },
		},
		{
			"double to words",
			operation{
				"{ .reg .f64 %x; mov.f64 %x, %a; mov.b64 {%d, %e}, %x; }",
				kinds("b32", "b32"), kinds("f64", "b32", "b32", "b16"),
			},
			func(x []uint64) []uint64 { return []uint64{b32.mask(x[0]), x[0] >> 32} },
		},
		{
			"float and bits",
			operation{
				"{ .reg .f32 %x; mov.b32 %x, %b; mov.b32 %d, %x; mov.b64 %e, %a; }", kinds("b32", "b64"), all,
			},
			func(x []uint64) []uint64 { return []uint64{b32.mask(x[1]), x[0]} },
		},
		{
			"quarters of b64",
			operation{
				"{ .reg .b16 %x<4>; mov.b64 {%x0, %x1, %x2, %x3}, %a; mov.b64 %d, {%x3, %x0, %x2, %x1}; }",
				kinds("b64"), all,
			},
			func(x []uint64) []uint64 {
				return []uint64{x[0]>>48 | x[0]&0xffff<<16 | x[0]>>32&0xffff<<32 | x[0]>>16&0xffff<<48}
			},
		},
		{
			"a part that is thrown away",
			operation{"mov.b64 {_, %d}, %a;\n\tmov.b32 {%e, _}, %b;", kinds("b32", "b16"), all},
			func(x []uint64) []uint64 { return []uint64{x[0] >> 32, b16.mask(x[1])} },
		},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.o.check(t, d, operands, tt.want) })
	}
}

// The generic address of global memory is its global address; shared memory has separate generic addresses.
func TestGenericAddresses(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	operands := product(random64(40, 11))
	for name, text := range map[string]string{
		"global to generic": `cvta.global.u64 %cell, %cell; st.b64 [%cell], %a; ld.b64 %d, [%cell];`,
		"generic to global": `st.b64 [%cell], %a; cvta.to.global.u64 %cell, %cell;
		ld.global.b64 %d, [%cell];`,
		"shared to generic": `{ .shared .align 8 .b8 tile[1024]; .reg .b64 %at;
		mov.u32 %word, %tid.x; mul.wide.u32 %offset, %word, 8;
		mov.u64 %at, tile; cvta.shared.u64 %at, %at; add.u64 %at, %at, %offset; st.b64 [%at], %a;
		mov.u64 %at, tile; add.u64 %at, %at, %offset; ld.shared.b64 %d, [%at]; }`,
		"generic to shared": `{ .shared .align 8 .b8 tile[1024]; .reg .b64 %at;
		mov.u32 %word, %tid.x; mul.wide.u32 %offset, %word, 8;
		mov.u64 %at, tile; add.u64 %at, %at, %offset; st.shared.b64 [%at], %a; cvta.shared.u64 %at, %at;
		cvta.to.shared.u64 %at, %at; ld.shared.b64 %d, [%at]; }`,
	} {
		t.Run(name, func(t *testing.T) {
			o := operation{text, kinds("b64"), kinds("b64")}
			o.check(t, d, operands, func(x []uint64) []uint64 { return x })
		})
	}
}

// Numbers in the text, in every base and as the bits of floats.
func TestLiterals(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	for text, want := range map[string]uint64{
		"mov.u32 %d, 42;":                       42,
		"mov.u32 %d, 42U;":                      42,
		"mov.s32 %d, -1;":                       1<<32 - 1,
		"mov.u32 %d, 0x1F;":                     31,
		"mov.u32 %d, 0XdeadBEEF;":               0xdeadbeef,
		"mov.u32 %d, 017;":                      15,
		"mov.u32 %d, 0b101;":                    5,
		"mov.f32 %d, 0f3F800001;":               uint64(math.Float32bits(1)) + 1,
		"mov.f32 %d, 0F7f800000;":               uint64(math.Float32bits(float32(math.Inf(1)))),
		"mov.f32 %d, 1.5;":                      uint64(math.Float32bits(1.5)),
		"mov.f32 %d, -0.1;":                     uint64(math.Float32bits(-0.1)),
		"add.s32 %d, 7, -9;":                    1<<32 - 2,
		"mov.b32 %d, 0f40490fdb;":               0x40490fdb,
		"{ mov.u32 %d, 1; } // { mov.u32 %d,\n": 1,
		"mov.u32 /* not 2; */ %d,\n\t3 ;":       3,
	} {
		t.Run(text, func(t *testing.T) {
			kind := "b32"
			if strings.Contains(text, "f32") {
				kind = "f32"
			}
			operation{text, kinds(kind), kinds("b32")}.check(t, d, [][]uint64{{0}}, func([]uint64) []uint64 {
				return []uint64{want}
			})
		})
	}
	for text, want := range map[string]uint64{
		"mov.u64 %d, 0xfedcba9876543210;":      0xfedcba9876543210,
		"mov.s64 %d, -2;":                      1<<64 - 2,
		"mov.s64 %d, -9223372036854775807;":    1<<63 + 1,
		"mov.u64 %d, 18446744073709551615U;":   1<<64 - 1,
		"mov.f64 %d, 0d3FF0000000000001;":      math.Float64bits(1) + 1,
		"mov.f64 %d, 0.1;":                     math.Float64bits(0.1),
		"mov.f64 %d, 1e-300;":                  math.Float64bits(1e-300),
		"mov.f64 %d, -2.5E+3;":                 math.Float64bits(-2500),
		"add.f64 %d, 1.0, 0d3FF8000000000000;": math.Float64bits(2.5),
	} {
		t.Run(text, func(t *testing.T) {
			kind := "b64"
			if strings.Contains(text, "f64") {
				kind = "f64"
			}
			operation{text, kinds(kind), kinds("b32")}.check(t, d, [][]uint64{{0}}, func([]uint64) []uint64 {
				return []uint64{want}
			})
		})
	}
}

// Static, dynamic and module-wide shared variables are different bytes.
func TestSharedVariables(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const n = 72
	ptx := entry("variables", ".param .u64 out", `
	.shared .align 4 .b32 second[72];
	.shared .align 8 .f64 third;
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	mul.wide.u32 %d1, %r0, 4;
	mov.u32 %r2, %ctaid.x;
	mad.lo.u32 %r1, %r2, 1000, %r0;
	mov.u64 %d2, first;
	add.u64 %d2, %d2, %d1;
	st.shared.u32 [%d2], %r1;
	add.u32 %r1, %r1, 100;
	mov.u64 %d3, second;
	add.u64 %d3, %d3, %d1;
	st.shared.u32 [%d3], %r1;
	add.u32 %r1, %r1, 100;
	mov.u32 %r3, dynamic;          // shared addresses have 32 bits too
	shl.b32 %r4, %r0, 2;
	add.u32 %r3, %r3, %r4;
	st.shared.u32 [%r3], %r1;
	setp.eq.u32 %p0, %r0, 71;
	@%p0 st.shared.f64 [third], 0d4008000000000000;
	bar.sync 0;
	// Each thread reads the number that the thread opposite in the block wrote.
	sub.u32 %r5, 71, %r0;
	mul.wide.u32 %d4, %r5, 4;
	mov.u64 %d2, first;
	add.u64 %d2, %d2, %d4;
	ld.shared.u32 %r6, [%d2];
	mov.u64 %d3, second;
	add.u64 %d3, %d3, %d4;
	ld.shared.u32 %r7, [%d3];
	mov.u32 %r3, dynamic;
	shl.b32 %r4, %r5, 2;
	add.u32 %r3, %r3, %r4;
	ld.shared.u32 %r8, [%r3];
	ld.shared.f64 %g0, [third];
	cvt.rni.u32.f64 %r9, %g0;
	mad.lo.u32 %r2, %r2, 72, %r0;
	mul.wide.u32 %d5, %r2, 16;
	add.u64 %d0, %d0, %d5;
	st.global.v4.u32 [%d0], {%r6, %r7, %r8, %r9};
`)
	ptx = strings.Replace(ptx, ".visible",
		".shared .align 4 .b8 first[288];\n.extern .shared .align 16 .b8 dynamic[];\n.visible", 1)
	k := load(t, d, "variables", ptx)
	const blocks = 3
	out := zeros(t, d, 16*n*blocks)
	launch(t, d, driver.Launch{
		Kernel: k, Grid: line(blocks), Block: line(n), Shared: 4 * n, Args: []driver.Arg{driver.Ptr(out)},
	})
	var want []uint32
	for b := range uint32(blocks) {
		for i := range uint32(n) {
			v := 1000*b + n - 1 - i
			want = append(want, v, v+100, v+200, 3)
		}
	}
	equal(t, download[uint32](t, d, out, 4*n*blocks), want)
	if got := k.Resources().Shared; got < 288+288+8 || got > 288+288+8+16 {
		t.Errorf("%d bytes of static shared memory, want 584 and what aligns them", got)
	}
}

// Variables are aligned as declared, or to an element's size without an alignment, and none overlap.
func TestVariableAlignment(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	type variable struct {
		declaration string
		align, size int
	}
	list := []variable{
		{".b8 NAME", 1, 1},
		{".align 16 .b8 NAME[3]", 16, 3},
		{".b8 NAME[5]", 1, 5},
		{".f64 NAME", 8, 8},
		{".b8 NAME", 1, 1},
		{".u32 NAME[3]", 4, 12},
		{".b16 NAME", 2, 2},
		{".align 64 .u32 NAME", 64, 4},
		{".f32 NAME[2][2]", 4, 16},
		{".b8 NAME[1]", 1, 1},
		{".align 4 .u16 NAME[2]", 4, 4},
	}
	for _, space := range []string{".shared", ".global", ".const", ".local"} {
		t.Run(space, func(t *testing.T) {
			declarations, body := "", "\tld.param.u64 %d0, [out];\n"
			for i, v := range list {
				name := fmt.Sprintf("v%d", i)
				declarations += space + " " + strings.Replace(v.declaration, "NAME", name, 1) + ";\n"
				body += fmt.Sprintf("\tmov.u64 %%d1, %s;\n\tst.global.u64 [%%d0+%d], %%d1;\n", name, 8*i)
			}
			var ptx string
			if space == ".local" {
				ptx = entry("where", ".param .u64 out", declarations+body)
			} else {
				ptx = strings.Replace(entry("where", ".param .u64 out", body), ".visible",
					declarations+".visible", 1)
			}
			out := zeros(t, d, 8*len(list))
			launch(t, d, driver.Launch{
				Kernel: load(t, d, "where", ptx), Grid: line(1), Block: line(1),
				Args: []driver.Arg{driver.Ptr(out)},
			})
			at := download[uint64](t, d, out, len(list))
			for i, v := range list {
				if at[i]%uint64(v.align) != 0 {
					t.Errorf("%s is at %#x, want a multiple of %d", v.declaration, at[i], v.align)
				}
				for j, w := range list[:i] {
					if at[i] < at[j]+uint64(w.size) && at[j] < at[i]+uint64(v.size) {
						t.Errorf("%s at %#x overlaps %s at %#x", v.declaration, at[i], w.declaration, at[j])
					}
				}
			}
		})
	}
}

// Tables of a module: initialised, partly initialised, uninitialised, in several dimensions, and their
// contents after a launch.
func TestModuleVariables(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	ptx := strings.Replace(entry("tables", ".param .u64 out", `
	ld.param.u64 %d0, [out];
	mov.u32 %r0, %tid.x;
	mul.wide.u32 %d1, %r0, 8;
	add.u64 %d0, %d0, %d1;
	mov.u64 %d2, squares;
	mul.wide.u32 %d3, %r0, 4;
	add.u64 %d2, %d2, %d3;
	ld.const.u32 %r1, [%d2];
	st.global.u64 [%d0], 0;
	st.global.u32 [%d0], %r1;
	ld.const.u32 %r1, [squares+12];
	st.global.u32 [%d0+32], %r1;
	mov.u64 %d2, halves;
	add.u64 %d2, %d2, %d1;
	ld.global.f64 %g0, [%d2];
	st.global.f64 [%d0+64], %g0;
	mov.u64 %d2, bytes;
	cvt.u64.u32 %d3, %r0;
	add.u64 %d2, %d2, %d3;
	ld.global.u8 %d4, [%d2];
	st.global.u64 [%d0+96], %d4;
	mov.u64 %d2, grid;
	mul.wide.u32 %d3, %r0, 4;
	add.u64 %d2, %d2, %d3;
	ld.global.s32 %d4, [%d2+8];
	st.global.u64 [%d0+128], %d4;
	mov.u64 %d2, blank;
	add.u64 %d2, %d2, %d1;
	ld.global.u64 %d4, [%d2];
	st.global.u64 [%d0+160], %d4;
	atom.global.add.u32 %r1, [counter], 1;
	cvt.u64.u32 %d4, %r1;
	st.global.u64 [%d0+192], %d4;
`), ".visible", `.const .align 4 .u32 squares[4] = {0, 1, 4, 9};
.global .align 8 .f64 halves[4] = {0.5, 0d3FF8000000000000, -2.5};
.global .u8 bytes[4] = {255, 0x7f, 2};
.global .align 4 .s32 grid[2][3] = {{1, 2, -3}, {4, -5, 6}};
.global .align 8 .b64 blank[4];
.global .u32 counter = 5;
.visible`, 1)
	k := load(t, d, "tables", ptx)
	out := zeros(t, d, 7*32)
	l := driver.Launch{Kernel: k, Grid: line(1), Block: line(4), Args: []driver.Arg{driver.Ptr(out)}}
	launch(t, d, l)
	got := download[uint64](t, d, out, 28)
	bits := func(v float64) uint64 { return math.Float64bits(v) }
	equal(t, got[:24], []uint64{
		0, 1, 4, 9,
		9, 9, 9, 9,
		bits(0.5), bits(1.5), bits(-2.5), 0,
		255, 127, 2, 0,
		1<<64 - 3, 4, 1<<64 - 5, 6,
		0, 0, 0, 0,
	})
	sum := func() uint64 {
		got := download[uint64](t, d, out, 28)
		return got[24] + got[25] + got[26] + got[27]
	}
	if sum() != 5+6+7+8 {
		t.Errorf("the first launch counted %d, want 5 to 8", got[24:])
	}
	launch(t, d, l)
	if sum() != 9+10+11+12 {
		t.Error("the second launch did not go on where the first stopped counting")
	}
	// Another module has its own counter.
	l.Kernel = load(t, d, "tables", ptx)
	launch(t, d, l)
	if sum() != 5+6+7+8 {
		t.Error("the second module did not start to count at 5")
	}
}

// A parameter takes as many low bits of its argument as its type has.
func TestParameters(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	const garbage = 0xfedc_ba98_7654_32f0
	var params []string
	var body strings.Builder
	body.WriteString("\tld.param.u64 %d0, [out];\n")
	args := []driver.Arg{0}
	var want []uint64
	others := []integer{{"b8", 8, false}, b16, b32, b64, {"f32", 32, false}, {"f64", 64, false}}
	for i, k := range append(others, integers...) {
		params = append(params, fmt.Sprintf(".param .%s p%d", k.name, i))
		fmt.Fprintf(&body, "\tmov.u64 %%d1, 0;\n")
		switch k.name {
		case "f32":
			fmt.Fprintf(&body,
				"\tld.param.f32 %%f0, [p%d];\n\tmov.b32 %%r0, %%f0;\n\tcvt.u64.u32 %%d1, %%r0;\n", i)
		case "f64":
			fmt.Fprintf(&body, "\tld.param.f64 %%g0, [p%d];\n\tmov.b64 %%d1, %%g0;\n", i)
		default:
			fmt.Fprintf(&body, "\tld.param.%s %%d1, [p%d];\n", k.name, i)
		}
		fmt.Fprintf(&body, "\tst.global.u64 [%%d0+%d], %%d1;\n", 8*i)
		args = append(args, garbage)
		want = append(want, b64.wrap(k.of(garbage)))
	}
	ptx := entry("many", ".param .u64 .ptr .global .align 8 out,\n\t"+strings.Join(params, ",\n\t"),
		body.String())
	out := zeros(t, d, 8*len(want))
	args[0] = driver.Ptr(out)
	launch(t, d, driver.Launch{Kernel: load(t, d, "many", ptx), Grid: line(1), Block: line(1), Args: args})
	equal(t, download[uint64](t, d, out, len(want)), want)
}

// Parts of a parameter lie at their offsets in bytes.
func TestPartsOfParameters(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	k := load(t, d, "parts", entry("parts", ".param .u64 out, .param .u64 a, .param .f64 b", `
	ld.param.u64 %d0, [out];
	ld.param.u32 %r0, [a];
	ld.param.u32 %r1, [a+4];
	ld.param.u16 %r2, [a+2];
	ld.param.s8 %r3, [a+7];
	st.global.v4.u32 [%d0], {%r0, %r1, %r2, %r3};
	ld.param.u32 %r0, [b+4];
	st.global.u32 [%d0+16], %r0;
`))
	out := zeros(t, d, 20)
	launch(t, d, driver.Launch{
		Kernel: k, Grid: line(1), Block: line(1),
		Args: []driver.Arg{driver.Ptr(out), driver.U64(0xfedc_ba98_7654_3210), driver.F64(-1.5)},
	})
	equal(t, download[uint32](t, d, out, 5), []uint32{0x76543210, 0xfedcba98, 0x7654, 0xfffffffe, 0xbff80000})
}

// The helpers of package driver pass numbers as their bits.
func TestArguments(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	params := ".param .u64 out, .param .f32 a, .param .f64 b, .param .u32 c, .param .s32 e, .param .u64 f"
	k := load(t, d, "arguments", entry("arguments", params, `
	ld.param.u64 %d0, [out];
	ld.param.f32 %f0, [a];
	ld.param.f64 %g0, [b];
	ld.param.u32 %r0, [c];
	ld.param.s32 %r1, [e];
	ld.param.u64 %d1, [f];
	cvt.f64.f32 %g1, %f0;
	st.global.f64 [%d0], %g1;
	st.global.f64 [%d0+8], %g0;
	cvt.rn.f64.u32 %g1, %r0;
	st.global.f64 [%d0+16], %g1;
	cvt.rn.f64.s32 %g1, %r1;
	st.global.f64 [%d0+24], %g1;
	cvt.rn.f64.u64 %g1, %d1;
	st.global.f64 [%d0+32], %g1;
`))
	out := zeros(t, d, 40)
	launch(t, d, driver.Launch{Kernel: k, Grid: line(1), Block: line(1), Args: []driver.Arg{
		driver.Ptr(out), driver.F32(0.1), driver.F64(-1e300), driver.U32(1<<32 - 1), driver.U32(-7),
		driver.U64(1 << 63),
	}})
	equal(t, download[float64](t, d, out, 5), []float64{
		float64(float32(0.1)), -1e300, 1<<32 - 1, -7, 1 << 63,
	})
}

// A name declared in braces differs from the same name outside.
func TestRegisterScopes(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	o := operation{`mov.u32 %d, 1;
	{
		.reg .u32 %d;
		mov.u32 %d, 2;
		{
			.reg .u64 %d;
			.reg .u32 %inner;
			mov.u64 %d, 3;
			cvt.u32.u64 %inner, %d;
			mov.u32 %e, %inner;
		}
		add.u32 %e, %e, %d;
	}
	{
		.reg .u32 %inner;
		mov.u32 %inner, 10;
		add.u32 %e, %e, %inner;
	}`, kinds("u32", "u32"), kinds("u32")}
	o.check(t, d, [][]uint64{{0}}, func([]uint64) []uint64 { return []uint64{1, 15} })
}

// Labels belong to their braces too.
func TestLabelScopes(t *testing.T) {
	t.Parallel()
	d := open(t, emulator.Config{})
	o := operation{`mov.u32 %d, 0;
	{ bra over; add.u32 %d, %d, 1; over: add.u32 %d, %d, 2; }
	{ bra over; add.u32 %d, %d, 4; over: add.u32 %d, %d, 8; }`, kinds("u32"), kinds("u32")}
	o.check(t, d, [][]uint64{{0}}, func([]uint64) []uint64 { return []uint64{10} })
}
