package mysqldata_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

func TestEverythingHoldsEveryTypeAndKind(t *testing.T) {
	t.Parallel()
	server := mariadb.Shared(t)
	database := server.Database(t)
	mysqldata.Everything(t, server.DB(), database)
	types := server.Query(t, `SELECT GROUP_CONCAT(DISTINCT data_type ORDER BY data_type) FROM information_schema.columns WHERE table_schema = ?
		AND table_name NOT IN (SELECT table_name FROM information_schema.tables WHERE table_type <> 'BASE TABLE')`, database)
	require.Equal(t, "bigint,binary,bit,blob,char,date,datetime,decimal,double,enum,float,geometry,geometrycollection,inet4,inet6,"+
		"int,linestring,longblob,longtext,mediumblob,mediumint,mediumtext,multilinestring,multipoint,multipolygon,point,polygon,set,"+
		"smallint,text,time,timestamp,tinyblob,tinyint,tinytext,uuid,varbinary,varchar,year", types[0][0])
	found := mysqldata.Digest(t, server.DB(), database)
	kinds := map[string]int{}
	for key := range found {
		kind, _, _ := strings.Cut(key, " ")
		kinds[kind]++
	}
	t.Log(kinds)
	for _, key := range slices.Sorted(maps.Keys(found)) {
		fmt.Println("==", key)
		fmt.Printf("%.1500s\n", found[key])
	}
}
