package workflows

import (
	_ "math/rand/v2"
	_ "os"
	_ "time"

	_ "example/job/sealed"
	_ "example/snapshot"
	_ "example/snapshot/repository"
)
