// Package check judges what the broker answered. What is wrong ends the program with a line that
// says what was asked, what came and what was wanted.
package check

import (
	"bufio"
	"fmt"
	"os"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Reasons that come with a time after which to try again, and no others do.
var retryable = []string{"BROKER_CLOSING", "STANDBY", "STORAGE_UNAVAILABLE", "OVERLOADED"}

// Fail ends the program.
func Fail(format string, arguments ...any) {
	fmt.Printf("FAILED: "+format+"\n", arguments...)
	os.Exit(1)
}

// Equal demands that two values are the same.
func Equal[T comparable](what string, got, want T) {
	if got != want {
		Fail("%s: got %.200s, wanted %.200s", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}

// Good gives what a call answered, which must be no error.
func Good[T any](answer T, err error) T {
	if err != nil {
		Fail("a call that must succeed: %v", err)
	}
	return answer
}

// Refused demands an error with this code and reason; "" is an error without the broker's details.
func Refused(what string, err error, code codes.Code, reason string) {
	Equal(what+": code", status.Code(err), code)
	info, retry := details(err)
	Equal(what+": reason", info.GetReason(), reason)
	if reason == "" {
		return
	}
	Equal(what+": domain", info.GetDomain(), "broker")
	Equal(what+": asks to be tried again", retry.GetRetryDelay().AsDuration() > 0, slices.Contains(retryable, reason))
}

// Metadata is what an error says beside its reason.
func Metadata(err error, key string) string {
	info, _ := details(err)
	return info.GetMetadata()[key]
}

func details(err error) (*errdetails.ErrorInfo, *errdetails.RetryInfo) {
	var info *errdetails.ErrorInfo
	var retry *errdetails.RetryInfo
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.RetryInfo:
			retry = detail
		}
	}
	return info, retry
}

var input = bufio.NewScanner(os.Stdin)

// Pause tells the test how far this program is, and waits until the test has done its part.
func Pause(reached string) {
	fmt.Println(reached)
	if !input.Scan() {
		Fail("the test went away")
	}
}
