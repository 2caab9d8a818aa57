package driver

import "errors"

// ErrPeer: the device cannot copy from another one. It has copied nothing, and both still work.
var ErrPeer = errors.New("no copy between these devices")

// PeerDevice is a device that copies from the memory of other ones without the host.
type PeerDevice interface {
	Device
	// Peer is what CopyFrom of another device takes for this one.
	Peer() (Peer, error)
	// CopyFrom copies pieces from another device of the same kind, after all earlier work of both devices and
	// before all later work of both. Like Copy, it may return before they are copied. The error wraps ErrPeer
	// if the devices cannot do that.
	CopyFrom(from Peer, pieces ...Piece) error
}

// Peer is a device that others copy from.
type Peer any

// Piece is Size bytes at Src on one device, and their place Dst on another.
type Piece struct {
	Dst, Src Pointer
	Size     int64
}
