package value

import "fmt"

// nativeError is an error in the words of the server, which begin in upper case.
type nativeError string

func (e nativeError) Error() string { return string(e) }

// Native makes an error with the server's text.
func Native(format string, args ...any) error { return nativeError(fmt.Sprintf(format, args...)) }
