package mysql

import (
	"context"
	"strconv"
	"strings"

	"starkeep/snapshot"
)

// insertSize is about how long a statement with several rows is: longer ones are not faster.
const insertSize = 512 << 10

func (l *loader) byInsert(ctx context.Context) (int64, error) {
	limit, err := l.packetLimit(ctx)
	if err != nil {
		return 0, err
	}
	names := make([]string, len(l.request.Columns))
	for i, c := range l.request.Columns {
		names[i] = quoted(c.Name)
	}
	head := "INSERT INTO " + l.table + " (" + strings.Join(names, ", ") + ") VALUES "
	statement := []byte(head)
	var sent int64
	flush := func() error {
		if len(statement) == len(head) {
			return nil
		}
		r, err := l.session.Query(ctx, string(statement))
		if err != nil {
			return err
		}
		l.warnings += uint64(r.Outcome().Warnings)
		statement = statement[:len(head)]
		return r.Close()
	}
	err = l.batches(func(b *snapshot.Batch) error {
		for i := range b.Rows() {
			before := len(statement)
			if before > len(head) {
				statement = append(statement, ',')
			}
			statement = l.tuple(statement, b, i)
			if before > len(head) && len(statement) > limit {
				row := append([]byte(nil), statement[before+1:]...)
				statement = statement[:before]
				if err := flush(); err != nil {
					return err
				}
				statement = append(statement, row...)
			}
			sent++
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return sent, err
}

// packetLimit is how long a statement with several rows may be.
func (l *loader) packetLimit(ctx context.Context) (int, error) {
	found, err := records(ctx, l.session, "SELECT @@max_allowed_packet AS n")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(found[0]["n"])
	return min(n-1, insertSize), err
}

// tuple appends a row as INSERT takes it. The session's character set is utf8mb4, which the server converts from by itself.
func (l *loader) tuple(dst []byte, b *snapshot.Batch, i int) []byte {
	for j := range b.Columns {
		dst = append(dst, "(,"[btoi(j > 0)])
		v := &b.Columns[j]
		switch {
		case v.Null[i]:
			dst = append(dst, "NULL"...)
		case l.request.Columns[j].Type.Kind == snapshot.Binary, l.targets[j]["character_set_name"] == "ascii":
			dst = appendHex(dst, v.Value(i))
		default:
			dst = append(dst, literal(string(v.Value(i)))...)
		}
	}
	return append(dst, ')')
}
