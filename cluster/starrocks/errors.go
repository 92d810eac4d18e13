package starrocks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// identifier quotes a name, or says that it cannot be written.
func identifier(name string) (string, error) {
	q, err := wire.Identifier(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", cluster.ErrInvalidName, err)
	}
	return q, nil
}

// meanings tell what a server's error is. Text goes first: older branches send 1064/HY000 for nearly everything, and
// 5064 means only "something failed" (fe-spi ErrorCode, fe:MysqlErrPacket).
var meanings = []struct {
	code uint16 // 0: any
	text string // part of the message in lower case, empty: any
	is   error
}{
	{0, "unknown database", cluster.ErrUnknownDatabase},
	{0, "unknown table", cluster.ErrUnknownTable},
	{0, "unknown partition", cluster.ErrUnknownPartition},
	{0, "access denied", cluster.ErrDenied},
	{1049, "", cluster.ErrUnknownDatabase},
	{5501, "", cluster.ErrUnknownDatabase},
	{1146, "", cluster.ErrUnknownTable},
	{5502, "", cluster.ErrUnknownTable},
	{1045, "", cluster.ErrDenied},
	{1142, "", cluster.ErrDenied},
	{1227, "", cluster.ErrDenied},
	{5203, "", cluster.ErrDenied},
	{5204, "", cluster.ErrDenied}, // external access controller such as Ranger
	{1007, "", cluster.ErrExists},
	{1050, "", cluster.ErrExists},
}

// absences are texts whose words mean something only together: what it is that does not exist
// (fe:ErrorCode ERR_BAD_TABLE_ERROR and plain SemanticException, DdlException texts).
var absences = []struct {
	words []string
	is    error
}{
	{[]string{"tablet", "does not exist"}, nil}, // says nothing of its table or partition
	{[]string{"partition", "does not exist"}, cluster.ErrUnknownPartition},
	{[]string{"partition", "doesn't exist"}, cluster.ErrUnknownPartition},
	{[]string{"database", "does not exist"}, cluster.ErrUnknownDatabase},
	{[]string{"table", "does not exist"}, cluster.ErrUnknownTable},
	{[]string{"table", "is not found"}, cluster.ErrUnknownTable},
	{[]string{"table", "already exists"}, cluster.ErrExists},
	{[]string{"table name", "is already used"}, cluster.ErrExists},                     // RENAME (fe:LocalMetastore.renameTable)
	{[]string{"cannot manually add a single range partition"}, cluster.ErrUnsupported}, // to an automatic table
}

// meaning returns the sentinel of a server's message, or nil.
func meaning(code uint16, message string) error {
	text := strings.ToLower(message)
	for _, m := range meanings {
		if (m.code == 0 || m.code == code) && inOrder(text, m.text) {
			return m.is
		}
	}
	for _, a := range absences {
		if inOrder(text, a.words...) {
			return a.is
		}
	}
	return nil
}

// inOrder tells whether phrases stand in a text one after the other, each of whole words: a tablet is no table.
func inOrder(text string, phrases ...string) bool {
	for _, p := range phrases {
		var ok bool
		if text, ok = after(text, p); !ok {
			return false
		}
	}
	return true
}

// after returns what follows the first place of a phrase.
func after(text, phrase string) (string, bool) {
	for i := 0; ; {
		at := strings.Index(text[i:], phrase)
		if at < 0 {
			return "", false
		}
		start, end := i+at, i+at+len(phrase)
		if phrase == "" || (start == 0 || !wordByte(text[start-1])) && (end == len(text) || !wordByte(text[end])) {
			return text[end:], true
		}
		i = end
	}
}

// explain adds the sentinel that an error stands for. An answer of the server is never ErrUnreachable, and no answer is
// never anything else: a dead server must not look like an absent object.
func explain(err error) error {
	var refused *wire.ServerError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), known(err):
		return err
	case errors.As(err, &refused):
		if is := meaning(refused.Code, refused.Message); is != nil {
			return fmt.Errorf("%w: %w", is, err)
		}
		return err
	}
	return fmt.Errorf("%w: %w", cluster.ErrUnreachable, err)
}

var sentinels = []error{
	cluster.ErrUnknownDatabase, cluster.ErrUnknownTable, cluster.ErrUnknownPartition, cluster.ErrUnsupported, cluster.ErrDenied,
	cluster.ErrUnreachable, cluster.ErrMoved, cluster.ErrRejected, cluster.ErrExists, cluster.ErrInvalidName,
}

func known(err error) bool {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
