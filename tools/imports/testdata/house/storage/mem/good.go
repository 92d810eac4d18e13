package mem

import _ "example/storage"
