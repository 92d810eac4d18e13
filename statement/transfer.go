package statement

import (
	"slices"
	"strings"
)

// transfer is a BACKUP or RESTORE as written, with the places that checks point at.
type transfer struct {
	restore bool

	catalogs   *Catalogs
	catalogsAt []Position   // of each name
	cluster    []ObjectKind // ALL USERS, …

	database   string // DATABASE
	databaseAt Position
	explicit   bool // DATABASE is there
	target     string
	targetAt   Position
	renamed    bool // AS target is there

	qualified    bool // the label has a database before it
	qualifier    string
	qualifierAt  Position
	label        string
	labelAt      Position
	repository   string
	repositoryAt Position

	on         []Object
	onAt       Position
	aliases    []alias    // of objects
	temporary  []Position // of TEMPORARY PARTITION
	values     []Position // of PARTITION (column = value)
	properties Properties
	keysAt     []Position
}

// alias is the AS of the object at index.
type alias struct {
	index int
	at    Position
}

func (p *parser) backup(pos Position) Statement {
	t := &transfer{}
	p.clusterObjects(t)
	p.database(t)
	p.expect("SNAPSHOT")
	p.label(t)
	p.repository(t, "TO", "FROM")
	p.objects(t)
	t.properties, t.keysAt = p.properties()
	p.end(p.misplaced("in BACKUP, catalogs and DATABASE stand before SNAPSHOT"))
	p.combinations(t)
	database, at := t.database, t.databaseAt
	if t.qualified {
		database, at = t.qualifier, t.qualifierAt
	}
	s := &Backup{Position: pos, Catalogs: t.catalogs, Cluster: t.cluster, Database: database, Label: t.label, Repository: t.repository, On: t.on, Properties: t.properties}
	p.checkBackup(t, s, at)
	return s
}

func (p *parser) restore(pos Position) Statement {
	t := &transfer{restore: true}
	if !p.accept("SNAPSHOT") {
		p.unexpected(p.misplaced("in RESTORE, catalogs and DATABASE stand behind FROM and the repository"))
	}
	p.label(t)
	p.repository(t, "FROM", "TO")
	p.clusterObjects(t)
	p.database(t)
	p.objects(t)
	t.properties, t.keysAt = p.properties()
	p.end(p.misplaced("the order is catalogs, DATABASE, ON, PROPERTIES"))
	p.combinations(t)
	s := &Restore{
		Position: pos, Catalogs: t.catalogs, Cluster: t.cluster, Source: t.database, Target: t.database,
		Label: t.label, Repository: t.repository, On: t.on, Properties: t.properties,
	}
	switch {
	case t.renamed:
		s.Target = t.target
	case t.qualified: // legacy form: the target; what the snapshot records is not compared
		s.Target = t.qualifier
	}
	p.checkRestore(t, s)
	return s
}

// misplaced gives the hint where a part of the statement stands in the wrong place.
func (p *parser) misplaced(hint string) string {
	for _, k := range []string{"DATABASE", "EXTERNAL", "ALL", "ON"} {
		if p.peek().is(k) {
			return hint
		}
	}
	return ""
}

// ofCluster tells whether objects of the cluster itself are named.
func (t *transfer) ofCluster() bool { return t.catalogs != nil || len(t.cluster) > 0 }

// clusterKinds are the kinds behind ALL, in the order in which they are printed.
var clusterKinds = []ObjectKind{GlobalFunction, User, Role, ResourceGroup}

// clusterObjects reads what stands in place of a database: catalogs, as natively, and our own ALL GLOBAL FUNCTIONS,
// ALL USERS, ALL ROLES, ALL RESOURCE GROUPS, in any order, each once.
func (p *parser) clusterObjects(t *transfer) {
	for more := true; more; more = t.ofCluster() && p.acceptSymbol(",") {
		at := p.peek().pos
		switch {
		case p.accept("ALL"):
			p.allOfCluster(t, at)
		case p.accept("EXTERNAL"):
			p.once(t.catalogs != nil, at)
			p.catalogList(t)
		case t.ofCluster(): // behind a comma
			p.unexpected("")
		}
	}
	slices.SortFunc(t.cluster, func(a, b ObjectKind) int {
		return slices.Index(clusterKinds, a) - slices.Index(clusterKinds, b)
	})
}

func (p *parser) allOfCluster(t *transfer, at Position) {
	if p.accept("EXTERNAL") {
		p.expect("CATALOGS")
		p.once(t.catalogs != nil, at)
		t.catalogs = &Catalogs{All: true}
		return
	}
	for _, kind := range clusterKinds {
		first, last, two := strings.Cut(string(kind)+"S", " ")
		if !p.accept(first) {
			continue
		}
		if two {
			p.expect(last)
		}
		p.once(slices.Contains(t.cluster, kind), at)
		t.cluster = append(t.cluster, kind)
		return
	}
	p.unexpected("")
}

// once refuses a part that was there already.
func (p *parser) once(there bool, at Position) {
	if there {
		p.fail(at, "Objects of this kind are named twice", "name each kind once")
	}
}

func (p *parser) catalogList(t *transfer) {
	p.expectAny("CATALOG", "CATALOGS")
	if !p.acceptSymbol("(") {
		p.unexpected("the list of catalogs needs parentheses")
	}
	t.catalogs = &Catalogs{}
	for more := true; more; more = p.acceptSymbol(",") {
		t.catalogsAt = append(t.catalogsAt, p.peek().pos)
		c := Catalog{Name: p.identifier("a catalog name")}
		if t.restore && p.accept("AS") {
			c.Alias = p.identifier("a catalog name")
		}
		t.catalogs.Names = append(t.catalogs.Names, c)
	}
	p.expectSymbol(")")
}

func (p *parser) database(t *transfer) {
	if !p.accept("DATABASE") {
		return
	}
	t.explicit = true
	t.databaseAt = p.peek().pos
	t.database = p.identifier("a database name")
	if t.restore && p.accept("AS") {
		t.renamed = true
		t.targetAt = p.peek().pos
		t.target = p.identifier("a database name")
	}
}

func (p *parser) label(t *transfer) {
	at := p.peek().pos
	parts := p.qualified("a label")
	t.label, t.labelAt = parts[len(parts)-1], p.tokens[max(p.at-1, 0)].pos
	switch len(parts) {
	case 1:
	case 2:
		t.qualified, t.qualifier, t.qualifierAt = true, parts[0], at
	default:
		p.fail(at, "Invalid table name format '"+strings.Join(parts, ".")+"'", "a label has at most a database before it")
	}
}

// repository reads the word for the direction and the name behind it; the other word is a slip worth a hint.
func (p *parser) repository(t *transfer, word, other string) {
	if !p.accept(word) {
		hint := ""
		if p.peek().is(other) {
			hint = "BACKUP writes TO a repository, RESTORE reads FROM one"
		}
		p.unexpected(hint)
	}
	t.repositoryAt = p.peek().pos
	t.repository = p.identifier("a repository name")
}

func (p *parser) objects(t *transfer) {
	t.onAt = p.peek().pos
	if !p.accept("ON") {
		return
	}
	if !p.acceptSymbol("(") {
		p.unexpected("the list of objects needs parentheses")
	}
	for more := true; more; more = p.acceptSymbol(",") {
		t.on = append(t.on, p.object(t))
	}
	p.expectSymbol(")")
}

// object reads one entry of ON. A keyword that begins an entry is also a good name: VIEW followed by a name is the
// keyword, VIEW alone is a table called VIEW.
func (p *parser) object(t *transfer) Object {
	o := Object{Position: p.peek().pos}
	o.All = p.accept("ALL")
	o.Kind = p.objectKind(o.All)
	if o.All || p.err != nil {
		return o
	}
	at := p.peek().pos
	parts := p.qualified("an object name")
	if len(parts) > 2 || len(parts) == 2 && parts[0] == "" {
		p.fail(at, "Invalid table name format '"+strings.Join(parts, ".")+"'", "write table or database.table")
	}
	o.Name = parts[len(parts)-1]
	if len(parts) == 2 {
		o.Database = parts[0]
	}
	if o.Kind == Untyped || o.Kind == Table {
		o.Partitions = p.partitions(t)
	}
	if as := p.peek().pos; p.accept("AS") {
		t.aliases = append(t.aliases, alias{len(t.on), as})
		o.Alias = p.identifier("a name")
	}
	return o
}

// objectKinds are what may stand before a name in ON, each with and without an S at its end.
var objectKinds = []ObjectKind{Table, View, MaterializedView, Function}

func (p *parser) objectKind(all bool) ObjectKind {
	for _, kind := range objectKinds {
		first, last, two := strings.Cut(string(kind), " ")
		n := 0 // place of the last word
		if two {
			n = 1
		} else {
			last = first
		}
		end := p.look(n)
		if n == 1 && !p.peek().is(first) || !end.is(last) && !end.is(last+"S") {
			continue
		}
		if all || isName(p.look(n+1)) || !isName(end) {
			p.at += n
			p.advance()
			return kind
		}
	}
	if all {
		for _, kind := range objectKinds {
			p.tried = append(p.tried, string(kind)+"S")
		}
		p.unexpected("")
	}
	return Untyped
}

// partitions reads [TEMPORARY] PARTITION[S] with or without parentheses.
func (p *parser) partitions(t *transfer) []string {
	at := p.peek().pos
	if p.peek().is("TEMPORARY") {
		p.advance()
		t.temporary = append(t.temporary, at)
		p.expectAny("PARTITION", "PARTITIONS")
	} else if !p.acceptAny("PARTITION", "PARTITIONS") {
		return nil
	}
	if p.acceptSymbol("(") {
		list := []string{p.partition(t)}
		for p.acceptSymbol(",") {
			list = append(list, p.partition(t))
		}
		p.expectSymbol(")")
		return list
	}
	list := []string{p.partition(t)}
	// A comma goes on with partitions as long as the grammar allows it; an entry of ON shows by what follows the name.
	for p.err == nil && p.peek().isSymbol(",") && isPartition(p.look(1)) && endsPartition(p.look(2)) {
		p.advance()
		list = append(list, p.partition(t))
	}
	return list
}

func isPartition(t token) bool { return isName(t) || t.kind == literal }

func endsPartition(t token) bool { return t.isSymbol(",") || t.isSymbol(")") || t.is("AS") }

func (p *parser) partition(t *transfer) string {
	at := p.peek().pos
	if p.peek().kind == literal {
		return p.text("a partition name")
	}
	partition := p.identifier("a partition name")
	if p.acceptSymbol("=") { // PARTITION (column = value, …)
		t.values = append(t.values, at)
		p.literal()
	}
	return partition
}

// combinations refuses parts that exclude one another, in the order and with the texts of fe: AstBuilder.
func (p *parser) combinations(t *transfer) {
	const (
		noDatabase = "Can not sepcify database name for external catalog Backup/Restore"
		twice      = "Specifying dbName before snapshot name is forbidden if the DbName is specified explicitly in BACKUP/RESTORE"
	)
	switch {
	case t.explicit && t.ofCluster():
		p.fail(t.databaseAt, noDatabase, "leave out DATABASE")
	case t.explicit && t.qualified:
		p.fail(t.qualifierAt, twice, "write DATABASE or the database before the label, not both")
	case t.qualified && t.ofCluster():
		p.fail(t.qualifierAt, noDatabase, "write the label without a database")
	case !t.restore && len(t.aliases) > 0:
		p.fail(t.aliases[0].at, "Specifying alias for backup object is forbidden in BACKUP stmt", "rename in RESTORE")
	case t.restore && len(t.on) > 0 && !t.explicit && !t.qualified:
		hint := "add DATABASE and the name of the database in the snapshot"
		if t.ofCluster() {
			hint = "objects of the cluster itself are restored whole: leave out ON"
		}
		p.fail(t.onAt, "`ON` clause is forbidden if no Database explicitly specified in Restore stmt", hint)
	case len(t.on) > 0 && t.ofCluster():
		p.fail(t.onAt, "Can not sepcify `ON` clause for external catalog Backup/Restore", "leave out ON")
	}
}

// repeated finds the first name that is in the list twice.
func repeated(list []string) (string, bool) {
	for i, x := range list {
		if slices.Contains(list[:i], x) {
			return x, true
		}
	}
	return "", false
}
