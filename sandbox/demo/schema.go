// Package demo fills a sandbox with two databases, damages them, and proves what is in them: ssb, a Star Schema
// Benchmark, and sr_hub, the small database that the StarRocks manual backs up in its examples. The rows are made here,
// from a seed; the same seed and size give the same rows.
package demo

import "time"

// Databases are the databases that Load creates.
var Databases = []string{"ssb", "sr_hub"}

// table is one table of the demonstration.
type table struct {
	database, name string
	ddl            string
	rows           func(s Sizes) int
	write          func(w *writer, r *random, s Sizes, i int) // writes row i
}

// Sizes are the numbers of rows; a zero is the default.
type Sizes struct {
	Lineorders int    // 500,000
	Customers  int    // 5,000
	Suppliers  int    // 400
	Parts      int    // 20,000
	Members    int    // 20,000 of sr_hub.sr_member
	Payments   int    // 5,000 of sr_hub.sr_pmc
	Seed       uint64 // 1
}

func (s Sizes) withDefaults() Sizes {
	for _, f := range []struct {
		n         *int
		otherwise int
	}{{&s.Lineorders, 500_000}, {&s.Customers, 5_000}, {&s.Suppliers, 400}, {&s.Parts, 20_000}, {&s.Members, 20_000}, {&s.Payments, 5_000}} {
		if *f.n <= 0 {
			*f.n = f.otherwise
		}
	}
	if s.Seed == 0 {
		s.Seed = 1
	}
	return s
}

// The calendar of the benchmark: the seven years from 1992.
var (
	firstDay = time.Date(1992, time.January, 1, 0, 0, 0, 0, time.UTC)
	days     = int(time.Date(1999, time.January, 1, 0, 0, 0, 0, time.UTC).Sub(firstDay).Hours() / 24)
)

// tables is in the order of loading. The shapes are those of the Star Schema Benchmark: a duplicate-key fact table that is
// partitioned by order date, four dimensions without partitions.
var tables = []table{
	{database: "ssb", name: "dates", rows: func(Sizes) int { return days }, write: writeDate, ddl: `CREATE TABLE ssb.dates (
  d_datekey int NOT NULL,
  d_date varchar(20) NOT NULL,
  d_dayofweek varchar(10) NOT NULL,
  d_month varchar(11) NOT NULL,
  d_year int NOT NULL,
  d_yearmonthnum int NOT NULL,
  d_yearmonth varchar(9) NOT NULL,
  d_daynuminweek int NOT NULL,
  d_daynuminmonth int NOT NULL,
  d_daynuminyear int NOT NULL,
  d_monthnuminyear int NOT NULL,
  d_weeknuminyear int NOT NULL,
  d_sellingseason varchar(14) NOT NULL,
  d_lastdayinweekfl int NOT NULL,
  d_lastdayinmonthfl int NOT NULL,
  d_holidayfl int NOT NULL,
  d_weekdayfl int NOT NULL
) ENGINE=OLAP DUPLICATE KEY(d_datekey) DISTRIBUTED BY HASH(d_datekey) BUCKETS 1 PROPERTIES ("replication_num" = "1")`},
	{database: "ssb", name: "customer", rows: func(s Sizes) int { return s.Customers }, write: writeCustomer, ddl: `CREATE TABLE ssb.customer (
  c_custkey int NOT NULL,
  c_name varchar(26) NOT NULL,
  c_address varchar(41) NOT NULL,
  c_city varchar(11) NOT NULL,
  c_nation varchar(16) NOT NULL,
  c_region varchar(13) NOT NULL,
  c_phone varchar(16) NOT NULL,
  c_mktsegment varchar(11) NOT NULL
) ENGINE=OLAP DUPLICATE KEY(c_custkey) DISTRIBUTED BY HASH(c_custkey) BUCKETS 4 PROPERTIES ("replication_num" = "1")`},
	{database: "ssb", name: "supplier", rows: func(s Sizes) int { return s.Suppliers }, write: writeSupplier, ddl: `CREATE TABLE ssb.supplier (
  s_suppkey int NOT NULL,
  s_name varchar(26) NOT NULL,
  s_address varchar(41) NOT NULL,
  s_city varchar(11) NOT NULL,
  s_nation varchar(16) NOT NULL,
  s_region varchar(13) NOT NULL,
  s_phone varchar(16) NOT NULL
) ENGINE=OLAP DUPLICATE KEY(s_suppkey) DISTRIBUTED BY HASH(s_suppkey) BUCKETS 2 PROPERTIES ("replication_num" = "1")`},
	{database: "ssb", name: "part", rows: func(s Sizes) int { return s.Parts }, write: writePart, ddl: `CREATE TABLE ssb.part (
  p_partkey int NOT NULL,
  p_name varchar(23) NOT NULL,
  p_mfgr varchar(7) NOT NULL,
  p_category varchar(8) NOT NULL,
  p_brand varchar(10) NOT NULL,
  p_color varchar(12) NOT NULL,
  p_type varchar(26) NOT NULL,
  p_size int NOT NULL,
  p_container varchar(11) NOT NULL
) ENGINE=OLAP DUPLICATE KEY(p_partkey) DISTRIBUTED BY HASH(p_partkey) BUCKETS 4 PROPERTIES ("replication_num" = "1")`},
	{database: "ssb", name: "lineorder", rows: func(s Sizes) int { return s.Lineorders }, write: writeLineorder, ddl: `CREATE TABLE ssb.lineorder (
  lo_orderkey int NOT NULL,
  lo_linenumber int NOT NULL,
  lo_custkey int NOT NULL,
  lo_partkey int NOT NULL,
  lo_suppkey int NOT NULL,
  lo_orderdate int NOT NULL,
  lo_orderpriority varchar(16) NOT NULL,
  lo_shippriority int NOT NULL,
  lo_quantity int NOT NULL,
  lo_extendedprice int NOT NULL,
  lo_ordtotalprice int NOT NULL,
  lo_discount int NOT NULL,
  lo_revenue int NOT NULL,
  lo_supplycost int NOT NULL,
  lo_tax int NOT NULL,
  lo_commitdate int NOT NULL,
  lo_shipmode varchar(11) NOT NULL
) ENGINE=OLAP DUPLICATE KEY(lo_orderkey) PARTITION BY RANGE(lo_orderdate) (
  PARTITION p1 VALUES [("19920101"), ("19930101")),
  PARTITION p2 VALUES [("19930101"), ("19940101")),
  PARTITION p3 VALUES [("19940101"), ("19950101")),
  PARTITION p4 VALUES [("19950101"), ("19960101")),
  PARTITION p5 VALUES [("19960101"), ("19970101")),
  PARTITION p6 VALUES [("19970101"), ("19980101")),
  PARTITION p7 VALUES [("19980101"), ("19990101"))
) DISTRIBUTED BY HASH(lo_orderkey) BUCKETS 4 PROPERTIES ("replication_num" = "1")`},
	{database: "sr_hub", name: "sr_member", rows: func(s Sizes) int { return s.Members }, write: writeMember, ddl: `CREATE TABLE sr_hub.sr_member (
  sr_id int NOT NULL COMMENT "number of the member",
  name varchar(64) NOT NULL COMMENT "as the member writes it",
  city_code int NULL,
  reg_date date NOT NULL,
  verified boolean NULL
) ENGINE=OLAP DUPLICATE KEY(sr_id) COMMENT "members by the quarter in which they joined" PARTITION BY RANGE(reg_date) (
  PARTITION p1 VALUES [("2025-01-01"), ("2025-04-01")),
  PARTITION p2 VALUES [("2025-04-01"), ("2025-07-01")),
  PARTITION p3 VALUES [("2025-07-01"), ("2025-10-01")),
  PARTITION p4 VALUES [("2025-10-01"), ("2026-01-01"))
) DISTRIBUTED BY HASH(sr_id) BUCKETS 2 PROPERTIES ("replication_num" = "1")`},
	{database: "sr_hub", name: "sr_pmc", rows: func(s Sizes) int { return s.Payments }, write: writePayment, ddl: `CREATE TABLE sr_hub.sr_pmc (
  pmc_id bigint NOT NULL,
  sr_id int NOT NULL,
  amount decimal(12, 2) NOT NULL,
  rate double NULL,
  paid_at datetime NOT NULL,
  note varchar(200) NULL,
  detail json NULL
) ENGINE=OLAP PRIMARY KEY(pmc_id) DISTRIBUTED BY HASH(pmc_id) BUCKETS 2 PROPERTIES ("replication_num" = "1")`},
}
