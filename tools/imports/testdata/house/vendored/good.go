package vendored

import _ "example/sandbox"
