package statement

import (
	"fmt"
	"strings"
)

// Format prints a statement canonically and whole, secrets included: keywords in capitals, names in back quotes, one
// line. Parsing the text gives an equal statement.
func Format(s Statement) string {
	var p printer
	s.print(&p)
	return p.String()
}

func redacted(s Statement) string {
	p := printer{redact: true}
	s.print(&p)
	return p.String()
}

// printer collects a canonical text.
type printer struct {
	strings.Builder
	redact bool
}

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// name is an identifier in back quotes. The cluster cannot read a name that contains one, nor can Parse.
func name(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\b", `\b`, "\x00", `\0`, "\x1a", `\Z`)

func quote(s string) string { return `"` + escapes.Replace(s) + `"` }

// nameOrQuote is for places where the grammar takes both: only a string can hold a back quote.
func nameOrQuote(s string) string {
	if strings.Contains(s, "`") {
		return quote(s)
	}
	return name(s)
}

func (p *printer) properties(list Properties) {
	for i, x := range list {
		if i > 0 {
			p.WriteString(", ")
		}
		p.WriteString(propertyText(x, p.redact))
	}
}

func propertyText(x Property, redact bool) string {
	if redact {
		x.Value = redactValue(x.Key, x.Value)
	}
	return quote(x.Key) + " = " + quote(x.Value)
}

func (p *printer) propertiesClause(list Properties) {
	if len(list) == 0 {
		return
	}
	p.WriteString(" PROPERTIES (")
	p.properties(list)
	p.WriteByte(')')
}

func (s *CreateRepository) print(p *printer) {
	p.WriteString("CREATE ")
	if s.ReadOnly {
		p.WriteString("READ ONLY ")
	}
	p.printf("REPOSITORY %s WITH BROKER", name(s.Name))
	if s.Broker != "" {
		p.printf(" %s", nameOrQuote(s.Broker))
	}
	location := s.Location
	if p.redact {
		location = RedactURL(location)
	}
	p.printf(" ON LOCATION %s", quote(location))
	p.propertiesClause(s.Properties)
}

func (s *DropRepository) print(p *printer) { p.printf("DROP REPOSITORY %s", name(s.Name)) }

func (s *ShowRepositories) print(p *printer) {
	p.WriteString("SHOW REPOSITORIES")
	s.Filter.print(p)
}

func (s *Backup) print(p *printer) {
	p.WriteString("BACKUP")
	p.clusterObjects(s.Catalogs, s.Cluster)
	if s.Database != "" {
		p.printf(" DATABASE %s", name(s.Database))
	}
	p.printf(" SNAPSHOT %s TO %s", name(s.Label), name(s.Repository))
	p.objects(s.On)
	p.propertiesClause(s.Properties)
}

func (s *Restore) print(p *printer) {
	p.WriteString("RESTORE SNAPSHOT ")
	if s.Source == "" && s.Target != "" {
		p.printf("%s.", name(s.Target)) // legacy: the recorded database is not checked
	}
	p.printf("%s FROM %s", name(s.Label), name(s.Repository))
	p.clusterObjects(s.Catalogs, s.Cluster)
	if s.Source != "" {
		p.printf(" DATABASE %s", name(s.Source))
		if s.Target != s.Source && s.Target != "" {
			p.printf(" AS %s", name(s.Target))
		}
	}
	p.objects(s.On)
	p.propertiesClause(s.Properties)
}

func (p *printer) clusterObjects(catalogs *Catalogs, kinds []ObjectKind) {
	var parts []string
	if catalogs != nil {
		parts = append(parts, catalogs.text())
	}
	for _, k := range kinds {
		parts = append(parts, "ALL "+string(k)+"S")
	}
	if len(parts) > 0 {
		p.printf(" %s", strings.Join(parts, ", "))
	}
}

func (c *Catalogs) text() string {
	if c.All {
		return "ALL EXTERNAL CATALOGS"
	}
	var list []string
	for _, x := range c.Names {
		text := name(x.Name)
		if x.Alias != "" {
			text += " AS " + name(x.Alias)
		}
		list = append(list, text)
	}
	keyword := "CATALOG"
	if len(list) > 1 {
		keyword = "CATALOGS"
	}
	return fmt.Sprintf("EXTERNAL %s (%s)", keyword, strings.Join(list, ", "))
}

func (p *printer) objects(list []Object) {
	if list == nil {
		return
	}
	texts := make([]string, len(list))
	for i, o := range list {
		texts[i] = o.text()
	}
	p.printf(" ON (%s)", strings.Join(texts, ", "))
}

func (o Object) text() string {
	if o.All {
		return "ALL " + string(o.Kind) + "S"
	}
	var parts []string
	if o.Kind != Untyped {
		parts = append(parts, string(o.Kind))
	}
	if o.Database != "" {
		parts = append(parts, name(o.Database)+"."+name(o.Name))
	} else {
		parts = append(parts, name(o.Name))
	}
	if o.Partitions != nil {
		list := make([]string, len(o.Partitions))
		for i, x := range o.Partitions {
			list[i] = nameOrQuote(x)
		}
		parts = append(parts, "PARTITION ("+strings.Join(list, ", ")+")")
	}
	if o.Alias != "" {
		parts = append(parts, "AS "+name(o.Alias))
	}
	return strings.Join(parts, " ")
}

func (s *Cancel) print(p *printer) {
	p.printf("CANCEL %s", jobWord(s.Restore))
	if s.ExternalCatalog {
		p.WriteString(" FOR EXTERNAL CATALOG")
	} else {
		p.printf(" FROM %s", name(s.Database))
	}
}

func (s *ShowJobs) print(p *printer) {
	p.printf("SHOW %s", jobWord(s.Restore))
	if s.Database != "" {
		p.printf(" FROM %s", name(s.Database))
	}
	s.Filter.print(p)
}

func jobWord(restore bool) string {
	if restore {
		return "RESTORE"
	}
	return "BACKUP"
}

func (s *ShowSnapshot) print(p *printer) {
	p.printf("SHOW SNAPSHOT ON %s", name(s.Repository))
	switch {
	case s.In:
		list := make([]string, len(s.Labels))
		for i, x := range s.Labels {
			list[i] = quote(x)
		}
		p.printf(" WHERE SNAPSHOT IN (%s)", strings.Join(list, ", "))
	case len(s.Labels) > 0:
		p.printf(" WHERE SNAPSHOT = %s", quote(s.Labels[0]))
		if s.Timestamp != "" {
			p.printf(" AND TIMESTAMP = %s", quote(s.Timestamp))
		}
	}
	s.Filter.print(p)
}

func (s *DropSnapshot) print(p *printer) {
	p.printf("DROP SNAPSHOT %s ON %s", name(s.Label), name(s.Repository))
	if s.Force {
		p.WriteString(" FORCE")
	}
}

func (s *Other) print(p *printer) { p.WriteString(s.Text) }
