package main

import (
	_ "example/sandbox"
	_ "example/storage/mem"
)
