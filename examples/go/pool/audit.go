package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/broker/examples/brokerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// How many messages of a subject are fetched one by one, too.
const mostFetched = 100

// How long it waits before a call that was refused for the moment is made again.
const pause = time.Second

// audit reads back every subject and compares it with what was acknowledged, many subjects at once.
func (run *run) audit() *faults {
	found := &run.seen.faults
	if !run.plan.kept() {
		fmt.Println("nothing is kept, so only the acknowledgements were looked at")
		return found
	}
	doubtful := make(map[int]bool)
	for _, number := range run.seen.doubtful {
		doubtful[number] = true
	}
	readings := make(map[string]*reading)
	for _, receipt := range run.seen.acknowledged {
		if readings[receipt.subject] == nil {
			patience := int(run.plan.timeout / pause)
			readings[receipt.subject] = &reading{run: run, subject: receipt.subject, doubtful: doubtful, patience: patience}
		}
		reading := readings[receipt.subject]
		reading.receipts = append(reading.receipts, receipt)
	}
	jobs := make(chan *reading)
	var workers sync.WaitGroup
	for range run.plan.workers {
		workers.Go(func() {
			for reading := range jobs {
				reading.compare()
			}
		})
	}
	for _, reading := range readings {
		jobs <- reading
	}
	close(jobs)
	workers.Wait()
	for _, reading := range readings {
		found.add(reading.faults)
	}
	fmt.Printf("%d messages in %d subjects were read back, %d are of unknown outcome\n",
		len(run.seen.acknowledged), len(readings), len(doubtful))
	return found
}

// reading compares a subject's messages, as a subscription brings them, with the acknowledgements.
type reading struct {
	run     *run
	subject string
	// By id.
	receipts []receipt
	doubtful map[int]bool
	faults   faults
	// How often calls may still be made again.
	patience int
	// What came so far.
	messages int
	lastID   uint64
	// How many of the acknowledgements are behind.
	next int
	// The numbers that came.
	came map[int]bool
}

func (reading *reading) compare() {
	slices.SortFunc(reading.receipts, func(a, b receipt) int { return cmp.Compare(a.id, b.id) })
	for at := 1; at < len(reading.receipts); at++ {
		if id := reading.receipts[at].id; id == reading.receipts[at-1].id {
			reading.faults.found("an id given twice", "%s %d", reading.subject, id)
		}
	}
	reading.subscribe()
	for at := 0; at < len(reading.receipts); at += len(reading.receipts)/mostFetched + 1 {
		reading.fetch(reading.receipts[at])
	}
}

// again waits a moment, if a call that was answered like this may be made again.
func (reading *reading) again(err error) bool {
	refused := isLimit(err) || status.Code(err) == codes.Unavailable
	if !refused || reading.patience == 0 {
		return false
	}
	reading.patience--
	time.Sleep(pause)
	return true
}

func (reading *reading) subscribe() {
	reading.came = make(map[int]bool)
	err := reading.follow()
	// What came would come again.
	for reading.messages == 0 && reading.again(err) {
		err = reading.follow()
	}
	if err != nil && status.Code(err) != codes.Canceled {
		reading.faults.found("a subscription failed", "%s: %v", reading.subject, err)
	}
	for reading.next < len(reading.receipts) {
		reading.lose()
	}
}

// follow reads until the last that was acknowledged is there, or nothing more comes.
func (reading *reading) follow() error {
	ctx, done := context.WithCancel(context.Background())
	defer done()
	alarm := time.AfterFunc(reading.run.plan.timeout, done)
	request := &brokerpb.SubscribeRequest{Subject: reading.subject}
	stream, err := reading.run.clients[0].Subscribe(ctx, request, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	for reading.next < len(reading.receipts) {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		alarm.Reset(reading.run.plan.timeout)
		reading.messages++
		reading.take(message)
	}
	return nil
}

// take compares one message.
func (reading *reading) take(message *brokerpb.MessageResponse) {
	number, whole := reading.run.read(message.Body)
	switch {
	case !whole:
		reading.faults.found("other than published", "%s %d: %.40q", reading.subject, message.Id, message.Body)
	case reading.came[number]:
		reading.faults.found("twice", "%s message %d", reading.subject, number)
		return
	default:
		reading.came[number] = true
	}
	if !reading.run.plan.old {
		reading.takeByID(message, number, whole)
	} else if whole {
		reading.takeInTurn(number)
	}
}

func (reading *reading) takeByID(message *brokerpb.MessageResponse, number int, whole bool) {
	if message.Id <= reading.lastID {
		reading.faults.found("out of order", "%s %d after %d", reading.subject, message.Id, reading.lastID)
		return
	}
	reading.lastID = message.Id
	for reading.next < len(reading.receipts) && reading.receipts[reading.next].id < message.Id {
		reading.lose()
	}
	if reading.next == len(reading.receipts) || reading.receipts[reading.next].id != message.Id {
		if !reading.doubtful[number] {
			reading.faults.found("never acknowledged", "%s %d", reading.subject, message.Id)
		}
		return
	}
	if whole && (reading.receipts[reading.next].number != number || message.Subject != reading.subject) {
		reading.faults.found("other than published", "%s %d is message %d", message.Subject, message.Id, number)
	}
	reading.next++
}

// takeInTurn does without ids, as the predecessor's clients must: their order is that of the acknowledgements.
func (reading *reading) takeInTurn(number int) {
	if reading.doubtful[number] {
		return
	}
	for at := reading.next; at < len(reading.receipts); at++ {
		if reading.receipts[at].number == number {
			for reading.next < at {
				reading.lose()
			}
			reading.next++
			return
		}
	}
	reading.faults.found("out of order", "%s message %d", reading.subject, number)
}

// lose passes over an acknowledgement whose message did not come in its place.
func (reading *reading) lose() {
	lost := reading.receipts[reading.next]
	reading.faults.found("missing", "%s %d", lost.subject, lost.id)
	reading.next++
}

// read is which message a body is, and whether all of it is as it was.
func (run *run) read(body []byte) (int, bool) {
	rest, ours := strings.CutPrefix(string(body), run.name+" ")
	digits, _, _ := strings.Cut(rest, " ")
	number, err := strconv.Atoi(digits)
	return number, ours && err == nil && bytes.Equal(body, run.body(number))
}

// fetch compares one message, asked for by its id.
func (reading *reading) fetch(receipt receipt) {
	message, err := reading.run.fetch(receipt)
	for reading.again(err) {
		message, err = reading.run.fetch(receipt)
	}
	switch {
	case err != nil:
		reading.faults.found("not fetched", "%s %d: %v", receipt.subject, receipt.id, err)
	case !bytes.Equal(message.Body, reading.run.body(receipt.number)):
		reading.faults.found("fetched other than published", "%s %d", receipt.subject, receipt.id)
	}
}

func (run *run) fetch(receipt receipt) (*brokerpb.MessageResponse, error) {
	ctx, done := context.WithTimeout(context.Background(), run.plan.timeout)
	defer done()
	return run.clients[0].Fetch(ctx, &brokerpb.FetchRequest{Subject: receipt.subject, Id: receipt.id})
}
