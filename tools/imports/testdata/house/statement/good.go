package statement

import _ "strings"
