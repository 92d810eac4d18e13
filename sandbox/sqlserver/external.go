package sqlserver

import (
	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

func (x *session) onCatalog(privilege, name string) error {
	return x.server.catalog.Check(x.actor(), catalog.Need{Privilege: privilege, Kind: "CATALOG", Name: name})
}

func (x *session) createCatalog(s *dialect.CreateCatalog) error {
	if err := x.system("CREATE EXTERNAL CATALOG"); err != nil {
		return err
	}
	return x.server.catalog.CreateCatalog(s)
}

func (x *session) alterCatalog(s *dialect.AlterCatalog) error {
	if err := x.onCatalog("ALTER", s.Name); err != nil {
		return err
	}
	return x.server.catalog.AlterCatalog(s)
}

func (x *session) dropCatalog(s *dialect.DropCatalog) error {
	if err := x.onCatalog("DROP", s.Name); err != nil {
		return err
	}
	return x.server.catalog.DropCatalog(s.Name, s.IfExists)
}

// setCatalog changes the catalog of the session; the database is none then (fe:qe/ConnectContext.changeCatalog).
func (x *session) setCatalog(name string) error {
	if name != catalog.InternalCatalog {
		if _, err := x.server.catalog.External(name); err != nil {
			return err
		}
		if err := x.onCatalog("", name); err != nil {
			return err
		}
	}
	x.variables["catalog"], x.database = name, ""
	return nil
}

// showCatalogs lists the catalogs on which the user has any privilege; the internal one everybody sees.
func (x *session) showCatalogs(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	var cells [][]any
	add := func(name, kind string, comment any) {
		if like(s.Like, name) {
			cells = append(cells, []any{name, kind, comment})
		}
	}
	internal := func() {
		add(catalog.InternalCatalog, "Internal", "An internal catalog contains this cluster's self-managed tables.")
	}
	placed := false
	for _, e := range x.server.catalog.Externals() {
		if !placed && e.Name > catalog.InternalCatalog {
			internal()
			placed = true
		}
		if x.onCatalog("", e.Name) != nil {
			continue
		}
		var comment any
		if e.Comment != nil {
			comment = *e.Comment
		}
		add(e.Name, connectorNames[e.Properties["type"]], comment)
	}
	if !placed {
		internal()
	}
	return rows(callback, []string{"Catalog", "Type", "Comment"}, cells)
}

// connectorNames are the types as SHOW CATALOGS prints them (docs SHOW CATALOGS, fe:catalog/Catalog.getDisplayComment): the first letter large.
var connectorNames = map[string]string{"es": "Es", "hive": "Hive", "iceberg": "Iceberg", "jdbc": "Jdbc", "hudi": "Hudi", "deltalake": "Deltalake",
	"paimon": "Paimon", "odps": "Odps", "kudu": "Kudu", "unified": "Unified", "benchmark": "Benchmark"}

func (x *session) showCreateCatalog(name string, callback mysql.ResultSpoolFn) error {
	headings := []string{"Catalog", "Create Catalog"}
	if name == catalog.InternalCatalog {
		return rows(callback, headings, nil)
	}
	e, err := x.server.catalog.External(name)
	if err != nil {
		return err
	}
	if err := x.onCatalog("", name); err != nil {
		return err
	}
	return rows(callback, headings, [][]any{{name, e.DDL()}})
}
