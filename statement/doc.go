// Package statement is the SQL dialect of backup and restore: lexer, parser, typed statements, semantic checks,
// canonical printing and redaction. It depends on nothing else of Starkeep and does no I/O.
//
// The dialect is StarRocks' (fe: StarRocks.g4, StarRocksLex.g4, AstBuilder; forms of 2.5 to 4.2). Keywords are
// case-insensitive; [x] is optional, {x} repeats, 'x' is a literal character:
//
//	texts      = { [statement] terminator } [statement] .
//	terminator = ";" | "\G" .
//	statement  = create | drop | repositories | backup | restore | cancel | jobs | snapshots | dropSnapshot | other .
//
//	create       = CREATE [READ ONLY] REPOSITORY name WITH BROKER [name | string] ON LOCATION string [properties] .
//	drop         = DROP REPOSITORY name .
//	repositories = SHOW REPOSITORIES filter .
//	backup       = BACKUP [cluster] [DATABASE name] SNAPSHOT [name "."] label TO name [objects] [properties] .
//	restore      = RESTORE SNAPSHOT [name "."] label FROM name [cluster] [DATABASE name [AS name]] [objects] [properties] .
//	cancel       = CANCEL (BACKUP | RESTORE) ((FROM | IN) name | FOR EXTERNAL CATALOG) .
//	jobs         = SHOW (BACKUP | RESTORE) [(FROM | IN) name] filter .
//	snapshots    = SHOW SNAPSHOT ON name [WHERE which] [order] [limit] .
//	which        = SNAPSHOT "=" string [AND TIMESTAMP "=" string] | SNAPSHOT IN "(" string {"," string} ")" .
//	dropSnapshot = DROP SNAPSHOT label ON name [FORCE] .
//	other        = any statement that begins with a verb of the cluster: GRANT, REVOKE, CREATE ROLE, USE, SET, …
//
//	cluster    = part {"," part} .                                                 (each kind once)
//	part       = catalogs | ALL (GLOBAL FUNCTIONS | USERS | ROLES | RESOURCE GROUPS) .
//	catalogs   = ALL EXTERNAL CATALOGS | EXTERNAL (CATALOG | CATALOGS) "(" catalog {"," catalog} ")" .
//	catalog    = name [AS name] .                                                  (AS: RESTORE only)
//	objects    = ON "(" object {"," object} ")" .
//	object     = [TABLE[S]] name ["." name] [partitions] [AS name]                 (AS: RESTORE only)
//	           | (MATERIALIZED VIEW[S] | VIEW[S] | FUNCTION[S]) name ["." name] [AS name]
//	           | ALL (TABLE[S] | MATERIALIZED VIEW[S] | VIEW[S] | FUNCTION[S]) .
//	partitions = PARTITION[S] ( "(" partition {"," partition} ")" | partition {"," partition} ) .
//	partition  = name | string .          (TEMPORARY before PARTITION, and column = value, are read and then refused)
//	properties = PROPERTIES "(" string "=" string {"," string "=" string} ")" .
//
//	filter     = [WHERE condition] [order] [limit] .
//	condition  = and {OR and} .
//	and        = not {AND not} .
//	not        = NOT not | "(" condition ")" | predicate .
//	predicate  = column ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=") literal
//	           | column [NOT] LIKE string | column [NOT] IN "(" literal {"," literal} ")" .
//	literal    = string | ["-"] number | TRUE | FALSE .
//	order      = ORDER BY column [ASC | DESC] {"," column [ASC | DESC]} .
//	limit      = LIMIT number [OFFSET number] | LIMIT number "," number .
//
//	name       = letter {letter | digit} | digit {letter | digit} with a letter | "`" any "`" .
//	string     = "'" text "'" | '"' text '"' with doubled quotes and \n \t \r \b \0 \Z \\ \' \" .
//	comment    = "--" to the end of the line | "/*" text "*/" .
//
// A keyword that the native grammar does not reserve (BACKUP, SNAPSHOT, REPOSITORY, VIEW, …) is a name without quotes
// too. One keyword covers exactly one object: in ON (TABLE a, b) the second is an untyped name. Without parentheses a
// partition list goes on as long as it can: ON (t PARTITION p1, u) names two partitions of t.
//
// Properties of BACKUP: see BackupOptions. Of RESTORE: see RestoreOptions. Of CREATE REPOSITORY: those of the storage.
package statement
