package activities

import (
	"fmt"
	"strings"
)

// What bounds the notes of a stage: they are one payload, and those of all stages another, of 2 MiB at the most. One that
// does not fit could not be stored, and the stage would be repeated for ever.
const (
	notesShown = 100
	noteBytes  = 2_000
)

// remarks collects notes for people: the first ones in full, and how many there are beyond them.
type remarks struct {
	list []string
	more int
}

func (r *remarks) add(notes ...string) {
	for _, n := range notes {
		switch {
		case n == "":
		case len(r.list) < notesShown:
			if len(n) > noteBytes { // a cluster may quote a whole statement in its error
				n = strings.ToValidUTF8(n[:noteBytes], "") + fmt.Sprintf("… (%d bytes)", len(n))
			}
			r.list = append(r.list, n)
		default:
			r.more++
		}
	}
}

func (r *remarks) addf(format string, args ...any) { r.add(fmt.Sprintf(format, args...)) }

// notes returns what was collected.
func (r *remarks) notes() []string {
	if r.more == 0 {
		return r.list
	}
	return append(r.list[:len(r.list):len(r.list)], fmt.Sprintf("… and %d notes more", r.more))
}
