package statement

// Filter is the WHERE, ORDER BY and LIMIT that SHOW statements accept. The zero value keeps every row.
type Filter struct{}
