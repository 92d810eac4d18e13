package statement

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	// repositoryForm and databaseForm are fe: FeNameFormat.COMMON_NAME_REGEX and DB_NAME_REGEX.
	repositoryForm = regexp.MustCompile(`^(?:[a-zA-Z][0-9A-Za-z_]{0,63}|_[a-zA-Z0-9][0-9A-Za-z_]{0,62})$`)
	databaseForm   = regexp.MustCompile(`^(?:[a-zA-Z][0-9A-Za-z_~!@#$%^&<>=+-]{0,255}|_[a-zA-Z0-9][0-9A-Za-z_~!@#$%^&<>=+-]{0,254})$`)
	// labelForm is narrower than the cluster's rule (not empty): a label becomes a part of a path.
	labelForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

// longestTable is fe: FeNameFormat.TABLE_NAME_REGEX, in characters.
const longestTable = 1024

func wrong(at Position, hint, format string, args ...any) *Error {
	return &Error{Position: at, Kind: Semantic, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func checkNotEmpty(value string, at Position, message string) *Error {
	if value == "" {
		return wrong(at, "", "%s", message)
	}
	return nil
}

func checkDatabase(database string, at Position) *Error {
	if !databaseForm.MatchString(database) {
		return wrong(at, "a letter first, then letters, digits, _ and -~!@#$%^&<>=+, at most 256", "Incorrect database name '%s'", database)
	}
	return nil
}

func checkLabel(label string, at Position) *Error {
	if !labelForm.MatchString(label) {
		return wrong(at, "", "Incorrect label name '%s': letters, digits, _ . and - are allowed, at most 128, the first not . or -", label)
	}
	return nil
}

func checkTable(table string, at Position) *Error {
	if n := utf8.RuneCountInString(table); n == 0 || n > longestTable || strings.Contains(table, "\x00") {
		return wrong(at, "1 to 1024 characters, not NUL", "Incorrect table name '%s'", table)
	}
	return nil
}

// checkRepository follows fe: RepositoryAnalyzer.
func checkRepository(s *CreateRepository, nameAt, locationAt Position) *Error {
	switch {
	case s.Name == "":
		return wrong(nameAt, "", "Repository does not empty")
	case !repositoryForm.MatchString(s.Name):
		return wrong(nameAt, "letters, digits and _, the first not a digit, at most 64", "Incorrect repository name '%s'", s.Name)
	case s.Location == "":
		return wrong(locationAt, "e.g. s3://bucket/folder or file:///folder", "You must specify a location on the repository")
	}
	return nil
}

// checkBackup follows the order of fe: BackupRestoreAnalyzer.visitBackupStatement.
func (p *parser) checkBackup(t *transfer, s *Backup, databaseAt Position) {
	p.checkCatalogs(t)
	if !t.ofCluster() {
		if !t.explicit && !t.qualified {
			p.check(wrong(t.labelAt, "write BACKUP DATABASE db SNAPSHOT label", "No database selected"))
		}
		p.check(checkDatabase(s.Database, databaseAt))
	}
	p.check(checkLabel(t.label, t.labelAt))
	p.check(checkNotEmpty(t.repository, t.repositoryAt, "Repository is empty"))
	if len(t.temporary) > 0 {
		p.check(wrong(t.temporary[0], "", "Do not support backing up temp partitions"))
	}
	p.checkObjects(t, s.Database)
	_, bad := readBackupOptions(t.properties)
	p.checkProperties(t, bad)
}

// checkRestore follows fe: BackupRestoreAnalyzer.visitRestoreStatement. That backup_timestamp is missing is no error
// here: a label with one timestamp needs none.
func (p *parser) checkRestore(t *transfer, s *Restore) {
	p.checkCatalogs(t)
	if t.explicit {
		p.check(checkDatabase(t.database, t.databaseAt))
	}
	if t.renamed {
		p.check(checkDatabase(t.target, t.targetAt))
	}
	if t.qualified {
		p.check(checkDatabase(t.qualifier, t.qualifierAt))
	}
	p.check(checkLabel(t.label, t.labelAt))
	p.check(checkNotEmpty(t.repository, t.repositoryAt, "Repository is empty"))
	if len(t.temporary) > 0 {
		p.check(wrong(t.temporary[0], "", "Do not support restoring temporary partitions"))
	}
	p.checkObjects(t, s.Source, s.Target)
	p.checkAliases(t)
	_, bad := readRestoreOptions(t.properties)
	p.checkProperties(t, bad)
}

func (p *parser) checkProperties(t *transfer, bad *badProperty) {
	if bad != nil {
		p.check(bad.error(t.keysAt[bad.index]))
	}
}

// defaultCatalog is the cluster's own catalog, whose databases BACKUP DATABASE covers.
const defaultCatalog = "default_catalog"

func (p *parser) checkCatalogs(t *transfer) {
	if t.catalogs == nil {
		return
	}
	seen, targets := map[string]bool{}, map[string]bool{}
	for i, c := range t.catalogs.Names {
		at := t.catalogsAt[i]
		target := cmp.Or(c.Alias, c.Name)
		switch {
		case seen[c.Name]:
			p.check(wrong(at, "", "Duplicated catalog: %s", c.Name))
		case targets[target]:
			p.check(wrong(at, "", "Duplicated alias name: %s", target))
		case c.Name == "":
			p.check(wrong(at, "", "Incorrect catalog name ''"))
		case strings.EqualFold(c.Name, defaultCatalog):
			p.check(wrong(at, "back up its databases one by one", "Do not support Backup/Restore the entire default catalog"))
		case strings.EqualFold(c.Alias, defaultCatalog):
			p.check(wrong(at, "", "Do not support set alias as default catalog for external catalog restore"))
		}
		seen[c.Name], targets[target] = true, true
	}
}

// checkObjects refuses what would be read twice or from elsewhere. A qualifier must be one of databases: the cluster
// ignores it (fe: AstBuilder.getTableRef keeps the last part), and so would take another table of that name.
func (p *parser) checkObjects(t *transfer, databases ...string) {
	if len(t.values) > 0 {
		p.check(wrong(t.values[0], "name the partitions: PARTITION (p1, p2)", "PARTITION (column = value) is not supported"))
	}
	seen := map[string]bool{}
	for _, o := range t.on {
		if o.All {
			continue
		}
		p.check(checkTable(o.Name, o.Position))
		if o.Database != "" && !slices.Contains(databases, o.Database) {
			p.check(wrong(o.Position, "leave out the database, or name the one of the statement", "Object `%s`.`%s` is in another database than the statement", o.Database, o.Name))
		}
		if slices.Contains(o.Partitions, "") {
			p.check(wrong(o.Position, "", "Incorrect partition name ''"))
		}
		if twice, ok := repeated(o.Partitions); ok {
			p.check(wrong(o.Position, "", "Duplicated partition: %s", twice))
		}
		if o.Kind == Function { // functions have names of their own
			continue
		}
		if seen[o.Name] {
			p.check(wrong(o.Position, "one entry for each table, with all its partitions", "Duplicated table: %s", o.Name))
		}
		seen[o.Name] = true
	}
}

// checkAliases refuses an alias that is the name or alias of another entry; its own name too, as in the cluster.
func (p *parser) checkAliases(t *transfer) {
	taken := map[string]bool{}
	for _, o := range t.on {
		if o.Kind != Function {
			taken[o.Name] = true
		}
	}
	for _, a := range t.aliases {
		o := t.on[a.index]
		p.check(checkTable(o.Alias, a.at))
		if o.Kind == Function {
			continue
		}
		if taken[o.Alias] {
			p.check(wrong(a.at, "", "Duplicated alias name: %s", o.Alias))
		}
		taken[o.Alias] = true
	}
}
