package activities

import (
	"starkeep/job"
	"starkeep/snapshot"
)

// Shape of the work. A batch is what may be lost when a worker dies: some seconds to a few minutes of transfer.
const (
	batchUnits     = 200      // units of a batch at the most: each costs a statement
	batchBytes     = 64 << 20 // estimated bytes of a batch at the most
	batchesWanted  = 16       // smaller batches, down to these many, keep all slots busy and progress visible
	loadBytes      = 32 << 20 // stored bytes of one load at the most
	loadBytesLeast = 4 << 20  // what a load may weigh in any case: each costs a statement, and on StarRocks a version
	loadsWanted    = 32       // smaller loads, down to these many, let all sessions come to their end together
	unitBytes      = 64 << 20 // a partition above this is read tablet by tablet
	batchesPerPage = 200      // ~800 history events a child workflow
)

// unitsOf divides the read of a partition. Small ones are one statement, which is one consistent read; large ones are
// read by groups of tablets, which can go on in parallel, and have to be counted afterwards, since a cluster skips a
// tablet id that it does not know without a word.
func unitsOf(table string, p snapshot.Partition, whole bool) (units []unit, hinted bool) {
	var bytes int64
	var tablets []int64
	var ranges []snapshot.KeyRange
	for _, x := range p.Physical {
		bytes += x.Bytes
		tablets = append(tablets, x.Tablets...)
		ranges = append(ranges, x.Ranges...)
	}
	if len(ranges) > 1 { // all of one view: nothing has to be counted afterwards
		for _, r := range ranges {
			units = append(units, unit{Table: table, Partition: p.Name, Range: &r, Bytes: bytes / int64(len(ranges))})
		}
		return units, false
	}
	if whole || bytes <= unitBytes || len(tablets) < 2 {
		return []unit{{Table: table, Partition: p.Name, Bytes: bytes}}, false
	}
	each := bytes / int64(len(tablets))
	group := max(1, int(unitBytes/max(each, 1)))
	for len(tablets) > 0 {
		n := min(group, len(tablets))
		units = append(units, unit{Table: table, Partition: p.Name, Tablets: tablets[:n:n], Bytes: each * int64(n)})
		tablets = tablets[n:]
	}
	return units, true
}

// limits returns how many items, and how many bytes, a batch of a transfer of this size takes.
func limits(items int, bytes int64) (int, int64) {
	return min(max(items/batchesWanted, 1), batchUnits), min(max(bytes/batchesWanted, 1<<20), batchBytes)
}

// groups cuts n items, in their order, into batches by the limits of their number and their bytes.
func groups(n int, size func(i int) int64) (ends []int) {
	var total int64
	for i := range n {
		total += size(i)
	}
	most, heavy := limits(n, total)
	begin, bytes := 0, int64(0)
	for i := range n {
		if i > begin && (i-begin == most || bytes+size(i) > heavy) {
			ends = append(ends, i)
			begin, bytes = i, 0
		}
		bytes += size(i)
	}
	if n > 0 {
		ends = append(ends, n)
	}
	return ends
}

// batchesOf groups units in their order.
func batchesOf(units []unit) (batches []batch, total job.Progress) {
	begin := 0
	for _, end := range groups(len(units), func(i int) int64 { return units[i].Bytes }) {
		batches = append(batches, batch{Units: units[begin:end:end]})
		begin = end
	}
	total.Units = int64(len(units))
	for _, u := range units {
		total.BytesTotal += u.Bytes
	}
	return batches, total
}

// aggregate is the model whose rows merge when they are loaded.
const aggregate = "AGGREGATE"

// loadWeight is how many stored bytes a load of these targets takes at the most.
func loadWeight(all []target) int64 {
	var total int64
	for _, t := range all {
		for _, p := range t.Partitions {
			for _, o := range p.Objects {
				total += o.Size
			}
		}
	}
	return min(max(total/loadsWanted, loadBytesLeast), loadBytes)
}

// loadsOf groups the data objects of one target: as many as fit into one load of so many stored bytes. The loads of an
// AGGREGATE table are counted afterwards (verifyOnce), maybe by another worker: they depend on nothing but the table.
func loadsOf(t target, weight int64) (loads []load) {
	if t.Entry.Model == aggregate {
		weight = loadBytes
	}
	shape := load{Target: t.Publication.Shadow, Columns: t.Entry.Name, Counted: t.Entry.Model != aggregate}
	if t.Replace || t.Entry.Model == aggregate {
		for _, p := range t.Partitions {
			if t.Replace {
				// A load names its temporary partition: rows of one partition must not be offered to another.
				shape.Target, shape.Temporary = t.Live, []string{t.temporary(p.Partition.Name)}
			}
			loads = append(loads, pack(shape, p.Objects, weight)...)
		}
		return loads
	}
	var all []snapshot.DataObject
	for _, p := range t.Partitions {
		all = append(all, p.Objects...)
	}
	return pack(shape, all, weight)
}

// pack puts as many objects into a load as a load may weigh.
func pack(shape load, objects []snapshot.DataObject, weight int64) (loads []load) {
	l, bytes := shape, int64(0)
	for _, o := range objects {
		if len(l.Objects) > 0 && bytes+o.Size > weight {
			loads = append(loads, l)
			l, bytes = shape, 0
		}
		l.Objects = append(l.Objects[:len(l.Objects):len(l.Objects)], o)
		bytes += o.Size
	}
	if len(l.Objects) > 0 {
		loads = append(loads, l)
	}
	return loads
}

// loadBatches groups loads in their order.
func loadBatches(loads []load) (batches []batch) {
	begin := 0
	for _, end := range groups(len(loads), func(i int) int64 { return loads[i].bytes() }) {
		batches = append(batches, batch{Loads: loads[begin:end:end]})
		begin = end
	}
	return batches
}

func (l load) bytes() (n int64) {
	for _, o := range l.Objects {
		n += o.Size
	}
	return n
}

// temporary returns the name of the temporary partition that stands in for a partition.
func (t target) temporary(partition string) string {
	for _, r := range t.Publication.Replace {
		if r.Partition == partition {
			return r.Temporary
		}
	}
	return ""
}
