package catalog

import (
	"fmt"
)

// Error is an error as the server words it, with its MySQL number and SQLSTATE.
type Error struct {
	Code  int
	State string
	Text  string
}

func (e *Error) Error() string { return e.Text }

// Is lets errors.Is compare by number.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func fail(code int, state, format string, args ...any) error {
	return &Error{Code: code, State: state, Text: fmt.Sprintf(format, args...)}
}

// Errors of names (fe-spi common/ErrorCode.java).
func unknownDatabase(name string) error { return fail(5501, "3F000", "Unknown database '%s'", name) }
func unknownTable(name string) error    { return fail(5502, "42602", "Unknown table '%s'", name) }

// ddl is a DdlException: text only, the packet's defaults for the rest (fe:mysql/MysqlErrPacket).
func ddl(format string, args ...any) error { return fail(1064, "HY000", format, args...) }

// Analyzing is an error of the analyzer, in its wrapper.
func Analyzing(format string, args ...any) error {
	return fail(1064, "HY000", "Getting analyzing error. Detail message: %s.", fmt.Sprintf(format, args...))
}
