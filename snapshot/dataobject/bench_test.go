package dataobject

import (
	"fmt"
	"math/rand/v2"

	"starkeep/snapshot"
)

// lineorder returns rows like the Star Schema Benchmark's fact table: 17 columns of integers, dates, decimals and strings.
func lineorder(rows int) table {
	column := func(name string, typ snapshot.Type) snapshot.Column { return snapshot.Column{Name: name, Type: typ} }
	t := table{columns: []snapshot.Column{
		column("lo_orderdate", kind(snapshot.Date)), column("lo_orderkey", kind(snapshot.Int32)), column("lo_linenumber", kind(snapshot.Int8)),
		column("lo_custkey", kind(snapshot.Int32)), column("lo_partkey", kind(snapshot.Int32)), column("lo_suppkey", kind(snapshot.Int32)),
		column("lo_orderpriority", kind(snapshot.String)), column("lo_shippriority", kind(snapshot.Int8)), column("lo_quantity", kind(snapshot.Int32)),
		column("lo_extendedprice", decimal(12, 2)), column("lo_ordtotalprice", decimal(12, 2)), column("lo_discount", kind(snapshot.Int32)),
		column("lo_revenue", decimal(12, 2)), column("lo_supplycost", kind(snapshot.Int32)), column("lo_tax", kind(snapshot.Int32)),
		column("lo_commitdate", kind(snapshot.Date)), column("lo_shipmode", kind(snapshot.String)),
	}}
	t.values = make([][]string, len(t.columns))
	rng := rand.New(rand.NewPCG(1, 2))
	priorities := []string{"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECI", "5-LOW"}
	modes := []string{"AIR", "RAIL", "MAIL", "SHIP", "TRUCK", "FOB", "REG AIR"}
	date := func() string {
		return fmt.Sprintf("%04d-%02d-%02d", 1992+rng.IntN(7), 1+rng.IntN(12), 1+rng.IntN(28))
	}
	order, line, lines := 0, 0, 0
	var day, priority, customer, total string
	for range rows {
		if line == lines {
			order, line, lines = order+1+rng.IntN(3), 0, 1+rng.IntN(7)
			day, priority, customer = date(), priorities[rng.IntN(5)], fmt.Sprint(1+rng.IntN(30000))
			total = fmt.Sprintf("%d.%02d", rng.IntN(400000), rng.IntN(100))
		}
		line++
		quantity, discount := 1+rng.IntN(50), rng.IntN(11)
		price := quantity * (90000 + rng.IntN(20000))
		revenue := price * (100 - discount) / 100
		for i, v := range []string{
			day, fmt.Sprint(order), fmt.Sprint(line), customer, fmt.Sprint(1 + rng.IntN(200000)), fmt.Sprint(1 + rng.IntN(2000)),
			priority, "0", fmt.Sprint(quantity), fmt.Sprintf("%d.%02d", price/100, price%100), total, fmt.Sprint(discount),
			fmt.Sprintf("%d.%02d", revenue/100, revenue%100), fmt.Sprint(price * 6 / 10 / quantity), fmt.Sprint(rng.IntN(9)), date(), modes[rng.IntN(7)],
		} {
			t.values[i] = append(t.values[i], v)
		}
	}
	return t
}
