//go:build never

package unruled

import _ "example/storage"
