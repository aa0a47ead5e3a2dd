// Tests the broker from grpc-go with stubs of today's proto.
//
//	new ADDRESS SCENARIO
package main

import (
	"context"
	"os"
	"time"

	"example.com/broker/clients/check"
	"example.com/broker/clients/newpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
)

var scenarios = map[string]func(context.Context, newpb.BrokerClient){
	"messages": messages,
	"stream":   stream,
	"errors":   errors,
}

func main() {
	address, name := os.Args[1], os.Args[2]
	scenario, known := scenarios[name]
	if !known {
		check.Fail("no scenario %q", name)
	}
	connection := check.Good(grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials())))
	defer connection.Close()
	ctx, done := context.WithTimeout(context.Background(), 100*time.Second)
	defer done()
	scenario(ctx, newpb.NewBrokerClient(connection))
}

// Headers, all lifetimes, what a message says of itself, and where a subscription begins.
func messages(ctx context.Context, broker newpb.BrokerClient) {
	kept := &newpb.PublishRequest{Subject: "go", Body: []byte("a"), Keep: true, Headers: map[string]string{"k": "v"}}
	brief := &newpb.PublishRequest{Subject: "go", Body: []byte("b"), Expiration: durationpb.New(90*time.Second + 5)}
	for number, request := range []*newpb.PublishRequest{kept, brief} {
		answer := check.Good(broker.Publish(ctx, request))
		check.Equal("id", answer.Id, uint64(number+1))
		check.Equal("durability", answer.Durability, newpb.Durability_DISK)
	}

	stream := check.Good(broker.Subscribe(ctx, &newpb.SubscribeRequest{Subject: "go"}))
	first, second := check.Good(stream.Recv()), check.Good(stream.Recv())
	check.Equal("header", first.Headers["k"], "v")
	check.Equal("subject", first.Subject, "go")
	check.Equal("kept for good", first.ExpiresAt == nil, true)
	check.Equal("lifetime", second.ExpiresAt.AsTime().Sub(second.PublishedAt.AsTime()), 90*time.Second+5)
	check.Equal("fetched", check.Good(broker.Fetch(ctx, &newpb.FetchRequest{Subject: "go", Id: 1})).String(), first.String())

	resumed := check.Good(broker.Subscribe(ctx, &newpb.SubscribeRequest{Subject: "go", AfterId: 1}))
	check.Equal("resumed", check.Good(resumed.Recv()).Id, 2)
	fresh := check.Good(broker.Subscribe(ctx, &newpb.SubscribeRequest{Subject: "go", Start: newpb.Start_NEW}))
	check.Good(fresh.Header())
	delivered := check.Good(broker.Publish(ctx, &newpb.PublishRequest{Subject: "go", Body: []byte("c")}))
	check.Equal("delivered only", delivered.String(), (&newpb.PublishResponse{}).String())
	check.Equal("new", string(check.Good(fresh.Recv()).Body), "c")
	check.Equal("live", string(check.Good(resumed.Recv()).Body), "c")
}

func errors(ctx context.Context, broker newpb.BrokerClient) {
	lifetime := func(seconds int64, nanos int32) *durationpb.Duration {
		return &durationpb.Duration{Seconds: seconds, Nanos: nanos}
	}
	invalid := func(what, reason string, request *newpb.PublishRequest) {
		request.Subject = "errors"
		_, err := broker.Publish(ctx, request)
		check.Refused(what, err, codes.InvalidArgument, reason)
	}
	const years = 3_155_760_000
	invalid("beyond 100 years", "INVALID_EXPIRATION", &newpb.PublishRequest{Expiration: lifetime(years, 1)})
	invalid("a negative time", "INVALID_EXPIRATION", &newpb.PublishRequest{Expiration: lifetime(0, -1)})
	invalid("nanos of a second", "INVALID_EXPIRATION", &newpb.PublishRequest{Expiration: lifetime(0, 1e9)})
	invalid("two lifetimes", "INVALID_EXPIRATION", &newpb.PublishRequest{Keep: true, ExpirationSeconds: 1})
	invalid("an empty key", "INVALID_HEADER", &newpb.PublishRequest{Headers: map[string]string{"": "v"}})
	check.Good(broker.Publish(ctx, &newpb.PublishRequest{Subject: "errors", Expiration: lifetime(years, 0)}))

	ahead := check.Good(broker.Subscribe(ctx, &newpb.SubscribeRequest{Subject: "errors", AfterId: 2}))
	_, err := ahead.Recv()
	check.Refused("resumed ahead", err, codes.OutOfRange, "RESUME_AHEAD")
}
