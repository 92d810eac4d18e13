package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// TableProof is what a table holds.
type TableProof struct {
	Table    string `json:"table"` // database.table
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"` // 16 hex digits, independent of the order of rows
}

// Proof reads every row of every table of the databases and sums them up, sorted by table. Equal rows give equal proofs;
// a changed, lost or doubled row gives another one.
func Proof(ctx context.Context, t Target, databases ...string) ([]TableProof, error) {
	db, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var proofs []TableProof
	for _, database := range databases {
		names, err := tableNames(ctx, db, database)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			p, err := proveTable(ctx, db, database, name)
			if err != nil {
				return nil, fmt.Errorf("read %s.%s: %w", database, name, err)
			}
			proofs = append(proofs, p)
		}
	}
	return proofs, nil
}

func tableNames(ctx context.Context, db *sql.DB, database string) (names []string, err error) {
	rows, err := db.QueryContext(ctx, "SHOW TABLES FROM `"+database+"`")
	if err != nil {
		return nil, fmt.Errorf("list tables of %s: %w", database, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list tables of %s: %w", database, err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, rows.Err()
}

func proveTable(ctx context.Context, db *sql.DB, database, name string) (p TableProof, err error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM `"+database+"`.`"+name+"`")
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return p, err
	}
	values, targets := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	var sum uint64
	p.Table = database + "." + name
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return p, err
		}
		h := uint64(fnvOffset)
		for _, v := range values {
			h = hashValue(h, v)
		}
		sum += mix(h)
		p.Rows++
	}
	p.Checksum = fmt.Sprintf("%016x", sum)
	return p, rows.Err()
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

// hashValue continues a row's hash with a value, its length first: so ("ab", "c") and ("a", "bc") differ. NULL has a
// length that no value has.
func hashValue(h uint64, v []byte) uint64 {
	length := uint64(len(v))
	if v == nil {
		length = ^uint64(0)
	}
	for range 8 {
		h = (h ^ length&0xff) * fnvPrime
		length >>= 8
	}
	for _, b := range v {
		h = (h ^ uint64(b)) * fnvPrime
	}
	return h
}
