// Publishes many messages by a pool of workers, says how fast it went, and looks whether everything that was
// acknowledged is there:
//
//	go run ./pool -workers 64 -messages 100000
//
// A worker sends a message, waits for the answer and takes the next: there are never more calls under way than
// workers, whereas a goroutine for each message is as many as there are messages. The exit code is 1 if the audit
// finds a fault, or if more calls fail than are allowed.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"example.com/broker/examples/brokerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// What is kept of each message until the audit is some forty bytes, so their number needs a bound.
const mostMessages = 5_000_000

// plan is what the flags say.
type plan struct {
	address     string
	workers     int
	connections int
	messages    int
	duration    time.Duration
	size        int
	subjects    int
	ttl         time.Duration
	keep        bool
	rate        float64
	timeout     time.Duration
	allowed     float64
	limited     bool
	old         bool
}

func main() {
	plan := planOf(os.Args[1:])
	clients, err := connect(plan)
	if err != nil {
		complain(err)
	}
	run := newRun(plan, clients)
	if err := run.ask(); err != nil {
		complain(fmt.Errorf("no broker serves at %s: %w", plan.address, err))
	}
	took := run.publish()
	fits := run.report(took)
	faults := run.audit()
	if !faults.report() || !fits {
		os.Exit(1)
	}
}

func complain(err error) {
	fmt.Fprintln(os.Stderr, "pool:", err)
	os.Exit(1)
}

func planOf(arguments []string) plan {
	address := os.Getenv("BROKER")
	if address == "" {
		address = "127.0.0.1:8080"
	}
	var plan plan
	flags := flag.NewFlagSet("pool", flag.ExitOnError)
	flags.StringVar(&plan.address, "address", address, "the broker's or a proxy's; also by the variable BROKER")
	flags.IntVar(&plan.workers, "workers", 64, "calls under way at most")
	flags.IntVar(&plan.connections, "connections", 4, "connections, which the workers share")
	flags.IntVar(&plan.messages, "messages", 100_000, "messages at most")
	flags.DurationVar(&plan.duration, "time", 30*time.Second, "no message is sent after this time")
	flags.IntVar(&plan.size, "size", 100, "bytes of a body, at least 32")
	flags.IntVar(&plan.subjects, "subjects", 16, "subjects; messages go round them")
	flags.DurationVar(&plan.ttl, "ttl", 10*time.Minute, "how long messages are kept; 0: delivered only, and not audited")
	flags.BoolVar(&plan.keep, "keep", false, "keep them for good instead")
	flags.Float64Var(&plan.rate, "rate", 0, "messages a second at most; 0: as fast as it goes")
	// Longer than the 10 s after which the broker itself says that it does not know.
	flags.DurationVar(&plan.timeout, "timeout", 15*time.Second, "of a call, and of a silent subscription")
	flags.Float64Var(&plan.allowed, "allow", 0, "share of calls that may fail, 0 to 1")
	flags.BoolVar(&plan.limited, "limited", false, "RESOURCE_EXHAUSTED is no failure: there is a rate limit on the way")
	flags.BoolVar(&plan.old, "old", false, "send and look at only what the predecessor's proto file has")
	// It ends the program by itself.
	_ = flags.Parse(arguments)
	if wrong := plan.wrong(); wrong != "" {
		fmt.Fprintln(os.Stderr, "pool:", wrong)
		os.Exit(2)
	}
	return plan
}

// wrong is what makes no sense, or nothing.
func (plan *plan) wrong() string {
	switch {
	case plan.workers < 1 || plan.connections < 1 || plan.subjects < 1 || plan.messages < 1:
		return "there must be at least one worker, connection, subject and message"
	case plan.messages > mostMessages:
		return fmt.Sprintf("at most %d messages", mostMessages)
	case plan.size < 32 || plan.size > 4_000_000:
		return "a body has 32 to 4,000,000 bytes"
	case plan.timeout < time.Second:
		return "-timeout is a second at least"
	case plan.keep && plan.old:
		return "the predecessor's proto file does not know -keep"
	case plan.ttl < 0 || plan.ttl%time.Second != 0:
		return "-ttl is in whole seconds"
	case !plan.keep && plan.ttl > 0 && plan.ttl < plan.duration+time.Minute:
		return "-ttl must be a minute longer than -time: messages are read afterwards"
	}
	return ""
}

// kept says whether there will be something to audit.
func (plan *plan) kept() bool {
	return plan.keep || plan.ttl > 0
}

func connect(plan plan) ([]brokerpb.BrokerClient, error) {
	var clients []brokerpb.BrokerClient
	for range plan.connections {
		// They end with the program.
		connection, err := grpc.NewClient(plan.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		clients = append(clients, brokerpb.NewBrokerClient(connection))
	}
	return clients, nil
}
