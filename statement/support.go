package statement

// Unsupported says what a statement needs that Starkeep does not do yet, whatever the cluster, and what to do instead; ""
// if it can be run.
func Unsupported(s Statement) string {
	switch s := s.(type) {
	case *Backup:
		if s.Catalogs != nil {
			return "external catalogs are not backed up yet: keep the text of SHOW CREATE CATALOG with its credentials in your own safe"
		}
		if ttl, _ := s.Properties.Get("ttl"); ttl != "" {
			return "ttl is not supported yet: leave it out and remove snapshots that you no longer need yourself"
		}
		return unsupportedObjects(s.On, "backed up")
	case *Restore:
		if s.Catalogs != nil {
			return "external catalogs are not restored yet: create them with CREATE EXTERNAL CATALOG"
		}
		return unsupportedObjects(s.On, "restored")
	case *Cancel:
		if s.ExternalCatalog {
			return "there are no jobs of external catalogs yet: write CANCEL " + jobWord(s.Restore) + " FROM and the database"
		}
	case *DropSnapshot:
		return "DROP SNAPSHOT is not supported yet: the snapshot stays in the repository"
	case *Other:
		return s.Verb + " is a statement of the cluster: run it on the cluster itself, with a MySQL client"
	}
	return ""
}

func unsupportedObjects(on []Object, done string) string {
	for _, o := range on {
		if o.Kind == MaterializedView {
			return "materialized views are not " + done + " yet: name the tables, and keep the text of SHOW CREATE MATERIALIZED VIEW"
		}
	}
	return ""
}
