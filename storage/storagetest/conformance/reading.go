package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"starkeep/storage"
)

// reading returns the checks for a repository that may only be read. They need nothing but what is there.
func reading() []Check {
	return []Check{
		{"ListIsInByteOrder", "Listings are in byte order, and the same twice", readOrder, nil},
		{"ListPrefixIsNoFolder", "Listings by prefix give what the whole listing does", readPrefixes, nil},
		{"ObjectsAreWhatTheListSays", "Objects have the size and name under which they are listed", readSizes, nil},
		{"RangesReadWhatTheySay", "Parts of objects are the bytes they say", readRanges, nil},
		{"AbsentIsProvenAbsent", "What is not there is told to be absent, without a doubt", readAbsent, nil},
		{"InvalidKeysAreRefused", "Names that could lead elsewhere are refused", invalidReads, nil},
		{"CancelledContextReadsNothing", "What is cancelled before it begins does not begin", cancelledReads, nil},
		{"CancelStopsTransfers", "Cancelling ends transfers in the middle", readCancelled, nil},
		{"TwoHandlesSeeEachOther", "Two workers see the same", readTwice, nil},
		{"NothingIsLeftRunning", "A closed bucket leaves nothing running", readAndClose, nil},
		{"TraitsAreStated", "What the store can do is stated", traits, nil},
	}
}

// What is read of a repository that may be large.
const (
	mostListed  = 2000    // keys
	mostObjects = 8       // read, spread over the listing
	mostBytes   = 4 << 20 // of one object
)

var errEnough = errors.New("enough")

// look lists the first objects below a prefix.
func look(ctx context.Context, b storage.Bucket, prefix string) ([]storage.Info, error) {
	var infos []storage.Info
	err := b.List(ctx, prefix, func(i storage.Info) error {
		if len(infos) == mostListed {
			return errEnough
		}
		infos = append(infos, i)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return infos, err
}

// samples are some of the objects that are there; without any the check is skipped.
func samples(t T, b storage.Bucket) []storage.Info {
	t.Helper()
	infos, err := look(t.Context(), b, "")
	works(t, err, "list")
	if len(infos) == 0 {
		t.Skipf("the repository holds nothing that could be read")
	}
	step := max(1, len(infos)/mostObjects)
	var some []storage.Info
	for i := 0; i < len(infos) && len(some) < mostObjects; i += step {
		some = append(some, infos[i])
	}
	return some
}

func readOrder(t T, s *suite) {
	first, err := look(t.Context(), s.b, "")
	works(t, err, "list")
	for i := 1; i < len(first); i++ {
		truth(t, first[i-1].Key < first[i].Key, "%q is listed before %q", first[i-1].Key, first[i].Key)
	}
	again, err := look(t.Context(), s.b, "")
	works(t, err, "list again")
	there := map[string]bool{}
	for _, info := range again {
		there[info.Key] = true
	}
	for _, info := range first[:len(first)/2] { // the end may have moved: others may be writing
		if _, err := s.b.Stat(t.Context(), info.Key); !there[info.Key] && !errors.Is(err, storage.ErrNotExist) {
			fail(t, "%q was listed only once, and its stat gave %v", info.Key, err)
		}
	}
}

func readPrefixes(t T, s *suite) {
	for _, info := range samples(t, s.b) {
		for _, prefix := range []string{info.Key, folderOf(info.Key)} {
			infos, err := look(t.Context(), s.b, prefix)
			works(t, err, "list %q", prefix)
			found := len(infos) == mostListed // then it may be behind them
			for _, i := range infos {
				truth(t, strings.HasPrefix(i.Key, prefix), "list %q gave %q", prefix, i.Key)
				found = found || i.Key == info.Key
			}
			truth(t, found || gone(t, s.b, info.Key), "list %q did not give %q", prefix, info.Key)
		}
	}
}

func folderOf(key string) string { return key[:strings.LastIndex(key, "/")+1] }

// gone tells whether somebody has deleted an object since it was listed.
func gone(t T, b storage.Bucket, key string) bool {
	t.Helper()
	_, err := b.Stat(t.Context(), key)
	return errors.Is(err, storage.ErrNotExist)
}

func readSizes(t T, s *suite) {
	for _, info := range samples(t, s.b) {
		stat, err := s.b.Stat(t.Context(), info.Key)
		if errors.Is(err, storage.ErrNotExist) {
			continue
		}
		works(t, err, "stat %q", info.Key)
		truth(t, stat.Key == info.Key, "stat of %q gave %q", info.Key, stat.Key)
		if !stat.Modified.Equal(info.Modified) {
			continue // replaced since
		}
		truth(t, stat.Size == info.Size, "%q is listed with %d bytes, and its stat gave %d", info.Key, info.Size, stat.Size)
		if stat.Size <= mostBytes {
			data := get(t, s.b, info.Key, storage.Range{})
			truth(t, int64(len(data)) == stat.Size, "%q has %d bytes, and %d were read", info.Key, stat.Size, len(data))
		}
	}
}

func readRanges(t T, s *suite) {
	for _, info := range samples(t, s.b) {
		whole := get(t, s.b, info.Key, storage.Range{Length: mostBytes})
		size := int64(len(whole))
		for _, r := range []storage.Range{{Length: size/2 + 1}, {Offset: size / 2, Length: size/4 + 1}, {Offset: max(size-1, 0), Length: 1}} {
			offset, length, err := r.Clip(size)
			works(t, err, "range")
			got := get(t, s.b, info.Key, r)
			truth(t, got == whole[offset:offset+length], "%+v of %q is not what the whole has there", r, info.Key)
		}
		behind := get(t, s.b, info.Key, storage.Range{Offset: info.Size + 1<<40})
		truth(t, behind == "", "%d bytes were read behind the end of %q", len(behind), info.Key)
	}
}

func readAbsent(t T, s *suite) {
	name := fmt.Sprintf("never-there-%x", random(8))
	isAbsent(t, s.b, name)
	isAbsent(t, s.b, name+"/below")
	listed(t, s.b, name)
}

func readCancelled(t T, s *suite) {
	for _, info := range samples(t, s.b) {
		ctx, cancel := cancellable(t)
		r, err := s.b.Get(ctx, info.Key, storage.Range{Length: mostBytes})
		works(t, err, "get %q", info.Key)
		cancel()
		_, err = r.Read(make([]byte, 100))
		truth(t, err != nil, "%q was read after the end", info.Key)
		_ = r.Close() // its error, if any, was told by Read
	}
}

func readTwice(t T, s *suite) {
	other := s.place.Open()
	for _, info := range samples(t, s.b) {
		part := storage.Range{Length: 64 << 10}
		truth(t, get(t, s.b, info.Key, part) == get(t, other, info.Key, part), "%q is not the same twice", info.Key)
	}
	works(t, other.Close(), "close")
}

func readAndClose(t T, s *suite) {
	leavesNothing(t, s, func(b storage.Bucket) {
		_, err := look(t.Context(), b, "")
		works(t, err, "list")
		isAbsent(t, b, "never-there")
	})
}
