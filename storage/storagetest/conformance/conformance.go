// Package conformance holds the checks that every storage.Bucket passes. storagetest runs them in tests, Examine on a
// user's own repository, from a worker: so nothing here needs the testing package.
package conformance

import (
	"context"
	"fmt"

	"starkeep/storage"
)

// T is what a check needs of a test; *testing.T is one. Errorf may be called by any goroutine, the others only by the
// check's own.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Skipf(format string, args ...any)
	Cleanup(do func())
	Context() context.Context
}

// Place is a fresh, empty place of a backend. Hooks that a backend cannot have are nil; the checks that need them say that
// they are skipped, and why.
type Place struct {
	// Open returns another handle on the place; the suite closes it.
	Open func() storage.Bucket
	// RemoveRoot takes away the root while handles are open. Nil for a backend that cannot lose it.
	RemoveRoot func()
	// Missing opens a root that was never there, without creating it. Nil for a backend that always has one.
	Missing func() (storage.Bucket, error)
	// Denied runs do while the store refuses everything to this process. Nil for a backend without permissions.
	Denied func(do func())
	// Dead runs do while the store does not answer. It returns when it answers again. Nil for a backend without a server.
	Dead func(do func())
	// Leftovers names what unfinished writes have left behind in the place: work files, uploads that were begun. Nil for a
	// backend that has no such thing.
	Leftovers func() []string
	// Page is how many objects a page of a listing holds, where a test's server can be told. 0: as many as the store likes.
	Page int
}

// Scale is how much a check does where the amount matters.
type Scale struct {
	Listed    int   // objects in a long listing
	Rounds    int   // repeats of what is raced
	Churn     int   // objects that come and go beside others
	LargeSize int64 // bytes of a large object
}

// Full is for tests: more than two pages of S3's listings, and more than one part of an upload in parts.
func Full() Scale { return Scale{Listed: 2500, Rounds: 10, Churn: 100, LargeSize: 24 << 20} }

// Modest is for repositories of users, which may be far away and cost money: in all less than 64 MiB and, where a request
// takes 50 ms, less than two minutes.
func Modest() Scale { return Scale{Listed: 300, Rounds: 3, Churn: 12, LargeSize: 9 << 20} }

// Check is one thing that a Bucket has to do.
type Check struct {
	Name  string // as a test is named
	Title string // what it proves, for people

	run     func(t T, s *suite)
	missing func(p Place) string // why it cannot be run on p, or empty
}

// suite is one check on one place.
type suite struct {
	place Place
	scale Scale
	b     storage.Bucket
}

// Run runs the check on a fresh place.
func (c Check) Run(t T, p Place, scale Scale) {
	t.Helper()
	if c.missing != nil {
		if why := c.missing(p); why != "" {
			t.Skipf("%s", why)
		}
	}
	b := p.Open()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close the bucket: %v", err)
		}
	})
	c.run(t, &suite{p, scale, b})
}

// Checks returns all checks on a place of their own.
func Checks() []Check {
	return []Check{
		{"RoundTripKeepsBytes", "What is written is read back the same, from empty objects to some MiB", roundTrip, nil},
		{"LargeObjectKeepsBytes", "A large object is stored whole, created once and replaced", large, nil},
		{"RangesReadWhatTheySay", "Parts of an object are the bytes they say, also at and behind its end", ranges, nil},
		{"RangesInParallelMakeTheWhole", "Sixteen readers of parts get the whole object", parallelRanges, nil},
		{"PutReplacesOlderObject", "Writing again replaces the older object", putReplaces, nil},
		{"SamePutTwiceIsHarmless", "The same write twice changes nothing", putTwice, nil},
		{"CreateIfAbsentKeepsOldObject", "What is there is never replaced by create-if-absent", createKeepsOld, nil},
		{"OneOfSixteenCreatorsWins", "Of sixteen who create the same object, exactly one does", createRaced, nil},
		{"BrokenBodyLeavesNothing", "A write that breaks half way leaves nothing and changes nothing", brokenBody, nil},
		{"BlockedBodyBlocksNobody", "A write that stands still shows nothing and holds nobody up", blockedBody, nil},
		{"WrongDeclarationIsRefused", "Content of another size or hash than announced is not stored", wrongDeclaration, nil},
		{"ReadersSeeOldOrNewNeverAMixture", "Readers beside a writer see the old or the new object, never a mixture", oldOrNew, nil},
		{"DeleteTwiceIsNoError", "Deleting takes away one object only, and may be repeated", deleteTwice, nil},
		{"DeleteBesidePutLosesNoPut", "Deletes beside writes lose none of them", deleteBesidePut, nil},
		{"ListIsInByteOrder", "Listings are in byte order, whatever the store's own order is", listOrder, nil},
		{"ListPrefixIsNoFolder", "Listings by prefix know no folders", listPrefix, nil},
		{"ListOfThousandsIsWhole", "A long listing names each object exactly once", listThousands, nil},
		{"ListBesideWritersMissesNothing", "A listing beside writers misses nothing that was there all the time", listBesideWriters, nil},
		{"ListStopsAtFirstError", "A listing ends when its reader has enough", listStops, nil},
		{"ListStopsWhenCancelled", "A listing ends when it is cancelled", listCancelled, nil},
		{"ListMayReadMeanwhile", "Objects can be read, written and listed in the middle of a listing", listWithin, nil},
		{"AbsentIsProvenAbsent", "What is not there is told to be absent, without a doubt", absent, nil},
		{"MissingRootIsNotAbsent", "A bucket or folder that went away is not taken for an empty one", missingRoot, needsRemoveRoot},
		{"UnknownRootIsNoEmptyOne", "A bucket or folder that never was is not taken for an empty one", unknownRoot, needsMissing},
		{"DeniedIsNotAbsent", "What may not be read is not taken for absent", denied, needsDenied},
		{"DeadStoreIsNotAbsent", "A store that does not answer is not taken for an empty one", deadStore, needsDead},
		{"OddKeysAreKept", "Names with spaces, dots, signs, other scripts and great length are kept", oddKeys, nil},
		{"InvalidKeysAreRefused", "Names that could lead elsewhere are refused", invalidKeys, nil},
		{"CancelledContextChangesNothing", "What is cancelled before it begins changes nothing", cancelledChangesNothing, nil},
		{"CancelStopsTransfers", "Cancelling ends transfers in the middle", cancelStopsTransfers, nil},
		{"TwoHandlesSeeEachOther", "What one worker writes, another sees at once", twoHandles, nil},
		{"UnreadBodiesHoldNothing", "Readers that stop early give their connections back", unreadBodies, nil},
		{"NothingIsLeftRunning", "A closed bucket leaves nothing running", nothingRuns, nil},
		{"TraitsAreStated", "What the store can do is stated", traits, nil},
	}
}

// The reasons why a place cannot be checked.

func needsRemoveRoot(p Place) string {
	return unless(p.RemoveRoot != nil, "its root cannot be taken away here")
}
func needsMissing(p Place) string {
	return unless(p.Missing != nil, "no other root can be opened here")
}
func needsDenied(p Place) string {
	return unless(p.Denied != nil, "its permissions cannot be taken away here")
}
func needsDead(p Place) string { return unless(p.Dead != nil, "its server cannot be stopped here") }

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

func traits(t T, s *suite) {
	tr := s.b.Traits()
	truth(t, tr.Name != "", "the store has no name")
	truth(t, tr.CreateAbsent == storage.Atomic || tr.CreateAbsent == storage.Checked, "create-if-absent is %q", tr.CreateAbsent)
	truth(t, tr.MaxKey >= 200, "keys of %d bytes at most: the repository format needs 200", tr.MaxKey)
	truth(t, tr.MaxKey <= storage.MaxKey, "keys of %d bytes are more than the %d that all stores have to take", tr.MaxKey, storage.MaxKey)
}

// fail ends a check.
func fail(t T, format string, args ...any) {
	t.Helper()
	t.Errorf(format, args...)
	t.FailNow()
}

func truth(t T, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		fail(t, format, args...)
	}
}

// works fails on an error; what says what was done.
func works(t T, err error, what string, args ...any) {
	t.Helper()
	if err != nil {
		fail(t, "%s: %v", fmt.Sprintf(what, args...), err)
	}
}
