package statement

// Unsupported says why Starkeep does not run a statement, and what to do instead; "" if it does.
func Unsupported(s Statement) string {
	if s, ok := s.(*Other); ok {
		return s.Verb + " is a statement of the cluster: run it on the cluster itself, with a MySQL client"
	}
	return ""
}
