package catalog

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"starkeep/sandbox/dialect"
)

// Function is a user-defined function.
type Function struct {
	ID        int64
	Database  string // empty: global
	Name      string
	Kind      string // Scalar, Aggregate, Table, SQL
	Arguments []dialect.Argument
	Variadic  bool
	Returns   dialect.Type
	File      string
	MD5       string
	Symbol    string
	Binary    string // SRJAR, PYTHON
	Body      string // of an SQL function
}

// Signature names the function among those of its name.
func (f Function) Signature() string { return dialect.Signature(f.Name, f.Arguments, f.Variadic) }

// Properties is the last column of SHOW FULL FUNCTIONS: of an SQL function its body (fe:catalog/ScalarFunction, SqlFunction
// getProperties). The keys come in the order of a Java HashMap.
func (f Function) Properties() string {
	if f.Kind == "SQL" {
		return f.Body
	}
	text := ""
	for i, pair := range [][2]string{{"fid", strconv.FormatInt(f.ID, 10)}, {"symbol", f.Symbol}, {"file", f.File}, {"type", f.Binary}, {"md5", f.MD5}} {
		value, err := json.Marshal(pair[1])
		if err != nil { // a string: cannot happen
			continue
		}
		if i > 0 {
			text += ","
		}
		text += `"` + pair[0] + `":` + string(value)
	}
	return "{" + text + "}"
}

// CreateFunction adds a function to its database, or to the global ones (fe:catalog/Database.addFunction).
func (c *Catalog) CreateFunction(f Function, ifNotExists, replace bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ifNotExists && replace {
		return ddl(`"IF NOT EXISTS" and "OR REPLACE" cannot be used together in the same CREATE statement`)
	}
	list, err := c.functionsOf(f.Database)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(*list, func(have Function) bool { return have.Signature() == f.Signature() })
	switch {
	case at >= 0 && ifNotExists:
		return nil
	case at >= 0 && !replace:
		return ddl("function already exists")
	case at >= 0:
		*list = slices.Delete(slices.Clone(*list), at, at+1)
	}
	f.ID = c.newID()
	*list = append(slices.Clone(*list), f)
	return nil
}

// DropFunction drops the function of a signature.
func (c *Catalog) DropFunction(database, signature string, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := c.functionsOf(database)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(*list, func(have Function) bool { return have.Signature() == signature })
	if at < 0 {
		if ifExists {
			return nil
		}
		return fail(1055, "42000", "Getting analyzing error. Detail message: Unknown function '%s'.", signature)
	}
	*list = slices.Delete(slices.Clone(*list), at, at+1)
	return nil
}

func (c *Catalog) functionsOf(database string) (*[]Function, error) {
	if database == "" {
		return &c.functions, nil
	}
	d, err := c.database(database)
	if err != nil {
		return nil, err
	}
	return &d.functions, nil
}

// Functions returns the functions of a database, or with an empty name the global ones, sorted by signature.
func (c *Catalog) Functions(database string) ([]Function, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list, err := c.functionsOf(database)
	if err != nil {
		return nil, err
	}
	sorted := slices.Clone(*list)
	slices.SortFunc(sorted, func(a, b Function) int { return cmp.Compare(a.Signature(), b.Signature()) })
	return sorted, nil
}

// HasFunctions tells whether there is any user-defined function.
func (c *Catalog) HasFunctions() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.databases {
		if len(d.functions) > 0 {
			return true
		}
	}
	return len(c.functions) > 0
}

// FindFunction finds the first function of a name that takes so many arguments; the types are not looked at.
func (c *Catalog) FindFunction(database, name string, arguments int) (Function, bool) {
	list, err := c.Functions(database)
	if err != nil {
		return Function{}, false
	}
	at := slices.IndexFunc(list, func(f Function) bool { return f.Name == name && (len(f.Arguments) == arguments || f.Variadic) })
	if at < 0 {
		return Function{}, false
	}
	return list[at], true
}
