// Tests the broker from a client of its predecessor: grpc-go at its defaults, stubs of the old proto.
//
//	old ADDRESS SCENARIO
package main

import (
	"context"
	"os"
	"time"

	"example.com/broker/clients/check"
	"example.com/broker/clients/oldpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// No call of a test takes longer.
const patience = 100 * time.Second

// What a message of these tests is worth keeping, in seconds.
const aWhile = 600

var scenarios = map[string]func(*client){
	"messages":    messages,
	"errors":      errors,
	"limit":       limit,
	"keepalive":   keepsAlive,
	"cancel":      cancel,
	"deadline":    deadline,
	"slow":        slow,
	"many":        many,
	"closing":     closing,
	"overloaded":  overloaded,
	"unavailable": unavailable,
	"damaged":     damaged,
	"standby":     standby,
	"takeover":    takeover,
}

func main() {
	address, name := os.Args[1], os.Args[2]
	scenario, known := scenarios[name]
	if !known {
		check.Fail("no scenario %q", name)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if name == "keepalive" {
		every := keepalive.ClientParameters{Time: 10 * time.Second, PermitWithoutStream: true}
		options = append(options, grpc.WithKeepaliveParams(every))
	}
	connection := check.Good(grpc.NewClient(address, options...))
	defer connection.Close()
	scenario(&client{oldpb.NewBrokerClient(connection)})
}

// client makes calls with a deadline.
type client struct{ broker oldpb.BrokerClient }

func (c *client) publish(subject string, body []byte, seconds int32) (int32, error) {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	request := &oldpb.PublishRequest{Subject: subject, Body: body, ExpirationSeconds: seconds}
	answer, err := c.broker.Publish(ctx, request)
	return answer.GetId(), err
}

func (c *client) fetch(subject string, id int32) (string, error) {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	answer, err := c.broker.Fetch(ctx, &oldpb.FetchRequest{Subject: subject, Id: id})
	return string(answer.GetBody()), err
}

// subscription is a stream that must bring the next message in time.
type subscription struct {
	stream grpc.ServerStreamingClient[oldpb.MessageResponse]
	cancel context.CancelFunc
}

// subscribe answers when the subscription stands.
func (c *client) subscribe(subject string) *subscription {
	subscription := c.begin(subject)
	check.Good(subscription.stream.Header())
	return subscription
}

// begin asks for a subscription, which may be refused.
func (c *client) begin(subject string) *subscription {
	ctx, cancel := context.WithCancel(context.Background())
	stream := check.Good(c.broker.Subscribe(ctx, &oldpb.SubscribeRequest{Subject: subject}))
	return &subscription{stream, cancel}
}

func (s *subscription) next() (string, error) {
	late := time.AfterFunc(patience, s.cancel)
	defer late.Stop()
	message, err := s.stream.Recv()
	return string(message.GetBody()), err
}
