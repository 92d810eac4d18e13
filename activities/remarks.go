package activities

import "fmt"

// notesShown bounds what a status carries: it is one payload.
const notesShown = 100

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
