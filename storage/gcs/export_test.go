package gcs

// WithIdentity stands in for the service that impersonates.
func WithIdentity(root string) Options { return Options{identity: root} }

// Understood tells how properties log in and where to, without asking anybody.
func Understood(properties map[string]string) (way, endpoint string, err error) {
	s, err := read(properties)
	return s.login.String(), s.endpoint, err
}

// Encode is a CRC32C as the store writes it.
var Encode = encode
