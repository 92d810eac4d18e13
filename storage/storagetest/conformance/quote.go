package conformance

import (
	"fmt"
	"strings"
)

// quote puts texts on one line, whatever they hold.
func quote(texts ...string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(quoted, " ")
}
