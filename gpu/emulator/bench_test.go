package emulator_test

import (
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
)

// BenchmarkLanes measures the speed of the interpreter, in millions of thread instructions per second: of
// arithmetic alone, of a stream through global memory, and of a sum in shared memory.
func BenchmarkLanes(b *testing.B) {
	for _, bb := range []struct{ name, body string }{
		{"integers", `
	mov.u32 %r3, 0;
	mov.u32 %r4, %tid.x;
again:
	mad.lo.u32 %r4, %r4, 1664525, 1013904223;
	shr.u32 %r5, %r4, 7;
	xor.b32 %r4, %r4, %r5;
	add.u32 %r3, %r3, 1;
	setp.lt.u32 %p0, %r3, 1000;
	@%p0 bra again;
	st.global.u32 [%d4], %r4;
`},
		{"floats", `
	mov.u32 %r3, 0;
	cvt.rn.f64.u32 %g0, %r0;
	mov.f64 %g1, 0d0000000000000000;
	mov.f32 %f0, 0f3F800001;
	mov.f32 %f1, 0f00000000;
again:
	fma.rn.f64 %g1, %g0, %g0, %g1;
	add.rn.f64 %g1, %g1, %g0;
	fma.rn.f32 %f1, %f0, %f0, %f1;
	mul.rn.f32 %f1, %f1, %f0;
	add.u32 %r3, %r3, 1;
	setp.lt.u32 %p0, %r3, 1000;
	@%p0 bra again;
	st.global.f32 [%d4], %f1;
`},
		{"stream", `
	mov.u32 %r3, 0;
	mov.f32 %f0, 0f00000000;
	mov.u64 %d5, %d3;
again:
	ld.global.f32 %f1, [%d5];
	add.rn.f32 %f0, %f0, %f1;
	add.u64 %d5, %d5, 4096;
	add.u32 %r3, %r3, 1;
	setp.lt.u32 %p0, %r3, 200;
	@%p0 bra again;
	st.global.f32 [%d4], %f0;
`},
		{"shared", `
	.shared .align 4 .f32 tile[256];
	mov.u32 %r6, tile;
	mad.lo.u32 %r6, %r0, 4, %r6;
	mov.u32 %r3, 0;
	mov.f32 %f0, 0f3F800000;
again:
	st.shared.f32 [%r6], %f0;
	bar.sync 0;
	ld.shared.f32 %f1, [%r6];
	shfl.sync.bfly.b32 %r7, %r3, 1, 31, 0xffffffff;
	add.rn.f32 %f0, %f0, %f1;
	add.u32 %r3, %r3, 1;
	setp.lt.u32 %p0, %r3, 100;
	@%p0 bra again;
	st.global.f32 [%d4], %f0;
`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			d := open(b, emulator.Config{})
			k := load(b, d, "kernel", entry("kernel", ".param .u64 in, .param .u64 out", `
	ld.param.u64 %d0, [in];
	ld.param.u64 %d1, [out];
	mov.u32 %r0, %tid.x;
	mul.wide.u32 %d2, %r0, 4;
	add.u64 %d3, %d0, %d2;
	add.u64 %d4, %d1, %d2;
`+bb.body))
			in, out := zeros(b, d, 4096*200), zeros(b, d, 4*256)
			l := driver.Launch{
				Kernel: k, Grid: line(1), Block: line(256),
				Args: []driver.Arg{driver.Ptr(in), driver.Ptr(out)},
			}
			d.ResetTraffic()
			b.ReportAllocs()
			for b.Loop() {
				launch(b, d, l)
			}
			b.ReportMetric(32*float64(d.Traffic("kernel").Instructions)/1e6/b.Elapsed().Seconds(), "Mlane/s")
		})
	}
}
