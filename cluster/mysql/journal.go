package mysql

// journal is the table, one in a database, that remembers what a publication is about to take from live tables (triggers,
// foreign keys), so that it can be put back whoever goes on.
const journal = ours + "journal"

func isJournal(table string) bool { return table == journal }
