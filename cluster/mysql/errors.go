package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-sql-driver/mysql"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

// meanings tell what an error number is (MySQL "Server Error Message Reference", MariaDB "Error Codes": the numbers up to
// 1999 are the same).
var meanings = map[uint16]error{
	1008: cluster.ErrUnknownDatabase, // drop
	1049: cluster.ErrUnknownDatabase,
	1051: cluster.ErrUnknownTable, // drop
	1146: cluster.ErrUnknownTable,
	1735: cluster.ErrUnknownPartition,
	1044: cluster.ErrDenied,
	1045: cluster.ErrDenied,
	1142: cluster.ErrDenied,
	1143: cluster.ErrDenied,
	1227: cluster.ErrDenied,
	1370: cluster.ErrDenied, // routines
	1410: cluster.ErrDenied, // GRANT
	1419: cluster.ErrDenied, // triggers and functions need SUPER while the binary log is on and not trusted
	1007: cluster.ErrExists,
	1050: cluster.ErrExists,
	1059: cluster.ErrInvalidName, // too long
	1102: cluster.ErrInvalidName,
	1103: cluster.ErrInvalidName,
	1412: cluster.ErrMoved, // the definition changed behind a read view
}

// gone are answers of a server that is going down or has cut this session: another attempt may find it well.
var gone = []uint16{
	1040, // too many connections
	1053, // shutdown in progress
	1077, // normal shutdown
	1080, // forcing close of thread
	1152, // aborted connection
	1158, // reading packet
	1159, // reading packet in time
	1160, // writing packet
	1161, // writing packet in time
	1203, // too many connections of this user
	1226, // limit of this user
	1317, // query interrupted
	1927, // connection was killed (MariaDB)
	3168, // server isn't available (MySQL)
	4031, // disconnected for inactivity (MySQL)
}

// busy are answers that a repetition of the same statement can turn into success.
var busy = []uint16{
	1205, // lock wait timeout
	1213, // deadlock
	3572, // NOWAIT (MySQL)
}

// serverError returns the number and text of a server's answer.
func serverError(err error) (number uint16, message string, ok bool) {
	var byDriver *mysql.MySQLError
	var byWire *wire.ServerError
	switch {
	case errors.As(err, &byDriver):
		return byDriver.Number, byDriver.Message, true
	case errors.As(err, &byWire):
		return byWire.Code, byWire.Message, true
	}
	return 0, "", false
}

// isNumber tells whether err is an answer of one of these numbers.
func isNumber(err error, numbers ...uint16) bool {
	n, _, ok := serverError(err)
	return ok && slices.Contains(numbers, n)
}

// explain adds the sentinel that an error stands for. No answer is never anything but ErrUnreachable: a dead server must
// not look like an absent object. Of answers only those are ErrUnreachable in which the server gives up the session; an
// error of ours (ctx) is left as it is.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), known(err):
		return err
	case ctx.Err() != nil: // the driver may tell only that its connection is bad
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	number, _, answered := serverError(err)
	if is := meanings[number]; is != nil {
		return fmt.Errorf("%w: %w", is, err)
	}
	if answered && !slices.Contains(gone, number) {
		return err
	}
	return fmt.Errorf("%w: %w", cluster.ErrUnreachable, err)
}

var sentinels = []error{
	cluster.ErrUnknownDatabase, cluster.ErrUnknownTable, cluster.ErrUnknownPartition, cluster.ErrUnsupported, cluster.ErrDenied,
	cluster.ErrUnreachable, cluster.ErrMoved, cluster.ErrRejected, cluster.ErrExists, cluster.ErrInvalidName,
}

func known(err error) bool {
	return slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(err, s) })
}
