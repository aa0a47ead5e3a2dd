package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/broker/examples/brokerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// How long a subscription may bring nothing while there should be something.
const silence = 15 * time.Second

// How many messages of a subject are fetched one by one, too.
const mostFetched = 100

// How often a call that was refused for the moment is made again.
const attempts = 20

// audit reads back every subject and compares it with what was acknowledged.
func (run *run) audit() *faults {
	found := &run.seen.faults
	if !run.plan.kept() {
		fmt.Println("nothing is kept, so only the acknowledgements were looked at")
		return found
	}
	receipts := make(map[string][]receipt)
	for _, receipt := range run.seen.acknowledged {
		receipts[receipt.subject] = append(receipts[receipt.subject], receipt)
	}
	doubtful := make(map[int]bool)
	for _, number := range run.seen.doubtful {
		doubtful[number] = true
	}
	for _, of := range receipts {
		slices.SortFunc(of, func(a, b receipt) int { return cmp.Compare(a.id, b.id) })
		for at := 1; at < len(of); at++ {
			if of[at].id == of[at-1].id {
				found.found("an id given twice", "%s %d", of[at].subject, of[at].id)
			}
		}
		(&reading{run: run, receipts: of, doubtful: doubtful, faults: found}).subscribe()
		run.fetch(of, found)
	}
	fmt.Printf("%d messages in %d subjects were read back, %d are of unknown outcome\n",
		len(run.seen.acknowledged), len(receipts), len(doubtful))
	return found
}

// reading compares a subject's messages, as a subscription brings them, with the acknowledgements.
type reading struct {
	run *run
	// By id.
	receipts []receipt
	doubtful map[int]bool
	faults   *faults
	// What came so far.
	messages int
	lastID   uint64
	// How many of the acknowledgements are behind.
	next int
	// The numbers that came.
	came map[int]bool
}

func (reading *reading) subscribe() {
	reading.came = make(map[int]bool)
	for attempt := 1; ; attempt++ {
		err := reading.follow()
		again := isLimit(err) || status.Code(err) == codes.Unavailable
		// What came would come again.
		if err == nil || !again || reading.messages > 0 || attempt == attempts {
			reading.end(err)
			return
		}
		time.Sleep(time.Second)
	}
}

// follow reads until the last that was acknowledged is there, or nothing more comes.
func (reading *reading) follow() error {
	ctx, done := context.WithCancel(context.Background())
	defer done()
	alarm := time.AfterFunc(silence, done)
	subject := reading.receipts[0].subject
	request := &brokerpb.SubscribeRequest{Subject: subject}
	stream, err := reading.run.clients[0].Subscribe(ctx, request, grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	for reading.next < len(reading.receipts) {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		alarm.Reset(silence)
		reading.messages++
		reading.take(message)
	}
	return nil
}

// take compares one message.
func (reading *reading) take(message *brokerpb.MessageResponse) {
	subject := reading.receipts[0].subject
	number, whole := reading.run.read(message.Body)
	if !whole {
		reading.faults.found("other than published", "%s %d: %.40q", subject, message.Id, message.Body)
		return
	}
	if reading.came[number] {
		reading.faults.found("twice", "%s message %d", subject, number)
		return
	}
	reading.came[number] = true
	if reading.run.plan.old {
		reading.takeInTurn(number)
		return
	}
	if message.Id <= reading.lastID {
		reading.faults.found("out of order", "%s %d after %d", subject, message.Id, reading.lastID)
		return
	}
	reading.lastID = message.Id
	for reading.next < len(reading.receipts) && reading.receipts[reading.next].id < message.Id {
		reading.lose()
	}
	if reading.next == len(reading.receipts) || reading.receipts[reading.next].id != message.Id {
		if !reading.doubtful[number] {
			reading.faults.found("never acknowledged", "%s %d", subject, message.Id)
		}
		return
	}
	if reading.receipts[reading.next].number != number || message.Subject != subject {
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
	reading.faults.found("out of order", "%s message %d", reading.receipts[0].subject, number)
}

// lose passes over an acknowledgement whose message did not come in its place.
func (reading *reading) lose() {
	lost := reading.receipts[reading.next]
	reading.faults.found("missing", "%s %d", lost.subject, lost.id)
	reading.next++
}

// end counts what did not come before the subscription's end.
func (reading *reading) end(err error) {
	if err != nil && status.Code(err) != codes.Canceled {
		reading.faults.found("a subscription failed", "%s: %v", reading.receipts[0].subject, err)
	}
	for reading.next < len(reading.receipts) {
		reading.lose()
	}
}

// read is which message a body is, and whether all of it is as it was.
func (run *run) read(body []byte) (int, bool) {
	rest, ours := strings.CutPrefix(string(body), run.name+" ")
	digits, _, _ := strings.Cut(rest, " ")
	number, err := strconv.Atoi(digits)
	return number, ours && err == nil && bytes.Equal(body, run.body(number))
}

// fetch compares some messages of a subject, one by one.
func (run *run) fetch(receipts []receipt, found *faults) {
	for at := 0; at < len(receipts); at += len(receipts)/mostFetched + 1 {
		receipt := receipts[at]
		message, err := run.fetchOne(receipt)
		if err != nil {
			found.found("not fetched", "%s %d: %v", receipt.subject, receipt.id, err)
			continue
		}
		if !bytes.Equal(message.Body, run.body(receipt.number)) {
			found.found("other than published", "fetched: %s %d", receipt.subject, receipt.id)
		}
	}
}

func (run *run) fetchOne(receipt receipt) (*brokerpb.MessageResponse, error) {
	for attempt := 1; ; attempt++ {
		ctx, done := context.WithTimeout(context.Background(), deadline)
		message, err := run.clients[0].Fetch(ctx, &brokerpb.FetchRequest{Subject: receipt.subject, Id: receipt.id})
		done()
		again := isLimit(err) || status.Code(err) == codes.Unavailable
		if err == nil || !again || attempt == attempts {
			return message, err
		}
		time.Sleep(time.Second)
	}
}
