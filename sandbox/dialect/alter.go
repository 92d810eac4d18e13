package dialect

import "strings"

func (p *Parser) alterTable() (_ Statement, err error) {
	s := &AlterTable{}
	if s.Name, err = p.objectName(); err != nil {
		return nil, err
	}
	for {
		clauses, err := p.alterClause()
		if err != nil {
			return nil, err
		}
		s.Clause = append(s.Clause, clauses...)
		if !p.take(",") {
			return finish(p, s, nil)
		}
	}
}

func (p *Parser) alterClause() ([]any, error) {
	switch {
	case p.take("SWAP", "WITH"):
		name, err := p.name()
		return []any{Swap{With: name}}, err
	case p.take("RENAME", "PARTITION"):
		from, err := p.nameOrString()
		if err != nil {
			return nil, err
		}
		to, err := p.nameOrString()
		return []any{RenamePartition{From: from, To: to}}, err
	case p.take("RENAME", "ROLLUP"):
		from, err := p.name()
		if err != nil {
			return nil, err
		}
		to, err := p.name()
		return []any{RenameRollup{From: from, To: to}}, err
	case p.take("ADD", "ROLLUP"):
		return p.addRollups()
	case p.take("DROP", "ROLLUP"):
		name, err := p.name()
		return []any{DropRollup{Name: name}}, err
	case p.take("ADD", "INDEX"):
		index, err := p.index()
		return []any{AddIndex{Index: index}}, err
	case p.take("DROP", "INDEX"):
		name, err := p.name()
		return []any{DropIndex{Name: name}}, err
	case p.take("AUTO_INCREMENT"):
		p.take("=")
		next, err := p.integer()
		return []any{SetCounter{Next: next}}, err
	case p.take("RENAME"):
		p.take("TO")
		name, err := p.name()
		return []any{Rename{To: name}}, err
	case p.take("SET"):
		properties, err := p.properties()
		return []any{SetProperties{Properties: properties}}, err
	case p.take("ADD"):
		return p.addPartition()
	case p.take("DROP"):
		return p.dropPartition()
	case p.take("REPLACE"):
		c, err := p.replacePartition()
		return []any{c}, err
	}
	return nil, p.unexpected("ADD PARTITION, DROP PARTITION, REPLACE PARTITION, SWAP WITH, RENAME, SET")
}

func (p *Parser) addPartition() ([]any, error) {
	temporary := p.take("TEMPORARY")
	var specs []PartitionSpec
	if p.take("PARTITIONS") { // ADD PARTITIONS START … END … EVERY
		spec, err := p.everySpec()
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	} else {
		spec, err := p.partitionSpec()
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	distribution := CreateTable{}
	if p.take("DISTRIBUTED", "BY") {
		if err := p.distribution(&distribution); err != nil {
			return nil, err
		}
	}
	if p.ahead("(") {
		properties, err := p.properties()
		if err != nil {
			return nil, err
		}
		for i := range specs {
			specs[i].Properties = properties
		}
	}
	var clauses []any
	for _, spec := range specs {
		clauses = append(clauses, AddPartition{Temporary: temporary, Spec: spec, Hash: distribution.Hash, Buckets: distribution.Buckets})
	}
	return clauses, nil
}

func (p *Parser) dropPartition() ([]any, error) {
	d := DropPartition{Temporary: p.take("TEMPORARY")}
	if _, ok := p.takeAny("PARTITION", "PARTITIONS"); !ok {
		return nil, p.unexpected("PARTITION")
	}
	d.IfExists = p.take("IF", "EXISTS")
	names, err := p.names()
	d.Names = names
	p.take("FORCE")
	return []any{d}, err
}

func (p *Parser) replacePartition() (_ ReplacePartition, err error) {
	r := ReplacePartition{Strict: true}
	if _, ok := p.takeAny("PARTITION", "PARTITIONS"); !ok {
		return r, p.unexpected("PARTITION")
	}
	if r.Names, err = p.names(); err != nil {
		return r, err
	}
	if err := p.expect("WITH", "TEMPORARY"); err != nil {
		return r, err
	}
	if _, ok := p.takeAny("PARTITION", "PARTITIONS"); !ok {
		return r, p.unexpected("PARTITION")
	}
	if r.Temporary, err = p.names(); err != nil {
		return r, err
	}
	properties, err := p.optionalProperties()
	if v, ok := properties["strict_range"]; ok {
		r.Strict = strings.EqualFold(v, "true")
	}
	r.UseTemporaryName = strings.EqualFold(properties["use_temp_partition_name"], "true")
	return r, err
}
