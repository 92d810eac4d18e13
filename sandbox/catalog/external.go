package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"starkeep/sandbox/dialect"
)

// InternalCatalog is the name of the catalog of the cluster's own tables.
const InternalCatalog = "default_catalog"

// External is an external catalog. The sandbox keeps its definition and has nothing behind it.
type External struct {
	ID         int64
	Name       string
	Comment    *string
	Properties map[string]string
}

var catalogName = regexp.MustCompile(`^[a-zA-Z]\w*$`) // fe:sql/analyzer/FeNameFormat

// connectors are the types of catalogs (fe:connector/ConnectorType).
var connectors = []string{"es", "hive", "iceberg", "jdbc", "hudi", "deltalake", "paimon", "odps", "kudu", "unified", "benchmark"}

func unknownCatalog(name string) error { return fail(5078, "42000", "Unknown catalog '%s'", name) }

// CreateCatalog creates an external catalog (fe:sql/analyzer/CatalogAnalyzer, fe:server/CatalogMgr).
func (c *Catalog) CreateCatalog(s *dialect.CreateCatalog) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := strings.ToLower(s.Properties["type"])
	switch {
	case !catalogName.MatchString(s.Name):
		return Analyzing("Incorrect catalog name '%s'", s.Name)
	case s.Name == InternalCatalog:
		return Analyzing("External catalog name can't be the same as internal catalog name '%s'", InternalCatalog)
	case kind == "":
		return Analyzing("'type' can not be null or empty")
	case !slices.Contains(connectors, kind):
		return Analyzing("[type : %s] is not supported", s.Properties["type"])
	}
	if _, ok := c.externals[s.Name]; ok {
		if s.IfNotExists {
			return nil
		}
		return fail(5514, "42000", "Catalog '%s' already exists", s.Name)
	}
	c.externals[s.Name] = External{ID: c.newID(), Name: s.Name, Comment: s.Comment, Properties: maps.Clone(s.Properties)}
	return nil
}

// AlterCatalog changes properties.
func (c *Catalog) AlterCatalog(s *dialect.AlterCatalog) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, changes := s.Properties["type"]; changes {
		return Analyzing("Not support alter catalog property type")
	}
	e, ok := c.externals[s.Name]
	if !ok {
		return unknownCatalog(s.Name)
	}
	e.Properties = maps.Clone(e.Properties)
	maps.Copy(e.Properties, s.Properties)
	c.externals[s.Name] = e
	return nil
}

// DropCatalog drops an external catalog.
func (c *Catalog) DropCatalog(name string, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name == InternalCatalog {
		return Analyzing("Can't drop the default internal catalog")
	}
	if _, ok := c.externals[name]; !ok && !ifExists {
		return unknownCatalog(name)
	}
	delete(c.externals, name)
	return nil
}

// Externals returns the external catalogs, sorted by name.
func (c *Catalog) Externals() []External {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.SortedFunc(maps.Values(c.externals), func(a, b External) int { return strings.Compare(a.Name, b.Name) })
}

// External returns an external catalog.
func (c *Catalog) External(name string) (External, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.externals[name]
	if !ok {
		return External{}, unknownCatalog(name)
	}
	return e, nil
}

// credentials are the properties whose values SHOW CREATE CATALOG masks (fe:credential/CredentialUtil).
var credentials = []string{
	"aws.s3.access_key", "aws.s3.secret_key", "aws.glue.access_key", "aws.glue.secret_key", "azure.blob.shared_key", "azure.blob.sas_token",
	"azure.adls1.oauth2_credential", "azure.adls2.shared_key", "azure.adls2.oauth2_client_secret", "gcp.gcs.service_account_private_key",
	"aliyun.oss.access_key", "aliyun.oss.secret_key", "fs.obs.access_key", "fs.obs.secret_key", "fs.obs.access.key", "fs.obs.secret.key",
	"iceberg.catalog.credential", "iceberg.catalog.token", "iceberg.catalog.rest.access-key-id", "iceberg.catalog.rest.secret-access-key",
	"odps.access.id", "odps.access.key",
}

// mask hides a credential: short ones wholly, of others two characters at each end stay.
func mask(value string) string {
	if chars := []rune(value); len(chars) > 4 {
		return string(chars[:2]) + "******" + string(chars[len(chars)-2:])
	}
	return "******"
}

// DDL prints SHOW CREATE CATALOG (fe:qe/ShowExecutor.visitShowCreateExternalCatalogStatement): passwords of JDBC and Azure's path
// key are left out, a backslash is not escaped (fe:common/util/PrintableMap). The order of properties is that of a hash
// map there; here it is alphabetical.
func (e External) DDL() string {
	text := "CREATE EXTERNAL CATALOG `" + e.Name + "`\n"
	if e.Comment != nil {
		text += `comment "` + escape(*e.Comment) + "\"\n"
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(e.Properties)) {
		value := e.Properties[key]
		switch {
		case key == "password", key == "azure_path_key":
			continue
		case slices.Contains(credentials, key):
			value = mask(value)
		}
		list = append(list, `"`+key+`"  =  "`+strings.ReplaceAll(value, `"`, `\"`)+`"`)
	}
	return text + "PROPERTIES (" + strings.Join(list, ",\n") + "\n)"
}
