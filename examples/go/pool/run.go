package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"example.com/broker/examples/brokerpb"
)

// run is one run of the pool, with what its workers have seen.
type run struct {
	plan    plan
	clients []brokerpb.BrokerClient
	// Its subjects and bodies have this name, so that it reads only its own.
	name string
	seen tally
}

func newRun(plan plan, clients []brokerpb.BrokerClient) *run {
	return &run{plan: plan, clients: clients, name: fmt.Sprintf("pool.%08x", rand.Uint32())}
}

// ask finds out whether somebody answers, before any worker begins.
func (run *run) ask() error {
	ctx, done := context.WithTimeout(context.Background(), run.plan.timeout)
	defer done()
	_, err := run.clients[0].Publish(ctx, &brokerpb.PublishRequest{Subject: run.name})
	if run.plan.limited && isLimit(err) {
		return nil
	}
	return err
}

// publish has the workers send everything, and says how long that took.
func (run *run) publish() time.Duration {
	jobs := make(chan int)
	tallies := make([]tally, run.plan.workers)
	var workers sync.WaitGroup
	start := time.Now()
	for number := range run.plan.workers {
		workers.Go(func() { run.work(number, jobs, &tallies[number]) })
	}
	run.hand(jobs, start)
	close(jobs)
	workers.Wait()
	took := time.Since(start)
	for _, tally := range tallies {
		run.seen.add(tally)
	}
	return took
}

// hand gives out the numbers of messages, each when it is due, until the time is over.
func (run *run) hand(jobs chan<- int, start time.Time) {
	end := start.Add(run.plan.duration)
	over := time.After(run.plan.duration)
	for number := range run.plan.messages {
		due := time.Now()
		if run.plan.rate > 0 {
			due = start.Add(time.Duration(float64(number) / run.plan.rate * float64(time.Second)))
		}
		if !due.Before(end) {
			return
		}
		time.Sleep(time.Until(due))
		select {
		case jobs <- number:
		case <-over:
			return
		}
	}
}

// work is one worker: it sends a message, waits for the answer and takes the next.
func (run *run) work(worker int, jobs <-chan int, seen *tally) {
	client := run.clients[worker%len(run.clients)]
	last := make(map[string]uint64)
	for number := range jobs {
		request := run.request(number)
		start := time.Now()
		ctx, done := context.WithTimeout(context.Background(), run.plan.timeout)
		answer, err := client.Publish(ctx, request)
		done()
		if err != nil {
			seen.fail(number, err)
			continue
		}
		seen.latencies = append(seen.latencies, time.Since(start))
		seen.acknowledged = append(seen.acknowledged, receipt{request.Subject, answer.Id, number})
		if fault := run.judge(answer); fault != "" {
			seen.faults.found(fault, "message %d: %v", number, answer)
		}
		// The next was sent after this one was answered.
		if run.plan.kept() && answer.Id <= last[request.Subject] {
			seen.faults.found("ids do not grow", "%s: %d after %d", request.Subject, answer.Id, last[request.Subject])
		}
		last[request.Subject] = answer.Id
	}
}

func (run *run) request(number int) *brokerpb.PublishRequest {
	return &brokerpb.PublishRequest{
		Subject: run.subject(number % run.plan.subjects),
		Body:    run.body(number),
		// In a client of your own, expiration is finer; this one the predecessor's proto file has, too.
		ExpirationSeconds: int32(run.lifetime() / time.Second),
		Keep:              run.plan.keep,
	}
}

func (run *run) lifetime() time.Duration {
	if run.plan.keep {
		return 0
	}
	return run.plan.ttl
}

func (run *run) subject(number int) string {
	return fmt.Sprintf("%s.%d", run.name, number)
}

// body says what it is, and is as long as wanted.
func (run *run) body(number int) []byte {
	const filler = "the quick brown fox jumps over the lazy dog "
	head := fmt.Sprintf("%s %d ", run.name, number)
	rest := run.plan.size - len(head)
	return []byte((head + strings.Repeat(filler, max(rest, 0)/len(filler)+1))[:run.plan.size])
}

// judge is what is wrong with an acknowledgement, or nothing.
func (run *run) judge(answer *brokerpb.PublishResponse) string {
	durable := answer.Durability != brokerpb.Durability_DELIVERED
	switch {
	case run.plan.kept() && answer.Id == 0:
		return "acknowledged without an id"
	case run.plan.kept() && !durable && !run.plan.old:
		return "kept, and said to be delivered only"
	case !run.plan.kept() && (answer.Id != 0 || durable):
		return "delivered only, and said to be kept"
	}
	return ""
}
