package statement

// Position is a place in the text that was parsed; lines and columns count from 1, columns in characters.
type Position struct {
	Line, Column int
}

// Statement is one parsed statement. String prints it canonically with secrets redacted, so that it can be shown,
// logged and stored, as every verb of fmt does; Format prints it whole. Parse returns pointers to the types below.
type Statement interface {
	// Kind is the stable name of the statement's form: create-repository, drop-repository, show-repositories, backup,
	// restore, cancel-backup, cancel-restore, show-backup, show-restore, show-snapshot, drop-snapshot, other.
	Kind() string
	// Pos is where the statement begins.
	Pos() Position
	String() string

	print(p *printer) // canonical text; seals the interface, for pointers only
}

// Property is one "key" = "value" of a PROPERTIES list, in the order written.
type Property struct {
	Key, Value string
}

// Properties keep their order; keys are case-sensitive, as in the native grammar.
type Properties []Property

// Get returns the value of a key and whether it is there. The last of several wins, as in the cluster.
func (p Properties) Get(key string) (string, bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Key == key {
			return p[i].Value, true
		}
	}
	return "", false
}

// Map returns the properties as a map.
func (p Properties) Map() map[string]string {
	m := make(map[string]string, len(p))
	for _, x := range p {
		m[x.Key] = x.Value
	}
	return m
}

// ObjectKind is a kind of database object in ON (…).
type ObjectKind string

// The kinds. Untyped is the legacy bare name, which may be a table, a view or a materialized view.
const (
	Untyped          ObjectKind = ""
	Table            ObjectKind = "TABLE"
	MaterializedView ObjectKind = "MATERIALIZED VIEW"
	View             ObjectKind = "VIEW"
	Function         ObjectKind = "FUNCTION"
)

// The kinds that stand in place of a database, behind ALL. The native statements know none of them.
const (
	User           ObjectKind = "USER"
	Role           ObjectKind = "ROLE"
	ResourceGroup  ObjectKind = "RESOURCE GROUP"
	GlobalFunction ObjectKind = "GLOBAL FUNCTION"
)

// Object is one entry of ON (…).
type Object struct {
	Kind       ObjectKind
	All        bool     // ALL TABLES, ALL VIEWS, …: Name is then empty
	Name       string   // last part of the name
	Database   string   // qualifier written before the name, if any
	Partitions []string // PARTITION (…); nil: the whole object
	Alias      string   // AS alias
	Position   Position
}

// Catalog is one external catalog.
type Catalog struct {
	Name, Alias string
}

// Catalogs is the EXTERNAL CATALOG part.
type Catalogs struct {
	All   bool
	Names []Catalog
}

// CreateRepository is CREATE [READ ONLY] REPOSITORY.
type CreateRepository struct {
	Position   Position
	Name       string
	ReadOnly   bool
	Broker     string // named broker, usually empty
	Location   string
	Properties Properties
}

// DropRepository is DROP REPOSITORY.
type DropRepository struct {
	Position Position
	Name     string
}

// ShowRepositories is SHOW REPOSITORIES.
type ShowRepositories struct {
	Position Position
	Filter   Filter
}

// Backup is BACKUP in its legacy and newer forms; both set Database. Without Database it names objects of the cluster
// itself: Catalogs, Cluster, or both.
type Backup struct {
	Position   Position
	Catalogs   *Catalogs
	Cluster    []ObjectKind // ALL GLOBAL FUNCTIONS, ALL USERS, ALL ROLES, ALL RESOURCE GROUPS, in this order
	Database   string
	Label      string
	Repository string
	On         []Object // nil: everything in the database
	Properties Properties
}

// Restore is RESTORE in its legacy and newer forms.
type Restore struct {
	Position   Position
	Catalogs   *Catalogs
	Cluster    []ObjectKind // as in Backup
	Source     string       // DATABASE a: the database recorded in the snapshot; empty: not said
	Target     string       // AS b, or a, or the qualifier of the legacy label; empty: the recorded database
	Label      string
	Repository string
	On         []Object
	Properties Properties
}

// Cancel is CANCEL BACKUP or CANCEL RESTORE.
type Cancel struct {
	Position        Position
	Restore         bool // CANCEL RESTORE, else CANCEL BACKUP
	Database        string
	ExternalCatalog bool
}

// ShowJobs is SHOW BACKUP or SHOW RESTORE.
type ShowJobs struct {
	Position Position
	Restore  bool
	Database string // empty: all
	Filter   Filter
}

// ShowSnapshot is SHOW SNAPSHOT ON repo.
type ShowSnapshot struct {
	Position   Position
	Repository string
	Labels     []string // WHERE SNAPSHOT = or IN; nil: all
	In         bool     // IN: a label that does not exist gives no row; with = it gives one that says so
	Timestamp  string   // AND TIMESTAMP =; set: the detail form
	Filter     Filter   // ORDER BY and LIMIT only
}

// DropSnapshot is DROP SNAPSHOT snap ON repo [FORCE] (4.2).
type DropSnapshot struct {
	Position   Position
	Label      string
	Repository string
	Force      bool
}

// Other is a statement that is recognised but belongs to the cluster itself, e.g. GRANT. Text is its redacted text,
// without comments: what was redacted is nowhere kept.
type Other struct {
	Position Position
	Verb     string // GRANT, CREATE USER, …
	Text     string
}
