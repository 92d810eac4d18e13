package sqlserver

import (
	"strings"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

func (x *session) onGroup(privilege, name string) error {
	return x.server.catalog.Check(x.actor(), catalog.Need{Privilege: privilege, Kind: "RESOURCE GROUP", Name: name})
}

func (x *session) createGroup(s *dialect.CreateGroup) error {
	if err := x.system("CREATE RESOURCE GROUP"); err != nil {
		return err
	}
	return x.server.catalog.CreateGroup(s)
}

func (x *session) alterGroup(s *dialect.AlterGroup) error {
	if err := x.onGroup("ALTER", s.Name); err != nil {
		return err
	}
	return x.server.catalog.AlterGroup(s)
}

func (x *session) dropGroup(s *dialect.DropGroup) error {
	if err := x.onGroup("DROP", s.Name); err != nil {
		return err
	}
	return x.server.catalog.DropGroup(s)
}

// showGroups answers SHOW [VERBOSE] RESOURCE GROUP g and GROUPS [ALL]; nobody is refused. Without ALL only groups are shown
// that have a classifier which the user meets, here: by its name (fe:catalog/ResourceGroup.showVisible).
func (x *session) showGroups(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	verbose, one := strings.HasPrefix(s.What, "VERBOSE "), strings.HasSuffix(s.What, "RESOURCE GROUP")
	var cells [][]any
	found := false
	for _, g := range x.server.catalog.Groups() {
		switch {
		case one && g.Name != s.From.Name:
			continue
		case !one && !strings.HasSuffix(s.What, "ALL"):
			own := g.Classifiers[:0:0]
			for _, c := range g.Classifiers {
				if user, ok := c.Equal["user"]; !ok || user == x.user() {
					own = append(own, c)
				}
			}
			if g.Classifiers = own; len(own) == 0 {
				continue
			}
		}
		found = true
		cells = append(cells, g.Rows(verbose)...)
	}
	if one && !found {
		return &catalog.Error{Code: 5079, State: "42000", Text: "Unknown resource group '" + s.From.Name + "' "}
	}
	return rows(callback, catalog.GroupColumns(verbose), cells)
}
