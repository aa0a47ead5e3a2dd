package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// How many faults of a kind are told one by one.
const mostTold = 5

// receipt is an acknowledgement.
type receipt struct {
	subject string
	id      uint64
	number  int
}

// tally is what a worker, or all of them, have seen.
type tally struct {
	latencies    []time.Duration
	acknowledged []receipt
	// Numbers of messages that may be stored or not.
	doubtful []int
	// Failed calls by status and reason.
	failed  map[string]int
	limited int
	faults  faults
}

func (tally *tally) fail(number int, err error) {
	if tally.failed == nil {
		tally.failed = make(map[string]int)
	}
	word := status.Code(err).String()
	reason := reasonOf(err)
	if reason != "" {
		word += " " + reason
	}
	tally.failed[word]++
	if isLimit(err) {
		tally.limited++
	}
	// A reason of these codes says that the message is surely not stored; without one nobody knows, unless a
	// limit on the way refused it.
	refused := isLimit(err) || status.Code(err) == codes.InvalidArgument ||
		status.Code(err) == codes.Unavailable && reason != ""
	if !refused {
		tally.doubtful = append(tally.doubtful, number)
	}
}

func (tally *tally) add(other tally) {
	tally.latencies = append(tally.latencies, other.latencies...)
	tally.acknowledged = append(tally.acknowledged, other.acknowledged...)
	tally.doubtful = append(tally.doubtful, other.doubtful...)
	tally.limited += other.limited
	tally.faults.add(other.faults)
	if tally.failed == nil {
		tally.failed = make(map[string]int)
	}
	for word, count := range other.failed {
		tally.failed[word] += count
	}
}

// report prints what the calls were like, and says whether few enough failed.
func (run *run) report(took time.Duration) bool {
	seen := &run.seen
	good := len(seen.acknowledged)
	second := took.Seconds()
	bytes := float64(good*run.plan.size) / 1e6
	fmt.Printf("%d messages acknowledged in %.2f s: %.0f a second, %.2f MB/s of bodies\n",
		good, second, float64(good)/second, bytes/second)
	slices.Sort(seen.latencies)
	if good > 0 {
		fmt.Printf("acknowledgement p50 %v, p95 %v, p99 %v, max %v\n",
			seen.percentile(50), seen.percentile(95), seen.percentile(99), seen.percentile(100))
	}
	failed := 0
	for _, word := range sorted(seen.failed) {
		fmt.Printf("%d calls failed: %s\n", seen.failed[word], word)
		failed += seen.failed[word]
	}
	if run.plan.limited {
		failed -= seen.limited
	}
	if good == 0 {
		fmt.Println("TOO MANY FAILURES: no call went well")
		return false
	}
	if share := float64(failed) / float64(failed+good); share > run.plan.allowed {
		fmt.Printf("TOO MANY FAILURES: %.4f of the calls, %.4f are allowed\n", share, run.plan.allowed)
		return false
	}
	return true
}

// percentile of the sorted latencies: the least that so many of a hundred are not above.
func (tally *tally) percentile(percent int) time.Duration {
	rank := (len(tally.latencies)*percent + 99) / 100
	return tally.latencies[max(rank, 1)-1].Round(time.Microsecond)
}

// faults is what must never be, by kind.
type faults struct {
	counts map[string]int
	told   []string
}

func (faults *faults) found(kind, format string, details ...any) {
	if faults.counts == nil {
		faults.counts = make(map[string]int)
	}
	faults.counts[kind]++
	if faults.counts[kind] <= mostTold {
		faults.told = append(faults.told, kind+": "+fmt.Sprintf(format, details...))
	}
}

func (faults *faults) add(other faults) {
	if faults.counts == nil {
		faults.counts = make(map[string]int)
	}
	for kind, count := range other.counts {
		faults.counts[kind] += count
	}
	faults.told = append(faults.told, other.told...)
}

// report prints the faults, and says whether there are none.
func (faults *faults) report() bool {
	if len(faults.counts) == 0 {
		fmt.Println("audit: no fault")
		return true
	}
	for _, line := range faults.told {
		fmt.Println(" ", line)
	}
	var kinds []string
	for _, kind := range sorted(faults.counts) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, faults.counts[kind]))
	}
	fmt.Println("AUDIT FAILED:", strings.Join(kinds, ", "))
	return false
}

func sorted(counts map[string]int) []string {
	var words []string
	for word := range counts {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}

func isLimit(err error) bool {
	return status.Code(err) == codes.ResourceExhausted
}

// reasonOf is the broker's own word for what went wrong.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
