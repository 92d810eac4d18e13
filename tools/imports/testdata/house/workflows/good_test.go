package workflows

import (
	_ "os"

	_ "example/job/sealed"
)
