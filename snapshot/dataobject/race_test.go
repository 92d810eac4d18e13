//go:build race

package dataobject

// The race detector multiplies memory and time: what bounds memory is shown without it (make test does both).
const raced = true
