package mysqlbench_test

import (
	"fmt"
	"runtime"
	"testing"

	"starkeep/tests/mysqlbench"
)

// BenchmarkPeers measures what there is to beat. The larger size is the one that the targets are for.
func BenchmarkPeers(b *testing.B) {
	for _, lineitems := range []int{600_000, 6_000_000} {
		b.Run(fmt.Sprintf("lineitems=%d", lineitems), func(b *testing.B) {
			sizes := mysqlbench.Sizes{Lineitems: lineitems, Wide: lineitems / 10_000, Tables: 500}
			fmt.Printf("\n%s", mysqlbench.Run(b, mysqlbench.Start(b), sizes, runtime.NumCPU(), nil))
		})
	}
}
