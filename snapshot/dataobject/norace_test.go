//go:build !race

package dataobject

const raced = false
