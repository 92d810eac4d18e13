package show

import (
	_ "example/job"
	_ "example/sandbox"
	_ "example/statement"
)
