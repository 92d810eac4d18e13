package dialect

// Statement is one of the types below.
type Statement any

// Statements on databases, tables and views.
type (
	// CreateDatabase is CREATE DATABASE.
	CreateDatabase struct {
		Name        string
		IfNotExists bool
		Properties  map[string]string
	}
	// DropDatabase is DROP DATABASE.
	DropDatabase struct {
		Name     string
		IfExists bool
		Force    bool
	}
	// DropTable is DROP TABLE.
	DropTable struct {
		Name     ObjectName
		IfExists bool
		Force    bool
	}
	// Truncate is TRUNCATE TABLE.
	Truncate struct {
		Name       ObjectName
		Partitions []string
	}
	// AlterTable is ALTER TABLE with one clause, or several ADD or DROP PARTITION.
	AlterTable struct {
		Name   ObjectName
		Clause []any // of the clause types
	}
)

// Clauses of ALTER TABLE.
type (
	// AddPartition adds partitions.
	AddPartition struct {
		Temporary bool
		Spec      PartitionSpec
		Hash      []string // DISTRIBUTED BY of this partition
		Buckets   int
	}
	// DropPartition drops partitions.
	DropPartition struct {
		Temporary bool
		IfExists  bool
		Names     []string
	}
	// ReplacePartition puts temporary partitions in the place of partitions.
	ReplacePartition struct {
		Names, Temporary []string
		Strict           bool
		UseTemporaryName bool
	}
	// Swap exchanges the names of two tables.
	Swap struct{ With string }
	// Rename renames a table.
	Rename struct{ To string }
	// RenamePartition renames a partition.
	RenamePartition struct{ From, To string }
	// AddRollup adds a rollup.
	AddRollup struct {
		Name          string
		Columns, Keys []string
	}
	// DropRollup drops a rollup.
	DropRollup struct{ Name string }
	// RenameRollup renames a rollup.
	RenameRollup struct{ From, To string }
	// SetCounter says what AUTO_INCREMENT gives next.
	SetCounter struct{ Next int64 }
	// AddIndex adds a secondary index.
	AddIndex struct{ Index Index }
	// DropIndex drops a secondary index.
	DropIndex struct{ Name string }
	// SetProperties sets properties.
	SetProperties struct{ Properties map[string]string }
)

// Statements on sessions and users.
type (
	// Use is USE db.
	Use struct{ Database string }
	// Sync is SYNC: there is one front end, so it has nothing to wait for.
	Sync struct{}
	// SetVariables is SET a = b, ….
	SetVariables struct{ Assignments []Assignment }
)

// Assignment is one variable of SET.
type Assignment struct {
	Name   string // without @@, session., global.
	Value  string
	Global bool
}

// Statements that only read.
type (
	// Show is a SHOW statement: What holds its key words in upper case.
	Show struct {
		What      string
		From      ObjectName // the object or database that it names
		Temporary bool
		Partition []string
		TabletID  int64
		Like      string
		Where     map[string]string // column in lower case = value
		For       *Account          // SHOW GRANTS, SHOW AUTHENTICATION
		Role      string            // SHOW GRANTS FOR ROLE
		Limit     int64             // negative: none
	}
	// Describe is DESC t.
	Describe struct {
		Name ObjectName
		All  bool // DESC t ALL: every index
	}
	// DescribeVolume is DESC STORAGE VOLUME v.
	DescribeVolume struct{ Name string }
	// ShowConfig is ADMIN SHOW FRONTEND CONFIG.
	ShowConfig struct{ Like string }
	// CurrentVersion is SELECT current_version().
	CurrentVersion struct{}
	// CurrentRole is SELECT current_role() [AS heading].
	CurrentRole struct{ Heading string }
	// QueryDump is SELECT get_query_dump('query') [AS heading].
	QueryDump struct{ Query, Heading string }
	// SelectVariables is SELECT @@a [AS b], ….
	SelectVariables struct{ Items []VariableItem }
	// Kill is KILL [QUERY] id.
	Kill struct{ Connection int64 }
)

// VariableItem is one column of SelectVariables.
type VariableItem struct{ Heading, Name string }

// Parse reads a statement. It returns nil without an error for one that is left to the SQL engine.
func Parse(sql string) (Statement, error) {
	p, err := NewParser(sql)
	if err != nil {
		return nil, err
	}
	switch {
	case p.take("CREATE"):
		return p.create()
	case p.take("DROP"):
		return p.drop()
	case p.take("ALTER", "TABLE"):
		return p.alterTable()
	case p.take("ALTER", "VIEW"):
		return p.alterView()
	case p.take("ALTER", "MATERIALIZED", "VIEW"):
		return p.alterMaterializedView()
	case p.take("ALTER", "USER"):
		return p.alterUser()
	case p.take("ALTER", "ROLE"):
		return p.alterRole()
	case p.take("ALTER", "CATALOG"):
		return p.alterCatalog()
	case p.take("ALTER", "RESOURCE", "GROUP"):
		return p.alterGroup()
	case p.take("REFRESH"):
		return p.refreshStatement()
	case p.take("CANCEL"):
		return p.cancel()
	case p.take("TRUNCATE"):
		return p.truncate()
	case p.take("USE"):
		name, err := p.objectName()
		return finish(p, &Use{Database: name.Name}, err)
	case p.take("SET"):
		return p.set()
	case p.take("SYNC"):
		return finish(p, &Sync{}, nil)
	case p.take("GRANT"):
		return p.grant(false)
	case p.take("REVOKE"):
		return p.grant(true)
	case p.take("SHOW"):
		return p.show()
	case p.ahead("DESC", "STORAGE", "VOLUME"), p.ahead("DESCRIBE", "STORAGE", "VOLUME"):
		p.at += 3
		name, err := p.nameOrString()
		return finish(p, &DescribeVolume{Name: name}, err)
	case p.take("DESC"), p.take("DESCRIBE"):
		name, err := p.objectName()
		return finish(p, &Describe{Name: name, All: p.take("ALL")}, err)
	case p.take("ADMIN"):
		return p.admin()
	case p.take("INSERT"):
		return p.insert()
	case p.take("DELETE"):
		return p.delete()
	case p.take("UPDATE"):
		return p.update()
	case p.take("EXECUTE", "AS"):
		return p.executeAs()
	case p.take("KILL"):
		p.takeAny("QUERY", "CONNECTION")
		id, err := p.integer()
		return finish(p, &Kill{Connection: id}, err)
	case p.ahead("SELECT"):
		return p.selectStatement()
	}
	return nil, nil
}

// finish checks that a statement ends here.
func finish(p *Parser, s Statement, err error) (Statement, error) {
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (p *Parser) create() (Statement, error) {
	replace := p.take("OR", "REPLACE")
	switch {
	case p.take("DATABASE"), p.take("SCHEMA"):
		s := &CreateDatabase{IfNotExists: p.take("IF", "NOT", "EXISTS")}
		name, err := p.objectName()
		if err != nil {
			return nil, err
		}
		s.Name = name.Name
		s.Properties, err = p.optionalProperties()
		return finish(p, s, err)
	case !p.ahead("TABLE", "FUNCTION") && p.take("TABLE"):
		s, err := p.createTable()
		if err != nil {
			return nil, err
		}
		return s, nil
	case p.take("VIEW"):
		return p.createView(replace)
	case p.take("MATERIALIZED", "VIEW"):
		return p.createMaterializedView()
	case p.take("USER"):
		return p.createUser()
	case p.take("ROLE"):
		return p.createRole()
	case p.take("EXTERNAL", "CATALOG"):
		return p.createCatalog()
	case p.take("RESOURCE", "GROUP"):
		return p.createGroup(replace)
	case p.ahead("FUNCTION"), p.ahead("GLOBAL"), p.ahead("AGGREGATE"), p.ahead("TABLE", "FUNCTION"):
		return p.createFunction(replace)
	}
	return nil, p.unexpected("DATABASE, TABLE, VIEW, MATERIALIZED VIEW, FUNCTION, EXTERNAL CATALOG, USER, ROLE, RESOURCE GROUP")
}

func (p *Parser) drop() (_ Statement, err error) {
	switch {
	case p.take("DATABASE"), p.take("SCHEMA"):
		s := &DropDatabase{IfExists: p.take("IF", "EXISTS")}
		name, err := p.objectName()
		s.Name, s.Force = name.Name, p.take("FORCE")
		return finish(p, s, err)
	case p.take("TABLE"):
		s := &DropTable{IfExists: p.take("IF", "EXISTS")}
		s.Name, err = p.objectName()
		s.Force = p.take("FORCE")
		return finish(p, s, err)
	case p.ahead("VIEW"), p.ahead("MATERIALIZED", "VIEW"):
		return p.dropView()
	case p.take("USER"):
		return p.dropUser()
	case p.take("ROLE"):
		return p.dropRole()
	case p.take("CATALOG"):
		return p.dropCatalog()
	case p.take("RESOURCE", "GROUP"):
		return p.dropGroup()
	case p.take("FUNCTION"):
		return p.dropFunction(false)
	case p.take("GLOBAL", "FUNCTION"):
		return p.dropFunction(true)
	}
	return nil, p.unexpected("DATABASE, TABLE, VIEW, MATERIALIZED VIEW, FUNCTION, CATALOG, USER, ROLE, RESOURCE GROUP")
}

func (p *Parser) truncate() (_ Statement, err error) {
	s := &Truncate{}
	p.take("TABLE")
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	if _, ok := p.takeAny("PARTITION", "PARTITIONS"); ok {
		s.Partitions, err = p.names()
	}
	return finish(p, s, err)
}

// admin reads ADMIN SHOW and SET FRONTEND CONFIG.
func (p *Parser) admin() (Statement, error) {
	if p.take("SET") {
		return p.setConfig()
	}
	if err := p.expect("SHOW", "FRONTEND", "CONFIG"); err != nil {
		return nil, err
	}
	s := &ShowConfig{}
	var err error
	if p.take("LIKE") {
		s.Like, err = p.text()
	}
	return finish(p, s, err)
}
