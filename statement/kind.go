package statement

import "fmt"

// Kind names the form.
func (CreateRepository) Kind() string { return "create-repository" }

// Kind names the form.
func (DropRepository) Kind() string { return "drop-repository" }

// Kind names the form.
func (ShowRepositories) Kind() string { return "show-repositories" }

// Kind names the form.
func (Backup) Kind() string { return "backup" }

// Kind names the form.
func (Restore) Kind() string { return "restore" }

// Kind names the form: cancel-backup or cancel-restore.
func (s Cancel) Kind() string {
	if s.Restore {
		return "cancel-restore"
	}
	return "cancel-backup"
}

// Kind names the form: show-backup or show-restore.
func (s ShowJobs) Kind() string {
	if s.Restore {
		return "show-restore"
	}
	return "show-backup"
}

// Kind names the form.
func (ShowSnapshot) Kind() string { return "show-snapshot" }

// Kind names the form.
func (DropSnapshot) Kind() string { return "drop-snapshot" }

// Kind names the form.
func (Other) Kind() string { return "other" }

// Pos is where the statement begins.
func (s CreateRepository) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s DropRepository) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s ShowRepositories) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s Backup) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s Restore) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s Cancel) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s ShowJobs) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s ShowSnapshot) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s DropSnapshot) Pos() Position { return s.Position }

// Pos is where the statement begins.
func (s Other) Pos() Position { return s.Position }

// String prints the statement canonically, secrets redacted.
func (s CreateRepository) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s DropRepository) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s ShowRepositories) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s Backup) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s Restore) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s Cancel) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s ShowJobs) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s ShowSnapshot) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s DropSnapshot) String() string { return redacted(&s) }

// String prints the statement canonically, secrets redacted.
func (s Other) String() string { return redacted(&s) }

// Format keeps the location's and the properties' secrets out of every verb of fmt, %#v and %d too.
func (s CreateRepository) Format(f fmt.State, _ rune) { writeTo(f, s.String()) }

// Format keeps the properties' secrets out of every verb of fmt.
func (s Backup) Format(f fmt.State, _ rune) { writeTo(f, s.String()) }

// Format keeps the properties' secrets out of every verb of fmt.
func (s Restore) Format(f fmt.State, _ rune) { writeTo(f, s.String()) }

// Format prints the property with a secret value redacted, whatever the verb.
func (p Property) Format(f fmt.State, _ rune) { writeTo(f, propertyText(p, true)) }

// Format prints the properties with secret values redacted, whatever the verb.
func (p Properties) Format(f fmt.State, _ rune) {
	var out printer
	out.redact = true
	out.properties(p)
	writeTo(f, out.String())
}

// writeTo ends a Formatter; the state is fmt's own buffer and never fails.
func writeTo(f fmt.State, text string) { _, _ = f.Write([]byte(text)) }
