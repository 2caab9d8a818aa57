//go:build !amd64 && !arm64

package sensing

// fillNormals fills dst with the first deviates of a row: there is assembly for amd64 and arm64 only.
func fillNormals[E normalEntry](s Stream, row uint64, dst []E) { eachNormal(s, row, dst) }
