//go:build unix && !linux

package stack

import "syscall"

// attributes: a Ctrl-C on the terminal reaches only the parent, which stops its children in order. Only Linux can bind
// their life to the parent's.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
