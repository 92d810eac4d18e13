//go:build race

package dataobject

// The race detector multiplies memory and time: what bounds memory is shown without it (make test does both).
const raced = true

// At how many bytes an object is damaged: at one of so many. The detector, which finds nothing in one goroutine, makes each
// decoding ten times as long.
const everyByte = 23
