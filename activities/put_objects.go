package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/job"
	"starkeep/snapshot"
)

// PutObjects creates the objects that are not tables, in their order. The tables are live by now, so it only goes forward:
// what the cluster does not take is named, and the others follow.
func (a *Activities) PutObjects(ctx context.Context, in job.StageInput, secrets job.Secrets) (job.PutObjectsOutput, error) {
	defer alive(ctx)()
	out, err := a.putObjects(ctx, in, secrets)
	return out, explain(err)
}

func (a *Activities) putObjects(ctx context.Context, in job.StageInput, secrets job.Secrets) (job.PutObjectsOutput, error) {
	var out job.PutObjectsOutput
	d, err := a.open(ctx, in.Ref)
	if err != nil {
		return out, err
	}
	var head restoreHead
	if err := d.read(ctx, headPage, &head); err != nil {
		return out, err
	}
	if _, err := d.settle(ctx, puttingPage, &created{Database: d.ref.Database}); err != nil {
		return out, err
	}
	keeper := d.cluster.(cluster.Keeper) // checked by meetObjects, before anything was changed
	var lost, notes remarks              // what did not come back is told first, and never cut for the sake of what did
	refused := 0
	for _, o := range head.Objects {
		note, err := keeper.PutObject(ctx, o, supplying(*head.Renamed, o, secrets))
		switch {
		case final(err): // a repeat cannot help, and the tables are live: the others shall not be missing, too
			refused++
			lost.addf("NOT RESTORED: %s: %v", o, err)
		case err != nil:
			return out, fmt.Errorf("restore %s: %w", o, err)
		case note != "":
			if note = unsaid(fmt.Sprintf("%s: %s", o, note), head.Output.Notes); note != "" {
				notes.addf("%s", note)
			}
		}
	}
	out.Notes = slices.Concat(lost.notes(), notes.notes())
	if refused == len(head.Objects) && len(head.Targets) == 0 { // nothing at all came back
		return out, refuse(job.Unsupported, "Failed to restore, errmsg: %s", strings.Join(out.Notes, "; "))
	}
	return out, nil
}

// unsaid is what a note tells beyond those that were told when the object was checked.
func unsaid(note string, told []string) string {
	object, _, _ := strings.Cut(note, ": ")
	for _, t := range told {
		rest, begins := strings.CutPrefix(note, t)
		more, goesOn := strings.CutPrefix(rest, "; ")
		switch {
		case begins && rest == "":
			return ""
		case begins && goesOn:
			return object + ": " + more
		}
	}
	return note
}

// supplying returns r with the secrets of one object, by bare property, so that no adapter sees those of another.
func supplying(r cluster.Renaming, o snapshot.Object, secrets job.Secrets) cluster.Renaming {
	r.Supplied = nil
	for property, key := range suppliedKeys(o, secrets) {
		if r.Supplied == nil {
			r.Supplied = map[string]string{}
		}
		r.Supplied[property] = secrets[key]
	}
	return r
}

// suppliedKeys maps the masked properties of an object to the keys of the secrets that supply them.
func suppliedKeys(o snapshot.Object, secrets job.Secrets) map[string]string {
	keys := map[string]string{}
	for _, property := range o.Masked {
		for _, name := range spellings(o) {
			key := string(o.Kind) + "." + name + "." + property
			if _, ok := secrets[key]; ok {
				keys[property] = key
			}
		}
	}
	return keys
}

// spellings are the ways in which a property may name an object: a user without quotes, and without the host that stands
// for all hosts, too.
func spellings(o snapshot.Object) []string {
	if o.Kind != snapshot.User {
		return []string{o.Name}
	}
	bare := strings.NewReplacer("'", "", "`", "").Replace(o.Name)
	names := []string{o.Name, bare}
	if user, ok := strings.CutSuffix(bare, "@%"); ok {
		names = append(names, user)
	}
	return names
}

// checkSecrets refuses secrets that no object of the restore needs: they are most likely written wrongly, and what they were
// meant for would come back without them.
func checkSecrets(rest []snapshot.Object, secrets job.Secrets) error {
	unused := maps.Clone(secrets)
	for _, o := range rest {
		for _, key := range suppliedKeys(o, secrets) {
			delete(unused, key)
		}
	}
	if len(unused) > 0 {
		return refuse(job.InvalidRequest, "Unknown restore job properties: [%s]: nothing that is restored has a masked property of that name",
			strings.Join(slices.Sorted(maps.Keys(unused)), ", "))
	}
	return nil
}
