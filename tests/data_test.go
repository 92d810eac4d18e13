package tests

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// shop makes database `shop`: one table of each model and partitioning, with rows.
func (w *world) shop(rows int) {
	w.t.Helper()
	w.exec("CREATE DATABASE shop",
		"CREATE TABLE shop.orders (id BIGINT NOT NULL, day DATE NOT NULL, customer VARCHAR(40), price DECIMAL(12,2), note STRING) "+
			"DUPLICATE KEY(id) PARTITION BY RANGE(day) (PARTITION p1 VALUES LESS THAN ('2024-02-01'), PARTITION p2 VALUES LESS THAN ('2024-03-01'), PARTITION p3 VALUES LESS THAN ('2024-04-01')) "+
			"DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE shop.totals (city VARCHAR(20) NOT NULL, sold BIGINT SUM, top INT MAX) AGGREGATE KEY(city) DISTRIBUTED BY HASH(city) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE shop.people (id INT NOT NULL, name VARCHAR(30)) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE shop.accounts (id INT NOT NULL, balance BIGINT) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE shop.cities (id INT, country VARCHAR(10) NOT NULL) DUPLICATE KEY(id) PARTITION BY LIST(country) (PARTITION eu VALUES IN ('fr','de'), PARTITION us VALUES IN ('us')) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE shop.events (at DATETIME NOT NULL, kind INT) DUPLICATE KEY(at) PARTITION BY date_trunc('month', at) DISTRIBUTED BY RANDOM PROPERTIES ('replication_num' = '1')",
		"CREATE TABLE shop.nothing (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')",
	)
	r := rand.New(rand.NewPCG(1, 2))
	w.insert("shop.orders", rows, func(i int) string {
		return fmt.Sprintf("(%d, '2024-0%d-1%d', 'customer %d', %d.%02d, 'it''s \\\\ \"%d\"')", i, 1+i%3, i%9, r.IntN(50), r.IntN(1000), r.IntN(100), i)
	})
	w.insert("shop.totals", rows/10+1, func(i int) string { return fmt.Sprintf("('city %d', %d, %d)", i%17, r.IntN(9), r.IntN(99)) })
	w.insert("shop.people", rows/10+1, func(i int) string { return fmt.Sprintf("(%d, 'name %d')", i%50, i) })
	w.insert("shop.accounts", 20, func(i int) string { return fmt.Sprintf("(%d, 100)", i) })
	w.insert("shop.cities", 30, func(i int) string { return fmt.Sprintf("(%d, '%s')", i, []string{"fr", "de", "us"}[i%3]) })
	w.insert("shop.events", 60, func(i int) string {
		return fmt.Sprintf("('2024-0%d-11 10:00:0%d.%06d', %d)", 1+i%4, i%10, (i%2)*1000*i, i)
	})
}

// insert inserts n rows, some hundred a statement.
func (w *world) insert(table string, n int, row func(i int) string) {
	w.t.Helper()
	for begin := 0; begin < n; begin += 500 {
		var values []string
		for i := begin; i < min(n, begin+500); i++ {
			values = append(values, row(i))
		}
		w.exec("INSERT INTO " + table + " VALUES " + strings.Join(values, ", "))
	}
}
