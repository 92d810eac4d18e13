package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// mask is what SHOW CREATE CATALOG prints in the place of a credential; of longer ones the first two and the last two
// characters are left, AK******XY (fe:credential/CredentialUtil.maskCredential).
const mask = "******"

// removed are credentials that are not printed at all: of JDBC catalogs the password (the same place).
var removed = map[string][]string{"jdbc": {"password"}}

// catalogText is the text of CREATE EXTERNAL CATALOG.
type catalogText struct {
	comment    string
	properties []catalogProperty // in the order of their keys
}

type catalogProperty struct{ key, value string }

// parseCatalog reads what SHOW CREATE CATALOG prints. Values are printed without escapes (fe:common/util/PrintableMap), so one
// that holds a quote cannot be read, and is refused.
func parseCatalog(ddl string) (*catalogText, error) {
	all, err := lex(ddl)
	if err != nil {
		return nil, err
	}
	w := &walker{lexemes: lexemes{all: all}}
	if !w.accept("CREATE", "EXTERNAL", "CATALOG") || !w.take().name() {
		return nil, w.unexpected("CREATE EXTERNAL CATALOG")
	}
	t := &catalogText{}
	if w.accept("COMMENT") {
		t.comment, _, _ = unquoted(ddl, w.take())
	}
	if !w.accept("PROPERTIES") {
		return nil, w.unexpected("PROPERTIES")
	}
	if err := w.expectMark("("); err != nil {
		return nil, err
	}
	for !w.acceptMark(")") {
		key, _, isKey := unquoted(ddl, w.take())
		equal := w.acceptMark("=")
		value, _, isValue := unquoted(ddl, w.take())
		if !isKey || !equal || !isValue || !w.acceptMark(",") && !w.peek().mark(")") {
			return nil, w.unexpected("property")
		}
		t.properties = append(t.properties, catalogProperty{key, value})
	}
	w.acceptMark(";")
	if !w.ended() {
		return nil, w.unexpected("end of the definition")
	}
	slices.SortFunc(t.properties, func(a, b catalogProperty) int { return strings.Compare(a.key, b.key) })
	return t, nil
}

// masked replaces what is left of credentials by the mask alone, so that not even parts of them are stored, and returns the
// properties that somebody has to supply.
func (t *catalogText) masked() []string {
	var keys []string
	kind := ""
	for i, p := range t.properties {
		if strings.Contains(p.value, mask) {
			t.properties[i].value = mask
			keys = append(keys, p.key)
		}
		if strings.EqualFold(p.key, "type") {
			kind = strings.ToLower(p.value)
		}
	}
	return append(keys, removed[kind]...)
}

// statement creates the catalog under a name, with supplied values in the place of masked ones.
func (t *catalogText) statement(name string, supplied map[string]string, also ...string) (string, error) {
	target, err := identifier(name)
	if err != nil {
		return "", err
	}
	b := strings.Builder{}
	b.WriteString("CREATE EXTERNAL CATALOG " + target)
	if t.comment != "" {
		b.WriteString(" COMMENT " + wire.DoubleQuoted(t.comment))
	}
	b.WriteString("\nPROPERTIES (")
	properties := slices.Clone(t.properties)
	for _, key := range also {
		properties = append(properties, catalogProperty{key, mask})
	}
	for i, p := range properties {
		if v, ok := supplied[p.key]; ok {
			p.value = v
		}
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + wire.DoubleQuoted(p.key) + " = " + wire.DoubleQuoted(p.value))
	}
	b.WriteString("\n)")
	return b.String(), nil
}

// readCatalogs reads external catalogs. Credentials are masked by the cluster.
func (c *Cluster) readCatalogs(ctx context.Context) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, "SHOW CATALOGS")
	if err != nil {
		return nil, err
	}
	var list []snapshot.Object
	for _, r := range rows {
		if r["catalog"] == internalCatalog || strings.EqualFold(r["type"], "Internal") {
			continue
		}
		o := snapshot.Object{Kind: snapshot.Catalog, Name: r["catalog"]}
		t, err := c.liveCatalog(ctx, o.Name)
		if err == nil && t == nil {
			continue // dropped since it was listed
		}
		if err == nil {
			o.Masked = t.masked()
			o.DDL, err = t.statement(o.Name, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o, err)
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b snapshot.Object) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// liveCatalog reads a catalog, nil when there is none of that name.
func (c *Cluster) liveCatalog(ctx context.Context, name string) (*catalogText, error) {
	target, err := identifier(name)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "SHOW CREATE CATALOG "+target)
	if err != nil && unknownCatalog(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || rows[0]["create catalog"] == "" {
		return nil, fmt.Errorf("SHOW CREATE CATALOG gave %d rows: %w", len(rows), cluster.ErrUnsupported)
	}
	return parseCatalog(rows[0]["create catalog"])
}

// unknownCatalog tells the answer for a catalog that is not there (fe-spi ErrorCode ERR_BAD_CATALOG_ERROR: Unknown catalog).
func unknownCatalog(err error) bool {
	var refused *wire.ServerError
	return errors.As(err, &refused) && strings.Contains(strings.ToLower(refused.Message), "unknown catalog")
}

// planCatalog creates a catalog that is not there. One that is there is never replaced: whoever uses it would lose it for a
// moment, and for good if the new one were refused. (The native RESTORE drops it first: fe:server/CatalogMgr.)
func (c *Cluster) planCatalog(ctx context.Context, o snapshot.Object, r cluster.Renaming) (placement, error) {
	t, err := parseCatalog(o.DDL)
	if err != nil {
		return placement{}, err
	}
	name := o.Name
	if to, ok := r.Others[name]; ok {
		name = to
	}
	have, err := c.liveCatalog(ctx, name)
	if err != nil {
		return placement{}, err
	}
	if have != nil {
		return existingCatalog(name, t, have)
	}
	var missing, values, also []string
	for _, key := range o.Masked {
		v, ok := r.Supplied[key]
		if !ok {
			missing = append(missing, fmt.Sprintf("%q", "catalog."+o.Name+"."+key))
		}
		values = append(values, v)
		if !slices.ContainsFunc(t.properties, func(p catalogProperty) bool { return p.key == key }) {
			also = append(also, key)
		}
	}
	if len(missing) > 0 {
		return placement{}, fmt.Errorf("the cluster it came from does not tell its credentials: write PROPERTIES (%s = …): %w", strings.Join(missing, " = …, "), cluster.ErrRejected)
	}
	statement, err := t.statement(name, r.Supplied, also...)
	if err != nil {
		return placement{}, err
	}
	return placement{do: func(ctx context.Context) (string, error) {
		return "", withoutSecrets(c.exec(ctx, statement), values...)
	}}, nil
}

func existingCatalog(name string, want, have *catalogText) (placement, error) {
	have.masked()
	want.masked()
	a, err := want.statement(name, nil)
	if err != nil {
		return placement{}, err
	}
	b, err := have.statement(name, nil)
	if err != nil {
		return placement{}, err
	}
	if a != b {
		return placement{}, fmt.Errorf("catalog %s is there and differs from the one in the snapshot: drop it, or restore under another name with AS: %w", name, cluster.ErrExists)
	}
	return placement{note: "it exists with the same definition, as far as that is shown, and was left alone"}, nil
}
