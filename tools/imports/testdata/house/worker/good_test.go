package main

import _ "example/sandbox"
