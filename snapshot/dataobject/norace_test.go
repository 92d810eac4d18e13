//go:build !race

package dataobject

const raced = false

const everyByte = 1
