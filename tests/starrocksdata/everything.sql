CREATE TABLE scalars (
  id BIGINT NOT NULL COMMENT 'it''s "the" key',
  b BOOLEAN, ti TINYINT, si SMALLINT, i INT, bi BIGINT, li LARGEINT, f FLOAT, d DOUBLE,
  d9 DECIMAL(9,2), d18 DECIMAL(18,6), d38 DECIMAL(38,10), d76 DECIMAL(76,20),
  dt DATE, ts DATETIME, c CHAR(20), v VARCHAR(200), s STRING, vb VARBINARY, j JSON
) DUPLICATE KEY(id) COMMENT 'every scalar type' DISTRIBUTED BY HASH(id) BUCKETS 3 PROPERTIES ('replication_num' = '1', 'compression' = 'ZSTD')
//
INSERT INTO scalars VALUES
 (1, true, 127, 32767, 2147483647, 9223372036854775807, 170141183460469231731687303715884105727, 3.4028235e38, 1.7976931348623157e308,
  9999999.99, 999999999999.999999, 9999999999999999999999999999.9999999999, 12345678901234567890123456789012345678901234567890123456.12345678901234567890,
  '9999-12-31', '9999-12-31 23:59:59.999999', 'abc', 'ünï 表 😀', 'line\nbreak', unhex('00FF80'), parse_json('{"b": 1, "a": [true, null, 2.5, "x"]}')),
 (2, false, -128, -32768, -2147483648, -9223372036854775808, -170141183460469231731687303715884105728, -3.4028235e38, 5e-324,
  -9999999.99, -999999999999.999999, -9999999999999999999999999999.9999999999, -12345678901234567890123456789012345678901234567890123456.12345678901234567890,
  '0000-01-01', '0000-01-01 00:00:00', '', '', '', unhex(''), parse_json('"\\u00e4 \\\\ \\" \\n"')),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, true, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '2024-02-29', '2024-02-29 12:00:00.000001', '\\N', '\\N', 'NULL', unhex('5C4E'), CAST(1 AS JSON)),
 (5, true, 1, 1, 1, 1, 1, 0.1, 0.1, 0.01, 0.000001, 0.0000000001, 0.00000000000000000001, '1970-01-01', '1970-01-01 00:00:00', '"', '''"`\\', unhex('FFFE5C0A2C22'), unhex('0A0D09'), CAST(false AS JSON))
//
CREATE TABLE nested (
  id INT NOT NULL,
  a ARRAY<INT>, texts ARRAY<VARCHAR(200)>, grid ARRAY<ARRAY<DECIMAL(20,3)>>, wide ARRAY<LARGEINT>, moments ARRAY<DATETIME>,
  m MAP<INT,VARCHAR(50)>, lists MAP<VARCHAR(20),ARRAY<INT>>,
  st STRUCT<a INT, b VARCHAR(20), c ARRAY<DATE>>,
  deep ARRAY<STRUCT<k VARCHAR(10), v MAP<INT,STRUCT<x DOUBLE, y DATETIME>>>>
) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO nested VALUES
 (1, [1, 2, NULL], ['a', '"q"', 'back\\slash', NULL, '', 'c,o]m:m}a', 'NULL', 'null'], [[1.5, NULL], [], NULL, [-0.001]], [170141183460469231731687303715884105727, NULL],
  ['2024-01-01 00:00:00', '2024-01-01 00:00:00.5'], map{1: 'x', 2: NULL, -3: 'it''s "y" \\'}, map{'k"1': [1, NULL], '': [], 'z': NULL},
  row(1, 'b"\\', ['2024-01-01', NULL]), [row('k', map{1: row(1.5, '2024-01-01 00:00:00'), 2: NULL}), NULL, row(NULL, NULL)]),
 (2, [], [], [], [], [], map{}, map{}, row(NULL, NULL, NULL), []),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
//
INSERT INTO nested (id, texts) VALUES (4, [unhex('00FF8022'), 'line\nbreak\ttab'])
//
CREATE TABLE leaves (
  id INT NOT NULL,
  flags ARRAY<BOOLEAN>, tiny ARRAY<TINYINT>, singles ARRAY<FLOAT>, wide ARRAY<DECIMAL(76,20)>, blobs ARRAY<VARBINARY>, texts ARRAY<JSON>,
  by_day MAP<DATE,DECIMAL(9,2)>, pages MAP<VARCHAR(20),JSON>, inner STRUCT<raw VARBINARY, doc JSON, m MAP<LARGEINT,ARRAY<BOOLEAN>>>
) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO leaves VALUES
 (1, [true, false, NULL], [-128, 127], CAST([0.1, NULL] AS ARRAY<FLOAT>), CAST(['12345678901234567890123456789012345678901234567890123456.12345678901234567890', NULL] AS ARRAY<DECIMAL(76,20)>),
  [unhex('00FF225C'), unhex(''), NULL], [parse_json('{"a": "it''s \\"x\\""}'), NULL, CAST(2.5 AS JSON), parse_json('"\\\\N"')],
  CAST(map{'2024-01-01': 1.5, '0000-01-01': NULL} AS MAP<DATE,DECIMAL(9,2)>), map{'k': parse_json('[1, "]"]'), '': NULL},
  row(unhex('FF00'), parse_json('{}'), CAST(map{1: [true, NULL]} AS MAP<LARGEINT,ARRAY<BOOLEAN>>))),
 (2, NULL, [], NULL, NULL, [], [], NULL, map{}, row(NULL, NULL, NULL))
//
CREATE TABLE sketches (
  k INT NOT NULL, day DATE NOT NULL,
  total BIGINT SUM, lowest DOUBLE MIN, highest DATETIME MAX, last VARCHAR(40) REPLACE, kept VARCHAR(40) REPLACE_IF_NOT_NULL,
  people BITMAP BITMAP_UNION, visits HLL HLL_UNION
) AGGREGATE KEY(k, day) PARTITION BY RANGE(day) (PARTITION p1 VALUES LESS THAN ('2024-02-01'), PARTITION p2 VALUES [('2024-02-01'), ('2024-03-01')))
DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO sketches VALUES
 (1, '2024-01-01', 10, 1.5, '2024-01-01 10:00:00', 'a', 'x', bitmap_from_string('1,2,3'), hll_hash(1)),
 (1, '2024-01-01', 5, 0.5, '2024-01-02 10:00:00', 'b', NULL, bitmap_from_string('3,4,4294967296'), hll_hash(2)),
 (2, '2024-02-01', NULL, NULL, NULL, NULL, NULL, bitmap_empty(), hll_empty()),
 (3, '2024-02-02', 7, 7, NULL, '', NULL, to_bitmap(18446744073709551615), hll_hash('x')),
 (4, '2024-02-02', NULL, NULL, NULL, NULL, NULL, NULL, NULL)
//
CREATE TABLE bitmaps (id INT NOT NULL, b BITMAP BITMAP_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO bitmaps SELECT 1, to_bitmap(id) FROM scalars WHERE id > 0
//
CREATE TABLE latest (id INT NOT NULL, v VARCHAR(20) DEFAULT 'none', at DATETIME DEFAULT CURRENT_TIMESTAMP) UNIQUE KEY(id)
DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO latest VALUES (1, 'a', '2024-01-01 00:00:00'), (1, 'b', '2024-01-02 00:00:00'), (2, NULL, NULL)
//
CREATE TABLE counted (
  id BIGINT NOT NULL AUTO_INCREMENT, name VARCHAR(40) NOT NULL, price DECIMAL(10,2), doubled DECIMAL(12,2) AS price * 2
) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 ORDER BY(name) PROPERTIES ('replication_num' = '1', 'enable_persistent_index' = 'false')
//
INSERT INTO counted (name, price) VALUES ('a', 1.5), ('b', NULL), ('c', 99999999.99)
//
CREATE TABLE indexed (
  id INT NOT NULL, v VARCHAR(64) NOT NULL, w VARCHAR(64), n INT,
  INDEX by_w (w) USING BITMAP COMMENT 'a bitmap index',
  INDEX by_v (v) USING NGRAMBF ('gram_num' = '4', 'bloom_filter_fpp' = '0.05')
) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1', 'bloom_filter_columns' = 'n')
//
INSERT INTO indexed VALUES (1, 'abcd', 'x', 1), (2, 'efgh', NULL, 2)
//
CREATE TABLE searched (
  id INT NOT NULL, body STRING, vector ARRAY<FLOAT> NOT NULL,
  INDEX by_body (body) USING GIN ('parser' = 'english') COMMENT 'a full-text index',
  INDEX by_vector (vector) USING VECTOR ('index_type' = 'hnsw', 'dim' = '3', 'metric_type' = 'l2_distance', 'is_vector_normed' = 'false', 'M' = '16', 'efconstruction' = '40')
) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO searched VALUES (1, 'the quick brown fox', CAST([0.5, 1, -2] AS ARRAY<FLOAT>)), (2, NULL, CAST([0, 0, 0] AS ARRAY<FLOAT>))
//
CREATE TABLE sorted (id INT NOT NULL, v VARCHAR(20) NOT NULL, n INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 ORDER BY(n, v)
PROPERTIES ('replication_num' = '1', 'replicated_storage' = 'false', 'compression' = 'ZSTD(9)')
//
INSERT INTO sorted VALUES (1, 'b', 2), (2, 'a', NULL)
//
CREATE TABLE warm (day DATE NOT NULL, v INT) DUPLICATE KEY(day) PARTITION BY RANGE(day) (
  PARTITION p1 VALUES LESS THAN ('2024-02-01') ('storage_medium' = 'HDD'), PARTITION p2 VALUES LESS THAN ('2024-03-01')
) DISTRIBUTED BY HASH(day) BUCKETS 1 PROPERTIES ('replication_num' = '1', 'storage_medium' = 'SSD', 'storage_cooldown_ttl' = '1 YEAR')
//
INSERT INTO warm VALUES ('2024-01-01', 1), ('2024-02-01', 2)
//
CREATE TABLE bounded (k INT NOT NULL, day DATE NOT NULL, v STRING) DUPLICATE KEY(k, day) PARTITION BY RANGE(k, day) (
  PARTITION p1 VALUES LESS THAN ('10', '2024-01-01'), PARTITION p2 VALUES LESS THAN ('10', MAXVALUE), PARTITION p3 VALUES LESS THAN (MAXVALUE, MAXVALUE)
) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO bounded VALUES (10, '2023-12-31', 'p1'), (10, '2024-01-01', 'p2'), (11, '2024-01-01', 'p3')
//
CREATE TABLE left_one (id INT NOT NULL, v INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ('replication_num' = '1', 'colocate_with' = 'everything_group')
//
CREATE TABLE right_one (id INT NOT NULL, w INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 4 PROPERTIES ('replication_num' = '1', 'colocate_with' = 'everything_group')
//
INSERT INTO left_one VALUES (1, 10), (2, 20)
//
INSERT INTO right_one VALUES (1, 100), (3, 300)
//
CREATE TABLE listed (id INT NOT NULL, city VARCHAR(20) NOT NULL, day DATE NOT NULL, v INT) DUPLICATE KEY(id, city, day)
PARTITION BY LIST(city, day) (
  PARTITION oslo VALUES IN (('oslo', '2024-01-01'), ('oslo', '2024-01-02')), PARTITION rome VALUES IN (('rome', '2024-01-01'))
) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO listed VALUES (1, 'oslo', '2024-01-01', 1), (2, 'oslo', '2024-01-02', 2), (3, 'rome', '2024-01-01', 3)
//
CREATE TABLE monthly (id INT NOT NULL, at DATETIME NOT NULL, v STRING) DUPLICATE KEY(id) PARTITION BY date_trunc('month', at)
DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO monthly VALUES (1, '2024-01-05 00:00:00', 'a'), (2, '2024-02-05 10:00:00', 'b'), (3, '2024-02-06 10:00:00', 'c')
//
CREATE TABLE by_city (id INT NOT NULL, city VARCHAR(20) NOT NULL, v STRING) DUPLICATE KEY(id, city) PARTITION BY (city)
DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO by_city VALUES (1, 'oslo', 'a'), (2, 'rome', 'b'), (3, 'são paulo', 'c')
//
CREATE TABLE heap (id INT NOT NULL, v VARCHAR(30)) DUPLICATE KEY(id) DISTRIBUTED BY RANDOM BUCKETS 3 PROPERTIES ('replication_num' = '1')
//
INSERT INTO heap VALUES (1, 'a'), (2, 'b'), (3, NULL), (3, NULL)
//
CREATE TABLE rolled (k1 INT NOT NULL, k2 INT NOT NULL, v BIGINT NOT NULL) DUPLICATE KEY(k1, k2) DISTRIBUTED BY HASH(k1) BUCKETS 2 PROPERTIES ('replication_num' = '1')
//
INSERT INTO rolled VALUES (1, 1, 10), (1, 2, 20), (2, 1, 30)
//
ALTER TABLE rolled ADD ROLLUP by_k2 (k2, v)
//AWAIT SHOW ALTER TABLE ROLLUP
CREATE MATERIALIZED VIEW rolled_sums AS SELECT k1, SUM(v) FROM rolled GROUP BY k1
//AWAIT SHOW ALTER MATERIALIZED VIEW
CREATE VIEW totals (k, total COMMENT 'a sum') COMMENT 'a view' AS SELECT k1, SUM(v) FROM rolled WHERE k2 <> 9 GROUP BY k1
//
CREATE VIEW big_totals AS SELECT k, total, 'totals, `everything`, `rolled`' AS text FROM totals WHERE total > 10
//
CREATE MATERIALIZED VIEW city_counts COMMENT 'an mv' DISTRIBUTED BY HASH(city) BUCKETS 2 REFRESH MANUAL PROPERTIES ('replication_num' = '1')
AS SELECT city, COUNT(*) AS n FROM by_city GROUP BY city
//
REFRESH MATERIALIZED VIEW city_counts WITH SYNC MODE
//
CREATE MATERIALIZED VIEW counts_of_counts DISTRIBUTED BY HASH(n) BUCKETS 1 REFRESH DEFERRED MANUAL PROPERTIES ('replication_num' = '1')
AS SELECT n, COUNT(*) AS cities FROM city_counts GROUP BY n
//
REFRESH MATERIALIZED VIEW counts_of_counts WITH SYNC MODE
//
CREATE VIEW over_mv AS SELECT t.n, t.cities FROM counts_of_counts AS t
//
CREATE MATERIALIZED VIEW hourly DISTRIBUTED BY HASH(id) BUCKETS 1 REFRESH ASYNC START('2030-01-01 00:00:00') EVERY(INTERVAL 1 HOUR) PROPERTIES ('replication_num' = '1')
AS SELECT l.id, l.v, r.w FROM left_one l JOIN right_one r ON l.id = r.id
//
CREATE TABLE split (id INT NOT NULL, v VARCHAR(2000)) DUPLICATE KEY(id) DISTRIBUTED BY RANDOM BUCKETS 2 PROPERTIES ('replication_num' = '1', 'bucket_size' = '1024')
//
INSERT INTO split VALUES (1, repeat('a', 2000)), (2, repeat('b', 2000))
//
INSERT INTO split VALUES (3, repeat('c', 2000)), (4, repeat('d', 2000))
//
INSERT INTO split VALUES (5, repeat('e', 2000)), (6, NULL)
//
CREATE TABLE rolling (day DATE NOT NULL, v INT) DUPLICATE KEY(day) PARTITION BY RANGE(day) () DISTRIBUTED BY HASH(day) BUCKETS 2
PROPERTIES ('replication_num' = '1', 'dynamic_partition.enable' = 'true', 'dynamic_partition.time_unit' = 'DAY', 'dynamic_partition.start' = '-3',
 'dynamic_partition.end' = '3', 'dynamic_partition.prefix' = 'd', 'dynamic_partition.buckets' = '2')
//AWAIT SHOW ALTER TABLE COLUMN
CREATE TABLE living (at DATETIME NOT NULL, v INT) DUPLICATE KEY(at) PARTITION BY date_trunc('month', at) DISTRIBUTED BY HASH(at) BUCKETS 1
PROPERTIES ('replication_num' = '1', 'partition_live_number' = '12')
//
INSERT INTO living VALUES ('2024-01-01 00:00:00', 1), ('2024-02-01 00:00:00', 2)
//
CREATE TABLE crossed (at DATETIME NOT NULL, city VARCHAR(20) NOT NULL, v INT) DUPLICATE KEY(at, city) PARTITION BY date_trunc('day', at), city
DISTRIBUTED BY HASH(at) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO crossed VALUES ('2024-01-01 10:00:00', 'oslo', 1), ('2024-01-01 11:00:00', 'rome', 2), ('2024-01-02 10:00:00', 'oslo', 3)
//
CREATE TABLE parents (id INT NOT NULL, name VARCHAR(20)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1', 'unique_constraints' = 'id')
//
CREATE TABLE children (id INT NOT NULL, parent INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1
PROPERTIES ('replication_num' = '1', 'foreign_key_constraints' = '(parent) REFERENCES parents(id)')
//
INSERT INTO parents VALUES (1, 'a')
//
INSERT INTO children VALUES (1, 1)
//
CREATE TABLE defaults (
  id INT NOT NULL, token VARCHAR(36) DEFAULT (uuid()), n INT DEFAULT '7', s STRING, quoted VARCHAR(20) DEFAULT 'a"b\\c', at DATETIME DEFAULT CURRENT_TIMESTAMP,
  a ARRAY<INT> DEFAULT [1, 2], m MAP<VARCHAR(10),INT> DEFAULT map{'a': 1, 'b': 2}, st STRUCT<x INT, y VARCHAR(10)> DEFAULT row(1, 'z') COMMENT 'a, default'
) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO defaults (id, s) VALUES (1, 'x'), (2, NULL)
//
CREATE TABLE large (id INT NOT NULL, v VARCHAR(1048576), b VARBINARY, j JSON, a ARRAY<VARCHAR(1048576)>) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')
//
INSERT INTO large (id, v, b) SELECT 1, repeat('x', 524288), to_binary(repeat('z', 524289), 'utf8')
//
INSERT INTO large (id, v, b) SELECT 2, repeat('é', 300000), to_binary(repeat('ff00', 262144), 'hex')
//
INSERT INTO large (id, v, b) SELECT 3, repeat('y', 1048576), to_binary(repeat('w', 1048576), 'utf8')
//
INSERT INTO large (id, a) SELECT 4, [repeat('x', 600000), NULL, repeat('ü', 300000)]
//
ALTER TABLE listed ADD TEMPORARY PARTITION waiting VALUES IN (('bonn', '2024-01-01'))
