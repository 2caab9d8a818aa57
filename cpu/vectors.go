package cpu

// chainsDot is a dot product in four chains side by side. The first chain also takes the last elements, fewer
// than four.
func chainsDot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	for len(a) >= 4 && len(b) >= 4 {
		s0 += float64(a[0] * b[0])
		s1 += float64(a[1] * b[1])
		s2 += float64(a[2] * b[2])
		s3 += float64(a[3] * b[3])
		a, b = a[4:], b[4:]
	}
	for k, v := range a {
		s0 += float64(v * b[k])
	}
	return (s0 + s1) + (s2 + s3)
}

// addScaled does dst ← dst + c·v.
func addScaled(dst []float64, c float64, v []float64) {
	for len(dst) >= 4 && len(v) >= 4 {
		dst[0] += float64(c * v[0])
		dst[1] += float64(c * v[1])
		dst[2] += float64(c * v[2])
		dst[3] += float64(c * v[3])
		dst, v = dst[4:], v[4:]
	}
	for k := range dst {
		dst[k] += float64(c * v[k])
	}
}

// plus does dst ← dst + src.
func plus[F number](dst []float64, src []F) {
	for k, v := range src {
		dst[k] += float64(v)
	}
}

// squaredNorm is ‖v‖².
func squaredNorm(v []float64) (sum float64) {
	for _, x := range v {
		sum += float64(x * x)
	}
	return sum
}
