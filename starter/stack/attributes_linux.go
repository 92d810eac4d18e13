package stack

import "syscall"

// attributes: a Ctrl-C on the terminal reaches only the parent, which stops its children in order; when the parent is
// killed they die with it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
