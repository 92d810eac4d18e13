package tests

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/starrocksdata"
)

func TestSecretsThatASnapshotHoldsMaskedAreSuppliedAndKeptNowhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.shop(20)
	w.exec("CREATE VIEW shop.totals_of_all AS SELECT city FROM shop.totals",
		`CREATE EXTERNAL CATALOG lake COMMENT 'a lake' PROPERTIES ("type" = "hive", "hive.metastore.uris" = "thrift://127.0.0.1:9083", "aws.s3.access_key" = "`+secret+`", "aws.s3.secret_key" = "`+secret+`")`,
		"CREATE ROLE reader COMMENT 'may read'", "CREATE ROLE writer", "GRANT reader TO ROLE writer",
		"GRANT SELECT ON ALL TABLES IN DATABASE shop TO ROLE reader", "GRANT INSERT ON TABLE shop.people TO ROLE writer",
		"CREATE USER 'ann'@'%' IDENTIFIED BY '"+secret+"'", "GRANT writer TO 'ann'@'%'", "SET DEFAULT ROLE writer TO 'ann'@'%'",
		"CREATE RESOURCE GROUP nightly TO (user='ann'), (role='reader', source_ip='10.0.0.0/8') WITH ('cpu_weight' = '2', 'mem_limit' = '30%', 'concurrency_limit' = '5')")
	w.createRepository()
	before := starrocksdata.GovernanceDigest(t, w.db, "shop")
	said := w.sql(`BACKUP ALL EXTERNAL CATALOGS, ALL USERS, ALL ROLES, ALL RESOURCE GROUPS SNAPSHOT governance TO repo`)

	w.exec("DROP RESOURCE GROUP nightly", "DROP USER 'ann'@'%'", "DROP ROLE writer", "DROP ROLE reader", "DROP CATALOG lake")
	wrong := w.starter("sql", "-e", `RESTORE SNAPSHOT governance FROM repo PROPERTIES ("catalog.lake.aws.s3.secret" = "`+secret+`")`)
	require.Equal(t, 4, wrong.code)
	require.Contains(t, wrong.err, "Unknown restore job properties: [catalog.lake.aws.s3.secret]")
	said += wrong.out + wrong.err
	created := w.asked("CREATE EXTERNAL CATALOG")
	said += w.sql(`RESTORE SNAPSHOT governance FROM repo PROPERTIES ("catalog.lake.aws.s3.access_key" = "` + secret + `",
		"catalog.lake.aws.s3.secret_key" = "` + secret + `", "user.ann.password" = "` + secret + `")`)
	require.Equal(t, before, starrocksdata.GovernanceDigest(t, w.db, "shop"))
	require.Greater(t, w.asked("CREATE EXTERNAL CATALOG"), created)
	ann, err := sql.Open("mysql", fmt.Sprintf("ann:%s@tcp(%s)/", secret, w.sandbox.SQLAddr()))
	require.NoError(t, err)
	defer func() { _ = ann.Close() }()
	var roles string
	require.NoError(t, ann.QueryRow("SELECT current_role()").Scan(&roles), "the password is the old one")
	require.Equal(t, "writer", roles, "so is the role that a session begins with")

	said += w.sql("SHOW BACKUP") + w.sql("SHOW RESTORE") + w.sql("SHOW RESTORE FROM shop\\G") + w.details("governance")
	require.NotContains(t, said, secret, "output")
	require.NotContains(t, w.worker.out.String(), secret, "log")
	require.GreaterOrEqual(t, w.nowhere(), 3, "registry, backup, restore")
}
