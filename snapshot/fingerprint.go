package snapshot

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// Fingerprint is a hash of what makes the stored rows of two tables interchangeable: model, partitioning and the columns
// in their order. Equal rows under another fingerprint may mean something else, so nothing is reused across it.
//
// Names of tables and partitions, ids, properties and the DDL are not part of it: none of them changes what a row is,
// and the DDL changes with every partition that is added.
func Fingerprint(t Table) string {
	// Plain types: encoding cannot fail. The golden test keeps the form, which is stored in every index.
	b, _ := json.Marshal(struct {
		Model        string       `json:"model"`
		Partitioning Partitioning `json:"partitioning"`
		Columns      []Column     `json:"columns"`
	}{t.Model, t.Partitioning, t.Columns})
	return fmt.Sprintf("%x", sha256.Sum256(b))
}
