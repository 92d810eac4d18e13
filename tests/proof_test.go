package tests

import (
	"database/sql"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"sort"

	"github.com/stretchr/testify/require"
)

// fingerprint is a table's rows as a count and an order-independent checksum over every byte of every value.
type fingerprint struct {
	Rows int64
	Sum  uint64
}

// prove reads every row of a table, byte for byte.
func (w *world) prove(database, table string) fingerprint {
	w.t.Helper()
	f, err := w.tryProve(database, table)
	require.NoError(w.t, err)
	return f
}

func (w *world) tryProve(database, table string) (f fingerprint, err error) {
	rows, err := w.db.Query(fmt.Sprintf("SELECT * FROM `%s`.`%s`", database, table))
	if err != nil {
		return f, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return f, err
	}
	values := make([]sql.RawBytes, len(columns))
	dest := make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	var length [8]byte
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return f, err
		}
		h := fnv.New64a()
		for _, v := range values {
			n := int64(len(v))
			if v == nil {
				n = -1 // NULL is not the empty string
			}
			binary.BigEndian.PutUint64(length[:], uint64(n))
			_, _ = h.Write(length[:])
			_, _ = h.Write(v)
		}
		f.Rows++
		f.Sum += h.Sum64()
	}
	return f, rows.Err()
}

// proveAll is prove for every base table of a database.
func (w *world) proveAll(database string) map[string]fingerprint {
	w.t.Helper()
	all := map[string]fingerprint{}
	for _, t := range w.tables(database) {
		all[t] = w.prove(database, t)
	}
	return all
}

// tables lists everything in a database, also what a restore may have left behind.
func (w *world) tables(database string) []string {
	w.t.Helper()
	rows, err := w.db.Query(fmt.Sprintf("SHOW TABLES FROM `%s`", database))
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var n string
		require.NoError(w.t, rows.Scan(&n))
		names = append(names, n)
	}
	require.NoError(w.t, rows.Err())
	sort.Strings(names)
	return names
}

// definition is SHOW CREATE TABLE.
func (w *world) definition(database, table string) string {
	w.t.Helper()
	var name, ddl string
	require.NoError(w.t, w.db.QueryRow(fmt.Sprintf("SHOW CREATE TABLE `%s`.`%s`", database, table)).Scan(&name, &ddl))
	return ddl
}

// partitions lists the names of a table's partitions, temporary ones too.
func (w *world) partitions(database, table string) []string {
	w.t.Helper()
	rows, err := w.db.Query("SELECT PARTITION_NAME FROM information_schema.partitions_meta WHERE DB_NAME = ? AND TABLE_NAME = ?", database, table)
	require.NoError(w.t, err)
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var n string
		require.NoError(w.t, rows.Scan(&n))
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
